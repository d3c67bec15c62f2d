/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a server that answers when something changes (SDAM: streaming protocol), in virtual
 * time. One way takes half a millisecond. */
#include "scene.h"

#include "client/client_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define URI "mongodb://10.0.0.1:27017/?directConnection=true"
#define WIRE "'helloOk': true, 'minWireVersion': 0, 'maxWireVersion': 21"
#define SECONDARY "{'secondary': true, 'setName': 'rs', 'hosts': ['10.0.0.1:27017'], " WIRE "}"
#define PRIMARY                                                                                    \
    "{'isWritablePrimary': true, 'setName': 'rs', 'hosts': ['10.0.0.1:27017'], " WIRE "}"

/* A scene with a listener that writes down heartbeats, changes of the server, and cleared pools. */
typedef struct stage {
    scene_t scene;
    muv_listener_t listener;
    int64_t since_us;
    size_t length;
    char log[16384];
} stage_t;

MUV__PRINTF(3, 4)
static void note(stage_t *stage, const muv_event_head_t *head, const char *format, ...)
{
    int64_t at_us = head->at_us - stage->since_us;
    va_list arguments;

    stage->length += (size_t)snprintf(stage->log + stage->length, sizeof stage->log - stage->length,
                                      "[%7.1f] ", (double)at_us / 1000);
    va_start(arguments, format);
    stage->length += (size_t)vsnprintf(stage->log + stage->length,
                                       sizeof stage->log - stage->length, format, arguments);
    va_end(arguments);
    assert_true(stage->length + 1 < sizeof stage->log);
    stage->log[stage->length++] = '\n';
    stage->log[stage->length] = '\0';
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    static const char *const names[] = {"started", "succeeded", "failed"};

    note(data, &event->head, "%s%s%s%s", names[event->head.type - MUV_EVENT_HEARTBEAT_STARTED],
         event->awaited ? " awaited" : "", event->error != NULL ? " " : "",
         event->error != NULL ? muv_error_name(event->error->code) : "");
}

static void on_server(const muv_server_event_t *event, void *data)
{
    if (event->head.type == MUV_EVENT_SERVER_CHANGED) {
        note(data, &event->head, "%s -> %s", event->previous->type, event->current->type);
    }
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    if (event->head.type == MUV_EVENT_POOL_CLEARED) {
        note(data, &event->head, "cleared%s", event->interrupt_in_use ? " interrupt" : "");
    } else if (event->head.type == MUV_EVENT_POOL_READY) {
        note(data, &event->head, "ready");
    }
}

static void clear_log(stage_t *stage)
{
    stage->length = 0;
    stage->log[0] = '\0';
    stage->since_us = sim_now_us(stage->scene.world);
}

static void open_at(stage_t *stage, const char *uri)
{
    muv_client_opts_t opts = {.listener = &stage->listener};
    muv_error_t error;

    alloc_install();
    memset(stage, 0, sizeof *stage);
    stage->listener = (muv_listener_t){
        .on_heartbeat = on_heartbeat, .on_server = on_server, .on_pool = on_pool, .data = stage};
    stage->scene.mark = alloc_mark();
    stage->scene.world = sim_new(1);
    stage->scene.server = sim_server(stage->scene.world, "10.0.0.1", 27017);
    sim_stream_hello(stage->scene.server);
    if (muv_client_new(sim_loop(stage->scene.world), uri, &opts, &error, &stage->scene.client) !=
        0) {
        fail_msg("%s", error.message);
    }
    clear_log(stage);
}

/* A server that streams, and a client that knows nothing of it yet. */
static void open_stage(stage_t *stage, const char *options)
{
    char uri[200];

    (void)snprintf(uri, sizeof uri, URI "%s", options);
    open_at(stage, uri);
}

static void pass(stage_t *stage, int64_t duration_us)
{
    sim_run_for(stage->scene.world, duration_us);
}

/* The same with a ping done, at 100 ms of the log that is cleared then. */
static void open_streaming(stage_t *stage, const char *options)
{
    call_t call = {0};

    open_stage(stage, options);
    CHECK_CODE(call_start(&stage->scene, &call, 1, 0), 0);
    pass(stage, 100 * SIM_MS);
    CHECK_ENDED(&call, 0);
    clear_log(stage);
}

static int64_t round_trip_us(const stage_t *stage)
{
    return stage->scene.client->topology.snapshot->servers[0].rtt_us;
}

static sim_counts_t counts_of(const stage_t *stage)
{
    return sim_counts(stage->scene.server);
}

static void ping_once(stage_t *stage, int code)
{
    call_t call = {0};

    CHECK_CODE(call_start(&stage->scene, &call, 1, 0), 0);
    pass(stage, 20 * SIM_MS);
    CHECK_ENDED(&call, code);
}

/* --- the life of a stream ----------------------------------------------------------------------*/

static void a_stream_begins_behind_the_first_hello(void **state)
{
    call_t call = {0};
    stage_t s;

    (void)state;
    open_stage(&s, "");
    CHECK_CODE(call_start(&s.scene, &call, 1, 0), 0);
    pass(&s, 25 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_string_equal(s.log, "[    0.0] started\n"
                               "[    2.0] succeeded\n"
                               "[    2.0] Unknown -> Standalone\n"
                               "[    2.0] ready\n"
                               "[    2.0] started awaited\n"
                               "[10003.0] succeeded awaited\n"
                               "[10003.0] started awaited\n"
                               "[20003.0] succeeded awaited\n"
                               "[20003.0] started awaited\n");
    scene_end(&s.scene);
}

static void a_change_is_known_one_way_later(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    pass(&s, 3 * SIM_SECOND);
    sim_hello_change(s.scene.server, SECONDARY);
    pass(&s, SIM_SECOND);
    sim_hello_change(s.scene.server, PRIMARY);
    pass(&s, SIM_SECOND);
    assert_string_equal(s.log, "[ 3000.5] succeeded awaited\n"
                               "[ 3000.5] Standalone -> RSSecondary\n"
                               "[ 3000.5] started awaited\n"
                               "[ 4000.5] succeeded awaited\n"
                               "[ 4000.5] RSSecondary -> RSPrimary\n"
                               "[ 4000.5] started awaited\n");
    scene_end(&s.scene);
}

/* Several changes may lie in one read: each is a check of its own, the last one holds. */
static void changes_in_quick_succession_all_count(void **state)
{
    enum { CHANGES = 101 };
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    for (int i = 0; i < CHANGES; i++) {
        sim_hello_change(s.scene.server, i % 2 == 0 ? SECONDARY : PRIMARY);
    }
    pass(&s, SIM_SECOND);
    assert_int_equal(counts_of(&s).pushed, CHANGES);
    assert_int_equal(counts_of(&s).awaitable, 1);
    assert_int_equal(s.scene.client->topology.snapshot->servers[0].description->type,
                     MUV__SERVER_RS_SECONDARY);
    assert_int_equal(
        s.scene.client->topology.snapshot->servers[0].description->topology_version.counter,
        CHANGES);
    scene_end(&s.scene);
}

/* One request for the checks; and one connection with a hello each interval for round trips. */
static void an_idle_stream_costs_one_round_trip_each_interval(void **state)
{
    sim_counts_t before;
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    before = counts_of(&s);
    assert_int_equal(before.awaitable, 1);
    assert_int_equal(before.open, 3);
    pass(&s, 100 * SIM_SECOND);
    assert_int_equal(counts_of(&s).awaitable, 1);
    assert_int_equal(counts_of(&s).pushed, 10);
    assert_int_equal(counts_of(&s).hellos, before.hellos + 10);
    assert_int_equal(counts_of(&s).accepted, 3);
    scene_end(&s.scene);
}

/* A server that answers each awaitable hello only once is asked again. */
static void without_more_to_come_the_server_is_asked_again(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "");
    sim_on(s.scene.server, "awaited", &(sim_step_t){.delay_us = 2 * SIM_SECOND});
    ping_once(&s, 0);
    clear_log(&s);
    pass(&s, 5 * SIM_SECOND);
    assert_int_equal(counts_of(&s).awaitable, 3);
    assert_string_equal(s.log, "[ 1983.0] succeeded awaited\n"
                               "[ 1983.0] started awaited\n"
                               "[ 3984.0] succeeded awaited\n"
                               "[ 3984.0] started awaited\n");
    scene_end(&s.scene);
}

/* --- modes -------------------------------------------------------------------------------------*/

static void check_that_it_polls(stage_t *s)
{
    ping_once(s, 0);
    clear_log(s);
    pass(s, 25 * SIM_SECOND);
    assert_int_equal(counts_of(s).awaitable, 0);
    assert_int_equal(counts_of(s).accepted, 2);
    assert_string_equal(s->log, "[ 9982.0] started\n"
                                "[ 9983.0] succeeded\n"
                                "[19983.0] started\n"
                                "[19984.0] succeeded\n");
    assert_int_equal(round_trip_us(s), SIM_MS);
    assert_int_equal(s->scene.client->topology.snapshot->servers[0].min_rtt_us, SIM_MS);
    scene_end(&s->scene);
}

static void in_poll_mode_nothing_is_awaited_and_checks_measure(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "&serverMonitoringMode=poll");
    check_that_it_polls(&s);
}

static int in_function(void **state)
{
    (void)state;
    sim_environment("K_SERVICE", "f");
    return 0;
}

static int out_of_function(void **state)
{
    (void)state;
    sim_environment(NULL, NULL);
    return 0;
}

static void in_a_function_auto_polls(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "");
    check_that_it_polls(&s);
}

static void in_a_function_stream_streams(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "&serverMonitoringMode=stream");
    ping_once(&s, 0);
    assert_int_equal(counts_of(&s).awaitable, 1);
    scene_end(&s.scene);
}

static void behind_a_load_balancer_nothing_is_checked(void **state)
{
    stage_t s;

    (void)state;
    open_at(&s, "mongodb://10.0.0.1:27017/?loadBalanced=true");
    sim_on(s.scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', "
                                 "'serviceId': {'$oid': '000000000000000000000001'}, " WIRE "}"});
    ping_once(&s, 0);
    pass(&s, 60 * SIM_SECOND);
    assert_null(strstr(s.log, "started"));
    assert_int_equal(counts_of(&s).accepted, 1);
    assert_int_equal(counts_of(&s).hellos, 1);
    scene_end(&s.scene);
}

/* --- what goes wrong ---------------------------------------------------------------------------*/

/* After connectTimeoutMS + heartbeatFrequencyMS; the pool's connections would hang likewise. */
static void a_silent_stream_times_out_and_interrupts(void **state)
{
    call_t call = {0};
    stage_t s;

    (void)state;
    open_stage(&s, "&connectTimeoutMS=2000");
    sim_on(s.scene.server, "awaited", &(sim_step_t){.act = SIM_SILENCE, .times = 1});
    sim_on(s.scene.server, "hang", &(sim_step_t){.act = SIM_SILENCE});
    ping_once(&s, 0);
    CHECK_CODE(call_start_as(&s.scene, &call, 1, &(call_opts_t){.name = "hang"}), 0);
    clear_log(&s);
    pass(&s, 13 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_string_equal(s.log, "[11982.0] failed awaited MUV_ENETTIMEOUT\n"
                               "[11982.0] Standalone -> Unknown\n"
                               "[11982.0] cleared interrupt\n"
                               "[11982.0] started\n"
                               "[11984.0] succeeded\n"
                               "[11984.0] Unknown -> Standalone\n"
                               "[11984.0] ready\n"
                               "[11984.0] started awaited\n");
    scene_end(&s.scene);
}

static void without_connect_timeout_a_silent_stream_is_waited_for(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "&connectTimeoutMS=0");
    sim_on(s.scene.server, "awaited", &(sim_step_t){.act = SIM_SILENCE});
    ping_once(&s, 0);
    clear_log(&s);
    pass(&s, 3600 * SIM_SECOND);
    assert_string_equal(s.log, "");
    scene_end(&s.scene);
}

static void a_broken_stream_is_begun_anew_at_once(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    pass(&s, SIM_SECOND);
    sim_hello_restart(s.scene.server);
    sim_reset_all(s.scene.server);
    pass(&s, SIM_SECOND);
    assert_string_equal(s.log, "[ 1000.0] failed awaited MUV_ENETWORK\n"
                               "[ 1000.0] Standalone -> Unknown\n"
                               "[ 1000.0] cleared\n"
                               "[ 1000.0] started\n"
                               "[ 1002.0] succeeded\n"
                               "[ 1002.0] Unknown -> Standalone\n"
                               "[ 1002.0] ready\n"
                               "[ 1002.0] started awaited\n");
    assert_int_equal(counts_of(&s).awaitable, 2);
    ping_once(&s, 0);
    scene_end(&s.scene);
}

/* The operation's error has marked the server Unknown; the check that it cancels says nothing. The
 * next one, on a new connection, keeps the minimum gap. */
static void a_network_error_of_an_operation_cancels_the_stream(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    pass(&s, SIM_SECOND);
    sim_on(s.scene.server, "ping", &(sim_step_t){.act = SIM_RESET, .times = 1});
    ping_once(&s, MUV_ENETWORK);
    pass(&s, 600 * SIM_MS);
    assert_string_equal(s.log, "[ 1001.0] Standalone -> Unknown\n"
                               "[ 1001.0] cleared\n"
                               "[ 1001.0] failed awaited MUV_ECANCELED\n"
                               "[ 1501.0] started\n"
                               "[ 1503.0] succeeded\n"
                               "[ 1503.0] Unknown -> Standalone\n"
                               "[ 1503.0] ready\n"
                               "[ 1503.0] started awaited\n");
    assert_int_equal(counts_of(&s).closed_by_client, 3);
    ping_once(&s, 0);
    scene_end(&s.scene);
}

static void a_server_that_says_not_ok_is_left_for_the_interval(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "");
    sim_on(s.scene.server, "awaited",
           &(sim_step_t){.json = "{'ok': 0, 'code': 8000, 'errmsg': 'no'}",
                         .delay_us = SIM_SECOND,
                         .times = 1});
    ping_once(&s, 0);
    clear_log(&s);
    pass(&s, 12 * SIM_SECOND);
    assert_string_equal(s.log, "[  983.0] failed awaited MUV_ESERVER\n"
                               "[  983.0] Standalone -> Unknown\n"
                               "[  983.0] cleared\n"
                               "[10983.0] started\n"
                               "[10985.0] succeeded\n"
                               "[10985.0] Unknown -> Standalone\n"
                               "[10985.0] ready\n"
                               "[10985.0] started awaited\n");
    scene_end(&s.scene);
}

static void an_answer_to_something_else_breaks_the_stream(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "");
    sim_on(s.scene.server, "awaited",
           &(sim_step_t){.response_to_add = 1, .delay_us = SIM_SECOND, .times = 1});
    ping_once(&s, 0);
    clear_log(&s);
    pass(&s, 2 * SIM_SECOND);
    assert_string_equal(s.log, "[  983.0] failed awaited MUV_EPROTOCOL\n"
                               "[  983.0] Standalone -> Unknown\n"
                               "[  983.0] cleared\n"
                               "[  983.0] started\n"
                               "[  985.0] succeeded\n"
                               "[  985.0] Unknown -> Standalone\n"
                               "[  985.0] ready\n"
                               "[  985.0] started awaited\n");
    scene_end(&s.scene);
}

/* A plain hello has not allowed it. */
static void more_to_come_unasked_breaks_the_connection(void **state)
{
    stage_t s;

    (void)state;
    open_stage(&s, "&serverMonitoringMode=poll");
    ping_once(&s, 0);
    sim_on(s.scene.server, "hello", &(sim_step_t){.flags = 2, .times = 1});
    clear_log(&s);
    pass(&s, 11 * SIM_SECOND);
    assert_string_equal(s.log, "[ 9982.0] started\n"
                               "[ 9983.0] failed MUV_EPROTOCOL\n"
                               "[ 9983.0] Standalone -> Unknown\n"
                               "[ 9983.0] cleared\n"
                               "[ 9983.0] started\n"
                               "[ 9985.0] succeeded\n"
                               "[ 9985.0] Unknown -> Standalone\n"
                               "[ 9985.0] ready\n");
    scene_end(&s.scene);
}

/* While the program held the loop the server said three times that all is well: it is neither slow
 * nor silent. */
static void a_held_loop_times_nothing_out(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "&connectTimeoutMS=1000");
    pass(&s, SIM_SECOND);
    sim_stall(s.scene.world, 35 * SIM_SECOND);
    pass(&s, SIM_SECOND);
    assert_string_equal(s.log, "[36000.0] succeeded awaited\n"
                               "[36000.0] started awaited\n"
                               "[36000.0] succeeded awaited\n"
                               "[36000.0] started awaited\n"
                               "[36000.0] succeeded awaited\n"
                               "[36000.0] started awaited\n");
    ping_once(&s, 0);
    scene_end(&s.scene);
}

/* --- requests for checks -----------------------------------------------------------------------*/

/* Operations wait for a primary; the answer to that is on its way already. */
static void a_check_asked_for_during_a_stream_is_dropped(void **state)
{
    call_t calls[3] = {{0}};
    sim_counts_t before;
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    sim_hello_change(s.scene.server, "{'isreplicaset': true, " WIRE "}");
    sim_on(s.scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'code': 10107, 'errmsg': 'not primary'}", .times = 1});
    ping_once(&s, MUV_ESERVER);
    before = counts_of(&s);
    for (size_t i = 0; i < MUV__COUNT_OF(calls); i++) {
        CHECK_CODE(call_start(&s.scene, &calls[i], 1, 0), 0);
        pass(&s, SIM_SECOND);
        CHECK_PENDING(&calls[i]);
    }
    assert_int_equal(counts_of(&s).hellos, before.hellos);
    sim_hello_change(s.scene.server, NULL);
    pass(&s, 10 * SIM_MS);
    CHECK_ALL_ENDED(calls, MUV__COUNT_OF(calls), 0);
    scene_end(&s.scene);
}

/* --- round trips -------------------------------------------------------------------------------*/

/* Plain hellos take half a second longer now; checks and operations do not. */
static void round_trips_go_on_beside_a_stream(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "&heartbeatFrequencyMS=500");
    assert_int_equal(round_trip_us(&s), SIM_MS);
    sim_on(s.scene.server, "hello", &(sim_step_t){.delay_us = 500 * SIM_MS});
    pass(&s, 2 * SIM_SECOND);
    assert_true(round_trip_us(&s) > 100 * SIM_MS);
    pass(&s, 5 * SIM_SECOND);
    assert_true(round_trip_us(&s) > 250 * SIM_MS);
    assert_int_equal(s.scene.client->topology.snapshot->servers[0].min_rtt_us, SIM_MS);
    pass(&s, 20 * SIM_SECOND);
    assert_int_equal(s.scene.client->topology.snapshot->servers[0].min_rtt_us, 501 * SIM_MS);
    assert_null(strstr(s.log, "failed"));
    ping_once(&s, 0);
    scene_end(&s.scene);
}

static void errors_of_round_trips_change_nothing(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "&heartbeatFrequencyMS=500&connectTimeoutMS=1000");
    sim_on(s.scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 0}", .delay_us = 900 * SIM_MS, .times = 1});
    sim_on(s.scene.server, "hello", &(sim_step_t){.act = SIM_RESET, .times = 2});
    sim_on(s.scene.server, "hello", &(sim_step_t){.json = "{'ok': 0}", .times = 2});
    sim_on(s.scene.server, "hello", &(sim_step_t){.act = SIM_SILENCE, .times = 2});
    sim_on(s.scene.server, "hello", &(sim_step_t){.act = SIM_GARBAGE, .json = "x", .times = 2});
    pass(&s, 20 * SIM_SECOND);
    assert_null(strstr(s.log, "failed"));
    assert_null(strstr(s.log, "->"));
    assert_null(strstr(s.log, "cleared"));
    assert_int_equal(counts_of(&s).awaitable, 1);
    assert_int_equal(round_trip_us(&s), SIM_MS);
    scene_end(&s.scene);
}

/* A server that was Unknown has lost its round trips; selection would pass it over until the next
 * interval. */
static void a_server_that_is_known_again_is_measured_at_once(void **state)
{
    stage_t s;

    (void)state;
    open_streaming(&s, "");
    sim_on(s.scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'code': 10107, 'errmsg': 'not primary'}", .times = 1});
    ping_once(&s, MUV_ESERVER);
    assert_int_equal(round_trip_us(&s), -1);
    sim_hello_change(s.scene.server, NULL);
    pass(&s, 5 * SIM_MS);
    assert_int_equal(round_trip_us(&s), SIM_MS);
    assert_int_equal(counts_of(&s).awaitable, 1);
    scene_end(&s.scene);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void live(void *data)
{
    sim_world_t *world = sim_new(1);
    sim_server_t *server = sim_server(world, "10.0.0.1", 27017);
    scene_t scene = {.world = world, .server = server};
    call_t call = {0};
    muv_error_t error;

    (void)data;
    sim_stream_hello(server);
    if (muv_client_new(sim_loop(world), URI "&heartbeatFrequencyMS=500", NULL, &error,
                       &scene.client) == 0) {
        int status = call_start(&scene, &call, 1, 5000);

        sim_run_for(world, SIM_SECOND);
        sim_hello_change(server, SECONDARY);
        sim_run_for(world, SIM_SECOND);
        sim_hello_change(server, NULL);
        sim_run_for(world, 5 * SIM_SECOND);
        assert_int_equal(call.ended, status == 0 ? 1 : 0);
        assert_true(call.code == 0 || alloc_has_failed());
        CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    }
    sim_run(world);
    sim_free(world);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    alloc_install();
    assert_true(alloc_sweep(live, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_begins_behind_the_first_hello),
        cmocka_unit_test(a_change_is_known_one_way_later),
        cmocka_unit_test(changes_in_quick_succession_all_count),
        cmocka_unit_test(an_idle_stream_costs_one_round_trip_each_interval),
        cmocka_unit_test(without_more_to_come_the_server_is_asked_again),
        cmocka_unit_test(in_poll_mode_nothing_is_awaited_and_checks_measure),
        cmocka_unit_test_setup_teardown(in_a_function_auto_polls, in_function, out_of_function),
        cmocka_unit_test_setup_teardown(in_a_function_stream_streams, in_function, out_of_function),
        cmocka_unit_test(behind_a_load_balancer_nothing_is_checked),
        cmocka_unit_test(a_silent_stream_times_out_and_interrupts),
        cmocka_unit_test(without_connect_timeout_a_silent_stream_is_waited_for),
        cmocka_unit_test(a_broken_stream_is_begun_anew_at_once),
        cmocka_unit_test(a_network_error_of_an_operation_cancels_the_stream),
        cmocka_unit_test(a_server_that_says_not_ok_is_left_for_the_interval),
        cmocka_unit_test(an_answer_to_something_else_breaks_the_stream),
        cmocka_unit_test(more_to_come_unasked_breaks_the_connection),
        cmocka_unit_test(a_held_loop_times_nothing_out),
        cmocka_unit_test(a_check_asked_for_during_a_stream_is_dropped),
        cmocka_unit_test(round_trips_go_on_beside_a_stream),
        cmocka_unit_test(errors_of_round_trips_change_nothing),
        cmocka_unit_test(a_server_that_is_known_again_is_measured_at_once),
        cmocka_unit_test_teardown(any_allocation_may_fail, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
