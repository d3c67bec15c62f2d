/* SPDX-License-Identifier: Apache-2.0 */
/* The first look-up of mongodb+srv:// in virtual time: when it is made, how operations wait for it,
 * what ends them and when it is repeated. The prose tests of Initial DNS Seedlist Discovery. */
#include "srv_scene.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* --- it works ----------------------------------------------------------------------------------*/

static void nothing_is_asked_before_the_first_operation(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017 27018", 300);
    srv_open(&scene, "", NULL);
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 0);
    CHECK_SERVERS(&scene, "");
    srv_ping(&scene);
    CHECK_SERVERS(&scene, "27017 27018");
    srv_ping(&scene);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 1);
    assert_int_equal(sim_txt_asked(scene.world, TXT_1), 1);
    scene_end(&scene);
}

static void operations_wait_for_the_answers(void **state)
{
    enum { COUNT = 5 };
    scene_t scene;
    call_t calls[COUNT] = {{0}};

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017", 300);
    sim_txt(scene.world, TXT_1, "authSource=admin", 3 * SIM_SECOND);
    srv_open(&scene, "", NULL);
    for (int i = 0; i < COUNT; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
    }
    sim_run_for(scene.world, 2900 * SIM_MS);
    CHECK_PENDING(&calls[0]);
    assert_int_equal(scene_stats(&scene).servers, 0);
    sim_run_for(scene.world, 200 * SIM_MS);
    CHECK_ALL_ENDED(calls, COUNT, 0);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 1);
    scene_end(&scene);
}

static void a_limit_draws_some_of_the_hosts(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017 27018 27019 27020", 300);
    srv_open(&scene, "", &(muv_client_opts_t){.srv_max_hosts = 3});
    srv_ping(&scene);
    assert_int_equal(strlen(srv_servers(&scene)), 3 * 6 - 1);
    scene_end(&scene);
}

static void the_service_can_have_another_name(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, "_other._tcp.test1." SRV_DOMAIN, "27018", 300);
    srv_open(&scene, "", &(muv_client_opts_t){.srv_service_name = "other"});
    srv_ping(&scene);
    CHECK_SERVERS(&scene, "27018");
    scene_end(&scene);
}

/* Without the set name of the TXT record the members would be refused. */
static void options_come_from_the_txt_record(void **state)
{
    scene_t scene;

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017", 300);
    sim_txt(scene.world, TXT_1, "replicaSet=other", SIM_MS);
    srv_open(&scene, "&serverSelectionTimeoutMS=600", NULL);
    call_t call = {0};
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESELECTION);
    CHECK_CONTAINS(call.error.message, "ReplicaSetNoPrimary");
    scene_end(&scene);
}

/* --- answers that are final --------------------------------------------------------------------*/

/* All that wait end at once with this text; the client lives on and finds better records. */
static void check_final_of(scene_t *scene, const char *text)
{
    call_t calls[3] = {{0}};

    CHECK_CODE(call_start(scene, &calls[0], 0, 0), 0);
    CHECK_CODE(call_start(scene, &calls[1], 1, 0), 0);
    sim_run_for(scene->world, 10 * SIM_MS);
    CHECK_ALL_ENDED(calls, 2, MUV_EDNS);
    assert_int_equal(calls[0].error.domain, MUV_DOMAIN_DNS);
    CHECK_CONTAINS(calls[0].error.message, text);
}

static void check_final(const char *targets, const char *txt, const char *options, const char *text)
{
    scene_t scene;

    srv_world(&scene);
    if (targets != NULL) {
        sim_srv(scene.world, SRV_1, targets, 300, SRV_DELAY);
    }
    if (txt != NULL) {
        sim_txt(scene.world, TXT_1, txt, SIM_MS);
    }
    srv_open(&scene, options, NULL);
    check_final_of(&scene, text);
    srv_ports(&scene, SRV_1, "27019", 300);
    sim_txt_fails(scene.world, TXT_1, "no such record", true, SIM_MS);
    sim_run_for(scene.world, SIM_SECOND);
    srv_ping(&scene);
    CHECK_SERVERS(&scene, "27019");
    scene_end(&scene);
}

#define GOOD SRV_TARGET ":27017"

static void a_name_without_records_is_named(void **state)
{
    (void)state;
    check_final(NULL, NULL, "", "SRV records of " SRV_1 ": Domain name not found");
}

static void a_bad_txt_record_is_named(void **state)
{
    (void)state;
    check_final(GOOD, "a=1\nb=2", "", "TXT record of " TXT_1 ": there are 2");
    check_final(GOOD, "socketTimeoutMS=500", "", "an option other than");
    check_final(GOOD, "authSource", "", "key=value");
}

static void options_that_contradict_are_named(void **state)
{
    (void)state;
    check_final(GOOD, "replicaSet=rs", "&srvMaxHosts=1", "srvMaxHosts");
    check_final(GOOD " " SRV_TARGET ":27018", "loadBalanced=true", "", "several hosts");
}

static void a_good_host_beside_a_foreign_one_does_not_help(void **state)
{
    (void)state;
    check_final(GOOD " evil.build.10gen.cc:27017", NULL, "", "evil.build.10gen.cc");
}

/* A look-up that has just failed is not repeated at once, however many operations come. */
static void the_next_look_up_waits_half_a_second(void **state)
{
    scene_t scene;
    call_t calls[3] = {{0}};

    (void)state;
    srv_world(&scene);
    srv_open(&scene, "", NULL);
    check_final_of(&scene, SRV_1);
    CHECK_CODE(call_start(&scene, &calls[0], 0, 0), 0);
    sim_run_for(scene.world, 300 * SIM_MS);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[2], 2, 100), 0);
    sim_run_for(scene.world, 150 * SIM_MS);
    CHECK_ENDED(&calls[2], MUV_ETIMEOUT);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 1);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_ALL_ENDED(calls, 2, MUV_EDNS);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 2);
    /* Without operations nobody asks. */
    sim_run_for(scene.world, 10 * SIM_SECOND);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 2);
    scene_end(&scene);
}

/* --- failures that may pass --------------------------------------------------------------------*/

static void a_failing_name_server_is_asked_again(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    srv_world(&scene);
    sim_srv_fails(scene.world, SRV_1, "the server failed", false, SRV_DELAY);
    srv_open(&scene, "", NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 1600 * SIM_MS);
    CHECK_PENDING(&call);
    assert_int_equal(sim_srv_asked(scene.world, SRV_1), 4);
    srv_ports(&scene, SRV_1, "27017", 300);
    sim_txt_fails(scene.world, TXT_1, "the server failed", false, SRV_DELAY);
    sim_run_for(scene.world, 1000 * SIM_MS);
    CHECK_PENDING(&call);
    sim_txt_fails(scene.world, TXT_1, "no such record", true, SRV_DELAY);
    sim_run_for(scene.world, 1000 * SIM_MS);
    CHECK_ENDED(&call, 0);
    scene_end(&scene);
}

static void the_selection_timeout_ends_the_wait(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    srv_world(&scene);
    sim_srv_fails(scene.world, SRV_1, "the server failed", false, SRV_DELAY);
    srv_open(&scene, "&serverSelectionTimeoutMS=1200", NULL);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 1, 700), 0);
    sim_run_for(scene.world, 1190 * SIM_MS);
    CHECK_ENDED(&calls[1], MUV_ETIMEOUT);
    CHECK_PENDING(&calls[0]);
    sim_run_for(scene.world, 20 * SIM_MS);
    CHECK_ENDED(&calls[0], MUV_EDNS);
    CHECK_CONTAINS(calls[0].error.message, SRV_1 ": the server failed");
    scene_end(&scene);
}

static void silence_is_bounded_by_the_connect_timeout(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017", 300);
    sim_txt_fails(scene.world, TXT_1, "", false, SIM_NEVER);
    srv_open(&scene, "&connectTimeoutMS=200&serverSelectionTimeoutMS=1000", NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 950 * SIM_MS);
    assert_int_equal(sim_txt_asked(scene.world, TXT_1), 2);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_ENDED(&call, MUV_EDNS);
    CHECK_CONTAINS(call.error.message,
                   "TXT record of " TXT_1 ": no answer within connectTimeoutMS");
    scene_end(&scene);
}

static void the_first_silence_names_the_record_too(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    srv_world(&scene);
    sim_srv_fails(scene.world, SRV_1, "", false, SIM_NEVER);
    srv_open(&scene, "&serverSelectionTimeoutMS=300", NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EDNS);
    CHECK_CONTAINS(call.error.message, SRV_1);
    CHECK_CONTAINS(call.error.message, "serverSelectionTimeoutMS");
    scene_end(&scene);
}

/* --- cancel and close --------------------------------------------------------------------------*/

static void a_waiting_operation_can_be_cancelled(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017", 300);
    srv_open(&scene, "", NULL);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    call_cancel(&calls[0]);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&calls[0], MUV_ECANCELED);
    CHECK_ENDED(&calls[1], 0);
    scene_end(&scene);
}

/* Every 250 us of a life that begins with a failure, ends in a poll, and is closed there. */
static void it_can_be_closed_at_any_moment(void **state)
{
    (void)state;
    for (int step = 0; step < 60; step++) {
        for (int mode = MUV_CLOSE_DRAIN; mode <= MUV_CLOSE_ABORT; mode++) {
            scene_t scene;
            call_t call = {0};
            int64_t when_us = step < 40 ? step * 250 : (step - 40) * SRV_MINUTE / 12;

            srv_world(&scene);
            srv_ports(&scene, SRV_1, "27017 27018", 60);
            sim_txt(scene.world, TXT_1, "authSource=a", 3 * SIM_MS);
            srv_open(&scene, "", NULL);
            CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
            sim_run_for(scene.world, when_us);
            CHECK_CODE(scene_close(&scene, mode), 0);
            sim_run(scene.world);
            assert_int_equal(call.ended, 1);
            assert_true(call.code == 0 || (mode == MUV_CLOSE_ABORT && call.code == MUV_ECLOSED));
            scene_end(&scene);
        }
    }
}

static void it_can_be_closed_during_a_pause(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    srv_world(&scene);
    sim_srv_fails(scene.world, SRV_1, "the server failed", false, SRV_DELAY);
    srv_open(&scene, "", NULL);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run(scene.world);
    CHECK_ENDED(&call, MUV_ECLOSED);
    scene_end(&scene);
}

static void close_in_callback(call_t *call)
{
    (void)scene_close(call->scene, MUV_CLOSE_ABORT);
}

static void it_can_be_closed_by_those_it_fails(void **state)
{
    scene_t scene;
    call_t calls[2] = {{.then = close_in_callback}, {0}};

    (void)state;
    srv_world(&scene);
    srv_open(&scene, "", NULL);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, 2, MUV_EDNS);
    scene_end(&scene);
}

/* --- memory ------------------------------------------------------------------------------------*/

/* Is there memory again after a failure? */
static bool memory_is_back(void)
{
    bool had_failed = alloc_has_failed();
    void *probe = muv__mem_alloc(1);

    muv__mem_free(probe);
    return had_failed && probe != NULL;
}

/* What failed for want of memory succeeds when it is tried again. */
static void check_usable(scene_t *scene)
{
    call_t call = {0};

    for (int attempt = 0; attempt < 3 && memory_is_back(); attempt++) {
        memset(&call, 0, sizeof call);
        CHECK_CODE(call_start(scene, &call, 7, 0), 0);
        sim_run_until(scene->world, &call.ended, 1, 40 * SIM_SECOND);
        if (call.code == 0) {
            assert_in_range(strlen(srv_servers(scene)), 5, 11);
            return;
        }
    }
    assert_int_equal(call.code, 0);
}

static void live(void *data)
{
    scene_t scene;
    call_t call = {0};
    muv_error_t error;
    int status;

    (void)data;
    srv_world(&scene);
    srv_ports(&scene, SRV_1, "27017 27018", 60);
    sim_txt(scene.world, TXT_1, "authSource=a", SIM_MS);
    status = muv_client_new(sim_loop(scene.world), "mongodb+srv://" TXT_1 "/?tls=false", NULL,
                            &error, &scene.client);
    if (status == 0) {
        if (call_start(&scene, &call, 1, 4000) == 0) {
            sim_run_until(scene.world, &call.ended, 1, 10 * SIM_SECOND);
            assert_true(call.code == 0 || alloc_has_failed());
        }
        check_usable(&scene);
        sim_run_for(scene.world, SRV_MINUTE + SIM_SECOND);
        (void)scene_close(&scene, MUV_CLOSE_ABORT);
        sim_run(scene.world);
        assert_int_equal(scene.closed, 1);
    } else {
        CHECK_CODE(status, MUV_ENOMEM);
        sim_run(scene.world);
    }
    sim_free(scene.world);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 40);
}

/* --- prose tests 1 to 4 ------------------------------------------------------------------------*/

static void prose_1_short_names_are_looked_up(void **state)
{
    static const char *const names[] = {"localhost", "mongo.local"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        scene_t scene;
        char target[64];
        char record[64];

        srv_world(&scene);
        (void)snprintf(record, sizeof record, "_mongodb._tcp.%s", names[i]);
        (void)snprintf(target, sizeof target, "a.%s:27017", names[i]);
        sim_srv(scene.world, record, target, 60, SRV_DELAY);
        target[strcspn(target, ":")] = '\0';
        sim_name(scene.world, target, "10.0.0.1", SIM_MS);
        srv_open_at(&scene, names[i], "", NULL);
        srv_ping(&scene);
        CHECK_SERVERS(&scene, "27017");
        scene_end(&scene);
    }
}

/* 2: foreign domains. 3: the name itself. 4: no dot before the domain. */
static void prose_2_to_4_bad_targets_are_errors(void **state)
{
    static const char *const cases[][2] = {
        {"localhost", "localhost.mongodb"},
        {"mongo.local", "test_1.evil.local"},
        {"blogs.mongodb.com", "blogs.evil.com"},
        {"localhost", "localhost"},
        {"mongo.local", "mongo.local"},
        {"localhost", "test_1.cluster_1localhost"},
        {"mongo.local", "test_1.my_hostmongo.local"},
        {"blogs.mongodb.com", "cluster.testmongodb.com"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_t scene;
        char target[64];
        char record[64];

        srv_world(&scene);
        (void)snprintf(record, sizeof record, "_mongodb._tcp.%s", cases[i][0]);
        (void)snprintf(target, sizeof target, "%s:27017", cases[i][1]);
        sim_srv(scene.world, record, target, 60, SRV_DELAY);
        sim_name(scene.world, cases[i][1], "10.0.0.1", SIM_MS);
        srv_open_at(&scene, cases[i][0], "", NULL);
        check_final_of(&scene, "does not lie in the domain");
        assert_int_equal(sim_counts(scene.server).accepted, 0);
        scene_end(&scene);
    }
}

/* --- options -----------------------------------------------------------------------------------*/

static void check_refused(const char *uri, const muv_client_opts_t *opts, const char *text)
{
    sim_world_t *world = sim_new(1);
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(sim_loop(world), uri, opts, &error, &client), MUV_EINVAL);
    CHECK_CONTAINS(error.message, text);
    assert_null(client);
    sim_free(world);
}

static void what_needs_no_look_up_is_refused_at_once(void **state)
{
    (void)state;
    alloc_install();
    check_refused("mongodb+srv://a.b.c,d.b.c/?tls=false", NULL, "exactly one host");
    check_refused("mongodb+srv://a.b.c:27017/?tls=false", NULL, "without port");
    check_refused("mongodb+srv://a.b.c/?tls=false",
                  &(muv_client_opts_t){.direct_connection = MUV_YES}, "directConnection");
    check_refused("mongodb://a.b.c/", &(muv_client_opts_t){.srv_max_hosts = 1}, "srvMaxHosts");
    check_refused("mongodb://a.b.c/", &(muv_client_opts_t){.srv_service_name = "a"},
                  "srvServiceName");
    check_refused("mongodb+srv://a.b.c/?tls=false", &(muv_client_opts_t){.srv_service_name = "-"},
                  "srvServiceName");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_before_the_first_operation),
        cmocka_unit_test(operations_wait_for_the_answers),
        cmocka_unit_test(a_limit_draws_some_of_the_hosts),
        cmocka_unit_test(the_service_can_have_another_name),
        cmocka_unit_test(options_come_from_the_txt_record),
        cmocka_unit_test(a_name_without_records_is_named),
        cmocka_unit_test(a_bad_txt_record_is_named),
        cmocka_unit_test(options_that_contradict_are_named),
        cmocka_unit_test(a_good_host_beside_a_foreign_one_does_not_help),
        cmocka_unit_test(the_next_look_up_waits_half_a_second),
        cmocka_unit_test(a_failing_name_server_is_asked_again),
        cmocka_unit_test(the_selection_timeout_ends_the_wait),
        cmocka_unit_test(silence_is_bounded_by_the_connect_timeout),
        cmocka_unit_test(the_first_silence_names_the_record_too),
        cmocka_unit_test(a_waiting_operation_can_be_cancelled),
        cmocka_unit_test(it_can_be_closed_at_any_moment),
        cmocka_unit_test(it_can_be_closed_during_a_pause),
        cmocka_unit_test(it_can_be_closed_by_those_it_fails),
        cmocka_unit_test_teardown(every_allocation_may_fail, alloc_teardown),
        cmocka_unit_test(prose_1_short_names_are_looked_up),
        cmocka_unit_test(prose_2_to_4_bad_targets_are_errors),
        cmocka_unit_test(what_needs_no_look_up_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
