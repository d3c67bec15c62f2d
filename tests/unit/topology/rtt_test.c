/* SPDX-License-Identifier: Apache-2.0 */
/* Average and minimum of round trip times. */
#include "support/check.h"

#include "topology/rtt.h"

static void average_moves_by_a_fifth(void **state)
{
    muv__rtt_t rtt = {.count = 0};

    (void)state;
    muv__rtt_add(&rtt, 1000);
    assert_int_equal(rtt.average_us, 1000);
    muv__rtt_add(&rtt, 2000);
    assert_int_equal(rtt.average_us, 1200);
}

static void minimum_needs_two_samples_and_looks_back_ten(void **state)
{
    muv__rtt_t rtt = {.count = 0};

    (void)state;
    muv__rtt_add(&rtt, 5);
    assert_int_equal(muv__rtt_min_us(&rtt), 0);
    muv__rtt_add(&rtt, 700);
    assert_int_equal(muv__rtt_min_us(&rtt), 5);
    for (int i = 0; i < 8; i++) {
        muv__rtt_add(&rtt, 800);
    }
    assert_int_equal(muv__rtt_min_us(&rtt), 5);
    muv__rtt_add(&rtt, 800);
    assert_int_equal(muv__rtt_min_us(&rtt), 700);
}

static void broken_clocks_do_no_harm(void **state)
{
    muv__rtt_t rtt = {.count = 0};

    (void)state;
    muv__rtt_add(&rtt, -3);
    assert_int_equal(rtt.average_us, 0);
    muv__rtt_add(&rtt, INT64_MAX);
    muv__rtt_add(&rtt, INT64_MAX);
    assert_true(rtt.average_us > 0 && rtt.average_us <= (int64_t)86400 * 1000000);
}

static void reset_forgets(void **state)
{
    muv__rtt_t rtt = {.count = 0};

    (void)state;
    muv__rtt_add(&rtt, 10);
    muv__rtt_add(&rtt, 10);
    muv__rtt_reset(&rtt);
    assert_int_equal(muv__rtt_min_us(&rtt), 0);
    muv__rtt_add(&rtt, 99);
    assert_int_equal(rtt.average_us, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(average_moves_by_a_fifth),
        cmocka_unit_test(minimum_needs_two_samples_and_looks_back_ten),
        cmocka_unit_test(broken_clocks_do_no_harm),
        cmocka_unit_test(reset_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
