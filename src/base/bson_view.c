/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked steps over BSON elements. */
#include "base/bson_view.h"

#include "base/bytes.h"

static int64_t string_size(const uint8_t *value, size_t avail)
{
    int32_t length;

    if (avail < 5) {
        return -1;
    }
    length = muv__load_i32(value);
    if (length < 1 || (size_t)length > avail - 4 || value[4 + (size_t)length - 1] != 0) {
        return -1;
    }
    return 4 + (int64_t)length;
}

static int64_t document_size(const uint8_t *value, size_t avail)
{
    int32_t length;

    if (avail < MUV__BSON_EMPTY_SIZE) {
        return -1;
    }
    length = muv__load_i32(value);
    if (length < MUV__BSON_EMPTY_SIZE || (size_t)length > avail || value[length - 1] != 0) {
        return -1;
    }
    return length;
}

static int64_t binary_size(const uint8_t *value, size_t avail)
{
    int32_t length;

    if (avail < 5) {
        return -1;
    }
    length = muv__load_i32(value);
    if (length < 0 || (size_t)length > avail - 5) {
        return -1;
    }
    /* The old subtype 2 repeats the length inside. */
    if (value[4] == 2 && (length < 4 || muv__load_i32(value + 5) != length - 4)) {
        return -1;
    }
    return 5 + (int64_t)length;
}

static int64_t regex_size(const uint8_t *value, size_t avail)
{
    const uint8_t *pattern_end = memchr(value, 0, avail);
    const uint8_t *options_end;

    if (pattern_end == NULL) {
        return -1;
    }
    options_end = memchr(pattern_end + 1, 0, avail - (size_t)(pattern_end + 1 - value));
    return options_end == NULL ? -1 : options_end + 1 - value;
}

/* int32 total, string code, document scope; the three lengths must agree. */
static int64_t codewscope_size(const uint8_t *value, size_t avail)
{
    int32_t total;
    int64_t code;
    int64_t scope;

    if (avail < 4) {
        return -1;
    }
    total = muv__load_i32(value);
    if (total < 14 || (size_t)total > avail) {
        return -1;
    }
    code = string_size(value + 4, (size_t)total - 4);
    if (code < 0) {
        return -1;
    }
    scope = document_size(value + 4 + code, (size_t)(total - 4 - code));
    return scope >= 0 && 4 + code + scope == total ? total : -1;
}

static int64_t fixed_size(int64_t size, size_t avail)
{
    return (size_t)size <= avail ? size : -1;
}

int64_t muv__bson_value_size(uint8_t type, const uint8_t *value, size_t avail)
{
    int64_t size;

    switch (type) {
    case MUV__BSON_DOUBLE:
    case MUV__BSON_DATETIME:
    case MUV__BSON_TIMESTAMP:
    case MUV__BSON_INT64: return fixed_size(8, avail);
    case MUV__BSON_INT32: return fixed_size(4, avail);
    case MUV__BSON_OID: return fixed_size(12, avail);
    case MUV__BSON_DECIMAL128: return fixed_size(16, avail);
    case MUV__BSON_BOOL: return avail >= 1 && value[0] <= 1 ? 1 : -1;
    case MUV__BSON_UNDEFINED:
    case MUV__BSON_NULL:
    case MUV__BSON_MAXKEY:
    case MUV__BSON_MINKEY: return 0;
    case MUV__BSON_UTF8:
    case MUV__BSON_CODE:
    case MUV__BSON_SYMBOL: return string_size(value, avail);
    case MUV__BSON_DOCUMENT:
    case MUV__BSON_ARRAY: return document_size(value, avail);
    case MUV__BSON_BINARY: return binary_size(value, avail);
    case MUV__BSON_REGEX: return regex_size(value, avail);
    case MUV__BSON_CODEWSCOPE: return codewscope_size(value, avail);
    case MUV__BSON_DBPOINTER:
        size = string_size(value, avail);
        return size < 0 ? -1 : fixed_size(size + 12, avail);
    default: return -1;
    }
}

int muv__bson_iter_init(muv__bson_iter_t *iter, const uint8_t *document, size_t size)
{
    memset(iter, 0, sizeof(*iter));
    if (size < MUV__BSON_EMPTY_SIZE || size > INT32_MAX ||
        muv__load_i32(document) != (int32_t)size || document[size - 1] != 0) {
        iter->bad = 1;
        return 0;
    }
    iter->at = document + 4;
    iter->end = document + size - 1;
    return 1;
}

int muv__bson_iter_next(muv__bson_iter_t *iter)
{
    const uint8_t *key_end;
    const uint8_t *value;
    int64_t size;

    if (iter->at == iter->end) {
        return 0;
    }
    key_end = muv__find_nul(iter->at + 1, iter->end);
    if (key_end == NULL) {
        iter->bad = 1;
        iter->at = iter->end;
        return 0;
    }
    value = key_end + 1;
    size = muv__bson_value_size(*iter->at, value, (size_t)(iter->end - value));
    if (size < 0) {
        iter->bad = 1;
        iter->at = iter->end;
        return 0;
    }
    iter->type = *iter->at;
    iter->key = (const char *)(iter->at + 1);
    iter->key_length = (uint32_t)(key_end - iter->at - 1);
    iter->value = value;
    iter->value_size = (uint32_t)size;
    iter->at = value + size;
    return 1;
}

int muv__bson_iter_child(const muv__bson_iter_t *iter, muv__bson_iter_t *child)
{
    if (iter->type != MUV__BSON_DOCUMENT && iter->type != MUV__BSON_ARRAY) {
        return 0;
    }
    return muv__bson_iter_init(child, iter->value, iter->value_size);
}

int muv__bson_find(const uint8_t *document, size_t size, const char *key, muv__bson_iter_t *iter)
{
    size_t length = strlen(key);

    if (!muv__bson_iter_init(iter, document, size)) {
        return 0;
    }
    while (muv__bson_iter_next(iter)) {
        if (muv__bson_iter_key_is(iter, key, length)) {
            return 1;
        }
    }
    return 0;
}

static int64_t clamp_double(double value)
{
    if (value != value) {
        return 0;
    }
    if (value >= 9223372036854775807.0) {
        return INT64_MAX;
    }
    if (value <= -9223372036854775808.0) {
        return INT64_MIN;
    }
    return (int64_t)value;
}

int muv__bson_iter_as_int64(const muv__bson_iter_t *iter, int64_t *ret)
{
    switch (iter->type) {
    case MUV__BSON_INT32: *ret = muv__load_i32(iter->value); return 1;
    case MUV__BSON_INT64: *ret = muv__load_i64(iter->value); return 1;
    case MUV__BSON_DOUBLE: *ret = clamp_double(muv__load_double(iter->value)); return 1;
    case MUV__BSON_BOOL: *ret = iter->value[0]; return 1;
    default: return 0;
    }
}

int muv__bson_iter_is_true(const muv__bson_iter_t *iter)
{
    int64_t number;

    if (iter->type == MUV__BSON_DOUBLE) {
        return muv__load_double(iter->value) != 0.0;
    }
    return muv__bson_iter_as_int64(iter, &number) && number != 0;
}
