/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares on the caller's loop: its sockets are polled, a timer drives its retries, no thread. */
#include "net/uv_dns.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

#define TICK_MS 250

/* The channel, its sockets and its timer. */
struct muv__dns {
    muv__net_t *net;
    ares_channel channel;
    uv_timer_t timer;
    uint32_t queries;
    uint8_t unwatched; /* There was no memory to watch a socket. */
    muv__list_t sockets;
};

/* One polled socket of c-ares. */
struct dns_socket {
    uv_poll_t poll;
    struct muv__dns *dns;
    ares_socket_t fd;
    muv__list_t link;
};

/* --- sockets -----------------------------------------------------------------------------------*/

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
 * Out of memory the socket goes unwatched until the next tick. */
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
    if (socket == NULL) {
        dns->unwatched = 1;
    } else {
        (void)uv_poll_start(&socket->poll,
                            (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_poll);
    }
}

/* --- the channel -------------------------------------------------------------------------------*/

static void watch_again(struct muv__dns *dns)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    unsigned bits = (unsigned)ares_getsock(dns->channel, sockets, ARES_GETSOCK_MAXNUM);

    dns->unwatched = 0;
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        /* The macros of c-ares for this shift into the sign. */
        int readable = (bits >> i & 1U) != 0;
        int writable = (bits >> (i + ARES_GETSOCK_MAXNUM) & 1U) != 0;

        if (readable || writable) {
            on_socket_state(dns, sockets[i], readable, writable);
        }
    }
}

/* c-ares counts its retries itself; it only has to be called now and then. */
static void on_tick(uv_timer_t *timer)
{
    struct muv__dns *dns = timer->data;

    if (dns->unwatched) {
        watch_again(dns);
    }

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

/* --- questions ---------------------------------------------------------------------------------*/

void muv__question_begin(muv__question_t *question, muv__net_t *net,
                         void (*deliver)(muv__question_t *question),
                         void (*discard)(muv__question_t *question))
{
    question->net = net;
    question->deliver = deliver;
    question->discard = discard;
    muv__list_init(&question->link);
    muv__list_push_back(&net->questions, &question->link);
}

ares_channel muv__question_channel(muv__question_t *question)
{
    muv__net_t *net = question->net;

    MUV__ASSERT(!question->asked);
    if (net->dns == NULL) {
        net->dns = open_dns(net);
        if (net->dns == NULL) {
            return NULL;
        }
    }
    if (net->dns->queries++ == 0) {
        (void)uv_timer_start(&net->dns->timer, on_tick, TICK_MS, TICK_MS);
    }
    question->asked = 1;
    return net->dns->channel;
}

void muv__question_answered(muv__question_t *question)
{
    muv__net_t *net = question->net;

    if (question->asked) {
        question->asked = 0;
        if (--net->dns->queries == 0) {
            (void)uv_timer_stop(&net->dns->timer);
        }
    }
    muv__list_remove(&question->link);
    if (question->cancelled) {
        question->discard(question);
        return;
    }
    muv__list_push_back(&net->answered, &question->link);
    muv__uv_wake(net);
}

void muv__uv_deliver_answers(muv__net_t *net)
{
    muv__list_t answered;
    muv__list_t *link;

    muv__list_init(&answered);
    muv__list_splice_back(&answered, &net->answered);
    while ((link = muv__list_pop_front(&answered)) != NULL) {
        muv__question_t *question = MUV__CONTAINER_OF(link, muv__question_t, link);

        muv__uv_begin(net);
        question->deliver(question);
        muv__uv_end(net);
        question->discard(question);
    }
}

void muv__question_cancel(muv__question_t *question)
{
    question->cancelled = 1;
    if (!question->asked) {
        muv__list_remove(&question->link);
        question->discard(question);
    }
}
