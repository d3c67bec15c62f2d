/* SPDX-License-Identifier: Apache-2.0 */
/* What is a token, and what it is in a URL. */
#include "source/text.h"

#include <string.h>

#include "support/check.h"

static muv__span_t span_of(const char *text)
{
    return muv__span(text, strlen(text));
}

static void check_trimmed(const char *text, const char *expected)
{
    muv__span_t trimmed = muv__source_trim(span_of(text));

    assert_int_equal(trimmed.size, strlen(expected));
    assert_memory_equal(trimmed.data, expected, trimmed.size);
}

static void tokens_are_visible_ascii(void **state)
{
    (void)state;
    assert_true(muv__source_is_token(span_of("!~eyJh.eyJi-_/+=")));
    assert_false(muv__source_is_token(span_of("")));
    assert_false(muv__source_is_token(muv__span(NULL, 0)));
    assert_false(muv__source_is_token(span_of("a b")));
    assert_false(muv__source_is_token(span_of("a\tb")));
    assert_false(muv__source_is_token(span_of("a\x7f")));
    assert_false(muv__source_is_token(span_of("\xc3\xa4")));
    assert_false(muv__source_is_token(muv__span("a\0b", 3)));
}

static void ends_of_lines_are_no_part_of_a_token(void **state)
{
    (void)state;
    check_trimmed("a", "a");
    check_trimmed("a\n", "a");
    check_trimmed("a\r\n\n", "a");
    check_trimmed("\n\r\n", "");
    check_trimmed("\na\nb ", "\na\nb ");
    assert_int_equal(muv__source_trim(muv__span(NULL, 0)).size, 0);
}

static void reserved_characters_are_escaped(void **state)
{
    static const char expected[] = "%00az%41"
                                   "AZ09-._~%20%2B%2F%7F%C3%A4%FF";
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 100);
    muv__source_encode(&buf, muv__span("\0az", 3));
    muv__buf_append(&buf, "%41", 3);
    muv__source_encode(&buf, span_of("AZ09-._~ +/\x7f\xc3\xa4\xff"));
    CHECK_CODE(buf.error, 0);
    assert_int_equal(buf.size, sizeof(expected) - 1);
    assert_memory_equal(buf.data, expected, buf.size);
    muv__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_visible_ascii),
        cmocka_unit_test(ends_of_lines_are_no_part_of_a_token),
        cmocka_unit_test(reserved_characters_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
