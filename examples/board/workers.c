/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of the workers; see workers.h. Its signals are blocked but while it waits in ppoll(),
 * so that none falls between a look at the flags and the wait. */
#include "workers.h"

#include "http.h"
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct workers {
    const options_t *options;
    int port;
    int ready[2]; /* A pipe: each worker writes one byte when it accepts requests. */
    pid_t parent;
    pid_t pids[WORKERS_MAX]; /* 0: not running. */
    int running;
    int ready_count;
    bool announced;
    bool stopping;
    int exit_code;
    time_t restarts[WORKERS_MAX_RESTARTS]; /* When; a ring. */
    unsigned restart_index;
    sigset_t old_mask;
} workers_t;

static volatile sig_atomic_t stop_wanted;

static void on_stop_signal(int number)
{
    (void)number;
    stop_wanted = 1;
}

/* It only interrupts ppoll(): children are looked after whenever that returns. */
static void on_child_signal(int number)
{
    (void)number;
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {0};

    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

/* --- in the child ------------------------------------------------------------------------------*/

static void tell_ready(void *data)
{
    int fd = *(int *)data;

    if (write(fd, "r", 1) != 1) {
        (void)fprintf(stderr, "board: the parent is gone\n");
    }
}

/* Never returns. */
static void run_child(workers_t *workers, bool indexes)
{
    int fd;
    int exit_code;

    /* A parent that is killed takes its workers along; it may have been killed already. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != workers->parent) {
        exit(EXIT_FAILURE);
    }
    (void)close(workers->ready[0]);
    handle(SIGCHLD, SIG_DFL);
    handle(SIGTERM, SIG_DFL);
    /* An interrupt at the terminal reaches everybody: the parent passes it on as SIGTERM. */
    handle(SIGINT, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &workers->old_mask, NULL);
    fd = http_bind(workers->options->host, workers->port);
    if (fd < 0) {
        (void)fprintf(stderr, "board: cannot bind: %s\n", uv_strerror(fd));
        exit(EXIT_FAILURE);
    }
    exit_code = worker_run(workers->options, fd, indexes, tell_ready, &workers->ready[1]);
    exit(exit_code);
}

/* --- in the parent -----------------------------------------------------------------------------*/

static void stop_all(workers_t *workers)
{
    workers->stopping = true;
    for (int i = 0; i < workers->options->workers; i++) {
        if (workers->pids[i] != 0) {
            (void)kill(workers->pids[i], SIGTERM);
        }
    }
}

static void give_up(workers_t *workers, const char *why)
{
    (void)fprintf(stderr, "board: %s\n", why);
    workers->exit_code = EXIT_FAILURE;
    stop_all(workers);
}

static void spawn(workers_t *workers, int index, bool indexes)
{
    pid_t pid;

    /* What stdio holds would be written twice. */
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        run_child(workers, indexes);
    }
    if (pid < 0) {
        give_up(workers, "cannot fork");
        return;
    }
    workers->pids[index] = pid;
    workers->running++;
}

/* Count a restart. Returns false when there were too many of late. */
static bool allow_restart(workers_t *workers)
{
    struct timespec now = {0};
    time_t *oldest = &workers->restarts[workers->restart_index];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (*oldest != 0 && now.tv_sec - *oldest < WORKERS_RESTART_WINDOW_S) {
        return false;
    }
    *oldest = now.tv_sec;
    workers->restart_index = (workers->restart_index + 1) % WORKERS_MAX_RESTARTS;
    return true;
}

static void on_child_end(workers_t *workers, int index, int status)
{
    pid_t pid = workers->pids[index];

    workers->pids[index] = 0;
    workers->running--;
    if (workers->stopping) {
        if (status != 0) {
            workers->exit_code = EXIT_FAILURE;
        }
        return;
    }
    (void)fprintf(stderr, "board: worker %d ended with %s %d\n", (int)pid,
                  WIFSIGNALED(status) ? "signal" : "code",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (!workers->announced) {
        give_up(workers, "a worker did not start");
    } else if (!allow_restart(workers)) {
        give_up(workers, "workers end too often");
    } else {
        /* The indexes are there, and the database need not be at this moment. */
        spawn(workers, index, false);
    }
}

static void reap(workers_t *workers)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < workers->options->workers; i++) {
            if (workers->pids[i] == pid) {
                on_child_end(workers, i, status);
                break;
            }
        }
    }
}

static bool read_ready(workers_t *workers)
{
    char bytes[WORKERS_MAX];
    ssize_t size = read(workers->ready[0], bytes, sizeof(bytes));

    workers->ready_count += size > 0 ? (int)size : 0;
    if (workers->announced || workers->ready_count < workers->options->workers) {
        return false;
    }
    workers->announced = true;
    return true;
}

static void look_after(workers_t *workers, void (*on_ready)(void *data), void *data)
{
    while (workers->running > 0) {
        struct pollfd fd = {.fd = workers->ready[0], .events = POLLIN};
        int count = ppoll(&fd, 1, NULL, &workers->old_mask);

        if (count < 0 && errno != EINTR) {
            give_up(workers, "cannot wait");
        }
        if (count > 0 && read_ready(workers)) {
            on_ready(data);
        }
        if (stop_wanted && !workers->stopping) {
            stop_all(workers);
        }
        reap(workers);
    }
}

int workers_run(const options_t *options, int port, void (*on_ready)(void *data), void *data)
{
    workers_t workers = {.options = options, .port = port, .parent = getpid()};
    sigset_t mask;

    if (pipe(workers.ready) != 0) {
        (void)fprintf(stderr, "board: cannot make a pipe\n");
        return EXIT_FAILURE;
    }
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigaddset(&mask, SIGINT);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, &workers.old_mask);
    handle(SIGTERM, on_stop_signal);
    handle(SIGINT, on_stop_signal);
    handle(SIGCHLD, on_child_signal);
    for (int i = 0; i < options->workers && !workers.stopping; i++) {
        spawn(&workers, i, true);
    }
    look_after(&workers, on_ready, data);
    (void)close(workers.ready[0]);
    (void)close(workers.ready[1]);
    return workers.exit_code;
}
