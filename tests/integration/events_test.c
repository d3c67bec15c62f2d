/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener hears of a client that talks to the mock, in which order; and what the mock sees
 * of the client's metadata. */
#include "muv.h"

#include "support/check.h"
#include "support/mock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000

typedef struct scene {
    uv_loop_t loop;
    muv_mock_t *mock;
    muv_client_t *client;
    muv_listener_t listener;
    muv_client_opts_t opts;
    char log[16384];
    size_t length;
    uint64_t numbers; /* Of the last event. */
    bool in_call;     /* A public function is running: nothing may be heard. */
    bool done;        /* The operation has called back, ... */
    int code;         /* ... with this. */
    bool closing;
    bool closed;
    void (*on_each)(struct scene *scene, int type); /* Called behind each line, or NULL. */
} scene_t;

/* --- the listener ------------------------------------------------------------------------------*/

MUV__PRINTF(3, 4)
static void note(scene_t *scene, const muv_event_head_t *head, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof(scene->log) - scene->length;
    int length;

    assert_false(scene->in_call);
    assert_ptr_equal(head->client, scene->client);
    assert_int_equal(head->number, scene->numbers + 1);
    assert_string_equal(head->name, muv_event_name(head->type));
    scene->numbers = head->number;
    length = snprintf(scene->log + scene->length, room, "%s", head->name);
    scene->length += (size_t)length;
    va_start(arguments, format);
    length = vsnprintf(scene->log + scene->length, room - (size_t)length, format, arguments);
    va_end(arguments);
    scene->length += (size_t)length;
    assert_true(scene->length + 1 < sizeof(scene->log));
    scene->log[scene->length++] = '\n';
    scene->log[scene->length] = '\0';
    if (scene->on_each != NULL) {
        scene->on_each(scene, head->type);
    }
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    scene_t *scene = data;
    char id[24] = "";

    assert_string_equal(event->address, mock_address(scene->mock, 0));
    assert_true(event->duration_us >= 0);
    if (event->connection_id != 0) {
        (void)snprintf(id, sizeof(id), " %u", (unsigned)event->connection_id);
    }
    note(scene, &event->head, "%s%s%s%s%s%s", id, event->reason[0] != '\0' ? " " : "",
         event->reason, event->error != NULL ? " " : "",
         event->error != NULL ? muv_error_name(event->error->code) : "",
         event->interrupt_in_use ? " interrupt" : "");
}

static void on_server(const muv_server_event_t *event, void *data)
{
    scene_t *scene = data;

    assert_string_equal(event->address, mock_address(scene->mock, 0));
    if (event->head.type == MUV_EVENT_SERVER_CHANGED) {
        note(scene, &event->head, " %s -> %s", event->previous->type, event->current->type);
    } else {
        assert_null(event->previous);
        assert_null(event->current);
        note(scene, &event->head, "%s", "");
    }
}

static void on_topology(const muv_topology_event_t *event, void *data)
{
    scene_t *scene = data;

    if (event->head.type == MUV_EVENT_TOPOLOGY_CHANGED) {
        note(scene, &event->head, " %s %u -> %s %u", muv_topology_type(event->previous),
             (unsigned)muv_topology_server_count(event->previous),
             muv_topology_type(event->current),
             (unsigned)muv_topology_server_count(event->current));
    } else {
        assert_null(event->current);
        note(scene, &event->head, "%s", "");
    }
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    scene_t *scene = data;

    assert_string_equal(event->address, mock_address(scene->mock, 0));
    assert_int_equal(event->awaited, 0);
    assert_int_equal(event->reply != NULL, event->head.type == MUV_EVENT_HEARTBEAT_SUCCEEDED);
    assert_int_equal(event->error != NULL, event->head.type == MUV_EVENT_HEARTBEAT_FAILED);
    note(scene, &event->head, "%s%s", event->error != NULL ? " " : "",
         event->error != NULL ? muv_error_name(event->error->code) : "");
}

/* --- the scene ---------------------------------------------------------------------------------*/

static int open_scene(void **state)
{
    scene_t *scene = calloc(1, sizeof(*scene));

    if (scene == NULL || uv_loop_init(&scene->loop) != 0) {
        return -1;
    }
    scene->mock = mock_new(&scene->loop);
    scene->listener = (muv_listener_t){.on_pool = on_pool,
                                       .on_server = on_server,
                                       .on_topology = on_topology,
                                       .on_heartbeat = on_heartbeat,
                                       .data = scene};
    scene->opts.listener = &scene->listener;
    *state = scene;
    return 0;
}

static void make_client(scene_t *scene, const char *options)
{
    muv_error_t error;

    CHECK_CODE(muv_client_new(&scene->loop, mock_uri(scene->mock, options), &scene->opts, &error,
                              &scene->client),
               0);
    /* The listener's struct was copied. */
    memset(&scene->listener, 0, sizeof(scene->listener));
}

static void on_closed(void *data)
{
    ((scene_t *)data)->closed = true;
}

static void close_client(scene_t *scene)
{
    scene->in_call = true;
    CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_DRAIN, on_closed, scene), 0);
    scene->in_call = false;
    run_until(&scene->loop, &scene->closed, WAIT_MS);
}

static int close_scene(void **state)
{
    scene_t *scene = *state;

    if (!scene->closed) {
        close_client(scene);
    }
    mock_close(scene->mock);
    close_loop(&scene->loop);
    free(scene);
    return 0;
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    scene_t *scene = data;

    (void)op;
    (void)reply;
    scene->length += (size_t)snprintf(scene->log + scene->length,
                                      sizeof(scene->log) - scene->length, "called back\n");
    scene->done = true;
    scene->code = error == NULL ? 0 : error->code;
}

static void start_ping(scene_t *scene)
{
    bson_t *ping = bson_from("{\"ping\": 1}");

    scene->done = false;
    scene->in_call = true;
    CHECK_CODE(muv_run_command(scene->client, "admin", ping, NULL, on_reply, scene, NULL), 0);
    scene->in_call = false;
    bson_destroy(ping);
}

static void ping(scene_t *scene)
{
    start_ping(scene);
    run_until(&scene->loop, &scene->done, WAIT_MS);
}

static void forget(scene_t *scene)
{
    scene->length = 0;
    scene->log[0] = '\0';
}

static bool has_readied_twice(void *data)
{
    const char *first = strstr(((scene_t *)data)->log, "ConnectionPoolReady");

    return first != NULL && strstr(first + 1, "ConnectionPoolReady") != NULL;
}

static bool has_failed_heartbeat(void *data)
{
    return strstr(((scene_t *)data)->log, "HeartbeatFailed") != NULL;
}

static bool has_two_heartbeats(void *data)
{
    return mock_request_count(((scene_t *)data)->mock, "hello") >= 3;
}

/* --- order -------------------------------------------------------------------------------------*/

static const char opened[] = "TopologyOpening\n"
                             "TopologyDescriptionChanged Unknown 0 -> Single 1\n"
                             "ServerOpening\n"
                             "ConnectionPoolCreated\n"
                             "ServerHeartbeatStarted\n"
                             "ServerHeartbeatSucceeded\n"
                             "ServerDescriptionChanged Unknown -> Standalone\n"
                             "TopologyDescriptionChanged Single 1 -> Single 1\n"
                             "ConnectionPoolReady\n";

static void one_command_from_opening_to_close(void **state)
{
    scene_t *scene = *state;

    make_client(scene, "directConnection=true");
    run_for(&scene->loop, 20);
    assert_string_equal(scene->log, "");
    ping(scene);
    assert_int_equal(scene->code, 0);
    close_client(scene);
    assert_string_equal(scene->log, text_of("%s"
                                            "ConnectionCheckOutStarted\n"
                                            "ConnectionCreated 1\n"
                                            "ConnectionReady 1\n"
                                            "ConnectionCheckedOut 1\n"
                                            "ConnectionCheckedIn 1\n"
                                            "called back\n"
                                            "ConnectionCheckOutStarted\n" /* endSessions */
                                            "ConnectionCheckedOut 1\n"
                                            "ConnectionCheckedIn 1\n"
                                            "ServerClosed\n"
                                            "TopologyDescriptionChanged Single 1 -> Unknown 0\n"
                                            "TopologyClosed\n"
                                            "ConnectionClosed 1 poolClosed\n"
                                            "ConnectionPoolClosed\n",
                                            opened));
}

static void a_second_command_takes_the_idle_connection(void **state)
{
    scene_t *scene = *state;

    make_client(scene, "directConnection=true");
    ping(scene);
    forget(scene);
    ping(scene);
    assert_string_equal(scene->log, "ConnectionCheckOutStarted\n"
                                    "ConnectionCheckedOut 1\n"
                                    "ConnectionCheckedIn 1\n"
                                    "called back\n");
}

static void a_failed_handshake_fails_the_check_out(void **state)
{
    scene_t *scene = *state;

    mock_script(scene->mock, "hello", &(mock_step_t){.times = 1});
    mock_script(scene->mock, "hello",
                &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE, .times = MOCK_FOREVER});
    make_client(scene, "directConnection=true&maxAdaptiveRetries=0");
    ping(scene);
    assert_int_equal(scene->code, MUV_ENETWORK);
    assert_string_equal(scene->log,
                        text_of("%s"
                                "ConnectionCheckOutStarted\n"
                                "ConnectionCreated 1\n"
                                "ConnectionClosed 1 error MUV_ENETWORK\n"
                                "ConnectionCheckOutFailed connectionError MUV_ENETWORK\n"
                                "called back\n",
                                opened));
}

static void a_broken_connection_clears_the_pool(void **state)
{
    scene_t *scene = *state;

    mock_script(scene->mock, "ping", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_RESET});
    make_client(scene, "directConnection=true");
    ping(scene);
    assert_int_equal(scene->code, MUV_ENETWORK);
    CHECK_CONTAINS(scene->log, "ConnectionCheckedOut 1\n"
                               "ServerDescriptionChanged Standalone -> Unknown\n"
                               "TopologyDescriptionChanged Single 1 -> Single 1\n"
                               "ConnectionPoolCleared\n"
                               "ConnectionCheckedIn 1\n"
                               "ConnectionClosed 1 error MUV_ENETWORK\n");
    start_ping(scene);
    run_until_true(&scene->loop, has_readied_twice, scene, WAIT_MS);
    run_until(&scene->loop, &scene->done, WAIT_MS);
    assert_int_equal(scene->code, 0);
    CHECK_CONTAINS(scene->log, "ServerHeartbeatSucceeded\n"
                               "ServerDescriptionChanged Unknown -> Standalone\n"
                               "TopologyDescriptionChanged Single 1 -> Single 1\n"
                               "ConnectionPoolReady\n"
                               "ConnectionCheckOutStarted\n"
                               "ConnectionCreated 2\n");
}

static void a_server_that_is_down_fails_its_heartbeat(void **state)
{
    scene_t *scene = *state;

    mock_member_down(scene->mock, 0);
    make_client(scene, "directConnection=true");
    start_ping(scene);
    run_until_true(&scene->loop, has_failed_heartbeat, scene, WAIT_MS);
    CHECK_CONTAINS(scene->log, "ConnectionPoolCreated\n"
                               "ServerHeartbeatStarted\n"
                               "ServerHeartbeatFailed MUV_ENETWORK\n");
    CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_ABORT, on_closed, scene), 0);
    run_until(&scene->loop, &scene->closed, WAIT_MS);
    assert_int_equal(scene->code, MUV_ECLOSED);
    CHECK_CONTAINS(scene->log, "TopologyClosed\nConnectionPoolClosed\n");
}

static void a_running_heartbeat_ends_before_the_topology(void **state)
{
    scene_t *scene = *state;

    mock_script(scene->mock, "hello", &(mock_step_t){.hold = true});
    make_client(scene, "directConnection=true");
    start_ping(scene);
    run_for(&scene->loop, 50);
    CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_ABORT, on_closed, scene), 0);
    run_until(&scene->loop, &scene->closed, WAIT_MS);
    CHECK_CONTAINS(scene->log, "ServerHeartbeatStarted\n"
                               "called back\n"
                               "ServerHeartbeatFailed MUV_ECANCELED\n"
                               "ServerClosed\n"
                               "TopologyDescriptionChanged Single 1 -> Unknown 0\n"
                               "TopologyClosed\n"
                               "ConnectionPoolClosed\n");
}

static void note_before_the_socket(const muv_heartbeat_event_t *event, void *data)
{
    scene_t *scene = data;

    note(scene, &event->head, " accepted=%u hellos=%u", mock_accepted(scene->mock),
         mock_request_count(scene->mock, "hello"));
    scene->done = event->head.type == MUV_EVENT_HEARTBEAT_FAILED;
}

/* (SDAM monitoring prose: heartbeat started, connected, hello received, heartbeat failed.) */
static void a_heartbeat_is_told_before_its_socket_opens(void **state)
{
    scene_t *scene = *state;

    mock_script(scene->mock, "hello",
                &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE, .times = MOCK_FOREVER});
    scene->listener = (muv_listener_t){.on_heartbeat = note_before_the_socket, .data = scene};
    make_client(scene, "directConnection=true");
    CHECK_CODE(muv_client_connect(scene->client, NULL, NULL, NULL, NULL), 0);
    run_until(&scene->loop, &scene->done, WAIT_MS);
    CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_ABORT, on_closed, scene), 0);
    run_until(&scene->loop, &scene->closed, WAIT_MS);
    assert_string_equal(scene->log, "ServerHeartbeatStarted accepted=0 hellos=0\n"
                                    "ServerHeartbeatFailed accepted=1 hellos=1\n");
}

static void a_silent_server_interrupts_what_is_in_use(void **state)
{
    scene_t *scene = *state;

    mock_script(scene->mock, "hello", &(mock_step_t){.times = 2});
    mock_script(scene->mock, "hello", &(mock_step_t){.hold = true});
    mock_script(scene->mock, "ping", &(mock_step_t){.hold = true});
    make_client(scene, "directConnection=true&heartbeatFrequencyMS=500&connectTimeoutMS=100");
    ping(scene);
    assert_int_equal(scene->code, MUV_ENETWORK);
    CHECK_CONTAINS(scene->log, "ServerHeartbeatFailed MUV_ENETTIMEOUT\n"
                               "ServerDescriptionChanged Standalone -> Unknown\n"
                               "TopologyDescriptionChanged Single 1 -> Single 1\n"
                               "ConnectionPoolCleared interrupt\n"
                               "ConnectionCheckedIn 1\n"
                               "ConnectionClosed 1 stale\n");
}

/* --- listeners ---------------------------------------------------------------------------------*/

static void ping_when_ready_and_close_when_done(scene_t *scene, int type)
{
    if (type == MUV_EVENT_POOL_READY) {
        start_ping(scene);
    } else if (type == MUV_EVENT_CHECKED_IN && !scene->closing) {
        scene->closing = true;
        scene->in_call = true;
        CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_DRAIN, on_closed, scene), 0);
        scene->in_call = false;
    }
}

static void a_listener_may_start_and_close(void **state)
{
    scene_t *scene = *state;

    scene->on_each = ping_when_ready_and_close_when_done;
    make_client(scene, "directConnection=true");
    CHECK_CODE(muv_client_connect(scene->client, NULL, NULL, NULL, NULL), 0);
    run_until(&scene->loop, &scene->closed, WAIT_MS);
    assert_true(scene->done);
    assert_int_equal(scene->code, 0);
}

static void only_what_is_listened_to_is_counted(void **state)
{
    scene_t *scene = *state;
    muv_client_stats_t stats;

    scene->listener.on_pool = NULL;
    scene->listener.on_server = NULL;
    scene->listener.on_topology = NULL;
    make_client(scene, "directConnection=true");
    ping(scene);
    assert_string_equal(scene->log,
                        "ServerHeartbeatStarted\nServerHeartbeatSucceeded\ncalled back\n");
    muv_client_get_stats(scene->client, &stats);
    assert_int_equal(stats.events_dropped, 0);
}

static void a_listener_without_functions_is_none(void **state)
{
    scene_t *scene = *state;

    memset(&scene->listener, 0, sizeof(scene->listener));
    make_client(scene, "directConnection=true");
    ping(scene);
    close_client(scene);
    assert_string_equal(scene->log, "called back\n");
}

/* --- what they carry ---------------------------------------------------------------------------*/

static void check_contents(const muv_heartbeat_event_t *event, void *data)
{
    scene_t *scene = data;
    bson_iter_t iter;
    bson_t reply;

    if (event->head.type == MUV_EVENT_HEARTBEAT_SUCCEEDED) {
        assert_true(bson_init_static(&reply, event->reply, event->reply_size));
        assert_true(bson_iter_init_find(&iter, &reply, "maxWireVersion"));
        assert_int_equal(event->server_connection_id, 1);
        assert_true(event->duration_us > 0);
        scene->done = true;
    }
}

static void check_views(const muv_topology_event_t *event, void *data)
{
    scene_t *scene = data;
    muv_server_view_t view;

    if (event->head.type != MUV_EVENT_TOPOLOGY_CHANGED ||
        strcmp(muv_topology_type(event->current), "ReplicaSetWithPrimary") != 0) {
        return;
    }
    assert_string_equal(muv_topology_type(event->previous), "ReplicaSetNoPrimary");
    assert_string_equal(muv_topology_set_name(event->current), "rs");
    assert_int_equal(muv_topology_server_count(event->current), 1);
    assert_int_equal(muv_topology_server(event->current, 0, &view), 0);
    assert_int_equal(muv_topology_server(event->current, 1, &view), MUV_EINVAL);
    assert_string_equal(view.type, "RSPrimary");
    assert_string_equal(view.set_name, "rs");
    assert_string_equal(view.address, mock_address(scene->mock, 0));
    assert_string_equal(view.me, view.address);
    assert_int_equal(view.host_count, 1);
    assert_string_equal(view.hosts[0], view.address);
    assert_int_equal(view.max_wire_version, 21);
    assert_true(view.round_trip_us > 0);
    assert_null(view.error);
    scene->code = 1;
}

static void events_carry_reply_and_descriptions(void **state)
{
    scene_t *scene = *state;

    mock_close(scene->mock);
    scene->mock = mock_new_replica_set(&scene->loop, "rs", 1);
    scene->listener =
        (muv_listener_t){.on_heartbeat = check_contents, .on_topology = check_views, .data = scene};
    make_client(scene, NULL);
    CHECK_CODE(muv_client_connect(scene->client, NULL, NULL, NULL, NULL), 0);
    run_until(&scene->loop, &scene->done, WAIT_MS);
    close_client(scene);
    assert_int_equal(scene->code, 1);
}

static void check_settings(const muv_pool_event_t *event, void *data)
{
    scene_t *scene = data;

    if (event->head.type == MUV_EVENT_POOL_CREATED) {
        assert_int_equal(event->settings->max_size, 7);
        assert_int_equal(event->settings->min_size, 2);
        assert_int_equal(event->settings->max_connecting, 3);
        assert_int_equal(event->settings->max_idle_ms, 5000);
        scene->code = 1;
    } else {
        assert_null(event->settings);
    }
    if (event->head.type == MUV_EVENT_CONNECTION_CLOSED) {
        assert_string_equal(event->reason_text, "Connection pool was closed");
    }
}

static void a_pool_tells_its_options(void **state)
{
    scene_t *scene = *state;

    scene->listener = (muv_listener_t){.on_pool = check_settings, .data = scene};
    make_client(scene, "maxPoolSize=7&minPoolSize=2&maxConnecting=3&maxIdleTimeMS=5000");
    ping(scene);
    close_client(scene);
}

/* --- metadata ----------------------------------------------------------------------------------*/

static const char *text_at(const bson_t *document, const char *path)
{
    bson_iter_t outer;
    bson_iter_t iter;

    assert_true(bson_iter_init(&outer, document));
    assert_true(bson_iter_find_descendant(&outer, path, &iter));
    assert_true(BSON_ITER_HOLDS_UTF8(&iter));
    return bson_iter_utf8(&iter, NULL);
}

static void every_connection_introduces_itself_once(void **state)
{
    scene_t *scene = *state;
    uv_utsname_t name;

    assert_int_equal(uv_os_uname(&name), 0);
    make_client(scene, "directConnection=true&appName=board&heartbeatFrequencyMS=500");
    ping(scene);
    run_until_true(&scene->loop, has_two_heartbeats, scene, WAIT_MS);
    for (int i = 0; i < 2; i++) {
        const mock_request_t *hello = mock_request_of(scene->mock, "hello", i);

        assert_int_equal(hello->connection, i + 1);
        assert_string_equal(text_at(hello->body, "backpressure"), "2");
        assert_string_equal(text_at(hello->body, "client.application.name"), "board");
        assert_string_equal(text_at(hello->body, "client.driver.name"), "libmuv");
        assert_string_equal(text_at(hello->body, "client.driver.version"), muv_version());
        assert_string_equal(text_at(hello->body, "client.os.type"), name.sysname);
        assert_string_equal(text_at(hello->body, "client.os.architecture"), name.machine);
        CHECK_CONTAINS(text_at(hello->body, "client.platform"), "/ libbson ");
        CHECK_CONTAINS(text_at(hello->body, "client.platform"), uv_version_string());
        assert_true(bson_has_field(hello->body, "isMaster"));
        assert_true(bson_has_field(hello->body, "helloOk"));
    }
    CHECK_BSON_IDENTICAL(mock_request_of(scene->mock, "hello", 2)->body,
                         "{\"hello\": 1, \"$db\": \"admin\"}");
}

static void the_environment_is_told(void **state)
{
    scene_t *scene = *state;
    const mock_request_t *hello;

    assert_int_equal(setenv("VERCEL", "1", 1), 0);
    assert_int_equal(setenv("VERCEL_REGION", "cdg1", 1), 0);
    make_client(scene, "directConnection=true");
    assert_int_equal(unsetenv("VERCEL"), 0);
    assert_int_equal(unsetenv("VERCEL_REGION"), 0);
    ping(scene);
    hello = mock_request_of(scene->mock, "hello", 0);
    assert_string_equal(text_at(hello->body, "client.env.name"), "vercel");
    assert_string_equal(text_at(hello->body, "client.env.region"), "cdg1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_command_from_opening_to_close),
        CASE(a_second_command_takes_the_idle_connection),
        CASE(a_failed_handshake_fails_the_check_out),
        CASE(a_broken_connection_clears_the_pool),
        CASE(a_server_that_is_down_fails_its_heartbeat),
        CASE(a_running_heartbeat_ends_before_the_topology),
        CASE(a_heartbeat_is_told_before_its_socket_opens),
        CASE(a_silent_server_interrupts_what_is_in_use),
        CASE(a_listener_may_start_and_close),
        CASE(only_what_is_listened_to_is_counted),
        CASE(a_listener_without_functions_is_none),
        CASE(events_carry_reply_and_descriptions),
        CASE(a_pool_tells_its_options),
        CASE(every_connection_introduces_itself_once),
        CASE(the_environment_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
