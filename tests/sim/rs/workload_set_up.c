/* SPDX-License-Identifier: Apache-2.0 */
/* What is there before the faults begin: counters, registers, lists, and the documents that every
 * cursor must find. Written by the first client, with majority. */
#include "run.h"

#include "sim/net_events.h"
#include "support/check.h"

typedef void (*fill_t)(bson_t *document, int64_t key);

static void fill_counter(bson_t *document, int64_t key)
{
    (void)key;
    BSON_APPEND_INT64(document, "n", 0);
}

static void fill_register(bson_t *document, int64_t key)
{
    (void)key;
    BSON_APPEND_INT64(document, "v", 0);
}

static void fill_list(bson_t *document, int64_t key)
{
    bson_t list;

    BSON_APPEND_INT64(document, "g", (key - RUN_KEY_LIST) / RUN_LISTS_PER_GROUP);
    bson_append_array_begin(document, "list", -1, &list);
    bson_append_array_end(document, &list);
}

static void fill_stable(bson_t *document, int64_t key)
{
    BSON_APPEND_INT64(document, "n", key % 7);
}

static void on_inserted(muv_op_t *handle, const muv_error_t *error,
                        const muv_write_result_t *result, void *data)
{
    run_actor_t *actor = data;

    if (error != NULL) {
        fail_msg("the set-up failed: %s", error->message);
    }
    (void)workload_ended(actor, handle, error, result->inserted_count);
}

/* Insert `count` documents from `key` on, and wait. */
static void insert(run_actor_t *actor, muv_collection_t *collection, int64_t key, int64_t count,
                   fill_t fill)
{
    static const muv_write_concern_t majority = {.w_tag = "majority"};
    run_t *run = actor->run;
    check_op_t *op = workload_begin(actor, CHECK_INSERT, key);
    bson_t **documents = sim_alloc((size_t)count * sizeof(bson_t *));
    muv_insert_many_opts_t opts = {.write_concern = &majority, .timeout_ms = 60000};
    bson_t comment;
    int status;

    op->key_count = count;
    op->concern = CHECK_MAJORITY;
    for (int64_t i = 0; i < count; i++) {
        documents[i] = bson_new();
        BSON_APPEND_INT64(documents[i], "_id", key + i);
        fill(documents[i], key + i);
    }
    workload_comment(&comment, op->tag);
    opts.comment = &comment;
    RUN_INSIDE(run, status = muv_collection_insert_many(
                        collection, (const bson_t *const *)documents, (size_t)count, &opts,
                        on_inserted, actor, &actor->op));
    CHECK_CODE(status, 0);
    for (int64_t i = 0; i < count; i++) {
        bson_destroy(documents[i]);
    }
    free(documents);
    bson_destroy(&comment);
    sim_run_until(run->world, &run->ended, run->ended + 1, 120 * SIM_SECOND);
}

void workload_set_up(run_t *run)
{
    run_client_t *client = &run->clients[0];
    run_actor_t *actor = &run->actors[0];
    int64_t lists = (int64_t)run->group_count * RUN_LISTS_PER_GROUP;

    *actor = (run_actor_t){.run = run, .client = client};
    run->list_lengths = sim_alloc((size_t)lists * sizeof *run->list_lengths);
    insert(actor, client->counters, RUN_KEY_COUNTER, RUN_COUNTERS, fill_counter);
    insert(actor, client->registers, RUN_KEY_REGISTER, RUN_REGISTERS, fill_register);
    insert(actor, client->lists, RUN_KEY_LIST, lists, fill_list);
    insert(actor, client->walks, RUN_KEY_STABLE, RUN_STABLE, fill_stable);
    rs_settle(run->set, 60 * SIM_SECOND);
}
