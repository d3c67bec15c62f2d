/* SPDX-License-Identifier: Apache-2.0 */
/* ALLOWED_HOSTS of OIDC's human flow: a person's token is only sent to servers that this list
 * names. Ports do not matter; "*.example.com" stands for all names below example.com. */
#ifndef MUV__ALLOWED_HOSTS_H
#define MUV__ALLOWED_HOSTS_H

#include <stddef.h>

#include "base/host.h"

typedef struct muv__allowed_hosts {
    size_t count;
    const char *patterns[]; /* The texts lie behind. */
} muv__allowed_hosts_t;

/* Copy the patterns, of which there may be none; NULL: the specification's default. Returns 0 or
 * MUV_ENOMEM. [own] muv__mem_free() */
int muv__allowed_hosts_new(const char *const *patterns, size_t count, muv__allowed_hosts_t **ret);

/* 1 or 0. Names compare without case; a Unix socket is on no list. */
int muv__allowed_hosts_match(const muv__allowed_hosts_t *hosts, const muv__host_t *host);

#endif
