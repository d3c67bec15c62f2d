/* SPDX-License-Identifier: Apache-2.0 */
/* What a threaded program does today: libmongoc's client pool, and one thread for each operation in
 * flight, at most PERF_THREADS (64) of them.
 */
#include "bench_mongoc_ops.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WARMING, MEASURING, OVER };

typedef struct {
    pthread_t thread;
    bench_hist_t hist;
} worker_t;

static struct {
    bench_window_t window;
    mongoc_client_pool_t *pool;
    worker_t *workers;
    size_t worker_count;
    atomic_int phase;
    atomic_uint_fast64_t measured; /* Only counted when there is a TOTAL. */
    atomic_int_fast64_t last_id;
} run;

static void *work(void *data)
{
    worker_t *worker = data;
    const bench_args_t *args = &run.window.args;

    while (atomic_load(&run.phase) != OVER) {
        int64_t start_ns = bench_now_ns();
        uint64_t ops = bench_mongoc_op(run.pool, args->mode, atomic_fetch_add(&run.last_id, 1) + 1);
        int phase = atomic_load(&run.phase);
        if (ops == 0) {
            worker->hist.errors++;
        } else if (phase == MEASURING) {
            worker->hist.ops += ops;
            bench_hist_add(&worker->hist, bench_now_ns() - start_ns);
            if (args->total > 0 && atomic_fetch_add(&run.measured, ops) + ops >= args->total) {
                atomic_store(&run.phase, OVER);
            }
        }
    }
    return NULL;
}

static void sleep_ns(int64_t ns)
{
    struct timespec ts = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    (void)nanosleep(&ts, NULL);
}

static void wait_for_end(void)
{
    const bench_args_t *args = &run.window.args;

    if (args->total == 0) {
        sleep_ns(args->run_ns);
        return;
    }
    while (atomic_load(&run.phase) != OVER && bench_now_ns() < run.window.end_ns) {
        sleep_ns(2000000);
    }
}

static void start_workers(void)
{
    for (size_t i = 0; i < run.worker_count; i++) {
        if (pthread_create(&run.workers[i].thread, NULL, work, &run.workers[i]) != 0) {
            fprintf(stderr, "bench_mongoc: no thread\n");
            exit(1);
        }
    }
}

/* The window's numbers are read before the threads end: they are part of them. */
static void stop_workers(bench_hist_t *sum)
{
    for (size_t i = 0; i < run.worker_count; i++) {
        sum->ops += run.workers[i].hist.ops;
    }
    bench_window_shut(&run.window, sum->ops, bench_now_ns());
    sum->ops = 0;
    atomic_store(&run.phase, OVER);
    for (size_t i = 0; i < run.worker_count; i++) {
        (void)pthread_join(run.workers[i].thread, NULL);
        bench_hist_merge(sum, &run.workers[i].hist);
    }
}

int main(int argc, char **argv)
{
    static bench_hist_t sum;
    bench_args_t args;
    const char *text = getenv("PERF_THREADS");
    size_t threads = text != NULL ? (size_t)strtoul(text, NULL, 10) : 64;

    bench_args_read(&args, argc, argv);
    run.pool = bench_mongoc_pool_new(&args);
    run.worker_count = args.concurrency < threads ? args.concurrency : threads;
    run.workers = calloc(run.worker_count, sizeof *run.workers);
    if (run.workers == NULL) {
        fprintf(stderr, "bench_mongoc: no threads\n");
        return 1;
    }
    bench_window_init(&run.window, &args);
    start_workers();
    sleep_ns(args.warmup_ns);
    bench_window_open(&run.window, bench_now_ns());
    atomic_store(&run.phase, MEASURING);
    wait_for_end();
    stop_workers(&sum);
    bench_mongoc_pool_free(run.pool);
    free(run.workers);
    return bench_window_report(&run.window, &sum);
}
