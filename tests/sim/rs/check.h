/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator checks: a ledger of what clients asked for and were told, the history of the
 * set after all faults were healed, and the rules that relate them. Nothing here knows of clients,
 * servers or virtual time: handmade ledgers and histories test the checkers themselves.
 *
 *   check_ledger.c   the ledger, and the report of what is broken
 *   check_writes.c   what was acknowledged is there, what failed is not, nothing is there twice
 *   check_order.c    lists and registers: their order and what compare-and-set saw
 *   check_reads.c    what reads saw, alone and within their session
 *
 * A write is known by its tag, which it carries into the data and in its `comment`. It writes to
 * the documents `first_key` .. `first_key` + `key_count` - 1, each once. */
#ifndef MUV_TESTS_SIM_RS_CHECK_H
#define MUV_TESTS_SIM_RS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* --- the report --------------------------------------------------------------------------------*/

/* X(suffix, name): the rules by which a run is judged. */
#define CHECK_RULE_MAP(X)                                                                          \
    X(CALLBACK, "callback")   /* Exactly once, never inside a call. */                             \
    X(LOST, "lost")           /* Acknowledged with majority and missing. */                        \
    X(TWICE, "twice")         /* Applied more than once. */                                        \
    X(DOUBT, "doubt")         /* Failed without `in_doubt`, and applied. */                        \
    X(CLAIM, "claim")         /* The reply claims what did not happen. */                          \
    X(UNKNOWN, "unknown")     /* In the data, and nobody wrote it. */                              \
    X(ORDER, "order")         /* Against the order of acknowledgements. */                         \
    X(SAW, "saw")             /* A compare-and-set that did not see its value. */                  \
    X(BACKWARDS, "backwards") /* A session reads older data than before, or another moment. */     \
    X(READ, "read")           /* What was read never was so. */                                    \
    X(CURSOR, "cursor")       /* Documents missing from a cursor, or given twice. */               \
    X(LEAK, "leak")           /* Connections, operations, sessions, cursors or bytes left. */      \
    X(LIMIT, "limit")         /* More connections than maxPoolSize. */                             \
    X(RECOVERY, "recovery")   /* Not usable again in time. */                                      \
    X(LATE, "late")           /* An operation that outlives its timeout. */                        \
    X(BLOCKED, "blocked")     /* An operation that never ends. */                                  \
    X(PROTOCOL, "protocol")   /* The servers were spoken to in a way that is forbidden. */         \
    X(UNSPECIFIC, "error")    /* An error that nothing explains. */

#define CHECK_RULE_(suffix, name) CHECK_##suffix,
typedef enum check_rule { CHECK_RULE_MAP(CHECK_RULE_) CHECK_RULES } check_rule_t;
#undef CHECK_RULE_

#define CHECK_REPORT_SIZE 4096

/* All zero: nothing is broken. */
typedef struct check_report {
    unsigned broken[CHECK_RULES]; /* How often. */
    unsigned total;
    size_t length;
    char text[CHECK_REPORT_SIZE]; /* One line for each, as far as they fit. */
} check_report_t;

void check_break(check_report_t *report, check_rule_t rule, const char *format, ...)
    MUV__PRINTF(3, 4);

const char *check_rule_name(check_rule_t rule);

/* --- the ledger --------------------------------------------------------------------------------*/

typedef enum check_kind {
    CHECK_OTHER,  /* Pings and the like: only its callback is checked. */
    CHECK_INSERT, /* Documents whose _id are the keys. */
    CHECK_INCREMENT,
    CHECK_SWAP, /* Compare-and-set of the register `first_key` from `expected` to the tag. */
    CHECK_PUSH, /* The tag goes to the end of the list `first_key`. */
    CHECK_DELETE,
    CHECK_LOOK, /* A read; what it saw is in a check_seen_t. */
    CHECK_WALK  /* A cursor over many documents. */
} check_kind_t;

const char *check_kind_name(check_kind_t kind);

/* What a write waits for. */
enum { CHECK_W0, CHECK_W1, CHECK_MAJORITY };

/* One call of the public interface. */
typedef struct check_op {
    int64_t tag; /* Never 0. */
    uint8_t kind;
    uint8_t concern;
    bool conditional;  /* It may find nothing to change: a delete or compare-and-set. */
    bool not_repeated; /* The client must not send it twice: update_many and delete_many. */
    bool in_doubt;
    uint8_t client;
    unsigned callbacks;
    int32_t code;        /* Of the error, 0: success. */
    int32_t server_code; /* The server's, or 0. */
    int32_t session;     /* Of a causal session, from 1; 0: none. */
    int64_t first_key;
    int64_t key_count;
    int64_t expected; /* CHECK_SWAP. */
    int64_t claimed;  /* How many documents the reply says were written, in order; -1: none came. */
    int64_t started_us;
    int64_t ended_us;
} check_op_t;

/* What one read saw of one list or register. */
typedef struct check_seen {
    int64_t tag; /* Of the operation. */
    int64_t key;
    bool is_list;
    bool majority;   /* With read concern majority: what it saw is never rolled back. */
    bool snapshot;   /* The session is none of causal consistency: it sees one moment. */
    int32_t session; /* Causal, and all its reads and writes with majority; 0: none. */
    uint32_t count;  /* Tags in the list; of a register 1, or 0 as long as nobody has set it. */
    size_t first;    /* Of these in the ledger's `tags`. */
    int64_t started_us;
    int64_t ended_us;
} check_seen_t;

/* All zero: empty. */
typedef struct check_ledger {
    check_op_t *ops; /* That of tag t is ops[t - 1]. */
    size_t op_count;
    size_t op_capacity;
    check_seen_t *seen; /* In the order of their ends. */
    size_t seen_count;
    size_t seen_capacity;
    int64_t *tags;
    size_t tag_count;
    size_t tag_capacity;
} check_ledger_t;

/* A new operation: it gets its tag; the rest is the caller's. The pointer is good until the next
 * call. */
check_op_t *check_ledger_add(check_ledger_t *ledger);

/* NULL: nobody has that tag. */
check_op_t *check_ledger_find(const check_ledger_t *ledger, int64_t tag);

/* Note what a read saw; `tags` are copied. */
void check_ledger_saw(check_ledger_t *ledger, const check_seen_t *seen, const int64_t *tags);

void check_ledger_done(check_ledger_t *ledger);

/* --- the history -------------------------------------------------------------------------------*/

/* One document written by one operation, as a member of the set applied it. */
typedef struct check_entry {
    int64_t tag;
    int64_t key;
    int64_t before; /* CHECK_SWAP: the register's value, 0 when nobody had set it. */
    bool rolled_back;
} check_entry_t;

/* In the order of the set's log; what was rolled back anywhere in between. */
typedef struct check_history {
    const check_entry_t *entries;
    size_t count;
} check_history_t;

/* --- the checks --------------------------------------------------------------------------------*/

/* Every operation was called back exactly once. */
void check_callbacks(const check_ledger_t *ledger, check_report_t *report);

/* LOST, TWICE, DOUBT, CLAIM, UNKNOWN. */
void check_writes(const check_ledger_t *ledger, const check_history_t *history,
                  check_report_t *report);

/* ORDER and SAW. */
void check_order(const check_ledger_t *ledger, const check_history_t *history,
                 check_report_t *report);

/* READ and BACKWARDS. */
void check_reads(const check_ledger_t *ledger, const check_history_t *history,
                 check_report_t *report);

/* All of them. */
void check_all(const check_ledger_t *ledger, const check_history_t *history,
               check_report_t *report);

#endif
