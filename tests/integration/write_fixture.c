/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/write_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- outcomes as text --------------------------------------------------------------------------*/

static void add(written_t *w, const char *text)
{
    size_t used = strlen(w->text);

    assert_true(used + strlen(text) < sizeof(w->text));
    memcpy(w->text + used, text, strlen(text) + 1);
}

static void add_count(written_t *w, const char *name, int64_t count)
{
    if (count != 0) {
        add(w, text_of("; %s %lld", name, (long long)count));
    }
}

static char *value_text(const muv_bson_value_t *value)
{
    bson_t document = BSON_INITIALIZER;
    bson_iter_t iter;
    uint8_t raw[256];
    size_t size = 4 + 1 + 2 + value->size + 1;
    bson_t view;
    char *text;

    /* A document with the value under the key "v", by hand: the value is raw bytes. */
    assert_true(size <= sizeof(raw));
    memset(raw, 0, sizeof(raw));
    raw[0] = (uint8_t)size;
    raw[4] = value->type;
    raw[5] = 'v';
    memcpy(raw + 7, value->data, value->size);
    assert_true(bson_init_static(&view, raw, size));
    assert_true(bson_iter_init_find(&iter, &view, "v"));
    (void)bson_append_iter(&document, "v", 1, &iter);
    text = bson_as_relaxed_extended_json(&document, NULL);
    bson_destroy(&document);
    return text;
}

static void add_result(written_t *w, const muv_write_result_t *result)
{
    if (result->acknowledged != MUV_YES) {
        add(w, "; unacknowledged");
    }
    add_count(w, "inserted", result->inserted_count);
    add_count(w, "matched", result->matched_count);
    add_count(w, "modified", result->modified_count);
    add_count(w, "deleted", result->deleted_count);
    for (size_t i = 0; i < result->upserted_count; i++) {
        char *id = value_text(&result->upserted[i].id);

        add(w, text_of("; upserted [%zu] %s", result->upserted[i].index, id));
        bson_free(id);
    }
    for (size_t i = 0; i < result->write_error_count && i < 8; i++) {
        const muv_write_error_t *error = &result->write_errors[i];

        add(w, text_of("; [%zu] %d %s", error->index, error->code, error->message));
    }
    for (size_t i = 0; i < result->write_concern_error_count; i++) {
        const muv_write_concern_error_t *error = &result->write_concern_errors[i];

        add(w, text_of("; concern %d %s", error->code, error->message));
    }
}

static void add_ids(written_t *w, const muv_write_result_t *result)
{
    muv_bson_value_t id;
    size_t used = 0;

    for (size_t i = 0; i < 16 && muv_write_result_inserted_id(result, i, &id); i++) {
        char *text = value_text(&id);
        int length = snprintf(w->ids + used, sizeof(w->ids) - used, "%s ", text);

        bson_free(text);
        assert_true(length > 0 && (size_t)length < sizeof(w->ids) - used);
        used += (size_t)length;
    }
}

void on_written(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                void *data)
{
    written_t *w = data;

    (void)op;
    assert_false(w->f->starting);
    assert_false(w->done);
    if (error == NULL) {
        add(w, "ok");
        assert_non_null(result);
    } else {
        w->error = *error;
        add(w, muv_error_name(error->code) + 4);
        if (error->server_code != 0) {
            add(w, text_of(" %d", error->server_code));
        }
        add(w, error->in_doubt ? " in doubt" : "");
    }
    if (result != NULL) {
        add_result(w, result);
        add_ids(w, result);
    } else {
        add(w, "; no result");
    }
    w->done = true;
    w->op = NULL;
    w->f->ended++;
}

void begin_write(client_fixture_t *f, written_t *w)
{
    *w = (written_t){.f = f};
    f->starting = true;
}

void end_write(client_fixture_t *f, int code)
{
    f->starting = false;
    if (code != 0) {
        fail_msg("%s: %s", muv_error_name(code), muv_client_refusal(f->client)->message);
    }
}

void await_written(written_t *w, const char *text)
{
    run_until(&w->f->loop, &w->done, WAIT_MS);
    if (strcmp(w->text, text) != 0) {
        fail_msg("outcome is  %s\nand not    %s\nmessage: %s", w->text, text, w->error.message);
    }
}

/* --- documents ---------------------------------------------------------------------------------*/

bson_t **numbered_documents(size_t count, size_t size)
{
    bson_t **documents = calloc(count, sizeof(*documents));

    assert_non_null(documents);
    for (size_t i = 0; i < count; i++) {
        documents[i] = bson_new();
        (void)bson_append_int32(documents[i], "_id", 3, (int32_t)i);
        if (size > documents[i]->len) {
            /* A string element of key "x" takes 8 bytes besides its text. */
            size_t length = size - documents[i]->len - 8;
            char *text = calloc(1, length + 1);

            assert_non_null(text);
            memset(text, 'x', length);
            (void)bson_append_utf8(documents[i], "x", 1, text, (int)length);
            assert_int_equal(documents[i]->len, size);
            free(text);
        }
    }
    return documents;
}

bson_t **documents_from(const char *json, size_t *ret_count)
{
    bson_t *whole = bson_from(text_of("{\"a\": %s}", json));
    bson_t **documents = calloc(WRITTEN_DOCUMENTS, sizeof(*documents));
    bson_iter_t iter;
    bson_iter_t item;
    size_t count = 0;

    assert_non_null(documents);
    assert_true(bson_iter_init_find(&iter, whole, "a") && bson_iter_recurse(&iter, &item));
    while (bson_iter_next(&item)) {
        const uint8_t *data;
        uint32_t size;

        assert_true(count < WRITTEN_DOCUMENTS);
        bson_iter_document(&item, &size, &data);
        documents[count++] = bson_new_from_data(data, size);
    }
    bson_destroy(whole);
    *ret_count = count;
    return documents;
}

void free_documents(bson_t **documents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bson_destroy(documents[i]);
    }
    free(documents);
}

void insert_and_await(client_fixture_t *f, const char *json, const muv_insert_many_opts_t *opts,
                      const char *text)
{
    size_t count;
    bson_t **documents = documents_from(json, &count);
    written_t w;

    begin_write(f, &w);
    end_write(f, muv_collection_insert_many(f->collection, (const bson_t *const *)documents, count,
                                            opts, on_written, &w, &w.op));
    if (opts == NULL || opts->borrow_until_done != MUV_YES) {
        free_documents(documents, count);
        documents = NULL;
    }
    await_written(&w, text);
    if (documents != NULL) {
        free_documents(documents, count);
    }
}

/* --- the mock ----------------------------------------------------------------------------------*/

void answer_insert(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    (void)step;
    (void)data;
    (void)bson_append_int32(reply, "n", 1,
                            (int32_t)mock_request_sequence(request, "documents")->count);
    (void)bson_append_double(reply, "ok", 2, 1.0);
}

size_t sent_count(client_fixture_t *f, int index)
{
    return mock_request_sequence(mock_request_of(f->mock, "insert", index), "documents")->count;
}

int64_t sent_first_id(client_fixture_t *f, int index)
{
    const mock_sequence_t *sent =
        mock_request_sequence(mock_request_of(f->mock, "insert", index), "documents");
    bson_iter_t iter;

    assert_true(sent->count > 0 && bson_iter_init_find(&iter, sent->documents[0], "_id"));
    return bson_iter_as_int64(&iter);
}
