/* SPDX-License-Identifier: Apache-2.0 */
/* From stored bytes to structs. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#define ID "'_id': {'$oid': '0102030405060708090a0b0c'}"

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

static void every_kind_is_read(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 't': 'hello', 'v': {'$numberLong': '5'}, 'rk': 7, 's': 0.5,"
                            " 'ar': true, 'cr': {'$date': {'$numberLong': '-1'}},"
                            " 'bl': {'$binary': {'base64': 'AQI=', 'subType': '04'}},"
                            " 'a': {'$oid': '000000000000000000000002'}, 'h': {'c': 'Bern'}}");
    char text[25];

    (void)state;
    muv_oid_to_text(&post->id, text);
    assert_string_equal(text, "0102030405060708090a0b0c");
    assert_string_equal(post->title.data, "hello");
    assert_int_equal(post->title.size, 5);
    assert_int_equal(post->votes, 5);
    assert_int_equal(post->rank, 7);
    assert_true(post->score == 0.5);
    assert_true(post->archived);
    assert_int_equal(post->created.ms, -1);
    CHECK_BYTES_EQUAL(post->blob.data, post->blob.size, "01 02");
    assert_int_equal(post->blob.subtype, 4);
    assert_int_equal(post->author.kind, MUV_KIND_OBJECTID);
    assert_int_equal(post->author.id.oid.bytes[11], 2);
    assert_null(post->author.doc);
    assert_string_equal(post->home.city.data, "Bern");
    muv_doc_release(post);
}

static void lists_are_read(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 'tg': ['a', null, ''], 'mk': [], 'cm': [{'t': 'x', 'r':"
                            " [{'t': 'y', 'v': 2}]}], 'vo': [{'$oid':"
                            " '000000000000000000000002'}]}");

    (void)state;
    assert_int_equal(post->tags.count, 3);
    assert_string_equal(post->tags.data[0].data, "a");
    assert_null(post->tags.data[1].data);
    assert_string_equal(post->tags.data[2].data, "");
    assert_int_equal(post->marks.count, 0);
    assert_int_equal(post->comments.count, 1);
    assert_string_equal(post->comments.data[0].replies.data[0].text.data, "y");
    assert_int_equal(post->comments.data[0].replies.data[0].votes, 2);
    assert_int_equal(post->voters.count, 1);
    muv_doc_release(post);
}

static void states_tell_absent_null_and_set_apart(void **state)
{
    post_t *post = odm_load(registry, &post_model, "{" ID ", 't': null, 'v': 0, 'h': {'z': null}}");

    (void)state;
    assert_int_equal(muv_state(post, &post->title), MUV_STATE_NULL);
    assert_int_equal(muv_state(post, &post->votes), MUV_STATE_SET);
    assert_int_equal(muv_state(post, &post->rank), MUV_STATE_ABSENT);
    assert_int_equal(muv_state(post, &post->home.zip), MUV_STATE_NULL);
    assert_int_equal(muv_state(post, &post->home.city), MUV_STATE_ABSENT);
    muv_doc_release(post);
}

static void a_missing_field_gets_its_default(void **state)
{
    post_t *post = odm_load(registry, &post_model, "{" ID "}");
    box_t *box = odm_load(registry, &box_model, "{'_id': 'x', 'w': {'d0': 'D'}}");

    (void)state;
    assert_string_equal(post->status.data, "draft");
    assert_string_equal(box->label.data, "box 1");
    assert_string_equal(box->wide.d0.data, "D");
    assert_string_equal(box->wide.d8.data, "d");
    muv_doc_release(box);
    muv_doc_release(post);
}

static void numbers_convert_where_nothing_is_lost(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 'rk': {'$numberLong': '-2147483648'}, 'v': 5.0,"
                            " 's': {'$numberLong': '9007199254740992'}}");

    (void)state;
    assert_int_equal(post->rank, INT32_MIN);
    assert_int_equal(post->votes, 5);
    assert_true(post->score == 9007199254740992.0);
    muv_doc_release(post);
}

static void lossy_numbers_are_errors(void **state)
{
    const char *message;

    (void)state;
    CHECK_CODE(odm_load_error(registry, &post_model,
                              "{" ID ", 'rk': {'$numberLong': '2147483648'}}", &message),
               MUV_EDECODE);
    assert_string_equal(message, "Post.rank: a stored int64 does not fit a int32");
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'v': 5.5}", &message), MUV_EDECODE);
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'v': 1e19}", &message), MUV_EDECODE);
    CHECK_CODE(odm_load_error(registry, &post_model,
                              "{" ID ", 's': {'$numberLong': '9007199254740993'}}", &message),
               MUV_EDECODE);
    CHECK_CODE(odm_load_error(registry, &post_model,
                              "{" ID ", 's': {'$numberLong': '9223372036854775807'}}", &message),
               MUV_EDECODE);
}

static void wrong_types_are_errors_with_their_path(void **state)
{
    const char *message;

    (void)state;
    CHECK_CODE(odm_load_error(registry, &post_model,
                              "{" ID ", 'cm': [{'t': 'a'}, {'r': [{'t': 5}]}]}", &message),
               MUV_EDECODE);
    assert_string_equal(message,
                        "Post.comments.1.replies.0.text: a stored int32 does not fit a string");
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'mk': [1, null]}", &message),
               MUV_EDECODE);
    assert_string_equal(message, "Post.marks.1: a stored null does not fit a int32");
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'tg': {}}", &message), MUV_EDECODE);
    assert_string_equal(message, "Post.tags: a stored document does not fit a list");
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'a': 'x'}", &message), MUV_EDECODE);
    assert_string_equal(message, "Post.author: a stored string does not fit a reference");
    CHECK_CODE(odm_load_error(registry, &post_model, "{" ID ", 'h': []}", &message), MUV_EDECODE);
}

static void a_dbref_is_a_reference(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 'a': {'$ref': 'user', '$id':"
                            " {'$oid': '000000000000000000000002'}}}");

    (void)state;
    assert_int_equal(post->author.kind, MUV_KIND_OBJECTID);
    assert_int_equal(post->author.id.oid.bytes[11], 2);
    muv_doc_release(post);
}

static void unknown_keys_are_kept_unless_the_model_is_strict(void **state)
{
    muv_model_t strict = user_model;
    const muv_model_t *models[] = {&strict};
    muv_registry_t *own = NULL;
    const char *message;
    user_t *user = odm_load(registry, &user_model, "{" ID ", 'more': [1, {'a': 2}], 'e': 'x'}");

    (void)state;
    CHECK_ENCODED(user, "{" ID ", 'e': 'x', 'more': [1, {'a': 2}]}");
    muv_doc_release(user);
    strict.flags = MUV_MODEL_STRICT;
    CHECK_CODE(muv_models(models, 1, NULL, NULL, &own), 0);
    CHECK_CODE(odm_load_error(own, &strict, "{" ID ", 'more': 1}", &message), MUV_EDECODE);
    assert_string_equal(message, "User: the stored field \"more\" is unknown");
    muv_registry_free(own);
}

static void of_a_key_that_is_stored_twice_the_last_one_counts(void **state)
{
    post_t *post = odm_load(registry, &post_model,
                            "{" ID ", 'h': {'c': 'Bern', 'z': '1'}, 'v': 5, 'h': {'c': 'Thun'},"
                            " 'v': null}");

    (void)state;
    assert_string_equal(post->home.city.data, "Thun");
    assert_null(post->home.zip.data);
    assert_int_equal(post->votes, 0);
    CHECK_CHANGES(post, "{}");
    muv_doc_release(post);
}

static void malformed_bytes_are_errors(void **state)
{
    static const uint8_t cut[] = {14, 0, 0, 0, 2, 't', 0, 9, 0, 0, 0, 'x', 0, 0};
    muv_doc_t *doc = NULL;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv_doc_decode(registry, &post_model, cut, sizeof(cut), &error, &doc), MUV_EBSON);
    assert_string_equal(error.message, "Post: malformed BSON");
    CHECK_CODE(muv_doc_decode(registry, &post_model, cut, 4, &error, &doc), MUV_EBSON);
    CHECK_CODE(muv_doc_decode(registry, &post_model, cut, 0, &error, &doc), MUV_EBSON);
    CHECK_CODE(muv_doc_decode(registry, &comment_model, cut, 5, &error, &doc), MUV_EINVAL);
    assert_null(doc);
}

/* Replies of replies, one level more than a server stores. */
static void deep_nesting_is_an_error(void **state)
{
    enum { LEVELS = 120 };
    bson_t *inner = BCON_NEW("t", BCON_UTF8("x"));
    muv_doc_t *doc = NULL;
    muv_error_t error;
    bson_t post;

    (void)state;
    for (int i = 0; i < LEVELS; i++) {
        bson_t *outer = BCON_NEW("r", "[", BCON_DOCUMENT(inner), "]");

        bson_destroy(inner);
        inner = outer;
    }
    bson_init(&post);
    BCON_APPEND(&post, "cm", "[", BCON_DOCUMENT(inner), "]");
    CHECK_CODE(muv_doc_decode(registry, &post_model, bson_get_data(&post), post.len, &error, &doc),
               MUV_EDECODE);
    assert_string_equal(error.message, "Post: documents are nested too deeply");
    bson_destroy(&post);
    bson_destroy(inner);
}

static void load_under_failing_memory(void *data)
{
    const bson_t *bson = data;
    muv_doc_t *doc = NULL;
    muv_error_t error;
    int code = muv_doc_decode(registry, &box_model, bson_get_data(bson), bson->len, &error, &doc);

    CHECK_CODE(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    muv_doc_release(doc);
}

static void every_allocation_may_fail(void **state)
{
    bson_t *bson = bson_from(odm_json("{'_id': 'x', 'w': {'a1': 1}, 'p': [{'a1': 1}, {}, {}]}"));

    (void)state;
    assert_int_not_equal(alloc_sweep(load_under_failing_memory, bson), 0);
    bson_destroy(bson);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_registry, free_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_is_read),
        TEST(lists_are_read),
        TEST(states_tell_absent_null_and_set_apart),
        TEST(a_missing_field_gets_its_default),
        TEST(numbers_convert_where_nothing_is_lost),
        TEST(lossy_numbers_are_errors),
        TEST(wrong_types_are_errors_with_their_path),
        TEST(a_dbref_is_a_reference),
        TEST(unknown_keys_are_kept_unless_the_model_is_strict),
        TEST(of_a_key_that_is_stored_twice_the_last_one_counts),
        TEST(malformed_bytes_are_errors),
        TEST(deep_nesting_is_an_error),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
