/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the wire, seen from the servers: who sends what how often. Rules that no outcome
 * shows are checked here: what must not be retried is sent once, a retry is the same operation, and
 * it does not go back to a server that has said that it is not the primary. */
#ifndef MUV_TESTS_SIM_RS_RUN_WATCH_H
#define MUV_TESTS_SIM_RS_RUN_WATCH_H

#include "check.h"
#include "model.h"

typedef struct run_watch run_watch_t;

/* Watch a set from now on. All pointers are borrowed until run_watch_free(). Clients tell who they
 * are by their appName: "sim0" is the first. */
run_watch_t *run_watch_new(rs_set_t *set, const check_ledger_t *ledger, check_report_t *report);
void run_watch_free(run_watch_t *watch);

/* A client has cleared its pool for `node`: errors on connections from before say nothing (SDAM:
 * stale errors by generation). */
void run_watch_cleared(run_watch_t *watch, unsigned client, unsigned node);

#endif
