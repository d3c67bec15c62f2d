/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several timeouts ends an operation, to the microsecond (CSOT: prose tests 8 and the unit
 * tests of its test plan). */
#include "scene.h"

#include <string.h>

typedef struct row {
    const char *name;
    int64_t timeout_ms;
    int64_t selection_timeout_ms;
    int code;
    int64_t ends_after_ms;
} row_t;

/* Prose test 8: no server answers. */
static void selection_ends_with_the_shorter_of_both(void **state)
{
    static const row_t rows[] = {
        {"serverSelectionTimeoutMS alone", 0, 10, MUV_ESELECTION, 10},
        {"timeoutMS is lower", 10, 20, MUV_ETIMEOUT, 10},
        {"serverSelectionTimeoutMS is lower", 20, 10, MUV_ESELECTION, 10},
        {"timeoutMS is infinite", MUV_INFINITE, 10, MUV_ESELECTION, 10},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        call_t call = {0};
        scene_t scene;
        int64_t start_us;

        scene_open(&scene, &(muv_client_opts_t){.timeout_ms = rows[i].timeout_ms,
                                                .server_selection_timeout_ms =
                                                    rows[i].selection_timeout_ms});
        sim_on_connect(scene.server, SIM_HANG, 0);
        start_us = sim_now_us(scene.world);
        CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
        sim_run(scene.world);
        CHECK_ENDED(&call, rows[i].code);
        if (call.ended_us - start_us != rows[i].ends_after_ms * SIM_MS) {
            fail_msg("%s: after %lld us", rows[i].name, (long long)(call.ended_us - start_us));
        }
        scene_end(&scene);
    }
}

/* "Operations should ignore waitQueueTimeoutMS if timeoutMS is also set", and honour it if not. */
static void a_timeout_puts_the_wait_queues_out_of_force(void **state)
{
    call_t calls[3] = {{0}};
    scene_t scene;
    int64_t start_us;

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1, .wait_queue_timeout_ms = 50});
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND});
    start_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 200), 0);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    CHECK_ENDED(&calls[1], MUV_EWAITQUEUE);
    assert_int_equal(calls[1].ended_us - start_us, 50 * SIM_MS);
    CHECK_ENDED(&calls[2], MUV_ETIMEOUT);
    assert_int_equal(calls[2].ended_us - start_us, 200 * SIM_MS);
    scene_end(&scene);
}

/* command-execution.json: "command is not sent if RTT is greater than timeoutMS"; the connection is
 * none the worse for it. */
static void what_cannot_be_answered_in_time_is_not_sent(void **state)
{
    call_t calls[2] = {{0}};
    scene_t scene;

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.heartbeat_frequency_ms = 500});
    sim_latency(scene.server, 25 * SIM_MS);
    scene_warm(&scene, 1);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    sim_log_clear(scene.world);
    CHECK_CODE(call_start(&scene, &calls[0], 0, 40), 0);
    sim_run_for(scene.world, 60 * SIM_MS);
    CHECK_ENDED(&calls[0], MUV_ETIMEOUT);
    CHECK_LOG(scene.world, "");
    assert_int_equal(scene_stats(&scene).connections_idle, 1);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 60), 0);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_ENDED(&calls[1], 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_ends_with_the_shorter_of_both),
        cmocka_unit_test(a_timeout_puts_the_wait_queues_out_of_force),
        cmocka_unit_test(what_cannot_be_answered_in_time_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
