/* SPDX-License-Identifier: Apache-2.0 */
/* The client program on libmuv's public interface: CONCURRENCY operations are kept in flight on a
 * pool of POOL connections; what exceeds the pool waits in the client's queue. A failed operation
 * is counted, and the first one's error printed; the run goes on.
 *
 * PERF_TURNS=1 adds `longest_turn_cpu_us` to the result: the longest turn of the loop within the
 * window, in CPU time of its thread (costs one system call per turn, so it is off by default).
 */
#include "bench_common.h"
#include "bench_insert.h"

#include <muv.h>

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t id;
    int64_t start_ns;
    bench_insert_t insert;
    muv_cursor_t *cursor;
    uint64_t seen; /* Documents of the cursor. */
} slot_t;

static struct {
    uv_loop_t loop;
    uv_timer_t clock; /* Ends the run in time when operations take longer than that. */
    uv_prepare_t prepare;
    int64_t turn_start_cpu_ns;
    bench_window_t window;
    bench_hist_t hist;
    muv_client_t *client;
    muv_collection_t *docs;
    int64_t last_id;
    int mode;
    bool measures_turns;
    bool closing;
} run;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_find: %s: %s\n", what, why);
    exit(1);
}

/* --- loop turns ----------------------------------------------------------------------------- */

/* From one poll to the next; the poll's own CPU time is in it, its waiting is not. */
static void on_prepare(uv_prepare_t *prepare)
{
    int64_t now_ns = bench_thread_cpu_ns();
    int64_t turn_ns = now_ns - run.turn_start_cpu_ns;

    (void)prepare;
    run.turn_start_cpu_ns = now_ns;
    if (run.window.open && !run.window.shut && turn_ns > run.window.longest_turn_ns) {
        run.window.longest_turn_ns = turn_ns;
    }
}

static void begin_measuring_turns(void)
{
    run.window.longest_turn_ns = 0;
    run.turn_start_cpu_ns = bench_thread_cpu_ns();
    if (uv_prepare_init(&run.loop, &run.prepare) != 0 ||
        uv_prepare_start(&run.prepare, on_prepare) != 0) {
        fail("loop", "no prepare handle");
    }
    uv_unref((uv_handle_t *)&run.prepare);
}

/* --- operations ----------------------------------------------------------------------------- */

static void on_closed(void *data)
{
    (void)data;
    uv_close((uv_handle_t *)&run.clock, NULL);
    if (run.measures_turns) {
        uv_close((uv_handle_t *)&run.prepare, NULL);
    }
}

static void close_client(void)
{
    if (!run.closing) {
        run.closing = true;
        muv_collection_free(run.docs);
        if (muv_client_close(run.client, MUV_CLOSE_ABORT, on_closed, NULL) != 0) {
            fail("close", muv_client_refusal(run.client)->message);
        }
    }
}

#define CLOCK_TICK_MS 50

static void on_clock(uv_timer_t *clock)
{
    int64_t now_ns = bench_now_ns();

    (void)clock;
    if (!bench_window_tick(&run.window, &run.hist, 0, now_ns, now_ns)) {
        close_client();
    }
}

static void note_failure(const char *what, const char *why)
{
    /* The first one is worth reading; a thousand are not. */
    if (run.hist.errors++ == 0) {
        fprintf(stderr, "bench_find: %s: %s\n", what, why);
    }
}

static bool has_id(const bson_t *doc, int64_t id)
{
    bson_iter_t it;

    return doc != NULL && bson_iter_init_find(&it, doc, "_id") && BSON_ITER_HOLDS_INT64(&it) &&
           bson_iter_int64(&it) == id;
}

static void start_operation(slot_t *slot, int64_t now_ns);

/* An operation of `ops` documents has ended. */
static void end_operation(slot_t *slot, uint64_t ops)
{
    int64_t now_ns = bench_now_ns();

    if (bench_window_tick(&run.window, &run.hist, ops, slot->start_ns, now_ns)) {
        start_operation(slot, now_ns);
    } else {
        close_client();
    }
}

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *doc, void *data)
{
    slot_t *slot = data;
    uint64_t ops = 1;

    (void)op;
    if (run.closing) {
        return;
    }
    if (error != NULL || !has_id(doc, slot->id)) {
        note_failure("find", error != NULL ? error->message : "another _id than the one asked for");
        ops = 0;
    }
    end_operation(slot, ops);
}

static void start_find(slot_t *slot)
{
    bson_t filter = BSON_INITIALIZER;

    slot->id = ++run.last_id;
    (void)bson_append_int64(&filter, "_id", 3, slot->id);
    if (muv_collection_find_one(run.docs, &filter, NULL, on_found, slot, NULL) != 0) {
        fail("find", muv_client_refusal(run.client)->message);
    }
}

/* --- cursors -------------------------------------------------------------------------------- */

static void end_cursor(slot_t *slot, const muv_error_t *error)
{
    uint64_t ops = slot->seen;

    muv_cursor_close(slot->cursor);
    slot->cursor = NULL;
    if (run.closing) {
        return;
    }
    if (error != NULL || ops != BENCH_CURSOR_DOCS) {
        note_failure("cursor", error != NULL ? error->message : "another number of documents");
        ops = 0;
    }
    end_operation(slot, ops);
}

static int on_document(muv_op_t *op, const bson_t *doc, void *data)
{
    slot_t *slot = data;
    bson_iter_t it;

    (void)op;
    if (!bson_iter_init_find(&it, doc, "_id") || bson_iter_as_int64(&it) < 0) {
        return MUV_STOP;
    }
    slot->seen++;
    return MUV_CONTINUE;
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    end_cursor(data, error);
}

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    slot_t *slot = data;

    (void)op;
    slot->cursor = cursor;
    if (error != NULL) {
        end_cursor(slot, error);
    } else if (muv_cursor_each(cursor, NULL, on_document, on_end, slot, NULL) != 0) {
        end_cursor(slot, muv_client_refusal(run.client));
    }
}

static void start_cursor(slot_t *slot)
{
    bson_t filter = BSON_INITIALIZER;

    slot->seen = 0;
    (void)bson_append_int32(&filter, "many", 4, BENCH_CURSOR_DOCS);
    if (muv_collection_find(run.docs, &filter, NULL, on_cursor, slot, NULL) != 0) {
        fail("cursor", muv_client_refusal(run.client)->message);
    }
}

/* --- inserts -------------------------------------------------------------------------------- */

static void on_inserted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                        void *data)
{
    (void)op;
    if (run.closing) {
        return;
    }
    if (error != NULL || result->inserted_count != BENCH_INSERT_DOCS) {
        note_failure("insert", error != NULL ? error->message : "not all documents were inserted");
        end_operation(data, 0);
        return;
    }
    end_operation(data, BENCH_INSERT_DOCS);
}

static void start_insert(slot_t *slot)
{
    slot->id = run.last_id;
    run.last_id += BENCH_INSERT_DOCS;
    if (bench_insert_start(&slot->insert, run.docs, slot->id, on_inserted, slot) != 0) {
        fail("insert", muv_client_refusal(run.client)->message);
    }
}

static void start_operation(slot_t *slot, int64_t now_ns)
{
    slot->start_ns = now_ns;
    switch (run.mode) {
    case BENCH_INSERT: start_insert(slot); break;
    case BENCH_CURSOR: start_cursor(slot); break;
    default: start_find(slot); break;
    }
}

/* --- life ----------------------------------------------------------------------------------- */

static void open_client(const bench_args_t *args)
{
    char uri[512];
    muv_error_t error;

    (void)snprintf(uri, sizeof uri, "mongodb://%s:%u/?directConnection=true&maxPoolSize=%zu",
                   args->host, (unsigned)args->port, args->pool);
    if (muv_client_new(&run.loop, uri, NULL, &error, &run.client) != 0) {
        fail(uri, error.message);
    }
    if (muv_collection_new(run.client, "perf", "docs", NULL, &run.docs) != 0) {
        fail("perf.docs", muv_client_refusal(run.client)->message);
    }
}

int main(int argc, char **argv)
{
    bench_args_t args;
    const char *turns = getenv("PERF_TURNS");

    bench_args_read(&args, argc, argv);
    run.mode = args.mode;
    slot_t *slots = calloc(args.concurrency, sizeof *slots);
    if (slots == NULL || uv_loop_init(&run.loop) != 0) {
        fail("start", "out of memory");
    }
    open_client(&args);
    bench_window_init(&run.window, &args);
    run.measures_turns = turns != NULL && strcmp(turns, "1") == 0;
    if (run.measures_turns) {
        begin_measuring_turns();
    }
    if (uv_timer_init(&run.loop, &run.clock) != 0 ||
        uv_timer_start(&run.clock, on_clock, CLOCK_TICK_MS, CLOCK_TICK_MS) != 0) {
        fail("loop", "no timer");
    }
    for (size_t i = 0; slots != NULL && i < args.concurrency; i++) {
        start_operation(&slots[i], bench_now_ns());
    }
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&run.loop) != 0) {
        note_failure("close", "the client left handles on the loop");
    }
    free(slots);
    return bench_window_report(&run.window, &run.hist);
}
