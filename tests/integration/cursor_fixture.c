/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/cursor_fixture.h"

#include <string.h>

/* --- the server's side -------------------------------------------------------------------------*/

static void append_number(bson_t *array, const numbers_t *numbers, uint32_t index)
{
    char key[16];
    const char *text;
    bson_t document = BSON_INITIALIZER;

    (void)bson_uint32_to_string(index, &text, key, sizeof key);
    BSON_APPEND_INT64(&document, "_id", numbers->next);
    if (numbers->pad_bytes != 0) {
        char *pad = bson_malloc(numbers->pad_bytes + 1);

        memset(pad, 'x', numbers->pad_bytes);
        pad[numbers->pad_bytes] = '\0';
        BSON_APPEND_UTF8(&document, "pad", pad);
        bson_free(pad);
    }
    (void)bson_append_document(array, text, -1, &document);
    bson_destroy(&document);
}

static void answer(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    numbers_t *numbers = data;
    bool more = strcmp(request->name, "getMore") == 0;
    bson_t cursor;
    bson_t batch;

    (void)step;
    if (!more) {
        numbers->next = 0;
    }
    bson_append_document_begin(reply, "cursor", -1, &cursor);
    bson_append_array_begin(&cursor, more ? "nextBatch" : "firstBatch", -1, &batch);
    for (int64_t i = 0; i < numbers->batch && numbers->next < numbers->total; i++) {
        append_number(&batch, numbers, (uint32_t)i);
        numbers->next++;
    }
    bson_append_array_end(&cursor, &batch);
    BSON_APPEND_INT64(&cursor, "id", numbers->next < numbers->total ? 77 : 0);
    BSON_APPEND_UTF8(&cursor, "ns", "d.c");
    bson_append_document_end(reply, &cursor);
    BSON_APPEND_INT32(reply, "ok", 1);
}

void serve_numbers(client_fixture_t *f, numbers_t *numbers)
{
    mock_on(f->mock, "find", answer, numbers);
    mock_on(f->mock, "aggregate", answer, numbers);
    mock_on(f->mock, "getMore", answer, numbers);
}

/* --- callbacks ---------------------------------------------------------------------------------*/

static void keep_text(reader_t *r, const bson_t *document)
{
    bson_free(r->text);
    r->text = document == NULL ? NULL : bson_as_relaxed_extended_json(document, NULL);
}

static void finish(reader_t *r, const muv_error_t *error)
{
    assert_false(r->f->starting);
    assert_false(r->done);
    r->error.code = 0;
    if (error != NULL) {
        assert_int_not_equal(error->code, 0);
        assert_true(error->message[0] != '\0');
        r->error = *error;
    }
    r->done = true;
    if (r->then != NULL) {
        r->then(r);
    }
}

static void see(reader_t *r, const bson_t *document)
{
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, document, "_id"));
    r->last_id = bson_iter_as_int64(&iter);
    r->count++;
}

void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    reader_t *r = data;

    (void)op;
    assert_true((error == NULL) == (cursor != NULL));
    r->cursor = cursor;
    finish(r, error);
}

static int on_document(muv_op_t *op, const bson_t *document, void *data)
{
    reader_t *r = data;

    assert_false(r->f->starting);
    assert_false(r->done);
    assert_ptr_equal(op, r->op);
    see(r, document);
    return r->act != NULL ? r->act(r) : MUV_CONTINUE;
}

void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    finish(data, error);
}

static void on_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    reader_t *r = data;

    (void)op;
    assert_false(error != NULL && document != NULL);
    keep_text(r, document);
    if (document != NULL) {
        see(r, document);
    }
    finish(r, error);
}

static void on_collected(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                         void *data)
{
    reader_t *r = data;

    (void)op;
    assert_true((error == NULL) == (documents != NULL));
    r->documents = documents;
    r->count = (int64_t)muv_documents_count(documents);
    finish(r, error);
}

void on_counted(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    reader_t *r = data;

    (void)op;
    r->count = count;
    finish(r, error);
}

void on_values(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    reader_t *r = data;
    bson_t view;

    (void)op;
    if (reply != NULL) {
        muv_reply_bson(reply, &view);
        keep_text(r, &view);
    }
    finish(r, error);
}

/* --- the reader --------------------------------------------------------------------------------*/

void open_reader(reader_t *r, client_fixture_t *f)
{
    *r = (reader_t){.f = f, .last_id = -1};
}

void close_reader(reader_t *r)
{
    muv_cursor_close(r->cursor);
    muv_documents_release(r->documents);
    bson_free(r->text);
    *r = (reader_t){.f = r->f, .last_id = -1};
}

void begin_call(reader_t *r)
{
    r->done = false;
    r->f->starting = true;
}

void end_call(reader_t *r)
{
    r->f->starting = false;
}

void begin_find(reader_t *r, const muv_find_opts_t *opts)
{
    begin_call(r);
    CHECK_CODE(muv_collection_find(r->f->collection, NULL, opts, on_cursor, r, &r->op), 0);
    end_call(r);
}

void begin_each(reader_t *r, const muv_cursor_each_opts_t *opts)
{
    begin_call(r);
    CHECK_CODE(muv_cursor_each(r->cursor, opts, on_document, on_end, r, &r->op), 0);
    end_call(r);
}

void begin_next(reader_t *r, const muv_cursor_next_opts_t *opts)
{
    begin_call(r);
    CHECK_CODE(muv_cursor_next(r->cursor, opts, on_next, r, &r->op), 0);
    end_call(r);
}

void begin_collect(reader_t *r, const muv_cursor_collect_opts_t *opts)
{
    begin_call(r);
    CHECK_CODE(muv_cursor_collect(r->cursor, opts, on_collected, r, &r->op), 0);
    end_call(r);
}

void await_reader(reader_t *r, int code)
{
    run_until(&r->f->loop, &r->done, WAIT_MS);
    if (code == 0) {
        CHECK_NO_ERROR(r->error.code != 0 ? &r->error : NULL);
    } else {
        CHECK_ERROR(&r->error, code);
    }
}

void find_all(reader_t *r, const muv_find_opts_t *opts)
{
    begin_find(r, opts);
    await_reader(r, 0);
}

struct wanted_documents {
    const reader_t *r;
    int64_t count;
};

static bool has_seen(void *data)
{
    const struct wanted_documents *wanted = data;

    return wanted->r->count >= wanted->count;
}

void await_documents(reader_t *r, int64_t count)
{
    struct wanted_documents wanted = {r, count};

    run_until_true(&r->f->loop, has_seen, &wanted, WAIT_MS);
}

struct wanted_requests {
    client_fixture_t *f;
    const char *command;
    unsigned count;
};

static bool has_received(void *data)
{
    const struct wanted_requests *wanted = data;

    return mock_request_count(wanted->f->mock, wanted->command) >= wanted->count;
}

void await_requests(client_fixture_t *f, const char *command, unsigned count)
{
    struct wanted_requests wanted = {f, command, count};

    run_until_true(&f->loop, has_received, &wanted, WAIT_MS);
}
