/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/odm_fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- life --------------------------------------------------------------------------------------*/

static int open_mapper(odm_fixture_t *o)
{
    muv_error_t error;

    o->registry = odm_registry();
    if (muv_mapper_new(o->f->client, o->registry, "d", &error, &o->mapper) != 0) {
        fail_msg("muv_mapper_new: %s", error.message);
    }
    return 0;
}

int odm_open(void **state)
{
    odm_fixture_t *o = calloc(1, sizeof *o);
    void *f = NULL;

    if (o == NULL || open_fixture(&f) != 0) {
        return -1;
    }
    o->f = f;
    *state = o;
    open_client(o->f, NULL, NULL);
    return open_mapper(o);
}

int odm_open_server(void **state)
{
    odm_fixture_t *o = calloc(1, sizeof *o);
    const char *uri = getenv("MUV_TEST_URI");
    void *f = NULL;

    if (o == NULL || uri == NULL || open_fixture_without_mock(&f) != 0) {
        return -1;
    }
    o->f = f;
    *state = o;
    open_client_at(o->f, uri, NULL);
    return open_mapper(o);
}

int odm_close(void **state)
{
    odm_fixture_t *o = *state;
    void *f = o->f;

    muv_mapper_free(o->mapper);
    muv_registry_free(o->registry);
    free(o);
    return close_fixture(&f);
}

void odm_use_models(odm_fixture_t *o, const muv_model_t *const *models, size_t count)
{
    muv_error_t error;

    muv_mapper_free(o->mapper);
    muv_registry_free(o->registry);
    if (muv_models(models, count, NULL, &error, &o->registry) != 0 ||
        muv_mapper_new(o->f->client, o->registry, "d", &error, &o->mapper) != 0) {
        fail_msg("models: %s", error.message);
    }
}

/* --- callbacks ---------------------------------------------------------------------------------*/

static void end(odm_outcome_t *out, muv_op_t *op, const muv_error_t *error)
{
    muv_verrors_t *list = muv_op_validation(op);

    assert_false(out->o->f->starting);
    assert_false(out->done);
    if (error != NULL) {
        assert_int_not_equal(error->code, 0);
        assert_true(error->message[0] != '\0');
        out->error = *error;
        out->error.reply = NULL;
    }
    assert_true(list == NULL || (error != NULL && error->code == MUV_EVALIDATION));
    if (list != NULL) {
        const char *json = muv_verrors_json(list);

        out->validation = json == NULL ? NULL : strdup(json);
    }
    out->done = true;
    out->op = NULL;
}

static void keep(odm_outcome_t *out, void *document)
{
    assert_true(out->document_count < MUV__COUNT_OF(out->documents));
    out->documents[out->document_count++] = muv_doc_retain(document);
}

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    assert_non_null(document);
    keep(data, document);
    end(data, op, error);
}

static void on_one(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    assert_true(error == NULL || document == NULL);
    if (document != NULL) {
        keep(data, document);
    }
    end(data, op, error);
}

static void on_all(muv_op_t *op, const muv_error_t *error, void **documents, size_t count,
                   void *data)
{
    assert_true(error == NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        keep(data, documents[i]);
    }
    end(data, op, error);
}

static int on_document(muv_op_t *op, void *document, void *data)
{
    odm_outcome_t *out = data;

    assert_ptr_equal(op, out->op);
    assert_false(out->o->f->starting);
    assert_false(out->done);
    keep(out, document);
    out->calls++;
    return out->verdict_at != 0 && out->calls >= out->verdict_at ? out->verdict
                                                                 : MUV_ITERATE_CONTINUE;
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    end(data, op, error);
}

static void on_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    ((odm_outcome_t *)data)->count = count;
    end(data, op, error);
}

static void on_update(muv_op_t *op, const muv_error_t *error, const muv_update_result_t *result,
                      void *data)
{
    odm_outcome_t *out = data;

    out->has_result = result != NULL;
    if (result != NULL) {
        out->result = *result;
    }
    end(out, op, error);
}

static void on_inserted(muv_op_t *op, const muv_error_t *error, size_t inserted, void *data)
{
    ((odm_outcome_t *)data)->count = (int64_t)inserted;
    end(data, op, error);
}

void odm_clear(odm_outcome_t *out)
{
    for (size_t i = 0; i < out->document_count; i++) {
        muv_doc_release(out->documents[i]);
    }
    free(out->validation);
    memset(out, 0, sizeof *out);
}

void odm_await(odm_outcome_t *out)
{
    run_until(&out->o->f->loop, &out->done, WAIT_MS);
}

void odm_await_success(odm_outcome_t *out)
{
    odm_await(out);
    CHECK_NO_ERROR(out->error.code == 0 ? NULL : &out->error);
}

void odm_await_error(odm_outcome_t *out, int code)
{
    odm_await(out);
    CHECK_ERROR(&out->error, code);
}

/* --- starting ----------------------------------------------------------------------------------*/

#define START(call)                                                                                \
    do {                                                                                           \
        assert_false(out->done);                                                                   \
        out->o = o;                                                                                \
        o->f->starting = true;                                                                     \
        CHECK_CODE(call, 0);                                                                       \
        o->f->starting = false;                                                                    \
        assert_non_null(out->op);                                                                  \
    } while (0)

void odm_save(odm_fixture_t *o, odm_outcome_t *out, void *document, const muv_save_opts_t *opts)
{
    START(muv_save(o->mapper, document, opts, on_saved, out, &out->op));
}

void odm_delete(odm_fixture_t *o, odm_outcome_t *out, void *document)
{
    START(muv_delete(o->mapper, document, NULL, on_saved, out, &out->op));
}

void odm_reload(odm_fixture_t *o, odm_outcome_t *out, void *document)
{
    START(muv_reload(o->mapper, document, NULL, on_saved, out, &out->op));
}

void odm_first(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query,
               const muv_load_opts_t *opts)
{
    START(muv_query_first(o->mapper, query, opts, on_one, out, &out->op));
    muv_query_free(query);
}

void odm_get(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, const muv_load_opts_t *opts)
{
    START(muv_query_get(o->mapper, query, opts, on_one, out, &out->op));
    muv_query_free(query);
}

void odm_all(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, const muv_load_opts_t *opts)
{
    START(muv_query_all(o->mapper, query, opts, on_all, out, &out->op));
    muv_query_free(query);
}

void odm_each(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, const muv_load_opts_t *opts)
{
    START(muv_query_each(o->mapper, query, opts, on_document, on_done, out, &out->op));
    muv_query_free(query);
}

void odm_count(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query)
{
    START(muv_query_count(o->mapper, query, NULL, on_count, out, &out->op));
    muv_query_free(query);
}

void odm_exists(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query)
{
    START(muv_query_exists(o->mapper, query, NULL, on_count, out, &out->op));
    muv_query_free(query);
}

void odm_update(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, muv_update_t *update)
{
    START(muv_query_update(o->mapper, query, update, NULL, on_update, out, &out->op));
    muv_query_free(query);
    muv_update_free(update);
}

void odm_delete_all(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query)
{
    START(muv_query_delete(o->mapper, query, NULL, on_count, out, &out->op));
    muv_query_free(query);
}

void odm_insert(odm_fixture_t *o, odm_outcome_t *out, void *const *documents, size_t count,
                const muv_save_opts_t *opts)
{
    START(muv_insert(o->mapper, documents, count, opts, on_inserted, out, &out->op));
}

void odm_ensure_indexes(odm_fixture_t *o, odm_outcome_t *out, const muv_model_t *model)
{
    START(muv_ensure_indexes(o->mapper, model, NULL, on_done, out, &out->op));
}

/* --- the wire ----------------------------------------------------------------------------------*/

static void append_known(bson_t *to, const bson_t *from)
{
    bson_iter_t iter;

    assert_true(bson_iter_init(&iter, from));
    while (bson_iter_next(&iter)) {
        const char *key = bson_iter_key(&iter);

        if (strcmp(key, "$db") != 0 && strcmp(key, "lsid") != 0) {
            bson_append_iter(to, key, -1, &iter);
        }
    }
}

void odm_check_command(odm_fixture_t *o, const char *name, const char *json, const char *file,
                       int line)
{
    bson_t *command = mock_request_document(mock_request_of(o->f->mock, name, -1));
    bson_t *known = bson_new();

    append_known(known, command);
    check_bson_equal(known, odm_json(json), false, file, line);
    bson_destroy(known);
    bson_destroy(command);
}

unsigned odm_commands(odm_fixture_t *o)
{
    return mock_request_count(o->f->mock, NULL) - mock_request_count(o->f->mock, "hello");
}

static void reply(odm_fixture_t *o, const char *command, const char *batch, int64_t cursor_id,
                  const char *documents)
{
    static char text[65536];

    (void)snprintf(text, sizeof(text),
                   "{\"ok\": 1, \"cursor\": {\"id\": {\"$numberLong\": \"%lld\"}, \"ns\": \"d.c\", "
                   "\"%s\": [%s]}}",
                   (long long)cursor_id, batch, odm_json(documents));
    mock_reply(o->f->mock, command, text);
}

void odm_reply_find(odm_fixture_t *o, int64_t cursor_id, const char *documents)
{
    reply(o, "find", "firstBatch", cursor_id, documents);
}

void odm_reply_more(odm_fixture_t *o, int64_t cursor_id, const char *documents)
{
    reply(o, "getMore", "nextBatch", cursor_id, documents);
}

muv_oid_t odm_oid(unsigned byte)
{
    muv_oid_t oid;

    memset(oid.bytes, (int)byte, sizeof(oid.bytes));
    return oid;
}
