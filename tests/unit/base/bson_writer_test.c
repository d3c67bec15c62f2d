/* SPDX-License-Identifier: Apache-2.0 */
/* Each writer function against libbson, byte by byte. */
#include "base/bson_writer.h"

#include "support/check.h"
#include "unit/base/counting_alloc.h"

#define MAX_SIZE 1000000

/* Close the document that began at the buffer's start and compare with libbson's. Ends both. */
static void check_document(muv__buf_t *buf, bson_t *expected)
{
    muv__bson_mark_t start = {0};

    muv__bson_end(buf, start);
    assert_int_equal(buf->error, 0);
    assert_int_equal(buf->size, expected->len);
    assert_memory_equal(buf->data, bson_get_data(expected), expected->len);
    bson_destroy(expected);
    muv__buf_done(buf);
}

static void begin(muv__buf_t *buf)
{
    muv__buf_init(buf, MAX_SIZE);
    (void)muv__bson_begin(buf);
}

static void an_empty_document_is_five_bytes(void **state)
{
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    check_document(&buf, bson_new());
}

static void numbers_are_written_like_libbson_does(void **state)
{
    bson_t *expected = bson_new();
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    muv__bson_double(&buf, MUV__KEY("d"), -0.0);
    muv__bson_double(&buf, MUV__KEY("pi"), 3.25);
    muv__bson_int32(&buf, MUV__KEY("i"), INT32_MIN);
    muv__bson_int64(&buf, MUV__KEY("l"), INT64_MIN + 1);
    muv__bson_timestamp(&buf, MUV__KEY("ts"), UINT64_C(0x0102030405060708));
    muv__bson_datetime(&buf, MUV__KEY("t"), -1);
    BSON_APPEND_DOUBLE(expected, "d", -0.0);
    BSON_APPEND_DOUBLE(expected, "pi", 3.25);
    BSON_APPEND_INT32(expected, "i", INT32_MIN);
    BSON_APPEND_INT64(expected, "l", INT64_MIN + 1);
    BSON_APPEND_TIMESTAMP(expected, "ts", 0x01020304, 0x05060708);
    BSON_APPEND_DATE_TIME(expected, "t", -1);
    check_document(&buf, expected);
}

static void texts_and_bytes_are_written_like_libbson_does(void **state)
{
    bson_t *expected = bson_new();
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    muv__bson_utf8(&buf, MUV__KEY("s"), "gr\xc3\xbc\xc3\x9f", 6);
    muv__bson_utf8(&buf, MUV__KEY("zero"), "a\0b", 3);
    muv__bson_utf8(&buf, MUV__KEY(""), NULL, 0);
    muv__bson_binary(&buf, MUV__KEY("b"), 0x80, muv__span("\0\1\2", 3));
    muv__bson_binary(&buf, MUV__KEY("none"), 0, muv__span(NULL, 0));
    muv__bson_binary(&buf, MUV__KEY("old"), 2, muv__span("\0\1\2", 3));
    muv__bson_regex(&buf, MUV__KEY("r"), "^a.*b$", "imx");
    muv__bson_regex(&buf, MUV__KEY("r0"), "", "");
    bson_append_utf8(expected, "s", -1, "gr\xc3\xbc\xc3\x9f", 6);
    bson_append_utf8(expected, "zero", -1, "a\0b", 3);
    bson_append_utf8(expected, "", -1, "", 0);
    bson_append_binary(expected, "b", -1, BSON_SUBTYPE_USER, (const uint8_t *)"\0\1\2", 3);
    bson_append_binary(expected, "none", -1, BSON_SUBTYPE_BINARY, (const uint8_t *)"", 0);
    bson_append_binary(expected, "old", -1, BSON_SUBTYPE_BINARY_DEPRECATED,
                       (const uint8_t *)"\0\1\2", 3);
    bson_append_regex(expected, "r", -1, "^a.*b$", "imx");
    bson_append_regex(expected, "r0", -1, "", "");
    check_document(&buf, expected);
}

static void the_other_types_are_written_like_libbson_does(void **state)
{
    const uint8_t bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    bson_t *expected = bson_new();
    bson_oid_t oid;
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    muv__bson_oid(&buf, MUV__KEY("_id"), bytes);
    muv__bson_bool(&buf, MUV__KEY("t"), 255);
    muv__bson_bool(&buf, MUV__KEY("f"), 0);
    muv__bson_null(&buf, MUV__KEY("n"));
    bson_oid_init_from_data(&oid, bytes);
    BSON_APPEND_OID(expected, "_id", &oid);
    BSON_APPEND_BOOL(expected, "t", true);
    BSON_APPEND_BOOL(expected, "f", false);
    BSON_APPEND_NULL(expected, "n");
    check_document(&buf, expected);
}

static void whole_documents_and_arrays_are_copied(void **state)
{
    bson_t *inner = bson_from("{\"0\": {\"a\": [1, 2]}}");
    muv__span_t bytes = muv__span(bson_get_data(inner), inner->len);
    bson_t *empty = bson_new();
    bson_t *expected = bson_new();
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    muv__bson_document(&buf, MUV__KEY("d"), bytes);
    muv__bson_array(&buf, MUV__KEY("a"), bytes);
    muv__bson_document(&buf, MUV__KEY("d0"), muv__span(NULL, 0));
    muv__bson_array(&buf, MUV__KEY("a0"), muv__span(NULL, 0));
    BSON_APPEND_DOCUMENT(expected, "d", inner);
    BSON_APPEND_ARRAY(expected, "a", inner);
    BSON_APPEND_DOCUMENT(expected, "d0", empty);
    BSON_APPEND_ARRAY(expected, "a0", empty);
    check_document(&buf, expected);
    bson_destroy(inner);
    bson_destroy(empty);
}

static void documents_nest_and_close_with_their_marks(void **state)
{
    muv__buf_t buf;
    muv__bson_mark_t list;
    muv__bson_mark_t item;
    char key[11];

    (void)state;
    begin(&buf);
    list = muv__bson_begin_array(&buf, MUV__KEY("list"));
    for (uint32_t i = 0; i < 12; i++) {
        size_t length = muv__bson_index_key(key, i);

        item = muv__bson_begin_document(&buf, key, length);
        muv__bson_int32(&buf, MUV__KEY("i"), (int32_t)i);
        muv__bson_end(&buf, item);
    }
    muv__bson_end(&buf, list);
    check_document(
        &buf, bson_from("{\"list\": [{\"i\": 0}, {\"i\": 1}, {\"i\": 2}, {\"i\": 3}, {\"i\": 4},"
                        "{\"i\": 5}, {\"i\": 6}, {\"i\": 7}, {\"i\": 8}, {\"i\": 9},"
                        "{\"i\": 10}, {\"i\": 11}]}"));
}

static void documents_may_follow_each_other_in_one_buffer(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, MAX_SIZE);
    for (int32_t i = 1; i <= 2; i++) {
        muv__bson_mark_t mark = muv__bson_begin(&buf);

        muv__bson_int32(&buf, MUV__KEY("a"), i);
        muv__bson_end(&buf, mark);
    }
    CHECK_BYTES_EQUAL(buf.data, buf.size,
                      "0c000000 10 6100 01000000 00 0c000000 10 6100 02000000 00");
    muv__buf_done(&buf);
}

static void a_raw_value_of_any_type_is_copied(void **state)
{
    bson_t *source = bson_from("{\"a\": {\"$code\": \"f()\", \"$scope\": {\"x\": 1}},"
                               " \"b\": {\"$numberDecimal\": \"1.5\"}, \"c\": {\"$minKey\": 1}}");
    bson_iter_t iter;
    muv__buf_t buf;

    (void)state;
    begin(&buf);
    assert_true(bson_iter_init(&iter, source));
    while (bson_iter_next(&iter)) {
        const char *key = bson_iter_key(&iter);
        size_t at = bson_iter_offset(&iter) + 1 + strlen(key) + 1;
        bson_iter_t next = iter;
        size_t end = bson_iter_next(&next) ? bson_iter_offset(&next) : source->len - 1;

        muv__bson_value(&buf, key, strlen(key), (uint8_t)bson_iter_type(&iter),
                        muv__span(bson_get_data(source) + at, end - at));
    }
    check_document(&buf, source);
}

static void keys_of_array_elements_are_decimal(void **state)
{
    static const uint32_t numbers[] = {0, 9, 10, 99, 100, 4294967295u};
    static const char *const texts[] = {"0", "9", "10", "99", "100", "4294967295"};
    char key[11];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(muv__bson_index_key(key, numbers[i]), strlen(texts[i]));
        assert_string_equal(key, texts[i]);
    }
}

static void a_full_buffer_keeps_its_first_error(void **state)
{
    muv__bson_mark_t mark;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 20);
    mark = muv__bson_begin(&buf);
    muv__bson_utf8(&buf, MUV__KEY("s"), "a long text, too long", 21);
    CHECK_CODE(buf.error, MUV_ETOOLARGE);
    muv__bson_end(&buf, muv__bson_begin_document(&buf, MUV__KEY("d")));
    muv__bson_int32(&buf, MUV__KEY("i"), 1);
    muv__bson_end(&buf, mark);
    CHECK_CODE(buf.error, MUV_ETOOLARGE);
    assert_int_equal(buf.size, 4);
    muv__buf_done(&buf);
}

static void values_beyond_the_range_of_lengths_are_refused(void **state)
{
    muv__buf_t buf;

    (void)state;
    for (int i = 0; i < 2; i++) {
        muv__buf_init(&buf, SIZE_MAX);
        if (i == 0) {
            muv__bson_utf8(&buf, MUV__KEY("s"), "", INT32_MAX);
        } else {
            muv__bson_binary(&buf, MUV__KEY("b"), 0, muv__span("", (size_t)INT32_MAX + 1));
        }
        CHECK_CODE(buf.error, MUV_ETOOLARGE);
        assert_null(buf.data);
        muv__buf_done(&buf);
    }
}

static void each_failing_allocation_sticks(void **state)
{
    size_t fail_from = 1;

    (void)state;
    do {
        muv__bson_mark_t mark;
        muv__buf_t buf;

        assert_int_equal(counting_start(fail_from++, 1), 0);
        muv__buf_init(&buf, MAX_SIZE);
        mark = muv__bson_begin(&buf);
        for (int i = 0; i < 1000; i++) {
            muv__bson_end(&buf, muv__bson_begin_document(&buf, MUV__KEY("d")));
            muv__bson_utf8(&buf, MUV__KEY("s"), "text", 4);
        }
        muv__bson_end(&buf, mark);
        CHECK_CODE(buf.error, counting.calls >= counting.fail_from ? MUV_ENOMEM : 0);
        muv__buf_done(&buf);
        assert_int_equal(counting.live, 0);
    } while (counting.calls >= counting.fail_from);
    assert_true(fail_from > 4);
    assert_int_equal(counting_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_document_is_five_bytes),
        cmocka_unit_test(numbers_are_written_like_libbson_does),
        cmocka_unit_test(texts_and_bytes_are_written_like_libbson_does),
        cmocka_unit_test(the_other_types_are_written_like_libbson_does),
        cmocka_unit_test(whole_documents_and_arrays_are_copied),
        cmocka_unit_test(documents_nest_and_close_with_their_marks),
        cmocka_unit_test(documents_may_follow_each_other_in_one_buffer),
        cmocka_unit_test(a_raw_value_of_any_type_is_copied),
        cmocka_unit_test(keys_of_array_elements_are_decimal),
        cmocka_unit_test(a_full_buffer_keeps_its_first_error),
        cmocka_unit_test(values_beyond_the_range_of_lengths_are_refused),
        cmocka_unit_test(each_failing_allocation_sticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
