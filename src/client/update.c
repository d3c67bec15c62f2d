/* SPDX-License-Identifier: Apache-2.0 */
/* Update or replace documents with one statement. */
#include "client/write.h"

static void deliver_one(muv_op_t *op)
{
    muv__write_deliver_single(op, MUV__COUNTS_UPDATED, 1, NULL);
}

static void deliver_many(muv_op_t *op)
{
    muv__write_deliver_single(op, MUV__COUNTS_UPDATED, INT64_MAX, NULL);
}

static void write_update(muv_op_t *op, const muv__statement_t *statement,
                         const muv_update_opts_t *opts)
{
    muv__buf_t *buf = muv__op_buf(op);
    muv__bson_mark_t list;
    muv__bson_mark_t item;

    muv__bson_bool(buf, MUV__KEY("ordered"), 1);
    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
    muv__write_document(buf, MUV__KEY("let"), opts->let);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
    list = muv__bson_begin_array(buf, MUV__KEY("updates"));
    item = muv__bson_begin_document(buf, MUV__KEY("0"));
    muv__update_statement_write(buf, statement);
    muv__bson_end(buf, item);
    muv__bson_end(buf, list);
}

static int start_update(muv_collection_t *collection, muv__statement_t *statement,
                        const muv_update_opts_t *opts, muv_write_cb cb, void *data,
                        muv_op_t **ret_op)
{
    muv__write_common_t common = {opts->timeout_ms, opts->parent, opts->write_concern,
                                  opts->session};
    const char *complaint = muv__check_hint(opts->hint, opts->hint_document);
    muv_op_t *op;
    int status;

    if (complaint == NULL) {
        complaint = muv__check_wrapped(opts->comment, "comment: not one element");
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__write_begin(collection, &common, muv__span(MUV__KEY("update")),
                              statement->multi ? deliver_many : deliver_one, &op);
    if (status != 0) {
        return status;
    }
    op->cb.write = cb;
    op->data = data;
    if (statement->multi) {
        muv__write_is_multi(op);
    }
    muv__write_guard_hint(op, opts->hint, opts->hint_document);
    statement->array_filters = opts->array_filters;
    statement->sort = opts->sort;
    statement->collation = opts->collation;
    statement->hint = opts->hint;
    statement->hint_document = opts->hint_document;
    statement->upsert = opts->upsert;
    write_update(op, statement, opts);
    return muv__write_launch(collection, &common, op, ret_op);
}

static const muv_update_opts_t defaults = {0};

int muv_collection_update_one(muv_collection_t *collection, const bson_t *filter,
                              const bson_t *update, const muv_update_opts_t *opts, muv_write_cb cb,
                              void *data, muv_op_t **ret_op)
{
    muv__statement_t statement = {.filter = filter, .update = update};
    const char *complaint;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    complaint = muv__check_update(update, &statement.pipeline);
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    return start_update(collection, &statement, opts == NULL ? &defaults : opts, cb, data, ret_op);
}

int muv_collection_update_many(muv_collection_t *collection, const bson_t *filter,
                               const bson_t *update, const muv_update_opts_t *opts, muv_write_cb cb,
                               void *data, muv_op_t **ret_op)
{
    muv__statement_t statement = {.filter = filter, .update = update, .multi = 1};
    const char *complaint;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    complaint = muv__check_update(update, &statement.pipeline);
    if (complaint == NULL && opts->sort != NULL) {
        complaint = "sort: only for one document";
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    return start_update(collection, &statement, opts, cb, data, ret_op);
}

int muv_collection_replace_one(muv_collection_t *collection, const bson_t *filter,
                               const bson_t *replacement, const muv_update_opts_t *opts,
                               muv_write_cb cb, void *data, muv_op_t **ret_op)
{
    muv__statement_t statement = {.filter = filter, .update = replacement};
    const char *complaint;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    complaint = muv__check_replacement(replacement);
    if (complaint == NULL && opts->array_filters != NULL) {
        complaint = "array_filters: not for replacements";
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    return start_update(collection, &statement, opts, cb, data, ret_op);
}
