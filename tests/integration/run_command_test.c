/* SPDX-License-Identifier: Apache-2.0 */
/* muv_run_command() against a scripted server: what arrives however the bytes come, and which error
 * each way of misbehaving gives. */
#include "integration/client_fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- replies -----------------------------------------------------------------------------------*/

static void the_reply_is_handed_out_as_it_came(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_reply(f->mock, "ping", "{\"a\": [1, {\"b\": \"text\"}], \"ok\": 1}");
    open_client(f, NULL, NULL);
    start_ping(f, &o, 0);
    await_success(&o);
    assert_string_equal(o.text, "{ \"a\" : [ 1, { \"b\" : \"text\" } ], \"ok\" : 1 }");
    outcome_clear(&o);
}

static void the_command_is_sent_as_given_with_its_database(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, "readConcernLevel=majority&w=majority&retryWrites=true", NULL);
    start_command(f, &o, "{\"ping\": 1, \"x\": {\"y\": null}}", NULL);
    await_success(&o);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "ping", 0)),
                         "{\"ping\": 1, \"x\": {\"y\": null}, \"$db\": \"d\"}");
    outcome_clear(&o);
}

static void a_reply_split_at_every_byte_arrives_whole(void **state)
{
    client_fixture_t *f = *state;
    mock_step_t split = {.split_every_byte = true, .times = MOCK_FOREVER};
    outcome_t o[3] = {{0}};

    mock_script(f->mock, "hello", &split);
    mock_script(f->mock, "find", &split);
    open_client(f, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        start_find(f, &o[i], 100 + i, NULL);
    }
    for (int i = 0; i < 3; i++) {
        await_success(&o[i]);
        assert_string_equal(o[i].text, text_of("{ \"_id\" : %d }", 100 + i));
        outcome_clear(&o[i]);
    }
}

/* Two pieces, cut at each place of the reply in turn. */
static void a_reply_split_anywhere_arrives_whole(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "maxPoolSize=1", NULL);
    for (size_t at = 1; at < 60; at++) {
        outcome_t o = {0};

        mock_script(f->mock, "ping",
                    &(mock_step_t){.split_at = at, .json = "{\"at\":1, \"ok\":1}"});
        start_ping(f, &o, 0);
        await_success(&o);
        outcome_clear(&o);
    }
    assert_int_equal(stats_of(f).connections_created, 1);
}

static void a_late_reply_within_the_timeout_is_a_reply(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_script(f->mock, "ping", &(mock_step_t){.delay_ms = 50});
    open_client(f, NULL, NULL);
    start_ping(f, &o, 10000);
    await_success(&o);
    outcome_clear(&o);
}

static void checksums_are_verified(void **state)
{
    client_fixture_t *f = *state;
    outcome_t good = {0};
    outcome_t bad = {0};

    mock_script(f->mock, "ping", &(mock_step_t){.checksum = true});
    mock_script(f->mock, "ping", &(mock_step_t){.bad_checksum = true});
    open_client(f, NULL, NULL);
    start_ping(f, &good, 0);
    await_success(&good);
    start_ping(f, &bad, 0);
    await_error(&bad, MUV_EPROTOCOL);
    CHECK_CONTAINS(bad.error.message, "checksum");
    outcome_clear(&good);
    outcome_clear(&bad);
}

static uint64_t most_pending_bytes;

static void note_pending(outcome_t *o)
{
    uint64_t bytes = stats_of(o->f).pending_bytes;

    most_pending_bytes = bytes > most_pending_bytes ? bytes : most_pending_bytes;
}

/* Twenty replies of 3 MiB at once, four times what the budget admits: their sockets wait. */
static void large_replies_wait_for_memory_and_all_arrive(void **state)
{
    enum { COUNT = 20, SIZE = 3 * 1024 * 1024 };
    client_fixture_t *f = *state;
    outcome_t o[COUNT] = {{0}};
    char *json = malloc(SIZE + 64);

    assert_non_null(json);
    memset(json, 'x', SIZE);
    memcpy(json, "{\"ok\": 1, \"big\": \"", 18);
    memcpy(json + SIZE, "\"}", 3);
    mock_script(f->mock, "ping", &(mock_step_t){.json = json, .times = COUNT});
    free(json);
    open_client(f, "maxConnecting=10", &(muv_client_opts_t){.max_pending_bytes = 16 * 1024 * 1024});
    for (int i = 0; i < COUNT; i++) {
        o[i].then = note_pending;
        start_ping(f, &o[i], 0);
    }
    for (int i = 0; i < COUNT; i++) {
        await_success(&o[i]);
        assert_true(strlen(o[i].text) > SIZE);
        outcome_clear(&o[i]);
    }
    assert_in_range(most_pending_bytes, SIZE, 16 * 1024 * 1024);
}

static muv_reply_t *kept;

static void retain_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply,
                         void *data)
{
    client_fixture_t *f = data;

    (void)op;
    CHECK_NO_ERROR(error);
    CHECK_CODE(muv_reply_retain(reply, &kept), 0);
    f->ended++;
}

static void a_retained_reply_outlives_its_client(void **state)
{
    client_fixture_t *f = *state;
    bson_t *ping = bson_from("{\"ping\": 1}");
    bson_t view;

    mock_reply(f->mock, "ping", "{\"kept\": \"yes\", \"ok\": 1}");
    open_client(f, NULL, NULL);
    CHECK_CODE(muv_run_command(f->client, "d", ping, NULL, retain_reply, f, NULL), 0);
    bson_destroy(ping);
    run_until_count(&f->loop, &f->ended, 1, WAIT_MS);
    close_client(f, MUV_CLOSE_DRAIN);
    muv_reply_bson(kept, &view);
    CHECK_BSON_EQUAL(&view, "{\"kept\": \"yes\", \"ok\": 1}");
    muv_reply_release(kept);
}

/* --- errors of the server ----------------------------------------------------------------------*/

static void an_error_reply_is_given_with_all_its_fields(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_reply(
        f->mock, "ping",
        "{\"ok\": 0, \"errmsg\": \"no such thing\", \"code\": 1234, \"codeName\": \"NoThing\","
        " \"errorLabels\": [\"RetryableWriteError\", \"MadeUp\"]}");
    open_client(f, NULL, NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.domain, MUV_DOMAIN_SERVER);
    assert_int_equal(o.error.server_code, 1234);
    assert_string_equal(o.error.code_name, "NoThing");
    CHECK_CONTAINS(o.error.message, "no such thing");
    assert_string_equal(o.error.host, mock_address(f->mock, 0));
    assert_int_equal(o.error.labels, MUV_LABEL_RETRYABLE_WRITE);
    assert_true(muv_error_has_label(&o.error, "MadeUp"));
    assert_false(muv_error_has_label(&o.error, "NoWritesPerformed"));
    assert_int_equal(o.error.in_doubt, 0);
    assert_int_equal(stats_of(f).connections_idle, 1);
    outcome_clear(&o);
}

static void a_command_error_keeps_the_connection(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, "maxPoolSize=1", NULL);
    start_command(f, &o, "{\"frobnicate\": 1}", NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 59);
    outcome_clear(&o);
    start_ping(f, &o, 0);
    await_success(&o);
    assert_int_equal(stats_of(f).connections_created, 1);
    outcome_clear(&o);
}

/* --- misbehaviour ------------------------------------------------------------------------------*/

struct misbehaviour {
    const char *name;
    mock_step_t step;
    int code;
    const char *part; /* Of the message. */
};

static const struct misbehaviour misbehaviours[] = {
    {"reset", {.send = MOCK_NOTHING, .then = MOCK_RESET}, MUV_ENETWORK, "connection reset"},
    {"close", {.send = MOCK_NOTHING, .then = MOCK_CLOSE}, MUV_ENETWORK, "closed the connection"},
    {"half-close", {.send = MOCK_NOTHING, .then = MOCK_HALF_CLOSE}, MUV_ENETWORK, "closed"},
    {"cut in the header", {.cut_at = 7, .then = MOCK_CLOSE}, MUV_ENETWORK, "closed"},
    {"cut in the body", {.cut_at = 30, .then = MOCK_CLOSE}, MUV_ENETWORK, "closed"},
    {"cut and reset", {.cut_at = 30, .then = MOCK_RESET}, MUV_ENETWORK, "reset"},
    {"wrong responseTo", {.response_to_offset = 1}, MUV_EPROTOCOL, "answers another request"},
    {"unsolicited", {.unsolicited_before = true}, MUV_EPROTOCOL, "answers another request"},
    {"garbage", {.send = MOCK_GARBAGE}, MUV_EPROTOCOL, ""},
    {"opcode", {.op_code = 1}, MUV_EPROTOCOL, "opcode"},
    {"length huge", {.message_length = 0x7fffffff}, MUV_EPROTOCOL, "length"},
    {"length tiny", {.message_length = 15}, MUV_EPROTOCOL, "length"},
    {"length negative", {.message_length = -1}, MUV_EPROTOCOL, "length"},
    {"length one too small", {.message_length = 20}, MUV_EPROTOCOL, ""},
    {"required flag", {.extra_flags = 1u << 5}, MUV_EPROTOCOL, "flag"},
    {"moreToCome", {.extra_flags = MOCK_FLAG_MORE_TO_COME}, MUV_EPROTOCOL, "more replies"},
};

/* Each way gives its error, once, and the next command works on a new connection. */
static void misbehaviour_is_an_error_and_the_client_goes_on(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "maxPoolSize=1", NULL);
    for (size_t i = 0; i < sizeof misbehaviours / sizeof *misbehaviours; i++) {
        const struct misbehaviour *how = &misbehaviours[i];
        outcome_t o = {0};

        warm_up(f);
        mock_script(f->mock, "ping", &how->step);
        start_ping(f, &o, 0);
        await(&o);
        if (o.error.code != how->code) {
            fail_msg("%s: %s", how->name, muv_error_name(o.error.code));
        }
        CHECK_CONTAINS(o.error.message, how->part);
        assert_string_equal(o.error.host, mock_address(f->mock, 0));
        outcome_clear(&o);
    }
}

/* The same while a connection is being established, for all ways at once, each with a mock of its
 * own: the operation waits for the check after the failed one, half a second later, not for the
 * next heartbeat ten seconds later. */
static void misbehaviour_in_the_handshake_is_survived(void **state)
{
    enum { COUNT = sizeof misbehaviours / sizeof *misbehaviours };
    client_fixture_t *f = *state;
    muv_mock_t *mocks[COUNT];
    outcome_t o[COUNT] = {{0}};
    muv_client_t *clients[COUNT];
    muv_collection_t *collections[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        mocks[i] = mock_new(&f->loop);
        mock_script(mocks[i], "hello", &misbehaviours[i].step);
        open_client_at(f, mock_uri(mocks[i], NULL), NULL);
        start_ping(f, &o[i], 8000);
        clients[i] = f->client;
        collections[i] = f->collection;
    }
    for (size_t i = 0; i < COUNT; i++) {
        f->client = clients[i];
        f->collection = collections[i];
        f->closed = false;
        await(&o[i]);
        if (o[i].error.code != 0) {
            fail_msg("%s: %s", misbehaviours[i].name, o[i].error.message);
        }
        outcome_clear(&o[i]);
        close_client(f, MUV_CLOSE_DRAIN);
        mock_close(mocks[i]);
    }
}

static void bytes_behind_the_reply_close_the_connection(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, "maxPoolSize=1", NULL);
    mock_script(f->mock, "ping", &(mock_step_t){.unsolicited_after = true});
    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
    warm_up(f);
    assert_int_equal(stats_of(f).connections_created, 2);
}

static void idle_connections_that_the_server_closes_are_replaced(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "maxPoolSize=1", NULL);
    warm_up(f);
    mock_drop_connections(f->mock, MOCK_ANY, MOCK_CLOSE);
    run_for(&f->loop, 20);
    assert_int_equal(stats_of(f).connections, 0);
    warm_up(f);
    mock_drop_connections(f->mock, MOCK_ANY, MOCK_RESET);
    run_for(&f->loop, 20);
    warm_up(f);
}

/* --- in doubt ----------------------------------------------------------------------------------*/

static void a_write_whose_reply_never_came_is_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    outcome_t write = {0};
    outcome_t read = {0};

    open_client(f, "retryReads=false", NULL);
    warm_up(f);
    mock_script(f->mock, "drop", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    start_write(f, &write, "{\"drop\": \"c\"}", 0);
    await_error(&write, MUV_ENETWORK);
    assert_int_equal(write.error.in_doubt, 1);
    warm_up(f);
    mock_script(f->mock, "find", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    start_find(f, &read, 1, NULL);
    await_error(&read, MUV_ENETWORK);
    assert_int_equal(read.error.in_doubt, 0);
    outcome_clear(&write);
    outcome_clear(&read);
}

static void a_write_that_was_never_sent_is_not_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_set_welcome(f->mock, 0, MOCK_DEAF);
    open_client(f, NULL, NULL);
    start_write(f, &o, "{\"drop\": \"c\"}", 50);
    await_error(&o, MUV_ETIMEOUT);
    assert_int_equal(o.error.in_doubt, 0);
    outcome_clear(&o);
}

static void a_refused_write_is_not_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_reply(f->mock, "drop", "{\"ok\": 0, \"code\": 26, \"errmsg\": \"ns not found\"}");
    open_client(f, NULL, NULL);
    start_write(f, &o, "{\"drop\": \"c\"}", 0);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.in_doubt, 0);
    outcome_clear(&o);
}

/* --- refusals ----------------------------------------------------------------------------------*/

static void never(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)error;
    (void)reply;
    (void)data;
    fail_msg("a refused call has called back");
}

static void refused_commands_never_call_back(void **state)
{
    client_fixture_t *f = *state;
    bson_t *ping = bson_from("{\"ping\": 1}");
    bson_t empty = BSON_INITIALIZER;

    open_client(f, NULL, NULL);
    assert_int_equal(muv_client_refusal(f->client)->code, 0);
    CHECK_CODE(muv_run_command(f->client, "d", &empty, NULL, never, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "command");
    CHECK_CODE(muv_run_command(f->client, "a.b", ping, NULL, never, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "database");
    CHECK_CODE(muv_run_command(f->client, "", ping, NULL, never, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_run_command(f->client, NULL, ping, NULL, never, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_run_command(NULL, "d", ping, NULL, never, NULL, NULL), MUV_EINVAL);
    run_for(&f->loop, 10);
    assert_int_equal(mock_accepted(f->mock), 0);
    bson_destroy(ping);
}

static void a_command_larger_than_the_server_takes_is_an_error(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    static char big[4096];
    char *json;

    mock_set_hello(f->mock, 0, "{\"maxBsonObjectSize\": 1024}");
    memset(big, 'x', sizeof big - 1);
    json = bson_strdup_printf("{\"ping\": \"%s%s%s%s%s\"}", big, big, big, big, big);
    open_client(f, "maxPoolSize=1", NULL);
    start_command(f, &o, json, NULL);
    await_error(&o, MUV_ETOOLARGE);
    assert_int_equal(mock_request_count(f->mock, "ping"), 0);
    warm_up(f);
    assert_int_equal(stats_of(f).connections_created, 1);
    bson_free(json);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_reply_is_handed_out_as_it_came),
        TEST(the_command_is_sent_as_given_with_its_database),
        TEST(a_reply_split_at_every_byte_arrives_whole),
        TEST(a_reply_split_anywhere_arrives_whole),
        TEST(a_late_reply_within_the_timeout_is_a_reply),
        TEST(checksums_are_verified),
        TEST(large_replies_wait_for_memory_and_all_arrive),
        TEST(a_retained_reply_outlives_its_client),
        TEST(an_error_reply_is_given_with_all_its_fields),
        TEST(a_command_error_keeps_the_connection),
        TEST(misbehaviour_is_an_error_and_the_client_goes_on),
        TEST(misbehaviour_in_the_handshake_is_survived),
        TEST(bytes_behind_the_reply_close_the_connection),
        TEST(idle_connections_that_the_server_closes_are_replaced),
        TEST(a_write_whose_reply_never_came_is_in_doubt),
        TEST(a_write_that_was_never_sent_is_not_in_doubt),
        TEST(a_refused_write_is_not_in_doubt),
        TEST(refused_commands_never_call_back),
        TEST(a_command_larger_than_the_server_takes_is_an_error),
    };

    return cmocka_run_group_tests_name("run_command", tests, NULL, NULL);
}
