/* SPDX-License-Identifier: Apache-2.0 */
/* Monitoring of a real server, streamed and polled; prose tests of Server Discovery and Monitoring.
 * The fail point is the whole server's; every test takes it away again. */
#include "integration/client_fixture.h"

#include <stdio.h>
#include <string.h>

#include "client/client_inner.h"
#include "support/process.h"

#define APP_NAME "muvMonitor"
#define HELLOS "\"failCommands\": [\"hello\", \"isMaster\"], \"appName\": \"" APP_NAME "\""

/* What the client under test has said, one letter each: s, S, F heartbeats (started, succeeded,
 * failed; lower case a before it: awaited), r, c the pool (ready, cleared). */
typedef struct watch {
    client_fixture_t f; /* First: tests have it as their state. */
    client_fixture_t admin;
    muv_listener_t listener;
    char heard[4096];
    size_t length;
    unsigned succeeded; /* Heartbeats, ... */
    unsigned awaited;   /* ... and the streamed ones among them. */
    unsigned failed;
    unsigned ready;
    unsigned cleared;
} watch_t;

static watch_t watch;

static void hear(char letter)
{
    assert_true(watch.length + 1 < sizeof(watch.heard));
    watch.heard[watch.length++] = letter;
    watch.heard[watch.length] = '\0';
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    (void)data;
    if (event->awaited) {
        hear('a');
    }
    if (event->head.type == MUV_EVENT_HEARTBEAT_STARTED) {
        hear('s');
    } else if (event->head.type == MUV_EVENT_HEARTBEAT_SUCCEEDED) {
        hear('S');
        watch.succeeded++;
        watch.awaited += event->awaited != 0;
    } else {
        hear('F');
        watch.failed++;
    }
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    (void)data;
    if (event->head.type == MUV_EVENT_POOL_READY) {
        hear('r');
        watch.ready++;
    } else if (event->head.type == MUV_EVENT_POOL_CLEARED) {
        hear('c');
        watch.cleared++;
    }
}

/* --- the server, through a client of its own ---------------------------------------------------*/

static void fail_point(const char *mode, const char *data)
{
    run_admin(&watch.f, watch.admin.client,
              text_of("{\"configureFailPoint\": \"failCommand\", \"mode\": %s%s%s%s}", mode,
                      data[0] != '\0' ? ", \"data\": {" : "", data, data[0] != '\0' ? "}" : ""));
}

/* --- the scene ---------------------------------------------------------------------------------*/

static int open_watch(void **state)
{
    muv_error_t error;

    memset(&watch, 0, sizeof(watch));
    if (uv_loop_init(&watch.f.loop) != 0) {
        return -1;
    }
    watch.listener = (muv_listener_t){.on_heartbeat = on_heartbeat, .on_pool = on_pool};
    CHECK_CODE(muv_client_new(&watch.f.loop, test_uri(), NULL, &error, &watch.admin.client), 0);
    *state = &watch;
    return 0;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static int close_watch(void **state)
{
    bool closed = false;

    (void)state;
    if (watch.f.client != NULL) {
        close_client(&watch.f, MUV_CLOSE_ABORT);
    }
    fail_point("\"off\"", "");
    CHECK_CODE(muv_client_close(watch.admin.client, MUV_CLOSE_ABORT, on_closed, &closed), 0);
    run_until(&watch.f.loop, &closed, WAIT_MS);
    close_loop(&watch.f.loop);
    return 0;
}

static void open_watched(const char *options)
{
    const char *uri = with_options(test_uri(), "directConnection=true&appName=" APP_NAME);

    open_client_at(&watch.f, options == NULL ? uri : with_options(uri, options),
                   &(muv_client_opts_t){.listener = &watch.listener});
}

static int64_t round_trip_us(void)
{
    return watch.f.client->topology.snapshot->servers[0].rtt_us;
}

/* --- prose tests -------------------------------------------------------------------------------*/

/* (SDAM prose: streaming protocol: heartbeatFrequencyMS is really used.) */
static void a_short_interval_is_kept_by_a_stream(void **state)
{
    (void)state;
    open_watched("heartbeatFrequencyMS=500");
    warm_up(&watch.f);
    run_for(&watch.f.loop, 2600);
    assert_in_range(watch.succeeded, 4, 7);
    assert_int_equal(watch.awaited, watch.succeeded - 1);
    assert_int_equal(watch.failed, 0);
}

static void a_short_interval_is_kept_by_polling(void **state)
{
    (void)state;
    open_watched("heartbeatFrequencyMS=500&serverMonitoringMode=poll");
    warm_up(&watch.f);
    run_for(&watch.f.loop, 2600);
    assert_in_range(watch.succeeded, 4, 7);
    assert_int_equal(watch.awaited, 0);
    assert_int_equal(watch.failed, 0);
}

/* (SDAM prose: connection pool management.) */
static void the_pool_is_ready_only_behind_a_heartbeat(void **state)
{
    (void)state;
    open_watched("heartbeatFrequencyMS=500");
    warm_up(&watch.f);
    run_until_count(&watch.f.loop, &watch.ready, 1, WAIT_MS);
    assert_int_equal(strncmp(watch.heard, "sSr", 3), 0);
    watch.length = 0;
    watch.ready = 0;
    fail_point("{\"times\": 2}", HELLOS ", \"errorCode\": 1234");
    run_until_count(&watch.f.loop, &watch.cleared, 1, WAIT_MS);
    run_until_count(&watch.f.loop, &watch.ready, 1, WAIT_MS);
    assert_non_null(strstr(watch.heard, "Fc"));
    assert_non_null(strstr(strchr(watch.heard, 'c'), "Sr"));
    warm_up(&watch.f);
}

/* (SDAM prose: RTT.) */
static bool is_slow(void *data)
{
    (void)data;
    return round_trip_us() > 250000;
}

static void round_trips_are_measured_beside_a_stream(void **state)
{
    unsigned before;

    (void)state;
    open_watched("heartbeatFrequencyMS=500");
    warm_up(&watch.f);
    run_for(&watch.f.loop, 1200);
    assert_true(round_trip_us() > 0 && round_trip_us() < 250000);
    before = watch.awaited;
    fail_point("{\"times\": 1000}", HELLOS ", \"blockConnection\": true, \"blockTimeMS\": 500");
    run_until_true(&watch.f.loop, is_slow, NULL, WAIT_MS);
    assert_true(watch.awaited > before);
    assert_int_equal(watch.failed, 0);
    assert_int_equal(watch.cleared, 0);
}

/* (SDAM prose: minHeartbeatFrequencyMS.) Six checks with half a second between them. */
static void failing_checks_keep_the_minimum_gap(void **state)
{
    outcome_t o = {0};
    uint64_t began;
    uint64_t ms;

    (void)state;
    fail_point("{\"times\": 5}", HELLOS ", \"errorCode\": 1234");
    open_watched("serverSelectionTimeoutMS=5000");
    began = uv_hrtime();
    start_ping(&watch.f, &o, 0);
    await_success(&o);
    ms = (uv_hrtime() - began) / 1000000;
    assert_in_range(ms, 2000, 3500);
    assert_int_equal(strncmp(watch.heard, "sFsFsFsFsFsS", 12), 0);
    outcome_clear(&o);
}

/* --- streams of this server --------------------------------------------------------------------*/

/* The error of the server's own making cancels the check in progress, and the next one stands on a
 * new connection. */
static void a_lost_connection_begins_the_stream_anew(void **state)
{
    outcome_t o = {0};

    (void)state;
    open_watched("retryReads=false");
    warm_up(&watch.f);
    run_for(&watch.f.loop, 100);
    fail_point("{\"times\": 1}", "\"failCommands\": [\"ping\"], \"closeConnection\": true,"
                                 " \"appName\": \"" APP_NAME "\"");
    watch.length = 0;
    start_ping(&watch.f, &o, 0);
    await_error(&o, MUV_ENETWORK);
    outcome_clear(&o);
    warm_up(&watch.f);
    run_for(&watch.f.loop, 100);
    assert_string_equal(watch.heard, "caFsSras");
}

/* --- a server that hangs up --------------------------------------------------------------------*/

/* Its loop is that of the client, so that one line of letters shows the order: C a client has
 * connected, H its hello has come. */
typedef struct rude {
    uv_tcp_t listener;
    uv_tcp_t peer;
    char space[1024];
} rude_t;

static void give_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    rude_t *rude = handle->data;

    (void)suggested;
    *buf = uv_buf_init(rude->space, sizeof(rude->space));
}

static void hang_up(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    (void)buf;
    if (size > 0) {
        hear('H');
    }
    if (!uv_is_closing((uv_handle_t *)stream)) {
        uv_close((uv_handle_t *)stream, NULL);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    rude_t *rude = listener->data;

    assert_int_equal(status, 0);
    hear('C');
    assert_int_equal(uv_tcp_init(listener->loop, &rude->peer), 0);
    rude->peer.data = rude;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&rude->peer), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&rude->peer, give_space, hang_up), 0);
}

/* Returns its port. */
static unsigned listen_rudely(rude_t *rude)
{
    struct sockaddr_in address;
    int size = (int)sizeof(address);

    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_init(&watch.f.loop, &rude->listener), 0);
    rude->listener.data = rude;
    assert_int_equal(uv_tcp_bind(&rude->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&rude->listener, 1, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&rude->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* (SDAM prose: heartbeat started events come before the socket is made.) */
static void a_heartbeat_starts_before_its_connection(void **state)
{
    static rude_t rude; /* Its handles end behind the test. */
    outcome_t o = {0};

    (void)state;
    open_client_at(&watch.f,
                   text_of("mongodb://127.0.0.1:%u/?directConnection=true", listen_rudely(&rude)),
                   &(muv_client_opts_t){.listener = &watch.listener});
    start_ping(&watch.f, &o, 300);
    run_until_count(&watch.f.loop, &watch.failed, 1, WAIT_MS);
    assert_string_equal(watch.heard, "sCHF");
    await(&o);
    outcome_clear(&o);
    uv_close((uv_handle_t *)&rude.listener, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_watch, close_watch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_short_interval_is_kept_by_a_stream),
        TEST(a_short_interval_is_kept_by_polling),
        TEST(the_pool_is_ready_only_behind_a_heartbeat),
        TEST(round_trips_are_measured_beside_a_stream),
        TEST(failing_checks_keep_the_minimum_gap),
        TEST(a_lost_connection_begins_the_stream_anew),
        TEST(a_heartbeat_starts_before_its_connection),
    };

    return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
