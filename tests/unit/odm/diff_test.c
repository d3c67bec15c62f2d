/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest update. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#define STORED                                                                                     \
    "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hello', 'v': 3, 'ar': false,"             \
    " 'h': {'c': 'Bern', 'x': 1}, 'tg': ['a', 'b', 'c'],"                                          \
    " 'cm': [{'t': 'one', 'v': 1, 'k': true}, {'t': 'two', 'v': 2}], 'unknown': [1]}"

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

static void load_again(const char *stored)
{
    muv_doc_release(post);
    post = odm_load(registry, &post_model, stored);
}

static void nothing_changed_is_an_empty_update(void **state)
{
    (void)state;
    CHECK_CHANGES(post, "{}");
}

static void a_plain_store_is_seen(void **state)
{
    (void)state;
    post->votes = 4;
    post->title = muv_str("bye");
    CHECK_CHANGES(post, "{'$set': {'t': 'bye', 'v': 4}}");
}

static void a_stored_equal_value_is_no_change(void **state)
{
    (void)state;
    post->title = muv_str("hello");
    post->votes = 3;
    CHECK_CHANGES(post, "{}");
}

static void set_and_unset_go_into_one_update(void **state)
{
    (void)state;
    post->title = (muv_str_t){.data = NULL};
    post->rank = 7;
    CHECK_CHANGES(post, "{'$set': {'rk': 7}, '$unset': {'t': 1}}");
}

static void false_and_zero_of_loaded_fields_are_set(void **state)
{
    (void)state;
    load_again("{'_id': {'$oid': '000000000000000000000001'}, 'v': 3, 'ar': true}");
    post->votes = 0;
    post->archived = false;
    CHECK_CHANGES(post, "{'$set': {'v': 0, 'ar': false}}");
}

static void absent_and_null_fields_are_left_alone(void **state)
{
    (void)state;
    load_again("{'_id': {'$oid': '000000000000000000000001'}, 'v': null, 'st': null, 'h': null}");
    assert_int_equal(post->votes, 0);
    assert_string_equal(post->status.data, "draft");
    CHECK_CHANGES(post, "{}");
}

static void a_value_stored_into_an_absent_field_is_set(void **state)
{
    (void)state;
    load_again("{'_id': {'$oid': '000000000000000000000001'}, 'v': null}");
    post->votes = 1;
    post->status = muv_str("public");
    post->home.city = muv_str("Bern");
    CHECK_CHANGES(post, "{'$set': {'v': 1, 'st': 'public', 'h': {'c': 'Bern'}}}");
}

static void calls_say_what_stores_cannot(void **state)
{
    (void)state;
    assert_int_equal(muv_set_present(post, &post->rank), 0);
    assert_int_equal(muv_set_present(post, &post->status), 0);
    assert_int_equal(muv_set_null(post, &post->title), 0);
    assert_int_equal(muv_unset(post, &post->home), 0);
    assert_int_equal(muv_set_null(post, &post->comments.data[0].votes), 0);
    CHECK_CHANGES(post, "{'$set': {'t': null, 'rk': 0, 'st': 'draft', 'cm.0.v': null},"
                        " '$unset': {'h': 1}}");
}

static void a_null_field_that_is_emptied_is_set_to_null(void **state)
{
    (void)state;
    load_again("{'_id': {'$oid': '000000000000000000000001'}, 'nt': 'x'}");
    post->note.data = NULL;
    CHECK_CHANGES(post, "{'$set': {'nt': null}}");
}

static void paths_lead_into_embedded_documents(void **state)
{
    (void)state;
    post->home.city = (muv_str_t){.data = NULL};
    post->home.zip = muv_str("3000");
    post->comments.data[1].text = muv_str("deux");
    CHECK_CHANGES(post, "{'$set': {'h.z': '3000', 'cm.1.t': 'deux'}, '$unset': {'h.c': 1}}");
}

static void another_embedded_document_is_set_as_a_whole(void **state)
{
    (void)state;
    post->home = (address_t){.city = muv_str("Bern"), .floor = 2};
    CHECK_CHANGES(post, "{'$set': {'h': {'c': 'Bern', 'f': 2}}}");
}

static void a_zeroed_embedded_document_is_unset(void **state)
{
    (void)state;
    post->home = (address_t){.city = {.data = NULL}};
    CHECK_CHANGES(post, "{'$unset': {'h': 1}}");
}

static void an_appended_list_is_pushed(void **state)
{
    (void)state;
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("d")), 0);
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("e")), 0);
    assert_int_equal(muv_list_push(post, &post->comments, (comment_t){.text = muv_str("3")}), 0);
    CHECK_CHANGES(post, "{'$push': {'tg': {'$each': ['d', 'e']},"
                        " 'cm': {'$each': [{'t': '3', 'v': 0}]}}}");
}

static void an_element_of_an_equally_long_list_is_set_alone(void **state)
{
    (void)state;
    post->tags.data[1] = muv_str("B");
    CHECK_CHANGES(post, "{'$set': {'tg.1': 'B'}}");
}

static void a_list_whose_elements_all_changed_is_set_as_a_whole(void **state)
{
    (void)state;
    post->tags.data[0] = muv_str("A");
    post->tags.data[1] = muv_str("B");
    post->tags.data[2] = muv_str("C");
    CHECK_CHANGES(post, "{'$set': {'tg': ['A', 'B', 'C']}}");
}

static void a_change_and_an_append_write_the_whole_list(void **state)
{
    (void)state;
    post->tags.data[0] = muv_str("A");
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("d")), 0);
    CHECK_CHANGES(post, "{'$set': {'tg': ['A', 'b', 'c', 'd']}}");
}

static void a_shorter_list_is_set_and_an_empty_one_stays_a_list(void **state)
{
    (void)state;
    assert_int_equal(muv_list_remove(post, &post->tags, 0), 0);
    post->comments.count = 0;
    CHECK_CHANGES(post, "{'$set': {'tg': ['b', 'c'], 'cm': []}}");
}

static void moved_elements_take_their_unknown_keys_along(void **state)
{
    comment_t first = post->comments.data[0];

    (void)state;
    post->comments.data[0] = post->comments.data[1];
    post->comments.data[1] = first;
    CHECK_CHANGES(post, "{'$set': {'cm': [{'t': 'two', 'v': 2},"
                        " {'t': 'one', 'v': 1, 'k': true}]}}");
}

static void lenient_numbers_are_no_change(void **state)
{
    (void)state;
    load_again("{'_id': {'$oid': '000000000000000000000001'}, 'v': 3.0, 's': 1, 'mk': [1.0]}");
    CHECK_CHANGES(post, "{}");
    post->score = 0.5;
    CHECK_CHANGES(post, "{'$set': {'s': 0.5}}");
}

static void two_copies_change_different_fields(void **state)
{
    post_t *other = odm_load(registry, &post_model, STORED);

    (void)state;
    post->votes = 9;
    other->title = muv_str("bye");
    CHECK_CHANGES(post, "{'$set': {'v': 9}}");
    CHECK_CHANGES(other, "{'$set': {'t': 'bye'}}");
    muv_doc_release(other);
}

static void the_primary_key_cannot_change(void **state)
{
    const char *message;

    (void)state;
    post->id.bytes[0] = 9;
    assert_int_equal(odm_changes_error(post, &message), MUV_EVALIDATION);
    assert_string_equal(message, "Post.id: the primary key of a stored document cannot be changed");
}

static void fields_that_were_not_loaded_are_not_written(void **state)
{
    (void)state;
    muv_doc_release(post);
    post = odm_load_part(registry, &post_model,
                         "{'_id': {'$oid': '000000000000000000000001'}, 'v': 3,"
                         " 'h': {'c': 'Bern'}, 'cm': [{'t': 'one'}]}",
                         "v h.c cm.t", 0);
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_NOT_LOADED);
    assert_int_equal(muv_state(post, &post->home.zip), MUV_STATE_NOT_LOADED);
    CHECK_CHANGES(post, "{}");
    post->votes = 4;
    post->home.city = muv_str("Basel");
    post->comments.data[0].text = muv_str("eins");
    CHECK_CHANGES(post, "{'$set': {'v': 4, 'h.c': 'Basel', 'cm.0.t': 'eins'}}");
}

static void stores_into_fields_that_were_not_loaded_are_errors(void **state)
{
    const char *message;

    (void)state;
    muv_doc_release(post);
    post = odm_load_part(registry, &post_model,
                         "{'_id': {'$oid': '000000000000000000000001'}, 'cm': [{'t': '1'}]}",
                         "cm.t", 0);
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("x")), 0);
    assert_int_equal(odm_changes_error(post, &message), MUV_EVALIDATION);
    assert_string_equal(message, "Post.tags: a value was stored into a field that was not loaded");
    post->tags.count = 0;
    assert_int_equal(muv_list_remove(post, &post->comments, 0), 0);
    assert_int_equal(odm_changes_error(post, &message), MUV_EVALIDATION);
    assert_string_equal(message,
                        "Post.comments: loaded in part, so it cannot be written as a whole");
}

static void a_part_can_be_appended_to(void **state)
{
    (void)state;
    muv_doc_release(post);
    post = odm_load_part(registry, &post_model,
                         "{'_id': {'$oid': '000000000000000000000001'}, 'cm': [{'t': '1'}]}",
                         "cm.t", 0);
    assert_int_equal(muv_list_push(post, &post->comments, (comment_t){.text = muv_str("2")}), 0);
    CHECK_CHANGES(post, "{'$push': {'cm': {'$each': [{'t': '2', 'v': 0}]}}}");
}

static void a_new_document_has_no_changes(void **state)
{
    const char *message;
    post_t *fresh = muv_doc_new(registry, &post_model);

    (void)state;
    assert_int_equal(odm_changes_error(fresh, &message), MUV_EINVAL);
    muv_doc_release(fresh);
}

static void more_than_32_fields_are_compared(void **state)
{
    box_t *box = odm_load(registry, &box_model,
                          "{'_id': 'x', 'n': 1, 'l': 'b', 'w': {'a8': 1, 'd3': 'D'},"
                          " 'p': [{'c8': 5}]}");

    (void)state;
    CHECK_CHANGES(box, "{}");
    box->wide.a8 = 0;
    box->wide.b8 = 2;
    box->parts.data[0].c8 = 6;
    assert_int_equal(muv_unset(box, &box->wide.d3), 0);
    CHECK_CHANGES(box, "{'$set': {'w.a8': 0, 'w.b8': 2, 'p.0.c8': 6},"
                       " '$unset': {'w.d3': 1}}");
    muv_doc_release(box);
}

static void computed_defaults_are_not_written_back(void **state)
{
    box_t *box = odm_load(registry, &box_model, "{'_id': 'x'}");

    (void)state;
    assert_int_equal(box->serial, 1);
    CHECK_CHANGES(box, "{}");
    box->serial = 2;
    CHECK_CHANGES(box, "{'$set': {'n': 2}}");
    muv_doc_release(box);
}

static void change_under_failing_memory(void *data)
{
    post_t *copy = muv_doc_detach(data);
    muv_bytes_t bytes = {NULL, 0};
    int code = MUV_ENOMEM;

    if (copy != NULL) {
        copy->votes = 99;
        copy->home.zip = muv_str("1");
        code = muv_list_push(copy, &copy->tags, muv_str("z"));
        code = code != 0 ? code : muv_changes(copy, NULL, &bytes);
    }
    assert_int_equal(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    muv_bytes_free(&bytes);
    muv_doc_release(copy);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(change_under_failing_memory, post), 0);
    CHECK_CHANGES(post, "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_changed_is_an_empty_update),
        TEST(a_plain_store_is_seen),
        TEST(a_stored_equal_value_is_no_change),
        TEST(set_and_unset_go_into_one_update),
        TEST(false_and_zero_of_loaded_fields_are_set),
        TEST(absent_and_null_fields_are_left_alone),
        TEST(a_value_stored_into_an_absent_field_is_set),
        TEST(calls_say_what_stores_cannot),
        TEST(a_null_field_that_is_emptied_is_set_to_null),
        TEST(paths_lead_into_embedded_documents),
        TEST(another_embedded_document_is_set_as_a_whole),
        TEST(a_zeroed_embedded_document_is_unset),
        TEST(an_appended_list_is_pushed),
        TEST(an_element_of_an_equally_long_list_is_set_alone),
        TEST(a_list_whose_elements_all_changed_is_set_as_a_whole),
        TEST(a_change_and_an_append_write_the_whole_list),
        TEST(a_shorter_list_is_set_and_an_empty_one_stays_a_list),
        TEST(moved_elements_take_their_unknown_keys_along),
        TEST(lenient_numbers_are_no_change),
        TEST(two_copies_change_different_fields),
        TEST(the_primary_key_cannot_change),
        TEST(fields_that_were_not_loaded_are_not_written),
        TEST(stores_into_fields_that_were_not_loaded_are_errors),
        TEST(a_part_can_be_appended_to),
        TEST(a_new_document_has_no_changes),
        TEST(more_than_32_fields_are_compared),
        TEST(computed_defaults_are_not_written_back),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
