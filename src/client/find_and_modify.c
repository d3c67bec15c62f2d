/* SPDX-License-Identifier: Apache-2.0 */
/* findAndModify in its three forms. */
#include "muv/find_and_modify.h"

#include "client/write.h"

/* What is done to the document that is found. */
typedef struct change {
    const bson_t *filter;
    const bson_t *update; /* Or the replacement; NULL: it is deleted. */
    int8_t pipeline;
} change_t;

/* --- the end -----------------------------------------------------------------------------------*/

static muv__span_t value_of(muv__span_t body)
{
    muv__bson_iter_t iter;

    if (muv__bson_find(body.data, body.size, "value", &iter) && iter.type == MUV__BSON_DOCUMENT) {
        return muv__span(iter.value, iter.value_size);
    }
    return muv__span(NULL, 0);
}

static void deliver(muv_op_t *op)
{
    muv__span_t found = muv__span(NULL, 0);
    bson_t view;

    if (op->error.code == 0 && op->reply.body.size != 0) {
        found = value_of(op->reply.body);
        muv__write_take_concern_error(op);
    }
    if (found.size != 0) {
        (void)bson_init_static(&view, found.data, found.size);
    }
    op->cb.document(op, op->error.code != 0 ? &op->error : NULL, found.size != 0 ? &view : NULL,
                    op->data);
}

/* --- the start ---------------------------------------------------------------------------------*/

static const char *check(const change_t *change, const muv_find_and_modify_opts_t *opts,
                         muv_document_cb cb)
{
    const char *complaint = muv__check_hint(opts->hint, opts->hint_document);

    if (cb == NULL) {
        return "cb: it is NULL";
    }
    if (opts->return_document != MUV_RETURN_BEFORE && opts->return_document != MUV_RETURN_AFTER) {
        return "return_document: neither MUV_RETURN_BEFORE nor _AFTER";
    }
    if (change->update == NULL &&
        (opts->upsert == MUV_YES || opts->return_document == MUV_RETURN_AFTER)) {
        return "upsert, return_document: not for deletes";
    }
    if (opts->max_time_ms < 0) {
        return "max_time_ms: it is negative";
    }
    return complaint != NULL ? complaint
                             : muv__check_wrapped(opts->comment, "comment: not one element");
}

static void write_change(muv__buf_t *buf, const change_t *change,
                         const muv_find_and_modify_opts_t *opts)
{
    muv__bson_document(buf, MUV__KEY("query"), muv__bson_span(change->filter));
    if (change->update == NULL) {
        muv__bson_bool(buf, MUV__KEY("remove"), 1);
        return;
    }
    if (change->pipeline) {
        muv__bson_array(buf, MUV__KEY("update"), muv__bson_span(change->update));
    } else {
        muv__bson_document(buf, MUV__KEY("update"), muv__bson_span(change->update));
    }
    if (opts->return_document == MUV_RETURN_AFTER) {
        muv__bson_bool(buf, MUV__KEY("new"), 1);
    }
    muv__write_flag(buf, MUV__KEY("upsert"), opts->upsert);
    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
    muv__write_optional_array(buf, MUV__KEY("arrayFilters"), opts->array_filters);
}

static void write_options(muv__buf_t *buf, const muv_find_and_modify_opts_t *opts)
{
    muv__write_document(buf, MUV__KEY("fields"), opts->projection);
    muv__write_document(buf, MUV__KEY("sort"), opts->sort);
    muv__write_hint(buf, opts->hint, opts->hint_document);
    muv__write_document(buf, MUV__KEY("collation"), opts->collation);
    muv__write_document(buf, MUV__KEY("let"), opts->let);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
}

static int start_change(muv_collection_t *collection, const change_t *change,
                        const muv_find_and_modify_opts_t *opts, muv_document_cb cb, void *data,
                        muv_op_t **ret_op)
{
    muv__write_common_t common = {opts->timeout_ms, opts->parent, opts->write_concern,
                                  opts->session};
    const char *complaint = check(change, opts, cb);
    muv_op_t *op;
    int status;

    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status =
        muv__write_begin(collection, &common, muv__span(MUV__KEY("findAndModify")), deliver, &op);
    if (status != 0) {
        return status;
    }
    op->cb.document = cb;
    op->data = data;
    op->max_time_ms = opts->max_time_ms;
    muv__write_guard_hint(op, opts->hint, opts->hint_document);
    write_change(muv__op_buf(op), change, opts);
    write_options(muv__op_buf(op), opts);
    return muv__write_launch(collection, &common, op, ret_op);
}

static const muv_find_and_modify_opts_t defaults = {0};

int muv_collection_find_one_and_update(muv_collection_t *collection, const bson_t *filter,
                                       const bson_t *update, const muv_find_and_modify_opts_t *opts,
                                       muv_document_cb cb, void *data, muv_op_t **ret_op)
{
    change_t change = {.filter = filter, .update = update};
    const char *complaint;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    complaint = muv__check_update(update, &change.pipeline);
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    return start_change(collection, &change, opts == NULL ? &defaults : opts, cb, data, ret_op);
}

int muv_collection_find_one_and_replace(muv_collection_t *collection, const bson_t *filter,
                                        const bson_t *replacement,
                                        const muv_find_and_modify_opts_t *opts, muv_document_cb cb,
                                        void *data, muv_op_t **ret_op)
{
    change_t change = {.filter = filter, .update = replacement};
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
    return start_change(collection, &change, opts, cb, data, ret_op);
}

int muv_collection_find_one_and_delete(muv_collection_t *collection, const bson_t *filter,
                                       const muv_find_and_modify_opts_t *opts, muv_document_cb cb,
                                       void *data, muv_op_t **ret_op)
{
    change_t change = {.filter = filter};
    const char *complaint = NULL;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    if (filter == NULL) {
        complaint = "filter: it is NULL";
    } else if (opts->array_filters != NULL) {
        complaint = "array_filters: not for deletes";
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    return start_change(collection, &change, opts, cb, data, ret_op);
}
