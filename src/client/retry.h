/* SPDX-License-Identifier: Apache-2.0 */
/* Retrying carried out: what an operation remembers of failed attempts, and the error that it tells
 * in the end. The rules are op/retry.h's. */
#ifndef MUV__CLIENT_RETRY_H
#define MUV__CLIENT_RETRY_H

#include "client/operation.h"

#include "topology/snapshot.h"

/* Servers that failed, to be passed over when another one suits. The latest are kept. */
#define MUV__TRIED_SERVERS 8

typedef struct muv__tried {
    muv_error_t error;     /* To be told unless a later one says more. */
    uint8_t shows_attempt; /* It shows that the server tried to write. */
    uint8_t next;          /* Where in `servers` the next one goes. */
    uint8_t count;
    muv__chunk_t *chunk; /* Of the error's reply; counted, or NULL. */
    muv__topology_server_t *servers[MUV__TRIED_SERVERS]; /* Counted. */
} muv__tried_t;

/* `event` has ended an attempt with `op->error`: set `op->machine.again`, and when nothing follows
 * make `op->error` the one to be told. */
void muv__op_judge(muv_op_t *op, muv__op_event_t event);

/* The labels of a write concern's error with `code` that the server should have sent but is too old
 * for (Retryable Writes: not of a mongos). */
uint32_t muv__op_concern_labels(const muv_op_t *op, int32_t code);

/* Let go of what belonged to the attempt that has failed. */
void muv__op_retry(muv_op_t *op);

/* Have the operation's connection log in again and forget the reply that asked for it; ON_LOGGED_IN
 * or ON_BROKEN follows, ON_BROKEN perhaps inside. */
void muv__op_log_in_again(muv_op_t *op);

/* Wait before the next attempt; ON_DUE follows. */
void muv__op_back_off(muv_op_t *op);

/* (CSOT: MaxTimeMSExpired is a timeout wherever in the reply it stands.) `error` keeps the code. */
void muv__op_translate_timeout(const muv_op_t *op, muv_error_t *error);

/* The timeout's error names the one before it. */
void muv__tried_tell(muv_op_t *op);

void muv__tried_free(muv_op_t *op);

#endif
