/* SPDX-License-Identifier: Apache-2.0 */
/* Delete documents with one statement. */
#include "client/write.h"

static void deliver_one(muv_op_t *op)
{
    muv__write_deliver_single(op, MUV__COUNTS_DELETED, 1, NULL);
}

static void deliver_many(muv_op_t *op)
{
    muv__write_deliver_single(op, MUV__COUNTS_DELETED, INT64_MAX, NULL);
}

static void write_delete(muv_op_t *op, const muv__statement_t *statement,
                         const muv_delete_opts_t *opts)
{
    muv__buf_t *buf = muv__op_buf(op);

    muv__write_document(buf, MUV__KEY("let"), opts->let);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
    muv__statement_list_write(buf, MUV__KEY("deletes"), statement, muv__delete_statement_write);
}

static int start_delete(muv_collection_t *collection, muv__statement_t *statement,
                        const muv_delete_opts_t *opts, muv_write_cb cb, void *data,
                        muv_op_t **ret_op)
{
    muv__write_common_t common = {opts->timeout_ms, opts->parent, opts->write_concern,
                                  opts->session};
    const char *complaint = muv__check_hint(opts->hint, opts->hint_document);
    muv_op_t *op;
    int status;

    if (complaint == NULL) {
        complaint = statement->filter == NULL
                        ? "filter: it is NULL"
                        : muv__check_wrapped(opts->comment, "comment: not one element");
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    statement->collation = opts->collation;
    statement->hint = opts->hint;
    statement->hint_document = opts->hint_document;
    status = muv__statement_begin(collection, &common, statement, muv__span(MUV__KEY("delete")),
                                  statement->multi ? deliver_many : deliver_one, &op);
    if (status != 0) {
        return status;
    }
    op->cb.write = cb;
    op->data = data;
    write_delete(op, statement, opts);
    return muv__write_launch(collection, &common, op, ret_op);
}

static const muv_delete_opts_t defaults = {0};

int muv_collection_delete_one(muv_collection_t *collection, const bson_t *filter,
                              const muv_delete_opts_t *opts, muv_write_cb cb, void *data,
                              muv_op_t **ret_op)
{
    muv__statement_t statement = {.filter = filter};

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    return start_delete(collection, &statement, opts == NULL ? &defaults : opts, cb, data, ret_op);
}

int muv_collection_delete_many(muv_collection_t *collection, const bson_t *filter,
                               const muv_delete_opts_t *opts, muv_write_cb cb, void *data,
                               muv_op_t **ret_op)
{
    muv__statement_t statement = {.filter = filter, .multi = 1};

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    return start_delete(collection, &statement, opts == NULL ? &defaults : opts, cb, data, ret_op);
}
