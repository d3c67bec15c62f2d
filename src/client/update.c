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

    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
    muv__write_document(buf, MUV__KEY("let"), opts->let);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
    muv__statement_list_write(buf, MUV__KEY("updates"), statement, muv__update_statement_write);
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
    statement->array_filters = opts->array_filters;
    statement->sort = opts->sort;
    statement->collation = opts->collation;
    statement->hint = opts->hint;
    statement->hint_document = opts->hint_document;
    statement->upsert = opts->upsert;
    status = muv__statement_begin(collection, &common, statement, muv__span(MUV__KEY("update")),
                                  statement->multi ? deliver_many : deliver_one, &op);
    if (status != 0) {
        return status;
    }
    op->cb.write = cb;
    op->data = data;
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
