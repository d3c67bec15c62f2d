/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: code points, and what is none. */
#include "support/check.h"

#include "odm/utf8.h"

static int64_t count(const char *text)
{
    return muv__utf8_count(text, strlen(text));
}

static void code_points_are_counted(void **state)
{
    (void)state;
    assert_int_equal(count(""), 0);
    assert_int_equal(count("abc"), 3);
    assert_int_equal(count("\xc2\x80\xdf\xbf"), 2);
    assert_int_equal(count("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), 4);
    assert_int_equal(count("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 2);
    assert_int_equal(muv__utf8_count("a\0b", 3), 3);
}

static void other_bytes_are_not_utf8(void **state)
{
    (void)state;
    assert_int_equal(count("\x80"), -1);
    assert_int_equal(count("\xc0\x80"), -1);
    assert_int_equal(count("\xc1\xbf"), -1);
    assert_int_equal(count("\xe0\x9f\xbf"), -1);
    assert_int_equal(count("\xed\xa0\x80"), -1);
    assert_int_equal(count("\xf0\x8f\xbf\xbf"), -1);
    assert_int_equal(count("\xf4\x90\x80\x80"), -1);
    assert_int_equal(count("\xf5\x80\x80\x80"), -1);
    assert_int_equal(count("a\xc3"), -1);
    assert_int_equal(count("\xe2\x82"), -1);
    assert_int_equal(count("\xe2\x82z"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_points_are_counted),
        cmocka_unit_test(other_bytes_are_not_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
