/* SPDX-License-Identifier: Apache-2.0 */
/* Hundreds of operations that end at once (design: promise 3): the connections that wait for their
 * late replies are kept as long as these are merely late, and replaced when they do not come. */
#include "integration/client_fixture.h"

#include "support/mock_set.h"

enum { POOL = 100, STORM = 500, LATE_MS = 5, TIMEOUT_MS = 1000, HANDSHAKE_MS = 30 };

/* 500 operations that end together, 500 that are started in that turn, and the timer that brings
 * the late replies of the first ones. */
typedef struct storm {
    client_fixture_t *f;
    outcome_t old[STORM];
    outcome_t fresh[STORM];
    unsigned old_ended;
    uv_timer_t late;
    unsigned released;
    unsigned accepted;
    unsigned closed;
} storm_t;

static storm_t storm;

/* --- Setting -----------------------------------------------------------------------------------*/

/* The pool is full and idle: each of its connections has had a command at the same time. */
static void fill_pool(client_fixture_t *f)
{
    static outcome_t o[POOL];

    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = POOL});
    for (int i = 0; i < POOL; i++) {
        start_ping(f, &o[i], 0);
    }
    await_held(f, POOL);
    assert_int_equal(mock_release(f->mock, POOL), POOL);
    for (int i = 0; i < POOL; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(stats_of(f).connections_idle, POOL);
}

static void on_late(uv_timer_t *timer)
{
    (void)timer;
    storm.released = mock_release(storm.f->mock, POOL);
}

/* Handshakes take their time, and so do the graces: starting 500 operations may take longer than
 * the least of 5 ms, where sanitizers watch. */
static void begin_storm(client_fixture_t *f)
{
    memset(&storm, 0, sizeof storm);
    storm.f = f;
    assert_int_equal(uv_timer_init(&f->loop, &storm.late), 0);
    mock_set_delay(f->mock, 0, HANDSHAKE_MS);
    open_client(f, NULL, NULL);
    fill_pool(f);
    mock_set_delay(f->mock, 0, 0);
    storm.accepted = mock_accepted(f->mock);
    storm.closed = mock_closed_by_client(f->mock);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true, .times = POOL});
}

/* The new operations of this turn, and the late replies soon after it. */
static void start_fresh(void)
{
    for (int i = 0; i < STORM; i++) {
        start_find(storm.f, &storm.fresh[i], STORM + i, NULL);
    }
    uv_update_time(&storm.f->loop);
    assert_int_equal(uv_timer_start(&storm.late, on_late, LATE_MS, 0), 0);
}

/* Every new operation has the reply to its own question, on the connections that were there. */
static void end_storm(int code)
{
    client_fixture_t *f = storm.f;
    muv_client_stats_t stats;

    for (int i = 0; i < STORM; i++) {
        await_success(&storm.fresh[i]);
        assert_string_equal(storm.fresh[i].text, text_of("{ \"_id\" : %d }", STORM + i));
        CHECK_ERROR(&storm.old[i].error, code);
        outcome_clear(&storm.fresh[i]);
        outcome_clear(&storm.old[i]);
    }
    stats = stats_of(f);
    assert_int_equal(storm.released, POOL);
    assert_int_equal(mock_accepted(f->mock), storm.accepted);
    assert_int_equal(mock_closed_by_client(f->mock), storm.closed);
    assert_int_equal(stats.connections_created, POOL);
    assert_int_equal(stats.connections_closed, 0);
    assert_int_equal(stats.connections_idle, POOL);
    assert_int_equal(mock_request_count(f->mock, "find"), POOL + STORM);
    uv_close((uv_handle_t *)&storm.late, NULL);
}

/* --- Tests -------------------------------------------------------------------------------------*/

static void cancelling_500_closes_and_opens_no_connection(void **state)
{
    client_fixture_t *f = *state;

    begin_storm(f);
    for (int i = 0; i < STORM; i++) {
        start_find(f, &storm.old[i], i, NULL);
    }
    await_held(f, POOL);
    for (int i = 0; i < STORM; i++) {
        cancel(&storm.old[i]);
    }
    assert_int_equal(stats_of(f).connections_draining, POOL);
    start_fresh();
    end_storm(MUV_ECANCELED);
}

static void count_timeout(outcome_t *o)
{
    (void)o;
    if (++storm.old_ended == STORM) {
        start_fresh();
    }
}

/* All have the same deadline, but for a millisecond. */
static void timing_out_500_closes_and_opens_no_connection(void **state)
{
    client_fixture_t *f = *state;
    uint64_t end_ms;

    begin_storm(f);
    end_ms = uv_hrtime() / 1000000 + TIMEOUT_MS;
    for (int i = 0; i < STORM; i++) {
        int64_t timeout_ms = (int64_t)(end_ms - uv_hrtime() / 1000000);
        storm.old[i].then = count_timeout;
        start_find(f, &storm.old[i], i, &(muv_find_one_opts_t){.timeout_ms = timeout_ms});
    }
    await_held(f, POOL);
    assert_int_equal(storm.old_ended, 0);
    run_until_count(&f->loop, &storm.old_ended, STORM, WAIT_MS);
    end_storm(MUV_ETIMEOUT);
}

/* The grace is at most 250 ms; the rest is room for a busy machine. */
static void a_cancelled_long_query_does_not_keep_a_pool_of_one(void **state)
{
    enum { QUERY_MS = 10000, BOUND_MS = 2000 };
    client_fixture_t *f = *state;
    outcome_t query = {0};
    outcome_t next = {0};
    unsigned accepted;
    uint64_t start_ns;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    accepted = mock_accepted(f->mock);
    mock_script(f->mock, "find", &(mock_step_t){.delay_ms = QUERY_MS});
    start_find(f, &query, 1, NULL);
    while (mock_request_count(f->mock, "find") == 0) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    cancel(&query);
    start_ns = uv_hrtime();
    start_find(f, &next, 2, NULL);
    await_success(&next);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, BOUND_MS);
    assert_string_equal(next.text, "{ \"_id\" : 2 }");
    CHECK_ERROR(&query.error, MUV_ECANCELED);
    assert_int_equal(mock_accepted(f->mock), accepted + 1);
    assert_int_equal(stats_of(f).connections, 1);
    outcome_clear(&query);
    outcome_clear(&next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cancelling_500_closes_and_opens_no_connection),
        TEST(timing_out_500_closes_and_opens_no_connection),
        TEST(a_cancelled_long_query_does_not_keep_a_pool_of_one),
    };

    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
