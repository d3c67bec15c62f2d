/* SPDX-License-Identifier: Apache-2.0 */
/* A real server, started, killed and started again. Skipped where none is installed. */
#include "support/process.h"

#include "support/check.h"
#include "unit/support/raw_client.h"

#include <unistd.h>

#define HELLO "{\"hello\": 1, \"$db\": \"admin\"}"
#define WAIT_MS 30000

static void check_hello(uv_loop_t *loop, int port)
{
    raw_client_t client;

    raw_connect(&client, loop, port);
    assert_int_equal(client.connect_code, 0);
    raw_message_t reply = raw_call(&client, 1, HELLO);
    assert_int_equal(reply.response_to, 1);
    raw_close(&client);
}

static void server_is_killed_and_comes_back_on_its_port(void **state)
{
    uv_loop_t loop;
    raw_client_t client;
    server_process_t *server = server_start(NULL);
    int port = server_port(server);

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    CHECK_CONTAINS(server_uri(server), text_of("mongodb://127.0.0.1:%d/", port));
    check_hello(&loop, port);

    raw_connect(&client, &loop, port);
    server_kill(server);
    run_until(&loop, &client.ended, WAIT_MS);
    raw_close(&client);
    assert_false(server_is_up(server));

    server_restart_begin(server);
    run_until_true(&loop, server_is_up, server, WAIT_MS);
    assert_int_equal(server_port(server), port);
    check_hello(&loop, port);
    server_kill(server);
    server_restart(server);
    check_hello(&loop, port);
    server_stop(server);
    close_loop(&loop);
}

static void server_with_tls_says_where_its_files_are(void **state)
{
    server_process_t *server = server_start(&(server_opts_t){.tls = true});

    (void)state;
    CHECK_CONTAINS(server_uri(server), "tls=true");
    assert_non_null(server_value(server, "MUV_TEST_CA_FILE"));
    assert_int_equal(access(server_value(server, "MUV_TEST_CA_FILE"), R_OK), 0);
    assert_null(server_value(server, "MUV_TEST_NOTHING"));
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_is_killed_and_comes_back_on_its_port),
        cmocka_unit_test(server_with_tls_says_where_its_files_are),
    };

    return cmocka_run_group_tests_name("support/process", tests, NULL, NULL);
}
