/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of update and delete commands: their checks and their encoding. */
#include "client/write.h"

void muv__update_statement_write(muv__buf_t *buf, const muv__statement_t *statement)
{
    muv__bson_document(buf, MUV__KEY("q"), muv__bson_span(statement->filter));
    if (statement->pipeline) {
        muv__bson_array(buf, MUV__KEY("u"), muv__bson_span(statement->update));
    } else {
        muv__bson_document(buf, MUV__KEY("u"), muv__bson_span(statement->update));
    }
    if (statement->multi) {
        muv__bson_bool(buf, MUV__KEY("multi"), 1);
    }
    muv__write_flag(buf, MUV__KEY("upsert"), statement->upsert);
    muv__write_optional_array(buf, MUV__KEY("arrayFilters"), statement->array_filters);
    muv__write_document(buf, MUV__KEY("sort"), statement->sort);
    muv__write_document(buf, MUV__KEY("collation"), statement->collation);
    muv__write_hint(buf, statement->hint, statement->hint_document);
}

void muv__delete_statement_write(muv__buf_t *buf, const muv__statement_t *statement)
{
    muv__bson_document(buf, MUV__KEY("q"), muv__bson_span(statement->filter));
    muv__bson_int32(buf, MUV__KEY("limit"), statement->multi ? 0 : 1);
    muv__write_document(buf, MUV__KEY("collation"), statement->collation);
    muv__write_hint(buf, statement->hint, statement->hint_document);
}

/* A pipeline is an array of documents: its keys are "0", "1", ... A bson_t does not say whether it
 * is a document or an array. */
static int is_pipeline(muv__bson_iter_t *iter)
{
    char key[11];
    uint32_t index = 0;

    do {
        size_t length = muv__bson_index_key(key, index++);

        if (iter->type != MUV__BSON_DOCUMENT || !muv__bson_iter_key_is(iter, key, length)) {
            return 0;
        }
    } while (muv__bson_iter_next(iter));
    return !iter->bad;
}

const char *muv__check_update(const bson_t *update, int8_t *ret_pipeline)
{
    muv__bson_iter_t iter;

    if (update == NULL || !muv__bson_iter_init(&iter, bson_get_data(update), update->len) ||
        !muv__bson_iter_next(&iter)) {
        return "update: it is empty";
    }
    *ret_pipeline = 0;
    if (iter.key[0] == '$') {
        return NULL;
    }
    *ret_pipeline = (int8_t)is_pipeline(&iter);
    return *ret_pipeline ? NULL : "update: neither update operators ($...) nor a pipeline";
}

const char *muv__check_replacement(const bson_t *replacement)
{
    muv__bson_iter_t iter;

    if (replacement == NULL ||
        !muv__bson_iter_init(&iter, bson_get_data(replacement), replacement->len)) {
        return "replacement: no document";
    }
    if (muv__bson_iter_next(&iter) && iter.key[0] == '$') {
        return "replacement: its first key starts with '$'";
    }
    return iter.bad ? "replacement: no document" : NULL;
}

/* --- starting ----------------------------------------------------------------------------------*/

/* Servers do not number statements that touch several documents (Retryable Writes: supported
 * operations). */
static void note_multi(muv_op_t *op)
{
    op->retry = MUV__RETRY_NONE;
    op->several = 1;
}

int muv__statement_begin(muv_collection_t *collection, const muv__write_common_t *common,
                         const muv__statement_t *statement, muv__span_t name,
                         muv__deliver_t deliver, muv_op_t **ret)
{
    int status = muv__write_begin(collection, common, name, deliver, ret);

    if (status != 0) {
        return status;
    }
    if (statement->multi) {
        note_multi(*ret);
    }
    muv__write_guard_hint(*ret, statement->hint, statement->hint_document);
    muv__bson_bool(muv__op_buf(*ret), MUV__KEY("ordered"), 1);
    return 0;
}

void muv__statement_list_write(muv__buf_t *buf, const char *key, size_t length,
                               const muv__statement_t *statement, muv__statement_write_t write)
{
    muv__bson_mark_t list = muv__bson_begin_array(buf, key, length);
    muv__bson_mark_t item = muv__bson_begin_document(buf, MUV__KEY("0"));

    write(buf, statement);
    muv__bson_end(buf, item);
    muv__bson_end(buf, list);
}
