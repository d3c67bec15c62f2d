/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a client in virtual time: connections, commands, and where messages go. The rules are
 * those of the official files that the cases name. */
#include "keeper.h"

#include <stdlib.h>
#include <string.h>

/* --- connections -------------------------------------------------------------------------------*/

/* (connection-monitoring-and-pooling/tests/logging/connection-logging.json: create a client, run a
 * command, and close the client.) */
static void a_connection_is_told_from_pool_to_pool(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.connection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    assert_string_equal(keeper->page, "");
    keeper_run(keeper);
    assert_string_equal(keeper->page, CONNECTION
                        "pool created" SERVER "\n" CONNECTION "pool ready" SERVER "\n" CONNECTION
                        "checkout started" SERVER "\n" CONNECTION "created" SERVER
                        " driverConnectionId=1\n" CONNECTION "ready" SERVER
                        " driverConnectionId=1 durationMS=2\n" CONNECTION "checked out" SERVER
                        " driverConnectionId=1 durationMS=2\n" CONNECTION "checked in" SERVER
                        " driverConnectionId=1\n");
    keeper_forget(keeper);
    CHECK_CODE(scene_close(&keeper->scene, MUV_CLOSE_ABORT), 0);
    keeper_run(keeper);
    assert_string_equal(keeper->page, CONNECTION
                        "closed" SERVER
                        " driverConnectionId=1 reason=Connection pool was closed\n" CONNECTION
                        "pool closed" SERVER "\n");
    keeper_close(keeper);
}

/* (connection-logging.json: checkout fails due to error establishing connection.) */
static void a_failed_check_out_tells_why(void **state)
{
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.connection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    keeper->opts.max_adaptive_retries = MUV_ZERO;
    scene_open(&keeper->scene, &keeper->opts);
    sim_on(keeper->scene.server, "hello", &(sim_step_t){.times = 1});
    sim_on(keeper->scene.server, "hello", &(sim_step_t){.act = SIM_RESET, .times = 1});
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    keeper_run(keeper);
    CHECK_ENDED(&call, MUV_ENETWORK);
    CHECK_CONTAINS(keeper->page, CONNECTION
                   "closed" SERVER " driverConnectionId=1 reason=An error occurred while using the "
                   "connection error=MUV_ENETWORK: ");
    CHECK_CONTAINS(keeper->page, CONNECTION "checkout failed" SERVER
                                            " reason=An error occurred while trying to establish a "
                                            "new connection error=MUV_ENETWORK: ");
    keeper_close(keeper);
}

static void a_pool_that_is_cleared_says_so(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.connection = MUV_LOG_DEBUG});
    call_t calls[3] = {{.number = 0}, {.number = 0}, {.number = 0}};

    (void)state;
    scene_warm(&keeper->scene, 2);
    sim_on(keeper->scene.server, "ping", &(sim_step_t){.act = SIM_RESET, .times = 1});
    keeper_forget(keeper);
    CHECK_CODE(call_start(&keeper->scene, &calls[0], 1, 0), 0);
    keeper_run(keeper);
    CHECK_CONTAINS(keeper->page, CONNECTION "pool cleared" SERVER "\n");
    CHECK_CONTAINS(keeper->page, "reason=Connection became stale because the pool was cleared\n");
    CHECK_CONTAINS(keeper->page, "reason=An error occurred while using the connection error=");
    keeper_close(keeper);
}

static void a_wait_that_is_too_long_says_so(void **state)
{
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.connection = MUV_LOG_DEBUG});
    call_t calls[2] = {{.number = 0}, {.number = 0}};

    (void)state;
    keeper->opts.max_pool_size = 1;
    keeper->opts.wait_queue_timeout_ms = 50;
    scene_open(&keeper->scene, &keeper->opts);
    scene_warm(&keeper->scene, 1);
    keeper_forget(keeper);
    sim_on(keeper->scene.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND});
    CHECK_CODE(call_start(&keeper->scene, &calls[0], 1, 0), 0);
    CHECK_CODE(call_start(&keeper->scene, &calls[1], 2, 0), 0);
    keeper_run(keeper);
    CHECK_ENDED(&calls[1], MUV_EWAITQUEUE);
    CHECK_CONTAINS(keeper->page, CONNECTION "checkout failed" SERVER
                                            " reason=Wait queue timeout elapsed without a "
                                            "connection becoming available durationMS=50\n");
    keeper_close(keeper);
}

/* (connection-monitoring-and-pooling/tests/logging/connection-pool-options.json.) */
static void a_pool_tells_the_options_that_were_set(void **state)
{
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.connection = MUV_LOG_DEBUG});
    call_t call = {.number = 0};

    (void)state;
    keeper->opts.max_pool_size = 5;
    keeper->opts.max_idle_ms = 10000;
    keeper->opts.max_connecting = 3;
    keeper->opts.wait_queue_timeout_ms = 20000;
    scene_open(&keeper->scene, &keeper->opts);
    CHECK_CODE(call_start(&keeper->scene, &call, 1, 0), 0);
    keeper_run(keeper);
    CHECK_CONTAINS(keeper->page,
                   CONNECTION "pool created" SERVER " maxIdleTimeMS=10000 maxPoolSize=5 "
                              "maxConnecting=3 waitQueueTimeoutMS=20000\n" CONNECTION "pool ready");
    keeper_close(keeper);
}

/* --- commands ----------------------------------------------------------------------------------*/

#define IDS " requestId=* operationId=* driverConnectionId=1" SERVER

/* (command-logging-and-monitoring/tests/logging: command.json, driver-connection-id.json,
 * no-handshake-messages.json, and service-id.json outside of load balancers.) */
static void a_command_is_told(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.command = MUV_LOG_DEBUG});

    (void)state;
    keeper_command(keeper, "{\"ping\": 1}");
    assert_string_equal(keeper->page,
                        "debug command Command started commandName=ping databaseName=db" IDS
                        " command={\"ping\": 1, \"$db\": \"db\"}\n"
                        "debug command Command succeeded commandName=ping databaseName=db" IDS
                        " durationMS=1 reply={\"echo\": 1, \"ok\": 1.0}\n");
    keeper_close(keeper);
}

static void a_failed_command_is_told_with_the_servers_words(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.command = MUV_LOG_DEBUG});

    (void)state;
    sim_on(keeper->scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'code': 2, 'errmsg': 'no'}", .times = 1});
    sim_on(keeper->scene.server, "ping", &(sim_step_t){.act = SIM_RESET});
    keeper_command(keeper, "{\"ping\": 1}");
    CHECK_CONTAINS(keeper->page, "debug command Command failed commandName=ping databaseName=db" IDS
                                 " durationMS=1 failure={\"ok\": 0, \"code\": 2, \"errmsg\": "
                                 "\"no\"}\n");
    keeper_forget(keeper);
    keeper_command(keeper, "{\"ping\": 1}");
    CHECK_CONTAINS(keeper->page, " durationMS=1 failure=MUV_ENETWORK: ");
    keeper_close(keeper);
}

/* (monitoring/redacted-commands.json: no word of them, at whatever level.) */
static void credentials_are_never_told(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.all = MUV_LOG_TRACE});

    (void)state;
    sim_on(keeper->scene.server, "createUser",
           &(sim_step_t){.json = "{'ok': 0, 'code': 51003, 'codeName': 'Location51003', 'errmsg': "
                                 "'secret', 'errorLabels': ['RetryableWriteError']}"});
    sim_on(keeper->scene.server, "saslStart",
           &(sim_step_t){.json = "{'ok': 1, 'payload': 'secret'}"});
    keeper_command(keeper, "{\"createUser\": \"secret\", \"pwd\": \"secret\"}");
    keeper_command(keeper, "{\"saslStart\": 1, \"payload\": \"secret\"}");
    assert_null(strstr(keeper->page, "secret"));
    CHECK_CONTAINS(keeper->page, " command={}\n");
    CHECK_CONTAINS(keeper->page, " reply={}\n");
    CHECK_CONTAINS(keeper->page, " failure={\"code\": 51003, \"codeName\": \"Location51003\", "
                                 "\"errorLabels\": [\"RetryableWriteError\"]}\n");
    keeper_close(keeper);
}

/* (Logging: truncation, explicit limit; between characters.) */
static void documents_are_cut(void **state)
{
    keeper_t *keeper =
        keeper_open(&(muv_log_opts_t){.command = MUV_LOG_DEBUG, .max_document_length = 13});

    (void)state;
    sim_on(keeper->scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'errmsg': 'a long message'}", .times = 1});
    keeper_command(keeper, "{\"ping\": 1}");
    CHECK_CONTAINS(keeper->page, " command={\"ping\": 1, \"...\n");
    CHECK_CONTAINS(keeper->page, " failure={\"ok\": 0, \"er...\n");
    keeper_forget(keeper);
    keeper_command(keeper, "{\"ping\": \"a\xe2\x82\xac\xe2\x82\xac\"}");
    CHECK_CONTAINS(keeper->page, " command={\"ping\": \"a...\n");
    keeper_close(keeper);
}

/* Only what is shown of a bulk is put together. */
static void a_long_bulk_is_cut(void **state)
{
    enum { COUNT = 100000, SIZE = 5 };
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.command = MUV_LOG_DEBUG});
    uint8_t *documents = calloc(COUNT, SIZE);
    call_opts_t opts = {.name = "insert",
                        .kind = MUV_COMMAND_WRITE,
                        .documents = documents,
                        .documents_size = (size_t)COUNT * SIZE};
    call_t call = {.number = 0};
    const char *command;
    uint64_t live_bytes;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        documents[i * SIZE] = SIZE;
    }
    scene_warm(&keeper->scene, 1);
    keeper_forget(keeper);
    live_bytes = alloc_live_bytes();
    CHECK_CODE(call_start_as(&keeper->scene, &call, 1, &opts), 0);
    assert_true(alloc_live_bytes() - live_bytes < 100000);
    keeper_run(keeper);
    command = strstr(keeper->page, " command=");
    assert_non_null(command);
    assert_int_equal(strcspn(command, "\n"), strlen(" command=") + 1000 + 3);
    assert_memory_equal(command + strcspn(command, "\n") - 3, "...", 3);
    free(documents);
    keeper_close(keeper);
}

/* --- lines, levels, refusals -------------------------------------------------------------------*/

static void without_a_function_lines_are_written(void **state)
{
    static char page[4096];
    const muv_log_opts_t log = {.command = MUV_LOG_DEBUG, .path = "page"};
    scene_t scene;
    call_t call = {.number = 0};

    (void)state;
    sim_log_page(page, sizeof(page));
    scene_open(&scene, &(muv_client_opts_t){.log = &log});
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    assert_string_equal(page, "");
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(page[4], '-');
    assert_memory_equal(page + 19,
                        "Z debug command {\"message\": \"Command started\", "
                        "\"commandName\": \"ping\", \"databaseName\": \"sim\", ",
                        93);
    CHECK_CONTAINS(page, "\"command\": \"{\\\"ping\\\": 1, \\\"$db\\\": \\\"sim\\\"}\"}\n");
    CHECK_CONTAINS(page, "Z debug command {\"message\": \"Command succeeded\", ");
    scene_end(&scene);
    sim_log_page(NULL, 0);
}

static void what_is_off_is_not_told(void **state)
{
    keeper_t *keeper = keeper_open(&(muv_log_opts_t){.all = MUV_LOG_DEBUG,
                                                     .command = MUV_LOG_OFF,
                                                     .topology = MUV_LOG_WARN,
                                                     .server_selection = MUV_LOG_ERROR,
                                                     .connection = MUV_LOG_OFF});

    (void)state;
    keeper_command(keeper, "{\"ping\": 1}");
    assert_string_equal(keeper->page, "");
    keeper_close(keeper);
}

static void a_wrong_option_is_refused(void **state)
{
    const muv_log_opts_t log = {.topology = 10};
    const muv_client_opts_t opts = {.log = &log};
    sim_world_t *world = sim_new(1);
    muv_client_t *client = NULL;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv_client_new(sim_loop(world), "mongodb://a", &opts, &error, &client), MUV_EINVAL);
    assert_string_equal(error.message, "log: not one of the levels MUV_LOG_*");
    sim_free(world);
}

static void on_pool_number(const muv_pool_event_t *event, void *data)
{
    unsigned *numbers = data;

    assert_int_equal(event->head.number, ++*numbers);
}

/* What only the log hears does not leave gaps in the listener's numbers. */
static void listener_and_log_share_their_records(void **state)
{
    unsigned numbers = 0;
    muv_listener_t listener = {.on_pool = on_pool_number, .data = &numbers};
    keeper_t *keeper = keeper_new(&(muv_log_opts_t){.all = MUV_LOG_DEBUG});

    (void)state;
    keeper->opts.listener = &listener;
    scene_open(&keeper->scene, &keeper->opts);
    keeper_command(keeper, "{\"ping\": 1}");
    assert_int_equal(numbers, 7);
    CHECK_CONTAINS(keeper->page, CONNECTION "checked in");
    CHECK_CONTAINS(keeper->page, "Command succeeded");
    keeper_close(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_told_from_pool_to_pool),
        cmocka_unit_test(a_failed_check_out_tells_why),
        cmocka_unit_test(a_pool_that_is_cleared_says_so),
        cmocka_unit_test(a_wait_that_is_too_long_says_so),
        cmocka_unit_test(a_pool_tells_the_options_that_were_set),
        cmocka_unit_test(a_command_is_told),
        cmocka_unit_test(a_failed_command_is_told_with_the_servers_words),
        cmocka_unit_test(credentials_are_never_told),
        cmocka_unit_test(documents_are_cut),
        cmocka_unit_test(a_long_bulk_is_cut),
        cmocka_unit_test(without_a_function_lines_are_written),
        cmocka_unit_test(what_is_off_is_not_told),
        cmocka_unit_test(a_wrong_option_is_refused),
        cmocka_unit_test(listener_and_log_share_their_records),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
