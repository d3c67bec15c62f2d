/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the simulator: a replica set, clients with random options, actors that work on them,
 * faults, and the checks. Everything follows from the seed.
 *
 *   run.c           the phases: set up, work under faults, heal, recover, calm, close
 *   run_client.c    clients: options by chance, life, recovery, limits
 *   run_verify.c    what must hold in the end; the history as the checkers want it
 *   run_watch.c     what goes over the wire
 *   run_batch.c     many seeds on all processors; figures
 *   schedule.c      which faults when
 *   workload.c      actors: what they do next, how an operation ends
 *   workload_*.c    the single workloads
 */
#ifndef MUV_TESTS_SIM_RS_RUN_H
#define MUV_TESTS_SIM_RS_RUN_H

#include "check.h"
#include "model.h"

#include "muv.h"

#include "support/alloc.h"

enum {
    RUN_MAX_CLIENTS = 2,
    RUN_MAX_ACTORS = 24,
    RUN_LISTS_PER_GROUP = 4,
    RUN_COUNTERS = 6,
    RUN_REGISTERS = 6,
    RUN_STABLE = 40, /* Documents that every cursor must find. */
    RUN_LIST_LENGTH = 50,
    RUN_CHILDREN = 4
};

/* Keys of the documents, by what they are for. */
#define RUN_KEY_LOOSE INT64_C(1000000000) /* Inserted once. */
#define RUN_KEY_COUNTER INT64_C(2000000000)
#define RUN_KEY_REGISTER INT64_C(3000000000)
#define RUN_KEY_LIST INT64_C(4000000000)
#define RUN_KEY_STABLE INT64_C(5000000000)
#define RUN_KEY_PASSING INT64_C(6000000000) /* Beside the stable ones: they come and go. */

typedef struct run run_t;
typedef struct run_actor run_actor_t;

/* What a run does; all of it is drawn from the seed, except the duration. */
typedef struct run_opts {
    uint64_t seed;
    int64_t duration_us; /* Of the time with faults. */
    bool verbose;        /* A line for each event, and the model's dump in the end. */
    bool quiet;
    unsigned lies; /* RS_LIE_*: for tests of the checkers. */
} run_opts_t;

/* A client with its options and collections; when it is closed in the middle, the next one takes
 * its place. */
typedef struct run_client {
    run_t *run;
    unsigned index;
    muv_client_t *client; /* NULL: the last one is gone, the next one not there. */
    bool closing;
    unsigned epoch; /* The how manieth client it is. */
    bool again;     /* When it is closed, a new one follows. */
    char uri[1024];
    uint32_t max_pool_size; /* 0: no limit. */
    int64_t heartbeat_us;
    int64_t connect_timeout_us;
    bool retry_writes;
    bool majority_reads; /* readConcernLevel of the client. */
    uint8_t concern;     /* CHECK_W1 or CHECK_MAJORITY: what w of the client means. */
    muv_collection_t *loose;
    muv_collection_t *counters;
    muv_collection_t *registers;
    muv_collection_t *lists;
    muv_collection_t *walks;
    unsigned sentinels; /* Recovery: successes so far. */
    int64_t recovered_us;
} run_client_t;

/* An operation under a composite. */
typedef struct run_child {
    run_actor_t *actor;
    int64_t tag; /* 0: it has ended. */
    bool failed;
} run_child_t;

/* Someone who does one thing after the other. */
struct run_actor {
    run_t *run;
    unsigned index;
    run_client_t *client;
    muv_op_t *op;       /* NULL: nothing is under way. */
    int64_t tag;        /* Of what is under way, 0: nothing. */
    int64_t timeout_ms; /* Its timeout, 0: none of its own. */
    int64_t stalled_us; /* The run's, when it began. */
    bool idle;          /* It has stopped. */
    bool cancel_set;    /* A timer for `cancel_tag` runs. */
    int64_t cancel_tag;
    muv_session_t *session; /* NULL: none. */
    int32_t session_number; /* Of the ledger; 0: it is not checked. */
    bool snapshot;          /* All its reads are to see one moment. */
    unsigned session_epoch; /* Of its client. */
    unsigned session_left;  /* Operations until it ends. */
    int64_t session_key;    /* The list it likes. */
    /* Compare-and-set: what the register held. */
    int64_t register_key;
    int64_t register_value;
    /* A cursor and what it gave. */
    muv_cursor_t *cursor;
    uint8_t seen[RUN_STABLE];
    uint8_t walk_style;
    bool walk_paused;
    run_child_t children[RUN_CHILDREN];
};

/* Counted over the runs of a batch. */
typedef struct run_figures {
    uint64_t seeds;
    uint64_t failed;
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t succeeded;
    uint64_t in_doubt;
    uint64_t cancelled;
    uint64_t timed_out;
    uint64_t other_errors;
    uint64_t reads_checked;
    uint64_t walks_checked;
    uint64_t entries;
    uint64_t rolled_back;
    uint64_t repeated;
    uint64_t elections;
    uint64_t faults[RS_FAULTS];
    uint64_t failures; /* Commands made to fail, one by one. */
    uint64_t freezes;
    uint64_t replaced;    /* Clients closed in the middle. */
    uint64_t recovery_us; /* The longest. */
    uint64_t digest;      /* Of all that happened in all of them. */
} run_figures_t;

struct run {
    run_opts_t opts;
    sim_world_t *world;
    rs_set_t *set;
    struct run_watch *watch; /* [own] */
    uint64_t random;         /* Of the workloads: independent of the world's and the set's. */
    uint64_t weather;        /* Of the schedule. */
    check_ledger_t ledger;
    check_report_t report;
    run_figures_t figures;
    uint64_t trace;  /* A hash of everything that callers saw. */
    unsigned inside; /* Depth of calls into the library. */
    run_client_t clients[RUN_MAX_CLIENTS];
    unsigned client_count;
    run_actor_t actors[RUN_MAX_ACTORS];
    unsigned actor_count;
    unsigned live;  /* Operations that have not called back. */
    unsigned ended; /* Callbacks. */
    bool stopping;
    bool faultless;   /* The weather is calm now: errors need a reason. */
    int64_t pause_us; /* Mean time between two operations of an actor. */
    unsigned cancel_permille;
    unsigned timeout_permille;
    unsigned stall_permille;
    int64_t stalled_us; /* So long has user code held the loop. */
    int64_t heal_at_us;
    int64_t strike_gap_us; /* Mean time between the faults of the schedule's own. */
    unsigned group_count;
    unsigned *list_lengths; /* Pushes started, by list. */
    int32_t next_session;
    int64_t next_loose;
    int64_t next_passing;
    int64_t *passing; /* Inserted, not yet deleted. */
    size_t passing_count;
    size_t passing_capacity;
    alloc_mark_t mark;     /* When the run began; ... */
    size_t live_blocks;    /* ... and what lived then. */
    unsigned calm_cursors; /* Open on all nodes when the calm began, ... */
    unsigned calm_sessions;
};

/* Around every call into the library. */
#define RUN_INSIDE(run, statement)                                                                 \
    do {                                                                                           \
        (run)->inside++;                                                                           \
        statement;                                                                                 \
        (run)->inside--;                                                                           \
    } while (0)

/* --- run.c -------------------------------------------------------------------------------------*/

/* What came of a run. */
typedef struct run_result {
    check_report_t report;
    run_figures_t figures;
    uint64_t digest; /* Of everything that happened: a run of the same seed has the same. */
} run_result_t;

/* Run one seed. Returns whether all checks held; what is broken is printed unless `quiet`. */
bool run_seed(const run_opts_t *opts, run_result_t *ret);

/* 0 <= result < bound. */
uint64_t run_draw(uint64_t *state, uint64_t bound);
uint64_t run_random(run_t *run, uint64_t bound);
bool run_chance(run_t *run, unsigned permille);

/* Take something into the hash of the trace and, when verbose, print it. */
void run_trace(run_t *run, const char *what, int64_t a, int64_t b);

/* --- run_client.c ------------------------------------------------------------------------------*/

void run_client_init(run_client_t *client, run_t *run, unsigned index);

/* Make the client that its URI describes, and its collections. */
void run_client_open(run_client_t *client);

/* Close it; with `again` a new one with other options follows. */
void run_client_close(run_client_t *client, int mode, bool again);

/* Try until a write is acknowledged by a majority, for a second each time; `sentinels` counts the
 * successes. */
void run_client_probe(run_client_t *client);

/* When TCP gives up a connection that a fault has left half open: the model's own bound. */
#define RUN_LINK_TIMEOUT_US (20 * SIM_SECOND)

/* After the last fault the client must be usable within so long. */
int64_t run_client_bound_us(const run_client_t *client);

/* --- run_verify.c ------------------------------------------------------------------------------*/

/* All checkers over the settled set. */
void run_verify(run_t *run);

/* No more connections than allowed, at any time. */
void run_check_limits(run_t *run);

/* The calm begins; it has ended, and nothing of it may be left. */
void run_note_holdings(run_t *run);
void run_check_leaks(run_t *run);

/* --- workload.c --------------------------------------------------------------------------------*/

/* Fill the collections; without faults. */
void workload_set_up(run_t *run);

/* The actors begin. */
void workload_start(run_t *run);

/* Note a new operation. The pointer is good until the next one. */
check_op_t *workload_begin(run_actor_t *actor, check_kind_t kind, int64_t key);

/* The same of an operation that is not the actor's own one: a child of a composite. */
check_op_t *workload_note_begin(run_actor_t *actor, check_kind_t kind, int64_t key);

/* Its end. NULL: there is none of that tag, or it has ended. */
check_op_t *workload_note_end(run_t *run, int64_t tag, const muv_error_t *error, int64_t claimed);

/* What a start call returned. Refused: the actor goes on later. */
void workload_started(run_actor_t *actor, int status);

/* The operation under way called back. `claimed`: documents written as the reply says; -1: no
 * result. Returns its entry in the ledger; NULL: nothing was under way, and the actor must not go
 * on. */
check_op_t *workload_ended(run_actor_t *actor, const muv_op_t *handle, const muv_error_t *error,
                           int64_t claimed);

/* The next thing, after a while. */
void workload_next(run_actor_t *actor);

/* A timeout for the next operation, by chance. 0: none. */
int64_t workload_timeout_ms(run_actor_t *actor);

/* {comment: tag} as the options want it. */
void workload_comment(bson_t *comment, int64_t tag);

/* The write concern of the next write; NULL: the client's. */
const muv_write_concern_t *workload_concern(run_actor_t *actor, uint8_t *ret_concern);

/* End what the actor holds. */
void workload_release(run_actor_t *actor);

/* The workloads: each starts one operation or the first of a few. */
void workload_insert(run_actor_t *actor);
void workload_insert_many(run_actor_t *actor);
void workload_delete(run_actor_t *actor);
void workload_increment(run_actor_t *actor);
void workload_push(run_actor_t *actor);
void workload_push_many(run_actor_t *actor);
void workload_swap(run_actor_t *actor);
void workload_look(run_actor_t *actor);
void workload_walk(run_actor_t *actor);
void workload_ping(run_actor_t *actor);
void workload_tree(run_actor_t *actor);

#endif
