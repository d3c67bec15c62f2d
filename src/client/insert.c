/* SPDX-License-Identifier: Apache-2.0 */
/* Insert one document. */
#include "client/write.h"

/* The document is looked up where it was sent from. */
static int find_sent_id(const muv__write_outcome_t *outcome, size_t index, muv_bson_value_t *ret)
{
    const muv_op_t *op = outcome->ids;
    muv__span_t body = muv__command_body(&op->outgoing->command);
    muv__bson_iter_t iter;
    muv__bson_iter_t item;

    return index == 0 && muv__bson_find(body.data, body.size, "documents", &iter) &&
           muv__bson_iter_child(&iter, &item) && muv__bson_iter_next(&item) &&
           muv__document_id(muv__span(item.value, item.value_size), ret);
}

static void deliver_insert_one(muv_op_t *op)
{
    muv__write_deliver_single(op, MUV__COUNTS_INSERTED, 1, find_sent_id);
}

/* Returns 0 or MUV_EBSON. */
static int write_insert(muv_op_t *op, const bson_t *document, const muv_insert_one_opts_t *opts)
{
    muv__buf_t *buf = muv__op_buf(op);
    muv__bson_mark_t list;
    muv__bson_mark_t item;
    int status;

    muv__bson_bool(buf, MUV__KEY("ordered"), 1);
    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
    list = muv__bson_begin_array(buf, MUV__KEY("documents"));
    item = muv__bson_begin_document(buf, MUV__KEY("0"));
    status = muv__write_with_id(buf, muv__bson_span(document), op->client);
    muv__bson_end(buf, item);
    muv__bson_end(buf, list);
    return status;
}

int muv_collection_insert_one(muv_collection_t *collection, const bson_t *document,
                              const muv_insert_one_opts_t *opts, muv_write_cb cb, void *data,
                              muv_op_t **ret_op)
{
    static const muv_insert_one_opts_t defaults = {0};
    muv__write_common_t common;
    const char *complaint;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    common =
        (muv__write_common_t){opts->timeout_ms, opts->parent, opts->write_concern, opts->session};
    complaint = document == NULL ? "document: it is NULL"
                                 : muv__check_wrapped(opts->comment, "comment: not one element");
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__object_ids_begin(collection->client);
    if (status == 0) {
        status = muv__write_begin(collection, &common, muv__span(MUV__KEY("insert")),
                                  deliver_insert_one, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.write = cb;
    op->data = data;
    if (write_insert(op, document, opts) != 0) {
        return muv__command_abort(op, MUV_EINVAL, "document: it is malformed");
    }
    return muv__write_launch(collection, &common, op, ret_op);
}
