/* SPDX-License-Identifier: Apache-2.0 */
/* Listing collections: as a cursor of descriptions, or their names alone. */
#include "client/read.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"

/* --- descriptions ------------------------------------------------------------------------------*/

static void write_list(muv__buf_t *buf, const muv_list_collections_opts_t *opts)
{
    muv__bson_mark_t cursor;

    muv__bson_int32(buf, MUV__KEY("listCollections"), 1);
    muv__write_document(buf, MUV__KEY("filter"), opts->filter);
    cursor = muv__bson_begin_document(buf, MUV__KEY("cursor"));
    if (opts->batch_size != 0) {
        muv__bson_int32(buf, MUV__KEY("batchSize"),
                        opts->batch_size == MUV_ZERO ? 0 : opts->batch_size);
    }
    muv__bson_end(buf, cursor);
    muv__write_flag(buf, MUV__KEY("nameOnly"), opts->name_only);
    muv__write_flag(buf, MUV__KEY("authorizedCollections"), opts->authorized_collections);
    if (opts->comment != NULL) {
        muv__write_comment(buf, muv__bson_span(opts->comment));
    }
}

static int new_list(const muv__target_t *target, const muv_list_collections_opts_t *opts,
                    muv_op_t **ret)
{
    static const muv_read_preference_t primary = {.mode = MUV_READ_PRIMARY};
    int status = muv__check_comment(target->client, opts->comment);

    if (status == 0) {
        status = muv__check_batch_size(target->client, opts->batch_size);
    }
    if (status == 0) {
        status = muv__target_command_new(target, opts->parent, MUV_COMMAND_READ,
                                         MUV__TAIL_READ_PREFERENCE, muv__cursor_deliver, ret);
    }
    if (status == 0) {
        status = muv__command_join(*ret, opts->session);
    }
    return status != 0 ? status : muv__command_override(*ret, NULL, NULL, &primary);
}

int muv_database_list_collections(muv_database_t *database, const muv_list_collections_opts_t *opts,
                                  muv_cursor_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_list_collections_opts_t defaults = {0};
    muv__cursor_config_t config = {0};
    muv__target_t target;
    muv_op_t *op;
    int status;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(database->client, MUV_EINVAL, "cb: it is NULL");
    }
    opts = opts == NULL ? &defaults : opts;
    target = muv__target_of_database(database);
    status = new_list(&target, opts, &op);
    if (status == 0) {
        /* The comment is not for getMore (Enumerate Collections). */
        config.batch_size = opts->batch_size;
        config.timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : target.timeout_ms;
        config.timeout_mode = opts->timeout_mode;
        status = muv__cursor_attach(op, &config);
    }
    if (status != 0) {
        return status;
    }
    op->cb.cursor = cb;
    op->data = data;
    write_list(muv__op_buf(op), opts);
    return muv__target_command_launch(&target, op, opts->timeout_ms, ret_op);
}

/* --- names -------------------------------------------------------------------------------------*/

/* A composite: list, then collect. */
typedef struct names_call {
    muv_op_t *op;
    muv_cursor_t *cursor;
    muv_documents_t *documents;
    const char **items;
    muv_names_t names;
} names_call_t;

static void dispose_names(muv_op_t *op)
{
    names_call_t *call = op->extra;

    muv_cursor_close(call->cursor);
    muv_documents_release(call->documents);
    muv__mem_free(call->items);
    muv__mem_free(call);
}

static void deliver_names(muv_op_t *op)
{
    const names_call_t *call = op->extra;

    if (op->error.code != 0) {
        op->cb.names(op, &op->error, NULL, op->data);
    } else {
        op->cb.names(op, NULL, &call->names, op->data);
    }
}

static int read_names(names_call_t *call, muv_error_t *reterr)
{
    size_t count = muv_documents_count(call->documents);
    muv__bson_iter_t iter;
    const uint8_t *data;
    size_t size;

    call->items = muv__mem_array(count + 1, sizeof(*call->items));
    if (call->items == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    for (size_t i = 0; i < count; i++) {
        data = muv_documents_data(call->documents, i, &size);
        if (!muv__bson_find(data, size, "name", &iter) || iter.type != MUV__BSON_UTF8) {
            return muv__error_set(reterr, MUV_EPROTOCOL, "a collection in the reply has no name");
        }
        call->items[i] = muv__bson_iter_text(&iter);
    }
    call->names.items = call->items;
    call->names.count = count;
    return 0;
}

static void on_collected(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                         void *data)
{
    names_call_t *call = data;
    muv_error_t own;

    (void)op;
    call->documents = documents;
    if (error == NULL && read_names(call, &own) != 0) {
        muv_op_finish(call->op, &own);
    } else {
        muv_op_finish(call->op, NULL);
    }
}

static void on_listed(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    names_call_t *call = data;
    int status = 0;
    muv_error_t own;

    (void)op;
    call->cursor = cursor;
    if (error == NULL) {
        status = muv_cursor_collect(cursor, &(muv_cursor_collect_opts_t){.parent = call->op},
                                    on_collected, call, NULL);
    }
    if (status != 0) {
        (void)muv__error_code(&own, status);
        muv_op_finish(call->op, &own);
    } else if (error != NULL) {
        muv_op_finish(call->op, NULL);
    }
}

/* Only names are asked for when the filter looks at nothing else. */
static int8_t names_suffice(const bson_t *filter)
{
    muv__bson_iter_t iter;

    if (filter == NULL) {
        return MUV_YES;
    }
    (void)muv__bson_iter_init(&iter, bson_get_data(filter), filter->len);
    while (muv__bson_iter_next(&iter)) {
        if (!MUV__BSON_KEY_IS(&iter, "name")) {
            return MUV_UNSET;
        }
    }
    return MUV_YES;
}

static int begin_names(muv_client_t *client, muv_op_t *parent, muv_op_t **ret)
{
    names_call_t *call = muv__mem_zalloc(sizeof(*call));
    int status;

    if (call == NULL) {
        (void)muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
        return MUV_ENOMEM;
    }
    status = muv__op_new(client, parent, deliver_names, &call->op);
    if (status != 0) {
        muv__mem_free(call);
        return status;
    }
    call->op->composite = 1;
    call->op->extra = call;
    call->op->dispose = dispose_names;
    *ret = call->op;
    return 0;
}

int muv_database_list_collection_names(muv_database_t *database,
                                       const muv_list_collections_opts_t *opts, muv_names_cb cb,
                                       void *data, muv_op_t **ret_op)
{
    static const muv_list_collections_opts_t defaults = {0};
    muv_list_collections_opts_t list;
    muv_op_t *op;
    int status;

    if (database == NULL) {
        return MUV_EINVAL;
    }
    if (cb == NULL) {
        return muv__client_refuse(database->client, MUV_EINVAL, "cb: it is NULL");
    }
    list = opts == NULL ? defaults : *opts;
    status = muv__check_timeout(database->client, list.timeout_ms);
    if (status == 0 && list.timeout_mode != 0) {
        status = muv__client_refuse(database->client, MUV_EINVAL,
                                    "timeout_mode: names come without a cursor");
    }
    if (status != 0) {
        return status;
    }
    status = begin_names(database->client, list.parent, &op);
    if (status != 0) {
        return status;
    }
    op->cb.names = cb;
    op->data = data;
    muv__op_set_timeout(op, list.timeout_ms != 0 ? list.timeout_ms : database->timeout_ms);
    list.name_only = names_suffice(list.filter);
    list.parent = op;
    list.timeout_ms = op->has_timeout ? MUV_INFINITE : 0; /* The composite's counts. */
    status = muv_database_list_collections(database, &list, on_listed, op->extra, NULL);
    if (status != 0) {
        muv__op_discard(op);
        return status;
    }
    if (ret_op != NULL) {
        *ret_op = op;
    }
    return 0;
}
