/* SPDX-License-Identifier: Apache-2.0 */
/* Entries by least recent use, flights in turn, waiters woken by a list. */
#include "auth/key_cache.h"

#include "auth/secret.h"
#include "base/assert.h"
#include "base/compiler.h"
#include "base/endian.h"
#include "base/mem.h"

#include "muv/error.h"

#include <string.h>

#include <openssl/crypto.h>

typedef struct muv__key_flight {
    muv__list_t node;
    muv__list_t waiters;
    muv__hash_t hash;
    uint8_t id[MUV__HASH_MAX_SIZE];
    muv__pbkdf2_t pbkdf2;
} muv__key_flight_t;

void muv__key_cache_init(muv__key_cache_t *cache)
{
    memset(cache, 0, sizeof(*cache));
    muv__list_init(&cache->flights);
    muv__list_init(&cache->ready);
}

void muv__key_cache_done(muv__key_cache_t *cache)
{
    MUV__ASSERT(muv__list_empty(&cache->flights));
    MUV__ASSERT(muv__list_empty(&cache->ready));
    OPENSSL_cleanse(cache, sizeof(*cache));
    muv__key_cache_init(cache);
}

void muv__key_waiter_init(muv__key_waiter_t *waiter)
{
    memset(waiter, 0, sizeof(*waiter));
    muv__list_init(&waiter->node);
}

/* --- entries -----------------------------------------------------------------------------------*/

/* A digest of everything the keys depend on; lengths keep the parts apart. */
static int compute_id(const muv__key_request_t *request, uint8_t ret[MUV__HASH_MAX_SIZE])
{
    muv__secret_t text;
    uint8_t *at;
    int status = muv__secret_alloc(&text, 12 + request->salt.size + request->password.size);

    if (status != 0) {
        return status;
    }
    at = text.data;
    muv__store_u32(at, (uint32_t)request->hash);
    muv__store_u32(at + 4, request->iterations);
    muv__store_u32(at + 8, (uint32_t)request->salt.size);
    at += 12;
    if (request->salt.size > 0) {
        memcpy(at, request->salt.data, request->salt.size);
    }
    if (request->password.size > 0) {
        memcpy(at + request->salt.size, request->password.data, request->password.size);
    }
    status = muv__hash_digest(MUV__HASH_SHA_256, muv__span(text.data, text.size), ret);
    muv__secret_done(&text);
    return status;
}

static muv__key_entry_t *find_entry(muv__key_cache_t *cache, const uint8_t *id)
{
    for (size_t i = 0; i < MUV__KEY_CACHE_MAX; i++) {
        muv__key_entry_t *entry = &cache->entries[i];

        if (entry->last_used != 0 && memcmp(entry->id, id, MUV__HASH_MAX_SIZE) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* Into the place that was used least recently; empty ones are 0. */
static void store_entry(muv__key_cache_t *cache, const uint8_t *id, const muv__scram_keys_t *keys)
{
    muv__key_entry_t *place = &cache->entries[0];

    for (size_t i = 1; i < MUV__KEY_CACHE_MAX; i++) {
        if (cache->entries[i].last_used < place->last_used) {
            place = &cache->entries[i];
        }
    }
    place->last_used = ++cache->use_count;
    memcpy(place->id, id, sizeof(place->id));
    place->keys = *keys;
}

/* --- flights -----------------------------------------------------------------------------------*/

static void free_flight(muv__key_flight_t *flight)
{
    MUV__ASSERT(muv__list_empty(&flight->waiters));
    muv__list_remove(&flight->node);
    muv__pbkdf2_done(&flight->pbkdf2);
    OPENSSL_cleanse(flight->id, sizeof(flight->id));
    muv__mem_free(flight);
}

static muv__key_flight_t *find_flight(muv__key_cache_t *cache, const uint8_t *id)
{
    for (muv__list_t *node = cache->flights.next; node != &cache->flights; node = node->next) {
        muv__key_flight_t *flight = MUV__CONTAINER_OF(node, muv__key_flight_t, node);

        if (memcmp(flight->id, id, MUV__HASH_MAX_SIZE) == 0) {
            return flight;
        }
    }
    return NULL;
}

static int start_flight(muv__key_cache_t *cache, const muv__key_request_t *request,
                        const uint8_t *id, muv__key_flight_t **ret)
{
    muv__key_flight_t *flight = muv__mem_zalloc(sizeof(*flight));
    int status;

    if (flight == NULL) {
        return MUV_ENOMEM;
    }
    muv__list_init(&flight->node);
    muv__list_init(&flight->waiters);
    flight->hash = request->hash;
    memcpy(flight->id, id, sizeof(flight->id));
    status = muv__pbkdf2_init(&flight->pbkdf2, request->hash, request->password, request->salt,
                              request->iterations);
    if (status != 0) {
        free_flight(flight);
        return status;
    }
    muv__list_push_back(&cache->flights, &flight->node);
    *ret = flight;
    return 0;
}

/* Everybody gets a copy: the entry may be replaced before the last one comes to look. */
static void end_flight(muv__key_cache_t *cache, muv__key_flight_t *flight, int status)
{
    muv__scram_keys_t keys;
    muv__list_t *node;

    memset(&keys, 0, sizeof(keys));
    if (status == 0) {
        status = muv__scram_derive(flight->hash, flight->pbkdf2.result, &keys);
    }
    if (status == 0) {
        store_entry(cache, flight->id, &keys);
        cache->computed_count++;
    }
    while ((node = muv__list_pop_front(&flight->waiters)) != NULL) {
        muv__key_waiter_t *waiter = MUV__CONTAINER_OF(node, muv__key_waiter_t, node);

        waiter->flight = NULL;
        waiter->status = status;
        waiter->keys = keys;
        muv__list_push_back(&cache->ready, node);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    free_flight(flight);
}

int muv__key_cache_want(muv__key_cache_t *cache, const muv__key_request_t *request,
                        muv__key_waiter_t *waiter)
{
    uint8_t id[MUV__HASH_MAX_SIZE];
    muv__key_flight_t *flight;
    muv__key_entry_t *entry;
    int status = compute_id(request, id);

    MUV__ASSERT(waiter->flight == NULL);
    if (status != 0) {
        return status;
    }
    entry = find_entry(cache, id);
    if (entry != NULL) {
        entry->last_used = ++cache->use_count;
        waiter->keys = entry->keys;
        return 1;
    }
    flight = find_flight(cache, id);
    if (flight == NULL) {
        status = start_flight(cache, request, id, &flight);
    }
    OPENSSL_cleanse(id, sizeof(id));
    if (status == 0) {
        waiter->flight = flight;
        waiter->status = 0;
        muv__list_push_back(&flight->waiters, &waiter->node);
    }
    return status;
}

int muv__key_cache_work(muv__key_cache_t *cache)
{
    muv__list_t *node = muv__list_pop_front(&cache->flights);
    muv__key_flight_t *flight;
    int status;

    if (node == NULL) {
        return 0;
    }
    flight = MUV__CONTAINER_OF(node, muv__key_flight_t, node);
    status = muv__pbkdf2_work(&flight->pbkdf2, MUV__PBKDF2_SLICE);
    if (status == 0) {
        muv__list_push_back(&cache->flights, node);
    } else {
        end_flight(cache, flight, status < 0 ? status : 0);
    }
    return !muv__list_empty(&cache->flights);
}

muv__key_waiter_t *muv__key_cache_next_ready(muv__key_cache_t *cache)
{
    muv__list_t *node = muv__list_pop_front(&cache->ready);

    return node == NULL ? NULL : MUV__CONTAINER_OF(node, muv__key_waiter_t, node);
}

void muv__key_cache_leave(muv__key_waiter_t *waiter)
{
    muv__key_flight_t *flight = waiter->flight;

    muv__list_remove(&waiter->node);
    if (flight != NULL && muv__list_empty(&flight->waiters)) {
        free_flight(flight);
    }
    OPENSSL_cleanse(waiter, sizeof(*waiter));
    muv__key_waiter_init(waiter);
}
