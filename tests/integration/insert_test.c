/* SPDX-License-Identifier: Apache-2.0 */
/* insert_one: what is sent, what replies become, what cannot be sent. */
#include "integration/write_fixture.h"

#include <string.h>

#include "support/alloc.h"

static void start_insert(client_fixture_t *f, written_t *w, const char *json,
                         const muv_insert_one_opts_t *opts)
{
    bson_t *document = bson_from(json);

    begin_write(f, w);
    end_write(f, muv_collection_insert_one(f->collection, document, opts, on_written, w, &w->op));
    bson_destroy(document);
}

static void a_document_is_sent_as_given(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_reply(f->mock, "insert", "{\"n\": 1, \"ok\": 1}");
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"a\": 1, \"_id\": \"x\"}", NULL);
    await_written(&w, "ok; inserted 1");
    assert_string_equal(w.ids, "{ \"v\" : \"x\" } ");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "insert", 0)),
                         "{\"insert\": \"c\", \"ordered\": true,"
                         " \"documents\": [{\"a\": 1, \"_id\": \"x\"}], \"$db\": \"d\"}");
    assert_int_equal(mock_request_of(f->mock, "insert", 0)->sequence_count, 0);
}

static void options_are_sent(void **state)
{
    client_fixture_t *f = *state;
    bson_t *comment = bson_from("{\"\": {\"trace\": 7}}");
    written_t w;

    mock_reply(f->mock, "insert", "{\"n\": 1, \"ok\": 1}");
    open_client(f, "w=2&journal=true", NULL);
    start_insert(f, &w, "{\"_id\": 1}",
                 &(muv_insert_one_opts_t){
                     .bypass_document_validation = MUV_YES,
                     .comment = comment,
                     .write_concern = &(muv_write_concern_t){.w_tag = "majority"},
                 });
    await_written(&w, "ok; inserted 1");
    CHECK_BSON_IDENTICAL(
        given(mock_request_of(f->mock, "insert", 0)),
        "{\"insert\": \"c\", \"ordered\": true, \"bypassDocumentValidation\": true,"
        " \"comment\": {\"trace\": 7}, \"documents\": [{\"_id\": 1}], \"$db\": \"d\","
        " \"writeConcern\": {\"w\": \"majority\"}}");
    bson_destroy(comment);
}

/* CRUD prose test 16. */
static void a_missing_id_becomes_the_first_field(void **state)
{
    client_fixture_t *f = *state;
    bson_iter_t iter;
    bson_iter_t item;
    written_t w;

    mock_reply(f->mock, "insert", "{\"n\": 1, \"ok\": 1}");
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"a\": 1}", NULL);
    await_written(&w, "ok; inserted 1");
    assert_true(bson_iter_init(&iter, mock_request_of(f->mock, "insert", 0)->body));
    assert_true(bson_iter_find_descendant(&iter, "documents.0._id", &item));
    assert_true(BSON_ITER_HOLDS_OID(&item));
    assert_int_equal(bson_oid_get_time_t(bson_iter_oid(&item)) / 100, time(NULL) / 100);
    assert_true(bson_iter_next(&item));
    assert_string_equal(bson_iter_key(&item), "a");
    CHECK_CONTAINS(w.ids, "$oid");
}

static void ids_are_new_each_time(void **state)
{
    client_fixture_t *f = *state;
    uint8_t one[12];
    uint8_t two[12];

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_client_object_id(f->client, one), 0);
    CHECK_CODE(muv_client_object_id(f->client, two), 0);
    assert_memory_equal(one + 4, two + 4, 5);
    assert_memory_not_equal(one, two, 12);
}

static void a_duplicate_key_is_a_write_error(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_reply(f->mock, "insert",
               "{\"n\": 0, \"ok\": 1, \"errorLabels\": [\"RetryableWriteError\"],"
               " \"writeErrors\": [{\"index\": 0, \"code\": 11000, \"errmsg\": \"dup\"}]}");
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_written(&w, "EWRITE 11000; [0] 11000 dup");
    assert_string_equal(w.error.message, "dup");
    assert_string_equal(w.error.code_name, "DuplicateKey");
    assert_string_equal(w.error.host, mock_address(f->mock, 0));
    assert_int_equal(w.error.labels, MUV_LABEL_RETRYABLE_WRITE);
    assert_int_equal(w.error.domain, MUV_DOMAIN_SERVER);
}

/* The document is there, but perhaps not for ever. */
static void a_failed_write_concern_is_an_error_with_the_result(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_reply(f->mock, "insert",
               "{\"n\": 1, \"ok\": 1, \"writeConcernError\": {\"code\": 64,"
               " \"codeName\": \"WriteConcernTimeout\", \"errmsg\": \"slow\"}}");
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_written(&w, "EWRITE 64 in doubt; inserted 1; concern 64 slow");
    assert_string_equal(w.error.code_name, "WriteConcernTimeout");
}

static void an_error_of_the_command_has_no_result(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_reply(f->mock, "insert",
               "{\"ok\": 0, \"code\": 13, \"codeName\": \"Unauthorized\", \"errmsg\": \"no\"}");
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_written(&w, "ESERVER 13; no result");
}

static void a_lost_connection_leaves_the_insert_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_script(f->mock, "insert", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    open_client(f, "retryWrites=false", NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_written(&w, "ENETWORK in doubt");
    assert_string_equal(w.ids, "{ \"v\" : 1 } ");
}

static void a_cancelled_insert_is_in_doubt_once_it_was_sent(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_script(f->mock, "insert", &(mock_step_t){.hold = true, .json = "{\"n\": 1, \"ok\": 1}"});
    open_client(f, NULL, NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_held(f, 1);
    f->starting = true;
    muv_op_cancel(w.op);
    f->starting = false;
    await_written(&w, "ECANCELED in doubt");
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    f->starting = true;
    muv_op_cancel(w.op);
    f->starting = false;
    await_written(&w, "ECANCELED; no result");
    (void)mock_release(f->mock, 1);
}

static bool insert_arrived(void *mock)
{
    return mock_request_count(mock, "insert") != 0;
}

static void an_unacknowledged_insert_ends_when_it_has_left(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    open_client(f, "w=0", NULL);
    start_insert(f, &w, "{\"_id\": 1}", NULL);
    await_written(&w, "ok; unacknowledged");
    run_until_true(&f->loop, insert_arrived, f->mock, WAIT_MS);
    assert_int_equal(mock_request_of(f->mock, "insert", 0)->flags, MOCK_FLAG_MORE_TO_COME);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "insert", 0)),
                         "{\"insert\": \"c\", \"ordered\": true,"
                         " \"documents\": [{\"_id\": 1}], \"$db\": \"d\","
                         " \"writeConcern\": {\"w\": 0}}");
}

static void nonsense_in_a_reply_is_a_protocol_error(void **state)
{
    static const char *const replies[] = {
        "{\"ok\": 1}",
        "{\"ok\": 1, \"n\": \"1\"}",
        "{\"ok\": 1, \"n\": -1}",
        "{\"ok\": 1, \"n\": 2}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [7]}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"code\": 1}]}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 1, \"code\": 1}]}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": -1, \"code\": 1}]}",
        "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0}, {\"index\": 0}]}",
    };
    client_fixture_t *f = *state;
    written_t w;

    open_client(f, NULL, NULL);
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        mock_reply(f->mock, "insert", replies[i]);
        start_insert(f, &w, "{\"_id\": 1}", NULL);
        run_until(&f->loop, &w.done, WAIT_MS);
        CHECK_ERROR(&w.error, MUV_EPROTOCOL);
        assert_int_equal(w.error.in_doubt, 1);
    }
}

static void refused(client_fixture_t *f, const bson_t *document, const muv_insert_one_opts_t *opts,
                    const char *why)
{
    CHECK_CODE(muv_collection_insert_one(f->collection, document, opts, on_written, NULL, NULL),
               MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static void wrong_arguments_are_refused(void **state)
{
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");
    bson_t *two = bson_from("{\"a\": 1, \"b\": 2}");

    open_client(f, NULL, NULL);
    refused(f, NULL, NULL, "document");
    refused(f, document, &(muv_insert_one_opts_t){.comment = two}, "comment");
    refused(f, document, &(muv_insert_one_opts_t){.write_concern = &(muv_write_concern_t){.w = -1}},
            "write_concern");
    assert_int_equal(stats_of(f).operations_live, 0);
    bson_destroy(document);
    bson_destroy(two);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void insert_once(void *data)
{
    client_fixture_t f = {0};
    muv_error_t error;
    bson_t *document = bson_from("{\"a\": 1}");
    written_t w;
    int status;

    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.mock = mock_new(&f.loop);
    mock_reply(f.mock, "insert", data);
    status =
        muv_client_new(&f.loop, mock_uri(f.mock, "retryWrites=false&serverSelectionTimeoutMS=200"),
                       NULL, &error, &f.client);
    if (status == 0) {
        status = muv_collection_new(f.client, "d", "c", NULL, &f.collection);
    }
    begin_write(&f, &w);
    if (status == 0) {
        status = muv_collection_insert_one(f.collection, document, NULL, on_written, &w, NULL);
    }
    f.starting = false;
    if (status == 0) {
        run_until(&f.loop, &w.done, WAIT_MS);
    }
    assert_true(alloc_has_failed() || (status == 0 && w.error.code == 0));
    if (f.client != NULL) {
        close_client(&f, MUV_CLOSE_ABORT);
    }
    mock_close(f.mock);
    close_loop(&f.loop);
    bson_destroy(document);
}

static void each_allocation_may_fail(void **state)
{
    char reply[] = "{\"n\": 1, \"ok\": 1}";

    (void)state;
    assert_true(alloc_sweep(insert_once, reply) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_document_is_sent_as_given),
        CASE(options_are_sent),
        CASE(a_missing_id_becomes_the_first_field),
        CASE(ids_are_new_each_time),
        CASE(a_duplicate_key_is_a_write_error),
        CASE(a_failed_write_concern_is_an_error_with_the_result),
        CASE(an_error_of_the_command_has_no_result),
        CASE(a_lost_connection_leaves_the_insert_in_doubt),
        CASE(a_cancelled_insert_is_in_doubt_once_it_was_sent),
        CASE(an_unacknowledged_insert_ends_when_it_has_left),
        CASE(nonsense_in_a_reply_is_a_protocol_error),
        CASE(wrong_arguments_are_refused),
        cmocka_unit_test_teardown(each_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
