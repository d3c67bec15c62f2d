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
    muv__heartbeat_init(&t->heartbeat, 10000 * 1000, 10000 * 1000, 1);
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
    static const char *const events[] = {"start",     "connected", "reply",  "versioned",
                                         "more",      "rejected",  "failed", "timer",
                                         "check-now", "cancel",    "stop"};
    static const char *const effects[] = {" close",   " succeed", " fail", " begin",
                                          " connect", " hello",   " await"};
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

/* A stream that waits for its first answer since 5 ms. */
static void start_and_stream(timeline_t *t)
{
    start_timeline(t);
    at(t, 0, MUV__HEARTBEAT_ON_START);
    at(t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(t, 5, MUV__HEARTBEAT_ON_VERSIONED);
    at(t, 5, MUV__HEARTBEAT_ON_TIMER);
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
    muv__heartbeat_init(&t.heartbeat, 1, 0, 1);
    assert_int_equal(t.heartbeat.interval_us, MUV__HEARTBEAT_MIN_GAP_US);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@never\n");
}

/* An operation's connection broke while the monitor's was idle: the check that is due anyway, or
 * that somebody asks for, does not rely on it. */
static void cancel_between_checks_gives_up_the_connection(void **state)
{
    timeline_t t;

    (void)state;
    start_and_check(&t);
    at(&t, 20, MUV__HEARTBEAT_ON_CANCEL);
    at(&t, 30, MUV__HEARTBEAT_ON_CANCEL);
    at(&t, 40, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 505, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[   20] cancel -> close\n"
                               "[   30] cancel ->\n"
                               "[   40] check-now -> arm@505\n"
                               "[  505] timer -> begin connect arm@10505\n");
}

/* The check did not end, so that the next one is the first to fail. */
static void network_error_after_a_cancelled_check_is_retried_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 7000, MUV__HEARTBEAT_ON_CANCEL);
    at(&t, 7500, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 7501, MUV__HEARTBEAT_ON_FAILED);
    at(&t, 7501, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 7502, MUV__HEARTBEAT_ON_FAILED);
    assert_string_equal(t.log, "[ 7000] cancel -> close fail arm@7500\n"
                               "[ 7500] timer -> begin connect arm@17500\n"
                               "[ 7501] failed -> close fail arm@7501\n"
                               "[ 7501] timer -> begin connect arm@17501\n"
                               "[ 7502] failed -> close fail arm@17502\n");
}

/* --- streaming ---------------------------------------------------------------------------------*/

/* connectTimeoutMS + heartbeatFrequencyMS for each answer. */
static void topology_version_begins_a_stream_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_timeline(&t);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    assert_int_equal(t.heartbeat.awaited, 0);
    at(&t, 5, MUV__HEARTBEAT_ON_VERSIONED);
    assert_int_equal(t.heartbeat.rtt_us, 2000);
    assert_int_equal(t.heartbeat.awaited, 0);
    assert_true(muv__heartbeat_goes_on(&t.heartbeat));
    at(&t, 5, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.awaited, 1);
    assert_false(muv__heartbeat_goes_on(&t.heartbeat));
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    3] connected -> hello arm@10003\n"
                               "[    5] versioned -> succeed arm@5\n"
                               "[    5] timer -> begin await arm@20005\n");
}

static void each_answer_of_a_stream_ends_a_check_and_nothing_is_sent(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 1000, MUV__HEARTBEAT_ON_MORE);
    assert_int_equal(t.heartbeat.rtt_us, -1);
    assert_int_equal(t.heartbeat.awaited, 1);
    at(&t, 1000, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 1000, MUV__HEARTBEAT_ON_MORE);
    at(&t, 1000, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 11000, MUV__HEARTBEAT_ON_MORE);
    at(&t, 11000, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[ 1000] more -> succeed arm@1000\n"
                               "[ 1000] timer -> begin arm@21000\n"
                               "[ 1000] more -> succeed arm@1000\n"
                               "[ 1000] timer -> begin arm@21000\n"
                               "[11000] more -> succeed arm@11000\n"
                               "[11000] timer -> begin arm@31000\n");
}

/* The server has ended its series of answers: it is asked again. */
static void last_answer_of_a_stream_is_followed_by_another_request(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_MORE);
    at(&t, 100, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 200, MUV__HEARTBEAT_ON_VERSIONED);
    assert_int_equal(t.heartbeat.rtt_us, -1);
    at(&t, 200, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[  100] more -> succeed arm@100\n"
                               "[  100] timer -> begin arm@20100\n"
                               "[  200] versioned -> succeed arm@200\n"
                               "[  200] timer -> begin await arm@20200\n");
}

static void answer_without_topology_version_goes_back_to_polling(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_REPLY);
    assert_false(muv__heartbeat_goes_on(&t.heartbeat));
    at(&t, 10100, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.awaited, 0);
    at(&t, 10103, MUV__HEARTBEAT_ON_REPLY);
    assert_int_equal(t.heartbeat.rtt_us, 3000);
    assert_string_equal(t.log, "[  100] reply -> succeed arm@10100\n"
                               "[10100] timer -> begin hello arm@20100\n"
                               "[10103] reply -> succeed arm@20103\n");
}

static void poll_mode_takes_no_notice_of_topology_versions(void **state)
{
    timeline_t t = {.log = ""};

    (void)state;
    muv__heartbeat_init(&t.heartbeat, 10000 * 1000, 10000 * 1000, 0);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(&t, 5, MUV__HEARTBEAT_ON_VERSIONED);
    at(&t, 10005, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 10006, MUV__HEARTBEAT_ON_VERSIONED);
    assert_int_equal(t.heartbeat.rtt_us, 1000);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@10000\n"
                               "[    3] connected -> hello arm@10003\n"
                               "[    5] versioned -> succeed arm@10005\n"
                               "[10005] timer -> begin hello arm@20005\n"
                               "[10006] versioned -> succeed arm@20006\n");
}

static void check_now_while_streaming_is_dropped(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 700, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 800, MUV__HEARTBEAT_ON_MORE);
    at(&t, 800, MUV__HEARTBEAT_ON_CHECK_NOW);
    at(&t, 800, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 801, MUV__HEARTBEAT_ON_CHECK_NOW);
    assert_string_equal(t.log, "[  700] check-now ->\n"
                               "[  800] more -> succeed arm@800\n"
                               "[  800] check-now ->\n"
                               "[  800] timer -> begin arm@20800\n"
                               "[  801] check-now ->\n");
}

static void silent_stream_is_a_timeout_and_is_begun_anew_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 20004, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 20005, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.timed_out, 1);
    assert_int_equal(t.heartbeat.awaited, 1);
    at(&t, 20005, MUV__HEARTBEAT_ON_TIMER);
    assert_int_equal(t.heartbeat.awaited, 0);
    assert_string_equal(t.log, "[20004] timer -> arm@20005\n"
                               "[20005] timer -> close fail arm@20005\n"
                               "[20005] timer -> begin connect arm@30005\n");
}

static void stream_without_connect_timeout_has_none_either(void **state)
{
    timeline_t t = {.log = ""};

    (void)state;
    muv__heartbeat_init(&t.heartbeat, 10000 * 1000, 0, 1);
    at(&t, 0, MUV__HEARTBEAT_ON_START);
    at(&t, 3, MUV__HEARTBEAT_ON_CONNECTED);
    at(&t, 5, MUV__HEARTBEAT_ON_VERSIONED);
    at(&t, 5, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[    0] start -> begin connect arm@never\n"
                               "[    3] connected -> hello arm@never\n"
                               "[    5] versioned -> succeed arm@5\n"
                               "[    5] timer -> begin await arm@never\n");
}

static void rejection_in_a_stream_closes_it_and_waits_for_the_interval(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_REJECTED);
    at(&t, 10100, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[  100] rejected -> close fail arm@10100\n"
                               "[10100] timer -> begin connect arm@20100\n");
}

static void broken_stream_is_begun_anew_at_once(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_FAILED);
    at(&t, 100, MUV__HEARTBEAT_ON_TIMER);
    at(&t, 103, MUV__HEARTBEAT_ON_CONNECTED);
    at(&t, 105, MUV__HEARTBEAT_ON_VERSIONED);
    at(&t, 105, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[  100] failed -> close fail arm@100\n"
                               "[  100] timer -> begin connect arm@10100\n"
                               "[  103] connected -> hello arm@10103\n"
                               "[  105] versioned -> succeed arm@105\n"
                               "[  105] timer -> begin await arm@20105\n");
}

static void cancelled_stream_is_begun_anew_after_the_minimum_gap(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_CANCEL);
    assert_int_equal(t.heartbeat.cancelled, 1);
    assert_int_equal(t.heartbeat.awaited, 1);
    at(&t, 600, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[  100] cancel -> close fail arm@600\n"
                               "[  600] timer -> begin connect arm@10600\n");
}

/* What an answer leads to may be the end of the connection, before the next check has begun. */
static void cancel_behind_an_answer_fails_no_check(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_MORE);
    at(&t, 100, MUV__HEARTBEAT_ON_CANCEL);
    assert_false(muv__heartbeat_goes_on(&t.heartbeat));
    at(&t, 600, MUV__HEARTBEAT_ON_TIMER);
    assert_string_equal(t.log, "[  100] more -> succeed arm@100\n"
                               "[  100] cancel -> close arm@600\n"
                               "[  600] timer -> begin connect arm@10600\n");
}

static void stop_ends_a_stream(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_STOP);
    assert_int_equal(t.heartbeat.stream, MUV__HEARTBEAT_POLL);
    assert_string_equal(t.log, "[  100] stop -> close fail arm@never\n");
}

static void stop_behind_an_answer_fails_no_check(void **state)
{
    timeline_t t;

    (void)state;
    start_and_stream(&t);
    at(&t, 100, MUV__HEARTBEAT_ON_MORE);
    at(&t, 100, MUV__HEARTBEAT_ON_STOP);
    assert_string_equal(t.log, "[  100] more -> succeed arm@100\n"
                               "[  100] stop -> close arm@never\n");
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
        cmocka_unit_test(cancel_between_checks_gives_up_the_connection),
        cmocka_unit_test(network_error_after_a_cancelled_check_is_retried_at_once),
        cmocka_unit_test(topology_version_begins_a_stream_at_once),
        cmocka_unit_test(each_answer_of_a_stream_ends_a_check_and_nothing_is_sent),
        cmocka_unit_test(last_answer_of_a_stream_is_followed_by_another_request),
        cmocka_unit_test(answer_without_topology_version_goes_back_to_polling),
        cmocka_unit_test(poll_mode_takes_no_notice_of_topology_versions),
        cmocka_unit_test(check_now_while_streaming_is_dropped),
        cmocka_unit_test(silent_stream_is_a_timeout_and_is_begun_anew_at_once),
        cmocka_unit_test(stream_without_connect_timeout_has_none_either),
        cmocka_unit_test(rejection_in_a_stream_closes_it_and_waits_for_the_interval),
        cmocka_unit_test(broken_stream_is_begun_anew_at_once),
        cmocka_unit_test(cancelled_stream_is_begun_anew_after_the_minimum_gap),
        cmocka_unit_test(cancel_behind_an_answer_fails_no_check),
        cmocka_unit_test(stop_ends_a_stream),
        cmocka_unit_test(stop_behind_an_answer_fails_no_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
