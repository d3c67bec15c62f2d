/* SPDX-License-Identifier: Apache-2.0 */
/* Structural check of one BSON document, in as many steps as its bytes need to arrive: every length
 * fits its parent, every string and document ends in NUL, every type is known, nesting is bounded.
 * Work done before is not repeated, and the total work is linear whatever the split. UTF-8 is not
 * judged here. No recursion. */
#ifndef MUV__BSON_CHECK_H
#define MUV__BSON_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* The server nests stored documents up to 100 levels by default and 200 at most
 * (maxBSONDepth); replies add a few of their own. */
#define MUV__BSON_MAX_DEPTH 220

enum {
    MUV__BSON_CHECK_DONE = 1,
    MUV__BSON_CHECK_MORE = 0,
    MUV__BSON_CHECK_BAD = -1,
    MUV__BSON_CHECK_DEEP = -2
};

typedef struct muv__bson_check {
    uint32_t at;    /* Offset of the next element. */
    uint32_t need;  /* Nothing new can be said before this many bytes have arrived. */
    uint32_t depth; /* 0: done. */
    uint32_t ends[MUV__BSON_MAX_DEPTH]; /* Offsets of the NULs that end the open documents. */
} muv__bson_check_t;

/* Begin with a document of `size` bytes as its parent says. */
void muv__bson_check_init(muv__bson_check_t *check, uint32_t size);

/* Go on with the first `avail` bytes of the document present. The document's own length must have
 * been compared with `size` before. Returns one of the four values above. */
int muv__bson_check_step(muv__bson_check_t *check, const uint8_t *document, size_t avail);

#endif
