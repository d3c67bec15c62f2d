/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says. */
#ifndef BOARD_OPTIONS_H
#define BOARD_OPTIONS_H

#include <stdint.h>

typedef struct options {
    const char *uri;
    const char *host;    /* An IPv4 address. */
    int port;            /* 0: a free one. */
    int workers;         /* 0: this process answers itself. */
    int32_t max_waiting; /* Operations that wait for a connection; 0: libmuv's default. */
    int64_t timeout_ms;
    int64_t grace_ms; /* A stop that takes longer is cut short. */
} options_t;

#endif
