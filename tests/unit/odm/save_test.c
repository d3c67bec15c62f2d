/* SPDX-License-Identifier: Apache-2.0 */
/* What a save sends, and what the document is compared with afterwards. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/save.h"

#define ID "'_id': {'$oid': '000000000000000000000001'}"

static const muv_oid_t new_id = {.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
static muv_registry_t *registry;
static post_t *post;

static int load(void **state)
{
    (void)state;
    registry = odm_registry();
    post = odm_load(registry, &post_model,
                    "{" ID ", 't': 'hello', 'v': 3, 'h': {'c': 'Bern', 'x': 1}, 'tg': ['a'],"
                    " 'cm': [{'t': 'one', 'v': 1, 'k': 1}], 'more': 1}");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

static muv__save_t begin(void *document)
{
    muv__save_t save;
    muv_error_t error;

    if (muv__save_begin(document, &new_id, &save, &error) != 0) {
        fail_msg("save: %s", error.message);
    }
    return save;
}

#define CHECK_SPAN(span, json) CHECK_BYTES_BSON_EQUAL((span).data, (span).size, odm_json(json))

static void a_new_document_is_inserted_with_a_key(void **state)
{
    user_t *user = muv_doc_new(registry, &user_model);
    muv__save_t save;

    (void)state;
    user->email = muv_str("a@b.example");
    save = begin(user);
    CHECK_SPAN(save.insert, "{" ID ", 'e': 'a@b.example', 'age': 0}");
    assert_int_equal(save.update.size, 0);
    muv__save_done(&save);
    CHECK_CHANGES(user, "{}");
    user->age = 5;
    CHECK_CHANGES(user, "{'$set': {'age': 5}}");
    muv_doc_release(user);
}

static void a_key_that_cannot_be_made_is_missing(void **state)
{
    box_t *box = muv_doc_new(registry, &box_model);
    muv__save_t save;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv__save_begin(box, &new_id, &save, &error), MUV_EVALIDATION);
    assert_string_equal(error.message, "Box.id: Field is required");
    muv_doc_release(box);
}

static void an_unchanged_document_sends_nothing(void **state)
{
    muv__save_t save = begin(post);

    (void)state;
    assert_int_equal(save.insert.size + save.update.size, 0);
    muv__save_done(&save);
    CHECK_CHANGES(post, "{}");
}

static void after_a_save_changes_start_from_what_was_sent(void **state)
{
    muv__save_t save;

    (void)state;
    post->votes = 4;
    post->comments.data[0].votes = 2;
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("b")), 0);
    save = begin(post);
    CHECK_SPAN(save.update, "{'$set': {'v': 4, 'cm.0.v': 2}, '$push': {'tg': {'$each': ['b']}}}");
    muv__save_done(&save);
    CHECK_CHANGES(post, "{}");
    post->home.zip = muv_str("1");
    post->comments.data[0].text = muv_str("ONE");
    CHECK_CHANGES(post, "{'$set': {'h.z': '1', 'cm.0.t': 'ONE'}}");
}

static void a_failed_save_leaves_the_changes(void **state)
{
    (void)state;
    post->votes = 4;
    post->home.city.data = NULL;
    (void)begin(post);
    CHECK_CHANGES(post, "{'$set': {'v': 4}, '$unset': {'h.c': 1}}");
}

static void stores_during_a_save_are_changes_of_the_next(void **state)
{
    muv__save_t save;
    comment_t first;

    (void)state;
    post->votes = 4;
    assert_int_equal(muv_list_push(post, &post->comments, (comment_t){.text = muv_str("2")}), 0);
    save = begin(post);
    post->votes = 5;
    first = post->comments.data[0];
    post->comments.data[0] = post->comments.data[1];
    post->comments.data[1] = first;
    muv__save_done(&save);
    CHECK_CHANGES(post, "{'$set': {'v': 5, 'cm': [{'t': '2', 'v': 0},"
                        " {'t': 'one', 'v': 1, 'k': 1}]}}");
}

static void borrowed_memory_is_free_after_begin(void **state)
{
    char text[] = "borrowed";
    muv_str_t own[] = {muv_str(text)};
    muv__save_t save;

    (void)state;
    post->title = muv_str(text);
    post->tags = (muv_str_list_t){.data = own, .count = 1};
    save = begin(post);
    memset(text, 'x', sizeof(text) - 1);
    own[0] = muv_str("other");
    assert_string_equal(post->title.data, "borrowed");
    assert_string_equal(post->tags.data[0].data, "borrowed");
    muv__save_done(&save);
    CHECK_CHANGES(post, "{}");
}

static void a_part_is_saved_as_a_part(void **state)
{
    post_t *part =
        odm_load_part(registry, &post_model, "{" ID ", 'v': 3, 'h': {'c': 'Bern'}}", "v h.c", 0);
    muv__save_t save;

    (void)state;
    part->home.city = muv_str("Thun");
    save = begin(part);
    CHECK_SPAN(save.update, "{'$set': {'h.c': 'Thun'}}");
    muv__save_done(&save);
    CHECK_CHANGES(part, "{}");
    assert_int_equal(muv_state(part, &part->title), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_state(part, &part->home.zip), MUV_STATE_NOT_LOADED);
    muv_doc_release(part);
}

static void a_field_that_was_set_once_can_be_zero_later(void **state)
{
    muv__save_t save;

    (void)state;
    post->rank = 5;
    save = begin(post);
    muv__save_done(&save);
    post->rank = 0;
    CHECK_CHANGES(post, "{'$set': {'rk': 0}}");
}

static void save_under_failing_memory(void *data)
{
    post_t *copy = muv_doc_detach(data);
    muv__save_t save;

    if (copy != NULL) {
        int code;

        copy->votes = 99;
        copy->title = muv_str("another title");
        code = muv__save_begin(copy, &new_id, &save, NULL);
        assert_int_equal(code, alloc_has_failed() ? MUV_ENOMEM : 0);
        if (code == 0) {
            muv__save_done(&save);
        }
    }
    muv_doc_release(copy);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(save_under_failing_memory, post), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_document_is_inserted_with_a_key),
        TEST(a_key_that_cannot_be_made_is_missing),
        TEST(an_unchanged_document_sends_nothing),
        TEST(after_a_save_changes_start_from_what_was_sent),
        TEST(a_failed_save_leaves_the_changes),
        TEST(stores_during_a_save_are_changes_of_the_next),
        TEST(borrowed_memory_is_free_after_begin),
        TEST(a_part_is_saved_as_a_part),
        TEST(a_field_that_was_set_once_can_be_zero_later),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
