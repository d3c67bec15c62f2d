/* SPDX-License-Identifier: Apache-2.0 */
/* What one logs in with that is obtained while the program runs and ends some day: keys of AWS, a
 * token of OIDC. Counted, never changed once made, wiped with its last holder. Connections keep
 * those they logged in with (OIDC: Connection Cache). */
#ifndef MUV__CREDENTIALS_H
#define MUV__CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "auth/sigv4.h"

/* For `expires_s`. */
#define MUV__CREDENTIALS_NEVER INT64_MAX

typedef struct muv__credentials {
    uint32_t refs;
    uint8_t passing;   /* Not to be kept by others: the environment may have new ones next time. */
    int64_t expires_s; /* Wall time; MUV__CREDENTIALS_NEVER: not told. */
    muv__aws_credential_t aws; /* access_key_id NULL: none. The texts lie behind the struct. */
    const char *oidc_token;    /* NULL: none. */
    const char *refresh_token; /* Of OIDC's human flow; NULL: none. */
    size_t text_size;
} muv__credentials_t;

/* Copy the texts of `values` (its `refs` and `text_size` do not matter). Returns 0 or
 * MUV_ENOMEM. */
int muv__credentials_new(const muv__credentials_t *values, muv__credentials_t **ret);

muv__credentials_t *muv__credentials_retain(muv__credentials_t *credentials);
void muv__credentials_release(muv__credentials_t *credentials); /* NULL is allowed. */

#endif
