/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the round trip machine; the drawing is in the header. */
#include "topology/rtt_monitor.h"

#include "base/assert.h"

#include <string.h>

void muv__rtt_monitor_init(muv__rtt_monitor_t *monitor, int64_t interval_us, int64_t timeout_us)
{
    MUV__ASSERT(interval_us > 0 && timeout_us >= 0);
    memset(monitor, 0, sizeof(*monitor));
    monitor->interval_us = interval_us;
    monitor->timeout_us = timeout_us;
    monitor->wake_at_us = INT64_MAX;
}

static unsigned wake_at(muv__rtt_monitor_t *monitor, int64_t wake_at_us)
{
    monitor->wake_at_us = wake_at_us;
    return MUV__RTT_DO_ARM;
}

static unsigned begin_timeout(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    return wake_at(monitor, monitor->timeout_us == 0 ? INT64_MAX : now_us + monitor->timeout_us);
}

static unsigned send_hello(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    monitor->state = MUV__RTT_MEASURING;
    monitor->hello_us = now_us;
    return MUV__RTT_DO_HELLO | begin_timeout(monitor, now_us);
}

static unsigned begin(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    if (monitor->connected) {
        monitor->first_hello = 0;
        return send_hello(monitor, now_us);
    }
    monitor->state = MUV__RTT_CONNECTING;
    return MUV__RTT_DO_CONNECT | begin_timeout(monitor, now_us);
}

static unsigned begin_wait(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    monitor->state = MUV__RTT_WAITING;
    return wake_at(monitor, now_us + monitor->interval_us);
}

static unsigned on_connected(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    MUV__ASSERT(monitor->state == MUV__RTT_CONNECTING);
    monitor->connected = 1;
    monitor->first_hello = 1;
    return send_hello(monitor, now_us);
}

static unsigned on_reply(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    MUV__ASSERT(monitor->state == MUV__RTT_MEASURING);
    monitor->sample_us = now_us - monitor->hello_us;
    return begin_wait(monitor, now_us) | MUV__RTT_DO_SAMPLE;
}

/* A connection that is lost between two hellos does not change when the next one is due. */
static unsigned on_failed(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    MUV__ASSERT(monitor->state != MUV__RTT_OFF);
    monitor->connected = 0;
    return MUV__RTT_DO_CLOSE |
           (monitor->state == MUV__RTT_WAITING ? 0U : begin_wait(monitor, now_us));
}

static unsigned on_timer(muv__rtt_monitor_t *monitor, int64_t now_us)
{
    if (monitor->state == MUV__RTT_OFF) {
        return 0;
    }
    if (now_us < monitor->wake_at_us) {
        return MUV__RTT_DO_ARM;
    }
    return monitor->state == MUV__RTT_WAITING ? begin(monitor, now_us) : on_failed(monitor, now_us);
}

static unsigned on_stop(muv__rtt_monitor_t *monitor)
{
    unsigned effects =
        monitor->connected || monitor->state == MUV__RTT_CONNECTING ? MUV__RTT_DO_CLOSE : 0U;

    monitor->state = MUV__RTT_OFF;
    monitor->connected = 0;
    return effects | wake_at(monitor, INT64_MAX);
}

unsigned muv__rtt_monitor_step(muv__rtt_monitor_t *monitor, muv__rtt_event_t event, int64_t now_us)
{
    switch (event) {
    case MUV__RTT_ON_START:
        MUV__ASSERT(monitor->state == MUV__RTT_OFF);
        return begin(monitor, now_us);
    case MUV__RTT_ON_CONNECTED: return on_connected(monitor, now_us);
    case MUV__RTT_ON_REPLY: return on_reply(monitor, now_us);
    case MUV__RTT_ON_FAILED: return on_failed(monitor, now_us);
    case MUV__RTT_ON_TIMER: return on_timer(monitor, now_us);
    case MUV__RTT_ON_WANTED: return monitor->state == MUV__RTT_WAITING ? begin(monitor, now_us) : 0;
    case MUV__RTT_ON_STOP: return on_stop(monitor);
    }
    return 0;
}
