/* SPDX-License-Identifier: Apache-2.0 */
/* Paths put together from handles, and operands of every type. */
#include "query_support.h"

static void a_path_through_lists_and_documents(void **state)
{
    muv_string_field_t text = muv_inside(
        muv_item(muv_inside(post_fields.comments, comment_fields.replies), 3), comment_fields.text);

    (void)state;
    assert_int_equal(text.path.depth, 4);
    assert_ptr_equal(text.path.model, &post_model);
    assert_int_equal(text.path.index[0], post_field_comments);
    assert_int_equal(text.path.index[1], comment_field_replies);
    assert_int_equal(text.path.index[2], MUV_PATH_POSITION + 3);
    assert_int_equal(text.path.index[3], comment_field_text);
}

static void a_path_too_long_is_an_error_of_the_query(void **state)
{
    muv_embedded_list_field_t deep = post_fields.comments;

    (void)state;
    for (int i = 0; i < MUV_PATH_DEPTH; i++) {
        deep.path = muv_path_join(deep.path, comment_fields.replies.path);
    }
    CHECK_REFUSED(muv_query_filter(posts(), muv_size(deep, 1)),
                  "Post: a handle does not lead to a field");
}

static void a_position_needs_a_list_and_a_number_in_range(void **state)
{
    muv_string_field_t title = {muv_path_item(post_fields.title.path, 0)};

    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(title, "x")),
                  "Post: a handle does not lead to a field");
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(muv_item(post_fields.tags, 40000), "x")),
                  "Post: a handle does not lead to a field");
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(muv_item(post_fields.tags, MUV_MATCHED), "x")),
                  "Post.tags: \"$\" is for updates");
}

static void numbers_of_every_type_are_operands(void **state)
{
    short small = 1;
    unsigned big = 4000000000u;
    size_t size = 2;
    float number = 1.5f;

    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.votes, small)), "{'v':1}");
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.votes, big)), "{'v':4000000000}");
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.votes, size)), "{'v':2}");
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.score, number)), "{'s':1.5}");
    CHECK_FILTER(muv_query_filter(posts(), muv_where("votes", 2.0)), "{'v':2}");
    /* A condition may compare an int32 with what it cannot hold. */
    CHECK_FILTER(muv_query_filter(posts(), muv_lt(post_fields.rank, INT64_C(5000000000))),
                 "{'rk':{'$lt':5000000000}}");
}

static void a_string_without_data_is_null(void **state)
{
    const char *missing = NULL;
    muv_bin_t bytes = {(const uint8_t *)"\x01\x02", 2, 4, {0}};

    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.note, missing)), "{'nt':null}");
    CHECK_FILTER(muv_query_filter(posts(), muv_eq(post_fields.blob, bytes)),
                 "{'bl':{'$binary':{'base64':'AQI=','subType':'04'}}}");
}

static void text_must_be_utf8(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_contains(post_fields.title, "\xff")),
                  "Post.title: the string is not valid UTF-8");
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(post_fields.title, "\xff")),
                  "Post.title: the string is not valid UTF-8");
}

static void documents_of_the_wrong_model_are_refused(void **state)
{
    post_t *post = muv_doc_new(query_registry(), &post_model);
    user_t *user = muv_doc_new(query_registry(), &user_model);

    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(post_fields.author, &post->doc)),
                  "Post.author: a document of the model User is wanted");
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(post_fields.author, &user->doc)),
                  "Post.author: You can only reference documents once they have been saved to the "
                  "database");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("author", 1.5)),
                  "Post.author: a double does not fit the key (objectid) of a User");
    muv_doc_release(post);
    muv_doc_release(user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_through_lists_and_documents),
        cmocka_unit_test(a_path_too_long_is_an_error_of_the_query),
        cmocka_unit_test(a_position_needs_a_list_and_a_number_in_range),
        cmocka_unit_test(numbers_of_every_type_are_operands),
        cmocka_unit_test(a_string_without_data_is_null),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(documents_of_the_wrong_model_are_refused),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
