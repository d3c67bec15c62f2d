/* SPDX-License-Identifier: Apache-2.0 */
/* Which events are told, in which order, with which words. That their numbers have no gaps is
 * checked in all tests of the pool. */
#include "fixture.h"

#include "support/check.h"

#include <string.h>

static fixture_t f;

static void a_new_connection_is_told_from_creation_to_its_end(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 1});
    f.events_wanted = 1;

    out(&f, 'a');
    at(&f, 30);
    established(&f, 1);
    in(&f, 1);
    failed(&f, 1, MUV_ENETWORK);
    f.events_wanted = 0;

    CHECK_TEXT(&f, "[0] out a: <CheckOutStarted> waits; <Created 1> create 1;\n"
                   "[30] established 1: <Ready 1 30ms> <CheckedOut 1 30ms> serve a 1;\n"
                   "[30] in 1: <CheckedIn 1>\n"
                   "[30] failed 1: <Closed 1 error>\n");
    finish(&f);
}

static void a_connection_is_checked_in_before_it_is_closed(void **state)
{
    (void)state;
    pool_is_ready(&f, (muv__pool_config_t){.max_size = 4});
    hand_out(&f, 4);
    drain(&f, 2);
    drain(&f, 3);
    from_here(&f);
    f.events_wanted = 1;

    failed(&f, 1, MUV_ENETWORK);
    failed(&f, 2, MUV_ENETWORK);
    drained(&f, 3);
    clear(&f, 0);
    in(&f, 4);
    f.events_wanted = 0;

    CHECK_TEXT(&f, "[0] failed 1: <CheckedIn 1> <Closed 1 error>\n"
                   "[0] failed 2: <CheckedIn 2> <Closed 2 error>\n"
                   "[0] drained 3: <CheckedIn 3>\n"
                   "[0] clear: <PoolCleared> arm 0;\n"
                   "[0] in 4: <CheckedIn 4> <Closed 4 stale> close 4 stale;\n");
    finish(&f);
}

static void refused_check_outs_are_told(void **state)
{
    (void)state;
    pool_is_paused(&f, (muv__pool_config_t){.max_size = 1});
    f.events_wanted = 1;

    out(&f, 'a');
    ready(&f);
    out(&f, 'a');
    at(&f, 12);
    forget(&f, 'a');
    close_pool(&f);
    out(&f, 'a');
    f.events_wanted = 0;

    CHECK_TEXT(&f,
               "[0] out a: <CheckOutStarted> <CheckOutFailed connectionError>"
               " fails EPOOLCLEARED;\n"
               "[0] ready: <PoolReady>\n"
               "[0] out a: <CheckOutStarted> waits; <Created 1> create 1;\n"
               "[12] forget a: <CheckOutFailed timeout 12ms>\n"
               "[12] close: <Closed 1 poolClosed> <PoolClosed> close 1 poolClosed;\n"
               "[12] out a: <CheckOutStarted> <CheckOutFailed poolClosed> fails EPOOLCLOSED;\n");
    finish(&f);
}

static void keep_event(const muv__pool_event_t *event, void *data)
{
    *(muv__pool_event_t *)data = *event;
}

static void events_carry_the_error_behind_them(void **state)
{
    muv__pool_event_t last;
    muv__pool_t pool;
    muv__pool_conn_t conn = {.id = 0};

    (void)state;
    muv__pool_init(&pool,
                   &(muv__pool_config_t){
                       .min_size = 1, .max_connecting = 1, .emit = keep_event, .emit_data = &last});
    assert_int_equal(last.type, MUV__POOL_CREATED);
    assert_int_equal(muv__pool_ready(&pool, 0), MUV__POOL_DO_CREATE);
    muv__pool_add(&pool, &conn, 0);
    assert_int_equal(muv__pool_conn_failed(&pool, &conn, MUV_EAUTH, 0), MUV__POOL_DO_ARM);

    assert_int_equal(last.type, MUV__POOL_CONNECTION_CLOSED);
    assert_int_equal(last.error, MUV_EAUTH);
    assert_int_equal(last.number, 4);
    (void)muv__pool_clear(&pool, 1, 0);
    assert_int_equal(last.type, MUV__POOL_CLEARED);
    assert_int_equal(last.interrupt_in_use, 1);
    (void)muv__pool_close(&pool, 0);
    muv__pool_done(&pool);
}

static void nothing_is_counted_when_nobody_listens(void **state)
{
    muv__pool_t pool;

    (void)state;
    muv__pool_init(&pool, &(muv__pool_config_t){.max_connecting = 1});
    (void)muv__pool_ready(&pool, 0);
    (void)muv__pool_close(&pool, 0);

    assert_int_equal(pool.events, 0);
    muv__pool_done(&pool);
}

static void reasons_have_the_words_of_the_specification(void **state)
{
    static const struct {
        muv__pool_event_type_t type;
        muv__pool_reason_t reason;
        const char *text, *message;
    } rows[] = {
        {MUV__POOL_CONNECTION_CLOSED, MUV__POOL_REASON_STALE, "stale",
         "Connection became stale because the pool was cleared"},
        {MUV__POOL_CONNECTION_CLOSED, MUV__POOL_REASON_IDLE, "idle",
         "Connection has been available but unused for longer than the configured max idle time"},
        {MUV__POOL_CONNECTION_CLOSED, MUV__POOL_REASON_ERROR, "error",
         "An error occurred while using the connection"},
        {MUV__POOL_CONNECTION_CLOSED, MUV__POOL_REASON_POOL_CLOSED, "poolClosed",
         "Connection pool was closed"},
        {MUV__POOL_CHECK_OUT_FAILED, MUV__POOL_REASON_POOL_CLOSED, "poolClosed",
         "Connection pool was closed"},
        {MUV__POOL_CHECK_OUT_FAILED, MUV__POOL_REASON_TIMEOUT, "timeout",
         "Wait queue timeout elapsed without a connection becoming available"},
        {MUV__POOL_CHECK_OUT_FAILED, MUV__POOL_REASON_CONNECTION_ERROR, "connectionError",
         "An error occurred while trying to establish a new connection"},
        {MUV__POOL_CHECKED_IN, MUV__POOL_REASON_NONE, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        assert_string_equal(muv__pool_reason_text(rows[i].type, rows[i].reason), rows[i].text);
        assert_string_equal(muv__pool_reason_message(rows[i].type, rows[i].reason),
                            rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_connection_is_told_from_creation_to_its_end),
        cmocka_unit_test(a_connection_is_checked_in_before_it_is_closed),
        cmocka_unit_test(refused_check_outs_are_told),
        cmocka_unit_test(events_carry_the_error_behind_them),
        cmocka_unit_test(nothing_is_counted_when_nobody_listens),
        cmocka_unit_test(reasons_have_the_words_of_the_specification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
