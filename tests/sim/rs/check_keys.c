/* SPDX-License-Identifier: Apache-2.0 */
/* A history by document. */
#include "check_keys.h"

#include "sim/net_events.h"

#include <stdlib.h>

/* Places in the log are compared as addresses within the one array of entries. */
static int compare(const void *left, const void *right)
{
    const check_entry_t *a = *(const check_entry_t *const *)left;
    const check_entry_t *b = *(const check_entry_t *const *)right;

    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a < b ? -1 : 1;
}

void check_keys_init(check_keys_t *keys, const check_ledger_t *ledger,
                     const check_history_t *history)
{
    keys->entries = sim_alloc((history->count + 1) * sizeof *keys->entries);
    keys->count = 0;
    for (size_t i = 0; i < history->count; i++) {
        const check_entry_t *entry = &history->entries[i];
        const check_op_t *op = check_ledger_find(ledger, entry->tag);

        if (!entry->rolled_back && op != NULL &&
            (op->kind == CHECK_PUSH || op->kind == CHECK_SWAP)) {
            keys->entries[keys->count++] = entry;
        }
    }
    qsort(keys->entries, keys->count, sizeof *keys->entries, compare);
}

void check_keys_done(check_keys_t *keys)
{
    free(keys->entries);
    *keys = (check_keys_t){0};
}

check_line_t check_keys_next(const check_keys_t *keys, size_t *at)
{
    check_line_t line = {.entries = keys->entries + *at};

    while (*at < keys->count && keys->entries[*at]->key == line.entries[0]->key) {
        line.count++;
        ++*at;
    }
    return line;
}

check_line_t check_keys_find(const check_keys_t *keys, int64_t key)
{
    size_t low = 0;
    size_t high = keys->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (keys->entries[middle]->key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == keys->count || keys->entries[low]->key != key) {
        return (check_line_t){0};
    }
    return check_keys_next(keys, &low);
}

size_t check_line_place(const check_line_t *line, int64_t tag)
{
    for (size_t i = 0; i < line->count; i++) {
        if (line->entries[i]->tag == tag) {
            return i + 1;
        }
    }
    return 0;
}
