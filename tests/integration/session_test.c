/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions against a scripted server: the prose tests of the Driver Sessions specification (their
 * numbers are given; 7 and 15 to 17 need several users or OP_QUERY, which libmuv has not), and what
 * happens to identifiers in failures and at the end. Consistency is session_consistency_test.c. */
#include "integration/session_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_set(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    f->mock = mock_new_replica_set(&f->loop, "rs", 1);
    return 0;
}

/* --- options -----------------------------------------------------------------------------------*/

/* 1 and 21. */
static void snapshot_and_causal_consistency_exclude_each_other(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session = NULL;

    open_client(f, NULL, NULL);
    CHECK_CODE(
        muv_session_start(f->client,
                          &(muv_session_opts_t){.snapshot = MUV_YES, .causal_consistency = MUV_YES},
                          &session),
        MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "snapshot");
    CHECK_CODE(muv_session_start(f->client, &(muv_session_opts_t){.snapshot_time = 5}, &session),
               MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "snapshot_time");
    CHECK_CODE(
        muv_session_start(f->client, &(muv_session_opts_t){.default_timeout_ms = -7}, &session),
        MUV_EINVAL);
    assert_null(session);
}

/* --- the pool ----------------------------------------------------------------------------------*/

/* 2. */
static void the_pool_is_last_in_first_out(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *a, *b;
    uint8_t first[LSID_SIZE], second[LSID_SIZE];

    open_client(f, NULL, NULL);
    a = start_session(f, NULL);
    b = start_session(f, NULL);
    assert_null(muv_session_id(a));
    ping_in(f, a);
    memcpy(first, last_lsid(f, "ping"), LSID_SIZE);
    ping_in(f, b);
    memcpy(second, last_lsid(f, "ping"), LSID_SIZE);
    CHECK_OTHER_LSID(first, second);
    check_lsid_of_session(first, a);
    check_lsid_of_session(second, b);
    muv_session_end(a);
    muv_session_end(b);
    a = start_session(f, NULL);
    b = start_session(f, NULL);
    ping_in(f, a);
    CHECK_SAME_LSID(last_lsid(f, "ping"), second);
    ping_in(f, b);
    CHECK_SAME_LSID(last_lsid(f, "ping"), first);
    muv_session_end(a);
    muv_session_end(b);
}

/* 8. */
static void an_exhausted_first_batch_gives_the_session_back(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 2, .batch = 5};
    reader_t r;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, NULL);
    ping_in(f, NULL);
    CHECK_SAME_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    close_reader(&r);
}

/* 11, and 9: with the last batch here the session is free, though documents are left. */
static void get_more_goes_on_in_the_session_until_the_last_batch(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 3};
    reader_t r;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, NULL);
    ping_in(f, NULL);
    CHECK_OTHER_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    for (int i = 0; i < 4; i++) {
        begin_next(&r, NULL);
        await_reader(&r, 0);
    }
    CHECK_SAME_LSID(last_lsid(f, "getMore"), last_lsid(f, "find"));
    ping_in(f, NULL);
    CHECK_SAME_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    close_reader(&r);
}

static void kill_cursors_is_the_last_use_of_a_cursors_session(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 3};
    reader_t r;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, NULL);
    close_reader(&r);
    await_requests(f, "killCursors", 1);
    CHECK_SAME_LSID(last_lsid(f, "killCursors"), last_lsid(f, "find"));
    warm_up(f);
    CHECK_SAME_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
}

/* A cursor of an ended session goes on in it; its identifier is free afterwards. */
static void a_cursor_keeps_its_explicit_session(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 3};
    muv_session_t *session;
    reader_t r;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    session = start_session(f, NULL);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.session = session});
    check_lsid_of_session(last_lsid(f, "find"), session);
    muv_session_end(session);
    ping_in(f, NULL);
    CHECK_OTHER_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    begin_collect(&r, NULL);
    await_reader(&r, 0);
    CHECK_SAME_LSID(last_lsid(f, "getMore"), last_lsid(f, "find"));
    ping_in(f, NULL);
    CHECK_SAME_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    close_reader(&r);
}

/* 14. */
static void waiting_operations_share_one_session(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "maxPoolSize=1", NULL);
    for (int round = 0; round < 5; round++) {
        unsigned from = mock_request_count(f->mock, NULL);
        unsigned ended = f->ended;

        for (size_t i = 0; i < 8; i++) {
            CHECK_CODE(session_calls[i + 3].start(f, NULL), 0);
        }
        run_until_count(&f->loop, &f->ended, ended + 8, WAIT_MS);
        assert_int_equal(count_lsids(f, from), 1);
    }
    assert_int_equal(f->failed, 0);
}

/* --- $clusterTime ------------------------------------------------------------------------------*/

/* The next reply to `command` carries a cluster time of that second, with a signature. */
static void tell_cluster_time(client_fixture_t *f, const char *command, int seconds)
{
    mock_reply(
        f->mock, command,
        text_of("{\"ok\": 1, \"n\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.c\", \"firstBatch\":"
                " []}, \"$clusterTime\": {\"clusterTime\": {\"$timestamp\": {\"t\": %d, \"i\":"
                " 1}}, \"signature\": {\"keyId\": %d}}}",
                seconds, seconds));
}

static void check_cluster_time(const mock_request_t *request, uint32_t seconds)
{
    bson_iter_t iter;
    bson_iter_t time;
    uint32_t t, i;

    assert_true(bson_iter_init(&iter, request->body));
    assert_true(bson_iter_find_descendant(&iter, "$clusterTime.clusterTime", &time));
    bson_iter_timestamp(&time, &t, &i);
    assert_int_equal(t, seconds);
    assert_int_equal(mock_request_number(request, "$clusterTime.signature.keyId"), seconds);
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

/* 3. */
static void the_highest_cluster_time_is_passed_on(void **state)
{
    static const char *const names[] = {"run_command", "aggregate", "find", "insert_one"};
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    warm_up(f);
    assert_false(mock_request_has(mock_request_of(f->mock, "ping", -1), "$clusterTime"));
    for (int i = 0; i < 4; i++) {
        const session_call_t *call = call_named(names[i]);

        tell_cluster_time(f, call->command, 100 + i);
        run_session_call(f, call, NULL);
        run_session_call(f, call, NULL);
        check_cluster_time(mock_request_of(f->mock, call->command, -1), 100 + (uint32_t)i);
    }
    tell_cluster_time(f, "ping", 99);
    warm_up(f);
    warm_up(f);
    check_cluster_time(mock_request_of(f->mock, "ping", -1), 103);
}

static bool has_three_hellos(void *data)
{
    return mock_request_count(data, "hello") >= 3;
}

/* 20. */
static void heartbeats_and_handshakes_carry_no_session(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[2] = {{0}};
    unsigned hellos;

    open_client(f, "heartbeatFrequencyMS=500&serverMonitoringMode=poll", NULL);
    tell_cluster_time(f, "ping", 100);
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = 2});
    start_ping(f, &o[0], 0);
    start_ping(f, &o[1], 0);
    run_until_true(&f->loop, has_three_hellos, f->mock, WAIT_MS);
    await_held(f, 2);
    mock_release(f->mock, 2);
    await_success(&o[0]);
    await_success(&o[1]);
    hellos = mock_request_count(f->mock, "hello");
    for (unsigned i = 0; i < hellos; i++) {
        const mock_request_t *hello = mock_request_of(f->mock, "hello", (int)i);

        assert_false(mock_request_has(hello, "$clusterTime"));
        assert_false(mock_request_has(hello, "lsid"));
    }
    outcome_clear(&o[0]);
    outcome_clear(&o[1]);
}

static void a_session_knows_the_cluster_time_it_was_told(void **state)
{
    client_fixture_t *f = *state;
    bson_t *later = bson_from("{\"clusterTime\": {\"$timestamp\": {\"t\": 300, \"i\": 1}},"
                              " \"signature\": {\"keyId\": 300}}");
    bson_t *wrong = bson_from("{\"clusterTime\": 300}");
    muv_session_t *session;

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    assert_null(muv_session_cluster_time(session));
    tell_cluster_time(f, "ping", 100);
    ping_in(f, session);
    CHECK_BSON_EQUAL(muv_session_cluster_time(session),
                     "{\"clusterTime\": {\"$timestamp\": {\"t\": 100, \"i\": 1}},"
                     " \"signature\": {\"keyId\": 100}}");
    CHECK_CODE(muv_session_advance_cluster_time(session, wrong), MUV_EINVAL);
    CHECK_CODE(muv_session_advance_cluster_time(session, later), 0);
    ping_in(f, session);
    check_cluster_time(mock_request_of(f->mock, "ping", -1), 300);
    ping_in(f, NULL); /* The client was told nothing. */
    check_cluster_time(mock_request_of(f->mock, "ping", -1), 100);
    muv_session_end(session);
    bson_destroy(later);
    bson_destroy(wrong);
}

/* --- arguments ---------------------------------------------------------------------------------*/

/* 4. */
static void every_call_sends_the_session_it_was_given(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session;

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    for (size_t i = 0; i < session_call_count; i++) {
        const session_call_t *call = &session_calls[i];

        run_session_call(f, call, session);
        check_lsid_of_session(last_lsid(f, call->command), session);
        run_session_call(f, call, NULL);
        CHECK_OTHER_LSID(last_lsid(f, call->command),
                         lsid_of(mock_request_of(f->mock, call->command, -2)));
    }
    muv_session_end(session);
}

static void check_all_refuse(client_fixture_t *f, muv_session_t *session, const char *why)
{
    unsigned requests = mock_request_count(f->mock, NULL);

    for (size_t i = 0; i < session_call_count; i++) {
        int code = session_calls[i].start(f, session);

        if (code != MUV_EINVAL) {
            fail_msg("%s: %s", session_calls[i].name, muv_error_name(code));
        }
        assert_string_equal(muv_client_refusal(f->client)->message, why);
    }
    assert_int_equal(mock_request_count(f->mock, NULL), requests);
}

/* 5. */
static void a_session_of_another_client_is_refused(void **state)
{
    client_fixture_t *f = *state;
    client_fixture_t other = {.mock = NULL};
    muv_session_t *session;
    muv_op_t *op;

    assert_int_equal(uv_loop_init(&other.loop), 0);
    open_client_at(&other, mock_uri(f->mock, NULL), NULL);
    open_client(f, NULL, NULL);
    warm_up(f);
    session = start_session(&other, NULL);
    check_all_refuse(f, session, "session: it belongs to another client");
    CHECK_CODE(muv_op_begin(f->client, &(muv_op_opts_t){.session = session}, NULL, NULL, &op),
               MUV_EINVAL);
    muv_session_end(session);
    close_client(&other, MUV_CLOSE_DRAIN);
    close_loop(&other.loop);
}

/* 6. */
static void an_ended_session_is_refused(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session;

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    ping_in(f, session);
    muv_session_end(session);
    check_all_refuse(f, session, "session: it has ended");
    muv_session_end(NULL);
}

static void children_are_part_of_their_parents_session(void **state)
{
    client_fixture_t *f = *state;
    outcome_t tree = {0};
    outcome_t child = {0};
    muv_session_t *session;

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    start_composite(f, &tree, &(muv_op_opts_t){.session = session});
    start_command(f, &child, "{\"ping\": 1}", &(muv_run_command_opts_t){.parent = tree.op});
    await_success(&child);
    check_lsid_of_session(last_lsid(f, "ping"), session);
    muv_op_finish(tree.op, NULL);
    await_success(&tree);
    outcome_clear(&tree);
    outcome_clear(&child);
    muv_session_end(session);
}

static void unacknowledged_writes_are_part_of_no_session(void **state)
{
    static const muv_write_concern_t none = {.w = MUV_ZERO};
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");
    const bson_t *documents[] = {document};
    muv_session_t *session;

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_collection_insert_one(f->collection, document,
                                         &(muv_insert_one_opts_t){.write_concern = &none}, NULL,
                                         NULL, NULL),
               0);
    await_requests(f, "insert", 1);
    assert_false(mock_request_has(mock_request_of(f->mock, "insert", 0), "lsid"));
    session = start_session(f, NULL);
    CHECK_CODE(muv_collection_insert_one(
                   f->collection, document,
                   &(muv_insert_one_opts_t){.write_concern = &none, .session = session}, NULL, NULL,
                   NULL),
               MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "unacknowledged");
    CHECK_CODE(muv_collection_insert_many(
                   f->collection, documents, 1,
                   &(muv_insert_many_opts_t){.write_concern = &none, .session = session}, NULL,
                   NULL, NULL),
               MUV_EINVAL);
    muv_session_end(session);
    bson_destroy(document);
}

/* --- servers without sessions ------------------------------------------------------------------*/

/* 18 and 19. */
static void servers_without_sessions_get_none(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session;
    outcome_t o = {0};

    mock_set_hello(f->mock, 0, "{\"logicalSessionTimeoutMinutes\": null}");
    open_client(f, NULL, NULL);
    run_session_call(f, call_named("find_one"), NULL);
    run_session_call(f, call_named("insert_one"), NULL);
    assert_false(mock_request_has(mock_request_of(f->mock, "find", 0), "lsid"));
    assert_false(mock_request_has(mock_request_of(f->mock, "insert", 0), "lsid"));
    session = start_session(f, NULL);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.session = session});
    await_error(&o, MUV_ECOMPAT);
    assert_string_equal(o.error.message, "sessions are not supported by this server");
    assert_int_equal(mock_request_count(f->mock, "find"), 1);
    run_session_call(f, call_named("insert_one"), session);
    assert_int_equal(f->failed, 2);
    assert_int_equal(mock_request_count(f->mock, "insert"), 1);
    outcome_clear(&o);
    muv_session_end(session);
}

/* --- failures ----------------------------------------------------------------------------------*/

/* (Driver Sessions: dirty sessions are discarded.) */
static void after_a_network_error_an_identifier_is_not_used_again(void **state)
{
    client_fixture_t *f = *state;
    muv_session_t *session;
    outcome_t o = {0};
    uint8_t lsid[LSID_SIZE];

    open_client(f, NULL, &(muv_client_opts_t){.retry_reads = MUV_NO});
    warm_up(f);
    memcpy(lsid, last_lsid(f, "ping"), LSID_SIZE);
    mock_script(f->mock, "find", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ENETWORK);
    outcome_clear(&o);
    CHECK_SAME_LSID(last_lsid(f, "find"), lsid);
    warm_up(f);
    CHECK_OTHER_LSID(last_lsid(f, "ping"), lsid);
    session = start_session(f, NULL);
    mock_script(f->mock, "find", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    start_find(f, &o, 1, &(muv_find_one_opts_t){.session = session});
    await_error(&o, MUV_ENETWORK);
    ping_in(f, session); /* An explicit one goes on, and is discarded when it ends. */
    memcpy(lsid, last_lsid(f, "ping"), LSID_SIZE);
    check_lsid_of_session(lsid, session);
    muv_session_end(session);
    warm_up(f);
    CHECK_OTHER_LSID(last_lsid(f, "ping"), lsid);
    outcome_clear(&o);
}

/* The server may still work on it, and would let a write of the same session wait. */
static void a_cancelled_command_takes_its_identifier_along(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true});
    start_find(f, &o, 1, NULL);
    await_held(f, 1);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    warm_up(f);
    CHECK_OTHER_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    mock_release(f->mock, 1);
    outcome_clear(&o);
}

/* --- keeping the session of an operation -------------------------------------------------------*/

struct keeper {
    client_fixture_t *f;
    muv_session_t *kept;
    bool done;
};

static void keep_session(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply,
                         void *data)
{
    struct keeper *keeper = data;

    (void)reply;
    CHECK_NO_ERROR(error);
    CHECK_CODE(muv_op_take_session(op, &keeper->kept), 0);
    keeper->done = true;
}

static muv_session_t *find_and_keep(client_fixture_t *f, muv_session_t *session)
{
    struct keeper keeper = {.f = f};
    bson_t *command = bson_from("{\"find\": \"c\"}");

    CHECK_CODE(muv_run_command(f->client, "d", command,
                               &(muv_run_command_opts_t){.session = session}, keep_session, &keeper,
                               NULL),
               0);
    run_until(&f->loop, &keeper.done, WAIT_MS);
    bson_destroy(command);
    return keeper.kept;
}

static void a_layer_above_goes_on_in_the_session_of_its_find(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 3};
    muv_session_t *session;
    muv_session_t *kept;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    kept = find_and_keep(f, NULL);
    assert_non_null(kept);
    ping_in(f, kept);
    CHECK_SAME_LSID(last_lsid(f, "ping"), last_lsid(f, "find"));
    assert_true(muv_session_operation_time(kept) == 0);
    muv_session_end(kept);
    session = start_session(f, NULL);
    kept = find_and_keep(f, session);
    assert_ptr_equal(kept, session);
    muv_session_end(session);
    ping_in(f, kept); /* It lasts until it was ended as often as it was given out. */
    muv_session_end(kept);
    numbers.total = 2;
    assert_null(find_and_keep(f, NULL)); /* No cursor is open, nothing to go on in. */
}

/* --- fork --------------------------------------------------------------------------------------*/

static void *ended_session_lsid; /* Of the parent, in both processes. */

/* In the child: a client of its own on a loop of its own. Says with its exit code what it saw. */
static void run_child(client_fixture_t *f, const char *uri, muv_session_t *session)
{
    client_fixture_t child = {.mock = NULL};
    muv_session_t *again;
    uint8_t lsid[LSID_SIZE];
    bson_iter_t iter;
    const uint8_t *bytes;
    uint32_t size;
    bson_subtype_t subtype;

    memcpy(lsid, ended_session_lsid, LSID_SIZE);
    if (muv_session_start(f->client, NULL, &again) != MUV_EFORK) {
        _exit(2);
    }
    muv_session_end(session);
    if (uv_loop_init(&child.loop) != 0) {
        _exit(3);
    }
    open_client_at(&child, uri, NULL);
    again = start_session(&child, NULL);
    ping_in(&child, again);
    if (!bson_iter_init_find(&iter, muv_session_id(again), "id")) {
        _exit(4);
    }
    bson_iter_binary(&iter, &subtype, &size, &bytes);
    _exit(memcmp(bytes, lsid, LSID_SIZE) != 0 ? 0 : 5);
}

struct child {
    pid_t pid;
    int status;
    bool ended;
};

static bool child_has_ended(void *data)
{
    struct child *child = data;

    child->ended = child->ended || waitpid(child->pid, &child->status, WNOHANG) == child->pid;
    return child->ended;
}

/* 12 and 13. */
static void a_child_process_uses_identifiers_of_its_own(void **state)
{
    client_fixture_t *f = *state;
    uint8_t lsid[LSID_SIZE];
    muv_session_t *session;
    const char *uri;
    struct child child = {.ended = false};

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    ping_in(f, session);
    memcpy(lsid, last_lsid(f, "ping"), LSID_SIZE);
    ended_session_lsid = lsid;
    uri = text_of("%s", mock_uri(f->mock, NULL));
    child.pid = fork();
    if (child.pid == 0) {
        run_child(f, uri, session);
    }
    assert_true(child.pid > 0);
    run_until_true(&f->loop, child_has_ended, &child, WAIT_MS);
    assert_true(WIFEXITED(child.status));
    assert_int_equal(WEXITSTATUS(child.status), 0);
    muv_session_end(session);
    ping_in(f, NULL);
    CHECK_SAME_LSID(last_lsid(f, "ping"), lsid);
}

/* --- the end -----------------------------------------------------------------------------------*/

static int64_t ended_count(const mock_request_t *request)
{
    bson_iter_t iter;
    bson_iter_t item;
    int64_t count = 0;

    assert_true(bson_iter_init_find(&iter, request->body, "endSessions"));
    assert_true(bson_iter_recurse(&iter, &item));
    while (bson_iter_next(&item)) {
        count++;
    }
    return count;
}

static void closing_ends_the_sessions_of_the_pool_and_those_left(void **state)
{
    client_fixture_t *f = *state;
    const mock_request_t *request;
    muv_session_t *session;

    open_client(f, NULL, NULL);
    session = start_session(f, NULL);
    ping_in(f, session);
    ping_in(f, NULL);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_int_equal(mock_request_count(f->mock, "endSessions"), 1);
    request = mock_request_of(f->mock, "endSessions", 0);
    assert_string_equal(request->db, "admin");
    assert_int_equal(ended_count(request), 2);
    assert_false(mock_request_has(request, "lsid"));
    assert_non_null(muv_session_id(session));
    muv_session_end(session);
}

static void end_sessions_goes_to_any_member_and_ten_thousand_at_a_time(void **state)
{
    enum { COUNT = 10001 };
    client_fixture_t *f = *state;
    muv_session_t **sessions = calloc(COUNT, sizeof *sessions);
    outcome_t *o = calloc(COUNT, sizeof *o);

    assert_true(sessions != NULL && o != NULL);
    open_client(f, NULL, &(muv_client_opts_t){.max_waiting = COUNT});
    for (size_t i = 0; i < COUNT; i++) {
        sessions[i] = start_session(f, NULL);
        start_command(f, &o[i], "{\"ping\": 1}", &(muv_run_command_opts_t){.session = sessions[i]});
    }
    for (size_t i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        muv_session_end(sessions[i]);
    }
    close_client(f, MUV_CLOSE_DRAIN);
    assert_int_equal(mock_request_count(f->mock, "endSessions"), 2);
    assert_int_equal(ended_count(mock_request_of(f->mock, "endSessions", 0)) +
                         ended_count(mock_request_of(f->mock, "endSessions", 1)),
                     COUNT);
    assert_string_equal(
        mock_request_text(mock_request_of(f->mock, "endSessions", 0), "$readPreference.mode"),
        "primaryPreferred");
    free(sessions);
    free(o);
}

static void an_abort_and_a_silent_server_do_not_hold_up_the_close(void **state)
{
    client_fixture_t *f = *state;
    uint64_t before_ms;

    open_client(f, NULL, NULL);
    warm_up(f);
    close_client(f, MUV_CLOSE_ABORT);
    assert_int_equal(mock_request_count(f->mock, "endSessions"), 0);
    open_client(f, NULL, NULL);
    warm_up(f);
    mock_script(f->mock, "endSessions", &(mock_step_t){.send = MOCK_NOTHING});
    uv_update_time(&f->loop);
    before_ms = uv_now(&f->loop);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(uv_now(&f->loop) - before_ms >= 900);
    assert_true(uv_now(&f->loop) - before_ms < 10000);
    open_client(f, NULL, NULL);
    warm_up(f);
    mock_reply(f->mock, "endSessions", "{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}");
    close_client(f, MUV_CLOSE_DRAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
#define TEST_SET(name) cmocka_unit_test_setup_teardown(name, open_set, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(snapshot_and_causal_consistency_exclude_each_other),
        TEST(the_pool_is_last_in_first_out),
        TEST(an_exhausted_first_batch_gives_the_session_back),
        TEST(get_more_goes_on_in_the_session_until_the_last_batch),
        TEST(kill_cursors_is_the_last_use_of_a_cursors_session),
        TEST(a_cursor_keeps_its_explicit_session),
        TEST(waiting_operations_share_one_session),
        TEST_SET(the_highest_cluster_time_is_passed_on),
        TEST_SET(heartbeats_and_handshakes_carry_no_session),
        TEST_SET(a_session_knows_the_cluster_time_it_was_told),
        TEST(every_call_sends_the_session_it_was_given),
        TEST(a_session_of_another_client_is_refused),
        TEST(an_ended_session_is_refused),
        TEST(children_are_part_of_their_parents_session),
        TEST(unacknowledged_writes_are_part_of_no_session),
        TEST(servers_without_sessions_get_none),
        TEST(after_a_network_error_an_identifier_is_not_used_again),
        TEST(a_cancelled_command_takes_its_identifier_along),
        TEST(a_layer_above_goes_on_in_the_session_of_its_find),
        TEST(a_child_process_uses_identifiers_of_its_own),
        TEST_SET(closing_ends_the_sessions_of_the_pool_and_those_left),
        TEST_SET(end_sessions_goes_to_any_member_and_ten_thousand_at_a_time),
        TEST(an_abort_and_a_silent_server_do_not_hold_up_the_close),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
