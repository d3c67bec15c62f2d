/* SPDX-License-Identifier: Apache-2.0 */
/* Retryable reads: the prose tests of the specification (the numbers in the names' comments are
 * theirs), and for every reading operation what its JSON files check of each. */
#include "integration/cursor_fixture.h"
#include "integration/retry_fixture.h"

#include <string.h>

#define FIND_FAILS "\"failCommands\": [\"find\"], "

static const mock_cluster_opts_t one_member = {.members = 1};

/* --- 1. PoolClearedError -----------------------------------------------------------------------*/

/* One find is blocked and fails with 91, the other waits for its connection: the pool is cleared,
 * and both are repeated. */
static void two_finds_survive_a_cleared_pool(client_fixture_t *f, const watch_t *watch)
{
    outcome_t o[2] = {{0}, {0}};

    fail_commands(f, "{\"times\": 1}",
                  FIND_FAILS "\"errorCode\": 91, \"blockConnection\": true, \"blockTimeMS\": 300");
    unsigned commands = watch->commands;
    unsigned cleared = watch->pool_cleared;
    start_find(f, &o[0], 1, NULL);
    start_find(f, &o[1], 2, NULL);
    for (int i = 0; i < 2; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(watch->pool_cleared - cleared, 1);
    assert_int_equal(watch->check_out_failed, 1);
    assert_int_equal(watch->commands - commands, 3);
    assert_int_equal(watch->commands_failed, 1);
}

static void a_cleared_pool_is_retried(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;

    init_watch(&watch);
    open_cluster_client_with(f, &one_member, "maxPoolSize=1",
                             (muv_client_opts_t){.listener = &watch.listener});
    two_finds_survive_a_cleared_pool(f, &watch);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void a_cleared_pool_is_retried_on_a_server(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;

    init_watch(&watch);
    open_real_client(f, "maxPoolSize=1", (muv_client_opts_t){.listener = &watch.listener});
    two_finds_survive_a_cleared_pool(f, &watch);
}

/* --- 2. Sharded clusters -----------------------------------------------------------------------*/

/* Each round would go wrong by chance in half of all cases. */
static void a_read_is_retried_on_another_mongos(void **state)
{
    enum { ROUNDS = 8 };
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 2, .mongos = true}, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++) {
            mock_fail_point(f->mock, i,
                            "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"find\"],"
                            " \"errorCode\": 6}}");
        }
        assert_int_equal(run_op(f, retry_op("find")), MUV_ESERVER);
        assert_int_not_equal(mock_request_of(f->mock, "find", -2)->member,
                             mock_request_of(f->mock, "find", -1)->member);
    }
    assert_int_equal(mock_request_count(f->mock, "find"), 2 * ROUNDS);
}

static void a_read_is_retried_on_the_same_mongos_without_another(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 1, .mongos = true}, NULL);
    fail_commands(f, "{\"times\": 1}", FIND_FAILS "\"errorCode\": 6");
    assert_int_equal(run_op(f, retry_op("find")), 0);
    assert_int_equal(mock_request_count(f->mock, "find"), 2);
}

/* --- 3. Overload and the members of a replica set ----------------------------------------------*/

/* Where the two attempts of a find went that the primary refused. */
static void find_refused_by_primary(client_fixture_t *f, const char *options, const char *labels,
                                    int members[2])
{
    open_cluster_client(f, &(mock_cluster_opts_t){.members = 2}, options);
    mock_fail_point(f->mock, 0,
                    text_of("{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"find\"],"
                            " \"errorCode\": 6, \"errorLabels\": [%s]}}",
                            labels));
    assert_int_equal(run_op(f, retry_op("find")), 0);
    assert_int_equal(mock_request_count(f->mock, "find"), 2);
    members[0] = mock_request_of(f->mock, "find", 0)->member;
    members[1] = mock_request_of(f->mock, "find", 1)->member;
}

static void an_overloaded_member_is_passed_over_when_asked_for(void **state)
{
    int members[2];

    find_refused_by_primary(*state,
                            "readPreference=primaryPreferred&enableOverloadRetargeting=true",
                            "\"RetryableError\", \"SystemOverloadedError\"", members);
    assert_int_equal(members[0], 0);
    assert_int_equal(members[1], 1);
}

static void another_error_stays_on_its_member(void **state)
{
    int members[2];

    find_refused_by_primary(*state,
                            "readPreference=primaryPreferred&enableOverloadRetargeting=true",
                            "\"RetryableError\"", members);
    assert_int_equal(members[0], 0);
    assert_int_equal(members[1], 0);
}

static void an_overloaded_member_is_asked_again_by_default(void **state)
{
    int members[2];

    find_refused_by_primary(*state, "readPreference=primaryPreferred",
                            "\"RetryableError\", \"SystemOverloadedError\"", members);
    assert_int_equal(members[0], 0);
    assert_int_equal(members[1], 0);
}

/* --- 4. and 5. Overload raises the limit -------------------------------------------------------*/

static void after_an_overload_error_all_retries_count(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    fail_commands(f, "{\"times\": 1}", FIND_FAILS "\"errorCode\": 91, " OVERLOADED);
    fail_commands(f, "\"alwaysOn\"",
                  FIND_FAILS "\"errorCode\": 91, \"errorLabels\": [\"RetryableError\"]");
    assert_int_equal(run_op(f, retry_op("find")), MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "find"), 3);
}

static void only_overload_errors_are_backed_off_from(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    set_jitter(f, 1);
    fail_commands(f, "{\"times\": 1}", FIND_FAILS "\"errorCode\": 6, " OVERLOADED);
    fail_commands(f, "\"alwaysOn\"",
                  FIND_FAILS "\"errorCode\": 6, \"errorLabels\": [\"RetryableError\"]");
    assert_int_equal(run_op(f, retry_op("find")), MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "find"), 3);
    assert_in_range(gap_ms(f, "find", 0), 190, WAIT_MS);
    assert_in_range(gap_ms(f, "find", 1), 0, 390);
}

/* --- Every reading operation -------------------------------------------------------------------*/

typedef void (*check_op_t)(client_fixture_t *f, const retry_op_t *op);

static void for_each_read(client_fixture_t *f, check_op_t check)
{
    for (size_t i = 0; i < retry_op_count; i++) {
        if (retry_ops[i].sort == OP_READ) {
            print_message("  %s\n", retry_ops[i].name);
            check(f, &retry_ops[i]);
        }
    }
}

/* How many of its commands arrive while it runs; its error code must be this one. */
static unsigned attempts_of(client_fixture_t *f, const retry_op_t *op, int code)
{
    unsigned before = mock_request_count(f->mock, op->command);

    CHECK_CODE(run_op(f, op), code);
    mock_fail_points_off(f->mock);
    return mock_request_count(f->mock, op->command) - before;
}

static void fail_op(client_fixture_t *f, const retry_op_t *op, int times, const char *data)
{
    fail_commands(f, text_of("{\"times\": %d}", times),
                  text_of("\"failCommands\": [\"%s\"], %s", op->command, data));
}

static void is_repeated_once(client_fixture_t *f, const retry_op_t *op)
{
    assert_int_equal(attempts_of(f, op, 0), 1);
    fail_op(f, op, 1, "\"errorCode\": 6");
    assert_int_equal(attempts_of(f, op, 0), 2);
    fail_op(f, op, 2, "\"errorCode\": 6");
    assert_int_equal(attempts_of(f, op, MUV_ESERVER), 2);
}

static void each_read_is_repeated_once(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each_read(*state, is_repeated_once);
}

static void survives_a_closed_connection(client_fixture_t *f, const retry_op_t *op)
{
    fail_op(f, op, 1, "\"closeConnection\": true");
    assert_int_equal(attempts_of(f, op, 0), 2);
}

static void each_read_survives_a_network_error(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each_read(*state, survives_a_closed_connection);
}

static void two_network_errors_are_one_too_many(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("find_one");

    open_cluster_client(f, &one_member, NULL);
    fail_op(f, op, 2, "\"closeConnection\": true");
    assert_int_equal(attempts_of(f, op, MUV_ENETWORK), 2);
}

static void is_done_once(client_fixture_t *f, const retry_op_t *op)
{
    fail_op(f, op, 1, "\"errorCode\": 6");
    assert_int_equal(attempts_of(f, op, MUV_ESERVER), 1);
}

static void without_the_option_no_read_is_repeated(void **state)
{
    open_cluster_client(*state, &one_member, "retryReads=false");
    for_each_read(*state, is_done_once);
}

static void what_is_no_read_is_not_repeated(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    is_done_once(f, retry_op("run_command"));
    is_done_once(f, retry_op("cursor_command"));
    is_done_once(f, retry_op("aggregate_merge"));
}

/* The handshake of the only connection fails: nothing of the command was sent. */
static void survives_a_failed_handshake(client_fixture_t *f, const retry_op_t *op, const char *data)
{
    mock_drop_connections(f->mock, MOCK_ANY, MOCK_CLOSE);
    close_client(f, MUV_CLOSE_ABORT);
    open_client(f, NULL, NULL);
    connect_client(f);
    set_jitter(f, 0);
    fail_commands(f, "{\"times\": 1}", text_of("\"failCommands\": [\"hello\"], %s", data));
    assert_int_equal(attempts_of(f, op, 0), 1);
}

static void survives_a_handshake_cut_off(client_fixture_t *f, const retry_op_t *op)
{
    survives_a_failed_handshake(f, op, "\"closeConnection\": true");
}

static void survives_a_handshake_refused(client_fixture_t *f, const retry_op_t *op)
{
    survives_a_failed_handshake(f, op, "\"errorCode\": 91");
}

static void each_read_survives_a_failed_handshake(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each_read(*state, survives_a_handshake_cut_off);
    for_each_read(*state, survives_a_handshake_refused);
}

/* --- Codes -------------------------------------------------------------------------------------*/

static void the_servers_codes_decide(void **state)
{
    static const int retryable[] = {11600, 11602, 10107, 13435, 13436, 189, 91,
                                    7,     6,     89,    9001,  134,   262};
    static const int others[] = {11601, 2, 50, 13, 10058, 64};
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("find_one");

    open_cluster_client(f, &one_member, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(retryable); i++) {
        fail_op(f, op, 1, text_of("\"errorCode\": %d", retryable[i]));
        assert_int_equal(attempts_of(f, op, 0), 2);
    }
    for (size_t i = 0; i < MUV__COUNT_OF(others); i++) {
        fail_op(f, op, 1, text_of("\"errorCode\": %d", others[i]));
        assert_int_equal(attempts_of(f, op, MUV_ESERVER), 1);
    }
}

static void a_getmore_is_not_repeated(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 4, .batch = 2};
    reader_t reader;

    open_cluster_client(f, &one_member, NULL);
    serve_numbers(f, &numbers);
    open_reader(&reader, f);
    find_all(&reader, NULL);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"getMore\"], \"errorCode\": 6");
    begin_collect(&reader, NULL);
    await_reader(&reader, MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 1);
    close_reader(&reader);
}

/* With timeoutMS there is no limit but the deadline; the command's id changes, its session not. */
static void with_a_timeout_retries_go_on(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("find_one");

    open_cluster_client(f, &one_member, "timeoutMS=20000");
    fail_op(f, op, 5, "\"errorCode\": 6");
    assert_int_equal(attempts_of(f, op, 0), 6);
    const mock_request_t *first = mock_request_of(f->mock, "find", 0);
    const mock_request_t *last = mock_request_of(f->mock, "find", 5);
    assert_int_not_equal(first->request_id, last->request_id);
    assert_true(mock_request_same(first, last, "lsid"));
    assert_false(mock_request_has(last, "txnNumber"));
}

/* The first error is told when there is no server for the second attempt. */
static void without_a_server_for_the_retry_the_first_error_is_told(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_cluster_client(f, &one_member, "serverSelectionTimeoutMS=300");
    warm_up(f);
    mock_script(f->mock, "hello",
                &(mock_step_t){.then = MOCK_RESET, .send = MOCK_NOTHING, .times = MOCK_FOREVER});
    fail_commands(f, "{\"times\": 1}", FIND_FAILS "\"errorCode\": 11600");
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 11600);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)
#define TEST_REAL(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_real)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cleared_pool_is_retried),
        TEST_REAL(a_cleared_pool_is_retried_on_a_server),
        TEST(a_read_is_retried_on_another_mongos),
        TEST(a_read_is_retried_on_the_same_mongos_without_another),
        TEST(an_overloaded_member_is_passed_over_when_asked_for),
        TEST(another_error_stays_on_its_member),
        TEST(an_overloaded_member_is_asked_again_by_default),
        TEST(after_an_overload_error_all_retries_count),
        TEST(only_overload_errors_are_backed_off_from),
        TEST(each_read_is_repeated_once),
        TEST(each_read_survives_a_network_error),
        TEST(two_network_errors_are_one_too_many),
        TEST(without_the_option_no_read_is_repeated),
        TEST(what_is_no_read_is_not_repeated),
        TEST(each_read_survives_a_failed_handshake),
        TEST(the_servers_codes_decide),
        TEST(a_getmore_is_not_repeated),
        TEST(with_a_timeout_retries_go_on),
        TEST(without_a_server_for_the_retry_the_first_error_is_told),
    };

    return cmocka_run_group_tests_name("retryable_reads", tests, NULL, NULL);
}
