/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a failed attempt: the rules of Retryable Reads, Retryable Writes and Client
 * Backpressure, as functions of the error, the command and what was tried before. */
#ifndef MUV__RETRY_H
#define MUV__RETRY_H

#include <stdint.h>

#include "base/error.h"
#include "op/machine.h"

/* How a command may be repeated. Whatever it is, an overload error with the label RetryableError
 * says that the command was not begun. */
typedef enum muv__retry_kind {
    MUV__RETRY_NONE,
    MUV__RETRY_READ, /* It changes nothing. */
    MUV__RETRY_WRITE /* It has a transaction number, by which servers know it again. */
} muv__retry_kind_t;

/* The client's options. */
typedef struct muv__retry_rules {
    uint32_t max_adaptive_retries; /* maxAdaptiveRetries */
    uint8_t retry_reads;
    uint8_t retry_writes;
    uint8_t overload_retargeting; /* enableOverloadRetargeting */
} muv__retry_rules_t;

/* Where an attempt ended. */
typedef enum muv__attempt_stage {
    MUV__ATTEMPT_SELECTING, /* No server. */
    MUV__ATTEMPT_UNSENT,    /* No connection, or the command could not be sent on it. */
    MUV__ATTEMPT_BROKEN,    /* Bytes may have reached the server; no reply. */
    MUV__ATTEMPT_REPLIED
} muv__attempt_stage_t;

typedef struct muv__attempt {
    const muv_error_t *error; /* [borrow] */
    uint8_t command;          /* MUV_COMMAND_*. */
    uint8_t retry;            /* muv__retry_kind_t; WRITE only on servers that support it. */
    uint8_t stage;            /* muv__attempt_stage_t. */
    uint8_t has_timeout;      /* timeoutMS alone bounds the retries (CSOT). */
    uint8_t unlabelled;       /* The server, older than MongoDB 4.4, knows no labels. */
} muv__attempt_t;

/* What an operation remembers of its attempts; all zero at first. */
typedef struct muv__retry_count {
    uint32_t retries;
    uint8_t overloaded; /* One of the errors was an overload error. */
} muv__retry_count_t;

/* Is another attempt to follow, and when? Counts it. */
muv__op_again_t muv__retry_judge(const muv__retry_rules_t *rules, const muv__attempt_t *attempt,
                                 muv__retry_count_t *count);

/* How long to wait before retry `retries` (from 1): jitter * min(10 s, base * 2^retries), base
 * being 100 ms or what the reply asks for (Client Backpressure: baseBackoffMS). `jitter` is from 0
 * to UINT32_MAX for [0, 1). */
int64_t muv__retry_backoff_us(uint32_t retries, const muv_error_t *error, uint32_t jitter);

/* The label RetryableWriteError, as drivers add it: to errors that are no replies, and to replies
 * of servers that know no labels. */
uint32_t muv__retry_labels(const muv__retry_rules_t *rules, const muv__attempt_t *attempt);

/* A server's code after which a write with a transaction number can be repeated. */
int muv__retry_is_write_code(int32_t code);

/* Does the error show that the server tried to write? If none of several does, the first is told
 * (Retryable Writes: which error to report). */
int muv__retry_shows_attempt(const muv__attempt_t *attempt);

/* May a write have been applied, wholly or in part, although its reply was this error? `several`:
 * it has more than one statement or touches several documents. */
int muv__reply_leaves_doubt(const muv_error_t *error, int several);

#endif
