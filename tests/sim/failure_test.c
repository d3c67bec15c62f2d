/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that fail while an operation uses them: what it costs the operation, the pool and the
 * server's description. */
#include "scene.h"

/* Another connection of the pool would fail likewise (SDAM: a network error marks the server
 * Unknown and clears its pool). */
static void a_failed_write_clears_the_pool(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 2);
    sim_break_writes(scene.server, SIM_EPIPE);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    sim_run_for(scene.world, SIM_MS);
    CHECK_ENDED(&calls[0], MUV_ENETWORK);
    assert_true(calls[0].error.in_doubt);
    assert_int_equal(scene_stats(&scene).connections, 0);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ENDED(&calls[1], 0);
    scene_end(&scene);
}

/* Those in the queue of the pool fail with it, and nothing is called back twice. */
static void a_write_that_fails_from_the_queue_ends_all_who_wait(void **state)
{
    enum { COUNT = 5 };
    scene_t scene;
    call_t calls[COUNT] = {{0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&scene, 1);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], (int64_t)i, 0), 0);
    }
    sim_break_writes(scene.server, SIM_EPIPE);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ENDED(&calls[0], 0);
    CHECK_ENDED(&calls[1], MUV_ENETWORK);
    CHECK_ALL_ENDED(&calls[2], COUNT - 2, MUV_EPOOLCLEARED);
    scene_end(&scene);
}

static void a_reply_larger_than_the_server_announced_breaks_the_protocol(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    sim_on(scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'maxWireVersion': 21, "
                                 "'maxMessageSizeBytes': 50000}"});
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.padding_bytes = 50000});
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EPROTOCOL);
    scene_end(&scene);
}

/* The beginning of a large message that nobody asked for: it must not hold memory for the rest. */
static void an_idle_connection_holds_no_memory_for_a_message_that_nobody_asked_for(void **state)
{
    static const uint8_t head[21] = {[0] = 0x40, [1] = 0x42, [2] = 0x0f, [12] = 0xdd, [13] = 7};
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping",
           &(sim_step_t){.act = SIM_GARBAGE, .bytes = head, .byte_count = sizeof head});
    CHECK_CODE(call_start_as(&scene, &call, 1, &(call_opts_t){.unacknowledged = MUV_YES}), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(scene_stats(&scene).pending_bytes, 0);
    assert_int_equal(scene_stats(&scene).connections, 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_clears_the_pool),
        cmocka_unit_test(a_write_that_fails_from_the_queue_ends_all_who_wait),
        cmocka_unit_test(a_reply_larger_than_the_server_announced_breaks_the_protocol),
        cmocka_unit_test(an_idle_connection_holds_no_memory_for_a_message_that_nobody_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
