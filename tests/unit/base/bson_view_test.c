/* SPDX-License-Identifier: Apache-2.0 */
/* The iterator against libbson, and on input that is cut anywhere. */
#include "base/bson_view.h"

#include <stdlib.h>

#include "support/check.h"

#define ALL_TYPES                                                                                  \
    "{\"d\": 1.5, \"s\": \"text\", \"o\": {\"a\": {}}, \"l\": [1, [2]],"                           \
    " \"b\": {\"$binary\": {\"base64\": \"AAEC\", \"subType\": \"80\"}},"                          \
    " \"b2\": {\"$binary\": {\"base64\": \"AAEC\", \"subType\": \"02\"}},"                         \
    " \"u\": {\"$undefined\": true}, \"_id\": {\"$oid\": \"0102030405060708090a0b0c\"},"           \
    " \"t\": true, \"dt\": {\"$date\": {\"$numberLong\": \"-1\"}}, \"n\": null,"                   \
    " \"r\": {\"$regularExpression\": {\"pattern\": \"^a\", \"options\": \"i\"}},"                 \
    " \"p\": {\"$dbPointer\": {\"$ref\": \"c\", \"$id\": {\"$oid\": "                              \
    "\"0102030405060708090a0b0c\"}}},"                                                             \
    " \"c\": {\"$code\": \"f()\"}, \"y\": {\"$symbol\": \"sym\"},"                                 \
    " \"w\": {\"$code\": \"f()\", \"$scope\": {\"x\": 1}}, \"i\": {\"$numberInt\": \"-7\"},"       \
    " \"ts\": {\"$timestamp\": {\"t\": 1, \"i\": 2}}, \"L\": {\"$numberLong\": \"5\"},"            \
    " \"D\": {\"$numberDecimal\": \"1.5\"}, \"k\": {\"$minKey\": 1}, \"K\": {\"$maxKey\": 1}}"

static void every_type_gives_key_type_and_value_like_libbson_does(void **state)
{
    bson_t *document = bson_from(ALL_TYPES);
    const uint8_t *data = bson_get_data(document);
    muv__bson_iter_t iter;
    bson_iter_t other;
    size_t count = 0;

    (void)state;
    assert_true(bson_iter_init(&other, document));
    assert_int_equal(muv__bson_iter_init(&iter, data, document->len), 1);
    while (bson_iter_next(&other)) {
        assert_int_equal(muv__bson_iter_next(&iter), 1);
        assert_string_equal(iter.key, bson_iter_key(&other));
        assert_int_equal(iter.key_length, strlen(iter.key));
        assert_int_equal(iter.type, (uint8_t)bson_iter_type(&other));
        assert_ptr_equal(iter.value, iter.key + iter.key_length + 1);
        assert_ptr_equal(iter.value + iter.value_size, iter.at);
        assert_int_equal(iter.key - (const char *)data - 1, bson_iter_offset(&other));
        count++;
    }
    assert_int_equal(count, 22);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    assert_int_equal(iter.bad, 0);
    assert_ptr_equal(iter.at, data + document->len - 1);
    bson_destroy(document);
}

static void a_frame_that_disagrees_gives_no_element(void **state)
{
    static const uint8_t bytes[6] = {5, 0, 0, 0, 0, 0};
    static const uint8_t open[5] = {5, 0, 0, 0, 1};
    static const uint8_t negative[5] = {0xff, 0xff, 0xff, 0xff, 0};
    muv__bson_iter_t iter;

    (void)state;
    assert_int_equal(muv__bson_iter_init(&iter, bytes, 5), 1);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    assert_int_equal(iter.bad, 0);
    for (size_t size = 0; size <= 6; size++) {
        if (size != 5) {
            assert_int_equal(muv__bson_iter_init(&iter, bytes, size), 0);
            assert_int_equal(iter.bad, 1);
            assert_int_equal(muv__bson_iter_next(&iter), 0);
        }
    }
    assert_int_equal(muv__bson_iter_init(&iter, open, 5), 0);
    assert_int_equal(muv__bson_iter_init(&iter, negative, 5), 0);
    assert_int_equal(muv__bson_iter_init(&iter, NULL, 0), 0);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
}

/* The value of every type, with every number of bytes up to one too few in memory of that size. */
static void a_value_that_is_cut_does_not_fit(void **state)
{
    bson_t *document = bson_from(ALL_TYPES);
    muv__bson_iter_t iter;

    (void)state;
    assert_int_equal(muv__bson_iter_init(&iter, bson_get_data(document), document->len), 1);
    while (muv__bson_iter_next(&iter)) {
        for (size_t size = 0; size <= iter.value_size; size++) {
            uint8_t *copy = malloc(size == 0 ? 1 : size);

            assert_non_null(copy);
            memcpy(copy, iter.value, size);
            assert_int_equal(muv__bson_value_size(iter.type, copy, size),
                             size == iter.value_size ? (int64_t)size : -1);
            free(copy);
        }
    }
    bson_destroy(document);
}

static void check_value(uint8_t type, const char *bytes, size_t size, int64_t expected)
{
    uint8_t *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_int_equal(muv__bson_value_size(type, copy, size), expected);
    free(copy);
}

static void values_whose_lengths_disagree_do_not_fit(void **state)
{
    (void)state;
    check_value(MUV__BSON_UTF8, "\1\0\0\0\0", 5, 5);
    check_value(MUV__BSON_UTF8, "\0\0\0\0\0", 5, -1);
    check_value(MUV__BSON_UTF8, "\xff\xff\xff\xff\0", 5, -1);
    check_value(MUV__BSON_UTF8, "\xff\xff\xff\x7f\0", 5, -1);
    check_value(MUV__BSON_UTF8, "\1\0\0\0a", 5, -1);
    check_value(MUV__BSON_BINARY, "\0\0\0\0\0", 5, 5);
    check_value(MUV__BSON_BINARY, "\xff\xff\xff\xff\0", 5, -1);
    check_value(MUV__BSON_BINARY, "\4\0\0\0\2\0\0\0\0", 9, 9);
    check_value(MUV__BSON_BINARY, "\4\0\0\0\2\1\0\0\0", 9, -1);
    check_value(MUV__BSON_BINARY, "\3\0\0\0\2\0\0\0", 8, -1);
    check_value(MUV__BSON_BOOL, "\2", 1, -1);
    check_value(MUV__BSON_DOCUMENT, "\4\0\0\0\0", 5, -1);
    check_value(MUV__BSON_DOCUMENT, "\6\0\0\0\0", 5, -1);
    check_value(MUV__BSON_ARRAY, "\5\0\0\0\1", 5, -1);
    check_value(MUV__BSON_REGEX, "ab\0i", 4, -1);
    check_value(MUV__BSON_CODEWSCOPE, "\16\0\0\0\1\0\0\0\0\5\0\0\0\0", 14, 14);
    check_value(MUV__BSON_CODEWSCOPE, "\15\0\0\0\1\0\0\0\0\5\0\0\0\0", 14, -1);
    check_value(MUV__BSON_CODEWSCOPE, "\17\0\0\0\1\0\0\0\0\5\0\0\0\0\0", 15, -1);
    check_value(MUV__BSON_CODEWSCOPE, "\16\0\0\0\2\0\0\0\0\5\0\0\0\0", 14, -1);
    check_value(MUV__BSON_DBPOINTER, "\1\0\0\0\0ABCDEFGHIJK", 16, -1);
    check_value(0x14, "\0", 1, -1);
    check_value(0, "\0", 1, -1);
}

static void a_bad_element_ends_the_iteration_and_is_remembered(void **state)
{
    static const uint8_t bytes[] = {15, 0, 0, 0, 0x0a, 'a', 0, 0x10, 'b', 0, 1, 0, 0, 0, 0};
    uint8_t *copy = malloc(14);
    muv__bson_iter_t iter;

    (void)state;
    assert_non_null(copy);
    memcpy(copy, bytes, 13);
    copy[0] = 14;
    copy[13] = 0;
    assert_int_equal(muv__bson_iter_init(&iter, copy, 14), 1);
    assert_int_equal(muv__bson_iter_next(&iter), 1);
    assert_string_equal(iter.key, "a");
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    assert_int_equal(iter.bad, 1);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    free(copy);
    assert_int_equal(muv__bson_find(bytes, sizeof(bytes), "b", &iter), 1);
    assert_int_equal(muv__load_i32(iter.value), 1);
}

static void a_key_without_an_end_is_bad(void **state)
{
    static const uint8_t bytes[] = {8, 0, 0, 0, 0x0a, 'a', 'b', 0};
    muv__bson_iter_t iter;

    (void)state;
    assert_int_equal(muv__bson_iter_init(&iter, bytes, sizeof(bytes)), 1);
    assert_int_equal(muv__bson_iter_next(&iter), 0);
    assert_int_equal(iter.bad, 1);
}

static void children_are_entered_and_other_values_not(void **state)
{
    bson_t *document = bson_from("{\"a\": [1, {\"b\": \"x\"}], \"n\": 1}");
    muv__bson_iter_t iter;
    muv__bson_iter_t child;
    muv__bson_iter_t inner;

    (void)state;
    assert_int_equal(muv__bson_find(bson_get_data(document), document->len, "a", &iter), 1);
    assert_int_equal(muv__bson_iter_child(&iter, &child), 1);
    assert_int_equal(muv__bson_iter_next(&child), 1);
    assert_int_equal(muv__bson_iter_child(&child, &inner), 0);
    assert_int_equal(muv__bson_iter_next(&child), 1);
    assert_true(MUV__BSON_KEY_IS(&child, "1"));
    assert_int_equal(muv__bson_iter_child(&child, &inner), 1);
    assert_int_equal(muv__bson_iter_next(&inner), 1);
    assert_string_equal(muv__bson_iter_text(&inner), "x");
    assert_int_equal(muv__bson_iter_next(&child), 0);
    bson_destroy(document);
}

static void find_takes_the_first_and_compares_whole_keys(void **state)
{
    bson_t *document = bson_from("{\"ab\": 1, \"a\": 2, \"a\": 3}");
    const uint8_t *data = bson_get_data(document);
    muv__bson_iter_t iter;

    (void)state;
    assert_int_equal(muv__bson_find(data, document->len, "a", &iter), 1);
    assert_int_equal(muv__load_i32(iter.value), 2);
    assert_int_equal(muv__bson_find(data, document->len, "abc", &iter), 0);
    assert_int_equal(muv__bson_find(data, document->len, "", &iter), 0);
    assert_int_equal(muv__bson_find(data, document->len - 1, "a", &iter), 0);
    bson_destroy(document);
}

static void texts_are_compared_with_their_length(void **state)
{
    bson_t *document = bson_from("{\"s\": \"abc\"}");
    muv__bson_iter_t iter;

    (void)state;
    assert_int_equal(muv__bson_find(bson_get_data(document), document->len, "s", &iter), 1);
    assert_int_equal(muv__bson_iter_text_length(&iter), 3);
    assert_true(muv__bson_iter_text_is(&iter, "abc", 3));
    assert_false(muv__bson_iter_text_is(&iter, "abc", 4));
    assert_false(muv__bson_iter_text_is(&iter, "ab", 2));
    assert_false(muv__bson_iter_text_is(&iter, "abd", 3));
    bson_destroy(document);
}

typedef struct number_row {
    const char *json;
    int is_number;
    int64_t value;
    int truth;
} number_row_t;

static const number_row_t number_rows[] = {
    {"{\"v\": 7}", 1, 7, 1},
    {"{\"v\": {\"$numberLong\": \"-9223372036854775808\"}}", 1, INT64_MIN, 1},
    {"{\"v\": {\"$numberLong\": \"0\"}}", 1, 0, 0},
    {"{\"v\": 1.0}", 1, 1, 1},
    {"{\"v\": -2.9}", 1, -2, 1},
    {"{\"v\": 0.5}", 1, 0, 1},
    {"{\"v\": -0.0}", 1, 0, 0},
    {"{\"v\": 1e300}", 1, INT64_MAX, 1},
    {"{\"v\": -1e300}", 1, INT64_MIN, 1},
    {"{\"v\": 9223372036854775808.0}", 1, INT64_MAX, 1},
    {"{\"v\": -9223372036854775808.0}", 1, INT64_MIN, 1},
    {"{\"v\": {\"$numberDouble\": \"NaN\"}}", 1, 0, 1},
    {"{\"v\": {\"$numberDouble\": \"Infinity\"}}", 1, INT64_MAX, 1},
    {"{\"v\": true}", 1, 1, 1},
    {"{\"v\": false}", 1, 0, 0},
    {"{\"v\": null}", 0, 42, 0},
    {"{\"v\": \"1\"}", 0, 42, 0},
    {"{\"v\": {\"$numberDecimal\": \"1\"}}", 0, 42, 0},
};

static void numbers_of_any_type_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(number_rows); i++) {
        bson_t *document = bson_from(number_rows[i].json);
        muv__bson_iter_t iter;
        int64_t value = 42;

        assert_int_equal(muv__bson_find(bson_get_data(document), document->len, "v", &iter), 1);
        assert_int_equal(muv__bson_iter_as_int64(&iter, &value), number_rows[i].is_number);
        assert_true(value == number_rows[i].value);
        assert_int_equal(muv__bson_iter_is_true(&iter), number_rows[i].truth);
        bson_destroy(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_gives_key_type_and_value_like_libbson_does),
        cmocka_unit_test(a_frame_that_disagrees_gives_no_element),
        cmocka_unit_test(a_value_that_is_cut_does_not_fit),
        cmocka_unit_test(values_whose_lengths_disagree_do_not_fit),
        cmocka_unit_test(a_bad_element_ends_the_iteration_and_is_remembered),
        cmocka_unit_test(a_key_without_an_end_is_bad),
        cmocka_unit_test(children_are_entered_and_other_values_not),
        cmocka_unit_test(find_takes_the_first_and_compares_whole_keys),
        cmocka_unit_test(texts_are_compared_with_their_length),
        cmocka_unit_test(numbers_of_any_type_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
