/* SPDX-License-Identifier: Apache-2.0 */
/* The trampoline: gives events to an operation's machine and carries out its effects. A result that
 * is there at once (server known, connection idle) is simply the next event: no recursion. */
#include "client/client_inner.h"

#include "base/assert.h"
#include "base/error.h"
#include "client/retry.h"
#include "client/session.h"
#include "op/tail.h"

#define US_PER_MS 1000

#define RARE_EFFECTS                                                                               \
    ((unsigned)MUV__OP_DO_LEAVE_SELECTION | MUV__OP_DO_LEAVE_WAIT | MUV__OP_DO_LEAVE_QUEUE |       \
     MUV__OP_DO_ABANDON)

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

/* maxTimeMS: what is left of timeoutMS when the reply has come back (CSOT: less the smallest round
 * trip seen), or what the options say. Returns 0 when nothing is left. */
static int find_max_time(const muv_op_t *op, int64_t *ret_ms)
{
    int64_t rest_us;
    int64_t rest_ms;
    /* (CSOT: max_time_ms is out of force also under an infinite timeoutMS.) */
    int none = op->max_time_rule == MUV__MAX_TIME_NEVER ||
               (op->has_timeout && op->max_time_rule == MUV__MAX_TIME_REST);

    *ret_ms = none ? 0 : op->max_time_ms;
    if (MUV__LIKELY(!op->has_timeout) || op->due_us == INT64_MAX) {
        return 1;
    }
    rest_us = op->due_us - op->client->context.now_us - muv__rtt_min_us(&op->server->record->rtt);
    rest_ms = rest_us / US_PER_MS;
    if (rest_ms <= 0) {
        return 0;
    }
    if (op->max_time_rule == MUV__MAX_TIME_REST ||
        (op->max_time_rule == MUV__MAX_TIME_AWAIT && rest_ms < op->max_time_ms)) {
        *ret_ms = rest_ms <= INT32_MAX ? rest_ms : 0; /* More is no limit. */
    }
    return 1;
}

/* The number by which servers know the command again, the same for each attempt. */
static int number_command(muv_op_t *op)
{
    const muv__conn_limits_t *limits = &op->conn->conn.limits;

    if (op->server_session != NULL && limits->retryable_writes) {
        if (op->txn_number == 0 && op->client->settings.retry.retry_writes) {
            op->txn_number = ++op->server_session->txn_number;
        }
        return 0;
    }
    if (op->txn_number == 0) {
        op->retry = MUV__RETRY_NONE;
        return 0;
    }
    return muv__error_set(&op->error, MUV_ESERVER,
                          "the server selected for a retry does not support retryable writes");
}

/* Append the tail. Returns 0, or a code with `op->error` filled: then nothing is sent. */
static int write_tail(muv_op_t *op)
{
    muv__tail_t tail = {.concerns = op->concerns,
                        .parts = op->tail,
                        .preference = op->preference,
                        .without_wtimeout = op->has_timeout,
                        .server_api = op->client->context.server_api};
    int status = muv__session_acquire(op);

    if (status == 0 && op->retry == MUV__RETRY_WRITE) {
        status = number_command(op);
    }
    if (status != 0) {
        return status;
    }
    if (!find_max_time(op, &tail.max_time_ms)) {
        return muv__error_set(&op->error, MUV_ETIMEOUT,
                              "timeoutMS would be over before the server could answer");
    }
    tail.txn_number = op->txn_number;
    muv__session_fill_tail(op, &tail);
    muv__tail_write(&op->outgoing->command.buf, &tail);
    return op->prepare != NULL ? op->prepare(op) : 0;
}

static void on_socket_timeout(muv__deadline_t *deadline, int64_t now_us)
{
    muv_op_t *op = MUV__CONTAINER_OF(deadline, muv_op_t, wait_deadline);

    (void)now_us;
    op->socket_wait = 0;
    muv__server_request_timed_out(op);
    muv__run(op, MUV__OP_ON_BROKEN);
}

/* (CSOT: timeoutMS replaces socketTimeoutMS.) */
static void begin_socket_wait(muv_op_t *op)
{
    muv_client_t *client = op->client;

    if (!op->has_timeout) {
        op->socket_wait = 1;
        op->wait_deadline.on_due = on_socket_timeout;
        muv__deadline_set(&client->deadlines, &op->wait_deadline,
                          client->context.now_us + client->settings.socket_timeout_us);
    }
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
    status = write_tail(op);
    if (MUV__UNLIKELY(status != 0)) {
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
    if (MUV__UNLIKELY(client->events != NULL)) {
        muv__events_command_started(op, request_id);
    }
    status = muv__conn_send(conn, op->outgoing, &message, request_id, flags);
    if (MUV__UNLIKELY(status < 0)) {
        muv__server_send_failed(op, status);
        return MUV__OP_ON_BROKEN;
    }
    if (status == 1) {
        return MUV__OP_ON_SENT;
    }
    if (MUV__UNLIKELY(client->settings.socket_timeout_us != INT64_MAX)) {
        begin_socket_wait(op);
    }
    return MUV__OP_ON_NOTHING;
}

/* Effects that only the end by STOP and retries have. */
static void carry_out_rare(muv_op_t *op, unsigned effects)
{
    if ((effects & MUV__OP_DO_LEAVE_SELECTION) != 0) {
        muv__events_tell_selection(op, MUV__EVENT_SELECTION_FAILED, op->error.message);
        muv__select_leave(op);
    }
    if ((effects & MUV__OP_DO_LEAVE_WAIT) != 0) {
        muv__deadline_cancel(&op->client->deadlines, &op->wait_deadline);
    }
    if ((effects & MUV__OP_DO_LEAVE_QUEUE) != 0) {
        muv__server_leave_queue(op->server, op,
                                op->error.code == MUV_EWAITQUEUE || op->error.code == MUV_ETIMEOUT);
    }
    if ((effects & MUV__OP_DO_ABANDON) != 0) {
        muv__server_abandon(op);
    }
}

static muv__op_event_t carry_out(muv_op_t *op, unsigned effects)
{
    if (MUV__UNLIKELY((effects & RARE_EFFECTS) != 0)) {
        carry_out_rare(op, effects);
    }
    if ((effects & MUV__OP_DO_COMPLETE) != 0 && op->server_session != NULL) {
        muv__session_leave(op); /* Whom the connection is given to can have the session, too. */
    }
    if ((effects & MUV__OP_DO_CHECK_IN) != 0) {
        muv__server_check_in(op);
    }
    if (MUV__UNLIKELY((effects & MUV__OP_DO_RETRY) != 0)) {
        muv__op_retry(op);
    }
    if (MUV__UNLIKELY((effects & MUV__OP_DO_BACK_OFF) != 0)) {
        muv__op_back_off(op);
        return MUV__OP_ON_NOTHING;
    }
    if ((effects & MUV__OP_DO_COMPLETE) != 0) {
        muv__op_complete(op);
        return MUV__OP_ON_NOTHING;
    }
    if ((effects & MUV__OP_DO_SELECT) != 0) {
        return muv__select(op);
    }
    if (MUV__UNLIKELY((effects & MUV__OP_DO_LOG_IN) != 0)) {
        muv__op_log_in_again(op);
        return MUV__OP_ON_NOTHING;
    }
    if ((effects & MUV__OP_DO_CHECK_OUT) != 0) {
        return op->outgoing == NULL ? MUV__OP_ON_ENOUGH : muv__server_check_out(op->server, op);
    }
    MUV__ASSERT((effects & MUV__OP_DO_SEND) != 0);
    return send(op);
}

static void end_socket_wait(muv_op_t *op)
{
    op->socket_wait = 0;
    muv__deadline_cancel(&op->client->deadlines, &op->wait_deadline);
}

void muv__run(muv_op_t *op, muv__op_event_t event)
{
    if (MUV__UNLIKELY(op->socket_wait)) {
        end_socket_wait(op);
    }
    do {
        if (MUV__UNLIKELY(op->watch != NULL)) {
            muv__events_command_ended(op, event);
        }
        if (MUV__UNLIKELY(op->error.code != 0) && event != MUV__OP_ON_STOP) {
            muv__op_judge(op, event);
        }
        event = carry_out(op, muv__op_step(&op->machine, event));
    } while (event != MUV__OP_ON_NOTHING);
}
