/* SPDX-License-Identifier: Apache-2.0 */
/* What many handshakes at once do to the loop:
 *
 *     [PERF_WARMUP=S] [PERF_SECONDS=S] bench_storm URI [HANDSHAKES [FINDERS]]
 *
 * One client keeps FINDERS (4) finds in flight on connections that it has. After a calm time a
 * second client of the same loop, whose pool is empty, is given HANDSHAKES (200) finds, and may
 * open as many connections at once. What that means (TLS, SCRAM) says the URI. The JSON object on
 * the last line tells of both times the longest turn of the loop in CPU time of its thread (what
 * waits in the kernel is not in it), and how long the finds of the first client took.
 */
#include "bench_common.h"

#include <muv.h>

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000
#define TICK_MS 5

typedef enum phase { WARMING, CALM, STORM, ENDING } phase_t;

/* What was seen in one phase. */
typedef struct seen {
    bench_hist_t finds;
    int64_t wall_ns;
    int64_t cpu_ns;
    int64_t longest_turn_ns;
    uint64_t long_turns; /* Above one millisecond. */
} seen_t;

typedef struct finder {
    int64_t start_ns;
} finder_t;

static struct {
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_timer_t clock;
    int64_t turn_start_cpu_ns;
    phase_t phase;
    int64_t phase_start_ns;
    int64_t phase_start_cpu_ns;
    seen_t calm;
    seen_t storm;
    seen_t warming; /* Looked at by nobody. */
    muv_client_t *finder_client;
    muv_collection_t *finder_docs;
    muv_client_t *storm_client;
    muv_collection_t *storm_docs;
    size_t handshakes;
    size_t storm_left;
    uint64_t connections; /* That the second client opened. */
    int64_t warmup_ns;
    int64_t calm_ns;
    uint64_t errors;
} run;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_storm: %s: %s\n", what, why);
    exit(1);
}

static void note_failure(const char *what, const char *why)
{
    if (run.errors++ == 0) {
        fprintf(stderr, "bench_storm: %s: %s\n", what, why);
    }
}

static seen_t *seen_now(void)
{
    switch (run.phase) {
    case CALM: return &run.calm;
    case STORM: return &run.storm;
    case WARMING:
    case ENDING:
    default: return &run.warming;
    }
}

/* --- phases --------------------------------------------------------------------------------- */

static void enter(phase_t phase)
{
    int64_t now_ns = bench_now_ns();
    int64_t cpu_ns = bench_thread_cpu_ns();

    seen_now()->wall_ns = now_ns - run.phase_start_ns;
    seen_now()->cpu_ns = cpu_ns - run.phase_start_cpu_ns;
    run.phase = phase;
    run.phase_start_ns = now_ns;
    run.phase_start_cpu_ns = cpu_ns;
}

/* From one poll to the next; the poll's own CPU time is in it, its waiting is not. */
static void on_prepare(uv_prepare_t *prepare)
{
    int64_t now_ns = bench_thread_cpu_ns();
    int64_t turn_ns = now_ns - run.turn_start_cpu_ns;
    seen_t *seen = seen_now();

    (void)prepare;
    run.turn_start_cpu_ns = now_ns;
    if (turn_ns > seen->longest_turn_ns) {
        seen->longest_turn_ns = turn_ns;
    }
    seen->long_turns += turn_ns > MS_NS;
}

static void on_storm_closed(void *data)
{
    (void)data;
    uv_close((uv_handle_t *)&run.clock, NULL);
    uv_close((uv_handle_t *)&run.prepare, NULL);
}

static void on_finder_closed(void *data)
{
    (void)data;
    if (muv_client_close(run.storm_client, MUV_CLOSE_ABORT, on_storm_closed, NULL) != 0) {
        fail("close", muv_client_refusal(run.storm_client)->message);
    }
}

static void end_run(void)
{
    enter(ENDING);
    muv_collection_free(run.finder_docs);
    muv_collection_free(run.storm_docs);
    if (muv_client_close(run.finder_client, MUV_CLOSE_ABORT, on_finder_closed, NULL) != 0) {
        fail("close", muv_client_refusal(run.finder_client)->message);
    }
}

static void start_storm(void);

static void on_clock(uv_timer_t *clock)
{
    int64_t passed_ns = bench_now_ns() - run.phase_start_ns;
    muv_client_stats_t stats;

    (void)clock;
    if (run.phase == WARMING && passed_ns >= run.warmup_ns) {
        enter(CALM);
    } else if (run.phase == CALM && passed_ns >= run.calm_ns) {
        enter(STORM);
        start_storm();
    } else if (run.phase == STORM && run.storm_left == 0) {
        /* The finds are done; those connections that were late for them are waited for, too. */
        muv_client_get_stats(run.storm_client, &stats);
        run.connections = stats.connections_created;
        if (stats.connections_pending == 0) {
            end_run();
        }
    }
}

/* --- the storm ------------------------------------------------------------------------------ */

static void on_storm_found(muv_op_t *op, const muv_error_t *error, const bson_t *doc, void *data)
{
    (void)op;
    (void)doc;
    (void)data;
    run.storm_left--;
    if (error != NULL) {
        note_failure("a find of the storm", error->message);
    }
}

static void start_storm(void)
{
    run.storm_left = run.handshakes;
    for (size_t i = 0; i < run.handshakes; i++) {
        if (muv_collection_find_one(run.storm_docs, NULL, NULL, on_storm_found, NULL, NULL) != 0) {
            fail("find", muv_client_refusal(run.storm_client)->message);
        }
    }
}

/* --- those who go on ------------------------------------------------------------------------ */

static void start_find(finder_t *finder);

static void on_found(muv_op_t *op, const muv_error_t *error, const bson_t *doc, void *data)
{
    finder_t *finder = data;

    (void)op;
    (void)doc;
    if (run.phase == ENDING) {
        return;
    }
    if (error != NULL) {
        note_failure("find", error->message);
    }
    bench_hist_add(&seen_now()->finds, bench_now_ns() - finder->start_ns);
    seen_now()->finds.ops++;
    start_find(finder);
}

static void start_find(finder_t *finder)
{
    finder->start_ns = bench_now_ns();
    if (muv_collection_find_one(run.finder_docs, NULL, NULL, on_found, finder, NULL) != 0) {
        fail("find", muv_client_refusal(run.finder_client)->message);
    }
}

/* --- life ----------------------------------------------------------------------------------- */

static muv_client_t *open_client(const char *uri, size_t pool, muv_collection_t **ret_docs)
{
    muv_client_opts_t opts = {.max_pool_size = (int32_t)pool, .max_connecting = (int32_t)pool};
    muv_client_t *client = NULL;
    muv_error_t error;

    if (muv_client_new(&run.loop, uri, &opts, &error, &client) != 0) {
        fail("the client", error.message);
    }
    if (muv_collection_new(client, "perf", "docs", NULL, ret_docs) != 0) {
        fail("perf.docs", muv_client_refusal(client)->message);
    }
    return client;
}

static void on_known(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    (void)data;
    if (error != NULL) {
        fail("connect", error->message);
    }
}

static void begin(const char *uri, size_t finders)
{
    if (uv_loop_init(&run.loop) != 0 || uv_prepare_init(&run.loop, &run.prepare) != 0 ||
        uv_prepare_start(&run.prepare, on_prepare) != 0 ||
        uv_timer_init(&run.loop, &run.clock) != 0 ||
        uv_timer_start(&run.clock, on_clock, TICK_MS, TICK_MS) != 0) {
        fail("loop", "no handles");
    }
    run.finder_client = open_client(uri, finders, &run.finder_docs);
    run.storm_client = open_client(uri, run.handshakes, &run.storm_docs);
    /* Its monitor may be there before; its pool is empty. */
    if (muv_client_connect(run.storm_client, NULL, on_known, NULL, NULL) != 0) {
        fail("connect", muv_client_refusal(run.storm_client)->message);
    }
    run.phase_start_ns = bench_now_ns();
    run.phase_start_cpu_ns = run.turn_start_cpu_ns = bench_thread_cpu_ns();
}

static void print_seen(const char *name, const seen_t *seen)
{
    printf("\"%s\": {\"ms\": %.1f, \"cpu_ms\": %.1f, \"longest_turn_cpu_us\": %.1f, "
           "\"turns_above_1_ms\": %llu, \"finds\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"max_us\": %.1f}",
           name, (double)seen->wall_ns / 1e6, (double)seen->cpu_ns / 1e6,
           (double)seen->longest_turn_ns / 1e3, (unsigned long long)seen->long_turns,
           (unsigned long long)seen->finds.ops, bench_hist_percentile_us(&seen->finds, 0.50),
           bench_hist_percentile_us(&seen->finds, 0.99),
           bench_hist_percentile_us(&seen->finds, 1.0));
}

static size_t read_count(const char *text)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || v < 1 || v > 10000) {
        fail(text, "is no number of 1 to 10000");
    }
    return v;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: [PERF_WARMUP=S] [PERF_SECONDS=S] bench_storm URI [HANDSHAKES "
                        "[FINDERS]]\n");
        return 2;
    }
    size_t finders = argc > 3 ? read_count(argv[3]) : 4;
    finder_t *finder = calloc(finders, sizeof *finder);
    run.handshakes = argc > 2 ? read_count(argv[2]) : 200;
    run.warmup_ns = bench_read_seconds(argv[0], "PERF_WARMUP", 0.5);
    run.calm_ns = bench_read_seconds(argv[0], "PERF_SECONDS", 1.0);
    begin(argv[1], finders);
    for (size_t i = 0; finder != NULL && i < finders; i++) {
        start_find(&finder[i]);
    }
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&run.loop) != 0) {
        note_failure("close", "a client left handles on the loop");
    }
    free(finder);
    printf("{\"connections\": %llu, \"errors\": %llu, ", (unsigned long long)run.connections,
           (unsigned long long)run.errors);
    print_seen("calm", &run.calm);
    printf(", ");
    print_seen("storm", &run.storm);
    printf("}\n");
    return run.errors == 0 && run.connections >= run.handshakes ? 0 : 1;
}
