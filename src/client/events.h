/* SPDX-License-Identifier: Apache-2.0 */
/* The queue between the machines, which emit events inside their calls, and those who hear them
 * from the loop: the program's listener and the log. Both are served from one record; what a record
 * speaks of is counted while it waits.
 *   events.c           the queue, and what becomes a record
 *   events_command.c   commands: from sending to their one end
 *   events_deliver.c   a record as the listener sees it
 *   log.c, log_text.c  a record as a message of the log
 * A client that nobody listens to has no queue at all (muv_client.events is NULL). */
#ifndef MUV__EVENTS_H
#define MUV__EVENTS_H

#include "muv/events.h"

#include "base/chunk.h"
#include "base/compiler.h"
#include "base/span.h"
#include "op/machine.h"
#include "pool/pool.h"
#include "topology/server_description.h"
#include "topology/topology.h"

struct muv__heartbeat;
struct muv__log;
struct muv__server;

/* Records that wait at most. More than one comes for each operation, and a program may start
 * max_waiting of them in one go. */
#define MUV__EVENTS_MAX (128 * 1024)

/* Bytes of one heartbeat's reply, and of all documents that wait; one is always kept. */
#define MUV__EVENTS_MAX_REPLY_BYTES (64 * 1024)
#define MUV__EVENTS_MAX_KEPT_BYTES (64 * 1024 * 1024)

/* Types behind those of the listener: only the log hears of them. */
enum {
    MUV__EVENT_SRV_FAILED = MUV_EVENT_COMMAND_FAILED + 1,
    MUV__EVENT_SELECTION_STARTED,
    MUV__EVENT_SELECTION_SUCCEEDED,
    MUV__EVENT_SELECTION_FAILED,
    MUV__EVENT_SELECTION_WAITING,
    MUV__EVENT_COUNT
};

/* Who hears a record. */
enum { MUV__EVENTS_LISTENER = 1, MUV__EVENTS_LOG = 2 };

/* A command that was sent and whose end is not told yet: what its records share. Counted. */
typedef struct muv__watch {
    uint32_t references;
    int32_t request_id;
    uint64_t operation_id;
    uint64_t connection_id;
    int64_t server_connection_id;
    int64_t began_us;
    uint8_t sensitive; /* Its documents are not for others' eyes. */
    uint8_t has_service_id;
    uint8_t service_id[12];
    const char *database; /* Behind the name. */
    char name[];
} muv__watch_t;

/* A selection as the log tells it. Owned by its record. */
typedef struct muv__selection_note {
    uint64_t operation_id;
    int64_t remaining_us; /* -1: no limit. */
    muv__topology_snapshot_t *snapshot;
    const char *selector; /* Behind the name, ... */
    const char *failure;  /* ... and this behind it. */
    char operation[];
} muv__selection_note_t;

/* One record. Which members are used follows from `type`. */
typedef struct muv__event {
    uint64_t number;
    int64_t at_us;
    int64_t duration_us;
    uint64_t connection_id;
    int64_t server_connection_id;
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
            muv__watch_t *watch;     /* Commands: counted. */
            muv_error_t *error;      /* Owned, or NULL: `code` says all. */
            const uint8_t *document; /* In one of the two below, or NULL. */
            uint8_t *copy;           /* Owned, or NULL. */
            muv__chunk_t *chunk;     /* Counted, or NULL. */
        } outcome;
        muv__selection_note_t *selection;
    } with;
    uint32_t document_size; /* Or that of the error's reply: what is counted as kept. */
    int32_t code;           /* MUV_E* of the error, or 0. */
    uint8_t type;           /* MUV_EVENT_*, MUV__EVENT_*. */
    uint8_t audience;       /* MUV__EVENTS_* bits. */
    uint8_t reason;         /* muv__pool_reason_t. */
    int8_t interrupt_in_use;
    int8_t awaited;
    uint8_t has_service_id;
    uint8_t service_id[12];
} muv__event_t;

typedef struct muv__events {
    muv_listener_t listener;
    struct muv__log *log;               /* NULL: nothing is logged. */
    uint8_t audience[MUV__EVENT_COUNT]; /* Of each type: who wants to hear it. */
    muv__event_t *ring;
    uint32_t capacity; /* A power of two, or 0. */
    uint32_t first;
    uint32_t count;
    size_t kept_bytes; /* Of documents. */
    uint64_t numbered;
} muv__events_t;

/* Make a client's queue for a listener and a log, each of which may be NULL; the log becomes the
 * queue's. When nothing is wanted by either `*ret` becomes NULL. Returns 0 or MUV_ENOMEM (the log
 * is ended in both cases). */
int muv__events_new(const muv_listener_t *listener, struct muv__log *log, muv__events_t **ret);

/* What still waits is dropped. NULL is allowed. */
void muv__events_free(muv__events_t *events);

/* The queue that the client's options and the environment ask for becomes `client->events`. Returns
 * 0, or MUV_ENOMEM or MUV_EINVAL with `reterr` filled. */
int muv__events_open(muv_client_t *client, const muv_client_opts_t *opts, muv_error_t *reterr);

static inline int muv__events_waiting(const muv__events_t *events)
{
    return events != NULL && events->count != 0;
}

/* Does anybody want to hear of `type`? */
static inline int muv__events_wanted(const muv__events_t *events, int type)
{
    return MUV__UNLIKELY(events != NULL) && events->audience[type] != 0;
}

/* Serve the first record that waits. Only from the drain. */
void muv__events_deliver_one(muv_client_t *client);

/* Call the listener with a record. */
void muv__events_tell(muv_client_t *client, const muv__event_t *event);

/* The error of a record to show: the kept one, or one made in `bare` from its code; NULL: none. */
const muv_error_t *muv__events_error(const muv__event_t *event, muv_error_t *bare);

/* --- what the machines and the client emit -----------------------------------------------------*/

/* Put the hooks into a configuration, if anybody listens. */
void muv__events_watch_pool(struct muv__server *server, muv__pool_config_t *config);
void muv__events_watch_topology(muv_client_t *client, muv__topology_config_t *config);

/* A check of a server began; succeeded with a hello reply; failed with `error`. */
void muv__events_heartbeat_started(struct muv__server *server);
void muv__events_heartbeat_succeeded(struct muv__server *server, muv__span_t reply,
                                     const muv__server_description_t *description);
void muv__events_heartbeat_failed(struct muv__server *server, const muv_error_t *error);

/* Server selection of `op` (MUV__EVENT_SELECTION_*); `failure` with FAILED, else NULL. */
void muv__events_selection(muv_op_t *op, int type, const char *failure);

/* A look-up or poll of SRV records failed, or gave hosts that must not be used. */
void muv__events_srv_failed(muv_client_t *client, const muv_error_t *error);

/* A command of `op` is about to be sent: `op->conn` is known and the message complete. Afterwards
 * `op->watch` is set, if somebody hears of commands and there was memory. */
void muv__events_command_started(muv_op_t *op, int32_t request_id);

/* What `event` says of a command with `op->watch` is its end: the reply in `op->reply`, that a
 * request without reply has left, or `op->error`. Afterwards `op->watch` is NULL. */
void muv__events_command_ended(muv_op_t *op, muv__op_event_t event);

/* --- between the files -------------------------------------------------------------------------*/

/* A place in the queue, zeroed but for type, audience, number and time; NULL: nobody wants it, or
 * it is left out. Valid until the next one. */
muv__event_t *muv__events_record(muv_client_t *client, int type, muv__topology_server_t *server);

/* There is no memory for one of this type: it is counted. */
void muv__events_leave_out(muv_client_t *client, int type);

/* Keep a copy of `error`, without the server's reply when there is no room for that; without memory
 * the event says the code alone. */
void muv__events_keep_error(muv__events_t *events, muv__event_t *event, const muv_error_t *error);

/* The first key of an operation's command; valid as long as its send buffer stays as it is. */
const char *muv__events_command_name(const muv_op_t *op);

/* The same for all that belongs to one operation of the program: the id of the tree's root. */
uint64_t muv__events_operation_id(const muv_op_t *op);

/* May so many more bytes of documents be kept? */
int muv__events_has_room(const muv__events_t *events, size_t bytes);

void muv__watch_release(muv__watch_t *watch);

#endif
