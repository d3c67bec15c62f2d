/* SPDX-License-Identifier: Apache-2.0 */
/* The counting and failing allocator. Live blocks are kept in an open hash table by address, not in
 * headers before them, so that blocks from before the installation can be told apart. */
#include "support/alloc.h"

#include "muv/allocator.h"
#include "support/check.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SWEEP 200000u
#define MAX_LISTED 10

typedef struct block {
    void *memory; /* NULL: free slot. */
    size_t size;
    unsigned long sequence;
} block_t;

static struct {
    bool installed;
    bool trap;
    block_t *slots;
    size_t capacity; /* A power of two, or 0. */
    size_t blocks;
    size_t bytes;
    unsigned long sequence; /* Blocks ever taken. */
    unsigned count;
    unsigned fail_at;
    bool persistent;
    bool failed;
    bool sweeping;
} alloc;

/* --- Table ------------------------------------------------------------------------------------ */

static size_t slot_of(const void *memory)
{
    uint64_t hash = (uint64_t)(uintptr_t)memory * 0x9e3779b97f4a7c15u;

    return (size_t)(hash >> 20) & (alloc.capacity - 1);
}

static block_t *find_block(const void *memory)
{
    if (alloc.capacity == 0) {
        return NULL;
    }
    size_t slot = slot_of(memory);
    while (alloc.slots[slot].memory != NULL && alloc.slots[slot].memory != memory) {
        slot = (slot + 1) & (alloc.capacity - 1);
    }
    return alloc.slots[slot].memory != NULL ? &alloc.slots[slot] : NULL;
}

static void put_block(block_t block)
{
    size_t slot = slot_of(block.memory);

    while (alloc.slots[slot].memory != NULL) {
        slot = (slot + 1) & (alloc.capacity - 1);
    }
    alloc.slots[slot] = block;
}

static void grow_table(void)
{
    block_t *old = alloc.slots;
    size_t old_capacity = alloc.capacity;

    alloc.capacity = old_capacity == 0 ? 1024 : old_capacity * 2;
    alloc.slots = calloc(alloc.capacity, sizeof *alloc.slots);
    if (alloc.slots == NULL) {
        abort();
    }
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].memory != NULL) {
            put_block(old[i]);
        }
    }
    free(old);
}

static void add_block(void *memory, size_t size)
{
    if ((alloc.blocks + 1) * 2 > alloc.capacity) {
        grow_table();
    }
    put_block((block_t){.memory = memory, .size = size, .sequence = ++alloc.sequence});
    alloc.blocks++;
    alloc.bytes += size;
}

/* Entries behind the freed slot are put again, so that no search ends too early at it. */
static void remove_block(block_t *block)
{
    size_t slot = (size_t)(block - alloc.slots);

    alloc.blocks--;
    alloc.bytes -= block->size;
    block->memory = NULL;
    slot = (slot + 1) & (alloc.capacity - 1);
    while (alloc.slots[slot].memory != NULL) {
        block_t moved = alloc.slots[slot];
        alloc.slots[slot].memory = NULL;
        put_block(moved);
        slot = (slot + 1) & (alloc.capacity - 1);
    }
}

/* --- The four functions ----------------------------------------------------------------------- */

/* Does this allocation fail? */
static bool must_fail(void)
{
    alloc.count++;
    if (alloc.fail_at == 0 || alloc.count < alloc.fail_at ||
        (alloc.count > alloc.fail_at && !alloc.persistent)) {
        return false;
    }
    if (alloc.trap && !alloc.failed) {
        (void)raise(SIGTRAP);
    }
    alloc.failed = true;
    return true;
}

static void *take(size_t size, int fill)
{
    void *memory = malloc(size != 0 ? size : 1);

    if (memory == NULL) {
        abort();
    }
    memset(memory, fill, size);
    add_block(memory, size);
    return memory;
}

static void *on_malloc(size_t size, void *data)
{
    (void)data;
    return must_fail() ? NULL : take(size, 0xA5);
}

static void *on_calloc(size_t count, size_t size, void *data)
{
    (void)data;
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return must_fail() ? NULL : take(count * size, 0);
}

static void on_free(void *memory, void *data)
{
    block_t *block = memory != NULL ? find_block(memory) : NULL;

    (void)data;
    if (block != NULL) {
        memset(memory, 0xDD, block->size);
        remove_block(block);
    }
    free(memory);
}

static void *on_realloc(void *memory, size_t size, void *data)
{
    if (must_fail()) {
        return NULL;
    }
    block_t *block = memory != NULL ? find_block(memory) : NULL;
    if (memory != NULL && block == NULL) {
        return realloc(memory, size);
    }
    size_t old_size = block != NULL ? block->size : 0;
    void *moved = take(size, 0xA5);
    if (old_size > 0) {
        memcpy(moved, memory, old_size < size ? old_size : size);
    }
    on_free(memory, data);
    return moved;
}

/* --- For tests -------------------------------------------------------------------------------- */

void alloc_install(void)
{
    static const muv_allocator_t allocator = {.malloc_fn = on_malloc,
                                              .calloc_fn = on_calloc,
                                              .realloc_fn = on_realloc,
                                              .free_fn = on_free,
                                              .data = NULL};

    if (!alloc.installed) {
        alloc.installed = true;
        alloc.trap = getenv("MUV_ALLOC_TRAP") != NULL;
        assert_int_equal(muv_set_allocator(&allocator), 0);
    }
}

void alloc_fail_at(unsigned nth, bool persistent)
{
    alloc.count = 0;
    alloc.failed = false;
    alloc.fail_at = nth;
    alloc.persistent = persistent;
}

bool alloc_has_failed(void)
{
    return alloc.failed;
}

unsigned alloc_count(void)
{
    return alloc.count;
}

size_t alloc_live_blocks(void)
{
    return alloc.blocks;
}

size_t alloc_live_bytes(void)
{
    return alloc.bytes;
}

alloc_mark_t alloc_mark(void)
{
    return (alloc_mark_t){.sequence = alloc.sequence};
}

/* How many blocks younger than the mark live; the first ones are printed. */
static unsigned list_leaks(alloc_mark_t mark)
{
    unsigned leaks = 0;

    for (size_t i = 0; i < alloc.capacity; i++) {
        const block_t *block = &alloc.slots[i];
        if (block->memory != NULL && block->sequence > mark.sequence) {
            if (leaks++ < MAX_LISTED) {
                print_error("  leaked: %zu bytes, block %lu since the mark\n", block->size,
                            block->sequence - mark.sequence);
            }
        }
    }
    return leaks;
}

void alloc_check_no_leak(alloc_mark_t mark, const char *file, int line)
{
    unsigned leaks = list_leaks(mark);

    if (leaks > 0) {
        print_error("%u blocks leaked\n", leaks);
        _fail(file, line);
    }
}

/* One run of a sweep. Returns whether an allocation failed in it. */
static bool run_failing(alloc_body_t body, void *data, unsigned nth, bool persistent)
{
    alloc_mark_t mark = alloc_mark();

    if (getenv("MUV_ALLOC_VERBOSE") != NULL) {
        print_message("sweep: k = %u%s\n", nth, persistent ? " and all after it" : "");
    }
    alloc_fail_at(nth, persistent);
    body(data);
    bool failed = alloc.failed;
    if (list_leaks(mark) > 0) {
        fail_msg("leak with k = %u%s", nth, persistent ? " and all after it" : "");
    }
    return failed;
}

unsigned alloc_sweep(alloc_body_t body, void *data)
{
    unsigned nth = 1;

    alloc_install();
    alloc.sweeping = true;
    while (run_failing(body, data, nth, false)) {
        (void)run_failing(body, data, nth, true);
        if (++nth > MAX_SWEEP) {
            fail_msg("the sweep does not end: %u allocations", MAX_SWEEP);
        }
    }
    unsigned count = alloc.count;
    alloc_fail_at(0, false);
    alloc.sweeping = false;
    return count;
}

int alloc_teardown(void **state)
{
    (void)state;
    if (alloc.sweeping) {
        print_error("the sweep had come to k = %u%s\n", alloc.fail_at,
                    alloc.persistent ? " and all after it" : "");
    }
    alloc.sweeping = false;
    alloc_fail_at(0, false);
    return 0;
}
