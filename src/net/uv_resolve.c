/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses by c-ares, whose sockets are polled on the caller's loop: no thread, no
 * getaddrinfo(). No service name is passed (c-ares would read a file for it), and answers are
 * always delivered from a posted turn, because c-ares may answer inside the call. */
#include "net/uv_net.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

#include <sys/select.h>

#include <ares.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#define TICK_MS 250

/* The channel, its sockets and its timer. */
struct muv__dns {
    muv__net_t *net;
    ares_channel channel;
    uv_timer_t timer;
    uint32_t queries;
    muv__list_t sockets;
};

/* One polled socket of c-ares. */
struct dns_socket {
    uv_poll_t poll;
    struct muv__dns *dns;
    ares_socket_t fd;
    muv__list_t link;
};

struct muv__resolve {
    muv__list_t link;
    muv__net_t *net;
    muv__resolve_cb cb;
    void *owner;
    const char *error_text;
    size_t count;
    uint16_t port;
    uint8_t cancelled;
    uint8_t asked; /* c-ares holds a pointer to it. */
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
};

static void finish(muv__resolve_t *resolve)
{
    muv__list_remove(&resolve->link);
    if (resolve->cancelled) {
        muv__mem_free(resolve);
        return;
    }
    muv__list_push_back(&resolve->net->resolved, &resolve->link);
    muv__uv_wake(resolve->net);
}

void muv__uv_deliver_resolved(muv__net_t *net)
{
    muv__list_t answered;
    muv__list_t *link;

    muv__list_init(&answered);
    muv__list_splice_back(&answered, &net->resolved);
    while ((link = muv__list_pop_front(&answered)) != NULL) {
        muv__resolve_t *resolve = MUV__CONTAINER_OF(link, muv__resolve_t, link);

        if (!resolve->cancelled) {
            muv__uv_begin(net);
            resolve->cb(resolve->owner, resolve->addrs, resolve->count, resolve->error_text);
            muv__uv_end(net);
        }
        muv__mem_free(resolve);
    }
}

void muv__resolve_cancel(muv__resolve_t *resolve)
{
    resolve->cancelled = 1;
    if (!resolve->asked) {
        muv__list_remove(&resolve->link);
        muv__mem_free(resolve);
    }
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

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct dns_socket *socket = poll->data;
    struct muv__dns *dns = socket->dns;
    int readable = status < 0 || (events & UV_READABLE) != 0;
    int writable = status < 0 || (events & UV_WRITABLE) != 0;

    ares_process_fd(dns->channel, readable ? socket->fd : ARES_SOCKET_BAD,
                    writable ? socket->fd : ARES_SOCKET_BAD);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct dns_socket *socket = handle->data;
    muv__net_t *net = socket->dns->net;

    muv__mem_free(socket);
    muv__uv_handle_closed(net);
}

static struct dns_socket *find_socket(struct muv__dns *dns, ares_socket_t fd)
{
    for (muv__list_t *link = dns->sockets.next; link != &dns->sockets; link = link->next) {
        struct dns_socket *socket = MUV__CONTAINER_OF(link, struct dns_socket, link);

        if (socket->fd == fd) {
            return socket;
        }
    }
    return NULL;
}

static struct dns_socket *add_socket(struct muv__dns *dns, ares_socket_t fd)
{
    struct dns_socket *socket = muv__mem_zalloc(sizeof(*socket));

    if (socket == NULL) {
        return NULL;
    }
    if (uv_poll_init_socket(dns->net->loop, &socket->poll, fd) != 0) {
        muv__mem_free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    socket->dns = dns;
    socket->fd = fd;
    muv__list_init(&socket->link);
    muv__list_push_back(&dns->sockets, &socket->link);
    uv_unref((uv_handle_t *)&socket->poll);
    dns->net->open_handles++;
    return socket;
}

/* c-ares wants to know when `fd` becomes readable or writable; neither: it is about to close it.
 * Out of memory the socket goes unwatched and the query runs into its timeout. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct muv__dns *dns = data;
    struct dns_socket *socket = find_socket(dns, fd);

    if (!readable && !writable) {
        if (socket != NULL) {
            muv__list_remove(&socket->link);
            (void)uv_poll_stop(&socket->poll);
            uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
        }
        return;
    }
    if (socket == NULL) {
        socket = add_socket(dns, fd);
    }
    if (socket != NULL) {
        (void)uv_poll_start(&socket->poll,
                            (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_poll);
    }
}

/* c-ares counts its retries itself; it only has to be called now and then. */
static void on_tick(uv_timer_t *timer)
{
    struct muv__dns *dns = timer->data;

    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static struct muv__dns *open_dns(muv__net_t *net)
{
    struct muv__dns *dns = muv__mem_zalloc(sizeof(*dns));
    struct ares_options options;

    if (dns == NULL) {
        return NULL;
    }
    memset(&options, 0, sizeof(options));
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = dns;
    if (ares_init_options(&dns->channel, &options, ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
        muv__mem_free(dns);
        return NULL;
    }
    if (net->dns_servers != NULL &&
        ares_set_servers_ports_csv(dns->channel, net->dns_servers) != ARES_SUCCESS) {
        ares_destroy(dns->channel);
        muv__mem_free(dns);
        return NULL;
    }
    dns->net = net;
    muv__list_init(&dns->sockets);
    (void)uv_timer_init(net->loop, &dns->timer); /* Always 0. */
    dns->timer.data = dns;
    uv_unref((uv_handle_t *)&dns->timer);
    net->open_handles++;
    return dns;
}

static void query_ended(struct muv__dns *dns)
{
    if (--dns->queries == 0) {
        (void)uv_timer_stop(&dns->timer);
    }
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
    resolve->asked = 0;
    query_ended(resolve->net->dns);
    if (status != ARES_SUCCESS) {
        resolve->error_text = ares_strerror(status);
    } else {
        take_addresses(resolve, result);
        resolve->error_text = resolve->count == 0 ? "the name has no addresses" : NULL;
    }
    if (result != NULL) {
        ares_freeaddrinfo(result);
    }
    finish(resolve);
}

static int ask(muv__resolve_t *resolve, const char *name)
{
    static const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    muv__net_t *net = resolve->net;

    if (net->dns == NULL) {
        net->dns = open_dns(net);
        if (net->dns == NULL) {
            return MUV_ENOMEM;
        }
    }
    if (net->dns->queries++ == 0) {
        (void)uv_timer_start(&net->dns->timer, on_tick, TICK_MS, TICK_MS);
    }
    resolve->asked = 1;
    ares_getaddrinfo(net->dns->channel, name, NULL, &hints, on_answer, resolve);
    return 0;
}

int muv__net_resolve(muv__net_t *net, const char *name, uint16_t port, muv__resolve_cb cb,
                     void *owner, muv__resolve_t **ret)
{
    muv__resolve_t *resolve = muv__mem_zalloc(sizeof(*resolve));
    int status;

    if (resolve == NULL) {
        return MUV_ENOMEM;
    }
    resolve->net = net;
    resolve->cb = cb;
    resolve->owner = owner;
    resolve->port = port;
    muv__list_init(&resolve->link);
    muv__list_push_back(&net->resolves, &resolve->link);
    if (parse_address(name, port, &resolve->addrs[0])) {
        resolve->count = 1;
        finish(resolve);
    } else {
        status = ask(resolve, name);
        if (status != 0) {
            muv__list_remove(&resolve->link);
            muv__mem_free(resolve);
            return status;
        }
    }
    *ret = resolve;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    muv__uv_handle_closed(handle->data);
}

void muv__uv_dns_close(muv__net_t *net)
{
    if (net->dns != NULL) {
        struct muv__dns *dns = net->dns;

        /* Cancelled queries are answered inside this call and freed. */
        ares_destroy(dns->channel);
        dns->timer.data = net;
        uv_close((uv_handle_t *)&dns->timer, on_timer_closed);
    }
}
