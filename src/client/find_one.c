/* SPDX-License-Identifier: Apache-2.0 */
/* Find at most one document. */
#include "client/read.h"

#include "base/bson_view.h"
#include "base/error.h"

/* cursor.firstBatch[0], or nothing. */
static muv__span_t first_document(muv__span_t cursor)
{
    muv__bson_iter_t iter;
    muv__bson_iter_t item;

    if (cursor.size != 0 && muv__bson_find(cursor.data, cursor.size, "firstBatch", &iter) &&
        muv__bson_iter_child(&iter, &item) && muv__bson_iter_next(&item) &&
        item.type == MUV__BSON_DOCUMENT) {
        return muv__span(item.value, item.value_size);
    }
    return muv__span(NULL, 0);
}

static void deliver_document(muv_op_t *op)
{
    muv__span_t found = muv__span(NULL, 0);
    bson_t view;

    if (op->error.code == 0) {
        if (MUV__UNLIKELY(op->cursor.size == 0)) {
            (void)muv__error_set(&op->error, MUV_EPROTOCOL, "the reply to find has no cursor");
        } else {
            found = first_document(op->cursor);
        }
    }
    if (op->error.code != 0 || found.size == 0) {
        op->cb.document(op, op->error.code != 0 ? &op->error : NULL, NULL, op->data);
        return;
    }
    (void)bson_init_static(&view, found.data, found.size);
    op->cb.document(op, NULL, &view, op->data);
}

/* What find_one has in common with find. */
static muv_find_opts_t widen(const muv_find_one_opts_t *opts)
{
    muv_find_opts_t wide = {
        .projection = opts->projection,
        .sort = opts->sort,
        .skip = opts->skip,
        .limit = 1,
        .single_batch = MUV_YES,
        .hint_document = opts->hint_document,
        .hint = opts->hint,
        .comment = opts->comment,
        .collation = opts->collation,
        .let = opts->let,
        .max = opts->max,
        .min = opts->min,
        .return_key = opts->return_key,
        .show_record_id = opts->show_record_id,
        .allow_partial_results = opts->allow_partial_results,
        .max_time_ms = opts->max_time_ms,
    };

    return wide;
}

/* The common case, spelled out: it is the hot path of many programs. */
static void write_plain(muv__buf_t *buf, const muv_collection_t *collection, const bson_t *filter)
{
    muv__bson_utf8(buf, MUV__KEY("find"), collection->name, collection->name_length);
    muv__bson_document(buf, MUV__KEY("filter"), muv__bson_span(filter));
    muv__bson_int64(buf, MUV__KEY("limit"), 1);
    muv__bson_bool(buf, MUV__KEY("singleBatch"), 1);
}

static int start_find(muv_collection_t *collection, const muv_find_one_opts_t *opts, muv_op_t **ret)
{
    int status = muv__collection_command_new(collection, opts->parent, MUV_COMMAND_READ,
                                             MUV__TAIL_READ_CONCERN | MUV__TAIL_READ_PREFERENCE,
                                             deliver_document, ret);

    if (status == 0) {
        status = muv__command_join(*ret, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(*ret, opts->read_concern, NULL, opts->read_preference);
    }
    return status;
}

int muv_collection_find_one(muv_collection_t *collection, const bson_t *filter,
                            const muv_find_one_opts_t *opts, muv_document_cb cb, void *data,
                            muv_op_t **ret_op)
{
    static const muv_find_one_opts_t defaults = {0};
    muv_find_opts_t wide;
    muv_op_t *op;
    int status = 0;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "cb: it is NULL");
    }
    if (opts != NULL) {
        wide = widen(opts);
        status = muv__find_check(collection->client, &wide);
    }
    if (status == 0) {
        status = start_find(collection, opts == NULL ? &defaults : opts, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.document = cb;
    op->data = data;
    if (opts == NULL) {
        opts = &defaults;
        write_plain(muv__op_buf(op), collection, filter);
    } else {
        op->max_time_ms = opts->max_time_ms;
        muv__find_write(muv__op_buf(op), collection, filter, &wide);
    }
    return muv__command_launch(op, collection->database, collection->database_length,
                               opts->timeout_ms != 0 ? opts->timeout_ms : collection->timeout_ms,
                               ret_op);
}
