/* SPDX-License-Identifier: Apache-2.0 */
/* Options that read commands share, and commands on a collection or a database. */
#include "client/read.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/error.h"

/* --- targets -----------------------------------------------------------------------------------*/

muv__target_t muv__target_of_collection(const muv_collection_t *collection)
{
    muv__target_t target = {
        .client = collection->client,
        .concerns = collection->concerns,
        .database = collection->database,
        .database_length = collection->database_length,
        .collection = collection->name,
        .collection_length = collection->name_length,
        .timeout_ms = collection->timeout_ms,
    };

    return target;
}

muv__target_t muv__target_of_database(const muv_database_t *database)
{
    muv__target_t target = {
        .client = database->client,
        .concerns = database->concerns,
        .database = database->name,
        .database_length = database->name_length,
        .timeout_ms = database->timeout_ms,
    };

    return target;
}

int muv__target_command_new(const muv__target_t *target, muv_op_t *parent, uint8_t kind,
                            unsigned tail, muv__deliver_t deliver, muv_op_t **ret)
{
    int status = muv__command_new(target->client, parent, kind, deliver, ret);

    if (status == 0) {
        muv__concerns_release((*ret)->concerns);
        (*ret)->concerns = muv__concerns_retain(target->concerns);
        (*ret)->tail = (uint8_t)tail;
    }
    return status;
}

int muv__target_command_launch(const muv__target_t *target, muv_op_t *op, int64_t timeout_ms,
                               muv_op_t **ret_op)
{
    return muv__command_launch(op, target->database, target->database_length,
                               timeout_ms != 0 ? timeout_ms : target->timeout_ms, ret_op);
}

/* --- checks ------------------------------------------------------------------------------------*/

int muv__check_comment(muv_client_t *client, const bson_t *comment)
{
    muv__bson_iter_t iter;

    if (comment != NULL && (!muv__bson_iter_init(&iter, bson_get_data(comment), comment->len) ||
                            !muv__bson_iter_next(&iter) || muv__bson_iter_next(&iter))) {
        return muv__client_refuse(client, MUV_EINVAL, "comment: not a document of one element");
    }
    return 0;
}

int muv__check_batch_size(muv_client_t *client, int32_t batch_size)
{
    if (batch_size < 0 && batch_size != MUV_ZERO) {
        return muv__client_refuse(client, MUV_EINVAL, "batch_size: it is negative");
    }
    return 0;
}

int muv__check_not_negative(muv_client_t *client, const char *name, int64_t value)
{
    return value >= 0 ? 0 : muv__client_refuse(client, MUV_EINVAL, "%s: it is negative", name);
}

int muv__check_timeout(muv_client_t *client, int64_t timeout_ms)
{
    return timeout_ms >= 0 || timeout_ms == MUV_INFINITE
               ? 0
               : muv__client_refuse(client, MUV_EINVAL, "timeout_ms: it is negative");
}

int muv__read_fields_check(muv_client_t *client, const muv__read_fields_t *fields)
{
    if (fields->hint != NULL && fields->hint_document != NULL) {
        return muv__client_refuse(client, MUV_EINVAL,
                                  "hint: given as a name and as a document at once");
    }
    if (fields->max_time_ms < 0) {
        return muv__check_not_negative(client, "max_time_ms", fields->max_time_ms);
    }
    return muv__check_comment(client, fields->comment);
}

/* --- writing -----------------------------------------------------------------------------------*/

void muv__write_document(muv__buf_t *buf, const char *key, size_t length, const bson_t *document)
{
    if (document != NULL) {
        muv__bson_document(buf, key, length, muv__bson_span(document));
    }
}

void muv__write_flag(muv__buf_t *buf, const char *key, size_t length, int8_t flag)
{
    if (flag != MUV_UNSET) {
        muv__bson_bool(buf, key, length, flag == MUV_YES);
    }
}

void muv__write_comment(muv__buf_t *buf, muv__span_t document)
{
    muv__bson_iter_t iter;

    if (document.size != 0 && muv__bson_iter_init(&iter, document.data, document.size) &&
        muv__bson_iter_next(&iter)) {
        muv__bson_value(buf, MUV__KEY("comment"), iter.type,
                        muv__span(iter.value, iter.value_size));
    }
}

void muv__read_fields_write(muv__buf_t *buf, const muv__read_fields_t *fields)
{
    muv__write_document(buf, MUV__KEY("hint"), fields->hint_document);
    if (fields->hint != NULL) {
        muv__bson_utf8(buf, MUV__KEY("hint"), fields->hint, strlen(fields->hint));
    }
    if (fields->comment != NULL) {
        muv__write_comment(buf, muv__bson_span(fields->comment));
    }
    muv__write_document(buf, MUV__KEY("collation"), fields->collation);
    muv__write_document(buf, MUV__KEY("let"), fields->let);
}
