/* SPDX-License-Identifier: Apache-2.0 */
/* The log on the real server, and once on the mock: the prose tests of
 * command-logging-and-monitoring (truncation), the environment, and what the commands of one bulk
 * have in common. */
#include "integration/write_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/process.h"

#define KEPT 64

/* Messages about commands that the test has started, as documents. */
typedef struct kept {
    bson_t *messages[KEPT];
    unsigned count;
} kept_t;

static kept_t kept;

static void on_message(const muv_log_message_t *message, void *data)
{
    kept_t *into = data;

    assert_int_equal(message->level, MUV_LOG_DEBUG);
    if (into->count < KEPT) {
        into->messages[into->count++] = bson_copy(message->data);
    }
}

static int open_log(void **state)
{
    memset(&kept, 0, sizeof(kept));
    return open_fixture_without_mock(state);
}

static int close_log(void **state)
{
    for (unsigned i = 0; i < kept.count; i++) {
        bson_destroy(kept.messages[i]);
    }
    return close_fixture(state);
}

static void connect_with(client_fixture_t *f, int32_t max_document_length)
{
    const muv_log_opts_t log = {.cb = on_message,
                                .data = &kept,
                                .command = MUV_LOG_DEBUG,
                                .max_document_length = max_document_length};

    open_client_at(f, test_uri(), &(muv_client_opts_t){.log = &log});
    muv_collection_free(f->collection);
    CHECK_CODE(muv_collection_new(f->client, "muv_log_test", "c", NULL, &f->collection), 0);
}

/* A member of the last message with this text about a command. */
static const char *last(const char *text, const char *command, const char *key)
{
    for (unsigned i = kept.count; i-- > 0;) {
        bson_iter_t iter;

        if (bson_iter_init_find(&iter, kept.messages[i], "message") &&
            strcmp(bson_iter_utf8(&iter, NULL), text) == 0 &&
            bson_iter_init_find(&iter, kept.messages[i], "commandName") &&
            strcmp(bson_iter_utf8(&iter, NULL), command) == 0) {
            assert_true(bson_iter_init_find(&iter, kept.messages[i], key));
            assert_true(BSON_ITER_HOLDS_UTF8(&iter));
            return bson_iter_utf8(&iter, NULL);
        }
    }
    fail_msg("no message \"%s\" about %s", text, command);
    return "";
}

#define CHECK_CUT(text, length)                                                                    \
    do {                                                                                           \
        assert_int_equal(strlen(text), (length) + 3);                                              \
        assert_string_equal((text) + (length), "...");                                             \
    } while (0)

static void on_inserted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                        void *data)
{
    (void)op;
    (void)result;
    CHECK_NO_ERROR(error);
    *(bool *)data = true;
}

static void insert_x_y(client_fixture_t *f, size_t count)
{
    bson_t *document = bson_from("{\"x\": \"y\"}");
    const bson_t **documents = calloc(count, sizeof(const bson_t *));
    bool done = false;

    assert_non_null(documents);
    for (size_t i = 0; i < count; i++) {
        documents[i] = document;
    }
    CHECK_CODE(
        muv_collection_insert_many(f->collection, documents, count, NULL, on_inserted, &done, NULL),
        0);
    run_until(&f->loop, &done, WAIT_MS);
    free(documents);
    bson_destroy(document);
}

static void run_command(client_fixture_t *f, const char *json, int code)
{
    outcome_t o;

    memset(&o, 0, sizeof(o));
    start_command(f, &o, json, NULL);
    if (code == 0) {
        await_success(&o);
    } else {
        await_error(&o, code);
    }
    outcome_clear(&o);
}

/* Prose 1: default truncation limit. */
static void long_documents_are_cut_at_a_thousand(void **state)
{
    client_fixture_t *f = *state;

    connect_with(f, MUV_UNSET);
    insert_x_y(f, 100);
    CHECK_CUT(last("Command started", "insert", "command"), 1000);
    assert_true(strlen(last("Command succeeded", "insert", "reply")) <= 1000 + 3);
}

static void on_found(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    *(bool *)data = true;
}

/* Prose 1, second half: the reply of a find with all of them. */
static void a_long_reply_is_cut_as_well(void **state)
{
    client_fixture_t *f = *state;
    bson_t *find = bson_from("{\"find\": \"c\"}");
    bool done = false;

    connect_with(f, MUV_UNSET);
    insert_x_y(f, 100);
    CHECK_CODE(muv_run_command(f->client, "muv_log_test", find, NULL, on_found, &done, NULL), 0);
    run_until(&f->loop, &done, WAIT_MS);
    CHECK_CUT(last("Command succeeded", "find", "reply"), 1000);
    bson_destroy(find);
}

/* Prose 2: explicitly configured truncation limit. */
static void a_limit_of_five_is_kept(void **state)
{
    client_fixture_t *f = *state;

    connect_with(f, 5);
    run_command(f, "{\"hello\": true}", 0);
    CHECK_CUT(last("Command started", "hello", "command"), 5);
    CHECK_CUT(last("Command succeeded", "hello", "reply"), 5);
    run_command(f, "{\"notARealCommand\": true}", MUV_ESERVER);
    CHECK_CUT(last("Command failed", "notARealCommand", "failure"), 5);
}

/* Prose 3: truncation with multi-byte codepoints. */
static void a_character_is_not_split(void **state)
{
    client_fixture_t *f = *state;
    const char *text;

    connect_with(f, 20);
    run_command(f, "{\"ping\": 1, \"comment\": \"\xe2\x82\xac\"}", 0);
    text = last("Command started", "ping", "command");
    assert_string_equal(text, "{\"ping\": 1, \"comment...");
    run_command(f, "{\"ping\": \"12345\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"}", 0);
    text = last("Command started", "ping", "command");
    assert_string_equal(text, "{\"ping\": \"12345\xf0\x9f\x98\x80...");
}

static int64_t operation_of(unsigned index)
{
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, kept.messages[index], "operationId"));
    return bson_iter_as_int64(&iter);
}

/* (command-logging-and-monitoring/tests/logging/operation-id.json.) */
static void the_commands_of_one_bulk_share_an_operation_id(void **state)
{
    client_fixture_t *f = *state;

    const muv_log_opts_t log = {.cb = on_message, .data = &kept, .command = MUV_LOG_DEBUG};

    f->mock = mock_new(&f->loop);
    mock_set_hello(f->mock, 0, "{\"maxWriteBatchSize\": 10}");
    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, &(muv_client_opts_t){.log = &log});
    insert_x_y(f, 15);
    assert_int_equal(kept.count, 4);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(operation_of(i), operation_of(0));
    }
    insert_x_y(f, 1);
    assert_int_not_equal(operation_of(4), operation_of(0));
}

/* --- the environment ---------------------------------------------------------------------------*/

static void check_line(const char *path, const char *part, bool expected)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    text[size] = '\0';
    assert_int_equal(strstr(text, part) != NULL, expected);
}

static void the_environment_turns_it_on(void **state)
{
    client_fixture_t *f = *state;
    char path[] = "/tmp/muv-log-XXXXXX";
    int file = mkstemp(path);

    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(setenv("MONGODB_LOG_ALL", "debug", 1), 0);
    assert_int_equal(setenv("MONGODB_LOG_TOPOLOGY", "off", 1), 0);
    assert_int_equal(setenv("MONGODB_LOG_PATH", path, 1), 0);
    open_client_at(f, test_uri(), NULL);
    assert_int_equal(unsetenv("MONGODB_LOG_ALL"), 0);
    assert_int_equal(unsetenv("MONGODB_LOG_TOPOLOGY"), 0);
    assert_int_equal(unsetenv("MONGODB_LOG_PATH"), 0);
    run_command(f, "{\"ping\": 1}", 0);
    check_line(path, " debug command {\"message\": \"Command started\", ", true);
    check_line(path, " debug connection {\"message\": \"Connection created\", ", true);
    check_line(path, " debug serverSelection {\"message\": \"Server selection started\", ", true);
    check_line(path, "topology {", false);
    assert_int_equal(unlink(path), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_log, close_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(long_documents_are_cut_at_a_thousand),
        CASE(a_long_reply_is_cut_as_well),
        CASE(a_limit_of_five_is_kept),
        CASE(a_character_is_not_split),
        CASE(the_commands_of_one_bulk_share_an_operation_id),
        CASE(the_environment_turns_it_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
