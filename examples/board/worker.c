/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end of a worker. The end is a chain, each link starting the next one:
 *
 *     SIGTERM ── http_stop() ── last connection closed ── muv_client_close() ── last handle closed
 *                                                                              ── uv_run() returns
 */
#include "worker.h"

#include "board.h"
#include "models.h"
#include "router.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INDEX_TIMEOUT_MS 10000

typedef struct worker {
    board_t board;
    const options_t *options;
    uv_loop_t loop;
    uv_signal_t term;
    uv_signal_t interrupt;
    uv_timer_t grace;
    void (*on_ready)(void *data);
    void *data;
    int fd; /* [own] Until it listens. */
    int exit_code;
} worker_t;

/* --- the end -----------------------------------------------------------------------------------*/

static void on_client_closed(void *data)
{
    worker_t *worker = data;

    http_done(&worker->board.http);
    uv_close((uv_handle_t *)&worker->grace, NULL);
}

static void on_http_stopped(void *data)
{
    board_t *board = data;
    worker_t *worker = (worker_t *)board;

    muv_mapper_free(board->mapper);
    watch_close(&board->watch);
    uv_close((uv_handle_t *)&worker->term, NULL);
    uv_close((uv_handle_t *)&worker->interrupt, NULL);
    (void)muv_client_close(board->client, MUV_CLOSE_DRAIN, on_client_closed, worker);
}

static void on_grace_over(uv_timer_t *timer)
{
    worker_t *worker = timer->data;

    (void)fprintf(stderr, "board: %u connections did not end in time\n",
                  worker->board.http.connection_count);
    _exit(EXIT_FAILURE);
}

static void stop(worker_t *worker)
{
    if (worker->board.http.stopping) {
        return;
    }
    (void)uv_timer_start(&worker->grace, on_grace_over, (uint64_t)worker->options->grace_ms, 0);
    http_stop(&worker->board.http, on_http_stopped);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data);
}

/* --- the start ---------------------------------------------------------------------------------*/

static void listen_now(worker_t *worker)
{
    int fd = worker->fd;
    int code;

    worker->fd = -1;
    code = http_listen(&worker->board.http, fd);
    if (code != 0) {
        (void)fprintf(stderr, "board: cannot listen: %s\n", uv_strerror(code));
        worker->exit_code = EXIT_FAILURE;
        stop(worker);
        return;
    }
    worker->on_ready(worker->data);
}

static void on_indexes(muv_op_t *op, const muv_error_t *error, void *data)
{
    worker_t *worker = data;

    (void)op;
    if (worker->board.http.stopping) {
        return;
    }
    if (error != NULL) {
        (void)fprintf(stderr, "board: the indexes cannot be created: %s\n", error->message);
        worker->exit_code = EXIT_FAILURE;
        stop(worker);
        return;
    }
    listen_now(worker);
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    board_t *board = data;

    if (event->head.type == MUV_EVENT_CHECKED_OUT) {
        board->commands++;
    }
}

/* Registry, client and mapper. Returns 0 or a MUV_E* code. */
static int open_database(worker_t *worker, muv_error_t *reterr)
{
    board_t *board = &worker->board;
    muv_listener_t listener = {.on_pool = on_pool, .data = board};
    muv_client_opts_t opts = {
        .app_name = "board", .max_waiting = worker->options->max_waiting, .listener = &listener};
    const char *database;
    int code = models_registry(reterr, &board->registry);

    if (code != 0) {
        return code;
    }
    code = muv_client_new(&worker->loop, worker->options->uri, &opts, reterr, &board->client);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; muv_client_warning(board->client, i) != NULL; i++) {
        (void)fprintf(stderr, "board: %s\n", muv_client_warning(board->client, i));
    }
    database = muv_client_default_database(board->client) == NULL ? "board" : NULL;
    return muv_mapper_new(board->client, board->registry, database, reterr, &board->mapper);
}

static void start(worker_t *worker, bool indexes)
{
    muv_store_opts_t opts = {.timeout_ms = INDEX_TIMEOUT_MS};
    board_t *board = &worker->board;
    muv_error_t error = {0};

    if (open_database(worker, &error) != 0) {
        (void)fprintf(stderr, "board: %s\n", error.message);
        worker->exit_code = EXIT_FAILURE;
        if (board->client != NULL) {
            (void)muv_client_close(board->client, MUV_CLOSE_ABORT, NULL, NULL);
        }
        return;
    }
    board->timeout_ms = worker->options->timeout_ms;
    http_init(&board->http, &worker->loop, router_dispatch, board);
    watch_init(&board->watch, &worker->loop);
    (void)uv_timer_init(&worker->loop, &worker->grace);
    (void)uv_signal_init(&worker->loop, &worker->term);
    (void)uv_signal_init(&worker->loop, &worker->interrupt);
    worker->grace.data = worker;
    worker->term.data = worker;
    worker->interrupt.data = worker;
    (void)uv_signal_start(&worker->term, on_signal, SIGTERM);
    if (worker->options->workers == 0) {
        (void)uv_signal_start(&worker->interrupt, on_signal, SIGINT);
    }
    board->started_ms = uv_now(&worker->loop);
    if (!indexes) {
        listen_now(worker);
    } else if (muv_ensure_indexes(board->mapper, NULL, &opts, on_indexes, worker, NULL) != 0) {
        (void)fprintf(stderr, "board: %s\n", muv_client_refusal(board->client)->message);
        worker->exit_code = EXIT_FAILURE;
        stop(worker);
    }
}

int worker_run(const options_t *options, int fd, bool indexes, void (*on_ready)(void *data),
               void *data)
{
    worker_t *worker = calloc(1, sizeof(*worker));
    int exit_code;
    int code;

    if (worker == NULL || uv_loop_init(&worker->loop) != 0) {
        free(worker);
        (void)close(fd);
        return EXIT_FAILURE;
    }
    worker->options = options;
    worker->on_ready = on_ready;
    worker->data = data;
    worker->fd = fd;
    start(worker, indexes);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);

    if (worker->fd >= 0) {
        (void)close(worker->fd);
    }
    muv_registry_free(worker->board.registry);
    exit_code = worker->exit_code;
    code = uv_loop_close(&worker->loop);
    if (code != 0) {
        (void)fprintf(stderr, "board: the loop did not end: %s\n", uv_strerror(code));
        exit_code = EXIT_FAILURE;
    }
    free(worker);
    return exit_code;
}
