/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that outlive their batch. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#define ID "'_id': {'$oid': '000000000000000000000001'}"

static muv_registry_t *registry;

static int make_registry(void **state)
{
    (void)state;
    registry = odm_registry();
    return 0;
}

static int free_registry(void **state)
{
    (void)state;
    muv_registry_free(registry);
    return 0;
}

static void a_copy_keeps_everything_and_needs_nothing(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 't': 'hello', 'bl': {'$binary': {'base64': 'AQI=',"
                            " 'subType': '00'}}, 'h': {'c': 'Bern', 'x': 1}, 'tg': ['a'],"
                            " 'cm': [{'t': 'one', 'k': 1, 'r': [{'t': 'two'}]}], 'more': [1]}");
    post_t *copy = muv_doc_detach(post);

    (void)state;
    muv_doc_release(post);
    CHECK_CHANGES(copy, "{}");
    CHECK_ENCODED(copy, "{" ID ", 't': 'hello', 'bl': {'$binary': {'base64': 'AQI=',"
                        " 'subType': '00'}}, 'h': {'c': 'Bern', 'x': 1}, 'tg': ['a'],"
                        " 'cm': [{'t': 'one', 'r': [{'t': 'two'}], 'k': 1}], 'more': [1]}");
    copy->comments.data[0].replies.data[0].text = muv_str("zwei");
    CHECK_CHANGES(copy, "{'$set': {'cm.0.r.0.t': 'zwei'}}");
    muv_doc_release(copy);
}

static void unsaved_changes_come_along(void **state)
{
    post_t *post = odm_load(registry, &post_model, "{" ID ", 't': 'hello', 'tg': ['a']}");
    post_t *copy;

    (void)state;
    assert_int_equal(muv_put(post, &post->title, "put"), 0);
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("b")), 0);
    assert_int_equal(muv_set_null(post, &post->rank), 0);
    copy = muv_doc_detach(post);
    muv_doc_release(post);
    CHECK_CHANGES(copy, "{'$set': {'t': 'put', 'rk': null}, '$push': {'tg': {'$each': ['b']}}}");
    muv_doc_release(copy);
}

static void references_keep_their_keys_without_their_documents(void **state)
{
    post_t *post = muv_doc_new(registry, &post_model);
    user_t *user = muv_doc_new(registry, &user_model);
    post_t *copy;

    (void)state;
    assert_int_equal(muv_ref_to(&post->author, user), 0);
    user->id.bytes[11] = 7;
    copy = muv_doc_detach(post);
    muv_doc_release(user);
    muv_doc_release(post);
    assert_null(copy->author.doc);
    assert_int_equal(copy->author.state, MUV_REF_UNLOADED);
    assert_int_equal(copy->author.id.oid.bytes[11], 7);
    muv_doc_release(copy);
}

static void wide_states_and_computed_defaults_are_copied(void **state)
{
    box_t *box = odm_load(registry, &box_model, "{'_id': 'x', 'w': {'a8': 1}, 'p': [{}]}");
    box_t *copy;

    (void)state;
    assert_int_equal(muv_set_null(box, &box->wide.b8), 0);
    copy = muv_doc_detach(box);
    muv_doc_release(box);
    assert_string_equal(copy->label.data, "box 1");
    CHECK_CHANGES(copy, "{'$set': {'w.b8': null}}");
    muv_doc_release(copy);
}

static void a_part_stays_a_part(void **state)
{
    post_t *post = odm_load_part(registry, &post_model, "{" ID ", 'h': {'c': 'Bern'}}", "h.c", 0);
    post_t *copy = muv_doc_detach(post);

    (void)state;
    muv_doc_release(post);
    assert_int_equal(muv_state(copy, &copy->home.zip), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_rollback(copy), 0);
    assert_int_equal(muv_state(copy, &copy->home.zip), MUV_STATE_NOT_LOADED);
    muv_doc_release(copy);
}

static void detach_under_failing_memory(void *data)
{
    void *copy = muv_doc_detach(data);

    assert_true(copy != NULL || alloc_has_failed());
    muv_doc_release(copy);
}

static void every_allocation_may_fail(void **state)
{
    box_t *box = odm_load(registry, &box_model, "{'_id': 'x', 'p': [{}, {}, {}, {}, {}, {}]}");

    (void)state;
    assert_int_not_equal(alloc_sweep(detach_under_failing_memory, box), 0);
    muv_doc_release(box);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_registry, free_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_keeps_everything_and_needs_nothing),
        TEST(unsaved_changes_come_along),
        TEST(references_keep_their_keys_without_their_documents),
        TEST(wide_states_and_computed_defaults_are_copied),
        TEST(a_part_stays_a_part),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
