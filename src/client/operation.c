/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: the free list, the tree, deadlines, and the queue of completions. */
#include "client/operation.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/pin.h"
#include "client/read.h"
#include "client/retry.h"
#include "client/session.h"

/* Operations kept for reuse; more than that were a burst. */
#define FREE_OPS_MAX 4096

#define US_PER_MS 1000

static void on_deadline(muv__deadline_t *deadline, int64_t now_us);

/* --- the free list -----------------------------------------------------------------------------*/

static muv_op_t *take_free(muv_client_t *client)
{
    muv_op_t *op = client->free_ops;

    if (op != NULL) {
        client->free_ops = op->next_free;
        client->free_op_count--;
        return op;
    }
    op = muv__mem_zalloc(sizeof(*op));
    if (op != NULL) {
        op->client = client;
        muv__list_init(&op->link);
        muv__list_init(&op->wait_link);
        muv__list_init(&op->sibling);
        muv__list_init(&op->children);
        op->deadline.on_due = on_deadline;
    }
    return op;
}

static void give_back(muv_op_t *op)
{
    muv_client_t *client = op->client;

    if (op->dispose != NULL) {
        op->dispose(op);
    }
    if (op->composite) {
        muv__list_remove(&op->wait_link);
    }
    muv__pin_leave(op);
    if (op->server != NULL) {
        muv__server_release(op->server);
        op->server = NULL;
    }
    if (op->outgoing != NULL) {
        muv__outgoing_release(op->outgoing);
        op->outgoing = NULL;
    }
    if (op->reply.chunk != NULL) {
        muv__chunk_release(op->reply.chunk);
        op->reply.chunk = NULL;
    }
    if (op->concerns != NULL) {
        muv__concerns_release(op->concerns);
        op->concerns = NULL;
    }
    if (op->server_session != NULL || op->session != NULL) {
        muv__session_release(op);
    }
    if (MUV__UNLIKELY(op->tried != NULL)) {
        muv__tried_free(op);
    }
    if (client->free_op_count == FREE_OPS_MAX) {
        muv__mem_free(op);
        return;
    }
    op->next_free = client->free_ops;
    client->free_ops = op;
    client->free_op_count++;
}

void muv__op_free_all(muv_client_t *client)
{
    while (client->free_ops != NULL) {
        muv_op_t *op = client->free_ops;

        client->free_ops = op->next_free;
        muv__mem_free(op);
    }
    client->free_op_count = 0;
}

static void reset(muv_op_t *op, muv_op_t *parent, muv__deliver_t deliver)
{
    muv__op_machine_init(&op->machine);
    op->parent = parent;
    op->phase = MUV__OP_LIVE;
    op->composite = 0;
    op->finished = 0;
    op->ended_outside = 0;
    op->finish_when_stopped = 0;
    op->context_key = NULL;
    op->absorbed = 0;
    op->kind = 0;
    op->unacknowledged = 0;
    op->has_sequence = 0;
    op->output = 0;
    op->conn = NULL;
    op->pin = NULL;
    op->pins_cursor = 0;
    op->deliver = deliver;
    op->dispose = NULL;
    op->on_stop = NULL;
    op->prepare = NULL;
    op->extra = NULL;
    op->live_children = 0;
    op->reply.body = muv__span(NULL, 0);
    op->tail = 0;
    op->preference = 0;
    op->retry = MUV__RETRY_NONE;
    op->several = 0;
    op->stays = 0;
    op->has_timeout = 0;
    op->own_deadline = 0;
    op->max_time_rule = MUV__MAX_TIME_REST;
    op->session_concern = MUV__SESSION_CONCERN_NONE;
    op->session = NULL;
    op->server_session = NULL;
    op->doubt = 0;
    op->concern_failed = 0;
    op->told_waiting = 0;
    op->logged_in_again = 0;
    op->txn_number = 0;
    op->due_us = INT64_MAX;
    op->max_time_ms = 0;
    op->tries = (muv__retry_count_t){0, 0};
    op->error.code = 0;
}

static int check_open(muv_client_t *client, const muv_op_t *parent)
{
    int closed = client->state >= MUV__CLIENT_ABORTING ||
                 (client->state == MUV__CLIENT_DRAINING && parent == NULL);

    if (parent != NULL && parent->client != client) {
        return muv__client_refuse(client, MUV_EINVAL, "parent: it belongs to another client");
    }
    if (parent != NULL && !parent->composite) {
        return muv__client_refuse(client, MUV_EINVAL, "parent: it is no composite");
    }
    if (parent != NULL && parent->finished && !parent->ended_outside) {
        return muv__client_refuse(client, MUV_EINVAL, "parent: it was finished");
    }
    if (closed || (parent != NULL && parent->ended_outside)) {
        return muv__client_refuse(client, MUV_ECLOSED, "%s",
                                  closed ? muv_error_text(MUV_ECLOSED)
                                         : "parent: it has been ended");
    }
    return 0;
}

static int new_op(muv_client_t *client, muv_op_t *parent, muv__deliver_t deliver, muv_op_t **ret)
{
    muv_op_t *op = take_free(client);

    if (op == NULL) {
        (void)muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
        return MUV_ENOMEM;
    }
    reset(op, parent, deliver);
    op->id = ++client->last_op_id;
    muv__list_push_back(&client->live, &op->link);
    if (parent != NULL) {
        muv__list_push_back(&parent->children, &op->sibling);
        parent->live_children++;
        muv__session_join(op, NULL);
    }
    client->stats.operations_started++;
    if (client->live_count++ == 0) {
        muv__client_update_alive(client);
    }
    *ret = op;
    return 0;
}

int muv__op_new(muv_client_t *client, muv_op_t *parent, muv__deliver_t deliver, muv_op_t **ret)
{
    int status = muv__client_enter(client);

    if (status == 0 && MUV__UNLIKELY(parent != NULL || client->state != MUV__CLIENT_OPEN)) {
        status = check_open(client, parent);
    }
    return status != 0 ? status : new_op(client, parent, deliver, ret);
}

int muv__op_new_inner(muv_client_t *client, muv__deliver_t deliver, muv_op_t **ret)
{
    int status = muv__client_enter(client);

    if (status == 0 && client->state >= MUV__CLIENT_ABORTING) {
        status = MUV_ECLOSED;
    }
    return status != 0 ? status : new_op(client, NULL, deliver, ret);
}

static void leave_parent(muv_op_t *op)
{
    if (op->parent != NULL) {
        muv__list_remove(&op->sibling);
        op->parent->live_children--;
        op->parent = NULL;
    }
}

static void complete_if_done(muv_op_t *op)
{
    if (op->phase == MUV__OP_LIVE && op->finished && op->live_children == 0) {
        muv__op_complete(op);
    }
}

void muv__op_discard(muv_op_t *op)
{
    muv_client_t *client = op->client;
    muv_op_t *parent = op->parent;

    muv__list_remove(&op->link);
    leave_parent(op);
    muv__deadline_cancel(&client->deadlines, &op->deadline);
    if (op->server != NULL) {
        op->server->record->operation_count--;
    }
    client->live_count--;
    client->stats.operations_started--;
    give_back(op);
    muv__client_update_alive(client);
    if (parent != NULL) {
        complete_if_done(parent); /* It may have been finished while the command was rendered. */
    }
}

/* --- deadlines ---------------------------------------------------------------------------------*/

void muv__op_set_timeout(muv_op_t *op, int64_t timeout_ms)
{
    muv_client_t *client = op->client;
    int64_t due_us;

    if (op->own_deadline) {
        return;
    }
    if (op->parent != NULL) {
        op->due_us = op->parent->due_us;
        op->has_timeout = op->parent->has_timeout;
    } else if (timeout_ms == 0) {
        timeout_ms = client->settings.timeout_ms;
    }
    /* (CSOT: also an infinite timeoutMS puts the older options out of force.) */
    op->has_timeout |= timeout_ms != 0;
    if (timeout_ms <= 0 || timeout_ms > INT64_MAX / US_PER_MS / 2) {
        return;
    }
    due_us = client->context.now_us + timeout_ms * US_PER_MS;
    op->due_us = due_us < op->due_us ? due_us : op->due_us;
    muv__deadline_set(&client->deadlines, &op->deadline, due_us);
}

static void on_deadline(muv__deadline_t *deadline, int64_t now_us)
{
    muv_op_t *op = MUV__CONTAINER_OF(deadline, muv_op_t, deadline);

    (void)now_us;
    muv__op_stop(op, MUV_ETIMEOUT);
}

/* --- ending ------------------------------------------------------------------------------------*/

void muv__op_complete(muv_op_t *op)
{
    muv_client_t *client = op->client;

    MUV__ASSERT(op->phase == MUV__OP_LIVE);
    op->phase = MUV__OP_COMPLETED;
    muv__deadline_cancel(&client->deadlines, &op->deadline);
    if (op->server != NULL) {
        op->server->record->operation_count--;
    }
    muv__list_remove(&op->link);
    muv__list_push_back(&client->completed, &op->link);
    muv__client_wake(client);
}

void muv__op_take_server(muv_op_t *op, muv__server_t *server)
{
    op->server = muv__server_retain(server);
    server->record->operation_count++;
}

void muv__op_leave_server(muv_op_t *op)
{
    op->server->record->operation_count--;
    muv__server_release(op->server);
    op->server = NULL;
}

void muv__op_name_host(muv_op_t *op)
{
    size_t length;

    if (op->server == NULL) {
        return;
    }
    length = strnlen(op->server->host_text, MUV_ERROR_HOST_SIZE - 1);
    memcpy(op->error.host, op->server->host_text, length);
    op->error.host[length] = '\0';
}

/* Write operations whose bytes may have reached a server are in doubt (design: promise 7). */
static void set_stop_error(muv_op_t *op, int code)
{
    if (code == MUV_ETIMEOUT && op->tried != NULL) {
        muv__tried_tell(op);
    } else {
        (void)muv__error_code(&op->error, code);
    }
    op->error.in_doubt = op->kind != MUV_COMMAND_READ &&
                         (op->doubt || (op->machine.state == MUV__OP_AWAITING && op->machine.sent));
    muv__op_name_host(op);
}

static void stop_composite(muv_op_t *op, int code)
{
    op->ended_outside = 1;
    if (op->error.code == 0) {
        (void)muv__error_code(&op->error, code);
    }
    muv__deadline_cancel(&op->client->deadlines, &op->deadline);
    op->finished |= op->finish_when_stopped;
    complete_if_done(op);
}

/* Returns 1 when the children are to be stopped, too. */
static int stop_one(muv_op_t *op, int code)
{
    if (op->phase != MUV__OP_LIVE || (op->composite && op->ended_outside)) {
        return 0;
    }
    if (op->composite) {
        stop_composite(op, code);
        return 1;
    }
    set_stop_error(op, code);
    if (op->on_stop != NULL) {
        op->on_stop(op);
    } else {
        muv__run(op, MUV__OP_ON_STOP);
    }
    return 0;
}

/* The operation behind `op` in the tree below `root`, parents before children; NULL: that was the
 * last one. */
static muv_op_t *next_in_tree(const muv_op_t *root, muv_op_t *op, int descend)
{
    muv__list_t *link = descend ? muv__list_first(&op->children) : NULL;

    while (link == NULL && op != root) {
        link = op->sibling.next;
        op = op->parent;
        link = link == &op->children ? NULL : link;
    }
    return link == NULL ? NULL : MUV__CONTAINER_OF(link, muv_op_t, sibling);
}

/* A loop, not a recursion: user code decides how deep a tree is. It stands still meanwhile, because
 * what has completed keeps its place until it is called back. */
void muv__op_stop(muv_op_t *op, int code)
{
    muv_op_t *at = op;

    while (at != NULL) {
        at = next_in_tree(op, at, stop_one(at, code));
    }
}

void muv_op_cancel(muv_op_t *op)
{
    if (op == NULL || muv__client_enter(op->client) != 0) {
        return;
    }
    muv__op_stop(op, MUV_ECANCELED);
}

/* --- completions -------------------------------------------------------------------------------*/

/* The first error of a child becomes its parent's. */
static void pass_up(muv_op_t *op)
{
    muv_op_t *parent = op->parent;

    if (parent == NULL) {
        return;
    }
    if (op->error.code != 0 && !op->absorbed && parent->error.code == 0) {
        muv__error_assign(&parent->error, &op->error);
    }
    if (op->error.code != 0 && !op->absorbed && op->error.in_doubt) {
        /* The parent may have been ended first, by what ended this child (design: promise 7). */
        parent->error.in_doubt = 1;
    }
    leave_parent(op);
    complete_if_done(parent);
}

static void call_back(muv_op_t *op)
{
    muv_client_t *client = op->client;

    op->phase = MUV__OP_DELIVERING;
    client->stats.operations_ended++;
    client->stats.operations_failed += op->error.code != 0;
    op->deliver(op);
    if (op->parent != NULL) {
        pass_up(op);
    }
    client->live_count--;
    give_back(op);
}

void muv__completions_drain(muv_client_t *client, unsigned *left)
{
    muv__list_t *link;

    for (; *left != 0; (*left)--) {
        if (MUV__UNLIKELY(muv__events_waiting(client->events))) {
            muv__events_deliver_one(client);
            continue;
        }
        link = muv__list_pop_front(&client->completed);
        if (link == NULL) {
            break;
        }
        call_back(MUV__CONTAINER_OF(link, muv_op_t, link));
    }
    if (client->live_count == 0) {
        muv__client_update_alive(client);
    }
}

/* --- work in pieces ----------------------------------------------------------------------------*/

void muv__op_resume_later(muv_op_t *op)
{
    MUV__ASSERT(op->composite && op->resume != NULL);
    muv__list_push_back(&op->client->resuming, &op->wait_link);
    muv__client_wake(op->client);
}

/* Those that want a further turn wait for the next call. */
void muv__ops_resume(muv_client_t *client)
{
    muv__list_t due;
    muv__list_t *link;

    muv__list_init(&due);
    muv__list_splice_back(&due, &client->resuming);
    while ((link = muv__list_pop_front(&due)) != NULL) {
        muv_op_t *op = MUV__CONTAINER_OF(link, muv_op_t, wait_link);

        op->resume(op);
    }
}

/* --- composites --------------------------------------------------------------------------------*/

static void deliver_done(muv_op_t *op)
{
    const muv_error_t *error = op->error.code != 0 ? &op->error : NULL;

    if (op->cb.done != NULL) {
        op->cb.done(op, error, op->data);
    }
}

int muv_op_begin(muv_client_t *client, const muv_op_opts_t *opts, muv_done_cb cb, void *data,
                 muv_op_t **ret_op)
{
    muv_op_t *op;
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    if (ret_op == NULL) {
        return muv__client_refuse(client, MUV_EINVAL, "ret_op: it must not be NULL");
    }
    status = muv__op_new(client, opts == NULL ? NULL : opts->parent, deliver_done, &op);
    if (status != 0) {
        return status;
    }
    status = opts == NULL ? 0 : muv__check_timeout(client, opts->timeout_ms);
    if (status == 0 && opts != NULL) {
        status = muv__session_check(client, opts->session);
    }
    if (status != 0) {
        muv__op_discard(op);
        return status;
    }
    muv__session_join(op, opts == NULL ? NULL : opts->session);
    op->composite = 1;
    op->finish_when_stopped = opts != NULL && opts->finish_when_stopped == MUV_YES;
    op->cb.done = cb;
    op->data = data;
    muv__op_set_timeout(op, opts == NULL ? 0 : opts->timeout_ms);
    muv__client_wake(client);
    *ret_op = op;
    return 0;
}

void muv_op_finish(muv_op_t *op, const muv_error_t *error)
{
    if (op == NULL || !op->composite || op->finished || muv__client_enter(op->client) != 0) {
        return;
    }
    op->finished = 1;
    if (error != NULL && op->error.code == 0) {
        muv__error_assign(&op->error, error);
    }
    complete_if_done(op);
}

void muv_op_absorb_error(muv_op_t *op)
{
    if (op != NULL) {
        op->absorbed = 1;
    }
}

void muv_op_set_context(muv_op_t *op, const void *key, void *context)
{
    if (op != NULL) {
        op->context_key = key;
        op->context = context;
    }
}

void *muv_op_context(const muv_op_t *op, const void *key)
{
    return op != NULL && key != NULL && op->context_key == key ? op->context : NULL;
}

const muv_error_t *muv_op_error(const muv_op_t *op)
{
    return op != NULL && op->error.code != 0 ? &op->error : NULL;
}

muv_client_t *muv_op_client(const muv_op_t *op)
{
    return op == NULL ? NULL : op->client;
}
