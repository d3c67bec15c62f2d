/* SPDX-License-Identifier: Apache-2.0 */
/* Relaxed extended JSON: each type's form, what is cut where, and bytes that are no text or no
 * document. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "muv/error.h"

#include "support/alloc.h"
#include "support/check.h"

/* Append a document of `size` bytes under `limit` and compare. */
static void check_bytes(const uint8_t *bytes, size_t size, size_t limit, const char *expected)
{
    muv__buf_t buf;

    muv__buf_init(&buf, 1 << 20);
    muv__json_append(&buf, muv__span(bytes, size), limit);
    assert_int_equal(buf.error, 0);
    muv__buf_append(&buf, "", 1);
    assert_string_equal((const char *)buf.data, expected);
    muv__buf_done(&buf);
}

static void check_text(const char *json, size_t limit, const char *expected)
{
    bson_t *document = bson_from(json);

    check_bytes(bson_get_data(document), document->len, limit, expected);
    bson_destroy(document);
}

/* The text is its own source. */
static void check_same(const char *json)
{
    check_text(json, SIZE_MAX, json);
}

static void plain_values_look_like_json(void **state)
{
    (void)state;
    check_same("{}");
    check_same("{\"a\": 1, \"b\": -2147483648, \"c\": 5000000000, \"d\": true, \"e\": null}");
    check_same("{\"a\": {\"b\": {}, \"c\": []}, \"d\": [1, [2, {\"e\": 3}], \"x\"]}");
}

static void doubles_read_back_as_they_were(void **state)
{
    (void)state;
    check_same("{\"a\": 1.0, \"b\": 0.1, \"c\": -0.0, \"d\": 1e+300, \"e\": 3.141592653589793}");
    check_same("{\"a\": 0.30000000000000004, \"b\": 1e-07}");
    check_same("{\"a\": {\"$numberDouble\": \"NaN\"}, \"b\": {\"$numberDouble\": \"Infinity\"}, "
               "\"c\": {\"$numberDouble\": \"-Infinity\"}}");
}

static void other_types_are_wrapped(void **state)
{
    (void)state;
    check_same("{\"a\": {\"$oid\": \"5f5f5f5f5f5f5f5f5f5f5f5f\"}}");
    check_same("{\"a\": {\"$binary\": {\"base64\": \"AQIDBA==\", \"subType\": \"80\"}}}");
    check_same("{\"a\": {\"$binary\": {\"base64\": \"AQID\", \"subType\": \"02\"}}}");
    check_same("{\"a\": {\"$binary\": {\"base64\": \"\", \"subType\": \"00\"}}}");
    check_same("{\"a\": {\"$regularExpression\": {\"pattern\": \"a\\\"b\", \"options\": \"i\"}}}");
    check_same("{\"a\": {\"$timestamp\": {\"t\": 4294967295, \"i\": 2}}}");
    check_same("{\"a\": {\"$numberDecimal\": \"1.50\"}}");
    check_same("{\"a\": {\"$code\": \"f()\"}, \"b\": {\"$symbol\": \"s\"}}");
    check_same("{\"a\": {\"$code\": \"f()\", \"$scope\": {\"x\": {\"y\": 1}}}, \"b\": 2}");
    check_same("{\"a\": {\"$minKey\": 1}, \"b\": {\"$maxKey\": 1}, \"c\": {\"$undefined\": true}}");
    check_same("{\"a\": {\"$dbPointer\": {\"$ref\": \"db.c\", \"$id\": "
               "{\"$oid\": \"5f5f5f5f5f5f5f5f5f5f5f5f\"}}}}");
}

static void dates_are_iso_8601_within_its_years(void **state)
{
    (void)state;
    check_same("{\"a\": {\"$date\": \"1970-01-01T00:00:00Z\"}}");
    check_same("{\"a\": {\"$date\": \"2012-12-24T12:15:30.501Z\"}}");
    check_same("{\"a\": {\"$date\": \"2000-02-29T23:59:59.009Z\"}}");
    check_same("{\"a\": {\"$date\": \"2100-03-01T00:00:00Z\"}}");
    check_same("{\"a\": {\"$date\": \"9999-12-31T23:59:59.999Z\"}}");
    check_same("{\"a\": {\"$date\": {\"$numberLong\": \"253402300800000\"}}}");
    check_same("{\"a\": {\"$date\": {\"$numberLong\": \"-1\"}}}");
}

static void what_json_cannot_hold_is_escaped(void **state)
{
    (void)state;
    check_same("{\"a\\\"b\": \"\\\\ \\n\\r\\t \\u0001 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}");
}

static void bytes_that_are_no_text_become_the_replacement_character(void **state)
{
    const uint8_t broken[] = {22,   0,    0,    0,    2,    'a',  0,    10,   0,   0, 0,
                              0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf5, 0xc3, 'x', 0, 0};

    (void)state;
#define U "\xef\xbf\xbd"
    check_bytes(broken, sizeof(broken), SIZE_MAX, "{\"a\": \"" U U U U U U U U "x\"}");
#undef U
}

static void the_limit_counts_bytes_and_the_dots_are_extra(void **state)
{
    (void)state;
    check_text("{\"s\": 12345}", 12, "{\"s\": 12345}");
    check_text("{\"s\": 12345}", 11, "{\"s\": 12345...");
    check_text("{\"s\": 12345}", 5, "{\"s\":...");
    check_text("{\"s\": 12345}", 0, "...");
    check_text("{}", 2, "{}");
    check_text("{}", 1, "{...");
}

static void a_character_is_never_split(void **state)
{
    const char *text = "{\"s\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}";

    (void)state;
    check_text(text, 7, "{\"s\": \"...");
    check_text(text, 8, "{\"s\": \"...");
    check_text(text, 9, "{\"s\": \"\xc3\xa9...");
    check_text(text, 11, "{\"s\": \"\xc3\xa9...");
    check_text(text, 12, "{\"s\": \"\xc3\xa9\xe2\x82\xac...");
    check_text(text, 15, "{\"s\": \"\xc3\xa9\xe2\x82\xac...");
    check_text(text, 16, "{\"s\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80...");
    check_text(text, 18, text);
}

static void a_malformed_document_ends_where_it_is(void **state)
{
    const uint8_t unknown[] = {15, 0, 0, 0, 16, 'a', 0, 1, 0, 0, 0, 0x55, 'b', 0, 0};
    const uint8_t too_long[] = {12, 0, 0, 0, 2, 'a', 0, 99, 0, 0, 0, 0};
    const uint8_t frame[] = {99, 0, 0, 0, 0};

    (void)state;
    check_bytes(unknown, sizeof(unknown), SIZE_MAX, "{\"a\": 1...");
    check_bytes(too_long, sizeof(too_long), SIZE_MAX, "{...");
    check_bytes(frame, sizeof(frame), SIZE_MAX, "...");
    check_bytes(frame, 0, SIZE_MAX, "...");
}

static void nesting_has_an_end(void **state)
{
    enum { DEPTH = 400, LEVEL = 8 };
    static uint8_t bytes[DEPTH * LEVEL + 5];
    muv__buf_t buf;

    (void)state;
    for (size_t i = 0; i < DEPTH; i++) {
        uint32_t size = (uint32_t)(sizeof(bytes) - 7 * i - i);
        const uint8_t head[] = {(uint8_t)size, (uint8_t)(size >> 8), 0, 0, 3, 'a', 0};

        memcpy(bytes + 7 * i, head, sizeof(head));
    }
    bytes[7 * DEPTH] = 5;
    muv__buf_init(&buf, 1 << 20);
    muv__json_append(&buf, muv__span(bytes, sizeof(bytes)), SIZE_MAX);
    assert_int_equal(buf.error, 0);
    assert_memory_equal(buf.data + buf.size - 8, "\"a\": ...", 8);
    muv__buf_done(&buf);
}

static void without_memory_the_buffer_says_so(void **state)
{
    bson_t *document = bson_from("{\"a\": 1}");
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1 << 20);
    alloc_fail_at(1, true);
    muv__json_append(&buf, muv__span(bson_get_data(document), document->len), 100);
    assert_int_equal(buf.error, MUV_ENOMEM);
    muv__buf_done(&buf);
    bson_destroy(document);
}

static void a_text_goes_behind_what_is_there(void **state)
{
    bson_t *document = bson_from("{\"a\": 1}");
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1 << 20);
    muv__buf_append(&buf, "12345678", 8);
    muv__json_append(&buf, muv__span(bson_get_data(document), document->len), 4);
    assert_int_equal(buf.size, 15);
    assert_memory_equal(buf.data, "12345678{\"a\"...", 15);
    muv__buf_done(&buf);
    bson_destroy(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_look_like_json),
        cmocka_unit_test(doubles_read_back_as_they_were),
        cmocka_unit_test(other_types_are_wrapped),
        cmocka_unit_test(dates_are_iso_8601_within_its_years),
        cmocka_unit_test(what_json_cannot_hold_is_escaped),
        cmocka_unit_test(bytes_that_are_no_text_become_the_replacement_character),
        cmocka_unit_test(the_limit_counts_bytes_and_the_dots_are_extra),
        cmocka_unit_test(a_character_is_never_split),
        cmocka_unit_test(a_malformed_document_ends_where_it_is),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test_teardown(without_memory_the_buffer_says_so, alloc_teardown),
        cmocka_unit_test(a_text_goes_behind_what_is_there),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
