/* SPDX-License-Identifier: Apache-2.0 */
/* A history by document: for each list and register the pushes and compare-and-sets that were kept,
 * in order. */
#ifndef MUV_TESTS_SIM_RS_CHECK_KEYS_H
#define MUV_TESTS_SIM_RS_CHECK_KEYS_H

#include "check.h"

/* The entries of one key, in the order of the log. */
typedef struct check_line {
    const check_entry_t *const *entries;
    size_t count;
} check_line_t;

typedef struct check_keys {
    const check_entry_t **entries; /* By key, then by place in the log; none was rolled back. */
    size_t count;
} check_keys_t;

void check_keys_init(check_keys_t *keys, const check_ledger_t *ledger,
                     const check_history_t *history);
void check_keys_done(check_keys_t *keys);

/* The line that begins at `*at`, which moves behind it. There must be one. */
check_line_t check_keys_next(const check_keys_t *keys, size_t *at);

/* Empty when nobody wrote that key. */
check_line_t check_keys_find(const check_keys_t *keys, int64_t key);

/* Where a tag stands in a line, from 1; 0: nowhere. */
size_t check_line_place(const check_line_t *line, int64_t tag);

#endif
