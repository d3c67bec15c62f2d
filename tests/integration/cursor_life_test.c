/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors that end: cancelled, timed out, failed, closed, with their client, by wrong replies, and
 * when memory runs out. */
#include "integration/cursor_fixture.h"

#include "support/alloc.h"

#define OPEN_CURSOR                                                                                \
    "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"firstBatch\": [{\"_id\": 1}]}, \"ok\": 1}"

/* A reader whose each waits for an answer that is held back; one document was seen. */
static void wait_in_get_more(client_fixture_t *f, reader_t *r, int64_t timeout_ms)
{
    mock_reply(f->mock, "find", OPEN_CURSOR);
    mock_script(f->mock, "getMore", &(mock_step_t){.hold = true});
    open_client(f, NULL, NULL);
    open_reader(r, f);
    find_all(r, NULL);
    begin_each(r, &(muv_cursor_each_opts_t){.timeout_ms = timeout_ms});
    await_held(f, 1);
    await_documents(r, 1);
}

static void check_killed_and_dead(client_fixture_t *f, reader_t *r, int code)
{
    await_requests(f, "killCursors", 1);
    assert_false(muv_cursor_is_alive(r->cursor));
    begin_next(r, NULL);
    await_reader(r, code);
    assert_int_equal(r->count, 1);
    (void)mock_release(f->mock, 1);
    close_reader(r);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 1);
}

static void a_cancelled_get_more_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    wait_in_get_more(f, &r, 0);
    f->starting = true;
    muv_op_cancel(r.op);
    f->starting = false;
    await_reader(&r, MUV_ECANCELED);
    check_killed_and_dead(f, &r, MUV_ECANCELED);
}

static void a_timed_out_get_more_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    wait_in_get_more(f, &r, 60);
    await_reader(&r, MUV_ETIMEOUT);
    assert_int_equal(r.error.in_doubt, 0);
    check_killed_and_dead(f, &r, MUV_ETIMEOUT);
}

static void a_cancelled_parent_takes_its_consumer_along(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    mock_script(f->mock, "getMore", &(mock_step_t){.hold = true});
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    start_composite(f, &o, NULL);
    begin_each(&r, &(muv_cursor_each_opts_t){.parent = o.op});
    muv_op_finish(o.op, NULL);
    await_held(f, 1);
    await_documents(&r, 1);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    await_reader(&r, MUV_ECANCELED);
    close_reader(&r);
    outcome_clear(&o);
}

static void closing_in_get_more_ends_the_consumer(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    wait_in_get_more(f, &r, 0);
    f->starting = true;
    muv_cursor_close(r.cursor);
    f->starting = false;
    r.cursor = NULL;
    await_reader(&r, MUV_ECANCELED);
    await_requests(f, "killCursors", 1);
    close_reader(&r);
}

static void a_lost_connection_ends_the_cursor_without_a_kill(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    wait_in_get_more(f, &r, 0);
    mock_drop_connections(f->mock, MOCK_ANY, MOCK_RESET);
    await_reader(&r, MUV_ENETWORK);
    assert_int_equal(r.error.in_doubt, 0);
    assert_int_equal(muv_cursor_id(r.cursor), 0);
    close_reader(&r);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 0);
}

/* Whether the cursor is killed depends on whether the server can still have it. */
static void check_server_error(client_fixture_t *f, const char *json, unsigned kills)
{
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    mock_reply(f->mock, "getMore", json);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, NULL);
    await_reader(&r, MUV_ESERVER);
    assert_int_equal(r.count, 1);
    close_reader(&r);
    warm_up(f);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), kills);
}

static void a_server_error_in_get_more_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "maxPoolSize=1", NULL);
    check_server_error(f, "{\"ok\": 0, \"code\": 43, \"errmsg\": \"cursor not found\"}", 0);
    check_server_error(f, "{\"ok\": 0, \"code\": 8, \"errmsg\": \"something else\"}", 1);
}

/* The pool's only connection is taken: the getMore never leaves, and the cursor is unharmed. */
static void a_get_more_that_was_never_sent_harms_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    open_client(f, "maxPoolSize=1", NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    start_ping(f, &o, 0);
    await_held(f, 1);
    begin_each(&r, &(muv_cursor_each_opts_t){.timeout_ms = 30});
    await_reader(&r, MUV_ETIMEOUT);
    assert_true(muv_cursor_is_alive(r.cursor));
    (void)mock_release(f->mock, 1);
    await_success(&o);
    begin_each(&r, NULL);
    await_reader(&r, 0);
    close_reader(&r);
    outcome_clear(&o);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 0);
}

static void draining_kills_open_cursors_and_leaves_the_handle(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 1);
    CHECK_CODE(muv_cursor_next(r.cursor, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_cursor_each(r.cursor, NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    muv_cursor_resume(r.cursor);
    assert_int_equal(muv_cursor_id(r.cursor), 0);
    close_reader(&r);
}

static void draining_lets_a_consumer_finish(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 1000, .batch = 90};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, NULL);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(r.done);
    assert_int_equal(r.count, 1000);
    assert_int_equal(r.error.code, 0);
    close_reader(&r);
}

static void aborting_ends_consumer_and_cursor_at_once(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    wait_in_get_more(f, &r, 0);
    close_client(f, MUV_CLOSE_ABORT);
    assert_true(r.done);
    CHECK_ERROR(&r.error, MUV_ECLOSED);
    close_reader(&r);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 0);
}

static void an_open_cursor_keeps_the_loop_alive(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    assert_int_not_equal(uv_run(&f->loop, UV_RUN_NOWAIT), 0);
    close_reader(&r);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 1);
}

/* --- hostile replies ---------------------------------------------------------------------------*/

static void check_hostile_find(client_fixture_t *f, const char *json)
{
    reader_t r;

    mock_reply(f->mock, "find", json);
    open_reader(&r, f);
    begin_find(&r, NULL);
    await_reader(&r, MUV_EPROTOCOL);
    close_reader(&r);
}

static void a_wrong_reply_to_find_opens_no_cursor(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_hostile_find(f, "{\"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": 5, \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 0, \"firstBatch\": []}, \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"ns\": \"d.c\", \"firstBatch\": []}, \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": \"9\", \"ns\": \"d.c\", \"firstBatch\": []},"
                          " \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 0, \"ns\": \"d.c\"}, \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 0, \"ns\": \"d.c\", \"firstBatch\": {}},"
                          " \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 1, \"ns\": \"dc\", \"firstBatch\": []},"
                          " \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 1, \"ns\": \".c\", \"firstBatch\": []},"
                          " \"ok\": 1}");
    check_hostile_find(f, "{\"cursor\": {\"id\": 1, \"ns\": \"d.\", \"firstBatch\": []},"
                          " \"ok\": 1}");
}

static void a_namespace_too_long_to_be_one_opens_no_cursor(void **state)
{
    client_fixture_t *f = *state;
    char name[700];

    memset(name, 'n', sizeof name);
    name[3] = '.';
    name[sizeof name - 1] = '\0';
    open_client(f, NULL, NULL);
    check_hostile_find(
        f,
        text_of("{\"cursor\": {\"id\": 1, \"ns\": \"%s\", \"firstBatch\": []}, \"ok\": 1}", name));
}

static void check_hostile_get_more(client_fixture_t *f, const char *json)
{
    reader_t r;

    mock_reply(f->mock, "find", OPEN_CURSOR);
    mock_reply(f->mock, "getMore", json);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, NULL);
    await_reader(&r, MUV_EPROTOCOL);
    assert_int_equal(r.count, 1);
    close_reader(&r);
}

static void a_wrong_reply_to_get_more_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_hostile_get_more(f, "{\"ok\": 1}");
    check_hostile_get_more(f, "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\"}, \"ok\": 1}");
    check_hostile_get_more(
        f, "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"firstBatch\": []}, \"ok\": 1}");
    check_hostile_get_more(
        f, "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"nextBatch\": 1}, \"ok\": 1}");
    check_hostile_get_more(
        f, "{\"cursor\": {\"id\": true, \"ns\": \"d.c\", \"nextBatch\": []}, \"ok\": 1}");
    await_requests(f, "killCursors", 5);
}

static void something_else_in_a_batch_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    mock_reply(f->mock, "find",
               "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"firstBatch\": [{\"_id\": 1}, 7]},"
               " \"ok\": 1}");
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, &(muv_cursor_each_opts_t){.low_water_bytes = MUV_ZERO});
    await_reader(&r, MUV_EPROTOCOL);
    assert_int_equal(r.count, 1);
    await_requests(f, "killCursors", 1);
    begin_collect(&r, NULL);
    await_reader(&r, MUV_EPROTOCOL);
    close_reader(&r);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void note_found(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    reader_t *r = data;

    (void)op;
    (void)error;
    r->cursor = cursor;
    r->done = true;
}

static int take_any(muv_op_t *op, const bson_t *document, void *data)
{
    reader_t *r = data;

    (void)op;
    (void)document;
    return r->count++ == 3 ? MUV_STOP : MUV_CONTINUE;
}

static void note_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    (void)error;
    ((reader_t *)data)->done = true;
}

static void note_documents(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                           void *data)
{
    (void)op;
    (void)error;
    ((reader_t *)data)->documents = documents;
    ((reader_t *)data)->done = true;
}

static void wait_if_started(reader_t *r, int status)
{
    r->done = status != 0;
    run_until(&r->f->loop, &r->done, WAIT_MS);
}

/* Find, each with a stop, collect, close; whatever fails, callbacks come once and nothing leaks. */
static void use_a_cursor(void *data)
{
    client_fixture_t *f = data;
    reader_t r;

    open_reader(&r, f);
    f->closed = false;
    if (muv_client_new(&f->loop, mock_uri(f->mock, NULL), NULL, NULL, &f->client) != 0) {
        f->client = NULL;
        /* What was made by then is closed on the loop. */
        run_for(&f->loop, 1);
        return;
    }
    if (muv_collection_new(f->client, "d", "c", NULL, &f->collection) == 0) {
        wait_if_started(&r, muv_collection_find(f->collection, NULL,
                                                &(muv_find_opts_t){.timeout_ms = 300}, note_found,
                                                &r, NULL));
    }
    if (r.cursor != NULL) {
        wait_if_started(&r, muv_cursor_each(r.cursor, &(muv_cursor_each_opts_t){.timeout_ms = 300},
                                            take_any, note_end, &r, NULL));
        wait_if_started(&r, muv_cursor_collect(r.cursor,
                                               &(muv_cursor_collect_opts_t){.timeout_ms = 300},
                                               note_documents, &r, NULL));
    }
    close_reader(&r);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void running_out_of_memory_anywhere_leaks_nothing(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 40, .batch = 2};

    alloc_install();
    serve_numbers(f, &numbers);
    assert_int_not_equal(alloc_sweep(use_a_cursor, f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cancelled_get_more_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_timed_out_get_more_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_cancelled_parent_takes_its_consumer_along, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(closing_in_get_more_ends_the_consumer, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_lost_connection_ends_the_cursor_without_a_kill,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_server_error_in_get_more_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_get_more_that_was_never_sent_harms_nothing, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(draining_kills_open_cursors_and_leaves_the_handle,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(draining_lets_a_consumer_finish, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(aborting_ends_consumer_and_cursor_at_once, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(an_open_cursor_keeps_the_loop_alive, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_wrong_reply_to_find_opens_no_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_namespace_too_long_to_be_one_opens_no_cursor,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_wrong_reply_to_get_more_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(something_else_in_a_batch_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(running_out_of_memory_anywhere_leaks_nothing, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
