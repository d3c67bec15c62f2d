/* SPDX-License-Identifier: Apache-2.0 */
/* Growth, maximum, sticky errors. */
#include "base/buf.h"

#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"

static void bytes_are_appended_in_order(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 100);
    muv__buf_append(&buf, "ab", 2);
    muv__buf_append(&buf, "", 0);
    muv__buf_append(&buf, "cde", 3);
    assert_int_equal(buf.size, 5);
    assert_memory_equal(buf.data, "abcde", 5);
    muv__buf_done(&buf);
    assert_null(buf.data);
}

static void nothing_appended_to_an_empty_buffer_needs_no_memory(void **state)
{
    muv__buf_t buf;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    muv__buf_init(&buf, 100);
    muv__buf_append(&buf, NULL, 0);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.error, 0);
    assert_int_equal(counting.calls, 0);
    muv__buf_done(&buf);
    assert_int_equal(counting_stop(), 0);
}

static void the_maximum_is_exact_whatever_its_size(void **state)
{
    (void)state;
    for (size_t max = 1; max < 1100; max++) {
        muv__buf_t buf;

        muv__buf_init(&buf, max);
        for (size_t i = 0; i < max; i++) {
            muv__buf_append(&buf, "x", 1);
        }
        assert_int_equal(buf.size, max);
        assert_int_equal(buf.error, 0);
        muv__buf_append(&buf, "x", 1);
        assert_int_equal(buf.size, max);
        CHECK_CODE(buf.error, MUV_ETOOLARGE);
        muv__buf_done(&buf);
    }
}

static void capacity_doubles_and_ends_at_the_maximum(void **state)
{
    muv__buf_t buf;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    muv__buf_init(&buf, 1000000);
    for (size_t i = 0; i < 1000000; i++) {
        muv__buf_append(&buf, "x", 1);
    }
    assert_int_equal(buf.capacity, 1000000);
    assert_true(counting.calls <= 14);
    assert_int_equal(counting.largest, 1000000);
    muv__buf_done(&buf);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
}

static void a_first_failure_sticks(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 10);
    muv__buf_append(&buf, "12345678", 8);
    muv__buf_append(&buf, "abc", 3);
    muv__buf_append(&buf, "a", 1);
    assert_null(muv__buf_extend(&buf, 1));
    assert_int_equal(muv__buf_reserve(&buf, 1), 0);
    CHECK_CODE(buf.error, MUV_ETOOLARGE);
    assert_int_equal(buf.size, 8);
    muv__buf_done(&buf);
}

static void a_size_that_overflows_is_too_large(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    muv__buf_append(&buf, "x", 1);
    assert_null(muv__buf_extend(&buf, SIZE_MAX));
    CHECK_CODE(buf.error, MUV_ETOOLARGE);
    muv__buf_done(&buf);
}

static void without_memory_the_content_stays_and_reset_helps(void **state)
{
    muv__buf_t buf;

    (void)state;
    assert_int_equal(counting_start(2, 1), 0);
    muv__buf_init(&buf, 1000);
    muv__buf_append(&buf, "abc", 3);
    assert_null(muv__buf_extend(&buf, 500));
    CHECK_CODE(buf.error, MUV_ENOMEM);
    assert_memory_equal(buf.data, "abc", 3);
    muv__buf_reset(&buf, 1000);
    assert_int_equal(buf.size, 0);
    assert_non_null(muv__buf_extend(&buf, 500));
    muv__buf_done(&buf);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
}

static void reset_keeps_memory_up_to_the_given_capacity(void **state)
{
    muv__buf_t buf;
    const uint8_t *data;

    (void)state;
    muv__buf_init(&buf, 1000);
    assert_non_null(muv__buf_extend(&buf, 200));
    data = buf.data;
    muv__buf_reset(&buf, 256);
    assert_ptr_equal(buf.data, data);
    muv__buf_reset(&buf, 255);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
    muv__buf_append(&buf, "x", 1);
    assert_int_equal(buf.size, 1);
    muv__buf_done(&buf);
}

static void reserved_room_is_used_without_another_request(void **state)
{
    muv__buf_t buf;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    muv__buf_init(&buf, 10000);
    assert_int_equal(muv__buf_reserve(&buf, 5000), 1);
    for (int i = 0; i < 5000; i++) {
        muv__buf_append(&buf, "x", 1);
    }
    assert_int_equal(counting.calls, 1);
    muv__buf_done(&buf);
    assert_int_equal(counting_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_appended_in_order),
        cmocka_unit_test(nothing_appended_to_an_empty_buffer_needs_no_memory),
        cmocka_unit_test(the_maximum_is_exact_whatever_its_size),
        cmocka_unit_test(capacity_doubles_and_ends_at_the_maximum),
        cmocka_unit_test(a_first_failure_sticks),
        cmocka_unit_test(a_size_that_overflows_is_too_large),
        cmocka_unit_test(without_memory_the_content_stays_and_reset_helps),
        cmocka_unit_test(reset_keeps_memory_up_to_the_given_capacity),
        cmocka_unit_test(reserved_room_is_used_without_another_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
