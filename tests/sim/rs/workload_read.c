/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: lists and registers, alone and in sessions; pings. */
#include "run.h"

#include "sim/net_events.h"

enum { MAX_TAGS = 4096 };

/* The tags of a list, or the value of a register. */
static uint32_t read_tags(const bson_t *document, bool is_list, int64_t *tags)
{
    uint32_t count = 0;
    bson_iter_t iter;
    bson_iter_t item;

    if (!is_list) {
        tags[0] = bson_iter_init_find(&iter, document, "v") ? bson_iter_as_int64(&iter) : 0;
        return tags[0] != 0;
    }
    if (!bson_iter_init_find(&iter, document, "list") || !bson_iter_recurse(&iter, &item)) {
        return 0;
    }
    while (bson_iter_next(&item) && count < MAX_TAGS) {
        tags[count++] = bson_iter_as_int64(&item);
    }
    return count;
}

static void note_seen(run_actor_t *actor, const check_op_t *op, const bson_t *document)
{
    static int64_t tags[MAX_TAGS];
    check_seen_t seen = {.tag = op->tag,
                         .key = op->first_key,
                         .is_list = op->first_key >= RUN_KEY_LIST,
                         .majority = op->concern == CHECK_MAJORITY,
                         .snapshot = actor->session != NULL && actor->snapshot,
                         .session = op->session,
                         .started_us = op->started_us,
                         .ended_us = op->ended_us};
    bson_iter_t iter;

    if (!bson_iter_init_find(&iter, document, "_id") || bson_iter_as_int64(&iter) != seen.key) {
        check_break(&actor->run->report, CHECK_READ, "read %lld of %lld: another document came",
                    (long long)op->tag, (long long)seen.key);
        return;
    }
    seen.count = read_tags(document, seen.is_list, tags);
    check_ledger_saw(&actor->run->ledger, &seen, tags);
    actor->run->figures.reads_checked++;
}

static void on_looked(muv_op_t *handle, const muv_error_t *error, const bson_t *document,
                      void *data)
{
    run_actor_t *actor = data;
    const check_op_t *op = workload_ended(actor, handle, error, -1);

    if (op == NULL) {
        return;
    }
    if (error == NULL && document == NULL) {
        check_break(&actor->run->report, CHECK_READ, "read %lld of %lld: no document",
                    (long long)op->tag, (long long)op->first_key);
    } else if (error == NULL) {
        note_seen(actor, op, document);
    }
    workload_next(actor);
}

/* Which document; in a session mostly the one it wrote to. */
static int64_t choose_key(run_actor_t *actor)
{
    run_t *run = actor->run;
    unsigned count = run->group_count * RUN_LISTS_PER_GROUP;
    unsigned filled = 1;

    if (actor->session != NULL && run_chance(run, 800)) {
        return actor->session_key;
    }
    if (run_chance(run, 200)) {
        return RUN_KEY_REGISTER + (int64_t)run_random(run, RUN_REGISTERS);
    }
    while (filled < count && run->list_lengths[filled - 1] != 0) {
        filled++;
    }
    return RUN_KEY_LIST + (int64_t)run_random(run, filled);
}

void workload_look(run_actor_t *actor)
{
    static const muv_read_concern_t majority = {.level = "majority"};
    static const muv_read_concern_t local = {.level = "local"};
    run_t *run = actor->run;
    check_op_t *op = workload_begin(actor, CHECK_LOOK, choose_key(actor));
    muv_read_preference_t preference = {.mode = (int8_t)(1 + run_random(run, 5))};
    muv_find_one_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                .session = actor->session};
    bson_t filter = BSON_INITIALIZER;
    int status;

    op->concern = actor->client->majority_reads ? CHECK_MAJORITY : CHECK_W1;
    if (actor->session != NULL && actor->snapshot) {
        op->concern = CHECK_MAJORITY; /* The session's own read concern is. */
    } else if (actor->session_number != 0 || run_chance(run, 400)) {
        opts.read_concern = &majority;
        op->concern = CHECK_MAJORITY;
    } else if (run_chance(run, 400)) {
        opts.read_concern = &local;
        op->concern = CHECK_W1;
    }
    if (run_chance(run, 700)) {
        opts.read_preference = &preference;
    }
    BSON_APPEND_INT64(&filter, "_id", op->first_key);
    RUN_INSIDE(run, status = muv_collection_find_one(op->first_key >= RUN_KEY_LIST
                                                         ? actor->client->lists
                                                         : actor->client->registers,
                                                     &filter, &opts, on_looked, actor, &actor->op));
    bson_destroy(&filter);
    workload_started(actor, status);
}

/* --- others ------------------------------------------------------------------------------------*/

static void on_pinged(muv_op_t *handle, const muv_error_t *error, const muv_reply_t *reply,
                      void *data)
{
    (void)reply;
    if (workload_ended(data, handle, error, -1) != NULL) {
        workload_next(data);
    }
}

void workload_ping(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_run_command_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                   .session = actor->session};
    bson_t command = BSON_INITIALIZER;
    int status;

    (void)workload_begin(actor, CHECK_OTHER, 0);
    BSON_APPEND_INT32(&command, "ping", 1);
    RUN_INSIDE(run, status = muv_run_command(actor->client->client, "sim", &command, &opts,
                                             on_pinged, actor, &actor->op));
    bson_destroy(&command);
    workload_started(actor, status);
}
