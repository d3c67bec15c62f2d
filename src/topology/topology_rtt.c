/* SPDX-License-Identifier: Apache-2.0 */
/* Round trip times that come without a check. */
#include "topology/topology.h"
#include "topology/topology_draft.h"

#include "base/assert.h"

/* A snapshot of its own, because somebody may hold the present one; but nothing that an event
 * speaks of has changed, and nobody who waits for a server is helped by it. */
int muv__topology_on_rtt(muv__topology_t *topology, muv__topology_server_t *server, int64_t rtt_us,
                         int64_t now_us)
{
    const muv__snapshot_entry_t *entry;
    muv__topology_snapshot_t *next;
    muv__topology_draft_t draft;
    muv__rtt_t rtt = server->rtt;
    int rc;

    if (topology->closed || server->removed) {
        return 0;
    }
    entry = muv__topology_snapshot_of(topology->snapshot, server);
    MUV__ASSERT(entry != NULL);
    if (!muv__server_is_known(entry->description)) {
        return 0;
    }
    muv__rtt_add(&rtt, rtt_us);
    muv__draft_init(&draft, topology->snapshot, 0, now_us);
    if (draft.error == 0) {
        muv__draft_entry_t *changed = muv__draft_of(&draft, server);

        changed->now.rtt_us = rtt.average_us;
        changed->now.min_rtt_us = muv__rtt_min_us(&rtt);
    }
    rc = muv__draft_snapshot(&draft, &next);
    if (rc == 0) {
        muv__topology_snapshot_release(topology->snapshot);
        topology->snapshot = next;
        server->rtt = rtt;
    }
    muv__draft_done(&draft);
    return rc;
}
