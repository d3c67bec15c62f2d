/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling an operation in each of its states, and what becomes of its connection. */
#include "scene.h"

#include <stdlib.h>

static void a_queued_operation_leaves_the_queue(void **state)
{
    scene_t scene;
    call_t first = {0};
    call_t second = {0};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&scene, 1);
    CHECK_CODE(call_start(&scene, &first, 1, 0), 0);
    CHECK_CODE(call_start(&scene, &second, 2, 0), 0);
    assert_int_equal(scene_stats(&scene).waiting_for_connection, 1);
    call_cancel(&second);
    CHECK_PENDING(&second);
    assert_int_equal(scene_stats(&scene).waiting_for_connection, 0);
    sim_run(scene.world);
    CHECK_ENDED(&first, 0);
    CHECK_ENDED(&second, MUV_ECANCELED);
    assert_int_equal(second.error.in_doubt, 0);
    CHECK_LOG(scene.world, "[   0.500] c1 > ping\n");
    scene_end(&scene);
}

static void the_first_operation_is_cancelled_before_a_server_is_known(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    call_cancel(&call);
    CHECK_PENDING(&call);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_ENDED(&call, MUV_ECANCELED);
    assert_int_equal(sim_counts(scene.server).requests, 0);
    scene_end(&scene);
}

static void a_late_reply_is_dropped_and_its_connection_used_again(void **state)
{
    scene_t scene;
    call_t first = {0};
    call_t second = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 20 * SIM_MS, .times = 1});
    CHECK_CODE(call_start_as(&scene, &first, 1, &(call_opts_t){.kind = MUV_COMMAND_WRITE}), 0);
    sim_run_for(scene.world, 2 * SIM_MS);
    call_cancel(&first);
    CHECK_PENDING(&first);
    sim_run_for(scene.world, 8 * SIM_MS);
    CHECK_ENDED(&first, MUV_ECANCELED);
    assert_int_equal(first.error.in_doubt, 1);
    assert_string_equal(first.error.host, "10.0.0.1:27017");
    assert_int_equal(scene_stats(&scene).connections_draining, 1);
    sim_run_for(scene.world, 15 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections_idle, 1);
    CHECK_CODE(call_start(&scene, &second, 2, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&second, 0);
    CHECK_LOG(scene.world, "[   0.500] c1 > ping\n"
                           "[  25.500] c1 > ping\n");
    scene_end(&scene);
}

static void a_read_that_was_sent_is_not_in_doubt(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    CHECK_CODE(call_start_as(&scene, &call, 1, &(call_opts_t){.kind = MUV_COMMAND_READ}), 0);
    call_cancel(&call);
    sim_run(scene.world);
    CHECK_ENDED(&call, MUV_ECANCELED);
    assert_int_equal(call.error.in_doubt, 0);
    scene_end(&scene);
}

/* Reply and cancel meet: the operation had its reply and waits for its callback. */
static void cancel_another(call_t *call)
{
    call_t *other = call->data;

    INSIDE(call->scene, muv_op_cancel(other->op));
    INSIDE(call->scene, muv_op_cancel(other->op));
}

static void cancelling_a_completed_operation_does_nothing(void **state)
{
    scene_t scene;
    call_t first = {.then = cancel_another};
    call_t second = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    first.data = &second;
    /* Without a reply to wait for, both complete inside their start. */
    CHECK_CODE(call_start_as(&scene, &first, 1, &(call_opts_t){.unacknowledged = MUV_YES}), 0);
    CHECK_CODE(call_start_as(&scene, &second, 2, &(call_opts_t){.unacknowledged = MUV_YES}), 0);
    sim_run(scene.world);
    CHECK_ENDED(&first, 0);
    CHECK_ENDED(&second, 0);
    scene_end(&scene);
}

static void a_partly_written_command_of_ours_goes_on_and_is_drained(void **state)
{
    scene_t scene;
    call_t first = {0};
    call_t second = {0};

    (void)state;
    scene_open(&scene, NULL);
    sim_window(scene.server, 4096, 10 * SIM_MS);
    scene_warm(&scene, 1);
    CHECK_CODE(call_start_as(&scene, &first, 1, &(call_opts_t){.padding_bytes = 10000}), 0);
    call_cancel(&first);
    sim_run_for(scene.world, 1 * SIM_MS);
    CHECK_ENDED(&first, MUV_ECANCELED);
    sim_run_for(scene.world, 39 * SIM_MS);
    CHECK_CODE(call_start(&scene, &second, 2, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&second, 0);
    CHECK_LOG(scene.world, "[  20.500] c1 > ping\n"
                           "[  40.500] c1 > ping\n");
    scene_end(&scene);
}

/* The socket has taken a part and never takes the rest: no byte can come either. */
static void a_command_that_cannot_be_written_is_not_drained_for_ever(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    sim_window(scene.server, 4096, INT64_MAX);
    scene_warm(&scene, 2);
    CHECK_CODE(call_start_as(&scene, &calls[0], 1, &(call_opts_t){.padding_bytes = 10000}), 0);
    CHECK_CODE(call_start_as(&scene, &calls[1], 1,
                             &(call_opts_t){.padding_bytes = 10000, .unacknowledged = MUV_YES}),
               0);
    call_cancel(&calls[0]);
    call_cancel(&calls[1]);
    sim_run_for(scene.world, 2900 * SIM_MS);
    CHECK_ALL_ENDED(calls, 2, MUV_ECANCELED);
    assert_int_equal(scene_stats(&scene).connections_draining, 2);
    sim_run_for(scene.world, 200 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections, 0);
    scene_end(&scene);
}

static void a_partly_written_borrowed_run_closes_its_connection(void **state)
{
    scene_t scene;
    call_t call = {0};
    size_t size = 64 * 1024;
    uint8_t *documents = calloc(1, size);

    (void)state;
    scene_open(&scene, NULL);
    sim_window(scene.server, 4096, 10 * SIM_MS);
    scene_warm(&scene, 1);
    CHECK_CODE(call_start_as(&scene, &call, 1,
                             &(call_opts_t){.kind = MUV_COMMAND_WRITE,
                                            .documents = documents,
                                            .documents_size = size}),
               0);
    call_cancel(&call);
    /* Freed as the caller may when the callback has come: ASan sees a late read. */
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    free(documents);
    CHECK_ENDED(&call, MUV_ECANCELED);
    assert_int_equal(call.error.in_doubt, 1);
    sim_run_for(scene.world, 100 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections, 0);
    CHECK_LOG(scene.world, "[   0.000] c1 closed\n");
    scene_end(&scene);
}

static void a_copied_run_is_drained(void **state)
{
    scene_t scene;
    call_t call = {0};
    size_t size = 64 * 1024;
    uint8_t *documents = calloc(1, size);

    (void)state;
    scene_open(&scene, NULL);
    sim_window(scene.server, 4096, 1 * SIM_MS);
    scene_warm(&scene, 1);
    CHECK_CODE(call_start_as(&scene, &call, 1,
                             &(call_opts_t){.kind = MUV_COMMAND_WRITE,
                                            .documents = documents,
                                            .documents_size = size,
                                            .copy = 1}),
               0);
    free(documents);
    call_cancel(&call);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_ENDED(&call, MUV_ECANCELED);
    assert_int_equal(scene_stats(&scene).connections_idle, 1);
    scene_end(&scene);
}

static void cancelling_nothing_is_allowed(void **state)
{
    (void)state;
    muv_op_cancel(NULL);
    assert_null(muv_op_client(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queued_operation_leaves_the_queue),
        cmocka_unit_test(the_first_operation_is_cancelled_before_a_server_is_known),
        cmocka_unit_test(a_late_reply_is_dropped_and_its_connection_used_again),
        cmocka_unit_test(a_read_that_was_sent_is_not_in_doubt),
        cmocka_unit_test(cancelling_a_completed_operation_does_nothing),
        cmocka_unit_test(a_partly_written_command_of_ours_goes_on_and_is_drained),
        cmocka_unit_test(a_command_that_cannot_be_written_is_not_drained_for_ever),
        cmocka_unit_test(a_partly_written_borrowed_run_closes_its_connection),
        cmocka_unit_test(a_copied_run_is_drained),
        cmocka_unit_test(cancelling_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
