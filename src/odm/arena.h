/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: everything a batch of documents points at. Grows in
 * blocks that double, up to a maximum; what was handed out never moves. */
#ifndef MUV__ODM_ARENA_H
#define MUV__ODM_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct muv__arena_block muv__arena_block_t;

typedef struct muv__arena {
    muv__arena_block_t *blocks; /* Newest first. */
    uint8_t *at;
    uint8_t *end;
    size_t allocated_bytes; /* Of all blocks. */
    size_t max_bytes;
    size_t next_block_bytes;
    int error; /* Why the last allocation gave NULL: MUV_ENOMEM or MUV_ETOOLARGE. */
} muv__arena_t;

/* Empty, without memory. */
void muv__arena_init(muv__arena_t *arena, size_t first_block_bytes, size_t max_bytes);
void muv__arena_done(muv__arena_t *arena);

/* Aligned for every type, not zeroed; zeroed; unaligned, for text. NULL on failure. Size 0 gives a
 * pointer too. */
void *muv__arena_alloc(muv__arena_t *arena, size_t size);
void *muv__arena_zalloc(muv__arena_t *arena, size_t size);
uint8_t *muv__arena_bytes(muv__arena_t *arena, size_t size);

/* A copy of `size` bytes with a NUL behind it. */
char *muv__arena_text(muv__arena_t *arena, const void *text, size_t size);

#endif
