/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of replies to insert, update and delete. The reply is valid BSON; what it says may be
 * nonsense, and then the write is in doubt. */
#include "client/write.h"

#include <string.h>

#include "base/error.h"
#include "op/reply.h"

void muv__write_reply_unusable(muv_error_t *error, const char *why)
{
    (void)muv__error_set(error, MUV_EPROTOCOL, "the reply to a write is unusable: %s", why);
    error->in_doubt = 1;
}

static muv__span_t array_of(const muv__bson_iter_t *iter)
{
    return iter->type == MUV__BSON_ARRAY ? muv__span(iter->value, iter->value_size)
                                         : muv__span(NULL, 0);
}

static void read_element(const muv__bson_iter_t *iter, muv__write_reply_t *reply)
{
    if (MUV__BSON_KEY_IS(iter, "n")) {
        (void)muv__bson_iter_as_int64(iter, &reply->n);
    } else if (MUV__BSON_KEY_IS(iter, "nModified")) {
        (void)muv__bson_iter_as_int64(iter, &reply->n_modified);
    } else if (MUV__BSON_KEY_IS(iter, "upserted")) {
        reply->upserted = array_of(iter);
    } else if (MUV__BSON_KEY_IS(iter, "writeErrors")) {
        reply->write_errors = array_of(iter);
    }
}

int muv__write_reply_read(muv__span_t body, int64_t max_n, muv__write_reply_t *ret,
                          muv_error_t *error)
{
    muv__reply_info_t info;
    muv__bson_iter_t iter;

    memset(ret, 0, sizeof(*ret));
    ret->n = -1;
    (void)muv__bson_iter_init(&iter, body.data, body.size);
    while (muv__bson_iter_next(&iter)) {
        read_element(&iter, ret);
    }
    if (ret->n < 0 || ret->n > max_n || ret->n_modified < 0 || ret->n_modified > ret->n) {
        muv__write_reply_unusable(error, "n or nModified");
        return MUV_EPROTOCOL;
    }
    muv__reply_read(body, &info);
    ret->write_concern_error = info.write_concern_error;
    ret->labels = info.labels;
    return 0;
}

static void read_text(const muv__bson_iter_t *iter, const char **ret)
{
    if (iter->type == MUV__BSON_UTF8) {
        *ret = muv__bson_iter_text(iter);
    }
}

static void read_code(const muv__bson_iter_t *iter, int32_t *ret)
{
    int64_t code;

    if (muv__bson_iter_as_int64(iter, &code) && code >= INT32_MIN && code <= INT32_MAX) {
        *ret = (int32_t)code;
    }
}

/* An index in the command, within its `count` statements. */
static int read_index(const muv__bson_iter_t *iter, size_t count, size_t *ret)
{
    int64_t index;

    if (!muv__bson_iter_as_int64(iter, &index) || index < 0 || (uint64_t)index >= count) {
        return 0;
    }
    *ret = (size_t)index;
    return 1;
}

/* Step to the next element, which must be a document. Returns as muv__write_error_next(). */
static int next_document(muv__bson_iter_t *iter, muv__bson_iter_t *ret_field)
{
    if (!muv__bson_iter_next(iter)) {
        return 0;
    }
    return iter->type == MUV__BSON_DOCUMENT && muv__bson_iter_child(iter, ret_field)
               ? 1
               : MUV_EPROTOCOL;
}

int muv__write_error_next(muv__bson_iter_t *iter, size_t count, muv_write_error_t *ret)
{
    muv__bson_iter_t field;
    int status = next_document(iter, &field);
    int has_index = 0;

    if (status != 1) {
        return status;
    }
    memset(ret, 0, sizeof(*ret));
    ret->message = "";
    while (muv__bson_iter_next(&field)) {
        if (MUV__BSON_KEY_IS(&field, "index")) {
            has_index = read_index(&field, count, &ret->index);
        } else if (MUV__BSON_KEY_IS(&field, "code")) {
            read_code(&field, &ret->code);
        } else if (MUV__BSON_KEY_IS(&field, "errmsg")) {
            read_text(&field, &ret->message);
        } else if (MUV__BSON_KEY_IS(&field, "errInfo") && field.type == MUV__BSON_DOCUMENT) {
            ret->details = field.value;
            ret->details_size = field.value_size;
        }
    }
    return has_index ? 1 : MUV_EPROTOCOL;
}

int muv__upserted_next(muv__bson_iter_t *iter, size_t count, muv_upserted_t *ret)
{
    muv__bson_iter_t field;
    int status = next_document(iter, &field);
    int has_index = 0;

    if (status != 1) {
        return status;
    }
    memset(ret, 0, sizeof(*ret));
    while (muv__bson_iter_next(&field)) {
        if (MUV__BSON_KEY_IS(&field, "index")) {
            has_index = read_index(&field, count, &ret->index);
        } else if (MUV__BSON_KEY_IS(&field, "_id")) {
            ret->id.type = field.type;
            ret->id.size = field.value_size;
            ret->id.data = field.value;
        }
    }
    return has_index && ret->id.type != 0 ? 1 : MUV_EPROTOCOL;
}

void muv__write_concern_error_read(muv__span_t document, muv_write_concern_error_t *ret)
{
    muv__bson_iter_t field;

    memset(ret, 0, sizeof(*ret));
    ret->code_name = "";
    ret->message = "";
    (void)muv__bson_iter_init(&field, document.data, document.size);
    while (muv__bson_iter_next(&field)) {
        if (MUV__BSON_KEY_IS(&field, "code")) {
            read_code(&field, &ret->code);
        } else if (MUV__BSON_KEY_IS(&field, "codeName")) {
            read_text(&field, &ret->code_name);
        } else if (MUV__BSON_KEY_IS(&field, "errmsg")) {
            read_text(&field, &ret->message);
        } else if (MUV__BSON_KEY_IS(&field, "errInfo") && field.type == MUV__BSON_DOCUMENT) {
            ret->details = field.value;
            ret->details_size = field.value_size;
        }
    }
}

static void set_code_name(muv_error_t *error, const char *name)
{
    size_t length = strnlen(name, MUV_ERROR_NAME_SIZE - 1);

    memcpy(error->code_name, name, length);
    error->code_name[length] = '\0';
}

void muv__write_error_set(muv_error_t *error, const muv_write_error_t *first, uint32_t labels)
{
    (void)muv__error_set(error, MUV_EWRITE, "%s",
                         first->message[0] != '\0' ? first->message : muv_error_text(MUV_EWRITE));
    error->server_code = first->code;
    error->labels = labels;
    /* Statements' errors carry no name; the one that every program asks for has a fixed code. */
    if (first->code == 11000) {
        set_code_name(error, "DuplicateKey");
    }
}

void muv__write_concern_error_set(muv_error_t *error, const muv_write_concern_error_t *concern,
                                  uint32_t labels)
{
    (void)muv__error_set(error, MUV_EWRITE, "%s",
                         concern->message[0] != '\0' ? concern->message
                                                     : "the write concern was not satisfied");
    error->server_code = concern->code;
    error->labels = labels;
    error->in_doubt = 1;
    set_code_name(error, concern->code_name);
}
