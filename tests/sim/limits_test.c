/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, queue limits and the memory budget. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

static void one_deadline_covers_queue_and_reply(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};
    int64_t start_us;

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&scene, 1);
    start_us = sim_now_us(scene.world);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 150 * SIM_MS});
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 250), 0);
    }
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    /* Sent after 151 ms, timed out while it waited for its reply; the third one never left. */
    CHECK_ENDED(&calls[1], MUV_ETIMEOUT);
    CHECK_ENDED(&calls[2], MUV_ETIMEOUT);
    assert_int_equal(calls[1].ended_us - start_us, 250 * SIM_MS);
    assert_int_equal(calls[2].ended_us - start_us, 250 * SIM_MS);
    assert_int_equal(calls[1].error.in_doubt, 1);
    assert_int_equal(calls[2].error.in_doubt, 0);
    assert_int_equal(sim_counts(scene.server).requests, 3); /* One of them "warm". */
    scene_end(&scene);
}

static void the_deadline_covers_establishment(void **state)
{
    scene_t scene;
    call_t call = {0};
    int64_t start_us;

    (void)state;
    scene_open(&scene, NULL);
    sim_on_connect(scene.server, SIM_HANG, 0);
    start_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &call, 1, 250), 0);
    sim_run(scene.world);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_int_equal(call.ended_us - start_us, 250 * SIM_MS);
    assert_int_equal(call.error.in_doubt, 0);
    scene_end(&scene);
}

static void the_clients_timeout_is_the_default(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.timeout_ms = 2000});
    scene_warm(&scene, 0);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 3 * SIM_SECOND});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, MUV_INFINITE), 0);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 5000), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], MUV_ETIMEOUT);
    CHECK_ENDED(&calls[1], 0);
    CHECK_ENDED(&calls[2], 0);
    scene_end(&scene);
}

static void the_wait_queue_timeout_ends_waiting_only(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};
    int64_t start_us;

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1, .wait_queue_timeout_ms = 100});
    scene_warm(&scene, 1);
    start_us = sim_now_us(scene.world);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 150 * SIM_MS});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    CHECK_ENDED(&calls[1], MUV_EWAITQUEUE);
    assert_int_equal(calls[1].ended_us - start_us, 100 * SIM_MS);
    assert_string_equal(calls[1].error.host, "10.0.0.1:27017");
    scene_end(&scene);
}

static void the_queue_has_a_longest_length(void **state)
{
    scene_t scene;
    call_t calls[4] = {{0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1, .max_waiting = 2});
    scene_warm(&scene, 1);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
        CHECK_PENDING(&calls[i]);
    }
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, 3, 0);
    CHECK_ENDED(&calls[3], MUV_EQUEUEFULL);
    scene_end(&scene);
}

static void commands_beyond_max_pending_bytes_end_by_callback(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};
    call_opts_t large = {.padding_bytes = 6000};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pending_bytes = 10000, .max_pool_size = 1});
    scene_warm(&scene, 1);
    CHECK_CODE(call_start_as(&scene, &calls[0], 0, &large), 0);
    assert_in_range(scene_stats(&scene).pending_bytes, 6000, 6200);
    CHECK_CODE(call_start_as(&scene, &calls[1], 1, &large), 0);
    CHECK_PENDING(&calls[1]);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    CHECK_ENDED(&calls[1], MUV_EQUEUEFULL);
    CHECK_CONTAINS(calls[1].error.message, "max_pending_bytes");
    CHECK_ENDED(&calls[2], 0);
    assert_int_equal(scene_stats(&scene).pending_bytes, 0);
    scene_end(&scene);
}

static void keep_reply(call_t *call, const muv_reply_t *reply)
{
    CHECK_CODE(muv_reply_retain(reply, &call->kept), 0);
}

/* One large reply is always admitted; the second one waits in its socket until the first is gone,
 * whoever lets it go and whenever. */
static void a_large_reply_waits_for_memory(void **state)
{
    scene_t scene;
    call_t calls[2] = {{.see = keep_reply}, {0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pending_bytes = 1024 * 1024});
    scene_warm(&scene, 2);
    sim_on(scene.server, "ping", &(sim_step_t){.padding_bytes = 900 * 1024});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_PENDING(&calls[1]);
    muv_reply_release(calls[0].kept);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&calls[1], 0);
    scene_end(&scene);
}

static void many_large_replies_take_turns(void **state)
{
    enum { COUNT = 20 };
    scene_t scene;
    call_t *calls = calls_new(COUNT);

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pending_bytes = 1024 * 1024});
    scene_warm(&scene, COUNT);
    sim_on(scene.server, "ping",
           &(sim_step_t){
               .padding_bytes = 700 * 1024, .piece_bytes = 100 * 1024, .gap_us = 10 * SIM_MS});
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
    }
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, COUNT, 0);
    scene_end(&scene);
    free(calls);
}

static void a_blocked_reply_can_time_out(void **state)
{
    scene_t scene;
    call_t calls[2] = {{.see = keep_reply}, {0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pending_bytes = 1024 * 1024});
    scene_warm(&scene, 2);
    sim_on(scene.server, "ping", &(sim_step_t){.padding_bytes = 900 * 1024});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    sim_run(scene.world);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 250), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[1], MUV_ETIMEOUT);
    muv_reply_release(calls[0].kept);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_deadline_covers_queue_and_reply),
        cmocka_unit_test(the_deadline_covers_establishment),
        cmocka_unit_test(the_clients_timeout_is_the_default),
        cmocka_unit_test(the_wait_queue_timeout_ends_waiting_only),
        cmocka_unit_test(the_queue_has_a_longest_length),
        cmocka_unit_test(commands_beyond_max_pending_bytes_end_by_callback),
        cmocka_unit_test(a_large_reply_waits_for_memory),
        cmocka_unit_test(many_large_replies_take_turns),
        cmocka_unit_test(a_blocked_reply_can_time_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
