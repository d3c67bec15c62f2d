/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are computed once, in slices, in turn, and wiped. */
#include "auth/key_cache.h"

#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

#define MANY 100

static muv__key_request_t request_of(const char *password, const char *salt, uint32_t iterations)
{
    return (muv__key_request_t){.hash = MUV__HASH_SHA_256,
                                .iterations = iterations,
                                .password = muv__span(password, strlen(password)),
                                .salt = muv__span(salt, strlen(salt))};
}

/* Pump until no flight is left; the number of slices. */
static unsigned pump(muv__key_cache_t *cache)
{
    unsigned slices = 1;

    while (muv__key_cache_work(cache)) {
        slices++;
    }
    return slices;
}

static unsigned pop_all(muv__key_cache_t *cache)
{
    muv__key_waiter_t *waiter;
    unsigned count = 0;

    while ((waiter = muv__key_cache_next_ready(cache)) != NULL) {
        assert_null(waiter->flight);
        CHECK_CODE(waiter->status, 0);
        count++;
    }
    return count;
}

static void want(muv__key_cache_t *cache, muv__key_waiter_t *waiter, const char *password,
                 const char *salt, uint32_t iterations, int expected)
{
    muv__key_request_t request = request_of(password, salt, iterations);

    muv__key_waiter_init(waiter);
    assert_int_equal(muv__key_cache_want(cache, &request, waiter), expected);
}

static void a_hundred_logins_compute_once(void **state)
{
    static muv__key_waiter_t waiters[MANY];
    muv__key_cache_t cache;
    muv__key_waiter_t late;

    (void)state;
    muv__key_cache_init(&cache);
    for (size_t i = 0; i < MANY; i++) {
        want(&cache, &waiters[i], "pencil", "salt", 15000, 0);
    }
    assert_int_equal(pump(&cache), (15000 - 1 + MUV__PBKDF2_SLICE - 1) / MUV__PBKDF2_SLICE);
    assert_int_equal(pop_all(&cache), MANY);
    assert_int_equal(cache.computed_count, 1);
    want(&cache, &late, "pencil", "salt", 15000, 1);
    for (size_t i = 0; i < MANY; i++) {
        assert_memory_equal(&waiters[i].keys, &late.keys, sizeof(late.keys));
        muv__key_cache_leave(&waiters[i]);
    }
    muv__key_cache_leave(&late);
    muv__key_cache_done(&cache);
}

/* (RFC 7677: the keys lead to the signatures of its example, which scram_test.c checks.) */
static void keys_are_those_of_the_salted_password(void **state)
{
    uint8_t salted[MUV__HASH_MAX_SIZE];
    muv__key_cache_t cache;
    muv__key_waiter_t waiter;
    muv__scram_keys_t keys;
    muv__pbkdf2_t pbkdf2;

    (void)state;
    muv__key_cache_init(&cache);
    want(&cache, &waiter, "pencil", "salt", 4096, 0);
    (void)pump(&cache);
    assert_ptr_equal(muv__key_cache_next_ready(&cache), &waiter);
    assert_int_equal(muv__pbkdf2_init(&pbkdf2, MUV__HASH_SHA_256, muv__span("pencil", 6),
                                      muv__span("salt", 4), 4096),
                     0);
    assert_int_equal(muv__pbkdf2_work(&pbkdf2, 5000), 1);
    memcpy(salted, pbkdf2.result, sizeof(salted));
    muv__pbkdf2_done(&pbkdf2);
    assert_int_equal(muv__scram_derive(MUV__HASH_SHA_256, salted, &keys), 0);
    assert_memory_equal(&keys, &waiter.keys, sizeof(keys));
    muv__key_cache_leave(&waiter);
    muv__key_cache_done(&cache);
}

static void everything_the_keys_depend_on_tells_them_apart(void **state)
{
    muv__key_cache_t cache;
    muv__key_waiter_t waiters[5];
    muv__key_request_t sha_1 = request_of("pencil", "salt", 4096);

    (void)state;
    muv__key_cache_init(&cache);
    want(&cache, &waiters[0], "pencil", "salt", 4096, 0);
    want(&cache, &waiters[1], "pencils", "alt", 4096, 0);
    want(&cache, &waiters[2], "encil", "saltp", 4096, 0);
    want(&cache, &waiters[3], "pencil", "salt", 4097, 0);
    sha_1.hash = MUV__HASH_SHA_1;
    muv__key_waiter_init(&waiters[4]);
    assert_int_equal(muv__key_cache_want(&cache, &sha_1, &waiters[4]), 0);
    (void)pump(&cache);
    assert_int_equal(cache.computed_count, 5);
    assert_int_equal(pop_all(&cache), 5);
    for (size_t i = 0; i < 5; i++) {
        muv__key_cache_leave(&waiters[i]);
    }
    muv__key_cache_done(&cache);
}

static void a_huge_count_does_not_hold_up_others(void **state)
{
    muv__key_cache_t cache;
    muv__key_waiter_t huge;
    muv__key_waiter_t small;
    unsigned slices = 0;

    (void)state;
    muv__key_cache_init(&cache);
    want(&cache, &huge, "pencil", "salt", MUV__SCRAM_MAX_ITERATIONS, 0);
    want(&cache, &small, "pencil", "salt", 4096, 0);
    while (muv__list_empty(&cache.ready)) {
        assert_int_equal(muv__key_cache_work(&cache), 1);
        slices++;
    }
    assert_true(slices <= 2 * (4096 / MUV__PBKDF2_SLICE + 1));
    assert_ptr_equal(muv__key_cache_next_ready(&cache), &small);
    muv__key_cache_leave(&small);
    muv__key_cache_leave(&huge);
    assert_int_equal(muv__key_cache_work(&cache), 0);
    muv__key_cache_done(&cache);
}

/* Several flights share the turns: a turn is one slice of one of them, never one of each. */
static void a_turn_is_one_slice_however_many_flights_there_are(void **state)
{
    const char *const salts[] = {"a", "b", "c"};
    const unsigned iterations = 1 + 11 * MUV__PBKDF2_SLICE;
    muv__key_cache_t cache;
    muv__key_waiter_t waiters[3];

    (void)state;
    muv__key_cache_init(&cache);
    for (size_t i = 0; i < 3; i++) {
        want(&cache, &waiters[i], "pencil", salts[i], iterations, 0);
    }
    for (unsigned turn = 1; turn <= 30; turn++) {
        assert_int_equal(muv__key_cache_work(&cache), 1);
        assert_int_equal(cache.computed_count, 0);
    }
    assert_int_equal(pump(&cache), 3);
    assert_int_equal(cache.computed_count, 3);
    assert_int_equal(pop_all(&cache), 3);
    for (size_t i = 0; i < 3; i++) {
        muv__key_cache_leave(&waiters[i]);
    }
    muv__key_cache_done(&cache);
}

static void the_last_one_that_leaves_takes_the_flight_along(void **state)
{
    alloc_mark_t mark = alloc_mark();
    muv__key_cache_t cache;
    muv__key_waiter_t first;
    muv__key_waiter_t second;

    (void)state;
    muv__key_cache_init(&cache);
    want(&cache, &first, "pencil", "salt", 15000, 0);
    want(&cache, &second, "pencil", "salt", 15000, 0);
    assert_int_equal(muv__key_cache_work(&cache), 1);
    muv__key_cache_leave(&first);
    assert_int_equal(muv__key_cache_work(&cache), 1);
    muv__key_cache_leave(&second);
    assert_int_equal(muv__key_cache_work(&cache), 0);
    assert_int_equal(cache.computed_count, 0);
    CHECK_NO_LEAK(mark);
    muv__key_cache_done(&cache);
}

static void one_that_is_ready_may_leave_before_it_is_looked_at(void **state)
{
    static const muv__scram_keys_t zero;
    muv__key_cache_t cache;
    muv__key_waiter_t waiter;

    (void)state;
    muv__key_cache_init(&cache);
    want(&cache, &waiter, "pencil", "salt", 4096, 0);
    (void)pump(&cache);
    muv__key_cache_leave(&waiter);
    assert_memory_equal(&waiter.keys, &zero, sizeof(zero));
    assert_null(muv__key_cache_next_ready(&cache));
    muv__key_cache_done(&cache);
}

static void compute(muv__key_cache_t *cache, const char *salt)
{
    muv__key_waiter_t waiter;

    want(cache, &waiter, "pencil", salt, 4096, 0);
    (void)pump(cache);
    assert_int_equal(pop_all(cache), 1);
    muv__key_cache_leave(&waiter);
}

static void the_cache_is_bounded_and_forgets_the_longest_unused(void **state)
{
    muv__key_cache_t cache;
    muv__key_waiter_t waiter;

    (void)state;
    muv__key_cache_init(&cache);
    for (unsigned i = 0; i < MUV__KEY_CACHE_MAX; i++) {
        compute(&cache, text_of("salt %u", i));
    }
    want(&cache, &waiter, "pencil", "salt 0", 4096, 1);
    muv__key_cache_leave(&waiter);
    compute(&cache, "one more");
    want(&cache, &waiter, "pencil", "salt 0", 4096, 1);
    muv__key_cache_leave(&waiter);
    want(&cache, &waiter, "pencil", "salt 1", 4096, 0);
    muv__key_cache_leave(&waiter);
    muv__key_cache_done(&cache);
}

static int holds(const void *memory, size_t size, const void *part, size_t part_size)
{
    for (size_t i = 0; i + part_size <= size; i++) {
        if (memcmp((const uint8_t *)memory + i, part, part_size) == 0) {
            return 1;
        }
    }
    return 0;
}

static void the_end_wipes_all_keys(void **state)
{
    muv__key_cache_t cache;
    muv__key_waiter_t waiter;
    muv__scram_keys_t keys;

    (void)state;
    muv__key_cache_init(&cache);
    compute(&cache, "salt");
    want(&cache, &waiter, "pencil", "salt", 4096, 1);
    keys = waiter.keys;
    assert_int_equal(holds(&cache, sizeof(cache), keys.client, sizeof(keys.client)), 1);
    muv__key_cache_leave(&waiter);
    muv__key_cache_done(&cache);
    assert_int_equal(holds(&cache, sizeof(cache), keys.client, sizeof(keys.client)), 0);
    assert_int_equal(holds(&cache, sizeof(cache), keys.server, sizeof(keys.server)), 0);
    assert_int_equal(holds(&waiter, sizeof(waiter), keys.client, sizeof(keys.client)), 0);
}

static void want_under_failing_memory(void *data)
{
    muv__key_cache_t cache;
    muv__key_waiter_t waiters[2];
    muv__key_request_t request = request_of("pencil", "salt", 4096);

    (void)data;
    muv__key_cache_init(&cache);
    for (size_t i = 0; i < 2; i++) {
        int rc;

        muv__key_waiter_init(&waiters[i]);
        rc = muv__key_cache_want(&cache, &request, &waiters[i]);
        if (rc != 0) {
            CHECK_CODE(rc, MUV_ENOMEM);
            assert_true(alloc_has_failed());
        }
    }
    (void)pump(&cache);
    (void)pop_all(&cache);
    muv__key_cache_leave(&waiters[0]);
    muv__key_cache_leave(&waiters[1]);
    muv__key_cache_done(&cache);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    assert_true(alloc_sweep(want_under_failing_memory, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_logins_compute_once),
        cmocka_unit_test(keys_are_those_of_the_salted_password),
        cmocka_unit_test(everything_the_keys_depend_on_tells_them_apart),
        cmocka_unit_test(a_huge_count_does_not_hold_up_others),
        cmocka_unit_test(a_turn_is_one_slice_however_many_flights_there_are),
        cmocka_unit_test(the_last_one_that_leaves_takes_the_flight_along),
        cmocka_unit_test(one_that_is_ready_may_leave_before_it_is_looked_at),
        cmocka_unit_test(the_cache_is_bounded_and_forgets_the_longest_unused),
        cmocka_unit_test(the_end_wipes_all_keys),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
