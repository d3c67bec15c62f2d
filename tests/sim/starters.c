/* SPDX-License-Identifier: Apache-2.0 */
/* The table of start functions, and callbacks of all shapes. */
#include "starters.h"

#include <string.h>

/* --- callbacks ---------------------------------------------------------------------------------*/

static void note(outcome_t *outcome, const muv_error_t *error, const void *result)
{
    assert_int_equal(outcome->scene->inside, 0);
    assert_int_equal(outcome->ended, 0);
    outcome->ended++;
    outcome->op = NULL;
    outcome->code = error == NULL ? 0 : error->code;
    outcome->had_result = result != NULL;
    outcome->scene->ended++;
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    note(data, error, NULL);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    note(data, error, reply);
}

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    note(data, error, document);
}

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    (void)op;
    note(data, error, cursor);
    muv_cursor_close(cursor);
}

static void on_documents(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                         void *data)
{
    (void)op;
    note(data, error, documents);
    muv_documents_release(documents);
}

static void on_names(muv_op_t *op, const muv_error_t *error, const muv_names_t *names, void *data)
{
    (void)op;
    note(data, error, names);
}

static void on_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    (void)op;
    (void)count;
    note(data, error, NULL);
}

/* What may have been applied comes with what is known of it, beside the error. */
static void on_write(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                     void *data)
{
    (void)op;
    note(data, error, error != NULL && error->in_doubt ? NULL : result);
}

static int on_each(muv_op_t *op, const bson_t *document, void *data)
{
    const outcome_t *outcome = data;

    (void)op;
    assert_non_null(document);
    assert_int_equal(outcome->scene->inside, 0);
    assert_int_equal(outcome->ended, 0);
    return MUV_CONTINUE;
}

/* --- starts ------------------------------------------------------------------------------------*/

/* Documents as views on the stack would be freed too early: these live as long as the process. */
static const bson_t *document_of(const char *json)
{
    static struct {
        const char *json;
        bson_t *document;
    } kept[8];
    size_t i = 0;

    while (kept[i].document != NULL && strcmp(kept[i].json, json) != 0) {
        i++;
    }
    assert_true(i < MUV__COUNT_OF(kept));
    if (kept[i].document == NULL) {
        kept[i].json = json;
        kept[i].document = bson_from(json);
    }
    return kept[i].document;
}

#define FILTER document_of("{\"_id\": 1}")
#define CHANGE document_of("{\"$set\": {\"a\": 1}}")
#define REPLACEMENT document_of("{\"a\": 2}")

#define STARTER(name, call)                                                                        \
    static int name(const targets_t *t, outcome_t *o)                                              \
    {                                                                                              \
        int status;                                                                                \
                                                                                                   \
        o->scene = t->scene;                                                                       \
        INSIDE(t->scene, status = call);                                                           \
        return status;                                                                             \
    }

static int render(muv_writer_t *writer, void *data)
{
    (void)data;
    muv_writer_int32(writer, "ping", 1);
    return 0;
}

static const muv_command_t ping = {.database = "sim", .kind = MUV_COMMAND_READ};
static const muv_command_t ping_unacknowledged = {.database = "sim", .unacknowledged = MUV_YES};

static int insert_many(muv_collection_t *collection, outcome_t *o)
{
    const bson_t *documents[] = {FILTER, REPLACEMENT};

    return muv_collection_insert_many(collection, documents, 2, NULL, on_write, o, &o->op);
}

static int create_indexes(muv_collection_t *collection, outcome_t *o)
{
    muv_index_model_t index = {.keys = REPLACEMENT};

    return muv_collection_create_indexes(collection, &index, 1, NULL, on_reply, o, &o->op);
}

STARTER(connect_client, muv_client_connect(t->scene->client, NULL, on_done, o, &o->op))
STARTER(run_command, muv_run_command(t->scene->client, "sim", document_of("{\"ping\": 1}"), NULL,
                                     on_reply, o, &o->op))
STARTER(start_command,
        muv_command_start(t->scene->client, &ping, render, NULL, on_reply, o, &o->op))
STARTER(start_unacknowledged, muv_command_start(t->scene->client, &ping_unacknowledged, render,
                                                NULL, on_reply, o, &o->op))
STARTER(find, muv_collection_find(t->collection, FILTER, NULL, on_cursor, o, &o->op))
STARTER(find_one, muv_collection_find_one(t->collection, FILTER, NULL, on_found, o, &o->op))
STARTER(aggregate, muv_collection_aggregate(t->collection, document_of("{\"0\": {\"$match\": {}}}"),
                                            NULL, on_cursor, o, &o->op))
STARTER(aggregate_database,
        muv_database_aggregate(t->database, document_of("{\"0\": {\"$match\": {}}}"), NULL,
                               on_cursor, o, &o->op))
STARTER(distinct, muv_collection_distinct(t->collection, "a", FILTER, NULL, on_reply, o, &o->op))
STARTER(count_documents,
        muv_collection_count_documents(t->collection, FILTER, NULL, on_count, o, &o->op))
STARTER(estimated_count,
        muv_collection_estimated_document_count(t->collection, NULL, on_count, o, &o->op))
STARTER(find_and_update, muv_collection_find_one_and_update(t->collection, FILTER, CHANGE, NULL,
                                                            on_found, o, &o->op))
STARTER(find_and_replace, muv_collection_find_one_and_replace(t->collection, FILTER, REPLACEMENT,
                                                              NULL, on_found, o, &o->op))
STARTER(find_and_delete,
        muv_collection_find_one_and_delete(t->collection, FILTER, NULL, on_found, o, &o->op))
STARTER(insert_one,
        muv_collection_insert_one(t->collection, REPLACEMENT, NULL, on_write, o, &o->op))
STARTER(insert_several, insert_many(t->collection, o))
STARTER(update_one,
        muv_collection_update_one(t->collection, FILTER, CHANGE, NULL, on_write, o, &o->op))
STARTER(update_many,
        muv_collection_update_many(t->collection, FILTER, CHANGE, NULL, on_write, o, &o->op))
STARTER(replace_one,
        muv_collection_replace_one(t->collection, FILTER, REPLACEMENT, NULL, on_write, o, &o->op))
STARTER(delete_one, muv_collection_delete_one(t->collection, FILTER, NULL, on_write, o, &o->op))
STARTER(delete_many, muv_collection_delete_many(t->collection, FILTER, NULL, on_write, o, &o->op))
STARTER(make_indexes, create_indexes(t->collection, o))
STARTER(drop_index, muv_collection_drop_index(t->collection, "a_1", NULL, on_reply, o, &o->op))
STARTER(list_indexes, muv_collection_list_indexes(t->collection, NULL, on_reply, o, &o->op))
STARTER(drop_collection, muv_collection_drop(t->collection, NULL, on_done, o, &o->op))
STARTER(list_collections, muv_database_list_collections(t->database, NULL, on_cursor, o, &o->op))
STARTER(list_names, muv_database_list_collection_names(t->database, NULL, on_names, o, &o->op))
STARTER(cursor_command,
        muv_database_run_cursor_command(t->database, document_of("{\"find\": \"sim\"}"), NULL,
                                        on_cursor, o, &o->op))
STARTER(create_collection,
        muv_database_create_collection(t->database, "sim", NULL, on_done, o, &o->op))
STARTER(drop_database, muv_database_drop(t->database, NULL, on_done, o, &o->op))
STARTER(cursor_each, muv_cursor_each(t->cursor, NULL, on_each, on_done, o, &o->op))
STARTER(cursor_next, muv_cursor_next(t->cursor, NULL, on_found, o, &o->op))
STARTER(cursor_collect, muv_cursor_collect(t->cursor, NULL, on_documents, o, &o->op))

#define ENTRY(name)                                                                                \
    {                                                                                              \
#name, name                                                                                \
    }

const starter_t starters[] = {
    ENTRY(connect_client),
    ENTRY(run_command),
    ENTRY(start_command),
    ENTRY(start_unacknowledged),
    ENTRY(find),
    ENTRY(find_one),
    ENTRY(aggregate),
    ENTRY(aggregate_database),
    ENTRY(distinct),
    ENTRY(count_documents),
    ENTRY(estimated_count),
    ENTRY(find_and_update),
    ENTRY(find_and_replace),
    ENTRY(find_and_delete),
    ENTRY(insert_one),
    ENTRY(insert_several),
    ENTRY(update_one),
    ENTRY(update_many),
    ENTRY(replace_one),
    ENTRY(delete_one),
    ENTRY(delete_many),
    ENTRY(make_indexes),
    ENTRY(drop_index),
    ENTRY(list_indexes),
    ENTRY(drop_collection),
    ENTRY(list_collections),
    ENTRY(list_names),
    ENTRY(cursor_command),
    ENTRY(create_collection),
    ENTRY(drop_database),
    ENTRY(cursor_each),
    ENTRY(cursor_next),
    ENTRY(cursor_collect),
};
const size_t starter_count = MUV__COUNT_OF(starters);

/* --- the server's side -------------------------------------------------------------------------*/

void starters_teach(sim_server_t *server)
{
    static const char empty_cursor[] =
        "{'cursor': {'id': 0, 'ns': 'sim.sim', 'firstBatch': []}, 'ok': 1}";
    static const struct {
        const char *name;
        const char *json;
    } answers[] = {
        {"aggregate", empty_cursor},
        {"listCollections", empty_cursor},
        {"listIndexes", empty_cursor},
        {"distinct", "{'values': [1], 'ok': 1}"},
        {"count", "{'n': 5, 'ok': 1}"},
        {"findAndModify", "{'value': {'_id': 1}, 'ok': 1}"},
        {"insert", "{'n': 1, 'ok': 1}"},
        {"update", "{'n': 1, 'nModified': 1, 'ok': 1}"},
        {"delete", "{'n': 1, 'ok': 1}"},
        {"getMore", "{'cursor': {'id': 0, 'ns': 'sim.sim', 'nextBatch': [{'_id': 2}]}, 'ok': 1}"},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(answers); i++) {
        sim_on(server, answers[i].name, &(sim_step_t){.json = answers[i].json});
    }
}

/* --- targets -----------------------------------------------------------------------------------*/

static void keep_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    targets_t *targets = data;

    (void)op;
    (void)error;
    targets->cursor = cursor;
    targets->scene->ended++;
}

bool targets_try_open(targets_t *targets, scene_t *scene)
{
    memset(targets, 0, sizeof *targets);
    targets->scene = scene;
    sim_on(
        scene->server, "find",
        &(sim_step_t){.json = "{'cursor': {'id': 9, 'ns': 'sim.sim', 'firstBatch': []}, 'ok': 1}",
                      .times = 1});
    if (muv_database_new(scene->client, "sim", NULL, &targets->database) != 0 ||
        muv_collection_new(scene->client, "sim", "sim", NULL, &targets->collection) != 0 ||
        muv_collection_find(targets->collection, FILTER, NULL, keep_cursor, targets, NULL) != 0) {
        return false;
    }
    sim_run_until(scene->world, &scene->ended, 1, 60 * SIM_SECOND);
    scene->ended = 0;
    return targets->cursor != NULL;
}

void targets_open(targets_t *targets, scene_t *scene)
{
    assert_true(targets_try_open(targets, scene));
}

void targets_close(targets_t *targets)
{
    muv_cursor_close(targets->cursor);
    muv_database_free(targets->database);
    muv_collection_free(targets->collection);
}
