/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and states: check-out and check-in, generations, clear, close, draining, failures. */
#include "fixture.h"

#include "support/check.h"

#include <string.h>

static fixture_t f;

static void check_outs_take_the_connection_used_last(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 3);

    in(&f, 1);
    in(&f, 3);
    in(&f, 2);
    out(&f, 'a');
    out(&f, 'b');
    out(&f, 'c');

    CHECK_TEXT(&f, "[0] in 1:\n"
                   "[0] in 3:\n"
                   "[0] in 2:\n"
                   "[0] out a: gets 2;\n"
                   "[0] out b: gets 3;\n"
                   "[0] out c: gets 1;\n");
    finish(&f);
}

static void a_new_pool_is_paused_and_refuses(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 2});

    out(&f, 'a');
    tick(&f);
    ready(&f);
    ready(&f);

    CHECK_TEXT(&f, "[0] out a: fails EPOOLCLEARED;\n"
                   "[0] tick: arm never;\n"
                   "[0] ready: create 1; create 2;\n"
                   "[0] ready:\n");
    finish(&f);
}

static void a_pool_that_was_never_used_may_end_without_close(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 2});

    muv__pool_done(&f.pool);
}

static void stale_connections_are_closed_when_checked_in(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 2);

    clear(&f, 0);
    in(&f, 1);
    ready(&f);
    in(&f, 2);

    CHECK_TEXT(&f, "[0] clear:\n"
                   "[0] in 1: close 1 stale;\n"
                   "[0] ready:\n"
                   "[0] in 2: close 2 stale;\n");
    assert_int_equal(f.pool.generation, 1);
    finish(&f);
}

static void stale_idle_connections_are_closed_when_met(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 2);
    in(&f, 1);
    in(&f, 2);
    from_here(&f);

    clear(&f, 0);
    ready(&f);
    out(&f, 'a');

    CHECK_TEXT(&f, "[0] clear: arm 0;\n"
                   "[0] ready:\n"
                   "[0] out a: waits; close 2 stale; close 1 stale; create 3; arm never;\n");
    finish(&f);
}

static void a_connection_idle_for_too_long_is_closed_when_met(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_idle_us = 50000});
    hand_out(&f, 2);
    in(&f, 1);
    at(&f, 20);
    in(&f, 2);

    at(&f, 69);
    out(&f, 'a');
    in(&f, 2);
    at(&f, 119);
    out(&f, 'a');

    CHECK_TEXT(&f, "[0] in 1: arm 50;\n"
                   "[20] in 2:\n"
                   "[69] out a: gets 2;\n"
                   "[69] in 2:\n"
                   "[119] out a: waits; close 2 idle; close 1 idle; create 3; arm never;\n");
    finish(&f);
}

static void clear_fails_the_queue_and_lets_connections_in_use_work(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);

    out(&f, 'b');
    out(&f, 'c');
    clear(&f, 0);
    clear(&f, 0);
    out(&f, 'd');

    CHECK_TEXT(&f, "[0] out b: waits;\n"
                   "[0] out c: waits;\n"
                   "[0] clear: fail b EPOOLCLEARED; fail c EPOOLCLEARED;\n"
                   "[0] clear:\n"
                   "[0] out d: fails EPOOLCLEARED;\n");
    assert_int_equal(f.pool.generation, 1);
    assert_int_equal(f.conns[0].interrupted, 0);
    finish(&f);
}

static void clear_with_interrupt_closes_all_but_idle_connections(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 3);
    in(&f, 1);
    drain(&f, 2);
    out(&f, 'd');
    out(&f, 'e');
    from_here(&f);

    clear(&f, 1);
    tick(&f);

    CHECK_TEXT(&f, "[0] clear: fail e EPOOLCLEARED; close 4 stale; close 1 stale interrupted;"
                   " close 3 stale interrupted; close 2 stale;\n"
                   "[0] tick: arm never;\n");
    assert_int_equal(f.pool.total, 0);
    finish(&f);
}

static void a_paused_pool_can_still_be_interrupted(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 1);

    f.events_wanted = 1;
    clear(&f, 0);
    clear(&f, 1);
    f.events_wanted = 0;

    CHECK_TEXT(&f, "[0] clear: <PoolCleared>\n"
                   "[0] clear: <CheckedIn 1> <Closed 1 stale> close 1 stale interrupted;\n");
    assert_int_equal(f.pool.generation, 1);
    finish(&f);
}

static void connections_of_a_newer_generation_survive_an_older_clear(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 1);
    clear(&f, 0);
    ready(&f);
    out(&f, 'b');
    established(&f, 2);
    from_here(&f);

    in(&f, 1);
    in(&f, 2);
    out(&f, 'c');

    CHECK_TEXT(&f, "[0] in 1: close 1 stale;\n"
                   "[0] in 2:\n"
                   "[0] out c: gets 2;\n");
    finish(&f);
}

static void a_connection_established_after_a_clear_is_closed(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_connecting = 1});

    out(&f, 'a');
    clear(&f, 0);
    ready(&f);
    out(&f, 'b');
    established(&f, 1);
    established(&f, 2);

    CHECK_TEXT(&f, "[0] out a: waits; create 1;\n"
                   "[0] clear: fail a EPOOLCLEARED;\n"
                   "[0] ready:\n"
                   "[0] out b: waits;\n"
                   "[0] established 1: close 1 stale; create 2;\n"
                   "[0] established 2: serve b 2;\n");
    finish(&f);
}

static void close_leaves_only_connections_in_use(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 4});
    hand_out(&f, 3);
    in(&f, 1);
    drain(&f, 2);
    out(&f, 'd');
    out(&f, 'e');
    from_here(&f);

    close_pool(&f);
    out(&f, 'f');
    in(&f, 3);
    ready(&f);
    clear(&f, 1);
    close_pool(&f);

    CHECK_TEXT(&f, "[0] close: fail e EPOOLCLOSED; close 4 poolClosed; close 2 poolClosed;\n"
                   "[0] out f: fails EPOOLCLOSED;\n"
                   "[0] in 3: close 3 poolClosed;\n"
                   "[0] ready:\n"
                   "[0] clear:\n"
                   "[0] close:\n");
    in(&f, 1);
    muv__pool_done(&f.pool);
}

static void a_broken_connection_leaves_room_for_a_waiter(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);

    out(&f, 'b');
    failed(&f, 1, MUV_ENETWORK);
    established(&f, 2);
    in(&f, 2);
    failed(&f, 2, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] out b: waits;\n"
                   "[0] failed 1: create 2;\n"
                   "[0] established 2: serve b 2;\n"
                   "[0] in 2:\n"
                   "[0] failed 2:\n");
    assert_int_equal(f.pool.total, 0);
    finish(&f);
}

static void a_drained_connection_serves_the_queue(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 2});
    hand_out(&f, 2);

    drain(&f, 1);
    drain(&f, 2);
    out(&f, 'c');
    at(&f, 9);
    drained(&f, 2);
    drained(&f, 1);
    out(&f, 'd');

    CHECK_TEXT(&f, "[0] drain 1:\n"
                   "[0] drain 2:\n"
                   "[0] out c: waits; arm 250;\n"
                   "[9] drained 2: serve c 2;\n"
                   "[9] drained 1:\n"
                   "[9] out d: gets 1;\n");
    finish(&f);
}

static void what_could_only_be_closed_is_not_drained(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 3);

    drain(&f, 1);
    clear(&f, 0);
    drain(&f, 2);
    drained(&f, 1);
    close_pool(&f);
    drain(&f, 3);

    CHECK_TEXT(&f, "[0] drain 1:\n"
                   "[0] clear: arm 0;\n"
                   "[0] drain 2: close 2 stale;\n"
                   "[0] drained 1: close 1 stale; arm never;\n"
                   "[0] close:\n"
                   "[0] drain 3: close 3 poolClosed;\n");
    finish(&f);
}

static void a_draining_connection_that_breaks_makes_room(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    hand_out(&f, 1);

    drain(&f, 1);
    out(&f, 'b');
    failed(&f, 1, MUV_ENETTIMEOUT);

    CHECK_TEXT(&f, "[0] drain 1:\n"
                   "[0] out b: waits; arm 250;\n"
                   "[0] failed 1: create 2; arm never;\n");
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_outs_take_the_connection_used_last),
        cmocka_unit_test(a_new_pool_is_paused_and_refuses),
        cmocka_unit_test(a_pool_that_was_never_used_may_end_without_close),
        cmocka_unit_test(stale_connections_are_closed_when_checked_in),
        cmocka_unit_test(stale_idle_connections_are_closed_when_met),
        cmocka_unit_test(a_connection_idle_for_too_long_is_closed_when_met),
        cmocka_unit_test(clear_fails_the_queue_and_lets_connections_in_use_work),
        cmocka_unit_test(clear_with_interrupt_closes_all_but_idle_connections),
        cmocka_unit_test(a_paused_pool_can_still_be_interrupted),
        cmocka_unit_test(connections_of_a_newer_generation_survive_an_older_clear),
        cmocka_unit_test(a_connection_established_after_a_clear_is_closed),
        cmocka_unit_test(close_leaves_only_connections_in_use),
        cmocka_unit_test(a_broken_connection_leaves_room_for_a_waiter),
        cmocka_unit_test(a_drained_connection_serves_the_queue),
        cmocka_unit_test(what_could_only_be_closed_is_not_drained),
        cmocka_unit_test(a_draining_connection_that_breaks_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
