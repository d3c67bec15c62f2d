/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: unique inserts, increments, list appends, compare-and-set, deletes. Each carries its tag
 * into the data and as its comment. */
#include "run.h"

#include "sim/net_events.h"

/* What every write ends with: `claimed` of its result, and the next thing. */
static void end_write(run_actor_t *actor, const muv_op_t *handle, const muv_error_t *error,
                      int64_t claimed)
{
    if (workload_ended(actor, handle, error, claimed) != NULL) {
        workload_next(actor);
    }
}

static void on_inserted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                        void *data)
{
    bool known = result != NULL && result->acknowledged == MUV_YES;

    end_write(data, op, error, known ? result->inserted_count : -1);
}

static void on_updated(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                       void *data)
{
    bool known = result != NULL && result->acknowledged == MUV_YES;

    end_write(data, op, error, known ? result->modified_count : -1);
}

static void on_deleted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                       void *data)
{
    bool known = result != NULL && result->acknowledged == MUV_YES;

    end_write(data, op, error, known ? result->deleted_count : -1);
}

/* --- inserts and deletes -----------------------------------------------------------------------*/

static void remember_passing(run_t *run, int64_t key)
{
    if (run->passing_count == run->passing_capacity) {
        run->passing_capacity = run->passing_capacity == 0 ? 64 : 2 * run->passing_capacity;
        run->passing = sim_resize(run->passing, run->passing_capacity * sizeof *run->passing);
    }
    run->passing[run->passing_count++] = key;
}

void workload_insert(run_actor_t *actor)
{
    run_t *run = actor->run;
    bool passing = run_chance(run, 300);
    int64_t key =
        passing ? RUN_KEY_PASSING + run->next_passing++ : RUN_KEY_LOOSE + run->next_loose++;
    check_op_t *op = workload_begin(actor, CHECK_INSERT, key);
    muv_insert_one_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                  .session = actor->session};
    bson_t document = BSON_INITIALIZER;
    bson_t comment;
    int status;

    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    BSON_APPEND_INT64(&document, "_id", key);
    BSON_APPEND_INT64(&document, "t", op->tag);
    RUN_INSIDE(run, status = muv_collection_insert_one(
                        passing ? actor->client->walks : actor->client->loose, &document, &opts,
                        on_inserted, actor, &actor->op));
    if (passing) {
        remember_passing(run, key);
    }
    bson_destroy(&document);
    bson_destroy(&comment);
    workload_started(actor, status);
}

void workload_insert_many(run_actor_t *actor)
{
    enum { MOST = 6 };
    run_t *run = actor->run;
    size_t count = 2 + (size_t)run_random(run, MOST - 1);
    check_op_t *op = workload_begin(actor, CHECK_INSERT, RUN_KEY_LOOSE + run->next_loose);
    muv_insert_many_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                   .session = actor->session,
                                   .ordered = run_chance(run, 700) ? MUV_UNSET : MUV_NO,
                                   .batch_bytes = run_chance(run, 400) ? 60 : 0};
    bson_t *documents[MOST];
    bson_t comment;
    int status;

    op->key_count = (int64_t)count;
    run->next_loose += (int64_t)count;
    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    for (size_t i = 0; i < count; i++) {
        documents[i] = bson_new();
        BSON_APPEND_INT64(documents[i], "_id", op->first_key + (int64_t)i);
        BSON_APPEND_INT64(documents[i], "t", op->tag);
    }
    RUN_INSIDE(run, status = muv_collection_insert_many(actor->client->loose,
                                                        (const bson_t *const *)documents, count,
                                                        &opts, on_inserted, actor, &actor->op));
    for (size_t i = 0; i < count; i++) {
        bson_destroy(documents[i]);
    }
    bson_destroy(&comment);
    workload_started(actor, status);
}

void workload_delete(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_delete_opts_t opts = {.timeout_ms = workload_timeout_ms(actor), .session = actor->session};
    bson_t filter = BSON_INITIALIZER;
    bson_t comment;
    check_op_t *op;
    size_t at;
    int status;

    if (run->passing_count == 0) {
        bson_destroy(&filter);
        workload_next(actor);
        return;
    }
    at = (size_t)run_random(run, run->passing_count);
    op = workload_begin(actor, CHECK_DELETE, run->passing[at]);
    run->passing[at] = run->passing[--run->passing_count];
    op->conditional = true;
    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    BSON_APPEND_INT64(&filter, "_id", op->first_key);
    if (run_chance(run, 200)) {
        op->not_repeated = true;
        RUN_INSIDE(run, status = muv_collection_delete_many(actor->client->walks, &filter, &opts,
                                                            on_deleted, actor, &actor->op));
    } else {
        RUN_INSIDE(run, status = muv_collection_delete_one(actor->client->walks, &filter, &opts,
                                                           on_deleted, actor, &actor->op));
    }
    bson_destroy(&filter);
    bson_destroy(&comment);
    workload_started(actor, status);
}

/* --- updates -----------------------------------------------------------------------------------*/

/* {operator: {field: value}} */
static void add_change(bson_t *update, const char *operator_name, const char *field, int64_t value)
{
    bson_t change;

    bson_append_document_begin(update, operator_name, -1, &change);
    BSON_APPEND_INT64(&change, field, value);
    bson_append_document_end(update, &change);
}

/* Start the update of the operation that was begun; with `many` by update_many. */
static void start_update(run_actor_t *actor, muv_collection_t *collection, const bson_t *filter,
                         const bson_t *update, bool many)
{
    run_t *run = actor->run;
    check_op_t *op = check_ledger_find(&run->ledger, actor->tag);
    muv_update_opts_t opts = {.timeout_ms = workload_timeout_ms(actor), .session = actor->session};
    bson_t comment;
    int status;

    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    if (many) {
        op->not_repeated = true;
        RUN_INSIDE(run, status = muv_collection_update_many(collection, filter, update, &opts,
                                                            on_updated, actor, &actor->op));
    } else {
        RUN_INSIDE(run, status = muv_collection_update_one(collection, filter, update, &opts,
                                                           on_updated, actor, &actor->op));
    }
    bson_destroy(&comment);
    workload_started(actor, status);
}

void workload_increment(run_actor_t *actor)
{
    run_t *run = actor->run;
    int64_t key = RUN_KEY_COUNTER + (int64_t)run_random(run, RUN_COUNTERS);
    check_op_t *op = workload_begin(actor, CHECK_INCREMENT, key);
    bson_t filter = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;

    BSON_APPEND_INT64(&filter, "_id", key);
    add_change(&update, "$inc", "n", 1);
    add_change(&update, "$set", "t", op->tag);
    start_update(actor, actor->client->counters, &filter, &update, run_chance(run, 100));
    bson_destroy(&filter);
    bson_destroy(&update);
}

/* A list that is not full yet, or any when all are. */
static int64_t choose_list(run_actor_t *actor)
{
    run_t *run = actor->run;
    unsigned count = run->group_count * RUN_LISTS_PER_GROUP;

    if (actor->session != NULL && run_chance(run, 700)) {
        return actor->session_key;
    }
    for (unsigned i = 0; i < count; i++) {
        if (run->list_lengths[i] < RUN_LIST_LENGTH) {
            i += (unsigned)run_random(run, RUN_LISTS_PER_GROUP);
            return RUN_KEY_LIST + (i < count ? i : count - 1);
        }
    }
    return RUN_KEY_LIST + (int64_t)run_random(run, count);
}

void workload_push(run_actor_t *actor)
{
    run_t *run = actor->run;
    int64_t key = choose_list(actor);
    check_op_t *op = workload_begin(actor, CHECK_PUSH, key);
    bson_t filter = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;

    run->list_lengths[key - RUN_KEY_LIST]++;
    BSON_APPEND_INT64(&filter, "_id", key);
    add_change(&update, "$push", "list", op->tag);
    start_update(actor, actor->client->lists, &filter, &update, false);
    bson_destroy(&filter);
    bson_destroy(&update);
}

/* All lists of a group with one update_many, which is never retried. */
void workload_push_many(run_actor_t *actor)
{
    run_t *run = actor->run;
    int64_t group = (choose_list(actor) - RUN_KEY_LIST) / RUN_LISTS_PER_GROUP;
    check_op_t *op = workload_begin(actor, CHECK_PUSH, RUN_KEY_LIST + group * RUN_LISTS_PER_GROUP);
    bson_t filter = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;

    op->key_count = RUN_LISTS_PER_GROUP;
    for (unsigned i = 0; i < RUN_LISTS_PER_GROUP; i++) {
        run->list_lengths[group * RUN_LISTS_PER_GROUP + i]++;
    }
    BSON_APPEND_INT64(&filter, "g", group);
    add_change(&update, "$push", "list", op->tag);
    start_update(actor, actor->client->lists, &filter, &update, true);
    bson_destroy(&filter);
    bson_destroy(&update);
}

/* --- compare-and-set ---------------------------------------------------------------------------*/

/* find_one_and_update gives the document as it was: it must hold what the filter asked for. */
static void on_swapped(muv_op_t *handle, const muv_error_t *error, const bson_t *document,
                       void *data)
{
    run_actor_t *actor = data;
    int64_t expected = actor->register_value;
    bson_iter_t iter;
    check_op_t *op;

    op = workload_ended(actor, handle, error, document != NULL ? 1 : error != NULL ? -1 : 0);
    if (op == NULL) {
        return;
    }
    if (op->concern == CHECK_W0) {
        op->claimed = -1;
    }
    if (document != NULL &&
        (!bson_iter_init_find(&iter, document, "v") || bson_iter_as_int64(&iter) != expected ||
         !bson_iter_init_find(&iter, document, "_id") ||
         bson_iter_as_int64(&iter) != op->first_key)) {
        check_break(&actor->run->report, CHECK_SAW,
                    "compare-and-set %lld of %lld: the document before is not the expected one",
                    (long long)op->tag, (long long)op->first_key);
    }
    workload_next(actor);
}

static void find_and_swap(run_actor_t *actor, const bson_t *filter, const bson_t *update)
{
    run_t *run = actor->run;
    check_op_t *op = check_ledger_find(&run->ledger, actor->tag);
    muv_find_and_modify_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                       .session = actor->session};
    bson_t comment;
    int status;

    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    RUN_INSIDE(run,
               status = muv_collection_find_one_and_update(actor->client->registers, filter, update,
                                                           &opts, on_swapped, actor, &actor->op));
    bson_destroy(&comment);
    workload_started(actor, status);
}

/* The second half: from the value that was read. */
static void swap(run_actor_t *actor)
{
    run_t *run = actor->run;
    check_op_t *op = workload_begin(actor, CHECK_SWAP, actor->register_key);
    bson_t filter = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;

    op->conditional = true;
    op->expected = actor->register_value;
    BSON_APPEND_INT64(&filter, "_id", actor->register_key);
    BSON_APPEND_INT64(&filter, "v", actor->register_value);
    add_change(&update, "$set", "v", op->tag);
    if (run_chance(run, 500)) {
        find_and_swap(actor, &filter, &update);
    } else {
        start_update(actor, actor->client->registers, &filter, &update, false);
    }
    bson_destroy(&filter);
    bson_destroy(&update);
}

static void on_register(muv_op_t *handle, const muv_error_t *error, const bson_t *document,
                        void *data)
{
    run_actor_t *actor = data;
    const check_op_t *op = workload_ended(actor, handle, error, -1);
    check_seen_t seen = {.key = actor->register_key};
    bson_iter_t iter;
    int64_t value = 0;

    if (op == NULL) {
        return;
    }
    if (document != NULL && bson_iter_init_find(&iter, document, "v")) {
        value = bson_iter_as_int64(&iter);
    }
    if (error != NULL || actor->client->client == NULL || actor->client->closing) {
        workload_next(actor);
        return;
    }
    seen.tag = op->tag;
    seen.started_us = op->started_us;
    seen.ended_us = op->ended_us;
    seen.count = value != 0;
    check_ledger_saw(&actor->run->ledger, &seen, &value);
    actor->register_value = value;
    swap(actor);
}

void workload_swap(run_actor_t *actor)
{
    static const muv_read_preference_t primary = {.mode = MUV_READ_PRIMARY};
    static const muv_read_concern_t local = {.level = "local"};
    run_t *run = actor->run;
    muv_find_one_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                                .session = actor->session,
                                .read_preference = &primary,
                                .read_concern = &local};
    bson_t filter = BSON_INITIALIZER;
    int status;

    actor->register_key = RUN_KEY_REGISTER + (int64_t)run_random(run, RUN_REGISTERS);
    (void)workload_begin(actor, CHECK_LOOK, actor->register_key);
    BSON_APPEND_INT64(&filter, "_id", actor->register_key);
    RUN_INSIDE(run, status = muv_collection_find_one(actor->client->registers, &filter, &opts,
                                                     on_register, actor, &actor->op));
    bson_destroy(&filter);
    workload_started(actor, status);
}
