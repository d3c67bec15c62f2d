/* SPDX-License-Identifier: Apache-2.0 */
/* One worker: one loop, one client, one HTTP server. */
#ifndef BOARD_WORKER_H
#define BOARD_WORKER_H

#include "options.h"

#include <stdbool.h>

/* Answer requests until SIGTERM (or SIGINT, where it is not ignored) has come and every accepted
 * request was answered.
 *
 * fd        [own] A bound socket.
 * indexes   Create the indexes of the models first.
 * on_ready  Called when requests are accepted.
 *
 * Returns the exit code of the process. */
int worker_run(const options_t *options, int fd, bool indexes, void (*on_ready)(void *data),
               void *data);

#endif
