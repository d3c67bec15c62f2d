/* SPDX-License-Identifier: Apache-2.0 */
/* Composites: some inserts at the same time under one parent, whose deadline and cancel reach them
 * all. It ends after its children, once, with an error if one of them had one. */
#include "run.h"

static void on_child(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                     void *data)
{
    run_child_t *child = data;
    bool known = result != NULL && result->acknowledged == MUV_YES;

    (void)op;
    child->failed = error != NULL;
    (void)workload_note_end(child->actor->run, child->tag, error,
                            known ? result->inserted_count : -1);
    child->tag = 0;
}

static void on_tree(muv_op_t *handle, const muv_error_t *error, void *data)
{
    run_actor_t *actor = data;
    run_t *run = actor->run;
    int64_t tag = actor->tag;

    for (unsigned i = 0; i < RUN_CHILDREN; i++) {
        const run_child_t *child = &actor->children[i];

        if (child->tag != 0) {
            check_break(&run->report, CHECK_CALLBACK, "composite %lld ended before its child %lld",
                        (long long)tag, (long long)child->tag);
        }
        if (child->failed && error == NULL) {
            check_break(&run->report, CHECK_CLAIM, "composite %lld hides the error of a child",
                        (long long)tag);
        }
    }
    if (workload_ended(actor, handle, error, -1) != NULL) {
        workload_next(actor);
    }
}

static void start_child(run_actor_t *actor, run_child_t *child)
{
    run_t *run = actor->run;
    check_op_t *op = workload_note_begin(actor, CHECK_INSERT, RUN_KEY_LOOSE + run->next_loose++);
    muv_insert_one_opts_t opts = {.parent = actor->op};
    bson_t document = BSON_INITIALIZER;
    bson_t comment;
    int status;

    *child = (run_child_t){.actor = actor, .tag = op->tag};
    op->session = 0;
    opts.write_concern = workload_concern(actor, &op->concern);
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    BSON_APPEND_INT64(&document, "_id", op->first_key);
    BSON_APPEND_INT64(&document, "t", op->tag);
    RUN_INSIDE(run, status = muv_collection_insert_one(actor->client->loose, &document, &opts,
                                                       on_child, child, NULL));
    if (status != 0) {
        check_break(&run->report, CHECK_UNSPECIFIC, "a child of %lld was refused with %d",
                    (long long)actor->tag, status);
    }
    bson_destroy(&document);
    bson_destroy(&comment);
}

void workload_tree(run_actor_t *actor)
{
    run_t *run = actor->run;
    muv_op_opts_t opts = {.timeout_ms = workload_timeout_ms(actor)};
    unsigned count = 1 + (unsigned)run_random(run, RUN_CHILDREN);
    int status;

    (void)workload_begin(actor, CHECK_OTHER, 0);
    for (unsigned i = 0; i < RUN_CHILDREN; i++) {
        actor->children[i] = (run_child_t){.actor = actor};
    }
    RUN_INSIDE(run,
               status = muv_op_begin(actor->client->client, &opts, on_tree, actor, &actor->op));
    for (unsigned i = 0; status == 0 && i < count; i++) {
        start_child(actor, &actor->children[i]);
    }
    if (status == 0) {
        RUN_INSIDE(run, muv_op_finish(actor->op, NULL));
    }
    workload_started(actor, status);
}
