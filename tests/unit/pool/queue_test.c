/* SPDX-License-Identifier: Apache-2.0 */
/* Waiters: order, limits, which connection is established for whom, who fails with it, and leaving
 * in every state. */
#include "fixture.h"

#include "support/check.h"

#include <string.h>

static fixture_t f;

static void waiters_are_served_in_the_order_they_came(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);

    out(&f, 'c');
    out(&f, 'b');
    out(&f, 'd');
    in(&f, 1);
    in(&f, 1);
    in(&f, 1);

    CHECK_TEXT(&f, "[0] out c: waits;\n"
                   "[0] out b: waits;\n"
                   "[0] out d: waits;\n"
                   "[0] in 1: serve c 1;\n"
                   "[0] in 1: serve b 1;\n"
                   "[0] in 1: serve d 1;\n");
    finish(&f);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1, .max_waiting = 2});
    hand_out(&f, 1);

    out(&f, 'b');
    out(&f, 'c');
    out(&f, 'd');
    forget(&f, 'b');
    out(&f, 'd');

    CHECK_TEXT(&f, "[0] out b: waits;\n"
                   "[0] out c: waits;\n"
                   "[0] out d: fails EQUEUEFULL;\n"
                   "[0] forget b:\n"
                   "[0] out d: waits;\n");
    finish(&f);
}

static void only_max_connecting_are_established_at_a_time(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});

    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');
    out(&f, 'd');
    established(&f, 1);
    established(&f, 2);
    established(&f, 3);
    established(&f, 4);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] out b: waits; create 2;\n"
                   "[0] out c: waits;\n"
                   "[0] out d: waits;\n"
                   "[0] established 1: serve a 1; create 3;\n"
                   "[0] established 2: serve b 2; create 4;\n"
                   "[0] established 3: serve c 3;\n"
                   "[0] established 4: serve d 4;\n");
    finish(&f);
}

static void total_never_exceeds_max_size(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 2, .max_connecting = 5});

    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');
    established(&f, 2);
    established(&f, 1);
    drain(&f, 1);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] out b: waits; create 2;\n"
                   "[0] out c: waits;\n"
                   "[0] established 2: serve a 2;\n"
                   "[0] established 1: serve b 1;\n"
                   "[0] drain 1: arm 250;\n");
    assert_int_equal(f.pool.total, 2);
    finish(&f);
}

static void a_failed_establishment_fails_who_asked_for_it(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});

    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');
    failed(&f, 2, MUV_EAUTH);
    failed(&f, 1, MUV_ENETWORK);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] out b: waits; create 2;\n"
                   "[0] out c: waits;\n"
                   "[0] failed 2: fail b EAUTH; create 3;\n"
                   "[0] failed 1: fail a ENETWORK;\n"
                   "[0] established 3: serve c 3;\n");
    finish(&f);
}

static void the_connection_of_a_served_waiter_goes_on_for_others(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});
    hand_out(&f, 1);

    out(&f, 'b');
    out(&f, 'c');
    in(&f, 1);
    assert_ptr_equal(f.waiters[2].pending, &f.conns[1]);
    established(&f, 2);

    CHECK_TEXT(&f, "[0] out b: waits; create 2;\n"
                   "[0] out c: waits;\n"
                   "[0] in 1: serve b 1;\n"
                   "[0] established 2: serve c 2;\n");
    finish(&f);
}

static void who_inherited_a_connection_does_not_fail_with_it(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});
    hand_out(&f, 1);

    out(&f, 'b');
    out(&f, 'c');
    in(&f, 1);
    failed(&f, 2, MUV_ENETWORK);
    failed(&f, 3, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] out b: waits; create 2;\n"
                   "[0] out c: waits;\n"
                   "[0] in 1: serve b 1;\n"
                   "[0] failed 2: create 3;\n"
                   "[0] failed 3: fail c ENETWORK;\n");
    finish(&f);
}

/* b's connection serves a, so b has a's: no third one is made for it. */
static void connections_that_overtake_each_other_are_exchanged(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 3});

    out(&f, 'a');
    out(&f, 'b');
    established(&f, 2);
    failed(&f, 1, MUV_ENETWORK);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] out b: waits; create 2;\n"
                   "[0] established 2: serve a 2;\n"
                   "[0] failed 1: create 3;\n"
                   "[0] established 3: serve b 3;\n");
    finish(&f);
}

static void a_connection_nobody_needs_any_more_becomes_idle(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});

    out(&f, 'a');
    at(&f, 7);
    forget(&f, 'a');
    established(&f, 1);
    out(&f, 'b');

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[7] forget a:\n"
                   "[7] established 1:\n"
                   "[7] out b: gets 1;\n");
    finish(&f);
}

static void a_connection_made_for_min_size_is_inherited(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.max_size = 3, .min_size = 2, .max_connecting = 3});
    ready(&f);
    from_here(&f);

    out(&f, 'a');
    out(&f, 'b');
    failed(&f, 1, MUV_ENETWORK);
    established(&f, 2);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] out a: waits;\n"
                   "[0] out b: waits;\n"
                   "[0] failed 1: create 3; arm 100;\n"
                   "[0] established 2: serve a 2; arm never;\n"
                   "[0] established 3: serve b 3;\n");
    finish(&f);
}

static void a_stale_connection_is_not_inherited(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    out(&f, 'a');
    clear(&f, 0);
    ready(&f);
    from_here(&f);

    out(&f, 'b');

    CHECK_TEXT(&f, "[0] out b: waits; create 2;\n");
    finish(&f);
}

/* Its attempt may hang, so it is not what the next one waits for. */
static void the_attempt_of_a_waiter_that_gave_up_is_not_inherited(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});

    out(&f, 'a');
    forget(&f, 'a');
    out(&f, 'b');
    established(&f, 2);
    failed(&f, 1, MUV_ENETTIMEOUT);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] forget a:\n"
                   "[0] out b: waits; create 2;\n"
                   "[0] established 2: serve b 2;\n"
                   "[0] failed 1:\n");
    finish(&f);
}

static void no_memory_for_a_connection_fails_its_waiter(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});
    out(&f, 'a');
    out(&f, 'b');
    from_here(&f);

    f.out_of_memory = 1;
    established(&f, 1);
    f.out_of_memory = 0;
    out(&f, 'c');

    CHECK_TEXT(&f, "[0] established 1: serve a 1; fail b ENOMEM;\n"
                   "[0] out c: waits; create 2;\n");
    finish(&f);
}

static void a_served_waiter_can_be_forgotten_before_it_is_collected(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);
    out(&f, 'b');
    out(&f, 'c');
    from_here(&f);

    f.uncollected = 1;
    f.events_wanted = 1;
    in(&f, 1);
    forget(&f, 'b');
    assert_null(f.waiters[1].conn);
    f.events_wanted = 0;
    collect(&f);
    forget(&f, 'c');

    CHECK_TEXT(&f, "[0] in 1: <CheckedIn 1> <CheckedOut 1>\n"
                   "[0] forget b: <CheckedIn 1> <CheckedOut 1>\n"
                   "[0] collect: serve c 1;\n"
                   "[0] forget c:\n");
    finish(&f);
}

static void a_failed_waiter_can_be_forgotten_before_it_is_collected(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);
    out(&f, 'b');
    out(&f, 'c');
    from_here(&f);

    f.uncollected = 1;
    clear(&f, 0);
    forget(&f, 'b');
    collect(&f);
    forget(&f, 'b');
    forget(&f, 'z');

    CHECK_TEXT(&f, "[0] clear:\n"
                   "[0] forget b:\n"
                   "[0] collect: fail c EPOOLCLEARED;\n"
                   "[0] forget b:\n"
                   "[0] forget z:\n");
    finish(&f);
}

static void an_uncollected_waiter_fails_with_its_connection(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 2});
    hand_out(&f, 2);
    out(&f, 'c');
    out(&f, 'd');
    from_here(&f);

    f.uncollected = 1;
    in(&f, 1);
    in(&f, 2);
    failed(&f, 1, MUV_ENETWORK);
    clear(&f, 1);
    collect(&f);

    CHECK_TEXT(&f, "[0] in 1:\n"
                   "[0] in 2:\n"
                   "[0] failed 1:\n"
                   "[0] clear: close 2 stale;\n"
                   "[0] collect: fail c ENETWORK; fail d EPOOLCLEARED;\n");
    assert_int_equal(f.conns[1].interrupted, 0);
    finish(&f);
}

static void a_clear_spares_the_waiter_whose_connection_is_failing(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    out(&f, 'a');
    out(&f, 'b');
    from_here(&f);

    f.events_wanted = 1;
    failing(&f, 1);
    clear(&f, 1);
    failed(&f, 1, MUV_ENETWORK);
    f.events_wanted = 0;

    CHECK_TEXT(&f, "[0] failing 1:\n"
                   "[0] clear: <PoolCleared> <Closed 2 stale> <CheckOutFailed connectionError>"
                   " fail b EPOOLCLEARED; close 2 stale;\n"
                   "[0] failed 1: <Closed 1 error> <CheckOutFailed connectionError>"
                   " fail a ENETWORK;\n");
    finish(&f);
}

static void a_waiter_whose_connection_is_failing_can_be_forgotten(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});
    out(&f, 'a');
    out(&f, 'b');
    from_here(&f);

    failing(&f, 1);
    forget(&f, 'a');
    failed(&f, 1, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] failing 1:\n"
                   "[0] forget a:\n"
                   "[0] failed 1: create 2;\n");
    finish(&f);
}

static void who_inherited_a_failing_connection_stays_in_the_queue(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});
    hand_out(&f, 1);
    out(&f, 'b');
    out(&f, 'c');
    in(&f, 1);
    from_here(&f);

    failing(&f, 2);
    failed(&f, 2, MUV_ENETWORK);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] failing 2:\n"
                   "[0] failed 2: create 3;\n"
                   "[0] established 3: serve c 3;\n");
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiters_are_served_in_the_order_they_came),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(only_max_connecting_are_established_at_a_time),
        cmocka_unit_test(total_never_exceeds_max_size),
        cmocka_unit_test(a_failed_establishment_fails_who_asked_for_it),
        cmocka_unit_test(the_connection_of_a_served_waiter_goes_on_for_others),
        cmocka_unit_test(who_inherited_a_connection_does_not_fail_with_it),
        cmocka_unit_test(connections_that_overtake_each_other_are_exchanged),
        cmocka_unit_test(a_connection_nobody_needs_any_more_becomes_idle),
        cmocka_unit_test(a_connection_made_for_min_size_is_inherited),
        cmocka_unit_test(a_stale_connection_is_not_inherited),
        cmocka_unit_test(the_attempt_of_a_waiter_that_gave_up_is_not_inherited),
        cmocka_unit_test(no_memory_for_a_connection_fails_its_waiter),
        cmocka_unit_test(a_served_waiter_can_be_forgotten_before_it_is_collected),
        cmocka_unit_test(a_failed_waiter_can_be_forgotten_before_it_is_collected),
        cmocka_unit_test(an_uncollected_waiter_fails_with_its_connection),
        cmocka_unit_test(a_clear_spares_the_waiter_whose_connection_is_failing),
        cmocka_unit_test(a_waiter_whose_connection_is_failing_can_be_forgotten),
        cmocka_unit_test(who_inherited_a_failing_connection_stays_in_the_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
