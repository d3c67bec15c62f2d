/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk pool: reuse, budget, kept chunks, lifetime. */
#include "base/chunk.h"

#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"

#define STANDARD MUV__CHUNK_STANDARD_SIZE
#define BIG ((size_t)1000 * 1000)

static int open_pool(void **state)
{
    if (counting_start(0, 0) != 0) {
        return -1;
    }
    *state = muv__chunk_pool_new(3 * BIG);
    return *state == NULL;
}

static int close_pool(void **state)
{
    muv__chunk_pool_close(*state);
    return counting.live != 0 || counting_stop() != 0;
}

static void a_new_pool_has_no_chunk(void **state)
{
    (void)state;
    assert_int_equal(counting.calls, 1);
}

static void the_current_chunk_is_filled_in_order_while_somebody_keeps_it(void **state)
{
    muv__chunk_t *chunk = muv__chunk_current(*state, 100);

    assert_int_equal(chunk->size, STANDARD);
    assert_int_equal(chunk->used, 0);
    chunk->used = 100;
    (void)muv__chunk_retain(chunk);
    assert_ptr_equal(muv__chunk_current(*state, 100), chunk);
    assert_int_equal(chunk->used, 100);
    muv__chunk_release(chunk);
    assert_ptr_equal(muv__chunk_current(*state, 100), chunk);
    assert_int_equal(chunk->used, 0);
}

static void a_full_chunk_gives_way_to_another_and_lives_while_kept(void **state)
{
    muv__chunk_t *first = muv__chunk_retain(muv__chunk_current(*state, 100));
    muv__chunk_t *second;

    first->used = STANDARD - 99;
    memset(first->data, 7, first->used);
    second = muv__chunk_current(*state, 100);
    assert_ptr_not_equal(second, first);
    assert_int_equal(second->used, 0);
    memset(second->data, 8, second->size);
    assert_int_equal(first->data[STANDARD - 100], 7);
    muv__chunk_release(first);
    /* The freed one is the next to be taken. */
    second->used = second->size;
    (void)muv__chunk_retain(second);
    assert_ptr_equal(muv__chunk_current(*state, 1), first);
    muv__chunk_release(second);
}

static void exactly_enough_room_is_enough(void **state)
{
    muv__chunk_t *chunk = muv__chunk_retain(muv__chunk_current(*state, 1));

    chunk->used = STANDARD - 100;
    assert_ptr_equal(muv__chunk_current(*state, 100), chunk);
    assert_ptr_not_equal(muv__chunk_current(*state, 101), chunk);
    muv__chunk_release(chunk);
}

static void a_small_chunk_is_a_standard_one_and_outside_the_budget(void **state)
{
    muv__chunk_t *chunk = muv__chunk_take(*state, 10);

    assert_int_equal(chunk->size, STANDARD);
    assert_int_equal(chunk->refs, 1);
    assert_int_equal(muv__chunk_pool_budget(*state)->used_bytes, 0);
    muv__chunk_release(chunk);
    chunk = muv__chunk_take(*state, STANDARD);
    assert_int_equal(chunk->size, STANDARD);
    muv__chunk_release(chunk);
    assert_int_equal(counting.calls, 2);
}

static void a_big_chunk_has_its_own_size_and_is_counted(void **state)
{
    muv__chunk_t *chunk = muv__chunk_take(*state, BIG);

    assert_int_equal(chunk->size, BIG);
    assert_int_equal(muv__chunk_pool_budget(*state)->used_bytes, BIG);
    memset(chunk->data, 1, BIG);
    muv__chunk_release(chunk);
    assert_int_equal(muv__chunk_pool_budget(*state)->used_bytes, 0);
}

static void big_chunks_fit_up_to_the_budget(void **state)
{
    muv__chunk_t *chunks[3];

    assert_int_equal(muv__chunk_fits(*state, SIZE_MAX), 1); /* The first one always. */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(muv__chunk_fits(*state, BIG), 1);
        chunks[i] = muv__chunk_take(*state, BIG);
    }
    assert_int_equal(muv__chunk_fits(*state, BIG), 0);
    assert_int_equal(muv__chunk_fits(*state, STANDARD + 1), 0);
    assert_int_equal(muv__chunk_fits(*state, STANDARD), 1);
    muv__chunk_release(chunks[0]);
    assert_int_equal(muv__chunk_fits(*state, BIG), 1);
    assert_int_equal(muv__chunk_fits(*state, BIG + 1), 0);
    muv__chunk_release(chunks[1]);
    muv__chunk_release(chunks[2]);
    assert_int_equal(muv__chunk_fits(*state, SIZE_MAX), 1);
}

static void what_the_owner_takes_counts_too(void **state)
{
    muv__budget_t *budget = muv__chunk_pool_budget(*state);
    muv__chunk_t *chunk = muv__chunk_take(*state, BIG);

    muv__budget_take(budget, BIG + 1);
    assert_int_equal(muv__chunk_fits(*state, BIG), 0);
    muv__budget_take(budget, 2 * BIG); /* Beyond the maximum: the owner's decision. */
    assert_int_equal(muv__chunk_fits(*state, STANDARD + 1), 0);
    muv__budget_give(budget, 3 * BIG + 1);
    assert_int_equal(muv__chunk_fits(*state, 2 * BIG), 1);
    muv__chunk_release(chunk);
}

static void two_big_chunks_are_kept_for_the_next_replies(void **state)
{
    muv__chunk_t *chunks[3];
    size_t calls;

    for (size_t i = 0; i < 3; i++) {
        chunks[i] = muv__chunk_take(*state, BIG);
    }
    for (size_t i = 0; i < 3; i++) {
        muv__chunk_release(chunks[i]);
    }
    assert_int_equal(counting.live, 3); /* The pool and two chunks. */
    calls = counting.calls;
    for (size_t i = 0; i < 2; i++) {
        chunks[i] = muv__chunk_take(*state, BIG - 5);
        assert_int_equal(chunks[i]->size, BIG);
    }
    assert_int_equal(counting.calls, calls);
    assert_int_equal(muv__chunk_pool_budget(*state)->used_bytes, 2 * BIG);
    muv__chunk_release(chunks[0]);
    muv__chunk_release(chunks[1]);
}

static void a_kept_chunk_serves_neither_larger_nor_much_smaller_messages(void **state)
{
    muv__chunk_t *kept = muv__chunk_take(*state, BIG);
    muv__chunk_t *other;

    muv__chunk_release(kept);
    other = muv__chunk_take(*state, BIG + 1);
    assert_ptr_not_equal(other, kept);
    muv__chunk_release(other);
    other = muv__chunk_take(*state, BIG / 2 - 1);
    assert_int_equal(other->size, BIG / 2 - 1);
    muv__chunk_release(other);
    other = muv__chunk_take(*state, BIG / 2);
    assert_true(other->size >= BIG); /* One of the two kept. */
    muv__chunk_release(other);
}

static void kept_chunks_are_dropped_after_a_second_unused(void **state)
{
    muv__chunk_t *first = muv__chunk_take(*state, BIG);
    muv__chunk_t *second = muv__chunk_take(*state, BIG);

    assert_int_equal(muv__chunk_pool_tick(*state, 5000000), INT64_MAX);
    muv__chunk_release(first);
    assert_int_equal(muv__chunk_pool_tick(*state, 5400000), 6000000);
    muv__chunk_release(second);
    assert_int_equal(muv__chunk_pool_tick(*state, 5999999), 6000000);
    assert_int_equal(counting.live, 3);
    assert_int_equal(muv__chunk_pool_tick(*state, 6000000), 6400000);
    assert_int_equal(counting.live, 2);
    assert_int_equal(muv__chunk_pool_tick(*state, 7000000), INT64_MAX);
    assert_int_equal(counting.live, 1);
    first = muv__chunk_take(*state, BIG);
    second = muv__chunk_take(*state, BIG);
    muv__chunk_release(first);
    muv__chunk_release(second);
    assert_int_equal(counting.live, 3); /* Two are kept anew. */
}

static void few_free_standard_chunks_are_kept(void **state)
{
    muv__chunk_t *chunks[20];

    for (size_t i = 0; i < 20; i++) {
        chunks[i] = muv__chunk_take(*state, 1);
    }
    for (size_t i = 0; i < 20; i++) {
        muv__chunk_release(chunks[i]);
    }
    assert_int_equal(counting.live, 5);
}

static void chunks_outlive_their_pool(void **state)
{
    muv__chunk_pool_t *pool = muv__chunk_pool_new(BIG);
    muv__chunk_t *current = muv__chunk_retain(muv__chunk_current(pool, 1));
    muv__chunk_t *big = muv__chunk_take(pool, BIG);
    muv__chunk_t *freed = muv__chunk_take(pool, BIG / 2);

    (void)state;
    muv__chunk_release(freed);
    muv__chunk_pool_close(pool);
    memset(current->data, 1, current->size);
    memset(big->data, 1, big->size);
    assert_int_equal(counting.live, 1 + 3);
    muv__chunk_release(big);
    assert_int_equal(counting.live, 1 + 2);
    muv__chunk_release(current);
    assert_int_equal(counting.live, 1);
}

static void without_memory_there_is_no_chunk_and_nothing_is_counted(void **state)
{
    muv__chunk_pool_t *pool = muv__chunk_pool_new(BIG);

    (void)state;
    counting.fail_from = counting.calls + 1;
    counting.fail_count = 3;
    assert_null(muv__chunk_current(pool, 1));
    assert_null(muv__chunk_take(pool, 1));
    assert_null(muv__chunk_take(pool, BIG));
    assert_int_equal(muv__chunk_pool_budget(pool)->used_bytes, 0);
    assert_int_equal(muv__chunk_fits(pool, 10 * BIG), 1);
    assert_non_null(muv__chunk_current(pool, 1));
    muv__chunk_pool_close(pool);
}

static void a_failed_change_of_chunk_leaves_the_kept_view_alone(void **state)
{
    muv__chunk_t *first = muv__chunk_retain(muv__chunk_current(*state, 1));

    first->used = STANDARD;
    memset(first->data, 7, STANDARD);
    counting.fail_from = counting.calls + 1;
    counting.fail_count = 1;
    assert_null(muv__chunk_current(*state, 1));
    assert_int_equal(first->refs, 1);
    assert_int_equal(first->data[STANDARD - 1], 7);
    assert_non_null(muv__chunk_current(*state, 1));
    muv__chunk_release(first);
}

static void a_pool_without_memory_is_none(void **state)
{
    (void)state;
    counting.fail_from = counting.calls + 1;
    counting.fail_count = 1;
    assert_null(muv__chunk_pool_new(BIG));
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(a_new_pool_has_no_chunk),
        WITH_POOL(the_current_chunk_is_filled_in_order_while_somebody_keeps_it),
        WITH_POOL(a_full_chunk_gives_way_to_another_and_lives_while_kept),
        WITH_POOL(exactly_enough_room_is_enough),
        WITH_POOL(a_small_chunk_is_a_standard_one_and_outside_the_budget),
        WITH_POOL(a_big_chunk_has_its_own_size_and_is_counted),
        WITH_POOL(big_chunks_fit_up_to_the_budget),
        WITH_POOL(what_the_owner_takes_counts_too),
        WITH_POOL(two_big_chunks_are_kept_for_the_next_replies),
        WITH_POOL(a_kept_chunk_serves_neither_larger_nor_much_smaller_messages),
        WITH_POOL(kept_chunks_are_dropped_after_a_second_unused),
        WITH_POOL(few_free_standard_chunks_are_kept),
        WITH_POOL(chunks_outlive_their_pool),
        WITH_POOL(without_memory_there_is_no_chunk_and_nothing_is_counted),
        WITH_POOL(a_failed_change_of_chunk_leaves_the_kept_view_alone),
        WITH_POOL(a_pool_without_memory_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
