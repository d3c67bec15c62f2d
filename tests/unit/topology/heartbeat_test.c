/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor machine in virtual time, as transcripts. Milliseconds here. */
#include "support/check.h"

#include "topology/heartbeat.h"

#include <stdio.h>
#include <string.h>

typedef struct timeline {
    muv__heartbeat_t heartbeat;
    char log[4096];
} timeline_t;

static void start_timeline(timeline_t *t)
{
    t->log[0] = '\0';
    muv__heartbeat_init(&t->heartbeat, 10000 * 1000, 10000 * 1000);
}

static void put(timeline_t *t, const char *format, ...) MUV__PRINTF(2, 3);

static void put(timeline_t *t, const char *format, ...)
{
    size_t size = strlen(t->log);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(t->log + size, sizeof t->log - size, format, arguments);
    va_end(arguments);
}

static void at(timeline_t *t, int64_t now_ms, muv__heartbeat_event_t event)
{
    static const char *const events[] = {"start", "connected", "reply",  "rejected", "failed",
                                         "timer", "check-now", "cancel", "stop"};
    static const char *const effects[] = {" close", " succeed", " fail",
                                          " begin", " connect", " hello"};
    unsigned bits = muv__heartbeat_step(&t->heartbeat, event, now_ms * 1000);

    put(t, "[%5d] %s ->", (int)now_ms, events[event]);
    for (unsigned i = 0; i < MUV__COUNT_OF(effects); i++) {
        if ((bits >> i & 1U) != 0) {
            put(t, "%s", effects[i]);
        }
    }
    if ((bits & MUV__HEARTBEAT_DO_ARM) != 0) {
        if (t->heartbeat.wake_at_us == INT64_MAX) {
            put(t, " arm@never");
        } else {
            put(t, " arm@%d", (int)(t->heartbeat.wake_at_us / 1000));
        }
    }
    put(t, "\n");
}

static void start_and_check(timeline_t *t)
{
    start_timeline(t);
    at(t, 0, MUV__HEARTBEAT_ON_START);
    at(t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(t, 5, MUV__HEARTBEAT_ON_REPLY);
    t->log[0] = '\0';
}

static void first_check_connects_and_the_second_reuses_the_connection(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    assert_int_equal(t.heartbeat.first_hello, 1);
    at(&t, 5, MUV__HEARTBEAT_ON_REPLY);
    assert_int_equal(t.heartbeat.rtt_us, 2000);
    at(&t, 10005, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.first_hello, 0);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    3] connected -> hello arm@10003\n"
                               "[    5] reply -> succeed arm@10005\n"
                               "[10005] timer -> begin hello arm@20005\n");
}

/* Operations failing together ask for many checks; the server sees one, half a second after the
 * end of the check before it. */
static void check_now_burst_keeps_the_minimum_gap(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 40, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 41, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 505, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[   40] check-now -> arm@505\n"
                               "[   41] check-now ->\n"
                               "[  505] timer -> begin hello arm@10505\n");
}

static void check_now_during_a_check_is_dropped(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 1, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(&t, 4, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 5, MUV__HEARTBEAT_ON_REPLY);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    1] check-now ->\n"
                               "[    3] connected -> hello arm@10003\n"
                               "[    4] check-now ->\n"
                               "[    5] reply -> succeed arm@10005\n");
}

static void check_now_long_after_a_check_begins_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 7000, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 7000, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[ 7000] check-now -> arm@7000\n"
                               "[ 7000] timer -> begin hello arm@17000\n");
}

/* The first failure may be only the connection's; the second one is the server's. */
static void network_error_of_a_known_server_is_retried_once_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 10005, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10010, MUV__HEARTBEAT_ON_FAILED);
    at(&t, 10010, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10012, MUV__HEARTBEAT_ON_FAILED);
    assert_string_equal(t.log, "[10005] timer -> begin hello arm@20005\n"
                               "[10010] failed -> close fail arm@10010\n"
                               "[10010] timer -> begin connect arm@20010\n"
                               "[10012] failed -> close fail arm@20012\n");
}

static void rejected_hello_is_not_retried_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 10005, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10010, MUV__HEARTBEAT_ON_REJECTED);
    assert_string_equal(t.log, "[10005] timer -> begin hello arm@20005\n"
                               "[10010] rejected -> close fail arm@20010\n");
}

static void silent_server_is_a_timeout(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(&t, 10002, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10003, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.timed_out, 1);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    3] connected -> hello arm@10003\n"
                               "[10002] timer -> arm@10003\n"
                               "[10003] timer -> close fail arm@20003\n");
}

static void cancelled_check_is_followed_by_one_after_the_minimum_gap(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 10005, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10020, MUV__HEARTBEAT_ON_CANCEL);
    assert_int_equal(t.heartbeat.cancelled, 1);
    at(&t, 10021, MUV__HEARTBEAT_ON_CANCEL);
    at(&t, 10520, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[10005] timer -> begin hello arm@20005\n"
                               "[10020] cancel -> close fail arm@10520\n"
                               "[10021] cancel ->\n"
                               "[10520] timer -> begin connect arm@20520\n");
}

static void connection_lost_while_waiting_asks_for_a_check_and_fails_none(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 3000, MUV__HEARTBEAT_ON_FAILED);
    at(&t, 3000, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[ 3000] failed -> close arm@3000\n"
                               "[ 3000] timer -> begin connect arm@13000\n");
}

static void stop_ends_a_running_check(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 2, MUV__HEARTBEAT_ON_STOP);
    assert_int_equal(t.heartbeat.state, MUV__HEARTBEAT_STOPPED);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    2] stop -> close fail arm@never\n");
}

static void stop_while_waiting_closes_the_connection_only(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 9, MUV__HEARTBEAT_ON_STOP);
    assert_string_equal(t.log, "[    9] stop -> close arm@never\n");
}

static void no_connect_timeout_waits_for_ever(void **state)
{
    timeline_t t = {.log = ""};

    (void)state;
    muv__heartbeat_init(&t.heartbeat, 1, 0);
    assert_int_equal(t.heartbeat.interval_us, MUV__HEARTBEAT_MIN_GAP_US);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@never\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_check_connects_and_the_second_reuses_the_connection),
        cmocka_unit_test(check_now_burst_keeps_the_minimum_gap),
        cmocka_unit_test(check_now_during_a_check_is_dropped),
        cmocka_unit_test(check_now_long_after_a_check_begins_at_once),
        cmocka_unit_test(network_error_of_a_known_server_is_retried_once_at_once),
        cmocka_unit_test(rejected_hello_is_not_retried_at_once),
        cmocka_unit_test(silent_server_is_a_timeout),
        cmocka_unit_test(cancelled_check_is_followed_by_one_after_the_minimum_gap),
        cmocka_unit_test(connection_lost_while_waiting_asks_for_a_check_and_fails_none),
        cmocka_unit_test(stop_ends_a_running_check),
        cmocka_unit_test(stop_while_waiting_closes_the_connection_only),
        cmocka_unit_test(no_connect_timeout_waits_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
