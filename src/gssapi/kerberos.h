/* SPDX-License-Identifier: Apache-2.0 */
/* What a login needs of a Kerberos library: credentials, a security context, wrapped messages.
 * kerberos_mit.c does it with MIT's; kerberos_none.c takes its place in a build without, and
 * refuses.
 *
 * These calls block: they ask key servers and name servers and read files. So they run on another
 * thread, one at a time for each muv__krb5_t, and use no memory of muv__mem_*(): an allocator of
 * the user's need not be made for threads. */
#ifndef MUV__KERBEROS_H
#define MUV__KERBEROS_H

#include <stddef.h>

#include "base/span.h"
#include "gssapi/host.h"

#define MUV__KRB5_WHY_SIZE 200

/* Who logs in where. All of it is borrowed. */
typedef struct muv__krb5_names {
    const char *username; /* A principal; without a realm: the library's default one. */
    const char *password; /* NULL: with a ticket that exists, or a client's keytab. */
    const char *service_name;
    const char *service_host;
    const char *service_realm; /* NULL: as the library's configuration maps the host. */
    muv__gssapi_canonicalize_t canonicalize;
} muv__krb5_names_t;

typedef struct muv__krb5 {
    void *credential; /* [own] These four are the library's. */
    void *target;     /* [own] */
    void *context;    /* [own] */
    void *output;     /* [own] What the last call made, of `output_size` bytes. */
    size_t output_size;
    char why[MUV__KRB5_WHY_SIZE]; /* Of a failure: printable ASCII, no secret. */
} muv__krb5_t;

/* 1, or 0 when this build has no library. Does not block. */
int muv__krb5_available(void);

/* Acquire the credential of a zeroed one. Returns 0, or -1 with `why`; so do the others. */
int muv__krb5_begin(muv__krb5_t *krb5, const muv__krb5_names_t *names);

/* Take the server's token, empty the first time, and make ours as output. Returns 1 when the
 * context stands, both sides know who the other one is, and the output may be empty; 0 when the
 * server has to answer; -1. */
int muv__krb5_establish(muv__krb5_t *krb5, muv__span_t token);

/* The output is the message inside; or around, not encrypted. */
int muv__krb5_unwrap(muv__krb5_t *krb5, muv__span_t message);
int muv__krb5_wrap(muv__krb5_t *krb5, muv__span_t message);

/* Give everything back; the output is wiped. Does not block. Safe on a zeroed one. */
void muv__krb5_end(muv__krb5_t *krb5);

#endif
