/* SPDX-License-Identifier: Apache-2.0 */
/* Making ObjectIds. */
#include "base/oid.h"

#include <string.h>

#include "base/assert.h"

#define COUNTER_MASK UINT32_C(0xffffff)

static uint32_t load_big_24(const uint8_t bytes[3])
{
    return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

void muv__oid_seed(muv__oid_source_t *source, const uint8_t seed[MUV__OID_SEED_SIZE])
{
    memcpy(source->random, seed, MUV__OID_RANDOM_SIZE);
    source->counter = load_big_24(seed + MUV__OID_RANDOM_SIZE);
    source->seeded = 1;
}

/* Time and counter are big-endian, so that ids sort by the time at which they were made. */
void muv__oid_next(muv__oid_source_t *source, int64_t now_s, uint8_t ret[MUV__OID_SIZE])
{
    uint32_t counter = source->counter;
    uint32_t seconds = (uint32_t)(uint64_t)now_s;

    MUV__ASSERT(source->seeded);
    source->counter = (counter + 1) & COUNTER_MASK;
    ret[0] = (uint8_t)(seconds >> 24);
    ret[1] = (uint8_t)(seconds >> 16);
    ret[2] = (uint8_t)(seconds >> 8);
    ret[3] = (uint8_t)seconds;
    memcpy(ret + 4, source->random, MUV__OID_RANDOM_SIZE);
    ret[9] = (uint8_t)(counter >> 16);
    ret[10] = (uint8_t)(counter >> 8);
    ret[11] = (uint8_t)counter;
}
