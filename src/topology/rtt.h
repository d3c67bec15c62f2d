/* SPDX-License-Identifier: Apache-2.0 */
/* Round trip times of one server: the weighted average that selection compares, and the minimum of
 * the last samples that deadlines subtract (CSOT: minRTT). */
#ifndef MUV__RTT_H
#define MUV__RTT_H

#include <stdint.h>

#define MUV__RTT_SAMPLES 10

typedef struct muv__rtt {
    int64_t average_us; /* Meaningful when `count` is not 0. */
    int64_t samples_us[MUV__RTT_SAMPLES];
    uint32_t count; /* Samples so far, at most MUV__RTT_SAMPLES. */
    uint32_t next;
} muv__rtt_t;

/* Forget everything (SDAM: when the server becomes Unknown). */
void muv__rtt_reset(muv__rtt_t *rtt);

/* Negative samples count as 0. */
void muv__rtt_add(muv__rtt_t *rtt, int64_t sample_us);

/* 0 until there are two samples. */
int64_t muv__rtt_min_us(const muv__rtt_t *rtt);

#endif
