/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the connections of a client ask for credentials (keys of AWS, tokens of OIDC). It keeps the
 * latest ones, and obtains new ones from a source or from the user's function, once for all who
 * wait at the time (single flight).
 *
 *   IDLE --want--> DUE --time has come--> RUNNING --credentials or failure--> TELLING --> IDLE
 *     +---- want, and there are kept ones meanwhile ------------------------------^
 *
 * Suspended in: DUE (for a turn of its own, or until 100 ms have passed since the last call),
 * RUNNING (for a file, a fetch, the user's answer), TELLING (for a turn of its own). The user's
 * function is called from the client's deadlines only: it may call anything.
 *
 * Kept credentials are given until five minutes before their end (Authentication: caching
 * credentials), or until the server refuses them (muv__provider_refused()), which takes away those
 * very ones and no newer ones. */
#ifndef MUV__PROVIDER_H
#define MUV__PROVIDER_H

#include <stdint.h>

#include "auth/credentials.h"
#include "auth/oidc.h"
#include "base/deadline.h"
#include "base/list.h"
#include "fetch/fetch.h"
#include "net/net.h"
#include "provider/allowed_hosts.h"
#include "source/source.h"

#include "muv/auth.h"
#include "muv/error.h"

/* (Authentication, OIDC: calls at least 100 ms apart; a person has 5 minutes.) */
#define MUV__PROVIDER_SPACING_US INT64_C(100000)
#define MUV__PROVIDER_HUMAN_US INT64_C(300000000)

/* Keys are renewed this long before they end. */
#define MUV__PROVIDER_EARLY_S 300

typedef struct muv__provider muv__provider_t;

typedef struct muv__provider_config {
    muv__source_t *source;     /* [own] Or one of: */
    muv__credentials_t *given; /* [own] They are never asked for. */
    muv_oidc_cb oidc;
    muv_aws_cb aws;
    void *data;
    uint8_t spaced;                      /* OIDC: calls are 100 ms apart. */
    uint8_t human;                       /* OIDC_HUMAN_CALLBACK: ... */
    muv__allowed_hosts_t *allowed_hosts; /* [own] ... and whom the token may be sent to; or NULL. */
    const char *username;                /* [borrow] Or NULL. */
    int64_t timeout_us;                  /* Of a call, unless the source has its own. */
} muv__provider_config_t;

/* `fetches` is borrowed. Takes over what `config` owns also when it fails. Returns 0 or MUV_ENOMEM.
 */
int muv__provider_new(const muv__provider_config_t *config, muv__fetch_context_t *fetches,
                      muv__provider_t **ret);

/* 1 when credentials may be sent to this server (ALLOWED_HOSTS). */
int muv__provider_allows(const muv__provider_t *provider, const muv__host_t *host);

/* Nobody may wait any more. NULL is allowed. */
void muv__provider_free(muv__provider_t *provider);

/* One who waits. */
typedef struct muv__provider_waiter {
    muv__list_t link;
    uint8_t waits;   /* 0: `link` is in no list. */
    uint8_t is_kept; /* In the callback: they are not new, there may be better ones. */
    /* `credentials` are borrowed for the call, NULL with `error`. Comes in a net event of its own;
     * the waiter is free again. */
    void (*on_credentials)(struct muv__provider_waiter *waiter, muv__credentials_t *credentials,
                           const muv_error_t *error);
} muv__provider_waiter_t;

/* Credentials that may be used now, or NULL: ask for them. [borrow] */
muv__credentials_t *muv__provider_cached(muv__provider_t *provider);

/* 1 when a refresh token is kept, so that the source need not be told the issuer anew. */
int muv__provider_can_refresh(const muv__provider_t *provider);

/* Wait for new ones. `info` (human flow) is what the server said of the issuer, borrowed for the
 * call; NULL otherwise. */
void muv__provider_want(muv__provider_t *provider, muv__provider_waiter_t *waiter,
                        const muv__oidc_idp_info_t *info);

/* Wait no more. Safe on a zeroed waiter and on one who does not wait. */
void muv__provider_leave(muv__provider_waiter_t *waiter);

/* The server has refused these: they are kept no longer. NULL is allowed. */
void muv__provider_refused(muv__provider_t *provider, const muv__credentials_t *credentials);

#endif
