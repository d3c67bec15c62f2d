/* SPDX-License-Identifier: Apache-2.0 */
/* Pushing documents: order, read-ahead, pause, stop, turns. */
#include "integration/cursor_fixture.h"

static void all_documents_come_in_order_over_several_batches(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 10, .batch = 4};
    bson_t *comment = bson_from("{\"\": \"why\"}");
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.batch_size = 4, .comment = comment});
    assert_int_equal(muv_cursor_id(r.cursor), 77);
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 10);
    assert_int_equal(r.last_id, 9);
    assert_false(muv_cursor_is_alive(r.cursor));
    assert_int_equal(mock_request_count(f->mock, "getMore"), 2);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "getMore", 1)),
                         "{\"getMore\": {\"$numberLong\": \"77\"}, \"collection\": \"c\","
                         " \"batchSize\": 4, \"comment\": \"why\", \"$db\": \"d\"}");
    close_reader(&r);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 0);
    bson_destroy(comment);
}

static void get_more_asks_where_the_namespace_says(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    mock_reply(f->mock, "find",
               "{\"cursor\": {\"id\": 5, \"ns\": \"e.$cmd.aggregate.x\", \"firstBatch\": []},"
               " \"ok\": 1}");
    open_client(f, "readConcernLevel=majority", NULL);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.batch_size = MUV_ZERO, .max_time_ms = 50});
    begin_each(&r, NULL);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "getMore", 0)),
                         "{\"getMore\": {\"$numberLong\": \"5\"},"
                         " \"collection\": \"$cmd.aggregate.x\", \"$db\": \"e\"}");
    close_reader(&r);
}

static int pause_always(reader_t *r)
{
    (void)r;
    return MUV_PAUSE;
}

static void one_batch_is_read_ahead_and_no_more_while_paused(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 12, .batch = 3};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = pause_always;
    begin_each(&r, NULL);
    await_requests(f, "getMore", 1);
    run_for(&f->loop, 30);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 1);
    assert_int_equal(r.count, 1);
    while (!r.done) {
        int64_t before = r.count;

        muv_cursor_resume(r.cursor);
        assert_int_equal(r.count, before);
        run_for(&f->loop, 5);
    }
    assert_int_equal(r.count, 12);
    close_reader(&r);
}

static void without_a_low_water_mark_nothing_is_read_ahead(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 6, .batch = 3};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = pause_always;
    begin_each(&r, &(muv_cursor_each_opts_t){.low_water_bytes = MUV_ZERO});
    await_documents(&r, 1);
    muv_cursor_resume(r.cursor);
    await_documents(&r, 2);
    run_for(&f->loop, 20);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 0);
    r.act = NULL;
    muv_cursor_resume(r.cursor);
    await_reader(&r, 0);
    assert_int_equal(r.count, 6);
    close_reader(&r);
}

static int resume_then_pause(reader_t *r)
{
    muv_cursor_resume(r->cursor);
    return MUV_PAUSE;
}

static void a_resume_inside_takes_the_pause_back(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = resume_then_pause;
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 5);
    close_reader(&r);
}

static int stop_now(reader_t *r)
{
    (void)r;
    return MUV_STOP;
}

/* Also at the end of a batch, where the next one may be on its way. */
static void each_stop_leaves_the_cursor_behind_the_document(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 7, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = stop_now;
    for (int64_t i = 0; i < 7; i++) {
        begin_each(&r, NULL);
        await_reader(&r, 0);
        assert_int_equal(r.count, i + 1);
        assert_int_equal(r.last_id, i);
    }
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 7);
    close_reader(&r);
}

/* A portion is 256 documents: after one turn of the loop the next one has not begun. */
static void documents_come_in_portions_of_a_turn(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 1000, .batch = 1000};
    int64_t most = 0;
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, NULL);
    while (!r.done) {
        int64_t before = r.count;

        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        most = r.count - before > most ? r.count - before : most;
    }
    assert_int_equal(r.count, 1000);
    assert_int_equal(most, 256);
    close_reader(&r);
}

static void large_documents_come_in_portions_of_bytes(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 12, .batch = 12, .pad_bytes = (size_t)100 * 1024};
    int64_t most = 0;
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_each(&r, NULL);
    while (!r.done) {
        int64_t before = r.count;

        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        most = r.count - before > most ? r.count - before : most;
    }
    assert_int_equal(r.count, 12);
    assert_int_equal(most, 3);
    close_reader(&r);
}

static int cancel_now(reader_t *r)
{
    muv_op_cancel(r->op);
    return MUV_CONTINUE;
}

/* With everything already here, nothing is lost: the cursor goes on. */
static void a_cancel_inside_the_callback_ends_it_there(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 5};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = cancel_now;
    begin_each(&r, NULL);
    await_reader(&r, MUV_ECANCELED);
    assert_int_equal(r.count, 1);
    r.act = NULL;
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 5);
    close_reader(&r);
}

static int close_now(reader_t *r)
{
    muv_cursor_close(r->cursor);
    r->cursor = NULL;
    return MUV_CONTINUE;
}

static void the_cursor_may_be_closed_inside_the_callback(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 6, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = close_now;
    begin_each(&r, NULL);
    await_reader(&r, MUV_ECANCELED);
    assert_int_equal(r.count, 1);
    await_requests(f, "killCursors", 1);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "killCursors", 0)),
                         "{\"killCursors\": \"c\", \"cursors\": [{\"$numberLong\": \"77\"}],"
                         " \"$db\": \"d\"}");
    close_reader(&r);
}

static void a_paused_consumer_times_out_and_the_cursor_lives(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 4, .batch = 4};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = pause_always;
    begin_each(&r, &(muv_cursor_each_opts_t){.timeout_ms = 20});
    await_reader(&r, MUV_ETIMEOUT);
    r.act = NULL;
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 4);
    close_reader(&r);
}

static int refuse_document(muv_op_t *op, const bson_t *document, void *data)
{
    (void)op;
    (void)document;
    (void)data;
    fail_msg("a refused consumer was called");
    return MUV_STOP;
}

static void refuse_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)error;
    (void)refuse_document(op, document, data);
}

static void refuse_collected(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                             void *data)
{
    (void)error;
    (void)documents;
    (void)refuse_document(op, NULL, data);
}

static void a_second_consumer_is_refused(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 4, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.act = pause_always;
    begin_each(&r, NULL);
    CHECK_CODE(muv_cursor_each(r.cursor, NULL, refuse_document, on_end, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "consumer");
    CHECK_CODE(muv_cursor_next(r.cursor, NULL, refuse_next, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_cursor_collect(r.cursor, NULL, refuse_collected, NULL, NULL), MUV_EINVAL);
    await_documents(&r, 1);
    muv_cursor_close(r.cursor);
    r.cursor = NULL;
    await_reader(&r, MUV_ECANCELED);
    await_requests(f, "killCursors", 1);
    close_reader(&r);
}

/* --- at every place ----------------------------------------------------------------------------*/

static struct {
    int64_t at;
    int64_t expected;
    void (*action)(reader_t *r);
} place;

/* No document is left out or given twice, whatever happens. */
static int act_at_place(reader_t *r)
{
    assert_int_equal(r->last_id, place.expected++);
    if (r->last_id == place.at) {
        place.action(r);
    }
    return MUV_CONTINUE;
}

static void cancel_consumer(reader_t *r)
{
    muv_op_cancel(r->op);
}

static void drain_client(reader_t *r)
{
    begin_close(r->f, MUV_CLOSE_DRAIN);
}

static void abort_client(reader_t *r)
{
    begin_close(r->f, MUV_CLOSE_ABORT);
}

static void drop_connections(reader_t *r)
{
    mock_drop_connections(r->f->mock, MOCK_ANY, MOCK_RESET);
}

/* Act at document `at` of 9 in batches of 2; the reader has ended afterwards. */
static void run_with_action(reader_t *r, client_fixture_t *f, int64_t at,
                            void (*action)(reader_t *r))
{
    open_reader(r, f);
    find_all(r, NULL);
    place.at = at;
    place.expected = 0;
    place.action = action;
    r->act = act_at_place;
    begin_each(r, NULL);
    run_until(&f->loop, &r->done, WAIT_MS);
}

static void a_cancel_at_any_document_leaves_no_gap(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    for (int64_t at = 0; at < 9; at++) {
        run_with_action(&r, f, at, cancel_consumer);
        CHECK_ERROR(&r.error, MUV_ECANCELED);
        assert_int_equal(r.count, at + 1);
        /* It goes on there, or it says that it cannot. */
        begin_each(&r, NULL);
        run_until(&f->loop, &r.done, WAIT_MS);
        assert_true(r.error.code == MUV_ECANCELED || r.count == 9);
        close_reader(&r);
    }
}

static void the_client_may_be_closed_at_any_document(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    for (int64_t at = 0; at < 9; at++) {
        open_client(f, NULL, NULL);
        run_with_action(&r, f, at, abort_client);
        CHECK_ERROR(&r.error, MUV_ECLOSED);
        assert_int_equal(r.count, at + 1);
        run_until(&f->loop, &f->closed, WAIT_MS);
        close_reader(&r);
        open_client(f, NULL, NULL);
        run_with_action(&r, f, at, drain_client);
        assert_int_equal(r.error.code, 0);
        assert_int_equal(r.count, 9);
        run_until(&f->loop, &f->closed, WAIT_MS);
        close_reader(&r);
    }
}

static void connections_may_be_lost_at_any_document(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 9, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, "heartbeatFrequencyMS=500", NULL);
    for (int64_t at = 0; at < 9; at++) {
        run_with_action(&r, f, at, drop_connections);
        assert_true(r.error.code != 0 || r.count == 9);
        close_reader(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_documents_come_in_order_over_several_batches,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(get_more_asks_where_the_namespace_says, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(one_batch_is_read_ahead_and_no_more_while_paused,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(without_a_low_water_mark_nothing_is_read_ahead,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_resume_inside_takes_the_pause_back, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(each_stop_leaves_the_cursor_behind_the_document,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(documents_come_in_portions_of_a_turn, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(large_documents_come_in_portions_of_bytes, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_cancel_inside_the_callback_ends_it_there, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(the_cursor_may_be_closed_inside_the_callback, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_paused_consumer_times_out_and_the_cursor_lives,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_second_consumer_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_cancel_at_any_document_leaves_no_gap, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(the_client_may_be_closed_at_any_document, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(connections_may_be_lost_at_any_document, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
