/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields count as loaded. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/projection.h"

#define STORED                                                                                     \
    "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hello', 'h': {'c': 'Bern'}, 'cm': [{}]}"

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

static void only_loads_what_it_names_and_the_key(void **state)
{
    post_t *post =
        odm_load_part(registry, &post_model,
                      "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hello'}", "t v", 0);

    (void)state;
    assert_int_equal(muv_state(post, &post->id), MUV_STATE_SET);
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_SET);
    assert_int_equal(muv_state(post, &post->votes), MUV_STATE_ABSENT);
    assert_int_equal(muv_state(post, &post->status), MUV_STATE_NOT_LOADED);
    assert_null(post->status.data);
    muv_doc_release(post);
}

static void exclude_loads_all_others(void **state)
{
    post_t *post = odm_load_part(registry, &post_model, STORED, "st h.z cm.v", 1);

    (void)state;
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_SET);
    assert_int_equal(muv_state(post, &post->status), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_state(post, &post->home.city), MUV_STATE_SET);
    assert_int_equal(muv_state(post, &post->home.zip), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_state(post, &post->comments.data[0].votes), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_state(post, &post->comments.data[0].text), MUV_STATE_ABSENT);
    muv_doc_release(post);
}

static void a_whole_document_swallows_its_parts(void **state)
{
    post_t *whole_first = odm_load_part(registry, &post_model, STORED, "h h.c", 0);
    post_t *part_first = odm_load_part(registry, &post_model, STORED, "h.c h", 0);

    (void)state;
    assert_int_equal(muv_state(whole_first, &whole_first->home.zip), MUV_STATE_ABSENT);
    assert_int_equal(muv_state(part_first, &part_first->home.zip), MUV_STATE_ABSENT);
    muv_doc_release(part_first);
    muv_doc_release(whole_first);
}

static void what_is_stored_counts_as_loaded_whatever_was_asked_for(void **state)
{
    post_t *post = odm_load_part(registry, &post_model, STORED, "v", 0);

    (void)state;
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_SET);
    assert_string_equal(post->home.city.data, "Bern");
    CHECK_CHANGES(post, "{}");
    muv_doc_release(post);
}

static void a_field_that_was_not_loaded_can_be_set_by_a_call(void **state)
{
    post_t *post = odm_load_part(registry, &post_model, STORED, "t", 0);

    (void)state;
    post->votes = 5;
    assert_int_equal(muv_set_present(post, &post->votes), 0);
    assert_int_equal(muv_unset(post, &post->rank), 0);
    CHECK_CHANGES(post, "{'$set': {'v': 5}}");
    muv_doc_release(post);
}

static void unknown_paths_are_refused(void **state)
{
    static const char *const paths[] = {"h.nowhere"};
    muv__projection_t *projection = NULL;
    muv__arena_t arena;

    (void)state;
    muv__arena_init(&arena, 256, 1 << 20);
    CHECK_CODE(muv__projection_new(muv_registry_find(registry, &post_model), paths, 1, 0, &arena,
                                   &projection),
               MUV_EINVAL);
    assert_null(projection);
    muv__arena_done(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_registry, free_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_loads_what_it_names_and_the_key),
        TEST(exclude_loads_all_others),
        TEST(a_whole_document_swallows_its_parts),
        TEST(what_is_stored_counts_as_loaded_whatever_was_asked_for),
        TEST(a_field_that_was_not_loaded_can_be_set_by_a_call),
        TEST(unknown_paths_are_refused),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
