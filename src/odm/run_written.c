/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of replies to writes. Which errors come with ok:1: writeErrors (statements that the
 * server refused) and writeConcernError (applied, but perhaps not kept). */
#include "odm/run_written.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "base/span.h"

#include <string.h>

static void take_text(char *text, size_t size, const muv__bson_iter_t *iter)
{
    size_t length;

    if (iter->type != MUV__BSON_UTF8) {
        return;
    }
    length = muv__bson_iter_text_length(iter);
    length = length < size ? length : size - 1;
    memcpy(text, muv__bson_iter_text(iter), length);
    text[length] = '\0';
}

/* code, codeName and errmsg of a write error or of a write concern error. */
static int take_error(const muv__bson_iter_t *document, muv__span_t reply, muv_error_t *error)
{
    muv__bson_iter_t iter;
    int64_t code;

    (void)muv__error_set(error, MUV_EWRITE, "%s", muv_error_text(MUV_EWRITE));
    error->reply = reply.data;
    error->reply_size = (uint32_t)reply.size;
    if (!muv__bson_iter_child(document, &iter)) {
        return MUV_EWRITE;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "code") && muv__bson_iter_as_int64(&iter, &code) &&
            code >= INT32_MIN && code <= INT32_MAX) {
            error->server_code = (int32_t)code;
        } else if (MUV__BSON_KEY_IS(&iter, "codeName")) {
            take_text(error->code_name, sizeof(error->code_name), &iter);
        } else if (MUV__BSON_KEY_IS(&iter, "errmsg")) {
            take_text(error->message, sizeof(error->message), &iter);
        }
    }
    return MUV_EWRITE;
}

static int take_first(const muv__bson_iter_t *array, muv__span_t reply, muv_error_t *error)
{
    muv__bson_iter_t item;

    if (!muv__bson_iter_child(array, &item) || !muv__bson_iter_next(&item)) {
        return 0;
    }
    return take_error(&item, reply, error);
}

static void take_labels(const muv__bson_iter_t *array, muv_error_t *error)
{
    muv__bson_iter_t item;

    if (!muv__bson_iter_child(array, &item)) {
        return;
    }
    while (muv__bson_iter_next(&item)) {
        if (item.type == MUV__BSON_UTF8) {
            error->labels |=
                muv__error_label_bit(muv__bson_iter_text(&item), muv__bson_iter_text_length(&item));
        }
    }
}

/* A write error comes before a write concern error: it is the caller's to mend. */
static int read_errors(muv__span_t reply, muv_error_t *reterr)
{
    muv__bson_iter_t iter;
    int code = 0;

    if (muv__bson_find(reply.data, reply.size, "writeErrors", &iter)) {
        code = take_first(&iter, reply, reterr);
    }
    if (code == 0 && muv__bson_find(reply.data, reply.size, "writeConcernError", &iter)) {
        code = take_error(&iter, reply, reterr);
        reterr->in_doubt = 1;
    }
    if (code != 0 && muv__bson_find(reply.data, reply.size, "errorLabels", &iter)) {
        take_labels(&iter, reterr);
    }
    return code;
}

static muv__span_t bytes_of(const muv_reply_t *reply)
{
    muv__span_t bytes;

    bytes.data = muv_reply_data(reply, &bytes.size);
    return bytes;
}

int muv__written_errors(const muv_reply_t *reply, muv_error_t *reterr)
{
    return reply == NULL ? 0 : read_errors(bytes_of(reply), reterr);
}

int muv__written_read(const muv_reply_t *reply, muv__written_t *ret, muv_error_t *reterr)
{
    muv__span_t bytes;
    muv__bson_iter_t iter;

    memset(ret, 0, sizeof(*ret));
    if (reply == NULL) {
        return 0;
    }
    bytes = bytes_of(reply);
    ret->acknowledged = 1;
    if (!muv__bson_find(bytes.data, bytes.size, "n", &iter) ||
        !muv__bson_iter_as_int64(&iter, &ret->matched)) {
        return muv__error_set(reterr, MUV_EPROTOCOL, "the reply to a write has no count");
    }
    if (muv__bson_find(bytes.data, bytes.size, "nModified", &iter)) {
        (void)muv__bson_iter_as_int64(&iter, &ret->modified);
    }
    return read_errors(bytes, reterr);
}
