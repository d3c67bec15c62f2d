/* SPDX-License-Identifier: Apache-2.0 */
/* The mock, seen by a client that shares nothing with the library: what it sends. What it keeps and
 * complains about is in mock_log_test.c. */
#include "support/mock.h"

#include "support/check.h"
#include "support/mock_internal.h"
#include "unit/support/mock_fixture.h"

static bool sees_client_leave(void *mock)
{
    return mock_closed_by_client(mock) > 0;
}

/* --- Ordinary replies ------------------------------------------------------------------------- */

static void legacy_hello_is_answered_as_a_standalone(void **state)
{
    fixture_t *f = *state;
    raw_message_t reply =
        raw_call(&f->client, 7, "{\"isMaster\": 1, \"helloOk\": true, \"$db\": \"admin\"}");

    assert_int_equal(reply.op_code, 2013);
    assert_int_equal(reply.response_to, 7);
    CHECK_BYTES_BSON_EQUAL(
        reply.body, reply.body_size,
        "{\"helloOk\": true, \"ismaster\": true, \"maxBsonObjectSize\": 16777216,"
        " \"maxMessageSizeBytes\": 48000000, \"maxWriteBatchSize\": 100000,"
        " \"localTime\": {\"$date\": {\"$numberLong\": \"1700000000000\"}},"
        " \"logicalSessionTimeoutMinutes\": 30, \"connectionId\": 1, \"minWireVersion\": 0,"
        " \"maxWireVersion\": 21, \"readOnly\": false, \"ok\": 1}");
    assert_int_equal(mock_request_count(f->mock, "ismaster"), 1);
}

static void hello_fields_are_replaced_and_added(void **state)
{
    fixture_t *f = *state;
    bson_iter_t iter;

    mock_set_hello(f->mock, 0, "{\"maxWriteBatchSize\": 2, \"serviceId\": 5}");
    raw_message_t reply = raw_call(&f->client, 7, "{\"hello\": 1, \"$db\": \"admin\"}");
    bson_t *body = bson_new_from_data(reply.body, reply.body_size);
    assert_true(bson_iter_init_find(&iter, body, "maxWriteBatchSize"));
    assert_int_equal(bson_iter_int32(&iter), 2);
    assert_true(bson_iter_init_find(&iter, body, "serviceId"));
    assert_true(bson_iter_init_find(&iter, body, "isWritablePrimary"));
    bson_destroy(body);
}

static void find_by_id_gives_that_id_back(void **state)
{
    fixture_t *f = *state;
    raw_message_t reply =
        raw_call(&f->client, 9, "{\"find\": \"c\", \"filter\": {\"_id\": 42}, \"$db\": \"d\"}");

    CHECK_BYTES_BSON_EQUAL(
        reply.body, reply.body_size,
        "{\"cursor\": {\"firstBatch\": [{\"_id\": 42}], \"id\": 0, \"ns\": \"d.c\"}, \"ok\": 1}");
}

static void unknown_command_is_an_error_reply(void **state)
{
    fixture_t *f = *state;
    raw_message_t reply = raw_call(&f->client, 9, "{\"frobnicate\": 1, \"$db\": \"d\"}");

    CHECK_BYTES_BSON_EQUAL(reply.body, reply.body_size,
                           "{\"ok\": 0, \"errmsg\": \"no such command: 'frobnicate'\","
                           " \"code\": 59, \"codeName\": \"CommandNotFound\"}");
}

static void members_of_a_set_name_each_other(void **state)
{
    uv_loop_t loop;
    raw_client_t client;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    muv_mock_t *mock = mock_new_replica_set(&loop, "rs7", 2);
    raw_connect(&client, &loop, mock_port(mock, 1));
    raw_message_t reply = raw_call(&client, 1, "{\"hello\": 1, \"$db\": \"admin\"}");
    bson_t *body = bson_new_from_data(reply.body, reply.body_size);
    bson_t *seen = bson_new();
    bson_copy_to_excluding_noinit(body, seen, "helloOk", "maxBsonObjectSize", "maxMessageSizeBytes",
                                  "maxWriteBatchSize", "localTime", "logicalSessionTimeoutMinutes",
                                  "minWireVersion", "maxWireVersion", "connectionId", NULL);
    CHECK_BSON_EQUAL(
        seen, text_of("{\"isWritablePrimary\": false, \"setName\": \"rs7\", \"setVersion\": 1,"
                      " \"hosts\": [\"%s\", \"%s\"], \"arbiters\": [], \"me\": \"%s\","
                      " \"secondary\": true, \"primary\": \"%s\", \"readOnly\": false,"
                      " \"ok\": 1}",
                      mock_address(mock, 0), mock_address(mock, 1), mock_address(mock, 1),
                      mock_address(mock, 0)));
    CHECK_CONTAINS(mock_uri(mock, "w=1"), "/?replicaSet=rs7&w=1");
    bson_destroy(seen);
    bson_destroy(body);
    raw_close(&client);
    mock_close(mock);
    close_loop(&loop);
}

/* --- Scripts ---------------------------------------------------------------------------------- */

static void entries_are_used_in_order_then_the_ordinary_reply(void **state)
{
    fixture_t *f = *state;

    mock_reply(f->mock, "ping", "{\"ok\": 1, \"n\": 1}");
    mock_script(f->mock, "ping", &(mock_step_t){.json = "{\"ok\": 1, \"n\": 2}", .times = 2});
    const char *expected[] = {"{\"ok\": 1, \"n\": 1}", "{\"ok\": 1, \"n\": 2}",
                              "{\"ok\": 1, \"n\": 2}", "{\"ok\": 1}"};
    for (int i = 0; i < 4; i++) {
        raw_message_t reply = raw_call(&f->client, i + 1, PING);
        CHECK_BYTES_BSON_EQUAL(reply.body, reply.body_size, expected[i]);
    }
}

static void echo_id(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    BSON_APPEND_INT32(reply, "id", request->request_id);
    BSON_APPEND_UTF8(reply, "data", data);
    step->extra_flags = MOCK_FLAG_MORE_TO_COME;
}

static void handler_makes_the_body_and_changes_the_step(void **state)
{
    fixture_t *f = *state;
    char data[] = "x";

    mock_on(f->mock, "*", echo_id, data);
    raw_message_t reply = raw_call(&f->client, 77, PING);
    CHECK_BYTES_BSON_EQUAL(reply.body, reply.body_size, "{\"id\": 77, \"data\": \"x\"}");
    assert_int_equal(reply.flags, MOCK_FLAG_MORE_TO_COME);
}

static void delayed_reply_takes_its_time(void **state)
{
    fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    mock_script(f->mock, "ping", &(mock_step_t){.delay_ms = 30});
    (void)raw_call(&f->client, 1, PING);
    /* A timer of libuv may be up to a millisecond early. */
    assert_true(uv_hrtime() - start_ns >= 29u * 1000000u);
}

static void held_replies_go_in_the_order_of_their_requests(void **state)
{
    fixture_t *f = *state;
    raw_client_t second;

    raw_connect(&second, &f->loop, mock_port(f->mock, 0));
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = 2});
    raw_send(&second, 1, 0, PING);
    run_for(&f->loop, 5);
    raw_send(&f->client, 1, 0, PING);
    run_for(&f->loop, 5);
    assert_int_equal(mock_held(f->mock), 2);
    assert_int_equal(mock_unanswered(f->mock), 2);
    assert_int_equal(mock_release(f->mock, 1), 1);
    raw_wait(&second, 1);
    assert_int_equal(f->client.messages, 0);
    assert_int_equal(mock_release(f->mock, 5), 1);
    raw_wait(&f->client, 1);
    assert_int_equal(mock_unanswered(f->mock), 0);
    raw_close(&second);
}

static void every_byte_is_read_by_itself(void **state)
{
    fixture_t *f = *state;
    raw_client_t client;

    raw_connect_unix(&client, &f->loop, mock_unix_path(f->mock));
    mock_script(f->mock, "ping", &(mock_step_t){.split_every_byte = true});
    raw_message_t reply = raw_call(&client, 1, PING);
    assert_int_equal(client.reads, reply.length);
    raw_close(&client);
}

static void every_byte_is_read_by_itself_over_tcp(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.split_every_byte = true});
    raw_message_t reply = raw_call(&f->client, 1, PING);
    /* The kernel may join two packets on a busy machine, but never most of them. */
    assert_true(f->client.reads > (unsigned)reply.length / 2);
}

static void split_at_gives_two_reads(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.split_at = 17});
    (void)raw_call(&f->client, 1, PING);
    assert_int_equal(f->client.reads, 2);
}

static void cut_reply_is_followed_by_the_reset(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.cut_at = 20, .then = MOCK_RESET});
    raw_send(&f->client, 1, 0, PING);
    wait_for_end(f, UV_ECONNRESET);
    assert_int_equal(f->client.size, 20);
    assert_int_equal(mock_open(f->mock), 0);
    assert_int_equal(mock_unanswered(f->mock), 0);
}

static void reply_then_close_ends_the_stream(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.then = MOCK_CLOSE});
    (void)raw_call(&f->client, 1, PING);
    wait_for_end(f, UV_EOF);
    assert_int_equal(mock_closed_by_client(f->mock), 0);
}

static void half_closed_mock_still_reads(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_HALF_CLOSE});
    raw_send(&f->client, 1, 0, PING);
    wait_for_end(f, UV_EOF);
    mock_allow_pipelining(f->mock);
    raw_send(&f->client, 2, 0, "{\"buildInfo\": 1, \"$db\": \"admin\"}");
    run_for(&f->loop, 5);
    assert_int_equal(mock_request_count(f->mock, "buildInfo"), 1);
    assert_int_equal(mock_open(f->mock), 1);
}

static void silence_leaves_the_request_unanswered(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.send = MOCK_NOTHING});
    raw_send(&f->client, 1, 0, PING);
    run_for(&f->loop, 10);
    assert_int_equal(f->client.size, 0);
    assert_int_equal(mock_unanswered(f->mock), 1);
    assert_int_equal(mock_open(f->mock), 1);
}

/* --- Wrong on purpose ------------------------------------------------------------------------- */

static void header_fields_can_be_wrong(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.response_to_offset = 5, .op_code = 1});
    raw_message_t reply = raw_call(&f->client, 10, PING);
    assert_int_equal(reply.response_to, 15);
    assert_int_equal(reply.op_code, 1);
    mock_script(f->mock, "ping", &(mock_step_t){.message_length = -1});
    raw_send(&f->client, 11, 0, PING);
    run_for(&f->loop, 5);
    CHECK_BYTES_EQUAL(f->client.bytes + reply.length, 4, "ff ff ff ff");
}

static void raw_bytes_and_garbage_are_sent_as_they_are(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping",
                &(mock_step_t){.send = MOCK_RAW, .raw = "\x01\x02\x03", .raw_size = 3});
    mock_script(f->mock, "ping", &(mock_step_t){.send = MOCK_GARBAGE, .garbage_size = 40});
    raw_send(&f->client, 1, 0, PING);
    run_for(&f->loop, 5);
    CHECK_BYTES_EQUAL(f->client.bytes, f->client.size, "010203");
    raw_send(&f->client, 2, 0, PING);
    run_for(&f->loop, 5);
    assert_int_equal(f->client.size, 43);
    assert_true((f->client.bytes[6] & 0x80) != 0);
}

static void unsolicited_messages_surround_the_reply(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping",
                &(mock_step_t){.unsolicited_before = true, .unsolicited_after = true});
    raw_send(&f->client, 3, 0, PING);
    raw_wait(&f->client, 3);
    assert_int_equal(raw_message(&f->client, 0).response_to, 0);
    assert_int_equal(raw_message(&f->client, 1).response_to, 3);
    assert_int_equal(raw_message(&f->client, 2).response_to, 0);
}

static void mock_speaks_without_being_asked(void **state)
{
    fixture_t *f = *state;

    assert_true(mock_send_message(f->mock, 1, 99, MOCK_OK));
    assert_false(mock_send_message(f->mock, 2, 99, MOCK_OK));
    raw_wait(&f->client, 1);
    assert_int_equal(raw_message(&f->client, 0).response_to, 99);
}

static void replies_of_an_exhaust_command_are_chained(void **state)
{
    fixture_t *f = *state;
    const char *const more[] = {"{\"ok\": 1, \"n\": 2}", "{\"ok\": 1, \"n\": 3}", NULL};

    mock_script(f->mock, "ping", &(mock_step_t){.more_json = more, .more_delay_ms = 1});
    raw_send(&f->client, 3, MOCK_FLAG_EXHAUST_ALLOWED, PING);
    raw_wait(&f->client, 3);
    raw_message_t first = raw_message(&f->client, 0);
    raw_message_t second = raw_message(&f->client, 1);
    raw_message_t third = raw_message(&f->client, 2);
    assert_int_equal(first.response_to, 3);
    assert_int_equal(first.flags, MOCK_FLAG_MORE_TO_COME);
    assert_int_equal(second.response_to, first.request_id);
    assert_int_equal(second.flags, MOCK_FLAG_MORE_TO_COME);
    assert_int_equal(third.response_to, second.request_id);
    assert_int_equal(third.flags, 0);
    CHECK_BYTES_BSON_EQUAL(third.body, third.body_size, "{\"ok\": 1, \"n\": 3}");
}

/* The published test vector of CRC-32C (RFC 3720 names the polynomial). */
static void checksum_function_knows_the_published_vector(void **state)
{
    (void)state;
    assert_int_equal(mock__crc32c((const uint8_t *)"123456789", 9), 0xe3069283u);
}

static uint32_t last_word(raw_message_t message)
{
    const uint8_t *end = message.body + message.body_size;

    assert_int_equal((size_t)message.length, 21 + message.body_size + 4);
    return (uint32_t)mock__load_i32(end);
}

static void checksum_is_appended_right_and_wrong(void **state)
{
    fixture_t *f = *state;

    mock_script(f->mock, "ping", &(mock_step_t){.checksum = true});
    mock_script(f->mock, "ping", &(mock_step_t){.bad_checksum = true});
    raw_message_t good = raw_call(&f->client, 3, PING);
    assert_int_equal(good.flags, MOCK_FLAG_CHECKSUM);
    assert_int_equal(last_word(good), mock__crc32c(good.body - 21, (size_t)good.length - 4));
    raw_message_t bad = raw_call(&f->client, 4, PING);
    assert_int_not_equal(last_word(bad), mock__crc32c(bad.body - 21, (size_t)bad.length - 4));
}

/* --- Members and connections ------------------------------------------------------------------ */

static void member_goes_down_and_comes_back_on_its_port(void **state)
{
    fixture_t *f = *state;
    raw_client_t second;
    raw_client_t third;
    int port = mock_port(f->mock, 0);

    mock_member_down(f->mock, 0);
    wait_for_end(f, UV_ECONNRESET);
    raw_connect(&second, &f->loop, port);
    assert_int_equal(second.connect_code, UV_ECONNREFUSED);
    mock_member_up(f->mock, 0);
    assert_int_equal(mock_port(f->mock, 0), port);
    raw_connect(&third, &f->loop, port);
    assert_int_equal(third.connect_code, 0);
    (void)raw_call(&third, 1, PING);
    raw_close(&second);
    raw_close(&third);
}

static void welcome_reset_ends_new_connections(void **state)
{
    fixture_t *f = *state;
    raw_client_t second;

    mock_set_welcome(f->mock, 0, MOCK_RESET);
    raw_connect(&second, &f->loop, mock_port(f->mock, 0));
    run_until(&f->loop, &second.ended, WAIT_MS);
    assert_int_equal(second.end_code, UV_ECONNRESET);
    assert_int_equal(mock_open(f->mock), 1);
    assert_int_equal(mock_accepted(f->mock), 2);
    raw_close(&second);
}

static void client_that_leaves_is_counted(void **state)
{
    fixture_t *f = *state;
    raw_client_t second;

    raw_connect(&second, &f->loop, mock_port(f->mock, 0));
    (void)raw_call(&second, 1, PING);
    assert_int_equal(mock_open(f->mock), 2);
    raw_close(&second);
    run_until_true(&f->loop, sees_client_leave, f->mock, WAIT_MS);
    assert_int_equal(mock_open(f->mock), 1);
    assert_int_equal(mock_open_peak(f->mock), 2);
}

static void mock_does_not_keep_the_loop_alive(void **state)
{
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    muv_mock_t *mock = mock_new(&loop);
    (void)mock_unix_path(mock);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    mock_close(mock);
    close_loop(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(legacy_hello_is_answered_as_a_standalone),
        CASE(hello_fields_are_replaced_and_added),
        CASE(find_by_id_gives_that_id_back),
        CASE(unknown_command_is_an_error_reply),
        cmocka_unit_test(members_of_a_set_name_each_other),
        CASE(entries_are_used_in_order_then_the_ordinary_reply),
        CASE(handler_makes_the_body_and_changes_the_step),
        CASE(delayed_reply_takes_its_time),
        CASE(held_replies_go_in_the_order_of_their_requests),
        CASE(every_byte_is_read_by_itself),
        CASE(every_byte_is_read_by_itself_over_tcp),
        CASE(split_at_gives_two_reads),
        CASE(cut_reply_is_followed_by_the_reset),
        CASE(reply_then_close_ends_the_stream),
        CASE(half_closed_mock_still_reads),
        CASE(silence_leaves_the_request_unanswered),
        CASE(header_fields_can_be_wrong),
        CASE(raw_bytes_and_garbage_are_sent_as_they_are),
        CASE(unsolicited_messages_surround_the_reply),
        CASE(mock_speaks_without_being_asked),
        CASE(replies_of_an_exhaust_command_are_chained),
        cmocka_unit_test(checksum_function_knows_the_published_vector),
        CASE(checksum_is_appended_right_and_wrong),
        CASE(member_goes_down_and_comes_back_on_its_port),
        CASE(welcome_reset_ends_new_connections),
        CASE(client_that_leaves_is_counted),
        cmocka_unit_test(mock_does_not_keep_the_loop_alive),
    };

    return cmocka_run_group_tests_name("support/mock", tests, NULL, NULL);
}
