/* SPDX-License-Identifier: Apache-2.0 */
/* Documents in memory: life, states, text. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#define STORED                                                                                     \
    "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hello', 'h': {'c': 'Bern'},"              \
    " 'cm': [{'t': 'one', 'r': [{'t': 'two'}]}]}"

static muv_registry_t *registry;
static post_t *post;

static int load(void **state)
{
    (void)state;
    registry = odm_registry();
    post = odm_load(registry, &post_model, STORED);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

static void a_new_document_has_its_defaults_and_no_key(void **state)
{
    post_t *fresh = muv_doc_new(registry, &post_model);
    muv_value_t key;
    size_t size;

    (void)state;
    assert_string_equal(fresh->status.data, "draft");
    assert_int_equal(muv_state(fresh, &fresh->status), MUV_STATE_SET);
    assert_int_equal(muv_state(fresh, &fresh->votes), MUV_STATE_SET);
    assert_int_equal(muv_state(fresh, &fresh->rank), MUV_STATE_ABSENT);
    assert_int_equal(muv_state(fresh, &fresh->id), MUV_STATE_ABSENT);
    assert_int_equal(muv_doc_id(fresh, &key), MUV_EINVAL);
    assert_null(muv_doc_raw(fresh, &size));
    assert_ptr_equal(muv_doc_model(fresh), &post_model);
    muv_doc_release(fresh);
}

static void a_stored_document_has_its_key_and_bytes(void **state)
{
    muv_value_t key;
    size_t size;
    const uint8_t *raw = muv_doc_raw(post, &size);

    (void)state;
    assert_int_equal(muv_doc_id(post, &key), 0);
    assert_int_equal(key.kind, MUV_KIND_OBJECTID);
    assert_int_equal(key.as.oid.bytes[11], 1);
    CHECK_BYTES_BSON_EQUAL(raw, size, odm_json(STORED));
}

static void stores_make_an_absent_field_set_until_they_are_taken_back(void **state)
{
    (void)state;
    post->rank = 1;
    assert_int_equal(muv_state(post, &post->rank), MUV_STATE_SET);
    post->rank = 0;
    assert_int_equal(muv_state(post, &post->rank), MUV_STATE_ABSENT);
    post->home.zip = muv_str("1");
    assert_int_equal(muv_state(post, &post->home.zip), MUV_STATE_SET);
    post->title.data = NULL;
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_ABSENT);
}

static void members_are_found_at_any_depth(void **state)
{
    comment_t *deep = &post->comments.data[0].replies.data[0];

    (void)state;
    assert_int_equal(muv_set_null(post, &deep->votes), 0);
    assert_int_equal(muv_state(post, &deep->votes), MUV_STATE_NULL);
    CHECK_CHANGES(post, "{'$set': {'cm.0.r.0.v': null}}");
    deep->votes = 2;
    CHECK_CHANGES(post, "{'$set': {'cm.0.r.0.v': 2}}");
}

static void pointers_that_mean_no_field_are_refused(void **state)
{
    int stranger = 0;

    (void)state;
    assert_int_equal(muv_state(post, &stranger), MUV_EINVAL);
    assert_int_equal(muv_state(post, NULL), MUV_EINVAL);
    assert_int_equal(muv_state(NULL, &stranger), MUV_EINVAL);
    assert_int_equal(muv_set_null(post, &post->doc), MUV_EINVAL);
    assert_int_equal(muv_set_null(post, (char *)&post->title + 1), MUV_EINVAL);
    assert_int_equal(muv_set_present(post, &stranger), MUV_EINVAL);
    assert_int_equal(muv_unset(post, &post->comments.data[0]), MUV_EINVAL);
}

static void null_and_unset_empty_the_member(void **state)
{
    (void)state;
    assert_int_equal(muv_set_null(post, &post->title), 0);
    assert_null(post->title.data);
    assert_int_equal(muv_unset(post, &post->home), 0);
    assert_null(post->home.city.data);
    assert_int_equal(muv_set_null(post, &post->comments), 0);
    assert_int_equal(post->comments.count, 0);
    post->status = muv_str("public");
    assert_int_equal(muv_unset(post, &post->status), 0);
    assert_string_equal(post->status.data, "draft");
    CHECK_CHANGES(post, "{'$set': {'t': null, 'cm': null}, '$unset': {'h': 1}}");
}

static void a_zeroed_element_takes_states_too(void **state)
{
    (void)state;
    assert_int_equal(muv_list_push(post, &post->comments, (comment_t){.text = muv_str("2")}), 0);
    assert_int_equal(muv_unset(post, &post->comments.data[1].votes), 0);
    CHECK_CHANGES(post, "{'$push': {'cm': {'$each': [{'t': '2'}]}}}");
}

static void put_copies(void **state)
{
    char text[] = "copied";
    uint8_t bytes[] = {1, 2, 3};

    (void)state;
    assert_int_equal(muv_put(post, &post->title, text), 0);
    assert_int_equal(muv_put_sized(post, &post->home.zip, text, 3), 0);
    assert_int_equal(muv_put_binary(post, &post->blob, bytes, 3, 4), 0);
    memset(text, 'x', sizeof(text));
    memset(bytes, 0, sizeof(bytes));
    assert_string_equal(post->title.data, "copied");
    assert_string_equal(post->home.zip.data, "cop");
    CHECK_BYTES_EQUAL(post->blob.data, post->blob.size, "01 02 03");
    assert_int_equal(muv_put(post, &post->title, NULL), 0);
    assert_null(post->title.data);
    assert_int_equal(muv_put(NULL, &post->title, "x"), MUV_EINVAL);
    assert_int_equal(muv_put_sized(post, &post->title, "x", INT32_MAX), MUV_ETOOLARGE);
}

static void a_retained_document_outlives_its_first_release(void **state)
{
    (void)state;
    assert_ptr_equal(muv_doc_retain(post), post);
    muv_doc_release(post);
    assert_string_equal(post->title.data, "hello");
    muv_doc_release(NULL);
}

static void a_document_keeps_its_registry(void **state)
{
    (void)state;
    muv_registry_free(registry);
    registry = NULL;
    post->rank = 1;
    CHECK_CHANGES(post, "{'$set': {'rk': 1}}");
}

static void create_under_failing_memory(void *data)
{
    box_t *box = muv_doc_new(registry, &box_model);

    (void)data;
    assert_true(box != NULL || alloc_has_failed());
    if (box != NULL) {
        int code = muv_put(box, &box->id, "k");

        code = code != 0 ? code : muv_set_null(box, &box->wide.a8);
        assert_int_equal(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    }
    muv_doc_release(box);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(create_under_failing_memory, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_document_has_its_defaults_and_no_key),
        TEST(a_stored_document_has_its_key_and_bytes),
        TEST(stores_make_an_absent_field_set_until_they_are_taken_back),
        TEST(members_are_found_at_any_depth),
        TEST(pointers_that_mean_no_field_are_refused),
        TEST(null_and_unset_empty_the_member),
        TEST(a_zeroed_element_takes_states_too),
        TEST(put_copies),
        TEST(a_retained_document_outlives_its_first_release),
        TEST(a_document_keeps_its_registry),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
