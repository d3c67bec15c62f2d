/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/net_fixture.h"

#include <stdlib.h>

static void on_begin(void *data, int64_t now_us)
{
    net_fixture_t *f = data;

    assert_int_equal(f->depth, 0);
    assert_true(now_us >= f->now_us);
    f->depth = 1;
    f->now_us = now_us;
}

static void on_end(void *data)
{
    net_fixture_t *f = data;

    assert_int_equal(f->depth, 1);
    f->depth = 0;
    f->brackets++;
}

static void on_timer(void *data)
{
    net_fixture_t *f = data;

    assert_int_equal(f->depth, 1);
    f->timers++;
    f->timer_us = f->now_us;
    if (f->on_timer != NULL) {
        f->on_timer(f);
    }
}

static void on_turn(void *data)
{
    net_fixture_t *f = data;

    assert_int_equal(f->depth, 1);
    f->turns++;
    if (f->on_turn != NULL) {
        f->on_turn(f);
    }
}

static const muv__net_hooks_t hooks = {
    .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};

int open_net(void **state)
{
    net_fixture_t *f = calloc(1, sizeof *f);

    if (f == NULL || uv_loop_init(&f->loop) != 0 ||
        muv__net_new(&f->loop, &hooks, f, &f->net) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

static void on_closed(void *data)
{
    net_fixture_t *f = data;

    assert_int_equal(f->depth, 0);
    f->closed = true;
}

void end_net(net_fixture_t *f)
{
    muv__net_close(f->net, on_closed);
    assert_false(f->closed);
    f->net = NULL;
    run_until(&f->loop, &f->closed, WAIT_MS);
}

int close_net(void **state)
{
    net_fixture_t *f = *state;

    if (f->net != NULL) {
        end_net(f);
    }
    close_loop(&f->loop);
    free(f);
    return 0;
}

dns_stub_t *dns;

int open_dns(void **state)
{
    net_fixture_t *f;

    if (open_net(state) != 0) {
        return -1;
    }
    f = *state;
    dns = dns_new(&f->loop);
    muv__net_set_dns_servers(f->net, dns_address(dns));
    return 0;
}

int close_dns(void **state)
{
    dns_close(dns);
    return close_net(state);
}
