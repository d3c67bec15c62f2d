/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed assertion of our own does. */
#include "base/assert.h"

#include <setjmp.h>
#include <string.h>

#include "support/check.h"

static jmp_buf escape;
static const char *seen_expression;
static const char *seen_file;
static int seen_line;

static void leave(const char *expression, const char *file, int line)
{
    seen_expression = expression;
    seen_file = file;
    seen_line = line;
    longjmp(escape, 1);
}

static void a_true_expression_is_silent_and_evaluated_once(void **state)
{
    int count = 0;

    (void)state;
    muv__assert_set_handler(leave);
    MUV__ASSERT(++count == 1);
    assert_int_equal(count, 1);
    muv__assert_set_handler(NULL);
}

static void a_false_expression_reaches_the_handler(void **state)
{
    volatile int value = 2;
    const int line = __LINE__ + 5;

    (void)state;
    muv__assert_set_handler(leave);
    if (setjmp(escape) == 0) {
        MUV__ASSERT(value == 3);
        fail();
    }
    muv__assert_set_handler(NULL);
    assert_string_equal(seen_expression, "value == 3");
    assert_non_null(strstr(seen_file, "assert_test.c"));
    assert_int_equal(seen_line, line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_expression_is_silent_and_evaluated_once),
        cmocka_unit_test(a_false_expression_reaches_the_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
