/* SPDX-License-Identifier: Apache-2.0 */
/* Client-side operations timeout: what is sent for a timeout, what is refused, and which errors
 * become timeouts. Each test names the file under client-side-operations-timeout/tests, or the
 * prose test, whose rule it shows. When things end is sim/cursor_timeout_test.c and
 * sim/timeout_rules_test.c. */
#include "integration/session_fixture.h"
#include "integration/write_fixture.h"

#include <string.h>

static const mock_request_t *last(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1);
}

static bool has_max_time(client_fixture_t *f, const char *command)
{
    return mock_request_has(last(f, command), "maxTimeMS");
}

static void check_max_time(client_fixture_t *f, const char *command, int64_t least, int64_t most)
{
    assert_in_range(mock_request_number(last(f, command), "maxTimeMS"), least, most);
}

/* --- maxTimeMS of commands ---------------------------------------------------------------------*/

/* command-execution.json, global-timeoutMS.json: "timeoutMS can be configured on a MongoClient" for
 * each operation; a timeout of the client reaches every command. */
static void every_command_says_how_much_time_is_left(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "timeoutMS=30000", NULL);
    for (size_t i = 0; i < session_call_count; i++) {
        run_session_call(f, &session_calls[i], NULL);
        check_max_time(f, session_calls[i].command, 20000, 30000);
    }
}

/* global-timeoutMS.json: "timeoutMS can be set to 0 on a MongoClient"; the older options are out of
 * force all the same (deprecated-options.json: "maxTimeMS is ignored if timeoutMS is set"). */
static void an_infinite_timeout_sends_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.max_time_ms = 500});
    await_success(&o);
    outcome_clear(&o);
    check_max_time(f, "find", 500, 500); /* legacy-timeouts.json: maxTimeMS is not modified. */
    start_find(f, &o, 1, &(muv_find_one_opts_t){.max_time_ms = 500, .timeout_ms = 30000});
    await_success(&o);
    outcome_clear(&o);
    check_max_time(f, "find", 20000, 30000);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.max_time_ms = 500, .timeout_ms = MUV_INFINITE});
    await_success(&o);
    outcome_clear(&o);
    assert_false(has_max_time(f, "find"));
    close_client(f, MUV_CLOSE_DRAIN);
    open_client(f, "timeoutMS=0", NULL);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.max_time_ms = 500});
    await_success(&o);
    outcome_clear(&o);
    assert_false(has_max_time(f, "find"));
}

/* (CSOT, RunCommand: a maxTimeMS of the command is the caller's own affair.) */
static void a_command_as_given_keeps_its_max_time(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_command(f, &o, "{\"ping\": 1, \"maxTimeMS\": 77}",
                  &(muv_run_command_opts_t){.timeout_ms = 30000});
    await_success(&o);
    CHECK_BSON_EQUAL(given(last(f, "ping")), "{\"ping\": 1, \"maxTimeMS\": 77, \"$db\": \"d\"}");
    outcome_clear(&o);
}

/* --- maxTimeMS of cursors ----------------------------------------------------------------------*/

/* Find with these options, take two documents of batches of one, close; so find, getMore and
 * killCursors were sent. */
static void use_cursor(client_fixture_t *f, const muv_find_opts_t *opts)
{
    static numbers_t numbers;
    unsigned killed = mock_request_count(f->mock, "killCursors");
    reader_t r;

    numbers = (numbers_t){.total = 9, .batch = 1};
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, opts);
    for (int i = 0; i < 2; i++) {
        begin_next(&r, NULL);
        await_reader(&r, 0);
    }
    close_reader(&r);
    await_requests(f, "killCursors", killed + 1);
}

/* runCursorCommand.json: "Non-tailable cursor lifetime remaining timeoutMS applied to getMore if
 * timeoutMode is unset"; close-cursors.json: "timeoutMS is refreshed for close". */
static void in_a_lifetime_only_the_find_says_its_time(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    use_cursor(f, &(muv_find_opts_t){.timeout_ms = 30000});
    check_max_time(f, "find", 20000, 30000);
    assert_false(has_max_time(f, "getMore"));
    check_max_time(f, "killCursors", 20000, 30000);
    use_cursor(
        f, &(muv_find_opts_t){.timeout_ms = 30000, .timeout_mode = MUV_TIMEOUT_CURSOR_LIFETIME});
    check_max_time(f, "find", 20000, 30000);
    use_cursor(f, NULL);
    assert_false(has_max_time(f, "find"));
    assert_false(has_max_time(f, "getMore"));
    assert_false(has_max_time(f, "killCursors"));
}

/* runCursorCommand.json: "Non-tailable cursor iteration timeoutMS is refreshed for getMore if
 * timeoutMode is iteration"; "Tailable cursor iteration timeoutMS is refreshed for getMore". */
static void in_iteration_mode_neither_says_a_time(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    use_cursor(f, &(muv_find_opts_t){.timeout_ms = 30000, .timeout_mode = MUV_TIMEOUT_ITERATION});
    assert_false(has_max_time(f, "find"));
    assert_false(has_max_time(f, "getMore"));
    use_cursor(f, &(muv_find_opts_t){.timeout_ms = 30000, .tailable = MUV_YES});
    assert_false(has_max_time(f, "find"));
    assert_false(has_max_time(f, "getMore"));
    use_cursor(f, &(muv_find_opts_t){.max_time_ms = 40, .tailable = MUV_YES});
    check_max_time(f, "find", 40, 40);
}

/* tailable-awaitData.json: "timeoutMS is refreshed for getMore if maxAwaitTimeMS is not set", "...
 * is set", "apply maxAwaitTimeMS if less than remaining timeout". */
static void waiting_cursors_say_how_long_they_wait(void **state)
{
    muv_find_opts_t opts = {.timeout_ms = 30000, .tailable = MUV_YES, .await_data = MUV_YES};
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    use_cursor(f, &opts);
    check_max_time(f, "find", 20000, 30000);
    assert_false(has_max_time(f, "getMore"));
    opts.max_await_time_ms = 700;
    use_cursor(f, &opts);
    check_max_time(f, "find", 20000, 30000);
    check_max_time(f, "getMore", 700, 700);
    opts.timeout_ms = 0;
    use_cursor(f, &opts);
    assert_false(has_max_time(f, "find"));
    check_max_time(f, "getMore", 700, 700);
}

/* tailable-awaitData.json: "apply remaining timeoutMS if less than maxAwaitTimeMS". */
static void a_wait_is_not_longer_than_the_time_that_is_left(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 1};
    reader_t r;

    open_client(f, NULL, NULL);
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){
                     .tailable = MUV_YES, .await_data = MUV_YES, .max_await_time_ms = 90000});
    for (int i = 0; i < 2; i++) {
        begin_next(&r, &(muv_cursor_next_opts_t){.timeout_ms = 30000});
        await_reader(&r, 0);
    }
    check_max_time(f, "getMore", 20000, 30000);
    close_reader(&r);
}

/* --- what is refused ---------------------------------------------------------------------------*/

static void check_mode_refused(client_fixture_t *f, const muv_find_opts_t *opts, const char *why)
{
    CHECK_CODE(muv_collection_find(f->collection, NULL, opts, on_cursor, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

/* tailable-awaitData.json: "error if timeoutMode is cursor_lifetime", "error on find if
 * maxAwaitTimeMS is greater than timeoutMS", "... equal to ..."; the same for runCursorCommand. */
static void modes_that_make_no_sense_are_refused(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_mode_refused(f,
                       &(muv_find_opts_t){.timeout_ms = 5,
                                          .tailable = MUV_YES,
                                          .await_data = MUV_YES,
                                          .timeout_mode = MUV_TIMEOUT_CURSOR_LIFETIME},
                       "timeout_mode");
    for (int64_t timeout_ms = 5; timeout_ms <= 10; timeout_ms += 5) {
        check_mode_refused(f,
                           &(muv_find_opts_t){.timeout_ms = timeout_ms,
                                              .tailable = MUV_YES,
                                              .await_data = MUV_YES,
                                              .max_await_time_ms = 10},
                           "max_await_time_ms");
    }
    check_mode_refused(f, &(muv_find_opts_t){.timeout_ms = 5, .timeout_mode = 3}, "timeout_mode");
    CHECK_CODE(
        muv_collection_aggregate(f->collection, NULL,
                                 &(muv_aggregate_opts_t){.timeout_ms = 10, .max_await_time_ms = 10},
                                 on_cursor, NULL, NULL),
        MUV_EINVAL);
    assert_int_equal(mock_request_count(f->mock, NULL), 0);
}

/* (CSOT, non-tailable cursors: $out and $merge.) */
static void pipelines_that_write_are_not_iterated(void **state)
{
    client_fixture_t *f = *state;
    bson_t *pipeline = bson_from("[{\"$out\": \"x\"}]");

    open_client(f, NULL, NULL);
    CHECK_CODE(
        muv_collection_aggregate(
            f->collection, pipeline,
            &(muv_aggregate_opts_t){.timeout_ms = 100, .timeout_mode = MUV_TIMEOUT_ITERATION},
            on_cursor, NULL, NULL),
        MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "timeout_mode");
    bson_destroy(pipeline);
}

/* cursors.json: "find errors if timeoutMode is set and timeoutMS is not", and the same for the
 * other calls; runCursorCommand.json: "errors if timeoutMode is set without timeoutMS". */
static void a_mode_needs_a_timeout(void **state)
{
    enum { MODE = MUV_TIMEOUT_CURSOR_LIFETIME };
    client_fixture_t *f = *state;
    bson_t *command = bson_from("{\"find\": \"c\"}");
    muv_database_t *database;

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_database_new(f->client, "d", NULL, &database), 0);
    check_mode_refused(f, &(muv_find_opts_t){.timeout_mode = MODE}, "it needs a timeout");
    CHECK_CODE(muv_collection_aggregate(f->collection, NULL,
                                        &(muv_aggregate_opts_t){.timeout_mode = MODE}, on_cursor,
                                        NULL, NULL),
               MUV_EINVAL);
    CHECK_CODE(muv_database_aggregate(database, NULL, &(muv_aggregate_opts_t){.timeout_mode = MODE},
                                      on_cursor, NULL, NULL),
               MUV_EINVAL);
    CHECK_CODE(muv_database_list_collections(database,
                                             &(muv_list_collections_opts_t){.timeout_mode = MODE},
                                             on_cursor, NULL, NULL),
               MUV_EINVAL);
    CHECK_CODE(muv_database_run_cursor_command(
                   database, command, &(muv_run_cursor_command_opts_t){.timeout_mode = MODE},
                   on_cursor, NULL, NULL),
               MUV_EINVAL);
    muv_database_free(database);
    bson_destroy(command);
}

/* (CSOT: negative timeouts are errors.) */
static void negative_timeouts_are_refused(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 1};
    muv_collection_t *collection;
    muv_database_t *database;
    muv_op_t *op;
    reader_t r;

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_collection_new(f->client, "d", "c", &(muv_collection_opts_t){.timeout_ms = -2},
                                  &collection),
               MUV_EINVAL);
    CHECK_CODE(
        muv_database_new(f->client, "d", &(muv_database_opts_t){.timeout_ms = -2}, &database),
        MUV_EINVAL);
    CHECK_CODE(muv_op_begin(f->client, &(muv_op_opts_t){.timeout_ms = -2}, NULL, NULL, &op),
               MUV_EINVAL);
    CHECK_CODE(
        muv_client_connect(f->client, &(muv_connect_opts_t){.timeout_ms = -2}, NULL, NULL, NULL),
        MUV_EINVAL);
    check_mode_refused(f, &(muv_find_opts_t){.timeout_ms = INT64_MIN}, "timeout_ms");
    serve_numbers(f, &numbers);
    open_reader(&r, f);
    find_all(&r, NULL);
    CHECK_CODE(muv_cursor_each(r.cursor, &(muv_cursor_each_opts_t){.timeout_ms = -2}, NULL, NULL,
                               NULL, NULL),
               MUV_EINVAL);
    CHECK_CODE(muv_cursor_collect(r.cursor, &(muv_cursor_collect_opts_t){.timeout_ms = -2}, NULL,
                                  NULL, NULL),
               MUV_EINVAL);
    begin_next(&r, NULL); /* The cursor is as it was. */
    await_reader(&r, 0);
    close_reader(&r);
}

/* --- errors that are timeouts ------------------------------------------------------------------*/

#define CODE_50                                                                                    \
    "\"code\": 50, \"codeName\": \"MaxTimeMSExpired\", \"errmsg\": \"operation exceeded\""

/* error-transformations.json: "basic MaxTimeMSExpired error is transformed", "write concern error
 * MaxTimeMSExpired is transformed"; and in writeErrors. */
static void max_time_expired_is_a_timeout_wherever_it_stands(void **state)
{
    static const char *const replies[] = {
        "{\"ok\": 0, " CODE_50 "}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, " CODE_50 "}]}",
        "{\"ok\": 1, \"n\": 1, \"writeConcernError\": {" CODE_50 "}}"};
    static const int64_t timeouts_ms[] = {30000, 0};
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");

    open_client(f, NULL, &(muv_client_opts_t){.retry_writes = MUV_NO});
    for (size_t i = 0; i < 6; i++) {
        written_t w = {0};

        mock_reply(f->mock, "insert", replies[i / 2]);
        begin_write(f, &w);
        end_write(
            f, muv_collection_insert_one(f->collection, document,
                                         &(muv_insert_one_opts_t){.timeout_ms = timeouts_ms[i % 2]},
                                         on_written, &w, NULL));
        run_until(&f->loop, &w.done, WAIT_MS);
        assert_int_equal(w.error.server_code, 50);
        assert_int_equal(w.error.code, i % 2 == 0   ? MUV_ETIMEOUT
                                       : i / 2 == 0 ? MUV_ESERVER
                                                    : MUV_EWRITE);
        assert_int_equal(strstr(w.text, "; [0] 50") != NULL, i / 2 == 1);
        assert_int_equal(strstr(w.text, "; concern 50") != NULL, i / 2 == 2);
        CHECK_CONTAINS(w.error.message, "operation exceeded");
    }
    bson_destroy(document);
}

static void so_it_is_in_other_writes(void **state)
{
    client_fixture_t *f = *state;
    written_t w = {0};
    bson_t **documents = numbered_documents(2, 0);
    reader_t r;

    open_client(f, "timeoutMS=30000&retryWrites=false", NULL);
    mock_reply(f->mock, "insert",
               "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, " CODE_50 "}]}");
    begin_write(f, &w);
    end_write(f, muv_collection_insert_many(f->collection, (const bson_t *const *)documents, 2,
                                            NULL, on_written, &w, NULL));
    run_until(&f->loop, &w.done, WAIT_MS);
    CHECK_ERROR(&w.error, MUV_ETIMEOUT);
    CHECK_CONTAINS(w.text, "; [0] 50");
    open_reader(&r, f);
    mock_reply(f->mock, "drop", "{\"ok\": 1, \"writeConcernError\": {" CODE_50 "}}");
    CHECK_CODE(muv_collection_drop(f->collection, NULL, on_end, &r, NULL), 0);
    await_reader(&r, MUV_ETIMEOUT);
    assert_int_equal(r.error.in_doubt, 1);
    close_reader(&r);
    free_documents(documents, 2);
}

/* --- several commands --------------------------------------------------------------------------*/

/* Prose test 1: two of the commands fit into the time, the second one is cut short. */
static void one_timeout_covers_all_commands_of_an_insert(void **state)
{
    client_fixture_t *f = *state;
    written_t w = {0};
    bson_t **documents = numbered_documents(50, 0);

    mock_set_hello(f->mock, 0, "{\"maxWriteBatchSize\": 10}");
    open_client(f, "retryWrites=false", NULL);
    warm_up(f);
    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_script(f->mock, "insert", &(mock_step_t){.delay_ms = 505, .times = 2});
    begin_write(f, &w);
    end_write(f, muv_collection_insert_many(f->collection, (const bson_t *const *)documents, 50,
                                            &(muv_insert_many_opts_t){.timeout_ms = 1000},
                                            on_written, &w, NULL));
    run_until(&f->loop, &w.done, WAIT_MS);
    CHECK_ERROR(&w.error, MUV_ETIMEOUT);
    CHECK_CONTAINS(w.text, "; inserted 10");
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    check_max_time(f, "insert", 1, 500);
    free_documents(documents, 50);
}

/* deprecated-options.json: "wTimeoutMS is ignored if timeoutMS is set". */
static void a_timeout_takes_the_place_of_wtimeout(void **state)
{
    static const muv_write_concern_t concern = {.w = 1, .wtimeout_ms = 500};
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");
    written_t w = {0};

    open_client(f, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        begin_write(f, &w);
        end_write(
            f, muv_collection_insert_one(f->collection, document,
                                         &(muv_insert_one_opts_t){.write_concern = &concern,
                                                                  .timeout_ms = i == 0 ? 0 : 30000},
                                         on_written, &w, NULL));
        run_until(&f->loop, &w.done, WAIT_MS);
        assert_int_equal(mock_request_has(last(f, "insert"), "writeConcern.wtimeout"), i == 0);
        assert_int_equal(mock_request_number(last(f, "insert"), "writeConcern.w"), 1);
        w = (written_t){0};
    }
    bson_destroy(document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_says_how_much_time_is_left),
        TEST(an_infinite_timeout_sends_nothing),
        TEST(a_command_as_given_keeps_its_max_time),
        TEST(in_a_lifetime_only_the_find_says_its_time),
        TEST(in_iteration_mode_neither_says_a_time),
        TEST(waiting_cursors_say_how_long_they_wait),
        TEST(a_wait_is_not_longer_than_the_time_that_is_left),
        TEST(modes_that_make_no_sense_are_refused),
        TEST(pipelines_that_write_are_not_iterated),
        TEST(a_mode_needs_a_timeout),
        TEST(negative_timeouts_are_refused),
        TEST(max_time_expired_is_a_timeout_wherever_it_stands),
        TEST(so_it_is_in_other_writes),
        TEST(one_timeout_covers_all_commands_of_an_insert),
        TEST(a_timeout_takes_the_place_of_wtimeout),
    };

    return cmocka_run_group_tests_name("csot", tests, NULL, NULL);
}
