/* SPDX-License-Identifier: Apache-2.0 */
/* muv_client_connect(): an operation that ends when a server can be selected. */
#include "client/read.h"

static void deliver_connected(muv_op_t *op)
{
    if (op->cb.done != NULL) {
        op->cb.done(op, op->error.code != 0 ? &op->error : NULL, op->data);
    }
}

int muv_client_connect(muv_client_t *client, const muv_connect_opts_t *opts, muv_done_cb cb,
                       void *data, muv_op_t **ret_op)
{
    static const muv_connect_opts_t defaults = {0};
    muv_op_t *op;
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    status = muv__check_timeout(client, opts->timeout_ms);
    if (status == 0) {
        status = muv__op_new(client, opts->parent, deliver_connected, &op);
    }
    if (status != 0) {
        return status;
    }
    op->kind = MUV_COMMAND_READ;
    op->concerns = muv__concerns_retain(client->concerns);
    op->tail = MUV__TAIL_READ_PREFERENCE;
    op->cb.done = cb;
    op->data = data;
    muv__op_set_timeout(op, opts->timeout_ms);
    if (ret_op != NULL) {
        *ret_op = op;
    }
    muv__run(op, MUV__OP_ON_START);
    muv__client_wake(client);
    return 0;
}
