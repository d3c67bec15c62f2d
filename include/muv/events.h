/* SPDX-License-Identifier: Apache-2.0 */
/* What happens inside a client, for those who want to watch: connection pools (Connection
 * Monitoring and Pooling), topology and servers, heartbeats (Server Discovery and Monitoring),
 * commands (Command Logging and Monitoring). The same as lines of text: muv/log.h.
 *
 * Events are delivered from the loop, in the order in which they happened and before the callbacks
 * of operations that ended later, never inside a call of the program. Every function may be called
 * inside, muv_client_close() included. They wait in a queue with a limit: when it is full or memory
 * is short, an event is left out and counted (muv_client_stats_t.events_dropped), and the numbers
 * show the gap. A client without a listener pays nothing.
 *
 * Events and all they point to are [borrow] until the function returns. */
#ifndef MUV_EVENTS_H
#define MUV_EVENTS_H

#include "muv/client.h"
#include "muv/error.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* X(suffix, name): the names are those of the driver specifications. */
#define MUV_EVENT_MAP(X)                                                                           \
    X(POOL_CREATED, "ConnectionPoolCreated")                                                       \
    X(POOL_READY, "ConnectionPoolReady")                                                           \
    X(POOL_CLEARED, "ConnectionPoolCleared")                                                       \
    X(POOL_CLOSED, "ConnectionPoolClosed")                                                         \
    X(CONNECTION_CREATED, "ConnectionCreated")                                                     \
    X(CONNECTION_READY, "ConnectionReady")                                                         \
    X(CONNECTION_CLOSED, "ConnectionClosed")                                                       \
    X(CHECK_OUT_STARTED, "ConnectionCheckOutStarted")                                              \
    X(CHECK_OUT_FAILED, "ConnectionCheckOutFailed")                                                \
    X(CHECKED_OUT, "ConnectionCheckedOut")                                                         \
    X(CHECKED_IN, "ConnectionCheckedIn")                                                           \
    X(TOPOLOGY_OPENING, "TopologyOpening")                                                         \
    X(TOPOLOGY_CHANGED, "TopologyDescriptionChanged")                                              \
    X(TOPOLOGY_CLOSED, "TopologyClosed")                                                           \
    X(SERVER_OPENING, "ServerOpening")                                                             \
    X(SERVER_CHANGED, "ServerDescriptionChanged")                                                  \
    X(SERVER_CLOSED, "ServerClosed")                                                               \
    X(HEARTBEAT_STARTED, "ServerHeartbeatStarted")                                                 \
    X(HEARTBEAT_SUCCEEDED, "ServerHeartbeatSucceeded")                                             \
    X(HEARTBEAT_FAILED, "ServerHeartbeatFailed")                                                   \
    X(COMMAND_STARTED, "CommandStarted")                                                           \
    X(COMMAND_SUCCEEDED, "CommandSucceeded")                                                       \
    X(COMMAND_FAILED, "CommandFailed")

#define MUV_EVENT_TYPE_(suffix, name) MUV_EVENT_##suffix,
enum { MUV_EVENT_NONE = 0, MUV_EVENT_MAP(MUV_EVENT_TYPE_) };
#undef MUV_EVENT_TYPE_

/* What every event begins with. */
typedef struct muv_event_head {
    int32_t type;     /* MUV_EVENT_*. */
    const char *name; /* "ConnectionCheckedOut" */
    uint64_t number;  /* Counts the client's events from 1, those left out included. */
    int64_t at_us;    /* When it happened, on a clock that only goes forward. */
    muv_client_t *client;
} muv_event_head_t;

/* The options that a pool works with. */
typedef struct muv_pool_settings {
    uint32_t max_size; /* maxPoolSize; 0: no limit. */
    uint32_t min_size;
    uint32_t max_connecting;
    uint32_t max_waiting;
    int64_t max_idle_ms; /* 0: no limit. */
} muv_pool_settings_t;

/* MUV_EVENT_POOL_*, CONNECTION_*, CHECK_OUT_*, CHECKED_*. */
typedef struct muv_pool_event {
    muv_event_head_t head;
    const char *address;       /* "host:port" of the pool's server. */
    uint64_t connection_id;    /* From 1 in each pool; 0: the event speaks of no connection. */
    int64_t duration_us;       /* CONNECTION_READY, CHECKED_OUT, CHECK_OUT_FAILED. */
    const char *reason;        /* CONNECTION_CLOSED: "stale", "idle", "error", "poolClosed".
                                * CHECK_OUT_FAILED: "timeout", "connectionError", "poolClosed".
                                * Else "". */
    const char *reason_text;   /* The same as a sentence, or "". */
    const muv_error_t *error;  /* What is behind CONNECTION_CLOSED or CHECK_OUT_FAILED, or NULL. */
    int8_t interrupt_in_use;   /* POOL_CLEARED: connections in use are closed too. */
    const uint8_t *service_id; /* POOL_CLEARED behind a load balancer: the 12 bytes of the service
                                * whose connections are meant. Else NULL. */
    const muv_pool_settings_t *settings; /* POOL_CREATED, else NULL. */
} muv_pool_event_t;

/* One server at one moment. */
typedef struct muv_server_view {
    const char *address;
    const char *type;     /* "RSPrimary", "Standalone", "Unknown", ... */
    const char *set_name; /* NULL: none. So are the texts below. */
    const char *primary;
    const char *me;
    const char *error; /* Why it is unknown. */
    int32_t min_wire_version;
    int32_t max_wire_version;
    int64_t round_trip_us;    /* Average; -1: not known, or not part of this view. */
    uint32_t host_count;      /* Members that it names: hosts, passives, arbiters. */
    const char *const *hosts; /* "name:port" in lower case. */
} muv_server_view_t;

/* MUV_EVENT_SERVER_*. */
typedef struct muv_server_event {
    muv_event_head_t head;
    const char *address;
    const muv_server_view_t *previous; /* SERVER_CHANGED, else NULL. */
    const muv_server_view_t *current;  /* Likewise. */
} muv_server_event_t;

/* All servers at one moment. */
typedef struct muv_topology muv_topology_t;

/* "ReplicaSetWithPrimary", "Single", "Unknown", ... Never NULL. */
MUV_API const char *muv_topology_type(const muv_topology_t *topology);

/* NULL: none is known. */
MUV_API const char *muv_topology_set_name(const muv_topology_t *topology);

/* How many servers are known. */
MUV_API size_t muv_topology_server_count(const muv_topology_t *topology);

/* Fill `ret` with the server at `index` (from 0). Returns 0, or MUV_EINVAL when there is none. */
MUV_API int muv_topology_server(const muv_topology_t *topology, size_t index,
                                muv_server_view_t *ret);

/* MUV_EVENT_TOPOLOGY_*. */
typedef struct muv_topology_event {
    muv_event_head_t head;
    const muv_topology_t *previous; /* TOPOLOGY_CHANGED, else NULL. */
    const muv_topology_t *current;  /* Likewise. */
} muv_topology_event_t;

/* MUV_EVENT_HEARTBEAT_*. Every one that started has succeeded or failed before the server is
 * closed. */
typedef struct muv_heartbeat_event {
    muv_event_head_t head;
    const char *address;
    uint64_t connection_id;       /* Of the monitor's connections to this server, from 1. */
    int64_t duration_us;          /* SUCCEEDED, FAILED: since it started. */
    int64_t server_connection_id; /* The server's name for the connection; 0: not told, or not yet.
                                   */
    const muv_error_t *error;     /* FAILED; code MUV_ECANCELED: nobody waits for it any more. */
    const uint8_t *reply;         /* SUCCEEDED: BSON. NULL when it is larger than 64 KiB, or too
                                   * many are waiting. */
    uint32_t reply_size;
    int8_t awaited; /* The server was to answer when something changes. */
} muv_heartbeat_event_t;

/* MUV_EVENT_COMMAND_*. Each command that started has succeeded or failed, exactly once and with the
 * same `request_id`, before the callback of its operation; each attempt is a command of its own.
 * Write errors are part of a success, as the server answers them. What the client says in
 * handshakes and heartbeats is no command here. Of commands that carry credentials (saslStart,
 * createUser, ...) the documents are empty, and of their errors only codes and labels are left. */
typedef struct muv_command_event {
    muv_event_head_t head;
    const char *command_name;     /* "find" */
    const char *database;         /* Name. */
    const char *address;          /* "host:port" of the server. */
    int64_t request_id;           /* Of the message. */
    int64_t operation_id;         /* The same for all that belongs to one operation of the program:
                                   * attempts, batches, and children of one composite. */
    uint64_t connection_id;       /* As in muv_pool_event_t. */
    int64_t server_connection_id; /* The server's name for the connection; 0: not told. */
    const uint8_t *service_id;    /* Behind a load balancer 12 bytes; else NULL. */
    int64_t duration_us;          /* SUCCEEDED, FAILED: since it was sent. */
    const uint8_t *document;      /* STARTED: the command, documents of a bulk in an array.
                                   * SUCCEEDED: the reply, {ok: 1} when none was asked for. BSON.
                                   * NULL when too many bytes of documents are waiting. */
    uint32_t document_size;       /* In bytes. */
    const muv_error_t *error;     /* FAILED. */
} muv_command_event_t;

/* Who listens. A member that is NULL costs nothing. */
typedef struct muv_listener {
    void (*on_pool)(const muv_pool_event_t *event, void *data);
    void (*on_server)(const muv_server_event_t *event, void *data);
    void (*on_topology)(const muv_topology_event_t *event, void *data);
    void (*on_heartbeat)(const muv_heartbeat_event_t *event, void *data);
    void (*on_command)(const muv_command_event_t *event, void *data);
    void *data; /* [borrow] Until muv_client_close() has called back. */
} muv_listener_t;

/* The specifications' name of a MUV_EVENT_* type; "" for another number. */
MUV_API const char *muv_event_name(int type);

MUV_END_DECLS

#endif
