/* SPDX-License-Identifier: Apache-2.0 */
/* Names and their parent domain, the choice among hosts, intervals. */
#include "topology/srv.h"

#include "base/assert.h"

#include "muv/error.h"

#include <stdio.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)
#define MIN_INTERVAL_S 60

void muv__srv_name(const char *service, const char *host, char text[MUV__SRV_NAME_SIZE])
{
    int length = snprintf(text, MUV__SRV_NAME_SIZE, "_%s._tcp.%s", service, host);

    MUV__ASSERT(length > 0 && length < MUV__SRV_NAME_SIZE);
}

/* The length of a name without the dot that may end it. */
static size_t name_length(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

/* The part that all hosts must share: without the first label, or with it when there are fewer than
 * three, as nobody may answer for a whole top-level domain. */
static const char *parent_domain(const char *srv_host, size_t length)
{
    const char *first = memchr(srv_host, '.', length);
    const char *end = srv_host + length;

    if (first == NULL || memchr(first + 1, '.', (size_t)(end - first) - 1) == NULL) {
        return srv_host;
    }
    return first + 1;
}

static int is_below(const muv__host_t *host, const char *domain, size_t domain_length)
{
    size_t length = strlen(host->name);

    return length > domain_length + 1 && host->name[length - domain_length - 1] == '.' &&
           memcmp(host->name + length - domain_length, domain, domain_length) == 0;
}

int muv__srv_host(const char *srv_host, const char *target, uint16_t port, muv__host_t *ret,
                  const char **ret_reason)
{
    muv__host_parts_t parts = {
        .name = target, .name_length = name_length(target), .port = port, .has_port = 1};
    size_t srv_length = name_length(srv_host);
    const char *domain = parent_domain(srv_host, srv_length);
    muv__host_t host;

    if (port == 0) {
        *ret_reason = "its port is 0";
        return MUV_EINVAL;
    }
    if (muv__host_set(&parts, &host, ret_reason) != 0) {
        return MUV_EINVAL;
    }
    if (host.kind != MUV__HOST_NAME || host.name[0] == '.' || strstr(host.name, "..") != NULL) {
        *ret_reason = "it is no host name";
        return MUV_EINVAL;
    }
    if (!is_below(&host, domain, (size_t)(srv_host + srv_length - domain))) {
        *ret_reason = "it does not lie in the domain of the connection string's host";
        return MUV_EINVAL;
    }
    *ret = host;
    return 0;
}

uint32_t muv__srv_unique(muv__host_t *hosts, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;

        while (at < kept && !muv__host_equal(&hosts[at], &hosts[i])) {
            at++;
        }
        if (at == kept) {
            if (at != i) {
                hosts[at] = hosts[i];
            }
            kept++;
        }
    }
    return kept;
}

uint32_t muv__srv_choose(muv__host_t *hosts, uint32_t count, uint32_t max_count,
                         muv__random_t *random)
{
    if (max_count == 0 || max_count >= count) {
        return count;
    }
    for (uint32_t i = 0; i < max_count; i++) {
        uint32_t other = i + (uint32_t)(muv__random_next(random) % (count - i));
        muv__host_t chosen = hosts[other];

        hosts[other] = hosts[i];
        hosts[i] = chosen;
    }
    return max_count;
}

int64_t muv__srv_interval_us(int found, uint32_t lowest_ttl_s, int64_t heartbeat_interval_us)
{
    if (!found) {
        return heartbeat_interval_us;
    }
    return (lowest_ttl_s > MIN_INTERVAL_S ? lowest_ttl_s : MIN_INTERVAL_S) * US_PER_S;
}

int muv__srv_is_polled(muv__topology_type_t type)
{
    return type == MUV__TOPOLOGY_UNKNOWN || type == MUV__TOPOLOGY_SHARDED;
}
