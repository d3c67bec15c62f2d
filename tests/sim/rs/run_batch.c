/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds are taken one by one from a counter in shared memory by as many processes as there are
 * processors, so that a crash costs its seed only: the parent says which it was and starts the
 * process anew. */
#include "run_batch.h"

#include "support/check.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_JOBS = 64, MAX_FAILED = 200 };

/* So many seconds of a processor are a hang, for a seed of two virtual minutes. */
enum { SEED_SECONDS = 60 };

typedef struct job {
    uint64_t seed; /* Under way. */
    bool busy;
    run_figures_t figures;
} job_t;

typedef struct board {
    _Atomic uint64_t taken;
    _Atomic uint32_t failed_count;
    uint64_t failed[MAX_FAILED];
    job_t jobs[MAX_JOBS];
} board_t;

/* --- figures -----------------------------------------------------------------------------------*/

static void add_figures(run_figures_t *sum, const run_figures_t *more)
{
    sum->seeds += more->seeds;
    sum->failed += more->failed;
    sum->virtual_us += more->virtual_us;
    sum->operations += more->operations;
    sum->succeeded += more->succeeded;
    sum->in_doubt += more->in_doubt;
    sum->cancelled += more->cancelled;
    sum->timed_out += more->timed_out;
    sum->other_errors += more->other_errors;
    sum->reads_checked += more->reads_checked;
    sum->walks_checked += more->walks_checked;
    sum->entries += more->entries;
    sum->rolled_back += more->rolled_back;
    sum->repeated += more->repeated;
    sum->elections += more->elections;
    sum->failures += more->failures;
    sum->freezes += more->freezes;
    sum->replaced += more->replaced;
    for (unsigned i = 0; i < RS_FAULTS; i++) {
        sum->faults[i] += more->faults[i];
    }
    sum->digest += more->digest;
    sum->recovery_us = sum->recovery_us > more->recovery_us ? sum->recovery_us : more->recovery_us;
}

static void print_figures(const run_figures_t *sum, double wall_s)
{
    uint64_t faults = sum->failures + sum->freezes + sum->replaced;

    (void)printf("%" PRIu64 " seeds, %.1f virtual hours in %.1f s\n", sum->seeds,
                 (double)sum->virtual_us / 3.6e9, wall_s);
    (void)printf("operations: %" PRIu64 " (%" PRIu64 " succeeded, %" PRIu64 " in doubt, %" PRIu64
                 " cancelled, %" PRIu64 " timed out, %" PRIu64 " other errors)\n",
                 sum->operations, sum->succeeded, sum->in_doubt, sum->cancelled, sum->timed_out,
                 sum->other_errors);
    (void)printf("checked: %" PRIu64 " writes in the history (%" PRIu64 " rolled back, %" PRIu64
                 " retries answered from memory), %" PRIu64 " reads, %" PRIu64 " whole cursors\n",
                 sum->entries, sum->rolled_back, sum->repeated, sum->reads_checked,
                 sum->walks_checked);
    (void)printf("faults:");
    for (unsigned i = 0; i < RS_FAULTS; i++) {
        (void)printf(" %s %" PRIu64 ",", rs_fault_name((rs_fault_t)i), sum->faults[i]);
        faults += sum->faults[i];
    }
    (void)printf(" failed commands %" PRIu64 ", freezes %" PRIu64 ", closed clients %" PRIu64
                 "; %" PRIu64 " in all, %" PRIu64 " elections\n",
                 sum->failures, sum->freezes, sum->replaced, faults, sum->elections);
    (void)printf("longest recovery: %.1f s; digest %016" PRIx64 "\n",
                 (double)sum->recovery_us / 1e6, sum->digest);
}

/* --- processes ---------------------------------------------------------------------------------*/

static board_t *open_board(void)
{
    void *memory =
        mmap(NULL, sizeof(board_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return memory;
}

static void note_failed(board_t *board, uint64_t seed)
{
    uint32_t at = atomic_fetch_add(&board->failed_count, 1);

    if (at < MAX_FAILED) {
        board->failed[at] = seed;
    }
}

/* What one process does until no seed is left. */
static void work(board_t *board, job_t *job, const run_batch_t *batch)
{
    unsigned seconds = SEED_SECONDS * (1 + (unsigned)(batch->duration_us / (120 * SIM_SECOND)));
    uint64_t taken = atomic_fetch_add(&board->taken, 1);

    while (taken < batch->count) {
        run_opts_t opts = {.seed = batch->first + taken,
                           .duration_us = batch->duration_us,
                           .verbose = getenv("MUV_SIM_VERBOSE") != NULL};
        run_result_t result;

        job->seed = opts.seed;
        job->busy = true;
        (void)alarm(seconds);
        if (!run_seed(&opts, &result)) {
            note_failed(board, opts.seed);
        }
        (void)alarm(0);
        add_figures(&job->figures, &result.figures);
        job->busy = false;
        taken = atomic_fetch_add(&board->taken, 1);
    }
}

static pid_t start(board_t *board, unsigned index, const run_batch_t *batch)
{
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    if (pid == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* A check that fails ends this process. */
        work(board, &board->jobs[index], batch);
        exit(0);
    }
    return pid;
}

/* A process ended otherwise than with success: its seed has failed. */
static void note_end(board_t *board, job_t *job, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        (void)fprintf(stderr, "seed %" PRIu64 ": does not end\n", job->seed);
    } else if (WIFSIGNALED(status)) {
        (void)fprintf(stderr, "seed %" PRIu64 ": %s\n", job->seed, strsignal(WTERMSIG(status)));
    } else {
        (void)fprintf(stderr, "seed %" PRIu64 ": the process ended with %d\n", job->seed,
                      WEXITSTATUS(status));
    }
    note_failed(board, job->seed);
    job->figures.seeds += job->busy;
    job->figures.failed += job->busy;
    job->busy = false;
}

static void run_jobs(board_t *board, unsigned jobs, const run_batch_t *batch)
{
    pid_t pids[MAX_JOBS];
    unsigned running = jobs;

    for (unsigned i = 0; i < jobs; i++) {
        pids[i] = start(board, i, batch);
    }
    while (running != 0) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);

        for (unsigned i = 0; i < jobs; i++) {
            if (pids[i] != ended) {
                continue;
            }
            pids[i] = 0;
            running--;
            if (status != 0) {
                note_end(board, &board->jobs[i], status);
                if (atomic_load(&board->taken) < batch->count) {
                    pids[i] = start(board, i, batch);
                    running++;
                }
            }
        }
    }
}

static void print_failed(const board_t *board, const run_batch_t *batch)
{
    uint32_t count = atomic_load(&board->failed_count);

    for (uint32_t i = 0; i < count && i < MAX_FAILED; i++) {
        (void)printf("failed: seed %" PRIu64 "; again: MUV_SIM_VERBOSE=1 %s seeds 1 %" PRIu64
                     " %lld\n",
                     board->failed[i], batch->program, board->failed[i],
                     (long long)(batch->duration_us / SIM_SECOND));
    }
}

static double wall_seconds(void)
{
    struct timespec now = {0};

    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t run_batch(const run_batch_t *batch)
{
    board_t *board = open_board();
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned jobs = batch->jobs != 0 ? batch->jobs : processors < 1 ? 1 : (unsigned)processors;
    double began_s = wall_seconds();
    run_figures_t sum = {0};
    uint64_t failed;

    jobs = jobs > MAX_JOBS ? MAX_JOBS : jobs;
    run_jobs(board, jobs, batch);
    for (unsigned i = 0; i < jobs; i++) {
        add_figures(&sum, &board->jobs[i].figures);
    }
    print_figures(&sum, wall_seconds() - began_s);
    print_failed(board, batch);
    failed = atomic_load(&board->failed_count);
    (void)munmap(board, sizeof *board);
    return failed;
}
