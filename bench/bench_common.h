/* SPDX-License-Identifier: Apache-2.0 */
/* What every client program of the benchmarks shares: the command line
 *
 *     NAME HOST PORT CONCURRENCY TOTAL POOL [find|insert|cursor]
 *
 * (PERF_WARMUP and PERF_SECONDS in the environment), the measured window, the latency histogram,
 * and the JSON object on the last line of output. No event loop and no MongoDB here.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_FIND, BENCH_INSERT, BENCH_CURSOR };

enum {
    BENCH_INSERT_DOCS = 100000, /* Documents of one insert call. */
    BENCH_CURSOR_DOCS = 100000, /* Documents of one cursor. */
    BENCH_DOC_BYTES = 275,
    /* Characters of its filler, which make up the rest. */
    BENCH_DOC_FILLER = 163
};

/* Log-linear: 128 steps for each power of two, so a value is off by 0.4 % at most. */
enum { BENCH_HIST_STEPS = 128, BENCH_HIST_SLOTS = 58 * BENCH_HIST_STEPS };

typedef struct {
    const char *host;
    uint16_t port;
    size_t concurrency;
    uint64_t total; /* 0: until the time is over. */
    size_t pool;
    int mode;
    int64_t warmup_ns;
    int64_t run_ns;
} bench_args_t;

typedef struct {
    uint64_t ops;
    uint64_t errors;
    uint64_t slots[BENCH_HIST_SLOTS];
} bench_hist_t;

/* The measured window of a run. One thread at a time calls into it. */
typedef struct {
    bench_args_t args;
    int64_t warm_at_ns; /* The window opens at the first operation that ends after this. */
    int64_t open_ns;
    int64_t end_ns;
    int64_t shut_ns;
    int64_t open_cpu_ns;
    int64_t shut_cpu_ns;
    int64_t longest_turn_ns; /* Negative: not measured. */
    size_t conns;
    size_t threads;
    size_t rss_kb;
    bool open;
    bool shut;
} bench_window_t;

/* Read the command line and the environment; prints what is wrong and ends the process. */
void bench_args_read(bench_args_t *args, int argc, char **argv);

/* A number of seconds from the environment, in nanoseconds; ends the process when it is none. */
int64_t bench_read_seconds(const char *program, const char *name, double otherwise);

/* Monotonic nanoseconds. */
int64_t bench_now_ns(void);
/* User and system CPU time of the process. */
int64_t bench_cpu_ns(void);
/* CPU time of the calling thread. */
int64_t bench_thread_cpu_ns(void);

void bench_hist_add(bench_hist_t *hist, int64_t latency_ns);
/* The latency that `share` of the operations did not exceed; 0 when there were none. */
double bench_hist_percentile_us(const bench_hist_t *hist, double share);
void bench_hist_merge(bench_hist_t *into, const bench_hist_t *from);

void bench_window_init(bench_window_t *window, const bench_args_t *args);
/* Open and shut by hand, for programs whose main thread only sleeps meanwhile. */
void bench_window_open(bench_window_t *window, int64_t now_ns);
void bench_window_shut(bench_window_t *window, uint64_t ops, int64_t now_ns);
/* Print the JSON line. Returns the exit code: 0, or 1 when there were errors or no operations. */
int bench_window_report(const bench_window_t *window, const bench_hist_t *hist);

/* An operation of `ops` documents (0: it failed) ended at `now_ns`. For single-threaded programs:
 * opens and shuts the window as time passes. Returns false when the run is over and no more is to
 * be started. */
bool bench_window_tick(bench_window_t *window, bench_hist_t *hist, uint64_t ops, int64_t start_ns,
                       int64_t now_ns);

#endif
