/* SPDX-License-Identifier: Apache-2.0 */
/* Which replies are state changes. */
#include "support/check.h"

#include "topology/state_change.h"

static muv__state_change_t read_change(const char *json)
{
    bson_t *reply = bson_from(json);
    muv__state_change_t change;

    muv__state_change_read(bson_get_data(reply), reply->len, &change);
    bson_destroy(reply);
    return change;
}

static void check(const char *json, int is_state_change, int is_shutdown)
{
    muv__state_change_t change = read_change(json);

    if (change.is_state_change != is_state_change || change.is_shutdown != is_shutdown) {
        fail_msg("%d %d: %s", change.is_state_change, change.is_shutdown, json);
    }
}

static void codes_decide(void **state)
{
    (void)state;
    check("{\"ok\": 0, \"code\": 11600}", 1, 1);
    check("{\"ok\": 0, \"code\": 91}", 1, 1);
    check("{\"ok\": 0, \"code\": 11602}", 1, 0);
    check("{\"ok\": 0, \"code\": 13436}", 1, 0);
    check("{\"ok\": 0, \"code\": 189}", 1, 0);
    check("{\"ok\": 0, \"code\": 10107}", 1, 0);
    check("{\"ok\": 0, \"code\": 13435}", 1, 0);
    check("{\"ok\": 0, \"code\": 10058}", 1, 0);
    check("{\"ok\": 0, \"code\": 11000}", 0, 0);
    check("{\"ok\": 0, \"code\": 11000, \"errmsg\": \"not master\"}", 0, 0);
}

static void texts_count_only_without_a_code(void **state)
{
    (void)state;
    check("{\"ok\": 0, \"errmsg\": \"not master\"}", 1, 0);
    check("{\"ok\": 0, \"errmsg\": \"not master or secondary\"}", 1, 0);
    check("{\"ok\": 0, \"errmsg\": \"the node is recovering now\"}", 1, 0);
    check("{\"ok\": 0, \"errmsg\": \"not mast\"}", 0, 0);
    check("{\"ok\": 1, \"errmsg\": \"not master\"}", 0, 0);
}

static void write_concern_errors_count_and_write_errors_do_not(void **state)
{
    (void)state;
    check("{\"ok\": 1, \"writeConcernError\": {\"code\": 91}}", 1, 1);
    check("{\"ok\": 1, \"writeConcernError\": {\"errmsg\": \"not master\"}}", 1, 0);
    check("{\"ok\": 1, \"writeErrors\": [{\"code\": 10107, \"errmsg\": \"x\"}]}", 0, 0);
    check("{\"ok\": 1}", 0, 0);
}

static void topology_version_is_read_wherever_it_stands(void **state)
{
    muv__state_change_t change =
        read_change("{\"ok\": 0, \"code\": 91, \"topologyVersion\": {\"processId\": {\"$oid\": "
                    "\"000000000000000000000001\"}, \"counter\": {\"$numberLong\": \"6\"}}}");

    (void)state;
    assert_int_equal(change.topology_version.present, 1);
    assert_int_equal(change.topology_version.counter, 6);
    assert_int_equal(change.code, 91);
}

static void malformed_reply_is_no_state_change(void **state)
{
    static const uint8_t bytes[] = {9, 0, 0, 0, 0x10, 'c', 0, 0, 0};
    muv__state_change_t change;

    (void)state;
    muv__state_change_read(bytes, sizeof bytes, &change);
    assert_int_equal(change.is_state_change, 0);
    muv__state_change_read(bytes, 3, &change);
    assert_int_equal(change.is_state_change, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_decide),
        cmocka_unit_test(texts_count_only_without_a_code),
        cmocka_unit_test(write_concern_errors_count_and_write_errors_do_not),
        cmocka_unit_test(topology_version_is_read_wherever_it_stands),
        cmocka_unit_test(malformed_reply_is_no_state_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
