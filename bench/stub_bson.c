/* SPDX-License-Identifier: Apache-2.0 */
/* Element walk and byte buffer of the stub server; see stub_bson.h. */
#include "stub_bson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool stub_iter_init(stub_iter_t *it, const uint8_t *doc, size_t avail)
{
    if (avail < 5) {
        return false;
    }
    uint32_t len = stub_load32(doc);
    if (len < 5 || len > avail || doc[len - 1] != 0) {
        return false;
    }
    it->at = doc + 4;
    it->end = doc + len - 1;
    return true;
}

/* Length of a value that begins with its own 32-bit length; `extra` is what that does not count. */
static bool prefixed_len(const uint8_t *value, size_t avail, size_t extra, size_t *ret_len)
{
    if (avail < 4) {
        return false;
    }
    uint32_t len = stub_load32(value);
    if (len > avail || len + extra > avail) {
        return false;
    }
    *ret_len = len + extra;
    return true;
}

static bool document_len(const uint8_t *value, size_t avail, size_t *ret_len)
{
    return prefixed_len(value, avail, 0, ret_len) && *ret_len >= 5 && value[*ret_len - 1] == 0;
}

static bool string_len(const uint8_t *value, size_t avail, size_t *ret_len)
{
    return prefixed_len(value, avail, 4, ret_len) && *ret_len >= 5 && value[*ret_len - 1] == 0;
}

static bool regex_len(const uint8_t *value, size_t avail, size_t *ret_len)
{
    const uint8_t *first = memchr(value, 0, avail);
    if (first == NULL) {
        return false;
    }
    first++;
    const uint8_t *second = memchr(first, 0, avail - (size_t)(first - value));
    if (second == NULL) {
        return false;
    }
    *ret_len = (size_t)(second + 1 - value);
    return true;
}

static bool fixed_len(size_t len, size_t avail, size_t *ret_len)
{
    *ret_len = len;
    return len <= avail;
}

static bool value_len(uint8_t type, const uint8_t *value, size_t avail, size_t *ret_len)
{
    switch (type) {
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12: return fixed_len(8, avail, ret_len);
    case 0x02:
    case 0x0D:
    case 0x0E: return string_len(value, avail, ret_len);
    case 0x03:
    case 0x04: return document_len(value, avail, ret_len);
    case 0x05: return prefixed_len(value, avail, 5, ret_len);
    case 0x06:
    case 0x0A:
    case 0x7F:
    case 0xFF: return fixed_len(0, avail, ret_len);
    case 0x07: return fixed_len(12, avail, ret_len);
    case 0x08: return fixed_len(1, avail, ret_len);
    case 0x0B: return regex_len(value, avail, ret_len);
    case 0x0C: return prefixed_len(value, avail, 16, ret_len);
    case 0x0F: return prefixed_len(value, avail, 0, ret_len);
    case 0x10: return fixed_len(4, avail, ret_len);
    case 0x13: return fixed_len(16, avail, ret_len);
    default: return false;
    }
}

int stub_iter_next(stub_iter_t *it, stub_elem_t *ret_elem)
{
    if (it->at == it->end) {
        return 0;
    }
    const uint8_t *key = it->at + 1;
    const uint8_t *p = key;

    /* Keys are short: a loop beats the call of memchr. */
    while (p < it->end && *p != 0) {
        p++;
    }
    if (p == it->end) {
        return -1;
    }
    p++;
    size_t len = 0;
    if (!value_len(*it->at, p, (size_t)(it->end - p), &len)) {
        return -1;
    }
    ret_elem->type = *it->at;
    ret_elem->key = (const char *)key;
    ret_elem->value = p;
    ret_elem->value_len = len;
    it->at = p + len;
    return 1;
}

bool stub_elem_is(const stub_elem_t *elem, const char *key)
{
    return elem->key[0] == key[0] && strcmp(elem->key, key) == 0;
}

int64_t stub_elem_number(const stub_elem_t *elem, int64_t otherwise)
{
    if (elem->type == STUB_INT32) {
        return (int32_t)stub_load32(elem->value);
    }
    if (elem->type == STUB_INT64) {
        return (int64_t)stub_load64(elem->value);
    }
    if (elem->type == STUB_DOUBLE) {
        uint64_t bits = stub_load64(elem->value);
        double v = 0;
        memcpy(&v, &bits, sizeof v);
        /* Outside this range, and for NaN, the conversion would be undefined. */
        return v > -9e15 && v < 9e15 ? (int64_t)v : otherwise;
    }
    return otherwise;
}

const char *stub_elem_string(const stub_elem_t *elem, const char *otherwise)
{
    return elem->type == STUB_STRING ? (const char *)elem->value + 4 : otherwise;
}

void stub_buf_reserve(stub_buf_t *buf, size_t extra)
{
    if (buf->cap - buf->len >= extra) {
        return;
    }
    size_t cap = buf->cap < 512 ? 512 : buf->cap * 2;
    if (cap < buf->len + extra) {
        cap = buf->len + extra;
    }
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL) {
        fprintf(stderr, "stub: out of memory\n");
        abort();
    }
    buf->data = data;
    buf->cap = cap;
}

void stub_buf_done(stub_buf_t *buf)
{
    free(buf->data);
    *buf = (stub_buf_t){.data = NULL};
}

void stub_put(stub_buf_t *buf, const void *bytes, size_t len)
{
    stub_buf_reserve(buf, len);
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

void stub_put_i32(stub_buf_t *buf, int32_t v)
{
    stub_buf_reserve(buf, 4);
    stub_store32(buf->data + buf->len, (uint32_t)v);
    buf->len += 4;
}

void stub_put_i64(stub_buf_t *buf, int64_t v)
{
    stub_buf_reserve(buf, 8);
    stub_store64(buf->data + buf->len, (uint64_t)v);
    buf->len += 8;
}

size_t stub_doc_begin(stub_buf_t *buf)
{
    size_t start = buf->len;

    stub_put_i32(buf, 0);
    return start;
}

void stub_doc_end(stub_buf_t *buf, size_t start)
{
    stub_put(buf, "", 1);
    stub_store32(buf->data + start, (uint32_t)(buf->len - start));
}

void stub_add_key(stub_buf_t *buf, uint8_t type, const char *key)
{
    stub_put(buf, &type, 1);
    stub_put(buf, key, strlen(key) + 1);
}

void stub_add_i32(stub_buf_t *buf, const char *key, int32_t v)
{
    stub_add_key(buf, STUB_INT32, key);
    stub_put_i32(buf, v);
}

void stub_add_i64(stub_buf_t *buf, const char *key, int64_t v)
{
    stub_add_key(buf, STUB_INT64, key);
    stub_put_i64(buf, v);
}

void stub_add_double(stub_buf_t *buf, const char *key, double v)
{
    uint64_t bits = 0;

    memcpy(&bits, &v, sizeof bits);
    stub_add_key(buf, STUB_DOUBLE, key);
    stub_put_i64(buf, (int64_t)bits);
}

void stub_add_bool(stub_buf_t *buf, const char *key, bool v)
{
    uint8_t byte = v ? 1 : 0;

    stub_add_key(buf, STUB_BOOL, key);
    stub_put(buf, &byte, 1);
}

void stub_add_string(stub_buf_t *buf, const char *key, const char *v)
{
    size_t size = strlen(v) + 1;

    stub_add_key(buf, STUB_STRING, key);
    stub_put_i32(buf, (int32_t)size);
    stub_put(buf, v, size);
}
