/* SPDX-License-Identifier: Apache-2.0 */
/* The trampoline: gives events to an operation's machine and carries out its effects. A result that
 * is there at once (server known, connection idle) is simply the next event: no recursion. */
#include "client/client_inner.h"

#include "base/assert.h"
#include "base/error.h"
#include "op/tail.h"

/* The command could not be encoded for this connection. */
static muv__op_event_t refuse_to_send(muv_op_t *op, int code)
{
    (void)muv__error_code(&op->error, code);
    muv__op_name_host(op);
    return MUV__OP_ON_UNSENT;
}

/* The limits are those of this very connection. */
static int is_too_large(const muv__conn_limits_t *limits, const muv__message_t *message)
{
    size_t command_size = message->parts[0].size;
    size_t documents_size = message->count > 1 ? message->parts[1].size : 0;

    return command_size >
               (size_t)limits->max_bson_size + MUV__COMMAND_OVERHEAD + MUV__MSG_SECTIONS_AT ||
           command_size + documents_size > limits->max_message_size;
}

/* Append the tail, patch lengths and request id, write. */
static muv__op_event_t send(muv_op_t *op)
{
    muv_client_t *client = op->client;
    muv__command_t *command = &op->outgoing->command;
    uint32_t flags = op->unacknowledged ? (uint32_t)MUV__MSG_MORE_TO_COME : 0;
    int32_t request_id = muv__conn_next_request_id(&client->context);
    muv__conn_t *conn = &op->conn->conn;
    muv__message_t message;
    int status;

    if (op->machine.attempts > 1) {
        muv__command_rewind(command);
    }
    muv__tail_write(&command->buf, op->concerns, op->tail, (muv__tail_preference_t)op->preference);
    if (MUV__UNLIKELY(op->prepare != NULL) && op->prepare(op) != 0) {
        muv__op_name_host(op);
        return MUV__OP_ON_UNSENT;
    }
    status = muv__command_finish(command, request_id, flags,
                                 op->has_sequence ? &op->sequence : NULL, &message);
    if (MUV__UNLIKELY(status != 0)) {
        return refuse_to_send(op, status);
    }
    if (MUV__UNLIKELY(is_too_large(&conn->limits, &message))) {
        return refuse_to_send(op, MUV_ETOOLARGE);
    }
    status = muv__conn_send(conn, op->outgoing, &message, request_id, flags);
    if (MUV__UNLIKELY(status < 0)) {
        muv__server_send_failed(op, status);
        return MUV__OP_ON_BROKEN;
    }
    return status == 1 ? MUV__OP_ON_SENT : MUV__OP_ON_NOTHING;
}

static muv__op_event_t carry_out(muv_op_t *op, unsigned effects)
{
    if ((effects & MUV__OP_DO_LEAVE_SELECTION) != 0) {
        muv__select_leave(op);
    }
    if ((effects & MUV__OP_DO_LEAVE_QUEUE) != 0) {
        muv__server_leave_queue(op->server, op,
                                op->error.code == MUV_EWAITQUEUE || op->error.code == MUV_ETIMEOUT);
    }
    if ((effects & MUV__OP_DO_ABANDON) != 0) {
        muv__server_abandon(op);
    }
    if ((effects & MUV__OP_DO_CHECK_IN) != 0) {
        muv__server_check_in(op);
    }
    if ((effects & MUV__OP_DO_COMPLETE) != 0) {
        muv__op_complete(op);
        return MUV__OP_ON_NOTHING;
    }
    if ((effects & MUV__OP_DO_SELECT) != 0) {
        return muv__select(op);
    }
    if ((effects & MUV__OP_DO_CHECK_OUT) != 0) {
        return op->outgoing == NULL ? MUV__OP_ON_ENOUGH : muv__server_check_out(op->server, op);
    }
    MUV__ASSERT((effects & MUV__OP_DO_SEND) != 0);
    return send(op);
}

void muv__run(muv_op_t *op, muv__op_event_t event)
{
    do {
        event = carry_out(op, muv__op_step(&op->machine, event));
    } while (event != MUV__OP_ON_NOTHING);
}
