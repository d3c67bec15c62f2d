/* SPDX-License-Identifier: Apache-2.0 */
/* A command's way through a node: the node is busy, refuses, waits for a time, runs it, waits for
 * its write concern, answers. What it does is in node_write.c and node_read.c. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct reminder {
    rs_node_t *node;
    uint64_t number; /* Of the job. */
} reminder_t;

static rs_job_t *job_of(muv__list_t *link)
{
    return MUV__CONTAINER_OF(link, rs_job_t, link);
}

static int64_t now_of(const rs_job_t *job)
{
    return rs_now_us(job->node->set);
}

static void remind(rs_job_t *job, int64_t due_us, void (*fn)(void *data))
{
    reminder_t *reminder = sim_alloc(sizeof *reminder);

    reminder->node = job->node;
    reminder->number = job->number;
    rs_at(job->node->set, due_us, fn, reminder);
}

/* NULL: the job has ended. */
static rs_job_t *reminded(const void *data)
{
    const reminder_t *reminder = data;
    muv__list_t *jobs = &reminder->node->jobs;

    for (muv__list_t *at = jobs->next; at != jobs; at = at->next) {
        if (job_of(at)->number == reminder->number) {
            return job_of(at);
        }
    }
    return NULL;
}

static bool is_causal_kind(const char *name)
{
    return rs_is_write(name) || strcmp(name, "find") == 0 || strcmp(name, "aggregate") == 0 ||
           strcmp(name, "count") == 0;
}

/* Commands that any node takes in any state. */
static bool is_stateless(const char *name)
{
    return strcmp(name, "ping") == 0 || strcmp(name, "endSessions") == 0 ||
           strcmp(name, "killCursors") == 0;
}

/* --- answering ---------------------------------------------------------------------------------*/

static void append_times(rs_job_t *job)
{
    rs_node_t *node = job->node;
    uint64_t time = job->read_time != 0 ? job->read_time : rs_last_time(node);

    rs_append_cluster_time(node, job->reply);
    BSON_APPEND_TIMESTAMP(job->reply, "operationTime", (uint32_t)(time >> 32), (uint32_t)time);
}

/* Give a find the answer of the one before. */
static void swap_replies(rs_job_t *job)
{
    rs_node_t *node = job->node;
    bson_t *own = job->reply;

    if ((node->set->lies & RS_LIE_SWAPPED_REPLIES) == 0 || strcmp(job->name, "find") != 0) {
        return;
    }
    if (node->last_find != NULL && rs_chance(node->set, 20)) {
        job->reply = node->last_find;
        node->last_find = own;
    } else {
        bson_destroy(node->last_find);
        node->last_find = bson_copy(own);
    }
}

static void finish(rs_job_t *job)
{
    const bson_t *sent = job->sent != NULL ? job->sent : job->body;
    rs_request_t request = {.node = job->node->index,
                            .name = job->name,
                            .body = bson_get_data(sent),
                            .size = sent->len,
                            .expects_reply = true};

    if (job->conn != NULL && !job->unacknowledged) {
        rs_conn_t *conn = job->conn;

        request.connection = conn->number;
        append_times(job);
        swap_replies(job);
        job->conn = NULL; /* Sending may end it. */
        (void)rs_send(conn, &request, job->reply, job->message_id, 0);
    }
    rs_job_free(job);
}

static void end_with(rs_job_t *job, int32_t code, const char *message)
{
    rs_note(job->node->set, "n%u %s tag %" PRId64 " fails: %d", job->node->index, job->name,
            job->tag, code);
    rs_fail_job(job, code, message);
    finish(job);
}

/* --- waiting -----------------------------------------------------------------------------------*/

static void on_deadline(void *data)
{
    rs_job_t *job = reminded(data);

    if (job == NULL || job->node->frozen) {
        return;
    }
    job->node->set->counts.timeouts++;
    if (job->stage == RS_CAUSAL) {
        end_with(job, 50, "operation exceeded time limit");
    } else if (job->stage == RS_CONCERNED && job->wdeadline_us <= now_of(job)) {
        rs_append_write_concern_error(job, 64, "waiting for replication timed out");
        finish(job);
    } else if (job->stage == RS_CONCERNED && rs_chance(job->node->set, 25)) {
        end_with(job, 50, "operation exceeded time limit");
    } else if (job->stage == RS_CONCERNED) {
        rs_append_write_concern_error(job, 50, "operation exceeded time limit");
        finish(job);
    }
}

static void wait_for_concern(rs_job_t *job)
{
    rs_node_t *node = job->node;
    int64_t due_us;

    if (job->w > (int)node->set->count) {
        rs_append_write_concern_error(job, 100, "not enough data-bearing nodes");
        finish(job);
        return;
    }
    if (job->conn == NULL || rs_replicated(node, job->w) >= job->awaited) {
        finish(job);
        return;
    }
    job->stage = RS_CONCERNED;
    if (job->wtimeout_us != 0) {
        job->wdeadline_us = now_of(job) + job->wtimeout_us;
    }
    due_us = job->wdeadline_us < job->deadline_us ? job->wdeadline_us : job->deadline_us;
    if (due_us != INT64_MAX) {
        remind(job, due_us, on_deadline);
    }
}

static bool reached_time(const rs_job_t *job)
{
    const rs_node_t *node = job->node;
    uint64_t time = job->majority_read && !rs_is_write(job->name) ? rs_committed_time(node)
                                                                  : rs_last_time(node);

    return (node->set->lies & RS_LIE_NO_CAUSAL_WAIT) != 0 ||
           (time >= job->after_time && rs_committed_time(node) >= job->at_time);
}

/* --- refusing ----------------------------------------------------------------------------------*/

/* What a node in this state says to the command; 0: go on. */
static int32_t refusal(rs_job_t *job)
{
    const rs_node_t *node = job->node;
    bool fresh = rs_chance(node->set, 10);

    if (is_stateless(job->name)) {
        return 0;
    }
    if (node->quiescing) {
        return rs_chance(node->set, 50) ? 91 : 11600;
    }
    if (node->state == RS_PRIMARY) {
        return 0;
    }
    if (rs_is_write(job->name)) {
        return !fresh ? 10107 : rs_chance(node->set, 50) ? 189 : 11602;
    }
    if (node->state != RS_SECONDARY) {
        return 13436;
    }
    return job->secondary_ok || strcmp(job->name, "getMore") == 0 ? 0 : 13435;
}

static bool is_overloaded(rs_job_t *job)
{
    static const char *const labels[] = {"SystemOverloadedError", "RetryableError"};
    rs_node_t *node = job->node;

    if (node->overload_permille == 0 || rs_random(node->set, 1000) >= node->overload_permille) {
        return false;
    }
    node->set->counts.overloads++;
    rs_note(node->set, "n%u %s tag %" PRId64 " is too much", node->index, job->name, job->tag);
    rs_fail_job_labelled(job, 462, "too many commands", labels, 2);
    finish(job);
    return true;
}

/* The connection breaks in the place of an answer. */
static void hang_up(rs_job_t *job)
{
    rs_conn_t *conn = job->conn;

    if (conn != NULL) {
        sim_link_t *wire = conn->wire;

        job->conn = NULL;
        rs_end_conn(conn);
        sim_break(wire, SIM_ECONNRESET);
    }
    rs_job_free(job);
}

static bool is_meant(const rs_job_t *job)
{
    const rs_node_t *node = job->node;

    return node->failure_left != 0 &&
           (node->failure.name == NULL || strcmp(node->failure.name, job->name) == 0);
}

/* What rs_fail() asks for. Returns whether the job has ended. */
static bool sabotage(rs_job_t *job, bool ran)
{
    rs_node_t *node = job->node;
    const rs_failure_t *failure = &node->failure;
    bool early = failure->when == RS_BEFORE || failure->when == RS_CLOSE_BEFORE;

    if (!is_meant(job) || early == ran || (failure->when == RS_MIDWAY && !job->stopped)) {
        return false;
    }
    node->failure_left--;
    rs_note(node->set, "n%u %s tag %" PRId64 " fails on purpose: %d", node->index, job->name,
            job->tag, (int)failure->code);
    if (failure->when == RS_CLOSE_BEFORE || failure->when == RS_CLOSE_AFTER) {
        hang_up(job);
        return true;
    }
    if (failure->when == RS_WRITE_CONCERN) {
        rs_append_write_concern_error(job, failure->code, "on purpose");
    } else {
        rs_fail_job_labelled(job, failure->code, "on purpose", failure->labels, 3);
    }
    finish(job);
    return true;
}

/* --- running -----------------------------------------------------------------------------------*/

static void end_sessions(rs_job_t *job)
{
    rs_set_t *set = job->node->set;
    bson_iter_t iter;
    bson_iter_t item;
    bson_iter_t id;

    if (!bson_iter_init_find(&iter, job->body, "endSessions") || !bson_iter_recurse(&iter, &item)) {
        rs_violate(set, "endSessions without an array");
        return;
    }
    while (bson_iter_next(&item)) {
        bson_subtype_t subtype;
        const uint8_t *bytes;
        uint32_t size;
        uint32_t session;

        if (!bson_iter_recurse(&item, &id) || !bson_iter_find(&id, "id")) {
            rs_violate(set, "endSessions with a malformed lsid");
            return;
        }
        bson_iter_binary(&id, &subtype, &size, &bytes);
        session = rs_map_find(&set->store.sessions, bytes, size);
        set->counts.ended_sessions++;
        for (unsigned i = 0; i < set->count; i++) {
            rs_end_session(&set->nodes[i], session, bytes);
        }
    }
}

static void run_other(rs_job_t *job)
{
    static const char *const quiet[] = {"ping", "createIndexes", "create", "listIndexes"};

    if (strcmp(job->name, "endSessions") == 0) {
        end_sessions(job);
        return;
    }
    for (unsigned i = 0; i < MUV__COUNT_OF(quiet); i++) {
        if (strcmp(job->name, quiet[i]) == 0) {
            return;
        }
    }
    rs_fail_job(job, 59, "no such command");
}

static void run(rs_job_t *job)
{
    rs_node_t *node = job->node;
    uint64_t before = node->log_size;
    bool wrote;

    node->set->counts.commands++;
    job->reply = bson_new();
    if (is_meant(job) && node->failure.when == RS_MIDWAY) {
        job->stop_after = 1 + (int32_t)rs_random(node->set, 3);
    }
    wrote = rs_run_write(job);
    if (!wrote && !rs_run_read(job)) {
        run_other(job);
    }
    if (!bson_has_field(job->reply, "ok")) {
        BSON_APPEND_DOUBLE(job->reply, "ok", 1);
    }
    rs_note(node->set, "n%u %s tag %" PRId64 " txn %" PRId64 " w %d: log %" PRIu64 " -> %" PRIu64,
            node->index, job->name, job->tag, job->txn_number, job->w, before, node->log_size);
    job->awaited = node->log_size;
    if (node->log_size != before) {
        rs_replicate(node);
        rs_wake_jobs(node);
    }
    if (sabotage(job, true)) {
        return;
    }
    if (wrote && !job->unacknowledged && job->w != 1 && job->w != 0 &&
        !bson_has_field(job->reply, "code")) {
        wait_for_concern(job);
    } else {
        finish(job);
    }
}

static void begin(rs_job_t *job)
{
    rs_node_t *node = job->node;
    int32_t code;

    if (job->stage == RS_WORKING && (is_overloaded(job) || sabotage(job, false))) {
        return;
    }
    if (job->deadline_us <= now_of(job)) {
        node->set->counts.timeouts++;
        end_with(job, 50, "operation exceeded time limit");
        return;
    }
    code = refusal(job);
    if (code != 0) {
        node->set->counts.refusals++;
        end_with(job, code, "not possible in the node's state");
        return;
    }
    if (!rs_check_txn(job)) {
        finish(job);
        return;
    }
    if (is_causal_kind(job->name) && !reached_time(job)) {
        if (job->stage == RS_WORKING) {
            job->stage = RS_CAUSAL;
            node->set->counts.causal_waits++;
            rs_want_time(node, job->after_time > job->at_time ? job->after_time : job->at_time);
            if (job->deadline_us != INT64_MAX) {
                remind(job, job->deadline_us, on_deadline);
            }
        }
        return;
    }
    run(job);
}

static void on_work_done(void *data)
{
    rs_job_t *job = reminded(data);

    if (job != NULL && !job->node->frozen && job->stage == RS_WORKING) {
        begin(job);
    }
}

void rs_command(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
                rs_edit_t edit)
{
    rs_job_t *job = rs_job_new(conn, message, request, edit);
    rs_set_t *set = job->node->set;

    job->due_us = now_of(job) + rs_between(set, job->node->work_us / 20, job->node->work_us);
    remind(job, job->due_us, on_work_done);
}

/* --- waking ------------------------------------------------------------------------------------*/

/* A wait that the node's state ends. */
static bool is_hopeless(const rs_job_t *job)
{
    rs_state_t state = job->node->state;

    return state != RS_PRIMARY &&
           (state != RS_SECONDARY || rs_is_write(job->name) || !job->secondary_ok);
}

static bool can_go_on(const rs_job_t *job)
{
    int64_t now_us = now_of(job);

    switch (job->stage) {
    case RS_WORKING: return job->due_us < now_us; /* The node was frozen. */
    case RS_CAUSAL: return reached_time(job) || is_hopeless(job) || job->deadline_us < now_us;
    case RS_CONCERNED:
        return rs_replicated(job->node, job->w) >= job->awaited || job->deadline_us < now_us;
    }
    return false;
}

static rs_job_t *next_job(const rs_node_t *node, uint64_t behind)
{
    for (muv__list_t *at = node->jobs.next; at != &node->jobs; at = at->next) {
        if (job_of(at)->number > behind) {
            return job_of(at);
        }
    }
    return NULL;
}

/* Ending one job may end others, so each is looked for by its number. */
static void on_wake(void *data)
{
    rs_node_t *node = *(rs_node_t **)data;
    rs_job_t *job;

    node->waking = false;
    for (uint64_t last = 0; (job = next_job(node, last)) != NULL && !node->frozen;) {
        last = job->number;
        if (!can_go_on(job)) {
            continue;
        }
        if (job->stage == RS_CONCERNED) {
            finish(job);
        } else {
            begin(job);
        }
    }
}

void rs_wake_jobs(rs_node_t *node)
{
    rs_node_t **data;

    if (!node->waking && !muv__list_empty(&node->jobs)) {
        node->waking = true;
        data = sim_alloc(sizeof(rs_node_t *));
        *data = node;
        rs_at(node->set, rs_now_us(node->set), on_wake, data);
    }
}

/* Half of the servers' replies say it as an error, half as a write concern error. */
static void interrupt(rs_job_t *job, int32_t code)
{
    job->node->set->counts.interrupted++;
    if (job->stage == RS_CONCERNED && rs_chance(job->node->set, 50)) {
        rs_note(job->node->set, "n%u %s tag %" PRId64 " waits in vain", job->node->index, job->name,
                job->tag);
        rs_append_write_concern_error(job, code == 11602 ? 189 : 91, "the primary steps down");
        finish(job);
    } else {
        end_with(job, code, "interrupted");
    }
}

void rs_interrupt_jobs(rs_node_t *node, int32_t code)
{
    bool readable = node->state == RS_SECONDARY && !node->quiescing;
    rs_job_t *job;

    for (uint64_t last = 0; (job = next_job(node, last)) != NULL;) {
        last = job->number;
        if (job->stage == RS_CONCERNED || (job->stage == RS_CAUSAL && !readable)) {
            interrupt(job, code);
        }
    }
}

void rs_drop_jobs(rs_node_t *node)
{
    while (!muv__list_empty(&node->jobs)) {
        rs_job_free(job_of(node->jobs.next));
    }
}

void rs_forget_conn(rs_node_t *node, const rs_conn_t *conn)
{
    rs_job_t *job;

    for (uint64_t last = 0; (job = next_job(node, last)) != NULL;) {
        last = job->number;
        if (job->conn != conn) {
            continue;
        }
        job->conn = NULL;
        if (job->stage != RS_WORKING) {
            rs_job_free(job); /* Nobody waits for the answer. */
        }
    }
}
