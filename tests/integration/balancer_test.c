/* SPDX-License-Identifier: Apache-2.0 */
/* A load balancer in front of two mongos, through sockets: each connection leads to the next one,
 * and a hello without loadBalanced is a fault of the mock. The rules one by one are in
 * sim.balancer. */
#include "integration/cursor_fixture.h"
#include "integration/retry_fixture.h"

static void open_balancer(client_fixture_t *f, const char *options)
{
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 1, .services = 2});
    open_client(f, options, NULL);
    set_jitter(f, 0);
}

/* Two connections, one to each service. */
static void warm_two(client_fixture_t *f)
{
    outcome_t o[2] = {{0}, {0}};

    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = 2});
    start_ping(f, &o[0], 0);
    start_ping(f, &o[1], 0);
    await_held(f, 2);
    assert_int_equal(mock_release(f->mock, 2), 2);
    for (int i = 0; i < 2; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_not_equal(mock_request_of(f->mock, "ping", 0)->service,
                         mock_request_of(f->mock, "ping", 1)->service);
}

static void nothing_is_connected_but_the_pool(void **state)
{
    client_fixture_t *f = *state;

    open_balancer(f, NULL);
    connect_client(f);
    warm_up(f);
    assert_int_equal(mock_accepted(f->mock), 1);
    assert_true(mock_request_has(mock_request_of(f->mock, "hello", 0), "hello"));
    assert_true(mock_request_has(mock_request_of(f->mock, "ping", 0), "lsid"));
}

static void a_cursor_stays_with_its_service(void **state)
{
    client_fixture_t *f = *state;
    numbers_t numbers = {.total = 6, .batch = 2};
    reader_t reader;

    open_balancer(f, NULL);
    warm_two(f);
    serve_numbers(f, &numbers);
    open_reader(&reader, f);
    find_all(&reader, NULL);
    warm_up(f);
    begin_collect(&reader, NULL);
    await_reader(&reader, 0);
    assert_int_equal(muv_documents_count(reader.documents), 6);
    assert_int_equal(mock_request_count(f->mock, "getMore"), 2);
    unsigned connection = mock_request_of(f->mock, "find", 0)->connection;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mock_request_of(f->mock, "getMore", i)->connection, connection);
    }
    assert_int_not_equal(mock_request_of(f->mock, "ping", -1)->connection, connection);
    close_reader(&reader);
}

/* The other service's connection stays, and serves the retry. */
static void an_error_ends_the_connections_of_its_service_only(void **state)
{
    client_fixture_t *f = *state;

    open_balancer(f, NULL);
    warm_two(f);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"find\"], \"closeConnection\": true");
    assert_int_equal(run_op(f, retry_op("find_one")), 0);
    assert_int_equal(mock_request_count(f->mock, "find"), 2);
    assert_int_equal(mock_accepted(f->mock), 2);
    assert_int_not_equal(mock_request_of(f->mock, "find", 0)->service,
                         mock_request_of(f->mock, "find", 1)->service);
}

static void writes_are_repeated_as_the_same_one(void **state)
{
    client_fixture_t *f = *state;

    open_balancer(f, NULL);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"insert\"], \"closeConnection\": true");
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    const mock_request_t *first = mock_request_of(f->mock, "insert", 0);
    const mock_request_t *second = mock_request_of(f->mock, "insert", 1);
    assert_true(mock_request_same(first, second, "txnNumber"));
    assert_true(mock_request_same(first, second, "lsid"));
}

/* What the handshake never got to is not known to be a write of a service without sessions. */
static void a_failed_handshake_is_repeated(void **state)
{
    client_fixture_t *f = *state;

    open_balancer(f, NULL);
    fail_commands(f, "{\"times\": 1}", "\"failCommands\": [\"hello\"], \"closeConnection\": true");
    assert_int_equal(run_op(f, retry_op("insert_one")), 0);
    assert_int_equal(mock_request_count(f->mock, "insert"), 1);
    assert_int_equal(mock_accepted(f->mock), 2);
}

static void a_server_that_names_no_service_is_refused(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 1, .mongos = true});
    open_client(f, "loadBalanced=true", NULL);
    start_find(f, &o, 1, NULL);
    await(&o);
    assert_int_not_equal(o.error.code, 0);
    CHECK_CONTAINS(o.error.message, "load balanc");
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_connected_but_the_pool),
        TEST(a_cursor_stays_with_its_service),
        TEST(an_error_ends_the_connections_of_its_service_only),
        TEST(writes_are_repeated_as_the_same_one),
        TEST(a_failed_handshake_is_repeated),
        TEST(a_server_that_names_no_service_is_refused),
    };

    return cmocka_run_group_tests_name("balancer", tests, NULL, NULL);
}
