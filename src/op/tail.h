/* SPDX-License-Identifier: Apache-2.0 */
/* The volatile end of a command: everything that depends on session, server, attempt or time left.
 * Written anew for every attempt, behind the stable prefix. */
#ifndef MUV__TAIL_H
#define MUV__TAIL_H

#include "base/buf.h"
#include "op/concerns.h"

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

/* readConcern, writeConcern and $readPreference, as far as `parts` asks and they are set. Session,
 * transaction number, cluster time, maxTimeMS and the stable API join here. */
void muv__tail_write(muv__buf_t *buf, const muv__concerns_t *concerns, unsigned parts,
                     muv__tail_preference_t preference);

#endif
