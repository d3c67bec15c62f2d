/* SPDX-License-Identifier: Apache-2.0 */
/* A client: one deployment, one loop, one connection pool per server.
 *
 * A client belongs to the loop it was made with and is used on that loop's thread only. It creates
 * no thread and never blocks. Two things that are only to be had blocking run on libuv's own thread
 * pool, and muv_client_close() waits for them: the steps of a login by GSSAPI, and the reading of
 * token files for MONGODB-OIDC and MONGODB-AWS (docs/security.md).
 *
 * Every call that starts something answers at once: 0 means that its callback will be called
 * exactly once, later, from the loop, never inside the call; a negative code means that the
 * callback will never be called, and muv_client_refusal() says why. Any function may be called
 * inside a callback, muv_client_close() included. */
#ifndef MUV_CLIENT_H
#define MUV_CLIENT_H

#include "muv/error.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

struct uv_loop_s;
struct muv_aws_opts;
struct muv_listener;
struct muv_log_opts;
struct muv_oidc_opts;

#define MUV_SERVER_API_1 "1"

/* The Stable API: servers behave to the commands of this client as version `version` says, also
 * after an upgrade. It is declared with every command and cannot be changed. */
typedef struct muv_server_api {
    const char *version;       /* [borrow] MUV_SERVER_API_1. */
    int8_t strict;             /* apiStrict: commands outside of the version are refused. */
    int8_t deprecation_errors; /* apiDeprecationErrors: so are deprecated ones. */
} muv_server_api_t;

/* Options beside the connection string, or instead of it: they win over it. */
typedef struct muv_client_opts {
    const char *app_name;       /* [borrow] appName: at most 128 bytes. */
    int32_t max_pool_size;      /* maxPoolSize: connections per server, default 100; MUV_ZERO: no
                                 * limit. */
    int32_t min_pool_size;      /* minPoolSize, default 0. */
    int32_t max_connecting;     /* maxConnecting, default 2. */
    int32_t max_waiting;        /* Longest queue of operations, default 100000. */
    int64_t max_idle_ms;        /* maxIdleTimeMS, default no limit. */
    int64_t connect_timeout_ms; /* connectTimeoutMS: the time for the name and all its addresses
                                 * together, and again for the handshake; default 10000. */
    int64_t server_selection_timeout_ms; /* serverSelectionTimeoutMS, default 30000. */
    int64_t wait_queue_timeout_ms;       /* waitQueueTimeoutMS, default no limit. */
    int64_t heartbeat_frequency_ms;      /* heartbeatFrequencyMS, default 10000, at least 500. */
    int64_t local_threshold_ms;          /* localThresholdMS, default 15. */
    int64_t timeout_ms; /* timeoutMS of every operation that sets none: one deadline for all that
                         * the operation does, its retries included. Default: none, and the older
                         * options are in force. */
    int64_t socket_timeout_ms; /* socketTimeoutMS: the longest wait for a reply, of operations
                                * without timeoutMS; the connection is closed. Default: no
                                * limit. */
    int8_t retry_reads;        /* retryReads, default MUV_YES. */
    int8_t retry_writes;       /* retryWrites, default MUV_YES. */
    int8_t enable_overload_retargeting; /* enableOverloadRetargeting: repeat commands that an
                                         * overloaded server refuses on another member of the
                                         * replica set if one suits. Default MUV_NO. */
    int32_t max_adaptive_retries;       /* maxAdaptiveRetries: of commands that an overloaded server
                                         * refuses, default 2. */
    const char *server_monitoring_mode; /* [borrow] serverMonitoringMode: "auto" (the default),
                                         * "stream" or "poll". */
    int8_t direct_connection;           /* directConnection. */
    int8_t load_balanced;               /* loadBalanced. */
    int32_t srv_max_hosts;              /* srvMaxHosts of mongodb+srv://, default all. */
    const char *srv_service_name;       /* [borrow] srvServiceName, default "mongodb". */
    const char *replica_set;            /* [borrow] replicaSet. */
    int64_t max_pending_bytes;          /* Encoded commands that wait and large replies being read,
                                         * default 256 MiB. */
    const char *dns_servers; /* [borrow] "address:port,..." asked instead of the system's name
                              * servers. */
    const char *compressors; /* [borrow] compressors: of "zstd,zlib,snappy", in the order of
                              * preference; default: nothing is compressed. */
    int32_t zlib_compression_level; /* zlibCompressionLevel: 1 to 9; MUV_ZERO: stored only; -1: as
                                     * zlib chooses, the default. */
    const char *proxy_host;         /* [borrow] proxyHost: all servers are reached through this
                                     * SOCKS5 proxy. */
    int32_t proxy_port;             /* proxyPort, default 1080. */
    const char *proxy_username;     /* [borrow] proxyUsername, only with ... */
    const char *proxy_password;     /* [borrow] ... proxyPassword. */
    int8_t tls;              /* tls, default MUV_NO, with mongodb+srv:// MUV_YES. Server and host
                              * name are verified. */
    const char *tls_ca_file; /* [borrow] tlsCAFile: PEM file of the authorities to trust; default:
                              * those the system trusts. Files are read once, in
                              * muv_client_new(). */
    const char *tls_certificate_key_file; /* [borrow] tlsCertificateKeyFile: PEM file of our own
                                           * certificate and its key, ... */
    const char *tls_certificate_key_file_password; /* [borrow] ... and the key's password. */
    int8_t tls_insecure;                           /* tlsInsecure: verify nothing. */
    int8_t tls_allow_invalid_certificates;  /* tlsAllowInvalidCertificates: of any authority, of any
                                             * time, revoked or not. */
    int8_t tls_allow_invalid_hostnames;     /* tlsAllowInvalidHostnames: of any host. */
    int8_t tls_disable_ocsp_endpoint_check; /* tlsDisableOCSPEndpointCheck: ask no responder. */
    int8_t tls_disable_certificate_revocation_check; /* tlsDisableCertificateRevocationCheck: heed
                                                      * neither CRL nor OCSP. */
    const char *tls_crl_file; /* [borrow] PEM file of revoked certificates (CRL) of the authority;
                               * has no name in the connection string. */
    const struct muv_oidc_opts *oidc; /* [borrow] Where tokens for MONGODB-OIDC come from
                                       * (muv/auth.h); copied. */
    const struct muv_aws_opts *aws;   /* [borrow] Where keys for MONGODB-AWS come from, if not from
                                       * the environment (muv/auth.h); copied. */
    const muv_server_api_t *server_api;  /* [borrow] Copied. NULL: none is declared. */
    const struct muv_listener *listener; /* [borrow] Who hears of events (muv/events.h); copied. */
    const struct muv_log_opts *log; /* [borrow] What is logged (muv/log.h); copied. NULL: what the
                                     * environment says. */
} muv_client_opts_t;

/* Make a client. Opens no connection: the first operation or muv_client_connect() does. It also
 * looks up the records of mongodb+srv://; what is wrong with them is told to the operations that
 * wait, as MUV_EDNS. TLS is the default there, unless tls=false is given.
 * SIGPIPE is set to be ignored when it is at its default, which would end the program as soon as a
 * server closes a connection that is written to (libuv does not prevent it).
 *
 * loop    [borrow] Must outlive the client, until muv_client_close() has called back.
 * uri     [borrow] "mongodb://..." or "mongodb+srv://..."; copied.
 * opts    [borrow] NULL: nothing but the connection string.
 * reterr  [borrow] Filled on failure; may be NULL. Names the option, never the password.
 * ret     [own]    End it with muv_client_close().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_client_new(struct uv_loop_s *loop, const char *uri,
                                     const muv_client_opts_t *opts, muv_error_t *reterr,
                                     muv_client_t **ret);

/* What the connection string and options made one wonder about (unknown option, bad value ignored):
 * `index` from 0; NULL behind the last. Memory of the client. */
MUV_API const char *muv_client_warning(const muv_client_t *client, size_t index);

/* [borrow] The database that the connection string names, or NULL. */
MUV_API const char *muv_client_default_database(const muv_client_t *client);

/* error is NULL on success. */
typedef void (*muv_done_cb)(muv_op_t *op, const muv_error_t *error, void *data);

typedef struct muv_connect_opts {
    int64_t timeout_ms; /* Default: the server selection timeout. */
    muv_op_t *parent;   /* [borrow] */
} muv_connect_opts_t;

/* Start monitoring now and tell when a server can be used.
 *
 * opts    [borrow] NULL: defaults.
 * cb      May be NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK. */
MUV_API MUV_CHECK int muv_client_connect(muv_client_t *client, const muv_connect_opts_t *opts,
                                         muv_done_cb cb, void *data, muv_op_t **ret_op);

/* How to close. */
enum {
    MUV_CLOSE_DRAIN = 0, /* Operations in progress finish first; new ones get MUV_ECLOSED. */
    MUV_CLOSE_ABORT = 1  /* Operations in progress end with MUV_ECLOSED now. */
};

/* The last thing that touches the client: it is freed already. */
typedef void (*muv_close_cb)(void *data);

/* Close the client and free it. All callbacks of operations come before `cb`; afterwards no handle
 * of the client is left on the loop. Handles of databases and collections may be freed before or
 * after. Calling it again with MUV_CLOSE_ABORT and a NULL `cb` while it drains aborts the rest.
 *
 * Returns 0, MUV_EINVAL, MUV_EFORK, or MUV_ECLOSED when it is closing already. */
MUV_API int muv_client_close(muv_client_t *client, int mode, muv_close_cb cb, void *data);

/* Why the last start call on this client returned a negative code. Valid until the next refusal.
 * Never NULL; code 0 when there was none. For a NULL client it says that. */
MUV_API const muv_error_t *muv_client_refusal(const muv_client_t *client);

/* Call `fn` once at the end of the present turn, when the callbacks that are due have run, or soon
 * when no turn is in progress. Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK. */
MUV_API MUV_CHECK int muv_client_at_turn_end(muv_client_t *client, void (*fn)(void *data),
                                             void *data);

/* A look inside, cheap enough to be polled. */
typedef struct muv_client_stats {
    uint64_t operations_started;
    uint64_t operations_ended;
    uint64_t operations_failed;
    uint32_t operations_live;    /* Started and not yet called back. */
    uint32_t waiting_for_server; /* In server selection. */
    uint32_t waiting_for_connection;
    uint32_t connections; /* In all pools. */
    uint32_t connections_idle;
    uint32_t connections_pending;  /* Being established. */
    uint32_t connections_draining; /* Waiting for the late reply of an abandoned request. */
    uint64_t connections_created;  /* Ever. */
    uint64_t connections_closed;
    uint64_t pending_bytes; /* What max_pending_bytes bounds. */
    uint32_t servers;
    uint64_t events_dropped; /* Events and messages of the log that were left out: queue full, or
                              * out of memory. */
} muv_client_stats_t;

/* ret  [own] Filled in, with zeros for a NULL client; nothing in it needs an end. */
MUV_API void muv_client_get_stats(const muv_client_t *client, muv_client_stats_t *ret);

MUV_END_DECLS

#endif
