/* SPDX-License-Identifier: Apache-2.0 */
/* What a timeout bounds of a cursor (CSOT: cursors). A lifetime is a deadline of each getMore: what
 * is here already is given out after it, too. In iteration mode a consumer gets its deadline when
 * it begins to wait, and loses it when documents come. */
#include "client/cursor.h"

#include "client/client_inner.h"
#include "client/read.h"

#define US_PER_MS 1000

/* Nobody waits for the answer of killCursors, but nothing may wait for ever: neither in normal life
 * nor while a client drains. */
#define KILL_TIMEOUT_MS 10000
#define KILL_TIMEOUT_CLOSING_MS 1000

/* --- opening -----------------------------------------------------------------------------------*/

static const char *check(const muv_op_t *op, const muv__cursor_config_t *config, int64_t timeout_ms)
{
    int bounded = timeout_ms != 0 || (op->parent != NULL && op->parent->has_timeout);

    if (config->timeout_mode < 0 || config->timeout_mode > MUV_TIMEOUT_ITERATION) {
        return "timeout_mode: not one of MUV_TIMEOUT_*";
    }
    if (config->timeout_mode != 0 && !bounded) {
        return "timeout_mode: it needs a timeout";
    }
    if (config->timeout_mode == MUV_TIMEOUT_CURSOR_LIFETIME && config->tailable) {
        return "timeout_mode: a tailable cursor has no lifetime that could be bounded";
    }
    if (config->timeout_mode == MUV_TIMEOUT_ITERATION && op->output) {
        return "timeout_mode: nothing is iterated with $out and $merge";
    }
    if (config->max_await_time_ms > 0 && timeout_ms > 0 &&
        config->max_await_time_ms >= timeout_ms) {
        return "max_await_time_ms: it is not less than the timeout";
    }
    return NULL;
}

int muv__cursor_take_timeout(muv_cursor_t *cursor, muv_op_t *op, const muv__cursor_config_t *config)
{
    muv_client_t *client = op->client;
    int64_t timeout_ms = config->timeout_ms;
    const char *complaint;

    if (timeout_ms == 0 && op->parent == NULL) {
        timeout_ms = client->settings.timeout_ms;
    }
    complaint = check(op, config, timeout_ms);
    if (complaint != NULL) {
        return muv__client_refuse(client, MUV_EINVAL, "%s", complaint);
    }
    cursor->iterates = config->tailable || config->timeout_mode == MUV_TIMEOUT_ITERATION;
    cursor->has_timeout = timeout_ms != 0;
    cursor->timeout_ms = timeout_ms > 0 && timeout_ms <= INT64_MAX / US_PER_MS / 2 ? timeout_ms : 0;
    cursor->due_us = INT64_MAX;
    if (cursor->timeout_ms != 0 && !cursor->iterates) {
        cursor->due_us = client->context.now_us + timeout_ms * US_PER_MS;
    }
    /* The time that the command may take says nothing of a cursor that goes on afterwards; only
     * those that wait on the server have it all the same. */
    if (cursor->iterates && !(config->tailable && config->await_data) &&
        (cursor->has_timeout || (op->parent != NULL && op->parent->has_timeout))) {
        op->max_time_rule = MUV__MAX_TIME_NEVER;
    }
    return 0;
}

/* --- consumers ---------------------------------------------------------------------------------*/

void muv__consumer_take_timeout(muv_cursor_t *cursor, int64_t timeout_ms)
{
    muv_op_t *op = cursor->consumer;

    /* Without one of its own it has its parents', and what the cursor's mode gives. */
    muv__op_set_timeout(op, timeout_ms != 0 ? timeout_ms : MUV_INFINITE);
    cursor->consumer_due_us = op->due_us;
    cursor->consumer_timed = timeout_ms != 0 || (op->parent != NULL && op->parent->has_timeout);
    cursor->waits_timed = cursor->iterates && cursor->timeout_ms != 0 && timeout_ms == 0;
    cursor->waits = 0;
}

void muv__consumer_wait_begins(muv_cursor_t *cursor)
{
    muv_client_t *client = cursor->client;
    muv_op_t *op = cursor->consumer;
    int64_t due_us;

    if (!cursor->waits_timed || cursor->waits || op->phase != MUV__OP_LIVE) {
        return;
    }
    cursor->waits = 1;
    due_us = client->context.now_us + cursor->timeout_ms * US_PER_MS;
    op->due_us = due_us < op->due_us ? due_us : op->due_us;
    muv__deadline_set(&client->deadlines, &op->deadline, due_us);
}

void muv__consumer_wait_ends(muv_cursor_t *cursor)
{
    muv_op_t *op = cursor->consumer;

    if (cursor->waits) {
        cursor->waits = 0;
        op->due_us = cursor->consumer_due_us;
        muv__deadline_cancel(&cursor->client->deadlines, &op->deadline);
    }
}

/* --- getMore and killCursors -------------------------------------------------------------------*/

int muv__cursor_is_over_time(const muv_cursor_t *cursor)
{
    return cursor->client->context.now_us >= cursor->due_us;
}

void muv__get_more_set_deadline(muv_cursor_t *cursor, int64_t due_us)
{
    muv__deadline_set(&cursor->client->deadlines, &cursor->get_more->deadline,
                      due_us < cursor->due_us ? due_us : cursor->due_us);
}

/* maxTimeMS of getMore bounds the server's waiting for new documents, and nothing else. */
void muv__get_more_take_timeout(muv_cursor_t *cursor, muv_op_t *op)
{
    const muv_op_t *consumer = cursor->consumer;
    int64_t due_us = cursor->due_us;

    if (consumer != NULL && consumer->due_us < due_us) {
        due_us = consumer->due_us;
    }
    op->own_deadline = 1;
    op->due_us = due_us;
    op->has_timeout = cursor->has_timeout || (consumer != NULL && cursor->consumer_timed);
    op->max_time_rule = cursor->max_await_time_ms > 0 ? MUV__MAX_TIME_AWAIT : MUV__MAX_TIME_NEVER;
    op->max_time_ms = cursor->max_await_time_ms;
    /* A consumer that runs out of time stops it. */
    muv__deadline_set(&cursor->client->deadlines, &op->deadline, cursor->due_us);
}

/* (CSOT: close refreshes the timeout for killCursors.) */
int64_t muv__kill_take_timeout(const muv_cursor_t *cursor, muv_op_t *op)
{
    int64_t timeout_ms = cursor->timeout_ms != 0 ? cursor->timeout_ms : KILL_TIMEOUT_MS;

    if (cursor->timeout_ms == 0) {
        op->max_time_rule = MUV__MAX_TIME_NEVER;
    }
    return cursor->client->state != MUV__CLIENT_OPEN && timeout_ms > KILL_TIMEOUT_CLOSING_MS
               ? KILL_TIMEOUT_CLOSING_MS
               : timeout_ms;
}
