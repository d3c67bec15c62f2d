/* SPDX-License-Identifier: Apache-2.0 */
/* Counting documents: by an aggregation that looks at them, or by the collection's metadata. */
#include "client/read.h"

#include "base/bson_view.h"
#include "base/error.h"

/* --- replies -----------------------------------------------------------------------------------*/

static void call_back(muv_op_t *op, int64_t count)
{
    if (op->error.code != 0) {
        op->cb.count(op, &op->error, 0, op->data);
    } else {
        op->cb.count(op, NULL, count, op->data);
    }
}

static int read_n(muv__span_t document, int64_t *ret)
{
    muv__bson_iter_t iter;

    return muv__bson_find(document.data, document.size, "n", &iter) &&
           iter.type != MUV__BSON_BOOL && muv__bson_iter_as_int64(&iter, ret) && *ret >= 0;
}

/* The only document of the batch; none when nothing matched (CRUD: countDocuments). */
static int read_counted(muv__span_t cursor, int64_t *ret)
{
    muv__bson_iter_t iter;
    muv__bson_iter_t item;

    if (cursor.size == 0 || !muv__bson_find(cursor.data, cursor.size, "firstBatch", &iter) ||
        iter.type != MUV__BSON_ARRAY || !muv__bson_iter_child(&iter, &item)) {
        return 0;
    }
    if (!muv__bson_iter_next(&item)) {
        *ret = 0;
        return 1;
    }
    return item.type == MUV__BSON_DOCUMENT && read_n(muv__span(item.value, item.value_size), ret);
}

static void deliver_counted(muv_op_t *op)
{
    int64_t count = 0;

    if (op->error.code == 0 && !read_counted(op->cursor, &count)) {
        (void)muv__error_set(&op->error, MUV_EPROTOCOL, "the reply holds no count");
    }
    call_back(op, count);
}

static void deliver_estimated(muv_op_t *op)
{
    int64_t count = 0;

    if (op->error.code == 0 && !read_n(op->reply.body, &count)) {
        (void)muv__error_set(&op->error, MUV_EPROTOCOL, "the reply holds no count");
    }
    call_back(op, count);
}

/* --- countDocuments ----------------------------------------------------------------------------*/

static int new_count(const muv__target_t *target, const muv_count_opts_t *opts,
                     muv__deliver_t deliver, muv_op_t **ret)
{
    int status =
        muv__target_command_new(target, opts->parent, MUV_COMMAND_READ,
                                MUV__TAIL_READ_CONCERN | MUV__TAIL_READ_PREFERENCE, deliver, ret);

    if (status == 0) {
        (*ret)->max_time_ms = opts->max_time_ms;
        status = muv__command_join(*ret, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(*ret, opts->read_concern, NULL, opts->read_preference);
    }
    return status;
}

static muv__read_fields_t fields_of(const muv_count_opts_t *opts)
{
    muv__read_fields_t fields = {
        .hint = opts->hint,
        .hint_document = opts->hint_document,
        .comment = opts->comment,
        .collation = opts->collation,
        .max_time_ms = opts->max_time_ms,
    };

    return fields;
}

static int check_count(muv_client_t *client, const muv_count_opts_t *opts)
{
    muv__read_fields_t fields = fields_of(opts);
    int status = muv__read_fields_check(client, &fields);

    if (status == 0) {
        status = muv__check_not_negative(client, "skip", opts->skip);
    }
    return status != 0 ? status : muv__check_not_negative(client, "limit", opts->limit);
}

static void write_number_stage(muv__buf_t *buf, uint32_t *index, const char *key, size_t length,
                               int64_t value)
{
    char index_key[11];
    size_t index_length;
    muv__bson_mark_t stage;

    if (value > 0) {
        index_length = muv__bson_index_key(index_key, (*index)++);
        stage = muv__bson_begin_document(buf, index_key, index_length);
        muv__bson_int64(buf, key, length, value);
        muv__bson_end(buf, stage);
    }
}

/* $match, [$skip], [$limit], $group with one document {n}. */
static void write_pipeline(muv__buf_t *buf, const bson_t *filter, const muv_count_opts_t *opts)
{
    char index_key[11];
    uint32_t index = 1;
    muv__bson_mark_t pipeline = muv__bson_begin_array(buf, MUV__KEY("pipeline"));
    muv__bson_mark_t stage = muv__bson_begin_document(buf, MUV__KEY("0"));
    muv__bson_mark_t group;
    muv__bson_mark_t sum;

    muv__bson_document(buf, MUV__KEY("$match"), muv__bson_span(filter));
    muv__bson_end(buf, stage);
    write_number_stage(buf, &index, MUV__KEY("$skip"), opts->skip);
    write_number_stage(buf, &index, MUV__KEY("$limit"), opts->limit);
    stage = muv__bson_begin_document(buf, index_key, muv__bson_index_key(index_key, index));
    group = muv__bson_begin_document(buf, MUV__KEY("$group"));
    muv__bson_int32(buf, MUV__KEY("_id"), 1);
    sum = muv__bson_begin_document(buf, MUV__KEY("n"));
    muv__bson_int32(buf, MUV__KEY("$sum"), 1);
    muv__bson_end(buf, sum);
    muv__bson_end(buf, group);
    muv__bson_end(buf, stage);
    muv__bson_end(buf, pipeline);
    muv__bson_end(buf, muv__bson_begin_document(buf, MUV__KEY("cursor")));
}

int muv_collection_count_documents(muv_collection_t *collection, const bson_t *filter,
                                   const muv_count_opts_t *opts, muv_count_cb cb, void *data,
                                   muv_op_t **ret_op)
{
    static const muv_count_opts_t defaults = {0};
    muv__read_fields_t fields;
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "cb: it is NULL");
    }
    opts = opts == NULL ? &defaults : opts;
    target = muv__target_of_collection(collection);
    status = check_count(target.client, opts);
    if (status == 0) {
        status = new_count(&target, opts, deliver_counted, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.count = cb;
    op->data = data;
    fields = fields_of(opts);
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("aggregate"), target.collection,
                   target.collection_length);
    write_pipeline(muv__op_buf(op), filter, opts);
    muv__read_fields_write(muv__op_buf(op), &fields);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}

/* --- estimatedDocumentCount --------------------------------------------------------------------*/

int muv_collection_estimated_document_count(muv_collection_t *collection,
                                            const muv_estimated_count_opts_t *opts, muv_count_cb cb,
                                            void *data, muv_op_t **ret_op)
{
    static const muv_estimated_count_opts_t defaults = {0};
    muv_count_opts_t wide;
    muv__read_fields_t fields;
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "cb: it is NULL");
    }
    opts = opts == NULL ? &defaults : opts;
    wide = (muv_count_opts_t){.comment = opts->comment,
                              .max_time_ms = opts->max_time_ms,
                              .parent = opts->parent,
                              .session = opts->session,
                              .read_concern = opts->read_concern,
                              .read_preference = opts->read_preference};
    target = muv__target_of_collection(collection);
    status = check_count(target.client, &wide);
    if (status == 0) {
        status = new_count(&target, &wide, deliver_estimated, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.count = cb;
    op->data = data;
    fields = fields_of(&wide);
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("count"), target.collection, target.collection_length);
    muv__read_fields_write(muv__op_buf(op), &fields);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}
