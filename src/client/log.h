/* SPDX-License-Identifier: Apache-2.0 */
/* A client's log: which records become messages, and where these go. Served by the queue of events,
 * with its order, its limit and its moment of delivery. */
#ifndef MUV__CLIENT_LOG_H
#define MUV__CLIENT_LOG_H

#include "base/buf.h"
#include "base/log.h"
#include "client/events.h"
#include "net/net.h"

/* Bytes of a message's data; documents inside are cut by their own limit. */
#define MUV__LOG_MAX_MESSAGE_BYTES (256 * 1024 * 1024)

typedef struct muv__log {
    muv__log_config_t config;
    muv_log_cb cb;       /* NULL: lines to `out`. */
    void *data;          /* Of `cb`. */
    muv__net_log_t *out; /* NULL with a callback. */
    muv__buf_t message;  /* The data of the message being told. */
    muv__buf_t text;     /* Of a document in it, or its line. */
    char topology_id[25];
} muv__log_t;

/* The log that the environment and `opts` (or NULL) ask for; `*ret` is NULL when that is none.
 * Returns 0, MUV_EINVAL or MUV_ENOMEM with `reterr` filled. */
int muv__log_new(const muv_log_opts_t *opts, muv_error_t *reterr, muv__log_t **ret);

/* NULL is allowed. */
void muv__log_free(muv__log_t *log);

/* Does a record of this type (MUV_EVENT_*, MUV__EVENT_*) become a message? */
int muv__log_tells(const muv__log_t *log, int type);

/* Make the message of a record and hand it out. */
void muv__log_tell(muv_client_t *client, const muv__event_t *event);

/* Lines are gathered until this. */
void muv__log_flush(muv__log_t *log);

/* --- log_text.c --------------------------------------------------------------------------------*/

typedef struct muv__log_row {
    int8_t level; /* 0: no message is made of this type. */
    int8_t component;
    const char *text;
} muv__log_row_t;

const muv__log_row_t *muv__log_row(int type);

/* Write the data of a record's message to `log->message`. Failures stick there. */
void muv__log_write_data(muv_client_t *client, const muv__event_t *event);

#endif
