/* SPDX-License-Identifier: Apache-2.0 */
/* The find command: what is sent for each option, and what is refused. */
#include "integration/cursor_fixture.h"

/* Start a find of {"a": 1}, wait, and compare what the mock has seen. */
static void check_find(client_fixture_t *f, const muv_find_opts_t *opts, const char *json)
{
    bson_t *filter = bson_from("{\"a\": 1}");
    reader_t r;

    open_reader(&r, f);
    begin_call(&r);
    CHECK_CODE(muv_collection_find(f->collection, filter, opts, on_cursor, &r, &r.op), 0);
    end_call(&r);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "find", -1)), json);
    bson_destroy(filter);
    close_reader(&r);
}

static void a_plain_find_sends_nothing_but_the_filter(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_find(f, NULL, "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"$db\": \"d\"}");
}

static void documents_and_sizes_are_sent(void **state)
{
    client_fixture_t *f = *state;
    bson_t *one = bson_from("{\"x\": 1}");
    bson_t *comment = bson_from("{\"c\": \"why\"}");

    open_client(f, NULL, NULL);
    check_find(f,
               &(muv_find_opts_t){.projection = one,
                                  .sort = one,
                                  .skip = 3,
                                  .limit = 10,
                                  .batch_size = 4,
                                  .hint_document = one,
                                  .comment = comment,
                                  .collation = one,
                                  .let = one,
                                  .max = one,
                                  .min = one,
                                  .max_time_ms = 500},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"projection\": {\"x\": 1},"
               " \"sort\": {\"x\": 1}, \"skip\": {\"$numberLong\": \"3\"},"
               " \"limit\": {\"$numberLong\": \"10\"}, \"batchSize\": 4, \"hint\": {\"x\": 1},"
               " \"comment\": \"why\", \"collation\": {\"x\": 1}, \"let\": {\"x\": 1},"
               " \"max\": {\"x\": 1}, \"min\": {\"x\": 1}, \"$db\": \"d\","
               " \"maxTimeMS\": {\"$numberLong\": \"500\"}}");
    bson_destroy(comment);
    bson_destroy(one);
}

static void flags_are_sent_as_set(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_find(f,
               &(muv_find_opts_t){.hint = "a_1",
                                  .single_batch = MUV_NO,
                                  .return_key = MUV_YES,
                                  .show_record_id = MUV_NO,
                                  .no_cursor_timeout = MUV_YES,
                                  .allow_partial_results = MUV_YES,
                                  .allow_disk_use = MUV_NO,
                                  .tailable = MUV_YES,
                                  .await_data = MUV_YES},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"singleBatch\": false,"
               " \"hint\": \"a_1\", \"returnKey\": true, \"showRecordId\": false,"
               " \"tailable\": true, \"noCursorTimeout\": true, \"awaitData\": true,"
               " \"allowPartialResults\": true, \"allowDiskUse\": false, \"$db\": \"d\"}");
}

static void a_negative_limit_is_a_single_batch(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_find(f, &(muv_find_opts_t){.limit = -7},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"limit\": {\"$numberLong\": \"7\"},"
               " \"singleBatch\": true, \"$db\": \"d\"}");
}

static void a_batch_as_large_as_the_limit_is_asked_for_with_one_more(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_find(f, &(muv_find_opts_t){.limit = 5, .batch_size = 5},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"limit\": {\"$numberLong\": \"5\"},"
               " \"batchSize\": 6, \"$db\": \"d\"}");
}

static void an_explicit_zero_is_an_empty_first_batch(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    check_find(f, &(muv_find_opts_t){.limit = MUV_ZERO, .batch_size = MUV_ZERO},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"batchSize\": 0, \"$db\": \"d\"}");
}

static void concern_and_preference_of_the_call_win(void **state)
{
    client_fixture_t *f = *state;

    mock_set_role(f->mock, 0, MOCK_MONGOS);
    open_client(f, "readConcernLevel=local&readPreference=nearest", NULL);
    check_find(f, NULL,
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"$db\": \"d\","
               " \"readConcern\": {\"level\": \"local\"},"
               " \"$readPreference\": {\"mode\": \"nearest\"}}");
    check_find(f,
               &(muv_find_opts_t){.read_concern = &(muv_read_concern_t){.level = "majority"},
                                  .read_preference = &(
                                      muv_read_preference_t){.mode = MUV_READ_SECONDARY_PREFERRED}},
               "{\"find\": \"c\", \"filter\": {\"a\": 1}, \"$db\": \"d\","
               " \"readConcern\": {\"level\": \"majority\"},"
               " \"$readPreference\": {\"mode\": \"secondaryPreferred\"}}");
}

static void find_one_sends_its_options(void **state)
{
    client_fixture_t *f = *state;
    bson_t *one = bson_from("{\"x\": 1}");
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_find(f, &o, 5,
               &(muv_find_one_opts_t){
                   .projection = one, .skip = 2, .hint = "a_1", .comment = one, .max_time_ms = 9});
    await_success(&o);
    assert_string_equal(o.text, "{ \"_id\" : 5 }");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "find", 0)),
                         "{\"find\": \"c\", \"filter\": {\"_id\": {\"$numberLong\": \"5\"}},"
                         " \"projection\": {\"x\": 1}, \"skip\": {\"$numberLong\": \"2\"},"
                         " \"limit\": {\"$numberLong\": \"1\"}, \"singleBatch\": true,"
                         " \"hint\": \"a_1\", \"comment\": 1,"
                         " \"$db\": \"d\", \"maxTimeMS\": {\"$numberLong\": \"9\"}}");
    outcome_clear(&o);
    bson_destroy(one);
}

static void check_refused(client_fixture_t *f, const muv_find_opts_t *opts, const char *why)
{
    reader_t r;

    open_reader(&r, f);
    CHECK_CODE(muv_collection_find(f->collection, NULL, opts, on_cursor, &r, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static void wrong_options_are_refused_by_name(void **state)
{
    client_fixture_t *f = *state;
    bson_t *two = bson_from("{\"a\": 1, \"b\": 2}");

    open_client(f, NULL, NULL);
    check_refused(f, &(muv_find_opts_t){.skip = -1}, "skip");
    check_refused(f, &(muv_find_opts_t){.limit = INT64_MIN}, "limit");
    check_refused(f, &(muv_find_opts_t){.batch_size = -1}, "batch_size");
    check_refused(f, &(muv_find_opts_t){.hint = "x", .hint_document = two}, "hint");
    check_refused(f, &(muv_find_opts_t){.comment = two}, "comment");
    check_refused(f, &(muv_find_opts_t){.max_time_ms = -1}, "max_time_ms");
    check_refused(f, &(muv_find_opts_t){.await_data = MUV_YES}, "await_data");
    check_refused(f, &(muv_find_opts_t){.max_await_time_ms = 5}, "max_await_time_ms");
    CHECK_CODE(muv_collection_find(f->collection, NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_collection_find(NULL, NULL, NULL, on_cursor, NULL, NULL), MUV_EINVAL);
    assert_int_equal(stats_of(f).operations_started, 0);
    bson_destroy(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_find_sends_nothing_but_the_filter, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(documents_and_sizes_are_sent, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(flags_are_sent_as_set, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_negative_limit_is_a_single_batch, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_batch_as_large_as_the_limit_is_asked_for_with_one_more,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_explicit_zero_is_an_empty_first_batch, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(concern_and_preference_of_the_call_win, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(find_one_sends_its_options, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(wrong_options_are_refused_by_name, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
