/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct values of a field. */
#include "client/read.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/error.h"

/* The caller sees the array of values as if it were the whole reply; it shares the reply's memory.
 */
static void deliver_values(muv_op_t *op)
{
    muv__bson_iter_t iter;

    if (op->error.code == 0) {
        if (muv__bson_find(op->reply.body.data, op->reply.body.size, "values", &iter) &&
            iter.type == MUV__BSON_ARRAY) {
            op->reply.body = muv__span(iter.value, iter.value_size);
        } else {
            (void)muv__error_set(&op->error, MUV_EPROTOCOL, "the reply to distinct has no values");
        }
    }
    if (op->error.code != 0) {
        op->cb.reply(op, &op->error, NULL, op->data);
    } else {
        op->cb.reply(op, NULL, &op->reply, op->data);
    }
}

static int new_distinct(const muv__target_t *target, const muv_distinct_opts_t *opts,
                        muv_op_t **ret)
{
    int status = muv__target_command_new(target, opts->parent, MUV_COMMAND_READ,
                                         MUV__TAIL_READ_CONCERN | MUV__TAIL_READ_PREFERENCE,
                                         deliver_values, ret);

    if (status == 0) {
        (*ret)->max_time_ms = opts->max_time_ms;
        status = muv__command_join(*ret, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(*ret, opts->read_concern, NULL, opts->read_preference);
    }
    return status;
}

int muv_collection_distinct(muv_collection_t *collection, const char *field, const bson_t *filter,
                            const muv_distinct_opts_t *opts, muv_reply_cb cb, void *data,
                            muv_op_t **ret_op)
{
    static const muv_distinct_opts_t defaults = {0};
    muv__read_fields_t fields;
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL || field == NULL || field[0] == '\0') {
        return muv__client_refuse(collection->client, MUV_EINVAL,
                                  cb == NULL ? "cb: it is NULL" : "field: it is empty");
    }
    opts = opts == NULL ? &defaults : opts;
    fields = (muv__read_fields_t){.hint = opts->hint,
                                  .hint_document = opts->hint_document,
                                  .comment = opts->comment,
                                  .collation = opts->collation,
                                  .max_time_ms = opts->max_time_ms};
    target = muv__target_of_collection(collection);
    status = muv__read_fields_check(target.client, &fields);
    if (status == 0) {
        status = new_distinct(&target, opts, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("distinct"), target.collection,
                   target.collection_length);
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("key"), field, strlen(field));
    muv__bson_document(muv__op_buf(op), MUV__KEY("query"), muv__bson_span(filter));
    muv__read_fields_write(muv__op_buf(op), &fields);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}
