/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON texts, right ones and hostile ones. Each text lies in memory of exactly its
 * size. */
#include "source/json_fields.h"

#include <stdlib.h>
#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

typedef struct text {
    uint8_t *bytes;
    muv__json_value_t root;
    int ok;
} text_t;

static text_t text_from(const char *json, size_t size)
{
    text_t t = {.bytes = malloc(size + (size == 0))};

    assert_non_null(t.bytes);
    memcpy(t.bytes, json, size);
    t.ok = muv__json_object(muv__span(t.bytes, size), &t.root);
    return t;
}

static text_t text(const char *json)
{
    return text_from(json, strlen(json));
}

static void accepts(const char *json)
{
    text_t t = text(json);

    if (!t.ok) {
        print_error("refused: %s\n", json);
    }
    assert_true(t.ok);
    free(t.bytes);
}

static void refuses_bytes(const char *json, size_t size)
{
    text_t t = text_from(json, size);

    if (t.ok) {
        print_error("accepted: %s\n", json);
    }
    assert_false(t.ok);
    free(t.bytes);
}

static void refuses(const char *json)
{
    refuses_bytes(json, strlen(json));
}

/* The member "a" of a text that must be fine. */
static text_t member_a(const char *json, muv__json_value_t *ret)
{
    text_t t = text(json);

    assert_true(t.ok);
    assert_int_equal(muv__json_member(&t.root, "a", ret), 1);
    return t;
}

static void check_text(const char *json, const char *expected)
{
    muv__json_value_t value;
    muv__secret_t secret = {.data = NULL};
    text_t t = member_a(json, &value);

    CHECK_CODE(muv__json_text(&value, &secret), 0);
    assert_string_equal((char *)secret.data, expected);
    assert_int_equal(secret.size, strlen(expected) + 1);
    muv__secret_done(&secret);
    free(t.bytes);
}

static void check_no_text(const char *json)
{
    muv__json_value_t value;
    muv__secret_t secret = {.data = NULL};
    text_t t = member_a(json, &value);

    CHECK_CODE(muv__json_text(&value, &secret), MUV_EINVAL);
    assert_null(secret.data);
    free(t.bytes);
}

static void check_whole(const char *number, int64_t expected)
{
    int64_t whole = -1;
    muv__json_value_t value;
    text_t t = member_a(text_of("{\"a\": %s}", number), &value);

    CHECK_CODE(muv__json_whole(&value, &whole), 0);
    assert_int_equal(whole, expected);
    free(t.bytes);
}

static void check_no_whole(const char *number)
{
    int64_t whole = -1;
    muv__json_value_t value;
    text_t t = member_a(text_of("{\"a\": %s}", number), &value);

    CHECK_CODE(muv__json_whole(&value, &whole), MUV_EINVAL);
    assert_int_equal(whole, -1);
    free(t.bytes);
}

/* --- the grammar -------------------------------------------------------------------------------*/

static void objects_are_accepted(void **state)
{
    (void)state;
    accepts("{}");
    accepts(" \t\r\n{ } \n");
    accepts("{\"a\": [1, -0, 0.5, 1e9, 1E+9, 1.25e-3, true, false, null, \"\", [], {}]}");
    accepts("{\"a\" : {\"b\" : [ { } , [ ] ] } , \"\": 0}");
    accepts(
        "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\": \"\xc3\xa4\xf0\x9f\x98\x80\x7f\"}");
}

static void what_is_no_object_is_refused(void **state)
{
    muv__json_value_t root;

    (void)state;
    assert_false(muv__json_object(muv__span(NULL, 0), &root));
    refuses("");
    refuses(" ");
    refuses("[]");
    refuses("\"a\"");
    refuses("null");
    refuses("{} {}");
    refuses("{},");
    refuses("\xef\xbb\xbf{}");
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    refuses("{\"a\"}");
    refuses("{\"a\": }");
    refuses("{\"a\": 1,}");
    refuses("{,}");
    refuses("{a: 1}");
    refuses("{'a': 1}");
    refuses("{\"a\": 1 \"b\": 2}");
    refuses("{\"a\": [1,]}");
    refuses("{\"a\": [1 2]}");
    refuses("{\"a\": [1}");
    refuses("{\"a\": nul}");
    refuses("{\"a\": True}");
    refuses("{\"a\": NaN}");
    refuses("{\"a\": 1} /* */");
    refuses_bytes("{}\0", 3);
}

static void numbers_follow_the_grammar(void **state)
{
    (void)state;
    refuses("{\"a\": 01}");
    refuses("{\"a\": +1}");
    refuses("{\"a\": .5}");
    refuses("{\"a\": 1.}");
    refuses("{\"a\": 1e}");
    refuses("{\"a\": 1e+}");
    refuses("{\"a\": -}");
    refuses("{\"a\": 0x10}");
    refuses("{\"a\": 1.e5}");
}

static void strings_follow_the_grammar(void **state)
{
    (void)state;
    refuses("{\"a\": \"\n\"}");
    refuses_bytes("{\"a\": \"\0\"}", 9);
    refuses("{\"a\": \"\\x\"}");
    refuses_bytes("{\"a\": \"\\\0\"}", 10);
    refuses("{\"a\": \"\\u12\"}");
    refuses("{\"a\": \"\\u12g4\"}");
    refuses("{\"a\": \"\\ud800\"}");
    refuses("{\"a\": \"\\ud800\\n\"}");
    refuses("{\"a\": \"\\ud800\\u0041\"}");
    refuses("{\"a\": \"\\udc00\"}");
}

static void strings_are_utf8(void **state)
{
    (void)state;
    accepts("{\"a\": \"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"}");
    refuses("{\"a\": \"\x80\"}");
    refuses("{\"a\": \"\xc3\"}");
    refuses("{\"a\": \"\xc3 \"}");
    refuses("{\"a\": \"\xc0\x80\"}");
    refuses("{\"a\": \"\xe0\x9f\xbf\"}");
    refuses("{\"a\": \"\xed\xa0\x80\"}");
    refuses("{\"a\": \"\xf0\x8f\xbf\xbf\"}");
    refuses("{\"a\": \"\xf4\x90\x80\x80\"}");
    refuses("{\"a\": \"\xf8\x88\x80\x80\x80\"}");
    refuses("{\"a\": \"\xff\"}");
}

/* Nothing behind the end is read, and only the whole text is an object. */
static void every_cut_is_refused(void **state)
{
    static const char whole[] =
        "{\"a\": [1.5e3, true, {\"b\": \"\\ud83d\\ude00\xc3\xa4\"}], \"c\": null}";

    (void)state;
    accepts(whole);
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        refuses_bytes(whole, size);
    }
}

static void nesting_is_bounded(void **state)
{
    char deep[2 * MUV__JSON_MAX_DEPTH + 16];
    size_t at = 0;

    (void)state;
    for (int arrays = MUV__JSON_MAX_DEPTH - 1; arrays <= MUV__JSON_MAX_DEPTH; arrays++) {
        at = (size_t)snprintf(deep, sizeof(deep), "{\"a\":");
        memset(deep + at, '[', (size_t)arrays);
        at += (size_t)arrays;
        memset(deep + at, ']', (size_t)arrays);
        at += (size_t)arrays;
        memcpy(deep + at, "}", 2);
        if (arrays < MUV__JSON_MAX_DEPTH) {
            accepts(deep);
        } else {
            refuses(deep);
        }
    }
}

/* --- members -----------------------------------------------------------------------------------*/

static void a_member_is_found_by_its_name(void **state)
{
    text_t t = text("{\"ab\": 1, \"b\": {\"a\": 2}, \"a\": [3], \"\": 4}");
    muv__json_value_t value;
    muv__json_value_t inner;

    (void)state;
    assert_int_equal(muv__json_member(&t.root, "a", &value), 1);
    assert_int_equal(value.kind, MUV__JSON_ARRAY);
    assert_memory_equal(value.text.data, "[3]", 3);
    assert_int_equal(value.text.size, 3);
    assert_int_equal(muv__json_member(&value, "a", &inner), 0);
    assert_int_equal(muv__json_member(&t.root, "b", &value), 1);
    assert_int_equal(muv__json_member(&value, "a", &inner), 1);
    assert_int_equal(inner.kind, MUV__JSON_NUMBER);
    assert_memory_equal(inner.text.data, "2", 1);
    assert_int_equal(muv__json_member(&t.root, "", &value), 1);
    assert_int_equal(muv__json_member(&t.root, "abc", &value), 0);
    free(t.bytes);
}

static void names_may_be_written_with_escapes(void **state)
{
    muv__json_value_t value;
    text_t t = member_a("{\"\\u0061\": true}", &value);

    (void)state;
    assert_int_equal(value.kind, MUV__JSON_TRUE);
    assert_int_equal(muv__json_member(&t.root, "\\u0061", &value), 0);
    free(t.bytes);
}

static void a_member_that_is_there_twice_is_an_error(void **state)
{
    text_t t = text("{\"a\": 1, \"b\": 2, \"\\u0061\": 3}");
    muv__json_value_t value;

    (void)state;
    CHECK_CODE(muv__json_member(&t.root, "a", &value), MUV_EINVAL);
    assert_int_equal(muv__json_member(&t.root, "b", &value), 1);
    free(t.bytes);
}

static void an_empty_object_has_no_members(void **state)
{
    text_t t = text("{ }");
    muv__json_value_t value;

    (void)state;
    assert_int_equal(muv__json_member(&t.root, "a", &value), 0);
    free(t.bytes);
}

/* --- values ------------------------------------------------------------------------------------*/

static void escapes_of_a_text_are_undone(void **state)
{
    (void)state;
    check_text("{\"a\": \"\"}", "");
    check_text("{\"a\": \"plain\"}", "plain");
    check_text("{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t");
    check_text("{\"a\": \"\\u0041\\u00E4\\u20ac\\ud83d\\ude00\"}",
               "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    check_text("{\"a\": \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"}",
               "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    check_no_text("{\"a\": 1}");
    check_no_text("{\"a\": null}");
    check_no_text("{\"a\": {\"a\": \"b\"}}");
    check_no_text("{\"a\": \"x\\u0000y\"}");
}

static void a_text_is_compared_as_it_is_meant(void **state)
{
    muv__json_value_t value;
    text_t t = member_a("{\"a\": \"Suc\\u0063ess\", \"b\": true}", &value);

    (void)state;
    assert_true(muv__json_is(&value, "Success"));
    assert_false(muv__json_is(&value, "Succes"));
    assert_false(muv__json_is(&value, "Success "));
    assert_false(muv__json_is(&value, "success"));
    assert_int_equal(muv__json_member(&t.root, "b", &value), 1);
    assert_false(muv__json_is(&value, "true"));
    free(t.bytes);
}

static void whole_numbers_are_read_in_any_notation(void **state)
{
    (void)state;
    check_whole("0", 0);
    check_whole("3599", 3599);
    check_whole("\"3599\"", 3599);
    check_whole("1440778422.75", 1440778422);
    check_whole("1.440778422E9", 1440778422);
    check_whole("1.440778422789e+9", 1440778422);
    check_whole("17e8", 1700000000);
    check_whole("15e-1", 1);
    check_whole("0.0000015e7", 15);
    check_whole("9.99e-1", 0);
    check_whole("1e-999999999999", 0);
    check_whole("0e999999999999", 0);
    check_whole("0.0", 0);
    check_whole("9007199254740992", INT64_C(9007199254740992));
}

static void other_numbers_are_refused(void **state)
{
    (void)state;
    check_no_whole("-1");
    check_no_whole("9007199254740993");
    check_no_whole("99999999999999999999999999");
    check_no_whole("1e16");
    check_no_whole("1e999999999999");
    check_no_whole("\"\"");
    check_no_whole("\"12a\"");
    check_no_whole("\" 12\"");
    check_no_whole("\"-1\"");
    check_no_whole("\"\\u0031\"");
    check_no_whole("true");
    check_no_whole("null");
    check_no_whole("[1]");
}

static void running_out_of_memory_is_told(void **state)
{
    muv__json_value_t value;
    muv__secret_t secret = {.data = NULL};
    text_t t = member_a("{\"a\": \"b\"}", &value);

    (void)state;
    alloc_fail_at(1, false);
    CHECK_CODE(muv__json_text(&value, &secret), MUV_ENOMEM);
    alloc_fail_at(0, false);
    assert_null(secret.data);
    free(t.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_accepted),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(strings_follow_the_grammar),
        cmocka_unit_test(strings_are_utf8),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_member_is_found_by_its_name),
        cmocka_unit_test(names_may_be_written_with_escapes),
        cmocka_unit_test(a_member_that_is_there_twice_is_an_error),
        cmocka_unit_test(an_empty_object_has_no_members),
        cmocka_unit_test(escapes_of_a_text_are_undone),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(a_text_is_compared_as_it_is_meant),
        cmocka_unit_test(whole_numbers_are_read_in_any_notation),
        cmocka_unit_test(other_numbers_are_refused),
        cmocka_unit_test_teardown(running_out_of_memory_is_told, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
