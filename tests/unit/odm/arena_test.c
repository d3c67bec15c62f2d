/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a batch. */
#include "support/alloc.h"
#include "support/check.h"

#include "odm/arena.h"

#include <stdalign.h>

static void memory_is_aligned_and_stays_where_it_is(void **state)
{
    muv__arena_t arena;
    uint8_t *first;

    (void)state;
    muv__arena_init(&arena, 64, 1 << 20);
    first = muv__arena_bytes(&arena, 3);
    memcpy(first, "abc", 3);
    for (int i = 0; i < 100; i++) {
        uint8_t *memory = muv__arena_alloc(&arena, 40);

        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        memset(memory, 0xff, 40);
    }
    assert_memory_equal(first, "abc", 3);
    muv__arena_done(&arena);
}

static void zeroed_memory_is_zero_and_text_ends_in_a_nul(void **state)
{
    static const uint8_t zeros[100];
    muv__arena_t arena;

    (void)state;
    muv__arena_init(&arena, 16, 1 << 20);
    assert_memory_equal(muv__arena_zalloc(&arena, sizeof(zeros)), zeros, sizeof(zeros));
    assert_string_equal(muv__arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(muv__arena_text(&arena, NULL, 0), "");
    assert_non_null(muv__arena_alloc(&arena, 0));
    muv__arena_done(&arena);
}

static void the_maximum_holds(void **state)
{
    muv__arena_t arena;

    (void)state;
    muv__arena_init(&arena, 64, 256);
    assert_non_null(muv__arena_alloc(&arena, 200));
    assert_null(muv__arena_alloc(&arena, 200));
    assert_int_equal(arena.error, MUV_ETOOLARGE);
    assert_null(muv__arena_alloc(&arena, SIZE_MAX));
    assert_null(muv__arena_text(&arena, "", SIZE_MAX));
    assert_non_null(muv__arena_alloc(&arena, 10));
    assert_true(arena.allocated_bytes <= 256);
    muv__arena_done(&arena);
}

static void a_failure_leaves_the_arena_usable(void **state)
{
    muv__arena_t arena;

    (void)state;
    muv__arena_init(&arena, 64, 1 << 20);
    alloc_fail_at(1, false);
    assert_null(muv__arena_alloc(&arena, 10));
    assert_int_equal(arena.error, MUV_ENOMEM);
    assert_non_null(muv__arena_alloc(&arena, 10));
    muv__arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_stays_where_it_is),
        cmocka_unit_test(zeroed_memory_is_zero_and_text_ends_in_a_nul),
        cmocka_unit_test(the_maximum_holds),
        cmocka_unit_test(a_failure_leaves_the_arena_usable),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
