/* SPDX-License-Identifier: Apache-2.0 */
/* The background work: minPoolSize, back-off, idle times, draining connections in the way. */
#include "fixture.h"

#include "support/check.h"

#include <string.h>

static fixture_t f;

static void min_size_is_populated_within_max_connecting(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 3});

    ready(&f);
    established(&f, 1);
    established(&f, 2);
    established(&f, 3);

    CHECK_TEXT(&f, "[0] ready: create 1; create 2;\n"
                   "[0] established 1: create 3;\n"
                   "[0] established 2:\n"
                   "[0] established 3:\n");
    assert_int_equal(f.pool.idle, 3);
    finish(&f);
}

static void a_broken_idle_connection_is_replaced_for_min_size(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 1});
    ready(&f);
    established(&f, 1);
    from_here(&f);

    failed(&f, 1, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] failed 1: create 2;\n");
    finish(&f);
}

static void population_backs_off_after_failures(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 1});
    ready(&f);
    from_here(&f);

    failed(&f, 1, MUV_ENETWORK);
    at(&f, 99);
    tick(&f);
    at(&f, 100);
    tick(&f);
    failed(&f, 2, MUV_ENETWORK);
    at(&f, 300);
    tick(&f);
    established(&f, 3);
    failed(&f, 3, MUV_ENETWORK);
    failed(&f, 4, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] failed 1: arm 100;\n"
                   "[99] tick: arm 100;\n"
                   "[100] tick: create 2; arm never;\n"
                   "[100] failed 2: arm 300;\n"
                   "[300] tick: create 3; arm never;\n"
                   "[300] established 3:\n"
                   "[300] failed 3: create 4;\n"
                   "[300] failed 4: arm 400;\n");
    finish(&f);
}

static void the_back_off_ends_at_ten_seconds(void **state)
{
    int64_t due_ms = 0;

    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 1});
    ready(&f);

    for (unsigned i = 1; i <= 12; i++) {
        failed(&f, i, MUV_ENETWORK);
        due_ms = f.pool.wake_at_us / 1000;
        assert_true(due_ms - f.now_ms <= 10000);
        at(&f, due_ms);
        from_here(&f);
        tick(&f);
    }
    failed(&f, 13, MUV_ENETWORK);

    assert_int_equal(f.pool.wake_at_us / 1000 - f.now_ms, 10000);
    finish(&f);
}

static void failures_together_count_once(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 2});
    ready(&f);
    from_here(&f);

    failed(&f, 1, MUV_ENETWORK);
    at(&f, 5);
    failed(&f, 2, MUV_ENETWORK);

    CHECK_TEXT(&f, "[0] failed 1: arm 100;\n"
                   "[5] failed 2:\n");
    finish(&f);
}

static void waiters_do_not_wait_for_the_back_off(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 2});
    ready(&f);
    failed(&f, 1, MUV_ENETWORK);
    failed(&f, 2, MUV_ENETWORK);
    from_here(&f);

    out(&f, 'a');

    CHECK_TEXT(&f, "[0] out a: waits; create 3;\n");
    finish(&f);
}

static void no_memory_for_min_size_backs_off(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.min_size = 2});

    f.out_of_memory = 1;
    ready(&f);

    CHECK_TEXT(&f, "[0] ready: arm 100;\n");
    finish(&f);
}

static void idle_connections_end_after_their_time(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_idle_us = 50000});
    hand_out(&f, 3);
    in(&f, 1);
    at(&f, 10);
    in(&f, 2);
    in(&f, 3);

    at(&f, 50);
    tick(&f);
    at(&f, 59);
    tick(&f);
    at(&f, 60);
    tick(&f);

    CHECK_TEXT(&f, "[0] in 1: arm 50;\n"
                   "[10] in 2:\n"
                   "[10] in 3:\n"
                   "[50] tick: close 1 idle; arm 60;\n"
                   "[59] tick: arm 60;\n"
                   "[60] tick: close 2 idle; close 3 idle; arm never;\n");
    finish(&f);
}

static void an_idle_connection_that_is_used_moves_its_wake_up_lazily(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10, .max_idle_us = 50000});
    hand_out(&f, 1);
    in(&f, 1);
    at(&f, 30);
    out(&f, 'a');
    at(&f, 40);
    in(&f, 1);
    at(&f, 50);
    tick(&f);

    CHECK_TEXT(&f, "[0] in 1: arm 50;\n"
                   "[30] out a: gets 1;\n"
                   "[40] in 1:\n"
                   "[50] tick: arm 90;\n");
    finish(&f);
}

static void stale_connections_end_with_the_next_tick(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 10});
    hand_out(&f, 3);
    in(&f, 1);
    drain(&f, 2);
    from_here(&f);

    clear(&f, 0);
    tick(&f);

    CHECK_TEXT(&f, "[0] clear: arm 0;\n"
                   "[0] tick: close 1 stale; close 2 stale; arm never;\n");
    finish(&f);
}

/* Promise 3: a storm of timeouts whose replies are merely late closes nothing. */
static void replies_within_the_grace_close_nothing(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 3});
    hand_out(&f, 3);
    for (unsigned id = 1; id <= 3; id++) {
        drain(&f, id);
    }
    at(&f, 1);
    out(&f, 'd');
    out(&f, 'e');
    from_here(&f);

    at(&f, 250);
    tick(&f);
    drained(&f, 1);
    drained(&f, 3);
    at(&f, 251);
    tick(&f);

    CHECK_TEXT(&f, "[250] tick: arm 251;\n"
                   "[250] drained 1: serve d 1;\n"
                   "[250] drained 3: serve e 3;\n"
                   "[251] tick: arm never;\n");
    finish(&f);
}

static void a_waiter_whose_grace_is_over_replaces_the_oldest_draining(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 3, .max_connecting = 1});
    hand_out(&f, 3);
    f.pool.drain_grace_us = 20000;
    drain(&f, 2);
    at(&f, 1);
    drain(&f, 1);
    drain(&f, 3);
    at(&f, 5);
    out(&f, 'd');
    out(&f, 'e');
    from_here(&f);

    at(&f, 25);
    tick(&f);
    at(&f, 40);
    tick(&f);
    established(&f, 4);
    tick(&f);

    CHECK_TEXT(&f, "[25] tick: close 2 error; create 4; arm never;\n"
                   "[40] tick: arm never;\n"
                   "[40] established 4: serve d 4; arm 25;\n"
                   "[40] tick: close 1 error; create 5; arm never;\n");
    assert_int_equal(f.pool.draining, 1);
    finish(&f);
}

static void several_draining_connections_go_within_max_connecting(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 4, .max_connecting = 2});
    hand_out(&f, 4);
    for (unsigned id = 1; id <= 4; id++) {
        drain(&f, id);
    }
    out(&f, 'e');
    out(&f, 'f');
    out(&f, 'g');
    at(&f, 1);
    out(&f, 'h');
    from_here(&f);

    at(&f, 250);
    tick(&f);
    established(&f, 5);
    established(&f, 6);
    tick(&f);

    CHECK_TEXT(&f, "[250] tick: close 1 error; close 2 error; create 5; create 6; arm never;\n"
                   "[250] established 5: serve e 5; arm 250;\n"
                   "[250] established 6: serve f 6;\n"
                   "[250] tick: close 3 error; create 7; arm 251;\n");
    finish(&f);
}

static void a_pool_that_is_not_full_leaves_draining_connections_alone(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 3, .max_connecting = 1});
    hand_out(&f, 1);
    drain(&f, 1);
    out(&f, 'b');
    out(&f, 'c');
    from_here(&f);

    at(&f, 1000);
    tick(&f);

    CHECK_TEXT(&f, "[1000] tick: arm never;\n");
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_size_is_populated_within_max_connecting),
        cmocka_unit_test(a_broken_idle_connection_is_replaced_for_min_size),
        cmocka_unit_test(population_backs_off_after_failures),
        cmocka_unit_test(the_back_off_ends_at_ten_seconds),
        cmocka_unit_test(failures_together_count_once),
        cmocka_unit_test(waiters_do_not_wait_for_the_back_off),
        cmocka_unit_test(no_memory_for_min_size_backs_off),
        cmocka_unit_test(idle_connections_end_after_their_time),
        cmocka_unit_test(an_idle_connection_that_is_used_moves_its_wake_up_lazily),
        cmocka_unit_test(stale_connections_end_with_the_next_tick),
        cmocka_unit_test(replies_within_the_grace_close_nothing),
        cmocka_unit_test(a_waiter_whose_grace_is_over_replaces_the_oldest_draining),
        cmocka_unit_test(several_draining_connections_go_within_max_connecting),
        cmocka_unit_test(a_pool_that_is_not_full_leaves_draining_connections_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
