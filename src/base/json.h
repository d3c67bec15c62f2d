/* SPDX-License-Identifier: Apache-2.0 */
/* BSON as relaxed extended JSON, for log messages: no more of it than is asked for is ever made,
 * however large the document. It is not a way to store or exchange documents: libbson's is. */
#ifndef MUV__JSON_H
#define MUV__JSON_H

#include "base/buf.h"
#include "base/span.h"

/* Append at most `limit` bytes of the document's text; when there is more of it, "..." follows.
 * Cut between characters, and always valid UTF-8: what is not in the document becomes U+FFFD. A
 * malformed document ends in "..." where it is. Failures stick in the buffer. */
void muv__json_append(muv__buf_t *buf, muv__span_t document, size_t limit);

/* Room for "9999-12-31T23:59:59.999Z" and its NUL. */
#define MUV__JSON_DATE_SIZE 25

/* Milliseconds since 1970, of the years 1970 to 9999. Whole seconds have no fraction. */
void muv__json_date(char text[MUV__JSON_DATE_SIZE], int64_t value_ms);

#endif
