/* SPDX-License-Identifier: Apache-2.0 */
/* A net on a real loop, with a record of what its hooks heard. */
#ifndef MUV_TESTS_UNIT_NET_FIXTURE_H
#define MUV_TESTS_UNIT_NET_FIXTURE_H

#include "net/net.h"

#include "support/check.h"
#include "support/dns_stub.h"

#define WAIT_MS 20000

typedef struct net_fixture {
    uv_loop_t loop;
    muv__net_t *net;
    int64_t now_us;    /* Of the last bracket. */
    unsigned depth;    /* Inside a bracket: 1. */
    unsigned brackets; /* Ended ones. */
    unsigned timers;
    unsigned turns;
    int64_t timer_us; /* When on_timer came last. */
    bool closed;
    void (*on_timer)(struct net_fixture *f);
    void (*on_turn)(struct net_fixture *f);
} net_fixture_t;

int open_net(void **state);
int close_net(void **state);

/* The same with a scripted name server, which is the only one that the net asks. */
extern dns_stub_t *dns;

int open_dns(void **state);
int close_dns(void **state);

/* Close the net and wait for it. */
void end_net(net_fixture_t *f);

#endif
