/* SPDX-License-Identifier: Apache-2.0 */
/* Pulling documents one by one, and collecting them. */
#include "integration/cursor_fixture.h"

static void next_again(reader_t *r)
{
    if (r->text != NULL) {
        begin_next(r, NULL);
    }
}

static void next_gives_one_document_for_each_call(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 5, .batch = 2};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    for (int64_t i = 0; i < 5; i++) {
        begin_next(&r, NULL);
        await_reader(&r, 0);
        assert_string_equal(r.text, text_of("{ \"_id\" : %d }", (int)i));
        assert_int_equal(muv_cursor_is_alive(r.cursor), i < 4);
    }
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_null(r.text);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 2);
    close_reader(&r);
    assert_int_equal(mock_request_count(f->mock, "killCursors"), 0);
}

/* Each callback asks for the next document, across ends of batches, while its own still lies in the
 * batch before. */
static void next_may_be_called_inside_its_callback(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 600, .batch = 7};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    r.then = next_again;
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 600);
    assert_null(r.text);
    close_reader(&r);
}

static void a_tailable_cursor_says_when_there_is_nothing_now(void **state)
{
    client_fixture_t *f = *state;
    const char *empty = "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"nextBatch\": []}, \"ok\": 1}";
    reader_t r;

    mock_reply(f->mock, "find",
               "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"firstBatch\": []}, \"ok\": 1}");
    mock_reply(f->mock, "getMore", empty);
    mock_reply(f->mock, "getMore",
               "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"nextBatch\":"
               " [{\"_id\": 3}]}, \"ok\": 1}");
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.tailable = MUV_YES});
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_null(r.text);
    assert_true(muv_cursor_is_alive(r.cursor));
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_string_equal(r.text, "{ \"_id\" : 3 }");
    close_reader(&r);
    await_requests(f, "killCursors", 1);
}

static void an_awaiting_cursor_asks_again_with_its_time(void **state)
{
    client_fixture_t *f = *state;
    const char *empty = "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"nextBatch\": []}, \"ok\": 1}";
    reader_t r;

    mock_reply(f->mock, "find",
               "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"firstBatch\": []}, \"ok\": 1}");
    mock_script(f->mock, "getMore", &(mock_step_t){.json = empty, .times = 3});
    mock_reply(f->mock, "getMore",
               "{\"cursor\": {\"id\": 9, \"ns\": \"d.c\", \"nextBatch\":"
               " [{\"_id\": 3}]}, \"ok\": 1}");
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){
                     .tailable = MUV_YES, .await_data = MUV_YES, .max_await_time_ms = 40});
    begin_next(&r, &(muv_cursor_next_opts_t){.single_try = MUV_YES});
    await_reader(&r, 0);
    assert_null(r.text);
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_string_equal(r.text, "{ \"_id\" : 3 }");
    assert_int_equal(mock_request_count(f->mock, "getMore"), 4);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "getMore", 0)),
                         "{\"getMore\": {\"$numberLong\": \"9\"}, \"collection\": \"c\","
                         " \"$db\": \"d\", \"maxTimeMS\": {\"$numberLong\": \"40\"}}");
    close_reader(&r);
}

static int64_t id_of(const muv_documents_t *documents, size_t index)
{
    bson_iter_t iter;
    bson_t view;

    assert_int_equal(muv_documents_bson(documents, index, &view), 0);
    assert_true(bson_iter_init_find(&iter, &view, "_id"));
    return bson_iter_as_int64(&iter);
}

static void collect_keeps_documents_beyond_cursor_and_client(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 900, .batch = 400, .pad_bytes = 500};
    bson_t view;
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_collect(&r, NULL);
    await_reader(&r, 0);
    muv_cursor_close(r.cursor);
    r.cursor = NULL;
    close_client(f, MUV_CLOSE_DRAIN);
    assert_int_equal(muv_documents_count(r.documents), 900);
    for (size_t i = 0; i < 900; i++) {
        assert_int_equal(id_of(r.documents, i), i);
    }
    CHECK_CODE(muv_documents_bson(r.documents, 900, &view), MUV_EINVAL);
    close_reader(&r);
}

static void collect_stops_at_a_number_and_goes_on_there(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 10, .batch = 4};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_collect(&r, &(muv_cursor_collect_opts_t){.max_documents = 6});
    await_reader(&r, 0);
    assert_int_equal(r.count, 6);
    assert_int_equal(id_of(r.documents, 5), 5);
    muv_documents_release(r.documents);
    begin_collect(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 4);
    assert_int_equal(id_of(r.documents, 0), 6);
    close_reader(&r);
}

static void collect_beyond_its_bytes_ends_the_cursor(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 10, .batch = 2, .pad_bytes = 100};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_collect(&r, &(muv_cursor_collect_opts_t){.max_bytes = 600});
    await_reader(&r, MUV_ETOOLARGE);
    assert_false(muv_cursor_is_alive(r.cursor));
    await_requests(f, "killCursors", 1);
    begin_next(&r, NULL);
    await_reader(&r, MUV_ETOOLARGE);
    close_reader(&r);
}

static void an_empty_result_is_collected_as_nothing(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 0};
    reader_t r;

    serve_numbers(f, &numbers);
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    find_all(&r, NULL);
    begin_collect(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 0);
    close_reader(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(next_gives_one_document_for_each_call, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(next_may_be_called_inside_its_callback, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_tailable_cursor_says_when_there_is_nothing_now,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_awaiting_cursor_asks_again_with_its_time, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(collect_keeps_documents_beyond_cursor_and_client,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(collect_stops_at_a_number_and_goes_on_there, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(collect_beyond_its_bytes_ends_the_cursor, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(an_empty_result_is_collected_as_nothing, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
