/* SPDX-License-Identifier: Apache-2.0 */
/* Operands: what fits which kind, and the limits of what a query may hold. */
#include "odm/value.h"

#include "query_support.h"

#include <stdlib.h>

static int fits(const char *name, muv_operand_t operand)
{
    muv_query_t *query = muv_query_filter(posts(), muv_condition_named(name, operand));
    int answer = muv_query_error(query) == NULL;

    muv_query_free(query);
    return answer;
}

static void numbers_convert_where_nothing_is_lost(void **state)
{
    (void)state;
    assert_true(fits("votes", muv_v(9007199254740992.0)));
    assert_false(fits("votes", muv_v(1e300)));
    assert_false(fits("votes", muv_operand_double(-1.0 / 0.0)));
    assert_true(fits("score", muv_v(3)));
    assert_false(fits("score", muv_v(INT64_MAX)));
    assert_true(fits("archived", muv_v(1)));
    assert_false(fits("archived", muv_v(2)));
}

static void kinds_do_not_mix(void **state)
{
    muv_datetime_t date = {.ms = 1};
    muv_oid_t oid = {{1}};
    muv_bin_t bin = {(const uint8_t *)"x", 1, 0, {0}};

    (void)state;
    assert_false(fits("created", muv_v(1)));
    assert_true(fits("created", muv_v(date)));
    assert_false(fits("title", muv_v(1)));
    assert_false(fits("title", muv_v(oid)));
    assert_false(fits("blob", muv_v("x")));
    assert_true(fits("blob", muv_v(bin)));
    assert_false(fits("home", muv_v("x")));
    assert_false(fits("votes", muv_v(date)));
    assert_false(fits("id", muv_v("0123456789abcdef0123456")));
    assert_true(fits("id", muv_v("0123456789abcdef01234567")));
    assert_false(fits("id", muv_v("0123456789abcdef0123456g")));
}

static void arrays_are_checked_element_by_element(void **state)
{
    muv_str_t strs[] = {muv_str("a"), muv_str(NULL)};
    muv_oid_t oids[] = {{{1}}, {{2}}};

    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_where_in("tags__in", strs, 2)),
                 "{'tg':{'$in':['a',null]}}");
    assert_true(fits("voters__in", muv_operand_oids(oids, 2)));
    assert_false(fits("tags__in", muv_operand_oids(oids, 2)));
    assert_true(fits("tags__in", muv_operand_texts(NULL, 0)));
    assert_false(fits("tags__in", muv_operand_texts(NULL, 1)));
    assert_false(fits("title", muv_operand_strs(strs, 2)));
}

static void a_query_has_a_largest_size(void **state)
{
    size_t size = MUV__QUERY_MAX_BYTES - 2000;
    char *text = malloc(size);
    muv_query_t *query = posts();
    const uint8_t *data = NULL;
    size_t length = 0;
    muv_str_t str = {text, (uint32_t)size, 0};

    (void)state;
    assert_non_null(text);
    memset(text, 'x', size);
    muv_query_filter(query, muv_eq(post_fields.title, str));
    assert_null(muv_query_error(query));
    muv_query_filter(query, muv_eq(post_fields.note, str));
    CHECK_ERROR(muv_query_error(query), MUV_ETOOLARGE);
    assert_string_equal(muv_query_error(query)->message, "Post: the query is too large");
    assert_int_equal(muv_query_bson(query, &data, &length), MUV_ETOOLARGE);
    muv_query_free(query);
    free(text);
}

static void bson_must_be_valid_down_to_its_text(void **state)
{
    static const uint8_t bad_text[] = {14, 0, 0, 0, 2, 'a', 0, 2, 0, 0, 0, 0xff, 0, 0};
    static const uint8_t no_end[] = {5, 0, 0, 0, 1};

    (void)state;
    assert_false(fits("home", muv_operand_shape(MUV_OPERAND_BSON, 0, bad_text, sizeof(bad_text))));
    assert_false(fits("home", muv_operand_shape(MUV_OPERAND_BSON, 0, no_end, sizeof(no_end))));
    assert_false(fits("home", muv_operand_shape(MUV_OPERAND_BSON, 0, NULL, 5)));
}

static void an_embedded_document_must_be_whole(void **state)
{
    post_t *post =
        odm_load_part(query_registry(), &post_model, "{'h':{'c':'x','z':'y'}}", "h.c", 0);
    muv_query_t *query = muv_query_filter(posts(), muv_eq(post_fields.home, &post->home.embedded));

    (void)state;
    CHECK_ERROR(muv_query_error(query), MUV_EVALIDATION);
    CHECK_CONTAINS(muv_query_error(query)->message, "Post.home: loaded in part");
    muv_query_free(query);
    muv_doc_release(post);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_convert_where_nothing_is_lost),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(arrays_are_checked_element_by_element),
        cmocka_unit_test(a_query_has_a_largest_size),
        cmocka_unit_test(bson_must_be_valid_down_to_its_text),
        cmocka_unit_test(an_embedded_document_must_be_whole),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
