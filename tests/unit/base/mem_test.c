/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator table and the helpers on it. */
#include "base/mem.h"

#include <string.h>

#include "muv/allocator.h"
#include "support/check.h"
#include "unit/base/counting_alloc.h"

static void all_functions_go_through_the_replaced_allocator(void **state)
{
    void *blocks[9];

    (void)state;
    CHECK_CODE(counting_start(0, 0), 0);
    blocks[0] = muv__mem_alloc(10);
    blocks[1] = muv__mem_zalloc(10);
    blocks[2] = muv__mem_array(3, 10);
    blocks[3] = muv__mem_realloc(NULL, 10);
    blocks[4] = muv__mem_realloc_array(NULL, 3, 10);
    blocks[5] = muv__mem_dup("abc", 3);
    blocks[6] = muv__mem_strdup("abc");
    blocks[7] = muv__mem_strndup("abc", 2);
    blocks[8] = muv__mem_realloc(muv__mem_alloc(1), 1000);
    assert_int_equal(counting.calls, 10);
    assert_int_equal(counting.live, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_non_null(blocks[i]);
        muv__mem_free(blocks[i]);
    }
    assert_int_equal(counting.live, 0);
    CHECK_CODE(counting_stop(), 0);
}

static void every_function_hands_a_failure_on(void **state)
{
    char *block;

    (void)state;
    CHECK_CODE(counting_start(2, SIZE_MAX), 0);
    block = muv__mem_strdup("abc");
    assert_null(muv__mem_alloc(10));
    assert_null(muv__mem_zalloc(10));
    assert_null(muv__mem_array(3, 10));
    assert_null(muv__mem_realloc(block, 10));
    assert_string_equal(block, "abc");
    assert_null(muv__mem_realloc_array(block, 3, 10));
    assert_null(muv__mem_dup("abc", 3));
    assert_null(muv__mem_strdup("abc"));
    assert_null(muv__mem_strndup("abc", 2));
    muv__mem_free(block);
    assert_int_equal(counting.live, 0);
    CHECK_CODE(counting_stop(), 0);
}

static void a_product_that_overflows_asks_nobody(void **state)
{
    char *block = muv__mem_alloc(1);

    (void)state;
    CHECK_CODE(counting_start(0, 0), 0);
    assert_null(muv__mem_array(SIZE_MAX / 2, 3));
    assert_null(muv__mem_array(SIZE_MAX, SIZE_MAX));
    assert_null(muv__mem_array((size_t)1 << 32, (size_t)1 << 32));
    assert_null(muv__mem_realloc_array(block, SIZE_MAX / 2 + 1, 2));
    assert_int_equal(counting.calls, 0);
    CHECK_CODE(counting_stop(), 0);
    muv__mem_free(block);
}

static void zero_bytes_are_a_block_of_their_own(void **state)
{
    void *blocks[5];

    (void)state;
    blocks[0] = muv__mem_alloc(0);
    blocks[1] = muv__mem_zalloc(0);
    blocks[2] = muv__mem_array(0, 8);
    blocks[3] = muv__mem_realloc(muv__mem_alloc(8), 0);
    blocks[4] = muv__mem_dup(NULL, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_non_null(blocks[i]);
        muv__mem_free(blocks[i]);
    }
    muv__mem_free(NULL);
}

static void zeroed_memory_is_zero(void **state)
{
    static const uint8_t zeros[100];
    uint8_t *a = muv__mem_zalloc(100);
    uint8_t *b = muv__mem_array(10, 10);

    (void)state;
    assert_memory_equal(a, zeros, 100);
    assert_memory_equal(b, zeros, 100);
    muv__mem_free(a);
    muv__mem_free(b);
}

static void copies_equal_their_source(void **state)
{
    char *a = muv__mem_strndup("abcdef", 3);
    char *b = muv__mem_strdup("");
    uint8_t *c = muv__mem_dup("a\0b", 3);

    (void)state;
    assert_string_equal(a, "abc");
    assert_string_equal(b, "");
    assert_memory_equal(c, "a\0b", 3);
    muv__mem_free(a);
    muv__mem_free(b);
    muv__mem_free(c);
}

static void an_incomplete_allocator_is_refused_and_the_old_one_stays(void **state)
{
    const muv_allocator_t whole = {counting_malloc, counting_calloc, counting_realloc,
                                   counting_free, NULL};
    muv_allocator_t parts[4] = {whole, whole, whole, whole};

    (void)state;
    CHECK_CODE(counting_start(0, 0), 0);
    parts[0].malloc_fn = NULL;
    parts[1].calloc_fn = NULL;
    parts[2].realloc_fn = NULL;
    parts[3].free_fn = NULL;
    for (size_t i = 0; i < 4; i++) {
        CHECK_CODE(muv_set_allocator(&parts[i]), MUV_EINVAL);
    }
    muv__mem_free(muv__mem_alloc(1));
    assert_int_equal(counting.calls, 1);
    CHECK_CODE(counting_stop(), 0);
    muv__mem_free(muv__mem_alloc(1));
    assert_int_equal(counting.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_functions_go_through_the_replaced_allocator),
        cmocka_unit_test(every_function_hands_a_failure_on),
        cmocka_unit_test(a_product_that_overflows_asks_nobody),
        cmocka_unit_test(zero_bytes_are_a_block_of_their_own),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(copies_equal_their_source),
        cmocka_unit_test(an_incomplete_allocator_is_refused_and_the_old_one_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
