/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping of text for regular expressions. */
#include "odm/regex.h"

#include "muv/odm/condition.h"
#include "support/check.h"

static void check_regex(unsigned op, const char *text, size_t size, const char *pattern,
                        const char *options)
{
    muv__buf_t buf;

    muv__buf_init(&buf, 1000);
    muv__regex_write(&buf, op, text, size);
    assert_int_equal(buf.error, 0);
    assert_string_equal((const char *)buf.data, pattern);
    assert_string_equal((const char *)buf.data + strlen(pattern) + 1, options);
    assert_int_equal(buf.size, strlen(pattern) + strlen(options) + 2);
    muv__buf_done(&buf);
}

static void what_means_something_is_escaped(void **state)
{
    static const char all[] = "\\^$.|?*+()[]{}";

    (void)state;
    check_regex(MUV_Q_CONTAINS, all, sizeof(all) - 1, "\\\\\\^\\$\\.\\|\\?\\*\\+\\(\\)\\[\\]\\{\\}",
                "");
    check_regex(MUV_Q_CONTAINS, "a-b/c #\xc3\xa4", 9, "a-b/c #\xc3\xa4", "");
}

static void nul_is_written_as_an_escape(void **state)
{
    (void)state;
    check_regex(MUV_Q_STARTSWITH, "a\0.", 3, "^a\\x00\\.", "");
}

static void i_makes_it_blind_to_case_and_u_is_not_written(void **state)
{
    (void)state;
    check_regex(MUV_Q_IEXACT, "a", 1, "^a$", "i");
    check_regex(MUV_Q_IWHOLEWORD, "a", 1, "\\ba\\b", "i");
}

static void a_regular_expression_is_written_as_it_is(void **state)
{
    (void)state;
    check_regex(MUV_Q_REGEX, "^a.*", 4, "^a.*", "");
    check_regex(MUV_Q_IREGEX, "", 0, "", "i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_means_something_is_escaped),
        cmocka_unit_test(nul_is_written_as_an_escape),
        cmocka_unit_test(i_makes_it_blind_to_case_and_u_is_not_written),
        cmocka_unit_test(a_regular_expression_is_written_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
