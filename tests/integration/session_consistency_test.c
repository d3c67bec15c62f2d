/* SPDX-License-Identifier: Apache-2.0 */
/* Causally consistent sessions and snapshot sessions: which read concern each command carries. The
 * rules are those of causal-consistency/tests and sessions/tests of the specifications; each test
 * names the file. */
#include "integration/session_fixture.h"

#include <stdlib.h>
#include <string.h>

static int open_set(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    f->mock = mock_new_replica_set(&f->loop, "rs", 1);
    open_client(f, NULL, NULL);
    return 0;
}

static void tell_operation_time(client_fixture_t *f, const char *command, int seconds)
{
    mock_reply(f->mock, command,
               text_of("{\"ok\": 1, \"operationTime\": {\"$timestamp\": {\"t\": %d, \"i\": 5}}}",
                       seconds));
}

static uint64_t timestamp_of(uint32_t seconds, uint32_t increment)
{
    return (uint64_t)seconds << 32 | increment;
}

/* A field of a timestamp; fails the test when there is none. */
static uint64_t timestamp_at(const mock_request_t *request, const char *path)
{
    bson_iter_t iter;
    bson_iter_t time;
    uint32_t t, i;

    if (!bson_iter_init(&iter, request->body) || !bson_iter_find_descendant(&iter, path, &time) ||
        !BSON_ITER_HOLDS_TIMESTAMP(&time)) {
        fail_msg("%s has no %s", request->name, path);
    }
    bson_iter_timestamp(&time, &t, &i);
    return timestamp_of(t, i);
}

static const mock_request_t *last(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1);
}

static const session_call_t *call_named(const char *name)
{
    for (size_t i = 0; i < session_call_count; i++) {
        if (strcmp(session_calls[i].name, name) == 0) {
            return &session_calls[i];
        }
    }
    fail_msg("%s: no such call", name);
    return NULL;
}

/* --- causal consistency ------------------------------------------------------------------------*/

/* causal-consistency-write-commands.json, for the reads as well. */
static void every_command_but_the_first_waits_for_the_one_before(void **state)
{
    client_fixture_t *f = *state;

    for (size_t i = 0; i < session_call_count; i++) {
        const session_call_t *call = &session_calls[i];
        muv_session_t *session = start_session(f, NULL);

        run_session_call(f, call, session);
        assert_false(mock_request_has(last(f, call->command), "readConcern"));
        tell_operation_time(f, "ping", 50);
        ping_in(f, session);
        assert_true(muv_session_operation_time(session) == timestamp_of(50, 5));
        run_session_call(f, call, session);
        if (call->reads_concern) {
            assert_true(timestamp_at(last(f, call->command), "readConcern.afterClusterTime") ==
                        timestamp_of(50, 5));
            assert_false(mock_request_has(last(f, call->command), "readConcern.level"));
        } else {
            assert_false(mock_request_has(last(f, call->command), "readConcern"));
        }
        muv_session_end(session);
    }
}

/* (Causal Consistency: read concern.) */
static void the_level_of_the_user_stands_beside(void **state)
{
    static const muv_read_concern_t majority = {.level = "majority"};
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, NULL);
    outcome_t o = {0};

    tell_operation_time(f, "ping", 50);
    ping_in(f, session);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.session = session, .read_concern = &majority});
    await_success(&o);
    assert_string_equal(mock_request_text(last(f, "find"), "readConcern.level"), "majority");
    assert_true(timestamp_at(last(f, "find"), "readConcern.afterClusterTime") ==
                timestamp_of(50, 5));
    outcome_clear(&o);
    muv_session_end(session);
}

/* (Causal Consistency: the operation time is that of failed commands, too, and never goes back.) */
static void failed_commands_tell_their_time(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, NULL);
    outcome_t o = {0};

    mock_reply(f->mock, "ping",
               "{\"ok\": 0, \"code\": 26, \"errmsg\": \"no\","
               " \"operationTime\": {\"$timestamp\": {\"t\": 60, \"i\": 5}}}");
    start_command(f, &o, "{\"ping\": 1}", &(muv_run_command_opts_t){.session = session});
    await_error(&o, MUV_ESERVER);
    assert_true(muv_session_operation_time(session) == timestamp_of(60, 5));
    tell_operation_time(f, "ping", 59);
    ping_in(f, session);
    assert_true(muv_session_operation_time(session) == timestamp_of(60, 5));
    outcome_clear(&o);
    muv_session_end(session);
}

static void without_causal_consistency_nothing_is_awaited(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, &(muv_session_opts_t){.causal_consistency = MUV_NO});

    tell_operation_time(f, "ping", 50);
    ping_in(f, session);
    run_session_call(f, call_named("find_one"), session);
    assert_false(mock_request_has(last(f, "find"), "readConcern"));
    tell_operation_time(f, "ping", 50);
    ping_in(f, NULL);
    run_session_call(f, call_named("find_one"), NULL);
    assert_false(mock_request_has(last(f, "find"), "readConcern"));
    muv_session_end(session);
}

/* (Causal Consistency: advanceOperationTime.) */
static void a_session_can_wait_for_another_one(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, NULL);

    assert_true(muv_session_operation_time(session) == 0);
    muv_session_advance_operation_time(session, timestamp_of(70, 1));
    muv_session_advance_operation_time(session, timestamp_of(69, 9));
    run_session_call(f, call_named("find_one"), session);
    assert_true(timestamp_at(last(f, "find"), "readConcern.afterClusterTime") ==
                timestamp_of(70, 1));
    muv_session_end(session);
}

/* (Causal Consistency: getMore inherits from the find.) */
static void get_more_and_kill_cursors_carry_no_read_concern(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 2};
    muv_session_t *session = start_session(f, NULL);
    reader_t r;

    serve_numbers(f, &numbers);
    muv_session_advance_operation_time(session, timestamp_of(70, 1));
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.session = session});
    for (int i = 0; i < 3; i++) {
        begin_next(&r, NULL);
        await_reader(&r, 0);
    }
    close_reader(&r);
    await_requests(f, "killCursors", 1);
    assert_false(mock_request_has(last(f, "getMore"), "readConcern"));
    assert_false(mock_request_has(last(f, "killCursors"), "readConcern"));
    muv_session_end(session);
}

/* --- snapshots ---------------------------------------------------------------------------------*/

static const muv_session_opts_t snapshot = {.snapshot = MUV_YES};

/* The next reply to `command` says at which time it read. */
static void tell_read_time(client_fixture_t *f, const char *command, int seconds)
{
    const char *time =
        text_of("\"atClusterTime\": {\"$timestamp\": {\"t\": %d, \"i\": 1}}", seconds);

    if (strcmp(command, "distinct") == 0) {
        mock_reply(f->mock, command, text_of("{\"ok\": 1, \"values\": [], %s}", time));
    } else {
        mock_reply(
            f->mock, command,
            text_of("{\"ok\": 1, \"cursor\": {\"firstBatch\": [], \"id\": 0, \"ns\": \"d.c\","
                    " %s}}",
                    time));
    }
}

/* snapshot-sessions.json: "Find operation with snapshot", the same for distinct and aggregate,
 * "First snapshot read does not send atClusterTime", "Mixed operation with snapshot". */
static void the_first_read_decides_what_all_reads_see(void **state)
{
    static const char *const names[] = {"find", "aggregate", "distinct", "count_documents"};
    client_fixture_t *f = *state;

    for (size_t i = 0; i < 4; i++) {
        const session_call_t *call = call_named(names[i]);
        muv_session_t *session = start_session(f, &snapshot);
        uint64_t time = 1;

        CHECK_CODE(muv_session_snapshot_time(session, &time), 0);
        assert_true(time == 0);
        tell_read_time(f, call->command, 80);
        run_session_call(f, call, session);
        assert_string_equal(mock_request_text(last(f, call->command), "readConcern.level"),
                            "snapshot");
        assert_false(mock_request_has(last(f, call->command), "readConcern.atClusterTime"));
        tell_read_time(f, "find", 81);
        run_session_call(f, call_named("find"), session);
        assert_string_equal(mock_request_text(last(f, "find"), "readConcern.level"), "snapshot");
        assert_true(timestamp_at(last(f, "find"), "readConcern.atClusterTime") ==
                    timestamp_of(80, 1));
        assert_false(mock_request_has(last(f, "find"), "readConcern.afterClusterTime"));
        CHECK_CODE(muv_session_snapshot_time(session, &time), 0);
        assert_true(time == timestamp_of(80, 1));
        muv_session_end(session);
    }
}

/* snapshot-sessions.json: "Find operation with snapshot and snapshot time"; prose tests 22, 23. */
static void the_moment_can_be_given(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *plain = start_session(f, NULL);
    muv_session_t *session = start_session(
        f, &(muv_session_opts_t){.snapshot = MUV_YES, .snapshot_time = timestamp_of(82, 3)});
    uint64_t time = 7;

    tell_read_time(f, "find", 99);
    run_session_call(f, call_named("find"), session);
    assert_true(timestamp_at(last(f, "find"), "readConcern.atClusterTime") == timestamp_of(82, 3));
    CHECK_CODE(muv_session_snapshot_time(session, &time), 0);
    assert_true(time == timestamp_of(82, 3));
    CHECK_CODE(muv_session_snapshot_time(plain, &time), MUV_EINVAL);
    assert_true(time == timestamp_of(82, 3));
    muv_session_end(plain);
    muv_session_end(session);
}

/* snapshot-sessions-unsupported-ops.json: the server is to say that it cannot. */
static void commands_that_cannot_read_a_snapshot_ask_for_it(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, &snapshot);

    for (size_t i = 0; i < session_call_count; i++) {
        run_session_call(f, &session_calls[i], session);
        assert_string_equal(
            mock_request_text(last(f, session_calls[i].command), "readConcern.level"), "snapshot");
        assert_false(
            mock_request_has(last(f, session_calls[i].command), "readConcern.atClusterTime"));
    }
    muv_session_end(session);
}

static void a_read_concern_in_a_command_as_given_is_not_repeated(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, &snapshot);
    outcome_t o = {0};

    start_command(f, &o, "{\"ping\": 1, \"readConcern\": {\"level\": \"local\"}}",
                  &(muv_run_command_opts_t){.session = session});
    await_success(&o);
    assert_string_equal(mock_request_text(last(f, "ping"), "readConcern.level"), "local");
    outcome_clear(&o);
    muv_session_end(session);
}

/* snapshot-sessions-not-supported-client-error.json. */
static void old_servers_have_no_snapshots(void **state)
{
    static const char *const names[] = {"find", "aggregate", "distinct"};
    client_fixture_t *f = *state;
    muv_session_t *session;
    outcome_t o = {0};

    close_client(f, MUV_CLOSE_DRAIN);
    mock_set_hello(f->mock, 0, "{\"maxWireVersion\": 12}");
    open_client(f, NULL, NULL);
    session = start_session(f, &snapshot);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.session = session});
    await_error(&o, MUV_ECOMPAT);
    assert_string_equal(o.error.message, "Snapshot reads require MongoDB 5.0 or later");
    outcome_clear(&o);
    for (unsigned i = 0; i < 3; i++) {
        f->failed = 0;
        run_session_call(f, call_named(names[i]), session);
        assert_int_equal(f->failed, 1);
        assert_int_equal(mock_request_count(f->mock, call_named(names[i])->command), 0);
    }
    muv_session_end(session);
}

/* --- a real server -----------------------------------------------------------------------------*/

static int open_real(void **state)
{
    const char *uri = getenv("MUV_TEST_URI");

    if (uri == NULL || open_fixture_without_mock(state) != 0) {
        return -1;
    }
    open_client_at(*state, uri, NULL);
    return 0;
}

static void a_server_accepts_all_commands_of_a_causal_session(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = start_session(f, NULL);
    outcome_t drop = {0};

    start_write(f, &drop, "{\"drop\": \"c\"}", 0); /* Other tests use the server, too. */
    await(&drop);
    outcome_clear(&drop);
    ping_in(f, session);
    for (size_t i = 0; i < session_call_count; i++) {
        f->failed = 0;
        run_session_call(f, &session_calls[i], session);
        /* The document is there already. */
        if (f->failed != (strcmp(session_calls[i].name, "insert_many") == 0)) {
            fail_msg("%s failed", session_calls[i].name);
        }
    }
    assert_true(muv_session_operation_time(session) != 0);
    assert_non_null(muv_session_cluster_time(session));
    muv_session_end(session);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_set, close_fixture)
#define TEST_REAL(name) cmocka_unit_test_setup_teardown(name, open_real, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_but_the_first_waits_for_the_one_before),
        TEST(the_level_of_the_user_stands_beside),
        TEST(failed_commands_tell_their_time),
        TEST(without_causal_consistency_nothing_is_awaited),
        TEST(a_session_can_wait_for_another_one),
        TEST(get_more_and_kill_cursors_carry_no_read_concern),
        TEST(the_first_read_decides_what_all_reads_see),
        TEST(the_moment_can_be_given),
        TEST(commands_that_cannot_read_a_snapshot_ask_for_it),
        TEST(a_read_concern_in_a_command_as_given_is_not_repeated),
        TEST(old_servers_have_no_snapshots),
        TEST_REAL(a_server_accepts_all_commands_of_a_causal_session),
    };

    return cmocka_run_group_tests_name("session_consistency", tests, NULL, NULL);
}
