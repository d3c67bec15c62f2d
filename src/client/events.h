/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between the machines, which emit events inside their calls, and the program's listener,
 * which hears them from the loop. What an event speaks of is counted while it waits. */
#ifndef MUV__EVENTS_H
#define MUV__EVENTS_H

#include "muv/events.h"

#include "base/span.h"
#include "pool/pool.h"
#include "topology/server_description.h"
#include "topology/topology.h"

struct muv__heartbeat;
struct muv__server;

/* Events that wait at most, and bytes of the replies among them. More than one comes for each
 * operation, and a program may start max_waiting of them in one go. */
#define MUV__EVENTS_MAX (128 * 1024)
#define MUV__EVENTS_MAX_REPLY_BYTES (64 * 1024)
#define MUV__EVENTS_MAX_KEPT_BYTES (4 * 1024 * 1024)

/* One event that waits. Which members are used follows from `type`. */
typedef struct muv__event {
    uint64_t number;
    int64_t at_us;
    int64_t duration_us;
    uint64_t connection_id;
    muv__topology_server_t *server; /* Counted, or NULL. */
    union {
        struct {
            muv__server_description_t *previous; /* Counted, or NULL. */
            muv__server_description_t *current;
        } description;
        struct {
            muv__topology_snapshot_t *previous; /* Counted, or NULL. */
            muv__topology_snapshot_t *current;
        } snapshot;
        struct {
            muv_error_t *error; /* Owned, or NULL: `code` says all. */
            uint8_t *reply;     /* Owned, or NULL. */
        } outcome;
    } with;
    uint32_t reply_size;
    int32_t code;   /* MUV_E* of the error, or 0. */
    uint8_t type;   /* MUV_EVENT_*. */
    uint8_t reason; /* muv__pool_reason_t. */
    int8_t interrupt_in_use;
} muv__event_t;

typedef struct muv__events {
    muv_listener_t listener;
    muv__event_t *ring;
    uint32_t capacity; /* A power of two, or 0. */
    uint32_t first;
    uint32_t count;
    size_t kept_bytes; /* Of replies. */
    uint64_t numbered;
} muv__events_t;

/* Returns 0 or MUV_ENOMEM. Without any function in the listener `*ret` becomes NULL. */
int muv__events_new(const muv_listener_t *listener, muv__events_t **ret);

/* What still waits is dropped. NULL is allowed. */
void muv__events_free(muv__events_t *events);

static inline int muv__events_waiting(const muv__events_t *events)
{
    return events != NULL && events->count != 0;
}

/* Call the listener with the first event that waits. Only from the drain. */
void muv__events_deliver_one(muv_client_t *client);

/* Put the hooks into a configuration, if anybody listens. */
void muv__events_watch_pool(struct muv__server *server, muv__pool_config_t *config);
void muv__events_watch_topology(muv_client_t *client, muv__topology_config_t *config);

/* A check of a server began; succeeded with a hello reply; failed with `error`. */
void muv__events_heartbeat_started(struct muv__server *server);
void muv__events_heartbeat_succeeded(struct muv__server *server, muv__span_t reply,
                                     const muv__server_description_t *description);
void muv__events_heartbeat_failed(struct muv__server *server, const muv_error_t *error);

#endif
