/* SPDX-License-Identifier: Apache-2.0 */
/* SASLprep (RFC 4013) of a password as a stored string, on libidn: what SCRAM-SHA-256 hashes.
 * User names never go through it, and neither does SCRAM-SHA-1. */
#ifndef MUV__SASLPREP_H
#define MUV__SASLPREP_H

#include "auth/secret.h"

/* Prepare a password. Plain ASCII is only checked; libidn, which does not wipe its own
 * intermediate copies, sees nothing of it.
 *
 * password  [borrow]
 * ret       [own]    Without a NUL; end it with muv__secret_done().
 * ret_why   Why it cannot be used, as static text without any part of it.
 *
 * Returns 0, MUV_ENOMEM, or MUV_EAUTH with `ret_why`. */
int muv__saslprep(const char *password, muv__secret_t *ret, const char **ret_why);

#endif
