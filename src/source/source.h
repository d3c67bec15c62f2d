/* SPDX-License-Identifier: Apache-2.0 */
/* A source of credentials, as a pure machine: it says what to fetch or which file to read next, is
 * told what came, and ends with credentials or with a reason. The provider (src/provider) carries
 * it out; one run at a time, any number of runs one after the other.
 *
 *   begin --> FETCH --on_response--> FETCH ... --> DONE | FAILED
 *         \-> READ  --on_file------> FETCH | DONE | FAILED */
#ifndef MUV__SOURCE_H
#define MUV__SOURCE_H

#include <stdint.h>

#include "auth/credentials.h"
#include "http/request.h"
#include "http/response.h"

/* As muv__net_environment(): the value of a variable, or NULL. */
typedef const char *(*muv__source_get_t)(const char *name, void *data);

/* Files of tokens are not larger. */
#define MUV__SOURCE_MAX_FILE (64 * 1024)

typedef enum muv__source_next {
    MUV__SOURCE_FETCH, /* Fetch `request`, tell on_response(). */
    MUV__SOURCE_READ,  /* Read the file `path`, tell on_file(). */
    MUV__SOURCE_DONE,  /* `credentials` is filled: take it. */
    MUV__SOURCE_FAILED /* `why` says it: a text without secrets. */
} muv__source_next_t;

typedef struct muv__source muv__source_t;

typedef struct muv__source_ops {
    /* `random` is 16 unpredictable bytes (names of role sessions). */
    muv__source_next_t (*begin)(muv__source_t *source, int64_t wall_s, const uint8_t *random);
    /* `response` is NULL when there was none; `why` then is a text for people. */
    muv__source_next_t (*on_response)(muv__source_t *source, const muv__http_response_t *response,
                                      const char *why);
    /* `content` without `why`, or `why` it could not be read. Line ends at its end are no part of
     * a token. */
    muv__source_next_t (*on_file)(muv__source_t *source, muv__span_t content, const char *why);
    /* Wipe and free it, in any state. */
    void (*free)(muv__source_t *source);
} muv__source_ops_t;

#define MUV__SOURCE_WHY_SIZE 256

/* The first member of every source. */
struct muv__source {
    const muv__source_ops_t *ops;
    muv__http_request_t request;     /* Its texts stay as they are until it has been written. */
    const char *path;                /* [borrow] */
    muv__credentials_t *credentials; /* Counted; whoever takes it sets NULL. */
    int64_t timeout_us;              /* For the whole run; 0: the provider's. */
    char why[MUV__SOURCE_WHY_SIZE];
};

/* --- AWS (aws_source.c) ------------------------------------------------------------------------*/

/* MONGODB-AWS in the specification's order: environment, web identity, ECS, EC2. `get` must live as
 * long as the source. Returns 0 or MUV_ENOMEM. */
int muv__aws_source_new(muv__source_get_t get, void *data, muv__source_t **ret);

/* 1 when such a source will want https (web identity, or an endpoint that the environment places
 * there): authorities are then read once, when the client is made. */
int muv__aws_source_wants_tls(muv__source_get_t get, void *data);

/* --- OIDC (oidc_source.c) ----------------------------------------------------------------------*/

typedef struct muv__oidc_source_config {
    const char *environment;    /* "test", "azure", "gcp" or "k8s". */
    const char *token_resource; /* TOKEN_RESOURCE; azure and gcp only. */
    const char *username;       /* Azure: the client id of a managed identity; or NULL. */
    muv__source_get_t get;
    void *data;
} muv__oidc_source_config_t;

/* Everything in `config` is borrowed as long as the source lives. Returns 0, MUV_ENOMEM, or
 * MUV_EINVAL for an environment nobody knows. */
int muv__oidc_source_new(const muv__oidc_source_config_t *config, muv__source_t **ret);

#endif
