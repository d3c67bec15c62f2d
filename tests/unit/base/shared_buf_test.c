/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shared_buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void bytes_stay_in_the_budget_until_the_last_holder_lets_go(void **state)
{
    muv__budget_t budget = {.max_bytes = 10};
    muv__shared_buf_t *shared = muv__shared_buf_new(&budget, 100);

    (void)state;
    assert_non_null(shared);
    muv__buf_append(&shared->buf, "123456", 6);
    assert_int_equal(muv__shared_buf_account(shared), 1);
    assert_int_equal(budget.used_bytes, 6);
    assert_ptr_equal(muv__shared_buf_retain(shared), shared);
    muv__shared_buf_release(shared);
    assert_int_equal(budget.used_bytes, 6);
    muv__shared_buf_release(shared);
    assert_int_equal(budget.used_bytes, 0);
}

static void reused_memory_is_accounted_once(void **state)
{
    muv__budget_t budget = {.max_bytes = 10};
    muv__shared_buf_t *shared = muv__shared_buf_new(&budget, 100);

    (void)state;
    assert_non_null(shared);
    muv__buf_append(&shared->buf, "123456", 6);
    assert_int_equal(muv__shared_buf_account(shared), 1);
    shared->buf.size = 0;
    muv__buf_append(&shared->buf, "1234", 4);
    assert_int_equal(muv__shared_buf_account(shared), 1);
    assert_int_equal(budget.used_bytes, 6);
    muv__buf_append(&shared->buf, "1234567", 7);
    assert_int_equal(muv__shared_buf_account(shared), 0);
    assert_int_equal(budget.used_bytes, 6);
    muv__shared_buf_release(shared);
    assert_int_equal(budget.used_bytes, 0);
}

static void nothing_to_release_is_fine(void **state)
{
    (void)state;
    muv__shared_buf_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay_in_the_budget_until_the_last_holder_lets_go),
        cmocka_unit_test(reused_memory_is_accounted_once),
        cmocka_unit_test(nothing_to_release_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
