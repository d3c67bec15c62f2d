/* SPDX-License-Identifier: Apache-2.0 */
/* One connection's life: establishment, then one request at a time, draining of late replies, end.
 * It knows nothing of pools, topologies or operations; its owner is told what happens.
 *
 *   ESTABLISHING --> IDLE --send--> WAITING --reply--> IDLE
 *        |            |               |
 *        |            |               +--abandon--> DRAINING --late reply--> IDLE
 *        |            +--send without reply--> WRITING --written--> IDLE
 *        |            +--log in again--> LOGGING_IN --logged in--> IDLE
 *        +------------+---------------+---------------+--> CLOSED   (close, error)
 *
 * A connection that breaks closes itself and says on_failed; on_closed follows in any case, and
 * only then may the owner free its memory. */
#ifndef MUV__CONN_H
#define MUV__CONN_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/host.h"
#include "conn/establish.h"
#include "conn/outgoing.h"
#include "conn/secure.h"
#include "net/net.h"
#include "wire/compress.h"
#include "wire/reader.h"

typedef struct muv__conn muv__conn_t;

typedef enum muv__conn_state {
    MUV__CONN_ESTABLISHING,
    MUV__CONN_IDLE,
    MUV__CONN_WAITING,
    MUV__CONN_WRITING,
    MUV__CONN_DRAINING,
    MUV__CONN_LOGGING_IN,
    MUV__CONN_CLOSED
} muv__conn_state_t;

/* Draining ends when no byte came for this long, or this much was dropped (design: promise 3). */
#define MUV__CONN_DRAIN_SILENCE_US INT64_C(3000000)
#define MUV__CONN_DRAIN_MAX_BYTES (1024 * 1024)

/* Why reading waits: the memory budget is used up; the request has not left entirely; a reply is
 * being decompressed. */
enum { MUV__CONN_PAUSED_MEMORY = 1, MUV__CONN_PAUSED_WRITING = 2, MUV__CONN_PAUSED_WORKING = 3 };

/* Bytes of `warm` that are fetched. */
#define MUV__CONN_WARM_BYTES 320

/* What the handshake told of this very connection (OP_MSG: limits are those of the connection, not
 * of the monitor's). */
typedef struct muv__conn_limits {
    uint32_t max_bson_size;
    uint32_t max_message_size;
    uint32_t max_write_batch_size;
    int32_t max_wire_version;
    int64_t server_connection_id; /* 0: not told. */
    int8_t retryable_writes;      /* It has sessions and is no standalone. */
    int8_t hello_ok;
    uint8_t has_sessions;   /* The server tells a session timeout, or is behind a load balancer. */
    uint8_t has_service_id; /* Behind a load balancer, always. */
    uint8_t service_id[12]; /* An ObjectId: which of the services behind it this one leads to. */
    uint8_t compressor;     /* Of requests: MUV__COMPRESS_*; 0: none. */
} muv__conn_limits_t;

typedef struct muv__conn_ops {
    /* The socket is connected and hello about to be sent. May be NULL. */
    void (*on_connected)(muv__conn_t *conn);
    /* The handshake is done; `hello` is the reply's document, valid during the call. It is empty
     * when the connection has logged in. */
    void (*on_ready)(muv__conn_t *conn, muv__span_t hello);
    /* The reply to the request in progress. The connection is IDLE again, or still WAITING when the
     * reply says moreToCome. `msg` lives in `chunk`, which the owner may retain. */
    void (*on_reply)(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk);
    /* What muv__conn_log_in() began has succeeded. IDLE again. NULL where that is not called. */
    void (*on_logged_in)(muv__conn_t *conn);
    /* A request without reply has left; or a late reply has been dropped. IDLE again. */
    void (*on_idle)(muv__conn_t *conn);
    /* Broken, or never established: it is CLOSED already. */
    void (*on_failed)(muv__conn_t *conn, const muv_error_t *error);
    /* Nothing will touch the connection's memory any more. */
    void (*on_closed)(muv__conn_t *conn);
    /* The connection of a monitor: a server whose wire versions do not fit ours gets ready too, for
     * the topology has to know it (SDAM: compatible). */
    uint8_t any_wire_version;
    /* It logs in, if there is a credential. Monitors never do (SDAM monitoring). */
    uint8_t logs_in;
} muv__conn_ops_t;

/* Shared by all connections of a client; outlives them. */
typedef struct muv__conn_context {
    muv__net_t *net;
    muv__chunk_pool_t *chunks;
    muv__outgoing_pool_t *outgoing;
    muv__heap_t *deadlines;
    const struct muv__socks5_proxy *proxy; /* [borrow] NULL: directly. Not for Unix sockets. */
    muv__secure_context_t *secure;         /* NULL: without TLS. */
    struct muv__fetch_context *fetches;    /* [borrow] NULL: no OCSP responder is asked. */
    muv__span_t hello;                     /* The first hello's elements, ready to be copied. */
    muv__span_t server_api;                /* Elements of every command (Stable API), or empty. */
    int64_t connect_timeout_us; /* For name and addresses, for TLS, for hello; INT64_MAX: none. */
    int64_t now_us;             /* Of the net event in progress. */
    int32_t next_request_id;
    uint32_t blocked_count; /* Connections whose reading waits for memory. */
    uint8_t load_balanced;  /* loadBalanced=true: servers without serviceId are refused. */
    const struct muv__auth_credential *credential; /* [borrow] NULL: nobody logs in. */
    struct muv__key_cache *keys;                   /* [borrow] With a credential. */
    struct muv__provider *provider;                /* [borrow] With one of AWS or OIDC. */
    const struct muv__krb5_names *gssapi;          /* [borrow] With GSSAPI; `service_host` is NULL
                                                    * where the host's name is to be taken. */
    uint8_t compressor_count;
    uint8_t compressors[3]; /* MUV__COMPRESS_*, in the order of preference. */
    int8_t zlib_level;
    muv__compressor_t *compressor; /* A free one, or NULL; the owner frees them in the end. */
    muv__inflater_t *inflater;     /* Likewise. */
    muv__conn_t *busy_first;       /* Connections with work to go on with in a turn to come. */
    muv__conn_t *busy_last;
} muv__conn_context_t;

struct muv__conn {
    muv__stream_t *stream;
    muv__conn_context_t *context;
    const muv__conn_ops_t *ops;
    void *owner;
    const muv__outgoing_t *sent; /* [borrow] Of the request in progress, for the same purpose as
                                  * `warm`. */
    const uint8_t *warm;   /* [borrow] What the owner looks at when the reply is there: fetched into
                            * the cache while the kernel copies. May be NULL. */
    uint8_t state;         /* muv__conn_state_t. */
    uint8_t writing;       /* Bytes of the last request are still queued. */
    uint8_t paused;        /* Reading waits: 0 or one of the reasons above. */
    uint8_t exhaust;       /* The request in progress allowed more than one reply. */
    int32_t request_id;    /* Of the request in progress. */
    size_t dropped_bytes;  /* While DRAINING. */
    muv__outgoing_t *held; /* While `writing`. */
    muv__secure_t *secure; /* NULL: without TLS. */
    muv__conn_limits_t limits;
    muv__deadline_t deadline; /* Establishing, draining. */
    muv__reader_t reader;
    muv__establish_t establish;
    struct muv__proxying *proxying;       /* NULL: not talking to a proxy. */
    struct muv__login *login;             /* NULL: not logging in. */
    struct muv__credentials *credentials; /* Counted: what it logged in with, of AWS and OIDC. */
    muv__resolve_t *resolve;
    const muv__host_t *host; /* [borrow] From the owner. */
    int64_t started_us;
    uint32_t closing_streams; /* on_closed comes when the last one has gone. */
    int64_t stage_due_us;     /* Establishing: when the stage's time is up; INT64_MAX: never. */
    int32_t reply_id;         /* Of the last one of several replies. */
    int32_t last_status;      /* Why establishing failed: a system code, ... */
    int32_t last_code;        /* ... or one of ours, with a text of its own. */
    const char *last_text;    /* Static. */
    int64_t attempt_delay_us; /* Of this race. */
    int64_t greeting_us;      /* Time for hello; 0: connectTimeoutMS. The owner's, after open. */
    uint8_t last_rank;        /* How much that tells; see conn.c. */
    uint8_t busy;             /* It is in the context's list. */
    uint8_t mechanism;        /* muv__mechanism_t: how it logged in. */
    muv__conn_t *busy_next;
    muv__compressor_t *packing; /* The request is being compressed, nothing of it has left. */
    muv__outgoing_t *packed;    /* Counted: into this. */
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];   /* In the order of the attempts. */
    muv__stream_t *attempts[MUV__RESOLVE_MAX_ADDRS]; /* Running ones, by address. */
};

/* Begin to establish a zeroed connection. `host` must live as long as the connection. What goes
 * wrong comes with on_failed, never inside. */
void muv__conn_open(muv__conn_t *conn, muv__conn_context_t *context, const muv__host_t *host,
                    const muv__conn_ops_t *ops, void *owner);

/* The id of the next request; unique on this connection until 2^31 messages later. */
int32_t muv__conn_next_request_id(muv__conn_context_t *context);

/* Send a request on an IDLE connection. `outgoing` is what the message's first part lies in; it is
 * retained while bytes wait. `flags` are those in the message: with moreToCome no reply is
 * expected, with exhaustAllowed there may be many, and closing is the only way to end them early.
 * Returns 0 (on_reply or on_idle follows, never inside) or 1: a request without reply has left
 * entirely, the connection is IDLE. Negative: the connection broke: close it. */
int muv__conn_send(muv__conn_t *conn, muv__outgoing_t *outgoing, const muv__message_t *message,
                   int32_t request_id, uint32_t flags);

/* Log in anew on an IDLE connection: its server wants that (code 391, ReauthenticationRequired).
 * on_logged_in or on_failed follows; on_failed perhaps inside. */
void muv__conn_log_in(muv__conn_t *conn);

/* Nobody waits for the reply of the request in progress any more: drop it when it comes. Returns 1,
 * or 0 when that is impossible (borrowed bytes are still unwritten, or the replies need not end):
 * close it. */
int muv__conn_abandon(muv__conn_t *conn);

/* Close now; only on_closed follows. Safe on a CLOSED connection. */
void muv__conn_close(muv__conn_t *conn);

/* Memory was given back: go on reading if that had stopped. */
void muv__conn_unblock(muv__conn_t *conn);

/* In a turn of its own: one slice of hashing for logins, if any waits for it. */
void muv__conns_hash(muv__conn_context_t *context);

/* In a turn of its own: one step of the work of one connection. */
void muv__conns_work(muv__conn_context_t *context);

/* Fill `error` for a system code of this connection. */
void muv__conn_system_error(const muv__conn_t *conn, int status, const char *what,
                            muv_error_t *error);

#endif
