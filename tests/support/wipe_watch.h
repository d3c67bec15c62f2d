/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator for muv_set_allocator() that looks into each block that is given back: does it still
 * hold a secret? Not together with support/alloc.h in one process. One thread only. */
#ifndef MUV_TESTS_SUPPORT_WIPE_WATCH_H
#define MUV_TESTS_SUPPORT_WIPE_WATCH_H

#include <stddef.h>

/* Setup and teardown of cmocka. What is freed between them must have been taken between them. */
int wipe_watch_begin(void **state);
int wipe_watch_end(void **state);

/* Look for this text; the counters begin anew. [borrow] */
void wipe_watch_for(const char *secret);

/* Blocks that came back since then, and those of them that held the secret. */
size_t wipe_watch_freed(void);
size_t wipe_watch_dirty(void);

#endif
