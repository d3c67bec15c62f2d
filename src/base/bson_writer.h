/* SPDX-License-Identifier: Apache-2.0 */
/* Write BSON straight into a byte buffer. Unlike a bson_t, what was written can be truncated and
 * continued: a command's stable prefix gets a new tail on every attempt. Keys come with their
 * length; MUV__KEY("find") gives both for a literal. Errors stick in the buffer. Keys and strings
 * are copied as they are: whoever passes foreign bytes checks them first (no NUL in keys). */
#ifndef MUV__BSON_WRITER_H
#define MUV__BSON_WRITER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

#define MUV__KEY(literal) literal, sizeof(literal) - 1

typedef struct muv__bson_mark {
    size_t start; /* Offset of the document's length in the buffer. */
} muv__bson_mark_t;

/* Open a document at the buffer's end; close it with the mark that came back. Several documents may
 * be written one after the other. */
muv__bson_mark_t muv__bson_begin(muv__buf_t *buf);
void muv__bson_end(muv__buf_t *buf, muv__bson_mark_t mark);

muv__bson_mark_t muv__bson_begin_document(muv__buf_t *buf, const char *key, size_t length);
muv__bson_mark_t muv__bson_begin_array(muv__buf_t *buf, const char *key, size_t length);

void muv__bson_double(muv__buf_t *buf, const char *key, size_t length, double value);
void muv__bson_utf8(muv__buf_t *buf, const char *key, size_t length, const char *text,
                    size_t text_length);
/* A whole document or array as its bytes. NULL or empty `document`: an empty one. */
void muv__bson_document(muv__buf_t *buf, const char *key, size_t length, muv__span_t document);
void muv__bson_array(muv__buf_t *buf, const char *key, size_t length, muv__span_t array);
/* With subtype 2 the inner length is written too: `bytes` are the user's. */
void muv__bson_binary(muv__buf_t *buf, const char *key, size_t length, uint8_t subtype,
                      muv__span_t bytes);
void muv__bson_oid(muv__buf_t *buf, const char *key, size_t length, const uint8_t oid[12]);
void muv__bson_bool(muv__buf_t *buf, const char *key, size_t length, int value);
void muv__bson_datetime(muv__buf_t *buf, const char *key, size_t length, int64_t value_ms);
void muv__bson_null(muv__buf_t *buf, const char *key, size_t length);
void muv__bson_regex(muv__buf_t *buf, const char *key, size_t length, const char *pattern,
                     const char *options);
void muv__bson_int32(muv__buf_t *buf, const char *key, size_t length, int32_t value);
void muv__bson_int64(muv__buf_t *buf, const char *key, size_t length, int64_t value);
void muv__bson_timestamp(muv__buf_t *buf, const char *key, size_t length, uint64_t value);

/* A value of any type as its raw bytes (without type and key), as bson_view.h gives it. */
void muv__bson_value(muv__buf_t *buf, const char *key, size_t length, uint8_t type,
                     muv__span_t value);

/* The key of array element `index` as decimal text. Returns its length; `text` has 11 bytes. */
size_t muv__bson_index_key(char text[11], uint32_t index);

#endif
