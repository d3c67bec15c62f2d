/* SPDX-License-Identifier: Apache-2.0 */
/* The transition table of Server Discovery and Monitoring and its actions, on a draft.
 *
 *   topology \ reply    Standalone      Mongos     RSPrimary        RSSecondary/Arbiter/Other
 *   Unknown             single seed?    Sharded    with primary     without primary
 *   Sharded             remove          -          remove           remove
 *   RSNoPrimary         remove          remove     with primary     without primary
 *   RSWithPrimary       remove *        remove *   with primary     member of a set with primary
 *
 * A * is followed by the check whether a primary is left; so are Unknown and RSGhost replies. In
 * Single and LoadBalanced topologies a reply changes nothing but its own server. */
#include "topology/topology_draft.h"

#include "base/assert.h"
#include "topology/topology.h"

#include <string.h>

#define NEWER_PRIMARY "primary marked stale due to discovery of newer primary"
#define STALE_PRIMARY "primary marked stale due to electionId/setVersion mismatch"

static void check_if_has_primary(muv__topology_draft_t *draft)
{
    draft->next.type = MUV__TOPOLOGY_RS_NO_PRIMARY;
    for (uint32_t i = 0; i < draft->count; i++) {
        if (!draft->entries[i].removed &&
            draft->entries[i].now.description->type == MUV__SERVER_RS_PRIMARY) {
            draft->next.type = MUV__TOPOLOGY_RS_WITH_PRIMARY;
        }
    }
}

/* Adopt the first set name that is seen, or compare with the one that is known. */
static int set_name_fits(muv__topology_draft_t *draft, const muv__server_description_t *description)
{
    if (draft->next.set_name == NULL) {
        draft->next.set_name = description->set_name;
        return 1;
    }
    return description->set_name != NULL &&
           strcmp(draft->next.set_name, description->set_name) == 0;
}

static uint32_t host_total(const muv__server_description_t *description)
{
    return (uint32_t)description->host_count + description->passive_count +
           description->arbiter_count;
}

static void add_hosts(muv__topology_draft_t *draft, const muv__server_description_t *description)
{
    for (uint32_t i = 0; i < host_total(description); i++) {
        muv__draft_add_address(draft, description->hosts[i]);
    }
}

static int names_host(const muv__server_description_t *description, const char *address)
{
    for (uint32_t i = 0; i < host_total(description); i++) {
        if (strcmp(description->hosts[i], address) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_misnamed(const muv__draft_entry_t *entry)
{
    const char *me = entry->now.description->me;

    return me != NULL && strcmp(me, entry->now.server->address) != 0;
}

/* Absent is the smallest value of all. */
static int compare_election_ids(const muv__topology_draft_t *draft,
                                const muv__server_description_t *description)
{
    if (!description->has_election_id || !draft->next.has_max_election_id) {
        return description->has_election_id - draft->next.has_max_election_id;
    }
    return memcmp(description->election_id, draft->next.max_election_id, 12);
}

static int compare_set_versions(const muv__topology_draft_t *draft,
                                const muv__server_description_t *description)
{
    if (!description->has_set_version || !draft->next.has_max_set_version) {
        return description->has_set_version - draft->next.has_max_set_version;
    }
    return description->set_version == draft->next.max_set_version  ? 0
           : description->set_version < draft->next.max_set_version ? -1
                                                                    : 1;
}

static void keep_election_id(muv__topology_draft_t *draft,
                             const muv__server_description_t *description)
{
    draft->next.has_max_election_id = description->has_election_id;
    memcpy(draft->next.max_election_id, description->election_id, 12);
}

static void keep_set_version(muv__topology_draft_t *draft,
                             const muv__server_description_t *description)
{
    draft->next.has_max_set_version = description->has_set_version;
    draft->next.max_set_version = description->set_version;
}

/* From wire version 17 on (electionId, setVersion) is compared as a pair. */
static int is_stale_primary(muv__topology_draft_t *draft,
                            const muv__server_description_t *description)
{
    int by_id = compare_election_ids(draft, description);
    int by_version = compare_set_versions(draft, description);

    if (by_id < 0 || (by_id == 0 && by_version < 0)) {
        return 1;
    }
    keep_election_id(draft, description);
    keep_set_version(draft, description);
    return 0;
}

/* Before wire version 17 it is (setVersion, electionId), and only when both are there. */
static int is_stale_old_primary(muv__topology_draft_t *draft,
                                const muv__server_description_t *description)
{
    int by_version = compare_set_versions(draft, description);

    if (description->has_set_version && description->has_election_id) {
        if (draft->next.has_max_set_version && draft->next.has_max_election_id &&
            (by_version < 0 || (by_version == 0 && compare_election_ids(draft, description) < 0))) {
            return 1;
        }
        keep_election_id(draft, description);
    }
    if (by_version > 0) {
        keep_set_version(draft, description);
    }
    return 0;
}

/* There is one primary: others have not noticed yet that they are none. Their pools stay as they
 * are, and they are asked at once (SDAM: "updateRSFromPrimary"). */
static void demote_other_primaries(muv__topology_draft_t *draft, const muv__draft_entry_t *primary)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        muv__draft_entry_t *entry = &draft->entries[i];

        if (entry != primary && !entry->removed &&
            entry->now.description->type == MUV__SERVER_RS_PRIMARY) {
            muv__draft_set_unknown(draft, entry, NEWER_PRIMARY);
            entry->effects |= MUV__SERVER_DO_CHECK;
        }
    }
}

static void update_from_primary(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    const muv__server_description_t *description = entry->now.description;
    int stale;

    draft->next.type = MUV__TOPOLOGY_RS_WITH_PRIMARY;
    if (!set_name_fits(draft, description)) {
        muv__draft_remove(draft, entry);
        check_if_has_primary(draft);
        return;
    }
    stale = description->max_wire_version >= 17 ? is_stale_primary(draft, description)
                                                : is_stale_old_primary(draft, description);
    if (stale) {
        muv__draft_set_unknown(draft, entry, STALE_PRIMARY);
        check_if_has_primary(draft);
        return;
    }
    demote_other_primaries(draft, entry);
    add_hosts(draft, description);
    for (uint32_t i = 0; i < draft->count; i++) {
        muv__draft_entry_t *other = &draft->entries[i];

        if (!other->removed && !names_host(description, other->now.server->address)) {
            muv__draft_remove(draft, other);
        }
    }
    check_if_has_primary(draft);
}

static void update_without_primary(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    const muv__server_description_t *description = entry->now.description;

    draft->next.type = MUV__TOPOLOGY_RS_NO_PRIMARY;
    if (!set_name_fits(draft, description)) {
        muv__draft_remove(draft, entry);
        return;
    }
    add_hosts(draft, description);
    muv__draft_hint_primary(draft, description->primary);
    if (is_misnamed(entry)) {
        muv__draft_remove(draft, entry);
    }
}

static void update_with_primary_from_member(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    if (!set_name_fits(draft, entry->now.description) || is_misnamed(entry)) {
        muv__draft_remove(draft, entry);
        check_if_has_primary(draft);
        return;
    }
    /* This member may have been the primary. */
    check_if_has_primary(draft);
    if (draft->next.type == MUV__TOPOLOGY_RS_NO_PRIMARY) {
        muv__draft_hint_primary(draft, entry->now.description->primary);
    }
}

static void remove_and_check(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    muv__draft_remove(draft, entry);
    check_if_has_primary(draft);
}

/* (SDAM: "TopologyType Single": a member of another set is treated as not there.) */
static void apply_single(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    const muv__server_description_t *description = entry->now.description;

    if (draft->next.set_name != NULL && muv__server_is_known(description) &&
        !set_name_fits(draft, description)) {
        muv__draft_set_unknown(draft, entry,
                               "the server is not a member of the replica set that was asked for");
    }
}

static void apply_unknown(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    switch ((muv__server_type_t)entry->now.description->type) {
    case MUV__SERVER_STANDALONE:
        /* A standalone among several seeds is a mistake in the list. */
        if (draft->seed_count == 1) {
            draft->next.type = MUV__TOPOLOGY_SINGLE;
        } else {
            muv__draft_remove(draft, entry);
        }
        break;
    case MUV__SERVER_MONGOS: draft->next.type = MUV__TOPOLOGY_SHARDED; break;
    case MUV__SERVER_RS_PRIMARY: update_from_primary(draft, entry); break;
    case MUV__SERVER_RS_SECONDARY:
    case MUV__SERVER_RS_ARBITER:
    case MUV__SERVER_RS_OTHER: update_without_primary(draft, entry); break;
    case MUV__SERVER_UNKNOWN:
    case MUV__SERVER_POSSIBLE_PRIMARY:
    case MUV__SERVER_RS_GHOST:
    case MUV__SERVER_LOAD_BALANCER: break;
    }
}

static void apply_replica_set(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    int with_primary = draft->next.type == MUV__TOPOLOGY_RS_WITH_PRIMARY;

    switch ((muv__server_type_t)entry->now.description->type) {
    case MUV__SERVER_STANDALONE:
    case MUV__SERVER_MONGOS: remove_and_check(draft, entry); break;
    case MUV__SERVER_RS_PRIMARY: update_from_primary(draft, entry); break;
    case MUV__SERVER_RS_SECONDARY:
    case MUV__SERVER_RS_ARBITER:
    case MUV__SERVER_RS_OTHER:
        if (with_primary) {
            update_with_primary_from_member(draft, entry);
        } else {
            update_without_primary(draft, entry);
        }
        break;
    case MUV__SERVER_UNKNOWN:
    case MUV__SERVER_POSSIBLE_PRIMARY:
    case MUV__SERVER_RS_GHOST: check_if_has_primary(draft); break;
    case MUV__SERVER_LOAD_BALANCER: break;
    }
}

void muv__topology_rules_apply(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    MUV__ASSERT(!entry->removed);
    switch (draft->next.type) {
    case MUV__TOPOLOGY_UNKNOWN: apply_unknown(draft, entry); break;
    case MUV__TOPOLOGY_SINGLE: apply_single(draft, entry); break;
    case MUV__TOPOLOGY_SHARDED:
        if (muv__server_is_known(entry->now.description) &&
            entry->now.description->type != MUV__SERVER_MONGOS) {
            muv__draft_remove(draft, entry);
        }
        break;
    case MUV__TOPOLOGY_RS_NO_PRIMARY:
    case MUV__TOPOLOGY_RS_WITH_PRIMARY: apply_replica_set(draft, entry); break;
    case MUV__TOPOLOGY_LOAD_BALANCED: break;
    }
}
