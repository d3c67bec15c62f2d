/* SPDX-License-Identifier: Apache-2.0 */
/* A replica set in the virtual network: 3 to 7 nodes that elect primaries, replicate an oplog,
 * crash, roll back, and answer commands as mongod 8 does, as far as a client can tell. One seed
 * decides everything. What the set really did is kept beside it for checkers: every entry ever
 * made, what was committed and when, who was primary.
 *
 *   model.c        life of a set, agenda, trace      node.c          state, log, crash, restart
 *   model_link.c   connections and ways              node_raft.c     appending, committing
 *   model_fault.c  faults by hand                    node_vote.c     terms, elections
 *   model_chaos.c  faults by chance                  node_hello.c    hello, streams
 *   model_truth.c  what happened, for checkers       node_job.c      a command taken apart
 *   oplog.c        entries, documents, sessions      node_command.c  its way: refuse, wait, answer
 *   oplog_match.c  filters                           node_error.c    codes and labels
 *   oplog_update.c operators                         node_write.c, node_read.c  what it does
 *
 * Order of life: sim_new, rs_new, client ..., client closed, rs_free, sim_free. */
#ifndef MUV_TESTS_SIM_RS_MODEL_H
#define MUV_TESTS_SIM_RS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../net_sim.h"

#define RS_MAX_NODES 7

typedef struct rs_set rs_set_t;

/* All zero: defaults. */
typedef struct rs_opts {
    unsigned nodes;              /* 3 to 7; 0: 3. Odd and even are both fine. */
    int64_t election_timeout_us; /* Without word from a primary; 0: 3 s. Jitter 0 to 50 % on top. */
    int64_t heartbeat_us;        /* Primary to the others; 0: 500 ms. */
    int64_t client_latency_us;   /* One way; 0: 500 us. */
    int64_t node_latency_us;     /* One way, between nodes: replication lag; 0: 700 us. */
    int64_t work_us;             /* The longest a command takes on an idle node; 0: 400 us. */
    int64_t link_timeout_us;     /* When TCP gives a dead connection up; 0: 20 s. */
    unsigned
        lose_tail_percent; /* How often a crash loses what was not journaled; 0: 50, 101: never. */
} rs_opts_t;

/* Servers 10.0.0.1 .. 10.0.0.N, port 27017; their links take the world's clock. The set has elected
 * its first primary (node 0, term 1) when this returns. `opts` NULL: defaults. */
rs_set_t *rs_new(sim_world_t *world, uint64_t seed, const rs_opts_t *opts);
void rs_free(rs_set_t *set);

/* "mongodb://10.0.0.1:27017,.../?replicaSet=sim". [borrow] */
const char *rs_uri(const rs_set_t *set);

unsigned rs_node_count(const rs_set_t *set);
sim_world_t *rs_world(const rs_set_t *set);

/* The set's own random numbers: independent of what the client draws. 0 <= result < bound. */
uint64_t rs_random(rs_set_t *set, uint64_t bound);

/* --- state -------------------------------------------------------------------------------------*/

typedef enum rs_state {
    RS_PRIMARY,
    RS_SECONDARY,
    RS_ROLLBACK,   /* Throws entries away; answers 13436. */
    RS_RECOVERING, /* Has just started. */
    RS_DOWN
} rs_state_t;

rs_state_t rs_state(const rs_set_t *set, unsigned node);

/* The primary of the highest term, or -1. An older one may still believe in itself. */
int rs_primary(const rs_set_t *set);

/* Run the world until there is a primary that a majority follows; fails the test after `limit_us`.
 */
unsigned rs_await_primary(rs_set_t *set, int64_t limit_us);

/* No fault is active, all nodes are up, one primary, all logs are the same and wholly committed. */
bool rs_is_settled(const rs_set_t *set);

/* Run the world until rs_is_settled(); fails the test (with rs_dump) after `limit_us`. */
void rs_settle(rs_set_t *set, int64_t limit_us);

/* --- faults by hand ----------------------------------------------------------------------------*/

/* Nodes of the mask (bit i: node i) on one side, the rest on the other. Adds to earlier cuts. */
void rs_partition(rs_set_t *set, unsigned mask);

/* The cut between the two sides is open again (where no other one is). */
void rs_unpartition(rs_set_t *set, unsigned mask);

/* One direction between two nodes. */
void rs_cut(rs_set_t *set, unsigned from, unsigned to, bool cut);

/* Client and node. While cut, new connections hang; bytes of existing ones wait in TCP and arrive
 * after the heal, or vanish for good (half open), by chance. */
typedef enum rs_way { RS_WAY_OPEN, RS_WAY_CUT, RS_WAY_TO_NODE_CUT, RS_WAY_TO_CLIENT_CUT } rs_way_t;
void rs_cut_client(rs_set_t *set, unsigned node, rs_way_t way);

/* The process dies: connections reset and refused. `silent`: the machine dies; nobody answers. */
void rs_crash(rs_set_t *set, unsigned node, bool silent);
void rs_restart(rs_set_t *set, unsigned node);

/* An orderly shutdown: a primary steps down first, commands get 91 or 11600, then as rs_crash. */
void rs_shut_down(rs_set_t *set, unsigned node);

/* The primary gives up; it does not stand again for `quiet_us` (0: 10 s). */
void rs_step_down(rs_set_t *set, unsigned node, int64_t quiet_us);

typedef struct rs_quality {
    int64_t latency_us;     /* One way; 0: that of the options. */
    int64_t jitter_us;      /* 0 to so much more. */
    unsigned loss_permille; /* Of packets. Between nodes they vanish. With the client the connection
                             * suffers: reset before the command ran, reset in the place of the
                             * reply, a cut reply, or half open from then on. */
} rs_quality_t;
void rs_client_link(rs_set_t *set, unsigned node, const rs_quality_t *quality); /* NULL: good. */
void rs_node_link(rs_set_t *set, unsigned a, unsigned b, const rs_quality_t *quality);

/* New connections are refused, or broken at their hello; existing ones stay. */
void rs_refuse(rs_set_t *set, unsigned node, bool refuse);

/* So many commands of 1000 get 462 with SystemOverloadedError and RetryableError, unexecuted. */
void rs_overload(rs_set_t *set, unsigned node, unsigned permille);

/* Commands take up to so long; 0: as the options say. */
void rs_slow(rs_set_t *set, unsigned node, int64_t work_us);

/* Break all connections with the client, now. */
void rs_reset_connections(rs_set_t *set, unsigned node);

/* The process stands still: it takes connections and bytes, and does nothing until it is thawed. */
void rs_freeze(rs_set_t *set, unsigned node, bool frozen);

/* Fail commands as failCommand does. */
typedef enum rs_when {
    RS_BEFORE,        /* Not executed. */
    RS_AFTER,         /* Executed, and the error in the place of the reply. */
    RS_WRITE_CONCERN, /* Executed, and the error as writeConcernError. */
    RS_CLOSE_BEFORE,  /* The connection breaks, ... */
    RS_CLOSE_AFTER,   /* ... after the command ran. */
    RS_MIDWAY         /* A write stops with the error after some of several statements. */
} rs_when_t;
typedef struct rs_failure {
    rs_when_t when;
    const char *name; /* Of the command; NULL: any but hello. [borrow] Until used up. */
    int32_t code;
    const char *labels[3]; /* Besides those that a server adds by itself. [borrow] */
    unsigned times;        /* 0: once. */
} rs_failure_t;
void rs_fail(rs_set_t *set, unsigned node, const rs_failure_t *failure);

/* Hide a node, or show it again: a reconfiguration, with a new setVersion, that spreads with the
 * primary's messages. A hidden node is in nobody's `hosts` and does not lead. */
void rs_hide(rs_set_t *set, unsigned node, bool hidden);

/* Kill all cursors: the next getMore gets 43. */
void rs_kill_cursors(rs_set_t *set, unsigned node);

/* Everything as in the beginning: no cut, good links, no overload; crashed nodes start. Chaos
 * stops. Held bytes arrive; half open connections stay so until TCP gives them up. */
void rs_heal(rs_set_t *set);

/* When the last fault, or the healing of one, took place (virtual time). */
int64_t rs_last_fault_us(const rs_set_t *set);

/* --- faults by chance --------------------------------------------------------------------------*/

typedef enum rs_fault {
    RS_FAULT_PARTITION,
    RS_FAULT_CUT,
    RS_FAULT_CUT_CLIENT,
    RS_FAULT_CRASH,
    RS_FAULT_SHUT_DOWN,
    RS_FAULT_STEP_DOWN,
    RS_FAULT_CLIENT_LINK,
    RS_FAULT_NODE_LINK,
    RS_FAULT_REFUSE,
    RS_FAULT_OVERLOAD,
    RS_FAULT_SLOW,
    RS_FAULT_FREEZE,
    RS_FAULT_RESET,
    RS_FAULT_KILL_CURSORS,
    RS_FAULT_FAIL,
    RS_FAULT_HIDE,
    RS_FAULTS /* Their number. */
} rs_fault_t;

/* All zero: defaults. */
typedef struct rs_chaos {
    int64_t mean_gap_us;         /* Between the beginnings of faults; 0: 4 s. */
    int64_t max_duration_us;     /* 0: 20 s. Mostly they are shorter. */
    unsigned weights[RS_FAULTS]; /* All zero: the usual mix. */
} rs_chaos_t;

/* Faults begin from now on; at `heal_at_us` (virtual time) rs_heal() is called and there are no
 * more. `chaos` NULL: defaults. */
void rs_chaos(rs_set_t *set, const rs_chaos_t *chaos, int64_t heal_at_us);

const char *rs_fault_name(rs_fault_t fault);

/* --- looking in, and lies ----------------------------------------------------------------------*/

typedef struct rs_request {
    unsigned node;
    const char *name; /* As sent. */
    const uint8_t *body;
    size_t size;
    uint64_t connection; /* A number of its own each. */
    bool expects_reply;
} rs_request_t;

/* New bytes in the place of a request's body or of a reply; `bytes` NULL: it stays as it is. [own]
 * malloc() memory, freed by the model. */
typedef struct rs_edit {
    uint8_t *bytes;
    size_t size;
} rs_edit_t;

/* Each request of a client, hello included, when it has arrived whole and before it is judged. */
typedef rs_edit_t (*rs_request_hook_t)(void *data, const rs_request_t *request);

/* Each reply as it leaves; `request` as the client sent it. */
typedef rs_edit_t (*rs_reply_hook_t)(void *data, const rs_request_t *request, const uint8_t *reply,
                                     size_t size);
void rs_hook(rs_set_t *set, rs_request_hook_t on_request, rs_reply_hook_t on_reply, void *data);

/* Wrong servers, to show that checkers see it. Bits. */
enum {
    RS_LIE_APPLY_TWICE = 1,     /* A retried statement is applied again. */
    RS_LIE_EARLY_MAJORITY = 2,  /* Majority is acknowledged by the primary alone. */
    RS_LIE_NO_CAUSAL_WAIT = 4,  /* afterClusterTime is ignored. */
    RS_LIE_LOSE_COMMITTED = 8,  /* Any node may win an election, and its log counts. */
    RS_LIE_SWAPPED_REPLIES = 16 /* A find may get the reply of the find before it. */
};
void rs_lie(rs_set_t *set, unsigned lies);

/* What the nodes hold for clients now. */
typedef struct rs_holdings {
    unsigned connections;
    unsigned cursors;
    unsigned sessions; /* lsids seen and not ended; forgotten when the process ends. */
    unsigned waiting;  /* Commands that have not been answered. */
    unsigned streams;  /* Streaming or awaiting hellos. */
} rs_holdings_t;
rs_holdings_t rs_holdings(const rs_set_t *set, unsigned node);

/* After rs_heal() a primary is there within so long. */
int64_t rs_election_bound_us(const rs_set_t *set);

/* --- what happened -----------------------------------------------------------------------------*/

typedef enum rs_kind { RS_NOOP, RS_INSERT, RS_UPDATE, RS_DELETE } rs_kind_t;

/* A state of a document; lives as long as the set. */
typedef struct rs_version {
    const uint8_t *bytes; /* BSON. */
    size_t size;
} rs_version_t;

/* One entry of an oplog: one statement, applied once by one primary. Entries are shared by the logs
 * of all nodes that have replicated them, and live as long as the set. */
typedef struct rs_entry {
    uint64_t number; /* 1, 2, ... in the order of making, on whatever node. */
    uint64_t term;
    uint64_t index;     /* Place in the log, from 0. */
    uint64_t timestamp; /* As BSON has it: seconds << 32 | increment. */
    rs_kind_t kind;
    unsigned node; /* That made it. */
    int64_t made_us;
    int64_t committed_us; /* When a primary knew that a majority has it; 0: never (yet). */
    const char *ns;       /* "db.collection"; "" of a noop. */
    int64_t tag;          /* The command's `comment` when it is a number, else 0. */
    bool has_lsid;
    uint8_t lsid[16];
    int64_t txn_number; /* -1: none. */
    int32_t statement;
    const rs_version_t *before; /* NULL: there was none. */
    const rs_version_t *after;  /* NULL: deleted. */
    unsigned holders;           /* Nodes whose log has it now. 0: rolled back everywhere. */

    /* The model's own. */
    uint32_t document;
    uint32_t session;
    const struct rs_record *session_before;
    const struct rs_record *session_after;
} rs_entry_t;

/* All entries ever made, in order. */
size_t rs_entry_count(const rs_set_t *set);
const rs_entry_t *rs_entry(const rs_set_t *set, size_t i);

/* The log that counts: of the primary with the highest term, or of the most advanced node. After
 * rs_settle() it is everybody's. */
size_t rs_log_size(const rs_set_t *set);
const rs_entry_t *rs_log(const rs_set_t *set, size_t i);

/* Is the entry in that log? */
bool rs_survived(const rs_set_t *set, const rs_entry_t *entry);

/* The document of that log's end, by an integer or string _id; NULL: there is none. */
const rs_version_t *rs_document(const rs_set_t *set, const char *ns, int64_t id);
const rs_version_t *rs_document_named(const rs_set_t *set, const char *ns, const char *id);

/* All documents of a collection in the order of _id. */
void rs_each_document(const rs_set_t *set, const char *ns,
                      void (*fn)(void *data, const rs_version_t *document), void *data);

typedef struct rs_reign {
    unsigned node;
    uint64_t term;
    int64_t from_us;
    int64_t until_us; /* INT64_MAX: it goes on. */
} rs_reign_t;
size_t rs_reign_count(const rs_set_t *set);
const rs_reign_t *rs_reign(const rs_set_t *set, size_t i);

typedef struct rs_counts {
    uint64_t faults[RS_FAULTS]; /* Begun, by hand or by chance. */
    uint64_t all_faults;
    uint64_t commands; /* Executed, without hello. */
    uint64_t hellos;
    uint64_t writes;      /* Entries made by commands. */
    uint64_t repeated;    /* Statements answered from the retryable-write memory. */
    uint64_t too_old;     /* 225. */
    uint64_t refusals;    /* Commands refused for the node's state. */
    uint64_t interrupted; /* Commands that waited when the node stepped down. */
    uint64_t overloads;
    uint64_t timeouts; /* maxTimeMS, wtimeout. */
    uint64_t elections;
    uint64_t rolled_back;  /* Entries thrown away by a node. */
    uint64_t lost_links;   /* Connections that were reset or went half open by a bad link. */
    uint64_t lost_replies; /* A command ran, and its reply did not leave. */
    uint64_t reads;
    uint64_t get_mores;
    uint64_t causal_waits;
    uint64_t ended_sessions;
} rs_counts_t;
const rs_counts_t *rs_counts(const rs_set_t *set);

/* What a client must never do, as the nodes saw it: a transaction number given to two operations, a
 * getMore with another session or to another node, a cluster time that nobody gave out, lsid or
 * $clusterTime in a hello, a malformed field. NULL: nothing of the kind. [borrow] */
const char *rs_violation(const rs_set_t *set);

/* A hash over everything that happened: the same seed gives the same. */
uint64_t rs_digest(const rs_set_t *set);

/* The last events (up to 400 lines) and the state of all nodes. */
void rs_dump(const rs_set_t *set, FILE *file);

/* Print each event as it comes, too. NULL: no more. */
void rs_echo(rs_set_t *set, FILE *file);

/* Add a line of one's own to the trace (the digest takes it in). */
void rs_note(rs_set_t *set, const char *format, ...) MUV__PRINTF(2, 3);

#endif
