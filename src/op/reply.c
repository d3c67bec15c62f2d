/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of ok, code, labels and the parts of a reply that other layers look at. */
#include "op/reply.h"

#include <string.h>

#include "base/bson_view.h"

static uint32_t read_labels(const muv__bson_iter_t *iter)
{
    muv__bson_iter_t item;
    uint32_t labels = 0;

    if (iter->type != MUV__BSON_ARRAY || !muv__bson_iter_child(iter, &item)) {
        return 0;
    }
    while (muv__bson_iter_next(&item)) {
        if (item.type == MUV__BSON_UTF8) {
            labels |=
                muv__error_label_bit(muv__bson_iter_text(&item), muv__bson_iter_text_length(&item));
        }
    }
    return labels;
}

static muv__span_t text_of(const muv__bson_iter_t *iter)
{
    if (iter->type != MUV__BSON_UTF8) {
        return muv__span(NULL, 0);
    }
    return muv__span(muv__bson_iter_text(iter), muv__bson_iter_text_length(iter));
}

static muv__span_t document_of(const muv__bson_iter_t *iter)
{
    if (iter->type != MUV__BSON_DOCUMENT) {
        return muv__span(NULL, 0);
    }
    return muv__span(iter->value, iter->value_size);
}

static int32_t code_of(const muv__bson_iter_t *iter)
{
    int64_t code;

    if (!muv__bson_iter_as_int64(iter, &code) || code > INT32_MAX || code < INT32_MIN) {
        return 0;
    }
    return (int32_t)code;
}

/* Keys that only failed commands and replica sets send. */
static void read_rare(const muv__bson_iter_t *iter, muv__reply_info_t *info)
{
    if (MUV__BSON_KEY_IS(iter, "code")) {
        info->code = code_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "codeName")) {
        info->code_name = text_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "errmsg")) {
        info->message = text_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "errorLabels")) {
        info->labels = read_labels(iter);
    } else if (MUV__BSON_KEY_IS(iter, "writeErrors")) {
        info->has_write_errors =
            iter->type == MUV__BSON_ARRAY && iter->value_size > MUV__BSON_EMPTY_SIZE;
    } else if (MUV__BSON_KEY_IS(iter, "writeConcernError")) {
        info->write_concern_error = document_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "$clusterTime")) {
        info->cluster_time = document_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "topologyVersion")) {
        info->topology_version = document_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "operationTime")) {
        info->operation_time = iter->type == MUV__BSON_TIMESTAMP ? muv__load_u64(iter->value) : 0;
    }
}

void muv__reply_read(muv__span_t reply, muv__reply_info_t *info)
{
    muv__bson_iter_t iter;

    memset(info, 0, sizeof(*info));
    (void)muv__bson_iter_init(&iter, reply.data, reply.size);
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "ok")) {
            info->ok = (int8_t)muv__bson_iter_is_true(&iter);
        } else if (MUV__BSON_KEY_IS(&iter, "cursor")) {
            info->cursor = document_of(&iter);
        } else {
            read_rare(&iter, info);
        }
    }
}

static int length_of(muv__span_t text, size_t limit)
{
    return (int)(text.size < limit ? text.size : limit - 1);
}

void muv__reply_error(const muv__reply_info_t *info, muv__span_t reply, muv_error_t *error)
{
    if (info->message.size != 0) {
        (void)muv__error_set(error, MUV_ESERVER, "%.*s",
                             length_of(info->message, MUV_ERROR_MESSAGE_SIZE),
                             (const char *)info->message.data);
    } else {
        (void)muv__error_set(error, MUV_ESERVER, "the server answered ok: 0 without a message");
    }
    error->server_code = info->code;
    error->labels = info->labels;
    if (info->code_name.size != 0) {
        size_t length = (size_t)length_of(info->code_name, MUV_ERROR_NAME_SIZE);

        memcpy(error->code_name, info->code_name.data, length);
        error->code_name[length] = '\0';
    }
    error->reply = reply.data;
    error->reply_size = (uint32_t)reply.size;
}
