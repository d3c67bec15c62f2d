/* SPDX-License-Identifier: Apache-2.0 */
/* Starting commands: the low-level door, and muv_run_command() on it. */
#include "client/client_inner.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/pin.h"
#include "client/read.h"
#include "client/session.h"

/* --- for all commands --------------------------------------------------------------------------*/

static int begin(muv_op_t *op, uint8_t kind)
{
    op->kind = kind;
    op->retry = kind == MUV_COMMAND_READ ? MUV__RETRY_READ : MUV__RETRY_NONE;
    op->outgoing = muv__outgoing_take(&op->client->outgoing);
    return op->outgoing != NULL ? 0
                                : muv__command_abort(op, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
}

int muv__inner_command_new(muv_client_t *client, uint8_t kind, muv__deliver_t deliver,
                           muv_op_t **ret)
{
    int status = muv__op_new_inner(client, deliver, ret);

    return status != 0 ? status : begin(*ret, kind);
}

int muv__command_new(muv_client_t *client, muv_op_t *parent, uint8_t kind, muv__deliver_t deliver,
                     muv_op_t **ret)
{
    int status = muv__op_new(client, parent, deliver, ret);

    if (status == 0) {
        status = begin(*ret, kind);
    }
    if (status == 0) {
        (*ret)->concerns = muv__concerns_retain(client->concerns);
        (*ret)->session_concern = MUV__SESSION_CONCERN_ALL;
    }
    return status;
}

void muv__command_take_given(muv_op_t *op, const bson_t *command)
{
    op->session_concern = bson_has_field(command, "readConcern") ? MUV__SESSION_CONCERN_NONE
                                                                 : MUV__SESSION_CONCERN_SNAPSHOT;
    if (bson_has_field(command, "maxTimeMS")) {
        op->max_time_rule = MUV__MAX_TIME_NEVER;
    }
}

int muv__command_join(muv_op_t *op, muv_session_t *session)
{
    int status = muv__session_check(op->client, session);

    if (status != 0) {
        muv__op_discard(op);
        return status;
    }
    muv__session_join(op, session);
    return 0;
}

int muv__collection_command_new(muv_collection_t *collection, muv_op_t *parent, uint8_t kind,
                                unsigned tail, muv__deliver_t deliver, muv_op_t **ret)
{
    int status = muv__command_new(collection->client, parent, kind, deliver, ret);

    if (status == 0) {
        muv__concerns_release((*ret)->concerns);
        (*ret)->concerns = muv__concerns_retain(collection->concerns);
        (*ret)->tail = (uint8_t)tail;
    }
    return status;
}

int muv__command_override(muv_op_t *op, const muv_read_concern_t *read_concern,
                          const muv_write_concern_t *write_concern,
                          const muv_read_preference_t *read_preference)
{
    muv_client_t *client = op->client;
    muv__concerns_t *concerns;
    int status;

    if (read_concern == NULL && write_concern == NULL && read_preference == NULL) {
        return 0;
    }
    status = muv__concerns_override(op->concerns, read_concern, write_concern, read_preference,
                                    &client->refusal, &concerns);
    if (status != 0) {
        muv__op_discard(op);
        return status;
    }
    muv__concerns_release(op->concerns);
    op->concerns = concerns;
    return 0;
}

int muv__command_abort(muv_op_t *op, int code, const char *why)
{
    muv_client_t *client = op->client;

    muv__op_discard(op);
    return muv__client_refuse(client, code, "%s", why);
}

/* The bytes of a command that waits are bounded for the whole client; beyond it the callback says
 * so (design: promise 4). Returns 1 when they fit. */
static int account(muv_op_t *op)
{
    size_t bytes = op->outgoing->command.buf.size + op->sequence.documents.size * op->has_sequence;

    if (MUV__LIKELY(muv__outgoing_account(op->outgoing, bytes))) {
        return 1;
    }
    (void)muv__error_set(&op->error, MUV_EQUEUEFULL,
                         "max_pending_bytes: too many bytes of commands are waiting");
    return 0;
}

int muv__command_launch(muv_op_t *op, const char *database, size_t database_length,
                        int64_t timeout_ms, muv_op_t **ret_op)
{
    int status;

    if (MUV__UNLIKELY(timeout_ms < 0 && muv__check_timeout(op->client, timeout_ms) != 0)) {
        muv__op_discard(op);
        return MUV_EINVAL;
    }
    if (MUV__UNLIKELY(op->unacknowledged && op->session != NULL)) {
        return muv__command_abort(op, MUV_EINVAL,
                                  "session: an unacknowledged write cannot be part of one");
    }
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("$db"), database, database_length);
    status = muv__command_seal(&op->outgoing->command);
    if (status == MUV_ETOOLARGE) {
        return muv__command_abort(op, MUV_EINVAL, "the command is larger than any server accepts");
    }
    if (status != 0) {
        return muv__command_abort(op, status, muv_error_text(status));
    }
    muv__op_set_timeout(op, timeout_ms);
    if (op->unacknowledged) {
        op->retry = MUV__RETRY_NONE; /* There is no telling whether it is needed. */
    }
    if (ret_op != NULL) {
        *ret_op = op;
    }
    muv__run(op, op->error.code == 0 && account(op) ? MUV__OP_ON_START : MUV__OP_ON_FAILED);
    muv__client_wake(op->client);
    return 0;
}

/* --- the low-level door ------------------------------------------------------------------------*/

static void deliver_reply(muv_op_t *op)
{
    const muv_error_t *error = op->error.code != 0 ? &op->error : NULL;
    const muv_reply_t *reply = error == NULL && op->reply.body.size != 0 ? &op->reply : NULL;

    if (op->cb.reply != NULL) {
        op->cb.reply(op, error, reply, op->data);
    }
}

static int check_command(muv_client_t *client, const muv_command_t *command)
{
    if (command == NULL || command->database == NULL ||
        !muv__database_name_is_valid(command->database)) {
        return muv__client_refuse(client, MUV_EINVAL, "database: not a valid name");
    }
    if (command->kind < 0 || command->kind > MUV_COMMAND_OTHER) {
        return muv__client_refuse(client, MUV_EINVAL, "kind: not one of MUV_COMMAND_*");
    }
    if (command->max_time_ms < 0 && command->max_time_ms != MUV_ZERO) {
        return muv__client_refuse(client, MUV_EINVAL, "max_time_ms: it is negative");
    }
    if (command->sequence.id != NULL && command->sequence.data == NULL) {
        return muv__client_refuse(client, MUV_EINVAL, "sequence: its data is NULL");
    }
    return 0;
}

/* The run of documents is copied, with the identifier behind it, unless they are borrowed until
 * done. */
static int attach_sequence(muv_op_t *op, const muv_command_sequence_t *sequence)
{
    const uint8_t *data = sequence->data;
    const char *id = sequence->id;
    muv__buf_t *copy;

    if (id == NULL) {
        return 0;
    }
    if (sequence->borrow_until_done == MUV_YES) {
        op->outgoing->borrowed = 1;
    } else {
        op->outgoing->documents =
            muv__shared_buf_new(op->outgoing->pool->budget, MUV__OUTGOING_MAX_BYTES);
        if (op->outgoing->documents == NULL) {
            return MUV_ENOMEM;
        }
        copy = &op->outgoing->documents->buf;
        muv__buf_append(copy, data, sequence->size);
        muv__buf_append(copy, id, strlen(id) + 1);
        if (copy->error != 0) {
            return copy->error == MUV_ENOMEM ? MUV_ENOMEM : MUV_EINVAL;
        }
        data = copy->data;
        id = (const char *)copy->data + sequence->size;
    }
    op->sequence.id = id;
    op->sequence.documents = muv__span(data, sequence->size);
    op->has_sequence = 1;
    return 0;
}

/* Stay with one server. That it has left the topology is the operation's error. */
static void pin_server(muv_op_t *op, uint32_t server_id)
{
    muv_client_t *client = op->client;

    for (muv__list_t *link = client->servers.next; link != &client->servers; link = link->next) {
        muv__server_t *server = MUV__CONTAINER_OF(link, muv__server_t, link);

        if (server->record->id == server_id && !server->removed) {
            muv__op_take_server(op, server);
            return;
        }
    }
    (void)muv__error_set(&op->error, MUV_ESELECTION, "server_id: the server has left the topology");
}

/* The public name of a connection with a count of it. */
static muv__pooled_conn_t *pooled_of(muv_pin_t *pin)
{
    return (muv__pooled_conn_t *)(void *)pin;
}

static void take_target(muv_op_t *op, const muv_command_t *command)
{
    op->pins_cursor = op->client->context.load_balanced;
    if (MUV__UNLIKELY(command->pin != NULL)) {
        muv__op_take_server(op, pooled_of(command->pin)->server);
        muv__pin_share(op, pooled_of(command->pin));
    } else if (command->server_id != 0) {
        pin_server(op, command->server_id);
    }
}

muv_pin_t *muv_op_take_pin(muv_op_t *op)
{
    muv__pooled_conn_t *pooled = op == NULL ? NULL : op->pin;

    if (pooled != NULL) {
        op->pin = NULL; /* Its count goes along. */
    }
    return (muv_pin_t *)(void *)pooled;
}

void muv_pin_release(muv_pin_t *pin)
{
    if (pin != NULL) {
        /* Reads the clock. In a child process it refuses, but only memory is touched here. */
        (void)muv__client_enter(pooled_of(pin)->server->client);
        muv__pin_release(pooled_of(pin));
    }
}

uint32_t muv_op_server_id(const muv_op_t *op)
{
    return op == NULL || op->server == NULL ? 0 : op->server->record->id;
}

static int take_concerns(muv_op_t *op, const muv_command_t *command)
{
    unsigned tail = MUV__TAIL_READ_PREFERENCE;
    int status = muv__command_override(op, command->read_concern, command->write_concern,
                                       command->read_preference);

    if (status != 0) {
        return status;
    }
    if (command->with_concern == MUV_YES && command->kind == MUV_COMMAND_READ) {
        tail |= MUV__TAIL_READ_CONCERN;
    } else if (command->with_concern == MUV_YES && command->kind == MUV_COMMAND_WRITE) {
        tail |= MUV__TAIL_WRITE_CONCERN;
        op->unacknowledged |= !muv__write_concern_is_acknowledged(&op->concerns->write_concern);
    }
    op->tail = (uint8_t)tail;
    op->session_concern =
        command->with_concern == MUV_YES ? MUV__SESSION_CONCERN_ALL : MUV__SESSION_CONCERN_NONE;
    return muv__command_join(op, command->session);
}

static void take_max_time(muv_op_t *op, int64_t max_time_ms)
{
    if (max_time_ms == MUV_ZERO) {
        op->max_time_rule = MUV__MAX_TIME_NEVER;
    } else {
        op->max_time_ms = max_time_ms;
    }
}

static int render_command(muv_op_t *op, muv_render_cb render, void *render_data)
{
    muv_writer_t writer = {.buf = muv__op_buf(op)};
    int status = render(&writer, render_data);

    if (status == 0 && (writer.error != 0 || writer.depth != 0)) {
        status = MUV_EINVAL;
    }
    return status;
}

static int new_command(muv_client_t *client, const muv_command_t *command, muv_op_t **ret)
{
    uint8_t kind = (uint8_t)command->kind;
    int status;

    if (command->detached != MUV_YES) {
        return muv__command_new(client, command->parent, kind, deliver_reply, ret);
    }
    status = muv__inner_command_new(client, kind, deliver_reply, ret);
    if (status == 0) {
        (*ret)->concerns = muv__concerns_retain(client->concerns);
    }
    return status;
}

int muv_command_start(muv_client_t *client, const muv_command_t *command, muv_render_cb render,
                      void *render_data, muv_reply_cb cb, void *data, muv_op_t **ret_op)
{
    muv_op_t *op;
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    if (render == NULL) {
        return muv__client_refuse(client, MUV_EINVAL, "render: it is NULL");
    }
    status = check_command(client, command);
    if (status == 0) {
        status = new_command(client, command, &op);
    }
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    op->unacknowledged = command->unacknowledged == MUV_YES;
    op->several = command->several == MUV_YES;
    if (command->retryable == MUV_YES && command->kind == MUV_COMMAND_WRITE) {
        op->retry = MUV__RETRY_WRITE;
    } else if (command->retryable == MUV_NO) {
        op->retry = MUV__RETRY_NONE;
    }
    status = take_concerns(op, command);
    if (status != 0) {
        return status;
    }
    take_max_time(op, command->max_time_ms);
    take_target(op, command);
    status = render_command(op, render, render_data);
    if (MUV__UNLIKELY(op->phase != MUV__OP_LIVE)) {
        /* User code has closed the client or cancelled the parent: the callback is due already. */
        if (ret_op != NULL) {
            *ret_op = op;
        }
        return 0;
    }
    if (status != 0) {
        return muv__command_abort(op, MUV_EINVAL, "render: it failed or left a document open");
    }
    status = attach_sequence(op, &command->sequence);
    if (status != 0) {
        return muv__command_abort(op, status,
                                  status == MUV_EINVAL ? "sequence: larger than any server accepts"
                                                       : muv_error_text(status));
    }
    return muv__command_launch(op, command->database, strlen(command->database),
                               command->timeout_ms, ret_op);
}

/* --- muv_run_command ---------------------------------------------------------------------------*/

/* The elements of a document without its frame. */
static void copy_elements(muv__buf_t *buf, const bson_t *document)
{
    muv__buf_append(buf, bson_get_data(document) + 4, document->len - MUV__BSON_EMPTY_SIZE);
}

/* As given: what is in the command is not repeated, and nothing but a snapshot session, whose reads
 * would otherwise see something else, adds a read concern. */
static int take_run_options(muv_op_t *op, const bson_t *command, const muv_run_command_opts_t *opts)
{
    int status = muv__command_join(op, opts->session);

    if (status == 0 && opts->read_preference != NULL) {
        op->tail = MUV__TAIL_READ_PREFERENCE;
        status = muv__command_override(op, NULL, NULL, opts->read_preference);
    }
    if (status == 0) {
        muv__command_take_given(op, command);
    }
    return status;
}

int muv_run_command(muv_client_t *client, const char *database, const bson_t *command,
                    const muv_run_command_opts_t *opts, muv_reply_cb cb, void *data,
                    muv_op_t **ret_op)
{
    static const muv_run_command_opts_t defaults = {0};
    muv_command_t common;
    muv_op_t *op;
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    if (command == NULL || command->len <= MUV__BSON_EMPTY_SIZE) {
        return muv__client_refuse(client, MUV_EINVAL, "command: it is empty");
    }
    opts = opts == NULL ? &defaults : opts;
    common = (muv_command_t){.database = database};
    status = check_command(client, &common);
    if (status == 0) {
        status = muv__command_new(client, opts->parent, MUV_COMMAND_OTHER, deliver_reply, &op);
    }
    if (status != 0) {
        return status;
    }
    status = take_run_options(op, command, opts);
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    copy_elements(muv__op_buf(op), command);
    return muv__command_launch(op, database, strlen(database), opts->timeout_ms, ret_op);
}
