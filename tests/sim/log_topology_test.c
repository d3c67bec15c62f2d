/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a client in virtual time: server selection, topology, load balancers. The rules are
 * those of the official files that the cases name. */
#include "balancer.h"
#include "keeper.h"

#include <stdlib.h>
#include <string.h>

/* --- server selection --------------------------------------------------------------------------*/

#define SELECTION "serverSelection Server selection "
#define OF_PING " operationId=* operation=ping topologyDescription="

/* (server-selection/tests/logging/standalone.json: a successful operation.) */
static void a_selection_is_told(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.server_selection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&keeper->scene, 1);
    keeper_forget(keeper);
    CHECK_CODE(call_start_as(&keeper->scene, &call, 1, &(call_opts_t){.kind = MUV_COMMAND_WRITE}),
               0);
    keeper_run(keeper);
    assert_string_equal(keeper->page, "debug " SELECTION "started selector=writable" OF_PING
                                      "Single: 10.0.0.1:27017 Standalone\n"
                                      "debug " SELECTION "succeeded selector=writable" OF_PING
                                      "Single: 10.0.0.1:27017 Standalone" SERVER "\n");
    keeper_close(keeper);
}

/* (standalone.json: failure due to unreachable server; logging/operation-id.json likewise.) */
static void a_wait_for_a_server_is_told_once(void **state)
{
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.server_selection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};
    const char *waiting;

    (void)state;
    keeper->opts.server_selection_timeout_ms = 2000;
    scene_open(&keeper->scene, &keeper->opts);
    sim_on_connect(keeper->scene.server, SIM_REFUSE, 0);
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    keeper_run(keeper);
    CHECK_ENDED(&call, MUV_ESELECTION);
    waiting = strstr(keeper->page, "Waiting");
    assert_non_null(waiting);
    assert_null(strstr(waiting + 1, "Waiting"));
    CHECK_CONTAINS(keeper->page,
                   "debug " SELECTION "started selector={\"mode\": \"primary\"}" OF_PING
                   "Single: 10.0.0.1:27017 Unknown");
    CHECK_CONTAINS(keeper->page,
                   "info serverSelection Waiting for suitable server to become available "
                   "selector={\"mode\": \"primary\"}" OF_PING);
    CHECK_CONTAINS(keeper->page, " remainingTimeMS=2000\n");
    CHECK_CONTAINS(keeper->page,
                   "debug " SELECTION "failed selector={\"mode\": \"primary\"}" OF_PING);
    CHECK_CONTAINS(keeper->page, " failure=no suitable server within serverSelectionTimeoutMS\n");
    keeper_close(keeper);
}

static void at_level_info_only_the_wait_is_told(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.all = MUV_LOG_INFO});
    call_t call = {.number = 0};

    (void)state;
    sim_on_connect(keeper->scene.server, SIM_REFUSE, 1);
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 3000), 0);
    keeper_run(keeper);
    CHECK_ENDED(&call, 0);
    assert_memory_equal(keeper->page, "info serverSelection Waiting", 28);
    CHECK_CONTAINS(keeper->page, " remainingTimeMS=3000\n");
    assert_ptr_equal(strchr(keeper->page, '\n'), keeper->page + keeper->length - 1);
    keeper_close(keeper);
}

static void a_selection_that_is_given_up_has_failed(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.server_selection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    sim_on_connect(keeper->scene.server, SIM_HANG, 0);
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    keeper_run(keeper);
    call_cancel(&call);
    keeper_run(keeper);
    CHECK_CONTAINS(keeper->page, " failure=the operation was cancelled\n");
    keeper_close(keeper);
}

/* --- topology ----------------------------------------------------------------------------------*/

/* (server-discovery-and-monitoring/tests/unified/logging-standalone.json: topology lifecycle, and
 * successful heartbeat.) */
static void a_topology_is_told_from_opening_to_close(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.topology = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    sim_on(keeper->scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'maxWireVersion': 21, "
                                 "'connectionId': 5}"});
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    sim_run_for(keeper->scene.world, SIM_SECOND);
    CHECK_CODE(scene_close(&keeper->scene, MUV_CLOSE_ABORT), 0);
    sim_run_for(keeper->scene.world, SIM_SECOND);
    assert_string_equal(
        keeper->page,
        "debug topology Starting topology monitoring topologyId=*\n"
        "debug topology Topology description changed topologyId=* previousDescription=Unknown: "
        "newDescription=Single: 10.0.0.1:27017 Unknown\n"
        "debug topology Starting server monitoring topologyId=*" SERVER "\n"
        "debug topology Server heartbeat started topologyId=*" SERVER
        " driverConnectionId=1 awaited=false\n"
        "debug topology Server heartbeat succeeded topologyId=*" SERVER
        " driverConnectionId=1 serverConnectionId=5 awaited=false durationMS=2 reply={\"ok\": 1, "
        "\"isWritablePrimary\": true, \"maxWireVersion\": 21, \"connectionId\": 5}\n"
        "debug topology Topology description changed topologyId=* previousDescription=Single: "
        "10.0.0.1:27017 Unknown newDescription=Single: 10.0.0.1:27017 Standalone\n"
        "debug topology Stopped server monitoring topologyId=*" SERVER "\n"
        "debug topology Topology description changed topologyId=* previousDescription=Single: "
        "10.0.0.1:27017 Standalone newDescription=Unknown:\n"
        "debug topology Stopped topology monitoring topologyId=*\n");
    keeper_close(keeper);
}

#define MEMBER(state)                                                                              \
    "{'ok': 1, 'setName': 'rs', 'hosts': ['10.0.0.1:27017', '10.0.0.2:27017'], " state             \
    "'maxWireVersion': 21}"

static void on_closed(void *data)
{
    ((keeper_t *)data)->scene.closed++;
}

/* (logging-replicaset.json: topology lifecycle; the end is in this order.) */
static void a_replica_set_is_told_to_its_end(void **state)
{
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.topology = MUV_LOG_DEBUG});
    sim_world_t *world = sim_new(1);
    sim_server_t *primary = sim_server(world, "10.0.0.1", 27017);
    sim_server_t *secondary = sim_server(world, "10.0.0.2", 27017);

    (void)state;
    sim_on(primary, "hello", &(sim_step_t){.json = MEMBER("'isWritablePrimary': true, ")});
    sim_on(secondary, "hello", &(sim_step_t){.json = MEMBER("'secondary': true, ")});
    CHECK_CODE(muv_client_new(sim_loop(world), "mongodb://10.0.0.1/?replicaSet=rs", &keeper->opts,
                              NULL, &keeper->scene.client),
               0);
    CHECK_CODE(muv_client_connect(keeper->scene.client, NULL, NULL, NULL, NULL), 0);
    sim_run_for(world, SIM_SECOND);
    CHECK_CONTAINS(keeper->page, "newDescription=ReplicaSetWithPrimary: 10.0.0.1:27017 "
                                 "RSPrimary, 10.0.0.2:27017 RSSecondary\n");
    keeper_forget(keeper);
    CHECK_CODE(muv_client_close(keeper->scene.client, MUV_CLOSE_DRAIN, on_closed, keeper), 0);
    sim_run(world);
    assert_int_equal(keeper->scene.closed, 1);
    assert_string_equal(
        keeper->page,
        "debug topology Stopped server monitoring topologyId=*" SERVER "\n"
        "debug topology Stopped server monitoring topologyId=* serverHost=10.0.0.2 "
        "serverPort=27017\n"
        "debug topology Topology description changed topologyId=* previousDescription="
        "ReplicaSetWithPrimary: 10.0.0.1:27017 RSPrimary, 10.0.0.2:27017 RSSecondary "
        "newDescription=Unknown:\n"
        "debug topology Stopped topology monitoring topologyId=*\n");
    sim_free(world);
    free(keeper);
}

/* (logging-standalone.json: failing heartbeat.) */
static void a_failed_heartbeat_tells_why(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.topology = MUV_LOG_DEBUG});

    (void)state;
    sim_on(keeper->scene.server, "hello", &(sim_step_t){.act = SIM_RESET});
    CHECK_CODE(muv_client_connect(keeper->scene.client, NULL, NULL, NULL, NULL), 0);
    keeper_run(keeper);
    CHECK_CONTAINS(keeper->page, "debug topology Server heartbeat failed topologyId=*" SERVER
                                 " driverConnectionId=1 awaited=false durationMS=");
    CHECK_CONTAINS(keeper->page, " failure=MUV_ENETWORK: ");
    keeper_close(keeper);
}

/* (Likewise, in streaming mode.) */
static void an_awaited_heartbeat_is_told_as_such(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.topology = MUV_LOG_DEBUG});

    (void)state;
    sim_stream_hello(keeper->scene.server);
    CHECK_CODE(muv_client_connect(keeper->scene.client, NULL, NULL, NULL, NULL), 0);
    sim_run_for(keeper->scene.world, 15 * SIM_SECOND);
    CHECK_CONTAINS(keeper->page, "debug topology Server heartbeat started topologyId=*" SERVER
                                 " driverConnectionId=1 awaited=false\n");
    CHECK_CONTAINS(keeper->page, "debug topology Server heartbeat started topologyId=*" SERVER
                                 " driverConnectionId=1 awaited=true\n");
    CHECK_CONTAINS(keeper->page, " driverConnectionId=1 awaited=true durationMS=");
    keeper_close(keeper);
}

/* --- load balancers ----------------------------------------------------------------------------*/

/* (service-id.json: in load balanced mode; connection-monitoring-and-pooling: pool cleared.) */
static void behind_a_load_balancer_the_service_is_told(void **state)
{
    keeper_t *keeper =
        keeper_new(&(muv_log_opts_t){.command = MUV_LOG_DEBUG, .connection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};
    balancer_t b;

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.log = &keeper->log}, "A");
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, SIM_SECOND);
    CHECK_CONTAINS(keeper->page, "Command started commandName=ping");
    CHECK_CONTAINS(keeper->page, SERVER " serviceId=" SERVICE_A " command=");
    CHECK_CONTAINS(keeper->page, SERVER " serviceId=" SERVICE_A " durationMS=");
    sim_on(b.scene.server, "ping", &(sim_step_t){.act = SIM_RESET});
    memset(&call, 0, sizeof(call));
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, SIM_SECOND);
    CHECK_CONTAINS(keeper->page, CONNECTION "pool cleared" SERVER " serviceId=" SERVICE_A "\n");
    balancer_end(&b);
    free(keeper);
}

/* (server-discovery-and-monitoring/tests/unified/logging-loadbalanced.json: topology lifecycle;
 * server-selection/tests/logging/load-balanced.json.) */
static void a_load_balancer_is_told_like_a_server(void **state)
{
    keeper_t *keeper =
        keeper_new(&(muv_log_opts_t){.topology = MUV_LOG_DEBUG, .server_selection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};
    balancer_t b;

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.log = &keeper->log}, "A");
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, SIM_SECOND);
    balancer_end(&b);
#define BALANCER "LoadBalanced: 10.0.0.1:27017 "
    assert_string_equal(
        keeper->page,
        "debug topology Starting topology monitoring topologyId=*\n"
        "debug topology Topology description changed topologyId=* previousDescription=Unknown: "
        "newDescription=" BALANCER "Unknown\n"
        "debug topology Starting server monitoring topologyId=*" SERVER "\n"
        "debug topology Topology description changed topologyId=* previousDescription=" BALANCER
        "Unknown newDescription=" BALANCER "LoadBalancer\n"
        "debug " SELECTION "started selector={\"mode\": \"primary\"}" OF_PING BALANCER
        "LoadBalancer\n"
        "debug " SELECTION "succeeded selector={\"mode\": \"primary\"}" OF_PING BALANCER
        "LoadBalancer" SERVER "\n"
        "debug topology Stopped server monitoring topologyId=*" SERVER "\n"
        "debug topology Topology description changed topologyId=* previousDescription=" BALANCER
        "LoadBalancer newDescription=Unknown:\n"
        "debug topology Stopped topology monitoring topologyId=*\n");
#undef BALANCER
    free(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selection_is_told),
        cmocka_unit_test(a_wait_for_a_server_is_told_once),
        cmocka_unit_test(at_level_info_only_the_wait_is_told),
        cmocka_unit_test(a_selection_that_is_given_up_has_failed),
        cmocka_unit_test(a_topology_is_told_from_opening_to_close),
        cmocka_unit_test(a_replica_set_is_told_to_its_end),
        cmocka_unit_test(a_failed_heartbeat_tells_why),
        cmocka_unit_test(an_awaited_heartbeat_is_told_as_such),
        cmocka_unit_test(behind_a_load_balancer_the_service_is_told),
        cmocka_unit_test(a_load_balancer_is_told_like_a_server),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
