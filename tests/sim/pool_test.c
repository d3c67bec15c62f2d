/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of a whole client in virtual time (Connection Monitoring and Pooling): what it does by
 * itself, what becomes of it when servers fail, and who waits for it. Its rules as a machine are in
 * tests/unit/pool, the official files in tests/spec. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct rig {
    scene_t scene;
    char text[2048]; /* "[ms] event" lines; check-outs of success are left out. */
    int64_t since_us;
} rig_t;

static bool is_told(int type)
{
    return type != MUV_EVENT_POOL_CREATED && type != MUV_EVENT_CHECK_OUT_STARTED &&
           type != MUV_EVENT_CHECKED_OUT && type != MUV_EVENT_CHECKED_IN;
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    rig_t *rig = data;
    size_t length = strlen(rig->text);
    double at_ms = (double)(sim_now_us(rig->scene.world) - rig->since_us) / 1000;

    if (!is_told(event->head.type) || length > sizeof rig->text - 100) {
        return;
    }
    length += (size_t)snprintf(rig->text + length, sizeof rig->text - length, "[%.0f] %s", at_ms,
                               event->head.name + strlen("Connection"));
    if (event->connection_id != 0) {
        length += (size_t)snprintf(rig->text + length, sizeof rig->text - length, " %u",
                                   (unsigned)event->connection_id);
    }
    (void)snprintf(rig->text + length, sizeof rig->text - length, "%s%s%s\n",
                   event->reason[0] != '\0' ? " " : "", event->reason,
                   event->interrupt_in_use ? " interrupt" : "");
}

static void rig_open(rig_t *rig, const muv_client_opts_t *opts)
{
    muv_client_opts_t own = opts != NULL ? *opts : (muv_client_opts_t){0};
    muv_listener_t listener = {.on_pool = on_pool, .data = rig};

    memset(rig, 0, sizeof *rig);
    own.listener = &listener;
    own.server_monitoring_mode = "poll";
    scene_open(&rig->scene, &own);
}

static void run(rig_t *rig, int64_t duration_us)
{
    sim_run_for(rig->scene.world, duration_us);
}

/* The events so far are forgotten, and their clock stands at 0. */
static void from_here(rig_t *rig)
{
    rig->text[0] = '\0';
    rig->since_us = sim_now_us(rig->scene.world);
}

#define CHECK_EVENTS(rig, expected) check_events(rig, expected, __FILE__, __LINE__)

static void check_events(rig_t *rig, const char *expected, const char *file, int line)
{
    if (strcmp(rig->text, expected) != 0) {
        print_error("the pool says\n%sinstead of\n%s", rig->text, expected);
        check_fail_at(file, line);
    }
    rig->text[0] = '\0';
}

static void connect_client(rig_t *rig)
{
    CHECK_CODE(muv_client_connect(rig->scene.client, NULL, NULL, NULL, NULL), 0);
    from_here(rig);
}

/* --- what it does by itself --------------------------------------------------------------------*/

static void it_warms_up_once_the_server_is_known(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.min_pool_size = 3, .max_connecting = 2});
    connect_client(&rig);
    run(&rig, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[2] Created 2\n[4] Ready 1\n"
                       "[4] Created 3\n[4] Ready 2\n[6] Ready 3\n");
    assert_int_equal(scene_stats(&rig.scene).connections_idle, 3);
    scene_end(&rig.scene);
}

static void an_idle_connection_ends_in_its_time_and_is_replaced(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.min_pool_size = 1, .max_idle_ms = 3000});
    connect_client(&rig);
    run(&rig, 4 * SIM_SECOND);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[4] Ready 1\n"
                       "[3004] Closed 1 idle\n[3004] Created 2\n[3006] Ready 2\n");
    scene_end(&rig.scene);
}

/* The monitor's hello is good; that of the pool says that something is wrong with the server. */
static void an_error_while_warming_up_is_an_error_of_the_server(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.min_pool_size = 1});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.times = 1});
    sim_on(rig.scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 0, 'code': 13, 'errmsg': 'no'}", .times = 1});
    connect_client(&rig);
    run(&rig, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[4] PoolCleared\n[4] Closed 1 error\n");
    run(&rig, 10 * SIM_SECOND);
    CHECK_CONTAINS(rig.text, "PoolReady\n");
    CHECK_CONTAINS(rig.text, "Ready 2\n");
    scene_end(&rig.scene);
}

/* A server that does not accept is taken for overloaded: its pool stays as it is, and is filled
 * after 100, 200, 400 ms ... */
static void warming_up_backs_off_from_a_server_that_does_not_accept(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.min_pool_size = 1});
    sim_on_connect(rig.scene.server, SIM_ACCEPT, 1);
    sim_on_connect(rig.scene.server, SIM_REFUSE, 3);
    connect_client(&rig);
    run(&rig, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[3] Closed 1 error\n"
                       "[103] Created 2\n[104] Closed 2 error\n"
                       "[304] Created 3\n[305] Closed 3 error\n"
                       "[705] Created 4\n[707] Ready 4\n");
    scene_end(&rig.scene);
}

/* (CSOT: each command of a handshake that no operation waits for has timeoutMS.) */
static void a_handshake_for_min_size_has_the_clients_timeout(void **state)
{
    rig_t rig;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.min_pool_size = 1, .timeout_ms = 10});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.times = 1});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.delay_us = 15 * SIM_MS, .times = 1});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.delay_us = 8 * SIM_MS, .times = 1});
    connect_client(&rig);
    run(&rig, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[13] Closed 1 error\n"
                       "[113] Created 2\n[123] Ready 2\n");
    scene_end(&rig.scene);
}

/* --- servers that fail -------------------------------------------------------------------------*/

/* The check takes longer than connectTimeoutMS: nobody waits any longer for that server. */
static void a_monitors_timeout_interrupts_what_is_in_use_or_pending(void **state)
{
    rig_t rig;
    call_t busy = {0};
    call_t queued = {0};

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.heartbeat_frequency_ms = 10000,
                                        .connect_timeout_ms = 2000,
                                        .retry_reads = MUV_NO});
    scene_warm(&rig.scene, 1);
    sim_on(rig.scene.server, "slow", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start_as(&rig.scene, &busy, 1,
                             &(call_opts_t){.name = "slow", .kind = MUV_COMMAND_READ}),
               0);
    /* The second check begins at about 10 s; nothing is answered from here on. */
    sim_on(rig.scene.server, "hello", &(sim_step_t){.act = SIM_SILENCE, .times = 2});
    from_here(&rig);
    run(&rig, SIM_SECOND);
    CHECK_PENDING(&busy);
    run(&rig, 20 * SIM_SECOND);
    CHECK_ENDED(&busy, MUV_ENETWORK);
    assert_string_equal(busy.error.message,
                        "Connection to 10.0.0.1:27017 interrupted due to server monitor timeout");
    CHECK_CONTAINS(rig.text, "PoolCleared interrupt\n");
    CHECK_CONTAINS(rig.text, "Closed 1 stale\n");
    CHECK_CODE(call_start(&rig.scene, &queued, 1, 0), 0);
    run(&rig, 20 * SIM_SECOND);
    CHECK_ENDED(&queued, 0);
    scene_end(&rig.scene);
}

static void a_clear_closes_idle_connections_at_once_and_those_in_use_later(void **state)
{
    rig_t rig;
    call_t busy = {0};
    call_t call = {0};

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.retry_reads = MUV_NO, .retry_writes = MUV_NO});
    scene_warm(&rig.scene, 3);
    sim_on(rig.scene.server, "slow", &(sim_step_t){.delay_us = 100 * SIM_MS});
    sim_on(rig.scene.server, "insert",
           &(sim_step_t){.json = "{'ok': 0, 'code': 91, 'errmsg': 'bye'}", .times = 1});
    CHECK_CODE(call_start_as(&rig.scene, &busy, 1, &(call_opts_t){.name = "slow"}), 0);
    CHECK_CODE(call_start_as(&rig.scene, &call, 1,
                             &(call_opts_t){.name = "insert", .kind = MUV_COMMAND_WRITE}),
               0);
    from_here(&rig);
    run(&rig, 50 * SIM_MS);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(scene_stats(&rig.scene).connections, 1);
    run(&rig, 100 * SIM_MS);
    CHECK_ENDED(&busy, 0);
    CHECK_EVENTS(&rig, "[1] PoolCleared\n[1] Closed 2 stale\n[1] Closed 1 stale\n"
                       "[101] Closed 3 stale\n");
    scene_end(&rig.scene);
}

/* --- who waits ---------------------------------------------------------------------------------*/

static void waiters_are_served_in_the_order_in_which_they_came(void **state)
{
    enum { COUNT = 20 };
    rig_t rig;
    call_t calls[COUNT] = {{0}};

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.max_pool_size = 3});
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_CODE(call_start(&rig.scene, &calls[i], (int64_t)i, 0), 0);
    }
    sim_run(rig.scene.world);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_ENDED(&calls[i], 0);
        assert_int_equal(calls[i].order, i + 1);
    }
    scene_end(&rig.scene);
}

/* The official fail point delays handshakes: a connection that is checked in serves a waiter whose
 * own connection is still being established. */
static void a_connection_that_is_checked_in_beats_one_that_is_established(void **state)
{
    rig_t rig;
    call_t first = {0};
    call_t second = {0};

    (void)state;
    rig_open(&rig, NULL);
    scene_warm(&rig.scene, 1);
    sim_on(rig.scene.server, "slow", &(sim_step_t){.delay_us = 20 * SIM_MS});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.delay_us = SIM_SECOND, .times = 1});
    CHECK_CODE(call_start_as(&rig.scene, &first, 1, &(call_opts_t){.name = "slow"}), 0);
    CHECK_CODE(call_start(&rig.scene, &second, 2, 0), 0);
    run(&rig, 30 * SIM_MS);
    CHECK_ENDED(&first, 0);
    CHECK_ENDED(&second, 0);
    assert_int_equal(sim_counts(rig.scene.server).users, 1);
    scene_end(&rig.scene);
}

static void a_failed_check_out_is_told_to_who_asked_for_the_connection(void **state)
{
    rig_t rig;
    call_t call = {0};

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.retry_reads = MUV_NO});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.times = 1});
    sim_on(rig.scene.server, "hello", &(sim_step_t){.act = SIM_RESET, .times = 1});
    from_here(&rig);
    CHECK_CODE(call_start_as(&rig.scene, &call, 1, &(call_opts_t){.kind = MUV_COMMAND_READ}), 0);
    run(&rig, 100 * SIM_MS);
    CHECK_ENDED(&call, MUV_ENETWORK);
    assert_true((call.error.labels & MUV_LABEL_SYSTEM_OVERLOADED) != 0);
    CHECK_EVENTS(&rig, "[2] PoolReady\n[2] Created 1\n[4] Closed 1 error\n"
                       "[4] CheckOutFailed connectionError\n");
    scene_end(&rig.scene);
}

/* --- operations that are given up --------------------------------------------------------------*/

enum { CROWD = 500 };

/* All are on their connections when they are cancelled, and as many follow in the same turn. */
static void check_crowd_is_cancelled(unsigned pool_size)
{
    rig_t rig;
    call_t *late = calls_new(CROWD);
    call_t *fresh = calls_new(CROWD);
    sim_counts_t before;

    rig_open(&rig, &(muv_client_opts_t){.max_pool_size = (int32_t)pool_size});
    scene_warm(&rig.scene, pool_size);
    before = sim_counts(rig.scene.server);
    from_here(&rig);
    sim_on(rig.scene.server, "ping", &(sim_step_t){.delay_us = 50 * SIM_MS, .times = pool_size});
    for (unsigned i = 0; i < CROWD; i++) {
        CHECK_CODE(call_start(&rig.scene, &late[i], (int64_t)i, 0), 0);
    }
    /* 51 ms after the start the replies are here: 5 ms from now. */
    run(&rig, 46 * SIM_MS);
    for (unsigned i = 0; i < CROWD; i++) {
        call_cancel(&late[i]);
        CHECK_CODE(call_start(&rig.scene, &fresh[i], (int64_t)i, 0), 0);
    }
    sim_run(rig.scene.world);
    CHECK_ALL_ENDED(late, CROWD, MUV_ECANCELED);
    CHECK_ALL_ENDED(fresh, CROWD, 0);
    assert_int_equal(sim_counts(rig.scene.server).accepted, before.accepted);
    assert_int_equal(sim_counts(rig.scene.server).closed_by_client, before.closed_by_client);
    assert_int_equal(scene_stats(&rig.scene).connections_idle, pool_size);
    scene_end(&rig.scene);
    free(late);
    free(fresh);
}

static void five_hundred_cancels_close_nothing_when_the_replies_are_merely_late(void **state)
{
    (void)state;
    check_crowd_is_cancelled(100);
    check_crowd_is_cancelled(500);
    check_crowd_is_cancelled(1);
}

static void a_pool_of_one_does_not_wait_for_a_cancelled_query_of_ten_seconds(void **state)
{
    rig_t rig;
    call_t slow = {0};
    call_t call = {0};
    int64_t started_us;

    (void)state;
    rig_open(&rig, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&rig.scene, 1);
    sim_on(rig.scene.server, "slow", &(sim_step_t){.delay_us = 10 * SIM_SECOND});
    CHECK_CODE(call_start_as(&rig.scene, &slow, 1, &(call_opts_t){.name = "slow"}), 0);
    run(&rig, 100 * SIM_MS);
    call_cancel(&slow);
    started_us = sim_now_us(rig.scene.world);
    CHECK_CODE(call_start(&rig.scene, &call, 2, 0), 0);
    run(&rig, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    /* The drain grace of 5 ms, a handshake of 2 ms, the command. */
    assert_in_range(call.ended_us - started_us, 5 * SIM_MS, 10 * SIM_MS);
    scene_end(&rig.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_warms_up_once_the_server_is_known),
        cmocka_unit_test(an_idle_connection_ends_in_its_time_and_is_replaced),
        cmocka_unit_test(an_error_while_warming_up_is_an_error_of_the_server),
        cmocka_unit_test(warming_up_backs_off_from_a_server_that_does_not_accept),
        cmocka_unit_test(a_handshake_for_min_size_has_the_clients_timeout),
        cmocka_unit_test(a_monitors_timeout_interrupts_what_is_in_use_or_pending),
        cmocka_unit_test(a_clear_closes_idle_connections_at_once_and_those_in_use_later),
        cmocka_unit_test(waiters_are_served_in_the_order_in_which_they_came),
        cmocka_unit_test(a_connection_that_is_checked_in_beats_one_that_is_established),
        cmocka_unit_test(a_failed_check_out_is_told_to_who_asked_for_the_connection),
        cmocka_unit_test(five_hundred_cancels_close_nothing_when_the_replies_are_merely_late),
        cmocka_unit_test(a_pool_of_one_does_not_wait_for_a_cancelled_query_of_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
