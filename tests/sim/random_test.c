/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations, cancels, timeouts and faults for some virtual minutes. Every callback comes
 * exactly once with the right answer, the counts agree, and all memory comes back. A failure prints
 * its seed; MUV_TEST_SEED=N runs that seed alone. */
#include "scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 40, STEPS = 4000, SLOTS = 60, DOCUMENTS_SIZE = 20000 };

typedef struct storm {
    scene_t scene;
    call_t slots[SLOTS];
    bool is_tree[SLOTS];
    unsigned started;
    unsigned succeeded;
    int64_t next_number;
    uint64_t seed;
} storm_t;

static storm_t storm;
static const uint8_t documents[DOCUMENTS_SIZE];

static uint64_t below(uint64_t bound)
{
    return sim_random(storm.scene.world, bound);
}

static void on_ended(call_t *call)
{
    if (call->code == 0) {
        storm.succeeded++;
        if (call->reply_size != 0) {
            assert_int_equal(call->echo, call->number);
        }
    } else if (call->code == MUV_EINVAL || call->code == MUV_EFORK || call->code == MUV_ENOMEM) {
        fail_msg("%s", call->error.message);
    }
    /* Some callbacks hold the loop, some start the next one. */
    if (below(200) == 0) {
        sim_stall(storm.scene.world, (int64_t)below(400) * SIM_MS);
    }
}

static call_t *free_slot(unsigned *ret_index)
{
    unsigned index = (unsigned)below(SLOTS);

    *ret_index = index;
    return storm.slots[index].op == NULL ? &storm.slots[index] : NULL;
}

/* An open composite, or NULL. */
static muv_op_t *some_parent(void)
{
    unsigned index = (unsigned)below(SLOTS);

    return storm.is_tree[index] ? storm.slots[index].op : NULL;
}

static void start_one(void)
{
    unsigned index;
    call_t *call = free_slot(&index);
    call_opts_t opts = {.kind = (int8_t)(1 + below(3)),
                        .unacknowledged = below(8) == 0 ? MUV_YES : MUV_UNSET,
                        .timeout_ms = 1 + (int64_t)below(below(2) == 0 ? 50 : 3000),
                        .parent = below(3) == 0 ? some_parent() : NULL,
                        .padding_bytes = below(4) == 0 ? below(30000) : 0};
    int status;

    if (call == NULL) {
        return;
    }
    if (below(6) == 0) {
        opts.documents = documents;
        opts.documents_size = DOCUMENTS_SIZE;
        opts.copy = (int8_t)below(2);
    }
    *call = (call_t){.then = on_ended};
    storm.is_tree[index] = false;
    status = call_start_as(&storm.scene, call, storm.next_number++, &opts);
    if (status != 0) {
        CHECK_CODE(status, MUV_ECLOSED); /* The parent was ended. */
        assert_non_null(opts.parent);
        call->op = NULL;
        return;
    }
    storm.started++;
}

static void start_tree(void)
{
    unsigned index;
    call_t *tree = free_slot(&index);
    muv_op_opts_t opts = {.timeout_ms = 1 + (int64_t)below(5000),
                          .parent = below(3) == 0 ? some_parent() : NULL};
    int status;

    if (tree == NULL) {
        return;
    }
    *tree = (call_t){.then = on_ended};
    status = tree_begin(&storm.scene, tree, &opts);
    if (status != 0) {
        CHECK_CODE(status, MUV_ECLOSED);
        tree->op = NULL;
        return;
    }
    storm.is_tree[index] = true;
    storm.started++;
}

static void finish_tree(unsigned index)
{
    if (storm.is_tree[index] && storm.slots[index].op != NULL) {
        storm.is_tree[index] = false;
        tree_finish(&storm.slots[index], NULL);
    }
}

static void cancel_one(void)
{
    call_t *call = &storm.slots[below(SLOTS)];

    if (call->op != NULL) {
        call_cancel(call);
    }
}

/* What the server does from now on. */
static void change_weather(void)
{
    sim_server_t *server = storm.scene.server;
    sim_step_t step = {.delay_us = (int64_t)below(400) * SIM_MS, .times = 1 + (unsigned)below(30)};

    sim_heal(server);
    sim_latency(server, 100 + (int64_t)below(5000));
    switch (below(12)) {
    case 0: step.act = SIM_SILENCE; break;
    case 1: step.act = SIM_RESET; break;
    case 2: step.then = SIM_FINISH; break;
    case 3: step.response_to_add = 1; break;
    case 4: step.cut_bytes = 1 + below(60); break;
    case 5:
        step.piece_bytes = 1 + below(40);
        step.gap_us = (int64_t)below(3000);
        break;
    case 6: step.padding_bytes = below(700 * 1024); break;
    case 7: sim_reset_all(server); break;
    case 8:
        sim_on_connect(server, below(2) == 0 ? SIM_REFUSE : SIM_HANG, 1 + (unsigned)below(4));
        break;
    case 9: sim_window(server, 500 + below(5000), 100 + (int64_t)below(20000)); break;
    default: return;
    }
    sim_on(server, "*", &step);
}

static void check_counts(void)
{
    muv_client_stats_t stats = scene_stats(&storm.scene);

    assert_int_equal(stats.operations_started - stats.operations_ended, stats.operations_live);
    assert_int_equal(stats.operations_started, storm.started);
    assert_int_equal(stats.operations_ended, storm.scene.ended);
    assert_in_range(stats.connections, 0, 10);
    assert_true(stats.connections_idle + stats.connections_pending + stats.connections_draining <=
                stats.connections);
    assert_in_range(stats.pending_bytes, 0, 4 * 1024 * 1024);
}

static void take_step(void)
{
    switch (below(16)) {
    case 0: cancel_one(); break;
    case 1: start_tree(); break;
    case 2: finish_tree((unsigned)below(SLOTS)); break;
    case 3:
    case 4:
    case 5:
        sim_run_for(storm.scene.world, (int64_t)below(20 * SIM_MS));
        check_counts();
        break;
    case 6:
        if (below(20) == 0) {
            change_weather();
        }
        break;
    default: start_one(); break;
    }
}

/* Calm, and everything comes to its end. */
static void settle(void)
{
    muv_client_stats_t stats;
    call_t ping = {0};

    sim_heal(storm.scene.server);
    for (unsigned i = 0; i < SLOTS; i++) {
        finish_tree(i);
    }
    sim_run(storm.scene.world);
    assert_int_equal(storm.scene.ended, storm.started);
    sim_run_for(storm.scene.world, 20 * SIM_SECOND);
    CHECK_CODE(call_start(&storm.scene, &ping, 1, 60000), 0);
    sim_run(storm.scene.world);
    CHECK_ENDED(&ping, 0);
    stats = scene_stats(&storm.scene);
    assert_int_equal(stats.operations_live, 0);
    assert_int_equal(stats.connections, stats.connections_idle);
    assert_int_equal(stats.pending_bytes, 0);
}

static void run_seed(uint64_t seed)
{
    muv_client_opts_t opts = {.max_pool_size = 10,
                              .min_pool_size = (int32_t)(seed % 3),
                              .max_waiting = 25,
                              .max_pending_bytes = 2 * 1024 * 1024,
                              .wait_queue_timeout_ms = seed % 2 == 0 ? 500 : 0,
                              .connect_timeout_ms = 1000,
                              .heartbeat_frequency_ms = 1000};

    memset(&storm, 0, sizeof storm);
    storm.seed = seed;
    scene_open_seeded(&storm.scene, &opts, seed);
    if (seed % 4 != 0) {
        sim_shuffle(storm.scene.world);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        take_step();
    }
    if (seed % 2 == 0) {
        settle();
    }
    assert_true(storm.succeeded > 10);
    if (seed % 4 == 1) {
        CHECK_CODE(scene_close(&storm.scene, MUV_CLOSE_DRAIN), 0);
    } else {
        CHECK_CODE(scene_close(&storm.scene, MUV_CLOSE_ABORT), 0);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        finish_tree(i);
    }
    scene_end(&storm.scene);
    for (unsigned i = 0; i < SLOTS; i++) {
        assert_null(storm.slots[i].op);
    }
}

static int print_seed(void **state)
{
    (void)state;
    print_message("the last seed was MUV_TEST_SEED=%" PRIu64 "\n", storm.seed);
    return 0;
}

static void every_callback_comes_once_in_any_weather(void **state)
{
    const char *seed = getenv("MUV_TEST_SEED");

    (void)state;
    if (seed != NULL) {
        run_seed(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 1; i <= SEEDS; i++) {
        run_seed(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_callback_comes_once_in_any_weather, print_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
