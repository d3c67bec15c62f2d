/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregation pipelines on collections and databases. */
#include "client/read.h"

#include "base/bson_view.h"

/* Look at all stages. Returns 0, or MUV_EINVAL with the refusal noted; `ret_output` says whether
 * the last one writes ($out, $merge). */
static int check_pipeline(muv_client_t *client, const bson_t *pipeline, int *ret_output)
{
    muv__bson_iter_t iter;
    muv__bson_iter_t stage;

    *ret_output = 0;
    if (pipeline == NULL) {
        return 0;
    }
    (void)muv__bson_iter_init(&iter, bson_get_data(pipeline), pipeline->len);
    while (muv__bson_iter_next(&iter)) {
        if (iter.type != MUV__BSON_DOCUMENT || !muv__bson_iter_child(&iter, &stage)) {
            iter.bad = 1;
            break;
        }
        *ret_output = muv__bson_iter_next(&stage) &&
                      (MUV__BSON_KEY_IS(&stage, "$out") || MUV__BSON_KEY_IS(&stage, "$merge"));
    }
    return iter.bad ? muv__client_refuse(client, MUV_EINVAL, "pipeline: not an array of documents")
                    : 0;
}

static muv__read_fields_t fields_of(const muv_aggregate_opts_t *opts)
{
    muv__read_fields_t fields = {
        .hint = opts->hint,
        .hint_document = opts->hint_document,
        .comment = opts->comment,
        .collation = opts->collation,
        .let = opts->let,
        .max_time_ms = opts->max_time_ms,
    };

    return fields;
}

static int check_options(muv_client_t *client, const muv_aggregate_opts_t *opts)
{
    muv__read_fields_t fields = fields_of(opts);
    int status = muv__read_fields_check(client, &fields);

    if (status == 0) {
        status = muv__check_batch_size(client, opts->batch_size);
    }
    if (status == 0) {
        status = muv__check_not_negative(client, "max_await_time_ms", opts->max_await_time_ms);
    }
    return status;
}

/* A batch size of 0 would end the command before $out or $merge has written anything. */
static void write_cursor(muv__buf_t *buf, int32_t batch_size, int output)
{
    muv__bson_mark_t mark = muv__bson_begin_document(buf, MUV__KEY("cursor"));

    if (batch_size > 0 || (batch_size == MUV_ZERO && !output)) {
        muv__bson_int32(buf, MUV__KEY("batchSize"), batch_size == MUV_ZERO ? 0 : batch_size);
    }
    muv__bson_end(buf, mark);
}

static void write_aggregate(muv__buf_t *buf, const muv__target_t *target, const bson_t *pipeline,
                            const muv_aggregate_opts_t *opts, int output)
{
    muv__read_fields_t fields = fields_of(opts);

    if (target->collection != NULL) {
        muv__bson_utf8(buf, MUV__KEY("aggregate"), target->collection, target->collection_length);
    } else {
        muv__bson_int32(buf, MUV__KEY("aggregate"), 1);
    }
    muv__bson_array(buf, MUV__KEY("pipeline"), muv__bson_span(pipeline));
    write_cursor(buf, opts->batch_size, output);
    muv__read_fields_write(buf, &fields);
    muv__write_flag(buf, MUV__KEY("allowDiskUse"), opts->allow_disk_use);
    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
}

/* The read preference of a pipeline that writes is looked at in selection: see `op->output`. */
static int new_aggregate(const muv__target_t *target, const muv_aggregate_opts_t *opts, int output,
                         muv_op_t **ret)
{
    unsigned tail = output ? MUV__TAIL_READ_CONCERN | MUV__TAIL_WRITE_CONCERN
                           : MUV__TAIL_READ_CONCERN | MUV__TAIL_READ_PREFERENCE;
    uint8_t kind = output ? MUV_COMMAND_WRITE : MUV_COMMAND_READ;
    int status =
        muv__target_command_new(target, opts->parent, kind, tail, muv__cursor_deliver, ret);

    if (status == 0) {
        (*ret)->output = output != 0;
        (*ret)->max_time_ms = opts->max_time_ms;
        status = muv__command_join(*ret, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(*ret, opts->read_concern,
                                       output ? opts->write_concern : NULL, opts->read_preference);
    }
    return status;
}

static int start(const muv__target_t *target, const bson_t *pipeline,
                 const muv_aggregate_opts_t *opts, muv_cursor_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_aggregate_opts_t defaults = {0};
    muv__cursor_config_t config = {0};
    muv_op_t *op;
    int output;
    int status;

    if (cb == NULL) {
        return muv__client_refuse(target->client, MUV_EINVAL, "cb: it is NULL");
    }
    opts = opts == NULL ? &defaults : opts;
    status = check_pipeline(target->client, pipeline, &output);
    if (status == 0) {
        status = check_options(target->client, opts);
    }
    if (status == 0) {
        status = new_aggregate(target, opts, output, &op);
    }
    if (status == 0) {
        config.batch_size = opts->batch_size;
        config.max_await_time_ms = opts->max_await_time_ms;
        config.comment = opts->comment;
        config.timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : target->timeout_ms;
        config.timeout_mode = opts->timeout_mode;
        status = muv__cursor_attach(op, &config);
    }
    if (status != 0) {
        return status;
    }
    op->cb.cursor = cb;
    op->data = data;
    write_aggregate(muv__op_buf(op), target, pipeline, opts, output);
    return muv__target_command_launch(target, op, opts->timeout_ms, ret_op);
}

int muv_collection_aggregate(muv_collection_t *collection, const bson_t *pipeline,
                             const muv_aggregate_opts_t *opts, muv_cursor_cb cb, void *data,
                             muv_op_t **ret_op)
{
    muv__target_t target;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    target = muv__target_of_collection(collection);
    return start(&target, pipeline, opts, cb, data, ret_op);
}

int muv_database_aggregate(muv_database_t *database, const bson_t *pipeline,
                           const muv_aggregate_opts_t *opts, muv_cursor_cb cb, void *data,
                           muv_op_t **ret_op)
{
    muv__target_t target;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    target = muv__target_of_database(database);
    return start(&target, pipeline, opts, cb, data, ret_op);
}
