/* SPDX-License-Identifier: Apache-2.0 */
/* Client backpressure: the prose tests of the specification (the numbers are theirs), and for every
 * operation of the library what its JSON files check of each. */
#include "integration/cursor_fixture.h"
#include "integration/retry_fixture.h"

#include <string.h>

#define FIND_FAILS "\"failCommands\": [\"find\"], "
#define INSERT_FAILS "\"failCommands\": [\"insert\"], "

static const mock_cluster_opts_t one_member = {.members = 1};

/* --- 1. Back-off -------------------------------------------------------------------------------*/

/* How long an insert takes that is refused each time. */
static uint64_t refused_insert_ms(client_fixture_t *f, double jitter)
{
    uint64_t start_ns;

    set_jitter(f, jitter);
    start_ns = uv_hrtime();
    assert_int_equal(run_op(f, retry_op("insert_one")), MUV_ESERVER);
    return (uv_hrtime() - start_ns) / 1000000;
}

static void back_off_grows_with_the_jitter(client_fixture_t *f)
{
    uint64_t without_ms;
    uint64_t with_ms;

    fail_commands(f, "\"alwaysOn\"", INSERT_FAILS "\"errorCode\": 2, " OVERLOADED);
    without_ms = refused_insert_ms(f, 0);
    with_ms = refused_insert_ms(f, 1);
    assert_in_range(with_ms, without_ms + 500, without_ms + 1200);
}

static void back_off_takes_600_ms_at_most(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    back_off_grows_with_the_jitter(f);
    assert_in_range(gap_ms(f, "insert", 3), 190, WAIT_MS);
    assert_in_range(gap_ms(f, "insert", 4), 390, WAIT_MS);
}

static void back_off_takes_600_ms_at_most_on_a_server(void **state)
{
    open_real_client(*state, NULL, (muv_client_opts_t){0});
    back_off_grows_with_the_jitter(*state);
}

/* --- 3. and 4. How often -----------------------------------------------------------------------*/

/* A find that is refused each time makes so many attempts, and ends with both labels. */
static void refused_find(client_fixture_t *f, const watch_t *watch, unsigned attempts)
{
    outcome_t o = {0};

    fail_commands(f, "\"alwaysOn\"", FIND_FAILS "\"errorCode\": 462, " OVERLOADED);
    unsigned before = watch->commands;
    start_find(f, &o, 1, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 462);
    assert_int_equal(o.error.labels, MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE);
    assert_int_equal(watch->commands - before, attempts);
    outcome_clear(&o);
}

static void a_refused_find_is_tried_three_times(void **state)
{
    static watch_t watch;

    init_watch(&watch);
    open_cluster_client_with(*state, &one_member, NULL,
                             (muv_client_opts_t){.listener = &watch.listener});
    refused_find(*state, &watch, 3);
}

static void a_refused_find_is_tried_three_times_on_a_server(void **state)
{
    static watch_t watch;

    init_watch(&watch);
    open_real_client(*state, NULL, (muv_client_opts_t){.listener = &watch.listener});
    refused_find(*state, &watch, 3);
}

static void max_adaptive_retries_can_be_set(void **state)
{
    static watch_t watch;

    init_watch(&watch);
    open_cluster_client_with(*state, &one_member, "maxAdaptiveRetries=1",
                             (muv_client_opts_t){.listener = &watch.listener});
    refused_find(*state, &watch, 2);
}

static void max_adaptive_retries_can_be_set_on_a_server(void **state)
{
    static watch_t watch;

    init_watch(&watch);
    open_real_client(*state, "maxAdaptiveRetries=1",
                     (muv_client_opts_t){.listener = &watch.listener});
    refused_find(*state, &watch, 2);
}

static void max_adaptive_retries_can_be_none(void **state)
{
    static watch_t watch;

    init_watch(&watch);
    open_cluster_client_with(*state, &one_member, "maxAdaptiveRetries=0",
                             (muv_client_opts_t){.listener = &watch.listener});
    refused_find(*state, &watch, 1);
}

/* --- 5. baseBackoffMS --------------------------------------------------------------------------*/

/* The gaps before the two retries of a find, at full jitter, when each reply has this field. */
static void back_off_of(client_fixture_t *f, const char *field, uint64_t gaps_ms[2])
{
    open_cluster_client(f, &one_member, NULL);
    set_jitter(f, 1);
    fail_commands(f, "\"alwaysOn\"",
                  text_of(FIND_FAILS "\"errorCode\": 462, " OVERLOADED ", \"reply\": {%s}", field));
    assert_int_equal(run_op(f, retry_op("find")), MUV_ESERVER);
    gaps_ms[0] = gap_ms(f, "find", 0);
    gaps_ms[1] = gap_ms(f, "find", 1);
}

static void a_reply_can_ask_for_another_back_off(void **state)
{
    uint64_t gaps_ms[2];

    back_off_of(*state, "\"baseBackoffMS\": 30", gaps_ms);
    assert_in_range(gaps_ms[0], 55, 190);
    assert_in_range(gaps_ms[1], 115, 390);
}

static void a_base_that_is_not_positive_is_ignored(void **state)
{
    uint64_t gaps_ms[2];

    back_off_of(*state, "\"baseBackoffMS\": 0", gaps_ms);
    assert_in_range(gaps_ms[0], 190, WAIT_MS);
    assert_in_range(gaps_ms[1], 390, WAIT_MS);
}

/* --- Every operation ---------------------------------------------------------------------------*/

static void fail_op(client_fixture_t *f, const retry_op_t *op, int times, const char *data)
{
    fail_commands(f, text_of("{\"times\": %d}", times),
                  text_of("\"failCommands\": [\"%s\"], %s", op->command, data));
}

/* It is refused so many times; then it has made so many attempts and ended with this code. */
static void expect(client_fixture_t *f, const retry_op_t *op, int times, unsigned attempts,
                   int code)
{
    unsigned before = mock_request_count(f->mock, op->command);
    outcome_t o = {0};

    fail_op(f, op, times, "\"errorCode\": 2, " OVERLOADED);
    start_op(f, op, &o);
    await(&o);
    mock_fail_points_off(f->mock);
    CHECK_CODE(o.error.code, code);
    assert_int_equal(mock_request_count(f->mock, op->command) - before, attempts);
    assert_int_equal(o.error.in_doubt, 0);
    if (code != 0) {
        assert_int_equal(o.error.labels, MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE);
    }
    outcome_clear(&o);
}

static void every_operation_is_repeated_twice(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    for (size_t i = 0; i < retry_op_count; i++) {
        print_message("  %s\n", retry_ops[i].name);
        expect(f, &retry_ops[i], 2, 3, 0);
        expect(f, &retry_ops[i], 3, 3, MUV_ESERVER);
    }
}

/* What the options leave of it: a write is repeated as the same one. */
static void expect_with_option(client_fixture_t *f, const char *option, bool reads, bool writes)
{
    open_cluster_client(f, &one_member, option);
    for (size_t i = 0; i < retry_op_count; i++) {
        const retry_op_t *op = &retry_ops[i];
        bool repeated = op->sort == OP_READ       ? reads
                        : op->sort == OP_AS_GIVEN ? reads && writes
                                                  : writes;
        print_message("  %s\n", op->name);
        expect(f, op, 1, repeated ? 2 : 1, repeated ? 0 : MUV_ESERVER);
    }
}

static void without_retry_reads_no_read_is_repeated(void **state)
{
    expect_with_option(*state, "retryReads=false", false, true);
}

static void without_retry_writes_no_write_is_repeated(void **state)
{
    expect_with_option(*state, "retryWrites=false", true, false);
}

static void a_getmore_is_repeated_too(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 4, .batch = 2};
    reader_t reader;

    open_cluster_client(f, &one_member, NULL);
    serve_numbers(f, &numbers);
    open_reader(&reader, f);
    find_all(&reader, NULL);
    fail_commands(f, "{\"times\": 2}",
                  "\"failCommands\": [\"getMore\"], \"errorCode\": 2, " OVERLOADED);
    begin_collect(&reader, NULL);
    await_reader(&reader, 0);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 3);
    assert_int_equal(muv_documents_count(reader.documents), 4);
    close_reader(&reader);
}

static void a_repeated_write_keeps_its_number(void **state)
{
    client_fixture_t *f = *state;

    open_cluster_client(f, &one_member, NULL);
    expect(f, retry_op("insert_one"), 2, 3, 0);
    const mock_request_t *first = mock_request_of(f->mock, "insert", 0);
    for (int i = 1; i < 3; i++) {
        const mock_request_t *request = mock_request_of(f->mock, "insert", i);
        assert_true(mock_request_same(first, request, "txnNumber"));
        assert_true(mock_request_same(first, request, "lsid"));
    }
}

/* An overload error that is not retryable is told at once. */
static void without_retryable_error_nothing_is_repeated(void **state)
{
    client_fixture_t *f = *state;
    const retry_op_t *op = retry_op("find");

    open_cluster_client(f, &one_member, NULL);
    fail_op(f, op, 1, "\"errorCode\": 6, \"errorLabels\": [\"SystemOverloadedError\"]");
    assert_int_equal(run_op(f, op), MUV_ESERVER);
    assert_int_equal(mock_request_count(f->mock, "find"), 1);
}

/* (backpressure-connection-checkin.json) */
static void connections_go_back_while_it_waits(void **state)
{
    client_fixture_t *f = *state;
    static watch_t watch;

    init_watch(&watch);
    open_cluster_client_with(f, &one_member, NULL,
                             (muv_client_opts_t){.listener = &watch.listener});
    expect(f, retry_op("find"), 2, 3, 0);
    assert_int_equal(watch.checked_out, 3);
    assert_int_equal(watch.checked_in, 3);
    assert_int_equal(watch.pool_cleared, 0);
}

/* --- Deadlines, cancelling and closing ---------------------------------------------------------*/

/* Waiting would pass the deadline: the error comes now (Client Backpressure with CSOT). */
static void no_back_off_passes_the_deadline(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    uint64_t start_ns;

    open_cluster_client(f, &one_member, NULL);
    warm_up(f);
    set_jitter(f, 1);
    fail_commands(f, "\"alwaysOn\"",
                  FIND_FAILS "\"errorCode\": 462, " OVERLOADED
                             ", \"reply\": {\"baseBackoffMS\": 5000}");
    start_ns = uv_hrtime();
    start_find(f, &o, 1, &(muv_find_one_opts_t){.timeout_ms = 9000});
    await(&o);
    assert_in_range((uv_hrtime() - start_ns) / 1000000, 0, 5000);
    assert_int_equal(o.error.server_code, 462);
    assert_int_equal(mock_request_count(f->mock, "find"), 1);
    outcome_clear(&o);
}

static bool backs_off(void *data)
{
    client_fixture_t *f = data;

    return mock_request_count(f->mock, "find") == 1 && mock_unanswered(f->mock) == 0 &&
           stats_of(f).connections_idle == 1;
}

static void start_backing_off(client_fixture_t *f, outcome_t *o)
{
    open_cluster_client(f, &one_member, NULL);
    set_jitter(f, 1);
    fail_commands(f, "\"alwaysOn\"",
                  FIND_FAILS "\"errorCode\": 462, " OVERLOADED
                             ", \"reply\": {\"baseBackoffMS\": 5000}");
    start_find(f, o, 1, NULL);
    run_until_true(&f->loop, backs_off, f, WAIT_MS);
}

static void what_backs_off_can_be_cancelled(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_backing_off(f, &o);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    assert_int_equal(mock_request_count(f->mock, "find"), 1);
    outcome_clear(&o);
}

static void what_backs_off_ends_with_the_client(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    start_backing_off(f, &o);
    close_client(f, MUV_CLOSE_ABORT);
    CHECK_ERROR(&o.error, MUV_ECLOSED);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)
#define TEST_REAL(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_real)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(back_off_takes_600_ms_at_most),
        TEST_REAL(back_off_takes_600_ms_at_most_on_a_server),
        TEST(a_refused_find_is_tried_three_times),
        TEST_REAL(a_refused_find_is_tried_three_times_on_a_server),
        TEST(max_adaptive_retries_can_be_set),
        TEST_REAL(max_adaptive_retries_can_be_set_on_a_server),
        TEST(max_adaptive_retries_can_be_none),
        TEST(a_reply_can_ask_for_another_back_off),
        TEST(a_base_that_is_not_positive_is_ignored),
        TEST(every_operation_is_repeated_twice),
        TEST(without_retry_reads_no_read_is_repeated),
        TEST(without_retry_writes_no_write_is_repeated),
        TEST(a_getmore_is_repeated_too),
        TEST(a_repeated_write_keeps_its_number),
        TEST(without_retryable_error_nothing_is_repeated),
        TEST(connections_go_back_while_it_waits),
        TEST(no_back_off_passes_the_deadline),
        TEST(what_backs_off_can_be_cancelled),
        TEST(what_backs_off_ends_with_the_client),
    };

    return cmocka_run_group_tests_name("backpressure", tests, NULL, NULL);
}
