/* SPDX-License-Identifier: Apache-2.0 */
/* Fail points of the mock, by the test and over the wire. */
#include "support/check.h"
#include "support/mock_set.h"
#include "unit/support/cluster_fixture.h"

#define PING "{\"ping\": 1, \"$db\": \"d\"}"
#define FIND "{\"find\": \"c\", \"$db\": \"d\"}"
#define INSERT_RETRYABLE                                                                           \
    "{\"insert\": \"c\", \"documents\": [{\"_id\": 1}], \"lsid\": {\"id\": 1},"                    \
    " \"txnNumber\": {\"$numberLong\": \"1\"}, \"$db\": \"d\"}"

static void so_many_times_then_no_more(void **state)
{
    cluster_fixture_t *f = *state;

    mock_fail_point(f->mock, 0,
                    "{\"mode\": {\"times\": 2}, \"data\": {\"failCommands\": [\"find\"],"
                    " \"errorCode\": 7, \"reply\": {\"baseBackoffMS\": 5}}}");
    check_answer(f, 0, PING, "ok", "{\"ok\": 1}");
    for (int i = 0; i < 2; i++) {
        check_answer(f, 0, FIND, "ok code codeName errorLabels baseBackoffMS",
                     "{\"ok\": 0, \"code\": 7, \"codeName\": \"HostNotFound\","
                     " \"baseBackoffMS\": 5}");
    }
    check_answer(f, 0, FIND, "ok", "{\"ok\": 1}");
    assert_int_equal(mock_fail_point_hits(f->mock), 2);
}

static void the_first_ones_are_left_out_and_other_members_too(void **state)
{
    cluster_fixture_t *f = *state;

    mock_fail_point(f->mock, 0,
                    "{\"mode\": {\"skip\": 1}, \"data\": {\"failCommands\": [\"ping\"],"
                    " \"errorCode\": 7}}");
    check_answer(f, 1, PING, "ok", "{\"ok\": 1}");
    check_answer(f, 0, PING, "ok", "{\"ok\": 1}");
    check_answer(f, 0, PING, "ok", "{\"ok\": 0}");
    mock_fail_points_off(f->mock);
    check_answer(f, 0, PING, "ok", "{\"ok\": 1}");
}

static void labels_are_those_of_a_server_or_those_of_the_test(void **state)
{
    cluster_fixture_t *f = *state;
    static const char one[] =
        "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"insert\"],"
        " \"errorCode\": 91%s}}";

    mock_fail_point(f->mock, MOCK_ANY, text_of(one, ""));
    mock_fail_point(f->mock, MOCK_ANY, text_of(one, ", \"errorLabels\": [\"A\", \"B\"]"));
    check_answer(f, 0, INSERT_RETRYABLE, "code errorLabels",
                 "{\"code\": 91, \"errorLabels\": [\"RetryableWriteError\"]}");
    check_answer(f, 0, INSERT_RETRYABLE, "code errorLabels",
                 "{\"code\": 91, \"errorLabels\": [\"A\", \"B\"]}");
}

static void a_write_concern_error_comes_with_the_ordinary_reply(void **state)
{
    cluster_fixture_t *f = *state;

    mock_fail_point(f->mock, MOCK_ANY,
                    "{\"mode\": \"alwaysOn\", \"data\": {\"failCommands\": [\"insert\"],"
                    " \"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"}}}");
    check_answer(f, 0, INSERT_RETRYABLE, "n ok writeConcernError errorLabels",
                 "{\"n\": 1, \"ok\": 1, \"writeConcernError\": {\"code\": 91, \"errmsg\": \"x\"},"
                 " \"errorLabels\": [\"RetryableWriteError\"]}");
}

static void a_connection_can_be_blocked_and_closed(void **state)
{
    cluster_fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    mock_fail_point(f->mock, MOCK_ANY,
                    "{\"mode\": \"alwaysOn\", \"data\": {\"failCommands\": [\"ping\"],"
                    " \"blockConnection\": true, \"blockTimeMS\": 30, \"closeConnection\": true}}");
    raw_send(&f->clients[0], 1, 0, PING);
    run_until(&f->loop, &f->clients[0].ended, CLUSTER_WAIT_MS);
    assert_true(uv_hrtime() - start_ns >= 29000000);
    assert_int_equal(f->clients[0].messages, 0);
}

static void only_the_named_application_fails(void **state)
{
    cluster_fixture_t *f = *state;

    mock_fail_point(f->mock, MOCK_ANY,
                    "{\"mode\": \"alwaysOn\", \"data\": {\"failCommands\": [\"isMaster\"],"
                    " \"errorCode\": 91, \"appName\": \"a\"}}");
    check_answer(f, 0, "{\"hello\": 1, \"$db\": \"admin\"}", "ok", "{\"ok\": 1}");
    check_answer(f, 1,
                 "{\"hello\": 1, \"client\": {\"application\": {\"name\": \"a\"}},"
                 " \"$db\": \"admin\"}",
                 "ok", "{\"ok\": 0}");
}

static void clients_configure_them_too(void **state)
{
    cluster_fixture_t *f = *state;

    check_answer(f, 0,
                 "{\"configureFailPoint\": \"failCommand\", \"mode\": \"alwaysOn\","
                 " \"data\": {\"failCommands\": [\"ping\"], \"errorCode\": 2}, \"$db\": \"admin\"}",
                 "ok", "{\"ok\": 1}");
    check_answer(f, 0, PING, "code", "{\"code\": 2}");
    check_answer(f, 1, PING, "ok", "{\"ok\": 1}");
    check_answer(f, 0,
                 "{\"configureFailPoint\": \"failCommand\", \"mode\": \"off\","
                 " \"$db\": \"admin\"}",
                 "ok", "{\"ok\": 1}");
    check_answer(f, 0, PING, "ok", "{\"ok\": 1}");
    check_answer(f, 0,
                 "{\"configureFailPoint\": \"failCommand\", \"mode\": \"sometimes\","
                 " \"$db\": \"admin\"}",
                 "ok code", "{\"ok\": 0, \"code\": 2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_CASE(so_many_times_then_no_more),
        CLUSTER_CASE(the_first_ones_are_left_out_and_other_members_too),
        CLUSTER_CASE(labels_are_those_of_a_server_or_those_of_the_test),
        CLUSTER_CASE(a_write_concern_error_comes_with_the_ordinary_reply),
        CLUSTER_CASE(a_connection_can_be_blocked_and_closed),
        CLUSTER_CASE(only_the_named_application_fails),
        CLUSTER_CASE(clients_configure_them_too),
    };

    return cmocka_run_group_tests_name("support/mock_fail", tests, NULL, NULL);
}
