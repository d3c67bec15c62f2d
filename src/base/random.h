/* SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator (splitmix64) for choices, jitter and tests; not for secrets. The state
 * comes from the owner, so that a run can be repeated. */
#ifndef MUV__RANDOM_H
#define MUV__RANDOM_H

#include <stdint.h>

typedef struct muv__random {
    uint64_t state;
} muv__random_t;

static inline uint64_t muv__random_next(muv__random_t *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
