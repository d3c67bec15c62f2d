/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of authentication commands, and their replies. */
#include "auth/sasl.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"

#include <string.h>

static void write_source(muv__sasl_place_t place, const char *source, muv__buf_t *ret)
{
    if (place == MUV__SASL_COMMAND) {
        muv__bson_utf8(ret, MUV__KEY("$db"), source, strlen(source));
    } else {
        muv__bson_utf8(ret, MUV__KEY("db"), source, strlen(source));
    }
}

static void write_mechanism(muv__mechanism_t mechanism, muv__buf_t *ret)
{
    const char *name = muv__mechanism_name(mechanism);

    muv__bson_utf8(ret, MUV__KEY("mechanism"), name, strlen(name));
}

/* (Authentication: SCRAM) The server need not send an empty round at the end. */
static void write_options(muv__buf_t *ret)
{
    muv__bson_mark_t mark = muv__bson_begin_document(ret, MUV__KEY("options"));

    muv__bson_bool(ret, MUV__KEY("skipEmptyExchange"), 1);
    muv__bson_end(ret, mark);
}

void muv__sasl_write_start(const muv__sasl_start_t *start, muv__buf_t *ret)
{
    muv__bson_int32(ret, MUV__KEY("saslStart"), 1);
    write_mechanism(start->mechanism, ret);
    muv__bson_binary(ret, MUV__KEY("payload"), 0, start->payload);
    if (start->mechanism == MUV__MECHANISM_PLAIN || start->mechanism == MUV__MECHANISM_GSSAPI) {
        muv__bson_int32(ret, MUV__KEY("autoAuthorize"), 1);
    }
    if (start->mechanism == MUV__MECHANISM_SCRAM_SHA_1 ||
        start->mechanism == MUV__MECHANISM_SCRAM_SHA_256) {
        write_options(ret);
    }
    write_source(start->place, start->source, ret);
}

void muv__sasl_write_continue(int32_t conversation_id, const char *source, muv__span_t payload,
                              muv__buf_t *ret)
{
    muv__bson_int32(ret, MUV__KEY("saslContinue"), 1);
    muv__bson_int32(ret, MUV__KEY("conversationId"), conversation_id);
    muv__bson_binary(ret, MUV__KEY("payload"), 0, payload);
    write_source(MUV__SASL_COMMAND, source, ret);
}

void muv__sasl_write_x509(muv__sasl_place_t place, const char *source, const char *username,
                          muv__buf_t *ret)
{
    muv__bson_int32(ret, MUV__KEY("authenticate"), 1);
    write_mechanism(MUV__MECHANISM_X509, ret);
    if (username != NULL) {
        muv__bson_utf8(ret, MUV__KEY("user"), username, strlen(username));
    }
    write_source(place, source, ret);
}

/* A number that must be whole and fit: it goes back to the server as int32. */
static int read_id(const muv__bson_iter_t *iter, int32_t *ret)
{
    int64_t value;

    if ((iter->type != MUV__BSON_INT32 && iter->type != MUV__BSON_INT64 &&
         iter->type != MUV__BSON_DOUBLE) ||
        !muv__bson_iter_as_int64(iter, &value) || value < INT32_MIN || value > INT32_MAX) {
        return 0;
    }
    *ret = (int32_t)value;
    return 1;
}

/* A binary value is its length, its subtype and its bytes; very old servers send a string. */
static int read_payload(const muv__bson_iter_t *iter, muv__span_t *ret)
{
    if (iter->type == MUV__BSON_UTF8) {
        *ret = muv__span(muv__bson_iter_text(iter), muv__bson_iter_text_length(iter));
        return 1;
    }
    if (iter->type == MUV__BSON_BINARY && iter->value[4] == 0) {
        *ret = muv__span(iter->value + 5, iter->value_size - 5);
        return 1;
    }
    return 0;
}

int muv__sasl_read(muv__span_t reply, muv__sasl_reply_t *ret)
{
    enum { HAS_ID = 1, HAS_DONE = 2, HAS_PAYLOAD = 4, HAS_ALL = 7 };
    muv__sasl_reply_t found = {.conversation_id = 0};
    unsigned has = 0;
    muv__bson_iter_t iter;

    if (!muv__bson_iter_init(&iter, reply.data, reply.size)) {
        return 0;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "conversationId")) {
            has |= read_id(&iter, &found.conversation_id) ? HAS_ID : 0;
        } else if (MUV__BSON_KEY_IS(&iter, "done") && iter.type == MUV__BSON_BOOL) {
            found.done = (int8_t)muv__bson_iter_is_true(&iter);
            has |= HAS_DONE;
        } else if (MUV__BSON_KEY_IS(&iter, "payload")) {
            has |= read_payload(&iter, &found.payload) ? HAS_PAYLOAD : 0;
        }
    }
    if (iter.bad || has != HAS_ALL) {
        return 0;
    }
    *ret = found;
    return 1;
}

static uint32_t read_labels(const muv__bson_iter_t *iter)
{
    uint32_t labels = 0;
    muv__bson_iter_t names;

    if (!muv__bson_iter_child(iter, &names)) {
        return 0;
    }
    while (muv__bson_iter_next(&names)) {
        if (names.type == MUV__BSON_UTF8) {
            labels |= muv__error_label_bit(muv__bson_iter_text(&names),
                                           muv__bson_iter_text_length(&names));
        }
    }
    return labels;
}

static void read_code_name(const muv__bson_iter_t *iter, muv_error_t *error)
{
    size_t length = muv__bson_iter_text_length(iter);

    if (length < sizeof(error->code_name)) {
        memcpy(error->code_name, muv__bson_iter_text(iter), length);
        error->code_name[length] = '\0';
    }
}

int muv__sasl_refused(muv__span_t reply, muv_error_t *error)
{
    muv__bson_iter_t iter;
    int ok = 0;

    if (!muv__bson_iter_init(&iter, reply.data, reply.size)) {
        return 1;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "ok")) {
            ok = muv__bson_iter_is_true(&iter);
        } else if (MUV__BSON_KEY_IS(&iter, "code")) {
            int32_t code = 0;

            error->server_code = read_id(&iter, &code) ? code : 0;
        } else if (MUV__BSON_KEY_IS(&iter, "codeName") && iter.type == MUV__BSON_UTF8) {
            read_code_name(&iter, error);
        } else if (MUV__BSON_KEY_IS(&iter, "errorLabels")) {
            error->labels |= read_labels(&iter);
        }
    }
    return !ok;
}
