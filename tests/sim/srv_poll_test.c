/* SPDX-License-Identifier: Apache-2.0 */
/* Polling of SRV records in virtual time: when records are asked for, which hosts come and go. The
 * prose tests of Polling SRV Records for mongos Discovery. */
#include "srv_scene.h"

#include <string.h>

/* A client of the service's name whose servers are known, just after its first look-up. */
static void begin(scene_t *scene, const char *name, const char *ports, const char *options)
{
    srv_world(scene);
    srv_ports(scene, name, ports, 60);
    srv_open(scene, options, NULL);
    srv_ping(scene);
}

/* 2 * rescanSRVIntervalMS, as the prose tests say. */
static void wait_twice(scene_t *scene)
{
    sim_run_for(scene->world, 2 * SRV_MINUTE);
}

/* --- prose tests 1 to 5 ------------------------------------------------------------------------*/

static void check_change(const char *ports)
{
    scene_t scene;

    begin(&scene, SRV_1, "27017 27018", "");
    CHECK_SERVERS(&scene, "27017 27018");
    srv_ports(&scene, SRV_1, ports, 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, ports);
    srv_ping(&scene);
    scene_end(&scene);
}

static void prose_1_a_new_record_adds_a_host(void **state)
{
    (void)state;
    check_change("27017 27018 27019");
}

static void prose_2_a_removed_record_removes_its_host(void **state)
{
    (void)state;
    check_change("27017");
}

static void prose_3_a_record_can_be_replaced(void **state)
{
    (void)state;
    check_change("27017 27019");
}

static void prose_4_both_can_be_replaced_by_one(void **state)
{
    (void)state;
    check_change("27019");
}

static void prose_5_both_can_be_replaced_by_two(void **state)
{
    (void)state;
    check_change("27019 27020");
}

/* --- prose tests 6 to 8 ------------------------------------------------------------------------*/

/* Nothing changes, the records are asked for at every heartbeat, and good ones count again. */
static void check_failure(scene_t *scene, unsigned per_minute)
{
    unsigned asked;

    sim_run_for(scene->world, SRV_MINUTE + SIM_SECOND);
    asked = sim_srv_asked(scene->world, SRV_1);
    sim_run_for(scene->world, SRV_MINUTE);
    CHECK_SERVERS(scene, "27017 27018");
    assert_int_equal(sim_srv_asked(scene->world, SRV_1) - asked, per_minute);
    srv_ping(scene);
    srv_ports(scene, SRV_1, "27018 27019", 60);
    sim_run_for(scene->world, 25 * SIM_SECOND);
    CHECK_SERVERS(scene, "27018 27019");
    scene_end(scene);
}

/* Each attempt takes connectTimeoutMS. */
static void prose_6_a_timeout_changes_nothing(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "&connectTimeoutMS=5000");
    sim_srv_fails(scene.world, SRV_1, "", false, SIM_NEVER);
    check_failure(&scene, 4);
}

static void prose_7_a_failure_changes_nothing(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "");
    sim_srv_fails(scene.world, SRV_1, "the server failed", false, 0);
    check_failure(&scene, 6);
}

static void prose_8_no_records_change_nothing(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "");
    sim_srv_fails(scene.world, SRV_1, "no such record", true, 0);
    check_failure(&scene, 6);
}

/* --- prose tests 9 to 13 -----------------------------------------------------------------------*/

static void prose_9_load_balancers_are_not_polled(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_3, "27017", 60);
    sim_forget(scene.server, "hello");
    sim_on(scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', "
                                 "'maxWireVersion': 21, 'serviceId': "
                                 "{'$oid': '000000000000000000000001'}}"});
    srv_open_at(&scene, "test3." SRV_DOMAIN, "&loadBalanced=true", NULL);
    srv_ping(&scene);
    srv_ports(&scene, SRV_3, "27017 27018", 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27017");
    assert_int_equal(sim_srv_asked(scene.world, SRV_3), 1);
    scene_end(&scene);
}

static void prose_10_without_a_limit_all_new_hosts_come(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "&srvMaxHosts=0");
    srv_ports(&scene, SRV_1, "27017 27019 27020", 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27017 27019 27020");
    scene_end(&scene);
}

static void prose_11_a_limit_that_is_not_reached_does_nothing(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "&srvMaxHosts=2");
    srv_ports(&scene, SRV_1, "27019 27020", 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27019 27020");
    scene_end(&scene);
}

static void prose_12_up_to_a_limit_new_hosts_are_drawn(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "&srvMaxHosts=2");
    srv_ports(&scene, SRV_1, "27017 27019 27020", 60);
    wait_twice(&scene);
    assert_true(strcmp(srv_servers(&scene), "27017 27019") == 0 ||
                strcmp(srv_servers(&scene), "27017 27020") == 0);
    scene_end(&scene);
}

static void prose_13_another_service_is_polled(void **state)
{
    static const char name[] = "_customname._tcp.test22." SRV_DOMAIN;
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, name, "27017", 60);
    srv_open_at(&scene, "test22." SRV_DOMAIN, "&srvServiceName=customname", NULL);
    srv_ping(&scene);
    srv_ports(&scene, name, "27019 27020", 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27019 27020");
    scene_end(&scene);
}

/* --- when --------------------------------------------------------------------------------------*/

static void the_time_to_live_makes_the_interval(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "");
    sim_run_for(scene.world, 59 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 1);
    srv_ports(&scene, SRV_1, "27017 27018", 300);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 2);
    sim_run_for(scene.world, 298 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 2);
    srv_ports(&scene, SRV_1, "27017 27018", 1);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 3);
    sim_run_for(scene.world, 60 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 4);
    /* Options are read once. */
    assert_int_equal(sim_txt_asked(scene.world, TXT_1), 1);
    scene_end(&scene);
}

static void a_topology_that_is_still_unknown_is_polled(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    srv_world(&scene);
    sim_on_connect(scene.server, SIM_REFUSE, 0);
    srv_ports(&scene, SRV_1, "27017", 60);
    srv_open(&scene, "&serverSelectionTimeoutMS=90000", NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 50 * SIM_SECOND);
    CHECK_PENDING(&call);
    srv_ports(&scene, SRV_1, "27018", 60);
    sim_run_for(scene.world, 15 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
    CHECK_SERVERS(&scene, "27018");
    scene_end(&scene);
}

static void a_replica_set_is_not_polled(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    sim_forget(scene.server, "hello");
    sim_on(scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'setName': 'rs', "
                                 "'hosts': ['" SRV_TARGET ":27017'], 'maxWireVersion': 21}"});
    srv_ports(&scene, SRV_1, "27017", 60);
    srv_open(&scene, "", NULL);
    srv_ping(&scene);
    srv_ports(&scene, SRV_1, "27018", 60);
    sim_run_for(scene.world, 10 * SRV_MINUTE);
    CHECK_SERVERS(&scene, "27017");
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 1);
    scene_end(&scene);
}

/* --- which -------------------------------------------------------------------------------------*/

static void foreign_hosts_are_left_out(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017 27018", "");
    sim_srv(scene.world, SRV_1, "evil.build.10gen.cc:27020 " SRV_TARGET ":27018", 60, SRV_DELAY);
    sim_name(scene.world, "evil.build.10gen.cc", "10.0.0.1", SIM_MS);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27018");
    sim_srv(scene.world, SRV_1, "evil.build.10gen.cc:27020", 60, SRV_DELAY);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27018");
    scene_end(&scene);
}

typedef struct heard {
    unsigned count;
    char failure[256]; /* Of the last message. */
} heard_t;

static void on_message(const muv_log_message_t *message, void *data)
{
    heard_t *heard = data;
    bson_iter_t iter;

    if (message->level > MUV_LOG_WARN) {
        return;
    }
    heard->count++;
    assert_int_equal(message->component, MUV_LOG_TOPOLOGY);
    assert_true(bson_iter_init_find(&iter, message->data, "failure"));
    bson_strncpy(heard->failure, bson_iter_utf8(&iter, NULL), sizeof heard->failure);
}

/* (Polling SRV Records: what is not in order should be logged, with the host's name.) */
static void what_polling_finds_wrong_is_logged(void **state)
{
    heard_t heard = {.count = 0};
    muv_log_opts_t log = {.cb = on_message, .data = &heard, .topology = MUV_LOG_WARN};
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017", 60);
    srv_open(&scene, "", &(muv_client_opts_t){.log = &log});
    srv_ping(&scene);
    assert_int_equal(heard.count, 0);
    sim_srv(scene.world, SRV_1, "evil.build.10gen.cc:27020 " SRV_TARGET ":27017", 60, SRV_DELAY);
    sim_run_for(scene.world, SRV_MINUTE + SIM_SECOND);
    assert_int_equal(heard.count, 1);
    CHECK_CONTAINS(heard.failure, "evil.build.10gen.cc");
    sim_srv_fails(scene.world, SRV_1, "the server failed", false, 0);
    sim_run_for(scene.world, SRV_MINUTE);
    assert_int_equal(heard.count, 2);
    CHECK_CONTAINS(heard.failure, SRV_1 ": the server failed");
    scene_end(&scene);
}

/* Connections of hosts that stay live on. */
static void hosts_that_stay_keep_their_connections(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017", "");
    srv_ports(&scene, SRV_1, "27017 27018", 60);
    wait_twice(&scene);
    CHECK_SERVERS(&scene, "27017 27018");
    assert_int_equal(sim_counts(scene.server).closed_by_client, 0);
    scene_end(&scene);
}

/* --- life --------------------------------------------------------------------------------------*/

/* Polling alone keeps no program alive. */
static void a_client_without_operations_lets_the_loop_end(void **state)
{
    scene_t scene;
    int64_t start_us;

    (void)state;
    begin(&scene, SRV_1, "27017", "");
    start_us = sim_now_us(scene.world);
    sim_run(scene.world);
    assert_in_range(sim_now_us(scene.world) - start_us, 0, SRV_MINUTE / 2);
    scene_end(&scene);
}

static void it_can_be_closed_while_a_poll_is_under_way(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene, SRV_1, "27017", "");
    sim_srv_fails(scene.world, SRV_1, "", false, SIM_NEVER);
    sim_run_for(scene.world, SRV_MINUTE + SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 2);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prose_1_a_new_record_adds_a_host),
        cmocka_unit_test(prose_2_a_removed_record_removes_its_host),
        cmocka_unit_test(prose_3_a_record_can_be_replaced),
        cmocka_unit_test(prose_4_both_can_be_replaced_by_one),
        cmocka_unit_test(prose_5_both_can_be_replaced_by_two),
        cmocka_unit_test(prose_6_a_timeout_changes_nothing),
        cmocka_unit_test(prose_7_a_failure_changes_nothing),
        cmocka_unit_test(prose_8_no_records_change_nothing),
        cmocka_unit_test(prose_9_load_balancers_are_not_polled),
        cmocka_unit_test(prose_10_without_a_limit_all_new_hosts_come),
        cmocka_unit_test(prose_11_a_limit_that_is_not_reached_does_nothing),
        cmocka_unit_test(prose_12_up_to_a_limit_new_hosts_are_drawn),
        cmocka_unit_test(prose_13_another_service_is_polled),
        cmocka_unit_test(the_time_to_live_makes_the_interval),
        cmocka_unit_test(a_topology_that_is_still_unknown_is_polled),
        cmocka_unit_test(a_replica_set_is_not_polled),
        cmocka_unit_test(foreign_hosts_are_left_out),
        cmocka_unit_test(what_polling_finds_wrong_is_logged),
        cmocka_unit_test(hosts_that_stay_keep_their_connections),
        cmocka_unit_test(a_client_without_operations_lets_the_loop_end),
        cmocka_unit_test(it_can_be_closed_while_a_poll_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
