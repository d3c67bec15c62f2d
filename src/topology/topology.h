/* SPDX-License-Identifier: Apache-2.0 */
/* The topology of one client as a pure machine (Server Discovery and Monitoring): replies of checks
 * and errors of operations in, a new snapshot and effects out. It opens no connection and reads no
 * clock; monitors and pools are the client's.
 *
 * Every change is made as a whole: the new snapshot, the marking of a server as Unknown and the
 * order to clear its pool come out of the same call. If memory runs out the call returns MUV_ENOMEM
 * and nothing has changed.
 *
 * A call answers with effects, carried out in the order of their bits:
 *   MUV__TOPOLOGY_DO_SERVERS  muv__topology_next_effect() until it gives NULL
 *   MUV__TOPOLOGY_DO_WAKE     the snapshot is a new one: operations that wait for a server select
 *                             again
 *   MUV__TOPOLOGY_DO_CLEAR_SERVICE  in a LoadBalanced topology: clear the service that the failed
 *                             connection belonged to
 * and for one server:
 *   MUV__SERVER_DO_ADD        a new server: make its pool and start its monitor
 *   MUV__SERVER_DO_CLEAR      clear its pool
 *   MUV__SERVER_DO_INTERRUPT  with CLEAR: interruptInUseConnections
 *   MUV__SERVER_DO_READY      its pool becomes ready
 *   MUV__SERVER_DO_CANCEL     cancel the monitor's running check (MUV__HEARTBEAT_ON_CANCEL)
 *   MUV__SERVER_DO_CHECK      request a check (MUV__HEARTBEAT_ON_CHECK_NOW)
 *   MUV__SERVER_DO_REMOVE     stop its monitor and close its pool; the record goes away with the
 *                             last snapshot that names it
 */
#ifndef MUV__TOPOLOGY_H
#define MUV__TOPOLOGY_H

#include "base/random.h"
#include "topology/snapshot.h"

enum {
    MUV__TOPOLOGY_DO_SERVERS = 1 << 0,
    MUV__TOPOLOGY_DO_WAKE = 1 << 1,
    MUV__TOPOLOGY_DO_CLEAR_SERVICE = 1 << 2 /* Only of muv__topology_on_failure(), then alone. */
};

enum {
    MUV__SERVER_DO_ADD = 1 << 0,
    MUV__SERVER_DO_CLEAR = 1 << 1,
    MUV__SERVER_DO_INTERRUPT = 1 << 2,
    MUV__SERVER_DO_READY = 1 << 3,
    MUV__SERVER_DO_CANCEL = 1 << 4,
    MUV__SERVER_DO_CHECK = 1 << 5,
    MUV__SERVER_DO_REMOVE = 1 << 6
};

typedef enum muv__topology_event_type {
    MUV__TOPOLOGY_OPENING,
    MUV__TOPOLOGY_CHANGED,
    MUV__TOPOLOGY_CLOSED,
    MUV__TOPOLOGY_SERVER_OPENING,
    MUV__TOPOLOGY_SERVER_CHANGED,
    MUV__TOPOLOGY_SERVER_CLOSED
} muv__topology_event_type_t;

/* Borrowed for the call; what is needed later is retained. */
typedef struct muv__topology_event {
    muv__topology_event_type_t type;
    muv__topology_server_t *server;              /* SERVER_*. */
    muv__server_description_t *previous;         /* SERVER_CHANGED. */
    muv__server_description_t *description;      /* SERVER_CHANGED. */
    muv__topology_snapshot_t *previous_snapshot; /* CHANGED. */
    muv__topology_snapshot_t *snapshot;          /* CHANGED. */
} muv__topology_event_t;

/* Called inside topology calls; must only record. */
typedef void (*muv__topology_emit_t)(const muv__topology_event_t *event, void *data);

typedef struct muv__topology_config {
    const muv__host_t *seeds;  /* [borrow] Equal ones count once. */
    uint32_t seed_count;       /* 1 to MUV__TOPOLOGY_MAX_SERVERS; 0: see muv__topology_seed(). */
    const char *set_name;      /* [borrow] replicaSet, or NULL. */
    uint8_t direct;            /* directConnection=true; one seed. */
    uint8_t load_balanced;     /* loadBalanced=true; one seed, no set_name, not direct. */
    muv__topology_emit_t emit; /* NULL: no events. */
    void *emit_data;
} muv__topology_config_t;

typedef struct muv__topology {
    muv__topology_snapshot_t *snapshot; /* The present one; retain it to keep it. */
    muv__topology_snapshot_t *empty;    /* Before the beginning and after the end. */
    muv__topology_emit_t emit;
    void *emit_data;
    uint32_t seed_count;
    uint32_t next_id;
    uint8_t started;
    uint8_t closed;
    muv__list_t effects;             /* Servers with effects not yet fetched. */
    muv__topology_server_t *fetched; /* Kept alive until the next fetch. */
} muv__topology_t;

/* What went wrong on a connection of an operation. */
typedef struct muv__topology_failure {
    const muv_error_t *error; /* [borrow] With labels; SERVER and AUTH errors with their reply. */
    uint32_t generation;      /* Of the connection's pool when the connection was created. */
    uint32_t pool_generation; /* Now. */
    uint8_t handshaken;       /* The connection had been established, authentication included. */
} muv__topology_failure_t;

/* Seeds become Unknown servers of the first snapshot; no event and no effect yet. Returns 0,
 * MUV_ENOMEM, or MUV_EINVAL for a configuration that the comments above rule out. */
int muv__topology_init(muv__topology_t *topology, const muv__topology_config_t *config,
                       int64_t now_us);

/* The seeds that were not known at muv__topology_init() (mongodb+srv://), before
 * muv__topology_start(). `config` is taken anew, except for its events. Returns 0, MUV_ENOMEM or
 * MUV_EINVAL; on failure nothing has changed. */
int muv__topology_seed(muv__topology_t *topology, const muv__topology_config_t *config,
                       int64_t now_us);

/* Drop everything, closed or not. Safe on a zeroed one. */
void muv__topology_done(muv__topology_t *topology);

/* Begin: opening events, ADD for every seed; a load balancer is ready at once. Returns 0 or
 * MUV_ENOMEM: then it may be called again. */
int muv__topology_start(muv__topology_t *topology, int64_t now_us, unsigned *ret_effects);

/* A check of `server` ended with `description` (also a failed one, as an UNKNOWN description with
 * its error: the pool is cleared, with INTERRUPT for MUV_ENETTIMEOUT). `rtt_us` is the hello's
 * round trip, -1 when it is no sample. Replies of removed servers are ignored. */
int muv__topology_on_check(muv__topology_t *topology, muv__topology_server_t *server,
                           muv__server_description_t *description, int64_t rtt_us,
                           unsigned *ret_effects);

/* A round trip that was measured beside the checks. A server that is not known has none: its sample
 * is dropped. Returns 0, or MUV_ENOMEM: then it is dropped, too. */
int muv__topology_on_rtt(muv__topology_t *topology, muv__topology_server_t *server, int64_t rtt_us,
                         int64_t now_us);

/* An operation's connection to `server` failed, or its reply carries an error; also for handshakes
 * of the pool. Call it for every error: what does not concern the topology is ignored. */
int muv__topology_on_failure(muv__topology_t *topology, muv__topology_server_t *server,
                             const muv__topology_failure_t *failure, int64_t now_us,
                             unsigned *ret_effects);

/* A new list of hosts from DNS (Polling SRV Records for mongos Discovery), not empty: servers that
 * are not in it go, those in both stay as they are, new ones come, with a limit only as many of
 * them, chosen at random, that the topology has `max_count` servers (0: no limit). `hosts` is
 * brought into another order. Ignored in a topology of a type that is not polled. Returns 0 or
 * MUV_ENOMEM. */
int muv__topology_on_hosts(muv__topology_t *topology, muv__host_t *hosts, uint32_t count,
                           uint32_t max_count, muv__random_t *random, int64_t now_us,
                           unsigned *ret_effects);

/* An operation found no server: CHECK for every server (none behind a load balancer). Monitors keep
 * the minimum gap themselves, so every such operation may call this. */
unsigned muv__topology_request_check(muv__topology_t *topology);

/* The end: closing events, REMOVE for every server; the snapshot is empty then. Allocates nothing.
 * Later checks and failures are ignored. */
unsigned muv__topology_close(muv__topology_t *topology);

/* The next server with effects and its MUV__SERVER_DO_* bits, or NULL. The record stays valid until
 * the next call. */
muv__topology_server_t *muv__topology_next_effect(muv__topology_t *topology, unsigned *ret_effects);

#endif
