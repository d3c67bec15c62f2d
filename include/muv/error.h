/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong: return codes of start calls, and the error that callbacks receive. */
#ifndef MUV_ERROR_H
#define MUV_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "muv/export.h"

MUV_BEGIN_DECLS

/* X(suffix, value, domain, text). Values are part of the ABI and never reused. Only EINVAL,
 * ECLOSED, ENOMEM and EFORK are ever returned by a start call; the others reach callbacks. */
#define MUV_ERROR_MAP(X)                                                                           \
    X(EINVAL, -1, CLIENT, "invalid argument")                                                      \
    X(ECLOSED, -2, CLIENT, "the client is closing or closed")                                      \
    X(ENOMEM, -3, CLIENT, "out of memory")                                                         \
    X(EFORK, -4, CLIENT, "the client was created in another process")                              \
    X(ECANCELED, -5, CLIENT, "the operation was cancelled")                                        \
    X(ETIMEOUT, -6, TIMEOUT, "the operation timed out")                                            \
    X(EQUEUEFULL, -7, POOL, "too many operations are waiting")                                     \
    X(ETOOLARGE, -8, CLIENT, "a document or message is larger than a limit")                       \
    X(EBSON, -9, CLIENT, "invalid BSON")                                                           \
    X(ESELECTION, -20, SELECTION, "no suitable server")                                            \
    X(EPOOLCLEARED, -21, POOL, "the connection pool was cleared")                                  \
    X(EPOOLCLOSED, -22, POOL, "the connection pool was closed")                                    \
    X(EWAITQUEUE, -23, POOL, "timed out while waiting for a connection")                           \
    X(ENETWORK, -30, NETWORK, "network error")                                                     \
    X(ENETTIMEOUT, -31, NETWORK, "network timeout")                                                \
    X(EDNS, -32, DNS, "name resolution failed")                                                    \
    X(ETLS, -33, TLS, "TLS error")                                                                 \
    X(EAUTH, -34, AUTH, "authentication failed")                                                   \
    X(EPROTOCOL, -40, PROTOCOL, "the server broke the wire protocol")                              \
    X(ECOMPAT, -41, PROTOCOL, "the server's wire version is not supported")                        \
    X(ESERVER, -50, SERVER, "the server reported an error")                                        \
    X(EWRITE, -51, SERVER, "the server reported write errors")                                     \
    X(EMODEL, -60, MODEL, "invalid model")                                                         \
    X(EVALIDATION, -61, MODEL, "validation failed")                                                \
    X(ENOTFOUND, -62, MODEL, "no document matches")                                                \
    X(EMULTIPLE, -63, MODEL, "more than one document matches")                                     \
    X(ESTALE, -64, MODEL, "the document was changed or deleted meanwhile")                         \
    X(EDECODE, -65, MODEL, "a stored value does not fit its field")

#define MUV_ERROR_CODE_(suffix, value, domain, text) MUV_##suffix = value,
enum { MUV_ERROR_MAP(MUV_ERROR_CODE_) MUV_OK = 0 };
#undef MUV_ERROR_CODE_

/* The part of the library, or of the world, that an error speaks of. */
enum {
    MUV_DOMAIN_NONE = 0,
    MUV_DOMAIN_CLIENT,
    MUV_DOMAIN_TIMEOUT,
    MUV_DOMAIN_SELECTION,
    MUV_DOMAIN_POOL,
    MUV_DOMAIN_NETWORK,
    MUV_DOMAIN_DNS,
    MUV_DOMAIN_TLS,
    MUV_DOMAIN_AUTH,
    MUV_DOMAIN_PROTOCOL,
    MUV_DOMAIN_SERVER,
    MUV_DOMAIN_MODEL
};

/* X(suffix, bit, text): error labels of the driver specifications, as a bit set. */
#define MUV_LABEL_MAP(X)                                                                           \
    X(TRANSIENT_TRANSACTION, 0, "TransientTransactionError")                                       \
    X(UNKNOWN_COMMIT_RESULT, 1, "UnknownTransactionCommitResult")                                  \
    X(RETRYABLE_WRITE, 2, "RetryableWriteError")                                                   \
    X(NO_WRITES_PERFORMED, 3, "NoWritesPerformed")                                                 \
    X(RESUMABLE_CHANGE_STREAM, 4, "ResumableChangeStreamError")                                    \
    X(SYSTEM_OVERLOADED, 5, "SystemOverloadedError")                                               \
    X(RETRYABLE, 6, "RetryableError")

#define MUV_LABEL_BIT_(suffix, bit, text) MUV_LABEL_##suffix = 1 << (bit),
enum { MUV_LABEL_MAP(MUV_LABEL_BIT_) MUV_LABEL_NONE = 0 };
#undef MUV_LABEL_BIT_

#define MUV_ERROR_MESSAGE_SIZE 256
#define MUV_ERROR_NAME_SIZE 48
#define MUV_ERROR_HOST_SIZE 128

/* One error. In a callback it is borrowed and ends with the callback: muv_error_copy() keeps it. */
typedef struct muv_error {
    int32_t domain;       /* MUV_DOMAIN_*. */
    int32_t code;         /* MUV_E*, never 0 in an error given to a callback. */
    int32_t server_code;  /* The server's `code`, or 0. */
    int32_t system_code;  /* libuv's negative code of a network error, or 0. */
    uint32_t labels;      /* MUV_LABEL_* bits. */
    int8_t in_doubt;      /* 1: a write may have been applied although this error is reported. */
    uint32_t reply_size;  /* Length of `reply` in bytes. */
    const uint8_t *reply; /* [borrow] The server's reply as BSON, or NULL. */
    char code_name[MUV_ERROR_NAME_SIZE];  /* The server's `codeName`, or "". */
    char host[MUV_ERROR_HOST_SIZE];       /* "host:port" of the server, or "". */
    char message[MUV_ERROR_MESSAGE_SIZE]; /* One sentence naming option, field or cause. */
} muv_error_t;

/* The name ("MUV_EINVAL") of a code, and a short text for it. Never NULL; static memory. */
MUV_API const char *muv_error_name(int code);
MUV_API const char *muv_error_text(int code);

/* Does `error` carry the label named `label` ("RetryableWriteError")? Labels that this version of
 * libmuv has no bit for are looked up in the reply. NULL `error`: 0. Returns 1 or 0. */
MUV_API int muv_error_has_label(const muv_error_t *error, const char *label);

/* Keep an error beyond its callback, the server's reply included.
 *
 * error  [borrow] Not NULL.
 * ret    [own]    End it with muv_error_free().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_error_copy(const muv_error_t *error, muv_error_t **ret);

/* Free what muv_error_copy() gave. NULL is allowed. */
MUV_API void muv_error_free(muv_error_t *error);

MUV_END_DECLS

#endif
