/* SPDX-License-Identifier: Apache-2.0 */
/* Rollback and reload. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/reload.h"

static muv_registry_t *registry;
static post_t *post;

static int load(void **state)
{
    (void)state;
    registry = odm_registry();
    post = odm_load(registry, &post_model,
                    "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hello',"
                    " 'h': {'c': 'Bern'}, 'cm': [{'t': 'one', 'r': [{'t': 'two'}]}]}");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

static void rollback_brings_back_what_was_loaded(void **state)
{
    (void)state;
    post->title = muv_str("bye");
    post->rank = 5;
    post->comments.count = 0;
    assert_int_equal(muv_set_null(post, &post->home), 0);
    assert_int_equal(muv_rollback(post), 0);
    assert_string_equal(post->title.data, "hello");
    assert_int_equal(post->rank, 0);
    assert_int_equal(post->comments.count, 1);
    assert_string_equal(post->home.city.data, "Bern");
    CHECK_CHANGES(post, "{}");
}

static void rollback_of_a_new_document_brings_back_its_defaults(void **state)
{
    post_t *fresh = muv_doc_new(registry, &post_model);

    (void)state;
    fresh->status = muv_str("public");
    fresh->votes = 3;
    assert_int_equal(muv_rollback(fresh), 0);
    assert_string_equal(fresh->status.data, "draft");
    assert_int_equal(fresh->votes, 0);
    muv_doc_release(fresh);
}

static int reload(post_t *document, const char *json, muv_error_t *reterr)
{
    bson_t *bson = bson_from(odm_json(json));
    int code = muv__reload(&document->doc, muv__span(bson_get_data(bson), bson->len), reterr);

    bson_destroy(bson);
    return code;
}

static void reload_takes_what_is_stored_now(void **state)
{
    (void)state;
    post->title = muv_str("bye");
    assert_int_equal(muv_set_null(post, &post->rank), 0);
    CHECK_CODE(reload(post, "{'_id': {'$oid': '000000000000000000000001'}, 'v': 9}", NULL), 0);
    assert_null(post->title.data);
    assert_int_equal(post->votes, 9);
    CHECK_CHANGES(post, "{}");
}

static void reload_makes_a_part_whole(void **state)
{
    post_t *part = odm_load_part(registry, &post_model,
                                 "{'_id': {'$oid': '000000000000000000000001'}}", "v", 0);

    (void)state;
    CHECK_CODE(reload(part, "{'_id': {'$oid': '000000000000000000000001'}, 't': 'x'}", NULL), 0);
    assert_int_equal(muv_state(part, &part->title), MUV_STATE_SET);
    assert_int_equal(muv_rollback(part), 0);
    assert_int_equal(muv_state(part, &part->title), MUV_STATE_SET);
    muv_doc_release(part);
}

static void a_failed_reload_changes_nothing(void **state)
{
    muv_error_t error;

    (void)state;
    post->rank = 5;
    CHECK_CODE(reload(post, "{'h': {'c': 5}}", &error), MUV_EDECODE);
    assert_string_equal(error.message, "Post.home.city: a stored int32 does not fit a string");
    assert_string_equal(post->title.data, "hello");
    CHECK_CHANGES(post, "{'$set': {'rk': 5}}");
}

static void roll_back_under_failing_memory(void *data)
{
    box_t *box = muv_doc_new(data, &box_model);

    if (box != NULL) {
        int code = muv_put(box, &box->id, "k");

        for (int i = 0; i < 5 && code == 0; i++) {
            code = muv_rollback(box);
        }
        assert_int_equal(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    }
    muv_doc_release(box);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(roll_back_under_failing_memory, registry), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rollback_brings_back_what_was_loaded),
        TEST(rollback_of_a_new_document_brings_back_its_defaults),
        TEST(reload_takes_what_is_stored_now),
        TEST(reload_makes_a_part_whole),
        TEST(a_failed_reload_changes_nothing),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
