/* SPDX-License-Identifier: Apache-2.0 */
/* Actors: each does one thing after the other, and writes down what it was told. */
#include "run.h"

#include "support/check.h"

#include <string.h>

typedef struct choice {
    void (*start)(run_actor_t *actor);
    unsigned weight;
    bool reads; /* It may be part of a snapshot session. */
} choice_t;

static const choice_t choices[] = {
    {workload_insert, 14, false}, {workload_insert_many, 5, false},
    {workload_delete, 5, false},  {workload_increment, 14, false},
    {workload_push, 20, false},   {workload_push_many, 3, false},
    {workload_swap, 12, false},   {workload_look, 22, true},
    {workload_walk, 6, true},     {workload_ping, 2, true},
    {workload_tree, 5, false},
};

/* --- beginning ---------------------------------------------------------------------------------*/

static int64_t mean_random(run_t *run, int64_t mean_us)
{
    return (int64_t)run_random(run, (uint64_t)(2 * mean_us) + 1);
}

/* Sessions live for some operations. Those that are checked do everything with majority. */
static void choose_session(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_session_opts_t opts = {0};
    int status;

    if (actor->session != NULL &&
        (actor->session_left-- == 0 || actor->session_epoch != actor->client->epoch)) {
        RUN_INSIDE(run, muv_session_end(actor->session));
        actor->session = NULL;
        actor->session_number = 0;
    }
    if (actor->session != NULL || !run_chance(run, 120)) {
        return;
    }
    actor->snapshot = run_chance(run, 150);
    if (actor->snapshot) {
        opts.snapshot = MUV_YES;
    } else if (run_chance(run, 150)) {
        opts.causal_consistency = MUV_NO;
    }
    RUN_INSIDE(run, status = muv_session_start(actor->client->client, &opts, &actor->session));
    if (status != 0) {
        actor->session = NULL;
        return;
    }
    actor->session_epoch = actor->client->epoch;
    actor->session_left = 2 + (unsigned)run_random(run, 12);
    actor->session_key =
        RUN_KEY_LIST + (int64_t)run_random(run, run->group_count * RUN_LISTS_PER_GROUP);
    if (opts.causal_consistency != MUV_NO) {
        actor->session_number = ++run->next_session;
    }
}

static unsigned weight_of(const run_actor_t *actor, const choice_t *choice)
{
    return actor->session != NULL && actor->snapshot && !choice->reads ? 0 : choice->weight;
}

static void act(void *data)
{
    run_actor_t *actor = data;
    run_t *run = actor->run;
    unsigned sum = 0;
    unsigned at;

    if (run->stopping) {
        workload_release(actor);
        actor->idle = true;
        return;
    }
    if (actor->client->client == NULL || actor->client->closing) {
        workload_release(actor);
        sim_after(run->world, 100 * SIM_MS, act, actor);
        return;
    }
    choose_session(actor);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        sum += weight_of(actor, &choices[i]);
    }
    at = (unsigned)run_random(run, sum);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        unsigned weight = weight_of(actor, &choices[i]);

        if (at < weight) {
            choices[i].start(actor);
            return;
        }
        at -= weight;
    }
}

void workload_next(run_actor_t *actor)
{
    run_t *run = actor->run;

    if (run_chance(run, 100)) {
        act(actor);
    } else {
        sim_after(run->world, mean_random(run, run->pause_us), act, actor);
    }
}

void workload_start(run_t *run)
{
    for (unsigned i = 0; i < run->actor_count; i++) {
        run_actor_t *actor = &run->actors[i];

        actor->run = run;
        actor->index = i;
        actor->idle = false;
        actor->client = &run->clients[i % run->client_count];
        sim_after(run->world, mean_random(run, run->pause_us), act, actor);
    }
}

void workload_release(run_actor_t *actor)
{
    if (actor->cursor != NULL) {
        muv_cursor_t *cursor = actor->cursor;

        actor->cursor = NULL;
        RUN_INSIDE(actor->run, muv_cursor_close(cursor));
    }
    if (actor->session != NULL) {
        RUN_INSIDE(actor->run, muv_session_end(actor->session));
        actor->session = NULL;
        actor->session_number = 0;
    }
}

/* --- an operation ------------------------------------------------------------------------------*/

check_op_t *workload_note_begin(run_actor_t *actor, check_kind_t kind, int64_t key)
{
    check_op_t *op = check_ledger_add(&actor->run->ledger);

    op->kind = (uint8_t)kind;
    op->client = (uint8_t)actor->client->index;
    op->session = actor->session_number;
    op->first_key = key;
    op->started_us = sim_now_us(actor->run->world);
    op->not_repeated = !actor->client->retry_writes;
    actor->run->live++;
    run_trace(actor->run, check_kind_name(kind), op->tag, key);
    return op;
}

check_op_t *workload_begin(run_actor_t *actor, check_kind_t kind, int64_t key)
{
    check_op_t *op = workload_note_begin(actor, kind, key);

    actor->tag = op->tag;
    actor->op = NULL;
    actor->stalled_us = actor->run->stalled_us;
    return op;
}

static void cancel(void *data)
{
    run_actor_t *actor = data;

    actor->cancel_set = false;
    if (actor->tag == actor->cancel_tag && actor->op != NULL) {
        run_trace(actor->run, "cancel", actor->tag, 0);
        RUN_INSIDE(actor->run, muv_op_cancel(actor->op));
    }
}

static void note_refusal(run_actor_t *actor, int status)
{
    run_t *run = actor->run;
    check_op_t *op = check_ledger_find(&run->ledger, actor->tag);

    if (status != MUV_ECLOSED || !actor->client->closing) {
        check_break(&run->report, CHECK_UNSPECIFIC, "%s %lld was refused with %d: %s",
                    check_kind_name(op->kind), (long long)op->tag, status,
                    muv_client_refusal(actor->client->client)->message);
    }
    op->callbacks = 1;
    op->code = status;
    op->ended_us = op->started_us;
    run->live--;
    actor->tag = 0;
    actor->op = NULL;
    workload_release(actor);
    sim_after(run->world, 100 * SIM_MS, act, actor);
}

void workload_started(run_actor_t *actor, int status)
{
    run_t *run = actor->run;

    if (status != 0) {
        note_refusal(actor, status);
        return;
    }
    if (!actor->cancel_set && run_chance(run, run->cancel_permille)) {
        actor->cancel_set = true;
        actor->cancel_tag = actor->tag;
        sim_after(run->world, mean_random(run, run_chance(run, 500) ? 2 * SIM_MS : 150 * SIM_MS),
                  cancel, actor);
    }
}

/* Errors that no fault of the network and no election explains. */
static bool is_strange(const muv_error_t *error)
{
    static const int32_t codes[] = {2, 9, 14, 43, 50, 73, 206, 217, 225, 251, 11000, 40415, 50692};

    switch (error->code) {
    case MUV_EINVAL:
    case MUV_ENOMEM:
    case MUV_EFORK:
    case MUV_ETOOLARGE:
    case MUV_EBSON:
    case MUV_EPROTOCOL:
    case MUV_ECOMPAT: return true;
    default: break;
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == error->server_code) {
            /* Cursors die with their server, and maxTimeMS is part of a timeout. */
            return error->server_code != 43 && error->server_code != 50;
        }
    }
    return false;
}

static void note_error(run_t *run, check_op_t *op, const muv_error_t *error)
{
    op->code = error->code;
    op->server_code = error->server_code;
    op->in_doubt = error->in_doubt != 0;
    run->figures.in_doubt += op->in_doubt;
    switch (error->code) {
    case MUV_ECANCELED: run->figures.cancelled++; break;
    case MUV_ETIMEOUT: run->figures.timed_out++; break;
    default: run->figures.other_errors++; break;
    }
    if (is_strange(error) || (run->faultless && error->code != MUV_EWAITQUEUE)) {
        check_break(&run->report, CHECK_UNSPECIFIC, "%s %lld: %s (%s %d): %s",
                    check_kind_name(op->kind), (long long)op->tag, muv_error_name(error->code),
                    error->code_name, (int)error->server_code, error->message);
    }
}

/* A deadline is acted on when the loop comes round to it, and ends what is under way. */
static void check_deadline(const run_actor_t *actor, const check_op_t *op)
{
    run_t *run = actor->run;
    int64_t took_us = op->ended_us - op->started_us;
    int64_t stalled_us = run->stalled_us - actor->stalled_us;

    if (actor->timeout_ms != 0 && took_us > actor->timeout_ms * SIM_MS + stalled_us + 10 * SIM_MS) {
        check_break(&run->report, CHECK_LATE, "%s %lld took %lld ms, its timeout is %lld ms",
                    check_kind_name(op->kind), (long long)op->tag, (long long)(took_us / SIM_MS),
                    (long long)actor->timeout_ms);
    }
}

static void stall(run_t *run)
{
    int64_t duration_us = mean_random(run, run_chance(run, 50) ? SIM_SECOND : 100 * SIM_MS);

    run->stalled_us += duration_us;
    sim_stall(run->world, duration_us);
}

check_op_t *workload_note_end(run_t *run, int64_t tag, const muv_error_t *error, int64_t claimed)
{
    check_op_t *op = check_ledger_find(&run->ledger, tag);

    if (op == NULL || op->callbacks != 0) {
        check_break(&run->report, CHECK_CALLBACK, "a callback that nobody waits for");
        return NULL;
    }
    if (run->inside != 0) {
        check_break(&run->report, CHECK_CALLBACK, "%s %lld was called back inside a call",
                    check_kind_name(op->kind), (long long)op->tag);
    }
    op->callbacks++;
    op->ended_us = sim_now_us(run->world);
    op->claimed = claimed;
    run->figures.operations++;
    if (error != NULL) {
        note_error(run, op, error);
    } else {
        run->figures.succeeded++;
    }
    run_trace(run, error != NULL ? muv_error_name(error->code) : "done", op->tag, claimed);
    run->live--;
    run->ended++;
    return op;
}

check_op_t *workload_ended(run_actor_t *actor, const muv_op_t *handle, const muv_error_t *error,
                           int64_t claimed)
{
    run_t *run = actor->run;
    check_op_t *op = workload_note_end(run, handle == actor->op ? actor->tag : 0, error, claimed);

    if (op == NULL) {
        return NULL;
    }
    check_deadline(actor, op);
    actor->tag = 0;
    actor->op = NULL;
    if (run_chance(run, run->stall_permille)) {
        stall(run);
    }
    return op;
}

/* --- options -----------------------------------------------------------------------------------*/

int64_t workload_timeout_ms(run_actor_t *actor)
{
    run_t *run = actor->run;

    actor->timeout_ms = 0;
    if (run_chance(run, run->timeout_permille)) {
        actor->timeout_ms = 1 + (int64_t)run_random(run, run_chance(run, 300) ? 40 : 6000);
    }
    return actor->timeout_ms;
}

void workload_comment(bson_t *comment, int64_t tag)
{
    bson_init(comment);
    BSON_APPEND_INT64(comment, "comment", tag);
}

const muv_write_concern_t *workload_concern(run_actor_t *actor, uint8_t *ret_concern)
{
    static const muv_write_concern_t majority = {.w_tag = "majority"};
    static const muv_write_concern_t impatient = {.w_tag = "majority", .wtimeout_ms = 300};
    static const muv_write_concern_t one = {.w = 1};
    static const muv_write_concern_t none = {.w = MUV_ZERO};
    unsigned at = (unsigned)run_random(actor->run, 100);

    *ret_concern = CHECK_MAJORITY;
    if (actor->session != NULL) {
        return &majority;
    }
    if (at < 25) {
        *ret_concern = actor->client->concern;
        return NULL;
    }
    if (at < 60) {
        return at < 30 ? &impatient : &majority;
    }
    *ret_concern = at < 95 ? CHECK_W1 : CHECK_W0;
    return at < 95 ? &one : &none;
}
