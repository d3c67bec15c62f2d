/* SPDX-License-Identifier: Apache-2.0 */
/* The net on a real loop: its timer, posted turns, brackets, what keeps the loop alive. */
#include "net/net.h"

#include <string.h>

#include "unit/net/net_fixture.h"

#define MS INT64_C(1000)

static void the_timer_never_comes_early(void **state)
{
    net_fixture_t *f = *state;
    int64_t due_us = muv__net_now_us(f->net) + 20 * MS;

    muv__net_arm(f->net, due_us);
    run_until_count(&f->loop, &f->timers, 1, WAIT_MS);
    assert_true(f->timer_us >= due_us);
    run_for(&f->loop, 20);
    assert_int_equal(f->timers, 1);
}

static void an_earlier_time_replaces_a_later_one(void **state)
{
    net_fixture_t *f = *state;
    int64_t now_us = muv__net_now_us(f->net);

    muv__net_arm(f->net, now_us + 3600 * 1000 * MS);
    muv__net_arm(f->net, now_us + 5 * MS);
    run_until_count(&f->loop, &f->timers, 1, WAIT_MS);
}

/* The loop's timer fires at the first time, finds nothing due and goes on to the second. */
static void a_later_time_is_kept_without_the_earlier_one(void **state)
{
    net_fixture_t *f = *state;
    int64_t now_us = muv__net_now_us(f->net);

    muv__net_arm(f->net, now_us + 5 * MS);
    muv__net_arm(f->net, now_us + 40 * MS);
    run_until_count(&f->loop, &f->timers, 1, WAIT_MS);
    assert_true(f->timer_us >= now_us + 40 * MS);
    assert_int_equal(f->timers, 1);
}

static void never_is_never(void **state)
{
    net_fixture_t *f = *state;

    muv__net_arm(f->net, muv__net_now_us(f->net) + 5 * MS);
    muv__net_arm(f->net, INT64_MAX);
    run_for(&f->loop, 30);
    assert_int_equal(f->timers, 0);
}

static void arm_again(net_fixture_t *f)
{
    if (f->timers < 3) {
        muv__net_arm(f->net, f->now_us + 2 * MS);
    }
}

static void the_timer_can_be_armed_in_its_own_event(void **state)
{
    net_fixture_t *f = *state;

    f->on_timer = arm_again;
    muv__net_arm(f->net, 0);
    run_until_count(&f->loop, &f->timers, 3, WAIT_MS);
}

static void many_posts_are_one_turn_and_never_inside(void **state)
{
    net_fixture_t *f = *state;

    for (int i = 0; i < 5; i++) {
        muv__net_post(f->net);
    }
    assert_int_equal(f->turns, 0);
    run_until_count(&f->loop, &f->turns, 1, WAIT_MS);
    run_for(&f->loop, 10);
    assert_int_equal(f->turns, 1);
}

static void post_again(net_fixture_t *f)
{
    unsigned before = f->turns;

    if (f->turns < 4) {
        muv__net_post(f->net);
    }
    assert_int_equal(f->turns, before);
}

static void a_turn_can_ask_for_another(void **state)
{
    net_fixture_t *f = *state;

    f->on_turn = post_again;
    muv__net_post(f->net);
    run_until_count(&f->loop, &f->turns, 4, WAIT_MS);
    run_for(&f->loop, 10);
    assert_int_equal(f->turns, 4);
}

static void only_a_net_that_is_kept_alive_holds_the_loop(void **state)
{
    net_fixture_t *f = *state;

    muv__net_arm(f->net, muv__net_now_us(f->net) + 3600 * 1000 * MS);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    muv__net_keep_alive(f->net, 1);
    assert_int_not_equal(uv_run(&f->loop, UV_RUN_NOWAIT), 0);
    muv__net_keep_alive(f->net, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void an_armed_and_posted_net_can_be_closed(void **state)
{
    net_fixture_t *f = *state;

    muv__net_arm(f->net, 0);
    muv__net_post(f->net);
    end_net(f);
    assert_int_equal(f->timers, 0);
    assert_int_equal(f->turns, 0);
}

static void random_bytes_differ(void **state)
{
    net_fixture_t *f = *state;
    uint8_t a[16] = {0};
    uint8_t b[16] = {0};

    assert_int_equal(muv__net_random(f->net, a, sizeof a), 0);
    assert_int_equal(muv__net_random(f->net, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    CHECK_ONE_THREAD();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_net, close_net)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_timer_never_comes_early),
        TEST(an_earlier_time_replaces_a_later_one),
        TEST(a_later_time_is_kept_without_the_earlier_one),
        TEST(never_is_never),
        TEST(the_timer_can_be_armed_in_its_own_event),
        TEST(many_posts_are_one_turn_and_never_inside),
        TEST(a_turn_can_ask_for_another),
        TEST(only_a_net_that_is_kept_alive_holds_the_loop),
        TEST(an_armed_and_posted_net_can_be_closed),
        TEST(random_bytes_differ),
    };

    return cmocka_run_group_tests_name("uv_net", tests, NULL, NULL);
}
