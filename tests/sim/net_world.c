/* SPDX-License-Identifier: Apache-2.0 */
/* The loop in virtual time. One turn does what one turn of libuv does with the handles of
 * src/net/uv_net.c: timers, idle, poll, check, closing, in this order. The clock moves only in a
 * poll that has to wait, and while user code holds the loop. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* So many turns without the clock moving: the loop spins. */
#define MAX_TURNS_AT_ONCE 100000

static muv__net_t *net_of(muv__list_t *link)
{
    return MUV__CONTAINER_OF(link, muv__net_t, link);
}

static muv__stream_t *stream_of(muv__list_t *link)
{
    return MUV__CONTAINER_OF(link, muv__stream_t, link);
}

/* --- making and ending -------------------------------------------------------------------------*/

sim_world_t *sim_new(uint64_t seed)
{
    sim_world_t *world = sim_alloc(sizeof *world);

    /* The clock does not begin at 0: nobody may take a small number for a time long past. */
    world->now_us = 1000 * SIM_SECOND;
    world->log_since_us = world->now_us;
    world->random = seed * 2 + 1;
    muv__list_init(&world->nets);
    muv__list_init(&world->streams);
    return world;
}

/* What the network still had to do: packets carry memory of their own. */
static void drop_event(sim_event_t *event)
{
    event->fn(event->data);
}

void sim_free(sim_world_t *world)
{
    assert_true(muv__list_empty(&world->streams));
    assert_true(muv__list_empty(&world->nets));
    /* Without streams, whatever is still on its way arrives nowhere; it may cause more. */
    while (world->network.count != 0) {
        sim_event_t event = sim_events_pop(&world->network);

        drop_event(&event);
    }
    sim_events_clear(&world->network, NULL);
    sim_events_clear(&world->timers, NULL);
    sim_names_free(world);
    sim_servers_free(world);
    free(world->log.data);
    free(world);
}

struct uv_loop_s *sim_loop(sim_world_t *world)
{
    return (struct uv_loop_s *)(void *)world;
}

int64_t sim_now_us(const sim_world_t *world)
{
    return world->now_us;
}

uint64_t sim_turns(const sim_world_t *world)
{
    return world->turn;
}

/* splitmix64. */
uint64_t sim_random(sim_world_t *world, uint64_t bound)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % bound;
}

void sim_shuffle(sim_world_t *world)
{
    world->shuffled = true;
}

void sim_happens(sim_world_t *world, int64_t due_us, void (*fn)(void *data), void *data)
{
    sim_events_add(&world->network, due_us, fn, data);
}

void sim_after(sim_world_t *world, int64_t delay_us, void (*fn)(void *data), void *data)
{
    sim_events_add(&world->timers, world->now_us + delay_us, fn, data);
}

/* --- one turn ----------------------------------------------------------------------------------*/

void sim_begin(muv__net_t *net)
{
    assert_int_equal(net->world->in_bracket++, 0);
    net->hooks.begin(net->data, net->world->now_us);
}

void sim_end(muv__net_t *net)
{
    net->hooks.end(net->data);
    net->world->in_bracket--;
}

static void start_timer(muv__net_t *net)
{
    net->armed_us = net->due_us < net->world->now_us ? net->world->now_us : net->due_us;
}

static void run_timers(sim_world_t *world)
{
    while (sim_events_next_us(&world->timers) <= world->now_us) {
        sim_event_t event = sim_events_pop(&world->timers);

        event.fn(event.data);
    }
    for (muv__list_t *link = world->nets.next; link != &world->nets; link = link->next) {
        muv__net_t *net = net_of(link);

        net->expiring |= !net->closing && net->armed_us <= world->now_us;
    }
}

static void run_idle(sim_world_t *world)
{
    muv__list_t *link = world->nets.next;

    while (link != &world->nets) {
        muv__net_t *net = net_of(link);

        link = link->next;
        if (net->posted && !net->closing) {
            net->posted = false;
            sim_deliver_answers(net);
            sim_begin(net);
            net->hooks.on_turn(net->data);
            sim_end(net);
        }
    }
}

/* Would a poll return at once? */
static bool is_ready(const sim_world_t *world)
{
    if (world->closing_streams != 0 || sim_events_next_us(&world->timers) <= world->now_us) {
        return true;
    }
    for (muv__list_t *link = world->nets.next; link != &world->nets; link = link->next) {
        const muv__net_t *net = net_of(link);

        if (net->closing ? net->lingering == 0
                         : net->posted || net->expiring || net->armed_us <= world->now_us) {
            return true;
        }
    }
    for (muv__list_t *link = world->streams.next; link != &world->streams; link = link->next) {
        if (sim_stream_ready(stream_of(link))) {
            return true;
        }
    }
    return false;
}

/* The network alone, up to a time or until the loop has something to do. */
static void let_pass(sim_world_t *world, int64_t until_us, bool stop_when_ready)
{
    while (sim_events_next_us(&world->network) <= until_us) {
        int64_t due_us = sim_events_next_us(&world->network);

        world->now_us = due_us > world->now_us ? due_us : world->now_us;
        while (sim_events_next_us(&world->network) <= world->now_us) {
            sim_event_t event = sim_events_pop(&world->network);

            event.fn(event.data);
        }
        if (stop_when_ready && is_ready(world)) {
            return;
        }
    }
    world->now_us = until_us > world->now_us ? until_us : world->now_us;
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* Until when a poll waits if nothing comes. */
static int64_t poll_until_us(const sim_world_t *world, int64_t limit_us)
{
    int64_t until_us = earlier(limit_us, sim_events_next_us(&world->timers));

    for (muv__list_t *link = world->nets.next; link != &world->nets; link = link->next) {
        const muv__net_t *net = net_of(link);

        until_us = net->closing ? until_us : earlier(until_us, net->armed_us);
    }
    return until_us;
}

static void poll_streams(sim_world_t *world)
{
    bool backwards = world->shuffled && sim_random(world, 2) == 0;
    muv__list_t *link = backwards ? world->streams.prev : world->streams.next;

    while (link != &world->streams) {
        muv__stream_t *stream = stream_of(link);

        /* Nobody leaves the list during a poll, and who joins is not polled yet. */
        if (stream->born != world->turn && sim_stream_ready(stream)) {
            sim_stream_poll(stream);
        }
        link = backwards ? link->prev : link->next;
    }
}

static void run_check(sim_world_t *world)
{
    muv__list_t *link = world->nets.next;

    while (link != &world->nets) {
        muv__net_t *net = net_of(link);

        link = link->next;
        if (!net->expiring || net->closing) {
            continue;
        }
        net->expiring = false;
        if (net->due_us <= world->now_us) {
            net->due_us = INT64_MAX;
            sim_begin(net);
            net->hooks.on_timer(net->data);
            sim_end(net);
        }
        start_timer(net);
    }
}

static void run_closing(sim_world_t *world)
{
    muv__list_t *link = world->streams.next;

    while (link != &world->streams && world->closing_streams != 0) {
        muv__stream_t *stream = stream_of(link);

        link = link->next;
        if (stream->closing) {
            sim_stream_finish(stream);
        }
    }
    link = world->nets.next;
    while (link != &world->nets) {
        muv__net_t *net = net_of(link);

        link = link->next;
        if (net->closing && net->lingering == 0) {
            void (*on_closed)(void *) = net->on_closed;
            void *data = net->data;

            muv__list_remove(&net->link);
            muv__mem_free(net);
            on_closed(data);
        }
    }
}

/* As uv_loop_alive(): a poll does not wait when nothing keeps the loop. */
static bool is_alive(const sim_world_t *world)
{
    if (world->closing_streams != 0 || world->timers.count != 0) {
        return true;
    }
    for (muv__list_t *link = world->nets.next; link != &world->nets; link = link->next) {
        const muv__net_t *net = net_of(link);

        if (net->alive || net->posted || net->closing) {
            return true;
        }
    }
    return false;
}

static void run_turn(sim_world_t *world, int64_t limit_us)
{
    world->turn++;
    world->starved = false;
    run_timers(world);
    run_idle(world);
    let_pass(world, world->now_us, false);
    if (!is_ready(world) && (limit_us != INT64_MAX || is_alive(world))) {
        int64_t until_us = poll_until_us(world, limit_us);

        if (until_us == INT64_MAX) {
            until_us = sim_events_next_us(&world->network);
        }
        if (until_us == INT64_MAX) {
            fail_msg("the loop is alive and nothing will ever happen\n%s", sim_log(world));
        }
        let_pass(world, until_us, true);
    }
    poll_streams(world);
    run_check(world);
    run_closing(world);
    if (world->starved) {
        /* Polling again and again for memory takes time too. */
        let_pass(world, world->now_us + SIM_MS, false);
    }
}

/* --- running -----------------------------------------------------------------------------------*/

/* Turn, and fail when the clock stands still. */
static void run_watched_turn(sim_world_t *world, int64_t limit_us, unsigned *at_once)
{
    int64_t before_us = world->now_us;

    run_turn(world, limit_us);
    *at_once = world->now_us == before_us ? *at_once + 1 : 0;
    if (*at_once > MAX_TURNS_AT_ONCE) {
        fail_msg("the loop spins\n%s", sim_log(world));
    }
}

void sim_run(sim_world_t *world)
{
    unsigned at_once = 0;

    while (is_alive(world)) {
        run_watched_turn(world, INT64_MAX, &at_once);
    }
}

void sim_run_for(sim_world_t *world, int64_t duration_us)
{
    int64_t end_us = world->now_us + duration_us;
    unsigned at_once = 0;

    while (world->now_us < end_us || (is_ready(world) && !world->starved)) {
        run_watched_turn(world, end_us, &at_once);
    }
}

void sim_run_until(sim_world_t *world, const unsigned *counter, unsigned wanted, int64_t limit_us)
{
    int64_t end_us = world->now_us + limit_us;
    unsigned at_once = 0;

    while (*counter < wanted) {
        if (world->now_us >= end_us && !is_ready(world)) {
            fail_msg("after %" PRId64 " ms: %u of %u\n%s", limit_us / SIM_MS, *counter, wanted,
                     sim_log(world));
        }
        run_watched_turn(world, end_us, &at_once);
    }
}

void sim_stall(sim_world_t *world, int64_t duration_us)
{
    let_pass(world, world->now_us + duration_us, false);
}

/* --- net.h: time, timer, turns -----------------------------------------------------------------*/

static uint32_t forks;

void sim_fork(void)
{
    forks++;
}

void sim_unfork(void)
{
    forks--;
}

uint32_t muv__net_fork_count(void)
{
    return forks;
}

int muv__net_on_thread(const muv__net_t *net)
{
    (void)net;
    return 1;
}

int muv__net_new(struct uv_loop_s *loop, const muv__net_hooks_t *hooks, void *data,
                 muv__net_t **ret)
{
    sim_world_t *world = (sim_world_t *)(void *)loop;
    muv__net_t *net = muv__mem_zalloc(sizeof *net);

    if (net == NULL) {
        return MUV_ENOMEM;
    }
    net->world = world;
    net->hooks = *hooks;
    net->data = data;
    net->due_us = INT64_MAX;
    net->armed_us = INT64_MAX;
    muv__list_init(&net->link);
    muv__list_init(&net->resolves);
    muv__list_init(&net->queries);
    muv__list_init(&net->loads);
    muv__list_init(&net->works);
    muv__list_push_back(&world->nets, &net->link);
    *ret = net;
    return 0;
}

void muv__net_close(muv__net_t *net, void (*on_closed)(void *data))
{
    assert_false(net->closing);
    assert_int_equal(net->streams, 0);
    assert_true(muv__list_empty(&net->resolves));
    assert_true(muv__list_empty(&net->queries));
    assert_true(muv__list_empty(&net->loads));
    assert_true(muv__list_empty(&net->works));
    net->closing = true;
    net->on_closed = on_closed;
}

int64_t muv__net_now_us(muv__net_t *net)
{
    return net->world->now_us;
}

/* The world began in 2025. */
int64_t muv__net_wall_s(muv__net_t *net)
{
    return INT64_C(1735689600) + net->world->now_us / SIM_SECOND;
}

void muv__net_arm(muv__net_t *net, int64_t due_us)
{
    net->due_us = due_us;
    if (due_us < net->armed_us && !net->expiring) {
        start_timer(net);
    }
}

void muv__net_post(muv__net_t *net)
{
    net->posted |= !net->closing;
}

void muv__net_keep_alive(muv__net_t *net, int alive)
{
    net->alive = alive != 0;
}

int muv__net_random(muv__net_t *net, void *bytes, size_t size)
{
    uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)sim_random(net->world, 256);
    }
    return 0;
}

const char *muv__net_error_text(int status)
{
    switch (status) {
    case SIM_EOF: return "the server closed the connection";
    case SIM_ENOENT: return "no such file or directory";
    case SIM_EACCES: return "permission denied";
    case SIM_EFBIG: return "file too large";
    case SIM_EPIPE: return "broken pipe";
    case SIM_ECONNRESET: return "connection reset by peer";
    case SIM_ETIMEDOUT: return "connection timed out";
    case SIM_ECONNREFUSED: return "connection refused";
    case SIM_ENETUNREACH: return "network is unreachable";
    default: return "unknown system error";
    }
}

int muv__net_is_timeout(int status)
{
    return status == SIM_ETIMEDOUT;
}

int muv__net_is_end(int status)
{
    return status == SIM_EOF;
}

int muv__net_is_unreachable(int status)
{
    return status == SIM_ENETUNREACH;
}
