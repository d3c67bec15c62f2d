/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM keys of one client, computed once. A pool that opens a hundred connections meets a hundred
 * equal challenges: the first of them starts a *flight*, the others wait for the same one (single
 * flight), and later connections find the keys in the cache.
 *
 *   want --known--> keys at once
 *     |
 *     +--unknown--> waiting in a flight --work(), slice by slice--> ready --take--> keys
 *                         |
 *                         +--leave--> (the last one takes the flight along)
 *
 * The owner calls muv__key_cache_work() once per turn of its loop while it returns 1; flights take
 * turns, so that a server with a huge iteration count does not hold up another one. Entries are
 * found by a digest of mechanism, iterations, salt and password; neither of them is kept. */
#ifndef MUV__KEY_CACHE_H
#define MUV__KEY_CACHE_H

#include "auth/pbkdf2.h"
#include "auth/scram.h"
#include "base/list.h"

/* The members of a replica set share a user's salts, so a client needs one or two. */
#define MUV__KEY_CACHE_MAX 16

typedef struct muv__key_request {
    muv__hash_t hash;
    uint32_t iterations;
    muv__span_t password; /* [borrow] Prepared. Copied nowhere. */
    muv__span_t salt;     /* [borrow] */
} muv__key_request_t;

typedef struct muv__key_entry {
    uint64_t last_used; /* 0: empty. */
    uint8_t id[MUV__HASH_MAX_SIZE];
    muv__scram_keys_t keys;
} muv__key_entry_t;

typedef struct muv__key_cache {
    muv__key_entry_t entries[MUV__KEY_CACHE_MAX];
    uint64_t use_count;
    uint64_t computed_count; /* Flights that ended with keys, for tests and statistics. */
    muv__list_t flights;
    muv__list_t ready; /* Waiters whose flight has ended. */
} muv__key_cache_t;

struct muv__key_flight;

typedef struct muv__key_waiter {
    muv__list_t node;
    struct muv__key_flight *flight; /* NULL: not waiting for one. */
    int status;                     /* How the flight ended. */
    muv__scram_keys_t keys;
} muv__key_waiter_t;

void muv__key_cache_init(muv__key_cache_t *cache);

/* Wipe everything. Nobody may wait any more. */
void muv__key_cache_done(muv__key_cache_t *cache);

void muv__key_waiter_init(muv__key_waiter_t *waiter);

/* Ask for keys. Returns 1 when `waiter->keys` holds them, 0 when the waiter waits, or MUV_ENOMEM or
 * MUV_EAUTH (OpenSSL refuses a hash). */
int muv__key_cache_want(muv__key_cache_t *cache, const muv__key_request_t *request,
                        muv__key_waiter_t *waiter);

/* Hash one slice. Returns 1 while there is more to do. */
int muv__key_cache_work(muv__key_cache_t *cache);

/* The next waiter whose keys (or error) are there, or NULL. It is on no list afterwards. */
muv__key_waiter_t *muv__key_cache_next_ready(muv__key_cache_t *cache);

/* Wait no more, and wipe the waiter's keys. Safe in any state. */
void muv__key_cache_leave(muv__key_waiter_t *waiter);

#endif
