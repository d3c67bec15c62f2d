/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and registers against real time: what was started after an acknowledgement stands behind
 * what was acknowledged, and a compare-and-set follows the value that it was to see. */
#include "check.h"
#include "check_keys.h"

/* One pass: if any operation that stands earlier in the line was started after the end of this one,
 * then so was the one with the latest start. */
static void check_line_order(const check_ledger_t *ledger, const check_line_t *line,
                             check_report_t *report)
{
    const check_op_t *latest = NULL;

    for (size_t i = 0; i < line->count; i++) {
        const check_op_t *op = check_ledger_find(ledger, line->entries[i]->tag);

        if (op == NULL) {
            continue;
        }
        if (latest != NULL && op->code == 0 && op->claimed > 0 &&
            latest->started_us > op->ended_us) {
            check_break(report, CHECK_ORDER,
                        "document %lld: %lld was acknowledged before %lld was started, and stands "
                        "behind it",
                        (long long)line->entries[i]->key, (long long)op->tag,
                        (long long)latest->tag);
        }
        if (latest == NULL || op->started_us > latest->started_us) {
            latest = op;
        }
    }
}

static void check_register(const check_ledger_t *ledger, const check_line_t *line,
                           check_report_t *report)
{
    int64_t value = 0;

    for (size_t i = 0; i < line->count; i++) {
        const check_entry_t *entry = line->entries[i];
        const check_op_t *op = check_ledger_find(ledger, entry->tag);

        if (op == NULL || op->kind != CHECK_SWAP) {
            continue;
        }
        if (entry->before != value || op->expected != value) {
            check_break(report, CHECK_SAW,
                        "register %lld: %lld was to replace %lld, and replaced %lld where %lld "
                        "stood",
                        (long long)entry->key, (long long)op->tag, (long long)op->expected,
                        (long long)entry->before, (long long)value);
        }
        value = op->tag;
    }
}

void check_order(const check_ledger_t *ledger, const check_history_t *history,
                 check_report_t *report)
{
    check_keys_t keys;
    size_t at = 0;

    check_keys_init(&keys, ledger, history);
    while (at < keys.count) {
        check_line_t line = check_keys_next(&keys, &at);

        check_line_order(ledger, &line, report);
        check_register(ledger, &line, report);
    }
    check_keys_done(&keys);
}
