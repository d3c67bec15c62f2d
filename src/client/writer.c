/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of the BSON writer: keys are measured, nesting is kept in order. */
#include "client/client_inner.h"

#include <string.h>

void muv_writer_double(muv_writer_t *writer, const char *key, double value)
{
    muv__bson_double(writer->buf, key, strlen(key), value);
}

void muv_writer_utf8(muv_writer_t *writer, const char *key, const char *text, size_t length)
{
    muv__bson_utf8(writer->buf, key, strlen(key), text, length);
}

void muv_writer_document(muv_writer_t *writer, const char *key, const bson_t *document)
{
    muv__bson_document(writer->buf, key, strlen(key), muv__bson_span(document));
}

void muv_writer_array(muv_writer_t *writer, const char *key, const bson_t *array)
{
    muv__bson_array(writer->buf, key, strlen(key), muv__bson_span(array));
}

void muv_writer_binary(muv_writer_t *writer, const char *key, uint8_t subtype, const void *bytes,
                       size_t size)
{
    muv__bson_binary(writer->buf, key, strlen(key), subtype, muv__span(bytes, size));
}

void muv_writer_oid(muv_writer_t *writer, const char *key, const uint8_t bytes[12])
{
    muv__bson_oid(writer->buf, key, strlen(key), bytes);
}

void muv_writer_bool(muv_writer_t *writer, const char *key, int value)
{
    muv__bson_bool(writer->buf, key, strlen(key), value);
}

void muv_writer_datetime(muv_writer_t *writer, const char *key, int64_t value_ms)
{
    muv__bson_datetime(writer->buf, key, strlen(key), value_ms);
}

void muv_writer_null(muv_writer_t *writer, const char *key)
{
    muv__bson_null(writer->buf, key, strlen(key));
}

void muv_writer_regex(muv_writer_t *writer, const char *key, const char *pattern,
                      const char *options)
{
    muv__bson_regex(writer->buf, key, strlen(key), pattern, options);
}

void muv_writer_int32(muv_writer_t *writer, const char *key, int32_t value)
{
    muv__bson_int32(writer->buf, key, strlen(key), value);
}

void muv_writer_int64(muv_writer_t *writer, const char *key, int64_t value)
{
    muv__bson_int64(writer->buf, key, strlen(key), value);
}

void muv_writer_value(muv_writer_t *writer, const char *key, uint8_t type, const void *bytes,
                      size_t size)
{
    muv__bson_value(writer->buf, key, strlen(key), type, muv__span(bytes, size));
}

static muv__bson_mark_t *push(muv_writer_t *writer)
{
    if (writer->depth == MUV__WRITER_DEPTH) {
        writer->error = MUV_EINVAL;
        return NULL;
    }
    return &writer->marks[writer->depth++];
}

void muv_writer_begin_document(muv_writer_t *writer, const char *key)
{
    muv__bson_mark_t *mark = push(writer);

    if (mark != NULL) {
        *mark = muv__bson_begin_document(writer->buf, key, strlen(key));
    }
}

void muv_writer_begin_array(muv_writer_t *writer, const char *key)
{
    muv__bson_mark_t *mark = push(writer);

    if (mark != NULL) {
        *mark = muv__bson_begin_array(writer->buf, key, strlen(key));
    }
}

void muv_writer_end(muv_writer_t *writer)
{
    if (writer->depth == 0) {
        writer->error = MUV_EINVAL;
        return;
    }
    muv__bson_end(writer->buf, writer->marks[--writer->depth]);
}

const char *muv_writer_index(muv_writer_t *writer, uint32_t index)
{
    (void)muv__bson_index_key(writer->index_key, index);
    return writer->index_key;
}
