/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 request as bytes. One request per connection: "Connection: close" (RFC 9112). */
#ifndef MUV__HTTP_REQUEST_H
#define MUV__HTTP_REQUEST_H

#include "base/buf.h"
#include "base/span.h"
#include "http/url.h"

#define MUV__HTTP_HEADERS_MAX 4

typedef struct muv__http_header {
    const char *name;
    const char *value;
} muv__http_header_t;

/* Everything but the URL is borrowed. Host, Content-Length, Connection and User-Agent are added. */
typedef struct muv__http_request {
    const char *method; /* "GET", "POST", "PUT". */
    muv__url_t url;
    size_t header_count;
    muv__http_header_t headers[MUV__HTTP_HEADERS_MAX];
    muv__span_t body;
    size_t max_body; /* Of the response; 0: the fetch's own limit. */
} muv__http_request_t;

/* Write it. Values with control characters are refused: nothing of a request can end a header and
 * begin another one. Reserves the room first, as a header may be a secret. Returns 0, MUV_EINVAL,
 * MUV_ENOMEM or MUV_ETOOLARGE. */
int muv__http_request_write(const muv__http_request_t *request, muv__buf_t *ret);

#endif
