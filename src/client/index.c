/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, dropping and listing indexes. */
#include "client/ddl.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* MongoDB 4.4, the first with commitQuorum. */
#define WIRE_VERSION_COMMIT_QUORUM 9

/* Longest name that servers take. */
#define NAME_SIZE 128

static const muv_ddl_opts_t no_options = {0};

/* --- names -------------------------------------------------------------------------------------*/

/* The direction or kind of one key: a whole number, or a text. Returns its length, negative when it
 * is neither; as snprintf() it may be larger than the room. */
static int format_direction(const muv__bson_iter_t *iter, char *text, size_t size)
{
    int64_t number;

    if (iter->type == MUV__BSON_UTF8) {
        return snprintf(text, size, "%s", muv__bson_iter_text(iter));
    }
    if (iter->type == MUV__BSON_BOOL || !muv__bson_iter_as_int64(iter, &number) || number == 0) {
        return -1;
    }
    return snprintf(text, size, "%lld", (long long)number);
}

static size_t add(char *text, size_t size, size_t at, int length)
{
    (void)text;
    return length < 0 || at >= size || (size_t)length >= size - at ? size : at + (size_t)length;
}

int muv_index_name(const bson_t *keys, char *text, size_t size)
{
    muv__bson_iter_t iter;
    size_t at = 0;

    if (keys == NULL || text == NULL || size == 0 ||
        !muv__bson_iter_init(&iter, bson_get_data(keys), keys->len)) {
        return MUV_EINVAL;
    }
    while (at < size && muv__bson_iter_next(&iter)) {
        at = add(text, size, at,
                 snprintf(text + at, size - at, "%s%s_", at == 0 ? "" : "_", iter.key));
        if (at < size) {
            at = add(text, size, at, format_direction(&iter, text + at, size - at));
        }
    }
    return at == 0 || at == size || iter.bad ? MUV_EINVAL : 0;
}

/* --- create ------------------------------------------------------------------------------------*/

static void write_index(muv__buf_t *buf, const muv_index_model_t *index, const char *name)
{
    muv__bson_document(buf, MUV__KEY("key"), muv__bson_span(index->keys));
    muv__bson_utf8(buf, MUV__KEY("name"), name, strlen(name));
    muv__write_flag(buf, MUV__KEY("unique"), index->unique);
    muv__write_flag(buf, MUV__KEY("sparse"), index->sparse);
    muv__write_flag(buf, MUV__KEY("hidden"), index->hidden);
    if (index->expire_after_seconds != 0) {
        muv__bson_int32(buf, MUV__KEY("expireAfterSeconds"),
                        index->expire_after_seconds == MUV_ZERO ? 0 : index->expire_after_seconds);
    }
    muv__write_document(buf, MUV__KEY("partialFilterExpression"), index->partial_filter);
    muv__write_document(buf, MUV__KEY("collation"), index->collation);
    if (index->options != NULL) {
        muv__buf_append(buf, bson_get_data(index->options) + 4,
                        index->options->len - MUV__BSON_EMPTY_SIZE);
    }
}

/* Returns 0 or MUV_EINVAL. */
static int write_indexes(muv__buf_t *buf, const muv_index_model_t *indexes, size_t count)
{
    muv__bson_mark_t list = muv__bson_begin_array(buf, MUV__KEY("indexes"));
    char key[11];
    char name[NAME_SIZE];

    for (size_t i = 0; i < count; i++) {
        muv__bson_mark_t item;

        if (indexes[i].keys == NULL ||
            (indexes[i].expire_after_seconds < 0 && indexes[i].expire_after_seconds != MUV_ZERO) ||
            (indexes[i].name == NULL && muv_index_name(indexes[i].keys, name, sizeof(name)) != 0)) {
            return MUV_EINVAL;
        }
        item = muv__bson_begin_document(buf, key, muv__bson_index_key(key, (uint32_t)i));
        write_index(buf, &indexes[i], indexes[i].name != NULL ? indexes[i].name : name);
        muv__bson_end(buf, item);
    }
    muv__bson_end(buf, list);
    return 0;
}

static int prepare_commit_quorum(muv_op_t *op)
{
    if (op->conn->conn.limits.max_wire_version >= WIRE_VERSION_COMMIT_QUORUM) {
        return 0;
    }
    return muv__error_set(&op->error, MUV_ECOMPAT, "commit_quorum: it needs MongoDB 4.4");
}

int muv_collection_create_indexes(muv_collection_t *collection, const muv_index_model_t *indexes,
                                  size_t count, const muv_create_indexes_opts_t *opts,
                                  muv_reply_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_create_indexes_opts_t defaults = {0};
    muv_ddl_opts_t common;
    const char *complaint;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    common = (muv_ddl_opts_t){.comment = opts->comment,
                              .max_time_ms = opts->max_time_ms,
                              .timeout_ms = opts->timeout_ms,
                              .parent = opts->parent,
                              .session = opts->session,
                              .write_concern = opts->write_concern};
    complaint = indexes == NULL || count == 0 || count > INT32_MAX
                    ? "indexes: there is none"
                    : muv__check_wrapped(opts->commit_quorum, "commit_quorum: not one element");
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__ddl_begin(collection, &common, muv__span(MUV__KEY("createIndexes")),
                            MUV__TAIL_WRITE_CONCERN, muv__ddl_deliver_reply, &op);
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    if (write_indexes(muv__op_buf(op), indexes, count) != 0) {
        return muv__command_abort(op, MUV_EINVAL,
                                  "indexes: without usable keys or name, or "
                                  "expire_after_seconds is negative");
    }
    if (opts->commit_quorum != NULL) {
        muv__write_wrapped(muv__op_buf(op), MUV__KEY("commitQuorum"), opts->commit_quorum);
        op->prepare = prepare_commit_quorum;
    }
    return muv__ddl_launch(collection, &common, op, ret_op);
}

/* --- drop --------------------------------------------------------------------------------------*/

int muv_collection_drop_index(muv_collection_t *collection, const char *name,
                              const muv_ddl_opts_t *opts, muv_reply_cb cb, void *data,
                              muv_op_t **ret_op)
{
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &no_options : opts;
    if (name == NULL || name[0] == '\0' || strcmp(name, "*") == 0) {
        return muv__client_refuse(collection->client, MUV_EINVAL,
                                  "name: empty, or \"*\" for all indexes");
    }
    status = muv__ddl_begin(collection, opts, muv__span(MUV__KEY("dropIndexes")),
                            MUV__TAIL_WRITE_CONCERN, muv__ddl_deliver_reply, &op);
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    muv__bson_utf8(muv__op_buf(op), MUV__KEY("index"), name, strlen(name));
    return muv__ddl_launch(collection, opts, op, ret_op);
}

/* --- list --------------------------------------------------------------------------------------*/

static void deliver_list(muv_op_t *op)
{
    const muv_reply_t *reply = op->error.code == 0 ? &op->reply : NULL;

    if (op->error.code == MUV_ESERVER && op->error.server_code == MUV__CODE_NAMESPACE_NOT_FOUND) {
        op->error.code = 0;
    } else if (reply != NULL && op->cursor.size == 0) {
        (void)muv__error_set(&op->error, MUV_EPROTOCOL, "the reply to listIndexes has no cursor");
        reply = NULL;
    }
    op->cb.reply(op, op->error.code != 0 ? &op->error : NULL, reply, op->data);
}

int muv_collection_list_indexes(muv_collection_t *collection, const muv_ddl_opts_t *opts,
                                muv_reply_cb cb, void *data, muv_op_t **ret_op)
{
    muv__bson_mark_t cursor;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &no_options : opts;
    if (cb == NULL || opts->write_concern != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s",
                                  cb == NULL ? "cb: it is NULL"
                                             : "write_concern: nothing is written");
    }
    status =
        muv__ddl_begin(collection, opts, muv__span(MUV__KEY("listIndexes")), 0, deliver_list, &op);
    if (status != 0) {
        return status;
    }
    op->cb.reply = cb;
    op->data = data;
    cursor = muv__bson_begin_document(muv__op_buf(op), MUV__KEY("cursor"));
    muv__bson_end(muv__op_buf(op), cursor);
    return muv__ddl_launch(collection, opts, op, ret_op);
}
