/* SPDX-License-Identifier: Apache-2.0 */
/* Retryable writes: the prose tests of the specification (the numbers are theirs), and for every
 * writing operation what its JSON files check of each. */
#include "integration/retry_fixture.h"

#include <string.h>

#define INSERT_FAILS "\"failCommands\": [\"insert\"], "
#define RETRYABLE_WRITE "\"errorLabels\": [\"RetryableWriteError\"]"
#define NO_WRITES                                                                                  \
    "\"errorLabels\": [\"RetryableError\", \"SystemOverloadedError\", \"NoWritesPerformed\"]"

static const mock_cluster_opts_t one_member = {.members = 1};

/* Insert one document and keep the error. */
static void insert(client_fixture_t *f, outcome_t *o)
{
    start_insert(f, o, 1);
    await(o);
}

/* --- 2. PoolClearedError -----------------------------------------------------------------------*/

static void two_inserts_survive_a_cleared_pool(client_fixture_t *f, const watch_t *watch)
{
    outcome_t o[2] = {{0}, {0}};

    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"errorCode\": 91, \"blockConnection\": true, \"blockTimeMS\": 300,"
                               " " RETRYABLE_WRITE);
    unsigned commands = watch->commands;
    unsigned cleared = watch->pool_cleared;
    start_op(f, retry_op("insert_one"), &o[0]);
    start_op(f, retry_op("insert_one"), &o[1]);
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
    two_inserts_survive_a_cleared_pool(f, &watch);
}

static void a_cleared_pool_is_retried_on_a_server(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;

    init_watch(&watch);
    open_real_client(f, "maxPoolSize=1", (muv_client_opts_t){.listener = &watch.listener});
    two_inserts_survive_a_cleared_pool(f, &watch);
}

/* --- 3. NoWritesPerformed ----------------------------------------------------------------------*/

/* The write concern error shows that something was written; the second error that nothing was. */
static void the_error_of_the_attempt_that_wrote_is_told(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_cluster_client(f, &one_member, NULL);
    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"},"
                               " " RETRYABLE_WRITE);
    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"errorCode\": 10107, \"errorLabels\":"
                               " [\"RetryableWriteError\", \"NoWritesPerformed\"]");
    insert(f, &o);
    assert_int_not_equal(o.error.code, 0);
    assert_int_equal(o.error.server_code, 91);
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    outcome_clear(&o);
}

/* --- 4. and 5. Sharded clusters ----------------------------------------------------------------*/

/* Each round would go wrong by chance in half of all cases. */
static void a_write_is_retried_on_another_mongos(void **state)
{
    enum { ROUNDS = 8 };
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 2, .mongos = true}, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++) {
            mock_fail_point(f->mock, i,
                            "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"insert\"],"
                            " \"errorCode\": 6, " RETRYABLE_WRITE "}}");
        }
        assert_int_equal(run_op(f, retry_op("insert_one")), MUV_ESERVER);
        assert_int_not_equal(mock_request_of(f->mock, "insert", -2)->member,
                             mock_request_of(f->mock, "insert", -1)->member);
    }
    assert_int_equal(mock_request_count(f->mock, "insert"), 2 * ROUNDS);
}

static void a_write_is_retried_on_the_same_mongos_without_another(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 1, .mongos = true}, NULL);
    fail_commands(f, "{\"times\": 1}", INSERT_FAILS "\"errorCode\": 6, " RETRYABLE_WRITE);
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
}

/* --- 6. Which error, how many, how soon --------------------------------------------------------*/

/* The error of an insert whose first attempt fails with 91 and these labels, all others with
 * 10107 and those. */
static void fail_twice(client_fixture_t *f, const char *first, const char *others, outcome_t *o)
{
    open_cluster_client(f, &one_member, NULL);
    fail_commands(f, "{\"times\": 1}", text_of(INSERT_FAILS "\"errorCode\": 91, %s", first));
    fail_commands(f, "\"alwaysOn\"", text_of(INSERT_FAILS "\"errorCode\": 10107, %s", others));
    insert(f, o);
    assert_int_not_equal(o->error.code, 0);
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
}

static void without_the_label_the_last_error_is_told(void **state)
{
    outcome_t o = {0};

    fail_twice(*state, OVERLOADED, OVERLOADED, &o);
    assert_int_equal(o.error.server_code, 10107);
    outcome_clear(&o);
}

static void with_only_the_label_the_first_error_is_told(void **state)
{
    outcome_t o = {0};

    fail_twice(*state, NO_WRITES, NO_WRITES, &o);
    assert_int_equal(o.error.server_code, 91);
    outcome_clear(&o);
}

static void of_both_kinds_the_one_without_the_label_is_told(void **state)
{
    outcome_t o = {0};

    fail_twice(*state, OVERLOADED, NO_WRITES, &o);
    assert_int_equal(o.error.server_code, 91);
    assert_int_equal(o.error.labels & MUV_LABEL_NO_WRITES_PERFORMED, 0);
    outcome_clear(&o);
}

static void also_when_it_comes_last(void **state)
{
    outcome_t o = {0};

    fail_twice(*state, NO_WRITES, OVERLOADED, &o);
    assert_int_equal(o.error.server_code, 10107);
    assert_int_equal(o.error.labels & MUV_LABEL_NO_WRITES_PERFORMED, 0);
    outcome_clear(&o);
}

static void after_an_overload_error_all_retries_count(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"errorCode\": 91, \"errorLabels\": [\"RetryableError\","
                               " \"SystemOverloadedError\", \"RetryableWriteError\"]");
    fail_commands(f, "\"alwaysOn\"",
                  INSERT_FAILS "\"errorCode\": 91, \"errorLabels\": [\"RetryableError\","
                               " \"RetryableWriteError\"]");
    assert_int_equal(run_op(f, retry_op("insert_one")), MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
}

static void only_overload_errors_are_backed_off_from(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    set_jitter(f, 1);
    fail_commands(f, "{\"times\": 1}",
                  INSERT_FAILS "\"errorCode\": 6, \"errorLabels\": [\"RetryableError\","
                               " \"SystemOverloadedError\", \"RetryableWriteError\"]");
    fail_commands(f, "\"alwaysOn\"", INSERT_FAILS "\"errorCode\": 6, " RETRYABLE_WRITE);
    assert_int_equal(run_op(f, retry_op("insert_one")), MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_in_range(gap_ms(f, "insert", 0), 190, WAIT_MS);
    assert_in_range(gap_ms(f, "insert", 1), 0, 390);
}

/* --- Every writing operation -------------------------------------------------------------------*/

typedef void (*check_op_t)(client_fixture_t *f, const retry_op_t *op);

static void for_each(client_fixture_t *f, op_sort_t sort, check_op_t check)
{
    for (size_t i = 0; i < retry_op_count; i++) {
        if (retry_ops[i].sort == sort) {
            print_message("  %s\n", retry_ops[i].name);
            check(f, &retry_ops[i]);
        }
    }
}

/* Run it; its error stays in `o`. Returns how many of its commands arrived. */
static unsigned attempts_of(client_fixture_t *f, const retry_op_t *op, outcome_t *o)
{
    unsigned before = mock_request_count(f->mock, op->command);

    start_op(f, op, o);
    await(o);
    mock_fail_points_off(f->mock);
    return mock_request_count(f->mock, op->command) - before;
}

static void fail_op(client_fixture_t *f, const retry_op_t *op, int times, const char *data)
{
    fail_commands(f, text_of("{\"times\": %d}", times),
                  text_of("\"failCommands\": [\"%s\"], %s", op->command, data));
}

/* The operation fails so many times in this way; then it has made so many attempts and ended with
 * this code. */
static void expect(client_fixture_t *f, const retry_op_t *op, int times, const char *data,
                   unsigned attempts, int code)
{
    outcome_t o = {0};

    if (times > 0) {
        fail_op(f, op, times, data);
    }
    assert_int_equal(attempts_of(f, op, &o), attempts);
    CHECK_CODE(o.error.code, code);
    outcome_clear(&o);
}

/* The last two commands of this kind are one and the same write. */
static void check_same_write(client_fixture_t *f, const retry_op_t *op)
{
    const mock_request_t *first = mock_request_of(f->mock, op->command, -2);
    const mock_request_t *second = mock_request_of(f->mock, op->command, -1);

    assert_true(mock_request_same(first, second, "lsid"));
    assert_true(mock_request_same(first, second, "txnNumber"));
    assert_int_not_equal(first->request_id, second->request_id);
}

static void is_repeated_as_the_same_write(client_fixture_t *f, const retry_op_t *op)
{
    expect(f, op, 0, "", 1, 0);
    int64_t number = mock_request_number(mock_request_of(f->mock, op->command, -1), "txnNumber");
    expect(f, op, 1, "\"errorCode\": 6, " RETRYABLE_WRITE, 2, 0);
    check_same_write(f, op);
    assert_true(mock_request_number(mock_request_of(f->mock, op->command, -1), "txnNumber") >
                number);
    expect(f, op, 2, "\"errorCode\": 6, " RETRYABLE_WRITE, 2, MUV_ESERVER);
}

static void each_write_is_repeated_once(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each(*state, OP_WRITE, is_repeated_as_the_same_write);
}

static void only_the_label_decides(client_fixture_t *f, const retry_op_t *op)
{
    expect(f, op, 1, "\"errorCode\": 6, \"errorLabels\": []", 1, MUV_ESERVER);
    expect(f, op, 1, "\"errorCode\": 11601", 1, MUV_ESERVER);
    expect(f, op, 1, "\"errorCode\": 112, " RETRYABLE_WRITE, 2, 0);
}

static void no_write_is_repeated_without_the_label(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    for_each(f, OP_WRITE, only_the_label_decides);
    expect(f, retry_op("insert_one"), 1, "\"errorCode\": 11600, \"errorLabels\": []", 1,
           MUV_ESERVER);
}

static void survives_a_network_error(client_fixture_t *f, const retry_op_t *op)
{
    expect(f, op, 1, "\"closeConnection\": true", 2, 0);
    check_same_write(f, op);
}

static void each_write_survives_a_network_error(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each(*state, OP_WRITE, survives_a_network_error);
}

static void two_network_errors_are_one_too_many(void **state)
{
    static const char *const names[] = {"insert_one", "delete_one", "find_one_and_update"};
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        const retry_op_t *op = retry_op(names[i]);
        outcome_t o = {0};
        fail_op(f, op, 2, "\"closeConnection\": true");
        assert_int_equal(attempts_of(f, op, &o), 2);
        CHECK_ERROR(&o.error, MUV_ENETWORK);
        assert_int_not_equal(o.error.labels & MUV_LABEL_RETRYABLE_WRITE, 0);
        assert_int_equal(o.error.in_doubt, 1);
        outcome_clear(&o);
    }
}

/* By its label: 64 is no code of a state change, and the client goes on at once. */
static void survives_a_write_concern_error(client_fixture_t *f, const retry_op_t *op)
{
    expect(f, op, 1, "\"writeConcernError\": {\"code\": 64, \"errmsg\": \"x\"}, " RETRYABLE_WRITE,
           2, 0);
    check_same_write(f, op);
}

static void each_write_is_repeated_after_a_write_concern_error(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    for_each(f, OP_WRITE, survives_a_write_concern_error);
    expect(f, retry_op("insert_one"), 1, "\"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"}",
           2, 0);
}

/* (insertOne-serverErrors: Interrupted and WriteConcernTimeout.) */
static void other_write_concern_errors_are_told(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("insert_one");

    open_cluster_client(f, &one_member, NULL);
    expect(f, op, 1, "\"writeConcernError\": {\"code\": 11601, \"errmsg\": \"x\"}", 1, MUV_EWRITE);
    expect(f, op, 1, "\"writeConcernError\": {\"code\": 64, \"errmsg\": \"x\"}", 1, MUV_EWRITE);
}

/* A statement's error says nothing of the command. */
static void write_errors_are_told(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    mock_reply(f->mock, "insert",
               "{\"n\": 0, \"ok\": 1, \"writeErrors\":"
               " [{\"index\": 0, \"code\": 91, \"errmsg\": \"x\"}]}");
    expect(f, retry_op("insert_one"), 0, "", 1, MUV_EWRITE);
}

static void is_sent_once_without_number(client_fixture_t *f, const retry_op_t *op)
{
    expect(f, op, 1, "\"errorCode\": 6", 1, MUV_ESERVER);
    assert_false(mock_request_has(mock_request_of(f->mock, op->command, -1), "txnNumber"));
}

static void what_touches_many_is_not_repeated(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each(*state, OP_WRITE_MANY, is_sent_once_without_number);
    for_each(*state, OP_ADMINISTER, is_sent_once_without_number);
    for_each(*state, OP_AS_GIVEN, is_sent_once_without_number);
}

static void without_the_option_no_write_is_repeated(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_cluster_client(f, &one_member, "retryWrites=false");
    for_each(f, OP_WRITE, is_sent_once_without_number);
    fail_commands(f, "{\"times\": 1}", INSERT_FAILS "\"closeConnection\": true");
    assert_int_equal(attempts_of(f, retry_op("insert_one"), &o), 1);
    CHECK_ERROR(&o.error, MUV_ENETWORK);
    assert_int_equal(o.error.labels & MUV_LABEL_RETRYABLE_WRITE, 0);
    outcome_clear(&o);
}

static void unacknowledged_writes_have_no_number(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("insert_one");

    open_cluster_client(f, &one_member, "w=0");
    assert_int_equal(run_op(f, op), 0);
    warm_up(f);
    assert_false(mock_request_has(mock_request_of(f->mock, "insert", 0), "txnNumber"));
    assert_false(mock_request_has(mock_request_of(f->mock, "insert", 0), "lsid"));
}

static void servers_without_sessions_get_no_number(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 1, .no_sessions = true}, NULL);
    is_sent_once_without_number(f, retry_op("insert_one"));
    assert_false(mock_request_has(mock_request_of(f->mock, "insert", 0), "lsid"));
}

static void a_standalone_gets_no_number(void **state)
{
    client_fixture_t *f = *state;

    f->mock = mock_new(&f->loop);
    open_client(f, NULL, NULL);
    is_sent_once_without_number(f, retry_op("insert_one"));
    assert_true(mock_request_has(mock_request_of(f->mock, "insert", 0), "lsid"));
}

/* --- Handshakes --------------------------------------------------------------------------------*/

static void survives_a_failed_handshake(client_fixture_t *f, const retry_op_t *op, const char *data)
{
    close_client(f, MUV_CLOSE_ABORT);
    open_client(f, NULL, NULL);
    connect_client(f);
    set_jitter(f, 0);
    fail_commands(f, "{\"times\": 1}", text_of("\"failCommands\": [\"hello\"], %s", data));
    expect(f, op, 0, "", 1, 0);
}

static void survives_a_handshake_cut_off(client_fixture_t *f, const retry_op_t *op)
{
    survives_a_failed_handshake(f, op, "\"closeConnection\": true");
}

static void survives_a_handshake_refused(client_fixture_t *f, const retry_op_t *op)
{
    survives_a_failed_handshake(f, op, "\"errorCode\": 91");
}

static void each_write_survives_a_failed_handshake(void **state)
{
    open_cluster_client(*state, &one_member, NULL);
    for_each(*state, OP_WRITE, survives_a_handshake_cut_off);
    for_each(*state, OP_WRITE, survives_a_handshake_refused);
}

/* --- Servers before 4.4 ------------------------------------------------------------------------*/

/* They give no labels: the client does, by the codes. */
static void old_servers_get_their_labels_from_the_client(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("insert_one");

    open_cluster_client(
        f, &(mock_cluster_opts_t){.members = 1, .no_labels = true, .max_wire_version = 8}, NULL);
    expect(f, op, 1, "\"errorCode\": 189", 2, 0);
    expect(f, op, 1, "\"errorCode\": 11601", 1, MUV_ESERVER);
    expect(f, op, 1, "\"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"}", 2, 0);
}

/* A mongos has repeated the write itself. */
static void an_old_mongos_write_concern_error_is_not_retried(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("insert_one");
    mock_cluster_opts_t old_mongos = {
        .members = 1, .mongos = true, .no_labels = true, .max_wire_version = 8};

    open_cluster_client(f, &old_mongos, NULL);
    expect(f, op, 1, "\"errorCode\": 189", 2, 0);
    expect(f, op, 1, "\"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"}", 1, MUV_EWRITE);
}

/* --- Elections ---------------------------------------------------------------------------------*/

/* The primary steps down while the insert is held; another one is elected; the retry goes there. */
static void a_write_follows_the_election(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_cluster_client(f, &(mock_cluster_opts_t){.members = 3}, NULL);
    warm_up(f);
    mock_script(f->mock, "insert", &(mock_step_t){.hold = true});
    start_insert(f, &o, 1);
    await_held(f, 1);
    mock_step_down(f->mock, 10107);
    assert_int_equal(mock_interrupt_held(f->mock, 0, 11602), 1);
    mock_elect(f->mock, 2);
    await_success(&o);
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    assert_int_equal(mock_request_of(f->mock, "insert", -1)->member, 2);
    check_same_write(f, retry_op("insert_one"));
    outcome_clear(&o);
}

/* Each batch of a long insert is a write of its own. */
static void each_batch_has_its_own_number(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    close_client(f, MUV_CLOSE_ABORT);
    mock_set_hello(f->mock, 0, "{\"maxWriteBatchSize\": 1}");
    open_client(f, NULL, NULL);
    fail_commands(f, "{\"times\": 1}", INSERT_FAILS "\"errorCode\": 6, " RETRYABLE_WRITE);
    assert_int_equal(run_op(f, retry_op("insert_many")), 0);
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    const mock_request_t *requests[3];
    for (int i = 0; i < 3; i++) {
        requests[i] = mock_request_of(f->mock, "insert", i);
    }
    assert_true(mock_request_same(requests[0], requests[1], "txnNumber"));
    assert_int_equal(mock_request_number(requests[2], "txnNumber"),
                     mock_request_number(requests[1], "txnNumber") + 1);
    assert_true(mock_request_same(requests[0], requests[2], "lsid"));
}

/* (Retryable Writes: replacement of the message of code 20.) */
static void storage_engines_without_numbers_are_explained(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_cluster_client(f, &one_member, NULL);
    mock_reply(f->mock, "insert",
               "{\"ok\": 0, \"code\": 20, \"codeName\": \"IllegalOperation\", \"errmsg\":"
               " \"Transaction numbers are only allowed on a replica set member or mongos\"}");
    insert(f, &o);
    CHECK_ERROR(&o.error, MUV_ESERVER);
    CHECK_CONTAINS(o.error.message, "retryWrites=false");
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)
#define TEST_REAL(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_real)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cleared_pool_is_retried),
        TEST_REAL(a_cleared_pool_is_retried_on_a_server),
        TEST(the_error_of_the_attempt_that_wrote_is_told),
        TEST(a_write_is_retried_on_another_mongos),
        TEST(a_write_is_retried_on_the_same_mongos_without_another),
        TEST(without_the_label_the_last_error_is_told),
        TEST(with_only_the_label_the_first_error_is_told),
        TEST(of_both_kinds_the_one_without_the_label_is_told),
        TEST(also_when_it_comes_last),
        TEST(after_an_overload_error_all_retries_count),
        TEST(only_overload_errors_are_backed_off_from),
        TEST(each_write_is_repeated_once),
        TEST(no_write_is_repeated_without_the_label),
        TEST(each_write_survives_a_network_error),
        TEST(two_network_errors_are_one_too_many),
        TEST(each_write_is_repeated_after_a_write_concern_error),
        TEST(other_write_concern_errors_are_told),
        TEST(write_errors_are_told),
        TEST(what_touches_many_is_not_repeated),
        TEST(without_the_option_no_write_is_repeated),
        TEST(unacknowledged_writes_have_no_number),
        TEST(servers_without_sessions_get_no_number),
        TEST(a_standalone_gets_no_number),
        TEST(each_write_survives_a_failed_handshake),
        TEST(old_servers_get_their_labels_from_the_client),
        TEST(an_old_mongos_write_concern_error_is_not_retried),
        TEST(a_write_follows_the_election),
        TEST(each_batch_has_its_own_number),
        TEST(storage_engines_without_numbers_are_explained),
    };

    return cmocka_run_group_tests_name("retryable_writes", tests, NULL, NULL);
}
