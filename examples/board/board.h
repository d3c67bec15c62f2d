/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes of one worker share. */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

#include "http.h"
#include "watch.h"

#include <muv.h>
#include <muv/odm.h>

typedef struct board {
    http_t http;
    watch_t watch;
    muv_client_t *client;
    muv_registry_t *registry;
    muv_mapper_t *mapper;
    int64_t timeout_ms;  /* The deadline of a request. */
    uint64_t requests;   /* Ever. */
    uint64_t commands;   /* Sent to the database: connections that were checked out. */
    uint64_t cancelled;  /* Requests whose client has gone. */
    uint64_t started_ms; /* On the loop's clock. */
} board_t;

#endif
