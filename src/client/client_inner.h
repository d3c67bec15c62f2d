/* SPDX-License-Identifier: Apache-2.0 */
/* The client object and what the files of this layer share.
 *   client.c      settings, creation, close
 *   life.c        net events, turns, time
 *   operation.c   operations: free list, tree, deadlines, completion queue
 *   run.c         the trampoline: carries out what the operation machine says
 *   server.c      one server: pool effects and connections; server_requests.c: check-out, check-in
 *   pin.c         connections that stay checked out between commands
 *   monitor.c     one server: its checks; monitor_rtt.c: its round trips
 *   deployment.c  all servers: the topology machine carried out
 *   srv.c         mongodb+srv://: seeds from DNS before the topology starts, polling
 *   select.c      which server; who waits for one
 *   retry.c       what follows a failed attempt
 *   credential.c  who logs in, and where keys and tokens come from
 *   session.c     sessions, implicit and explicit
 *   events.c      what the listener and the log hear: events_*.c, log*.c
 *   command.c     the low-level door; writer.c; reply.c; collection.c
 *   read.h        what the read operations share: find*.c, aggregate.c, distinct.c, count.c, ...
 *   cursor.h      cursors: cursor*.c
 *   write.h       what the write operations share: insert*.c, update.c, delete.c, ...
 */
#ifndef MUV__CLIENT_INNER_H
#define MUV__CLIENT_INNER_H

#include "muv.h"

#include "auth/auth.h"
#include "base/chunk.h"
#include "base/oid.h"
#include "base/random.h"
#include "client/deployment.h"
#include "client/events.h"
#include "client/operation.h"
#include "client/server.h"
#include "conn/conn.h"
#include "conn/socks5.h"
#include "gssapi/kerberos.h"
#include "net/net.h"
#include "op/tail.h"
#include "provider/provider.h"
#include "session/cluster_time.h"
#include "session/server_session.h"
#include "topology/topology.h"
#include "uri/uri.h"

/* Callbacks made in one go before the sockets get their turn (design: part 4.5). */
#define MUV__COMPLETIONS_PER_TURN 256

/* Connections begun in one go: each costs some 20 us for its socket. */
#define MUV__CONNECTIONS_PER_TURN 16

typedef enum muv__client_state {
    MUV__CLIENT_OPEN,
    MUV__CLIENT_DRAINING, /* close(DRAIN): waits for live operations. */
    MUV__CLIENT_ABORTING, /* close(ABORT): their callbacks are due. */
    MUV__CLIENT_CLOSING   /* Connections, then handles, are being closed. */
} muv__client_state_t;

/* Options in the units of the inside. */
typedef struct muv__settings {
    muv__pool_config_t pool;
    int64_t connect_timeout_us;
    int64_t selection_timeout_us;
    int64_t wait_queue_timeout_us;
    int64_t heartbeat_interval_us;
    int64_t local_threshold_us;
    int64_t socket_timeout_us;
    int64_t timeout_ms; /* Of operations that set none; 0: none. */
    muv__retry_rules_t retry;
    int64_t jitter;       /* Of back-offs, 0 to UINT32_MAX; -1: random. */
    int8_t stream_checks; /* serverMonitoringMode. */
    size_t max_pending_bytes;
} muv__settings_t;

struct muv__turn_hook {
    struct muv__turn_hook *next;
    void (*fn)(void *data);
    void *data;
};

struct muv_client {
    muv__net_t *net;
    muv__conn_context_t context; /* `context.now_us` is the client's time. */
    muv__heap_t deadlines;
    muv__deadline_t unblock; /* When to look again for memory that replies wait for. */
    muv__outgoing_pool_t outgoing;
    muv__list_t live;      /* Operations that have not ended. */
    muv__list_t completed; /* Ended ones whose callback is due. */
    muv__list_t selecting; /* Live ones that wait for a server, in order. */
    muv__list_t resuming;  /* Live composites that go on in the next turn. */
    muv__list_t servers;
    muv__list_t cursors;       /* Handed out and not yet closed. */
    muv__list_t ready_cursors; /* Those with something to give to their consumer. */
    uint32_t open_cursors;     /* Open on their servers. */
    uint32_t live_count;       /* Not yet called back: live and completed. */
    uint32_t selecting_count;
    uint32_t server_count; /* Not yet freed. */
    uint32_t event_depth;  /* Inside a net event. */
    muv__client_state_t state;
    uint8_t kept_alive;
    uint8_t net_closing;
    uint8_t topology_started;
    uint8_t topology_busy;  /* Effects are being carried out, ... */
    unsigned topology_todo; /* ... and these came meanwhile. */
    muv__topology_t topology;
    struct muv__srv *srv; /* [own] Of mongodb+srv://, else NULL: srv.h. */
    char *dns_servers;    /* NULL: the system's. */
    muv__random_t random;
    muv__session_pool_t session_pool;
    muv__list_t sessions;       /* Explicit ones. */
    muv__list_t ended_sessions; /* Kept for a while, so that their use is noticed. */
    uint32_t ended_session_count;
    muv__cluster_time_t cluster_time; /* The highest that any server has sent. */
    muv__oid_source_t oids;
    uint32_t fork_count;
    uint64_t last_op_id;
    muv_op_t *free_ops;
    uint32_t free_op_count;
    struct muv__turn_hook *turn_hooks;
    struct muv__turn_hook **turn_hooks_end;
    muv__settings_t settings;
    muv__uri_t *uri;
    muv__socks5_proxy_t proxy;         /* Its texts are those of `uri`. */
    muv__auth_credential_t credential; /* Likewise. */
    muv__krb5_names_t gssapi;          /* Likewise. */
    uint32_t connects_left;            /* Connections that may be begun before the next net
                                        * event. */
    muv__key_cache_t keys;
    muv__fetch_context_t fetches;
    muv__provider_t *provider; /* [own] Of AWS and OIDC, else NULL. */
    uint8_t has_oidc_callback;
    muv__concerns_t *concerns; /* Of the connection string. */
    muv__buf_t hello;
    muv__buf_t server_api;  /* Elements; empty: none is declared. */
    muv__events_t *events;  /* NULL: nobody listens. */
    muv__deadline_t ageing; /* Of big chunks that are kept; see life.c. */
    muv_error_t refusal;
    muv_client_stats_t stats;
    muv_close_cb close_cb;
    void *close_data;
};

/* --- life.c ------------------------------------------------------------------------------------*/

extern const muv__net_hooks_t muv__client_hooks;

/* A public call begins: is the client usable? Reads the clock unless a net event is in progress.
 * Returns 0 or the code to be returned, with the refusal noted. */
int muv__client_enter(muv_client_t *client);

/* Note why a start call is refused; returns `code`. */
MUV__PRINTF(3, 4)
int muv__client_refuse(muv_client_t *client, int code, const char *format, ...);

/* Completions or deadlines changed: see to it that the loop comes back. */
void muv__client_wake(muv_client_t *client);

/* One more, or one fewer, reason to keep the loop alive. */
void muv__client_update_alive(muv_client_t *client);

/* --- client.c ----------------------------------------------------------------------------------*/

/* An operation was called back, or a server freed: go on with a close that waited for it. */
void muv__client_continue_close(muv_client_t *client);

/* --- run.c -------------------------------------------------------------------------------------*/

/* Give an event to an operation's machine and carry out all that follows. */
void muv__run(muv_op_t *op, muv__op_event_t event);

/* --- select.c ----------------------------------------------------------------------------------*/

muv__op_event_t muv__select(muv_op_t *op);
void muv__select_leave(muv_op_t *op);

/* No server will be known: those who wait end with `error`. */
void muv__select_fail_all(muv_client_t *client, const muv_error_t *error);

/* There is a new snapshot: those who wait try again. */
void muv__select_again(muv_client_t *client);

/* For the log. */
static inline void muv__events_tell_selection(muv_op_t *op, int type, const char *failure)
{
    if (MUV__UNLIKELY(op->client->events != NULL)) {
        muv__events_selection(op, type, failure);
    }
}

/* --- writer.c ----------------------------------------------------------------------------------*/

#define MUV__WRITER_DEPTH 128

struct muv_writer {
    muv__buf_t *buf;
    int error;
    uint32_t depth;
    char index_key[11];
    muv__bson_mark_t marks[MUV__WRITER_DEPTH];
};

/* --- command.c ---------------------------------------------------------------------------------*/

/* Take an operation of a command with its send buffer begun: write the command's elements to
 * `muv__op_buf(op)`, then muv__command_launch() it. It has the client's concerns. Fails as
 * muv__op_new(). */
int muv__command_new(muv_client_t *client, muv_op_t *parent, uint8_t kind, muv__deliver_t deliver,
                     muv_op_t **ret);

/* A command of the client's own: see muv__op_new_inner(). It has no concerns. */
int muv__inner_command_new(muv_client_t *client, uint8_t kind, muv__deliver_t deliver,
                           muv_op_t **ret);

/* The same for a collection: its concerns, and which of them the command takes (MUV__TAIL_*). */
int muv__collection_command_new(muv_collection_t *collection, muv_op_t *parent, uint8_t kind,
                                unsigned tail, muv__deliver_t deliver, muv_op_t **ret);

/* Put it into `session`; NULL: it stays in its parent's. On failure it is discarded and the refusal
 * noted. */
int muv__command_join(muv_op_t *op, muv_session_t *session);

/* `command` is the user's whole command: what it has is not added. */
void muv__command_take_given(muv_op_t *op, const bson_t *command);

/* Replace what the operation inherited. On failure it is discarded and the refusal noted. */
int muv__command_override(muv_op_t *op, const muv_read_concern_t *read_concern,
                          const muv_write_concern_t *write_concern,
                          const muv_read_preference_t *read_preference);

static inline muv__buf_t *muv__op_buf(muv_op_t *op)
{
    return &op->outgoing->command.buf;
}

/* Append $db, seal and start. On failure the operation is discarded and the refusal noted. */
int muv__command_launch(muv_op_t *op, const char *database, size_t database_length,
                        int64_t timeout_ms, muv_op_t **ret_op);

/* A refusal while the command was being written. */
int muv__command_abort(muv_op_t *op, int code, const char *why);

/* Is `document` a document libbson has laid out soundly at its top? */
static inline muv__span_t muv__bson_span(const bson_t *document)
{
    return document == NULL ? muv__span(NULL, 0)
                            : muv__span(bson_get_data(document), document->len);
}

/* --- collection.c ------------------------------------------------------------------------------*/

struct muv_collection {
    muv_client_t *client;
    size_t database_length;
    size_t name_length;
    const char *database; /* Behind the struct, as is the name. */
    const char *name;
    muv__concerns_t *concerns;
    int64_t timeout_ms; /* 0: the client's. */
};

/* Database names: 1 to 63 bytes without / \ space " $ . */
int muv__database_name_is_valid(const char *name);

#endif
