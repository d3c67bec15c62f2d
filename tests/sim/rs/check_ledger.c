/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of what clients asked for and were told, and the report of what is broken. */
#include "check.h"

#include "sim/net_events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the report --------------------------------------------------------------------------------*/

const char *check_rule_name(check_rule_t rule)
{
#define CHECK_NAME_(suffix, name) name,
    static const char *const names[] = {CHECK_RULE_MAP(CHECK_NAME_)};
#undef CHECK_NAME_

    return names[rule];
}

void check_break(check_report_t *report, check_rule_t rule, const char *format, ...)
{
    char *at = report->text + report->length;
    size_t room = sizeof report->text - report->length;
    va_list arguments;
    int head;
    int body;

    report->broken[rule]++;
    report->total++;
    head = snprintf(at, room, "  %s: ", check_rule_name(rule));
    if (head < 0 || (size_t)head >= room) {
        *at = '\0';
        return;
    }
    va_start(arguments, format);
    body = vsnprintf(at + head, room - (size_t)head, format, arguments);
    va_end(arguments);
    if (body < 0 || (size_t)head + (size_t)body + 2 > room) {
        *at = '\0';
        return;
    }
    at[head + body] = '\n';
    at[head + body + 1] = '\0';
    report->length += (size_t)head + (size_t)body + 1;
}

/* --- the ledger --------------------------------------------------------------------------------*/

const char *check_kind_name(check_kind_t kind)
{
    switch (kind) {
    case CHECK_INSERT: return "insert";
    case CHECK_INCREMENT: return "increment";
    case CHECK_SWAP: return "compare-and-set";
    case CHECK_PUSH: return "push";
    case CHECK_DELETE: return "delete";
    case CHECK_LOOK: return "read";
    case CHECK_WALK: return "cursor";
    case CHECK_OTHER: break;
    }
    return "command";
}

/* Make room for `more` items behind `count`. */
static void *reserve(void *items, size_t count, size_t more, size_t *capacity, size_t size)
{
    if (count + more <= *capacity) {
        return items;
    }
    while (*capacity < count + more) {
        *capacity = *capacity == 0 ? 256 : *capacity * 2;
    }
    return sim_resize(items, *capacity * size);
}

check_op_t *check_ledger_add(check_ledger_t *ledger)
{
    check_op_t *op;

    ledger->ops =
        reserve(ledger->ops, ledger->op_count, 1, &ledger->op_capacity, sizeof *ledger->ops);
    op = &ledger->ops[ledger->op_count++];
    *op = (check_op_t){.tag = (int64_t)ledger->op_count, .key_count = 1, .claimed = -1};
    return op;
}

check_op_t *check_ledger_find(const check_ledger_t *ledger, int64_t tag)
{
    return tag >= 1 && (uint64_t)tag <= ledger->op_count ? &ledger->ops[tag - 1] : NULL;
}

void check_ledger_saw(check_ledger_t *ledger, const check_seen_t *seen, const int64_t *tags)
{
    check_seen_t *copy;

    ledger->seen =
        reserve(ledger->seen, ledger->seen_count, 1, &ledger->seen_capacity, sizeof *ledger->seen);
    ledger->tags = reserve(ledger->tags, ledger->tag_count, seen->count, &ledger->tag_capacity,
                           sizeof *ledger->tags);
    copy = &ledger->seen[ledger->seen_count++];
    *copy = *seen;
    copy->first = ledger->tag_count;
    if (seen->count != 0) {
        memcpy(ledger->tags + ledger->tag_count, tags, seen->count * sizeof *tags);
    }
    ledger->tag_count += seen->count;
}

void check_ledger_done(check_ledger_t *ledger)
{
    free(ledger->ops);
    free(ledger->seen);
    free(ledger->tags);
    *ledger = (check_ledger_t){0};
}

/* --- all ---------------------------------------------------------------------------------------*/

void check_callbacks(const check_ledger_t *ledger, check_report_t *report)
{
    for (size_t i = 0; i < ledger->op_count; i++) {
        const check_op_t *op = &ledger->ops[i];

        if (op->callbacks != 1) {
            check_break(report, CHECK_CALLBACK, "%s %lld was called back %u times",
                        check_kind_name(op->kind), (long long)op->tag, op->callbacks);
        }
    }
}

void check_all(const check_ledger_t *ledger, const check_history_t *history, check_report_t *report)
{
    check_callbacks(ledger, report);
    check_writes(ledger, history, report);
    check_order(ledger, history, report);
    check_reads(ledger, history, report);
}
