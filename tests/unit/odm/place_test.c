/* SPDX-License-Identifier: Apache-2.0 */
/* From a pointer to its field. */
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/place.h"

static void every_member_is_found_and_nothing_between(void **state)
{
    muv_registry_t *registry = odm_registry();
    post_t *post = muv_doc_new(registry, &post_model);
    const muv_schema_t *schema = muv_registry_find(registry, &post_model);
    muv__place_t place;

    (void)state;
    for (uint32_t i = 0; i < schema->count; i++) {
        uint8_t *member = (uint8_t *)post + schema->fields[i].offset;

        assert_true(muv__place_find(post, member, &place));
        assert_ptr_equal(place.field, &schema->fields[i]);
        assert_ptr_equal(place.base, post);
        assert_false(muv__place_find(post, member + 1, &place));
    }
    assert_false(muv__place_find(post, post, &place));
    assert_false(muv__place_find(post, post + 1, &place));
    muv_doc_release(post);
    muv_registry_free(registry);
}

static void members_of_embedded_documents_are_found(void **state)
{
    muv_registry_t *registry = odm_registry();
    post_t *post =
        odm_load(registry, &post_model, "{'cm': [{'r': [{}, {'r': [{}]}]}, {'r': [{}]}]}");
    comment_t *deep = &post->comments.data[0].replies.data[1].replies.data[0];
    comment_t *last = &post->comments.data[1].replies.data[0];
    muv__place_t place;

    (void)state;
    assert_true(muv__place_find(post, &post->home.city, &place));
    assert_ptr_equal(place.base, &post->home);
    assert_true(muv__place_find(post, &deep->votes, &place));
    assert_ptr_equal(place.base, deep);
    assert_string_equal(place.field->row->name, "votes");
    assert_true(muv__place_find(post, &last->replies, &place));
    assert_ptr_equal(place.base, last);
    assert_false(muv__place_find(post, post->comments.data + 2, &place));
    muv_doc_release(post);
    muv_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_found_and_nothing_between),
        cmocka_unit_test(members_of_embedded_documents_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
