/* SPDX-License-Identifier: Apache-2.0 */
/* The URLs we fetch from: "http://host:port/path?query" and "https://...". No user info, no
 * fragment, nothing relative. They come from the environment and from certificates, so they are
 * outside bytes. */
#ifndef MUV__URL_H
#define MUV__URL_H

#include <stddef.h>
#include <stdint.h>

#include "base/host.h"

/* Path and query, without a NUL. */
#define MUV__URL_TARGET_MAX 2048

typedef struct muv__url {
    uint8_t secure;   /* https. */
    muv__host_t host; /* With the port of the scheme when none is given. Never a Unix socket. */
    char target[MUV__URL_TARGET_MAX + 1]; /* Begins with '/'. Visible ASCII only. */
} muv__url_t;

/* Returns 0 or MUV_EINVAL. */
int muv__url_parse(const char *text, size_t length, muv__url_t *ret);

#endif
