/* SPDX-License-Identifier: Apache-2.0 */
/* The volatile end of a command: everything that depends on session, server, attempt or time left.
 * Written anew for every attempt, behind the stable prefix. */
#ifndef MUV__TAIL_H
#define MUV__TAIL_H

#include "base/buf.h"
#include "base/span.h"
#include "op/concerns.h"
#include "session/cluster_time.h"

/* What of the concerns a command takes. */
enum {
    MUV__TAIL_READ_CONCERN = 1 << 0,
    MUV__TAIL_WRITE_CONCERN = 1 << 1,
    MUV__TAIL_READ_PREFERENCE = 1 << 2
};

/* What the chosen server wants to see of the read preference (Server Selection: passing it). */
typedef enum muv__tail_preference {
    MUV__TAIL_PREFERENCE_NONE,     /* A standalone. */
    MUV__TAIL_PREFERENCE_AS_GIVEN, /* Every mode but primary. */
    MUV__TAIL_PREFERENCE_DIRECT    /* A direct connection to a member of a replica set: at least
                                    * primaryPreferred, or the member would refuse. */
} muv__tail_preference_t;

/* All of it; zero and NULL is "not sent". Pointers are borrowed for the call. */
typedef struct muv__tail {
    const muv__concerns_t *concerns; /* May be NULL when `parts` is 0. */
    uint8_t parts;                   /* MUV__TAIL_* */
    uint8_t preference;              /* muv__tail_preference_t */
    uint8_t snapshot;                /* readConcern {level: "snapshot", atClusterTime} */
    uint8_t without_wtimeout;        /* (CSOT: timeoutMS replaces it.) */
    const uint8_t *session_id;
    int64_t txn_number;
    const muv__cluster_time_t *cluster_time;
    uint64_t after_cluster_time; /* A timestamp; of commands that can wait for it only. */
    uint64_t at_cluster_time;    /* With `snapshot`. */
    int64_t max_time_ms;
    muv__span_t server_api; /* Elements as they stand (Stable API), or empty. */
} muv__tail_t;

/* Append it. Failures stick in the buffer. */
void muv__tail_write(muv__buf_t *buf, const muv__tail_t *tail);

#endif
