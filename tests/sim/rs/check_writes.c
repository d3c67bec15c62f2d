/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each write, against what its caller was told. */
#include "check.h"

#include "sim/net_events.h"

#include <stdlib.h>

/* How often one document was written by one operation. */
typedef struct tally {
    uint16_t committed;
    uint16_t rolled_back;
} tally_t;

typedef struct tallies {
    tally_t *items;
    size_t *firsts; /* Of operation i: items[firsts[i]], one for each key. */
} tallies_t;

static bool is_write(const check_op_t *op)
{
    return op->kind != CHECK_OTHER && op->kind != CHECK_LOOK && op->kind != CHECK_WALK;
}

static tallies_t make_tallies(const check_ledger_t *ledger)
{
    tallies_t tallies = {.firsts = sim_alloc((ledger->op_count + 1) * sizeof(size_t))};
    size_t count = 0;

    for (size_t i = 0; i < ledger->op_count; i++) {
        tallies.firsts[i] = count;
        count += is_write(&ledger->ops[i]) ? (size_t)ledger->ops[i].key_count : 0;
    }
    tallies.items = sim_alloc((count + 1) * sizeof(tally_t));
    return tallies;
}

static void count_entries(const check_ledger_t *ledger, const check_history_t *history,
                          tallies_t *tallies, check_report_t *report)
{
    for (size_t i = 0; i < history->count; i++) {
        const check_entry_t *entry = &history->entries[i];
        const check_op_t *op = check_ledger_find(ledger, entry->tag);
        tally_t *tally;

        if (op == NULL || !is_write(op) || entry->key < op->first_key ||
            entry->key >= op->first_key + op->key_count) {
            check_break(report, CHECK_UNKNOWN, "document %lld was written with tag %lld",
                        (long long)entry->key, (long long)entry->tag);
            continue;
        }
        tally =
            &tallies->items[tallies->firsts[op->tag - 1] + (size_t)(entry->key - op->first_key)];
        if (entry->rolled_back) {
            tally->rolled_back++;
        } else {
            tally->committed++;
        }
    }
}

static void check_success(const check_op_t *op, int64_t index, const tally_t *tally,
                          check_report_t *report)
{
    const char *name = check_kind_name(op->kind);
    long long tag = (long long)op->tag;
    long long key = (long long)(op->first_key + index);

    if (index < op->claimed) {
        if (tally->committed + tally->rolled_back == 0) {
            check_break(report, CHECK_CLAIM, "%s %lld of %lld: acknowledged and never applied",
                        name, tag, key);
        } else if (op->concern == CHECK_MAJORITY && op->code == 0 && tally->committed == 0) {
            check_break(report, CHECK_LOST, "%s %lld of %lld: acknowledged with majority", name,
                        tag, key);
        }
    } else if (op->code == 0 && op->claimed >= 0) {
        if (!op->conditional) {
            check_break(report, CHECK_CLAIM, "%s %lld of %lld: success without effect", name, tag,
                        key);
        } else if (tally->committed != 0) {
            check_break(report, CHECK_CLAIM, "%s %lld of %lld: applied, and said to match nothing",
                        name, tag, key);
        }
    }
}

static void check_one(const check_op_t *op, int64_t index, const tally_t *tally,
                      check_report_t *report)
{
    const char *name = check_kind_name(op->kind);
    long long tag = (long long)op->tag;
    long long key = (long long)(op->first_key + index);
    unsigned times = (unsigned)tally->committed + tally->rolled_back;

    if (tally->committed > 1 || (op->not_repeated && times > 1)) {
        check_break(report, CHECK_TWICE, "%s %lld of %lld: applied %u times, %u rolled back", name,
                    tag, key, times, tally->rolled_back);
    }
    if (op->code == 0 || index < op->claimed) {
        check_success(op, index, tally, report);
    } else if (!op->in_doubt && times != 0) {
        check_break(report, CHECK_DOUBT,
                    "%s %lld of %lld: applied (%u times, %u rolled back), and failed with %d "
                    "(server's code %d) without doubt",
                    name, tag, key, times, tally->rolled_back, (int)op->code, (int)op->server_code);
    }
}

void check_writes(const check_ledger_t *ledger, const check_history_t *history,
                  check_report_t *report)
{
    tallies_t tallies = make_tallies(ledger);

    count_entries(ledger, history, &tallies, report);
    for (size_t i = 0; i < ledger->op_count; i++) {
        const check_op_t *op = &ledger->ops[i];

        for (int64_t k = 0; is_write(op) && op->callbacks != 0 && k < op->key_count; k++) {
            check_one(op, k, &tallies.items[tallies.firsts[i] + (size_t)k], report);
        }
        if (is_write(op) && op->claimed > op->key_count) {
            check_break(report, CHECK_CLAIM, "%s %lld: %lld documents of %lld",
                        check_kind_name(op->kind), (long long)op->tag, (long long)op->claimed,
                        (long long)op->key_count);
        }
    }
    free(tallies.items);
    free(tallies.firsts);
}
