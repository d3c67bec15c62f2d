/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/session_fixture.h"

#include <string.h>

/* --- callbacks ---------------------------------------------------------------------------------*/

static void ended(client_fixture_t *f, const muv_error_t *error)
{
    assert_false(f->starting);
    f->ended++;
    f->failed += error != NULL;
}

static void on_write(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                     void *data)
{
    (void)op;
    (void)result;
    ended(data, error);
}

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    (void)document;
    ended(data, error);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    ended(data, error);
}

static void on_opened(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    (void)op;
    muv_cursor_close(cursor);
    ended(data, error);
}

static void on_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    (void)op;
    (void)count;
    ended(data, error);
}

static void on_names(muv_op_t *op, const muv_error_t *error, const muv_names_t *names, void *data)
{
    (void)op;
    (void)names;
    ended(data, error);
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    ended(data, error);
}

/* --- calls -------------------------------------------------------------------------------------*/

static bson_t *empty(void)
{
    static bson_t document = BSON_INITIALIZER;

    return &document;
}

static bson_t *one(void)
{
    static bson_t *document;

    if (document == NULL) {
        document = bson_from("{\"_id\": 1}");
    }
    return document;
}

static bson_t *change(void)
{
    static bson_t *document;

    if (document == NULL) {
        document = bson_from("{\"$set\": {\"a\": 1}}");
    }
    return document;
}

static int insert_one(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_insert_one(
        f->collection, one(), &(muv_insert_one_opts_t){.session = session}, on_write, f, NULL);
}

static int insert_many(client_fixture_t *f, muv_session_t *session)
{
    const bson_t *documents[] = {one()};

    return muv_collection_insert_many(f->collection, documents, 1,
                                      &(muv_insert_many_opts_t){.session = session}, on_write, f,
                                      NULL);
}

static int update_one(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_update_one(f->collection, one(), change(),
                                     &(muv_update_opts_t){.session = session}, on_write, f, NULL);
}

static int update_many(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_update_many(f->collection, one(), change(),
                                      &(muv_update_opts_t){.session = session}, on_write, f, NULL);
}

static int replace_one(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_replace_one(f->collection, one(), empty(),
                                      &(muv_update_opts_t){.session = session}, on_write, f, NULL);
}

static int delete_one(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_delete_one(f->collection, one(), &(muv_delete_opts_t){.session = session},
                                     on_write, f, NULL);
}

static int delete_many(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_delete_many(f->collection, one(),
                                      &(muv_delete_opts_t){.session = session}, on_write, f, NULL);
}

static int find_one_and_update(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_find_one_and_update(f->collection, one(), change(),
                                              &(muv_find_and_modify_opts_t){.session = session},
                                              on_document, f, NULL);
}

static int find_one_and_replace(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_find_one_and_replace(f->collection, one(), empty(),
                                               &(muv_find_and_modify_opts_t){.session = session},
                                               on_document, f, NULL);
}

static int find_one_and_delete(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_find_one_and_delete(f->collection, one(),
                                              &(muv_find_and_modify_opts_t){.session = session},
                                              on_document, f, NULL);
}

static int find(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_find(f->collection, NULL, &(muv_find_opts_t){.session = session},
                               on_opened, f, NULL);
}

static int find_one(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_find_one(f->collection, NULL, &(muv_find_one_opts_t){.session = session},
                                   on_document, f, NULL);
}

static int aggregate(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_aggregate(
        f->collection, NULL, &(muv_aggregate_opts_t){.session = session}, on_opened, f, NULL);
}

static int distinct(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_distinct(f->collection, "a", NULL,
                                   &(muv_distinct_opts_t){.session = session}, on_reply, f, NULL);
}

static int count_documents(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_count_documents(
        f->collection, NULL, &(muv_count_opts_t){.session = session}, on_count, f, NULL);
}

static int estimated_count(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_estimated_document_count(
        f->collection, &(muv_estimated_count_opts_t){.session = session}, on_count, f, NULL);
}

static int create_indexes(client_fixture_t *f, muv_session_t *session)
{
    bson_t *keys = bson_from("{\"a\": 1}");
    muv_index_model_t index = {.keys = keys};
    int code = muv_collection_create_indexes(f->collection, &index, 1,
                                             &(muv_create_indexes_opts_t){.session = session},
                                             on_reply, f, NULL);

    bson_destroy(keys);
    return code;
}

static int drop_index(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_drop_index(f->collection, "a_1", &(muv_ddl_opts_t){.session = session},
                                     on_reply, f, NULL);
}

static int list_indexes(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_list_indexes(f->collection, &(muv_ddl_opts_t){.session = session},
                                       on_reply, f, NULL);
}

static int drop(client_fixture_t *f, muv_session_t *session)
{
    return muv_collection_drop(f->collection, &(muv_ddl_opts_t){.session = session}, on_done, f,
                               NULL);
}

static muv_database_t *open_database(client_fixture_t *f)
{
    muv_database_t *database;

    CHECK_CODE(muv_database_new(f->client, "d", NULL, &database), 0);
    return database;
}

static int list_collections(client_fixture_t *f, muv_session_t *session)
{
    muv_database_t *database = open_database(f);
    int code = muv_database_list_collections(
        database, &(muv_list_collections_opts_t){.session = session}, on_opened, f, NULL);

    muv_database_free(database);
    return code;
}

static int list_names(client_fixture_t *f, muv_session_t *session)
{
    muv_database_t *database = open_database(f);
    int code = muv_database_list_collection_names(
        database, &(muv_list_collections_opts_t){.session = session}, on_names, f, NULL);

    muv_database_free(database);
    return code;
}

static int create_collection(client_fixture_t *f, muv_session_t *session)
{
    muv_database_t *database = open_database(f);
    int code = muv_database_create_collection(
        database, "made", &(muv_create_collection_opts_t){.session = session}, on_done, f, NULL);

    muv_database_free(database);
    return code;
}

static int drop_database(client_fixture_t *f, muv_session_t *session)
{
    muv_database_t *database = open_database(f);
    int code = muv_database_drop(database, &(muv_drop_database_opts_t){.session = session}, on_done,
                                 f, NULL);

    muv_database_free(database);
    return code;
}

static int run_command(client_fixture_t *f, muv_session_t *session)
{
    bson_t *command = bson_from("{\"ping\": 1}");
    int code = muv_run_command(f->client, "d", command,
                               &(muv_run_command_opts_t){.session = session}, on_reply, f, NULL);

    bson_destroy(command);
    return code;
}

static int run_cursor_command(client_fixture_t *f, muv_session_t *session)
{
    muv_database_t *database = open_database(f);
    bson_t *command = bson_from("{\"listCollections\": 1}");
    int code = muv_database_run_cursor_command(database, command,
                                               &(muv_run_cursor_command_opts_t){.session = session},
                                               on_opened, f, NULL);

    bson_destroy(command);
    muv_database_free(database);
    return code;
}

static int render_count(muv_writer_t *writer, void *data)
{
    (void)data;
    muv_writer_utf8(writer, "count", "c", 1);
    return 0;
}

static int low_level(client_fixture_t *f, muv_session_t *session)
{
    muv_command_t command = {
        .database = "d", .kind = MUV_COMMAND_READ, .with_concern = MUV_YES, .session = session};

    return muv_command_start(f->client, &command, render_count, NULL, on_reply, f, NULL);
}

const session_call_t session_calls[] = {
    {"insert_one", "insert", insert_one, true},
    {"insert_many", "insert", insert_many, true},
    {"update_one", "update", update_one, true},
    {"update_many", "update", update_many, true},
    {"replace_one", "update", replace_one, true},
    {"delete_one", "delete", delete_one, true},
    {"delete_many", "delete", delete_many, true},
    {"find_one_and_update", "findAndModify", find_one_and_update, true},
    {"find_one_and_replace", "findAndModify", find_one_and_replace, true},
    {"find_one_and_delete", "findAndModify", find_one_and_delete, true},
    {"find", "find", find, true},
    {"find_one", "find", find_one, true},
    {"aggregate", "aggregate", aggregate, true},
    {"distinct", "distinct", distinct, true},
    {"count_documents", "aggregate", count_documents, true},
    {"estimated_document_count", "count", estimated_count, true},
    {"create_indexes", "createIndexes", create_indexes, true},
    {"drop_index", "dropIndexes", drop_index, true},
    {"list_indexes", "listIndexes", list_indexes, true},
    {"drop", "drop", drop, true},
    {"list_collections", "listCollections", list_collections, true},
    {"list_collection_names", "listCollections", list_names, true},
    {"create_collection", "create", create_collection, true},
    {"drop_database", "dropDatabase", drop_database, true},
    {"command_start", "count", low_level, true},
    {"run_command", "ping", run_command, false},
    {"run_cursor_command", "listCollections", run_cursor_command, false},
};
const size_t session_call_count = sizeof(session_calls) / sizeof(session_calls[0]);

void run_session_call(client_fixture_t *f, const session_call_t *call, muv_session_t *session)
{
    unsigned before = f->ended;
    int code;

    f->starting = true;
    code = call->start(f, session);
    f->starting = false;
    if (code != 0) {
        fail_msg("%s: %s: %s", call->name, muv_error_name(code),
                 muv_client_refusal(f->client)->message);
    }
    run_until_count(&f->loop, &f->ended, before + 1, WAIT_MS);
}

muv_session_t *start_session(client_fixture_t *f, const muv_session_opts_t *opts)
{
    muv_session_t *session;

    CHECK_CODE(muv_session_start(f->client, opts, &session), 0);
    return session;
}

void ping_in(client_fixture_t *f, muv_session_t *session)
{
    outcome_t o = {0};

    start_command(f, &o, "{\"ping\": 1}", &(muv_run_command_opts_t){.session = session});
    await_success(&o);
    outcome_clear(&o);
}

/* --- what the server saw -----------------------------------------------------------------------*/

static const uint8_t *find_lsid(const mock_request_t *request)
{
    bson_iter_t iter;
    bson_iter_t id;
    bson_subtype_t subtype;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init(&iter, request->body) ||
        !bson_iter_find_descendant(&iter, "lsid.id", &id)) {
        return NULL;
    }
    assert_true(BSON_ITER_HOLDS_BINARY(&id));
    bson_iter_binary(&id, &subtype, &size, &bytes);
    assert_int_equal(subtype, BSON_SUBTYPE_UUID);
    assert_int_equal(size, LSID_SIZE);
    return bytes;
}

const uint8_t *lsid_of(const mock_request_t *request)
{
    const uint8_t *lsid = find_lsid(request);

    if (lsid == NULL) {
        fail_msg("%s has no lsid", request->name);
    }
    return lsid;
}

const uint8_t *last_lsid(client_fixture_t *f, const char *command)
{
    return lsid_of(mock_request_of(f->mock, command, -1));
}

void check_lsid_of_session(const uint8_t *lsid, muv_session_t *session)
{
    const bson_t *id = muv_session_id(session);
    bson_iter_t iter;
    bson_subtype_t subtype;
    const uint8_t *bytes;
    uint32_t size;

    assert_non_null(id);
    assert_true(bson_iter_init_find(&iter, id, "id"));
    bson_iter_binary(&iter, &subtype, &size, &bytes);
    assert_int_equal(subtype, BSON_SUBTYPE_UUID);
    assert_int_equal(size, LSID_SIZE);
    CHECK_SAME_LSID(lsid, bytes);
}

unsigned count_lsids(client_fixture_t *f, unsigned from)
{
    uint8_t seen[64][LSID_SIZE];
    unsigned count = 0;

    for (unsigned i = from; i < mock_request_count(f->mock, NULL); i++) {
        const mock_request_t *request = mock_request(f->mock, (int)i);
        const uint8_t *lsid = find_lsid(request);
        unsigned at = 0;

        while (lsid != NULL && at < count && memcmp(seen[at], lsid, LSID_SIZE) != 0) {
            at++;
        }
        if (lsid != NULL && at == count) {
            assert_true(count < 64);
            memcpy(seen[count++], lsid, LSID_SIZE);
        }
    }
    return count;
}
