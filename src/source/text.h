/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and parts of URLs, as all sources of credentials need them. */
#ifndef MUV__SOURCE_TEXT_H
#define MUV__SOURCE_TEXT_H

#include "base/buf.h"
#include "base/span.h"

/* 1 when all of it is visible ASCII, and there is something: such are keys and tokens. Anything
 * else could end the header that it becomes a part of. */
int muv__source_is_token(muv__span_t text);

/* Without the ends of lines at its end, which editors and shells add to a token. */
muv__span_t muv__source_trim(muv__span_t text);

/* Append it with all but the unreserved characters as "%XX" (RFC 3986, 2.3), for queries and
 * forms. */
void muv__source_encode(muv__buf_t *buf, muv__span_t text);

#endif
