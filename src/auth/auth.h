/* SPDX-License-Identifier: Apache-2.0 */
/* The login of one connection, as a pure machine: it says what to send, is told what came back, and
 * ends in DONE or FAILED. It knows no socket, no clock and no random source.
 *
 *            begin / on_hello          challenge             keys               good
 *   START -------------------> STARTED ---------> HASHING ---------> PROVING ---------> DONE
 *     |  PLAIN, X.509             |    (known keys) ------------------^    |             ^
 *     |                           +--> AWS: ANSWERED ---------------------------> good --+
 *     +-----------------------> SINGLE ---------------------------------> good ----------+
 *     PROVING -- the server wants an empty round --> EMPTY --> DONE
 *     any state but DONE -- something is wrong --> FAILED
 *
 *   AWS without keys:    START --> FETCHING --keys--> STARTED
 *   OIDC with a token:   START --> SINGLE --good--> DONE
 *                                     +--a kept token is refused (code 18)--> as without one
 *   OIDC without one:    START --> FETCHING --token--> SINGLE
 *     human flow:        START --> ASKED --issuer--> FETCHING --token--> ANSWERED --good--> DONE
 *   GSSAPI:              START --> STEPPING --token--> STARTED, TALKING or ANSWERED: auth_gssapi.c
 *
 * write_hello() may put the first message into the connection's hello (speculative authentication),
 * on_hello() then goes on with what the server answered, or begins from the start if it did not.
 *
 * Suspended in: STARTED, PROVING, TALKING, ANSWERED, SINGLE, EMPTY, ASKED (for a reply: step()),
 * HASHING (for keys: the owner pumps the key cache, and calls work() for each login that
 * muv__auth_next_ready() gives), FETCHING (for credentials: the owner asks the provider and calls
 * fetched()), STEPPING (for a token: the owner makes one on another thread and calls stepped()).
 *
 * Secrets: nothing but the payload of PLAIN and OIDC, and the session token of AWS, ever reaches a
 * command; the owner wipes the command's buffer once it has left. Error texts are made of the
 * mechanism, the source, static texts, the owner's reasons, and the code (not the text) of the
 * server. */
#ifndef MUV__AUTH_H
#define MUV__AUTH_H

#include "auth/credentials.h"
#include "auth/key_cache.h"
#include "auth/mechanism.h"
#include "auth/oidc.h"
#include "auth/scram.h"

#include "muv/error.h"

/* Unpredictable bytes for one login: two exchanges never share a nonce. */
#define MUV__AUTH_RANDOM_SIZE 64

/* Why there are no credentials; longer texts are cut. */
#define MUV__AUTH_REASON_SIZE 256

/* Who logs in; all of it is borrowed until muv__auth_done(). */
typedef struct muv__auth_credential {
    muv__mechanism_t mechanism;
    const char *username; /* NULL: none (X.509, AWS, OIDC). */
    const char *password; /* NULL: none. */
    const char *source;   /* Never NULL. */
    uint8_t human;        /* MONGODB-OIDC: a person logs in (two steps). */
} muv__auth_credential_t;

typedef enum muv__auth_state {
    MUV__AUTH_STATE_START,
    MUV__AUTH_STATE_STARTED,
    MUV__AUTH_STATE_HASHING,
    MUV__AUTH_STATE_PROVING,
    MUV__AUTH_STATE_EMPTY,
    MUV__AUTH_STATE_ANSWERED,
    MUV__AUTH_STATE_SINGLE,
    MUV__AUTH_STATE_ASKED,
    MUV__AUTH_STATE_FETCHING,
    MUV__AUTH_STATE_STEPPING,
    MUV__AUTH_STATE_TALKING,
    MUV__AUTH_STATE_DONE,
    MUV__AUTH_STATE_FAILED
} muv__auth_state_t;

/* What the owner does next. */
typedef enum muv__auth_result {
    MUV__AUTH_SEND,  /* A command was written: send it, and give the reply to step(). */
    MUV__AUTH_WORK,  /* Wait for keys. */
    MUV__AUTH_FETCH, /* Ask the provider, and tell fetched(). First tell it of `refused`. */
    MUV__AUTH_STEP,  /* Make a token of `challenge`, and tell stepped(). */
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
    muv__credentials_t *credentials; /* Counted: those in use. AWS, OIDC. */
    muv__credentials_t *refused;     /* Counted: the server did not take them. */
    uint8_t kept;                    /* `credentials` were kept; there may be better ones. */
    uint8_t can_refresh;             /* Human flow: a token can be had without a new issuer. */
    uint8_t has_idp_info;
    muv__oidc_idp_info_t idp_info; /* With MUV__AUTH_FETCH; points into the reply. */
    uint8_t talking;               /* GSSAPI: saslStart has been written. */
    muv__span_t challenge;         /* With MUV__AUTH_STEP; points into the reply. */
    const char *why;               /* Of a failure. */
    char reason[MUV__AUTH_REASON_SIZE];
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

/* Log in with these, which the provider has kept (NULL: it has none), and with a refresh token it
 * has (`can_refresh`). Right after init. AWS, OIDC. */
void muv__auth_offer(muv__auth_t *auth, muv__credentials_t *credentials, int can_refresh);

/* Write saslSupportedMechs and speculativeAuthenticate, as far as the mechanism has them, as
 * elements of a connection's first hello. What fails sticks in the buffer. */
void muv__auth_write_hello(muv__auth_t *auth, muv__buf_t *hello);

/* Those below write elements of the next command, `$db` included, when they return MUV__AUTH_SEND.
 * `error` is filled when they return MUV__AUTH_FAILED. */

/* The reply to that hello came. */
muv__auth_result_t muv__auth_on_hello(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                      muv_error_t *error);

/* Begin without hello: re-authentication. `mechanism` is what the connection's first login used. */
muv__auth_result_t muv__auth_begin(muv__auth_t *auth, muv__mechanism_t mechanism,
                                   muv__buf_t *command, muv_error_t *error);

/* The reply to the last command came. */
muv__auth_result_t muv__auth_step(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                  muv_error_t *error);

/* Go on after MUV__AUTH_WORK: MUV__AUTH_WORK again if the keys are not there yet. */
muv__auth_result_t muv__auth_work(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error);

/* Go on after MUV__AUTH_FETCH. `kept` as in muv__auth_offer(): they are not new. With `credentials`
 * NULL there are none, for the reason in `error` (a text without secrets), which then becomes the
 * login's. */
muv__auth_result_t muv__auth_fetched(muv__auth_t *auth, muv__credentials_t *credentials, int kept,
                                     muv__buf_t *command, muv_error_t *error);

/* What a step of GSSAPI brought; borrowed for the call. */
typedef struct muv__auth_token {
    const char *why; /* Not NULL: there is none, for this reason (a text without secrets). */
    muv__span_t token;
    int8_t last; /* The server ends the exchange when this one is good. */
} muv__auth_token_t;

/* Go on after MUV__AUTH_STEP. */
muv__auth_result_t muv__auth_stepped(muv__auth_t *auth, const muv__auth_token_t *token,
                                     muv__buf_t *command, muv_error_t *error);

/* The next login of this cache whose keys are there, or NULL: call muv__auth_work(). */
muv__auth_t *muv__auth_next_ready(muv__key_cache_t *cache);

/* Is there one? */
int muv__auth_has_ready(const muv__key_cache_t *cache);

#endif
