/* SPDX-License-Identifier: Apache-2.0 */
/* Read BSON bytes in place: an iterator that never reads past the end it was given, whatever the
 * bytes say. It does not judge a whole document: that is bson_check.h. Values are borrowed. */
#ifndef MUV__BSON_VIEW_H
#define MUV__BSON_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/endian.h"

enum {
    MUV__BSON_DOUBLE = 0x01,
    MUV__BSON_UTF8 = 0x02,
    MUV__BSON_DOCUMENT = 0x03,
    MUV__BSON_ARRAY = 0x04,
    MUV__BSON_BINARY = 0x05,
    MUV__BSON_UNDEFINED = 0x06,
    MUV__BSON_OID = 0x07,
    MUV__BSON_BOOL = 0x08,
    MUV__BSON_DATETIME = 0x09,
    MUV__BSON_NULL = 0x0a,
    MUV__BSON_REGEX = 0x0b,
    MUV__BSON_DBPOINTER = 0x0c,
    MUV__BSON_CODE = 0x0d,
    MUV__BSON_SYMBOL = 0x0e,
    MUV__BSON_CODEWSCOPE = 0x0f,
    MUV__BSON_INT32 = 0x10,
    MUV__BSON_TIMESTAMP = 0x11,
    MUV__BSON_INT64 = 0x12,
    MUV__BSON_DECIMAL128 = 0x13,
    MUV__BSON_MAXKEY = 0x7f,
    MUV__BSON_MINKEY = 0xff
};

/* The smallest document: a length and a NUL. */
#define MUV__BSON_EMPTY_SIZE 5

typedef struct muv__bson_iter {
    const uint8_t *at;  /* Next element. */
    const uint8_t *end; /* The NUL that ends the document. */
    const char *key;    /* NUL terminated. */
    const uint8_t *value;
    uint32_t key_length;
    uint32_t value_size; /* All bytes of the value, inner lengths and NULs included. */
    uint8_t type;
    uint8_t bad; /* 1: the document is malformed at `at`. */
} muv__bson_iter_t;

/* Size in bytes of a value of `type` that starts at `value` with `avail` bytes before the end of
 * its document, or -1 when it does not fit or its own lengths disagree. For documents and arrays
 * the length and the last NUL are checked, not what lies inside. */
int64_t muv__bson_value_size(uint8_t type, const uint8_t *value, size_t avail);

/* Start at the document of which `size` bytes are readable; the document's own length must be equal
 * to `size`. Returns 1, or 0 when the frame is wrong (and the iterator gives no element). */
int muv__bson_iter_init(muv__bson_iter_t *iter, const uint8_t *document, size_t size);

/* Advance. Returns 1 on an element, 0 at the end or when `bad` was set. */
int muv__bson_iter_next(muv__bson_iter_t *iter);

/* Start `child` inside the document or array that `iter` stands on. Returns 1, or 0 when the value
 * is neither. */
int muv__bson_iter_child(const muv__bson_iter_t *iter, muv__bson_iter_t *child);

/* Stand on the first element named `key`. Returns 1 when found. */
int muv__bson_find(const uint8_t *document, size_t size, const char *key, muv__bson_iter_t *iter);

static inline int muv__bson_iter_key_is(const muv__bson_iter_t *iter, const char *key,
                                        size_t length)
{
    return iter->key_length == length && memcmp(iter->key, key, length) == 0;
}

/* Compare with a string literal. */
#define MUV__BSON_KEY_IS(iter, literal) muv__bson_iter_key_is(iter, literal, sizeof(literal) - 1)

/* The text of a string value and its length without the NUL. Only when type is UTF8. */
static inline const char *muv__bson_iter_text(const muv__bson_iter_t *iter)
{
    return (const char *)(iter->value + 4);
}

static inline uint32_t muv__bson_iter_text_length(const muv__bson_iter_t *iter)
{
    return iter->value_size - 5;
}

static inline int muv__bson_iter_text_is(const muv__bson_iter_t *iter, const char *text,
                                         size_t length)
{
    return muv__bson_iter_text_length(iter) == length &&
           memcmp(muv__bson_iter_text(iter), text, length) == 0;
}

/* A number of any numeric type (and a boolean) as int64: doubles are truncated and clamped. Returns
 * 1, or 0 when the value is no number. Servers answer `ok`, `n` and codes in any numeric type. */
int muv__bson_iter_as_int64(const muv__bson_iter_t *iter, int64_t *ret);

/* Truth of a value by the server's rules for flags: boolean, or number unequal 0. */
int muv__bson_iter_is_true(const muv__bson_iter_t *iter);

#endif
