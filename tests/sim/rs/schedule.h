/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a run. */
#ifndef MUV_TESTS_SIM_RS_SCHEDULE_H
#define MUV_TESTS_SIM_RS_SCHEDULE_H

#include "run.h"

/* Faults from now on for so long; then all is healed. */
void schedule_start(run_t *run, int64_t duration_us);

#endif
