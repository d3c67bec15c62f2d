/* SPDX-License-Identifier: Apache-2.0 */
/* The little BSON the stub server needs: a bounds-checked element walk and a growable byte buffer
 * with append functions. It is not the library's code and not libbson's, so that a mistake in
 * either is not repeated here. A tool: running out of memory ends the process.
 */
#ifndef BENCH_STUB_BSON_H
#define BENCH_STUB_BSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STUB_DOUBLE = 0x01,
    STUB_STRING = 0x02,
    STUB_DOCUMENT = 0x03,
    STUB_ARRAY = 0x04,
    STUB_BINARY = 0x05,
    STUB_BOOL = 0x08,
    STUB_INT32 = 0x10,
    STUB_TIMESTAMP = 0x11,
    STUB_INT64 = 0x12
};

typedef struct {
    uint8_t *data;
    size_t len;
    size_t cap;
} stub_buf_t;

typedef struct {
    uint8_t type; /* 0: not there. */
    const char *key;
    const uint8_t *value;
    size_t value_len;
} stub_elem_t;

typedef struct {
    const uint8_t *at;
    const uint8_t *end; /* The closing zero of the document. */
} stub_iter_t;

static inline uint32_t stub_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t stub_load64(const uint8_t *p)
{
    return (uint64_t)stub_load32(p) | (uint64_t)stub_load32(p + 4) << 32;
}

static inline void stub_store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static inline void stub_store64(uint8_t *p, uint64_t v)
{
    stub_store32(p, (uint32_t)v);
    stub_store32(p + 4, (uint32_t)(v >> 32));
}

/* Start at a document; false when its length or its end is wrong. */
bool stub_iter_init(stub_iter_t *it, const uint8_t *doc, size_t avail);
/* 1: an element, 0: end of the document, -1: broken. */
int stub_iter_next(stub_iter_t *it, stub_elem_t *ret_elem);
bool stub_elem_is(const stub_elem_t *elem, const char *key);
/* A number of any numeric type, or `otherwise`. */
int64_t stub_elem_number(const stub_elem_t *elem, int64_t otherwise);
/* The bytes of a string value with its closing zero, or `otherwise`. */
const char *stub_elem_string(const stub_elem_t *elem, const char *otherwise);

/* Make room for `extra` more bytes. */
void stub_buf_reserve(stub_buf_t *buf, size_t extra);
void stub_buf_done(stub_buf_t *buf);
void stub_put(stub_buf_t *buf, const void *bytes, size_t len);
void stub_put_i32(stub_buf_t *buf, int32_t v);
void stub_put_i64(stub_buf_t *buf, int64_t v);
/* Open a document (or message) whose 32-bit length is patched by stub_doc_end(). */
size_t stub_doc_begin(stub_buf_t *buf);
void stub_doc_end(stub_buf_t *buf, size_t start);
void stub_add_key(stub_buf_t *buf, uint8_t type, const char *key);
void stub_add_i32(stub_buf_t *buf, const char *key, int32_t v);
void stub_add_i64(stub_buf_t *buf, const char *key, int64_t v);
void stub_add_double(stub_buf_t *buf, const char *key, double v);
void stub_add_bool(stub_buf_t *buf, const char *key, bool v);
void stub_add_string(stub_buf_t *buf, const char *key, const char *v);

#endif
