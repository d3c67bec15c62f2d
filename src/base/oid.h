/* SPDX-License-Identifier: Apache-2.0 */
/* Making ObjectIds: 4 bytes of time, 5 random bytes of the source, a counter of 3 bytes that starts
 * at random (ObjectID specification). Pure: time and randomness come in. A source belongs to one
 * client, and a client is not used behind a fork, so a child never repeats its parent's ids. */
#ifndef MUV__OID_H
#define MUV__OID_H

#include <stdint.h>

#define MUV__OID_SIZE 12
#define MUV__OID_RANDOM_SIZE 5
#define MUV__OID_SEED_SIZE (MUV__OID_RANDOM_SIZE + 3)

typedef struct muv__oid_source {
    uint8_t random[MUV__OID_RANDOM_SIZE];
    uint8_t seeded;
    uint32_t counter; /* Of the next id; 24 bits. */
} muv__oid_source_t;

/* Five bytes for all ids, three for where the counter starts. */
void muv__oid_seed(muv__oid_source_t *source, const uint8_t seed[MUV__OID_SEED_SIZE]);

/* The next id. `now_s` is the wall clock in seconds since 1970; its low 32 bits are used. */
void muv__oid_next(muv__oid_source_t *source, int64_t now_s, uint8_t ret[MUV__OID_SIZE]);

#endif
