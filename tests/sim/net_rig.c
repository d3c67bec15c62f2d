/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that check how net events are bracketed. */
#include "net_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

static void on_begin(void *data, int64_t now_us)
{
    net_rig_t *rig = data;

    assert_int_equal(rig->depth++, 0);
    assert_int_equal(now_us, sim_now_us(rig->world));
}

static void on_end(void *data)
{
    net_rig_t *rig = data;

    rig->depth--;
}

static void on_nothing(void *data)
{
    (void)data;
}

void net_rig_open(net_rig_t *rig)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_nothing, .on_turn = on_nothing};

    memset(rig, 0, sizeof *rig);
    rig->world = sim_new(1);
    rig->since_us = sim_now_us(rig->world);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
}

void net_rig_on_closed(void *data)
{
    net_rig_t *rig = data;

    rig->closed = true;
}

void net_rig_end(net_rig_t *rig)
{
    muv__net_close(rig->net, net_rig_on_closed);
    sim_run(rig->world);
    assert_true(rig->closed);
    sim_free(rig->world);
    assert_int_equal(alloc_live_blocks(), 0);
}

int net_rig_now_us(const net_rig_t *rig)
{
    return (int)(sim_now_us(rig->world) - rig->since_us);
}

void net_rig_put(net_rig_t *rig, const char *format, ...)
{
    size_t size = strlen(rig->log);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(rig->log + size, sizeof rig->log - size, format, arguments);
    va_end(arguments);
}
