/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes and the end of a collection: exact commands, names, failures. */
#include "integration/client_fixture.h"

#include <string.h>

typedef struct answer {
    client_fixture_t *f;
    bool done;
    muv_error_t error;
    char *text; /* The reply; NULL: none. */
} answer_t;

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    answer_t *answer = data;
    bson_t view;

    (void)op;
    assert_false(answer->f->starting);
    assert_false(answer->done);
    if (error != NULL) {
        answer->error = *error;
    }
    if (reply != NULL) {
        muv_reply_bson(reply, &view);
        answer->text = bson_as_relaxed_extended_json(&view, NULL);
    }
    answer->done = true;
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    on_reply(op, error, NULL, data);
}

static void await_answer(answer_t *answer, int code)
{
    run_until(&answer->f->loop, &answer->done, WAIT_MS);
    CHECK_ERROR(&answer->error, code);
    bson_free(answer->text);
    *answer = (answer_t){.f = answer->f};
}

/* --- names -------------------------------------------------------------------------------------*/

static void check_name(const char *keys, const char *name)
{
    bson_t *document = bson_from(keys);
    char text[32];
    int status = muv_index_name(document, text, sizeof(text));

    CHECK_CODE(status, name == NULL ? MUV_EINVAL : 0);
    if (name != NULL) {
        assert_string_equal(text, name);
    }
    bson_destroy(document);
}

static void names_are_made_of_keys_and_directions(void **state)
{
    (void)state;
    check_name("{\"a\": 1}", "a_1");
    check_name("{\"a\": 1, \"b.c\": -1, \"d\": \"2dsphere\"}", "a_1_b.c_-1_d_2dsphere");
    check_name("{\"a\": {\"$numberLong\": \"-1\"}, \"b\": 1.0}", "a_-1_b_1");
    check_name("{}", NULL);
    check_name("{\"a\": true}", NULL);
    check_name("{\"a\": {\"b\": 1}}", NULL);
    check_name("{\"abcdefghijklmnopqrstuvwxyz0123\": 1}", NULL);
    check_name("{\"abcdefghijklmnopqrstuvwxyz012\": 1}", "abcdefghijklmnopqrstuvwxyz012_1");
}

/* --- create ------------------------------------------------------------------------------------*/

static void all_indexes_go_into_one_command(void **state)
{
    client_fixture_t *f = *state;
    bson_t *a = bson_from("{\"a\": 1}");
    bson_t *b = bson_from("{\"b\": -1}");
    bson_t *more = bson_from("{\"version\": 3}");
    bson_t *quorum = bson_from("{\"\": \"majority\"}");
    muv_index_model_t indexes[] = {
        {.keys = a, .unique = MUV_YES, .expire_after_seconds = MUV_ZERO},
        {b, "mine", MUV_UNSET, MUV_NO, MUV_YES, 60, a, b, more},
    };
    muv_create_indexes_opts_t opts = {.commit_quorum = quorum, .comment = quorum, .max_time_ms = 5};
    answer_t answer = {.f = f};

    mock_reply(f->mock, "createIndexes", "{\"ok\": 1, \"numIndexesAfter\": 3}");
    open_client(f, "w=2", NULL);
    CHECK_CODE(
        muv_collection_create_indexes(f->collection, indexes, 2, &opts, on_reply, &answer, NULL),
        0);
    await_answer(&answer, 0);
    CHECK_BSON_EQUAL(
        given(mock_request_of(f->mock, "createIndexes", 0)),
        "{\"createIndexes\": \"c\", \"indexes\": ["
        "{\"key\": {\"a\": 1}, \"name\": \"a_1\", \"unique\": true, \"expireAfterSeconds\": 0},"
        "{\"key\": {\"b\": -1}, \"name\": \"mine\", \"sparse\": false, \"hidden\": true,"
        " \"expireAfterSeconds\": 60, \"partialFilterExpression\": {\"a\": 1},"
        " \"collation\": {\"b\": -1}, \"version\": 3}],"
        " \"commitQuorum\": \"majority\", \"comment\": \"majority\","
        " \"$db\": \"d\", \"writeConcern\": {\"w\": 2}, \"maxTimeMS\": 5}");
    bson_destroy(a);
    bson_destroy(b);
    bson_destroy(more);
    bson_destroy(quorum);
}

static void commit_quorum_needs_a_server_that_knows_it(void **state)
{
    client_fixture_t *f = *state;
    bson_t *keys = bson_from("{\"a\": 1}");
    bson_t *quorum = bson_from("{\"\": 1}");
    muv_index_model_t index = {.keys = keys};
    answer_t answer = {.f = f};

    mock_set_hello(f->mock, 0, "{\"maxWireVersion\": 8}");
    open_client(f, NULL, NULL);
    CHECK_CODE(muv_collection_create_indexes(f->collection, &index, 1,
                                             &(muv_create_indexes_opts_t){.commit_quorum = quorum},
                                             on_reply, &answer, NULL),
               0);
    await_answer(&answer, MUV_ECOMPAT);
    assert_int_equal(mock_request_count(f->mock, "createIndexes"), 0);
    bson_destroy(keys);
    bson_destroy(quorum);
}

/* --- drop and list -----------------------------------------------------------------------------*/

static void an_index_is_dropped_by_name(void **state)
{
    client_fixture_t *f = *state;
    answer_t answer = {.f = f};

    open_client(f, NULL, NULL);
    mock_reply(f->mock, "dropIndexes", "{\"ok\": 1}");
    CHECK_CODE(muv_collection_drop_index(f->collection, "a_1", NULL, on_reply, &answer, NULL), 0);
    await_answer(&answer, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "dropIndexes", 0)),
                         "{\"dropIndexes\": \"c\", \"index\": \"a_1\", \"$db\": \"d\"}");
    mock_reply(f->mock, "dropIndexes", "{\"ok\": 0, \"code\": 27, \"errmsg\": \"no such index\"}");
    CHECK_CODE(muv_collection_drop_index(f->collection, "b_1", NULL, on_reply, &answer, NULL), 0);
    await_answer(&answer, MUV_ESERVER);
}

static void indexes_are_listed(void **state)
{
    client_fixture_t *f = *state;
    answer_t answer = {.f = f};

    open_client(f, NULL, NULL);
    mock_reply(f->mock, "listIndexes",
               "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.c\","
               " \"firstBatch\": [{\"name\": \"_id_\"}]}}");
    CHECK_CODE(muv_collection_list_indexes(f->collection, NULL, on_reply, &answer, NULL), 0);
    run_until(&f->loop, &answer.done, WAIT_MS);
    CHECK_CONTAINS(answer.text, "_id_");
    await_answer(&answer, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "listIndexes", 0)),
                         "{\"listIndexes\": \"c\", \"cursor\": {}, \"$db\": \"d\"}");
    mock_reply(f->mock, "listIndexes", "{\"ok\": 0, \"code\": 26, \"errmsg\": \"none\"}");
    CHECK_CODE(muv_collection_list_indexes(f->collection, NULL, on_reply, &answer, NULL), 0);
    run_until(&f->loop, &answer.done, WAIT_MS);
    assert_null(answer.text);
    await_answer(&answer, 0);
    mock_reply(f->mock, "listIndexes", "{\"ok\": 1}");
    CHECK_CODE(muv_collection_list_indexes(f->collection, NULL, on_reply, &answer, NULL), 0);
    await_answer(&answer, MUV_EPROTOCOL);
}

static void a_collection_is_dropped(void **state)
{
    static const struct {
        const char *reply;
        int code;
    } cases[] = {
        {"{\"ok\": 1}", 0},
        {"{\"ok\": 0, \"code\": 26, \"errmsg\": \"ns not found\"}", 0},
        {"{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}", MUV_ESERVER},
        {"{\"ok\": 1, \"writeConcernError\": {\"code\": 64, \"errmsg\": \"slow\"}}", MUV_EWRITE},
    };
    client_fixture_t *f = *state;
    answer_t answer = {.f = f};

    open_client(f, "w=majority", NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mock_reply(f->mock, "drop", cases[i].reply);
        CHECK_CODE(muv_collection_drop(f->collection, NULL, on_done, &answer, NULL), 0);
        await_answer(&answer, cases[i].code);
    }
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "drop", 0)),
                         "{\"drop\": \"c\", \"$db\": \"d\","
                         " \"writeConcern\": {\"w\": \"majority\"}}");
}

static void refused(client_fixture_t *f, int status, const char *why)
{
    CHECK_CODE(status, MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static void wrong_arguments_are_refused(void **state)
{
    client_fixture_t *f = *state;
    bson_t *keys = bson_from("{\"a\": true}");
    bson_t *right = bson_from("{\"a\": 1}");
    muv_index_model_t bad = {.keys = keys};
    muv_index_model_t negative = {.keys = right, .expire_after_seconds = -1};
    muv_index_model_t none = {.name = "x"};
    muv_collection_t *c;

    open_client(f, NULL, NULL);
    c = f->collection;
    refused(f, muv_collection_create_indexes(c, &bad, 1, NULL, NULL, NULL, NULL), "indexes");
    refused(f, muv_collection_create_indexes(c, &negative, 1, NULL, NULL, NULL, NULL), "expire");
    refused(f, muv_collection_create_indexes(c, &none, 1, NULL, NULL, NULL, NULL), "keys");
    refused(f, muv_collection_create_indexes(c, &bad, 0, NULL, NULL, NULL, NULL), "none");
    refused(f, muv_collection_drop_index(c, "*", NULL, NULL, NULL, NULL), "*");
    refused(f, muv_collection_drop_index(c, "", NULL, NULL, NULL, NULL), "name");
    refused(f, muv_collection_list_indexes(c, NULL, NULL, NULL, NULL), "cb");
    refused(f, muv_collection_drop(c, &(muv_ddl_opts_t){.max_time_ms = 1}, NULL, NULL, NULL),
            "max_time_ms");
    assert_int_equal(stats_of(f).operations_live, 0);
    bson_destroy(keys);
    bson_destroy(right);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_made_of_keys_and_directions),
        CASE(all_indexes_go_into_one_command),
        CASE(commit_quorum_needs_a_server_that_knows_it),
        CASE(an_index_is_dropped_by_name),
        CASE(indexes_are_listed),
        CASE(a_collection_is_dropped),
        CASE(wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
