/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow and shrink. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

static muv_registry_t *registry;
static post_t *post;

static int make_post(void **state)
{
    (void)state;
    registry = odm_registry();
    post = muv_doc_new(registry, &post_model);
    return 0;
}

static int free_post(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

static void pushed_elements_come_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(muv_list_push(post, &post->marks, i), 0);
    }
    assert_int_equal(post->marks.count, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(post->marks.data[i], i);
    }
}

static void an_array_of_the_program_is_copied_when_it_grows(void **state)
{
    int32_t own[] = {1, 2};

    (void)state;
    post->marks = (muv_int32_list_t){.data = own, .count = 2};
    assert_int_equal(muv_list_push(post, &post->marks, 3), 0);
    assert_ptr_not_equal(post->marks.data, own);
    assert_int_equal(post->marks.data[1], 2);
    assert_int_equal(post->marks.data[2], 3);
}

static void an_added_embedded_document_has_its_defaults(void **state)
{
    box_t *box = muv_doc_new(registry, &box_model);
    wide_t *part = muv_list_add(box, &box->parts);

    (void)state;
    assert_string_equal(part->d4.data, "d");
    assert_int_equal(muv_set_null(box, &part->a8), 0);
    assert_int_equal(muv_state(box, &part->a8), MUV_STATE_NULL);
    assert_int_equal(box->parts.count, 1);
    muv_doc_release(box);
}

static void an_added_scalar_is_zero(void **state)
{
    int32_t *mark = muv_list_add(post, &post->marks);

    (void)state;
    assert_int_equal(*mark, 0);
    assert_int_equal(post->marks.count, 1);
}

static void removal_closes_the_gap(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(muv_list_push(post, &post->marks, i), 0);
    }
    assert_int_equal(muv_list_remove(post, &post->marks, 1), 0);
    assert_int_equal(post->marks.count, 3);
    assert_int_equal(post->marks.data[1], 2);
    assert_int_equal(muv_list_remove(post, &post->marks, 2), 0);
    assert_int_equal(muv_list_remove(post, &post->marks, 2), MUV_EINVAL);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    assert_null(muv_list_add(post, &post->title));
    assert_null(muv_list_add(post, NULL));
    assert_null(muv_list_add(NULL, &post->marks));
    assert_int_equal(muv_list_remove(post, &post->home, 0), MUV_EINVAL);
    assert_int_equal(muv_list_reserve(post, &post->marks, 0, 1), MUV_EINVAL);
    assert_int_equal(muv_list_reserve(NULL, &post->marks, 4, 1), MUV_EINVAL);
    assert_int_equal(muv_list_reserve(post, &post->marks, 4, UINT32_MAX), MUV_ETOOLARGE);
}

static void grow_under_failing_memory(void *data)
{
    post_t *fresh = muv_doc_new(data, &post_model);
    int code = 0;

    for (int i = 0; fresh != NULL && i < 300 && code == 0; i++) {
        code = muv_list_push(fresh, &fresh->marks, i);
        assert_int_equal(fresh->marks.count, i + (code == 0));
    }
    assert_true(alloc_has_failed() || (fresh != NULL && code == 0));
    muv_doc_release(fresh);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(grow_under_failing_memory, registry), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_post, free_post)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pushed_elements_come_in_order),
        TEST(an_array_of_the_program_is_copied_when_it_grows),
        TEST(an_added_embedded_document_has_its_defaults),
        TEST(an_added_scalar_is_zero),
        TEST(removal_closes_the_gap),
        TEST(what_is_no_list_is_refused),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
