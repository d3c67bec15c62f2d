/* SPDX-License-Identifier: Apache-2.0 */
/* Updates, replacements and deletes: exact commands, results, refusals. */
#include "integration/write_fixture.h"

#include <string.h>

/* A document of a test, which destroys it. */
#define DOC(name, json) bson_t *name = bson_from(json)

static const mock_request_t *last(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1);
}

/* A client of a server that will say it changed one document. */
static void open_answered(client_fixture_t *f, written_t *w)
{
    mock_reply(f->mock, "update", "{\"ok\": 1, \"n\": 1, \"nModified\": 1}");
    open_client(f, NULL, NULL);
    begin_write(f, w);
}

static void update_one_sends_one_statement(void **state)
{
    client_fixture_t *f = *state;
    DOC(filter, "{\"a\": 1}");
    DOC(update, "{\"$set\": {\"b\": 2}}");
    written_t w;

    mock_reply(f->mock, "update", "{\"ok\": 1, \"n\": 1, \"nModified\": 0}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(
        f, muv_collection_update_one(f->collection, filter, update, NULL, on_written, &w, &w.op));
    bson_destroy(filter);
    bson_destroy(update);
    await_written(&w, "ok; matched 1");
    CHECK_BSON_IDENTICAL(given(last(f, "update")),
                         "{\"update\": \"c\", \"ordered\": true, \"updates\":"
                         " [{\"q\": {\"a\": 1}, \"u\": {\"$set\": {\"b\": 2}}}], \"$db\": \"d\"}");
}

static void all_options_of_an_update_are_sent(void **state)
{
    client_fixture_t *f = *state;
    DOC(update, "{\"$set\": {\"a.$[x]\": 2}}");
    DOC(filters, "{\"0\": {\"x\": 1}}");
    DOC(collation, "{\"locale\": \"de\"}");
    DOC(let, "{\"v\": 1}");
    DOC(sort, "{\"a\": -1}");
    DOC(comment, "{\"\": 5}");
    written_t w;

    open_answered(f, &w);
    end_write(f, muv_collection_update_one(f->collection, NULL, update,
                                           &(muv_update_opts_t){
                                               .upsert = MUV_NO,
                                               .bypass_document_validation = MUV_YES,
                                               .array_filters = filters,
                                               .hint = "a_1",
                                               .collation = collation,
                                               .let = let,
                                               .sort = sort,
                                               .comment = comment,
                                               .write_concern = &(muv_write_concern_t){.w = 3},
                                           },
                                           on_written, &w, NULL));
    await_written(&w, "ok; matched 1; modified 1");
    CHECK_BSON_IDENTICAL(
        given(last(f, "update")),
        "{\"update\": \"c\", \"ordered\": true, \"bypassDocumentValidation\": true,"
        " \"let\": {\"v\": 1}, \"comment\": 5, \"updates\": [{\"q\": {},"
        " \"u\": {\"$set\": {\"a.$[x]\": 2}}, \"upsert\": false, \"arrayFilters\": [{\"x\": 1}],"
        " \"sort\": {\"a\": -1}, \"collation\": {\"locale\": \"de\"}, \"hint\": \"a_1\"}],"
        " \"$db\": \"d\", \"writeConcern\": {\"w\": 3}}");
    bson_destroy(update);
    bson_destroy(filters);
    bson_destroy(collation);
    bson_destroy(let);
    bson_destroy(sort);
    bson_destroy(comment);
}

static void update_many_takes_a_pipeline(void **state)
{
    client_fixture_t *f = *state;
    DOC(pipeline, "{\"0\": {\"$set\": {\"a\": 1}}, \"1\": {\"$unset\": \"b\"}}");
    DOC(hint, "{\"a\": 1}");
    written_t w;

    mock_reply(f->mock, "update", "{\"ok\": 1, \"n\": 5, \"nModified\": 4}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f, muv_collection_update_many(f->collection, NULL, pipeline,
                                            &(muv_update_opts_t){.hint_document = hint}, on_written,
                                            &w, NULL));
    await_written(&w, "ok; matched 5; modified 4");
    CHECK_BSON_IDENTICAL(given(last(f, "update")),
                         "{\"update\": \"c\", \"ordered\": true, \"updates\": [{\"q\": {},"
                         " \"u\": [{\"$set\": {\"a\": 1}}, {\"$unset\": \"b\"}], \"multi\": true,"
                         " \"hint\": {\"a\": 1}}], \"$db\": \"d\"}");
    bson_destroy(pipeline);
    bson_destroy(hint);
}

static void an_upsert_tells_the_new_id(void **state)
{
    client_fixture_t *f = *state;
    DOC(filter, "{\"_id\": \"x\"}");
    DOC(replacement, "{\"b\": 2}");
    written_t w;

    mock_reply(f->mock, "update",
               "{\"ok\": 1, \"n\": 1, \"nModified\": 0,"
               " \"upserted\": [{\"index\": 0, \"_id\": \"x\"}]}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f, muv_collection_replace_one(f->collection, filter, replacement,
                                            &(muv_update_opts_t){.upsert = MUV_YES}, on_written, &w,
                                            NULL));
    await_written(&w, "ok; upserted [0] { \"v\" : \"x\" }");
    CHECK_BSON_IDENTICAL(given(last(f, "update")),
                         "{\"update\": \"c\", \"ordered\": true, \"updates\":"
                         " [{\"q\": {\"_id\": \"x\"}, \"u\": {\"b\": 2}, \"upsert\": true}],"
                         " \"$db\": \"d\"}");
    bson_destroy(filter);
    bson_destroy(replacement);
}

static void deletes_say_how_many(void **state)
{
    client_fixture_t *f = *state;
    DOC(filter, "{\"a\": 1}");
    DOC(collation, "{\"locale\": \"de\"}");
    DOC(let, "{\"v\": 1}");
    DOC(comment, "{\"\": \"c\"}");
    muv_delete_opts_t opts = {
        .hint = "a_1", .collation = collation, .let = let, .comment = comment};
    written_t w;

    mock_reply(f->mock, "delete", "{\"ok\": 1, \"n\": 1}");
    mock_reply(f->mock, "delete", "{\"ok\": 1, \"n\": 12}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f, muv_collection_delete_one(f->collection, filter, NULL, on_written, &w, NULL));
    await_written(&w, "ok; deleted 1");
    CHECK_BSON_IDENTICAL(given(last(f, "delete")),
                         "{\"delete\": \"c\", \"ordered\": true, \"deletes\":"
                         " [{\"q\": {\"a\": 1}, \"limit\": 1}], \"$db\": \"d\"}");
    begin_write(f, &w);
    end_write(f, muv_collection_delete_many(f->collection, filter, &opts, on_written, &w, NULL));
    await_written(&w, "ok; deleted 12");
    CHECK_BSON_IDENTICAL(given(last(f, "delete")),
                         "{\"delete\": \"c\", \"ordered\": true, \"let\": {\"v\": 1},"
                         " \"comment\": \"c\", \"deletes\": [{\"q\": {\"a\": 1}, \"limit\": 0,"
                         " \"collation\": {\"locale\": \"de\"}, \"hint\": \"a_1\"}],"
                         " \"$db\": \"d\"}");
    bson_destroy(filter);
    bson_destroy(collation);
    bson_destroy(let);
    bson_destroy(comment);
}

static void nonsense_in_a_reply_is_a_protocol_error(void **state)
{
    static const char *const replies[] = {
        "{\"ok\": 1}",
        "{\"ok\": 1, \"n\": 2, \"nModified\": 0}",
        "{\"ok\": 1, \"n\": 1, \"nModified\": 2}",
        "{\"ok\": 1, \"n\": 0, \"nModified\": -1}",
        "{\"ok\": 1, \"n\": 0, \"upserted\": [{\"index\": 0, \"_id\": 1}]}",
        "{\"ok\": 1, \"n\": 1, \"upserted\": [{\"index\": 1, \"_id\": 1}]}",
        "{\"ok\": 1, \"n\": 1, \"upserted\": [{\"index\": 0}]}",
        "{\"ok\": 1, \"n\": 1, \"upserted\": [5]}",
    };
    client_fixture_t *f = *state;
    DOC(update, "{\"$set\": {\"b\": 2}}");
    written_t w;

    open_client(f, NULL, NULL);
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        mock_reply(f->mock, "update", replies[i]);
        begin_write(f, &w);
        end_write(
            f, muv_collection_update_one(f->collection, NULL, update, NULL, on_written, &w, NULL));
        run_until(&f->loop, &w.done, WAIT_MS);
        CHECK_ERROR(&w.error, MUV_EPROTOCOL);
        assert_int_equal(w.error.in_doubt, 1);
    }
    bson_destroy(update);
}

static void a_refused_statement_keeps_its_details(void **state)
{
    client_fixture_t *f = *state;
    DOC(update, "{\"$set\": {\"b\": 2}}");
    written_t w;

    mock_reply(f->mock, "update",
               "{\"ok\": 1, \"n\": 0, \"nModified\": 0, \"writeErrors\": [{\"index\": 0,"
               " \"code\": 121, \"errmsg\": \"validation\", \"errInfo\": {\"why\": 1}}]}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f,
              muv_collection_update_many(f->collection, NULL, update, NULL, on_written, &w, NULL));
    await_written(&w, "EWRITE 121; [0] 121 validation");
    bson_destroy(update);
}

/* MongoDB 4.2 would ignore the hint and say nothing (CRUD: hint). */
static void an_unacknowledged_hint_needs_a_server_that_checks_it(void **state)
{
    client_fixture_t *f = *state;
    DOC(filter, "{\"a\": 1}");
    muv_delete_opts_t opts = {.hint = "a_1",
                              .write_concern = &(muv_write_concern_t){.w = MUV_ZERO}};
    written_t w;

    mock_set_hello(f->mock, 0, "{\"maxWireVersion\": 8}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f, muv_collection_delete_one(f->collection, filter, &opts, on_written, &w, NULL));
    await_written(&w, "ECOMPAT; no result");
    assert_int_equal(mock_request_count(f->mock, "delete"), 0);
    close_client(f, MUV_CLOSE_DRAIN);
    mock_set_hello(f->mock, 0, "{\"maxWireVersion\": 9}");
    open_client(f, NULL, NULL);
    begin_write(f, &w);
    end_write(f, muv_collection_delete_one(f->collection, filter, &opts, on_written, &w, NULL));
    await_written(&w, "ok; unacknowledged");
    bson_destroy(filter);
}

static void refused(client_fixture_t *f, int status, const char *why)
{
    CHECK_CODE(status, MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static void wrong_updates_are_refused(void **state)
{
    client_fixture_t *f = *state;
    muv_collection_t *c;
    DOC(empty, "{}");
    DOC(plain, "{\"a\": 1}");
    DOC(set, "{\"$set\": {\"a\": 1}}");
    DOC(mixed, "{\"0\": {\"$set\": {\"a\": 1}}, \"2\": {}}");
    muv_update_opts_t hints = {.hint = "a", .hint_document = plain};

    open_client(f, NULL, NULL);
    c = f->collection;
    refused(f, muv_collection_update_one(c, NULL, NULL, NULL, NULL, NULL, NULL), "empty");
    refused(f, muv_collection_update_one(c, NULL, empty, NULL, NULL, NULL, NULL), "empty");
    refused(f, muv_collection_update_one(c, NULL, plain, NULL, NULL, NULL, NULL), "operators");
    refused(f, muv_collection_update_many(c, NULL, mixed, NULL, NULL, NULL, NULL), "pipeline");
    refused(f, muv_collection_replace_one(c, NULL, set, NULL, NULL, NULL, NULL), "'$'");
    refused(f, muv_collection_replace_one(c, NULL, NULL, NULL, NULL, NULL, NULL), "replacement");
    refused(f, muv_collection_update_one(c, NULL, set, &hints, NULL, NULL, NULL), "hint");
    refused(f,
            muv_collection_update_many(c, NULL, set, &(muv_update_opts_t){.sort = plain}, NULL,
                                       NULL, NULL),
            "sort");
    refused(f,
            muv_collection_replace_one(c, NULL, plain, &(muv_update_opts_t){.array_filters = plain},
                                       NULL, NULL, NULL),
            "array_filters");
    refused(f, muv_collection_delete_many(c, NULL, NULL, NULL, NULL, NULL), "filter");
    assert_int_equal(stats_of(f).operations_live, 0);
    bson_destroy(empty);
    bson_destroy(plain);
    bson_destroy(set);
    bson_destroy(mixed);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(update_one_sends_one_statement),
        CASE(all_options_of_an_update_are_sent),
        CASE(update_many_takes_a_pipeline),
        CASE(an_upsert_tells_the_new_id),
        CASE(deletes_say_how_many),
        CASE(nonsense_in_a_reply_is_a_protocol_error),
        CASE(a_refused_statement_keeps_its_details),
        CASE(an_unacknowledged_hint_needs_a_server_that_checks_it),
        CASE(wrong_updates_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
