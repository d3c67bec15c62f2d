/* SPDX-License-Identifier: Apache-2.0 */
/* From structs to stored bytes. What a save would store is decided by muv__state_effective(). */
#ifndef MUV__ODM_ENCODE_H
#define MUV__ODM_ENCODE_H

#include "muv/error.h"

#include "base/buf.h"
#include "odm/frame.h"

/* The largest document a server takes: 16 MiB, and some slack of its own for replies. */
#define MUV__MAX_DOCUMENT_BYTES ((size_t)16 * 1024 * 1024 + 16 * 1024)

typedef struct muv__encoder {
    const muv_schema_t *root;
    muv_error_t *reterr;
    int depth;
    int allow_partial; /* 1: leave out what was not loaded instead of failing. */
} muv__encoder_t;

/* Append a whole document to `buf`: `_id` first, unknown stored keys last. Returns 0 or
 * MUV_EVALIDATION; the buffer keeps errors of its own (muv__encode_end). */
int muv__encode_struct(muv__encoder_t *e, const muv_schema_t *schema, const void *base,
                       const muv__frame_t *up, muv__buf_t *buf);

/* Append one member as the element `key`, whatever its state: it has a value. */
int muv__encode_member(muv__encoder_t *e, const muv__frame_t *frame, const void *member,
                       const char *key, size_t length, muv__buf_t *buf);

/* Append an element of a list as the element `key`. `frame` is the element's; the list's is above.
 */
int muv__encode_element(muv__encoder_t *e, const muv__frame_t *frame, const void *element,
                        const char *key, size_t length, muv__buf_t *buf);

/* The end of an encoding: `code`, or else the buffer's error. */
int muv__encode_end(muv__encoder_t *e, int code, const muv__buf_t *buf);

/* Encode a document at the buffer's end. Returns 0, MUV_EVALIDATION, MUV_ENOMEM or MUV_ETOOLARGE.
 */
int muv__encode(const void *document, muv_error_t *reterr, muv__buf_t *buf);

#endif
