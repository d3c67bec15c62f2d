/* SPDX-License-Identifier: Apache-2.0 */
/* The cmap-format files of the connection pool specification, on the pure machine in virtual time:
 * no socket, no server, no thread. A "thread" of a file is a list of operations that goes on as
 * far as it can; waiting means running the clock to the next thing that is due. Files of style
 * "integration" only use fail points that delay or fail a handshake; the same is done here to
 * the establishment itself. What the pool does not know (address, message texts) is not compared.
 */
#include "json_spec.h"

#include "pool/pool.h"
#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CONNS = 64, TASKS = 8, OPS = 32, EVENTS = 256, LABELS = 16, WAIT_MS = 10000 };

#define NEVER INT64_MAX

typedef struct raw {
    const uint8_t *data;
    uint32_t size;
} raw_t;

/* The main thread is task 0. An operation that has begun but waits is `ops[next]`. */
typedef struct task {
    const char *name;
    raw_t ops[OPS];
    unsigned count, next;
    muv__pool_waiter_t waiter;
    bool checking_out;
    const char *label;
    int64_t deadline_us; /* waitQueueTimeoutMS of the check-out under way. */
    int64_t sleep_until_us;
    int error;
} task_t;

typedef struct link {
    muv__pool_conn_t conn;
    int64_t done_at_us; /* End of its establishment; NEVER when that is over. */
    bool fails;
} link_t;

typedef struct run {
    const json_spec_case_t *spec_case;
    muv__pool_t pool;
    int64_t now_us;
    int64_t connect_us, queue_timeout_us;
    int64_t failing_handshakes; /* How many of the next ones. */
    bool background;
    link_t links[CONNS];
    unsigned link_count;
    task_t tasks[TASKS];
    unsigned task_count;
    struct {
        const char *name;
        muv__pool_conn_t *conn;
    } labels[LABELS];
    unsigned label_count;
    muv__pool_event_t events[EVENTS];
    unsigned event_count;
    char problem[256];
} run_t;

static run_t run;

static void MUV__PRINTF(1, 2) give_up(const char *format, ...)
{
    va_list arguments;

    if (run.problem[0] == '\0') {
        va_start(arguments, format);
        (void)vsnprintf(run.problem, sizeof(run.problem), format, arguments);
        va_end(arguments);
    }
}

static bool view(const raw_t *raw, bson_t *ret)
{
    return bson_init_static(ret, raw->data, raw->size);
}

static void on_event(const muv__pool_event_t *event, void *data)
{
    (void)data;
    if (run.event_count < EVENTS) {
        run.events[run.event_count++] = *event;
    } else {
        give_up("too many events");
    }
}

static unsigned count_events(const char *name)
{
    unsigned count = 0;

    for (unsigned i = 0; i < run.event_count; i++) {
        count += strcmp(muv__pool_event_name(run.events[i].type), name) == 0;
    }
    return count;
}

/* --- The client: carries out effects, and the network: lets establishments end
 * ------------------*/

static void add_link(void)
{
    link_t *link = &run.links[run.link_count++];

    link->fails = run.failing_handshakes > 0;
    run.failing_handshakes -= link->fails ? 1 : 0;
    link->done_at_us = run.now_us + run.connect_us;
    muv__pool_add(&run.pool, &link->conn, run.now_us);
}

static void carry_out(unsigned effects)
{
    muv__pool_conn_t *conn;

    /* Waiters are looked at by their tasks. */
    while (muv__pool_next_failed(&run.pool) != NULL) {
    }
    while ((conn = muv__pool_next_to_close(&run.pool)) != NULL) {
        MUV__CONTAINER_OF(conn, link_t, conn)->done_at_us = NEVER;
    }
    while (muv__pool_next_served(&run.pool) != NULL) {
    }
    while ((effects & MUV__POOL_DO_CREATE) != 0 && muv__pool_wants_connection(&run.pool)) {
        if (run.link_count == CONNS) {
            give_up("too many connections");
            return;
        }
        add_link();
    }
}

/* SDAM: an error during the handshake clears the pool. */
static void end_establishment(link_t *link)
{
    link->done_at_us = NEVER;
    if (!link->fails) {
        carry_out(muv__pool_established(&run.pool, &link->conn, run.now_us));
        return;
    }
    muv__pool_conn_failing(&run.pool, &link->conn);
    carry_out(muv__pool_clear(&run.pool, 0, run.now_us));
    carry_out(muv__pool_conn_failed(&run.pool, &link->conn, MUV_ENETWORK, run.now_us));
}

/* --- Operations --------------------------------------------------------------------------------*/

static muv__pool_conn_t *labelled(const char *name)
{
    for (unsigned i = 0; name != NULL && i < run.label_count; i++) {
        if (strcmp(run.labels[i].name, name) == 0) {
            return run.labels[i].conn;
        }
    }
    give_up("no connection is labelled \"%s\"", name);
    return NULL;
}

/* Has the check-out of this task come to an end? */
static bool end_check_out(task_t *task)
{
    if (task->waiter.queued) {
        return false;
    }
    task->checking_out = false;
    if (task->waiter.conn == NULL) {
        task->error = task->waiter.error != 0 ? task->waiter.error : MUV_EWAITQUEUE;
    } else if (task->label != NULL && run.label_count < LABELS) {
        run.labels[run.label_count].name = task->label;
        run.labels[run.label_count++].conn = task->waiter.conn;
    }
    return true;
}

static bool begin_check_out(task_t *task, const bson_t *op)
{
    memset(&task->waiter, 0, sizeof(task->waiter));
    task->label = json_spec_text(op, "label");
    task->checking_out = true;
    task->deadline_us = run.queue_timeout_us == 0 ? NEVER : run.now_us + run.queue_timeout_us;
    carry_out(muv__pool_check_out(&run.pool, &task->waiter, run.now_us));
    return end_check_out(task);
}

/* A call on the pool that any thread can make. Returns false while it waits. */
static bool pool_operation(task_t *task, const char *name, const bson_t *op)
{
    muv__pool_conn_t *conn;

    if (strcmp(name, "checkOut") == 0) {
        return begin_check_out(task, op);
    }
    if (strcmp(name, "checkIn") == 0) {
        conn = labelled(json_spec_text(op, "connection"));
        if (conn != NULL) {
            carry_out(muv__pool_check_in(&run.pool, conn, run.now_us));
        }
    } else if (strcmp(name, "clear") == 0) {
        carry_out(muv__pool_clear(&run.pool, json_spec_bool(op, "interruptInUseConnections", false),
                                  run.now_us));
    } else if (strcmp(name, "close") == 0) {
        carry_out(muv__pool_close(&run.pool, run.now_us));
    } else if (strcmp(name, "ready") == 0) {
        carry_out(muv__pool_ready(&run.pool, run.now_us));
    } else if (strcmp(name, "wait") == 0) {
        task->sleep_until_us = run.now_us + json_spec_int(op, "ms", 0) * 1000;
        return false;
    } else {
        give_up("unknown operation %s", name);
    }
    return true;
}

/* Go as far as it goes. Returns whether anything was done. */
static bool advance_task(task_t *task)
{
    unsigned before = task->next;
    bson_t op;

    while (task->next < task->count && task->error == 0 && run.problem[0] == '\0') {
        if (task->checking_out) {
            if (!end_check_out(task)) {
                break;
            }
        } else if (task->sleep_until_us != 0) {
            if (task->sleep_until_us > run.now_us) {
                break;
            }
            task->sleep_until_us = 0;
        } else if (!view(&task->ops[task->next], &op) ||
                   !pool_operation(task, json_spec_text(&op, "name"), &op)) {
            break;
        }
        task->next++;
    }
    return task->next != before;
}

static bool task_is_done(const task_t *task)
{
    return task->next == task->count || task->error != 0;
}

static void advance_tasks(void)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < run.task_count; i++) {
            moved |= advance_task(&run.tasks[i]);
        }
    }
}

/* --- Time --------------------------------------------------------------------------------------*/

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static int64_t next_due_us(void)
{
    int64_t due_us = run.background ? run.pool.wake_at_us : NEVER;

    for (unsigned i = 0; i < run.link_count; i++) {
        due_us = earlier(due_us, run.links[i].done_at_us);
    }
    for (unsigned i = 0; i < run.task_count; i++) {
        if (run.tasks[i].checking_out) {
            due_us = earlier(due_us, run.tasks[i].deadline_us);
        }
        if (run.tasks[i].sleep_until_us != 0) {
            due_us = earlier(due_us, run.tasks[i].sleep_until_us);
        }
    }
    return due_us;
}

static void do_what_is_due(void)
{
    for (unsigned i = 0; i < run.link_count; i++) {
        if (run.links[i].done_at_us <= run.now_us) {
            end_establishment(&run.links[i]);
        }
    }
    for (unsigned i = 0; i < run.task_count; i++) {
        task_t *task = &run.tasks[i];

        if (task->checking_out && task->waiter.queued && task->deadline_us <= run.now_us) {
            carry_out(
                muv__pool_forget(&run.pool, &task->waiter, MUV__POOL_REASON_TIMEOUT, run.now_us));
        }
    }
    if (run.background && run.pool.wake_at_us <= run.now_us) {
        carry_out(muv__pool_tick(&run.pool, run.now_us));
    }
    advance_tasks();
}

/* One step of the clock, not beyond the limit. Returns false when the limit is reached. */
static bool step_time(int64_t limit_us)
{
    int64_t due_us = next_due_us();

    if (due_us > limit_us) {
        run.now_us = limit_us;
        return false;
    }
    run.now_us = due_us > run.now_us ? due_us : run.now_us;
    do_what_is_due();
    return run.problem[0] == '\0';
}

static void wait_for_event(const bson_t *op)
{
    const char *name = json_spec_text(op, "event");
    int64_t count = json_spec_int(op, "count", 1);
    int64_t limit_us = run.now_us + json_spec_int(op, "timeout", WAIT_MS) * 1000;

    while ((int64_t)count_events(name) < count) {
        if (!step_time(limit_us)) {
            give_up("%u of %" PRId64 " events %s came", count_events(name), count, name);
            return;
        }
    }
}

static task_t *task_named(const char *name)
{
    for (unsigned i = 0; i < run.task_count; i++) {
        if (name != NULL && strcmp(run.tasks[i].name, name) == 0) {
            return &run.tasks[i];
        }
    }
    give_up("no thread \"%s\"", name);
    return NULL;
}

static void wait_for_task(task_t *task)
{
    int64_t limit_us = run.now_us + (int64_t)WAIT_MS * 1000;

    while (!task_is_done(task)) {
        if (!step_time(limit_us)) {
            give_up("thread %s does not come to its end", task->name);
            return;
        }
    }
}

static void give_to(task_t *task, const uint8_t *data, uint32_t size)
{
    if (task == NULL || task->count == OPS) {
        give_up("too many operations");
        return;
    }
    task->ops[task->count++] = (raw_t){.data = data, .size = size};
    advance_tasks();
}

/* Returns false when the main thread ends, with an error in its task. */
static bool main_operation(const uint8_t *data, uint32_t size)
{
    task_t *self = &run.tasks[0];
    const char *name;
    task_t *task;
    bson_t op;

    if (!bson_init_static(&op, data, size)) {
        return false;
    }
    name = json_spec_text(&op, "name");
    if (strcmp(name, "start") == 0) {
        if (run.task_count < TASKS) {
            run.tasks[run.task_count++].name = json_spec_text(&op, "target");
        }
    } else if (strcmp(name, "waitForThread") == 0) {
        task = task_named(json_spec_text(&op, "target"));
        if (task != NULL) {
            wait_for_task(task);
            self->error = task->error;
        }
    } else if (strcmp(name, "waitForEvent") == 0) {
        wait_for_event(&op);
    } else if (json_spec_text(&op, "thread") != NULL) {
        give_to(task_named(json_spec_text(&op, "thread")), data, size);
    } else {
        give_to(self, data, size);
        wait_for_task(self);
    }
    return self->error == 0 && run.problem[0] == '\0';
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

static bool options_match(const bson_iter_t *iter)
{
    const muv__pool_config_t *config = &run.pool.config;
    bson_t options;

    return is_any(iter) ||
           (json_spec_child(iter, &options) &&
            json_spec_int(&options, "maxPoolSize", config->max_size) == config->max_size &&
            json_spec_int(&options, "minPoolSize", config->min_size) == config->min_size &&
            json_spec_int(&options, "maxIdleTimeMS", config->max_idle_us / 1000) * 1000 ==
                config->max_idle_us);
}

static bool field_matches(const bson_iter_t *iter, const muv__pool_event_t *event)
{
    const char *key = bson_iter_key(iter);

    if (strcmp(key, "type") == 0) {
        return strcmp(bson_iter_utf8(iter, NULL), muv__pool_event_name(event->type)) == 0;
    }
    if (strcmp(key, "connectionId") == 0) {
        return event->connection_id != 0 &&
               (is_any(iter) || (uint64_t)bson_iter_as_int64(iter) == event->connection_id);
    }
    if (strcmp(key, "reason") == 0) {
        return strcmp(bson_iter_utf8(iter, NULL),
                      muv__pool_reason_text(event->type, event->reason)) == 0;
    }
    if (strcmp(key, "interruptInUseConnections") == 0) {
        return bson_iter_as_bool(iter) == (event->interrupt_in_use != 0);
    }
    if (strcmp(key, "duration") == 0) {
        return is_any(iter) && event->duration_us >= 0;
    }
    if (strcmp(key, "options") == 0) {
        return options_match(iter);
    }
    return strcmp(key, "address") == 0;
}

static bool event_matches(const bson_t *expected, const muv__pool_event_t *event)
{
    bson_iter_t iter;

    if (!bson_iter_init(&iter, expected)) {
        return false;
    }
    while (bson_iter_next(&iter)) {
        if (!field_matches(&iter, event)) {
            return false;
        }
    }
    return true;
}

static const muv__pool_event_t *next_event(unsigned *index)
{
    while (*index < run.event_count) {
        const muv__pool_event_t *event = &run.events[(*index)++];

        if (!is_ignored(muv__pool_event_name(event->type))) {
            return event;
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
        const muv__pool_event_t *event = next_event(&index);

        if (!json_spec_child(&element, &expected) || event == NULL) {
            give_up("event %s is missing", bson_iter_key(&element));
            return;
        }
        if (!event_matches(&expected, event)) {
            give_up("event %s is %s %" PRIu64 " %s, expected %s", bson_iter_key(&element),
                    muv__pool_event_name(event->type), event->connection_id,
                    muv__pool_reason_text(event->type, event->reason), json_spec_json(&expected));
            return;
        }
    }
}

static const char *error_type(int error)
{
    switch (error) {
    case 0: return "";
    case MUV_EWAITQUEUE: return "WaitQueueTimeoutError";
    case MUV_EPOOLCLEARED: return "PoolClearedError";
    case MUV_EPOOLCLOSED: return "PoolClosedError";
    default: return "another error";
    }
}

static void check_error_type(void)
{
    const char *expected = json_spec_text(run.spec_case->doc, "error.type");
    const char *actual = error_type(run.tasks[0].error);

    if (strcmp(actual, expected == NULL ? "" : expected) != 0) {
        give_up("the main thread ended with \"%s\", expected \"%s\"", actual,
                expected == NULL ? "" : expected);
    }
}

/* --- One file ----------------------------------------------------------------------------------*/

static void begin_run(const json_spec_case_t *spec_case)
{
    const bson_t *doc = spec_case->doc;
    muv__pool_config_t config = {.emit = on_event, .max_waiting = 1000};
    bool fails = json_spec_int(doc, "failPoint.data.errorCode", 0) != 0 ||
                 json_spec_bool(doc, "failPoint.data.closeConnection", false);

    memset(&run, 0, sizeof(run));
    run.spec_case = spec_case;
    run.task_count = 1;
    run.tasks[0].name = "main";
    run.connect_us = 1000 + json_spec_int(doc, "failPoint.data.blockTimeMS", 0) * 1000;
    run.failing_handshakes = fails ? json_spec_int(doc, "failPoint.mode.times", CONNS) : 0;
    run.queue_timeout_us = json_spec_int(doc, "poolOptions.waitQueueTimeoutMS", 0) * 1000;
    run.background = json_spec_int(doc, "poolOptions.backgroundThreadIntervalMS", 1) > 0;
    config.max_size = (uint32_t)json_spec_int(doc, "poolOptions.maxPoolSize", 100);
    config.min_size = (uint32_t)json_spec_int(doc, "poolOptions.minPoolSize", 0);
    config.max_connecting = (uint32_t)json_spec_int(doc, "poolOptions.maxConnecting", 2);
    config.max_idle_us = json_spec_int(doc, "poolOptions.maxIdleTimeMS", 0) * 1000;
    muv__pool_init(&run.pool, &config);
}

/* The machine itself must come to its end, whatever a file left behind. */
static void end_run(void)
{
    carry_out(muv__pool_close(&run.pool, run.now_us));
    for (unsigned i = 0; i < run.link_count; i++) {
        if (run.links[i].conn.state == MUV__POOL_CONN_IN_USE) {
            carry_out(muv__pool_check_in(&run.pool, &run.links[i].conn, run.now_us));
        }
    }
    muv__pool_done(&run.pool);
}

static json_spec_result_t run_file(const json_spec_case_t *spec_case, void *data)
{
    bson_iter_t iter, element;
    const uint8_t *op;
    uint32_t size;

    (void)data;
    begin_run(spec_case);
    if (!json_spec_find(spec_case->doc, "operations", &iter) ||
        !bson_iter_recurse(&iter, &element)) {
        give_up("no operations");
    }
    while (run.problem[0] == '\0' && bson_iter_next(&element)) {
        bson_iter_document(&element, &size, &op);
        if (!main_operation(op, size)) {
            break;
        }
    }
    check_error_type();
    check_events();
    end_run();
    return run.problem[0] == '\0' ? JSON_SPEC_PASS : json_spec_fail(spec_case, "%s", run.problem);
}

static json_spec_result_t leave_out(const json_spec_case_t *spec_case, void *data)
{
    (void)data;
    return json_spec_skip(spec_case, "unified format, needs the client's log");
}

static void cmap_format(void **state)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};

    (void)state;
    json_spec_run_files("connection-monitoring-and-pooling/tests/cmap-format", run_file, NULL,
                        &tally);
    json_spec_run("connection-monitoring-and-pooling/tests/logging", leave_out, NULL, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cmap_format)};

    if (!json_spec_available("connection-monitoring-and-pooling/tests/cmap-format")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
