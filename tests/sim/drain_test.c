/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of draining: silence, size, and a queue that waits while the pool is full; and the storm
 * of timeouts that must not cost a single connection (design: promise 3). */
#include "scene.h"

#include <stdlib.h>

enum { POOL = 100, STORM = 500 };

static void draining_ends_after_three_seconds_of_silence(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&scene, &call, 1, 250), 0);
    sim_run(scene.world);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    sim_run_for(scene.world, 2999 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections_draining, 1);
    sim_run_for(scene.world, 2 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections, 0);
    CHECK_LOG(scene.world, "[   0.500] c1 > ping\n"
                           "[3250.000] c1 closed\n");
    scene_end(&scene);
}

/* Each piece begins the three seconds anew. */
static void bytes_keep_a_draining_connection(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping",
           &(sim_step_t){.delay_us = 2 * SIM_SECOND, .piece_bytes = 20, .gap_us = 2 * SIM_SECOND});
    CHECK_CODE(call_start(&scene, &call, 1, 250), 0);
    sim_run_for(scene.world, 20 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_int_equal(scene_stats(&scene).connections_idle, 1);
    scene_end(&scene);
}

static void a_late_reply_of_more_than_a_mebibyte_is_not_read(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 2);
    sim_on(scene.server, "small",
           &(sim_step_t){.delay_us = SIM_SECOND, .padding_bytes = 1024 * 1024 - 200});
    sim_on(scene.server, "large",
           &(sim_step_t){.delay_us = SIM_SECOND, .padding_bytes = 1024 * 1024 + 300 * 1024});
    CHECK_CODE(
        call_start_as(&scene, &calls[0], 1, &(call_opts_t){.name = "small", .timeout_ms = 10}), 0);
    CHECK_CODE(
        call_start_as(&scene, &calls[1], 2, &(call_opts_t){.name = "large", .timeout_ms = 10}), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ALL_ENDED(calls, 2, MUV_ETIMEOUT);
    assert_int_equal(scene_stats(&scene).connections_idle, 1);
    assert_int_equal(scene_stats(&scene).connections, 1);
    scene_end(&scene);
}

/* The server hangs. The operation in the queue waits for the drain grace only, then the draining
 * connection gives its place to a new one. */
static void the_oldest_draining_connection_makes_room_for_the_queue(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 2});
    scene_warm(&scene, 2);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE, .times = 2});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 100), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 200), 0);
    sim_run_for(scene.world, 300 * SIM_MS);
    CHECK_ALL_ENDED(calls, 2, MUV_ETIMEOUT);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 1000), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[2], 0);
    assert_in_range(calls[2].ended_us - sim_now_us(scene.world) + 300 * SIM_MS, 0, 300 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections_draining, 1);
    assert_int_equal(sim_counts(scene.server).users, 3);
    scene_end(&scene);
}

static void start_storm(scene_t *scene, call_t *calls, int64_t timeout_ms)
{
    for (unsigned i = 0; i < STORM; i++) {
        CHECK_CODE(call_start(scene, &calls[i], i, timeout_ms), 0);
    }
}

static void a_storm_of_timeouts_with_late_replies_closes_and_opens_nothing(void **state)
{
    scene_t scene;
    call_t *late = calls_new(STORM);
    call_t *fresh = calls_new(STORM);
    sim_counts_t before;

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, POOL);
    before = sim_counts(scene.server);
    /* The first hundred requests are answered 3 ms after all five hundred have timed out. */
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 252 * SIM_MS, .times = POOL});
    start_storm(&scene, late, 250);
    sim_run_until(scene.world, &scene.ended, STORM, 250 * SIM_MS);
    CHECK_ALL_ENDED(late, STORM, MUV_ETIMEOUT);
    start_storm(&scene, fresh, 250);
    sim_run(scene.world);
    CHECK_ALL_ENDED(fresh, STORM, 0);
    assert_int_equal(sim_counts(scene.server).accepted - before.accepted, 0);
    assert_int_equal(sim_counts(scene.server).closed_by_client - before.closed_by_client, 0);
    assert_int_equal(sim_counts(scene.server).requests - before.requests, POOL + STORM);
    assert_int_equal(scene_stats(&scene).connections_idle, POOL);
    scene_end(&scene);
    free(late);
    free(fresh);
}

/* The server answers never: the queue gets new connections within maxConnecting, one by one. */
static void a_storm_of_timeouts_without_replies_is_survived(void **state)
{
    scene_t scene;
    call_t *late = calls_new(STORM);
    call_t *fresh = calls_new(STORM);

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, POOL);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE, .times = POOL});
    start_storm(&scene, late, 250);
    sim_run_until(scene.world, &scene.ended, STORM, 250 * SIM_MS);
    start_storm(&scene, fresh, 10000);
    sim_run(scene.world);
    CHECK_ALL_ENDED(fresh, STORM, 0);
    assert_in_range(scene_stats(&scene).connections, 1, POOL);
    sim_run_for(scene.world, 4 * SIM_SECOND);
    assert_int_equal(scene_stats(&scene).connections_draining, 0);
    scene_end(&scene);
    free(late);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draining_ends_after_three_seconds_of_silence),
        cmocka_unit_test(bytes_keep_a_draining_connection),
        cmocka_unit_test(a_late_reply_of_more_than_a_mebibyte_is_not_read),
        cmocka_unit_test(the_oldest_draining_connection_makes_room_for_the_queue),
        cmocka_unit_test(a_storm_of_timeouts_with_late_replies_closes_and_opens_nothing),
        cmocka_unit_test(a_storm_of_timeouts_without_replies_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
