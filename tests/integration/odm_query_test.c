/* SPDX-License-Identifier: Apache-2.0 */
/* Query sets: one command each, and what becomes of its reply. */
#include "integration/odm_fixture.h"

#define ID(byte) "{'$oid': '" byte byte byte byte byte byte byte byte byte byte byte byte "'}"
#define ID1 ID("01")
#define ID2 ID("02")
#define ID3 ID("03")

static bool killed(void *data)
{
    const odm_fixture_t *o = data;

    return mock_request_count(o->f->mock, "killCursors") != 0;
}

static muv_query_t *posts(odm_fixture_t *o)
{
    return muv_query_new(o->registry, &post_model);
}

/* --- one document ------------------------------------------------------------------------------*/

static void first_asks_for_one_document(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    const post_t *post;

    odm_reply_find(o, 0, "{'_id': " ID1 ", 't': 'Hello', 'v': 3}");
    odm_first(o, &out, muv_query_filter(posts(o), muv_gte(post_fields.votes, 2)), NULL);
    odm_await_success(&out);

    CHECK_COMMAND(o, "find",
                  "{'find': 'post', 'filter': {'v': {'$gte': 2}}, 'sort': {'v': -1}, 'limit': 1, "
                  "'singleBatch': true}");
    assert_int_equal(out.document_count, 1);
    post = out.documents[0];
    assert_true(muv_str_equal(post->title, muv_str("Hello")));
    assert_int_equal(post->votes, 3);
    odm_clear(&out);
}

static void first_without_a_match_gives_null(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "");
    odm_first(o, &out, posts(o), NULL);
    odm_await_success(&out);

    assert_int_equal(out.document_count, 0);
}

static void get_wants_exactly_one_match(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t one = {0};
    odm_outcome_t none = {0};
    odm_outcome_t two = {0};

    odm_reply_find(o, 0, "{'_id': " ID1 "}");
    odm_get(o, &one, posts(o), NULL);
    odm_await_success(&one);
    CHECK_COMMAND(o, "find", "{'find': 'post', 'filter': {}, 'limit': 2, 'singleBatch': true}");
    odm_reply_find(o, 0, "");
    odm_get(o, &none, posts(o), NULL);
    odm_await_error(&none, MUV_ENOTFOUND);
    odm_reply_find(o, 0, "{'_id': " ID1 "}, {'_id': " ID2 "}");
    odm_get(o, &two, posts(o), NULL);
    odm_await_error(&two, MUV_EMULTIPLE);

    assert_int_equal(one.document_count, 1);
    assert_int_equal(two.document_count, 0);
    odm_clear(&one);
}

/* --- all ---------------------------------------------------------------------------------------*/

static void all_follows_the_cursor(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 77, "{'_id': " ID1 ", 't': 'a'}, {'_id': " ID2 ", 't': 'b'}");
    odm_reply_more(o, 0, "{'_id': " ID3 ", 't': 'c'}");
    odm_all(o, &out, muv_query_batch_size(muv_query_order(posts(o), "title"), 2), NULL);
    odm_await_success(&out);

    CHECK_COMMAND(o, "find",
                  "{'find': 'post', 'filter': {}, 'sort': {'t': 1}, 'limit': 10001, "
                  "'batchSize': 2}");
    CHECK_COMMAND(o, "getMore", "{'getMore': 77, 'collection': 'post', 'batchSize': 2}");
    assert_int_equal(out.document_count, 3);
    assert_true(muv_str_equal(((post_t *)out.documents[2])->title, muv_str("c")));
    assert_int_equal(odm_commands(o), 2);
    odm_clear(&out);
}

static void all_is_bounded_by_documents_and_kills_the_cursor(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 77, "{'_id': " ID1 "}, {'_id': " ID2 "}, {'_id': " ID3 "}");
    odm_all(o, &out, posts(o), &(muv_load_opts_t){.max_documents = 2});
    odm_await_error(&out, MUV_ETOOLARGE);
    run_until_true(&o->f->loop, killed, o, WAIT_MS);

    CHECK_COMMAND(o, "killCursors", "{'killCursors': 'post', 'cursors': [77]}");
}

static void all_is_bounded_by_bytes(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': " ID1 ", 't': 'a'}");
    odm_all(o, &out, posts(o), &(muv_load_opts_t){.max_bytes = 10});
    odm_await_error(&out, MUV_ETOOLARGE);
}

static void a_document_that_does_not_decode_ends_the_load(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 0, "{'_id': " ID1 "}, {'_id': " ID2 ", 't': 5}");
    odm_all(o, &out, posts(o), NULL);
    odm_await_error(&out, MUV_EDECODE);

    CHECK_CONTAINS(out.error.message, "Post.title");
}

static void a_projection_marks_what_was_not_loaded(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    post_t *post;

    odm_reply_find(o, 0, "{'_id': " ID1 ", 'v': 3}");
    odm_first(o, &out, muv_query_only(muv_query_order(posts(o), ""), "votes"), NULL);
    odm_await_success(&out);

    CHECK_COMMAND(o, "find",
                  "{'find': 'post', 'filter': {}, 'projection': {'v': 1}, 'limit': 1, "
                  "'singleBatch': true}");
    post = out.documents[0];
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_NOT_LOADED);
    odm_clear(&out);
}

/* --- counts and writes -------------------------------------------------------------------------*/

static void count_and_exists_load_nothing(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t count = {0};
    odm_outcome_t exists = {0};

    mock_reply(o->f->mock, "aggregate",
               "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.post\", \"firstBatch\": [{\"_id\": "
               "1, \"n\": 12}]}}");
    odm_count(o, &count, muv_query_limit(posts(o), 50));
    odm_await_success(&count);
    odm_reply_find(o, 0, "{'_id': " ID1 "}");
    odm_exists(o, &exists, posts(o));
    odm_await_success(&exists);

    CHECK_COMMAND(o, "aggregate",
                  "{'aggregate': 'post', 'pipeline': [{'$match': {}}, {'$limit': 50}, {'$group': "
                  "{'_id': 1, 'n': {'$sum': 1}}}], 'cursor': {}}");
    CHECK_COMMAND(o, "find",
                  "{'find': 'post', 'filter': {}, 'projection': {'_id': 1}, 'limit': 1, "
                  "'singleBatch': true}");
    assert_int_equal(count.count, 12);
    assert_int_equal(exists.count, 1);
}

static void update_and_delete_are_one_command(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t update = {0};
    odm_outcome_t removal = {0};
    muv_update_t *change = muv_update_new(o->registry, &post_model);

    muv_update_inc(muv_update_set(change, post_fields.title, muv_str("hi")), post_fields.votes, 1);
    mock_reply(o->f->mock, "update", "{\"ok\": 1, \"n\": 5, \"nModified\": 4}");
    odm_update(o, &update, muv_query_filter(posts(o), muv_lt(post_fields.votes, 3)), change);
    odm_await_success(&update);
    mock_reply(o->f->mock, "delete", "{\"ok\": 1, \"n\": 7}");
    odm_delete_all(o, &removal, muv_query_filter(posts(o), muv_eq(post_fields.votes, 3)));
    odm_await_success(&removal);

    CHECK_COMMAND(o, "update",
                  "{'update': 'post', 'updates': [{'q': {'v': {'$lt': 3}}, 'u': {'$set': {'t': "
                  "'hi'}, '$inc': {'v': 1}}, 'multi': true}]}");
    CHECK_COMMAND(o, "delete", "{'delete': 'post', 'deletes': [{'q': {'v': 3}, 'limit': 0}]}");
    assert_int_equal(update.result.matched, 5);
    assert_int_equal(update.result.modified, 4);
    assert_int_equal(removal.count, 7);
}

static void none_is_answered_without_asking(void **state)
{
    odm_fixture_t *o = *state;

    ODM_OK(odm_all(o, &out_, muv_query_none(posts(o)), NULL));
    ODM_OK(odm_count(o, &out_, muv_query_none(posts(o))));
    ODM_OK(odm_delete_all(o, &out_, muv_query_none(posts(o))));

    assert_int_equal(odm_commands(o), 0);
}

/* --- refusals ----------------------------------------------------------------------------------*/

static void a_wrong_query_is_refused(void **state)
{
    odm_fixture_t *o = *state;
    muv_query_t *query = muv_query_filter(posts(o), muv_where("nothing__like__this", 1));

    CHECK_CODE(muv_query_all(o->mapper, query, NULL, NULL, NULL, NULL), MUV_EINVAL);
    assert_string_equal(muv_client_refusal(o->f->client)->message, muv_query_error(query)->message);
    muv_query_free(query);
}

static void a_write_of_all_matches_takes_no_limit(void **state)
{
    odm_fixture_t *o = *state;
    muv_query_t *query = muv_query_limit(posts(o), 2);

    CHECK_CODE(muv_query_delete(o->mapper, query, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "limit");
    muv_query_free(query);
    assert_int_equal(odm_commands(o), 0);
}

static void an_unknown_related_path_is_refused(void **state)
{
    odm_fixture_t *o = *state;
    muv_query_t *query = posts(o);

    CHECK_CODE(muv_query_first(o->mapper, query, &(muv_load_opts_t){.related = "author, title"},
                               NULL, NULL, NULL),
               MUV_EINVAL);
    assert_string_equal(muv_client_refusal(o->f->client)->message, "Post.title: not a reference");
    muv_query_free(query);
}

static void an_update_that_breaks_a_rule_ends_with_the_list(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    muv_update_t *change = muv_update_new(o->registry, &post_model);

    muv_update_set(change, post_fields.title, muv_str("far too long a title"));
    odm_update(o, &out, posts(o), change);
    odm_await_error(&out, MUV_EVALIDATION);

    assert_string_equal(out.validation, "{\"title\": \"String value is too long\"}");
    assert_int_equal(odm_commands(o), 0);
    odm_clear(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(first_asks_for_one_document),
        T(first_without_a_match_gives_null),
        T(get_wants_exactly_one_match),
        T(all_follows_the_cursor),
        T(all_is_bounded_by_documents_and_kills_the_cursor),
        T(all_is_bounded_by_bytes),
        T(a_document_that_does_not_decode_ends_the_load),
        T(a_projection_marks_what_was_not_loaded),
        T(count_and_exists_load_nothing),
        T(update_and_delete_are_one_command),
        T(none_is_answered_without_asking),
        T(a_wrong_query_is_refused),
        T(a_write_of_all_matches_takes_no_limit),
        T(an_unknown_related_path_is_refused),
        T(an_update_that_breaks_a_rule_ends_with_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
