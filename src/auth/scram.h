/* SPDX-License-Identifier: Apache-2.0 */
/* One SCRAM exchange (RFC 5802, RFC 7677) as texts in and out, without channel binding. What is
 * between muv__scram_challenge() and muv__scram_final(), the salted password, is key_cache.h's.
 *
 *   client                        server
 *   n,,n=USER,r=NONCE       ---->
 *                           <---- r=NONCE+,s=SALT,i=COUNT
 *   c=biws,r=NONCE+,p=PROOF ---->
 *                           <---- v=SIGNATURE
 *
 * A server costs us no more than the limits below, whatever it says. */
#ifndef MUV__SCRAM_H
#define MUV__SCRAM_H

#include "auth/hash.h"
#include "base/buf.h"

/* Random bytes of our nonce, and its text. */
#define MUV__SCRAM_RANDOM_SIZE 24
#define MUV__SCRAM_NONCE_SIZE 32

/* (Authentication: SCRAM) Fewer iterations than the minimum protect no password from whoever sees
 * the exchange. The maximum is ours: hashing then takes about a second in all, in slices; servers
 * are set to 10,000 and 15,000. */
#define MUV__SCRAM_MIN_ITERATIONS 4096
#define MUV__SCRAM_MAX_ITERATIONS 1000000

/* Bytes of a server's message, and of the salt in it. */
#define MUV__SCRAM_MAX_MESSAGE 4096
#define MUV__SCRAM_MAX_SALT 256

/* Bytes of all our messages of one exchange together; a user name has at most a third of that. */
#define MUV__SCRAM_MAX_TRANSCRIPT (32 * 1024)

/* What a password becomes for one salt and count. */
typedef struct muv__scram_keys {
    uint8_t client[MUV__HASH_MAX_SIZE];
    uint8_t server[MUV__HASH_MAX_SIZE];
} muv__scram_keys_t;

typedef struct muv__scram {
    muv__hash_t hash;
    char nonce[MUV__SCRAM_NONCE_SIZE + 1];
    muv__buf_t transcript; /* AuthMessage of the RFC, as it grows. */
    size_t nonce_at;       /* The server's nonce, ours included, in the transcript. */
    size_t nonce_size;
    uint8_t salt[MUV__SCRAM_MAX_SALT];
    size_t salt_size;
    uint32_t iterations;
    uint8_t server_signature[MUV__HASH_MAX_SIZE];
    const char *why; /* After MUV_EAUTH: static text that holds nothing of what was exchanged. */
} muv__scram_t;

/* Begin; `random` has MUV__SCRAM_RANDOM_SIZE unpredictable bytes. */
void muv__scram_init(muv__scram_t *scram, muv__hash_t hash, const uint8_t *random);

/* Wipe. Safe on a zeroed or ended one. */
void muv__scram_done(muv__scram_t *scram);

/* These return 0, MUV_ENOMEM, MUV_ETOOLARGE or MUV_EAUTH with `why`; a failed exchange is over. */

/* Write the client's first message. The user name is escaped, never prepared. */
int muv__scram_first(muv__scram_t *scram, const char *username, muv__buf_t *ret);

/* Take the server's first message: salt and iterations are known then. */
int muv__scram_challenge(muv__scram_t *scram, muv__span_t message);

/* Write the client's final message with the proof. */
int muv__scram_final(muv__scram_t *scram, const muv__scram_keys_t *keys, muv__buf_t *ret);

/* Check the server's final message: does it know our password too? */
int muv__scram_verify(muv__scram_t *scram, muv__span_t message);

/* The keys of a salted password. Returns 0 or MUV_EAUTH. */
int muv__scram_derive(muv__hash_t hash, const uint8_t *salted_password, muv__scram_keys_t *ret);

#endif
