/* SPDX-License-Identifier: Apache-2.0 */
/* The round trip machine in virtual time, as transcripts. Milliseconds here. */
#include "support/check.h"

#include "topology/rtt_monitor.h"

#include <stdio.h>
#include <string.h>

typedef struct timeline {
    muv__rtt_monitor_t monitor;
    char log[2048];
} timeline_t;

static void start_timeline(timeline_t *t)
{
    t->log[0] = '\0';
    muv__rtt_monitor_init(&t->monitor, 10000 * 1000, 4000 * 1000);
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

static void at(timeline_t *t, int64_t now_ms, muv__rtt_event_t event)
{
    static const char *const events[] = {"start", "connected", "reply", "failed",
                                         "timer", "wanted",    "stop"};
    static const char *const effects[] = {" close", " connect", " hello"};
    unsigned bits = muv__rtt_monitor_step(&t->monitor, event, now_ms * 1000);

    put(t, "[%5d] %s ->", (int)now_ms, events[event]);
    for (unsigned i = 0; i < MUV__COUNT_OF(effects); i++) {
        if ((bits >> i & 1U) != 0) {
            put(t, "%s", effects[i]);
        }
    }
    if ((bits & MUV__RTT_DO_ARM) != 0 && t->monitor.wake_at_us == INT64_MAX) {
        put(t, " arm@never");
    } else if ((bits & MUV__RTT_DO_ARM) != 0) {
        put(t, " arm@%d", (int)(t->monitor.wake_at_us / 1000));
    }
    if ((bits & MUV__RTT_DO_SAMPLE) != 0) {
        put(t, " sample %d", (int)(t->monitor.sample_us / 1000));
    }
    put(t, "\n");
}

static void start_and_measure(timeline_t *t)
{
    start_timeline(t);
    at(t, 0, MUV__RTT_ON_START);
    at(t, 3, MUV__RTT_ON_CONNECTED);
    at(t, 5, MUV__RTT_ON_REPLY);
    t->log[0] = '\0';
}

static void a_sample_comes_with_the_handshake_and_then_each_interval(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__RTT_ON_START);
    at(&t, 3, MUV__RTT_ON_CONNECTED);
    assert_int_equal(t.monitor.first_hello, 1);
    at(&t, 5, MUV__RTT_ON_REPLY);
    at(&t, 10000, MUV__RTT_ON_TIMER);
    at(&t, 10005, MUV__RTT_ON_TIMER);
    assert_int_equal(t.monitor.first_hello, 0);
    at(&t, 10012, MUV__RTT_ON_REPLY);
    assert_string_equal(t.log, "[    0] start -> connect arm@4000\n"
                               "[    3] connected -> hello arm@4003\n"
                               "[    5] reply -> arm@10005 sample 2\n"
                               "[10000] timer -> arm@10005\n"
                               "[10005] timer -> hello arm@14005\n"
                               "[10012] reply -> arm@20012 sample 7\n");
}

static void what_takes_too_long_is_no_sample_and_costs_the_connection(void **state)
{
    timeline_t t;

    (void)state;
    start_and_measure(&t);
    at(&t, 10005, MUV__RTT_ON_TIMER);
    at(&t, 14005, MUV__RTT_ON_TIMER);
    at(&t, 24005, MUV__RTT_ON_TIMER);
    at(&t, 28005, MUV__RTT_ON_TIMER);
    assert_string_equal(t.log, "[10005] timer -> hello arm@14005\n"
                               "[14005] timer -> close arm@24005\n"
                               "[24005] timer -> connect arm@28005\n"
                               "[28005] timer -> close arm@38005\n");
}

static void an_error_waits_for_the_interval(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__RTT_ON_START);
    at(&t, 3, MUV__RTT_ON_FAILED);
    at(&t, 10003, MUV__RTT_ON_TIMER);
    at(&t, 10004, MUV__RTT_ON_CONNECTED);
    at(&t, 10005, MUV__RTT_ON_FAILED);
    assert_string_equal(t.log, "[    0] start -> connect arm@4000\n"
                               "[    3] failed -> close arm@10003\n"
                               "[10003] timer -> connect arm@14003\n"
                               "[10004] connected -> hello arm@14004\n"
                               "[10005] failed -> close arm@20005\n");
}

static void a_connection_lost_between_two_samples_is_replaced_for_the_next(void **state)
{
    timeline_t t;

    (void)state;
    start_and_measure(&t);
    at(&t, 6000, MUV__RTT_ON_FAILED);
    at(&t, 10005, MUV__RTT_ON_TIMER);
    assert_string_equal(t.log, "[ 6000] failed -> close\n"
                               "[10005] timer -> connect arm@14005\n");
}

static void a_wanted_sample_does_not_wait(void **state)
{
    timeline_t t;

    (void)state;
    start_and_measure(&t);
    at(&t, 100, MUV__RTT_ON_WANTED);
    at(&t, 101, MUV__RTT_ON_WANTED);
    at(&t, 102, MUV__RTT_ON_REPLY);
    assert_string_equal(t.log, "[  100] wanted -> hello arm@4100\n"
                               "[  101] wanted ->\n"
                               "[  102] reply -> arm@10102 sample 2\n");
}

static void it_can_be_stopped_and_started_again(void **state)
{
    timeline_t t;

    (void)state;
    start_and_measure(&t);
    at(&t, 100, MUV__RTT_ON_STOP);
    at(&t, 101, MUV__RTT_ON_TIMER);
    at(&t, 102, MUV__RTT_ON_STOP);
    at(&t, 103, MUV__RTT_ON_WANTED);
    at(&t, 200, MUV__RTT_ON_START);
    at(&t, 201, MUV__RTT_ON_STOP);
    assert_string_equal(t.log, "[  100] stop -> close arm@never\n"
                               "[  101] timer ->\n"
                               "[  102] stop -> arm@never\n"
                               "[  103] wanted ->\n"
                               "[  200] start -> connect arm@4200\n"
                               "[  201] stop -> close arm@never\n");
}

static void no_connect_timeout_waits_for_ever(void **state)
{
    timeline_t t = {.log = ""};

    (void)state;
    muv__rtt_monitor_init(&t.monitor, 500 * 1000, 0);
    at(&t, 0, MUV__RTT_ON_START);
    at(&t, 1, MUV__RTT_ON_CONNECTED);
    assert_string_equal(t.log, "[    0] start -> connect arm@never\n"
                               "[    1] connected -> hello arm@never\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_comes_with_the_handshake_and_then_each_interval),
        cmocka_unit_test(what_takes_too_long_is_no_sample_and_costs_the_connection),
        cmocka_unit_test(an_error_waits_for_the_interval),
        cmocka_unit_test(a_connection_lost_between_two_samples_is_replaced_for_the_next),
        cmocka_unit_test(a_wanted_sample_does_not_wait),
        cmocka_unit_test(it_can_be_stopped_and_started_again),
        cmocka_unit_test(no_connect_timeout_waits_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
