/* SPDX-License-Identifier: Apache-2.0 */
/* Inserting many documents, and creating indexes. */
#include "integration/odm_fixture.h"

#include "muv/types.h"

#define COUNT 5

static void make_users(odm_fixture_t *o, void **users, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        user_t *user = muv_doc_new(o->registry, &user_model);

        CHECK_CODE(muv_put(user, &user->email, text_of("u%u@x.org", i)), 0);
        user->id = odm_oid(i + 1);
        users[i] = user;
    }
}

static void release_all(void **documents, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        muv_doc_release(documents[i]);
    }
}

/* --- insert ------------------------------------------------------------------------------------*/

static void many_documents_are_one_command(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    void *users[2];

    make_users(o, users, 2);
    odm_insert(o, &out, users, 2, NULL);
    odm_await_success(&out);

    CHECK_COMMAND(o, "insert",
                  "{'insert': 'user', 'ordered': true, 'documents': ["
                  "{'_id': {'$oid': '010101010101010101010101'}, 'e': 'u0@x.org', 'age': 0},"
                  "{'_id': {'$oid': '020202020202020202020202'}, 'e': 'u1@x.org', 'age': 0}]}");
    assert_int_equal(out.count, 2);
    assert_int_equal(odm_commands(o), 1);
    CHECK_CHANGES(users[0], "{}");
    CHECK_CHANGES(users[1], "{}");
    release_all(users, 2);
}

static void keys_are_written_into_the_documents(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *user = muv_doc_new(o->registry, &user_model);
    const muv_oid_t none = {{0}};
    void *users[] = {user};

    CHECK_CODE(muv_put(user, &user->email, "a@x.org"), 0);
    odm_insert(o, &out, users, 1, NULL);
    odm_await_success(&out);

    assert_int_not_equal(muv_oid_compare(&user->id, &none), 0);
    muv_doc_release(user);
}

static void one_invalid_document_stops_all_before_anything_is_sent(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    void *users[COUNT];

    make_users(o, users, COUNT);
    ((user_t *)users[3])->age = -1;
    odm_insert(o, &out, users, COUNT, NULL);
    odm_await_error(&out, MUV_EVALIDATION);

    assert_int_equal(out.count, 0);
    CHECK_CONTAINS(out.error.message, "document 3");
    assert_string_equal(out.validation, "{\"age\": \"Integer value is too small\"}");
    assert_int_equal(odm_commands(o), 0);
    odm_clear(&out);
    release_all(users, COUNT);
}

static void a_duplicate_stops_the_insert_where_it_is(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    void *users[COUNT];

    make_users(o, users, COUNT);
    mock_reply(o->f->mock, "insert",
               "{\"ok\": 1, \"n\": 2, \"writeErrors\": [{\"index\": 2, \"code\": 11000, "
               "\"errmsg\": \"duplicate\"}]}");
    odm_insert(o, &out, users, COUNT, NULL);
    odm_await_error(&out, MUV_EWRITE);

    assert_int_equal(out.count, 2);
    assert_int_equal(out.error.server_code, 11000);
    CHECK_CHANGES(users[1], "{}");
    assert_null(muv_doc_raw(users[2], &(size_t){0}));
    odm_clear(&out);
    release_all(users, COUNT);
}

static void nothing_to_insert_is_no_error(void **state)
{
    odm_fixture_t *o = *state;

    ODM_OK(odm_insert(o, &out_, NULL, 0, NULL));
    assert_int_equal(odm_commands(o), 0);
}

static void only_new_documents_of_one_model_are_taken(void **state)
{
    odm_fixture_t *o = *state;
    void *mixed[] = {muv_doc_new(o->registry, &user_model), muv_doc_new(o->registry, &post_model)};
    void *stored[] = {odm_load(o->registry, &user_model,
                               "{'_id': {'$oid': '010101010101010101010101'}, 'e': 'x'}")};

    CHECK_CODE(muv_insert(o->mapper, mixed, 2, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "several models");
    CHECK_CODE(muv_insert(o->mapper, stored, 1, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(o->f->client)->message, "stored");
    release_all(mixed, 2);
    release_all(stored, 1);
}

static void a_cancelled_insert_is_in_doubt(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    void *users[COUNT];

    make_users(o, users, COUNT);
    mock_script(o->f->mock, "insert", &(mock_step_t){.hold = true});
    odm_insert(o, &out, users, COUNT, NULL);
    await_held(o->f, 1);
    o->f->starting = true;
    muv_op_cancel(out.op);
    o->f->starting = false;
    odm_await_error(&out, MUV_ECANCELED);

    assert_int_equal(out.error.in_doubt, 1);
    assert_null(muv_doc_raw(users[0], &(size_t){0}));
    mock_release(o->f->mock, 1);
    odm_clear(&out);
    release_all(users, COUNT);
}

/* --- indexes -----------------------------------------------------------------------------------*/

static void indexes_of_a_model_are_one_command(void **state)
{
    odm_fixture_t *o = *state;

    ODM_OK(odm_ensure_indexes(o, &out_, &post_model));

    CHECK_COMMAND(o, "createIndexes",
                  "{'createIndexes': 'post', 'indexes': ["
                  "{'key': {'v': -1, 't': 1}, 'name': 'v_-1_t_1'},"
                  "{'key': {'h.c': 1, 'cm.a': 1}, 'name': 'h.c_1_cm.a_1', 'sparse': true}]}");
    assert_int_equal(odm_commands(o), 1);
}

static void all_models_are_one_command_a_collection(void **state)
{
    odm_fixture_t *o = *state;

    ODM_OK(odm_ensure_indexes(o, &out_, NULL));

    /* Boxes have none. */
    assert_int_equal(odm_commands(o), 2);
    assert_int_equal(mock_request_count(o->f->mock, "createIndexes"), 2);
    ODM_OK(odm_ensure_indexes(o, &out_, &box_model));
    assert_int_equal(odm_commands(o), 2);
}

static void a_failing_index_is_an_error(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    mock_reply(o->f->mock, "createIndexes",
               "{\"ok\": 0, \"code\": 86, \"codeName\": \"IndexKeySpecsConflict\", \"errmsg\": "
               "\"conflict\"}");
    odm_ensure_indexes(o, &out, NULL);
    odm_await_error(&out, MUV_ESERVER);

    assert_int_equal(out.error.server_code, 86);
    assert_int_equal(odm_commands(o), 2);
    CHECK_CODE(muv_ensure_indexes(o->mapper, &comment_model, NULL, NULL, NULL, NULL), MUV_EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(many_documents_are_one_command),
        T(keys_are_written_into_the_documents),
        T(one_invalid_document_stops_all_before_anything_is_sent),
        T(a_duplicate_stops_the_insert_where_it_is),
        T(nothing_to_insert_is_no_error),
        T(only_new_documents_of_one_model_are_taken),
        T(a_cancelled_insert_is_in_doubt),
        T(indexes_of_a_model_are_one_command),
        T(all_models_are_one_command_a_collection),
        T(a_failing_index_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
