/* SPDX-License-Identifier: Apache-2.0 */
/* A real Kerberos realm of a test's own: MIT's key server on a free port of 127.0.0.1, with its
 * database, its configuration and all keys in a temporary folder. Libraries of this process are led
 * there by environment variables (KRB5_CONFIG, KRB5CCNAME, KRB5_KTNAME), so there is one at a time,
 * and it is started before any thread. The system's own configuration is never read.
 *
 * There is a second realm, KDC_SILENT_REALM, whose key server never answers. Everything blocks. */
#ifndef MUV_TESTS_SUPPORT_KDC_H
#define MUV_TESTS_SUPPORT_KDC_H

#include <stdbool.h>

#define KDC_REALM "MUV.TEST"
#define KDC_SILENT_REALM "SILENT.TEST"

typedef struct kdc kdc_t;

/* The first program that is missing (Debian: krb5-kdc, krb5-admin-server, krb5-user), or NULL. */
const char *kdc_missing(void);

/* Returns [own] kdc_stop() it. NULL, and the reason is printed, when it does not start. */
kdc_t *kdc_start(void);

/* End it and remove its folder. NULL is allowed. */
void kdc_stop(kdc_t *kdc);

/* A principal with a password; without a realm it is one of KDC_REALM. */
void kdc_add_user(kdc_t *kdc, const char *principal, const char *password);

/* A principal with a random key, which also goes into the keytab that KRB5_KTNAME names. */
void kdc_add_service(kdc_t *kdc, const char *principal);

/* Give the service a new key, of which the keytab knows nothing. */
void kdc_change_service(kdc_t *kdc, const char *principal);

/* The tickets of this process are from now on those of `user`: one from the key server that lasts
 * `lifetime_s`; NULL: none. */
void kdc_use_tickets(kdc_t *kdc, const char *user, const char *password, int lifetime_s);

/* The same, and the user's key is in a keytab of its own (KRB5_CLIENT_KTNAME) instead. Until the
 * next call of kdc_use_tickets(). */
void kdc_use_keytab(kdc_t *kdc, const char *user);

/* Wait until the tickets in use have expired. */
void kdc_await_expiry(kdc_t *kdc);

/* The key server of the silent realm takes connections from now on; and: they are reset, and new
 * ones refused. */
void kdc_begin_silence(kdc_t *kdc);
void kdc_end_silence(kdc_t *kdc);

/* Has somebody connected to it? A condition for run_until_true(). */
bool kdc_is_asked(void *kdc);

#endif
