/* SPDX-License-Identifier: Apache-2.0 */
/* What the uv_*.c files share: the net on a libuv loop. */
#ifndef MUV__UV_NET_H
#define MUV__UV_NET_H

#include "net/net.h"

#include <uv.h>

#include "base/list.h"

struct muv__net {
    uv_loop_t *loop;
    muv__net_hooks_t hooks;
    void *data;
    uv_thread_t thread;
    uv_timer_t timer; /* Always running, so that its reference keeps the loop alive on demand. */
    uv_idle_t idle;   /* Running while a turn is posted or a due time waits for one poll. */
    uv_check_t check; /* Running while a due time waits for one poll. */
    int64_t armed_us; /* When the timer fires. */
    int64_t due_us;   /* What was asked for. */
    uint8_t posted;
    uint8_t expiring; /* The due time has passed, the poll behind it has not. */
    uint8_t closing;
    uint32_t open_handles; /* Loads and works on their way included. */
    uint32_t loads;        /* Whose callback will come. */
    uint32_t works;        /* The same. */
    uint32_t running_work; /* Given to libuv. */
    void (*on_closed)(void *data);
    const char *dns_servers;
    struct muv__dns *dns;  /* Made by the first name that is not an address. */
    muv__list_t questions; /* To name servers, not answered. */
    muv__list_t answered;  /* To be delivered in a turn of their own. */
    muv__list_t queued_work;
};

/* Open and close the bracket of one net event. */
void muv__uv_begin(muv__net_t *net);
void muv__uv_end(muv__net_t *net);

/* Run muv__uv_deliver_answers() and on_turn soon. */
void muv__uv_wake(muv__net_t *net);

/* uv_dns.c: deliver answers that have arrived; end the channel with the net. */
void muv__uv_deliver_answers(muv__net_t *net);
void muv__uv_dns_close(muv__net_t *net);

/* One handle of the net is closed, or a load or work has ended. */
void muv__uv_handle_closed(muv__net_t *net);

#endif
