/* SPDX-License-Identifier: Apache-2.0 */
/* Replica sets that change while a client uses them, told by streaming hellos: elections, members
 * that come and go, primaries of the past, tags and lag; and servers that stream without end. */
#include "integration/retry_fixture.h"

#include <string.h>

#define INSERT retry_op("insert_one")

/* What a change that is pushed takes at most, far below the interval of heartbeats (10 s). */
#define AT_ONCE_MS 4000

static bool all_wait(void *data)
{
    client_fixture_t *f = data;

    for (int i = 0; i < 3; i++) {
        if (mock_waiting_hellos(f->mock, i) == 0) {
            return false;
        }
    }
    return true;
}

/* Three members, each with a monitor that waits for its next change. */
static void open_set(client_fixture_t *f, const char *options)
{
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    open_client(f, options, NULL);
    connect_client(f);
    set_jitter(f, 0);
    run_until_true(&f->loop, all_wait, f, WAIT_MS);
}

static int member_of_last(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1)->member;
}

/* --- Elections ---------------------------------------------------------------------------------*/

static void an_election_is_known_at_once(void **state)
{
    client_fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    open_set(f, NULL);
    assert_int_equal(run_op(f, INSERT), 0);
    mock_elect(f->mock, 2);
    assert_int_equal(run_op(f, INSERT), 0);
    assert_int_equal(member_of_last(f, "insert"), 2);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, AT_ONCE_MS);
}

static bool one_waits(void *data)
{
    return stats_of(data).waiting_for_server > 0;
}

/* Without a primary writes wait; they go on when one is elected. */
static void writes_wait_for_the_election(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_set(f, NULL);
    mock_step_down(f->mock, 10107);
    start_op(f, INSERT, &o);
    run_until_true(&f->loop, one_waits, f, WAIT_MS);
    mock_elect(f->mock, 1);
    await_success(&o);
    assert_int_equal(member_of_last(f, "insert"), 1);
    outcome_clear(&o);
}

/* In flight when the primary steps down: answered with the error of that state, then repeated. */
static void steps_down_with(client_fixture_t *f, int code)
{
    outcome_t o = {0};
    int next = (mock_primary(f->mock) + 1) % 3;

    mock_script(f->mock, "insert", &(mock_step_t){.hold = true});
    start_op(f, INSERT, &o);
    await_held(f, 1);
    int primary = mock_primary(f->mock);
    mock_step_down(f->mock, code);
    assert_int_equal(mock_interrupt_held(f->mock, primary, code), 1);
    mock_elect(f->mock, next);
    mock_set_state_error(f->mock, primary, 0);
    await_success(&o);
    assert_int_equal(member_of_last(f, "insert"), next);
    outcome_clear(&o);
}

static void a_write_survives_every_way_of_stepping_down(void **state)
{
    static const int codes[] = {10107, 11602, 189, 91, 11600, 13436};
    client_fixture_t *f = *state;

    open_set(f, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(codes); i++) {
        unsigned before = mock_request_count(f->mock, "insert");
        steps_down_with(f, codes[i]);
        assert_int_equal(mock_request_count(f->mock, "insert") - before, 2);
    }
}

/* The old one does not know yet that it was voted out: who has the later election is believed. */
static void a_primary_of_the_past_is_not_believed(void **state)
{
    client_fixture_t *f = *state;

    open_set(f, NULL);
    mock_elect(f->mock, 1);
    assert_int_equal(run_op(f, INSERT), 0);
    assert_int_equal(member_of_last(f, "insert"), 1);
    mock_set_role(f->mock, 0, MOCK_PRIMARY);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run_op(f, INSERT), 0);
        assert_int_equal(member_of_last(f, "insert"), 1);
    }
}

/* An error of a state that the client knows to be over says nothing (SDAM: topologyVersion). */
static void an_error_of_the_past_changes_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    uint64_t start_ns;

    /* The interrupted insert's error has the version that all monitors know by then. */
    open_set(f, "retryWrites=false");
    mock_script(f->mock, "insert", &(mock_step_t){.hold = true});
    start_op(f, INSERT, &o);
    await_held(f, 1);
    assert_int_equal(mock_interrupt_held(f->mock, 0, 10107), 1);
    await_error(&o, MUV_ESERVER);
    start_ns = uv_hrtime();
    assert_int_equal(run_op(f, INSERT), 0);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, AT_ONCE_MS);
    outcome_clear(&o);
}

static bool pool_is_ready_again(void *data)
{
    const watch_t *watch = data;

    return watch->pool_ready == 2;
}

/* Its connection is of a generation that was cleared (SDAM: stale errors). */
static void an_error_of_a_stale_connection_changes_nothing(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;
    outcome_t o[2] = {{0}, {0}};

    init_watch(&watch);
    open_cluster_client_with(f, &(mock_cluster_opts_t){.members = 1}, "retryReads=false",
                             (muv_client_opts_t){.listener = &watch.listener});
    mock_script(f->mock, "find",
                &(mock_step_t){.json = "{\"ok\": 0, \"code\": 91}", .hold = true, .times = 2});
    start_find(f, &o[0], 0, NULL);
    start_find(f, &o[1], 1, NULL);
    await_held(f, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mock_release(f->mock, 1), 1);
        run_until_count(&f->loop, &f->failed, (unsigned)i + 1, WAIT_MS);
        warm_up(f);
        run_until_true(&f->loop, pool_is_ready_again, &watch, WAIT_MS);
    }
    assert_int_equal(watch.pool_cleared, 1);
    assert_int_equal(watch.server_unknown, 1);
    outcome_clear(&o[0]);
    outcome_clear(&o[1]);
}

/* --- Members -----------------------------------------------------------------------------------*/

static bool has_four_servers(void *data)
{
    return stats_of(data).servers == 4;
}

static bool has_three_servers(void *data)
{
    return stats_of(data).servers == 3;
}

static void members_that_come_and_go_are_known_at_once(void **state)
{
    client_fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    open_set(f, NULL);
    int joined = mock_join(f->mock, MOCK_SECONDARY);
    run_until_true(&f->loop, has_four_servers, f, WAIT_MS);
    mock_leave(f->mock, 1);
    run_until_true(&f->loop, has_three_servers, f, WAIT_MS);
    mock_elect(f->mock, joined);
    assert_int_equal(run_op(f, INSERT), 0);
    assert_int_equal(member_of_last(f, "insert"), joined);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, AT_ONCE_MS);
}

/* Where ten finds with this read preference go: the bits of the members. */
static unsigned members_read(client_fixture_t *f, const muv_read_preference_t *preference)
{
    unsigned members = 0;

    for (int i = 0; i < 10; i++) {
        outcome_t o = {0};
        start_find(f, &o, i, &(muv_find_one_opts_t){.read_preference = preference});
        await_success(&o);
        outcome_clear(&o);
        members |= 1u << member_of_last(f, "find");
    }
    return members;
}

static void tags_choose_the_member(void **state)
{
    client_fixture_t *f = *state;

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    mock_set_tags(f->mock, 1, "{\"dc\": \"ny\"}");
    mock_set_tags(f->mock, 2, "{\"dc\": \"sf\"}");
    open_client(f,
                "readPreference=secondary&readPreferenceTags=dc:none&readPreferenceTags=dc:sf"
                "&localThresholdMS=10000",
                NULL);
    connect_client(f);
    assert_int_equal(members_read(f, NULL), 1u << 2);
}

static void a_member_that_lags_is_passed_over(void **state)
{
    client_fixture_t *f = *state;

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    mock_set_lag(f->mock, 1, 200000);
    open_client(f, "readPreference=secondary&maxStalenessSeconds=90&localThresholdMS=10000", NULL);
    connect_client(f);
    run_until_true(&f->loop, all_wait, f, WAIT_MS);
    assert_int_equal(members_read(f, NULL), 1u << 2);
}

/* An arbiter has no data, and a hidden member is not for applications. */
static void arbiters_and_hidden_members_are_not_read(void **state)
{
    client_fixture_t *f = *state;

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 4});
    mock_set_role(f->mock, 1, MOCK_ARBITER);
    mock_set_role(f->mock, 2, MOCK_HIDDEN);
    open_client(f, "readPreference=secondary&localThresholdMS=10000", NULL);
    connect_client(f);
    assert_int_equal(members_read(f, NULL), 1u << 3);
}

/* --- Answers -----------------------------------------------------------------------------------*/

static void answers_in_the_wrong_order_reach_who_asked(void **state)
{
    enum { COUNT = 20 };
    client_fixture_t *f = *state;
    outcome_t o[COUNT] = {{0}};

    open_set(f, NULL);
    mock_script(f->mock, "find", &(mock_step_t){.hold = true, .times = COUNT});
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, NULL);
    }
    await_held(f, COUNT);
    assert_int_equal(mock_release_newest(f->mock, COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        assert_string_equal(o[i].text, text_of("{ \"_id\" : %d }", i));
        outcome_clear(&o[i]);
    }
}

/* Whoever waits for a change gets hellos without a pause and without end. */
static void flood(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    (void)reply;
    step->json = "{\"ok\": 1, \"isWritablePrimary\": true, \"helloOk\": true,"
                 " \"minWireVersion\": 0, \"maxWireVersion\": 21,"
                 " \"maxBsonObjectSize\": 16777216, \"maxMessageSizeBytes\": 48000000,"
                 " \"maxWriteBatchSize\": 100000, \"logicalSessionTimeoutMinutes\": 30,"
                 " \"topologyVersion\": {\"processId\": {\"$oid\": \"000000000000000000000001\"},"
                 " \"counter\": {\"$numberLong\": \"1\"}}}";
    step->endless = mock_request_has(request, "topologyVersion");
    *(unsigned *)data += step->endless;
}

static void a_flood_of_hellos_is_survived(void **state)
{
    client_fixture_t *f = *state;
    unsigned floods = 0;

    f->mock = mock_new(&f->loop);
    mock_on(f->mock, "hello", flood, &floods);
    open_client(f, NULL, NULL);
    connect_client(f);
    run_until_count(&f->loop, &floods, 1, WAIT_MS);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(run_op(f, retry_op("find_one")), 0);
    }
    assert_int_equal(floods, 1);
    close_client(f, MUV_CLOSE_DRAIN);
}

/* Nobody asked for more than one reply: the connection is closed and the command fails. */
static void more_replies_than_asked_for_break_the_connection(void **state)
{
    client_fixture_t *f = *state;

    open_set(f, "retryReads=false");
    mock_script(f->mock, "find", &(mock_step_t){.endless = true});
    assert_int_not_equal(run_op(f, retry_op("find_one")), 0);
    await_recovery(f);
}

/* --- Load --------------------------------------------------------------------------------------*/

enum { WORKERS = 10 };

typedef struct load {
    client_fixture_t *f;
    outcome_t workers[WORKERS];
    unsigned left;
    unsigned done;
    unsigned of_member[2];
} load_t;

static load_t load;

static void next_find(outcome_t *o)
{
    client_fixture_t *f = o->f;
    bool starting = f->starting;

    assert_int_equal(o->error.code, 0);
    load.done++;
    bson_free(o->text);
    if (load.left > 0) {
        load.left--;
        *o = (outcome_t){.then = next_find};
        start_find(f, o, (int64_t)load.left, NULL);
        f->starting = starting;
    } else {
        o->text = NULL;
    }
}

/* Ten loops of finds, `count` in all: how many the member 1 got, in percent. */
static unsigned share_of_second(client_fixture_t *f, unsigned count)
{
    unsigned of_second = 0;
    unsigned before = mock_request_count(f->mock, "find");

    load = (load_t){.f = f, .left = count - WORKERS};
    for (int i = 0; i < WORKERS; i++) {
        load.workers[i].then = next_find;
        start_find(f, &load.workers[i], i, NULL);
    }
    run_until_count(&f->loop, &load.done, count, WAIT_MS);
    for (unsigned i = 0; i < count; i++) {
        of_second += mock_request_of(f->mock, "find", (int)(before + i))->member == 1;
    }
    return of_second * 100 / count;
}

/* (Server selection: prose test of operationCount-based selection within the latency window.) */
static void a_slow_mongos_gets_less(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 2, .mongos = true},
                        "localThresholdMS=30000");
    mock_fail_point(f->mock, 1,
                    "{\"mode\": \"alwaysOn\", \"data\": {\"failCommands\": [\"find\"],"
                    " \"blockConnection\": true, \"blockTimeMS\": 100}}");
    assert_in_range(share_of_second(f, 200), 0, 24);
    mock_fail_points_off(f->mock);
    assert_in_range(share_of_second(f, 1000), 40, 60);
}

/* Many connections at once to a server that takes none of them: no pool is cleared (SDAM prose:
 * connection storm). */
static void refused_handshakes_clear_no_pool(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;
    static outcome_t o[100];

    init_watch(&watch);
    open_cluster_client_with(f, &(mock_cluster_opts_t){.members = 1}, NULL,
                             (muv_client_opts_t){.listener = &watch.listener});
    mock_set_welcome(f->mock, 0, MOCK_CLOSE);
    f->ended = 0;
    for (int i = 0; i < 100; i++) {
        o[i] = (outcome_t){0};
        start_find(f, &o[i], i, NULL);
    }
    run_until_count(&f->loop, &f->ended, 100, WAIT_MS);
    for (int i = 0; i < 100; i++) {
        CHECK_ERROR(&o[i].error, MUV_ENETWORK);
        assert_int_not_equal(o[i].error.labels & MUV_LABEL_SYSTEM_OVERLOADED, 0);
        outcome_clear(&o[i]);
    }
    assert_in_range(watch.check_out_failed, 1, UINT32_MAX);
    assert_int_equal(watch.pool_cleared, 0);
    mock_set_welcome(f->mock, 0, MOCK_KEEP);
    assert_int_equal(run_op(f, retry_op("find_one")), 0);
    close_client(f, MUV_CLOSE_DRAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_election_is_known_at_once),
        TEST(writes_wait_for_the_election),
        TEST(a_write_survives_every_way_of_stepping_down),
        TEST(a_primary_of_the_past_is_not_believed),
        TEST(an_error_of_the_past_changes_nothing),
        TEST(an_error_of_a_stale_connection_changes_nothing),
        TEST(members_that_come_and_go_are_known_at_once),
        TEST(tags_choose_the_member),
        TEST(a_member_that_lags_is_passed_over),
        TEST(arbiters_and_hidden_members_are_not_read),
        TEST(answers_in_the_wrong_order_reach_who_asked),
        TEST(a_flood_of_hellos_is_survived),
        TEST(more_replies_than_asked_for_break_the_connection),
        TEST(a_slow_mongos_gets_less),
        TEST(refused_handshakes_clear_no_pool),
    };

    return cmocka_run_group_tests_name("failover", tests, NULL, NULL);
}
