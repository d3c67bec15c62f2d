/* SPDX-License-Identifier: Apache-2.0 */
/* A real server that fails on order (failCommand): the right error reaches the caller, and the
 * client goes on. Retries are off: each error is seen (retryable_*_test.c has them on). The fail
 * point is the whole server's; every test takes it away again. */
#include "integration/client_fixture.h"

#include <string.h>

#include "support/process.h"

#define APP_NAME "muvFailPoint"

static void fail_commands(client_fixture_t *f, const char *mode, const char *data)
{
    run_admin(f, f->client,
              text_of("{\"configureFailPoint\": \"failCommand\", \"mode\": %s, \"data\": {%s}}",
                      mode, data));
}

static int open_real(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    open_client_at(f, test_uri(),
                   &(muv_client_opts_t){
                       .heartbeat_frequency_ms = 500, .app_name = APP_NAME, .retry_reads = MUV_NO});
    return 0;
}

static int close_real(void **state)
{
    client_fixture_t *f = *state;

    if (f->client != NULL) {
        await_recovery(f);
        run_admin(f, f->client, "{\"configureFailPoint\": \"failCommand\", \"mode\": \"off\"}");
    }
    return close_fixture(state);
}

static void a_closed_connection_is_a_network_error_and_the_pool_recovers(void **state)
{
    client_fixture_t *f = *state;
    outcome_t find = {0};
    outcome_t write = {0};

    fail_commands(f, "{\"times\": 2}",
                  "\"failCommands\": [\"find\", \"drop\"], \"closeConnection\": true");
    start_find(f, &find, 1, NULL);
    await_error(&find, MUV_ENETWORK);
    assert_int_equal(find.error.in_doubt, 0);
    assert_int_equal(find.error.domain, MUV_DOMAIN_NETWORK);
    assert_true(find.error.host[0] != '\0');
    await_recovery(f);
    start_write(f, &write, "{\"drop\": \"never\"}", 0);
    await_error(&write, MUV_ENETWORK);
    assert_int_equal(write.error.in_doubt, 1);
    await_recovery(f);
    outcome_clear(&find);
    outcome_clear(&write);
}

static bool nothing_drains(void *data)
{
    return stats_of(data).connections_draining == 0;
}

static void a_blocked_command_times_out_and_its_connection_is_kept(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    uint64_t created;

    warm_up(f);
    fail_commands(f, "{\"times\": 1}",
                  "\"failCommands\": [\"find\"], \"blockConnection\": true, \"blockTimeMS\": 600");
    created = stats_of(f).connections_created;
    start_find(f, &o, 1, &(muv_find_one_opts_t){.timeout_ms = 100});
    await_error(&o, MUV_ETIMEOUT);
    assert_int_equal(stats_of(f).connections_draining, 1);
    run_until_true(&f->loop, nothing_drains, f, WAIT_MS);
    warm_up(f);
    assert_int_equal(stats_of(f).connections_created, created);
    assert_int_equal(stats_of(f).connections_closed, 0);
    outcome_clear(&o);
}

static void an_error_code_is_given_with_its_labels(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    fail_commands(f, "{\"times\": 1}",
                  "\"failCommands\": [\"find\"], \"errorCode\": 8000, \"errorLabels\":"
                  " [\"TransientTransactionError\"]");
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 8000);
    assert_int_equal(o.error.labels, MUV_LABEL_TRANSIENT_TRANSACTION);
    assert_non_null(o.error.reply);
    outcome_clear(&o);
    warm_up(f);
    start_find(f, &o, 1, NULL);
    await_success(&o);
    outcome_clear(&o);
}

/* 11600: the server is going down. Its pool is cleared, and operations wait for the next check. */
static void a_shutdown_error_clears_the_pool_and_the_client_waits(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    outcome_t next = {0};

    warm_up(f);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"find\"], \"errorCode\": 11600");
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 11600);
    start_find(f, &next, 1, NULL);
    assert_int_equal(stats_of(f).waiting_for_server, 1);
    await_success(&next);
    outcome_clear(&o);
    outcome_clear(&next);
}

static void not_primary_is_waited_out(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    warm_up(f);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"find\"], \"errorCode\": 10107");
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 10107);
    warm_up(f);
    outcome_clear(&o);
}

/* The connections of the pool are closed while being established. */
static void connections_that_break_in_the_handshake_are_tried_again(void **state)
{
    client_fixture_t *f = *state;

    fail_commands(f, "{\"times\": 2}",
                  "\"failCommands\": [\"hello\", \"isMaster\", \"ismaster\"],"
                  " \"closeConnection\": true, \"appName\": \"" APP_NAME "\"");
    run_for(&f->loop, 600);
    await_recovery(f);
}

/* A hundred finds, every one of which loses its connection; then a hundred that do not. */
static void a_storm_of_closed_connections_is_survived(void **state)
{
    enum { COUNT = 100 };
    static outcome_t o[COUNT];
    client_fixture_t *f = *state;

    fail_commands(f, "\"alwaysOn\"", "\"failCommands\": [\"find\"], \"closeConnection\": true");
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, &(muv_find_one_opts_t){.timeout_ms = 2000});
    }
    for (int i = 0; i < COUNT; i++) {
        await(&o[i]);
        assert_true(o[i].error.code == MUV_ENETWORK || o[i].error.code == MUV_EPOOLCLEARED ||
                    o[i].error.code == MUV_ETIMEOUT);
        outcome_clear(&o[i]);
    }
    await_recovery(f);
    run_admin(f, f->client, "{\"configureFailPoint\": \"failCommand\", \"mode\": \"off\"}");
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_real, close_real)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_closed_connection_is_a_network_error_and_the_pool_recovers),
        TEST(a_blocked_command_times_out_and_its_connection_is_kept),
        TEST(an_error_code_is_given_with_its_labels),
        TEST(a_shutdown_error_clears_the_pool_and_the_client_waits),
        TEST(not_primary_is_waited_out),
        TEST(connections_that_break_in_the_handshake_are_tried_again),
        TEST(a_storm_of_closed_connections_is_survived),
    };

    return cmocka_run_group_tests_name("fail_point", tests, NULL, NULL);
}
