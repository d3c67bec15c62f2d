/* SPDX-License-Identifier: Apache-2.0 */
/* Saving, deleting and reloading one document: which commands the server sees, and what the
 * document is afterwards. */
#include "integration/odm_fixture.h"

#define ID1 "{'$oid': '010101010101010101010101'}"

static user_t *new_user(odm_fixture_t *o, const char *email)
{
    user_t *user = muv_doc_new(o->registry, &user_model);

    assert_non_null(user);
    CHECK_CODE(muv_put(user, &user->email, email), 0);
    return user;
}

static user_t *load_user(odm_fixture_t *o)
{
    return odm_load(o->registry, &user_model, "{'_id': " ID1 ", 'e': 'ann@x.org', 'age': 30}");
}

/* --- insert ------------------------------------------------------------------------------------*/

static void a_new_document_is_inserted_with_an_object_id(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = new_user(o, "ann@x.org");
    char id[25];

    odm_save(o, &out, ann, NULL);
    odm_await_success(&out);

    muv_oid_to_text(&ann->id, id);
    CHECK_COMMAND(o, "insert",
                  text_of("{'insert': 'user', 'documents': [{'_id': {'$oid': '%s'}, "
                          "'e': 'ann@x.org', 'age': 0}]}",
                          id));
    assert_int_equal(odm_commands(o), 1);
    assert_ptr_equal(out.documents[0], ann);
    odm_clear(&out);
    muv_doc_release(ann);
}

/* MongoEngine sends a findAndModify first, and replaces what is there. */
static void a_new_document_with_a_key_is_one_insert(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = new_user(o, "ann@x.org");

    ann->id = odm_oid(1);
    mock_reply(o->f->mock, "insert",
               "{\"ok\": 1, \"n\": 0, \"writeErrors\": [{\"index\": 0, \"code\": 11000, "
               "\"errmsg\": \"E11000 duplicate key\"}]}");
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_EWRITE);

    assert_int_equal(out.error.server_code, 11000);
    assert_string_equal(out.error.message, "E11000 duplicate key");
    assert_int_equal(out.error.in_doubt, 0);
    assert_int_equal(odm_commands(o), 1);
    assert_null(muv_doc_raw(ann, &(size_t){0}));
    odm_clear(&out);
    muv_doc_release(ann);
}

static void after_an_insert_only_changes_are_sent(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = new_user(o, "ann@x.org");

    ann->id = odm_oid(1);
    ODM_OK(odm_save(o, &out_, ann, NULL));
    ODM_OK(odm_save(o, &out_, ann, NULL));
    assert_int_equal(odm_commands(o), 1);
    ann->age = 31;
    ODM_OK(odm_save(o, &out_, ann, NULL));

    CHECK_COMMAND(o, "update",
                  "{'update': 'user', 'updates': [{'q': {'_id': " ID1
                  "}, 'u': {'$set': {'age': 31}}}]}");
    muv_doc_release(ann);
}

static void a_failed_insert_leaves_a_new_document(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = new_user(o, "ann@x.org");

    mock_reply(o->f->mock, "insert", "{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}");
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_ESERVER);
    ODM_OK(odm_save(o, &out_, ann, NULL));

    assert_int_equal(mock_request_count(o->f->mock, "insert"), 2);
    odm_clear(&out);
    muv_doc_release(ann);
}

/* --- update ------------------------------------------------------------------------------------*/

static void a_loaded_document_sends_the_smallest_update(void **state)
{
    odm_fixture_t *o = *state;
    post_t *post = odm_load(o->registry, &post_model,
                            "{'_id': " ID1 ", 't': 'Hello', 'v': 1, 'tg': ['a'], 'nt': 'x'}");

    post->votes = 2;
    CHECK_CODE(muv_list_push(post, &post->tags, muv_str("b")), 0);
    CHECK_CODE(muv_unset(post, &post->note), 0);
    ODM_OK(odm_save(o, &out_, post, NULL));

    CHECK_COMMAND(o, "update",
                  "{'update': 'post', 'updates': [{'q': {'_id': " ID1 "}, 'u': {'$set': {'v': 2}, "
                  "'$unset': {'nt': 1}, '$push': {'tg': {'$each': ['b']}}}}]}");
    assert_int_equal(odm_commands(o), 1);
    CHECK_CHANGES(post, "{}");
    muv_doc_release(post);
}

static void nothing_changed_sends_nothing(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = load_user(o);

    ODM_OK(odm_save(o, &out_, ann, NULL));

    assert_int_equal(odm_commands(o), 0);
    muv_doc_release(ann);
}

/* MongoEngine's upsert brings back what was deleted, with the changed fields only (#564). */
static void a_document_deleted_meanwhile_is_stale(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = load_user(o);

    ann->age = 31;
    mock_reply(o->f->mock, "update", "{\"ok\": 1, \"n\": 0, \"nModified\": 0}");
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_ESTALE);

    CHECK_CHANGES(ann, "{'$set': {'age': 31}}");
    odm_clear(&out);
    muv_doc_release(ann);
}

static void a_partly_loaded_document_writes_what_it_has(void **state)
{
    odm_fixture_t *o = *state;
    post_t *post = odm_load_part(o->registry, &post_model, "{'_id': " ID1 ", 'v': 1}", "v", 0);

    post->votes = 5;
    ODM_OK(odm_save(o, &out_, post, &(muv_save_opts_t){.skip_validation = MUV_YES}));

    CHECK_COMMAND(o, "update",
                  "{'update': 'post', 'updates': [{'q': {'_id': " ID1
                  "}, 'u': {'$set': {'v': 5}}}]}");
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_NOT_LOADED);
    CHECK_CHANGES(post, "{}");
    muv_doc_release(post);
}

static void force_insert_inserts_a_stored_document_as_a_whole(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = odm_load(o->registry, &user_model,
                           "{'_id': " ID1 ", 'e': 'ann@x.org', 'age': 30, 'extra': 1}");
    const muv_save_opts_t force = {.force_insert = MUV_YES};

    ODM_OK(odm_save(o, &out_, ann, &force));
    CHECK_COMMAND(o, "insert",
                  "{'insert': 'user', 'documents': [{'_id': " ID1
                  ", 'e': 'ann@x.org', 'age': 30, 'extra': 1}]}");
    ann->age = 31;
    ODM_OK(odm_save(o, &out_, ann, &force));

    CHECK_COMMAND(o, "insert",
                  "{'insert': 'user', 'documents': [{'_id': " ID1
                  ", 'e': 'ann@x.org', 'age': 31, 'extra': 1}]}");
    CHECK_CHANGES(ann, "{}");
    muv_doc_release(ann);
}

/* [Scenario 8] References are keys: a save sends one command and loads nothing. */
static void saving_never_loads_references(void **state)
{
    odm_fixture_t *o = *state;
    post_t *post = odm_load(o->registry, &post_model,
                            "{'_id': " ID1 ", 't': 'Hello', 'a': {'$oid': "
                            "'020202020202020202020202'}, 'vo': [{'$oid': "
                            "'030303030303030303030303'}]}");
    user_t *bob = odm_load(o->registry, &user_model,
                           "{'_id': {'$oid': '040404040404040404040404'}, 'e': 'b'}");

    ODM_OK(odm_save(o, &out_, post, NULL));
    assert_int_equal(odm_commands(o), 0);
    bob->age = 5;
    CHECK_CODE(muv_ref_to(&post->author, bob), 0);
    ODM_OK(odm_save(o, &out_, post, NULL));

    CHECK_COMMAND(o, "update",
                  "{'update': 'post', 'updates': [{'q': {'_id': " ID1 "}, 'u': {'$set': {'a': "
                  "{'$oid': '040404040404040404040404'}}}}]}");
    assert_int_equal(odm_commands(o), 1);
    muv_doc_release(post);
    muv_doc_release(bob);
}

static void an_insert_that_says_nothing_is_no_success(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = new_user(o, "ann@x.org");

    mock_reply(o->f->mock, "insert", "{\"ok\": 1, \"n\": 0}");
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_EPROTOCOL);
    odm_clear(&out);
    mock_reply(o->f->mock, "insert", "{\"ok\": 1}");
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_EPROTOCOL);

    odm_clear(&out);
    muv_doc_release(ann);
}

/* --- errors ------------------------------------------------------------------------------------*/

static void an_invalid_document_is_not_sent(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *user = muv_doc_new(o->registry, &user_model);

    user->age = 200;
    odm_save(o, &out, user, NULL);
    odm_await_error(&out, MUV_EVALIDATION);

    assert_string_equal(out.validation, "{\"email\": \"Field is required\", "
                                        "\"age\": \"Integer value is too large\"}");
    assert_int_equal(odm_commands(o), 0);
    odm_clear(&out);
    ODM_OK(odm_save(o, &out_, user, &(muv_save_opts_t){.skip_validation = MUV_YES}));
    assert_int_equal(odm_commands(o), 1);
    muv_doc_release(user);
}

static void a_value_that_cannot_be_stored_is_a_validation_error(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = load_user(o);

    ann->id = odm_oid(2);
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_EVALIDATION);

    CHECK_CONTAINS(out.error.message, "primary key");
    CHECK_CONTAINS(out.validation, "__all__");
    odm_clear(&out);
    muv_doc_release(ann);
}

static void a_failed_write_concern_is_in_doubt(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = load_user(o);
    const muv_write_concern_t majority = {.w_tag = "majority", .wtimeout_ms = 5};

    ann->age = 31;
    mock_reply(o->f->mock, "update",
               "{\"ok\": 1, \"n\": 1, \"nModified\": 1, \"writeConcernError\": {\"code\": 64, "
               "\"codeName\": \"WriteConcernFailed\", \"errmsg\": \"waiting\"}}");
    odm_save(o, &out, ann, &(muv_save_opts_t){.write_concern = &majority});
    odm_await_error(&out, MUV_EWRITE);

    CHECK_COMMAND(o, "update",
                  "{'update': 'user', 'updates': [{'q': {'_id': " ID1
                  "}, 'u': {'$set': {'age': 31}}}], 'writeConcern': {'w': 'majority', 'wtimeout': "
                  "5}}");
    assert_int_equal(out.error.in_doubt, 1);
    assert_string_equal(out.error.code_name, "WriteConcernFailed");
    odm_clear(&out);
    muv_doc_release(ann);
}

static void an_unacknowledged_save_trusts_that_it_was_stored(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = new_user(o, "ann@x.org");
    const muv_write_concern_t none = {.w = MUV_ZERO};

    ODM_OK(odm_save(o, &out_, ann, &(muv_save_opts_t){.write_concern = &none}));

    CHECK_CHANGES(ann, "{}");
    muv_doc_release(ann);
}

static void a_save_that_times_out_is_in_doubt(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = load_user(o);

    warm_up(o->f);
    ann->age = 31;
    mock_script(o->f->mock, "update", &(mock_step_t){.hold = true});
    odm_save(o, &out, ann, &(muv_save_opts_t){.timeout_ms = 50});
    odm_await_error(&out, MUV_ETIMEOUT);

    assert_int_equal(out.error.in_doubt, 1);
    CHECK_CHANGES(ann, "{'$set': {'age': 31}}");
    mock_release(o->f->mock, 1);
    odm_clear(&out);
    muv_doc_release(ann);
}

static void a_foreign_document_is_refused(void **state)
{
    odm_fixture_t *o = *state;
    muv_registry_t *other = odm_registry();
    user_t *ann = muv_doc_new(other, &user_model);

    CHECK_CODE(muv_save(o->mapper, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_save(o->mapper, NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "document");
    muv_doc_release(ann);
    muv_registry_free(other);
}

/* --- delete and reload -------------------------------------------------------------------------*/

static void delete_is_by_key_and_twice_is_no_error(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = load_user(o);

    ODM_OK(odm_delete(o, &out_, ann));
    mock_reply(o->f->mock, "delete", "{\"ok\": 1, \"n\": 0}");
    ODM_OK(odm_delete(o, &out_, ann));

    CHECK_COMMAND(o, "delete",
                  "{'delete': 'user', 'deletes': [{'q': {'_id': " ID1 "}, 'limit': 1}]}");
    muv_doc_release(ann);
}

static void a_document_without_key_cannot_be_deleted(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = new_user(o, "ann@x.org");

    CHECK_CODE(muv_delete(o->mapper, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_reload(o->mapper, ann, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "primary key");
    muv_doc_release(ann);
}

static void reload_fills_the_same_struct(void **state)
{
    odm_fixture_t *o = *state;
    user_t *ann = load_user(o);

    ann->age = 77;
    odm_reply_find(o, 0, "{'_id': " ID1 ", 'e': 'new@x.org', 'age': 40}");
    ODM_OK(odm_reload(o, &out_, ann));

    CHECK_COMMAND(o, "find",
                  "{'find': 'user', 'filter': {'_id': " ID1 "}, 'limit': 1, 'singleBatch': true}");
    assert_int_equal(ann->age, 40);
    assert_true(muv_str_equal(ann->email, muv_str("new@x.org")));
    CHECK_CHANGES(ann, "{}");
    muv_doc_release(ann);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t gone = {0};
    odm_outcome_t wrong = {0};
    user_t *ann = load_user(o);

    ann->age = 77;
    odm_reply_find(o, 0, "");
    odm_reload(o, &gone, ann);
    odm_await_error(&gone, MUV_ENOTFOUND);
    odm_reply_find(o, 0, "{'_id': " ID1 ", 'e': 5}");
    odm_reload(o, &wrong, ann);
    odm_await_error(&wrong, MUV_EDECODE);

    assert_int_equal(ann->age, 77);
    odm_clear(&gone);
    odm_clear(&wrong);
    muv_doc_release(ann);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_document_is_inserted_with_an_object_id),
        T(a_new_document_with_a_key_is_one_insert),
        T(after_an_insert_only_changes_are_sent),
        T(a_failed_insert_leaves_a_new_document),
        T(a_loaded_document_sends_the_smallest_update),
        T(nothing_changed_sends_nothing),
        T(a_document_deleted_meanwhile_is_stale),
        T(a_partly_loaded_document_writes_what_it_has),
        T(force_insert_inserts_a_stored_document_as_a_whole),
        T(saving_never_loads_references),
        T(an_insert_that_says_nothing_is_no_success),
        T(an_invalid_document_is_not_sent),
        T(a_value_that_cannot_be_stored_is_a_validation_error),
        T(a_failed_write_concern_is_in_doubt),
        T(an_unacknowledged_save_trusts_that_it_was_stored),
        T(a_save_that_times_out_is_in_doubt),
        T(a_foreign_document_is_refused),
        T(delete_is_by_key_and_twice_is_no_error),
        T(a_document_without_key_cannot_be_deleted),
        T(reload_fills_the_same_struct),
        T(a_reload_that_fails_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
