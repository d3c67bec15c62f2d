/* SPDX-License-Identifier: Apache-2.0 */
/* Server selection on one snapshot: which servers suit an operation, which of them are near, and
 * which one it is. Pure: waiting, its deadline and its events are the operation's. */
#ifndef MUV__SELECTION_H
#define MUV__SELECTION_H

#include "base/read_preference.h"
#include "topology/snapshot.h"

#define MUV__DEFAULT_LOCAL_THRESHOLD_US 15000

typedef struct muv__selection_criteria {
    const muv__read_pref_t *read_preference; /* [borrow] NULL: primary. No matter for writes. */
    int64_t local_threshold_us;
    int64_t heartbeat_interval_us;                /* Bounds maxStalenessSeconds. */
    muv__topology_server_t *const *deprioritized; /* [borrow] Taken only if no other suits. */
    uint32_t deprioritized_count;
    uint8_t write;
} muv__selection_criteria_t;

/* Indexes into a snapshot's servers, in no promised order. */
typedef struct muv__server_set {
    uint32_t count;
    uint16_t indexes[MUV__TOPOLOGY_MAX_SERVERS];
} muv__server_set_t;

/* The long way; muv__selection_pick() is the call to use. */
int muv__selection_search(const muv__topology_snapshot_t *snapshot,
                          const muv__selection_criteria_t *criteria, uint64_t random,
                          const muv__snapshot_entry_t **ret_entry, muv_error_t *reterr);

/* Pick a server. `random` is 64 random bits. Returns 0: `ret_entry` is the entry in the snapshot
 * [borrow], or NULL when no server suits now and the operation has to wait for another snapshot.
 * Waiting does not help after MUV_ECOMPAT (a server's wire versions) and MUV_EINVAL
 * (maxStalenessSeconds too small for the heartbeat, or with mode primary). Allocates nothing.
 *
 * With one candidate known beforehand, as always on a direct connection and for writes to a replica
 * set, this is a few comparisons (it is on the way of every request). */
static inline int muv__selection_pick(const muv__topology_snapshot_t *snapshot,
                                      const muv__selection_criteria_t *criteria, uint64_t random,
                                      const muv__snapshot_entry_t **ret_entry, muv_error_t *reterr)
{
    const muv__read_pref_t *preference = criteria->read_preference;

    if (snapshot->fast_index >= 0 &&
        (snapshot->sole || (criteria->deprioritized_count == 0 &&
                            (criteria->write || preference == NULL ||
                             (preference->mode == MUV__READ_PRIMARY &&
                              preference->max_staleness_s == 0 && preference->tag_count == 0))))) {
        *ret_entry = &snapshot->servers[snapshot->fast_index];
        return 0;
    }
    return muv__selection_search(snapshot, criteria, random, ret_entry, reterr);
}

/* The steps of the search, each for itself: servers that suit, those of them within the latency
 * window, and one of these. `candidates` is not empty for the last one. */
int muv__selection_suitable(const muv__topology_snapshot_t *snapshot,
                            const muv__selection_criteria_t *criteria, muv__server_set_t *ret,
                            muv_error_t *reterr);
void muv__selection_near(const muv__topology_snapshot_t *snapshot, int64_t local_threshold_us,
                         muv__server_set_t *candidates);
uint32_t muv__selection_choose(const muv__topology_snapshot_t *snapshot,
                               const muv__server_set_t *candidates, uint64_t random);

#endif
