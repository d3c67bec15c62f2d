/* SPDX-License-Identifier: Apache-2.0 */
/* Exponentially weighted average with alpha 0.2, in whole microseconds. */
#include "topology/rtt.h"

#include <string.h>

/* A longer round trip is a broken clock; the bound keeps the sums far from overflow. */
#define MAX_SAMPLE_US ((int64_t)86400 * 1000000)

void muv__rtt_reset(muv__rtt_t *rtt)
{
    memset(rtt, 0, sizeof(*rtt));
}

void muv__rtt_add(muv__rtt_t *rtt, int64_t sample_us)
{
    if (sample_us < 0) {
        sample_us = 0;
    }
    if (sample_us > MAX_SAMPLE_US) {
        sample_us = MAX_SAMPLE_US;
    }
    /* (Server selection: the first sample is the average.) */
    rtt->average_us = rtt->count == 0 ? sample_us : (rtt->average_us * 4 + sample_us) / 5;
    rtt->samples_us[rtt->next] = sample_us;
    rtt->next = (rtt->next + 1) % MUV__RTT_SAMPLES;
    if (rtt->count < MUV__RTT_SAMPLES) {
        rtt->count++;
    }
}

int64_t muv__rtt_min_us(const muv__rtt_t *rtt)
{
    int64_t least_us = INT64_MAX;

    if (rtt->count < 2) {
        return 0;
    }
    for (uint32_t i = 0; i < rtt->count; i++) {
        if (rtt->samples_us[i] < least_us) {
            least_us = rtt->samples_us[i];
        }
    }
    return least_us;
}
