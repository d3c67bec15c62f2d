/* SPDX-License-Identifier: Apache-2.0 */
/* Several workers on one port. They are processes that share nothing: forked before there is a loop
 * or a client, each with a listening socket of its own (SO_REUSEPORT). The parent only looks after
 * them. */
#ifndef BOARD_WORKERS_H
#define BOARD_WORKERS_H

#include "options.h"

/* Run options->workers workers on options->host and `port` until SIGTERM or SIGINT, which is passed
 * on to them. A worker that ends by itself is replaced, at most WORKERS_MAX_RESTARTS times within
 * WORKERS_RESTART_WINDOW_S seconds.
 *
 * on_ready  Called in the parent when all accept requests.
 *
 * Returns the exit code: 0 when all workers ended with 0 after the signal. */
#define WORKERS_MAX 256
#define WORKERS_MAX_RESTARTS 5
#define WORKERS_RESTART_WINDOW_S 60
int workers_run(const options_t *options, int port, void (*on_ready)(void *data), void *data);

#endif
