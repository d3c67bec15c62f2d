/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregate, distinct and counts: what is sent, what replies become. */
#include "integration/cursor_fixture.h"

static void check_aggregate(client_fixture_t *f, const char *pipeline,
                            const muv_aggregate_opts_t *opts, const char *json)
{
    bson_t *stages = bson_from(pipeline);
    reader_t r;

    open_reader(&r, f);
    begin_call(&r);
    CHECK_CODE(muv_collection_aggregate(f->collection, stages, opts, on_cursor, &r, &r.op), 0);
    end_call(&r);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "aggregate", -1)), json);
    bson_destroy(stages);
    close_reader(&r);
}

static void options_of_aggregate_are_sent(void **state)
{
    client_fixture_t *f = *state;
    bson_t *one = bson_from("{\"x\": 1}");

    open_client(f, "readConcernLevel=majority&w=2", NULL);
    check_aggregate(f, "[{\"$match\": {}}]",
                    &(muv_aggregate_opts_t){.batch_size = 4,
                                            .allow_disk_use = MUV_YES,
                                            .bypass_document_validation = MUV_NO,
                                            .hint = "a_1",
                                            .comment = one,
                                            .collation = one,
                                            .let = one,
                                            .max_time_ms = 8},
                    "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}],"
                    " \"cursor\": {\"batchSize\": 4}, \"hint\": \"a_1\", \"comment\": 1,"
                    " \"collation\": {\"x\": 1}, \"let\": {\"x\": 1},"
                    " \"allowDiskUse\": true,"
                    " \"bypassDocumentValidation\": false, \"$db\": \"d\","
                    " \"readConcern\": {\"level\": \"majority\"},"
                    " \"maxTimeMS\": {\"$numberLong\": \"8\"}}");
    check_aggregate(f, "[]", &(muv_aggregate_opts_t){.batch_size = MUV_ZERO},
                    "{\"aggregate\": \"c\", \"pipeline\": [], \"cursor\": {\"batchSize\": 0},"
                    " \"$db\": \"d\", \"readConcern\": {\"level\": \"majority\"}}");
    bson_destroy(one);
}

static void a_pipeline_that_writes_has_a_write_concern_and_no_empty_batch(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "w=2", NULL);
    check_aggregate(f, "[{\"$match\": {}}, {\"$out\": \"x\"}]",
                    &(muv_aggregate_opts_t){.batch_size = MUV_ZERO},
                    "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {}}, {\"$out\": \"x\"}],"
                    " \"cursor\": {}, \"$db\": \"d\", \"writeConcern\": {\"w\": 2}}");
    check_aggregate(
        f, "[{\"$merge\": \"x\"}]",
        &(muv_aggregate_opts_t){.batch_size = 3, .write_concern = &(muv_write_concern_t){.w = 1}},
        "{\"aggregate\": \"c\", \"pipeline\": [{\"$merge\": \"x\"}],"
        " \"cursor\": {\"batchSize\": 3}, \"$db\": \"d\", \"writeConcern\": {\"w\": 1}}");
}

/* Secondaries write the output since wire version 13. */
static void check_output_server(client_fixture_t *f, int32_t wire_version, int member)
{
    muv_mock_t *mock = mock_new_replica_set(&f->loop, "rs", 2);
    bson_t *stages = bson_from("[{\"$out\": \"x\"}]");
    reader_t r;

    mock_set_hello(mock, 1, text_of("{\"maxWireVersion\": %d}", (int)wire_version));
    open_client_at(f, mock_uri(mock, "readPreference=secondary"), NULL);
    /* Both members are known when a ping has gone to each. */
    for (int mode = MUV_READ_PRIMARY; mode <= MUV_READ_SECONDARY; mode += 2) {
        outcome_t o = {0};

        start_command(f, &o, "{\"ping\": 1}",
                      &(muv_run_command_opts_t){
                          .read_preference = &(muv_read_preference_t){.mode = (int8_t)mode}});
        await_success(&o);
        outcome_clear(&o);
    }
    open_reader(&r, f);
    CHECK_CODE(muv_collection_aggregate(f->collection, stages, NULL, on_cursor, &r, &r.op), 0);
    await_reader(&r, 0);
    assert_int_equal(mock_request_of(mock, "aggregate", 0)->member, member);
    assert_int_equal(bson_has_field(mock_request_of(mock, "aggregate", 0)->body, "$readPreference"),
                     member == 1);
    close_reader(&r);
    close_client(f, MUV_CLOSE_DRAIN);
    mock_close(mock);
    bson_destroy(stages);
}

static void output_goes_to_a_secondary_only_when_all_can(void **state)
{
    check_output_server(*state, 13, 1);
    check_output_server(*state, 12, 0);
}

static void a_wrong_pipeline_is_refused(void **state)
{
    client_fixture_t *f = *state;
    bson_t *stages = bson_from("[{\"$match\": {}}, 3]");

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_collection_aggregate(f->collection, stages, NULL, on_cursor, NULL, NULL),
               MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "pipeline");
    bson_destroy(stages);
}

static void distinct_gives_the_values_and_they_can_be_kept(void **state)
{
    client_fixture_t *f = *state;
    bson_t *filter = bson_from("{\"b\": 2}");
    reader_t r;

    mock_reply(f->mock, "distinct", "{\"values\": [1, \"x\", null], \"ok\": 1}");
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    begin_call(&r);
    CHECK_CODE(
        muv_collection_distinct(f->collection, "a.b", filter,
                                &(muv_distinct_opts_t){.hint_document = filter, .max_time_ms = 3},
                                on_values, &r, NULL),
        0);
    end_call(&r);
    await_reader(&r, 0);
    assert_string_equal(r.text, "{ \"0\" : 1, \"1\" : \"x\", \"2\" : null }");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "distinct", 0)),
                         "{\"distinct\": \"c\", \"key\": \"a.b\", \"query\": {\"b\": 2},"
                         " \"hint\": {\"b\": 2}, \"$db\": \"d\","
                         " \"maxTimeMS\": {\"$numberLong\": \"3\"}}");
    bson_destroy(filter);
    close_reader(&r);
}

static void start_distinct(client_fixture_t *f, reader_t *r, const char *json)
{
    mock_reply(f->mock, "distinct", json);
    open_reader(r, f);
    begin_call(r);
    CHECK_CODE(muv_collection_distinct(f->collection, "a", NULL, NULL, on_values, r, NULL), 0);
    end_call(r);
}

static void distinct_without_values_is_a_protocol_error(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    open_client(f, NULL, NULL);
    start_distinct(f, &r, "{\"ok\": 1}");
    await_reader(&r, MUV_EPROTOCOL);
    start_distinct(f, &r, "{\"values\": {\"0\": 1}, \"ok\": 1}");
    await_reader(&r, MUV_EPROTOCOL);
    start_distinct(f, &r, "{\"ok\": 0, \"code\": 5, \"errmsg\": \"no\"}");
    await_reader(&r, MUV_ESERVER);
    CHECK_CODE(muv_collection_distinct(f->collection, "", NULL, NULL, on_values, &r, NULL),
               MUV_EINVAL);
}

static void start_count(client_fixture_t *f, reader_t *r, const muv_count_opts_t *opts)
{
    bson_t *filter = bson_from("{\"a\": 1}");

    open_reader(r, f);
    begin_call(r);
    CHECK_CODE(muv_collection_count_documents(f->collection, filter, opts, on_counted, r, &r->op),
               0);
    end_call(r);
    bson_destroy(filter);
}

static void documents_are_counted_by_a_pipeline(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    mock_reply(f->mock, "aggregate",
               "{\"cursor\": {\"id\": 0, \"ns\": \"d.c\", \"firstBatch\": [{\"_id\": 1, \"n\":"
               " {\"$numberLong\": \"5000000000\"}}]}, \"ok\": 1}");
    open_client(f, NULL, NULL);
    start_count(f, &r, &(muv_count_opts_t){.skip = 2, .limit = 9, .hint = "a_1"});
    await_reader(&r, 0);
    assert_true(r.count == INT64_C(5000000000));
    CHECK_BSON_IDENTICAL(
        given(mock_request_of(f->mock, "aggregate", 0)),
        "{\"aggregate\": \"c\", \"pipeline\": [{\"$match\": {\"a\": 1}},"
        " {\"$skip\": {\"$numberLong\": \"2\"}}, {\"$limit\": {\"$numberLong\": \"9\"}},"
        " {\"$group\": {\"_id\": 1, \"n\": {\"$sum\": 1}}}], \"cursor\": {}, \"hint\": \"a_1\","
        " \"$db\": \"d\"}");
}

static void no_document_counts_as_zero(void **state)
{
    client_fixture_t *f = *state;
    reader_t r;

    open_client(f, NULL, NULL);
    start_count(f, &r, NULL);
    await_reader(&r, 0);
    assert_int_equal(r.count, 0);
    mock_reply(f->mock, "aggregate",
               "{\"cursor\": {\"id\": 0, \"ns\": \"d.c\", \"firstBatch\": [{\"n\": \"x\"}]},"
               " \"ok\": 1}");
    start_count(f, &r, NULL);
    await_reader(&r, MUV_EPROTOCOL);
    mock_reply(f->mock, "aggregate", "{\"ok\": 1}");
    start_count(f, &r, NULL);
    await_reader(&r, MUV_EPROTOCOL);
}

static void the_estimate_is_the_count_command_without_a_query(void **state)
{
    client_fixture_t *f = *state;
    bson_t *comment = bson_from("{\"\": \"why\"}");
    reader_t r;

    mock_reply(f->mock, "count", "{\"n\": 42, \"ok\": 1}");
    mock_reply(f->mock, "count", "{\"ok\": 1}");
    open_client(f, NULL, NULL);
    open_reader(&r, f);
    CHECK_CODE(muv_collection_estimated_document_count(
                   f->collection,
                   &(muv_estimated_count_opts_t){.comment = comment, .max_time_ms = 7}, on_counted,
                   &r, NULL),
               0);
    await_reader(&r, 0);
    assert_int_equal(r.count, 42);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "count", 0)),
                         "{\"count\": \"c\", \"comment\": \"why\","
                         " \"$db\": \"d\", \"maxTimeMS\": {\"$numberLong\": \"7\"}}");
    begin_call(&r);
    CHECK_CODE(muv_collection_estimated_document_count(f->collection, NULL, on_counted, &r, NULL),
               0);
    end_call(&r);
    await_reader(&r, MUV_EPROTOCOL);
    bson_destroy(comment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_of_aggregate_are_sent, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(
            a_pipeline_that_writes_has_a_write_concern_and_no_empty_batch, open_fixture,
            close_fixture),
        cmocka_unit_test_setup_teardown(output_goes_to_a_secondary_only_when_all_can,
                                        open_fixture_without_mock, close_fixture),
        cmocka_unit_test_setup_teardown(a_wrong_pipeline_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(distinct_gives_the_values_and_they_can_be_kept,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(distinct_without_values_is_a_protocol_error, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(documents_are_counted_by_a_pipeline, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(no_document_counts_as_zero, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_estimate_is_the_count_command_without_a_query,
                                        open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
