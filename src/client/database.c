/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of databases; commands that make and drop, or that answer with a cursor of any kind. */
#include "client/write.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/retry.h"
#include "op/reply.h"

#define NAMESPACE_MAX 255

/* --- handles -----------------------------------------------------------------------------------*/

int muv_database_new(muv_client_t *client, const char *name, const muv_database_opts_t *opts,
                     muv_database_t **ret)
{
    static const muv_database_opts_t defaults = {0};
    muv_database_t *database;
    int status;

    if (client == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    if (!muv__database_name_is_valid(name)) {
        return muv__client_refuse(client, MUV_EINVAL, "name: not a valid database name");
    }
    opts = opts == NULL ? &defaults : opts;
    status = muv__check_timeout(client, opts->timeout_ms);
    if (status != 0) {
        return status;
    }
    database = muv__mem_zalloc(sizeof(*database) + strlen(name) + 1);
    if (database == NULL) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    status = muv__concerns_override(client->concerns, opts->read_concern, opts->write_concern,
                                    opts->read_preference, &client->refusal, &database->concerns);
    if (status != 0) {
        muv__mem_free(database);
        return status;
    }
    database->client = client;
    database->timeout_ms = opts->timeout_ms;
    database->name_length = strlen(name);
    memcpy(database->name, name, database->name_length + 1);
    *ret = database;
    return 0;
}

void muv_database_free(muv_database_t *database)
{
    if (database != NULL) {
        muv__concerns_release(database->concerns);
        muv__mem_free(database);
    }
}

/* --- create, drop ------------------------------------------------------------------------------*/

/* What was done but not by as many members as were asked for is an error that is in doubt. */
static void deliver_done(muv_op_t *op)
{
    muv__reply_info_t info;

    if (op->error.code == 0 && op->reply.body.size != 0) {
        muv__reply_read(op->reply.body, &info);
        if (info.write_concern_error.size != 0) {
            muv__reply_info_t inner;

            muv__reply_read(info.write_concern_error, &inner);
            muv__reply_error(&inner, op->reply.body, &op->error);
            op->error.labels = info.labels;
            op->error.in_doubt = 1;
            muv__op_translate_timeout(op, &op->error);
        }
    }
    if (op->cb.done != NULL) {
        op->cb.done(op, op->error.code != 0 ? &op->error : NULL, op->data);
    }
}

static int new_change(const muv__target_t *target, const muv_drop_database_opts_t *opts,
                      muv_op_t **ret)
{
    int status = muv__check_comment(target->client, opts->comment);

    if (status == 0) {
        status = muv__target_command_new(target, opts->parent, MUV_COMMAND_WRITE,
                                         MUV__TAIL_WRITE_CONCERN, deliver_done, ret);
    }
    if (status == 0) {
        status = muv__command_join(*ret, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(*ret, NULL, opts->write_concern, NULL);
    }
    if (status == 0) {
        (*ret)->unacknowledged =
            !muv__write_concern_is_acknowledged(&(*ret)->concerns->write_concern);
    }
    return status;
}

static void write_comment(muv_op_t *op, const bson_t *comment)
{
    if (comment != NULL) {
        muv__write_comment(muv__op_buf(op), muv__bson_span(comment));
    }
}

int muv_database_create_collection(muv_database_t *database, const char *name,
                                   const muv_create_collection_opts_t *opts, muv_done_cb cb,
                                   void *data, muv_op_t **ret_op)
{
    static const muv_create_collection_opts_t defaults = {0};
    muv_drop_database_opts_t common;
    muv__target_t target;
    size_t name_length = name == NULL ? 0 : strlen(name);
    muv_op_t *op;
    int status;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    if (name_length == 0 || name[0] == '.' ||
        name_length + database->name_length + 1 > NAMESPACE_MAX) {
        return muv__client_refuse(database->client, MUV_EINVAL,
                                  "name: not a valid collection name");
    }
    opts = opts == NULL ? &defaults : opts;
    target = muv__target_of_database(database);
    common = (muv_drop_database_opts_t){.comment = opts->comment,
                                        .parent = opts->parent,
                                        .session = opts->session,
                                        .write_concern = opts->write_concern};
    status = new_change(&target, &common, &op);
    if (status != 0) {
        return status;
    }
    op->cb.done = cb;
    op->data = data;
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("create"), name, name_length);
    if (opts->options != NULL) {
        muv__buf_append(muv__op_buf(op), bson_get_data(opts->options) + 4,
                        opts->options->len - MUV__BSON_EMPTY_SIZE);
    }
    write_comment(op, opts->comment);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}

int muv_database_drop(muv_database_t *database, const muv_drop_database_opts_t *opts,
                      muv_done_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_drop_database_opts_t defaults = {0};
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    target = muv__target_of_database(database);
    status = new_change(&target, opts, &op);
    if (status != 0) {
        return status;
    }
    op->cb.done = cb;
    op->data = data;
    muv__bson_int32(muv__op_buf(op), MUV__KEY("dropDatabase"), 1);
    write_comment(op, opts->comment);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}

/* --- any command with a cursor -----------------------------------------------------------------*/

static int check_cursor_command(muv_client_t *client, const bson_t *command,
                                const muv_run_cursor_command_opts_t *opts, muv_cursor_cb cb)
{
    int status;

    if (command == NULL || command->len <= MUV__BSON_EMPTY_SIZE || cb == NULL) {
        return muv__client_refuse(client, MUV_EINVAL,
                                  cb == NULL ? "cb: it is NULL" : "command: it is empty");
    }
    status = muv__check_comment(client, opts->comment);
    if (status == 0) {
        status = muv__check_batch_size(client, opts->batch_size);
    }
    return status != 0
               ? status
               : muv__check_not_negative(client, "max_await_time_ms", opts->max_await_time_ms);
}

static muv__cursor_config_t cursor_config_of(const muv_database_t *database,
                                             const muv_run_cursor_command_opts_t *opts)
{
    muv__cursor_config_t config = {
        .batch_size = opts->batch_size,
        .max_await_time_ms = opts->max_await_time_ms,
        .comment = opts->comment,
        .timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : database->timeout_ms,
        .timeout_mode = opts->timeout_mode,
        .tailable = opts->tailable == MUV_YES,
        .await_data = opts->await_data == MUV_YES,
    };

    return config;
}

int muv_database_run_cursor_command(muv_database_t *database, const bson_t *command,
                                    const muv_run_cursor_command_opts_t *opts, muv_cursor_cb cb,
                                    void *data, muv_op_t **ret_op)
{
    static const muv_run_cursor_command_opts_t defaults = {0};
    static const muv_read_preference_t primary = {.mode = MUV_READ_PRIMARY};
    muv__cursor_config_t config;
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    target = muv__target_of_database(database);
    status = check_cursor_command(target.client, command, opts, cb);
    if (status == 0) {
        status = muv__target_command_new(&target, opts->parent, MUV_COMMAND_OTHER,
                                         MUV__TAIL_READ_PREFERENCE, muv__cursor_deliver, &op);
    }
    if (status == 0) {
        status = muv__command_join(op, opts->session);
    }
    if (status == 0) {
        status = muv__command_override(
            op, NULL, NULL, opts->read_preference == NULL ? &primary : opts->read_preference);
    }
    if (status == 0) {
        config = cursor_config_of(database, opts);
        status = muv__cursor_attach(op, &config);
    }
    if (status != 0) {
        return status;
    }
    muv__command_take_given(op, command);
    op->cb.cursor = cb;
    op->data = data;
    muv__buf_append(muv__op_buf(op), bson_get_data(command) + 4,
                    command->len - MUV__BSON_EMPTY_SIZE);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}
