/* SPDX-License-Identifier: Apache-2.0 */
/* findAndModify: exact commands, documents, failures. */
#include "integration/client_fixture.h"

typedef struct found {
    client_fixture_t *f;
    bool done;
    muv_error_t error;
    char *text; /* The document; NULL: none. */
} found_t;

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    found_t *found = data;

    (void)op;
    assert_false(found->f->starting);
    assert_false(found->done);
    if (error != NULL) {
        found->error = *error;
    }
    found->text = document == NULL ? NULL : bson_as_relaxed_extended_json(document, NULL);
    found->done = true;
}

static void await_found(found_t *found, int code, const char *text)
{
    run_until(&found->f->loop, &found->done, WAIT_MS);
    CHECK_ERROR(&found->error, code);
    if (text == NULL) {
        assert_null(found->text);
    } else {
        assert_non_null(found->text);
        assert_string_equal(found->text, text);
    }
    bson_free(found->text);
}

static void update_one(client_fixture_t *f, found_t *found, const muv_find_and_modify_opts_t *opts)
{
    bson_t *filter = bson_from("{\"a\": 1}");
    bson_t *update = bson_from("{\"$set\": {\"b\": 2}}");

    *found = (found_t){.f = f};
    f->starting = true;
    CHECK_CODE(muv_collection_find_one_and_update(f->collection, filter, update, opts, on_found,
                                                  found, NULL),
               0);
    f->starting = false;
    bson_destroy(filter);
    bson_destroy(update);
}

static void an_update_gives_the_document(void **state)
{
    client_fixture_t *f = *state;
    found_t found;

    mock_reply(f->mock, "findAndModify", "{\"ok\": 1, \"value\": {\"_id\": 1, \"a\": 1}}");
    open_client(f, NULL, NULL);
    update_one(f, &found, NULL);
    await_found(&found, 0, "{ \"_id\" : 1, \"a\" : 1 }");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "findAndModify", 0)),
                         "{\"findAndModify\": \"c\", \"query\": {\"a\": 1},"
                         " \"update\": {\"$set\": {\"b\": 2}}, \"$db\": \"d\"}");
}

static void all_options_are_sent(void **state)
{
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"x\": 1}");
    bson_t *array = bson_from("{\"0\": 1}");
    found_t found;

    mock_reply(f->mock, "findAndModify", "{\"ok\": 1, \"value\": null}");
    open_client(f, NULL, NULL);
    update_one(f, &found,
               &(muv_find_and_modify_opts_t){
                   .projection = document,
                   .sort = document,
                   .upsert = MUV_YES,
                   .return_document = MUV_RETURN_AFTER,
                   .bypass_document_validation = MUV_YES,
                   .array_filters = array,
                   .hint_document = document,
                   .collation = document,
                   .let = document,
                   .comment = document,
                   .max_time_ms = 77,
                   .write_concern = &(muv_write_concern_t){.w_tag = "majority"},
               });
    await_found(&found, 0, NULL);
    CHECK_BSON_EQUAL(
        given(mock_request_of(f->mock, "findAndModify", 0)),
        "{\"findAndModify\": \"c\", \"query\": {\"a\": 1}, \"update\": {\"$set\": {\"b\": 2}},"
        " \"new\": true, \"upsert\": true, \"bypassDocumentValidation\": true,"
        " \"arrayFilters\": [1], \"fields\": {\"x\": 1}, \"sort\": {\"x\": 1},"
        " \"hint\": {\"x\": 1}, \"collation\": {\"x\": 1}, \"let\": {\"x\": 1}, \"comment\": 1,"
        " \"$db\": \"d\", \"writeConcern\": {\"w\": \"majority\"}, \"maxTimeMS\": 77}");
    bson_destroy(array);
    bson_destroy(document);
}

static void a_replacement_and_a_delete_are_sent(void **state)
{
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"x\": 1}");
    found_t found = {.f = f};

    mock_reply(f->mock, "findAndModify", "{\"ok\": 1, \"value\": null}");
    mock_reply(f->mock, "findAndModify", "{\"ok\": 1, \"value\": {\"_id\": 2}}");
    open_client(f, NULL, NULL);
    CHECK_CODE(muv_collection_find_one_and_replace(f->collection, NULL, document, NULL, on_found,
                                                   &found, NULL),
               0);
    await_found(&found, 0, NULL);
    found = (found_t){.f = f};
    CHECK_CODE(muv_collection_find_one_and_delete(f->collection, document,
                                                  &(muv_find_and_modify_opts_t){.sort = document},
                                                  on_found, &found, NULL),
               0);
    await_found(&found, 0, "{ \"_id\" : 2 }");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "findAndModify", 0)),
                         "{\"findAndModify\": \"c\", \"query\": {}, \"update\": {\"x\": 1},"
                         " \"$db\": \"d\"}");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "findAndModify", 1)),
                         "{\"findAndModify\": \"c\", \"query\": {\"x\": 1}, \"remove\": true,"
                         " \"sort\": {\"x\": 1}, \"$db\": \"d\"}");
    bson_destroy(document);
}

static void failures_come_as_errors(void **state)
{
    client_fixture_t *f = *state;
    found_t found;

    open_client(f, "retryWrites=false", NULL);
    mock_reply(f->mock, "findAndModify", "{\"ok\": 0, \"code\": 11000, \"errmsg\": \"dup\"}");
    update_one(f, &found, NULL);
    await_found(&found, MUV_ESERVER, NULL);
    assert_int_equal(found.error.server_code, 11000);
    mock_reply(f->mock, "findAndModify",
               "{\"ok\": 1, \"value\": {\"a\": 1}, \"writeConcernError\": {\"code\": 64,"
               " \"codeName\": \"WriteConcernTimeout\", \"errmsg\": \"slow\"}}");
    update_one(f, &found, NULL);
    await_found(&found, MUV_EWRITE, "{ \"a\" : 1 }");
    assert_int_equal(found.error.in_doubt, 1);
    assert_string_equal(found.error.code_name, "WriteConcernTimeout");
    mock_script(f->mock, "findAndModify", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    update_one(f, &found, NULL);
    await_found(&found, MUV_ENETWORK, NULL);
    assert_int_equal(found.error.in_doubt, 1);
}

static void an_unacknowledged_one_has_no_document(void **state)
{
    client_fixture_t *f = *state;
    found_t found;

    open_client(f, "w=0", NULL);
    update_one(f, &found, NULL);
    await_found(&found, 0, NULL);
}

static void refused(client_fixture_t *f, int status, const char *why)
{
    CHECK_CODE(status, MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static void wrong_arguments_are_refused(void **state)
{
    client_fixture_t *f = *state;
    bson_t *plain = bson_from("{\"x\": 1}");
    bson_t *set = bson_from("{\"$set\": {\"x\": 1}}");
    muv_collection_t *c;

    open_client(f, NULL, NULL);
    c = f->collection;
    refused(f, muv_collection_find_one_and_update(c, NULL, plain, NULL, on_found, NULL, NULL),
            "operators");
    refused(f, muv_collection_find_one_and_update(c, NULL, set, NULL, NULL, NULL, NULL), "cb");
    refused(f, muv_collection_find_one_and_replace(c, NULL, set, NULL, on_found, NULL, NULL), "$");
    refused(f, muv_collection_find_one_and_delete(c, NULL, NULL, on_found, NULL, NULL), "filter");
    refused(f,
            muv_collection_find_one_and_delete(
                c, plain, &(muv_find_and_modify_opts_t){.upsert = MUV_YES}, on_found, NULL, NULL),
            "upsert");
    refused(f,
            muv_collection_find_one_and_update(c, plain, set,
                                               &(muv_find_and_modify_opts_t){.max_time_ms = -1},
                                               on_found, NULL, NULL),
            "max_time_ms");
    bson_destroy(plain);
    bson_destroy(set);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_update_gives_the_document),          CASE(all_options_are_sent),
        CASE(a_replacement_and_a_delete_are_sent),   CASE(failures_come_as_errors),
        CASE(an_unacknowledged_one_has_no_document), CASE(wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
