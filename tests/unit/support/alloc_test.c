/* SPDX-License-Identifier: Apache-2.0 */
/* The failing allocator, under the library's own memory functions. */
#include "support/alloc.h"

#include "base/mem.h"
#include "support/check.h"
#include "unit/support/must_fail.h"

#include <string.h>

static void nth_allocation_fails_once(void **state)
{
    (void)state;
    alloc_fail_at(2, false);
    void *first = muv__mem_alloc(10);
    void *second = muv__mem_alloc(10);
    void *third = muv__mem_zalloc(10);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_true(alloc_has_failed());
    assert_int_equal(alloc_count(), 3);
    muv__mem_free(first);
    muv__mem_free(third);
}

static void persistent_failure_stays_until_it_is_taken_back(void **state)
{
    (void)state;
    alloc_fail_at(1, true);
    assert_null(muv__mem_alloc(1));
    assert_null(muv__mem_alloc(1));
    alloc_fail_at(0, false);
    void *memory = muv__mem_alloc(1);
    assert_non_null(memory);
    assert_false(alloc_has_failed());
    muv__mem_free(memory);
}

static void live_blocks_and_bytes_are_counted(void **state)
{
    (void)state;
    size_t blocks = alloc_live_blocks();
    size_t bytes = alloc_live_bytes();
    void *memory[3000];

    for (size_t i = 0; i < 3000; i++) {
        memory[i] = muv__mem_alloc(i + 1);
    }
    assert_int_equal(alloc_live_blocks() - blocks, 3000);
    assert_int_equal(alloc_live_bytes() - bytes, 3000 * 3001 / 2);
    for (size_t i = 0; i < 3000; i++) {
        muv__mem_free(memory[i * 7 % 3000]);
    }
    assert_int_equal(alloc_live_blocks(), blocks);
    assert_int_equal(alloc_live_bytes(), bytes);
}

static void failed_resize_keeps_the_block(void **state)
{
    (void)state;
    char *text = muv__mem_strdup("kept");

    alloc_fail_at(1, false);
    assert_null(muv__mem_realloc(text, 1000));
    assert_string_equal(text, "kept");
    text = muv__mem_realloc(text, 1000);
    assert_string_equal(text, "kept");
    muv__mem_free(text);
}

/* Two blocks and a resize; with `leak` the first one is forgotten when the second one fails. */
static void make_and_free(void *leak)
{
    char *first = muv__mem_alloc(8);
    char *second = first != NULL ? muv__mem_alloc(8) : NULL;

    if (second == NULL && *(bool *)leak) {
        return;
    }
    if (second != NULL) {
        char *longer = muv__mem_realloc(second, 16);
        second = longer != NULL ? longer : second;
    }
    muv__mem_free(first);
    muv__mem_free(second);
}

static void sweep_fails_each_allocation_in_turn(void **state)
{
    bool leak = false;

    (void)state;
    assert_int_equal(alloc_sweep(make_and_free, &leak), 3);
    assert_false(alloc_has_failed());
}

static void leaking_sweep(void *data)
{
    (void)alloc_sweep(make_and_free, data);
}

static void sweep_names_the_allocation_whose_failure_leaks(void **state)
{
    bool leak = true;

    (void)state;
    assert_true(fails_with(leaking_sweep, &leak, "leak with k = 2"));
    assert_true(fails_with(leaking_sweep, &leak, "leaked: 8 bytes, block 1 since the mark"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nth_allocation_fails_once, alloc_teardown),
        cmocka_unit_test_teardown(persistent_failure_stays_until_it_is_taken_back, alloc_teardown),
        cmocka_unit_test_teardown(live_blocks_and_bytes_are_counted, alloc_teardown),
        cmocka_unit_test_teardown(failed_resize_keeps_the_block, alloc_teardown),
        cmocka_unit_test_teardown(sweep_fails_each_allocation_in_turn, alloc_teardown),
        cmocka_unit_test_teardown(sweep_names_the_allocation_whose_failure_leaks, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests_name("support/alloc", tests, NULL, NULL);
}
