/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of BSON elements; each is one extension of the buffer. */
#include "base/bson_writer.h"

#include "muv/error.h"

#include "base/bson_view.h"
#include "base/endian.h"

#define OLD_BINARY 2

/* A length that BSON cannot express. */
static void refuse(muv__buf_t *buf)
{
    if (buf->error == 0) {
        buf->error = MUV_ETOOLARGE;
    }
}

/* Type byte, key and room for `value_size` bytes; returns where the value goes, or NULL. */
static uint8_t *element(muv__buf_t *buf, uint8_t type, const char *key, size_t length,
                        size_t value_size)
{
    uint8_t *at = muv__buf_extend(buf, length + 2 + value_size);

    if (MUV__UNLIKELY(at == NULL)) {
        return NULL;
    }
    at[0] = type;
    memcpy(at + 1, key, length);
    at[1 + length] = 0;
    return at + length + 2;
}

muv__bson_mark_t muv__bson_begin(muv__buf_t *buf)
{
    muv__bson_mark_t mark = {buf->size};

    (void)muv__buf_extend(buf, 4);
    return mark;
}

void muv__bson_end(muv__buf_t *buf, muv__bson_mark_t mark)
{
    uint8_t *at = muv__buf_extend(buf, 1);

    if (at == NULL) {
        return;
    }
    if (MUV__UNLIKELY(buf->size - mark.start > INT32_MAX)) {
        refuse(buf);
        return;
    }
    *at = 0;
    muv__store_u32(buf->data + mark.start, (uint32_t)(buf->size - mark.start));
}

static muv__bson_mark_t begin_child(muv__buf_t *buf, uint8_t type, const char *key, size_t length)
{
    uint8_t *at = element(buf, type, key, length, 4);
    muv__bson_mark_t mark = {at == NULL ? 0 : (size_t)(at - buf->data)};

    return mark;
}

muv__bson_mark_t muv__bson_begin_document(muv__buf_t *buf, const char *key, size_t length)
{
    return begin_child(buf, MUV__BSON_DOCUMENT, key, length);
}

muv__bson_mark_t muv__bson_begin_array(muv__buf_t *buf, const char *key, size_t length)
{
    return begin_child(buf, MUV__BSON_ARRAY, key, length);
}

void muv__bson_double(muv__buf_t *buf, const char *key, size_t length, double value)
{
    uint8_t *at = element(buf, MUV__BSON_DOUBLE, key, length, 8);

    if (at != NULL) {
        muv__store_double(at, value);
    }
}

void muv__bson_utf8(muv__buf_t *buf, const char *key, size_t length, const char *text,
                    size_t text_length)
{
    uint8_t *at;

    if (MUV__UNLIKELY(text_length > INT32_MAX - 1)) {
        refuse(buf);
        return;
    }
    at = element(buf, MUV__BSON_UTF8, key, length, text_length + 5);
    if (at != NULL) {
        muv__store_u32(at, (uint32_t)text_length + 1);
        if (text_length != 0) {
            memcpy(at + 4, text, text_length);
        }
        at[4 + text_length] = 0;
    }
}

static void copy_value(muv__buf_t *buf, uint8_t type, const char *key, size_t length,
                       muv__span_t value)
{
    uint8_t *at = element(buf, type, key, length, value.size);

    if (at != NULL && value.size != 0) {
        memcpy(at, value.data, value.size);
    }
}

static const uint8_t empty_document[MUV__BSON_EMPTY_SIZE] = {MUV__BSON_EMPTY_SIZE, 0, 0, 0, 0};

void muv__bson_document(muv__buf_t *buf, const char *key, size_t length, muv__span_t document)
{
    if (document.size == 0) {
        document = muv__span(empty_document, sizeof(empty_document));
    }
    copy_value(buf, MUV__BSON_DOCUMENT, key, length, document);
}

void muv__bson_array(muv__buf_t *buf, const char *key, size_t length, muv__span_t array)
{
    if (array.size == 0) {
        array = muv__span(empty_document, sizeof(empty_document));
    }
    copy_value(buf, MUV__BSON_ARRAY, key, length, array);
}

void muv__bson_binary(muv__buf_t *buf, const char *key, size_t length, uint8_t subtype,
                      muv__span_t bytes)
{
    /* The old subtype repeats the length inside. */
    size_t inner = subtype == OLD_BINARY ? 4 : 0;
    uint8_t *at;

    if (MUV__UNLIKELY(bytes.size > INT32_MAX - 4)) {
        refuse(buf);
        return;
    }
    at = element(buf, MUV__BSON_BINARY, key, length, 5 + inner + bytes.size);
    if (at == NULL) {
        return;
    }
    muv__store_u32(at, (uint32_t)(inner + bytes.size));
    at[4] = subtype;
    at += 5;
    if (inner != 0) {
        muv__store_u32(at, (uint32_t)bytes.size);
        at += 4;
    }
    if (bytes.size != 0) {
        memcpy(at, bytes.data, bytes.size);
    }
}

void muv__bson_oid(muv__buf_t *buf, const char *key, size_t length, const uint8_t oid[12])
{
    copy_value(buf, MUV__BSON_OID, key, length, muv__span(oid, 12));
}

void muv__bson_bool(muv__buf_t *buf, const char *key, size_t length, int value)
{
    uint8_t *at = element(buf, MUV__BSON_BOOL, key, length, 1);

    if (at != NULL) {
        *at = value != 0;
    }
}

static void put_int64(muv__buf_t *buf, uint8_t type, const char *key, size_t length, uint64_t value)
{
    uint8_t *at = element(buf, type, key, length, 8);

    if (at != NULL) {
        muv__store_u64(at, value);
    }
}

void muv__bson_datetime(muv__buf_t *buf, const char *key, size_t length, int64_t value_ms)
{
    put_int64(buf, MUV__BSON_DATETIME, key, length, (uint64_t)value_ms);
}

void muv__bson_null(muv__buf_t *buf, const char *key, size_t length)
{
    (void)element(buf, MUV__BSON_NULL, key, length, 0);
}

void muv__bson_regex(muv__buf_t *buf, const char *key, size_t length, const char *pattern,
                     const char *options)
{
    size_t pattern_size = strlen(pattern) + 1;
    size_t options_size = strlen(options) + 1;
    uint8_t *at = element(buf, MUV__BSON_REGEX, key, length, pattern_size + options_size);

    if (at != NULL) {
        memcpy(at, pattern, pattern_size);
        memcpy(at + pattern_size, options, options_size);
    }
}

void muv__bson_int32(muv__buf_t *buf, const char *key, size_t length, int32_t value)
{
    uint8_t *at = element(buf, MUV__BSON_INT32, key, length, 4);

    if (at != NULL) {
        muv__store_i32(at, value);
    }
}

void muv__bson_int64(muv__buf_t *buf, const char *key, size_t length, int64_t value)
{
    put_int64(buf, MUV__BSON_INT64, key, length, (uint64_t)value);
}

void muv__bson_timestamp(muv__buf_t *buf, const char *key, size_t length, uint64_t value)
{
    put_int64(buf, MUV__BSON_TIMESTAMP, key, length, value);
}

void muv__bson_value(muv__buf_t *buf, const char *key, size_t length, uint8_t type,
                     muv__span_t value)
{
    copy_value(buf, type, key, length, value);
}

size_t muv__bson_index_key(char text[11], uint32_t index)
{
    char reversed[10];
    size_t count = 0;

    do {
        reversed[count++] = (char)('0' + index % 10);
        index /= 10;
    } while (index != 0);
    for (size_t i = 0; i < count; i++) {
        text[i] = reversed[count - 1 - i];
    }
    text[count] = '\0';
    return count;
}
