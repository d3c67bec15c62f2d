/* SPDX-License-Identifier: Apache-2.0 */
/* The counted send buffers: reuse, limits of what is kept, and the budget. */
#include "conn/outgoing.h"

#include "base/bson_writer.h"
#include "base/shared_buf.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdlib.h>

typedef struct fixture {
    muv__budget_t budget;
    muv__outgoing_pool_t pool;
    alloc_mark_t mark;
} fixture_t;

static void open_fixture(fixture_t *f)
{
    alloc_install();
    f->mark = alloc_mark();
    f->budget.used_bytes = 0;
    f->budget.max_bytes = 1000;
    muv__outgoing_pool_init(&f->pool, &f->budget);
}

static void close_fixture(fixture_t *f)
{
    muv__outgoing_pool_done(&f->pool);
    assert_int_equal(f->budget.used_bytes, 0);
    CHECK_NO_LEAK(f->mark);
}

static void a_released_buffer_is_taken_again_and_empty(void **state)
{
    fixture_t f;
    muv__outgoing_t *first;
    muv__outgoing_t *second;

    (void)state;
    open_fixture(&f);
    first = muv__outgoing_take(&f.pool);
    muv__bson_int32(&first->command.buf, MUV__KEY("ping"), 1);
    size_t size = first->command.buf.size;
    muv__outgoing_release(first);
    alloc_fail_at(1, true); /* The steady state allocates nothing. */
    second = muv__outgoing_take(&f.pool);
    assert_ptr_equal(second, first);
    assert_int_equal(second->command.buf.size, size - 10);
    assert_int_equal(second->refs, 1);
    alloc_fail_at(0, false);
    muv__outgoing_release(second);
    close_fixture(&f);
}

static void the_last_count_gives_back_what_it_holds(void **state)
{
    fixture_t f;
    muv__outgoing_t *outgoing;

    (void)state;
    open_fixture(&f);
    outgoing = muv__outgoing_take(&f.pool);
    outgoing->documents = muv__shared_buf_new(&f.budget, 100);
    outgoing->borrowed = 1;
    assert_int_equal(muv__outgoing_account(outgoing, 600), 1);
    assert_int_equal(muv__outgoing_account(outgoing, 401), 0);
    assert_int_equal(muv__outgoing_account(outgoing, 400), 1);
    assert_int_equal(f.budget.used_bytes, 1000);
    (void)muv__outgoing_retain(outgoing);
    muv__outgoing_release(outgoing);
    assert_int_equal(f.budget.used_bytes, 1000);
    muv__outgoing_release(outgoing);
    assert_int_equal(f.budget.used_bytes, 0);
    assert_ptr_equal(f.pool.free, outgoing);
    assert_null(outgoing->documents);
    assert_int_equal(outgoing->borrowed, 0);
    close_fixture(&f);
}

/* The next owner of the memory must not find a password in it. */
static void a_secret_one_is_wiped_by_its_last_count(void **state)
{
    static const uint8_t zero[MUV__OUTGOING_HOME_BYTES];
    fixture_t f;
    muv__outgoing_t *outgoing;

    (void)state;
    open_fixture(&f);
    outgoing = muv__outgoing_take(&f.pool);
    outgoing->secret = 1;
    muv__bson_utf8(&outgoing->command.buf, MUV__KEY("payload"), MUV__KEY("p3ncil-s3cret"));
    (void)muv__outgoing_retain(outgoing);
    muv__outgoing_release(outgoing);
    assert_memory_not_equal(outgoing->home, zero, sizeof(zero));
    muv__outgoing_release(outgoing);
    assert_memory_equal(outgoing->home, zero, sizeof(zero));
    assert_int_equal(outgoing->secret, 0);
    close_fixture(&f);
}

/* Whatever a large command made a buffer grow to does not stay in the free list. */
static void large_memory_is_not_kept(void **state)
{
    fixture_t f;
    muv__outgoing_t *outgoing;
    size_t size = 10 * MUV__OUTGOING_KEPT_BYTES;
    uint8_t *bytes = calloc(1, size);

    (void)state;
    open_fixture(&f);
    outgoing = muv__outgoing_take(&f.pool);
    muv__buf_append(&outgoing->command.buf, bytes, size);
    assert_true(alloc_live_bytes() > size);
    muv__outgoing_release(outgoing);
    assert_true(alloc_live_bytes() < size);
    close_fixture(&f);
    free(bytes);
}

static void no_more_than_so_many_are_kept(void **state)
{
    enum { COUNT = MUV__OUTGOING_KEPT + 5 };
    static muv__outgoing_t *taken[COUNT];
    fixture_t f;

    (void)state;
    open_fixture(&f);
    for (unsigned i = 0; i < COUNT; i++) {
        taken[i] = muv__outgoing_take(&f.pool);
        assert_non_null(taken[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        muv__outgoing_release(taken[i]);
    }
    assert_int_equal(f.pool.free_count, MUV__OUTGOING_KEPT);
    close_fixture(&f);
}

static void take_once(void *data)
{
    fixture_t f;
    muv__outgoing_t *outgoing;

    (void)data;
    f.budget.used_bytes = 0;
    f.budget.max_bytes = 1000;
    muv__outgoing_pool_init(&f.pool, &f.budget);
    outgoing = muv__outgoing_take(&f.pool);
    if (outgoing != NULL) {
        /* The error sticks in the buffer, and does not stay for the next one. */
        muv__outgoing_release(outgoing);
    } else {
        assert_true(alloc_has_failed());
    }
    muv__outgoing_pool_done(&f.pool);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    assert_true(alloc_sweep(take_once, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_released_buffer_is_taken_again_and_empty),
        cmocka_unit_test(the_last_count_gives_back_what_it_holds),
        cmocka_unit_test(a_secret_one_is_wiped_by_its_last_count),
        cmocka_unit_test(large_memory_is_not_kept),
        cmocka_unit_test(no_more_than_so_many_are_kept),
        cmocka_unit_test_teardown(without_memory_there_is_none, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
