/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the library fails, one after the other, and from each on all of them: what is
 * accepted is called back once, nothing leaks, and when there is memory again the client works. */
#include "scene.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS = 8 };

typedef void (*scenario_t)(scene_t *scene, call_t *calls);

/* A call that was accepted, or refused for want of memory. */
static void try_start(scene_t *scene, call_t *call, int64_t number, const call_opts_t *opts)
{
    int status = call_start_as(scene, call, number, opts);

    if (status != 0) {
        assert_true(alloc_has_failed());
        CHECK_CODE(status, MUV_ENOMEM);
        call->scene = NULL;
    }
}

static void check_calls(const call_t *calls)
{
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i].scene != NULL) {
            assert_int_equal(calls[i].ended, 1);
            assert_true(calls[i].code == 0 || calls[i].code == MUV_ECANCELED ||
                        calls[i].code == MUV_ETIMEOUT || calls[i].code == MUV_ENETWORK ||
                        calls[i].code == MUV_EPOOLCLEARED || alloc_has_failed());
        }
    }
}

/* Is there memory again after a failure? */
static bool memory_is_back(void)
{
    bool had_failed = alloc_has_failed();
    void *probe = muv__mem_alloc(1);

    muv__mem_free(probe);
    return had_failed && probe != NULL;
}

static void check_usable(scene_t *scene)
{
    call_t call = {0};

    if (!memory_is_back()) {
        return;
    }
    sim_heal(scene->server);
    /* The failure may have cost a connection; the first operation may still meet that. */
    for (int attempt = 0; attempt < 3; attempt++) {
        memset(&call, 0, sizeof call);
        CHECK_CODE(call_start(scene, &call, 77, 60000), 0);
        sim_run(scene->world);
        if (call.code == 0) {
            return;
        }
    }
    CHECK_ENDED(&call, 0);
}

static void live_once(void *data)
{
    scenario_t scenario = *(scenario_t *)data;
    scene_t scene;
    call_t *calls = calls_new(CALLS);
    muv_error_t error;
    int status;

    memset(&scene, 0, sizeof scene);
    scene.mark = alloc_mark();
    scene.world = sim_new(1);
    scene.server = sim_server(scene.world, "10.0.0.1", 27017);
    sim_name(scene.world, "db.test", "10.0.0.1", SIM_MS);
    status = muv_client_new(sim_loop(scene.world), "mongodb://db.test:27017/?directConnection=true",
                            &(muv_client_opts_t){.max_pool_size = 3}, &error, &scene.client);
    if (status == 0) {
        scenario(&scene, calls);
        sim_run(scene.world);
        check_calls(calls);
        check_usable(&scene);
        scene_end(&scene);
    } else {
        assert_true(alloc_has_failed());
        CHECK_CODE(status, MUV_ENOMEM);
        CHECK_ERROR(&error, MUV_ENOMEM);
        sim_run(scene.world);
        sim_free(scene.world);
    }
    free(calls);
}

static void sweep(scenario_t scenario)
{
    unsigned count = alloc_sweep(live_once, &scenario);

    assert_true(count > 10);
}

static void run_some(scene_t *scene, call_t *calls)
{
    for (unsigned i = 0; i < 5; i++) {
        try_start(scene, &calls[i], i, &(call_opts_t){.kind = MUV_COMMAND_READ});
    }
}

static void operations(void **state)
{
    (void)state;
    sweep(run_some);
}

static void run_cancelled(scene_t *scene, call_t *calls)
{
    run_some(scene, calls);
    sim_run_for(scene->world, 4 * SIM_MS);
    for (unsigned i = 0; i < 5; i += 2) {
        if (calls[i].op != NULL) {
            call_cancel(&calls[i]);
        }
    }
    sim_run_for(scene->world, 20 * SIM_MS);
    try_start(scene, &calls[5], 5, &(call_opts_t){.timeout_ms = 1});
}

static void cancels_and_timeouts(void **state)
{
    (void)state;
    sweep(run_cancelled);
}

static void run_large(scene_t *scene, call_t *calls)
{
    static const uint8_t documents[9000];

    sim_window(scene->server, 2000, 100);
    sim_on(scene->server, "ping",
           &(sim_step_t){.padding_bytes = 400 * 1024, .piece_bytes = 50 * 1024, .gap_us = 100});
    try_start(scene, &calls[0], 0, &(call_opts_t){.padding_bytes = 20000});
    try_start(scene, &calls[1], 1,
              &(call_opts_t){.documents = documents, .documents_size = sizeof documents});
    try_start(
        scene, &calls[2], 2,
        &(call_opts_t){.documents = documents, .documents_size = sizeof documents, .copy = 1});
    try_start(scene, &calls[3], 3,
              &(call_opts_t){.padding_bytes = 5000, .unacknowledged = MUV_YES});
}

static void large_messages(void **state)
{
    (void)state;
    sweep(run_large);
}

static void run_tree(scene_t *scene, call_t *calls)
{
    int status = tree_begin(scene, &calls[0], NULL);

    if (status != 0) {
        CHECK_CODE(status, MUV_ENOMEM);
        calls[0].scene = NULL;
        return;
    }
    for (unsigned i = 1; i < 4; i++) {
        try_start(scene, &calls[i], i, &(call_opts_t){.parent = calls[0].op});
    }
    tree_finish(&calls[0], NULL);
}

static void composites(void **state)
{
    (void)state;
    sweep(run_tree);
}

static void run_faults(scene_t *scene, call_t *calls)
{
    run_some(scene, calls);
    sim_run_for(scene->world, 20 * SIM_MS);
    sim_reset_all(scene->server);
    sim_on_connect(scene->server, SIM_REFUSE, 2);
    sim_run_for(scene->world, 20 * SIM_MS);
    try_start(scene, &calls[5], 5, &(call_opts_t){.timeout_ms = 5000});
    sim_run_for(scene->world, 2 * SIM_SECOND);
    try_start(scene, &calls[6], 6, &(call_opts_t){.timeout_ms = 5000});
}

static void broken_connections(void **state)
{
    (void)state;
    sweep(run_faults);
}

static void run_close(scene_t *scene, call_t *calls)
{
    run_some(scene, calls);
    sim_run_for(scene->world, 5 * SIM_MS);
    (void)scene_close(scene, MUV_CLOSE_ABORT);
    sim_run(scene->world);
}

/* Closing allocates nothing: it works at every k. */
static void close_once(void *data)
{
    scene_t scene;
    call_t *calls = calls_new(CALLS);
    muv_error_t error;

    (void)data;
    memset(&scene, 0, sizeof scene);
    scene.mark = alloc_mark();
    scene.world = sim_new(1);
    scene.server = sim_server(scene.world, "10.0.0.1", 27017);
    if (muv_client_new(sim_loop(scene.world), "mongodb://10.0.0.1/?directConnection=true", NULL,
                       &error, &scene.client) == 0) {
        run_close(&scene, calls);
        scene_end(&scene);
    } else {
        sim_run(scene.world);
        sim_free(scene.world);
    }
    free(calls);
}

static void closing(void **state)
{
    (void)state;
    assert_true(alloc_sweep(close_once, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(operations, alloc_teardown),
        cmocka_unit_test_teardown(cancels_and_timeouts, alloc_teardown),
        cmocka_unit_test_teardown(large_messages, alloc_teardown),
        cmocka_unit_test_teardown(composites, alloc_teardown),
        cmocka_unit_test_teardown(broken_connections, alloc_teardown),
        cmocka_unit_test_teardown(closing, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
