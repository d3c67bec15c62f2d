/* SPDX-License-Identifier: Apache-2.0 */
/* A connection string and everything a client can be configured with, as typed values.
 *
 *   muv__uri_new()         grammar and single values; unknown and bad options become warnings
 *   muv__uri_set_...()     options from the caller's struct; the same table, but bad ones are
 *                          errors
 *   muv__uri_finish()      rules between options (rules.c), defaults that depend on others
 *   muv__uri_resolve()     mongodb+srv:// only: what DNS had to add to the string
 *   muv__credential_of()   who logs in and how (credential.h)
 *
 * in this order; nothing here does I/O, so mongodb+srv:// gives one host to be looked up by others,
 * and files named by TLS options are not opened. Errors have the code MUV_EINVAL (or MUV_ENOMEM)
 * and name the option or the part; neither they nor warnings quote a value, a host or the user
 * info, because after a forgotten escape any of these can be a piece of the password. */
#ifndef MUV__URI_URI_H
#define MUV__URI_URI_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host.h"
#include "uri/options.h"
#include "uri/text.h"

#include "muv/error.h"

#define MUV__URI_SIZE_MAX 65536
#define MUV__URI_HOSTS_MAX 1000
#define MUV__URI_WARNINGS_MAX 32

typedef struct muv__uri {
    int8_t srv;           /* 1: mongodb+srv://, `hosts` has the one name to look up until
                           * muv__uri_resolve(). */
    size_t host_count;    /* At least 1. */
    muv__host_t *hosts;   /* [own] In the order of the string; duplicates are kept. */
    const char *username; /* Not empty, or NULL. */
    const char *password; /* May be empty; NULL when there is none. */
    const char *database; /* Not empty, or NULL. */
    muv__options_t options;
    size_t warning_count;
    const char *warnings[MUV__URI_WARNINGS_MAX];
    uint64_t given;         /* One bit a row that occurred in the string, also with a bad value. */
    muv__strings_t strings; /* [own] All text above; wiped when freed. */
} muv__uri_t;

/* Parse `size` bytes. A NUL among them is an error.
 *
 * text  [borrow]
 * ret   [own]    End it with muv__uri_free().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM and fills `reterr` (may be NULL). */
int muv__uri_new(const char *text, size_t size, muv_error_t *reterr, muv__uri_t **ret);

/* Wipes and frees; NULL is allowed. */
void muv__uri_free(muv__uri_t *uri);

/* Set one option by its name as in a connection string (without regard to case), replacing what
 * the string said. Text is read by the option's own rules, but is not percent-encoded:
 * "snappy,zlib", "dc:ny,rack:1", "majority". readPreferenceTags appends a set;
 * muv__uri_set_read_pref() replaces all. Values are copied. Returns 0, MUV_EINVAL (unknown name,
 * wrong kind, bad value) or MUV_ENOMEM; on failure the option is as it was. */
int muv__uri_set_text(muv__uri_t *uri, const char *name, const char *value, muv_error_t *reterr);
int muv__uri_set_int(muv__uri_t *uri, const char *name, int64_t value, muv_error_t *reterr);
int muv__uri_set_bool(muv__uri_t *uri, const char *name, int value, muv_error_t *reterr);

/* Set one of authMechanismProperties; the value may contain ','. */
int muv__uri_set_property(muv__uri_t *uri, const char *key, const char *value, muv_error_t *reterr);

/* Replace user name and password. `password` may be NULL. */
int muv__uri_set_user(muv__uri_t *uri, const char *username, const char *password,
                      muv_error_t *reterr);

/* Replace mode, tag sets and staleness together. */
int muv__uri_set_read_pref(muv__uri_t *uri, const muv__read_pref_t *pref, muv_error_t *reterr);

/* Check the rules between options and settle `tls`. May be called again after further changes.
 * Returns 0 or MUV_EINVAL. */
int muv__uri_finish(muv__uri_t *uri, muv_error_t *reterr);

/* Make of a finished mongodb+srv:// string what it would be as mongodb:// with the hosts of the SRV
 * records and the default options of the TXT record (Initial DNS Seedlist Discovery), and check the
 * rules between options anew. Options that the string or the struct has set win.
 *
 * hosts  [borrow] `host_count` of them, at least 1; they take the place of the name.
 * text   [borrow] The TXT record's strings put together; NULL when there is none.
 *
 * Returns 0, or MUV_EINVAL or MUV_ENOMEM with everything as it was before. */
int muv__uri_resolve(muv__uri_t *uri, const muv__host_t *hosts, size_t host_count, const char *text,
                     size_t size, muv_error_t *reterr);

/* Add a warning, cut to about 200 bytes. Beyond MUV__URI_WARNINGS_MAX it is dropped. Returns 0 or
 * MUV_ENOMEM. */
MUV__PRINTF(2, 3) int muv__uri_warn(muv__uri_t *uri, const char *format, ...);

#endif
