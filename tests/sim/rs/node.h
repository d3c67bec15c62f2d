/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the model share. Tests include model.h only. */
#ifndef MUV_TESTS_SIM_RS_NODE_H
#define MUV_TESTS_SIM_RS_NODE_H

#include "oplog.h"

#include "../net_events.h"
#include "../net_handler.h"
#include "base/list.h"

typedef struct rs_node rs_node_t;

/* One connection of the client, from its first packet until either side ends it. */
typedef struct rs_conn {
    muv__list_t link; /* Of its node. */
    rs_node_t *node;
    sim_link_t *wire;
    uint64_t number;
    bool half_open; /* All its bytes vanish. */
    bool judged;    /* In this cut it was decided that its bytes wait. */
    bool greeted;   /* Its first message was read. */
} rs_conn_t;

/* A hello that waits: awaited once, or streamed. */
typedef struct rs_stream {
    muv__list_t link; /* Of its node. */
    rs_conn_t *conn;
    uint64_t number;
    int32_t response_to;
    int64_t max_await_us;
    bool exhaust;
    bool legacy; /* Asked as isMaster. */
} rs_stream_t;

typedef struct rs_cursor {
    muv__list_t link; /* Of its node. */
    int64_t id;
    const char *ns; /* Of the set's store. */
    bool has_lsid;
    uint8_t lsid[16];
    const rs_version_t **documents;
    uint32_t count;
    uint32_t at;
} rs_cursor_t;

typedef enum rs_stage {
    RS_WORKING,  /* Not begun: the node is busy. */
    RS_CAUSAL,   /* Waits for afterClusterTime. */
    RS_CONCERNED /* Done; waits for its write concern. */
} rs_stage_t;

typedef struct rs_job {
    muv__list_t link; /* Of its node, in the order of arrival. */
    rs_node_t *node;
    rs_conn_t *conn; /* NULL: gone; the work goes on. */
    uint64_t number;
    rs_stage_t stage;
    int64_t due_us;      /* When the work is done. */
    int64_t deadline_us; /* Of maxTimeMS; INT64_MAX: none. */
    int32_t message_id;
    uint32_t flags;
    char name[40];
    char ns[120];
    uint8_t *bytes; /* Of the sequences. [own] */
    bson_t *body;   /* [own] */
    bson_t *sent;   /* In the place of `body` before a hook edited it, or NULL. [own] */
    bson_t *reply;  /* [own] */

    /* Read from the body. */
    unsigned sequence_count;
    struct {
        const char *name;
        const uint8_t *bytes;
        size_t size;
    } sequences[SIM_MAX_SEQUENCES];
    bool has_lsid;
    uint8_t lsid[16];
    uint32_t session;   /* RS_NONE: no lsid. */
    int64_t txn_number; /* -1: none. */
    int64_t tag;
    uint64_t after_time; /* afterClusterTime, or 0. */
    bool majority_read;
    bool snapshot;
    uint64_t at_time; /* atClusterTime, or 0. */
    rs_image_t past;  /* What was committed at that time. */
    bool secondary_ok;
    int w;               /* Nodes; RS_MAJORITY: what a server takes when nothing is said. */
    int64_t wtimeout_us; /* 0: none. */
    bool unacknowledged;
    int32_t stop_after; /* So many statements it breaks off; 0: never. */
    bool stopped;
    bool repeated; /* A statement was answered from memory. */

    /* Of a write. */
    unsigned wrote;   /* Entries. */
    uint64_t awaited; /* So many entries of the log must be replicated. */
    int64_t wdeadline_us;
    uint64_t read_time; /* operationTime of a majority read. */
} rs_job_t;

#define RS_MAJORITY (-1)

struct rs_node {
    rs_set_t *set;
    unsigned index;
    sim_server_t *server;
    char host[32];
    rs_state_t state;
    bool frozen;
    bool silent;     /* Down together with its machine. */
    bool quiescing;  /* About to shut down. */
    uint64_t boot;   /* Number of its process. */
    uint32_t config; /* The version it knows. */
    int64_t counter; /* Of topologyVersion. */

    /* On disk. */
    uint64_t term;
    int voted_for; /* In `term`; -1: nobody. */
    rs_entry_t **log;
    uint64_t log_size;
    uint64_t log_capacity;
    uint64_t journaled; /* Entries that survive any crash. */
    uint64_t committed; /* Entries known to be on a majority. */
    rs_image_t image;   /* Of the whole log. */
    rs_image_t stable;  /* Of what is committed. */

    /* In memory. */
    uint64_t clock;   /* The highest cluster time seen. */
    int leader;       /* The primary it follows, or itself; -1. */
    int64_t heard_us; /* Of the leader. */
    int64_t stand_us; /* When it stands for election unless it hears of a leader. */
    bool stand_armed;
    int64_t quiet_until_us;
    bool dry;               /* The votes are of a dry run. */
    uint64_t standing_term; /* For which votes are counted; 0: does not stand. */
    unsigned votes;         /* Mask. */
    int64_t patience_us;    /* How long a primary stays one without a majority. */
    uint64_t rollback_to;
    int64_t *active_txn; /* By number of session; what was begun in this process. */
    uint32_t active_capacity;

    /* As primary, by node. */
    uint64_t next[RS_MAX_NODES];
    uint64_t match[RS_MAX_NODES];
    uint64_t told_commit[RS_MAX_NODES];
    int64_t acked_us[RS_MAX_NODES];
    int64_t sent_us[RS_MAX_NODES]; /* A message is on its way since; 0: none. */

    /* For the client. */
    muv__list_t conns;
    muv__list_t jobs; /* In the order of their numbers. */
    bool waking;
    muv__list_t streams;
    muv__list_t cursors;
    uint8_t *known_sessions; /* By number of session: seen in this process. */
    uint32_t known_capacity;
    rs_way_t way;
    rs_quality_t quality; /* Of the way to the client. */
    bool refusing;
    unsigned overload_permille;
    int64_t work_us;
    rs_failure_t failure;
    unsigned failure_left;
    bson_t *last_find; /* For RS_LIE_SWAPPED_REPLIES. */
};

typedef struct rs_waker rs_waker_t;

#define RS_TRACE_LINES 400

struct rs_set {
    sim_world_t *world;
    rs_opts_t opts;
    uint64_t random;
    unsigned count;
    rs_node_t nodes[RS_MAX_NODES];
    rs_store_t store;
    sim_events_t agenda;
    rs_waker_t *wakers;
    char uri[300];

    bool cut[RS_MAX_NODES][RS_MAX_NODES]; /* From, to. */
    rs_quality_t between[RS_MAX_NODES][RS_MAX_NODES];
    uint8_t *hidden;      /* Masks, by version of the configuration. */
    uint32_t config;      /* The latest version. */
    rs_entry_t **settled; /* What was ever committed, by index. */
    uint64_t settled_count;
    uint64_t settled_capacity;
    int64_t last_fault_us;
    uint64_t fault_epoch; /* rs_heal() adds one: what was to be undone is undone. */
    rs_chaos_t chaos;
    unsigned lies;

    rs_request_hook_t on_request;
    rs_reply_hook_t on_reply;
    void *hook_data;

    uint64_t numbers; /* Of connections, jobs, streams, cursors. */
    struct rs_claim {
        int64_t txn_number;
        uint64_t hash;
    } * claims; /* By number of session: what its latest transaction number stands for. */
    uint32_t claim_capacity;
    uint64_t highest_time; /* The latest cluster time that was ever given out. */
    rs_reign_t *reigns;
    size_t reign_count;
    size_t reign_capacity;
    rs_counts_t counts;
    char violation[300];
    uint64_t digest;
    char *trace; /* RS_TRACE_LINES lines. */
    uint64_t trace_count;
    FILE *echo;
};

/* --- model.c -----------------------------------------------------------------------------------*/

int64_t rs_now_us(const rs_set_t *set);

/* Virtual wall clock, milliseconds since 1970. */
int64_t rs_wall_ms(const rs_set_t *set);

/* Call `fn(data)` at a time; `data` is freed behind the call. [own] sim_alloc() memory or NULL. */
void rs_at(rs_set_t *set, int64_t due_us, void (*fn)(void *data), void *data);

/* A client did what none may do. The first one is kept. */
void rs_violate(rs_set_t *set, const char *format, ...) MUV__PRINTF(2, 3);

/* 1 in `n`, and: from `low` to `high`. */
bool rs_chance(rs_set_t *set, unsigned percent);
int64_t rs_between(rs_set_t *set, int64_t low, int64_t high);

/* --- model_link.c ------------------------------------------------------------------------------*/

/* Whether a message between nodes arrives, and after which time. */
bool rs_node_path(rs_set_t *set, unsigned from, unsigned to, int64_t *ret_delay_us);

void rs_listen(rs_node_t *node);
void rs_break_conns(rs_node_t *node);

/* The machine is gone: nothing arrives, and TCP gives up after a while. */
void rs_orphan_conns(rs_node_t *node);

/* Bytes that waited for a heal or a thaw. */
void rs_release_conns(rs_node_t *node);
rs_conn_t *rs_conn_of(rs_node_t *node, sim_link_t *wire);
void rs_end_conn(rs_conn_t *conn);

/* Send a reply; a bad link may lose it. Returns the message's id. */
int32_t rs_send(rs_conn_t *conn, const rs_request_t *request, const bson_t *reply,
                int32_t response_to, uint32_t flags);

/* --- model_fault.c -----------------------------------------------------------------------------*/

void rs_count_fault(rs_set_t *set, rs_fault_t fault);

/* --- node.c ------------------------------------------------------------------------------------*/

void rs_node_init(rs_set_t *set, unsigned index);
void rs_node_done(rs_node_t *node);
const char *rs_state_name(rs_state_t state);

/* All moves between states. Tells who waits for a hello. */
void rs_enter(rs_node_t *node, rs_state_t state);
void rs_follow(rs_node_t *node, int leader);

/* Add an entry as primary (timestamp, term, index are filled in); apply one that came. */
void rs_append(rs_node_t *node, rs_entry_t *entry);
void rs_take(rs_node_t *node, rs_entry_t *entry);
void rs_truncate(rs_node_t *node, uint64_t size);
void rs_set_committed(rs_node_t *node, uint64_t committed);
uint64_t rs_last_time(const rs_node_t *node);
uint64_t rs_committed_time(const rs_node_t *node);
uint64_t rs_last_term(const rs_node_t *node);
uint64_t rs_common_size(const rs_node_t *a, const rs_node_t *b);
void rs_tick_clock(rs_node_t *node, uint64_t seen);

/* Take over a newer configuration. */
void rs_take_config(rs_node_t *node, uint32_t version);
bool rs_is_hidden(const rs_node_t *node, unsigned index);

/* A shutdown that has begun is carried out at once. */
void rs_end_quiescing(rs_node_t *node);

/* A secondary again after a while. */
void rs_recover(rs_node_t *node, int64_t delay_us);

/* The log from `size` on is not the primary's: throw it away, which takes a while. */
void rs_roll_back(rs_node_t *node, uint64_t size);

/* --- node_raft.c -------------------------------------------------------------------------------*/

void rs_become_primary(rs_node_t *node);

/* The log has grown: tell the others. */
void rs_replicate(rs_node_t *node);

/* How many entries at least `w` nodes have (RS_MAJORITY: a majority, committed). */
uint64_t rs_replicated(const rs_node_t *node, int w);

/* An operation waits for a time that the log has not reached: have the primary write a no-op. */
void rs_want_time(rs_node_t *node, uint64_t time);

/* --- node_vote.c -------------------------------------------------------------------------------*/

/* The data of an event that only means something to the same process. */
typedef struct rs_alarm {
    rs_node_t *node;
    uint64_t boot;
    uint64_t term;
} rs_alarm_t;
void rs_start_alarm(rs_node_t *node, int64_t due_us, void (*fn)(void *data));

unsigned rs_majority_of(const rs_set_t *set);
bool rs_is_deaf(const rs_node_t *node);
void rs_adopt_term(rs_node_t *node, uint64_t term);

/* Stand for election not before a while. */
void rs_postpone(rs_node_t *node);
void rs_begin_following(rs_node_t *node);
void rs_resign(rs_node_t *node, const char *why);

/* Have another node stand at once. */
void rs_hand_over(rs_node_t *node);

/* --- node_hello.c ------------------------------------------------------------------------------*/

void rs_hello(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
              const bson_t *body);
void rs_tell_streams(rs_node_t *node);
void rs_drop_streams(rs_node_t *node, const rs_conn_t *conn);
void rs_append_topology_version(const rs_node_t *node, bson_t *reply);
void rs_append_cluster_time(rs_node_t *node, bson_t *reply);

/* --- node_command.c ----------------------------------------------------------------------------*/

void rs_command(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
                rs_edit_t edit);

/* The node's data, commit point or state changed: who can go on? */
void rs_wake_jobs(rs_node_t *node);
void rs_interrupt_jobs(rs_node_t *node, int32_t code);
void rs_drop_jobs(rs_node_t *node);
void rs_forget_conn(rs_node_t *node, const rs_conn_t *conn);

/* --- node_job.c --------------------------------------------------------------------------------*/

rs_job_t *rs_job_new(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
                     rs_edit_t edit);
void rs_job_free(rs_job_t *job);

/* The operation's documents: of a sequence, or of an array in the body. */
typedef struct rs_items {
    const uint8_t *at;
    const uint8_t *end;
    bson_iter_t iter;
    bool array;
} rs_items_t;
rs_items_t rs_job_items(const rs_job_t *job, const char *name);
bool rs_items_next(rs_items_t *items, bson_t *ret);

/* --- node_error.c ------------------------------------------------------------------------------*/

/* The whole error reply but for times. */
void rs_fail_job(rs_job_t *job, int32_t code, const char *message);
void rs_fail_job_labelled(rs_job_t *job, int32_t code, const char *message,
                          const char *const *labels, unsigned label_count);
void rs_append_write_concern_error(rs_job_t *job, int32_t code, const char *message);
const char *rs_code_name(int32_t code);

/* A retryable write's transaction number is one that its session has not left behind. */
bool rs_check_txn(rs_job_t *job);

/* --- node_write.c, node_read.c -----------------------------------------------------------------*/

/* Each fills in job->reply, or fails the job. Returns false: no such command. */
bool rs_run_write(rs_job_t *job);
bool rs_run_read(rs_job_t *job);
bool rs_is_write(const char *name);
bool rs_is_retryable(const rs_job_t *job);
void rs_drop_cursors(rs_node_t *node);

/* Its cursors go with it. */
void rs_end_session(rs_node_t *node, uint32_t session, const uint8_t lsid[16]);

#endif
