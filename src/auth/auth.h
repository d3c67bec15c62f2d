/* SPDX-License-Identifier: Apache-2.0 */
/* The login of one connection, as a pure machine: it says what to send, is told what came back, and
 * ends in DONE or FAILED. It knows no socket, no clock and no random source.
 *
 *            begin / on_hello          challenge             keys               good
 *   START -------------------> STARTED ---------> HASHING ---------> PROVING ---------> DONE
 *     |  PLAIN, X.509, OIDC       |    (known keys) ------------------^    |             ^
 *     |                           +--> AWS: SIGNED -----------------------------> good --+
 *     +-----------------------> SINGLE ---------------------------------> good ----------+
 *     PROVING -- the server wants an empty round --> EMPTY --> DONE
 *     any state but DONE -- something is wrong --> FAILED
 *
 * write_hello() may put the first message into the connection's hello (speculative authentication),
 * on_hello() then goes on with what the server answered, or begins from the start if it did not.
 *
 * Suspended in: STARTED, PROVING, SIGNED, SINGLE, EMPTY (for a reply: step()), HASHING (for keys:
 * the owner pumps the key cache, and calls work() for each login that muv__auth_next_ready()
 * gives).
 *
 * Secrets: nothing but the payload of PLAIN and OIDC, and the session token of AWS, ever reaches a
 * command; the owner wipes the command's buffer once it has left. Error texts are made of the
 * mechanism, the source, static texts, and the code (not the text) of the server. */
#ifndef MUV__AUTH_H
#define MUV__AUTH_H

#include "auth/key_cache.h"
#include "auth/mechanism.h"
#include "auth/scram.h"
#include "auth/sigv4.h"

#include "muv/error.h"

/* Unpredictable bytes for one login: two exchanges never share a nonce. */
#define MUV__AUTH_RANDOM_SIZE 64

/* Who logs in; all of it is borrowed until muv__auth_done(). */
typedef struct muv__auth_credential {
    muv__mechanism_t mechanism;
    const char *username;             /* NULL: none (X.509, AWS, OIDC). */
    const char *password;             /* NULL: none. */
    const char *source;               /* Never NULL. */
    const muv__aws_credential_t *aws; /* For MONGODB-AWS. */
    const char *oidc_token;           /* For MONGODB-OIDC. */
} muv__auth_credential_t;

typedef enum muv__auth_state {
    MUV__AUTH_STATE_START,
    MUV__AUTH_STATE_STARTED,
    MUV__AUTH_STATE_HASHING,
    MUV__AUTH_STATE_PROVING,
    MUV__AUTH_STATE_EMPTY,
    MUV__AUTH_STATE_SIGNED,
    MUV__AUTH_STATE_SINGLE,
    MUV__AUTH_STATE_DONE,
    MUV__AUTH_STATE_FAILED
} muv__auth_state_t;

/* What the owner does next. */
typedef enum muv__auth_result {
    MUV__AUTH_SEND,  /* A command was written: send it, and give the reply to step(). */
    MUV__AUTH_WORK,  /* Wait for keys. */
    MUV__AUTH_DONE,  /* Logged in. */
    MUV__AUTH_FAILED /* The error was filled: MUV_EAUTH, or MUV_ENOMEM, MUV_ETOOLARGE. */
} muv__auth_result_t;

typedef struct muv__auth {
    const muv__auth_credential_t *credential;
    muv__key_cache_t *cache;
    muv__auth_state_t state;
    muv__mechanism_t mechanism; /* The one in use; negotiated if the credential names none. */
    int8_t speculated;          /* hello carried the first message. */
    int32_t conversation_id;
    int64_t wall_s;
    uint8_t random[MUV__AUTH_RANDOM_SIZE];
    size_t random_used;
    muv__scram_t scram;
    muv__key_waiter_t waiter;
    const char *why; /* Of a failure; static text. */
} muv__auth_t;

/* Prepare one login.
 *
 * credential  [borrow] Until muv__auth_done().
 * cache       [borrow] The client's.
 * random      MUV__AUTH_RANDOM_SIZE bytes, copied.
 * wall_s      The wall clock, in seconds since 1970 (MONGODB-AWS). */
void muv__auth_init(muv__auth_t *auth, const muv__auth_credential_t *credential,
                    muv__key_cache_t *cache, const uint8_t *random, int64_t wall_s);

/* End it in any state, and wipe. Safe on a zeroed or ended one. */
void muv__auth_done(muv__auth_t *auth);

/* Write saslSupportedMechs and speculativeAuthenticate, as far as the mechanism has them, as
 * elements of a connection's first hello. What fails sticks in the buffer. */
void muv__auth_write_hello(muv__auth_t *auth, muv__buf_t *hello);

/* Those below write elements of the next command, `$db` included, when they return MUV__AUTH_SEND.
 * `error` is filled when they return MUV__AUTH_FAILED. */

/* The reply to that hello came. */
muv__auth_result_t muv__auth_on_hello(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                      muv_error_t *error);

/* Begin without hello: re-authentication. The mechanism must have been negotiated by then; without
 * that it is SCRAM-SHA-1. */
muv__auth_result_t muv__auth_begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error);

/* The reply to the last command came. */
muv__auth_result_t muv__auth_step(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                  muv_error_t *error);

/* Go on after MUV__AUTH_WORK: MUV__AUTH_WORK again if the keys are not there yet. */
muv__auth_result_t muv__auth_work(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error);

/* The next login of this cache whose keys are there, or NULL: call muv__auth_work(). */
muv__auth_t *muv__auth_next_ready(muv__key_cache_t *cache);

#endif
