/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos that wait, and streams without an end. */
#include "support/check.h"
#include "support/mock_set.h"
#include "unit/support/cluster_fixture.h"

#define HELLO "{\"hello\": 1, \"$db\": \"admin\"}"
#define OLD_VERSION "{\"processId\": {\"$oid\": \"000000000000000000000001\"}, \"counter\": 0}"
#define LONG_MS 60000

static bool someone_waits(void *mock)
{
    return mock_waiting_hellos(mock, MOCK_ANY) > 0;
}

static void await_waiting(cluster_fixture_t *f)
{
    run_until_true(&f->loop, someone_waits, f->mock, CLUSTER_WAIT_MS);
}

static void a_change_is_pushed_at_once(void **state)
{
    cluster_fixture_t *f = *state;

    start_waiting(f, 1, 7, true, LONG_MS);
    await_waiting(f);
    assert_int_equal(f->clients[1].messages, 1);
    mock_elect(f->mock, 1);
    raw_wait(&f->clients[1], 2);
    check_message(f, 1, 1, "isWritablePrimary topologyVersion.counter",
                  "{\"isWritablePrimary\": true, \"topologyVersion.counter\": 1}");
    mock_step_down(f->mock, 10107);
    raw_wait(&f->clients[1], 3);
    raw_message_t first = raw_message(&f->clients[1], 1);
    raw_message_t second = raw_message(&f->clients[1], 2);
    assert_int_equal(first.flags, MOCK_FLAG_MORE_TO_COME);
    assert_int_equal(first.response_to, 7);
    assert_int_equal(second.response_to, first.request_id);
    check_message(f, 1, 2, "isWritablePrimary", "{\"isWritablePrimary\": false}");
}

static void without_exhaust_it_is_answered_once(void **state)
{
    cluster_fixture_t *f = *state;

    start_waiting(f, 0, 7, false, LONG_MS);
    await_waiting(f);
    mock_set_tags(f->mock, 0, "{}");
    raw_wait(&f->clients[0], 2);
    assert_int_equal(raw_message(&f->clients[0], 1).flags, 0);
    assert_int_equal(mock_waiting_hellos(f->mock, MOCK_ANY), 0);
    assert_int_equal(mock_unanswered(f->mock), 0);
}

static void without_a_change_it_is_answered_when_the_time_is_over(void **state)
{
    cluster_fixture_t *f = *state;

    start_waiting(f, 0, 7, true, 10);
    raw_wait(&f->clients[0], 4);
    check_message(f, 0, 3, "topologyVersion.counter ok",
                  "{\"topologyVersion.counter\": 0, \"ok\": 1}");
}

static void one_that_knows_less_is_answered_at_once(void **state)
{
    cluster_fixture_t *f = *state;

    raw_send(&f->clients[0], 7, MOCK_FLAG_EXHAUST_ALLOWED,
             "{\"hello\": 1, \"maxAwaitTimeMS\": 60000, \"topologyVersion\": " OLD_VERSION
             ", \"$db\": \"admin\"}");
    raw_wait(&f->clients[0], 1);
    assert_int_equal(mock_waiting_hellos(f->mock, 0), 1);
}

static void a_member_that_restarts_is_another_process(void **state)
{
    cluster_fixture_t *f = *state;
    bson_t *before = ask(f, 2, HELLO);
    bson_iter_t iter;
    bson_iter_t field;

    mock_member_down(f->mock, 2);
    mock_member_up(f->mock, 2);
    connect_to(f, 2);
    bson_t *after = ask(f, 3, HELLO);
    assert_true(bson_iter_init(&iter, before));
    assert_true(bson_iter_find_descendant(&iter, "topologyVersion.processId", &field));
    bson_oid_t old = *bson_iter_oid(&field);
    assert_true(bson_iter_init(&iter, after));
    assert_true(bson_iter_find_descendant(&iter, "topologyVersion.processId", &field));
    assert_false(bson_oid_equal(&old, bson_iter_oid(&field)));
    bson_destroy(before);
    bson_destroy(after);
}

static void a_fail_point_ends_the_stream(void **state)
{
    cluster_fixture_t *f = *state;

    start_waiting(f, 0, 7, true, LONG_MS);
    await_waiting(f);
    mock_fail_point(f->mock, 0,
                    "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"hello\"],"
                    " \"errorCode\": 91}}");
    mock_push_hello(f->mock, 0);
    raw_wait(&f->clients[0], 2);
    check_message(f, 0, 1, "ok code", "{\"ok\": 0, \"code\": 91}");
    assert_int_equal(raw_message(&f->clients[0], 1).flags, 0);
    assert_int_equal(mock_waiting_hellos(f->mock, 0), 0);
}

static void a_client_that_leaves_waits_no_more(void **state)
{
    cluster_fixture_t *f = *state;

    start_waiting(f, 0, 7, true, LONG_MS);
    await_waiting(f);
    mock_drop_connections(f->mock, 0, MOCK_CLOSE);
    mock_elect(f->mock, 1);
    assert_int_equal(mock_waiting_hellos(f->mock, 0), 0);
    run_until(&f->loop, &f->clients[0].ended, CLUSTER_WAIT_MS);
}

static void a_reply_can_be_without_end(void **state)
{
    cluster_fixture_t *f = *state;

    mock_script(f->mock, "ping",
                &(mock_step_t){.json = "{\"ok\": 1}", .endless = true, .checksum = true});
    raw_send(&f->clients[0], 5, MOCK_FLAG_EXHAUST_ALLOWED, "{\"ping\": 1, \"$db\": \"d\"}");
    raw_wait(&f->clients[0], 20);
    for (unsigned i = 0; i < 20; i++) {
        raw_message_t message = raw_message(&f->clients[0], i);
        assert_int_equal(message.flags, MOCK_FLAG_MORE_TO_COME | MOCK_FLAG_CHECKSUM);
        assert_int_equal(message.response_to,
                         i == 0 ? 5 : raw_message(&f->clients[0], i - 1).request_id);
    }
    assert_int_equal(mock_unanswered(f->mock), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_CASE(a_change_is_pushed_at_once),
        CLUSTER_CASE(without_exhaust_it_is_answered_once),
        CLUSTER_CASE(without_a_change_it_is_answered_when_the_time_is_over),
        CLUSTER_CASE(one_that_knows_less_is_answered_at_once),
        CLUSTER_CASE(a_member_that_restarts_is_another_process),
        CLUSTER_CASE(a_fail_point_ends_the_stream),
        CLUSTER_CASE(a_client_that_leaves_waits_no_more),
        CLUSTER_CASE(a_reply_can_be_without_end),
    };

    return cmocka_run_group_tests_name("support/mock_stream", tests, NULL, NULL);
}
