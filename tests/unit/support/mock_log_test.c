/* SPDX-License-Identifier: Apache-2.0 */
/* What the mock keeps of its requests, and the faults that it finds in them. */
#include "support/mock.h"

#include "support/check.h"
#include "unit/support/mock_fixture.h"
#include "unit/support/must_fail.h"

static bool has_fault(void *mock)
{
    return mock_fault_count(mock) > 0;
}

/* --- The log, and faults ---------------------------------------------------------------------- */

static void log_keeps_body_and_sequences(void **state)
{
    fixture_t *f = *state;
    /* insert: "c", $db: "d" as body; one sequence of {a: 1} and {a: 2}. */
    static const uint8_t message[] = "\x5a\0\0\0\x05\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0"
                                     "\0\x1e\0\0\0\x02insert\0\x02\0\0\0c\0\x02$db\0\x02\0\0\0d\0\0"
                                     "\x01\x26\0\0\0documents\0\x0c\0\0\0\x10"
                                     "a\0\x01\0\0\0\0\x0c\0\0\0\x10"
                                     "a\0\x02\0\0\0\0";

    raw_send_bytes(&f->client, message, sizeof message - 1);
    raw_wait(&f->client, 1);
    raw_message_t reply = raw_message(&f->client, 0);
    CHECK_BYTES_BSON_EQUAL(reply.body, reply.body_size, "{\"n\": 2, \"ok\": 1}");
    const mock_request_t *request = mock_request(f->mock, 0);
    assert_string_equal(request->name, "insert");
    assert_string_equal(request->db, "d");
    CHECK_BSON_EQUAL(request->body, "{\"insert\": \"c\", \"$db\": \"d\"}");
    CHECK_BSON_IDENTICAL(mock_request_sequence(request, "documents")->documents[1],
                         "{\"a\": {\"$numberInt\": \"2\"}}");
    bson_t *document = mock_request_document(request);
    CHECK_BSON_EQUAL(
        document, "{\"insert\": \"c\", \"$db\": \"d\", \"documents\": [{\"a\": 1}, {\"a\": 2}]}");
    bson_destroy(document);
}

static void requests_are_found_from_both_ends(void **state)
{
    fixture_t *f = *state;

    for (int i = 1; i <= 3; i++) {
        (void)raw_call(&f->client, i * 10, PING);
        (void)raw_call(&f->client, i * 10 + 1, "{\"buildInfo\": 1, \"$db\": \"admin\"}");
    }
    assert_int_equal(mock_request_count(f->mock, NULL), 6);
    assert_int_equal(mock_request_count(f->mock, "ping"), 3);
    assert_int_equal(mock_request_of(f->mock, "ping", 1)->request_id, 20);
    assert_int_equal(mock_request_of(f->mock, "ping", -1)->request_id, 30);
    assert_int_equal(mock_request(f->mock, -1)->request_id, 31);
}

static void fields_are_found_by_their_paths(void **state)
{
    fixture_t *f = *state;

    (void)raw_call(&f->client, 1, "{\"ping\": 1, \"a\": {\"b\": 7}, \"$db\": \"d\"}");
    (void)raw_call(&f->client, 2, "{\"ping\": 1, \"a\": {\"b\": 7, \"c\": 8}, \"$db\": \"d\"}");
    const mock_request_t *first = mock_request(f->mock, 0);
    const mock_request_t *second = mock_request(f->mock, 1);
    assert_true(mock_request_has(first, "a.b"));
    assert_false(mock_request_has(first, "a.c"));
    assert_int_equal(mock_request_number(second, "a.c"), 8);
    assert_string_equal(mock_request_text(first, "$db"), "d");
    assert_true(mock_request_same(first, second, "a.b"));
    assert_false(mock_request_same(first, second, "a"));
    assert_false(mock_request_same(first, second, "a.c"));
}

static void sessions_out_of_place_are_faults(void **state)
{
    fixture_t *f = *state;

    mock_allow_faults(f->mock);
    raw_send(&f->client, 1, MOCK_FLAG_MORE_TO_COME,
             "{\"insert\": \"c\", \"lsid\": {\"id\": 1}, \"$db\": \"d\"}");
    (void)raw_call(&f->client, 2,
                   "{\"ping\": 1, \"txnNumber\": {\"$numberLong\": \"1\"}, \"$db\": \"d\"}");
    (void)raw_call(&f->client, 3,
                   "{\"ping\": 1, \"lsid\": {\"id\": 1}, \"txnNumber\": 1, \"$db\": \"d\"}");
    (void)raw_call(&f->client, 4,
                   "{\"ping\": 1, \"lsid\": {\"id\": 1},"
                   " \"txnNumber\": {\"$numberLong\": \"1\"}, \"$db\": \"d\"}");
    assert_int_equal(mock_fault_count(f->mock), 3);
    CHECK_CONTAINS(mock_fault(f->mock, 0), "unacknowledged, but in a session");
    CHECK_CONTAINS(mock_fault(f->mock, 1), "txnNumber without session");
}

static void log_forgets_the_oldest_and_counts_all(void **state)
{
    fixture_t *f = *state;

    for (int i = 1; i <= 10100; i++) {
        f->client.size = 0;
        f->client.messages = 0;
        (void)raw_call(&f->client, i, PING);
    }
    assert_int_equal(mock_request_count(f->mock, "ping"), 10100);
    assert_int_equal(mock_request(f->mock, 100)->request_id, 101);
    assert_int_equal(mock_request_of(f->mock, "ping", 100)->request_id, 101);
    assert_int_equal(mock_request_of(f->mock, "ping", -10000)->request_id, 101);
}

static void unacknowledged_request_gets_no_reply(void **state)
{
    fixture_t *f = *state;

    raw_send(&f->client, 1, MOCK_FLAG_MORE_TO_COME, PING);
    (void)raw_call(&f->client, 2, PING);
    assert_int_equal(raw_message(&f->client, 0).response_to, 2);
    assert_int_equal(f->client.messages, 1);
}

/* Sends a message and checks the only fault that comes of it. */
static void check_fault(fixture_t *f, const void *bytes, size_t size, const char *fault)
{
    mock_allow_faults(f->mock);
    raw_send_bytes(&f->client, bytes, size);
    run_until_true(&f->loop, has_fault, f->mock, WAIT_MS);
    assert_int_equal(mock_fault_count(f->mock), 1);
    CHECK_CONTAINS(mock_fault(f->mock, 0), fault);
}

static void op_query_is_a_fault(void **state)
{
    check_fault(*state, "\x10\0\0\0\x05\0\0\0\0\0\0\0\xd4\x07\0\0", 16, "opcode 2004");
    wait_for_end(*state, UV_EOF);
}

static void wrong_length_is_a_fault(void **state)
{
    check_fault(*state, "\x0f\0\0\0\x05\0\0\0\0\0\0\0\xdd\x07\0\0", 16, "message length 15");
}

static void unknown_section_is_a_fault(void **state)
{
    check_fault(*state, "\x15\0\0\0\x05\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\x02", 21,
                "section of kind 2");
}

static void document_beyond_the_message_is_a_fault(void **state)
{
    check_fault(*state, "\x1a\0\0\0\x05\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x06\0\0\0\0", 26,
                "document length 6 with 5 bytes left");
}

static void unknown_flag_is_a_fault(void **state)
{
    fixture_t *f = *state;

    mock_allow_faults(f->mock);
    raw_send(&f->client, 1, 4, PING);
    raw_wait(&f->client, 1);
    CHECK_CONTAINS(mock_fault(f->mock, 0), "unknown flags 0x4");
}

static void missing_db_and_repeated_id_are_faults(void **state)
{
    fixture_t *f = *state;

    mock_allow_faults(f->mock);
    (void)raw_call(&f->client, 1, "{\"ping\": 1}");
    (void)raw_call(&f->client, 1, PING);
    assert_int_equal(mock_fault_count(f->mock), 2);
    CHECK_CONTAINS(mock_fault(f->mock, 0), "ping without $db");
    CHECK_CONTAINS(mock_fault(f->mock, 1), "request id 1 after 1");
}

static void second_request_before_the_reply_is_a_fault(void **state)
{
    fixture_t *f = *state;

    mock_allow_faults(f->mock);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true});
    raw_send(&f->client, 1, 0, PING);
    raw_send(&f->client, 2, 0, PING);
    run_until_true(&f->loop, has_fault, f->mock, WAIT_MS);
    CHECK_CONTAINS(mock_fault(f->mock, 0), "while 1 requests are not answered");
}

static void close_after_a_fault(void *data)
{
    uv_loop_t loop;
    raw_client_t client;

    (void)data;
    assert_int_equal(uv_loop_init(&loop), 0);
    muv_mock_t *mock = mock_new(&loop);
    raw_connect(&client, &loop, mock_port(mock, 0));
    (void)raw_call(&client, 1, "{\"ping\": 1}");
    mock_close(mock);
}

static void fault_that_nobody_allowed_fails_the_test(void **state)
{
    (void)state;
    assert_true(fails_with(close_after_a_fault, NULL, "connection 1: ping without $db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(log_keeps_body_and_sequences),
        CASE(requests_are_found_from_both_ends),
        CASE(fields_are_found_by_their_paths),
        CASE(sessions_out_of_place_are_faults),
        CASE(log_forgets_the_oldest_and_counts_all),
        CASE(unacknowledged_request_gets_no_reply),
        CASE(op_query_is_a_fault),
        CASE(wrong_length_is_a_fault),
        CASE(unknown_section_is_a_fault),
        CASE(document_beyond_the_message_is_a_fault),
        CASE(unknown_flag_is_a_fault),
        CASE(missing_db_and_repeated_id_are_faults),
        CASE(second_request_before_the_reply_is_a_fault),
        cmocka_unit_test(fault_that_nobody_allowed_fails_the_test),
    };

    return cmocka_run_group_tests_name("support/mock_log", tests, NULL, NULL);
}
