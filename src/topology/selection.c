/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over sets of servers, in the order of the server selection specification: deprioritized
 * servers, type, staleness, tags, latency window, and two random choices. */
#include "topology/selection.h"

#include "base/assert.h"
#include "base/error.h"

/* (Max staleness: no bound below 90 s, nor below the heartbeat plus the time that an idle primary
 * lets pass between two writes of its own.) */
#define SMALLEST_MAX_STALENESS_S 90
#define IDLE_WRITE_PERIOD_US ((int64_t)10 * 1000000)

static int is_replica_set(const muv__topology_snapshot_t *snapshot)
{
    return snapshot->type == MUV__TOPOLOGY_RS_NO_PRIMARY ||
           snapshot->type == MUV__TOPOLOGY_RS_WITH_PRIMARY;
}

static const muv__server_description_t *at(const muv__topology_snapshot_t *snapshot, uint32_t index)
{
    MUV__DASSERT(index < snapshot->server_count);
    return snapshot->servers[index].description;
}

static int is_deprioritized(const muv__selection_criteria_t *criteria,
                            const muv__topology_server_t *server)
{
    for (uint32_t i = 0; i < criteria->deprioritized_count; i++) {
        if (criteria->deprioritized[i] == server) {
            return 1;
        }
    }
    return 0;
}

static void start_set(const muv__topology_snapshot_t *snapshot,
                      const muv__selection_criteria_t *criteria, int with_deprioritized,
                      muv__server_set_t *set)
{
    set->count = 0;
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        if (with_deprioritized || !is_deprioritized(criteria, snapshot->servers[i].server)) {
            set->indexes[set->count++] = (uint16_t)i;
        }
    }
}

/* Move the servers whose type is in `types` (bits) from `from` to `to`, which may be the same. */
static void keep_types(const muv__topology_snapshot_t *snapshot, const muv__server_set_t *from,
                       unsigned types, muv__server_set_t *to)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < from->count; i++) {
        if ((types >> at(snapshot, from->indexes[i])->type & 1U) != 0) {
            to->indexes[count++] = from->indexes[i];
        }
    }
    to->count = count;
}

#define TYPE(name) (1U << MUV__SERVER_##name)
#define KNOWN_TYPES (~(TYPE(UNKNOWN) | TYPE(POSSIBLE_PRIMARY)))

/* Milliseconds by which a server's last write lay behind its last check; only differences of two
 * servers have a meaning. 0: the server does not tell. */
static int write_age_ms(const muv__server_description_t *description, int64_t *ret)
{
    if (description->last_write_ms == INT64_MIN) {
        return 0;
    }
    *ret = description->last_update_us / 1000 - description->last_write_ms;
    return 1;
}

/* What a secondary's staleness is measured against: the primary's age of writes, or without a
 * primary the last write of the secondary that is ahead. Returns 0 when there is nothing. */
static int find_reference(const muv__topology_snapshot_t *snapshot, int has_primary, int64_t *ret)
{
    int found = 0;

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        const muv__server_description_t *server = at(snapshot, i);

        if (has_primary && server->type == MUV__SERVER_RS_PRIMARY) {
            return write_age_ms(server, ret);
        }
        if (!has_primary && server->type == MUV__SERVER_RS_SECONDARY &&
            server->last_write_ms != INT64_MIN && (!found || server->last_write_ms > *ret)) {
            *ret = server->last_write_ms;
            found = 1;
        }
    }
    return found;
}

static int is_fresh(const muv__server_description_t *server, int has_primary, int64_t reference,
                    int64_t slack_ms)
{
    int64_t age_ms;

    if (!write_age_ms(server, &age_ms)) {
        return 0;
    }
    return has_primary ? age_ms - reference <= slack_ms
                       : reference - server->last_write_ms <= slack_ms;
}

static void keep_fresh(const muv__topology_snapshot_t *snapshot,
                       const muv__selection_criteria_t *criteria, muv__server_set_t *set)
{
    int64_t max_ms = (int64_t)criteria->read_preference->max_staleness_s * 1000;
    int64_t slack_ms = max_ms - criteria->heartbeat_interval_us / 1000;
    int has_primary = snapshot->type == MUV__TOPOLOGY_RS_WITH_PRIMARY;
    int64_t reference = 0;
    uint32_t count = 0;
    int comparable;

    if (max_ms == 0) {
        return;
    }
    comparable = find_reference(snapshot, has_primary, &reference);
    for (uint32_t i = 0; i < set->count; i++) {
        const muv__server_description_t *server = at(snapshot, set->indexes[i]);

        if (server->type != MUV__SERVER_RS_SECONDARY ||
            (comparable && is_fresh(server, has_primary, reference, slack_ms))) {
            set->indexes[count++] = set->indexes[i];
        }
    }
    set->count = count;
}

static int has_tags_of_set(const muv__server_description_t *server,
                           const muv__read_pref_t *preference, uint32_t tag_set)
{
    for (uint32_t i = 0; i < preference->tag_count; i++) {
        const muv__read_tag_t *tag = &preference->tags[i];

        if (tag->set == tag_set && !muv__server_description_has_tag(server, tag->key, tag->value)) {
            return 0;
        }
    }
    return 1;
}

/* The first tag set that any server has decides. */
static void keep_tagged(const muv__topology_snapshot_t *snapshot,
                        const muv__read_pref_t *preference, muv__server_set_t *set)
{
    for (uint32_t tag_set = 0; tag_set < preference->set_count; tag_set++) {
        uint32_t count = 0;

        for (uint32_t i = 0; i < set->count; i++) {
            uint16_t index = set->indexes[i];

            if (has_tags_of_set(at(snapshot, index), preference, tag_set)) {
                /* Swapped, not overwritten: the next tag set sees all servers again. */
                set->indexes[i] = set->indexes[count];
                set->indexes[count++] = index;
            }
        }
        if (count > 0) {
            set->count = count;
            return;
        }
    }
    if (preference->set_count > 0) {
        set->count = 0;
    }
}

static void keep_members(const muv__topology_snapshot_t *snapshot,
                         const muv__selection_criteria_t *criteria, const muv__server_set_t *all,
                         unsigned types, muv__server_set_t *to)
{
    keep_types(snapshot, all, types, to);
    keep_fresh(snapshot, criteria, to);
    keep_tagged(snapshot, criteria->read_preference, to);
}

/* Secondaries that suit, in place. Remembers the primary, which tags and staleness do not concern
 * in the preferred modes. */
static void keep_by_mode(const muv__topology_snapshot_t *snapshot,
                         const muv__selection_criteria_t *criteria, muv__server_set_t *set)
{
    const muv__read_pref_t *preference = criteria->read_preference;
    int mode = preference == NULL || criteria->write ? MUV__READ_PRIMARY : preference->mode;
    int32_t primary = -1;

    for (uint32_t i = 0; i < set->count; i++) {
        if (at(snapshot, set->indexes[i])->type == MUV__SERVER_RS_PRIMARY) {
            primary = set->indexes[i];
        }
    }
    if (mode == MUV__READ_NEAREST) {
        keep_members(snapshot, criteria, set, TYPE(RS_PRIMARY) | TYPE(RS_SECONDARY), set);
        return;
    }
    if (mode == MUV__READ_PRIMARY || (mode == MUV__READ_PRIMARY_PREFERRED && primary >= 0)) {
        set->count = 0;
    } else {
        keep_members(snapshot, criteria, set, TYPE(RS_SECONDARY), set);
    }
    if (set->count == 0 && mode != MUV__READ_SECONDARY && primary >= 0) {
        set->indexes[0] = (uint16_t)primary;
        set->count = 1;
    }
}

static void keep_suitable(const muv__topology_snapshot_t *snapshot,
                          const muv__selection_criteria_t *criteria, muv__server_set_t *set)
{
    switch ((muv__topology_type_t)snapshot->type) {
    case MUV__TOPOLOGY_UNKNOWN: set->count = 0; break;
    case MUV__TOPOLOGY_SINGLE:
    case MUV__TOPOLOGY_LOAD_BALANCED: keep_types(snapshot, set, KNOWN_TYPES, set); break;
    case MUV__TOPOLOGY_SHARDED: keep_types(snapshot, set, TYPE(MONGOS), set); break;
    case MUV__TOPOLOGY_RS_NO_PRIMARY:
    case MUV__TOPOLOGY_RS_WITH_PRIMARY: keep_by_mode(snapshot, criteria, set); break;
    }
}

static int check_staleness(const muv__topology_snapshot_t *snapshot,
                           const muv__selection_criteria_t *criteria, muv_error_t *reterr)
{
    const muv__read_pref_t *preference = criteria->read_preference;
    int64_t max_us;

    if (preference == NULL || criteria->write) {
        return 0;
    }
    if (preference->mode == MUV__READ_PRIMARY &&
        (preference->max_staleness_s != 0 || preference->tag_count != 0)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "read preference primary cannot be combined with tags or "
                              "maxStalenessSeconds");
    }
    if (preference->max_staleness_s == 0 || !is_replica_set(snapshot)) {
        return 0;
    }
    max_us = (int64_t)preference->max_staleness_s * 1000000;
    if (preference->max_staleness_s < SMALLEST_MAX_STALENESS_S ||
        max_us < criteria->heartbeat_interval_us + IDLE_WRITE_PERIOD_US) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "maxStalenessSeconds is %d, but must be at least %d seconds and "
                              "heartbeatFrequencyMS plus 10 seconds",
                              (int)preference->max_staleness_s, SMALLEST_MAX_STALENESS_S);
    }
    return 0;
}

int muv__selection_suitable(const muv__topology_snapshot_t *snapshot,
                            const muv__selection_criteria_t *criteria, muv__server_set_t *ret,
                            muv_error_t *reterr)
{
    int rc;

    ret->count = 0;
    if (snapshot->incompatible_index >= 0) {
        return muv__topology_snapshot_incompatible(snapshot, reterr);
    }
    rc = check_staleness(snapshot, criteria, reterr);
    if (rc != 0) {
        return rc;
    }
    start_set(snapshot, criteria, 0, ret);
    keep_suitable(snapshot, criteria, ret);
    if (ret->count == 0 && criteria->deprioritized_count > 0) {
        start_set(snapshot, criteria, 1, ret);
        keep_suitable(snapshot, criteria, ret);
    }
    return 0;
}

void muv__selection_near(const muv__topology_snapshot_t *snapshot, int64_t local_threshold_us,
                         muv__server_set_t *candidates)
{
    int64_t least_us = INT64_MAX;
    uint32_t count = 0;

    for (uint32_t i = 0; i < candidates->count; i++) {
        int64_t rtt_us = snapshot->servers[candidates->indexes[i]].rtt_us;

        if (rtt_us >= 0 && rtt_us < least_us) {
            least_us = rtt_us;
        }
    }
    for (uint32_t i = 0; i < candidates->count; i++) {
        int64_t rtt_us = snapshot->servers[candidates->indexes[i]].rtt_us;

        /* Without a single measurement (a load balancer) nothing is far. */
        if (least_us == INT64_MAX || (rtt_us >= 0 && rtt_us - least_us <= local_threshold_us)) {
            candidates->indexes[count++] = candidates->indexes[i];
        }
    }
    candidates->count = count;
}

uint32_t muv__selection_choose(const muv__topology_snapshot_t *snapshot,
                               const muv__server_set_t *candidates, uint64_t random)
{
    uint32_t count = candidates->count;
    uint32_t first;
    uint32_t second;

    MUV__ASSERT(count > 0);
    if (count == 1) {
        return candidates->indexes[0];
    }
    /* Two different ones, each with the same chance; the halves are independent. */
    first = (uint32_t)((random & UINT32_MAX) * count >> 32);
    second = (uint32_t)((random >> 32) * (count - 1) >> 32);
    second += second >= first;
    first = candidates->indexes[first];
    second = candidates->indexes[second];
    return snapshot->servers[first].server->operation_count <=
                   snapshot->servers[second].server->operation_count
               ? first
               : second;
}

int muv__selection_search(const muv__topology_snapshot_t *snapshot,
                          const muv__selection_criteria_t *criteria, uint64_t random,
                          const muv__snapshot_entry_t **ret_entry, muv_error_t *reterr)
{
    muv__server_set_t set;
    int rc = muv__selection_suitable(snapshot, criteria, &set, reterr);

    if (rc != 0) {
        return rc;
    }
    if (set.count == 0) {
        *ret_entry = NULL;
        return 0;
    }
    muv__selection_near(snapshot, criteria->local_threshold_us, &set);
    *ret_entry = &snapshot->servers[muv__selection_choose(snapshot, &set, random)];
    return 0;
}
