/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2 (RFC 8018) with HMAC, in slices: OpenSSL's own runs to its end in one call, which would
 * hold the loop for tens of milliseconds. One block of output, which is all that SCRAM asks for
 * (RFC 5802: Hi()). The state of both inner hashes after the key is computed once and copied for
 * each iteration, which halves the work. */
#ifndef MUV__PBKDF2_H
#define MUV__PBKDF2_H

#include "auth/hash.h"

struct evp_md_ctx_st;

/* Iterations of one slice: below 0.5 ms on a machine that needs 1.2 us for one, which is several
 * times slower than processors with SHA instructions. */
#define MUV__PBKDF2_SLICE 400

typedef struct muv__pbkdf2 {
    struct evp_md_ctx_st *inner; /* After the key xor ipad. */
    struct evp_md_ctx_st *outer; /* After the key xor opad. */
    struct evp_md_ctx_st *work;
    uint32_t left; /* Iterations to do. */
    uint32_t size; /* Bytes of a digest. */
    uint8_t last[MUV__HASH_MAX_SIZE];
    uint8_t result[MUV__HASH_MAX_SIZE]; /* Complete when `left` is 0. */
} muv__pbkdf2_t;

/* Do the first of `iterations` (not 0). Password and salt are not needed later. Returns 0 or
 * MUV_EAUTH; muv__pbkdf2_done() is due in any case. */
int muv__pbkdf2_init(muv__pbkdf2_t *pbkdf2, muv__hash_t hash, muv__span_t password,
                     muv__span_t salt, uint32_t iterations);

/* Do at most `iterations` more. Returns 1 when the result is complete, 0 when there is more to do,
 * or MUV_EAUTH. */
int muv__pbkdf2_work(muv__pbkdf2_t *pbkdf2, uint32_t iterations);

/* Wipe. Safe on a zeroed one. */
void muv__pbkdf2_done(muv__pbkdf2_t *pbkdf2);

#endif
