/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses by c-ares, no getaddrinfo(). No service name is passed: c-ares would read a
 * file for it. */
#include "net/uv_dns.h"

#include "muv/error.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

struct muv__resolve {
    muv__question_t question;
    muv__resolve_cb cb;
    void *owner;
    const char *error_text;
    size_t count;
    uint16_t port;
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
};

static muv__resolve_t *resolve_of(muv__question_t *question)
{
    return MUV__CONTAINER_OF(question, muv__resolve_t, question);
}

static void deliver(muv__question_t *question)
{
    muv__resolve_t *resolve = resolve_of(question);

    resolve->cb(resolve->owner, resolve->addrs, resolve->count, resolve->error_text);
}

static void discard(muv__question_t *question)
{
    muv__mem_free(resolve_of(question));
}

/* An address written as text needs no name server. Returns 1 when `name` is one. */
static int parse_address(const char *name, uint16_t port, muv__net_addr_t *addr)
{
    char text[INET6_ADDRSTRLEN + 20];
    char *zone;

    memset(addr, 0, sizeof(*addr));
    addr->port = port;
    if (inet_pton(AF_INET, name, addr->ip) == 1) {
        addr->family = MUV__NET_IPV4;
        return 1;
    }
    if (strlen(name) >= sizeof(text)) {
        return 0;
    }
    memcpy(text, name, strlen(name) + 1);
    zone = strchr(text, '%');
    if (zone != NULL) {
        *zone++ = '\0';
        addr->scope_id = if_nametoindex(zone);
    }
    if (inet_pton(AF_INET6, text, addr->ip) == 1) {
        addr->family = MUV__NET_IPV6;
        return 1;
    }
    return 0;
}

static void take_addresses(muv__resolve_t *resolve, const struct ares_addrinfo *result)
{
    const struct ares_addrinfo_node *node = result->nodes;

    for (; node != NULL && resolve->count < MUV__RESOLVE_MAX_ADDRS; node = node->ai_next) {
        muv__net_addr_t *addr = &resolve->addrs[resolve->count];

        memset(addr, 0, sizeof(*addr));
        addr->port = resolve->port;
        if (node->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const void *)node->ai_addr;

            addr->family = MUV__NET_IPV4;
            memcpy(addr->ip, &in->sin_addr, 4);
        } else if (node->ai_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const void *)node->ai_addr;

            addr->family = MUV__NET_IPV6;
            addr->scope_id = in6->sin6_scope_id;
            memcpy(addr->ip, &in6->sin6_addr, 16);
        } else {
            continue;
        }
        resolve->count++;
    }
}

static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *result)
{
    muv__resolve_t *resolve = data;

    (void)timeouts;
    if (status != ARES_SUCCESS) {
        resolve->error_text = ares_strerror(status);
    } else {
        take_addresses(resolve, result);
        resolve->error_text = resolve->count == 0 ? "the name has no addresses" : NULL;
    }
    if (result != NULL) {
        ares_freeaddrinfo(result);
    }
    muv__question_answered(&resolve->question);
}

int muv__net_resolve(muv__net_t *net, const char *name, uint16_t port, muv__resolve_cb cb,
                     void *owner, muv__resolve_t **ret)
{
    static const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    muv__resolve_t *resolve = muv__mem_zalloc(sizeof(*resolve));
    ares_channel channel;

    if (resolve == NULL) {
        return MUV_ENOMEM;
    }
    resolve->cb = cb;
    resolve->owner = owner;
    resolve->port = port;
    muv__question_begin(&resolve->question, net, deliver, discard);
    if (parse_address(name, port, &resolve->addrs[0])) {
        resolve->count = 1;
        muv__question_answered(&resolve->question);
    } else {
        channel = muv__question_channel(&resolve->question);
        if (channel == NULL) {
            muv__question_cancel(&resolve->question);
            return MUV_ENOMEM;
        }
        ares_getaddrinfo(channel, name, NULL, &hints, on_answer, resolve);
    }
    *ret = resolve;
    return 0;
}

void muv__resolve_cancel(muv__resolve_t *resolve)
{
    muv__question_cancel(&resolve->question);
}
