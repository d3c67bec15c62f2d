/* SPDX-License-Identifier: Apache-2.0 */
/* What the unified files of Server Discovery and Monitoring check, on the mock and on the real
 * server: which errors make a server unknown and clear its pool, how often, and what monitors do.
 * Files about authentication and logging are proved elsewhere. */
#include "integration/retry_fixture.h"

#include <string.h>

#define HELLO_FAILS "\"failCommands\": [\"hello\", \"isMaster\"], "
#define FIND_FAILS "\"failCommands\": [\"find\"], "
#define INSERT_FAILS "\"failCommands\": [\"insert\"], "

static watch_t watch;

/* --- Setting -----------------------------------------------------------------------------------*/

static int open_on_mock(void **state)
{
    int code = open_fixture_without_mock(state);

    if (code == 0) {
        client_fixture_t *f = *state;
        f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 1});
    }
    return code;
}

static int open_on_server(void **state)
{
    int code = open_fixture_without_mock(state);

    if (code == 0) {
        open_real_setup(*state);
    }
    return code;
}

static void begin_with(client_fixture_t *f, const char *options, muv_client_opts_t opts)
{
    init_watch(&watch);
    opts.listener = opts.listener != NULL ? opts.listener : &watch.listener;
    if (f->mock != NULL) {
        open_client(f, options, &opts);
        set_jitter(f, 0);
    } else {
        open_real_client(f, options, opts);
    }
}

/* A client whose events `watch` counts, on the mock or the server. */
static void begin(client_fixture_t *f, const char *options)
{
    begin_with(f, options, (muv_client_opts_t){.heartbeat_frequency_ms = 10000});
}

static bool pool_is_cleared(void *data)
{
    (void)data;
    return watch.pool_cleared > 0 && watch.server_unknown > 0;
}

static bool server_is_unknown(void *data)
{
    (void)data;
    return watch.server_unknown > 0;
}

static void check_counts(unsigned unknown, unsigned cleared)
{
    assert_int_equal(watch.server_unknown, unknown);
    assert_int_equal(watch.pool_cleared, cleared);
}

/* --- Establishment -----------------------------------------------------------------------------*/

/* The error says that the server is overloaded, and the pool stays as it is. */
static void connecting_fails(client_fixture_t *f, const char *options, const char *data)
{
    outcome_t o = {0};

    begin_with(f, options, (muv_client_opts_t){.heartbeat_frequency_ms = 1000000});
    connect_client(f);
    fail_commands(f, "\"alwaysOn\"", data);
    start_op(f, retry_op("insert_many"), &o);
    await(&o);
    assert_int_not_equal(o.error.code, 0);
    assert_int_not_equal(o.error.labels & MUV_LABEL_SYSTEM_OVERLOADED, 0);
    assert_int_not_equal(o.error.labels & MUV_LABEL_RETRYABLE, 0);
    assert_int_equal(watch.pool_cleared, 0);
    outcome_clear(&o);
}

/* (backpressure-network-error-fail-*) */
static void a_broken_handshake_clears_no_pool(void **state)
{
    connecting_fails(*state, "retryWrites=false&serverMonitoringMode=poll",
                     HELLO_FAILS "\"closeConnection\": true");
}

/* (backpressure-network-timeout-fail-*) */
static void a_slow_handshake_clears_no_pool(void **state)
{
    connecting_fails(*state,
                     "retryWrites=false&serverMonitoringMode=poll&connectTimeoutMS=250"
                     "&socketTimeoutMS=250",
                     HELLO_FAILS "\"blockConnection\": true, \"blockTimeMS\": 500");
}

static bool pool_failed_to_fill(void *data)
{
    (void)data;
    return watch.pool_ready == 1 && watch.pool_cleared == 1 && watch.server_unknown == 1;
}

/* (minPoolSize-error) On the mock alone: how many hellos come before is its business. */
static void a_pool_that_cannot_be_filled_is_cleared(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    fail_commands(f, "{\"skip\": 3}", HELLO_FAILS "\"errorCode\": 91");
    begin(f, "minPoolSize=10&serverMonitoringMode=poll&serverSelectionTimeoutMS=1000");
    connect_client(f);
    run_until_true(&f->loop, pool_failed_to_fill, NULL, WAIT_MS);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    outcome_clear(&o);
    fail_no_more(f);
    warm_up(f);
    assert_int_equal(watch.pool_ready, 2);
}

/* --- Operations --------------------------------------------------------------------------------*/

/* (cancel-server-check) */
static void one_network_error_is_one_change(void **state)
{
    client_fixture_t *f = *state;
    uint64_t start_ns;

    begin(f, "retryWrites=true&serverSelectionTimeoutMS=5000");
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    fail_commands(f, "{\"times\": 1}", INSERT_FAILS "\"closeConnection\": true");
    start_ns = uv_hrtime();
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, 4000);
    run_until_true(&f->loop, pool_is_cleared, NULL, WAIT_MS);
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    check_counts(1, 1);
}

/* (find-network-timeout-error) */
static void a_network_timeout_says_nothing_of_the_server(void **state)
{
    client_fixture_t *f = *state;

    fail_commands(f, "{\"times\": 1}",
                  FIND_FAILS "\"blockConnection\": true, \"blockTimeMS\": 500");
    begin(f, "retryWrites=false&retryReads=false&socketTimeoutMS=250");
    assert_int_equal(run_op(f, retry_op("find")), MUV_ENETTIMEOUT);
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    assert_int_equal(watch.commands, 2);
    check_counts(0, 0);
}

/* Two operations fail at once with the same error: it counts once. */
static void shuts_down_under(client_fixture_t *f, const char *name, const char *data)
{
    outcome_t o[2] = {{0}, {0}};

    begin_with(f, "retryWrites=false&retryReads=false",
               (muv_client_opts_t){.heartbeat_frequency_ms = 500});
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    fail_commands(f, "{\"times\": 2}", data);
    for (int i = 0; i < 2; i++) {
        start_op(f, retry_op(name), &o[i]);
    }
    for (int i = 0; i < 2; i++) {
        await(&o[i]);
        assert_int_not_equal(o[i].error.code, 0);
        outcome_clear(&o[i]);
    }
    run_until_true(&f->loop, pool_is_cleared, NULL, WAIT_MS);
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    check_counts(1, 1);
}

/* (find-shutdown-error) */
static void a_shutdown_during_finds_counts_once(void **state)
{
    shuts_down_under(*state, "find",
                     FIND_FAILS "\"errorCode\": 91, \"blockConnection\": true,"
                                " \"blockTimeMS\": 300");
}

/* (insert-shutdown-error) */
static void a_shutdown_during_inserts_counts_once(void **state)
{
    shuts_down_under(*state, "insert_one",
                     INSERT_FAILS "\"errorCode\": 91, \"blockConnection\": true,"
                                  " \"blockTimeMS\": 300");
}

/* (pool-cleared-error) Five wait for the connection that breaks. */
static void a_cleared_pool_makes_no_server_unknown(void **state)
{
    enum { COUNT = 6 };
    client_fixture_t *f = *state;
    outcome_t o[COUNT] = {{0}};

    begin(f, "maxPoolSize=1&retryWrites=true");
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"blockConnection\": true, \"blockTimeMS\": 100,"
                               " \"closeConnection\": true");
    for (int i = 0; i < COUNT; i++) {
        start_op(f, retry_op("insert_one"), &o[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    check_counts(1, 1);
}

/* --- Monitors ----------------------------------------------------------------------------------*/

/* The first hellos fail: unknown with an error, then found. */
static void the_monitor_begins_badly(client_fixture_t *f, const char *data)
{
    fail_commands(f, "{\"times\": 2}", data);
    begin_with(f, "retryWrites=false&connectTimeoutMS=250",
               (muv_client_opts_t){.heartbeat_frequency_ms = 500});
    start_connect(f, &(outcome_t){0}, 0);
    run_until_true(&f->loop, server_is_unknown, NULL, WAIT_MS);
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    assert_int_equal(watch.commands, 1);
}

/* A check fails: unknown, and the pool cleared. */
static void the_monitor_loses_the_server(client_fixture_t *f, const char *options, const char *data)
{
    begin_with(f, options, (muv_client_opts_t){.heartbeat_frequency_ms = 500});
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    fail_commands(f, "{\"times\": 4}", data);
    run_until_true(&f->loop, pool_is_cleared, NULL, WAIT_MS);
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    assert_int_equal(watch.commands, 2);
}

/* (hello-network-error) */
static void network_errors_of_the_first_hellos_are_survived(void **state)
{
    the_monitor_begins_badly(*state, HELLO_FAILS "\"closeConnection\": true");
}

static void network_errors_of_a_check_clear_the_pool(void **state)
{
    the_monitor_loses_the_server(*state, "retryWrites=false&connectTimeoutMS=250",
                                 HELLO_FAILS "\"closeConnection\": true");
}

/* (hello-timeout) */
static void timeouts_of_the_first_hellos_are_survived(void **state)
{
    the_monitor_begins_badly(*state,
                             HELLO_FAILS "\"blockConnection\": true, \"blockTimeMS\": 1000");
}

static void timeouts_of_a_check_clear_the_pool(void **state)
{
    the_monitor_loses_the_server(*state, "retryWrites=false&connectTimeoutMS=750",
                                 HELLO_FAILS "\"blockConnection\": true, \"blockTimeMS\": 1000");
}

/* The stream is silent for 500 ms each time, longer than connectTimeoutMS. */
static void a_stream_is_given_the_heartbeats_time_too(void **state)
{
    client_fixture_t *f = *state;

    begin_with(f, "retryWrites=false&connectTimeoutMS=250",
               (muv_client_opts_t){.heartbeat_frequency_ms = 500});
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    run_for(&f->loop, 2000);
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    check_counts(0, 0);
}

/* --- Orders of events --------------------------------------------------------------------------*/

static char story[1024];

static void tell(const char *text)
{
    (void)strncat(story, text, sizeof story - strlen(story) - 1);
    (void)strncat(story, "\n", sizeof story - strlen(story) - 1);
}

static void tell_pool(const muv_pool_event_t *event, void *data)
{
    (void)data;
    switch (event->head.type) {
    case MUV_EVENT_POOL_CLEARED:
        tell(event->interrupt_in_use == MUV_YES ? "cleared, interrupting" : "cleared");
        break;
    case MUV_EVENT_CHECKED_OUT: tell("checked out"); break;
    case MUV_EVENT_CHECKED_IN: tell("checked in"); break;
    case MUV_EVENT_CONNECTION_CLOSED: tell("closed"); break;
    default: break;
    }
}

static const muv_listener_t pool_teller = {.on_pool = tell_pool};

/* (pool-clear-application-error) */
static void the_pool_is_cleared_before_the_connection_is_back(void **state)
{
    client_fixture_t *f = *state;

    story[0] = '\0';
    fail_commands(f, "{\"times\": 1}", FIND_FAILS "\"closeConnection\": true");
    begin_with(f, "retryWrites=false&retryReads=false",
               (muv_client_opts_t){.listener = &pool_teller});
    assert_int_equal(run_op(f, retry_op("find")), MUV_ENETWORK);
    assert_string_equal(story, "checked out\ncleared\nchecked in\nclosed\n");
}

/* The operation is held by the server when the monitor's check times out. */
static void interrupted(client_fixture_t *f, const char *options, const char *name, int code)
{
    outcome_t o = {0};

    story[0] = '\0';
    begin_with(f, options,
               (muv_client_opts_t){.heartbeat_frequency_ms = 500, .listener = &pool_teller});
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    mock_script(f->mock, retry_op(name)->command, &(mock_step_t){.hold = true});
    start_op(f, retry_op(name), &o);
    await_held(f, 1);
    fail_commands(f, "{\"times\": 4}",
                  HELLO_FAILS "\"blockConnection\": true, \"blockTimeMS\": 1500");
    await(&o);
    CHECK_CODE(o.error.code, code);
    assert_string_equal(story, text_of("checked out\nchecked in\nchecked out\n"
                                       "cleared, interrupting\nchecked in\nclosed\n%s",
                                       code == 0 ? "checked out\nchecked in\n" : ""));
    outcome_clear(&o);
}

/* (interruptInUse-pool-clear) */
static void a_monitors_timeout_interrupts_what_is_in_use(void **state)
{
    interrupted(*state, "connectTimeoutMS=500&retryReads=false", "find", MUV_ENETWORK);
}

static void an_interrupted_read_is_repeated(void **state)
{
    interrupted(*state, "connectTimeoutMS=500", "find", 0);
}

static void an_interrupted_write_is_repeated(void **state)
{
    interrupted(*state, "connectTimeoutMS=500", "update_one", 0);
}

static void tell_topology(const muv_topology_event_t *event, void *data)
{
    (void)data;
    switch (event->head.type) {
    case MUV_EVENT_TOPOLOGY_OPENING: tell("opening"); break;
    case MUV_EVENT_TOPOLOGY_CLOSED: tell("closed"); break;
    default:
        tell(text_of("%s -> %s", muv_topology_type(event->previous),
                     muv_topology_type(event->current)));
        break;
    }
}

static const muv_listener_t topology_teller = {.on_topology = tell_topology};

static bool has_told_five(void *data)
{
    unsigned lines = 0;

    (void)data;
    for (const char *at = story; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    return lines >= 5;
}

/* (replicaset-emit-topology-changed-before-close) */
static void a_replica_set_is_closed_by_one_last_change(void **state)
{
    client_fixture_t *f = *state;

    story[0] = '\0';
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    begin_with(f, NULL, (muv_client_opts_t){.listener = &topology_teller});
    connect_client(f);
    run_until_true(&f->loop, has_told_five, NULL, WAIT_MS);
    close_client(f, MUV_CLOSE_DRAIN);
    CHECK_CONTAINS(story, "opening\nUnknown -> ReplicaSetNoPrimary\n");
    CHECK_CONTAINS(story, "ReplicaSetWithPrimary -> ReplicaSetWithPrimary\n"
                          "ReplicaSetWithPrimary -> Unknown\nclosed\n");
}

/* (sharded-emit-topology-changed-before-close) */
static void a_sharded_cluster_is_closed_by_one_last_change(void **state)
{
    client_fixture_t *f = *state;

    story[0] = '\0';
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 2, .mongos = true});
    begin_with(f, NULL, (muv_client_opts_t){.listener = &topology_teller});
    connect_client(f);
    run_for(&f->loop, 50);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_string_equal(story, "opening\nUnknown -> Unknown\nUnknown -> Sharded\n"
                               "Sharded -> Sharded\nSharded -> Unknown\nclosed\n");
}

/* (loadbalanced-emit-topology-changed-before-close) */
static void a_load_balancer_is_closed_by_one_last_change(void **state)
{
    client_fixture_t *f = *state;

    story[0] = '\0';
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 1, .services = 1});
    begin_with(f, NULL, (muv_client_opts_t){.listener = &topology_teller});
    connect_client(f);
    close_client(f, MUV_CLOSE_DRAIN);
    CHECK_CONTAINS(story, "opening\nUnknown -> LoadBalanced\n");
    CHECK_CONTAINS(story, "LoadBalanced -> Unknown\nclosed\n");
}

/* --- serverMonitoringMode ----------------------------------------------------------------------*/

static unsigned heartbeats;

static void tell_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    (void)data;
    heartbeats += event->head.type == MUV_EVENT_HEARTBEAT_STARTED;
    tell(text_of("%s%s", event->head.name + strlen("ServerHeartbeat"),
                 event->awaited == MUV_YES ? ", awaited" : ""));
}

static const muv_listener_t heartbeat_teller = {.on_heartbeat = tell_heartbeat};

/* The first three events. */
static void monitors(client_fixture_t *f, const char *mode, bool streams)
{
    story[0] = '\0';
    heartbeats = 0;
    begin_with(f, text_of("serverMonitoringMode=%s", mode),
               (muv_client_opts_t){.heartbeat_frequency_ms = 500, .listener = &heartbeat_teller});
    warm_up(f);
    run_until_count(&f->loop, &heartbeats, 2, WAIT_MS);
    CHECK_CONTAINS(story, streams ? "Started\nSucceeded\nStarted, awaited\n"
                                  : "Started\nSucceeded\nStarted\n");
}

static void auto_streams_where_it_can(void **state)
{
    monitors(*state, "auto", true);
}

static void stream_streams_where_it_can(void **state)
{
    monitors(*state, "stream", true);
}

static void poll_polls(void **state)
{
    monitors(*state, "poll", false);
}

static void old_servers_are_polled_in_every_mode(void **state)
{
    static const char *const modes[] = {"auto", "stream"};
    client_fixture_t *f = *state;

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 1, .polling = true});
    for (size_t i = 0; i < MUV__COUNT_OF(modes); i++) {
        monitors(f, modes[i], false);
        close_client(f, MUV_CLOSE_ABORT);
    }
}

static void polling_waits_for_the_interval(void **state)
{
    client_fixture_t *f = *state;

    heartbeats = 0;
    begin_with(
        f, "serverMonitoringMode=poll",
        (muv_client_opts_t){.heartbeat_frequency_ms = 1000000, .listener = &heartbeat_teller});
    connect_client(f);
    run_for(&f->loop, 700);
    assert_int_equal(heartbeats, 1);
}

/* (rediscover-quickly-after-step-down) */
static void a_step_down_is_rediscovered_quickly(void **state)
{
    client_fixture_t *f = *state;

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    begin_with(f, "w=majority&serverSelectionTimeoutMS=5000",
               (muv_client_opts_t){.heartbeat_frequency_ms = 60000});
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    mock_step_down(f->mock, 10107);
    mock_elect(f->mock, 1);
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    assert_int_equal(watch.pool_cleared, 0);
    assert_int_equal(mock_request_of(f->mock, "insert", -1)->member, 1);
}

/* --- Table -------------------------------------------------------------------------------------*/

#define MOCK(name) cmocka_unit_test_setup_teardown(name, open_on_mock, close_fixture)
#define OTHER(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)
#define BOTH(name)                                                                                 \
    MOCK(name),                                                                                    \
    {                                                                                              \
#name " (server)", name, open_on_server, close_real, NULL                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_broken_handshake_clears_no_pool),
        BOTH(a_slow_handshake_clears_no_pool),
        MOCK(a_pool_that_cannot_be_filled_is_cleared),
        BOTH(one_network_error_is_one_change),
        BOTH(a_network_timeout_says_nothing_of_the_server),
        BOTH(a_shutdown_during_finds_counts_once),
        BOTH(a_shutdown_during_inserts_counts_once),
        BOTH(a_cleared_pool_makes_no_server_unknown),
        BOTH(network_errors_of_the_first_hellos_are_survived),
        BOTH(network_errors_of_a_check_clear_the_pool),
        BOTH(timeouts_of_the_first_hellos_are_survived),
        BOTH(timeouts_of_a_check_clear_the_pool),
        BOTH(a_stream_is_given_the_heartbeats_time_too),
        BOTH(the_pool_is_cleared_before_the_connection_is_back),
        MOCK(a_monitors_timeout_interrupts_what_is_in_use),
        MOCK(an_interrupted_read_is_repeated),
        MOCK(an_interrupted_write_is_repeated),
        OTHER(a_replica_set_is_closed_by_one_last_change),
        OTHER(a_sharded_cluster_is_closed_by_one_last_change),
        OTHER(a_load_balancer_is_closed_by_one_last_change),
        BOTH(auto_streams_where_it_can),
        BOTH(stream_streams_where_it_can),
        BOTH(poll_polls),
        OTHER(old_servers_are_polled_in_every_mode),
        BOTH(polling_waits_for_the_interval),
        OTHER(a_step_down_is_rediscovered_quickly),
    };

    return cmocka_run_group_tests_name("sdam", tests, NULL, NULL);
}
