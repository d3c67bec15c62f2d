/* SPDX-License-Identifier: Apache-2.0 */
/* What reads saw: of majority reads, the beginning of the list as it is in the end; of others, what
 * somebody wrote. In a causal session, nothing older than what the session saw and wrote before. */
#include "check.h"
#include "check_keys.h"

#include "sim/net_events.h"

#include <stdlib.h>

/* Something that a session knows of one document: so much of its line was there. Or must know. */
typedef struct fact {
    int32_t session;
    int64_t key;
    int64_t tag; /* Of the operation; the operations of a session follow each other. */
    size_t place;
    bool is_read;
    bool snapshot;
} fact_t;

typedef struct facts {
    fact_t *items;
    size_t count;
} facts_t;

/* One byte a tag: was it applied anywhere, be it rolled back later? */
static uint8_t *written_tags(const check_ledger_t *ledger, const check_history_t *history)
{
    uint8_t *written = sim_alloc(ledger->op_count + 1);

    for (size_t i = 0; i < history->count; i++) {
        if (check_ledger_find(ledger, history->entries[i].tag) != NULL) {
            written[history->entries[i].tag - 1] = 1;
        }
    }
    return written;
}

static bool writes_to(const check_op_t *op, int64_t key)
{
    return (op->kind == CHECK_PUSH || op->kind == CHECK_SWAP) && key >= op->first_key &&
           key < op->first_key + op->key_count;
}

/* Each tag that a read found was written there, by something that had been started. */
static void check_tags(const check_ledger_t *ledger, const check_seen_t *seen,
                       const uint8_t *written, check_report_t *report)
{
    for (size_t i = 0; i < seen->count; i++) {
        int64_t tag = ledger->tags[seen->first + i];
        const check_op_t *op = check_ledger_find(ledger, tag);

        if (op == NULL || !writes_to(op, seen->key) || op->started_us > seen->ended_us ||
            written[tag - 1] == 0) {
            check_break(report, CHECK_READ, "read %lld of %lld: %lld was never written there",
                        (long long)seen->tag, (long long)seen->key, (long long)tag);
            return;
        }
    }
}

/* How much of the line a majority read saw, or SIZE_MAX when it saw something else. */
static size_t place_seen(const check_ledger_t *ledger, const check_seen_t *seen,
                         const check_line_t *line)
{
    const int64_t *tags;

    if (seen->count == 0) {
        return 0; /* A ledger without any tags has no array of them. */
    }
    tags = ledger->tags + seen->first;
    if (!seen->is_list) {
        size_t place = check_line_place(line, tags[0]);

        return place == 0 ? SIZE_MAX : place;
    }
    for (size_t i = 0; i < seen->count; i++) {
        if (i >= line->count || line->entries[i]->tag != tags[i]) {
            return SIZE_MAX;
        }
    }
    return seen->count;
}

static void check_seen_all(const check_ledger_t *ledger, const check_history_t *history,
                           const check_keys_t *keys, facts_t *facts, check_report_t *report)
{
    uint8_t *written = written_tags(ledger, history);

    for (size_t i = 0; i < ledger->seen_count; i++) {
        const check_seen_t *seen = &ledger->seen[i];
        check_line_t line = check_keys_find(keys, seen->key);
        size_t place;

        check_tags(ledger, seen, written, report);
        place = seen->majority ? place_seen(ledger, seen, &line) : 0;
        if (place == SIZE_MAX) {
            check_break(report, CHECK_READ,
                        "read %lld of %lld: %u tags seen with majority are not how it was",
                        (long long)seen->tag, (long long)seen->key, (unsigned)seen->count);
        } else if (seen->majority && seen->session != 0) {
            facts->items[facts->count++] = (fact_t){.session = seen->session,
                                                    .key = seen->key,
                                                    .tag = seen->tag,
                                                    .place = place,
                                                    .is_read = true,
                                                    .snapshot = seen->snapshot};
        }
    }
    free(written);
}

/* What a session has written and was told so. */
static void add_writes(const check_ledger_t *ledger, const check_keys_t *keys, facts_t *facts)
{
    for (size_t i = 0; i < ledger->op_count; i++) {
        const check_op_t *op = &ledger->ops[i];

        if (op->session == 0 || op->code != 0 || op->claimed <= 0 ||
            op->concern != CHECK_MAJORITY || !writes_to(op, op->first_key)) {
            continue;
        }
        for (int64_t key = op->first_key; key < op->first_key + op->key_count; key++) {
            check_line_t line = check_keys_find(keys, key);

            facts->items[facts->count++] = (fact_t){.session = op->session,
                                                    .key = key,
                                                    .tag = op->tag,
                                                    .place = check_line_place(&line, op->tag)};
        }
    }
}

static int compare(const void *left, const void *right)
{
    const fact_t *a = left;
    const fact_t *b = right;

    if (a->session != b->session) {
        return a->session < b->session ? -1 : 1;
    }
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static void check_sessions(const facts_t *facts, check_report_t *report)
{
    size_t known = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const fact_t *fact = &facts->items[i];

        if (i == 0 || fact->session != fact[-1].session || fact->key != fact[-1].key) {
            known = 0;
        }
        if (fact->snapshot && i != 0 && fact->session == fact[-1].session &&
            fact->key == fact[-1].key && fact->place != known) {
            check_break(report, CHECK_BACKWARDS,
                        "read %lld of %lld in snapshot session %d saw %zu writes, and %zu before",
                        (long long)fact->tag, (long long)fact->key, (int)fact->session, fact->place,
                        known);
        } else if (fact->is_read && fact->place < known) {
            check_break(report, CHECK_BACKWARDS,
                        "read %lld of %lld in session %d saw %zu writes, the session knows of %zu",
                        (long long)fact->tag, (long long)fact->key, (int)fact->session, fact->place,
                        known);
        }
        known = fact->place > known ? fact->place : known;
    }
}

void check_reads(const check_ledger_t *ledger, const check_history_t *history,
                 check_report_t *report)
{
    facts_t facts = {0};
    size_t writes = 0;
    check_keys_t keys;

    for (size_t i = 0; i < ledger->op_count; i++) {
        writes += (size_t)ledger->ops[i].key_count;
    }
    facts.items = sim_alloc((writes + ledger->seen_count + 1) * sizeof *facts.items);
    check_keys_init(&keys, ledger, history);
    check_seen_all(ledger, history, &keys, &facts, report);
    add_writes(ledger, &keys, &facts);
    qsort(facts.items, facts.count, sizeof *facts.items, compare);
    check_sessions(&facts, report);
    check_keys_done(&keys);
    free(facts.items);
}
