/* SPDX-License-Identifier: Apache-2.0 */
/* Matching of names against patterns. */
#include "provider/allowed_hosts.h"

#include <string.h>

#include "base/ascii.h"
#include "base/compiler.h"
#include "base/mem.h"

#include "muv/error.h"

/* (Authentication: MONGODB-OIDC, ALLOWED_HOSTS.) */
static const char *const defaults[] = {
    "*.mongodb.net",
    "*.mongodb-qa.net",
    "*.mongodb-dev.net",
    "*.mongodbgov.net",
    "localhost",
    "127.0.0.1",
    "::1",
};

int muv__allowed_hosts_new(const char *const *patterns, size_t count, muv__allowed_hosts_t **ret)
{
    muv__allowed_hosts_t *hosts;
    size_t text_size = 0;
    char *at;

    if (patterns == NULL) {
        patterns = defaults;
        count = MUV__COUNT_OF(defaults);
    }
    for (size_t i = 0; i < count; i++) {
        text_size += strlen(patterns[i]) + 1;
    }
    hosts = muv__mem_alloc(sizeof(*hosts) + count * sizeof(hosts->patterns[0]) + text_size);
    if (hosts == NULL) {
        return MUV_ENOMEM;
    }
    hosts->count = count;
    at = (char *)(hosts->patterns + count);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(patterns[i]) + 1;

        memcpy(at, patterns[i], size);
        hosts->patterns[i] = at;
        at += size;
    }
    *ret = hosts;
    return 0;
}

/* `name` is in lower case already. */
static int equals(const char *pattern, const char *name)
{
    while (*pattern != '\0' && muv__ascii_lower(*pattern) == *name) {
        pattern++;
        name++;
    }
    return *pattern == '\0' && *name == '\0';
}

static int matches(const char *pattern, const muv__host_t *host)
{
    size_t name_length = strlen(host->name);
    size_t tail_length;

    if (strncmp(pattern, "*.", 2) != 0) {
        return equals(pattern, host->name);
    }
    /* At least one byte stands in for the star; addresses have nothing below them. */
    tail_length = strlen(pattern) - 1;
    return host->kind == MUV__HOST_NAME && name_length > tail_length &&
           equals(pattern + 1, host->name + name_length - tail_length);
}

int muv__allowed_hosts_match(const muv__allowed_hosts_t *hosts, const muv__host_t *host)
{
    if (host->kind == MUV__HOST_UNIX) {
        return 0;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        if (matches(hosts->patterns[i], host)) {
            return 1;
        }
    }
    return 0;
}
