/* SPDX-License-Identifier: Apache-2.0 */
/* A change of the topology in the making, private to src/topology/. The rules work on a draft; only
 * when it became a snapshot as a whole does anything outside of it change, so a failed allocation
 * leaves the topology as it was. The first failure sticks in `error`. */
#ifndef MUV__TOPOLOGY_DRAFT_H
#define MUV__TOPOLOGY_DRAFT_H

#include "base/random.h"
#include "topology/snapshot.h"

typedef struct muv__draft_entry {
    muv__snapshot_entry_t now;           /* Both members retained. */
    muv__server_description_t *previous; /* [borrow] From the old snapshot; NULL: added. */
    uint32_t effects;
    uint8_t removed;
} muv__draft_entry_t;

typedef struct muv__topology_draft {
    muv__snapshot_source_t next; /* `servers` is filled at the end; texts are borrowed. */
    muv__draft_entry_t *entries; /* Removed ones stay in their place. */
    uint32_t count;
    uint32_t capacity;
    uint32_t live_count; /* Without removed ones. */
    uint32_t seed_count;
    int64_t now_us;
    int error;
} muv__topology_draft_t;

/* Copy `snapshot`, with room for `extra_count` more servers. Always ends with _done. */
void muv__draft_init(muv__topology_draft_t *draft, const muv__topology_snapshot_t *snapshot,
                     uint32_t extra_count, int64_t now_us);
void muv__draft_done(muv__topology_draft_t *draft);

/* The entry that is still there under an address, or NULL. */
muv__draft_entry_t *muv__draft_find(muv__topology_draft_t *draft, const char *address);
muv__draft_entry_t *muv__draft_of(muv__topology_draft_t *draft,
                                  const muv__topology_server_t *server);

/* Add an UNKNOWN server unless it is there. Nothing beyond MUV__TOPOLOGY_MAX_SERVERS. */
void muv__draft_add(muv__topology_draft_t *draft, const muv__host_t *host);
void muv__draft_add_address(muv__topology_draft_t *draft, const char *address);

void muv__draft_remove(muv__topology_draft_t *draft, muv__draft_entry_t *entry);

/* Replace an entry's description. */
void muv__draft_set(muv__draft_entry_t *entry, muv__server_description_t *description);
void muv__draft_set_unknown(muv__topology_draft_t *draft, muv__draft_entry_t *entry,
                            const char *error_text);

/* UNKNOWN becomes POSSIBLE_PRIMARY. `address` NULL, not there or better known: nothing. */
void muv__draft_hint_primary(muv__topology_draft_t *draft, const char *address);

/* The draft as a snapshot. Returns 0 or MUV_ENOMEM (also for an earlier failure). */
int muv__draft_snapshot(muv__topology_draft_t *draft, muv__topology_snapshot_t **ret);

/* Run the SDAM transition table for `entry`, whose description was just replaced
 * (topology_rules.c). The entry may be removed or become UNKNOWN. */
void muv__topology_rules_apply(muv__topology_draft_t *draft, muv__draft_entry_t *entry);

/* Make the servers those of a new list from DNS (topology_srv.c), as muv__topology_on_hosts() says.
 * There is room for `count` more. */
void muv__topology_srv_apply(muv__topology_draft_t *draft, muv__host_t *hosts, uint32_t count,
                             uint32_t max_count, muv__random_t *random);

#endif
