/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper's edges: servers that answer nonsense, calls that make no sense, preferences that have
 * to reach every command, and what is too large. */
#include "integration/odm_fixture.h"

#include <stdlib.h>

#define ID1 "{'$oid': '010101010101010101010101'}"
#define ID2 "{'$oid': '020202020202020202020202'}"

static muv_query_t *posts(odm_fixture_t *o)
{
    return muv_query_new(o->registry, &post_model);
}

/* --- servers -----------------------------------------------------------------------------------*/

static void a_find_without_cursor_breaks_the_protocol(void **state)
{
    static const char *const replies[] = {
        MOCK_OK,
        "{\"ok\": 1, \"cursor\": 5}",
        "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.post\"}}",
        "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.post\", \"firstBatch\": [5]}}",
    };
    odm_fixture_t *o = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(replies); i++) {
        odm_outcome_t out = {0};

        mock_reply(o->f->mock, "find", replies[i]);
        odm_all(o, &out, posts(o), NULL);
        odm_await_error(&out, MUV_EPROTOCOL);
    }
}

static void labels_of_a_write_concern_error_are_kept(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = odm_load(o->registry, &user_model, "{'_id': " ID1 ", 'e': 'x'}");

    mock_reply(o->f->mock, "update",
               "{\"ok\": 1, \"n\": 1, \"nModified\": 1, \"writeConcernError\": {\"code\": 91, "
               "\"errmsg\": \"shutdown\"}, \"errorLabels\": [\"RetryableWriteError\", 5]}");
    ann->age = 1;
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_EWRITE);

    assert_int_equal(out.error.labels, MUV_LABEL_RETRYABLE_WRITE);
    odm_clear(&out);
    muv_doc_release(ann);
}

static void an_update_of_all_gives_counts_with_its_error(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    muv_update_t *update = muv_update_new(o->registry, &post_model);

    muv_update_inc(update, post_fields.votes, 1);
    mock_reply(o->f->mock, "update",
               "{\"ok\": 1, \"n\": 3, \"nModified\": 3, \"writeConcernError\": {\"code\": 64, "
               "\"errmsg\": \"waiting\"}}");
    odm_update(o, &out, posts(o), update);
    odm_await_error(&out, MUV_EWRITE);

    assert_true(out.has_result);
    assert_int_equal(out.result.modified, 3);
    assert_int_equal(out.error.in_doubt, 1);
}

/* --- callers -----------------------------------------------------------------------------------*/

static void calls_without_mapper_or_query_are_refused(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = muv_doc_new(o->registry, &user_model);
    muv_query_t *query = posts(o);

    CHECK_CODE(muv_save(NULL, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_delete(NULL, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_insert(NULL, NULL, 0, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_insert(o->mapper, NULL, 1, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_ensure_indexes(NULL, NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_query_count(NULL, query, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_query_count(o->mapper, NULL, NULL, NULL, NULL, NULL), MUV_ENOMEM);
    CHECK_CODE(muv_query_each(o->mapper, query, NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_query_update(o->mapper, query, NULL, NULL, NULL, NULL, NULL), MUV_ENOMEM);
    assert_null(muv_mapper_client(NULL));
    assert_ptr_equal(muv_mapper_client(o->mapper), o->f->client);
    muv_query_free(query);
    muv_doc_release(ann);
}

static void things_of_another_registry_are_refused(void **state)
{
    odm_fixture_t *o = *state;
    muv_registry_t *other = odm_registry();
    user_t *ann = muv_doc_new(other, &user_model);
    muv_query_t *foreign = muv_query_new(other, &post_model);
    muv_query_t *query = posts(o);
    muv_update_t *update = muv_update_new(o->registry, &user_model);
    void *documents[] = {ann};

    muv_update_inc(update, user_fields.age, 1);
    CHECK_CODE(muv_query_first(o->mapper, foreign, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_query_update(o->mapper, query, update, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_delete(o->mapper, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_insert(o->mapper, documents, 1, NULL, NULL, NULL, NULL), MUV_EINVAL);
    muv_query_free(foreign);
    muv_query_free(query);
    muv_update_free(update);
    muv_doc_release(ann);
    muv_registry_free(other);
}

static void an_empty_update_is_refused(void **state)
{
    odm_fixture_t *o = *state;
    muv_query_t *query = posts(o);
    muv_update_t *update = muv_update_new(o->registry, &post_model);

    CHECK_CODE(muv_query_update(o->mapper, query, update, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "changes nothing");
    muv_query_free(query);
    muv_update_free(update);
}

/* --- preferences -------------------------------------------------------------------------------*/

static void set_flag(void *data)
{
    *(bool *)data = true;
}

static bool has_preference(const mock_request_t *request)
{
    bson_iter_t iter;
    bson_iter_t mode;

    return bson_iter_init(&iter, request->body) &&
           bson_iter_find_descendant(&iter, "$readPreference.mode", &mode);
}

static void a_read_preference_reaches_the_references_too(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    muv_mock_t *set = mock_new_replica_set(&o->f->loop, "rs", 2);
    muv_client_t *client = NULL;
    muv_mapper_t *mapper = o->mapper;
    bson_t *tags = bson_from("[{}]");
    muv_read_preference_t secondary = {.mode = MUV_READ_SECONDARY, .tag_sets = tags};
    muv_load_opts_t opts = {.related = "author", .read_preference = &secondary};
    bool closed = false;

    CHECK_CODE(muv_client_new(&o->f->loop, mock_uri(set, NULL), NULL, NULL, &client), 0);
    CHECK_CODE(muv_mapper_new(client, o->registry, "d", NULL, &o->mapper), 0);
    mock_reply(set, "find",
               odm_json("{'ok': 1, 'cursor': {'id': 0, 'ns': 'd.post', 'firstBatch': [{'_id': " ID1
                        ", 'a': " ID2 "}]}}"));
    odm_first(o, &out, posts(o), &opts);
    bson_destroy(tags);
    odm_await_success(&out);

    assert_int_equal(mock_request_count(set, "find"), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mock_request_of(set, "find", i)->member, 1);
        assert_true(has_preference(mock_request_of(set, "find", i)));
    }
    odm_clear(&out);
    muv_mapper_free(o->mapper);
    o->mapper = mapper;
    CHECK_CODE(muv_client_close(client, MUV_CLOSE_ABORT, set_flag, &closed), 0);
    run_until(&o->f->loop, &closed, WAIT_MS);
    mock_close(set);
}

/* --- size --------------------------------------------------------------------------------------*/

static void a_document_above_16_mib_is_not_sent(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    size_t size = 16 * 1024 * 1024;
    char *text = malloc(size + 1);
    user_t *ann = muv_doc_new(o->registry, &user_model);

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    ann->email = muv_str(text);
    odm_save(o, &out, ann, NULL);
    free(text);
    odm_await_error(&out, MUV_ETOOLARGE);

    assert_int_equal(odm_commands(o), 0);
    odm_clear(&out);
    muv_doc_release(ann);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_find_without_cursor_breaks_the_protocol),
        T(labels_of_a_write_concern_error_are_kept),
        T(an_update_of_all_gives_counts_with_its_error),
        T(calls_without_mapper_or_query_are_refused),
        T(things_of_another_registry_are_refused),
        T(an_empty_update_is_refused),
        T(a_read_preference_reaches_the_references_too),
        T(a_document_above_16_mib_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
