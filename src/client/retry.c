/* SPDX-License-Identifier: Apache-2.0 */
/* Another attempt, or the end. */
#include "client/retry.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/server_code.h"
#include "client/client_inner.h"

/* MongoDB 4.4. */
#define WIRE_VERSION_LABELS 9

/* --- memory of attempts ------------------------------------------------------------------------*/

/* (Retryable Reads and Writes: another mongos if there is one; Client Backpressure: another member
 * of a replica set only when asked for.) */
static int is_deprioritized(const muv_op_t *op)
{
    if (op->client->topology.snapshot->type == MUV__TOPOLOGY_SHARDED) {
        return 1;
    }
    return (op->error.labels & MUV_LABEL_SYSTEM_OVERLOADED) != 0 &&
           op->client->settings.retry.overload_retargeting;
}

static void note_server(muv__tried_t *tried, muv__topology_server_t *record)
{
    for (unsigned i = 0; i < tried->count; i++) {
        if (tried->servers[i] == record) {
            return;
        }
    }
    if (tried->count == MUV__TRIED_SERVERS) {
        muv__topology_server_release(tried->servers[tried->next]);
    } else {
        tried->count++;
    }
    tried->servers[tried->next] = muv__topology_server_retain(record);
    tried->next = (uint8_t)((tried->next + 1) % MUV__TRIED_SERVERS);
}

static void keep_error(muv__tried_t *tried, muv_op_t *op)
{
    tried->error = op->error;
    if (tried->chunk != NULL) {
        muv__chunk_release(tried->chunk);
        tried->chunk = NULL;
    }
    if (op->error.reply != NULL) {
        tried->chunk = op->reply.chunk;
        op->reply.chunk = NULL;
    }
}

/* Returns 0 when there is no memory: then this attempt was the last. */
static int remember(muv_op_t *op, const muv__attempt_t *attempt)
{
    int shows_attempt = muv__retry_shows_attempt(attempt);
    int first = op->tried == NULL;

    if (first) {
        op->tried = muv__mem_zalloc(sizeof(*op->tried));
        if (op->tried == NULL) {
            return 0;
        }
    }
    if (first || shows_attempt) {
        keep_error(op->tried, op);
        op->tried->shows_attempt = (uint8_t)shows_attempt;
    }
    if (op->server != NULL && is_deprioritized(op)) {
        note_server(op->tried, op->server->record);
    }
    return 1;
}

void muv__tried_free(muv_op_t *op)
{
    muv__tried_t *tried = op->tried;

    op->tried = NULL;
    for (unsigned i = 0; i < tried->count; i++) {
        muv__topology_server_release(tried->servers[i]);
    }
    if (tried->chunk != NULL) {
        muv__chunk_release(tried->chunk);
    }
    muv__mem_free(tried);
}

/* --- the error to be told ----------------------------------------------------------------------*/

void muv__tried_tell(muv_op_t *op)
{
    const muv_error_t *cause = &op->tried->error;

    (void)muv__error_set(&op->error, MUV_ETIMEOUT,
                         "the operation timed out; its last attempt failed: %s", cause->message);
    op->error.labels = cause->labels;
    op->error.server_code = cause->server_code;
}

/* Errors that say nothing of the attempt before give way to that one's; but time that is over is
 * told as such, with that error as the cause (CSOT). */
static void choose_error(muv_op_t *op, const muv__attempt_t *attempt)
{
    muv__tried_t *tried = op->tried;

    if (tried == NULL || muv__retry_shows_attempt(attempt)) {
        return;
    }
    if (op->error.code == MUV_ETIMEOUT) {
        muv__tried_tell(op);
        muv__op_name_host(op);
        return;
    }
    muv__error_assign(&op->error, &tried->error);
    op->error.reply = tried->error.reply;
    op->error.reply_size = tried->error.reply_size;
    if (op->reply.chunk != NULL) {
        muv__chunk_release(op->reply.chunk);
    }
    op->reply.chunk = tried->chunk;
    tried->chunk = NULL;
}

void muv__op_translate_timeout(const muv_op_t *op, muv_error_t *error)
{
    if (MUV__UNLIKELY(op->has_timeout && error->server_code == MUV__CODE_MAX_TIME_MS_EXPIRED)) {
        error->code = MUV_ETIMEOUT;
        error->domain = MUV_DOMAIN_TIMEOUT;
    }
}

/* (Retryable Writes: the server's own message helps nobody.) */
static void explain(muv_op_t *op)
{
    static const char theirs[] = "Transaction numbers";

    if (op->error.server_code == MUV__CODE_ILLEGAL_OPERATION && op->txn_number != 0 &&
        strncmp(op->error.message, theirs, sizeof(theirs) - 1) == 0) {
        (void)snprintf(op->error.message, sizeof(op->error.message), "%s",
                       "This MongoDB deployment does not support retryable writes. Please add "
                       "retryWrites=false to your connection string.");
    }
}

static void conclude(muv_op_t *op, const muv__attempt_t *attempt)
{
    if (op->concern_failed) {
        /* What was written is told with the reply; the write concern's error is in there. */
        op->error.code = 0;
        return;
    }
    explain(op);
    choose_error(op, attempt);
    muv__op_translate_timeout(op, &op->error);
    op->error.in_doubt = (int8_t)op->doubt;
}

static int is_unlabelled(const muv_op_t *op)
{
    return op->conn != NULL && op->conn->conn.limits.max_wire_version < WIRE_VERSION_LABELS;
}

uint32_t muv__op_concern_labels(const muv_op_t *op, int32_t code)
{
    return is_unlabelled(op) && muv__retry_is_write_code(code) &&
                   op->client->topology.snapshot->type != MUV__TOPOLOGY_SHARDED
               ? MUV_LABEL_RETRYABLE_WRITE
               : 0;
}

/* --- judging -----------------------------------------------------------------------------------*/

static muv__attempt_stage_t stage_of(const muv_op_t *op, muv__op_event_t event)
{
    if (event == MUV__OP_ON_REPLY) {
        return MUV__ATTEMPT_REPLIED;
    }
    if (event == MUV__OP_ON_BROKEN && op->machine.state != MUV__OP_LOGGING_IN) {
        return MUV__ATTEMPT_BROKEN;
    }
    return op->server == NULL ? MUV__ATTEMPT_SELECTING : MUV__ATTEMPT_UNSENT;
}

static int leaves_doubt(const muv_op_t *op, const muv__attempt_t *attempt)
{
    if (op->kind == MUV_COMMAND_READ) {
        return 0;
    }
    return attempt->stage == MUV__ATTEMPT_BROKEN || op->concern_failed ||
           (attempt->stage == MUV__ATTEMPT_REPLIED &&
            muv__reply_leaves_doubt(&op->error, op->several));
}

/* A retryable write is one only where servers remember transaction numbers. Of a server that has
 * just become Unknown nothing is known: the next attempt decides. */
static uint8_t retry_kind_of(const muv_op_t *op)
{
    const muv__topology_snapshot_t *snapshot = op->client->topology.snapshot;
    const muv__snapshot_entry_t *entry;

    if (op->retry != MUV__RETRY_WRITE || op->txn_number != 0 || op->server == NULL ||
        snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED) {
        return op->retry;
    }
    entry = muv__topology_snapshot_of(snapshot, op->server->record);
    if (entry == NULL || entry->description->type == MUV__SERVER_UNKNOWN) {
        return op->retry;
    }
    return entry->description->type == MUV__SERVER_STANDALONE ||
                   entry->description->session_timeout_minutes < 0
               ? MUV__RETRY_NONE
               : MUV__RETRY_WRITE;
}

/* Returns 0 when the operation would be over before its next attempt. */
static int plan_back_off(muv_op_t *op)
{
    muv_client_t *client = op->client;
    uint32_t jitter = client->settings.jitter >= 0
                          ? (uint32_t)client->settings.jitter
                          : (uint32_t)(muv__random_next(&client->random) >> 32);

    op->backoff_us = muv__retry_backoff_us(op->tries.retries, &op->error, jitter);
    return op->due_us == INT64_MAX || op->backoff_us < op->due_us - client->context.now_us;
}

/* (Authentication: re-authentication. Once, whatever the command; it was not begun.) */
static int wants_login(const muv_op_t *op, muv__op_event_t event)
{
    return event == MUV__OP_ON_REPLY && !op->concern_failed &&
           op->error.server_code == MUV__CODE_REAUTHENTICATION_REQUIRED && !op->logged_in_again &&
           op->client->context.credential != NULL;
}

void muv__op_judge(muv_op_t *op, muv__op_event_t event)
{
    muv__attempt_t attempt = {.error = &op->error,
                              .command = op->kind,
                              .retry = retry_kind_of(op),
                              .stage = (uint8_t)stage_of(op, event),
                              /* One that stays with its server does not wait in selection until
                               * that is well again: without a limit it would spin. */
                              .has_timeout = op->has_timeout && !op->stays,
                              .unlabelled = (uint8_t)is_unlabelled(op)};
    muv__op_again_t again;

    if (MUV__UNLIKELY(wants_login(op, event))) {
        op->machine.again = MUV__AGAIN_HERE;
        return;
    }
    op->error.labels |= muv__retry_labels(&op->client->settings.retry, &attempt);
    op->doubt |= (uint8_t)leaves_doubt(op, &attempt);
    again = muv__retry_judge(&op->client->settings.retry, &attempt, &op->tries);
    if ((again == MUV__AGAIN_LATER && !plan_back_off(op)) ||
        (again != MUV__AGAIN_NO && !remember(op, &attempt))) {
        again = MUV__AGAIN_NO;
    }
    if (again == MUV__AGAIN_NO) {
        conclude(op, &attempt);
    }
    op->machine.again = (uint8_t)again;
}

/* --- carrying out ------------------------------------------------------------------------------*/

static void forget_reply(muv_op_t *op)
{
    if (op->reply.chunk != NULL) {
        muv__chunk_release(op->reply.chunk);
        op->reply.chunk = NULL;
    }
    op->reply.body = muv__span(NULL, 0);
    op->error.code = 0;
    op->concern_failed = 0;
}

void muv__op_retry(muv_op_t *op)
{
    forget_reply(op);
    if (op->server != NULL && !op->stays) {
        muv__op_leave_server(op);
    }
}

void muv__op_log_in_again(muv_op_t *op)
{
    op->logged_in_again = 1;
    forget_reply(op);
    muv__conn_log_in(&op->conn->conn);
}

static void on_back_off_due(muv__deadline_t *deadline, int64_t now_us)
{
    muv_op_t *op = MUV__CONTAINER_OF(deadline, muv_op_t, wait_deadline);

    (void)now_us;
    muv__run(op, MUV__OP_ON_DUE);
}

void muv__op_back_off(muv_op_t *op)
{
    op->wait_deadline.on_due = on_back_off_due;
    muv__deadline_set(&op->client->deadlines, &op->wait_deadline,
                      op->client->context.now_us + op->backoff_us);
}
