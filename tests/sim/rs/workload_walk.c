/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors over a collection in which documents come and go beside some that stay: these must be
 * given exactly once, however many batches and whichever consumer. */
#include "run.h"

#include <string.h>

enum { WALK_EACH, WALK_NEXT, WALK_COLLECT, WALK_STYLES };

static void pull(run_actor_t *actor);

/* A document of the cursor. */
static void note_document(run_actor_t *actor, const bson_t *document)
{
    run_t *run = actor->run;
    bson_iter_t iter;
    int64_t id = bson_iter_init_find(&iter, document, "_id") ? bson_iter_as_int64(&iter) : -1;

    if (id >= RUN_KEY_STABLE && id < RUN_KEY_STABLE + RUN_STABLE) {
        if (actor->seen[id - RUN_KEY_STABLE]++ != 0) {
            check_break(&run->report, CHECK_CURSOR, "cursor %lld gave document %lld twice",
                        (long long)actor->tag, (long long)id);
        }
    } else if (id < RUN_KEY_PASSING || id >= RUN_KEY_PASSING + run->next_passing) {
        check_break(&run->report, CHECK_CURSOR, "cursor %lld gave document %lld of elsewhere",
                    (long long)actor->tag, (long long)id);
    }
}

/* The consumer is done, or there is no cursor at all. */
static void end_walk(run_actor_t *actor, const muv_op_t *handle, const muv_error_t *error)
{
    run_t *run = actor->run;
    const check_op_t *op = workload_ended(actor, handle, error, -1);

    if (op == NULL) {
        return;
    }
    for (unsigned i = 0; error == NULL && i < RUN_STABLE; i++) {
        if (actor->seen[i] == 0) {
            check_break(&run->report, CHECK_CURSOR, "cursor %lld did not give document %lld",
                        (long long)op->tag, (long long)(RUN_KEY_STABLE + i));
        }
    }
    run->figures.walks_checked += error == NULL;
    if (actor->cursor != NULL) {
        muv_cursor_t *cursor = actor->cursor;

        actor->cursor = NULL;
        RUN_INSIDE(run, muv_cursor_close(cursor));
    }
    workload_next(actor);
}

/* --- consumers ---------------------------------------------------------------------------------*/

static void resume(void *data)
{
    run_actor_t *actor = data;

    if (actor->walk_paused && actor->cursor != NULL) {
        actor->walk_paused = false;
        RUN_INSIDE(actor->run, muv_cursor_resume(actor->cursor));
    }
    actor->walk_paused = false;
}

static int on_document(muv_op_t *op, const bson_t *document, void *data)
{
    run_actor_t *actor = data;
    run_t *run = actor->run;

    (void)op;
    note_document(actor, document);
    if (!run->faultless && !actor->walk_paused && run_chance(run, 30)) {
        actor->walk_paused = true;
        sim_after(run->world, 1 + (int64_t)run_random(run, (uint64_t)SIM_SECOND), resume, actor);
        return MUV_PAUSE;
    }
    return MUV_CONTINUE;
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    end_walk(data, op, error);
}

static void on_pulled(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    run_actor_t *actor = data;

    if (error != NULL || document == NULL) {
        end_walk(actor, op, error);
        return;
    }
    note_document(actor, document);
    if (workload_ended(actor, op, NULL, -1) != NULL) {
        pull(actor);
    }
}

static void on_collected(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                         void *data)
{
    run_actor_t *actor = data;

    for (size_t i = 0; i < muv_documents_count(documents); i++) {
        size_t size = 0;
        const uint8_t *bytes = muv_documents_data(documents, i, &size);
        bson_t document;

        if (bson_init_static(&document, bytes, size)) {
            note_document(actor, &document);
        }
    }
    muv_documents_release(documents);
    end_walk(actor, op, error);
}

/* Every document that is pulled is an operation of its own. */
static void pull(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_cursor_next_opts_t opts = {.timeout_ms = workload_timeout_ms(actor)};
    int status;

    (void)workload_begin(actor, CHECK_WALK, 0);
    RUN_INSIDE(run, status = muv_cursor_next(actor->cursor, &opts, on_pulled, actor, &actor->op));
    workload_started(actor, status);
}

static void consume(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_cursor_each_opts_t each = {.low_water_bytes = run_chance(run, 500) ? MUV_ZERO : 0,
                                   .timeout_ms = workload_timeout_ms(actor)};
    muv_cursor_collect_opts_t collect = {.timeout_ms = each.timeout_ms};
    int status;

    if (actor->walk_style == WALK_NEXT) {
        pull(actor);
        return;
    }
    (void)workload_begin(actor, CHECK_WALK, 0);
    if (actor->walk_style == WALK_EACH) {
        RUN_INSIDE(run, status = muv_cursor_each(actor->cursor, &each, on_document, on_end, actor,
                                                 &actor->op));
    } else {
        RUN_INSIDE(run, status = muv_cursor_collect(actor->cursor, &collect, on_collected, actor,
                                                    &actor->op));
    }
    workload_started(actor, status);
}

/* --- the cursor itself -------------------------------------------------------------------------*/

static void on_found(muv_op_t *handle, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    run_actor_t *actor = data;
    run_t *run = actor->run;

    if (workload_ended(actor, handle, error, -1) == NULL) {
        return;
    }
    if (error != NULL || actor->client->client == NULL || actor->client->closing ||
        run_chance(run, 60)) {
        RUN_INSIDE(run, muv_cursor_close(cursor)); /* Perhaps with all but one batch to come. */
        workload_next(actor);
        return;
    }
    actor->cursor = cursor;
    consume(actor);
}

void workload_walk(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_read_preference_t preference = {.mode = (int8_t)(1 + run_random(run, 5))};
    muv_find_opts_t opts = {.timeout_ms = workload_timeout_ms(actor),
                            .session = actor->session,
                            .batch_size = 2 + (int32_t)run_random(run, 30),
                            .read_preference = run_chance(run, 700) ? &preference : NULL};
    bson_t filter = BSON_INITIALIZER;
    bson_t sort = BSON_INITIALIZER;
    int status;

    memset(actor->seen, 0, sizeof actor->seen);
    actor->walk_style = (uint8_t)run_random(run, WALK_STYLES);
    (void)workload_begin(actor, CHECK_WALK, 0);
    BSON_APPEND_INT32(&sort, "_id", 1);
    opts.sort = run_chance(run, 300) ? &sort : NULL;
    RUN_INSIDE(run, status = muv_collection_find(actor->client->walks, &filter, &opts, on_found,
                                                 actor, &actor->op));
    bson_destroy(&filter);
    bson_destroy(&sort);
    workload_started(actor, status);
}
