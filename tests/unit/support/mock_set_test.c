/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a cluster, seen by raw clients: what they say of themselves and of each other, what
 * they refuse, and their clock. */
#include "support/mock_set.h"

#include "support/check.h"
#include "unit/support/cluster_fixture.h"

#include <string.h>

#define HELLO "{\"hello\": 1, \"$db\": \"admin\"}"
#define FIND "{\"find\": \"c\", \"$db\": \"d\"}"
#define FIND_NEAR "{\"find\": \"c\", \"$db\": \"d\", \"$readPreference\": {\"mode\": \"nearest\"}}"
#define INSERT "{\"insert\": \"c\", \"documents\": [{\"_id\": 1}], \"$db\": \"d\"}"
#define INSERT_RETRYABLE                                                                           \
    "{\"insert\": \"c\", \"documents\": [{\"_id\": 1}], \"lsid\": {\"id\": 1},"                    \
    " \"txnNumber\": {\"$numberLong\": \"1\"}, \"$db\": \"d\"}"
#define ELECTION(term) "{\"$oid\": \"7fffffff00000000000000" term "\"}"

static void an_election_moves_primary_and_term(void **state)
{
    cluster_fixture_t *f = *state;

    check_answer(f, 0, HELLO, "isWritablePrimary electionId",
                 "{\"isWritablePrimary\": true, \"electionId\": " ELECTION("01") "}");
    mock_elect(f->mock, 2);
    assert_int_equal(mock_primary(f->mock), 2);
    check_answer(f, 0, HELLO, "isWritablePrimary secondary electionId",
                 "{\"isWritablePrimary\": false, \"secondary\": true}");
    check_answer(
        f, 2, HELLO, "isWritablePrimary electionId setVersion",
        "{\"isWritablePrimary\": true, \"electionId\": " ELECTION("02") ","
                                                                        " \"setVersion\": 1}");
}

/* A partition: the old primary does not know yet. */
static void two_primaries_have_different_elections(void **state)
{
    cluster_fixture_t *f = *state;

    mock_elect(f->mock, 1);
    mock_set_role(f->mock, 0, MOCK_PRIMARY);
    check_answer(f, 0, HELLO, "isWritablePrimary electionId",
                 "{\"isWritablePrimary\": true, \"electionId\": " ELECTION("01") "}");
    assert_int_equal(mock_primary(f->mock), 1);
}

static void members_join_and_leave(void **state)
{
    cluster_fixture_t *f = *state;
    int joined = mock_join(f->mock, MOCK_PASSIVE);

    assert_int_equal(joined, 3);
    mock_leave(f->mock, 1);
    check_answer(f, 0, HELLO, "setVersion hosts passives",
                 text_of("{\"setVersion\": 3, \"hosts\": [\"%s\", \"%s\"], \"passives\": [\"%s\"]}",
                         mock_address(f->mock, 0), mock_address(f->mock, 2),
                         mock_address(f->mock, 3)));
    check_answer(f, 1, HELLO, "isreplicaset setName", "{\"isreplicaset\": true}");
    connect_to(f, 3);
    check_answer(f, 3, HELLO, "secondary passive", "{\"secondary\": true, \"passive\": true}");
    assert_null(strstr(mock_uri(f->mock, NULL), mock_address(f->mock, 1)));
}

static void hidden_members_and_arbiters_say_so(void **state)
{
    cluster_fixture_t *f = *state;

    mock_set_role(f->mock, 1, MOCK_HIDDEN);
    mock_set_role(f->mock, 2, MOCK_ARBITER);
    check_answer(f, 0, HELLO, "hosts arbiters",
                 text_of("{\"hosts\": [\"%s\"], \"arbiters\": [\"%s\"]}", mock_address(f->mock, 0),
                         mock_address(f->mock, 2)));
    check_answer(f, 1, HELLO, "hidden secondary", "{\"hidden\": true, \"secondary\": true}");
    check_answer(f, 2, HELLO, "arbiterOnly secondary",
                 "{\"arbiterOnly\": true, \"secondary\": false}");
    check_answer(f, 2, FIND_NEAR, "code", "{\"code\": 13436}");
}

static void tags_and_lag_are_told(void **state)
{
    cluster_fixture_t *f = *state;

    mock_set_tags(f->mock, 1, "{\"dc\": \"ny\"}");
    mock_set_lag(f->mock, 1, 90000);
    check_answer(f, 1, HELLO, "tags lastWrite.lastWriteDate",
                 "{\"tags\": {\"dc\": \"ny\"}, \"lastWrite.lastWriteDate\":"
                 " {\"$date\": {\"$numberLong\": \"1699999910000\"}}}");
}

static void a_secondary_refuses_writes_and_reads_of_the_primary(void **state)
{
    cluster_fixture_t *f = *state;

    check_answer(f, 0, INSERT, "n ok", "{\"n\": 1, \"ok\": 1}");
    check_answer(f, 1, INSERT, "ok code codeName errorLabels",
                 "{\"ok\": 0, \"code\": 10107, \"codeName\": \"NotWritablePrimary\"}");
    check_answer(f, 1, FIND, "ok code", "{\"ok\": 0, \"code\": 13435}");
    check_answer(f, 1, FIND_NEAR, "ok", "{\"ok\": 1}");
}

static void a_primary_that_steps_down_says_which_way(void **state)
{
    cluster_fixture_t *f = *state;

    mock_step_down(f->mock, 189);
    assert_int_equal(mock_primary(f->mock), -1);
    check_answer(f, 0, HELLO, "isWritablePrimary topologyVersion.counter",
                 "{\"isWritablePrimary\": false, \"topologyVersion.counter\": 1}");
    check_answer(f, 0, INSERT_RETRYABLE, "code errorLabels topologyVersion.counter",
                 "{\"code\": 189, \"errorLabels\": [\"RetryableWriteError\"],"
                 " \"topologyVersion.counter\": 1}");
    check_answer(f, 0, "{\"ping\": 1, \"$db\": \"d\"}", "code", "{\"code\": 189}");
    mock_elect(f->mock, 0);
    check_answer(f, 0, INSERT, "ok", "{\"ok\": 1}");
}

static void labels_can_be_left_out(void **state)
{
    cluster_fixture_t *f = *state;

    remake_cluster(f, &(mock_cluster_opts_t){.members = 1,
                                             .no_labels = true,
                                             .polling = true,
                                             .no_cluster_time = true,
                                             .no_sessions = true,
                                             .max_wire_version = 8});
    mock_step_down(f->mock, 10107);
    check_answer(f, 0, INSERT_RETRYABLE, "code errorLabels topologyVersion $clusterTime",
                 "{\"code\": 10107}");
    check_answer(f, 0, HELLO, "topologyVersion maxWireVersion logicalSessionTimeoutMinutes",
                 "{\"maxWireVersion\": 8}");
}

static void held_replies_can_be_interrupted(void **state)
{
    cluster_fixture_t *f = *state;

    mock_script(f->mock, "insert", &(mock_step_t){.hold = true});
    raw_send(&f->clients[0], 7, 0, INSERT_RETRYABLE);
    while (mock_held(f->mock) == 0) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(mock_interrupt_held(f->mock, 1, 11602), 0);
    assert_int_equal(mock_interrupt_held(f->mock, 0, 11602), 1);
    raw_wait(&f->clients[0], 1);
    assert_int_equal(raw_message(&f->clients[0], 0).response_to, 7);
    check_message(f, 0, 0, "code errorLabels",
                  "{\"code\": 11602, \"errorLabels\": [\"RetryableWriteError\"]}");
}

static void cluster_time_grows_with_writes_and_with_what_clients_know(void **state)
{
    cluster_fixture_t *f = *state;

    mock_set_cluster_time(f->mock, 500, 7);
    check_answer(f, 0, INSERT, "operationTime $clusterTime.clusterTime",
                 "{\"operationTime\": {\"$timestamp\": {\"t\": 500, \"i\": 8}},"
                 " \"$clusterTime.clusterTime\": {\"$timestamp\": {\"t\": 500, \"i\": 8}}}");
    check_answer(f, 1,
                 "{\"ping\": 1, \"$db\": \"d\", \"$clusterTime\": {\"clusterTime\":"
                 " {\"$timestamp\": {\"t\": 501, \"i\": 2}}}}",
                 "operationTime", "{\"operationTime\": {\"$timestamp\": {\"t\": 501, \"i\": 2}}}");
    check_answer(f, 0, FIND, "operationTime",
                 "{\"operationTime\": {\"$timestamp\": {\"t\": 501, \"i\": 2}}}");
}

static void every_mongos_is_one(void **state)
{
    cluster_fixture_t *f = *state;

    remake_cluster(f, &(mock_cluster_opts_t){.members = 2, .mongos = true});
    for (int i = 0; i < 2; i++) {
        check_answer(f, i, HELLO, "msg isWritablePrimary setName",
                     "{\"msg\": \"isdbgrid\", \"isWritablePrimary\": true}");
        check_answer(f, i, INSERT, "ok", "{\"ok\": 1}");
    }
    assert_null(strstr(mock_uri(f->mock, NULL), "replicaSet"));
}

static void connections_behind_a_load_balancer_take_turns(void **state)
{
    static const char greeting[] = "{\"hello\": 1, \"loadBalanced\": true, \"$db\": \"admin\"}";
    cluster_fixture_t *f = *state;

    remake_cluster(f, &(mock_cluster_opts_t){.members = 1, .services = 2});
    connect_to(f, 0);
    check_answer(
        f, 0, greeting, "msg serviceId",
        "{\"msg\": \"isdbgrid\", \"serviceId\": {\"$oid\": \"5e0000000000000000000001\"}}");
    check_answer(f, 1, greeting, "serviceId",
                 "{\"serviceId\": {\"$oid\": \"5e0000000000000000000002\"}}");
    assert_int_equal(mock_request(f->mock, 1)->service, 2);
    CHECK_CONTAINS(mock_uri(f->mock, NULL), "/?loadBalanced=true");
    assert_int_equal(mock_fault_count(f->mock), 0);
    connect_to(f, 0);
    check_answer(f, 2, HELLO, "ok", "{\"ok\": 1}");
    CHECK_CONTAINS(mock_fault(f->mock, 0), "without loadBalanced");
    mock_allow_faults(f->mock);
}

static void a_slow_member_takes_its_time(void **state)
{
    cluster_fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    mock_set_delay(f->mock, 1, 30);
    check_answer(f, 1, FIND_NEAR, "ok", "{\"ok\": 1}");
    assert_true(uv_hrtime() - start_ns >= 29000000);
}

static void the_newest_reply_can_go_first(void **state)
{
    cluster_fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = 2});
    raw_send(&f->clients[0], 1, 0, "{\"ping\": 1, \"$db\": \"d\"}");
    while (mock_held(f->mock) == 0) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    raw_send(&f->clients[1], 2, 0, "{\"ping\": 1, \"$db\": \"d\"}");
    while (mock_held(f->mock) == 1) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(mock_release_newest(f->mock, 1), 1);
    raw_wait(&f->clients[1], 1);
    assert_int_equal(f->clients[0].messages, 0);
    assert_int_equal(mock_release_newest(f->mock, 5), 1);
    raw_wait(&f->clients[0], 1);
}

static void replies_of_one_connection_can_go_alone(void **state)
{
    cluster_fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = 2});
    for (int i = 0; i < 2; i++) {
        raw_send(&f->clients[i], 1, 0, "{\"ping\": 1, \"$db\": \"d\"}");
    }
    while (mock_held(f->mock) < 2) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    unsigned of_second =
        mock_request(f->mock, mock_request(f->mock, 0)->member == 1 ? 0 : 1)->connection;
    assert_int_equal(mock_release_connection(f->mock, of_second), 1);
    raw_wait(&f->clients[1], 1);
    assert_int_equal(f->clients[0].messages, 0);
    assert_int_equal(mock_held(f->mock), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_CASE(an_election_moves_primary_and_term),
        CLUSTER_CASE(two_primaries_have_different_elections),
        CLUSTER_CASE(members_join_and_leave),
        CLUSTER_CASE(hidden_members_and_arbiters_say_so),
        CLUSTER_CASE(tags_and_lag_are_told),
        CLUSTER_CASE(a_secondary_refuses_writes_and_reads_of_the_primary),
        CLUSTER_CASE(a_primary_that_steps_down_says_which_way),
        CLUSTER_CASE(labels_can_be_left_out),
        CLUSTER_CASE(held_replies_can_be_interrupted),
        CLUSTER_CASE(cluster_time_grows_with_writes_and_with_what_clients_know),
        CLUSTER_CASE(every_mongos_is_one),
        CLUSTER_CASE(connections_behind_a_load_balancer_take_turns),
        CLUSTER_CASE(a_slow_member_takes_its_time),
        CLUSTER_CASE(the_newest_reply_can_go_first),
        CLUSTER_CASE(replies_of_one_connection_can_go_alone),
    };

    return cmocka_run_group_tests_name("support/mock_set", tests, NULL, NULL);
}
