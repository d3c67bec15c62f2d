/* SPDX-License-Identifier: Apache-2.0 */
/* insert_many from a source: documents written straight into the send buffer, piece by piece. */
#include "integration/write_fixture.h"

#include <string.h>

typedef struct source {
    client_fixture_t *f;
    int left;
    int given;
    int size; /* Of the text in each document. */
    bool without_id;
    int misbehave_at; /* -1: never. */
    int (*misbehave)(muv_writer_t *writer);
    muv_op_t *cancel_at_half;
    uint64_t turn_started_at; /* Documents given when the present turn began. */
    int most_in_a_turn;
    int turns;
} source_t;

static char filler[64 * 1024];

static int next_document(void *data, muv_writer_t *writer)
{
    source_t *source = data;

    if (source->given == source->misbehave_at) {
        return source->misbehave(writer);
    }
    if (source->left == 0) {
        return 0;
    }
    source->left--;
    if (!source->without_id) {
        muv_writer_int32(writer, "_id", source->given);
    }
    muv_writer_utf8(writer, "text", filler, (size_t)source->size);
    source->given++;
    return 1;
}

static void start_source(client_fixture_t *f, written_t *w, source_t *source, int32_t batch_bytes)
{
    memset(filler, 'f', sizeof(filler));
    source->f = f;
    begin_write(f, w);
    end_write(f, muv_collection_insert_many(f->collection, NULL, 0,
                                            &(muv_insert_many_opts_t){.next = next_document,
                                                                      .next_data = source,
                                                                      .batch_bytes = batch_bytes},
                                            on_written, w, &w->op));
}

static void documents_are_gathered_into_batches(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 10, .size = 10000, .misbehave_at = -1};
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 35000);
    await_written(&w, "ok; inserted 10");
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_int_equal(sent_count(f, 0), 4);
    assert_int_equal(sent_first_id(f, 1), 4);
    assert_int_equal(sent_count(f, 2), 2);
    assert_string_equal(w.ids, "");
}

static void a_batch_above_the_limits_of_the_server_is_split(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 10, .size = 10, .misbehave_at = -1};
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, "{\"maxWriteBatchSize\": 4}");
    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 0);
    await_written(&w, "ok; inserted 10");
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_int_equal(sent_first_id(f, 2), 8);
}

static void errors_count_as_the_source_does(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 10, .size = 10000, .misbehave_at = -1};
    written_t w;

    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 4}");
    mock_reply(f->mock, "insert",
               "{\"ok\": 1, \"n\": 2, \"writeErrors\":"
               " [{\"index\": 2, \"code\": 7, \"errmsg\": \"bad\"}]}");
    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 35000);
    await_written(&w, "EWRITE 7; inserted 6; [6] 7 bad");
}

static void a_missing_id_becomes_the_first_field(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 2, .size = 3, .misbehave_at = -1, .without_id = true};
    const mock_sequence_t *sent;
    bson_iter_t iter;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 0);
    await_written(&w, "ok; inserted 2");
    sent = mock_request_sequence(mock_request_of(f->mock, "insert", 0), "documents");
    for (size_t i = 0; i < 2; i++) {
        assert_true(bson_iter_init(&iter, sent->documents[i]) && bson_iter_next(&iter));
        assert_string_equal(bson_iter_key(&iter), "_id");
        assert_true(BSON_ITER_HOLDS_OID(&iter) && bson_iter_next(&iter));
        assert_string_equal(bson_iter_utf8(&iter, NULL), "fff");
        assert_false(bson_iter_next(&iter));
    }
}

static void a_source_without_documents_is_no_error(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.misbehave_at = -1};
    written_t w;

    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 0);
    await_written(&w, "ok");
    assert_int_equal(mock_request_count(f->mock, "insert"), 0);
}

/* --- turns -------------------------------------------------------------------------------------*/

static void on_turn(uv_check_t *check)
{
    source_t *source = check->data;
    int given = source->given - (int)source->turn_started_at;

    source->turn_started_at = (uint64_t)source->given;
    source->turns += given > 0;
    source->most_in_a_turn = given > source->most_in_a_turn ? given : source->most_in_a_turn;
}

/* 256 KiB are 33 documents of 8,027 bytes. */
static void no_turn_encodes_more_than_its_share(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 300, .size = 8000, .misbehave_at = -1};
    uv_check_t check;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    assert_int_equal(uv_check_init(&f->loop, &check), 0);
    check.data = &source;
    (void)uv_check_start(&check, on_turn);
    uv_unref((uv_handle_t *)&check);
    start_source(f, &w, &source, 4 * 1024 * 1024);
    await_written(&w, "ok; inserted 300");
    uv_close((uv_handle_t *)&check, NULL);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT); /* The handle is on the stack. */
    assert_int_equal(mock_request_count(f->mock, "insert"), 1);
    assert_true(source.most_in_a_turn <= 33);
    assert_true(source.turns >= 10);
}

static void cancelling_between_turns_ends_it(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 1 << 30, .size = 60000, .misbehave_at = -1};
    written_t w;

    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 32 * 1024 * 1024);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_true(source.given > 0 && !w.done);
    f->starting = true;
    muv_op_cancel(w.op);
    f->starting = false;
    await_written(&w, "ECANCELED; no result");
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

static void closing_the_client_ends_it(void **state)
{
    client_fixture_t *f = *state;
    source_t source = {.left = 1 << 30, .size = 60000, .misbehave_at = -1};
    written_t w;

    open_client(f, NULL, NULL);
    start_source(f, &w, &source, 32 * 1024 * 1024);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    close_client(f, MUV_CLOSE_ABORT);
    assert_true(w.done);
    assert_string_equal(w.text, "ECLOSED; no result");
}

/* --- sources that misbehave --------------------------------------------------------------------*/

static int fail_with_own_code(muv_writer_t *writer)
{
    (void)writer;
    return MUV_EVALIDATION;
}

static int leave_open(muv_writer_t *writer)
{
    muv_writer_begin_document(writer, "a");
    return 1;
}

static int close_too_much(muv_writer_t *writer)
{
    muv_writer_end(writer);
    return 1;
}

static void a_failing_source_ends_the_insert(void **state)
{
    client_fixture_t *f = *state;
    const struct {
        int (*misbehave)(muv_writer_t *writer);
        const char *text;
    } cases[] = {
        {fail_with_own_code, "EVALIDATION; inserted 4"},
        {leave_open, "EBSON; inserted 4"},
        {close_too_much, "EBSON; inserted 4"},
    };
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        source_t source = {
            .left = 10, .size = 10000, .misbehave_at = 6, .misbehave = cases[i].misbehave};

        start_source(f, &w, &source, 35000);
        await_written(&w, cases[i].text);
        CHECK_CONTAINS(w.error.message, "documents[6]");
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(documents_are_gathered_into_batches),
        CASE(a_batch_above_the_limits_of_the_server_is_split),
        CASE(errors_count_as_the_source_does),
        CASE(a_missing_id_becomes_the_first_field),
        CASE(a_source_without_documents_is_no_error),
        CASE(no_turn_encodes_more_than_its_share),
        CASE(cancelling_between_turns_ends_it),
        CASE(closing_the_client_ends_it),
        CASE(a_failing_source_ends_the_insert),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
