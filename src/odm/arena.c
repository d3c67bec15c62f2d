/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the arena. */
#include "odm/arena.h"

#include "muv/error.h"

#include "base/compiler.h"
#include "base/mem.h"

#include <stdalign.h>
#include <string.h>

#define LARGEST_DOUBLED_BLOCK ((size_t)256 * 1024)
#define ALIGNMENT alignof(max_align_t)

struct muv__arena_block {
    alignas(max_align_t) muv__arena_block_t *next;
};

void muv__arena_init(muv__arena_t *arena, size_t first_block_bytes, size_t max_bytes)
{
    memset(arena, 0, sizeof(*arena));
    arena->next_block_bytes = first_block_bytes;
    arena->max_bytes = max_bytes;
}

void muv__arena_done(muv__arena_t *arena)
{
    while (arena->blocks != NULL) {
        muv__arena_block_t *block = arena->blocks;

        arena->blocks = block->next;
        muv__mem_free(block);
    }
    memset(arena, 0, sizeof(*arena));
}

/* A block with room for `size` bytes. The rest of the block before it stays unused: with blocks
 * that double, that is never more than what is used. */
static int add_block(muv__arena_t *arena, size_t size)
{
    size_t bytes = arena->next_block_bytes;
    muv__arena_block_t *block;

    if (size > arena->max_bytes - arena->allocated_bytes) {
        arena->error = MUV_ETOOLARGE;
        return 0;
    }
    if (bytes < size) {
        bytes = size;
    }
    if (bytes > arena->max_bytes - arena->allocated_bytes) {
        bytes = arena->max_bytes - arena->allocated_bytes;
    }
    block = muv__mem_alloc(sizeof(*block) + bytes);
    if (block == NULL) {
        arena->error = MUV_ENOMEM;
        return 0;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = (uint8_t *)(block + 1);
    arena->end = arena->at + bytes;
    arena->allocated_bytes += bytes;
    if (arena->next_block_bytes < LARGEST_DOUBLED_BLOCK) {
        arena->next_block_bytes *= 2;
    }
    return 1;
}

static size_t padding_of(const muv__arena_t *arena)
{
    return (size_t)(-(uintptr_t)arena->at & (ALIGNMENT - 1));
}

void *muv__arena_alloc(muv__arena_t *arena, size_t size)
{
    size_t padding = padding_of(arena);
    size_t left = (size_t)(arena->end - arena->at);
    uint8_t *memory;

    if (MUV__UNLIKELY(arena->at == NULL || left < padding || left - padding < size)) {
        if (!add_block(arena, size)) {
            return NULL;
        }
        padding = 0;
    }
    memory = arena->at + padding;
    arena->at = memory + size;
    return memory;
}

void *muv__arena_zalloc(muv__arena_t *arena, size_t size)
{
    void *memory = muv__arena_alloc(arena, size);

    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

uint8_t *muv__arena_bytes(muv__arena_t *arena, size_t size)
{
    uint8_t *memory;

    if (MUV__UNLIKELY(arena->at == NULL || (size_t)(arena->end - arena->at) < size) &&
        !add_block(arena, size)) {
        return NULL;
    }
    memory = arena->at;
    arena->at += size;
    return memory;
}

char *muv__arena_text(muv__arena_t *arena, const void *text, size_t size)
{
    char *copy;

    if (size == SIZE_MAX) {
        arena->error = MUV_ETOOLARGE;
        return NULL;
    }
    copy = (char *)muv__arena_bytes(arena, size + 1);
    if (copy != NULL) {
        if (size != 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
    }
    return copy;
}
