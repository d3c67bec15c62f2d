/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of events by itself: its order, its limit, and what happens when memory is short. What
 * a listener hears of a real client is in tests/integration/events_test.c. */
#include "client/events.h"

#include <string.h>

#include "base/host.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/log.h"
#include "support/alloc.h"
#include "support/check.h"

/* A client and a server of which only what the queue looks at is there. */
typedef struct scene {
    muv_client_t client;
    muv__server_t server;
    muv__pool_config_t pool;
    uint64_t heard;
    uint64_t last_number;
    uint64_t last_connection_id;
    int last_error;
    bool with_message;
    unsigned emit_on_each; /* The listener causes so many further events at each event. */
} scene_t;

static void emit(scene_t *scene, uint64_t connection_id)
{
    muv__pool_event_t event = {.type = MUV__POOL_CHECKED_OUT, .connection_id = connection_id};

    scene->pool.emit(&event, scene->pool.emit_data);
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    scene_t *scene = data;

    scene->heard++;
    assert_true(event->head.number > scene->last_number);
    scene->last_number = event->head.number;
    scene->last_connection_id = event->connection_id;
    scene->last_error = event->error == NULL ? 0 : event->error->code;
    scene->with_message = event->error != NULL && strcmp(event->error->message, "why") == 0;
    assert_string_equal(event->address, "a:27017");
    for (; scene->emit_on_each != 0; scene->emit_on_each--) {
        emit(scene, event->connection_id + 1);
    }
}

static int open_scene(void **state)
{
    static scene_t scene;
    const muv_listener_t listener = {.on_pool = on_pool, .data = &scene};
    muv__host_t host;

    memset(&scene, 0, sizeof(scene));
    scene.client.event_depth = 1; /* So that nothing is posted to the net that is not there. */
    scene.server.client = &scene.client;
    assert_int_equal(muv__host_parse("a", 1, &host), 0);
    assert_int_equal(muv__topology_server_new(&host, &scene.server.record), 0);
    assert_int_equal(muv__events_new(&listener, NULL, &scene.client.events), 0);
    muv__events_watch_pool(&scene.server, &scene.pool);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    scene_t *scene = *state;

    muv__events_free(scene->client.events);
    assert_int_equal(scene->server.record->references, 1);
    muv__topology_server_release(scene->server.record);
    return alloc_teardown(state);
}

static void deliver_all(scene_t *scene)
{
    while (muv__events_waiting(scene->client.events)) {
        muv__events_deliver_one(&scene->client);
    }
}

static void events_keep_their_order_while_the_queue_turns_and_grows(void **state)
{
    scene_t *scene = *state;
    uint64_t emitted = 0;

    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 7; i++) {
            emit(scene, ++emitted);
        }
        for (unsigned i = 0; i < 5; i++) {
            muv__events_deliver_one(&scene->client);
            assert_int_equal(scene->last_connection_id, scene->heard);
        }
    }
    deliver_all(scene);
    assert_int_equal(scene->heard, emitted);
    assert_int_equal(scene->last_connection_id, emitted);
    assert_int_equal(scene->client.stats.events_dropped, 0);
}

static void beyond_the_limit_events_are_left_out_and_counted(void **state)
{
    scene_t *scene = *state;

    for (unsigned i = 0; i < MUV__EVENTS_MAX + 3; i++) {
        emit(scene, 1);
    }
    assert_int_equal(scene->client.stats.events_dropped, 3);
    deliver_all(scene);
    assert_int_equal(scene->heard, MUV__EVENTS_MAX);
    emit(scene, 1);
    deliver_all(scene);
    /* The numbers show the gap. */
    assert_int_equal(scene->last_number, MUV__EVENTS_MAX + 4);
}

static void a_burst_does_not_keep_its_memory(void **state)
{
    scene_t *scene = *state;
    size_t before_bytes = alloc_live_bytes();

    for (unsigned i = 0; i < 5000; i++) {
        emit(scene, 1);
    }
    assert_true(alloc_live_bytes() > before_bytes);
    deliver_all(scene);
    assert_int_equal(alloc_live_bytes(), before_bytes);
    emit(scene, 2);
    deliver_all(scene);
    assert_int_equal(scene->last_connection_id, 2);
}

static void without_memory_an_event_is_left_out(void **state)
{
    scene_t *scene = *state;

    alloc_fail_at(1, false);
    emit(scene, 1);
    emit(scene, 2);
    deliver_all(scene);
    assert_int_equal(scene->client.stats.events_dropped, 1);
    assert_int_equal(scene->heard, 1);
    assert_int_equal(scene->last_number, 2);
}

static void a_listener_that_causes_events_hears_them_later(void **state)
{
    scene_t *scene = *state;

    scene->emit_on_each = 100; /* More than the queue holds: it moves meanwhile. */
    emit(scene, 1);
    muv__events_deliver_one(&scene->client);
    assert_int_equal(scene->heard, 1);
    deliver_all(scene);
    assert_int_equal(scene->heard, 101);
}

static void emit_failure(scene_t *scene, const muv_error_t *error)
{
    muv__pool_event_t event = {.type = MUV__POOL_CONNECTION_CLOSED,
                               .reason = MUV__POOL_REASON_ERROR,
                               .connection_id = 1,
                               .error = MUV_ENETWORK};

    scene->server.last_error = error;
    scene->pool.emit(&event, scene->pool.emit_data);
    scene->server.last_error = NULL;
}

static void an_error_is_kept_or_made_from_its_code(void **state)
{
    scene_t *scene = *state;
    muv_error_t error = {0};

    (void)muv__error_set(&error, MUV_ENETWORK, "why");
    emit_failure(scene, &error);
    muv__events_deliver_one(&scene->client);
    assert_int_equal(scene->last_error, MUV_ENETWORK);
    assert_true(scene->with_message);

    alloc_fail_at(1, false);
    emit_failure(scene, &error);
    muv__events_deliver_one(&scene->client);
    assert_true(alloc_has_failed());
    assert_int_equal(scene->last_error, MUV_ENETWORK);
    assert_false(scene->with_message);
}

static void what_waits_is_dropped_with_the_client(void **state)
{
    scene_t *scene = *state;
    muv_error_t error = {0};

    (void)muv__error_set(&error, MUV_ENETWORK, "why");
    for (unsigned i = 0; i < 100; i++) {
        emit_failure(scene, &error);
    }
    assert_int_equal(scene->server.record->references, 101);
}

static void nobody_listens_nothing_is_made(void **state)
{
    scene_t *scene = *state;
    const muv_listener_t nothing = {.data = scene};
    muv__events_t *events = scene->client.events;
    muv__pool_config_t config = {0};
    muv__topology_config_t topology = {0};

    muv__events_watch_topology(&scene->client, &topology);
    assert_null(topology.emit);
    assert_int_equal(muv__events_new(&nothing, NULL, &scene->client.events), 0);
    assert_null(scene->client.events);
    assert_false(muv__events_waiting(NULL));
    muv__events_watch_pool(&scene->server, &config);
    muv__events_heartbeat_started(&scene->server);
    assert_null(config.emit);
    scene->client.events = events;
}

static void one_document_is_always_kept(void **state)
{
    scene_t *scene = *state;
    muv__events_t *events = scene->client.events;

    assert_true(muv__events_has_room(events, SIZE_MAX));
    events->kept_bytes = 1;
    assert_true(muv__events_has_room(events, MUV__EVENTS_MAX_KEPT_BYTES - 1));
    assert_false(muv__events_has_room(events, MUV__EVENTS_MAX_KEPT_BYTES));
    events->kept_bytes = (size_t)MUV__EVENTS_MAX_KEPT_BYTES + 5;
    assert_false(muv__events_has_room(events, 0));
    events->kept_bytes = 0;
}

/* A queue for a log alone, as for a listener: what is not wanted does not get into it. */
static void only_what_somebody_wants_is_recorded(void **state)
{
    const muv_log_opts_t opts = {.topology = MUV_LOG_DEBUG, .server_selection = MUV_LOG_INFO};
    scene_t *scene = *state;
    muv__events_t *events = scene->client.events;
    muv__pool_config_t config = {0};
    muv__log_t *log;

    assert_false(muv__events_wanted(events, MUV_EVENT_COMMAND_STARTED));
    assert_true(muv__events_wanted(events, MUV_EVENT_POOL_CREATED));
    assert_int_equal(muv__log_new(&opts, NULL, &log), 0);
    assert_int_equal(muv__events_new(NULL, log, &scene->client.events), 0);
    muv__events_watch_pool(&scene->server, &config);
    assert_null(config.emit);
    assert_int_equal(scene->client.events->audience[MUV_EVENT_TOPOLOGY_CHANGED], MUV__EVENTS_LOG);
    assert_int_equal(scene->client.events->audience[MUV_EVENT_SERVER_OPENING], MUV__EVENTS_LOG);
    /* The topology's message says the same (SDAM: logging). */
    assert_int_equal(scene->client.events->audience[MUV_EVENT_SERVER_CHANGED], 0);
    assert_int_equal(scene->client.events->audience[MUV_EVENT_COMMAND_STARTED], 0);
    assert_int_equal(scene->client.events->audience[MUV__EVENT_SELECTION_STARTED], 0);
    assert_int_equal(scene->client.events->audience[MUV__EVENT_SELECTION_WAITING], MUV__EVENTS_LOG);
    muv__events_heartbeat_started(&scene->server);
    assert_int_equal(scene->client.events->count, 1);
    assert_int_equal(scene->client.events->numbered, 0);
    muv__events_free(scene->client.events);
    scene->client.events = events;
}

static void on_message(const muv_log_message_t *message, void *data)
{
    scene_t *scene = data;

    scene->heard++;
    assert_int_equal(message->level, MUV_LOG_WARN);
    assert_int_equal(message->component, MUV_LOG_TOPOLOGY);
    CHECK_BSON_IDENTICAL(message->data,
                         "{\"message\": \"SRV records could not be used\", \"topologyId\": \"t\", "
                         "\"failure\": \"MUV_EDNS: why\"}");
}

/* (Polling SRV Records: what goes wrong is logged.) */
static void srv_records_that_are_of_no_use_are_logged(void **state)
{
    scene_t *scene = *state;
    const muv_log_opts_t opts = {.topology = MUV_LOG_WARN, .cb = on_message, .data = scene};
    muv__events_t *events = scene->client.events;
    muv_error_t error = {0};
    muv__log_t *log;

    (void)muv__error_set(&error, MUV_EDNS, "why");
    muv__events_srv_failed(&scene->client, &error);
    assert_int_equal(events->count, 0);
    assert_int_equal(muv__log_new(&opts, NULL, &log), 0);
    log->topology_id[0] = 't';
    assert_int_equal(muv__events_new(NULL, log, &scene->client.events), 0);
    muv__events_srv_failed(&scene->client, &error);
    deliver_all(scene);
    assert_int_equal(scene->heard, 1);
    muv__events_free(scene->client.events);
    scene->client.events = NULL;
    muv__events_srv_failed(&scene->client, &error);
    scene->client.events = events;
}

static void every_type_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(muv_event_name(MUV_EVENT_NONE), "");
    assert_string_equal(muv_event_name(MUV_EVENT_COMMAND_FAILED + 1), "");
    for (int type = MUV__POOL_CREATED; type <= MUV__POOL_CHECKED_IN; type++) {
        assert_string_equal(muv_event_name(MUV_EVENT_POOL_CREATED + type),
                            muv__pool_event_name((muv__pool_event_type_t)type));
    }
    assert_string_equal(muv_event_name(MUV_EVENT_TOPOLOGY_CHANGED), "TopologyDescriptionChanged");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_keep_their_order_while_the_queue_turns_and_grows),
        CASE(beyond_the_limit_events_are_left_out_and_counted),
        CASE(a_burst_does_not_keep_its_memory),
        CASE(without_memory_an_event_is_left_out),
        CASE(a_listener_that_causes_events_hears_them_later),
        CASE(an_error_is_kept_or_made_from_its_code),
        CASE(what_waits_is_dropped_with_the_client),
        CASE(nobody_listens_nothing_is_made),
        CASE(one_document_is_always_kept),
        CASE(only_what_somebody_wants_is_recorded),
        CASE(srv_records_that_are_of_no_use_are_logged),
        CASE(every_type_has_its_name),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
