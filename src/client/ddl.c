/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on indexes and collections: beginning, starting, ending. */
#include "client/ddl.h"

int muv__ddl_begin(muv_collection_t *collection, const muv_ddl_opts_t *opts, muv__span_t name,
                   unsigned tail, muv__deliver_t deliver, muv_op_t **ret)
{
    const char *complaint = muv__check_wrapped(opts->comment, "comment: not one element");
    muv_op_t *op;
    int status;

    if (complaint == NULL && opts->max_time_ms < 0) {
        complaint = "max_time_ms: it is negative";
    }
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__collection_command_new(collection, opts->parent,
                                         tail == 0 ? MUV_COMMAND_READ : MUV_COMMAND_WRITE, tail,
                                         deliver, &op);
    if (status == 0) {
        op->max_time_ms = opts->max_time_ms;
        status = muv__command_join(op, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(op, NULL, opts->write_concern, NULL);
    }
    if (status != 0) {
        return status;
    }
    muv__bson_utf8(muv__op_buf(op), (const char *)name.data, name.size, collection->name,
                   collection->name_length);
    *ret = op;
    return 0;
}

int muv__ddl_launch(muv_collection_t *collection, const muv_ddl_opts_t *opts, muv_op_t *op,
                    muv_op_t **ret_op)
{
    muv__write_common_t common = {opts->timeout_ms, opts->parent, opts->write_concern,
                                  opts->session};

    muv__write_wrapped(muv__op_buf(op), MUV__KEY("comment"), opts->comment);
    return muv__write_launch(collection, &common, op, ret_op);
}

void muv__ddl_deliver_reply(muv_op_t *op)
{
    const muv_error_t *error;

    muv__write_take_concern_error(op);
    error = op->error.code != 0 ? &op->error : NULL;
    if (op->cb.reply != NULL) {
        op->cb.reply(op, error, error == NULL ? &op->reply : NULL, op->data);
    }
}
