/* SPDX-License-Identifier: Apache-2.0 */
/* Many seeds on several processors. */
#ifndef MUV_TESTS_SIM_RS_RUN_BATCH_H
#define MUV_TESTS_SIM_RS_RUN_BATCH_H

#include "run.h"

typedef struct run_batch {
    uint64_t count;
    uint64_t first;
    int64_t duration_us;
    unsigned jobs;       /* Processes; 0: one for each processor. */
    const char *program; /* What a failing seed tells to type. */
} run_batch_t;

/* Run them, print what fails and the figures. Returns how many seeds failed. A seed that crashes or
 * does not end counts too. */
uint64_t run_batch(const run_batch_t *batch);

#endif
