/* SPDX-License-Identifier: Apache-2.0 */
/* The host part of a service's principal, and the principal as a text. */
#ifndef MUV__GSSAPI_HOST_H
#define MUV__GSSAPI_HOST_H

#include <stddef.h>

#include "base/host.h"

/* (Authentication, GSSAPI: CANONICALIZE_HOST_NAME) */
typedef enum muv__gssapi_canonicalize {
    MUV__GSSAPI_AS_IS = 0, /* "none" and "false". */
    MUV__GSSAPI_FORWARD,
    MUV__GSSAPI_FORWARD_AND_REVERSE /* Also "true". */
} muv__gssapi_canonicalize_t;

/* Of a value that was checked before; NULL: not given. */
muv__gssapi_canonicalize_t muv__gssapi_canonicalize_of(const char *value);

/* The name of `host` that name servers know, in lower case; `host` itself when they know none, or
 * one that is too long. Blocks, like the library's own look-ups: for other threads only. */
void muv__gssapi_canonical_host(const char *host, muv__gssapi_canonicalize_t canonicalize,
                                char ret[MUV__HOST_NAME_MAX + 1]);

/* Write "service/host@realm" with what is special in a principal escaped (krb5_parse_name). An
 * empty realm stays empty: the key servers find it. Returns the length, or 0 when `size` does not
 * hold it and its NUL. */
size_t muv__gssapi_principal(const char *service, const char *host, const char *realm, char *ret,
                             size_t size);

#endif
