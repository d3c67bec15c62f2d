/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated net keeps the promises of src/net/net.h that the layers above rest on: the same
 * that src/net/uv_*.c keeps on a real loop. */
#include "net_sim.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

typedef struct rig {
    sim_world_t *world;
    sim_server_t *server;
    muv__net_t *net;
    muv__stream_t *stream;
    char events[512];
    int64_t since_us;
    unsigned depth;
    bool closed;
    uint8_t space[64];
    size_t offer; /* How much space a read gets; 0: none. */
} rig_t;

static void note(rig_t *rig, const char *what, int64_t number)
{
    size_t length = strlen(rig->events);

    assert_int_equal(rig->depth, 1);
    (void)snprintf(rig->events + length, sizeof rig->events - length, "[%.3f] %s %d\n",
                   (double)(sim_now_us(rig->world) - rig->since_us) / 1000, what, (int)number);
}

static void on_begin(void *data, int64_t now_us)
{
    rig_t *rig = data;

    rig->depth++;
    assert_int_equal(now_us, sim_now_us(rig->world));
}

static void on_end(void *data)
{
    rig_t *rig = data;

    rig->depth--;
}

static void on_timer(void *data)
{
    note(data, "timer", 0);
}

static void on_turn(void *data)
{
    note(data, "turn", 0);
}

static void on_connect(void *owner, muv__stream_t *stream, int status)
{
    assert_non_null(stream);
    note(owner, "connected", status);
}

static uint8_t *on_space(void *owner, size_t *ret_size)
{
    rig_t *rig = owner;

    *ret_size = rig->offer;
    return rig->offer == 0 ? NULL : rig->space;
}

static void on_read(void *owner, int64_t size)
{
    note(owner, "read", size);
}

static void on_written(void *owner, int status)
{
    note(owner, "written", status);
}

static void on_closed(void *owner)
{
    rig_t *rig = owner;

    rig->stream = NULL;
}

static const muv__stream_ops_t ops = {.on_connect = on_connect,
                                      .on_space = on_space,
                                      .on_read = on_read,
                                      .on_written = on_written,
                                      .on_closed = on_closed};

static void rig_open(rig_t *rig)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};

    memset(rig, 0, sizeof *rig);
    rig->offer = sizeof rig->space;
    rig->world = sim_new(1);
    rig->server = sim_server(rig->world, "10.0.0.1", 27017);
    rig->since_us = sim_now_us(rig->world);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
}

/* Connected, 1 ms after the beginning. */
static void rig_connect(rig_t *rig)
{
    muv__net_addr_t addr = {.family = MUV__NET_IPV4, .port = 27017, .ip = {10, 0, 0, 1}};

    assert_int_equal(muv__stream_connect(rig->net, &addr, &ops, rig, &rig->stream), 0);
    sim_run_for(rig->world, SIM_MS);
    assert_string_equal(rig->events, "[1.000] connected 0\n");
    rig->events[0] = '\0';
}

static void on_net_closed(void *data)
{
    rig_t *rig = data;

    assert_int_equal(rig->depth, 0);
    rig->closed = true;
}

static void rig_end(rig_t *rig)
{
    if (rig->stream != NULL) {
        muv__stream_close(rig->stream);
        assert_non_null(rig->stream);
        sim_run_for(rig->world, 1);
        assert_null(rig->stream);
    }
    muv__net_close(rig->net, on_net_closed);
    assert_false(rig->closed);
    sim_run(rig->world);
    assert_true(rig->closed);
    sim_free(rig->world);
}

#define CHECK_EVENTS(rig, expected) assert_string_equal((rig)->events, expected)

/* --- the loop ----------------------------------------------------------------------------------*/

static void the_timer_fires_once_and_only_when_it_is_due(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    muv__net_arm(rig.net, rig.since_us + 5000);
    muv__net_arm(rig.net,
                 rig.since_us + 9000); /* Later: the loop may wake early, and says nothing. */
    sim_run_for(rig.world, 20 * SIM_MS);
    muv__net_arm(rig.net, rig.since_us); /* In the past: soon. */
    assert_int_equal(rig.depth, 0);
    sim_run_for(rig.world, 20 * SIM_MS);
    CHECK_EVENTS(&rig, "[9.000] timer 0\n[20.000] timer 0\n");
    rig_end(&rig);
}

static void a_posted_turn_comes_once_and_keeps_the_loop(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    muv__net_post(rig.net);
    muv__net_post(rig.net);
    CHECK_EVENTS(&rig, "");
    sim_run(rig.world);
    CHECK_EVENTS(&rig, "[0.000] turn 0\n");
    rig_end(&rig);
}

static void only_what_is_asked_to_keeps_the_loop(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    rig_connect(&rig);
    muv__net_arm(rig.net, rig.since_us + 50 * SIM_MS);
    sim_run(rig.world);
    assert_int_equal(sim_now_us(rig.world) - rig.since_us, SIM_MS);
    rig_end(&rig);
}

/* What the sockets hold is delivered first, however late the timer is. */
static void a_due_timer_waits_for_one_poll(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    rig_connect(&rig);
    muv__net_arm(rig.net, rig.since_us + 2 * SIM_MS);
    sim_push_early(rig.server, "{'ok': 1}");
    sim_stall(rig.world, SIM_SECOND);
    sim_run_for(rig.world, SIM_MS);
    CHECK_EVENTS(&rig, "[1001.000] read 34\n[1001.000] timer 0\n");
    rig_end(&rig);
}

/* --- streams -----------------------------------------------------------------------------------*/

static void reading_can_pause_and_go_on(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    rig_connect(&rig);
    muv__stream_read_stop(rig.stream);
    sim_push_early(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 9 * SIM_MS);
    CHECK_EVENTS(&rig, "");
    rig.offer = 20;
    assert_int_equal(muv__stream_read_start(rig.stream), 0);
    sim_run_for(rig.world, SIM_MS);
    CHECK_EVENTS(&rig, "[10.000] read 20\n[10.000] read 14\n");
    rig_end(&rig);
}

static void without_space_the_stream_asks_again(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    rig_connect(&rig);
    rig.offer = 0;
    sim_push_early(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 9 * SIM_MS);
    CHECK_EVENTS(&rig, "");
    rig.offer = 64;
    sim_run_for(rig.world, 9 * SIM_MS);
    CHECK_CONTAINS(rig.events, "read 34\n");
    rig_end(&rig);
}

static void what_the_socket_does_not_take_follows_and_is_told(void **state)
{
    static const uint8_t bytes[1000] = {0x10, 0x27}; /* Of a message of 10,000. */
    muv__span_t parts[2] = {{bytes, 300}, {bytes, 700}};
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_window(rig.server, 400, 2 * SIM_MS);
    rig_connect(&rig);
    assert_int_equal(muv__stream_write(rig.stream, parts, 2), 400);
    sim_run_for(rig.world, 10 * SIM_MS);
    CHECK_EVENTS(&rig, "[5.000] written 0\n");
    assert_int_equal(muv__stream_write(rig.stream, parts, 1), 300);
    sim_run_for(rig.world, 10 * SIM_MS);
    CHECK_EVENTS(&rig, "[5.000] written 0\n");
    rig_end(&rig);
}

static void ends_are_told_behind_the_bytes(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig);
    rig_connect(&rig);
    sim_push_early(rig.server, "{'ok': 1}");
    sim_run_for(rig.world, 100);
    sim_stall(rig.world, SIM_MS);
    sim_reset_all(rig.server);
    sim_run_for(rig.world, SIM_MS);
    CHECK_EVENTS(&rig, "[2.100] read 34\n[2.100] read -104\n");
    rig_end(&rig);
}

static void only_on_closed_follows_a_close(void **state)
{
    static const uint8_t bytes[1000] = {0x10, 0x27}; /* Of a message of 10,000. */
    muv__span_t part = {bytes, sizeof bytes};
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_window(rig.server, 400, SIM_MS);
    rig_connect(&rig);
    assert_int_equal(muv__stream_write(rig.stream, &part, 1), 400);
    sim_push_early(rig.server, "{'ok': 1}");
    muv__stream_close(rig.stream);
    assert_non_null(rig.stream);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_null(rig.stream);
    CHECK_EVENTS(&rig, "");
    rig_end(&rig);
}

/* --- names -------------------------------------------------------------------------------------*/

static void on_resolved(void *owner, const muv__net_addr_t *addrs, size_t count,
                        const char *error_text)
{
    assert_true(count == 0 || addrs[count - 1].port == 27017);
    assert_true((count == 0) == (error_text != NULL));
    note(owner, "resolved", (int64_t)count);
}

static void answers_are_never_delivered_inside_the_call(void **state)
{
    muv__resolve_t *resolves[3];
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_name(rig.world, "db.test", "10.0.0.1 ::1", 5 * SIM_MS);
    assert_int_equal(muv__net_resolve(rig.net, "10.0.0.7", 27017, on_resolved, &rig, &resolves[0]),
                     0);
    assert_int_equal(muv__net_resolve(rig.net, "db.test", 27017, on_resolved, &rig, &resolves[1]),
                     0);
    assert_int_equal(muv__net_resolve(rig.net, "nowhere", 27017, on_resolved, &rig, &resolves[2]),
                     0);
    CHECK_EVENTS(&rig, "");
    sim_run_for(rig.world, 10 * SIM_MS);
    CHECK_EVENTS(&rig, "[0.000] resolved 1\n[0.000] turn 0\n"
                       "[1.000] resolved 0\n[1.000] turn 0\n"
                       "[5.000] resolved 2\n[5.000] turn 0\n");
    rig_end(&rig);
}

static void a_cancelled_look_up_is_silent(void **state)
{
    muv__resolve_t *resolves[2];
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_name(rig.world, "db.test", "10.0.0.1", 5 * SIM_MS);
    assert_int_equal(muv__net_resolve(rig.net, "db.test", 27017, on_resolved, &rig, &resolves[0]),
                     0);
    assert_int_equal(muv__net_resolve(rig.net, "10.0.0.7", 1, on_resolved, &rig, &resolves[1]), 0);
    muv__resolve_cancel(resolves[0]);
    muv__resolve_cancel(resolves[1]);
    sim_run_for(rig.world, 10 * SIM_MS);
    CHECK_EVENTS(&rig, "[0.000] turn 0\n");
    rig_end(&rig);
}

static int install(void **state)
{
    (void)state;
    alloc_install();
    return 0;
}

static int check_leaks(void **state)
{
    (void)state;
    assert_int_equal(alloc_live_blocks(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_timer_fires_once_and_only_when_it_is_due),
        cmocka_unit_test(a_posted_turn_comes_once_and_keeps_the_loop),
        cmocka_unit_test(only_what_is_asked_to_keeps_the_loop),
        cmocka_unit_test(a_due_timer_waits_for_one_poll),
        cmocka_unit_test(reading_can_pause_and_go_on),
        cmocka_unit_test(without_space_the_stream_asks_again),
        cmocka_unit_test(what_the_socket_does_not_take_follows_and_is_told),
        cmocka_unit_test(ends_are_told_behind_the_bytes),
        cmocka_unit_test(only_on_closed_follows_a_close),
        cmocka_unit_test(answers_are_never_delivered_inside_the_call),
        cmocka_unit_test(a_cancelled_look_up_is_silent),
    };

    return cmocka_run_group_tests(tests, install, check_leaks);
}
