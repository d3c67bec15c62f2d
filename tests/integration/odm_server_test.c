/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper on a real server: what was stored comes back. */
#include "integration/odm_fixture.h"

#include <stdio.h>
#include <unistd.h>

/* A database of its own for each run. */
static int open_own(void **state)
{
    static char name[40];
    odm_fixture_t *o;
    muv_error_t error;

    if (odm_open_server(state) != 0) {
        return -1;
    }
    o = *state;
    (void)snprintf(name, sizeof(name), "odm_test_%ld", (long)getpid());
    muv_mapper_free(o->mapper);
    CHECK_CODE(muv_mapper_new(o->f->client, o->registry, name, &error, &o->mapper), 0);
    ODM_OK(odm_delete_all(o, &out_, muv_query_new(o->registry, &user_model)));
    ODM_OK(odm_delete_all(o, &out_, muv_query_new(o->registry, &post_model)));
    return 0;
}

static user_t *save_user(odm_fixture_t *o, const char *email, int32_t age)
{
    user_t *user = muv_doc_new(o->registry, &user_model);

    CHECK_CODE(muv_put(user, &user->email, email), 0);
    user->age = age;
    ODM_OK(odm_save(o, &out_, user, NULL));
    return user;
}

static void a_document_goes_there_and_back(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = save_user(o, "ann@x.org", 30);
    const user_t *found;

    odm_get(
        o, &out,
        muv_query_filter(muv_query_new(o->registry, &user_model), muv_eq(user_fields.id, ann->id)),
        NULL);
    odm_await_success(&out);
    found = out.documents[0];
    assert_ptr_not_equal(found, ann);
    assert_int_equal(found->age, 30);
    odm_clear(&out);

    ann->age = 31;
    ODM_OK(odm_save(o, &out_, ann, NULL));
    ann->age = 99;
    ODM_OK(odm_reload(o, &out_, ann));
    assert_int_equal(ann->age, 31);
    ODM_OK(odm_delete(o, &out_, ann));
    odm_reload(o, &out, ann);
    odm_await_error(&out, MUV_ENOTFOUND);
    odm_clear(&out);
    muv_doc_release(ann);
}

static void a_document_deleted_elsewhere_does_not_come_back(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = save_user(o, "ann@x.org", 30);

    ODM_OK(odm_delete_all(o, &out_, muv_query_new(o->registry, &user_model)));
    ann->age = 31;
    odm_save(o, &out, ann, NULL);
    odm_await_error(&out, MUV_ESTALE);
    odm_clear(&out);
    odm_count(o, &out, muv_query_new(o->registry, &user_model));
    odm_await_success(&out);
    assert_int_equal(out.count, 0);
    odm_clear(&out);

    ODM_OK(odm_save(o, &out_, ann, &(muv_save_opts_t){.force_insert = MUV_YES}));
    ODM_OK(odm_reload(o, &out_, ann));
    assert_int_equal(ann->age, 31);
    muv_doc_release(ann);
}

static void indexes_are_created_and_unique_ones_hold(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann;
    user_t *bob = muv_doc_new(o->registry, &user_model);

    ODM_OK(odm_ensure_indexes(o, &out_, NULL));
    ODM_OK(odm_ensure_indexes(o, &out_, &user_model));
    ann = save_user(o, "ann@x.org", 30);
    CHECK_CODE(muv_put(bob, &bob->email, "ann@x.org"), 0);
    odm_save(o, &out, bob, NULL);
    odm_await_error(&out, MUV_EWRITE);

    assert_int_equal(out.error.server_code, 11000);
    assert_null(muv_doc_raw(bob, &(size_t){0}));
    odm_clear(&out);
    muv_doc_release(ann);
    muv_doc_release(bob);
}

static void many_documents_are_inserted_and_streamed(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    void *users[500];
    int64_t sum = 0;

    for (int i = 0; i < 500; i++) {
        user_t *user = muv_doc_new(o->registry, &user_model);

        CHECK_CODE(muv_put(user, &user->email, text_of("user%d@x.org", i)), 0);
        user->age = i % 100;
        users[i] = user;
    }
    odm_insert(o, &out, users, 500, NULL);
    odm_await_success(&out);
    assert_int_equal(out.count, 500);
    odm_clear(&out);
    odm_each(o, &out, muv_query_batch_size(muv_query_new(o->registry, &user_model), 100), NULL);
    odm_await_success(&out);

    assert_int_equal(out.calls, 500);
    for (size_t i = 0; i < out.document_count; i++) {
        sum += ((user_t *)out.documents[i])->age;
    }
    assert_int_equal(sum, 5 * 4950);
    odm_clear(&out);
    for (int i = 0; i < 500; i++) {
        CHECK_CHANGES(users[i], "{}");
        muv_doc_release(users[i]);
    }
}

static void a_post_comes_with_author_and_comments(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = save_user(o, "ann@x.org", 30);
    user_t *bob = save_user(o, "bob@x.org", 31);
    post_t *post = muv_doc_new(o->registry, &post_model);
    comment_t *comment;
    const post_t *found;

    CHECK_CODE(muv_put(post, &post->title, "Hello"), 0);
    CHECK_CODE(muv_ref_to(&post->author, ann), 0);
    comment = muv_list_add(post, &post->comments);
    CHECK_CODE(muv_put(post, &comment->text, "first"), 0);
    CHECK_CODE(muv_ref_to(&comment->author, bob), 0);
    ODM_OK(odm_save(o, &out_, post, NULL));
    odm_first(o, &out, muv_query_new(o->registry, &post_model),
              &(muv_load_opts_t){.related = "author, comments.author"});
    odm_await_success(&out);

    found = out.documents[0];
    assert_true(muv_str_equal(((user_t *)found->author.doc)->email, muv_str("ann@x.org")));
    assert_true(
        muv_str_equal(((user_t *)found->comments.data[0].author.doc)->email, muv_str("bob@x.org")));
    odm_clear(&out);
    muv_doc_release(post);
    muv_doc_release(ann);
    muv_doc_release(bob);
}

static void an_update_changes_all_matches(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    muv_update_t *update = muv_update_new(o->registry, &user_model);

    muv_doc_release(save_user(o, "ann@x.org", 30));
    muv_doc_release(save_user(o, "bob@x.org", 31));
    muv_update_inc(update, user_fields.age, 10);
    odm_update(o, &out,
               muv_query_filter(muv_query_new(o->registry, &user_model), muv_where("age__lt", 40)),
               update);
    odm_await_success(&out);
    assert_int_equal(out.result.matched, 2);
    assert_int_equal(out.result.modified, 2);
    odm_clear(&out);
    odm_count(
        o, &out,
        muv_query_filter(muv_query_new(o->registry, &user_model), muv_gte(user_fields.age, 40)));
    odm_await_success(&out);
    assert_int_equal(out.count, 2);
    odm_clear(&out);
}

/* [#297] Two copies of one document change different fields: both changes survive. */
static void two_loaded_copies_change_different_fields(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    user_t *ann = save_user(o, "ann@x.org", 30);
    user_t *copy;

    odm_first(o, &out, muv_query_new(o->registry, &user_model), NULL);
    odm_await_success(&out);
    copy = out.documents[0];
    CHECK_CODE(muv_put(copy, &copy->name, "Ann"), 0);
    ann->age = 31;
    ODM_OK(odm_save(o, &out_, copy, NULL));
    ODM_OK(odm_save(o, &out_, ann, NULL));
    ODM_OK(odm_reload(o, &out_, ann));

    assert_int_equal(ann->age, 31);
    assert_true(muv_str_equal(ann->name, muv_str("Ann")));
    odm_clear(&out);
    muv_doc_release(ann);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_own, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_document_goes_there_and_back),
        T(a_document_deleted_elsewhere_does_not_come_back),
        T(indexes_are_created_and_unique_ones_hold),
        T(many_documents_are_inserted_and_streamed),
        T(a_post_comes_with_author_and_comments),
        T(an_update_changes_all_matches),
        T(two_loaded_copies_change_different_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
