/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs in, where and how: the result of user info, database and auth* options by the rules of
 * each mechanism (Authentication: MongoCredential). Everything is borrowed from the uri.
 *
 * It is a step after muv__uri_finish(), because some rules depend on what only the caller's struct
 * can hold: MONGODB-OIDC needs either an ENVIRONMENT in the string or a callback. */
#ifndef MUV__URI_CREDENTIAL_H
#define MUV__URI_CREDENTIAL_H

#include "uri/uri.h"

#include "muv/error.h"

typedef struct muv__credential {
    int8_t enabled;       /* 0: no login; everything else is empty then. */
    int8_t mechanism;     /* MUV__AUTH_*. */
    const char *username; /* NULL when there is none. */
    const char *password; /* NULL when there is none. With MUV__AUTH_DEFAULT this may be the case
                           * although a user is named: the connection string is valid then, and
                           * the login fails. */
    const char *source;   /* Never NULL when enabled. */
    uint8_t property_count;
    muv__property_t properties[MUV__PROPERTIES_MAX]; /* Defaults of the mechanism included. */
} muv__credential_t;

/* Resolve and check.
 *
 * has_oidc_callback  1 when the caller brings its own source of OIDC tokens.
 *
 * Returns 0 (also when no login is wanted), or MUV_EINVAL and fills `reterr`; the message names the
 * option or mechanism and no value. */
int muv__credential_of(const muv__uri_t *uri, int has_oidc_callback, muv_error_t *reterr,
                       muv__credential_t *ret);

/* The value of a property, or NULL. */
const char *muv__credential_property(const muv__credential_t *credential, const char *key);

#endif
