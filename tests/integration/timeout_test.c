/* SPDX-License-Identifier: Apache-2.0 */
/* Timeouts and cancelling against a scripted server: the caller is freed at once, the connection is
 * kept and the late reply dropped, and no reply reaches another caller. */
#include "integration/client_fixture.h"

#include <stdlib.h>
#include <string.h>

static bool nothing_drains(void *data)
{
    return stats_of(data).connections_draining == 0;
}

static void await_drained(client_fixture_t *f)
{
    run_until_true(&f->loop, nothing_drains, f, WAIT_MS);
}

static void a_late_reply_is_drained_and_the_connection_used_again(void **state)
{
    client_fixture_t *f = *state;
    outcome_t late = {0};
    outcome_t next = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_find(f, &late, 1, &(muv_find_one_opts_t){.timeout_ms = 30});
    await_error(&late, MUV_ETIMEOUT);
    assert_int_equal(late.error.domain, MUV_DOMAIN_TIMEOUT);
    assert_string_equal(late.error.host, mock_address(f->mock, 0));
    assert_int_equal(stats_of(f).connections_draining, 1);
    mock_release(f->mock, 1);
    await_drained(f);
    start_find(f, &next, 2, NULL);
    await_success(&next);
    assert_string_equal(next.text, "{ \"_id\" : 2 }");
    assert_int_equal(stats_of(f).connections_created, 1);
    outcome_clear(&late);
    outcome_clear(&next);
}

/* The next command waits in the queue while its only connection drains, byte by byte. */
static void a_waiting_command_gets_the_drained_connection(void **state)
{
    client_fixture_t *f = *state;
    outcome_t late = {0};
    outcome_t next = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true, .split_every_byte = true});
    start_find(f, &late, 1, NULL);
    start_find(f, &next, 2, NULL);
    await_held(f, 1);
    cancel(&late);
    mock_release(f->mock, 1);
    await_error(&late, MUV_ECANCELED);
    await_success(&next);
    assert_string_equal(next.text, "{ \"_id\" : 2 }");
    outcome_clear(&late);
    outcome_clear(&next);
}

/* The pool is full and the late reply does not come at all: after the drain grace the connection is
 * replaced instead of being waited for. */
static void a_silent_server_costs_the_drain_grace_only(void **state)
{
    client_fixture_t *f = *state;
    outcome_t late = {0};
    outcome_t next = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.send = MOCK_NOTHING});
    start_find(f, &late, 1, &(muv_find_one_opts_t){.timeout_ms = 20});
    await_error(&late, MUV_ETIMEOUT);
    start_find(f, &next, 2, &(muv_find_one_opts_t){.timeout_ms = 2500});
    await_success(&next);
    assert_int_equal(stats_of(f).connections_created, 2);
    assert_int_equal(stats_of(f).connections_draining, 0);
    outcome_clear(&late);
    outcome_clear(&next);
}

static void a_connection_that_breaks_while_draining_is_replaced(void **state)
{
    client_fixture_t *f = *state;
    outcome_t late = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_find(f, &late, 1, &(muv_find_one_opts_t){.timeout_ms = 20});
    await_error(&late, MUV_ETIMEOUT);
    mock_drop_connections(f->mock, MOCK_ANY, MOCK_RESET);
    warm_up(f);
    outcome_clear(&late);
}

static void a_timed_out_write_is_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    warm_up(f);
    mock_script(f->mock, "drop", &(mock_step_t){.hold = true});
    start_write(f, &o, "{\"drop\": \"c\"}", 20);
    await_error(&o, MUV_ETIMEOUT);
    assert_int_equal(o.error.in_doubt, 1);
    mock_release(f->mock, 1);
    outcome_clear(&o);
}

static void the_clients_timeout_is_inherited_and_can_be_overridden(void **state)
{
    client_fixture_t *f = *state;
    outcome_t inherits = {0};
    outcome_t has_time = {0};

    mock_script(f->mock, "find", &(mock_step_t){.delay_ms = 150, .times = 2});
    open_client(f, "timeoutMS=60", NULL);
    start_find(f, &inherits, 1, NULL);
    start_find(f, &has_time, 2, &(muv_find_one_opts_t){.timeout_ms = 10000});
    await_error(&inherits, MUV_ETIMEOUT);
    await_success(&has_time);
    outcome_clear(&inherits);
    outcome_clear(&has_time);
}

static void waiting_for_a_connection_counts_too(void **state)
{
    client_fixture_t *f = *state;
    outcome_t first = {0};
    outcome_t queued = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    start_ping(f, &first, 0);
    start_ping(f, &queued, 30);
    assert_int_equal(stats_of(f).waiting_for_connection, 1);
    await_error(&queued, MUV_ETIMEOUT);
    assert_int_equal(stats_of(f).waiting_for_connection, 0);
    mock_release(f->mock, 1);
    await_success(&first);
    assert_int_equal(mock_request_count(f->mock, "ping"), 2);
    outcome_clear(&first);
    outcome_clear(&queued);
}

static void the_wait_queue_has_a_timeout_of_its_own(void **state)
{
    client_fixture_t *f = *state;
    outcome_t first = {0};
    outcome_t queued = {0};

    open_client(f, "maxPoolSize=1&waitQueueTimeoutMS=30", NULL);
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    start_ping(f, &first, 0);
    start_ping(f, &queued, 0);
    await_error(&queued, MUV_EWAITQUEUE);
    assert_int_equal(queued.error.domain, MUV_DOMAIN_POOL);
    mock_release(f->mock, 1);
    await_success(&first);
    outcome_clear(&first);
    outcome_clear(&queued);
}

static void a_full_queue_is_an_error_by_callback(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[4] = {{0}};

    open_client(f, "maxPoolSize=1", &(muv_client_opts_t){.max_waiting = 2});
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    for (int i = 0; i < 4; i++) {
        start_ping(f, &o[i], 0);
    }
    await_error(&o[3], MUV_EQUEUEFULL);
    mock_release(f->mock, 1);
    for (int i = 0; i < 4; i++) {
        await(&o[i]);
        assert_int_equal(o[i].error.code == 0, i < 3);
        outcome_clear(&o[i]);
    }
}

static void no_server_in_time_names_the_servers_and_why(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    char address[64];

    (void)strncpy(address, mock_address(f->mock, 0), sizeof address - 1);
    address[sizeof address - 1] = '\0';
    open_client(f, "serverSelectionTimeoutMS=200", NULL);
    mock_member_down(f->mock, 0);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    assert_int_equal(o.error.domain, MUV_DOMAIN_SELECTION);
    CHECK_CONTAINS(o.error.message, "serverSelectionTimeoutMS");
    CHECK_CONTAINS(o.error.message, address);
    CHECK_CONTAINS(o.error.message, "refused");
    outcome_clear(&o);
}

/* --- cancel ------------------------------------------------------------------------------------*/

static void cancelling_during_selection_ends_it(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_set_welcome(f->mock, 0, MOCK_DEAF);
    open_client(f, NULL, NULL);
    start_ping(f, &o, 0);
    assert_int_equal(stats_of(f).waiting_for_server, 1);
    run_for(&f->loop, 10);
    cancel(&o);
    assert_int_equal(stats_of(f).waiting_for_server, 0);
    await_error(&o, MUV_ECANCELED);
    outcome_clear(&o);
}

static void cancelling_in_the_queue_ends_it(void **state)
{
    client_fixture_t *f = *state;
    outcome_t first = {0};
    outcome_t queued = {0};

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    start_ping(f, &first, 0);
    start_ping(f, &queued, 0);
    cancel(&queued);
    cancel(&queued);
    await_error(&queued, MUV_ECANCELED);
    await_held(f, 1);
    mock_release(f->mock, 1);
    await_success(&first);
    outcome_clear(&first);
    outcome_clear(&queued);
}

static void cancel_other(outcome_t *o)
{
    cancel(o + 1);
}

/* Both replies lie in one read; the first callback cancels the second operation. */
static void cancelling_what_has_ended_does_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[2] = {{.then = cancel_other}, {0}};

    mock_script(f->mock, "ping", &(mock_step_t){.json = "{\"ok\": 0, \"code\": 1}"});
    open_client(f, NULL, NULL);
    start_composite(f, &o[0], NULL);
    muv_op_finish(o[0].op, NULL);
    start_composite(f, &o[1], NULL);
    muv_op_finish(o[1].op, NULL);
    await_success(&o[0]);
    await_success(&o[1]);
    muv_op_cancel(NULL);
    outcome_clear(&o[0]);
    outcome_clear(&o[1]);
}

/* A thousand operations are cancelled while their commands wait, run, or have been answered. */
static void a_storm_of_cancels_calls_each_back_once(void **state)
{
    enum { COUNT = 1000 };
    client_fixture_t *f = *state;
    static outcome_t o[COUNT];
    unsigned found = 0;

    open_client(f, "maxPoolSize=10", NULL);
    warm_up(f);
    f->ended = 0;
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        if (i % 50 == 0) {
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        }
        if (i % 3 == 0 && !o[i].done) {
            cancel(&o[i]);
        }
    }
    run_until_count(&f->loop, &f->ended, COUNT, WAIT_MS);
    for (int i = 0; i < COUNT; i++) {
        if (o[i].error.code == 0) {
            assert_string_equal(o[i].text, text_of("{ \"_id\" : %d }", i));
            found++;
        } else {
            CHECK_ERROR(&o[i].error, MUV_ECANCELED);
        }
        outcome_clear(&o[i]);
    }
    assert_in_range(found, COUNT / 2, COUNT);
    assert_int_equal(stats_of(f).operations_live, 0);
}

/* --- a command that has not left entirely ------------------------------------------------------*/

#define BIG_BYTES (12 * 1024 * 1024)

/* The server stops reading, and a command larger than any socket buffer is started. */
static void start_stuck_write(client_fixture_t *f, outcome_t *o, int64_t timeout_ms)
{
    outcome_t first = {0};
    char *json = malloc(BIG_BYTES + 64);

    assert_non_null(json);
    memset(json, 'x', BIG_BYTES);
    memcpy(json, "{\"drop\": \"", 10);
    memcpy(json + BIG_BYTES, "\"}", 3);
    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.then = MOCK_DEAF});
    start_ping(f, &first, 0);
    await_success(&first);
    start_write(f, o, json, timeout_ms);
    run_for(&f->loop, 20);
    assert_true(stats_of(f).pending_bytes > BIG_BYTES / 2);
    free(json);
    outcome_clear(&first);
}

static void a_half_written_command_fails_with_its_connection(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_stuck_write(f, &o, 0);
    assert_false(o.done);
    mock_drop_connections(f->mock, 0, MOCK_RESET);
    await_error(&o, MUV_ENETWORK);
    assert_int_equal(o.error.in_doubt, 1);
    outcome_clear(&o);
    await_recovery(f);
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

static void a_half_written_command_can_time_out(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_stuck_write(f, &o, 60);
    await_error(&o, MUV_ETIMEOUT);
    assert_int_equal(o.error.in_doubt, 1);
    outcome_clear(&o);
    await_recovery(f);
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

static void a_half_written_command_can_be_cancelled_and_the_client_closed(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_stuck_write(f, &o, 0);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void a_half_written_command_can_be_aborted(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_stuck_write(f, &o, 0);
    close_client(f, MUV_CLOSE_ABORT);
    CHECK_ERROR(&o.error, MUV_ECLOSED);
    assert_int_equal(o.error.in_doubt, 1);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_late_reply_is_drained_and_the_connection_used_again),
        TEST(a_waiting_command_gets_the_drained_connection),
        TEST(a_silent_server_costs_the_drain_grace_only),
        TEST(a_connection_that_breaks_while_draining_is_replaced),
        TEST(a_timed_out_write_is_in_doubt),
        TEST(the_clients_timeout_is_inherited_and_can_be_overridden),
        TEST(waiting_for_a_connection_counts_too),
        TEST(the_wait_queue_has_a_timeout_of_its_own),
        TEST(a_full_queue_is_an_error_by_callback),
        TEST(no_server_in_time_names_the_servers_and_why),
        TEST(cancelling_during_selection_ends_it),
        TEST(cancelling_in_the_queue_ends_it),
        TEST(cancelling_what_has_ended_does_nothing),
        TEST(a_storm_of_cancels_calls_each_back_once),
        TEST(a_half_written_command_fails_with_its_connection),
        TEST(a_half_written_command_can_time_out),
        TEST(a_half_written_command_can_be_cancelled_and_the_client_closed),
        TEST(a_half_written_command_can_be_aborted),
    };

    return cmocka_run_group_tests_name("timeout", tests, NULL, NULL);
}
