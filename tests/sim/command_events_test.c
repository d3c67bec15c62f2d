/* SPDX-License-Identifier: Apache-2.0 */
/* Command monitoring in virtual time: what is told of each command, and that each start has one
 * end, whatever happens in between. The rules are those of the official files under
 * command-logging-and-monitoring/tests/monitoring, named where one is proved. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_SIZE 16384
#define IDS 4096

typedef struct watcher {
    scene_t scene;
    muv_listener_t listener;
    muv_client_opts_t opts;
    char told[TOLD_SIZE];
    size_t length;
    unsigned started;
    unsigned ended;
    uint64_t last_number;
    int64_t last_request;
    int64_t last_operation;
    int64_t last_duration_us;
    int32_t last_server_code;
    char last_code_name[MUV_ERROR_NAME_SIZE];
    uint8_t open[IDS]; /* By request id: started and not ended. */
} watcher_t;

/* "started ping on sim: {...}", without what sessions and tests add. */
static void note(watcher_t *watcher, const char *what, const muv_command_event_t *event)
{
    size_t room = sizeof(watcher->told) - watcher->length;
    char *json = NULL;
    bson_t document;

    if (event->document != NULL) {
        bson_t shown = BSON_INITIALIZER;

        assert_true(bson_init_static(&document, event->document, event->document_size));
        bson_copy_to_excluding_noinit(&document, &shown, "lsid", "txnNumber", "$clusterTime", NULL);
        json = bson_as_relaxed_extended_json(&shown, NULL);
        bson_destroy(&shown);
    }
    watcher->length += (size_t)snprintf(watcher->told + watcher->length, room, "%s %s on %s: %s\n",
                                        what, event->command_name, event->database,
                                        json != NULL           ? json
                                        : event->error != NULL ? event->error->message
                                                               : "-");
    bson_free(json);
    assert_true(watcher->length < sizeof(watcher->told));
}

static void count(watcher_t *watcher, const muv_command_event_t *event)
{
    uint8_t *open = &watcher->open[event->request_id % IDS];

    assert_int_equal(watcher->scene.inside, 0);
    assert_true(event->head.number > watcher->last_number);
    watcher->last_number = event->head.number;
    if (event->head.type == MUV_EVENT_COMMAND_STARTED) {
        assert_int_equal(*open, 0);
        *open = 1;
        watcher->started++;
        assert_null(event->error);
    } else {
        assert_int_equal(*open, 1);
        *open = 0;
        watcher->ended++;
        assert_int_equal(event->error != NULL, event->head.type == MUV_EVENT_COMMAND_FAILED);
        watcher->last_duration_us = event->duration_us;
    }
}

static void on_command(const muv_command_event_t *event, void *data)
{
    watcher_t *watcher = data;
    const char *what = event->head.type == MUV_EVENT_COMMAND_STARTED     ? "started"
                       : event->head.type == MUV_EVENT_COMMAND_SUCCEEDED ? "succeeded"
                                                                         : "failed";

    count(watcher, event);
    note(watcher, what, event);
    assert_string_equal(event->address, "10.0.0.1:27017");
    assert_true(event->connection_id >= 1);
    assert_null(event->service_id);
    watcher->last_request = event->request_id;
    watcher->last_operation = event->operation_id;
    if (event->error != NULL) {
        watcher->last_server_code = event->error->server_code;
        (void)snprintf(watcher->last_code_name, sizeof(watcher->last_code_name), "%s",
                       event->error->code_name);
    }
}

static void on_command_counted(const muv_command_event_t *event, void *data)
{
    count(data, event);
}

static watcher_t *watch(void (*on)(const muv_command_event_t *event, void *data))
{
    watcher_t *watcher = calloc(1, sizeof(*watcher));

    assert_non_null(watcher);
    watcher->listener = (muv_listener_t){.on_command = on, .data = watcher};
    watcher->opts = (muv_client_opts_t){.listener = &watcher->listener, .max_pool_size = 4};
    scene_open(&watcher->scene, &watcher->opts);
    return watcher;
}

static void clear(watcher_t *watcher)
{
    watcher->length = 0;
    watcher->told[0] = '\0';
}

/* Every start had its end. */
static void end(watcher_t *watcher)
{
    scene_end(&watcher->scene);
    assert_int_equal(watcher->started, watcher->ended);
    free(watcher);
}

static void run(watcher_t *watcher)
{
    sim_run_for(watcher->scene.world, 20 * SIM_SECOND);
}

#define CHECK_TOLD(watcher, expected) assert_string_equal((watcher)->told, expected)

/* --- what is told ------------------------------------------------------------------------------*/

static void see_that_all_was_told(call_t *call)
{
    const watcher_t *watcher = call->data;

    assert_int_equal(watcher->ended, 1);
}

/* (command.json; handshakes and heartbeats are none: logging/no-handshake-messages.json.) */
static void a_command_is_told_with_its_reply(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    call.then = see_that_all_was_told;
    call.data = watcher;
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    CHECK_TOLD(watcher, "");
    run(watcher);
    CHECK_ENDED(&call, 0);
    CHECK_TOLD(watcher, "started ping on sim: { \"ping\" : 7, \"$db\" : \"sim\" }\n"
                        "succeeded ping on sim: { \"echo\" : 7, \"ok\" : 1.0 }\n");
    assert_int_equal(watcher->last_duration_us, 1000); /* One millisecond there and back. */
    end(watcher);
}

/* (find.json: a failed find event.) */
static void a_refusal_is_a_failure(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    sim_on(watcher->scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'errmsg': 'no', 'code': 2, 'codeName': 'BadValue'}"});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    run(watcher);
    CHECK_ENDED(&call, MUV_ESERVER);
    CHECK_CONTAINS(watcher->told, "failed ping on sim: no\n");
    assert_int_equal(watcher->last_server_code, 2);
    assert_string_equal(watcher->last_code_name, "BadValue");
    end(watcher);
}

/* (insertMany.json, deleteOne.json, updateOne.json: with write errors; writeConcernError.json.) */
static void write_errors_are_part_of_a_success(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    sim_on(watcher->scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 1, 'n': 0, 'writeErrors': [{'index': 0, 'code': 9}], "
                                 "'writeConcernError': {'code': 64}}"});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    run(watcher);
    CHECK_CONTAINS(watcher->told,
                   "succeeded ping on sim: { \"ok\" : 1, \"n\" : 0, \"writeErrors\"");
    end(watcher);
}

static const uint8_t two_documents[] = {12, 0, 0, 0, 16, 'a', 0, 1, 0, 0, 0, 0,
                                        12, 0, 0, 0, 16, 'b', 0, 2, 0, 0, 0, 0};

/* (insertMany.json: kind 1 sections are arrays named by their identifier.) */
static void a_sequence_is_told_as_an_array(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};
    call_opts_t opts = {.name = "insert",
                        .kind = MUV_COMMAND_WRITE,
                        .documents = two_documents,
                        .documents_size = sizeof(two_documents)};

    (void)state;
    CHECK_CODE(call_start_as(&watcher->scene, &call, 1, &opts), 0);
    run(watcher);
    CHECK_CONTAINS(watcher->told, "started insert on sim: { \"insert\" : 1, \"$db\" : \"sim\", "
                                  "\"documents\" : [ { \"a\" : 1 }, { \"b\" : 2 } ] }\n"
                                  "succeeded insert");
    end(watcher);
}

/* (logging/unacknowledged-write.json, monitoring/unacknowledged-client-bulkWrite.json.) */
static void an_unacknowledged_write_has_succeeded_at_once(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t calls[2] = {{.number = 0}, {.number = 0}};
    call_opts_t opts = {.name = "insert", .kind = MUV_COMMAND_WRITE, .unacknowledged = MUV_YES};

    (void)state;
    CHECK_CODE(call_start_as(&watcher->scene, &calls[0], 1, &opts), 0);
    run(watcher);
    CHECK_TOLD(watcher, "started insert on sim: { \"insert\" : 1, \"$db\" : \"sim\" }\n"
                        "succeeded insert on sim: { \"ok\" : 1.0 }\n");
    assert_int_equal(watcher->last_duration_us, 0);
    end(watcher);
}

/* (server-connection-id.json; logging/driver-connection-id.json.) */
static void on_command_with_ids(const muv_command_event_t *event, void *data)
{
    count(data, event);
    assert_int_equal(event->server_connection_id, 4711);
    assert_int_equal(event->connection_id, 1);
}

static void both_ids_of_the_connection_are_told(void **state)
{
    watcher_t *watcher = watch(on_command_with_ids);
    call_t calls[2] = {{.number = 0}, {.number = 0}};

    (void)state;
    sim_on(watcher->scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'maxWireVersion': 21, "
                                 "'connectionId': 4711}"});
    CHECK_CODE(call_start(&watcher->scene, &calls[0], 1, 0), 0);
    run(watcher);
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.json = "{'ok': 0, 'code': 2}"});
    CHECK_CODE(call_start(&watcher->scene, &calls[1], 2, 0), 0);
    run(watcher);
    assert_int_equal(watcher->ended, 2);
    end(watcher);
}

/* --- what is not told --------------------------------------------------------------------------*/

static void on_ran(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)error;
    (void)reply;
    ((watcher_t *)data)->scene.ended++;
}

static void run_command(watcher_t *watcher, const char *json)
{
    bson_t *command = bson_from(json);

    CHECK_CODE(
        muv_run_command(watcher->scene.client, "admin", command, NULL, on_ran, watcher, NULL), 0);
    bson_destroy(command);
    run(watcher);
}

/* (redacted-commands.json.) */
static void commands_with_credentials_are_told_without_contents(void **state)
{
    static const char *const names[] = {"authenticate",   "saslStart",       "saslContinue",
                                        "getnonce",       "createUser",      "updateUser",
                                        "copydbgetnonce", "copydbsaslstart", "copydb"};
    watcher_t *watcher = watch(on_command);
    char json[128];
    char expected[256];

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        clear(watcher);
        (void)snprintf(json, sizeof(json), "{\"%s\": \"secret\", \"pwd\": \"secret\"}", names[i]);
        sim_on(watcher->scene.server, names[i],
               &(sim_step_t){.json = "{'ok': 1, 'payload': 'secret'}"});
        run_command(watcher, json);
        (void)snprintf(expected, sizeof(expected),
                       "started %s on admin: { }\nsucceeded %s on admin: { }\n", names[i],
                       names[i]);
        CHECK_TOLD(watcher, expected);
    }
    end(watcher);
}

static void of_their_failures_only_codes_are_told(void **state)
{
    watcher_t *watcher = watch(on_command);

    (void)state;
    sim_on(watcher->scene.server, "createUser",
           &(sim_step_t){.json = "{'ok': 0, 'code': 51003, 'codeName': 'Location51003', 'errmsg': "
                                 "'user secret exists'}"});
    run_command(watcher, "{\"createUser\": \"secret\"}");
    CHECK_TOLD(watcher, "started createUser on admin: { }\nfailed createUser on admin: redacted\n");
    assert_int_equal(watcher->last_server_code, 51003);
    assert_string_equal(watcher->last_code_name, "Location51003");
    end(watcher);
}

/* (redacted-commands.json: hello with and without speculative authenticate, in three spellings.) */
static void hello_is_told_unless_it_authenticates(void **state)
{
    static const char *const names[] = {"hello", "ismaster", "isMaster"};
    watcher_t *watcher = watch(on_command);
    char json[128];
    char expected[256];

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        clear(watcher);
        (void)snprintf(json, sizeof(json), "{\"%s\": 1, \"speculativeAuthenticate\": {}}",
                       names[i]);
        run_command(watcher, json);
        (void)snprintf(expected, sizeof(expected),
                       "started %s on admin: { }\nsucceeded %s on admin: { }\n", names[i],
                       names[i]);
        CHECK_TOLD(watcher, expected);
        clear(watcher);
        (void)snprintf(json, sizeof(json), "{\"%s\": 1}", names[i]);
        run_command(watcher, json);
        CHECK_CONTAINS(watcher->told, "\" : 1, \"$db\" : \"admin\" }\n");
        CHECK_CONTAINS(watcher->told, "\"maxWireVersion\"");
    }
    end(watcher);
}

/* --- exactly one end ---------------------------------------------------------------------------*/

static void a_cancelled_command_has_failed(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&watcher->scene, 1);
    clear(watcher);
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    call_cancel(&call);
    run(watcher);
    CHECK_TOLD(watcher, "started ping on sim: { \"ping\" : 7, \"$db\" : \"sim\" }\n"
                        "failed ping on sim: the operation was cancelled\n");
    end(watcher);
}

static void a_command_that_times_out_has_failed(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&watcher->scene, 1);
    clear(watcher);
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 50), 0);
    run(watcher);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    CHECK_CONTAINS(watcher->told, "failed ping on sim: the operation timed out\n");
    assert_int_equal(watcher->last_duration_us, 50000);
    end(watcher);
}

static void a_broken_connection_fails_its_command(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.act = SIM_RESET});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    run(watcher);
    CHECK_ENDED(&call, MUV_ENETWORK);
    CHECK_CONTAINS(watcher->told, "failed ping on sim: ");
    assert_int_equal(watcher->started, 1);
    end(watcher);
}

static void a_command_that_cannot_be_written_has_failed(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&watcher->scene, 1);
    clear(watcher);
    sim_break_writes(watcher->scene.server, SIM_EPIPE);
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    run(watcher);
    CHECK_ENDED(&call, MUV_ENETWORK);
    CHECK_CONTAINS(watcher->told, "started ping on sim: ");
    CHECK_CONTAINS(watcher->told, "failed ping on sim: ");
    end(watcher);
}

/* The monitor finds the server silent and interrupts what is in use. */
static void an_interrupted_command_has_failed(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&watcher->scene, 1);
    clear(watcher);
    sim_on(watcher->scene.server, "hello", &(sim_step_t){.act = SIM_SILENCE});
    sim_on(watcher->scene.server, "awaited", &(sim_step_t){.act = SIM_SILENCE});
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    sim_run_for(watcher->scene.world, 60 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETWORK);
    CHECK_CONTAINS(watcher->told,
                   "failed ping on sim: Connection to 10.0.0.1:27017 interrupted due "
                   "to server monitor timeout\n");
    end(watcher);
}

static void closing_the_client_fails_what_is_running(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    scene_warm(&watcher->scene, 1);
    clear(watcher);
    sim_on(watcher->scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 0), 0);
    sim_run_for(watcher->scene.world, SIM_SECOND);
    CHECK_CODE(scene_close(&watcher->scene, MUV_CLOSE_ABORT), 0);
    run(watcher);
    CHECK_CONTAINS(watcher->told, "failed ping on sim: the client is closing or closed\n");
    end(watcher);
}

/* It waits for a connection: nothing was started. */
static void what_was_never_sent_is_not_told(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};

    (void)state;
    sim_on_connect(watcher->scene.server, SIM_HANG, 0);
    CHECK_CODE(call_start(&watcher->scene, &call, 7, 100), 0);
    run(watcher);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    CHECK_TOLD(watcher, "");
    end(watcher);
}

/* Each attempt is a command, with the same operation id and another request id. */
static void a_retry_is_a_pair_of_its_own(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t call = {.number = 0};
    call_opts_t opts = {.name = "find", .kind = MUV_COMMAND_READ};
    int64_t request;
    int64_t operation = 0;

    (void)state;
    sim_on(watcher->scene.server, "find",
           &(sim_step_t){.json = "{'ok': 0, 'code': 91, 'errmsg': 'going down'}",
                         .times = 1,
                         .delay_us = SIM_SECOND});
    sim_on(watcher->scene.server, "find",
           &(sim_step_t){.json = "{'ok': 1, 'echo': 7}", .delay_us = SIM_SECOND});
    CHECK_CODE(call_start_as(&watcher->scene, &call, 7, &opts), 0);
    sim_run_until(watcher->scene.world, &watcher->ended, 1, 20 * SIM_SECOND);
    request = watcher->last_request;
    operation = watcher->last_operation;
    run(watcher);
    CHECK_ENDED(&call, 0);
    CHECK_TOLD(watcher, "started find on sim: { \"find\" : 7, \"$db\" : \"sim\" }\n"
                        "failed find on sim: going down\n"
                        "started find on sim: { \"find\" : 7, \"$db\" : \"sim\" }\n"
                        "succeeded find on sim: { \"ok\" : 1, \"echo\" : 7 }\n");
    assert_int_not_equal(watcher->last_request, request);
    assert_int_equal(watcher->last_operation, operation);
    end(watcher);
}

/* (logging/operation-id.json: the commands of one bulk.) */
static void children_share_the_operation_id_of_their_tree(void **state)
{
    watcher_t *watcher = watch(on_command);
    call_t tree = {.number = 0};
    call_t calls[3] = {{.number = 0}, {.number = 0}, {.number = 0}};
    int64_t operation = 0;

    (void)state;
    CHECK_CODE(tree_begin(&watcher->scene, &tree, NULL), 0);
    for (int i = 0; i < 2; i++) {
        call_opts_t opts = {.parent = tree.op};

        CHECK_CODE(call_start_as(&watcher->scene, &calls[i], i, &opts), 0);
        run(watcher);
        assert_int_equal(watcher->ended, i + 1);
        assert_true(i == 0 || watcher->last_operation == operation);
        operation = watcher->last_operation;
    }
    tree_finish(&tree, NULL);
    CHECK_CODE(call_start(&watcher->scene, &calls[2], 3, 0), 0);
    run(watcher);
    assert_int_not_equal(watcher->last_operation, operation);
    end(watcher);
}

/* Commands that are answered, refused, cut off, cancelled and timed out, all at once. */
static void in_a_storm_each_start_has_its_end(void **state)
{
    enum { CALLS = 600 };
    watcher_t *watcher = watch(on_command_counted);
    call_t *calls = calls_new(CALLS);

    (void)state;
    for (unsigned i = 0; i < CALLS; i++) {
        static const sim_step_t steps[] = {{.times = 1, .delay_us = 3000},
                                           {.times = 1, .json = "{'ok': 0, 'code': 2}"},
                                           {.times = 1, .act = SIM_RESET},
                                           {.times = 1, .delay_us = 30000}};

        sim_on(watcher->scene.server, "ping",
               &steps[sim_random(watcher->scene.world, i % 50 == 0 ? 4 : 2)]);
        sim_on(watcher->scene.server, "ping", &steps[3]);
        CHECK_CODE(call_start(&watcher->scene, &calls[i], i,
                              (int64_t)sim_random(watcher->scene.world, 3) * 20),
                   0);
        sim_run_for(watcher->scene.world, (int64_t)sim_random(watcher->scene.world, 12000));
        if (calls[i / 2].op != NULL && i % 3 == 0) {
            call_cancel(&calls[i / 2]);
        }
    }
    sim_run_for(watcher->scene.world, 120 * SIM_SECOND);
    assert_int_equal(watcher->scene.ended, CALLS);
    assert_int_equal(watcher->started, watcher->ended);
    assert_true(watcher->started > CALLS / 3);
    assert_int_equal(scene_stats(&watcher->scene).events_dropped, 0);
    free(calls);
    end(watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_told_with_its_reply),
        cmocka_unit_test(a_refusal_is_a_failure),
        cmocka_unit_test(write_errors_are_part_of_a_success),
        cmocka_unit_test(a_sequence_is_told_as_an_array),
        cmocka_unit_test(an_unacknowledged_write_has_succeeded_at_once),
        cmocka_unit_test(both_ids_of_the_connection_are_told),
        cmocka_unit_test(commands_with_credentials_are_told_without_contents),
        cmocka_unit_test(of_their_failures_only_codes_are_told),
        cmocka_unit_test(hello_is_told_unless_it_authenticates),
        cmocka_unit_test(a_cancelled_command_has_failed),
        cmocka_unit_test(a_command_that_times_out_has_failed),
        cmocka_unit_test(a_broken_connection_fails_its_command),
        cmocka_unit_test(a_command_that_cannot_be_written_has_failed),
        cmocka_unit_test(an_interrupted_command_has_failed),
        cmocka_unit_test(closing_the_client_fails_what_is_running),
        cmocka_unit_test(what_was_never_sent_is_not_told),
        cmocka_unit_test(a_retry_is_a_pair_of_its_own),
        cmocka_unit_test(children_share_the_operation_id_of_their_tree),
        cmocka_unit_test(in_a_storm_each_start_has_its_end),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
