/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator for muv_set_allocator() that counts what lives and fails when told to.
 *
 * It makes bugs loud: new memory is filled with 0xA5, a resized block always moves, freed memory is
 * overwritten. Blocks that were there before it was installed pass through uncounted. libbson's
 * memory is not seen: it has its own table and aborts when memory runs out. One thread only. */
#ifndef MUV_TESTS_SUPPORT_ALLOC_H
#define MUV_TESTS_SUPPORT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Install it; first line of main(), or of a test. More calls do nothing. */
void alloc_install(void);

/* Fail the `nth` allocation from now on (1: the very next one), and with `persistent` all after it.
 * 0: none. A resize counts as an allocation. */
void alloc_fail_at(unsigned nth, bool persistent);

/* Did an allocation fail since the last alloc_fail_at()? How many were asked for since then? */
bool alloc_has_failed(void);
unsigned alloc_count(void);

size_t alloc_live_blocks(void);
size_t alloc_live_bytes(void);

/* For all k: run `body(data)` with its k-th allocation failing, alone and then together with all
 * after it, until k is beyond its last allocation. The body runs the whole life of what it tests
 * and decides with alloc_has_failed() whether an error is right; it must not skip its own clean-up.
 * Fails the test when a run leaves blocks behind, with k and the blocks.
 *
 * Returns how many allocations an undisturbed run makes: assert that it is not 0.
 *
 * MUV_ALLOC_VERBOSE=1 prints each k before its run (when a run crashes); MUV_ALLOC_TRAP=1 raises
 * SIGTRAP at the failing allocation, for the debugger. */
typedef void (*alloc_body_t)(void *data);
unsigned alloc_sweep(alloc_body_t body, void *data);

/* A place in time, and: no block taken since then still lives. */
typedef struct alloc_mark {
    unsigned long sequence;
} alloc_mark_t;
alloc_mark_t alloc_mark(void);
#define CHECK_NO_LEAK(mark) alloc_check_no_leak(mark, __FILE__, __LINE__)
void alloc_check_no_leak(alloc_mark_t mark, const char *file, int line);

/* Teardown of cmocka for tests with sweeps: a failed check leaves by longjmp, and without this the
 * next test would run on with failing memory. Says where the sweep was. */
int alloc_teardown(void **state);

#endif
