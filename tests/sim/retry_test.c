/* SPDX-License-Identifier: Apache-2.0 */
/* Retries in virtual time: how often a command is sent, how long is waited in between, and what the
 * caller hears in the end. The rules themselves are proved by unit.op.retry. */
#include "scene.h"

#include "client/client_inner.h"

#include <string.h>

static const char member[] = "{'ok': 1, 'isWritablePrimary': true, 'setName': 'rs', "
                             "'hosts': ['10.0.0.1:27017'], 'maxWireVersion': 21, "
                             "'logicalSessionTimeoutMinutes': 30}";

static const char overload[] = "{'ok': 0, 'code': 462, 'errmsg': 'too busy', "
                               "'errorLabels': ['SystemOverloadedError', 'RetryableError']}";

static const char stepped_down[] =
    "{'ok': 0, 'code': 189, 'errmsg': 'bye', 'errorLabels': ['RetryableWriteError']}";

static const char not_begun[] = "{'ok': 0, 'code': 10107, 'errmsg': 'not me', "
                                "'errorLabels': ['RetryableWriteError', 'NoWritesPerformed']}";

static const call_opts_t read_opts = {.name = "find_it", .kind = MUV_COMMAND_READ};
static const call_opts_t write_opts = {
    .name = "change_it", .kind = MUV_COMMAND_WRITE, .retryable = MUV_YES};

/* A client on one member of a replica set, with an idle connection. */
static void open_member(scene_t *scene, const muv_client_opts_t *opts)
{
    scene_open(scene, opts);
    sim_on(scene->server, "hello", &(sim_step_t){.json = member});
    scene_warm(scene, 1);
}

static void script(scene_t *scene, const char *name, const char *json, unsigned times)
{
    sim_on(scene->server, name, &(sim_step_t){.json = json, .times = times});
}

static unsigned requests_since(const scene_t *scene, unsigned before)
{
    return sim_counts(scene->server).requests - before;
}

static void a_read_is_repeated_once_after_a_broken_connection(void **state)
{
    scene_t scene;
    call_t call = {0};
    unsigned before;

    (void)state;
    open_member(&scene, NULL);
    before = sim_counts(scene.server).requests;
    sim_on(scene.server, "find_it", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(requests_since(&scene, before), 2);
    scene_end(&scene);
}

static void a_second_failure_ends_a_read(void **state)
{
    scene_t scene;
    call_t call = {0};
    unsigned before;

    (void)state;
    open_member(&scene, NULL);
    before = sim_counts(scene.server).requests;
    sim_on(scene.server, "find_it", &(sim_step_t){.act = SIM_RESET});
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, 3 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_false(call.error.in_doubt);
    assert_int_equal(requests_since(&scene, before), 2);
    scene_end(&scene);
}

static void without_retry_reads_the_first_failure_ends_a_read(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, &(muv_client_opts_t){.retry_reads = MUV_NO});
    sim_on(scene.server, "find_it", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    scene_end(&scene);
}

/* An overload error says nothing of the server: its connection and description stay. */
static void overload_is_waited_out_twice_with_growing_pauses(void **state)
{
    scene_t scene;
    call_t call = {0};
    int64_t began_us;

    (void)state;
    open_member(&scene, NULL);
    scene.client->settings.jitter = UINT32_C(1) << 31; /* One half. */
    script(&scene, "find_it", overload, 2);
    began_us = sim_now_us(scene.world);
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    /* Half of 200 ms, half of 400 ms, and three round trips of 1 ms. */
    assert_int_equal(call.ended_us - began_us, (100 + 200 + 3) * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections_created, 1);
    scene_end(&scene);
}

static void the_third_overload_error_is_told(void **state)
{
    scene_t scene;
    call_t call = {0};
    unsigned before;

    (void)state;
    open_member(&scene, NULL);
    before = sim_counts(scene.server).requests;
    script(&scene, "ping", overload, 0);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(call.error.server_code, 462);
    assert_true((call.error.labels & MUV_LABEL_RETRYABLE) != 0);
    assert_false(call.error.in_doubt);
    assert_int_equal(requests_since(&scene, before), 3);
    scene_end(&scene);
}

static void a_pause_that_the_deadline_would_end_is_not_begun(void **state)
{
    scene_t scene;
    call_t call = {0};
    int64_t began_us;

    (void)state;
    open_member(&scene, NULL);
    scene.client->settings.jitter = UINT32_MAX;
    script(&scene, "ping", overload, 0);
    began_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &call, 7, 150), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(call.ended_us - began_us, SIM_MS);
    scene_end(&scene);
}

static void a_pause_can_be_cancelled(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, NULL);
    scene.client->settings.jitter = UINT32_MAX;
    script(&scene, "ping", overload, 0);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, 50 * SIM_MS);
    CHECK_PENDING(&call);
    call_cancel(&call);
    sim_run_for(scene.world, SIM_MS);
    CHECK_ENDED(&call, MUV_ECANCELED);
    scene_end(&scene);
}

static void closing_ends_a_pause(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, NULL);
    scene.client->settings.jitter = UINT32_MAX;
    script(&scene, "ping", overload, 0);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, 50 * SIM_MS);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ECLOSED);
    scene_end(&scene);
}

static void a_write_with_a_number_is_repeated(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, NULL);
    sim_on(scene.server, "change_it", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    scene_end(&scene);
}

static void any_other_write_is_not(void **state)
{
    scene_t scene;
    call_t call = {0};
    call_opts_t plain = write_opts;

    (void)state;
    plain.retryable = MUV_UNSET;
    open_member(&scene, NULL);
    sim_on(scene.server, "change_it", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &plain), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_true(call.error.in_doubt);
    scene_end(&scene);
}

/* A standalone remembers no numbers (Retryable Writes: supported servers). */
static void a_write_to_a_standalone_is_not_repeated(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "change_it", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_true(call.error.in_doubt);
    scene_end(&scene);
}

static void the_error_that_shows_a_write_is_told_and_its_doubt_stays(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, NULL);
    script(&scene, "change_it", stepped_down, 1);
    script(&scene, "change_it", not_begun, 1);
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(call.error.server_code, 189);
    assert_string_equal(call.error.message, "bye");
    assert_true(call.error.in_doubt);
    scene_end(&scene);
}

static void of_errors_without_a_write_the_first_is_told(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, NULL);
    script(&scene, "change_it", not_begun, 0);
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(call.error.server_code, 10107);
    assert_false(call.error.in_doubt);
    scene_end(&scene);
}

/* No server for the second attempt: the first error says more than that. */
static void a_retry_without_a_server_tells_the_error_before(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, &(muv_client_opts_t){.server_selection_timeout_ms = 2000});
    sim_on(scene.server, "change_it", &(sim_step_t){.act = SIM_RESET});
    sim_on(scene.server, "hello", &(sim_step_t){.json = "{'ok': 0, 'errmsg': 'no'}"});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, 20 * SIM_MS);
    sim_on_connect(scene.server, SIM_REFUSE, 0);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_true(call.error.in_doubt);
    assert_true((call.error.labels & MUV_LABEL_RETRYABLE_WRITE) != 0);
    scene_end(&scene);
}

static void a_timeout_during_retries_names_their_error(void **state)
{
    scene_t scene;
    call_t call = {0};
    call_opts_t timed = write_opts;
    int64_t began_us;

    (void)state;
    timed.timeout_ms = 700;
    open_member(&scene, NULL);
    sim_on(scene.server, "change_it", &(sim_step_t){.act = SIM_RESET});
    began_us = sim_now_us(scene.world);
    CHECK_CODE(call_start_as(&scene, &call, 7, &timed), 0);
    sim_run_for(scene.world, 3 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_int_equal(call.ended_us - began_us, 700 * SIM_MS);
    assert_true(call.error.in_doubt);
    assert_non_null(strstr(call.error.message, "its last attempt failed"));
    scene_end(&scene);
}

/* The last attempt is not even sent: nothing could be answered in the time that is left. */
static void a_timeout_before_a_retry_is_sent_is_a_timeout(void **state)
{
    scene_t scene;
    call_t call = {0};
    call_opts_t timed = write_opts;

    (void)state;
    timed.timeout_ms = 70;
    open_member(&scene, &(muv_client_opts_t){.heartbeat_frequency_ms = 500});
    sim_latency(scene.server, 25 * SIM_MS);
    sim_run_for(scene.world, 10 * SIM_SECOND);
    script(&scene, "change_it", overload, 1);
    scene.client->settings.jitter = 0;
    CHECK_CODE(call_start_as(&scene, &call, 7, &timed), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_non_null(strstr(call.error.message, "its last attempt failed: too busy"));
    scene_end(&scene);
}

static int render_find(muv_writer_t *writer, void *data)
{
    (void)data;
    muv_writer_int32(writer, "find_it", 1);
    return 0;
}

static void on_found(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    *(int *)data = error == NULL ? 0 : error->code;
}

/* Its server has no connection to give while it is Unknown, and it does not wait in selection. */
static void a_command_that_stays_with_a_broken_server_does_not_spin(void **state)
{
    scene_t scene;
    muv_command_t command = {
        .database = "sim", .kind = MUV_COMMAND_READ, .timeout_ms = 5000, .server_id = 1};
    int code = 1;

    (void)state;
    open_member(&scene, NULL);
    sim_on(scene.server, "find_it", &(sim_step_t){.act = SIM_RESET});
    CHECK_CODE(muv_command_start(scene.client, &command, render_find, NULL, on_found, &code, NULL),
               0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_CODE(code, MUV_ENETWORK);
    scene_end(&scene);
}

static void socket_timeout_closes_the_connection_and_counts_as_network_error(void **state)
{
    scene_t scene;
    call_t call = {0};
    int64_t began_us;

    (void)state;
    open_member(&scene, &(muv_client_opts_t){.socket_timeout_ms = 11000});
    sim_on(scene.server, "find_it", &(sim_step_t){.act = SIM_SILENCE});
    began_us = sim_now_us(scene.world);
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, 30 * SIM_SECOND);
    /* Repeated at once on a new connection: a slow reply says nothing of the server. */
    CHECK_ENDED(&call, MUV_ENETTIMEOUT);
    assert_true(call.ended_us - began_us >= 22000 * SIM_MS);
    assert_true(call.ended_us - began_us < 22020 * SIM_MS);
    assert_int_equal(scene_stats(&scene).connections_closed, 2);
    scene_end(&scene);
}

static void timeout_puts_socket_timeout_out_of_force(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_member(&scene, &(muv_client_opts_t){.socket_timeout_ms = 11000});
    sim_on(scene.server, "ping", &(sim_step_t){.delay_us = 12 * SIM_SECOND});
    CHECK_CODE(call_start(&scene, &call, 7, 15000), 0);
    sim_run_for(scene.world, 20 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(scene_stats(&scene).connections_closed, 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_repeated_once_after_a_broken_connection),
        cmocka_unit_test(a_second_failure_ends_a_read),
        cmocka_unit_test(without_retry_reads_the_first_failure_ends_a_read),
        cmocka_unit_test(overload_is_waited_out_twice_with_growing_pauses),
        cmocka_unit_test(the_third_overload_error_is_told),
        cmocka_unit_test(a_pause_that_the_deadline_would_end_is_not_begun),
        cmocka_unit_test(a_pause_can_be_cancelled),
        cmocka_unit_test(closing_ends_a_pause),
        cmocka_unit_test(a_write_with_a_number_is_repeated),
        cmocka_unit_test(any_other_write_is_not),
        cmocka_unit_test(a_write_to_a_standalone_is_not_repeated),
        cmocka_unit_test(the_error_that_shows_a_write_is_told_and_its_doubt_stays),
        cmocka_unit_test(of_errors_without_a_write_the_first_is_told),
        cmocka_unit_test(a_retry_without_a_server_tells_the_error_before),
        cmocka_unit_test(a_timeout_during_retries_names_their_error),
        cmocka_unit_test(a_timeout_before_a_retry_is_sent_is_a_timeout),
        cmocka_unit_test(a_command_that_stays_with_a_broken_server_does_not_spin),
        cmocka_unit_test(socket_timeout_closes_the_connection_and_counts_as_network_error),
        cmocka_unit_test(timeout_puts_socket_timeout_out_of_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
