/* SPDX-License-Identifier: Apache-2.0 */
/* From structs to stored bytes. */
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
    assert_non_null(post);
    return 0;
}

static int free_post(void **state)
{
    (void)state;
    muv_doc_release(post);
    muv_registry_free(registry);
    return 0;
}

static void a_new_document_has_its_numbers_booleans_lists_and_defaults(void **state)
{
    (void)state;
    CHECK_ENCODED(post, "{'nt': null, 'v': 0, 'ar': false, 'st': 'draft', 'tg': []}");
}

static void the_primary_key_comes_first(void **state)
{
    (void)state;
    post->id.bytes[11] = 1;
    post->title = muv_str("hi");
    CHECK_ENCODED(post, "{'_id': {'$oid': '000000000000000000000001'}, 't': 'hi', 'nt': null,"
                        " 'v': 0, 'ar': false, 'st': 'draft', 'tg': []}");
}

static void every_kind_is_written_in_its_own_type(void **state)
{
    static const uint8_t bytes[] = {1, 2};
    muv_bytes_t encoded;
    bson_t bson;

    (void)state;
    post->note = muv_str("n");
    post->votes = 5;
    post->rank = 7;
    post->score = 0.5;
    post->created.ms = -1;
    post->blob = (muv_bin_t){.data = bytes, .size = 2, .subtype = 4};
    muv_ref_to_oid(&post->author, (muv_oid_t){.bytes = {9}});
    post->home.city = muv_str("Bern");
    assert_int_equal(muv_list_push(post, &post->marks, 3), 0);
    assert_int_equal(muv_doc_encode(post, NULL, &encoded), 0);
    assert_true(bson_init_static(&bson, encoded.data, encoded.size));
    CHECK_BSON_IDENTICAL(
        &bson, odm_json("{'nt': 'n', 'v': {'$numberLong': '5'}, 'rk': {'$numberInt': '7'},"
                        " 's': {'$numberDouble': '0.5'}, 'ar': false,"
                        " 'cr': {'$date': {'$numberLong': '-1'}}, 'st': 'draft',"
                        " 'bl': {'$binary': {'base64': 'AQI=', 'subType': '04'}},"
                        " 'a': {'$oid': '090000000000000000000000'}, 'h': {'c': 'Bern'},"
                        " 'tg': [], 'mk': [{'$numberInt': '3'}]}"));
    muv_bytes_free(&encoded);
}

static void empty_text_is_written_and_no_text_is_not(void **state)
{
    (void)state;
    post->title = muv_str("");
    post->home = (address_t){.city = muv_str("")};
    assert_int_equal(muv_list_push(post, &post->tags, (muv_str_t){.data = NULL}), 0);
    assert_int_equal(muv_list_push(post, &post->tags, muv_str("")), 0);
    CHECK_ENCODED(post, "{'t': '', 'nt': null, 'v': 0, 'ar': false, 'st': 'draft',"
                        " 'h': {'c': ''}, 'tg': [null, '']}");
}

static void what_was_called_present_is_written_although_empty(void **state)
{
    (void)state;
    assert_int_equal(muv_set_present(post, &post->rank), 0);
    assert_int_equal(muv_set_present(post, &post->title), 0);
    assert_int_equal(muv_set_present(post, &post->created), 0);
    assert_int_equal(muv_set_present(post, &post->home), 0);
    assert_int_equal(muv_set_present(post, &post->author), MUV_EINVAL);
    assert_int_equal(muv_unset(post, &post->votes), 0);
    CHECK_ENCODED(post, "{'t': '', 'nt': null, 'rk': 0, 'ar': false,"
                        " 'cr': {'$date': {'$numberLong': '0'}}, 'st': 'draft', 'h': {},"
                        " 'tg': []}");
}

static void a_reference_takes_the_key_of_its_document(void **state)
{
    user_t *user = muv_doc_new(registry, &user_model);
    const char *message;

    (void)state;
    assert_int_equal(muv_ref_to(&post->author, user), 0);
    CHECK_CODE(odm_encode_error(post, &message), MUV_EVALIDATION);
    assert_string_equal(message, "Post.author: You can only reference documents once they have "
                                 "been saved to the database");
    user->id.bytes[11] = 7;
    CHECK_ENCODED(post, "{'nt': null, 'v': 0, 'ar': false, 'st': 'draft',"
                        " 'a': {'$oid': '000000000000000000000007'}, 'tg': []}");
    muv_doc_release(user);
}

static void a_row_may_ask_for_dbrefs(void **state)
{
    struct note {
        muv_doc_t doc;
        int32_t id;
        muv_ref_t user;
        muv_ref_t box;
    };
    const muv_field_t rows[] = {
        MUV_FIELD(struct note, int32, id, "_id"),
        MUV_FIELD(struct note, reference(user), user, "u", .flags = MUV_DBREF),
        MUV_FIELD(struct note, reference(box), box, "b"),
    };
    const muv_model_t model = {.name = "Note",
                               .collection = "note",
                               .size = sizeof(struct note),
                               .fields = rows,
                               .field_count = 3};
    const muv_model_t *models[] = {&model, &user_model, &box_model};
    muv_registry_t *own = NULL;
    struct note *note;

    (void)state;
    assert_int_equal(muv_models(models, 3, NULL, NULL, &own), 0);
    note = muv_doc_new(own, &model);
    note->id = 5;
    muv_ref_to_oid(&note->user, (muv_oid_t){.bytes = {1}});
    muv_ref_to_str(&note->box, muv_str("k"));
    CHECK_ENCODED(note, "{'_id': 5, 'u': {'$ref': 'user',"
                        " '$id': {'$oid': '010000000000000000000000'}}, 'b': 'k'}");
    muv_ref_to_int64(&note->box, 3);
    assert_int_equal(muv_doc_encode(note, NULL, &(muv_bytes_t){.data = NULL}), MUV_EVALIDATION);
    muv_doc_release(note);
    muv_registry_free(own);
}

static void a_document_loaded_in_part_is_not_written_as_a_whole(void **state)
{
    const char *message;
    post_t *part = odm_load_part(registry, &post_model,
                                 "{'_id': {'$oid': '000000000000000000000001'}}", "v", 0);

    (void)state;
    CHECK_CODE(odm_encode_error(part, &message), MUV_EVALIDATION);
    assert_string_equal(message, "Post: loaded in part, so it cannot be written as a whole");
    muv_doc_release(part);
}

static void too_large_a_document_is_an_error(void **state)
{
    static char text[17 * 1024 * 1024];
    const char *message;

    (void)state;
    memset(text, 'x', sizeof(text));
    post->title = (muv_str_t){.data = text, .size = sizeof(text)};
    CHECK_CODE(odm_encode_error(post, &message), MUV_ETOOLARGE);
}

static void the_old_binary_subtype_survives(void **state)
{
    post_t *old = odm_load(registry, &post_model,
                           "{'_id': {'$oid': '000000000000000000000001'},"
                           " 'bl': {'$binary': {'base64': 'AQI=', 'subType': '02'}}}");

    (void)state;
    CHECK_BYTES_EQUAL(old->blob.data, old->blob.size, "01 02");
    CHECK_CHANGES(old, "{}");
    CHECK_ENCODED(old, "{'_id': {'$oid': '000000000000000000000001'},"
                       " 'bl': {'$binary': {'base64': 'AQI=', 'subType': '02'}}}");
    muv_doc_release(old);
}

static void encode_under_failing_memory(void *data)
{
    muv_bytes_t bytes = {NULL, 0};
    int code = muv_doc_encode(data, NULL, &bytes);

    CHECK_CODE(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    muv_bytes_free(&bytes);
}

static void every_allocation_may_fail(void **state)
{
    char text[700];

    (void)state;
    memset(text, 'x', sizeof(text));
    post->title = (muv_str_t){.data = text, .size = sizeof(text)};
    assert_int_not_equal(alloc_sweep(encode_under_failing_memory, post), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_post, free_post)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_document_has_its_numbers_booleans_lists_and_defaults),
        TEST(the_primary_key_comes_first),
        TEST(every_kind_is_written_in_its_own_type),
        TEST(empty_text_is_written_and_no_text_is_not),
        TEST(what_was_called_present_is_written_although_empty),
        TEST(a_reference_takes_the_key_of_its_document),
        TEST(a_row_may_ask_for_dbrefs),
        TEST(a_document_loaded_in_part_is_not_written_as_a_whole),
        TEST(too_large_a_document_is_an_error),
        TEST(the_old_binary_subtype_survives),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
