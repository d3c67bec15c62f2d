/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of one HTTP/1.x response, fed as the bytes come (RFC 9112): status line, headers, and
 * a body by Content-Length, in chunks, or until the connection ends. Interim responses (1xx) are
 * skipped. Bounded: a larger head or body than agreed is refused before memory is spent on it.
 *
 *   HEAD --blank line--> BODY (length | chunks | until the end) --complete--> DONE
 *     any --not HTTP, too large, cut off--> BAD */
#ifndef MUV__HTTP_RESPONSE_H
#define MUV__HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/span.h"

/* Of status line and headers together, and of the trailer. */
#define MUV__HTTP_HEAD_MAX (16 * 1024)

typedef enum muv__http_result {
    MUV__HTTP_MORE, /* Feed more. */
    MUV__HTTP_DONE, /* `status` and `body` are complete; what follows is dropped. */
    MUV__HTTP_BAD   /* `why` says what is wrong. */
} muv__http_result_t;

typedef struct muv__http_response {
    int status;      /* 100 to 599; 0: not there yet. */
    muv__buf_t body; /* [own] May hold a secret: wiped at the end. */
    const char *why; /* Static text. */
    int code; /* Of a bad one: MUV_EPROTOCOL, MUV_ETOOLARGE, MUV_ENETWORK (cut off), MUV_ENOMEM. */
    uint8_t state;   /* Of the reader; the rest is its own, too. */
    uint8_t is_head; /* The request was HEAD: no body follows. */
    size_t max_body;
    uint64_t rest;    /* Of the body or of the chunk. */
    muv__buf_t line;  /* What came of the line in progress. */
    size_t head_size; /* Seen so far. */
    uint8_t has_length;
    uint8_t chunked;
    uint8_t is_old; /* HTTP/1.0. */
    uint8_t interim_count;
} muv__http_response_t;

void muv__http_response_init(muv__http_response_t *response, size_t max_body);

/* Wipe and free. Safe on a zeroed one. */
void muv__http_response_done(muv__http_response_t *response);

muv__http_result_t muv__http_response_feed(muv__http_response_t *response, muv__span_t bytes);

/* The connection has ended: DONE if that ends the body, else BAD. */
muv__http_result_t muv__http_response_ended(muv__http_response_t *response);

#endif
