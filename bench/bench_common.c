/* SPDX-License-Identifier: Apache-2.0 */
/* Command line, window, histogram and report of the client programs; see bench_common.h. */
#include "bench_common.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static void usage(const char *program)
{
    fprintf(stderr,
            "usage: [PERF_WARMUP=S] [PERF_SECONDS=S] %s HOST PORT CONCURRENCY TOTAL POOL "
            "[find|insert|cursor]\n",
            program);
    exit(2);
}

static uint64_t read_number(const char *program, const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    unsigned long long v = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || v < min || v > max) {
        fprintf(stderr, "%s: bad number '%s'\n", program, text);
        usage(program);
    }
    return v;
}

int64_t bench_read_seconds(const char *program, const char *name, double otherwise)
{
    const char *text = getenv(name);
    double v = otherwise;

    if (text != NULL && *text != '\0') {
        char *end = NULL;
        v = strtod(text, &end);
        if (*end != '\0' || !(v >= 0 && v < 1e6)) {
            fprintf(stderr, "%s: bad %s '%s'\n", program, name, text);
            exit(2);
        }
    }
    return (int64_t)(v * 1e9);
}

void bench_args_read(bench_args_t *args, int argc, char **argv)
{
    static const char *const modes[] = {"find", "insert", "cursor"};
    const char *mode = argc == 7 ? argv[6] : "find";

    if (argc < 6 || argc > 7) {
        usage(argv[0]);
    }
    args->host = argv[1];
    args->port = (uint16_t)read_number(argv[0], argv[2], 1, 65535);
    args->concurrency = (size_t)read_number(argv[0], argv[3], 1, 1000000);
    args->total = read_number(argv[0], argv[4], 0, UINT64_MAX);
    args->pool = (size_t)read_number(argv[0], argv[5], 1, 100000);
    args->warmup_ns = bench_read_seconds(argv[0], "PERF_WARMUP", 1.0);
    args->run_ns = bench_read_seconds(argv[0], "PERF_SECONDS", 5.0);
    for (int i = 0; i < 3; i++) {
        if (strcmp(mode, modes[i]) == 0) {
            args->mode = i;
            return;
        }
    }
    usage(argv[0]);
}

/* --- clocks --------------------------------------------------------------------------------- */

static int64_t read_clock(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t bench_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t bench_cpu_ns(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

/* --- histogram ------------------------------------------------------------------------------ */

static unsigned top_bit(uint64_t v)
{
    unsigned bit = 0;

    for (unsigned step = 32; step > 0; step /= 2) {
        if (v >> step != 0) {
            v >>= step;
            bit += step;
        }
    }
    return bit;
}

/* Below 128 ns a slot is one nanosecond; above, a 128th of its power of two. */
static size_t slot_of(uint64_t v)
{
    if (v < BENCH_HIST_STEPS) {
        return (size_t)v;
    }
    unsigned shift = top_bit(v) - 7;
    return (size_t)shift * BENCH_HIST_STEPS + (size_t)(v >> shift);
}

static double middle_of(size_t slot)
{
    if (slot < (size_t)2 * BENCH_HIST_STEPS) {
        return (double)slot;
    }
    size_t shift = slot / BENCH_HIST_STEPS - 1;
    size_t step = slot % BENCH_HIST_STEPS + BENCH_HIST_STEPS;
    return ((double)step + 0.5) * (double)((uint64_t)1 << shift);
}

void bench_hist_add(bench_hist_t *hist, int64_t latency_ns)
{
    size_t slot = slot_of(latency_ns > 0 ? (uint64_t)latency_ns : 0);

    hist->slots[slot < BENCH_HIST_SLOTS ? slot : BENCH_HIST_SLOTS - 1]++;
}

void bench_hist_merge(bench_hist_t *into, const bench_hist_t *from)
{
    into->ops += from->ops;
    into->errors += from->errors;
    for (size_t i = 0; i < BENCH_HIST_SLOTS; i++) {
        into->slots[i] += from->slots[i];
    }
}

double bench_hist_percentile_us(const bench_hist_t *hist, double share)
{
    uint64_t count = 0;
    uint64_t seen = 0;

    for (size_t i = 0; i < BENCH_HIST_SLOTS; i++) {
        count += hist->slots[i];
    }
    for (size_t i = 0; i < BENCH_HIST_SLOTS; i++) {
        seen += hist->slots[i];
        if (seen > 0 && (double)seen >= share * (double)count) {
            return middle_of(i) / 1000.0;
        }
    }
    return 0;
}

/* --- what the process holds ----------------------------------------------------------------- */

static void read_status(size_t *ret_threads, size_t *ret_rss_kb)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "Threads:", 8) == 0) {
            *ret_threads = (size_t)strtoull(line + 8, NULL, 10);
        } else if (strncmp(line, "VmRSS:", 6) == 0) {
            *ret_rss_kb = (size_t)strtoull(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

static bool is_connected_to(int fd, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer;
    socklen_t len = sizeof peer;

    if (getpeername(fd, &peer.any, &len) != 0) {
        return false;
    }
    return (peer.any.sa_family == AF_INET && ntohs(peer.v4.sin_port) == port) ||
           (peer.any.sa_family == AF_INET6 && ntohs(peer.v6.sin6_port) == port);
}

static size_t count_conns(uint16_t port)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry = NULL;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' &&
            is_connected_to((int)strtol(entry->d_name, NULL, 10), port)) {
            count++;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

/* --- window --------------------------------------------------------------------------------- */

/* bench/count_malloc.c, when it is preloaded, has these two. They are looked up beforehand, because
 * looking up allocates. */
static struct {
    void (*begin)(uint64_t ops);
    void (*end)(uint64_t ops);
} malloc_counter;

static void find_malloc_counter(void)
{
    void *program = dlopen(NULL, RTLD_NOW);

    if (program != NULL) {
        *(void **)(&malloc_counter.begin) = dlsym(program, "bench_malloc_begin");
        *(void **)(&malloc_counter.end) = dlsym(program, "bench_malloc_end");
        (void)dlclose(program);
    }
}

void bench_window_init(bench_window_t *window, const bench_args_t *args)
{
    *window = (bench_window_t){.args = *args, .longest_turn_ns = -1};
    find_malloc_counter();
    window->warm_at_ns = bench_now_ns() + args->warmup_ns;
}

void bench_window_open(bench_window_t *window, int64_t now_ns)
{
    window->open = true;
    window->open_ns = now_ns;
    window->end_ns = now_ns + window->args.run_ns;
    if (window->longest_turn_ns > 0) {
        window->longest_turn_ns = 0;
    }
    window->open_cpu_ns = bench_cpu_ns();
    if (malloc_counter.begin != NULL) {
        malloc_counter.begin(0);
    }
}

void bench_window_shut(bench_window_t *window, uint64_t ops, int64_t now_ns)
{
    window->shut_cpu_ns = bench_cpu_ns();
    window->shut = true;
    window->shut_ns = now_ns;
    if (malloc_counter.end != NULL) {
        malloc_counter.end(ops);
    }
    read_status(&window->threads, &window->rss_kb);
    window->conns = count_conns(window->args.port);
}

bool bench_window_tick(bench_window_t *window, bench_hist_t *hist, uint64_t ops, int64_t start_ns,
                       int64_t now_ns)
{
    if (window->shut) {
        return false;
    }
    if (!window->open) {
        if (now_ns >= window->warm_at_ns) {
            bench_window_open(window, now_ns);
        }
        return true;
    }
    if (ops > 0) {
        hist->ops += ops;
        bench_hist_add(hist, now_ns - start_ns);
    }
    bool enough = window->args.total > 0 && hist->ops >= window->args.total;
    if (enough || now_ns >= window->end_ns) {
        bench_window_shut(window, hist->ops, now_ns);
        return false;
    }
    return true;
}

int bench_window_report(const bench_window_t *window, const bench_hist_t *hist)
{
    double seconds = (double)(window->shut_ns - window->open_ns) / 1e9;
    double cpu_us = (double)(window->shut_cpu_ns - window->open_cpu_ns) / 1e3;
    double ops = (double)hist->ops;

    printf("{\"ops_per_s\": %.0f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"cpu_us_per_op\": %.4f, "
           "\"rss_kb\": %zu, \"threads\": %zu, \"conns\": %zu, \"ops\": %llu, \"errors\": %llu",
           seconds > 0 ? ops / seconds : 0.0, bench_hist_percentile_us(hist, 0.50),
           bench_hist_percentile_us(hist, 0.99), ops > 0 ? cpu_us / ops : 0.0, window->rss_kb,
           window->threads, window->conns, (unsigned long long)hist->ops,
           (unsigned long long)hist->errors);
    if (window->longest_turn_ns >= 0) {
        printf(", \"longest_turn_cpu_us\": %.1f", (double)window->longest_turn_ns / 1e3);
    }
    printf("}\n");
    return hist->ops > 0 && hist->errors == 0 ? 0 : 1;
}
