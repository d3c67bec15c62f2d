/* SPDX-License-Identifier: Apache-2.0 */
/* Drop a collection. */
#include "client/ddl.h"

static void deliver(muv_op_t *op)
{
    muv__write_take_concern_error(op);
    if (op->error.server_code == MUV__CODE_NAMESPACE_NOT_FOUND && op->error.code == MUV_ESERVER) {
        op->error.code = 0;
    }
    if (op->cb.done != NULL) {
        op->cb.done(op, op->error.code != 0 ? &op->error : NULL, op->data);
    }
}

int muv_collection_drop(muv_collection_t *collection, const muv_ddl_opts_t *opts, muv_done_cb cb,
                        void *data, muv_op_t **ret_op)
{
    static const muv_ddl_opts_t defaults = {0};
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    if (opts->max_time_ms != 0) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "max_time_ms: not for drop");
    }
    status = muv__ddl_begin(collection, opts, muv__span(MUV__KEY("drop")), MUV__TAIL_WRITE_CONCERN,
                            deliver, &op);
    if (status != 0) {
        return status;
    }
    op->cb.done = cb;
    op->data = data;
    return muv__ddl_launch(collection, opts, op, ret_op);
}
