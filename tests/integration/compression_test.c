/* SPDX-License-Identifier: Apache-2.0 */
/* OP_COMPRESSED between a client and a mock that has the same compressors: agreement, what is never
 * compressed, hostile replies, and large messages that must not hold the loop. */
#include "integration/client_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "client/client_inner.h"
#include "support/mock_compress.h"

#define ALL_LISTED "{\"compression\": [\"snappy\", \"zlib\", \"zstd\"]}"
#define MIB (1024 * 1024)

static const struct {
    const char *option;
    int id;
} compressors[] = {{"compressors=snappy", MOCK_SNAPPY},
                   {"compressors=zlib&zlibCompressionLevel=9", MOCK_ZLIB},
                   {"compressors=zstd", MOCK_ZSTD}};

/* The mock lists all three, and answers with `reply`. */
static void open_both(client_fixture_t *f, const char *option, const char *listed, int reply)
{
    mock_set_hello(f->mock, 0, listed);
    mock_compress_replies(f->mock, reply);
    open_client(f, option, NULL);
}

static void ping(client_fixture_t *f, int expected_code)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await(&o);
    CHECK_CODE(o.error.code, expected_code);
    outcome_clear(&o);
}

static int last_compressor(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1)->compressor;
}

static void check_hellos_are_plain(client_fixture_t *f)
{
    for (unsigned i = 0; i < mock_request_count(f->mock, "hello"); i++) {
        assert_int_equal(mock_request_of(f->mock, "hello", (int)i)->compressor, 0);
    }
}

/* --- agreement -------------------------------------------------------------------------------- */

static void each_compressor_is_offered_and_used(void **state)
{
    client_fixture_t *f = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(compressors); i++) {
        open_both(f, compressors[i].option, ALL_LISTED, compressors[i].id);
        ping(f, 0);
        ping(f, 0);
        assert_int_equal(last_compressor(f, "ping"), compressors[i].id);
        check_hellos_are_plain(f);
        close_client(f, MUV_CLOSE_DRAIN);
    }
    CHECK_BSON_EQUAL(given(mock_request_of(f->mock, "ping", -1)), "{\"ping\": 1, \"$db\": \"d\"}");
}

static void the_first_of_ours_that_the_server_lists_is_used(void **state)
{
    client_fixture_t *f = *state;

    open_both(f, "compressors=zstd,zlib,snappy",
              "{\"compression\": [\"snappy\", \"noop\", \"zlib\"]}", MOCK_ZLIB);
    ping(f, 0);
    assert_int_equal(last_compressor(f, "ping"), MOCK_ZLIB);
    assert_string_equal(mock_request_text(mock_request_of(f->mock, "hello", 0), "compression.0"),
                        "zstd");
    assert_string_equal(mock_request_text(mock_request_of(f->mock, "hello", 0), "compression.2"),
                        "snappy");
}

static void without_one_in_common_all_is_plain(void **state)
{
    static const char *const listed[] = {"{\"compression\": [\"zstd\", \"lz4\"]}",
                                         "{\"compression\": []}", "{\"compression\": \"zlib\"}",
                                         "{\"compression\": null}"};
    client_fixture_t *f = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(listed); i++) {
        open_both(f, "compressors=zlib,snappy", listed[i], MOCK_ZLIB);
        ping(f, 0);
        assert_int_equal(last_compressor(f, "ping"), 0);
        close_client(f, MUV_CLOSE_DRAIN);
    }
}

static void a_client_without_compressors_offers_none(void **state)
{
    client_fixture_t *f = *state;

    open_both(f, NULL, ALL_LISTED, MOCK_ZLIB);
    ping(f, 0);
    assert_int_equal(last_compressor(f, "ping"), 0);
    assert_false(mock_request_has(mock_request_of(f->mock, "hello", 0), "compression"));
}

static void plain_replies_to_compressed_requests_are_understood(void **state)
{
    client_fixture_t *f = *state;

    open_both(f, "compressors=zlib", ALL_LISTED, MOCK_PLAIN);
    ping(f, 0);
    ping(f, 0);
    assert_int_equal(last_compressor(f, "ping"), MOCK_ZLIB);
}

static void another_one_of_our_list_is_understood(void **state)
{
    client_fixture_t *f = *state;

    open_both(f, "compressors=zstd,snappy", ALL_LISTED, MOCK_SNAPPY);
    ping(f, 0);
    assert_int_equal(last_compressor(f, "ping"), MOCK_ZSTD);
}

static void one_that_was_not_offered_is_refused(void **state)
{
    client_fixture_t *f = *state;

    open_both(f, "compressors=zstd,snappy", ALL_LISTED, MOCK_ZLIB);
    ping(f, MUV_EPROTOCOL);
    mock_compress_replies(f->mock, MOCK_ZSTD);
    ping(f, 0);
}

static void options_of_the_struct_are_options(void **state)
{
    static const struct {
        int32_t given;
        int level;
    } levels[] = {{0, 3}, {MUV_ZERO, 0}, {-1, -1}, {9, 9}};
    client_fixture_t *f = *state;

    mock_set_hello(f->mock, 0, ALL_LISTED);
    for (size_t i = 0; i < MUV__COUNT_OF(levels); i++) {
        open_client(f, "compressors=zstd&zlibCompressionLevel=3",
                    &(muv_client_opts_t){.compressors = "zlib,snappy",
                                         .zlib_compression_level = levels[i].given});
        ping(f, 0);
        assert_int_equal(last_compressor(f, "ping"), MOCK_ZLIB);
        assert_int_equal(f->client->uri->options.zlib_compression_level, levels[i].level);
        close_client(f, MUV_CLOSE_DRAIN);
    }
    assert_string_equal(mock_request_text(mock_request_of(f->mock, "hello", -1), "compression.1"),
                        "snappy");
}

static void check_opts(client_fixture_t *f, const muv_client_opts_t *opts, const char *reason)
{
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(&f->loop, "mongodb://h", opts, &error, &client), MUV_EINVAL);
    CHECK_CONTAINS(error.message, reason);
}

static void wrong_options_of_the_struct_are_refused(void **state)
{
    check_opts(*state, &(muv_client_opts_t){.compressors = "lz4"}, "compressors: no known");
    check_opts(*state, &(muv_client_opts_t){.zlib_compression_level = 10}, "zlibCompressionLevel:");
    check_opts(*state, &(muv_client_opts_t){.zlib_compression_level = -2}, "zlibCompressionLevel:");
}

/* --- commands --------------------------------------------------------------------------------- */

static void commands_with_secrets_are_never_compressed(void **state)
{
    static const char *const names[] = {
        "hello",        "isMaster",   "ismaster",   "saslStart",       "saslContinue",   "getnonce",
        "authenticate", "createUser", "updateUser", "copydbSaslStart", "copydbgetnonce", "copydb"};
    client_fixture_t *f = *state;

    open_both(f, "compressors=snappy", ALL_LISTED, MOCK_SNAPPY);
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        outcome_t o = {0};

        start_command(f, &o, text_of("{\"%s\": 1, \"pwd\": \"secret\"}", names[i]), NULL);
        await(&o);
        assert_int_equal(mock_request(f->mock, -1)->compressor, 0);
        assert_true(mock_request_has(mock_request(f->mock, -1), "pwd"));
        outcome_clear(&o);
    }
    ping(f, 0);
    assert_int_equal(last_compressor(f, "ping"), MOCK_SNAPPY);
}

static void on_inserted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                        void *data)
{
    client_fixture_t *f = data;

    (void)op;
    (void)result;
    CHECK_NO_ERROR(error);
    f->ended++;
}

static void an_unacknowledged_write_is_compressed_and_frees_its_connection(void **state)
{
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");

    open_both(f, "compressors=zstd&maxPoolSize=1&w=0", ALL_LISTED, MOCK_ZSTD);
    f->ended = 0;
    CHECK_CODE(muv_collection_insert_one(f->collection, document, NULL, on_inserted, f, NULL), 0);
    bson_destroy(document);
    run_until_count(&f->loop, &f->ended, 1, WAIT_MS);
    ping(f, 0);
    assert_int_equal(last_compressor(f, "insert"), MOCK_ZSTD);
    assert_int_equal(mock_request_of(f->mock, "insert", 0)->flags, MOCK_FLAG_MORE_TO_COME);
}

/* --- hostile replies -------------------------------------------------------------------------- */

typedef struct envelope {
    const char *error; /* Part of its text. */
    int32_t op_code;
    int32_t size;
    uint8_t compressor;
    const char *data;
    size_t data_size;
} envelope_t;

/* The reply to a ping; the next ping is answered as ever. */
static void check_refused(client_fixture_t *f, const envelope_t *envelope)
{
    size_t raw_size;
    uint8_t *raw = mock_envelope(envelope->op_code, envelope->size, envelope->compressor,
                                 envelope->data, envelope->data_size, &raw_size);
    outcome_t o = {0};

    mock_script(f->mock, "ping",
                &(mock_step_t){.send = MOCK_RAW, .raw = raw, .raw_size = raw_size});
    free(raw);
    start_ping(f, &o, 0);
    await_error(&o, MUV_EPROTOCOL);
    CHECK_CONTAINS(o.error.message, envelope->error);
    outcome_clear(&o);
    ping(f, 0);
}

static void hostile_envelopes_break_their_connection_and_nothing_else(void **state)
{
    static const envelope_t envelopes[] = {
        {"holds a compressed message", 2012, 30, 2, "x", 1},
        {"original opcode", 1, 30, 2, "x", 1},
        {"announces less", 2013, -5, 2, "x", 1},
        {"announces more", 2013, INT32_MAX, 2, "x", 1},
        {"not offered", 2013, 30, 3, "x", 1},
        {"not offered", 2013, 30, 77, "x", 1},
        {"not valid", 2013, 30, 2, "xxxx", 4},
        {"holds less", 2013, 40 * MIB, 1, "xxxx", 4},
        {"holds less", 2013, 30, 0, "xxxx", 4},
        {"holds less", 2013, 30, 1, "\x04\x0cxxxx", 6},
        {"holds more", 2013, 10, 1, "\xff\xff\xff\xff\x07\x0cxxxx", 10},
    };
    client_fixture_t *f = *state;
    outcome_t other = {0};

    mock_script(f->mock, "count", &(mock_step_t){.json = "{\"n\": 1, \"ok\": 1}", .hold = true});
    open_both(f, "compressors=zlib,snappy", ALL_LISTED, MOCK_ZLIB);
    start_command(f, &other, "{\"count\": \"c\"}", NULL);
    await_held(f, 1);
    for (size_t i = 0; i < MUV__COUNT_OF(envelopes); i++) {
        check_refused(f, &envelopes[i]);
        assert_false(other.done);
    }
    assert_int_equal(mock_release(f->mock, 1), 1);
    await_success(&other);
    outcome_clear(&other);
}

/* A few bytes of snappy that say 40 MiB: a literal, and copies of it. */
static void a_bomb_takes_no_more_memory_than_it_announces(void **state)
{
    static const char bomb[] = "\x80\x80\x80\x14\x0cxxxx\xfe\x04\0\xfe\x04\0\xfe\x04";
    client_fixture_t *f = *state;

    open_both(f, "compressors=snappy", ALL_LISTED, MOCK_SNAPPY);
    check_refused(f, &(envelope_t){"holds more", 2013, 1000, 1, bomb, sizeof(bomb)});
    check_refused(f, &(envelope_t){"not valid", 2013, 40 * MIB, 1, bomb, sizeof(bomb)});
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

/* --- large messages --------------------------------------------------------------------------- */

/* `size` bytes in documents of at most 10 MiB; nearly nothing when compressed. */
static void answer_large(const mock_request_t *request, bson_t *reply, mock_step_t *step,
                         void *data)
{
    size_t left = *(const size_t *)data;
    bson_t batch;

    (void)request;
    (void)step;
    bson_append_array_begin(reply, "batch", -1, &batch);
    for (int i = 0; left != 0; i++) {
        size_t size = left < 10 * MIB ? left : 10 * MIB;
        uint8_t *bytes = calloc(1, size);
        bson_t document;

        assert_non_null(bytes);
        bson_append_document_begin(&batch, text_of("%d", i), -1, &document);
        BSON_APPEND_BINARY(&document, "b", BSON_SUBTYPE_BINARY, bytes, (uint32_t)size);
        bson_append_document_end(&batch, &document);
        free(bytes);
        left -= size;
    }
    bson_append_array_end(reply, &batch);
    BSON_APPEND_INT32(reply, "ok", 1);
}

typedef struct large {
    client_fixture_t *f;
    size_t size; /* Of the reply. */
    unsigned pings;
    unsigned pings_before; /* Pings that ended before it came. */
    bool done;
    int code;
} large_t;

static void on_large(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    large_t *large = data;

    (void)op;
    large->code = error == NULL ? 0 : error->code;
    if (error == NULL) {
        bson_t view;

        muv_reply_bson(reply, &view);
        large->size = view.len;
    }
    large->pings_before = large->pings;
    large->done = true;
}

static void start_large(large_t *large, client_fixture_t *f, const char *json)
{
    bson_t *command = bson_from(json);

    memset(large, 0, sizeof(*large));
    large->f = f;
    CHECK_CODE(muv_run_command(f->client, "d", command, NULL, on_large, large, NULL), 0);
    bson_destroy(command);
}

static void on_ping(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data);

static void ping_on(large_t *large)
{
    bson_t *command = BCON_NEW("ping", BCON_INT32(1));

    CHECK_CODE(muv_run_command(large->f->client, "d", command, NULL, on_ping, large, NULL), 0);
    bson_destroy(command);
}

/* One ping after the other until the large reply is there. */
static void on_ping(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    large_t *large = data;

    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    large->pings++;
    if (!large->done) {
        ping_on(large);
    } else {
        large->f->ended++;
    }
}

static void check_large_reply(client_fixture_t *f, size_t size, unsigned least_pings)
{
    large_t large;

    mock_on(f->mock, "big", answer_large, &size);
    f->ended = 0;
    start_large(&large, f, "{\"big\": 1}");
    ping_on(&large);
    run_until_count(&f->loop, &f->ended, 1, 3 * WAIT_MS);
    CHECK_CODE(large.code, 0);
    assert_in_range(large.size, size, size + 200);
    assert_true(large.pings_before >= least_pings);
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

/* snappy is one block: the rest of the work, checking it, is in steps all the same. */
static void large_replies_come_in_steps_between_which_others_go_on(void **state)
{
    client_fixture_t *f = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(compressors); i++) {
        open_both(f, compressors[i].option, ALL_LISTED, compressors[i].id);
        warm_up(f);
        check_large_reply(f, 100000, 0);
        check_large_reply(f, MIB, 0);
        check_large_reply(f, 40 * MIB, 40);
        close_client(f, MUV_CLOSE_DRAIN);
    }
}

static void a_large_reply_is_admitted_whatever_the_budget(void **state)
{
    client_fixture_t *f = *state;
    size_t size = 40 * MIB;
    large_t large;

    mock_set_hello(f->mock, 0, ALL_LISTED);
    mock_on(f->mock, "big", answer_large, &size);
    open_client(f, "compressors=zstd", &(muv_client_opts_t){.max_pending_bytes = MIB});
    for (int reply = MOCK_PLAIN; reply <= MOCK_ZSTD; reply += MOCK_ZSTD) {
        mock_compress_replies(f->mock, reply);
        start_large(&large, f, "{\"big\": 1}");
        run_until(&f->loop, &large.done, WAIT_MS);
        CHECK_CODE(large.code, 0);
        assert_in_range(large.size, size, size + 200);
    }
}

static void many_large_replies_wait_for_memory_and_all_arrive(void **state)
{
    enum { COUNT = 20 };
    client_fixture_t *f = *state;
    size_t size = 3 * MIB;
    large_t large[COUNT];

    mock_set_hello(f->mock, 0, ALL_LISTED);
    mock_compress_replies(f->mock, MOCK_ZLIB);
    mock_on(f->mock, "big", answer_large, &size);
    open_client(f, "compressors=zlib&maxConnecting=10",
                &(muv_client_opts_t){.max_pending_bytes = 8 * MIB});
    for (int i = 0; i < COUNT; i++) {
        start_large(&large[i], f, "{\"big\": 1}");
    }
    for (int i = 0; i < COUNT; i++) {
        run_until(&f->loop, &large[i].done, WAIT_MS);
        CHECK_CODE(large[i].code, 0);
        assert_in_range(large[i].size, size, size + 200);
    }
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

static void answer_ok(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    (void)request;
    (void)step;
    (void)data;
    BSON_APPEND_INT32(reply, "ok", 1);
}

/* Noise of `size` bytes in one command: compressing it takes long. */
static void start_large_request(large_t *large, client_fixture_t *f, size_t size)
{
    uint8_t *bytes = malloc(size);
    uint32_t noise = 1;
    bson_t *command = BCON_NEW("store", BCON_INT32(1));

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(noise >> 24 & 0x3f);
    }
    BSON_APPEND_BINARY(command, "b", BSON_SUBTYPE_BINARY, bytes, (uint32_t)size);
    memset(large, 0, sizeof(*large));
    large->f = f;
    CHECK_CODE(muv_run_command(f->client, "d", command, NULL, on_large, large, NULL), 0);
    bson_destroy(command);
    free(bytes);
}

static void large_requests_leave_in_steps_between_which_others_go_on(void **state)
{
    client_fixture_t *f = *state;

    mock_on(f->mock, "store", answer_ok, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(compressors); i++) {
        large_t large;

        open_both(f, compressors[i].option, ALL_LISTED, compressors[i].id);
        warm_up(f);
        f->ended = 0;
        start_large_request(&large, f, 15 * MIB);
        ping_on(&large);
        run_until_count(&f->loop, &f->ended, 1, 3 * WAIT_MS);
        CHECK_CODE(large.code, 0);
        assert_true(large.pings_before >= 20);
        assert_int_equal(last_compressor(f, "store"), compressors[i].id);
        assert_int_equal(stats_of(f).pending_bytes, 0);
        close_client(f, MUV_CLOSE_DRAIN);
    }
}

/* --- ends in the middle ----------------------------------------------------------------------- */

static void a_client_closes_while_it_works(void **state)
{
    client_fixture_t *f = *state;
    size_t size = 40 * MIB;

    mock_on(f->mock, "big", answer_large, &size);
    mock_allow_faults(f->mock);
    for (unsigned wait_ms = 0; wait_ms < 60; wait_ms += 6) {
        large_t in;
        large_t out;

        open_both(f, "compressors=zlib", ALL_LISTED, MOCK_ZLIB);
        warm_up(f);
        start_large(&in, f, "{\"big\": 1}");
        start_large_request(&out, f, 8 * MIB);
        run_for(&f->loop, wait_ms);
        close_client(f, MUV_CLOSE_ABORT);
        assert_true(in.done && out.done);
    }
}

static bool is_idle(void *data)
{
    return stats_of(data).connections_idle == 1;
}

/* Its reply has come and is being decompressed; or only its request has left. */
static void what_is_cancelled_while_it_works_is_drained(void **state)
{
    client_fixture_t *f = *state;
    size_t size = 20 * MIB;

    mock_on(f->mock, "big", answer_large, &size);
    open_both(f, "compressors=zlib&maxPoolSize=1", ALL_LISTED, MOCK_ZLIB);
    ping(f, 0);
    for (unsigned wait_ms = 0; wait_ms < 100; wait_ms += 10) {
        outcome_t o = {0};

        start_command(f, &o, "{\"big\": 1}", NULL);
        run_for(&f->loop, wait_ms);
        if (!o.done) {
            cancel(&o);
        }
        await(&o);
        run_until_true(&f->loop, is_idle, f, WAIT_MS);
        ping(f, 0);
        outcome_clear(&o);
    }
    assert_int_equal(mock_accepted(f->mock), mock_open(f->mock));
}

/* --- load ------------------------------------------------------------------------------------- */

#define FINDS 1000

static void answer_find(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    int64_t id = mock_request_number(request, "filter._id");
    bson_t *document = BCON_NEW("_id", BCON_INT64(id), "square", BCON_INT64(id * id));

    (void)step;
    (void)data;
    BCON_APPEND(reply, "cursor", "{", "id", BCON_INT64(0), "ns", "d.c", "firstBatch", "[",
                BCON_DOCUMENT(document), "]", "}", "ok", BCON_INT32(1));
    bson_destroy(document);
}

static void a_thousand_finds_in_flight_are_answered_rightly(void **state)
{
    static outcome_t finds[FINDS];
    client_fixture_t *f = *state;

    mock_on(f->mock, "find", answer_find, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(compressors); i++) {
        open_both(f, compressors[i].option, ALL_LISTED, compressors[i].id);
        f->ended = 0;
        memset(finds, 0, sizeof(finds));
        for (int64_t id = 0; id < FINDS; id++) {
            start_find(f, &finds[id], id, NULL);
        }
        run_until_count(&f->loop, &f->ended, FINDS, 3 * WAIT_MS);
        for (int id = 0; id < FINDS; id++) {
            CHECK_CODE(finds[id].error.code, 0);
            assert_string_equal(finds[id].text,
                                text_of("{ \"_id\" : %d, \"square\" : %d }", id, id * id));
            outcome_clear(&finds[id]);
        }
        assert_int_equal(last_compressor(f, "find"), compressors[i].id);
        assert_int_equal(stats_of(f).pending_bytes, 0);
        close_client(f, MUV_CLOSE_DRAIN);
    }
    CHECK_ONE_THREAD();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_compressor_is_offered_and_used),
        TEST(the_first_of_ours_that_the_server_lists_is_used),
        TEST(without_one_in_common_all_is_plain),
        TEST(a_client_without_compressors_offers_none),
        TEST(plain_replies_to_compressed_requests_are_understood),
        TEST(another_one_of_our_list_is_understood),
        TEST(one_that_was_not_offered_is_refused),
        TEST(options_of_the_struct_are_options),
        TEST(wrong_options_of_the_struct_are_refused),
        TEST(commands_with_secrets_are_never_compressed),
        TEST(an_unacknowledged_write_is_compressed_and_frees_its_connection),
        TEST(hostile_envelopes_break_their_connection_and_nothing_else),
        TEST(a_bomb_takes_no_more_memory_than_it_announces),
        TEST(large_replies_come_in_steps_between_which_others_go_on),
        TEST(a_large_reply_is_admitted_whatever_the_budget),
        TEST(many_large_replies_wait_for_memory_and_all_arrive),
        TEST(large_requests_leave_in_steps_between_which_others_go_on),
        TEST(a_client_closes_while_it_works),
        TEST(what_is_cancelled_while_it_works_is_drained),
        TEST(a_thousand_finds_in_flight_are_answered_rightly),
    };

    return cmocka_run_group_tests_name("compression", tests, NULL, NULL);
}
