/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the deadlines that are due. */
#include "base/deadline.h"

#include "support/check.h"

#include <string.h>

typedef struct rig {
    muv__heap_t heap;
    muv__deadline_t a, b;
    unsigned a_calls, b_calls;
} rig_t;

static rig_t rig;

static void count_a(muv__deadline_t *deadline, int64_t now_us)
{
    (void)deadline;
    (void)now_us;
    rig.a_calls++;
}

static void count_b(muv__deadline_t *deadline, int64_t now_us)
{
    (void)deadline;
    (void)now_us;
    rig.b_calls++;
}

static void restart_once(muv__deadline_t *deadline, int64_t now_us)
{
    count_a(deadline, now_us);
    if (rig.a_calls == 1) {
        muv__deadline_set(&rig.heap, deadline, now_us);
    }
}

static void restart_later(muv__deadline_t *deadline, int64_t now_us)
{
    count_a(deadline, now_us);
    muv__deadline_set(&rig.heap, deadline, now_us + 1);
}

static void cancel_b(muv__deadline_t *deadline, int64_t now_us)
{
    count_a(deadline, now_us);
    muv__deadline_cancel(&rig.heap, &rig.b);
}

static int open_rig(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof rig);
    rig.a.on_due = count_a;
    rig.b.on_due = count_b;
    return 0;
}

static void what_is_due_runs_once_and_the_rest_waits(void **state)
{
    (void)state;
    muv__deadline_set(&rig.heap, &rig.a, 10);
    muv__deadline_set(&rig.heap, &rig.b, 11);
    muv__deadlines_run(&rig.heap, 10, 100);
    assert_int_equal(rig.a_calls, 1);
    assert_int_equal(rig.b_calls, 0);
    assert_int_equal(muv__deadlines_next_us(&rig.heap), 11);
}

static void what_is_started_anew_for_now_runs_in_the_same_pass(void **state)
{
    (void)state;
    rig.a.on_due = restart_once;
    muv__deadline_set(&rig.heap, &rig.a, 10);
    muv__deadlines_run(&rig.heap, 10, 100);
    assert_int_equal(rig.a_calls, 2);
    assert_int_equal(muv__deadlines_next_us(&rig.heap), INT64_MAX);
}

static void what_is_started_anew_for_later_waits_for_another_pass(void **state)
{
    (void)state;
    rig.a.on_due = restart_later;
    muv__deadline_set(&rig.heap, &rig.a, 10);
    muv__deadlines_run(&rig.heap, 10, 100);
    assert_int_equal(rig.a_calls, 1);
    assert_int_equal(muv__deadlines_next_us(&rig.heap), 11);
}

static void a_pass_ends_at_its_limit(void **state)
{
    (void)state;
    muv__deadline_set(&rig.heap, &rig.a, 1);
    muv__deadline_set(&rig.heap, &rig.b, 2);
    muv__deadlines_run(&rig.heap, 10, 1);
    assert_int_equal(rig.a_calls, 1);
    assert_int_equal(rig.b_calls, 0);
}

static void one_that_is_cancelled_in_the_pass_does_not_run(void **state)
{
    (void)state;
    rig.a.on_due = cancel_b;
    muv__deadline_set(&rig.heap, &rig.a, 1);
    muv__deadline_set(&rig.heap, &rig.b, 2);
    muv__deadlines_run(&rig.heap, 10, 100);
    assert_int_equal(rig.b_calls, 0);
    assert_int_equal(muv__deadlines_next_us(&rig.heap), INT64_MAX);
}

static void never_is_never(void **state)
{
    (void)state;
    muv__deadline_set(&rig.heap, &rig.a, 5);
    muv__deadline_set(&rig.heap, &rig.a, INT64_MAX);
    assert_int_equal(muv__deadlines_next_us(&rig.heap), INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup(name, open_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_runs_once_and_the_rest_waits),
        TEST(what_is_started_anew_for_now_runs_in_the_same_pass),
        TEST(what_is_started_anew_for_later_waits_for_another_pass),
        TEST(a_pass_ends_at_its_limit),
        TEST(one_that_is_cancelled_in_the_pass_does_not_run),
        TEST(never_is_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
