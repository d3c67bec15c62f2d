/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that carry an authentication (saslStart, saslContinue, authenticate) and the fields
 * of their replies. Elements are written without the document around them: the same ones stand at
 * the top of a command and inside hello (speculativeAuthenticate). */
#ifndef MUV__SASL_H
#define MUV__SASL_H

#include "auth/mechanism.h"
#include "base/buf.h"

#include "muv/error.h"

/* In a command the source is `$db`, in speculativeAuthenticate it is `db`. */
typedef enum muv__sasl_place { MUV__SASL_COMMAND, MUV__SASL_SPECULATIVE } muv__sasl_place_t;

typedef struct muv__sasl_start {
    muv__mechanism_t mechanism;
    muv__sasl_place_t place;
    const char *source;
    muv__span_t payload;
} muv__sasl_start_t;

/* The room a command needs beside its payload and its source. */
#define MUV__SASL_OVERHEAD 256

void muv__sasl_write_start(const muv__sasl_start_t *start, muv__buf_t *ret);
void muv__sasl_write_continue(int32_t conversation_id, const char *source, muv__span_t payload,
                              muv__buf_t *ret);
/* `username` may be NULL. */
void muv__sasl_write_x509(muv__sasl_place_t place, const char *source, const char *username,
                          muv__buf_t *ret);

typedef struct muv__sasl_reply {
    int32_t conversation_id;
    int8_t done;
    muv__span_t payload; /* Empty when there is none. Points into the reply. */
} muv__sasl_reply_t;

/* Read the answer to saslStart or saslContinue. Returns 1, or 0 when a field is missing or is not
 * what it should be. */
int muv__sasl_read(muv__span_t reply, muv__sasl_reply_t *ret);

/* Has the server refused the command? Returns 1 and fills code, name and labels (but no message) of
 * `error`, or 0. */
int muv__sasl_refused(muv__span_t reply, muv_error_t *error);

#endif
