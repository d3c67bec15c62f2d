/* SPDX-License-Identifier: Apache-2.0 */
/* What one pass over a reply finds, and the error of a reply with ok: 0. */
#include "op/reply.h"

#include "support/check.h"

#include <string.h>

/* [own] bson_destroy() the document that the views point into. */
static bson_t *read_reply(const char *json, muv__reply_info_t *info)
{
    bson_t *reply = bson_from(json);

    muv__reply_read(muv__span(bson_get_data(reply), reply->len), info);
    return reply;
}

static void check_ok(const char *json, int expected)
{
    muv__reply_info_t info;
    bson_t *reply = read_reply(json, &info);

    if (info.ok != expected) {
        fail_msg("ok is %d in %s", info.ok, json);
    }
    bson_destroy(reply);
}

static void ok_may_be_any_number(void **state)
{
    (void)state;
    check_ok("{\"ok\": 1}", 1);
    check_ok("{\"ok\": 1.0}", 1);
    check_ok("{\"ok\": {\"$numberLong\": \"1\"}}", 1);
    check_ok("{\"ok\": true}", 1);
    check_ok("{\"ok\": 0}", 0);
    check_ok("{\"ok\": 0.0}", 0);
    check_ok("{\"ok\": \"1\"}", 0);
    check_ok("{}", 0);
}

static void the_parts_of_a_good_reply_are_found(void **state)
{
    muv__reply_info_t info;
    bson_t *reply = read_reply(
        "{\"cursor\": {\"id\": 7}, \"ok\": 1, \"operationTime\": {\"$timestamp\": {\"t\": 2, "
        "\"i\": 3}}, \"$clusterTime\": {\"clusterTime\": 1}, \"writeConcernError\": {\"code\": "
        "64}}",
        &info);

    (void)state;
    CHECK_BYTES_BSON_EQUAL(info.cursor.data, info.cursor.size, "{\"id\": 7}");
    CHECK_BYTES_BSON_EQUAL(info.cluster_time.data, info.cluster_time.size, "{\"clusterTime\": 1}");
    CHECK_BYTES_BSON_EQUAL(info.write_concern_error.data, info.write_concern_error.size,
                           "{\"code\": 64}");
    assert_true(info.operation_time == ((UINT64_C(2) << 32) | 3));
    assert_int_equal(info.has_write_errors, 0);
    bson_destroy(reply);
}

static void parts_of_a_wrong_type_are_not_there(void **state)
{
    muv__reply_info_t info;
    bson_t *reply = read_reply("{\"cursor\": [1], \"$clusterTime\": 5, \"errorLabels\": \"x\", "
                               "\"code\": \"26\", \"codeName\": 3, \"errmsg\": {}, "
                               "\"writeErrors\": [], \"operationTime\": 9, \"ok\": 0}",
                               &info);

    (void)state;
    assert_int_equal(info.cursor.size, 0);
    assert_int_equal(info.cluster_time.size, 0);
    assert_int_equal(info.labels, 0);
    assert_int_equal(info.code, 0);
    assert_int_equal(info.code_name.size, 0);
    assert_int_equal(info.message.size, 0);
    assert_int_equal(info.has_write_errors, 0);
    assert_true(info.operation_time == 0);
    bson_destroy(reply);
}

static void a_failed_reply_becomes_an_error(void **state)
{
    muv__reply_info_t info;
    muv_error_t error;
    bson_t *reply = read_reply("{\"ok\": 0, \"code\": 91, \"codeName\": \"ShutdownInProgress\", "
                               "\"errmsg\": \"going down\", \"errorLabels\": "
                               "[\"RetryableWriteError\", 5, \"Unknown\"]}",
                               &info);

    (void)state;
    muv__reply_error(&info, muv__span(bson_get_data(reply), reply->len), &error);
    CHECK_ERROR(&error, MUV_ESERVER);
    assert_int_equal(error.server_code, 91);
    assert_string_equal(error.code_name, "ShutdownInProgress");
    assert_string_equal(error.message, "going down");
    assert_int_equal(error.labels, MUV_LABEL_RETRYABLE_WRITE);
    assert_ptr_equal(error.reply, bson_get_data(reply));
    assert_int_equal(muv_error_has_label(&error, "Unknown"), 1);
    bson_destroy(reply);
}

/* Longer than the error's members: cut, and still terminated. */
static void long_texts_are_cut(void **state)
{
    char text[1000];
    muv__reply_info_t info;
    muv_error_t error;
    bson_t reply;

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    bson_init(&reply);
    BSON_APPEND_INT32(&reply, "ok", 0);
    BSON_APPEND_UTF8(&reply, "errmsg", text);
    BSON_APPEND_UTF8(&reply, "codeName", text);
    muv__reply_read(muv__span(bson_get_data(&reply), reply.len), &info);
    muv__reply_error(&info, muv__span(bson_get_data(&reply), reply.len), &error);
    assert_int_equal(strlen(error.message), MUV_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(strlen(error.code_name), MUV_ERROR_NAME_SIZE - 1);
    bson_destroy(&reply);
}

static void an_error_without_message_says_so(void **state)
{
    muv__reply_info_t info;
    muv_error_t error;
    bson_t *reply = read_reply("{\"ok\": 0, \"code\": {\"$numberLong\": \"99999999999\"}}", &info);

    (void)state;
    muv__reply_error(&info, muv__span(bson_get_data(reply), reply->len), &error);
    CHECK_CONTAINS(error.message, "without a message");
    assert_int_equal(error.server_code, 0);
    bson_destroy(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok_may_be_any_number),
        cmocka_unit_test(the_parts_of_a_good_reply_are_found),
        cmocka_unit_test(parts_of_a_wrong_type_are_not_there),
        cmocka_unit_test(a_failed_reply_becomes_an_error),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(an_error_without_message_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
