/* SPDX-License-Identifier: Apache-2.0 */
/* Reads on a real server: cursors over many batches, killed and lost cursors, aggregation, counts,
 * distinct, tailable cursors. */
#include "integration/cursor_fixture.h"

#include "support/process.h"

#define DOCUMENTS 2500

static void run(client_fixture_t *f, const char *json)
{
    outcome_t o = {0};

    start_command(f, &o, json, NULL);
    await(&o);
    outcome_clear(&o);
}

/* {"_id": 0, "mod": 0}, ... in d.c. */
static void fill(client_fixture_t *f)
{
    bson_t *command = BCON_NEW("insert", "c");
    outcome_t o = {0};
    bson_t array;
    char *json;

    run(f, "{\"drop\": \"c\"}");
    bson_append_array_begin(command, "documents", -1, &array);
    for (int32_t i = 0; i < DOCUMENTS; i++) {
        bson_t *document = BCON_NEW("_id", BCON_INT32(i), "mod", BCON_INT32(i % 7));
        char key[16];
        const char *text;

        (void)bson_uint32_to_string((uint32_t)i, &text, key, sizeof key);
        (void)bson_append_document(&array, text, -1, document);
        bson_destroy(document);
    }
    bson_append_array_end(command, &array);
    json = bson_as_canonical_extended_json(command, NULL);
    start_command(f, &o, json, NULL);
    await_success(&o);
    outcome_clear(&o);
    bson_free(json);
    bson_destroy(command);
}

static int open_filled(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    open_client_at(f, test_uri(), NULL);
    fill(f);
    return 0;
}

static void every_document_comes_once_in_order(void **state)
{
    client_fixture_t *f = *state;
    bson_t *sort = bson_from("{\"_id\": 1}");
    reader_t r;

    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.sort = sort, .batch_size = 100});
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, DOCUMENTS);
    assert_int_equal(r.last_id, DOCUMENTS - 1);
    close_reader(&r);
    find_all(&r, &(muv_find_opts_t){.sort = sort, .skip = 2400, .limit = 50, .batch_size = 50});
    assert_int_equal(muv_cursor_id(r.cursor), 0);
    begin_collect(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 50);
    close_reader(&r);
    bson_destroy(sort);
}

static void a_closed_cursor_is_gone_on_the_server(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    int64_t id;
    reader_t r;

    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.batch_size = 2});
    id = muv_cursor_id(r.cursor);
    assert_true(id != 0);
    close_reader(&r);
    run_for(&f->loop, 50);
    start_command(
        f, &o,
        text_of("{\"getMore\": {\"$numberLong\": \"%lld\"}, \"collection\": \"c\"}", (long long)id),
        NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 43);
    outcome_clear(&o);
}

static void a_cursor_killed_by_somebody_else_fails_clearly(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    open_reader(&r, f);
    find_all(&r, &(muv_find_opts_t){.batch_size = 3});
    run(f, text_of("{\"killCursors\": \"c\", \"cursors\": [{\"$numberLong\": \"%lld\"}]}",
                   (long long)muv_cursor_id(r.cursor)));
    begin_each(&r, NULL);
    await_reader(&r, MUV_ESERVER);
    assert_int_equal(r.error.server_code, 43);
    assert_int_equal(r.count, 3);
    close_reader(&r);
}

static void pipelines_counts_and_distinct_agree(void **state)
{
    client_fixture_t *f = *state;
    bson_t *stages = bson_from("[{\"$match\": {\"mod\": 3}}, {\"$sort\": {\"_id\": 1}}]");
    bson_t *filter = bson_from("{\"mod\": 3}");
    reader_t r;

    open_reader(&r, f);
    CHECK_CODE(muv_collection_aggregate(f->collection, stages,
                                        &(muv_aggregate_opts_t){.batch_size = 10}, on_cursor, &r,
                                        NULL),
               0);
    await_reader(&r, 0);
    begin_each(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 357);
    close_reader(&r);
    CHECK_CODE(muv_collection_count_documents(f->collection, filter, NULL, on_counted, &r, NULL),
               0);
    await_reader(&r, 0);
    assert_int_equal(r.count, 357);
    begin_call(&r);
    CHECK_CODE(muv_collection_estimated_document_count(f->collection, NULL, on_counted, &r, NULL),
               0);
    end_call(&r);
    await_reader(&r, 0);
    assert_int_equal(r.count, DOCUMENTS);
    begin_call(&r);
    CHECK_CODE(muv_collection_distinct(f->collection, "mod", filter, NULL, on_values, &r, NULL), 0);
    end_call(&r);
    await_reader(&r, 0);
    assert_string_equal(r.text, "{ \"0\" : 3 }");
    close_reader(&r);
    bson_destroy(filter);
    bson_destroy(stages);
}

static void output_of_a_pipeline_is_written(void **state)
{
    client_fixture_t *f = *state;
    bson_t *stages = bson_from("[{\"$match\": {\"mod\": 0}}, {\"$out\": \"copy\"}]");
    muv_collection_t *copy = NULL;
    reader_t r;

    open_reader(&r, f);
    CHECK_CODE(muv_collection_aggregate(f->collection, stages, NULL, on_cursor, &r, NULL), 0);
    await_reader(&r, 0);
    CHECK_CODE(muv_collection_new(f->client, "d", "copy", NULL, &copy), 0);
    begin_call(&r);
    CHECK_CODE(muv_collection_count_documents(copy, NULL, NULL, on_counted, &r, NULL), 0);
    end_call(&r);
    await_reader(&r, 0);
    assert_int_equal(r.count, 358);
    muv_collection_free(copy);
    close_reader(&r);
    bson_destroy(stages);
}

static void a_tailable_cursor_waits_for_a_document(void **state)
{
    client_fixture_t *f = *state;
    muv_collection_t *log = NULL;
    reader_t r;

    run(f, "{\"drop\": \"log\"}");
    run(f, "{\"create\": \"log\", \"capped\": true, \"size\": 65536}");
    run(f, "{\"insert\": \"log\", \"documents\": [{\"_id\": 1}]}");
    CHECK_CODE(muv_collection_new(f->client, "d", "log", NULL, &log), 0);
    open_reader(&r, f);
    CHECK_CODE(muv_collection_find(log, NULL,
                                   &(muv_find_opts_t){.tailable = MUV_YES,
                                                      .await_data = MUV_YES,
                                                      .max_await_time_ms = 200},
                                   on_cursor, &r, NULL),
               0);
    await_reader(&r, 0);
    begin_next(&r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.last_id, 1);
    begin_next(&r, NULL);
    run(f, "{\"insert\": \"log\", \"documents\": [{\"_id\": 2}]}");
    await_reader(&r, 0);
    assert_int_equal(r.last_id, 2);
    close_reader(&r);
    muv_collection_free(log);
}

static void draining_with_open_cursors_ends(void **state)
{
    client_fixture_t *f = *state;
    reader_t readers[20];

    for (size_t i = 0; i < 20; i++) {
        open_reader(&readers[i], f);
        find_all(&readers[i], &(muv_find_opts_t){.batch_size = 2});
    }
    close_client(f, MUV_CLOSE_DRAIN);
    for (size_t i = 0; i < 20; i++) {
        close_reader(&readers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_document_comes_once_in_order, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_closed_cursor_is_gone_on_the_server, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_cursor_killed_by_somebody_else_fails_clearly, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(pipelines_counts_and_distinct_agree, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(output_of_a_pipeline_is_written, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_tailable_cursor_waits_for_a_document, open_filled,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(draining_with_open_cursors_ends, open_filled,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
