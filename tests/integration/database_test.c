/* SPDX-License-Identifier: Apache-2.0 */
/* Databases: handles, listing, cursor commands, create and drop. */
#include "integration/cursor_fixture.h"

#include <string.h>

#include "support/alloc.h"

static muv_database_t *open_database(client_fixture_t *f, const char *options)
{
    muv_database_t *database = NULL;

    open_client(f, options, NULL);
    CHECK_CODE(muv_database_new(f->client, "shop", NULL, &database), 0);
    return database;
}

static void a_wrong_name_is_refused(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = NULL;

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_database_new(f->client, "a.b", NULL, &database), MUV_EINVAL);
    CHECK_CODE(muv_database_new(f->client, "", NULL, &database), MUV_EINVAL);
    CHECK_CODE(muv_database_new(f->client, NULL, NULL, &database), MUV_EINVAL);
    assert_null(database);
    muv_database_free(NULL);
}

static void collections_are_listed_on_the_primary(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = open_database(f, "readConcernLevel=majority");
    bson_t *filter = bson_from("{\"type\": \"view\"}");
    bson_t *comment = bson_from("{\"\": \"why\"}");
    reader_t r;

    mock_reply(f->mock, "listCollections",
               "{\"cursor\": {\"id\": 3, \"ns\": \"shop.$cmd.listCollections\","
               " \"firstBatch\": []}, \"ok\": 1}");
    open_reader(&r, f);
    CHECK_CODE(muv_database_list_collections(
                   database,
                   &(muv_list_collections_opts_t){.filter = filter,
                                                  .batch_size = 2,
                                                  .comment = comment,
                                                  .authorized_collections = MUV_YES},
                   on_cursor, &r, NULL),
               0);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "listCollections", 0)),
                         "{\"listCollections\": 1, \"filter\": {\"type\": \"view\"},"
                         " \"cursor\": {\"batchSize\": 2}, \"authorizedCollections\": true,"
                         " \"comment\": \"why\", \"$db\": \"shop\"}");
    begin_next(&r, NULL);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "getMore", 0)),
                         "{\"getMore\": {\"$numberLong\": \"3\"},"
                         " \"collection\": \"$cmd.listCollections\", \"batchSize\": 2,"
                         " \"$db\": \"shop\"}");
    close_reader(&r);
    bson_destroy(comment);
    bson_destroy(filter);
    muv_database_free(database);
}

struct names {
    char text[128];
    int code;
    bool done;
};

static void on_names(muv_op_t *op, const muv_error_t *error, const muv_names_t *names, void *data)
{
    struct names *out = data;

    (void)op;
    assert_true((error == NULL) == (names != NULL));
    out->code = error == NULL ? 0 : error->code;
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        (void)strncat(out->text, names->items[i], 20);
        (void)strncat(out->text, " ", 2);
    }
    out->done = true;
}

static void list_names(client_fixture_t *f, muv_database_t *database, const bson_t *filter,
                       struct names *names)
{
    memset(names, 0, sizeof *names);
    CHECK_CODE(muv_database_list_collection_names(database,
                                                  &(muv_list_collections_opts_t){.filter = filter},
                                                  on_names, names, NULL),
               0);
    run_until(&f->loop, &names->done, WAIT_MS);
}

static void names_are_collected_over_batches(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = open_database(f, NULL);
    bson_t *filter = bson_from("{\"type\": \"view\"}");
    struct names names;

    mock_reply(f->mock, "listCollections",
               "{\"cursor\": {\"id\": 3, \"ns\": \"shop.$cmd.listCollections\","
               " \"firstBatch\": [{\"name\": \"a\"}]}, \"ok\": 1}");
    mock_reply(f->mock, "getMore",
               "{\"cursor\": {\"id\": 0, \"ns\": \"shop.$cmd.listCollections\","
               " \"nextBatch\": [{\"name\": \"b\"}]}, \"ok\": 1}");
    list_names(f, database, NULL, &names);
    assert_string_equal(names.text, "a b ");
    CHECK_BSON_IDENTICAL(
        given(mock_request_of(f->mock, "listCollections", 0)),
        "{\"listCollections\": 1, \"cursor\": {}, \"nameOnly\": true, \"$db\": \"shop\"}");
    list_names(f, database, filter, &names);
    assert_int_equal(names.code, 0);
    assert_false(bson_has_field(mock_request_of(f->mock, "listCollections", 1)->body, "nameOnly"));
    mock_reply(f->mock, "listCollections",
               "{\"cursor\": {\"id\": 0, \"ns\": \"shop.x\", \"firstBatch\": [{\"name\": 1}]},"
               " \"ok\": 1}");
    list_names(f, database, NULL, &names);
    assert_int_equal(names.code, MUV_EPROTOCOL);
    mock_reply(f->mock, "listCollections", "{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}");
    list_names(f, database, NULL, &names);
    assert_int_equal(names.code, MUV_ESERVER);
    bson_destroy(filter);
    muv_database_free(database);
}

static void any_command_may_open_a_cursor(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = open_database(f, "readConcernLevel=majority&readPreference=nearest");
    bson_t *command = bson_from("{\"checkMetadataConsistency\": 1}");
    bson_t *comment = bson_from("{\"\": 5}");
    reader_t r;

    mock_reply(f->mock, "checkMetadataConsistency",
               "{\"cursor\": {\"id\": 4, \"ns\": \"shop.x\", \"firstBatch\": []}, \"ok\": 1}");
    mock_reply(f->mock, "checkMetadataConsistency", "{\"ok\": 1}");
    open_reader(&r, f);
    CHECK_CODE(muv_database_run_cursor_command(
                   database, command,
                   &(muv_run_cursor_command_opts_t){
                       .batch_size = 3, .max_await_time_ms = 6, .comment = comment},
                   on_cursor, &r, NULL),
               0);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "checkMetadataConsistency", 0)),
                         "{\"checkMetadataConsistency\": 1, \"$db\": \"shop\"}");
    begin_next(&r, NULL);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "getMore", 0)),
                         "{\"getMore\": {\"$numberLong\": \"4\"}, \"collection\": \"x\","
                         " \"batchSize\": 3, \"comment\": 5, \"$db\": \"shop\","
                         " \"maxTimeMS\": {\"$numberLong\": \"6\"}}");
    close_reader(&r);
    CHECK_CODE(muv_database_run_cursor_command(database, command, NULL, on_cursor, &r, NULL), 0);
    await_reader(&r, MUV_EPROTOCOL);
    bson_destroy(comment);
    bson_destroy(command);
    muv_database_free(database);
}

static void create_and_drop_send_their_options(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = open_database(f, "w=majority");
    bson_t *options = bson_from("{\"capped\": true, \"size\": 4096}");
    reader_t r;

    mock_reply(f->mock, "create", MOCK_OK);
    mock_reply(f->mock, "dropDatabase", MOCK_OK);
    open_reader(&r, f);
    CHECK_CODE(muv_database_create_collection(database, "log",
                                              &(muv_create_collection_opts_t){.options = options},
                                              on_end, &r, NULL),
               0);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "create", 0)),
                         "{\"create\": \"log\", \"capped\": true, \"size\": 4096,"
                         " \"$db\": \"shop\", \"writeConcern\": {\"w\": \"majority\"}}");
    begin_call(&r);
    CHECK_CODE(muv_database_drop(database, NULL, on_end, &r, NULL), 0);
    end_call(&r);
    await_reader(&r, 0);
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "dropDatabase", 0)),
                         "{\"dropDatabase\": 1, \"$db\": \"shop\","
                         " \"writeConcern\": {\"w\": \"majority\"}}");
    CHECK_CODE(muv_database_create_collection(database, ".x", NULL, on_end, &r, NULL), MUV_EINVAL);
    bson_destroy(options);
    muv_database_free(database);
}

static void a_write_concern_error_of_a_drop_is_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    muv_database_t *database = open_database(f, NULL);
    reader_t r;

    mock_reply(f->mock, "dropDatabase",
               "{\"ok\": 1, \"writeConcernError\": {\"code\": 64, \"errmsg\": \"waited\"}}");
    open_reader(&r, f);
    CHECK_CODE(muv_database_drop(database, NULL, on_end, &r, NULL), 0);
    await_reader(&r, MUV_ESERVER);
    assert_int_equal(r.error.server_code, 64);
    assert_int_equal(r.error.in_doubt, 1);
    muv_database_free(database);
}

/* --- memory ------------------------------------------------------------------------------------*/

struct sweep {
    client_fixture_t *f;
    muv_cursor_t *cursor;
    bool done;
};

static void note_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    struct sweep *sweep = data;

    (void)op;
    (void)error;
    sweep->cursor = cursor;
    sweep->done = true;
}

static void note_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    (void)op;
    (void)error;
    (void)count;
    ((struct sweep *)data)->done = true;
}

static void note_values(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply,
                        void *data)
{
    (void)op;
    (void)error;
    (void)reply;
    ((struct sweep *)data)->done = true;
}

static void note_names(muv_op_t *op, const muv_error_t *error, const muv_names_t *names, void *data)
{
    (void)op;
    (void)error;
    (void)names;
    ((struct sweep *)data)->done = true;
}

/* What was accepted calls back once; what was refused does not. */
static void finish(struct sweep *sweep, int status)
{
    sweep->done = status != 0;
    run_until(&sweep->f->loop, &sweep->done, WAIT_MS);
    muv_cursor_close(sweep->cursor);
    sweep->cursor = NULL;
}

static void use_collection(struct sweep *s, muv_collection_t *c)
{
    const muv_read_preference_t nearest = {.mode = MUV_READ_NEAREST};

    finish(s, muv_collection_aggregate(
                  c, NULL, &(muv_aggregate_opts_t){.timeout_ms = 300, .read_preference = &nearest},
                  note_cursor, s, NULL));
    finish(s, muv_collection_count_documents(c, NULL,
                                             &(muv_count_opts_t){.timeout_ms = 300, .limit = 2},
                                             note_count, s, NULL));
    finish(s, muv_collection_estimated_document_count(
                  c, &(muv_estimated_count_opts_t){.timeout_ms = 300}, note_count, s, NULL));
    finish(s, muv_collection_distinct(c, "a", NULL, &(muv_distinct_opts_t){.timeout_ms = 300},
                                      note_values, s, NULL));
}

static void use_database(struct sweep *s, muv_database_t *database)
{
    bson_t *command = bson_from("{\"listCollections\": 1}");

    finish(s, muv_database_list_collection_names(database,
                                                 &(muv_list_collections_opts_t){.timeout_ms = 300},
                                                 note_names, s, NULL));
    finish(s, muv_database_run_cursor_command(database, command,
                                              &(muv_run_cursor_command_opts_t){.timeout_ms = 300},
                                              note_cursor, s, NULL));
    bson_destroy(command);
}

static void use_everything(void *data)
{
    client_fixture_t *f = data;
    struct sweep sweep = {.f = f};
    muv_database_t *database = NULL;

    f->closed = false;
    if (muv_client_new(&f->loop, mock_uri(f->mock, NULL), NULL, NULL, &f->client) != 0) {
        f->client = NULL;
        /* What was made by then is closed on the loop. */
        run_for(&f->loop, 1);
        return;
    }
    if (muv_collection_new(f->client, "d", "c", NULL, &f->collection) == 0) {
        use_collection(&sweep, f->collection);
    }
    if (muv_database_new(f->client, "d", NULL, &database) == 0) {
        use_database(&sweep, database);
    }
    muv_database_free(database);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void running_out_of_memory_anywhere_leaks_nothing(void **state)
{
    client_fixture_t *f = *state;

    mock_script(f->mock, "listCollections",
                &(mock_step_t){.json = "{\"cursor\": {\"id\": 0, \"ns\": \"d.x\","
                                       " \"firstBatch\": [{\"name\": \"a\"}]}, \"ok\": 1}",
                               .times = MOCK_FOREVER});
    alloc_install();
    assert_int_not_equal(alloc_sweep(use_everything, f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wrong_name_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(collections_are_listed_on_the_primary, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(names_are_collected_over_batches, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(any_command_may_open_a_cursor, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(create_and_drop_send_their_options, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_write_concern_error_of_a_drop_is_in_doubt, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(running_out_of_memory_anywhere_leaks_nothing, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
