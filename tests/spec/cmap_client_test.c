/* SPDX-License-Identifier: Apache-2.0 */
/* The cmap-format files of the connection pool specification once more, on the pool of a real
 * client with a mock server, through sockets, and by the events that a program sees. Fail points
 * act on real handshakes.
 *
 * A check-out is a ping that the mock does not answer; the check-in is its answer. What no program
 * can ask for, to clear a pool, make it ready or close it alone, is done to the client's pool in a
 * turn of the client. The pool starts paused, as the files want it, because the client is made to
 * know its server first; ids of connections count from there. */
#include "json_spec.h"

#include "client/client_inner.h"
#include "client/server.h"
#include "muv.h"
#include "support/check.h"
#include "support/mock.h"
#include "support/mock_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 16, EVENTS = 256, WAIT_MS = 10000 };

/* An event, kept; texts of `reason` are static. */
typedef struct seen {
    int type;
    uint64_t connection_id;
    int64_t duration_us;
    char reason[32];
    bool has_address;
    bool interrupt_in_use;
    muv_pool_settings_t settings;
} seen_t;

/* A check-out: a ping, in flight or waiting. */
typedef struct call {
    const char *thread;
    const char *label;
    bool done;
    bool given_back;
    int error;
} call_t;

typedef struct run {
    const json_spec_case_t *spec_case;
    uv_loop_t loop;
    muv_mock_t *mock;
    muv_client_t *client;
    call_t calls[CALLS];
    int call_count;
    seen_t events[EVENTS];
    unsigned event_count;
    uint64_t first_id; /* Ids up to here belong to the preparation. */
    bool connected;
    bool closed;
    bool hook_done;
    const char *hook; /* What the next turn hook is to do. */
    bool hook_interrupts;
    int error; /* Of the main thread. */
    char problem[256];
} run_t;

static run_t run;

static void MUV__PRINTF(1, 2) give_up(const char *format, ...)
{
    va_list arguments;

    if (run.problem[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(run.problem, sizeof run.problem, format, arguments);
        va_end(arguments);
    }
}

/* --- Waiting -----------------------------------------------------------------------------------*/

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Run the loop until `condition` holds; a problem when it does not within the time. */
static void wait_until(bool (*condition)(const void *), const void *data, int64_t timeout_ms,
                       const char *what)
{
    uint64_t end_ns = uv_hrtime() + (uint64_t)timeout_ms * 1000000;
    uv_timer_t timer;

    (void)uv_timer_init(&run.loop, &timer);
    (void)uv_timer_start(&timer, on_tick, 2, 2);
    while (!condition(data)) {
        if (uv_hrtime() > end_ns) {
            give_up("waited in vain for %s", what);
            break;
        }
        (void)uv_run(&run.loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&run.loop, UV_RUN_NOWAIT);
}

static bool is_true(const void *flag)
{
    return *(const bool *)flag;
}

/* --- Events ------------------------------------------------------------------------------------*/

static void on_pool(const muv_pool_event_t *event, void *data)
{
    seen_t *seen = &run.events[run.event_count];

    (void)data;
    if (run.event_count == EVENTS) {
        give_up("too many events");
        return;
    }
    run.event_count++;
    *seen = (seen_t){.type = event->head.type,
                     .connection_id = event->connection_id,
                     .duration_us = event->duration_us,
                     .has_address = event->address != NULL && event->address[0] != '\0',
                     .interrupt_in_use = event->interrupt_in_use == MUV_YES};
    (void)bson_strncpy(seen->reason, event->reason, sizeof seen->reason);
    if (event->settings != NULL) {
        seen->settings = *event->settings;
    }
}

typedef struct wanted {
    const char *name;
    int64_t count;
} wanted_t;

static bool has_come(const void *data)
{
    const wanted_t *wanted = data;
    int64_t count = 0;

    for (unsigned i = 0; i < run.event_count; i++) {
        count += strcmp(muv_event_name(run.events[i].type), wanted->name) == 0;
    }
    return count >= wanted->count;
}

/* --- Check-outs --------------------------------------------------------------------------------*/

static void on_ping(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    call_t *call = data;

    (void)op;
    (void)reply;
    call->done = true;
    call->error = error != NULL ? error->code : 0;
}

/* The connection that the mock has the ping of this call on; 0: it has not come. */
static unsigned connection_of(const call_t *call)
{
    unsigned count = mock_request_count(run.mock, "ping");

    for (unsigned i = 0; i < count; i++) {
        const mock_request_t *request = mock_request_of(run.mock, "ping", (int)i);
        if (mock_request_number(request, "ping") == call - run.calls) {
            return request->connection;
        }
    }
    return 0;
}

static bool has_ended(const void *data)
{
    const call_t *call = data;

    return call->done || connection_of(call) != 0;
}

static call_t *start_check_out(const char *thread, const char *label)
{
    call_t *call = &run.calls[run.call_count];

    if (run.call_count == CALLS) {
        give_up("too many check-outs");
        return NULL;
    }
    *call = (call_t){.thread = thread, .label = label};
    bson_t *command = BCON_NEW("ping", BCON_INT32(run.call_count));
    run.call_count++;
    if (muv_run_command(run.client, "d", command, NULL, on_ping, call, NULL) != 0) {
        give_up("refused: %s", muv_client_refusal(run.client)->message);
    }
    bson_destroy(command);
    return call;
}

static void check_in(const char *label)
{
    for (int i = 0; label != NULL && i < run.call_count; i++) {
        call_t *call = &run.calls[i];
        if (call->label != NULL && strcmp(call->label, label) == 0) {
            (void)mock_release_connection(run.mock, connection_of(call));
            wait_until(is_true, &call->done, WAIT_MS, "the reply");
            return;
        }
    }
    give_up("no connection is labelled \"%s\"", label);
}

/* --- What a program cannot ask for -------------------------------------------------------------*/

static muv__server_t *server_of(void)
{
    return MUV__CONTAINER_OF(run.client->servers.next, muv__server_t, link);
}

static void on_turn_end(void *data)
{
    muv__server_t *server = server_of();
    int64_t now_us = run.client->context.now_us;

    (void)data;
    if (strcmp(run.hook, "ready") == 0) {
        muv__server_carry_out(server, muv__pool_ready(&server->pool, now_us));
    } else if (strcmp(run.hook, "close") == 0) {
        muv__server_carry_out(server, muv__pool_close(&server->pool, now_us));
    } else {
        muv__server_carry_out(server, muv__pool_clear(&server->pool, run.hook_interrupts, now_us));
    }
    run.hook_done = true;
}

static void do_to_pool(const char *what, bool interrupts)
{
    run.hook = what;
    run.hook_interrupts = interrupts;
    run.hook_done = false;
    if (muv_client_at_turn_end(run.client, on_turn_end, NULL) != 0) {
        give_up("no turn");
        return;
    }
    wait_until(is_true, &run.hook_done, WAIT_MS, "a turn");
}

static void on_closed(void *data)
{
    (void)data;
    run.closed = true;
}

static void close_client(void)
{
    if (run.client != NULL) {
        (void)muv_client_close(run.client, MUV_CLOSE_ABORT, on_closed, NULL);
        run.client = NULL;
        wait_until(is_true, &run.closed, WAIT_MS, "the client's end");
    }
}

/* --- Operations --------------------------------------------------------------------------------*/

static void wait_for_event(const bson_t *op)
{
    wanted_t wanted = {.name = json_spec_text(op, "event"), .count = json_spec_int(op, "count", 1)};

    wait_until(has_come, &wanted, json_spec_int(op, "timeout", WAIT_MS), wanted.name);
}

static void wait_for_thread(const char *name)
{
    for (int i = 0; i < run.call_count; i++) {
        const call_t *call = &run.calls[i];
        if (call->thread != NULL && strcmp(call->thread, name) == 0) {
            wait_until(has_ended, call, WAIT_MS, name);
            run.error = call->error;
        }
    }
}

static void check_out(const bson_t *op)
{
    const char *thread = json_spec_text(op, "thread");
    const call_t *call = start_check_out(thread, json_spec_text(op, "label"));

    if (call != NULL && thread == NULL) {
        wait_until(has_ended, call, WAIT_MS, "a connection");
        run.error = call->error;
    }
}

/* Returns false when the main thread ends. */
static bool operation(const bson_t *op)
{
    const char *name = json_spec_text(op, "name");

    if (strcmp(name, "checkOut") == 0) {
        check_out(op);
    } else if (strcmp(name, "checkIn") == 0) {
        check_in(json_spec_text(op, "connection"));
    } else if (strcmp(name, "ready") == 0) {
        do_to_pool("ready", false);
    } else if (strcmp(name, "clear") == 0) {
        do_to_pool("clear", json_spec_bool(op, "interruptInUseConnections", false));
    } else if (strcmp(name, "close") == 0) {
        do_to_pool("close", false);
    } else if (strcmp(name, "wait") == 0) {
        run_for(&run.loop, (unsigned)json_spec_int(op, "ms", 0));
    } else if (strcmp(name, "waitForEvent") == 0) {
        wait_for_event(op);
    } else if (strcmp(name, "waitForThread") == 0) {
        wait_for_thread(json_spec_text(op, "target"));
    } else if (strcmp(name, "start") != 0) {
        give_up("unknown operation %s", name);
    }
    return run.error == 0 && run.problem[0] == '\0';
}

static void run_operations(void)
{
    bson_iter_t iter, element;
    bson_t op;

    if (!json_spec_find(run.spec_case->doc, "operations", &iter) ||
        !bson_iter_recurse(&iter, &element)) {
        give_up("no operations");
        return;
    }
    while (bson_iter_next(&element) && json_spec_child(&element, &op) && operation(&op)) {
    }
}

/* --- What came out -----------------------------------------------------------------------------*/

static bool is_ignored(const char *name)
{
    bson_iter_t iter, element;

    if (!json_spec_find(run.spec_case->doc, "ignore", &iter) ||
        !bson_iter_recurse(&iter, &element)) {
        return false;
    }
    while (bson_iter_next(&element)) {
        if (BSON_ITER_HOLDS_UTF8(&element) && strcmp(bson_iter_utf8(&element, NULL), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_any(const bson_iter_t *iter)
{
    return BSON_ITER_HOLDS_INT(iter) && bson_iter_as_int64(iter) == 42;
}

static bool options_match(const bson_iter_t *iter, const muv_pool_settings_t *settings)
{
    bson_t options;

    return is_any(iter) ||
           (json_spec_child(iter, &options) &&
            json_spec_int(&options, "maxPoolSize", settings->max_size) == settings->max_size &&
            json_spec_int(&options, "minPoolSize", settings->min_size) == settings->min_size &&
            json_spec_int(&options, "maxIdleTimeMS", settings->max_idle_ms) ==
                settings->max_idle_ms);
}

static bool field_matches(const bson_iter_t *iter, const seen_t *seen)
{
    const char *key = bson_iter_key(iter);

    if (strcmp(key, "type") == 0) {
        return strcmp(bson_iter_utf8(iter, NULL), muv_event_name(seen->type)) == 0;
    }
    if (strcmp(key, "connectionId") == 0) {
        return seen->connection_id > run.first_id &&
               (is_any(iter) ||
                (uint64_t)bson_iter_as_int64(iter) == seen->connection_id - run.first_id);
    }
    if (strcmp(key, "reason") == 0) {
        return strcmp(bson_iter_utf8(iter, NULL), seen->reason) == 0;
    }
    if (strcmp(key, "interruptInUseConnections") == 0) {
        return bson_iter_as_bool(iter) == seen->interrupt_in_use;
    }
    if (strcmp(key, "duration") == 0) {
        return is_any(iter) && seen->duration_us >= 0;
    }
    if (strcmp(key, "options") == 0) {
        return options_match(iter, &seen->settings);
    }
    return strcmp(key, "address") == 0 && is_any(iter) && seen->has_address;
}

static bool event_matches(const bson_t *expected, const seen_t *seen)
{
    bson_iter_t iter;
    bool matches = bson_iter_init(&iter, expected);

    while (matches && bson_iter_next(&iter)) {
        matches = field_matches(&iter, seen);
    }
    return matches;
}

static const seen_t *next_event(unsigned *index)
{
    while (*index < run.event_count) {
        const seen_t *seen = &run.events[(*index)++];

        if (!is_ignored(muv_event_name(seen->type))) {
            return seen;
        }
    }
    return NULL;
}

static void check_events(void)
{
    bson_iter_t iter, element;
    unsigned index = 0;
    bson_t expected;

    if (!json_spec_find(run.spec_case->doc, "events", &iter) ||
        !bson_iter_recurse(&iter, &element)) {
        give_up("no events are expected");
        return;
    }
    while (bson_iter_next(&element)) {
        const seen_t *seen = next_event(&index);

        if (!json_spec_child(&element, &expected) || seen == NULL) {
            give_up("event %s is missing", bson_iter_key(&element));
        } else if (!event_matches(&expected, seen)) {
            give_up("event %s is %s %" PRIu64 " %s, expected %s", bson_iter_key(&element),
                    muv_event_name(seen->type), seen->connection_id - run.first_id, seen->reason,
                    json_spec_json(&expected));
        }
    }
}

static void check_error_type(void)
{
    const char *expected = json_spec_text(run.spec_case->doc, "error.type");
    const char *actual = run.error == 0                  ? ""
                         : run.error == MUV_EWAITQUEUE   ? "WaitQueueTimeoutError"
                         : run.error == MUV_EPOOLCLEARED ? "PoolClearedError"
                         : run.error == MUV_EPOOLCLOSED  ? "PoolClosedError"
                                                         : "another error";

    if (strcmp(actual, expected != NULL ? expected : "") != 0) {
        give_up("the main thread ended with \"%s\", expected \"%s\"", actual,
                expected != NULL ? expected : "");
    }
}

/* --- One file ----------------------------------------------------------------------------------*/

static void on_connected(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    (void)data;
    if (error != NULL) {
        give_up("no server: %s", error->message);
    }
    run.connected = true;
}

static bool is_empty(const void *data)
{
    muv_client_stats_t stats;

    (void)data;
    muv_client_get_stats(run.client, &stats);
    return stats.connections == 0;
}

/* The server is known, its pool paused and empty, and only the pool's creation has been told. */
static void prepare_pool(void)
{
    seen_t created;

    if (muv_client_connect(run.client, NULL, on_connected, NULL, NULL) != 0) {
        give_up("cannot connect");
        return;
    }
    wait_until(is_true, &run.connected, WAIT_MS, "a server");
    do_to_pool("clear", true);
    wait_until(is_empty, NULL, WAIT_MS, "an empty pool");
    created = run.events[0];
    if (created.type != MUV_EVENT_POOL_CREATED) {
        give_up("the first event is %s", muv_event_name(created.type));
    }
    run.event_count = 1;
    run.first_id = server_of()->pool.next_id - 1;
}

static void begin_run(const json_spec_case_t *spec_case)
{
    const bson_t *doc = spec_case->doc;
    const char *app_name = json_spec_text(doc, "poolOptions.appName");
    muv_listener_t listener = {.on_pool = on_pool};
    muv_client_opts_t opts = {
        .app_name = app_name,
        .max_pool_size = (int32_t)json_spec_int(doc, "poolOptions.maxPoolSize", 0),
        .min_pool_size = (int32_t)json_spec_int(doc, "poolOptions.minPoolSize", 0),
        .max_connecting = (int32_t)json_spec_int(doc, "poolOptions.maxConnecting", 0),
        .max_idle_ms = json_spec_int(doc, "poolOptions.maxIdleTimeMS", 0),
        .wait_queue_timeout_ms = json_spec_int(doc, "poolOptions.waitQueueTimeoutMS", 0),
        .heartbeat_frequency_ms = 60000,
        .listener = &listener};
    muv_error_t error = {0};

    memset(&run, 0, sizeof run);
    run.spec_case = spec_case;
    (void)uv_loop_init(&run.loop);
    run.mock = mock_new(&run.loop);
    mock_script(run.mock, "ping", &(mock_step_t){.hold = true, .times = MOCK_FOREVER});
    if (muv_client_new(&run.loop, mock_uri(run.mock, "retryReads=false&retryWrites=false"), &opts,
                       &error, &run.client) != 0) {
        give_up("no client: %s", error.message);
        return;
    }
    prepare_pool();
}

static void set_fail_point(const bson_t *doc)
{
    bson_iter_t iter;
    bson_t fail_point;

    if (json_spec_find(doc, "failPoint", &iter) && json_spec_child(&iter, &fail_point)) {
        char *json = bson_as_canonical_extended_json(&fail_point, NULL);
        mock_fail_point(run.mock, MOCK_ANY, json);
        bson_free(json);
    }
}

static void end_run(void)
{
    close_client();
    mock_close(run.mock);
    close_loop(&run.loop);
}

static json_spec_result_t run_file(const json_spec_case_t *spec_case, void *data)
{
    unsigned *integration = data;

    begin_run(spec_case);
    set_fail_point(spec_case->doc);
    if (run.problem[0] == '\0') {
        run_operations();
        check_error_type();
        check_events();
    }
    end_run();
    if (run.problem[0] != '\0') {
        return json_spec_fail(spec_case, "%s", run.problem);
    }
    *integration += strcmp(json_spec_text(spec_case->doc, "style"), "integration") == 0;
    return JSON_SPEC_PASS;
}

static void cmap_format_on_a_client(void **state)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};
    unsigned integration = 0;

    (void)state;
    json_spec_run_files("connection-monitoring-and-pooling/tests/cmap-format", run_file,
                        &integration, &tally);
    print_message("of %u passed files %u are of style \"integration\"\n", tally.passed,
                  integration);
    assert_int_equal(tally.failed, 0);
    assert_true(integration > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cmap_format_on_a_client)};

    if (!json_spec_available("connection-monitoring-and-pooling/tests/cmap-format")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    /* The files are counted once, by cmap_test.c. */
    (void)unsetenv("MUV_SPEC_REPORT");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
