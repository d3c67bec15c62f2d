/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the monitor machine; the drawing is in the header. */
#include "topology/heartbeat.h"

#include "base/assert.h"

#include <string.h>

#define BIT(state) (1U << MUV__HEARTBEAT_##state)

static void move_to(muv__heartbeat_t *heartbeat, muv__heartbeat_state_t state)
{
    static const unsigned allowed[] = {
        [MUV__HEARTBEAT_IDLE] = BIT(CONNECTING) | BIT(STOPPED),
        [MUV__HEARTBEAT_CONNECTING] = BIT(CHECKING) | BIT(WAITING) | BIT(STOPPED),
        [MUV__HEARTBEAT_CHECKING] = BIT(WAITING) | BIT(STOPPED),
        [MUV__HEARTBEAT_STREAMING] = BIT(WAITING) | BIT(STOPPED),
        [MUV__HEARTBEAT_WAITING] = BIT(CONNECTING) | BIT(CHECKING) | BIT(STREAMING) | BIT(STOPPED),
        [MUV__HEARTBEAT_STOPPED] = 0,
    };

    MUV__ASSERT((allowed[heartbeat->state] >> state & 1U) != 0);
    heartbeat->state = state;
}

void muv__heartbeat_init(muv__heartbeat_t *heartbeat, int64_t interval_us, int64_t timeout_us,
                         int may_stream)
{
    MUV__ASSERT(timeout_us >= 0);
    memset(heartbeat, 0, sizeof(*heartbeat));
    heartbeat->interval_us =
        interval_us < MUV__HEARTBEAT_MIN_GAP_US ? MUV__HEARTBEAT_MIN_GAP_US : interval_us;
    heartbeat->timeout_us = timeout_us;
    heartbeat->may_stream = may_stream != 0;
    heartbeat->wake_at_us = INT64_MAX;
}

static unsigned wake_at(muv__heartbeat_t *heartbeat, int64_t wake_at_us)
{
    heartbeat->wake_at_us = wake_at_us;
    return MUV__HEARTBEAT_DO_ARM;
}

/* `wait_us`: how long the server itself may take before it answers. */
static unsigned begin_timeout(muv__heartbeat_t *heartbeat, int64_t wait_us, int64_t now_us)
{
    return wake_at(heartbeat, heartbeat->timeout_us == 0
                                  ? INT64_MAX
                                  : now_us + heartbeat->timeout_us + wait_us);
}

static unsigned send_hello(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    move_to(heartbeat, MUV__HEARTBEAT_CHECKING);
    heartbeat->hello_us = now_us;
    return MUV__HEARTBEAT_DO_HELLO | begin_timeout(heartbeat, 0, now_us);
}

/* (SDAM monitoring: streaming reads with connectTimeoutMS + heartbeatFrequencyMS.) */
static unsigned begin_stream(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    unsigned effects = begin_timeout(heartbeat, heartbeat->interval_us, now_us);

    move_to(heartbeat, MUV__HEARTBEAT_STREAMING);
    return heartbeat->stream == MUV__HEARTBEAT_MORE ? effects : effects | MUV__HEARTBEAT_DO_AWAIT;
}

static unsigned begin_check(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    heartbeat->timed_out = 0;
    heartbeat->cancelled = 0;
    heartbeat->awaited = heartbeat->stream != MUV__HEARTBEAT_POLL;
    heartbeat->began_us = now_us;
    if (heartbeat->connected) {
        heartbeat->first_hello = 0;
        return MUV__HEARTBEAT_DO_BEGIN | (heartbeat->awaited ? begin_stream(heartbeat, now_us)
                                                             : send_hello(heartbeat, now_us));
    }
    MUV__ASSERT(!heartbeat->awaited);
    move_to(heartbeat, MUV__HEARTBEAT_CONNECTING);
    return MUV__HEARTBEAT_DO_BEGIN | MUV__HEARTBEAT_DO_CONNECT |
           begin_timeout(heartbeat, 0, now_us);
}

/* Both intervals count from the end of the check before. The minimum gap holds whoever asks, so a
 * burst of failing operations cannot become a burst of hellos (SDAM: minHeartbeatFrequencyMS). */
static unsigned begin_wait(muv__heartbeat_t *heartbeat, int64_t gap_us, int64_t now_us)
{
    move_to(heartbeat, MUV__HEARTBEAT_WAITING);
    heartbeat->ended_us = now_us;
    return wake_at(heartbeat, now_us + gap_us);
}

static unsigned on_connected(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    MUV__ASSERT(heartbeat->state == MUV__HEARTBEAT_CONNECTING);
    heartbeat->connected = 1;
    heartbeat->first_hello = 1;
    return send_hello(heartbeat, now_us);
}

/* An awaited reply tells how long nothing changed, not how far away the server is. */
static unsigned on_reply(muv__heartbeat_t *heartbeat, muv__heartbeat_stream_t next, int64_t now_us)
{
    int streamed = heartbeat->state == MUV__HEARTBEAT_STREAMING;

    MUV__ASSERT(streamed || heartbeat->state == MUV__HEARTBEAT_CHECKING);
    MUV__ASSERT(streamed || next != MUV__HEARTBEAT_MORE);
    heartbeat->rtt_us = streamed ? -1 : now_us - heartbeat->hello_us;
    heartbeat->server_known = 1;
    heartbeat->stream = (uint8_t)(heartbeat->may_stream ? next : MUV__HEARTBEAT_POLL);
    return MUV__HEARTBEAT_DO_SUCCEED |
           begin_wait(heartbeat,
                      heartbeat->stream == MUV__HEARTBEAT_POLL ? heartbeat->interval_us : 0,
                      now_us);
}

static int is_running(const muv__heartbeat_t *heartbeat)
{
    return heartbeat->state == MUV__HEARTBEAT_CONNECTING ||
           heartbeat->state == MUV__HEARTBEAT_CHECKING ||
           heartbeat->state == MUV__HEARTBEAT_STREAMING;
}

static unsigned disconnect(muv__heartbeat_t *heartbeat)
{
    heartbeat->connected = 0;
    heartbeat->stream = MUV__HEARTBEAT_POLL;
    return MUV__HEARTBEAT_DO_CLOSE;
}

static unsigned end_check(muv__heartbeat_t *heartbeat, int64_t gap_us, int64_t now_us)
{
    return disconnect(heartbeat) | MUV__HEARTBEAT_DO_FAIL | begin_wait(heartbeat, gap_us, now_us);
}

static unsigned fail_check(muv__heartbeat_t *heartbeat, int64_t gap_us, int64_t now_us)
{
    heartbeat->server_known = 0;
    return end_check(heartbeat, gap_us, now_us);
}

/* A server that was fine a moment ago may only have dropped this connection: one more try at once
 * before its operations wait for a whole interval (SDAM: network error when calling hello). */
static unsigned fail_by_network(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    return fail_check(heartbeat, heartbeat->server_known ? 0 : heartbeat->interval_us, now_us);
}

static unsigned check_now(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    int64_t due_us = heartbeat->ended_us + MUV__HEARTBEAT_MIN_GAP_US;

    /* A running check will tell soon enough; before the start and after the end there is none. */
    if (heartbeat->state != MUV__HEARTBEAT_WAITING) {
        return 0;
    }
    if (due_us < now_us) {
        due_us = now_us;
    }
    return due_us < heartbeat->wake_at_us ? wake_at(heartbeat, due_us) : 0;
}

static unsigned on_failed(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    if (is_running(heartbeat)) {
        return fail_by_network(heartbeat, now_us);
    }
    /* The server closed a connection on which nothing was going on: no check has failed, but there
     * is reason for one. */
    MUV__ASSERT(heartbeat->state == MUV__HEARTBEAT_WAITING && heartbeat->connected);
    return disconnect(heartbeat) | check_now(heartbeat, now_us);
}

static unsigned on_timer(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    if (heartbeat->state == MUV__HEARTBEAT_IDLE) {
        return 0;
    }
    if (now_us < heartbeat->wake_at_us) {
        return MUV__HEARTBEAT_DO_ARM;
    }
    if (heartbeat->state == MUV__HEARTBEAT_WAITING) {
        return begin_check(heartbeat, now_us);
    }
    heartbeat->timed_out = 1;
    return fail_by_network(heartbeat, now_us);
}

/* The operation's error has marked the server Unknown already. What broke the operation's
 * connection may well have broken this one, so that the next check, which waits for the gap only,
 * is made on a new one; also when there is none to cancel at the moment (SDAM monitoring:
 * cancelCheck). */
static unsigned on_cancel(muv__heartbeat_t *heartbeat, int64_t now_us)
{
    int64_t due_us = heartbeat->ended_us + MUV__HEARTBEAT_MIN_GAP_US;

    if (is_running(heartbeat)) {
        heartbeat->cancelled = 1;
        return end_check(heartbeat, MUV__HEARTBEAT_MIN_GAP_US, now_us);
    }
    if (!heartbeat->connected) {
        return 0;
    }
    return disconnect(heartbeat) |
           (heartbeat->wake_at_us < due_us ? wake_at(heartbeat, due_us) : 0U);
}

/* Every check that was begun has an end, also this one (SDAM monitoring: heartbeat events). */
static unsigned on_stop(muv__heartbeat_t *heartbeat)
{
    unsigned effects = 0;

    if (is_running(heartbeat)) {
        heartbeat->cancelled = 1;
        effects = MUV__HEARTBEAT_DO_CLOSE | MUV__HEARTBEAT_DO_FAIL;
    } else if (heartbeat->connected) {
        effects = MUV__HEARTBEAT_DO_CLOSE;
    }
    (void)disconnect(heartbeat);
    move_to(heartbeat, MUV__HEARTBEAT_STOPPED);
    return effects | wake_at(heartbeat, INT64_MAX);
}

unsigned muv__heartbeat_step(muv__heartbeat_t *heartbeat, muv__heartbeat_event_t event,
                             int64_t now_us)
{
    MUV__ASSERT(heartbeat->state != MUV__HEARTBEAT_STOPPED);
    switch (event) {
    case MUV__HEARTBEAT_ON_START:
        MUV__ASSERT(heartbeat->state == MUV__HEARTBEAT_IDLE);
        return begin_check(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_CONNECTED: return on_connected(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_REPLY: return on_reply(heartbeat, MUV__HEARTBEAT_POLL, now_us);
    case MUV__HEARTBEAT_ON_VERSIONED: return on_reply(heartbeat, MUV__HEARTBEAT_ASK, now_us);
    case MUV__HEARTBEAT_ON_MORE: return on_reply(heartbeat, MUV__HEARTBEAT_MORE, now_us);
    case MUV__HEARTBEAT_ON_REJECTED:
        MUV__ASSERT(is_running(heartbeat));
        return fail_check(heartbeat, heartbeat->interval_us, now_us);
    case MUV__HEARTBEAT_ON_FAILED: return on_failed(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_TIMER: return on_timer(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_CHECK_NOW: return check_now(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_CANCEL: return on_cancel(heartbeat, now_us);
    case MUV__HEARTBEAT_ON_STOP: return on_stop(heartbeat);
    }
    return 0;
}
