/* SPDX-License-Identifier: Apache-2.0 */
/* A replica set of three scripted members: discovery, elections, removal, read preference. */
#include "integration/client_fixture.h"

#include <string.h>

static int open_set(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    f->mock = mock_new_replica_set(&f->loop, "rs", 3);
    return 0;
}

/* A URI of one member; `options` "a=1". */
static const char *uri_of(client_fixture_t *f, int member, const char *options)
{
    return text_of("mongodb://%s/?%s", mock_address(f->mock, member), options);
}

static bool three_servers(void *data)
{
    return stats_of(data).servers == 3;
}

static bool two_servers(void *data)
{
    return stats_of(data).servers == 2;
}

static void the_set_is_discovered_from_one_seed(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, uri_of(f, 2, "replicaSet=rs"), NULL);
    start_write(f, &o, "{\"drop\": \"c\"}", 0);
    await_success(&o);
    assert_int_equal(mock_request_of(f->mock, "drop", 0)->member, 0);
    run_until_true(&f->loop, three_servers, f, WAIT_MS);
    outcome_clear(&o);
}

static void without_a_set_name_one_seed_of_several_is_enough(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f,
                   text_of("mongodb://127.0.0.1:1,%s/?serverSelectionTimeoutMS=5000",
                           mock_address(f->mock, 1)),
                   NULL);
    start_ping(f, &o, 0);
    await_success(&o);
    assert_int_equal(mock_request_of(f->mock, "ping", 0)->member, 0);
    outcome_clear(&o);
}

static void operations_follow_the_primary(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, "heartbeatFrequencyMS=500", NULL);
    warm_up(f);
    mock_set_role(f->mock, 0, MOCK_SECONDARY);
    mock_set_role(f->mock, 1, MOCK_PRIMARY);
    mock_script_member(f->mock, 0, "drop",
                       &(mock_step_t){.json = "{\"ok\": 0, \"code\": 10107,"
                                              " \"codeName\": \"NotWritablePrimary\","
                                              " \"errmsg\": \"not primary\"}"});
    start_write(f, &o, "{\"drop\": \"c\"}", 0);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 10107);
    assert_int_equal(o.error.in_doubt, 0);
    outcome_clear(&o);
    start_write(f, &o, "{\"drop\": \"c\"}", 5000);
    await_success(&o);
    assert_int_equal(mock_request_of(f->mock, "drop", -1)->member, 1);
    outcome_clear(&o);
}

/* The pool finds out before the monitor: that a server takes no connections may mean that it is
 * overloaded, and clears nothing (CMAP, SDAM: errors of establishment with SystemOverloadedError).
 */
static void a_dead_primary_is_replaced_by_the_next_one(void **state)
{
    client_fixture_t *f = *state;
    outcome_t refused = {0};
    outcome_t waits = {0};

    open_client(f, "heartbeatFrequencyMS=500&maxAdaptiveRetries=0", NULL);
    warm_up(f);
    mock_member_down(f->mock, 0);
    run_for(&f->loop, 20);
    start_write(f, &refused, "{\"drop\": \"c\"}", 10000);
    await_error(&refused, MUV_ENETWORK);
    assert_int_equal(refused.error.labels, MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE);
    assert_int_equal(refused.error.in_doubt, 0);
    assert_string_equal(refused.error.host, mock_address(f->mock, 0));
    run_for(&f->loop, 600);
    start_write(f, &waits, "{\"drop\": \"c\"}", 10000);
    assert_int_equal(stats_of(f).waiting_for_server, 1);
    mock_set_role(f->mock, 2, MOCK_PRIMARY);
    await_success(&waits);
    assert_int_equal(mock_request_of(f->mock, "drop", -1)->member, 2);
    outcome_clear(&refused);
    outcome_clear(&waits);
}

static void a_member_that_left_the_set_is_forgotten(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "heartbeatFrequencyMS=500", NULL);
    warm_up(f);
    run_until_true(&f->loop, three_servers, f, WAIT_MS);
    for (int member = 0; member < 3; member++) {
        char hosts[128];

        (void)snprintf(hosts, sizeof hosts, "{\"hosts\": [\"%s\", \"%s\"]}",
                       mock_address(f->mock, 0), mock_address(f->mock, 1));
        mock_set_hello(f->mock, member, hosts);
    }
    run_until_true(&f->loop, two_servers, f, WAIT_MS);
    warm_up(f);
}

static void reads_may_go_to_a_secondary_and_say_so(void **state)
{
    client_fixture_t *f = *state;
    muv_read_preference_t secondary = {.mode = MUV_READ_SECONDARY};
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.read_preference = &secondary});
    await_success(&o);
    assert_int_not_equal(mock_request_of(f->mock, "find", 0)->member, 0);
    CHECK_BSON_EQUAL(given(mock_request_of(f->mock, "find", 0)),
                     "{\"find\": \"c\", \"filter\": {\"_id\": 1}, \"limit\": 1,"
                     " \"singleBatch\": true, \"$db\": \"d\","
                     " \"$readPreference\": {\"mode\": \"secondary\"}}");
    outcome_clear(&o);
}

static void reads_of_the_primary_say_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_find(f, &o, 1, NULL);
    await_success(&o);
    assert_int_equal(mock_request_of(f->mock, "find", 0)->member, 0);
    assert_false(mock_request_has(mock_request_of(f->mock, "find", 0), "$readPreference"));
    outcome_clear(&o);
}

static void secondaries_share_the_reads(void **state)
{
    enum { COUNT = 60 };
    client_fixture_t *f = *state;
    outcome_t o[COUNT] = {{0}};
    unsigned of_member[3] = {0};

    open_client(f, "readPreference=secondary&localThresholdMS=10000", NULL);
    run_for(&f->loop, 1);
    start_connect(f, &o[0], 0);
    await_success(&o[0]);
    outcome_clear(&o[0]);
    run_until_true(&f->loop, three_servers, f, WAIT_MS);
    run_for(&f->loop, 100);
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        of_member[mock_request_of(f->mock, "find", i)->member]++;
        outcome_clear(&o[i]);
    }
    assert_int_equal(of_member[0], 0);
    assert_in_range(of_member[1], COUNT / 6, COUNT);
    assert_in_range(of_member[2], COUNT / 6, COUNT);
}

static void a_direct_connection_to_a_secondary_reads_there(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, uri_of(f, 1, "directConnection=true"), NULL);
    start_find(f, &o, 1, NULL);
    await_success(&o);
    assert_int_equal(mock_request_of(f->mock, "find", 0)->member, 1);
    CHECK_BSON_EQUAL(given(mock_request_of(f->mock, "find", 0)),
                     "{\"find\": \"c\", \"filter\": {\"_id\": 1}, \"limit\": 1,"
                     " \"singleBatch\": true, \"$db\": \"d\","
                     " \"$readPreference\": {\"mode\": \"primaryPreferred\"}}");
    assert_int_equal(stats_of(f).servers, 1);
    outcome_clear(&o);
}

static void a_wrong_set_name_finds_no_server(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, uri_of(f, 0, "replicaSet=other&serverSelectionTimeoutMS=300"), NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, "ReplicaSetNoPrimary");
    outcome_clear(&o);
}

static void a_direct_connection_with_a_wrong_set_name_finds_none(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(
        f, uri_of(f, 0, "replicaSet=other&directConnection=true&serverSelectionTimeoutMS=300"),
        NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, mock_address(f->mock, 0));
    outcome_clear(&o);
}

static void no_secondary_in_time_tells_the_topology(void **state)
{
    client_fixture_t *f = *state;
    muv_read_preference_t secondary = {.mode = MUV_READ_SECONDARY};
    outcome_t o = {0};

    mock_set_role(f->mock, 1, MOCK_ARBITER);
    mock_set_role(f->mock, 2, MOCK_ARBITER);
    open_client(f, "serverSelectionTimeoutMS=300", NULL);
    start_find(f, &o, 1, &(muv_find_one_opts_t){.read_preference = &secondary});
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, "ReplicaSetWithPrimary");
    outcome_clear(&o);
}

/* Operations in flight on all three members, and each member dies in turn. */
static void members_that_die_fail_their_operations_only(void **state)
{
    enum { COUNT = 30 };
    client_fixture_t *f = *state;
    outcome_t o[COUNT] = {{0}};
    unsigned lost = 0;

    open_client(f, "readPreference=nearest&localThresholdMS=10000&heartbeatFrequencyMS=500", NULL);
    warm_up(f);
    run_until_true(&f->loop, three_servers, f, WAIT_MS);
    run_for(&f->loop, 50);
    mock_script(f->mock, "find", &(mock_step_t){.delay_ms = 100, .times = COUNT});
    for (int i = 0; i < COUNT; i++) {
        start_find(f, &o[i], i, NULL);
    }
    run_for(&f->loop, 60);
    mock_member_down(f->mock, 1);
    for (int i = 0; i < COUNT; i++) {
        await(&o[i]);
        lost += o[i].error.code != 0;
        if (o[i].error.code != 0) {
            assert_true(o[i].error.code == MUV_ENETWORK || o[i].error.code == MUV_EPOOLCLEARED);
            assert_string_equal(o[i].error.host, mock_address(f->mock, 1));
        }
        outcome_clear(&o[i]);
    }
    assert_in_range(lost, 0, COUNT - 1);
    mock_member_up(f->mock, 1);
    warm_up(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_set, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_set_is_discovered_from_one_seed),
        TEST(without_a_set_name_one_seed_of_several_is_enough),
        TEST(operations_follow_the_primary),
        TEST(a_dead_primary_is_replaced_by_the_next_one),
        TEST(a_member_that_left_the_set_is_forgotten),
        TEST(reads_may_go_to_a_secondary_and_say_so),
        TEST(reads_of_the_primary_say_nothing),
        TEST(secondaries_share_the_reads),
        TEST(a_direct_connection_to_a_secondary_reads_there),
        TEST(a_wrong_set_name_finds_no_server),
        TEST(a_direct_connection_with_a_wrong_set_name_finds_none),
        TEST(no_secondary_in_time_tells_the_topology),
        TEST(members_that_die_fail_their_operations_only),
    };

    return cmocka_run_group_tests_name("replica_set", tests, NULL, NULL);
}
