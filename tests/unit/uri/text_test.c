/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-decoding, UTF-8, numbers, and the memory of strings. */
#include "uri/text.h"

#include "support/check.h"

#include <string.h>

static void check_decodes(const char *text, const char *want)
{
    char out[64];
    size_t length = 99;

    CHECK_CODE(muv__text_decode(text, strlen(text), out, &length), 0);
    assert_string_equal(out, want);
    assert_int_equal(length, strlen(want));
}

static void check_undecodable(const char *text)
{
    char out[64];
    size_t length = 99;

    CHECK_CODE(muv__text_decode(text, strlen(text), out, &length), MUV_EINVAL);
    assert_int_equal(length, 99);
}

static void escapes_are_decoded_in_either_case(void **state)
{
    (void)state;
    check_decodes("", "");
    check_decodes("plain+text", "plain+text");
    check_decodes("%40l%3Ace%2f%3d", "@l:ce/=");
    check_decodes("%25%32%35", "%25");
    check_decodes("%C3%BC", "\xc3\xbc");
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    check_undecodable("%");
    check_undecodable("a%4");
    check_undecodable("%4g");
    check_undecodable("%g4");
    check_undecodable("%%20");
    check_undecodable("%00");
    check_undecodable("%C3");
    check_undecodable("%ff");
}

static void decoding_stops_at_the_given_length(void **state)
{
    char out[8];
    size_t length;

    (void)state;
    CHECK_CODE(muv__text_decode("%41", 2, out, &length), MUV_EINVAL);
    CHECK_CODE(muv__text_decode("a%41", 1, out, &length), 0);
    assert_string_equal(out, "a");
}

static void decoding_in_place_works(void **state)
{
    char text[] = "%41%42c";
    size_t length;

    (void)state;
    CHECK_CODE(muv__text_decode(text, strlen(text), text, &length), 0);
    assert_string_equal(text, "ABc");
}

static void utf8_is_recognised_up_to_its_limits(void **state)
{
    static const char *const good[] = {"",
                                       "a\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const wrong[] = {
        "\x80",          "\xc0\x80",         "\xc1\xbf",         "\xc2",      "\xc2z",
        "\xe0\x9f\xbf",  "\xed\xa0\x80",     "\xe1\x80",         "\xe1\x80z", "\xf0\x8f\xbf\xbf",
        "\xf1\x80\x80z", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(muv__text_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(muv__text_is_utf8(wrong[i], strlen(wrong[i])));
    }
    assert_false(muv__text_is_utf8("a\0b", 3));
}

static void check_number(const char *text, int64_t want)
{
    int64_t value = 7;

    CHECK_CODE(muv__text_parse_int(text, strlen(text), &value), 0);
    assert_true(value == want);
}

static void numbers_are_read_and_saturate(void **state)
{
    (void)state;
    check_number("0", 0);
    check_number("-0", 0);
    check_number("00042", 42);
    check_number("-17", -17);
    check_number("9223372036854775807", INT64_MAX);
    check_number("9223372036854775808", INT64_MAX);
    check_number("-9223372036854775808", INT64_MIN);
    check_number("-9223372036854775809", INT64_MIN);
    check_number("99999999999999999999999999", INT64_MAX);
    check_number("-99999999999999999999999999", INT64_MIN);
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {"",    "-",    "+1",  " 1",  "1 ",
                                        "1.0", "0x10", "1e3", "--1", "a"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t value = 7;

        CHECK_CODE(muv__text_parse_int(texts[i], strlen(texts[i]), &value), MUV_EINVAL);
        assert_true(value == 7);
    }
}

static void comparison_looks_at_the_whole_text(void **state)
{
    (void)state;
    assert_true(muv__text_is("abc", 3, "abc"));
    assert_false(muv__text_is("abc", 2, "abc"));
    assert_false(muv__text_is("abc", 3, "ABC"));
    assert_true(muv__text_is_nocase("aBc-[", 5, "AbC-["));
    assert_false(muv__text_is_nocase("abc", 3, "ab"));
    assert_false(muv__text_is_nocase("a[", 2, "a{"));
}

static void kept_strings_stay_where_they_are(void **state)
{
    muv__strings_t strings = {NULL};
    char big[3000];
    const char *first;
    const char *second;

    (void)state;
    memset(big, 'x', sizeof(big));
    first = muv__strings_keep(&strings, "first", 5);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(muv__strings_keep(&strings, "filler", 6));
    }
    second = muv__strings_keep(&strings, big, sizeof(big));
    assert_non_null(second);
    assert_int_equal(strlen(second), sizeof(big));
    assert_string_equal(first, "first");
    muv__strings_done(&strings);
    assert_null(strings.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded_in_either_case),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(decoding_stops_at_the_given_length),
        cmocka_unit_test(decoding_in_place_works),
        cmocka_unit_test(utf8_is_recognised_up_to_its_limits),
        cmocka_unit_test(numbers_are_read_and_saturate),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(comparison_looks_at_the_whole_text),
        cmocka_unit_test(kept_strings_stay_where_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
