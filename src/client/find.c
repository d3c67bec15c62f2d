/* SPDX-License-Identifier: Apache-2.0 */
/* Find documents: a command whose reply opens a cursor. */
#include "client/read.h"

static muv__cursor_config_t config_of(const muv_collection_t *collection,
                                      const muv_find_opts_t *opts)
{
    muv__cursor_config_t config = {
        .batch_size = opts->batch_size,
        .max_await_time_ms = opts->max_await_time_ms,
        .comment = opts->comment,
        .timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : collection->timeout_ms,
        .timeout_mode = opts->timeout_mode,
        .tailable = opts->tailable == MUV_YES,
        .await_data = opts->await_data == MUV_YES,
    };

    return config;
}

int muv_collection_find(muv_collection_t *collection, const bson_t *filter,
                        const muv_find_opts_t *opts, muv_cursor_cb cb, void *data,
                        muv_op_t **ret_op)
{
    static const muv_find_opts_t defaults = {0};
    muv__cursor_config_t config;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "cb: it is NULL");
    }
    opts = opts == NULL ? &defaults : opts;
    status = muv__find_check(collection->client, opts);
    if (status == 0) {
        status = muv__collection_command_new(collection, opts->parent, MUV_COMMAND_READ,
                                             MUV__TAIL_READ_CONCERN | MUV__TAIL_READ_PREFERENCE,
                                             muv__cursor_deliver, &op);
    }
    if (status == 0) {
        status = muv__command_join(op, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(op, opts->read_concern, NULL, opts->read_preference);
    }
    if (status == 0) {
        config = config_of(collection, opts);
        status = muv__cursor_attach(op, &config);
    }
    if (status != 0) {
        return status;
    }
    op->cb.cursor = cb;
    op->data = data;
    op->max_time_ms = opts->max_time_ms;
    muv__find_write(muv__op_buf(op), collection, filter, opts);
    return muv__command_launch(op, collection->database, collection->database_length,
                               opts->timeout_ms != 0 ? opts->timeout_ms : collection->timeout_ms,
                               ret_op);
}
