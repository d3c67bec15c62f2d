/* SPDX-License-Identifier: Apache-2.0 */
/* Load-balanced mode in virtual time: connecting, errors, waiting, events. The sections named after
 * files are the rules of the official folder load-balancers. */
#include "balancer.h"

#include "client/client_inner.h"

#include <string.h>

/* --- connecting --------------------------------------------------------------------------------*/

static void nothing_is_monitored_and_the_pool_is_ready_at_once(void **state)
{
    balancer_t b;
    call_t call = {0};

    (void)state;
    balancer_open(&b, NULL, "A");
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, 10 * SIM_MS);
    CHECK_ENDED(&call, 0);
    balancer_run(&b, 60 * SIM_SECOND);
    assert_int_equal(sim_counts(b.scene.server).accepted, 1);
    assert_int_equal(sim_counts(b.scene.server).hellos, 1);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCheckedIn 1\n");
    balancer_end(&b);
}

static void a_server_that_is_behind_none_is_refused(void **state)
{
    balancer_t b;
    call_t call = {0};

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.retry_reads = MUV_NO}, "");
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, 10 * SIM_MS);
    CHECK_ENDED(&call, MUV_ECOMPAT);
    assert_string_equal(call.error.message,
                        "Driver attempted to initialize in load balancing mode, but the server "
                        "does not support this mode.");
    CHECK_POOL(&b, "Created 1\nClosed 1 error\nCheckOutFailed connectionError\n");
    balancer_end(&b);
}

/* --- sdam-error-handling.json ------------------------------------------------------------------*/

static int write_once(balancer_t *b)
{
    call_t call = {0};

    CHECK_CODE(call_start_as(&b->scene, &call, 1,
                             &(call_opts_t){.name = "insert", .kind = MUV_COMMAND_WRITE}),
               0);
    balancer_run(b, 10 * SIM_MS);
    assert_int_equal(call.ended, 1);
    return call.code;
}

static void only_the_connections_of_one_service_are_closed(void **state)
{
    balancer_t b;
    finding_t first;
    finding_t second;

    (void)state;
    balancer_open(&b, NULL, "AB");
    balancer_script_cursor(&b);
    finding_open(&b, &first);
    finding_open(&b, &second);
    finding_close(&first);
    finding_close(&second);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCreated 2\nReady 2\nCheckedOut 2\n"
                   "CheckedIn 1\nCheckedIn 2\n");
    sim_on(b.scene.server, "insert",
           &(sim_step_t){.json = "{'ok': 0, 'code': 11600, 'errmsg': 'bye'}", .times = 1});
    assert_int_equal(write_once(&b), MUV_ESERVER);
    assert_int_equal(write_once(&b), 0);
    CHECK_POOL(&b, "CheckedOut 2\nPoolCleared bb\nCheckedIn 2\nClosed 2 stale\n"
                   "CheckedOut 1\nCheckedIn 1\n");
    balancer_end(&b);
}

static void errors_during_the_first_hello_are_ignored(void **state)
{
    static const sim_step_t steps[] = {
        {.json = "{'ok': 0, 'code': 11600, 'errmsg': 'bye'}", .times = 1},
        {.act = SIM_RESET, .times = 1}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        balancer_t b;

        balancer_open(&b, &(muv_client_opts_t){.retry_writes = MUV_NO}, "A");
        sim_forget(b.scene.server, "hello");
        sim_on(b.scene.server, "hello", &steps[i]);
        sim_on(b.scene.server, "hello", &(sim_step_t){.json = HELLO(SERVICE_A)});
        assert_int_not_equal(write_once(&b), 0);
        CHECK_POOL(&b, "Created 1\nClosed 1 error\nCheckOutFailed connectionError\n");
        assert_int_equal(write_once(&b), 0);
        CHECK_POOL(&b, "Created 2\nReady 2\nCheckedOut 2\nCheckedIn 2\n");
        balancer_end(&b);
    }
}

static void stale_errors_are_ignored(void **state)
{
    balancer_t b;
    finding_t first;
    finding_t second;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script_cursor(&b);
    balancer_script_step(&b, "getMore", (sim_step_t){.act = SIM_RESET, .times = 2});
    finding_open(&b, &first);
    finding_open(&b, &second);
    finding_next(&first, 3);
    finding_close(&first);
    finding_next(&second, 3);
    finding_close(&second);
    CHECK_POOL(&b, "Created 1\nReady 1\nCheckedOut 1\nCreated 2\nReady 2\nCheckedOut 2\n"
                   "PoolCleared aa\nCheckedIn 1\nClosed 1 error\n"
                   "CheckedIn 2\nClosed 2 error\n");
    assert_int_equal(b.scene.client->topology.snapshot->servers[0].description->type,
                     MUV__SERVER_LOAD_BALANCER);
    balancer_end(&b);
}

/* --- wait-queue-timeouts.json ------------------------------------------------------------------*/

static void who_holds_the_connections_is_told_when_the_wait_is_over(void **state)
{
    balancer_t b;
    finding_t f;
    call_t busy = {0};
    call_t call = {0};

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.max_pool_size = 2, .wait_queue_timeout_ms = 50}, "A");
    balancer_script_cursor(&b);
    sim_on(b.scene.server, "slow", &(sim_step_t){.act = SIM_SILENCE});
    finding_open(&b, &f);
    CHECK_CODE(call_start_as(&b.scene, &busy, 1, &(call_opts_t){.name = "slow"}), 0);
    balancer_run(&b, 10 * SIM_MS);
    b.text[0] = '\0';
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EWAITQUEUE);
    assert_string_equal(call.error.message,
                        "Timed out while checking out a connection from connection pool. "
                        "maxPoolSize: 2, connections in use by cursors: 1, connections in use by "
                        "transactions: 0, connections in use by other operations: 1");
    assert_string_equal(call.error.host, "10.0.0.1:27017");
    CHECK_POOL(&b, "CheckOutFailed timeout\n");
    finding_close(&f);
    balancer_end(&b);
}

/* --- event-monitoring.json, server-selection.json ----------------------------------------------*/

static void command_events_name_the_service(void **state)
{
    balancer_t b;
    call_t call = {0};

    (void)state;
    balancer_open(&b, &(muv_client_opts_t){.retry_reads = MUV_NO}, "B");
    b.commands_wanted = true;
    sim_on(b.scene.server, "bad", &(sim_step_t){.json = "{'ok': 0, 'code': 2, 'errmsg': 'no'}"});
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, 10 * SIM_MS);
    memset(&call, 0, sizeof call);
    CHECK_CODE(call_start_as(&b.scene, &call, 1, &(call_opts_t){.name = "bad"}), 0);
    balancer_run(&b, 10 * SIM_MS);
    assert_string_equal(b.commands, "CommandStarted ping bb\nCommandSucceeded ping bb\n"
                                    "CommandStarted bad bb\nCommandFailed bad bb\n");
    balancer_end(&b);
}

/* What is behind the balancer must be told, for the client does not select. */
static void the_read_preference_is_sent(void **state)
{
    muv_read_preference_t preference = {.mode = MUV_READ_SECONDARY_PREFERRED};
    balancer_t b;
    finding_t f;

    (void)state;
    balancer_open(&b, NULL, "A");
    balancer_script(&b, "find", BATCH("0", "firstBatch"));
    finding_open(&b, &f);
    assert_false(b.read_preference);
    finding_close(&f);
    CHECK_CODE(muv_collection_find(b.docs, NULL, &(muv_find_opts_t){.read_preference = &preference},
                                   finding_on_cursor, &f, NULL),
               0);
    balancer_run(&b, 10 * SIM_MS);
    assert_true(b.read_preference);
    finding_close(&f);
    balancer_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_monitored_and_the_pool_is_ready_at_once),
        cmocka_unit_test(a_server_that_is_behind_none_is_refused),
        cmocka_unit_test(only_the_connections_of_one_service_are_closed),
        cmocka_unit_test(errors_during_the_first_hello_are_ignored),
        cmocka_unit_test(stale_errors_are_ignored),
        cmocka_unit_test(who_holds_the_connections_is_told_when_the_wait_is_over),
        cmocka_unit_test(command_events_name_the_service),
        cmocka_unit_test(the_read_preference_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
