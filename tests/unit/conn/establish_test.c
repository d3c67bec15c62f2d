/* SPDX-License-Identifier: Apache-2.0 */
/* The establishment machine: which address when, and what ends it; the order and pace of the race.
 * Its life on a network is in tests/sim/conn_test.c and eyeballs_test.c. */
#include "conn/establish.h"

#include "support/check.h"

#include <string.h>

#define STEP(machine, event, effects, next)                                                        \
    do {                                                                                           \
        assert_int_equal(muv__establish_step(machine, event), (unsigned)(effects));                \
        assert_int_equal((machine)->state, next);                                                  \
    } while (0)

#define DO_ATTEMPT (MUV__ESTABLISH_DO_CONNECT | MUV__ESTABLISH_DO_ARM)

/* A name with so many addresses, connecting to the first. */
static muv__establish_t resolved(uint32_t addr_count)
{
    muv__establish_t machine;

    muv__establish_init(&machine);
    STEP(&machine, MUV__ESTABLISH_ON_START_NAME, MUV__ESTABLISH_DO_RESOLVE,
         MUV__ESTABLISH_RESOLVING);
    machine.addr_count = addr_count;
    STEP(&machine, MUV__ESTABLISH_ON_RESOLVED, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.next_addr, 1);
    return machine;
}

static void a_name_is_resolved_connected_and_greeted(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECTED,
         MUV__ESTABLISH_DO_DROP_OTHERS | MUV__ESTABLISH_DO_GREET, MUV__ESTABLISH_GREETING);
    STEP(&machine, MUV__ESTABLISH_ON_GREETED, MUV__ESTABLISH_DO_REPORT_READY, MUV__ESTABLISH_READY);
    assert_true(muv__establish_ended(&machine));
}

static void with_tls_the_stream_is_secured_before_anything_is_said(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    machine.secure = 1;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECTED,
         MUV__ESTABLISH_DO_DROP_OTHERS | MUV__ESTABLISH_DO_SECURE, MUV__ESTABLISH_SECURING);
    STEP(&machine, MUV__ESTABLISH_ON_SECURED, MUV__ESTABLISH_DO_GREET, MUV__ESTABLISH_GREETING);
    STEP(&machine, MUV__ESTABLISH_ON_GREETED, MUV__ESTABLISH_DO_REPORT_READY, MUV__ESTABLISH_READY);
}

static void a_proxy_is_talked_to_before_the_server(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    machine.proxy = 1;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECTED,
         MUV__ESTABLISH_DO_DROP_OTHERS | MUV__ESTABLISH_DO_PROXY, MUV__ESTABLISH_PROXYING);
    assert_int_equal(machine.proxied, 0);
    STEP(&machine, MUV__ESTABLISH_ON_PROXIED, MUV__ESTABLISH_DO_GREET, MUV__ESTABLISH_GREETING);
    assert_int_equal(machine.proxied, 1);
}

static void tls_is_spoken_with_the_server_behind_the_proxy(void **state)
{
    muv__establish_t machine = resolved(1);

    (void)state;
    machine.proxy = 1;
    machine.secure = 1;
    (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_CONNECTED);
    STEP(&machine, MUV__ESTABLISH_ON_PROXIED, MUV__ESTABLISH_DO_SECURE, MUV__ESTABLISH_SECURING);
}

static void a_talk_with_a_proxy_ends_when_it_breaks_or_takes_too_long(void **state)
{
    const muv__establish_event_t events[] = {MUV__ESTABLISH_ON_BROKEN, MUV__ESTABLISH_ON_DEADLINE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        muv__establish_t machine = resolved(2);

        machine.proxy = 1;
        (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_CONNECTED);
        STEP(&machine, events[i], MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
        assert_int_equal(machine.proxied, 0);
    }
}

static void a_handshake_of_tls_ends_when_it_breaks_or_takes_too_long(void **state)
{
    const muv__establish_event_t events[] = {MUV__ESTABLISH_ON_BROKEN, MUV__ESTABLISH_ON_DEADLINE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        muv__establish_t machine = resolved(2);

        machine.secure = 1;
        (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_CONNECTED);
        STEP(&machine, events[i], MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
    }
}

static void a_login_stands_between_hello_and_ready(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    machine.log_in = 1;
    (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_CONNECTED);
    assert_int_equal(machine.greeted, 0);
    STEP(&machine, MUV__ESTABLISH_ON_GREETED, MUV__ESTABLISH_DO_LOG_IN, MUV__ESTABLISH_LOGGING_IN);
    assert_int_equal(machine.greeted, 1);
    STEP(&machine, MUV__ESTABLISH_ON_LOGGED_IN, MUV__ESTABLISH_DO_REPORT_READY,
         MUV__ESTABLISH_READY);
}

static void a_login_ends_when_it_breaks_or_takes_too_long(void **state)
{
    const muv__establish_event_t events[] = {MUV__ESTABLISH_ON_BROKEN, MUV__ESTABLISH_ON_DEADLINE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        muv__establish_t machine = resolved(2);

        machine.log_in = 1;
        (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_CONNECTED);
        (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_GREETED);
        STEP(&machine, events[i], MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
    }
}

static void a_path_needs_no_name(void **state)
{
    muv__establish_t machine;

    (void)state;
    muv__establish_init(&machine);
    STEP(&machine, MUV__ESTABLISH_ON_START_PATH, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
}

static void a_failed_attempt_gives_way_at_once(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.next_addr, 2);
    assert_int_equal(machine.running, 1);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
}

static void a_silent_attempt_gets_company_and_may_still_win(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_DELAY, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.running, 2);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECTED,
         MUV__ESTABLISH_DO_DROP_OTHERS | MUV__ESTABLISH_DO_GREET, MUV__ESTABLISH_GREETING);
    assert_int_equal(machine.running, 0);
}

static void the_race_is_lost_with_the_last_attempt_only(void **state)
{
    muv__establish_t machine = resolved(3);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_DELAY, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_DELAY, DO_ATTEMPT, MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, MUV__ESTABLISH_DO_ARM,
         MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, MUV__ESTABLISH_DO_ARM,
         MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
}

static void a_delay_without_another_address_changes_nothing(void **state)
{
    muv__establish_t machine = resolved(1);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_DELAY, MUV__ESTABLISH_DO_ARM, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.running, 1);
}

static void a_name_without_addresses_fails(void **state)
{
    muv__establish_t machine;

    (void)state;
    muv__establish_init(&machine);
    (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_START_NAME);
    STEP(&machine, MUV__ESTABLISH_ON_RESOLVED, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
}

/* One that was reached is not left for another address: the server has answered. */
static void the_deadline_ends_every_stage(void **state)
{
    muv__establish_t resolving;
    muv__establish_t connecting = resolved(3);
    muv__establish_t greeting = resolved(2);
    muv__establish_t broken = resolved(2);

    (void)state;
    muv__establish_init(&resolving);
    (void)muv__establish_step(&resolving, MUV__ESTABLISH_ON_START_NAME);
    STEP(&resolving, MUV__ESTABLISH_ON_DEADLINE, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
    STEP(&connecting, MUV__ESTABLISH_ON_DEADLINE, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
    (void)muv__establish_step(&greeting, MUV__ESTABLISH_ON_CONNECTED);
    STEP(&greeting, MUV__ESTABLISH_ON_DEADLINE, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
    (void)muv__establish_step(&broken, MUV__ESTABLISH_ON_CONNECTED);
    STEP(&broken, MUV__ESTABLISH_ON_BROKEN, MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
}

/* "6" and "4" are addresses of the two families; each has the index in `families` as its port. */
static void check_order(const char *families, const char *expected)
{
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
    muv__net_addr_t ordered[MUV__RESOLVE_MAX_ADDRS];
    char order[MUV__RESOLVE_MAX_ADDRS + 1] = "";
    size_t count = strlen(families);

    memset(addrs, 0, sizeof addrs);
    for (size_t i = 0; i < count; i++) {
        addrs[i].family = families[i] == '6' ? MUV__NET_IPV6 : MUV__NET_IPV4;
        addrs[i].port = (uint16_t)i;
    }
    muv__establish_interleave(ordered, addrs, count);
    for (size_t i = 0; i < count; i++) {
        order[i] = (char)('0' + ordered[i].port);
    }
    assert_string_equal(order, expected);
}

static void families_take_turns_and_the_resolvers_first_begins(void **state)
{
    (void)state;
    check_order("", "");
    check_order("4", "0");
    check_order("444", "012");
    check_order("6644", "0213");
    check_order("4466", "0213");
    check_order("6664", "0312");
    check_order("4666", "0123");
    check_order("64", "01");
    check_order("46446", "01243");
}

static void sixteen_addresses_keep_their_order_within_a_family(void **state)
{
    (void)state;
    check_order("6666666644444444", "08192:3;4<5=6>7?");
}

static void the_delay_is_250_ms_unless_the_time_is_short(void **state)
{
    (void)state;
    assert_int_equal(muv__establish_delay_us(1, 10000000), 250000);
    assert_int_equal(muv__establish_delay_us(16, 10000000), 250000);
    assert_int_equal(muv__establish_delay_us(16, INT64_MAX), 250000);
    assert_int_equal(muv__establish_delay_us(4, 1000000), 250000);
    assert_int_equal(muv__establish_delay_us(4, 400000), 100000);
    assert_int_equal(muv__establish_delay_us(16, 100000), 10000);
    assert_int_equal(muv__establish_delay_us(0, 0), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_resolved_connected_and_greeted),
        cmocka_unit_test(with_tls_the_stream_is_secured_before_anything_is_said),
        cmocka_unit_test(a_proxy_is_talked_to_before_the_server),
        cmocka_unit_test(tls_is_spoken_with_the_server_behind_the_proxy),
        cmocka_unit_test(a_talk_with_a_proxy_ends_when_it_breaks_or_takes_too_long),
        cmocka_unit_test(a_handshake_of_tls_ends_when_it_breaks_or_takes_too_long),
        cmocka_unit_test(a_login_stands_between_hello_and_ready),
        cmocka_unit_test(a_login_ends_when_it_breaks_or_takes_too_long),
        cmocka_unit_test(a_path_needs_no_name),
        cmocka_unit_test(a_failed_attempt_gives_way_at_once),
        cmocka_unit_test(a_silent_attempt_gets_company_and_may_still_win),
        cmocka_unit_test(the_race_is_lost_with_the_last_attempt_only),
        cmocka_unit_test(a_delay_without_another_address_changes_nothing),
        cmocka_unit_test(a_name_without_addresses_fails),
        cmocka_unit_test(the_deadline_ends_every_stage),
        cmocka_unit_test(families_take_turns_and_the_resolvers_first_begins),
        cmocka_unit_test(sixteen_addresses_keep_their_order_within_a_family),
        cmocka_unit_test(the_delay_is_250_ms_unless_the_time_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
