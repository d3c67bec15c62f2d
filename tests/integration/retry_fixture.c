/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/retry_fixture.h"

#include "client/client_inner.h"
#include "support/process.h"

#include <string.h>

#define APP_NAME "muvRetry"

/* --- callbacks ---------------------------------------------------------------------------------*/

static void finish(outcome_t *o, const muv_error_t *error)
{
    client_fixture_t *f = o->f;

    assert_false(f->starting);
    assert_false(o->done);
    if (error != NULL) {
        o->error = *error;
        o->error.reply = NULL;
        f->failed++;
    }
    o->done = true;
    o->order = ++f->ended;
    if (o->then != NULL) {
        o->then(o);
    }
    o->op = NULL;
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    finish(data, error);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    finish(data, error);
}

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    (void)document;
    finish(data, error);
}

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    (void)op;
    muv_cursor_close(cursor);
    finish(data, error);
}

static void on_names(muv_op_t *op, const muv_error_t *error, const muv_names_t *names, void *data)
{
    (void)op;
    (void)names;
    finish(data, error);
}

static void on_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    (void)op;
    (void)count;
    finish(data, error);
}

static void on_write(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                     void *data)
{
    (void)op;
    (void)result;
    finish(data, error);
}

/* --- operations --------------------------------------------------------------------------------*/

/* Inputs are encoded before a start call returns. */
#define OP(name, call)                                                                             \
    static int name(client_fixture_t *f, outcome_t *o)                                             \
    {                                                                                              \
        bson_t *filter = bson_from("{\"_id\": 1}");                                                \
        bson_t *change = bson_from("{\"$set\": {\"a\": 1}}");                                      \
        bson_t *document = bson_from("{\"a\": 2}");                                                \
        bson_t *stages = bson_from("{\"0\": {\"$match\": {}}}");                                   \
        bson_t *merge = bson_from("{\"0\": {\"$merge\": {\"into\": \"x\"}}}");                     \
        bson_t *ping = bson_from("{\"ping\": 1}");                                                 \
        bson_t *find_command = bson_from("{\"find\": \"c\"}");                                     \
        muv_database_t *database = NULL;                                                           \
        CHECK_CODE(muv_database_new(f->client, "d", NULL, &database), 0);                          \
        int code = call;                                                                           \
        muv_database_free(database);                                                               \
        bson_destroy(filter);                                                                      \
        bson_destroy(change);                                                                      \
        bson_destroy(document);                                                                    \
        bson_destroy(stages);                                                                      \
        bson_destroy(merge);                                                                       \
        bson_destroy(ping);                                                                        \
        bson_destroy(find_command);                                                                \
        return code;                                                                               \
    }

static int insert_two(client_fixture_t *f, const bson_t *a, const bson_t *b, outcome_t *o)
{
    const bson_t *documents[] = {a, b};

    return muv_collection_insert_many(f->collection, documents, 2, NULL, on_write, o, &o->op);
}

static int make_index(client_fixture_t *f, const bson_t *keys, outcome_t *o)
{
    muv_index_model_t index = {.keys = keys};

    return muv_collection_create_indexes(f->collection, &index, 1, NULL, on_reply, o, &o->op);
}

OP(find, muv_collection_find(f->collection, filter, NULL, on_cursor, o, &o->op))
OP(find_one, muv_collection_find_one(f->collection, filter, NULL, on_found, o, &o->op))
OP(aggregate, muv_collection_aggregate(f->collection, stages, NULL, on_cursor, o, &o->op))
OP(aggregate_database, muv_database_aggregate(database, stages, NULL, on_cursor, o, &o->op))
OP(distinct, muv_collection_distinct(f->collection, "a", filter, NULL, on_reply, o, &o->op))
OP(count_documents,
   muv_collection_count_documents(f->collection, filter, NULL, on_count, o, &o->op))
OP(estimated_count,
   muv_collection_estimated_document_count(f->collection, NULL, on_count, o, &o->op))
OP(list_collections, muv_database_list_collections(database, NULL, on_cursor, o, &o->op))
OP(list_names, muv_database_list_collection_names(database, NULL, on_names, o, &o->op))
OP(list_indexes, muv_collection_list_indexes(f->collection, NULL, on_reply, o, &o->op))
OP(insert_one, muv_collection_insert_one(f->collection, document, NULL, on_write, o, &o->op))
OP(insert_many, insert_two(f, document, document, o))
OP(update_one, muv_collection_update_one(f->collection, filter, change, NULL, on_write, o, &o->op))
OP(replace_one,
   muv_collection_replace_one(f->collection, filter, document, NULL, on_write, o, &o->op))
OP(delete_one, muv_collection_delete_one(f->collection, filter, NULL, on_write, o, &o->op))
OP(find_one_and_update,
   muv_collection_find_one_and_update(f->collection, filter, change, NULL, on_found, o, &o->op))
OP(find_one_and_replace,
   muv_collection_find_one_and_replace(f->collection, filter, document, NULL, on_found, o, &o->op))
OP(find_one_and_delete,
   muv_collection_find_one_and_delete(f->collection, filter, NULL, on_found, o, &o->op))
OP(update_many,
   muv_collection_update_many(f->collection, filter, change, NULL, on_write, o, &o->op))
OP(delete_many, muv_collection_delete_many(f->collection, filter, NULL, on_write, o, &o->op))
OP(aggregate_merge, muv_collection_aggregate(f->collection, merge, NULL, on_cursor, o, &o->op))
OP(create_indexes, make_index(f, document, o))
OP(drop_index, muv_collection_drop_index(f->collection, "a_1", NULL, on_reply, o, &o->op))
OP(create_collection, muv_database_create_collection(database, "c2", NULL, on_done, o, &o->op))
OP(drop_collection, muv_collection_drop(f->collection, NULL, on_done, o, &o->op))
OP(drop_database, muv_database_drop(database, NULL, on_done, o, &o->op))
OP(run_command, muv_run_command(f->client, "d", ping, NULL, on_reply, o, &o->op))
OP(cursor_command,
   muv_database_run_cursor_command(database, find_command, NULL, on_cursor, o, &o->op))

const retry_op_t retry_ops[] = {
    {"find", "find", OP_READ, find},
    {"find_one", "find", OP_READ, find_one},
    {"aggregate", "aggregate", OP_READ, aggregate},
    {"aggregate_database", "aggregate", OP_READ, aggregate_database},
    {"distinct", "distinct", OP_READ, distinct},
    {"count_documents", "aggregate", OP_READ, count_documents},
    {"estimated_count", "count", OP_READ, estimated_count},
    {"list_collections", "listCollections", OP_READ, list_collections},
    {"list_names", "listCollections", OP_READ, list_names},
    {"list_indexes", "listIndexes", OP_READ, list_indexes},
    {"insert_one", "insert", OP_WRITE, insert_one},
    {"insert_many", "insert", OP_WRITE, insert_many},
    {"update_one", "update", OP_WRITE, update_one},
    {"replace_one", "update", OP_WRITE, replace_one},
    {"delete_one", "delete", OP_WRITE, delete_one},
    {"find_one_and_update", "findAndModify", OP_WRITE, find_one_and_update},
    {"find_one_and_replace", "findAndModify", OP_WRITE, find_one_and_replace},
    {"find_one_and_delete", "findAndModify", OP_WRITE, find_one_and_delete},
    {"update_many", "update", OP_WRITE_MANY, update_many},
    {"delete_many", "delete", OP_WRITE_MANY, delete_many},
    {"aggregate_merge", "aggregate", OP_WRITE_MANY, aggregate_merge},
    {"create_indexes", "createIndexes", OP_ADMINISTER, create_indexes},
    {"drop_index", "dropIndexes", OP_ADMINISTER, drop_index},
    {"create_collection", "create", OP_ADMINISTER, create_collection},
    {"drop_collection", "drop", OP_ADMINISTER, drop_collection},
    {"drop_database", "dropDatabase", OP_ADMINISTER, drop_database},
    {"run_command", "ping", OP_AS_GIVEN, run_command},
    {"cursor_command", "find", OP_AS_GIVEN, cursor_command},
};
const size_t retry_op_count = MUV__COUNT_OF(retry_ops);

const retry_op_t *retry_op(const char *name)
{
    size_t i = 0;

    while (i < retry_op_count && strcmp(retry_ops[i].name, name) != 0) {
        i++;
    }
    assert_true(i < retry_op_count);
    return &retry_ops[i];
}

void start_op(client_fixture_t *f, const retry_op_t *op, outcome_t *o)
{
    assert_false(o->done);
    o->f = f;
    f->starting = true;
    CHECK_CODE(op->start(f, o), 0);
    f->starting = false;
}

int run_op(client_fixture_t *f, const retry_op_t *op)
{
    outcome_t o = {0};

    start_op(f, op, &o);
    await(&o);
    int code = o.error.code;
    outcome_clear(&o);
    return code;
}

void start_insert(client_fixture_t *f, outcome_t *o, int id)
{
    bson_t *document = BCON_NEW("_id", BCON_INT32(id));

    o->f = f;
    f->starting = true;
    CHECK_CODE(muv_collection_insert_one(f->collection, document, NULL, on_write, o, &o->op), 0);
    f->starting = false;
    bson_destroy(document);
}

/* --- clients -----------------------------------------------------------------------------------*/

void connect_client(client_fixture_t *f)
{
    outcome_t o = {0};

    start_connect(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
}

void open_cluster_client_with(client_fixture_t *f, const mock_cluster_opts_t *cluster,
                              const char *options, muv_client_opts_t opts)
{
    mock_cluster_opts_t polling = *cluster;

    polling.polling = true;
    f->mock = mock_new_cluster(&f->loop, &polling);
    open_client(f, options, &opts);
    connect_client(f);
    set_jitter(f, 0);
}

void open_cluster_client(client_fixture_t *f, const mock_cluster_opts_t *cluster,
                         const char *options)
{
    open_cluster_client_with(f, cluster, options, (muv_client_opts_t){0});
}

/* Sets fail points on the real server; one program, one test at a time. */
static muv_client_t *setup;
static bool setup_closed;

void fail_no_more(client_fixture_t *f)
{
    if (f->mock != NULL) {
        mock_fail_points_off(f->mock);
    } else {
        run_admin(f, setup, "{\"configureFailPoint\": \"failCommand\", \"mode\": \"off\"}");
    }
}

void open_real_setup(client_fixture_t *f)
{
    if (setup == NULL) {
        CHECK_CODE(muv_client_new(&f->loop, test_uri(), NULL, NULL, &setup), 0);
        fail_no_more(f);
    }
}

void open_real_client(client_fixture_t *f, const char *options, muv_client_opts_t opts)
{
    open_real_setup(f);
    opts.heartbeat_frequency_ms =
        opts.heartbeat_frequency_ms != 0 ? opts.heartbeat_frequency_ms : 500;
    opts.app_name = APP_NAME;
    open_client_at(f, options != NULL ? with_options(test_uri(), options) : test_uri(), &opts);
    set_jitter(f, 0);
}

static void on_setup_closed(void *data)
{
    (void)data;
    setup_closed = true;
}

int close_real(void **state)
{
    client_fixture_t *f = *state;

    if (setup != NULL) {
        fail_no_more(f);
        setup_closed = false;
        (void)muv_client_close(setup, MUV_CLOSE_ABORT, on_setup_closed, NULL);
        setup = NULL;
        run_until(&f->loop, &setup_closed, WAIT_MS);
    }
    return close_fixture(state);
}

void fail_commands(client_fixture_t *f, const char *mode, const char *data)
{
    if (f->mock != NULL) {
        mock_fail_point(f->mock, MOCK_ANY, text_of("{\"mode\": %s, \"data\": {%s}}", mode, data));
        return;
    }
    run_admin(f, setup,
              text_of("{\"configureFailPoint\": \"failCommand\", \"mode\": %s,"
                      " \"data\": {\"appName\": \"" APP_NAME "\", %s}}",
                      mode, data));
}

void set_jitter(client_fixture_t *f, double jitter)
{
    f->client->settings.jitter = (int64_t)(jitter * UINT32_MAX);
}

uint64_t gap_ms(client_fixture_t *f, const char *command, int index)
{
    return mock_request_of(f->mock, command, index + 1)->at_ms -
           mock_request_of(f->mock, command, index)->at_ms;
}

/* --- events ------------------------------------------------------------------------------------*/

static void watch_pool(const muv_pool_event_t *event, void *data)
{
    watch_t *watch = data;

    watch->pool_ready += event->head.type == MUV_EVENT_POOL_READY;
    watch->pool_cleared += event->head.type == MUV_EVENT_POOL_CLEARED;
    watch->checked_out += event->head.type == MUV_EVENT_CHECKED_OUT;
    watch->checked_in += event->head.type == MUV_EVENT_CHECKED_IN;
    watch->check_out_failed += event->head.type == MUV_EVENT_CHECK_OUT_FAILED &&
                               strcmp(event->reason, "connectionError") == 0;
}

static void watch_command(const muv_command_event_t *event, void *data)
{
    watch_t *watch = data;

    if (strcmp(event->command_name, "configureFailPoint") != 0) {
        watch->commands += event->head.type == MUV_EVENT_COMMAND_STARTED;
        watch->commands_failed += event->head.type == MUV_EVENT_COMMAND_FAILED;
    }
}

static void watch_server(const muv_server_event_t *event, void *data)
{
    watch_t *watch = data;

    watch->server_unknown += event->head.type == MUV_EVENT_SERVER_CHANGED &&
                             strcmp(event->current->type, "Unknown") == 0;
}

void init_watch(watch_t *watch)
{
    memset(watch, 0, sizeof *watch);
    watch->listener = (muv_listener_t){.on_pool = watch_pool,
                                       .on_server = watch_server,
                                       .on_command = watch_command,
                                       .data = watch};
}
