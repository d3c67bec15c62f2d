/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a client in both modes with operations in every state. scene_end() checks each time that
 * no stream, no net and no memory is left. */
#include "scene.h"

#include <stdlib.h>

static void an_unused_client_closes(void **state)
{
    (void)state;
    for (int mode = MUV_CLOSE_DRAIN; mode <= MUV_CLOSE_ABORT; mode++) {
        scene_t scene;

        scene_open(&scene, &(muv_client_opts_t){.min_pool_size = mode});
        CHECK_CODE(scene_close(&scene, mode), 0);
        assert_int_equal(scene.closed, 0);
        sim_run(scene.world);
        scene_end(&scene);
    }
}

static void draining_waits_for_the_operations(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};
    call_t refused = {0};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 100 * SIM_MS});
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
    }
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    CHECK_CODE(call_start(&scene, &refused, 9, 0), MUV_ECLOSED);
    assert_int_equal(muv_client_refusal(scene.client)->code, MUV_ECLOSED);
    sim_run_for(scene.world, 150 * SIM_MS);
    assert_int_equal(scene.closed, 0);
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, 3, 0);
    scene_end(&scene);
}

/* One for each state: selecting or queued, partly written, waiting for its reply, completed,
 * draining. */
static void aborting_ends_operations_in_every_state(void **state)
{
    scene_t scene;
    call_t calls[6] = {{0}};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 4});
    sim_window(scene.server, 4096, 100 * SIM_MS);
    scene_warm(&scene, 4);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND});
    CHECK_CODE(call_start(&scene, &calls[0], 0, 10), 0);
    sim_run_for(scene.world, 20 * SIM_MS);
    CHECK_ENDED(&calls[0], MUV_ETIMEOUT);
    assert_int_equal(scene_stats(&scene).connections_draining, 1);
    CHECK_CODE(call_start_as(&scene, &calls[1], 1, &(call_opts_t){.padding_bytes = 9000}), 0);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 0), 0);
    CHECK_CODE(call_start_as(&scene, &calls[3], 3, &(call_opts_t){.unacknowledged = MUV_YES}), 0);
    CHECK_CODE(call_start_as(&scene, &calls[4], 4,
                             &(call_opts_t){.padding_bytes = 9000, .unacknowledged = MUV_YES}),
               0);
    CHECK_CODE(call_start(&scene, &calls[5], 5, 0), 0);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    CHECK_PENDING(&calls[1]);
    sim_run(scene.world);
    CHECK_ENDED(&calls[1], MUV_ECLOSED);
    CHECK_ENDED(&calls[2], MUV_ECLOSED);
    CHECK_ENDED(&calls[3], 0);
    CHECK_ENDED(&calls[4], MUV_ECLOSED);
    CHECK_ENDED(&calls[5], MUV_ECLOSED);
    assert_int_equal(sim_counts(scene.server).open, 0);
    scene_end(&scene);
}

static void aborting_ends_operations_that_wait_for_a_server(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    sim_on_connect(scene.server, SIM_HANG, 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
    }
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, 3, MUV_ECLOSED);
    scene_end(&scene);
}

static void a_drain_can_become_an_abort(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), MUV_ECLOSED);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), MUV_ECLOSED);
    INSIDE(&scene, CHECK_CODE(muv_client_close(scene.client, MUV_CLOSE_ABORT, NULL, NULL), 0));
    CHECK_PENDING(&call);
    INSIDE(&scene,
           CHECK_CODE(muv_client_close(scene.client, MUV_CLOSE_ABORT, NULL, NULL), MUV_ECLOSED));
    sim_run(scene.world);
    CHECK_ENDED(&call, MUV_ECLOSED);
    scene_end(&scene);
}

static void close_here(call_t *call)
{
    const int *mode = call->data;

    CHECK_CODE(scene_close(call->scene, *mode), 0);
}

static void closing_inside_a_callback_is_allowed(void **state)
{
    (void)state;
    for (int mode = MUV_CLOSE_DRAIN; mode <= MUV_CLOSE_ABORT; mode++) {
        scene_t scene;
        call_t closer = {.then = close_here, .data = &mode};
        call_t other = {0};

        scene_open(&scene, NULL);
        scene_warm(&scene, 2);
        sim_on(scene.server, "slow", &(sim_step_t){.delay_us = SIM_SECOND});
        CHECK_CODE(call_start(&scene, &closer, 1, 0), 0);
        CHECK_CODE(call_start_as(&scene, &other, 2, &(call_opts_t){.name = "slow"}), 0);
        sim_run(scene.world);
        CHECK_ENDED(&closer, 0);
        CHECK_ENDED(&other, mode == MUV_CLOSE_DRAIN ? 0 : MUV_ECLOSED);
        scene_end(&scene);
    }
}

static void closing_while_connections_are_being_made(void **state)
{
    (void)state;
    /* At every tenth of a millisecond of the first two round trips. */
    for (int64_t at_us = 0; at_us < 6 * SIM_MS; at_us += 100) {
        scene_t scene;
        call_t call = {0};

        scene_open(&scene, NULL);
        CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
        sim_run_for(scene.world, at_us);
        CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
        sim_run(scene.world);
        assert_int_equal(call.ended, 1);
        assert_true(call.code == 0 || call.code == MUV_ECLOSED);
        scene_end(&scene);
    }
}

/* A wake-up of the pool is pending and no connection is open: nothing holds the server's memory. */
static void closing_while_the_pool_backs_off(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.min_pool_size = 3});
    scene_warm(&scene, 3);
    sim_on_connect(scene.server, SIM_REFUSE, 0);
    sim_reset_all(scene.server);
    CHECK_CODE(call_start(&scene, &call, 1, 500), 0);
    sim_run_for(scene.world, 20 * SIM_MS);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run(scene.world);
    assert_int_equal(call.ended, 1);
    scene_end(&scene);
}

static void keep_reply(call_t *call, const muv_reply_t *reply)
{
    CHECK_CODE(muv_reply_retain(reply, &call->kept), 0);
}

/* Shared with the chunk, and copied out of it: both outlive the client. */
static void kept_replies_outlive_the_client(void **state)
{
    scene_t scene;
    call_t calls[3] = {{.see = keep_reply}, {.see = keep_reply}, {.see = keep_reply}};
    const size_t paddings[] = {10, 100 * 1024, 2 * 1024 * 1024};
    alloc_mark_t mark = alloc_mark();
    sim_world_t *world;

    (void)state;
    scene_open(&scene, NULL);
    for (unsigned i = 0; i < 3; i++) {
        sim_on(scene.server, "ping", &(sim_step_t){.padding_bytes = paddings[i], .times = 1});
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
        sim_run(scene.world);
        CHECK_ENDED(&calls[i], 0);
    }
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run(scene.world);
    world = scene.world;
    for (unsigned i = 0; i < 3; i++) {
        bson_iter_t iter;
        bson_t view;

        muv_reply_bson(calls[i].kept, &view);
        assert_true(bson_validate(&view, BSON_VALIDATE_NONE, NULL));
        assert_true(bson_iter_init_find(&iter, &view, "echo"));
        assert_int_equal(bson_iter_as_int64(&iter), i);
        muv_reply_release(calls[i].kept);
    }
    sim_free(world);
    CHECK_NO_LEAK(mark);
}

static void bad_arguments_are_refused(void **state)
{
    scene_t scene;

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(muv_client_close(NULL, MUV_CLOSE_DRAIN, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_client_close(scene.client, 7, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(scene.client)->message, "mode");
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unused_client_closes),
        cmocka_unit_test(draining_waits_for_the_operations),
        cmocka_unit_test(aborting_ends_operations_in_every_state),
        cmocka_unit_test(aborting_ends_operations_that_wait_for_a_server),
        cmocka_unit_test(a_drain_can_become_an_abort),
        cmocka_unit_test(closing_inside_a_callback_is_allowed),
        cmocka_unit_test(closing_while_connections_are_being_made),
        cmocka_unit_test(closing_while_the_pool_backs_off),
        cmocka_unit_test(kept_replies_outlive_the_client),
        cmocka_unit_test(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
