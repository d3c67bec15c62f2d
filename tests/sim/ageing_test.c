/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of big replies: kept while they come one after the other, given back a second after
 * the last one, and no wake-up when there is nothing to give back. */
#include "scene.h"

#define BIG_BYTES (size_t)(1024 * 1024)

/* Checks are rare, so that no event but those looked for wakes the client. */
static const muv_client_opts_t opts = {.max_pool_size = 1, .heartbeat_frequency_ms = 600000};

static void open_with_big_replies(scene_t *scene)
{
    scene_open(scene, &opts);
    scene_warm(scene, 1);
    sim_on(scene->server, "ping", &(sim_step_t){.padding_bytes = BIG_BYTES});
}

static void ask(scene_t *scene)
{
    call_t call = {0};

    CHECK_CODE(call_start(scene, &call, 1, 0), 0);
    sim_run(scene->world);
    CHECK_ENDED(&call, 0);
    assert_true(call.reply_size > BIG_BYTES);
}

static void a_big_chunk_goes_a_second_after_its_last_use(void **state)
{
    scene_t scene;
    size_t before_bytes;

    (void)state;
    open_with_big_replies(&scene);
    before_bytes = alloc_live_bytes();
    ask(&scene);
    assert_true(alloc_live_bytes() > before_bytes + BIG_BYTES);
    sim_run_for(scene.world, 900 * SIM_MS);
    assert_true(alloc_live_bytes() > before_bytes + BIG_BYTES);
    sim_run_for(scene.world, 200 * SIM_MS);
    assert_true(alloc_live_bytes() < before_bytes + BIG_BYTES);
    scene_end(&scene);
}

static void a_stream_of_big_replies_keeps_its_chunk(void **state)
{
    scene_t scene;
    unsigned allocations;

    (void)state;
    open_with_big_replies(&scene);
    ask(&scene);
    alloc_fail_at(0, false);
    for (int i = 0; i < 10; i++) {
        ask(&scene);
        sim_run_for(scene.world, 500 * SIM_MS);
    }
    allocations = alloc_count();
    assert_int_equal(allocations, 0);
    scene_end(&scene);
}

static void an_idle_client_without_big_chunks_sleeps(void **state)
{
    scene_t scene;
    uint64_t turns;

    (void)state;
    open_with_big_replies(&scene);
    ask(&scene);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    turns = sim_turns(scene.world);
    sim_run_for(scene.world, 60 * SIM_SECOND);
    assert_true(sim_turns(scene.world) <= turns + 2);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_big_chunk_goes_a_second_after_its_last_use, alloc_teardown),
        cmocka_unit_test_teardown(a_stream_of_big_replies_keeps_its_chunk, alloc_teardown),
        cmocka_unit_test_teardown(an_idle_client_without_big_chunks_sleeps, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
