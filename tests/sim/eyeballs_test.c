/* SPDX-License-Identifier: Apache-2.0 */
/* The race for a name's addresses (RFC 8305, "Happy Eyeballs") in virtual time. Every address is a
 * server of its own; one way takes half a millisecond, so that a connection is there 1 ms, and
 * greeted 2 ms after its attempt began. */
#include "conn_rig.h"

#include <string.h>

/* Connect to "db.test" with these addresses, that are looked up in no time. */
static void race_open(rig_t *rig, const char *addresses)
{
    rig_open(rig, "db.test:27017");
    sim_name(rig->world, "db.test", addresses, 0);
}

static sim_server_t *race_server(rig_t *rig, const char *address, sim_connect_t action)
{
    sim_server_t *server = sim_server(rig->world, address, 27017);

    if (action != SIM_ACCEPT) {
        sim_on_connect(server, action, 0);
    }
    return server;
}

static void race_run(rig_t *rig, const char *expected)
{
    rig_connect(rig);
    sim_run_for(rig->world, 60 * SIM_SECOND);
    CHECK_EVENTS(rig, expected);
}

static void a_silent_address_gives_way_after_250_ms(void **state)
{
    rig_t rig;
    sim_server_t *second;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    (void)race_server(&rig, "10.0.0.1", SIM_HANG);
    second = race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    race_run(&rig, "[252.000] ready\n");
    assert_int_equal(sim_counts(second).accepted, 1);
    rig_end(&rig);
}

static void an_address_that_refuses_gives_way_at_once(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    (void)race_server(&rig, "10.0.0.1", SIM_REFUSE);
    (void)race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    race_run(&rig, "[3.000] ready\n");
    rig_end(&rig);
}

static void a_system_without_ipv6_loses_no_time(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "fd00::1 fd00::2 10.0.0.1");
    (void)race_server(&rig, "fd00::1", SIM_UNREACHABLE);
    (void)race_server(&rig, "fd00::2", SIM_UNREACHABLE);
    (void)race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    race_run(&rig, "[2.000] ready\n");
    rig_end(&rig);
}

/* Three addresses of a family that leads nowhere cost one delay, not three. */
static void families_take_turns(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "fd00::1 fd00::2 fd00::3 10.0.0.1");
    (void)race_server(&rig, "fd00::1", SIM_HANG);
    (void)race_server(&rig, "fd00::2", SIM_HANG);
    (void)race_server(&rig, "fd00::3", SIM_HANG);
    (void)race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    race_run(&rig, "[252.000] ready\n");
    rig_end(&rig);
}

/* The first refuses, the second cannot be reached, the third never answers, the fourth is it. */
static void attempts_begin_in_order(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4");
    (void)race_server(&rig, "10.0.0.1", SIM_REFUSE);
    (void)race_server(&rig, "10.0.0.2", SIM_UNREACHABLE);
    (void)race_server(&rig, "10.0.0.3", SIM_HANG);
    (void)race_server(&rig, "10.0.0.4", SIM_ACCEPT);
    race_run(&rig, "[253.000] ready\n");
    rig_end(&rig);
}

static void a_slow_address_may_still_win_and_the_others_are_closed(void **state)
{
    rig_t rig;
    sim_server_t *slow;
    sim_server_t *slower;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    slow = race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    slower = race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    sim_latency(slow, 150 * SIM_MS);
    sim_latency(slower, 400 * SIM_MS);
    race_run(&rig, "[600.000] ready\n");
    assert_int_equal(sim_counts(slow).accepted, 1);
    assert_int_equal(sim_counts(slower).accepted, 0);
    assert_int_equal(sim_counts(slow).open, 1);
    assert_int_equal(rig_send(&rig, 0, 0), 0);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_CONTAINS(rig.events, "reply\n");
    rig_end(&rig);
}

/* Both connect in the same poll: one is greeted, the other one is closed without a word. */
static void a_late_winner_is_closed(void **state)
{
    rig_t rig;
    sim_server_t *first;
    sim_server_t *second;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    first = race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    second = race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    sim_latency(first, 200 * SIM_MS);
    sim_latency(second, 75 * SIM_MS);
    rig_connect(&rig);
    sim_run_for(rig.world, 60 * SIM_SECOND);
    CHECK_CONTAINS(rig.events, "ready\n");
    assert_int_equal(sim_counts(first).accepted + sim_counts(second).accepted, 2);
    assert_int_equal(sim_counts(first).hellos + sim_counts(second).hellos, 1);
    assert_int_equal(sim_counts(first).open + sim_counts(second).open, 1);
    rig_end(&rig);
}

static void hold_the_loop(void *data)
{
    sim_stall(data, SIM_SECOND);
}

/* The first address has long answered when the loop gets to look at its timers. */
static void a_held_loop_begins_no_second_attempt(void **state)
{
    rig_t rig;
    sim_server_t *second;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    (void)race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    second = race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    sim_after(rig.world, SIM_MS / 2, hold_the_loop, rig.world);
    race_run(&rig, "[1001.500] ready\n");
    assert_int_equal(sim_counts(second).accepted, 0);
    rig_end(&rig);
}

static void one_budget_bounds_name_and_addresses(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, "db.test:27017");
    sim_name(rig.world, "db.test", "10.0.0.1 10.0.0.2", SIM_SECOND);
    (void)race_server(&rig, "10.0.0.1", SIM_HANG);
    (void)race_server(&rig, "10.0.0.2", SIM_HANG);
    race_run(&rig, "[10000.000] connecting to db.test:27017: connectTimeoutMS elapsed\n"
                   "[10000.000] closed\n");
    CHECK_ERROR(&rig.error, MUV_ENETTIMEOUT);
    assert_true((rig.error.labels & MUV_LABEL_SYSTEM_OVERLOADED) != 0);
    rig_end(&rig);
}

/* The greeting has a budget of its own: a slow network is no reason to give up a server that has
 * answered. */
static void the_greeting_has_its_own_budget(void **state)
{
    rig_t rig;
    sim_server_t *server;

    (void)state;
    race_open(&rig, "10.0.0.1");
    server = race_server(&rig, "10.0.0.1", SIM_ACCEPT);
    sim_latency(server, 4 * SIM_SECOND);
    race_run(&rig, "[16000.000] ready\n");
    rig_end(&rig);
}

/* With 40 ms for four addresses each of them gets 10. */
static void a_short_budget_still_tries_all_addresses(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4");
    rig.context.connect_timeout_us = 40 * SIM_MS;
    (void)race_server(&rig, "10.0.0.1", SIM_HANG);
    (void)race_server(&rig, "10.0.0.2", SIM_HANG);
    (void)race_server(&rig, "10.0.0.3", SIM_HANG);
    (void)race_server(&rig, "10.0.0.4", SIM_ACCEPT);
    race_run(&rig, "[32.000] ready\n");
    rig_end(&rig);
}

static void without_a_timeout_the_race_goes_on(void **state)
{
    rig_t rig;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    rig.context.connect_timeout_us = INT64_MAX;
    (void)race_server(&rig, "10.0.0.1", SIM_HANG);
    sim_latency(race_server(&rig, "10.0.0.2", SIM_ACCEPT), 10 * SIM_SECOND);
    race_run(&rig, "[40250.000] ready\n");
    rig_end(&rig);
}

/* --- which error is told -----------------------------------------------------------------------*/

/* Two addresses that fail so; the error's code and system code. */
static void check_told(sim_connect_t first, sim_connect_t second, int code, int system_code)
{
    rig_t rig;

    race_open(&rig, "10.0.0.1 10.0.0.2");
    (void)race_server(&rig, "10.0.0.1", first);
    (void)race_server(&rig, "10.0.0.2", second);
    rig_connect(&rig);
    sim_run_for(rig.world, 60 * SIM_SECOND);
    CHECK_ERROR(&rig.error, code);
    assert_int_equal(rig.error.system_code, system_code);
    assert_true((rig.error.labels & MUV_LABEL_RETRYABLE) != 0);
    assert_true(rig.closed);
    rig_end(&rig);
}

static void an_answer_tells_more_than_silence_and_silence_more_than_no_way(void **state)
{
    (void)state;
    check_told(SIM_REFUSE, SIM_REFUSE, MUV_ENETWORK, SIM_ECONNREFUSED);
    check_told(SIM_REFUSE, SIM_HANG, MUV_ENETWORK, SIM_ECONNREFUSED);
    check_told(SIM_HANG, SIM_REFUSE, MUV_ENETWORK, SIM_ECONNREFUSED);
    check_told(SIM_UNREACHABLE, SIM_REFUSE, MUV_ENETWORK, SIM_ECONNREFUSED);
    check_told(SIM_REFUSE, SIM_UNREACHABLE, MUV_ENETWORK, SIM_ECONNREFUSED);
    check_told(SIM_UNREACHABLE, SIM_HANG, MUV_ENETTIMEOUT, 0);
    check_told(SIM_HANG, SIM_UNREACHABLE, MUV_ENETTIMEOUT, 0);
    check_told(SIM_UNREACHABLE, SIM_UNREACHABLE, MUV_ENETWORK, SIM_ENETUNREACH);
}

static void a_failed_greeting_is_told_instead_of_a_lost_attempt(void **state)
{
    rig_t rig;
    sim_server_t *server;

    (void)state;
    race_open(&rig, "10.0.0.1 10.0.0.2");
    (void)race_server(&rig, "10.0.0.1", SIM_REFUSE);
    server = race_server(&rig, "10.0.0.2", SIM_ACCEPT);
    sim_on(server, "hello", &(sim_step_t){.act = SIM_SILENCE});
    race_run(&rig, "[10002.000] connecting to db.test:27017: connectTimeoutMS elapsed\n"
                   "[10002.000] closed\n");
    rig_end(&rig);
}

/* --- ends in the middle ------------------------------------------------------------------------*/

static void closing_at_any_moment_of_the_race(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 600 * SIM_MS; at_us += 12500) {
        rig_t rig;

        race_open(&rig, "10.0.0.1 fd00::1 10.0.0.2 fd00::2");
        (void)race_server(&rig, "10.0.0.1", SIM_HANG);
        sim_latency(race_server(&rig, "fd00::1", SIM_REFUSE), 50 * SIM_MS);
        sim_latency(race_server(&rig, "10.0.0.2", SIM_ACCEPT), 100 * SIM_MS);
        (void)race_server(&rig, "fd00::2", SIM_HANG);
        rig_connect(&rig);
        sim_run_for(rig.world, at_us);
        rig.events[0] = '\0';
        muv__conn_close(&rig.conn);
        rig_arm(&rig);
        assert_string_equal(rig.events, "");
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_CONTAINS(rig.events, "closed\n");
        rig_end(&rig);
    }
}

/* Without memory for one attempt the next address is tried; without any the error says so. (Without
 * memory to read into, the greeting is waited for until its time is up.) */
static void an_allocation_that_fails_costs_one_attempt(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        for (int persistent = 0; persistent < 2; persistent++) {
            rig_t rig;

            race_open(&rig, "10.0.0.1 10.0.0.2 fd00::1");
            (void)race_server(&rig, "10.0.0.1", SIM_HANG);
            (void)race_server(&rig, "fd00::1", SIM_REFUSE);
            (void)race_server(&rig, "10.0.0.2", SIM_ACCEPT);
            alloc_fail_at(nth, persistent != 0);
            rig_connect(&rig);
            sim_run_for(rig.world, 60 * SIM_SECOND);
            failed = alloc_has_failed();
            alloc_fail_at(0, false);
            if (rig.closed) {
                assert_true(failed);
                assert_true(rig.error.code == MUV_ENOMEM || rig.error.code == MUV_ENETTIMEOUT);
            } else {
                assert_int_equal(rig.conn.state, MUV__CONN_IDLE);
            }
            rig_end(&rig);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_address_gives_way_after_250_ms),
        cmocka_unit_test(an_address_that_refuses_gives_way_at_once),
        cmocka_unit_test(a_system_without_ipv6_loses_no_time),
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(attempts_begin_in_order),
        cmocka_unit_test(a_slow_address_may_still_win_and_the_others_are_closed),
        cmocka_unit_test(a_late_winner_is_closed),
        cmocka_unit_test(a_held_loop_begins_no_second_attempt),
        cmocka_unit_test(one_budget_bounds_name_and_addresses),
        cmocka_unit_test(the_greeting_has_its_own_budget),
        cmocka_unit_test(a_short_budget_still_tries_all_addresses),
        cmocka_unit_test(without_a_timeout_the_race_goes_on),
        cmocka_unit_test(an_answer_tells_more_than_silence_and_silence_more_than_no_way),
        cmocka_unit_test(a_failed_greeting_is_told_instead_of_a_lost_attempt),
        cmocka_unit_test(closing_at_any_moment_of_the_race),
        cmocka_unit_test_teardown(an_allocation_that_fails_costs_one_attempt, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
