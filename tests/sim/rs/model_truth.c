/* SPDX-License-Identifier: Apache-2.0 */
/* What the set is and what happened in it, for checkers. */
#include "node.h"

#include <inttypes.h>
#include <string.h>

/* --- state -------------------------------------------------------------------------------------*/

rs_state_t rs_state(const rs_set_t *set, unsigned node)
{
    return set->nodes[node].state;
}

int rs_primary(const rs_set_t *set)
{
    int primary = -1;

    for (unsigned i = 0; i < set->count; i++) {
        const rs_node_t *node = &set->nodes[i];

        if (node->state == RS_PRIMARY && (primary < 0 || node->term > set->nodes[primary].term)) {
            primary = (int)i;
        }
    }
    return primary;
}

static bool has_followers(const rs_set_t *set, int primary)
{
    unsigned count = 0;

    for (unsigned i = 0; i < set->count; i++) {
        count += set->nodes[i].state != RS_DOWN && set->nodes[i].leader == primary;
    }
    return count >= rs_majority_of(set);
}

#define STEP_US (50 * SIM_MS)

static void give_up(const rs_set_t *set, const char *what, int64_t limit_us)
{
    rs_dump(set, stderr);
    fail_msg("%s after %" PRId64 " ms", what, limit_us / SIM_MS);
}

unsigned rs_await_primary(rs_set_t *set, int64_t limit_us)
{
    int64_t end_us = rs_now_us(set) + limit_us;
    int primary;

    while ((primary = rs_primary(set)) < 0 || !has_followers(set, primary)) {
        if (rs_now_us(set) >= end_us) {
            give_up(set, "no primary", limit_us);
        }
        sim_run_for(set->world, STEP_US);
    }
    return (unsigned)primary;
}

static bool has_fault(const rs_set_t *set)
{
    static const rs_quality_t good = {0, 0, 0};

    for (unsigned i = 0; i < set->count; i++) {
        const rs_node_t *node = &set->nodes[i];

        if (node->way != RS_WAY_OPEN || node->refusing || node->overload_permille != 0 ||
            node->frozen || node->quiescing || node->work_us != set->opts.work_us ||
            memcmp(&node->quality, &good, sizeof good) != 0) {
            return true;
        }
        for (unsigned k = 0; k < set->count; k++) {
            if (set->cut[i][k] || memcmp(&set->between[i][k], &good, sizeof good) != 0) {
                return true;
            }
        }
    }
    return false;
}

bool rs_is_settled(const rs_set_t *set)
{
    int primary = rs_primary(set);
    const rs_node_t *first;

    if (primary < 0 || has_fault(set)) {
        return false;
    }
    first = &set->nodes[primary];
    for (unsigned i = 0; i < set->count; i++) {
        const rs_node_t *node = &set->nodes[i];

        if (node->state != ((int)i == primary ? RS_PRIMARY : RS_SECONDARY) ||
            node->leader != primary || node->config != set->config ||
            node->log_size != first->log_size || node->committed != node->log_size ||
            rs_common_size(node, first) != node->log_size) {
            return false;
        }
    }
    return true;
}

void rs_settle(rs_set_t *set, int64_t limit_us)
{
    int64_t end_us = rs_now_us(set) + limit_us;

    while (!rs_is_settled(set)) {
        if (rs_now_us(set) >= end_us) {
            give_up(set, "not settled", limit_us);
        }
        sim_run_for(set->world, STEP_US);
    }
}

int64_t rs_election_bound_us(const rs_set_t *set)
{
    /* A start, the patience of the others, and three times a split vote. */
    return 2 * SIM_SECOND + set->opts.election_timeout_us * 3 / 2 * 4;
}

/* --- what the nodes hold -----------------------------------------------------------------------*/

static unsigned count_links(const muv__list_t *list)
{
    unsigned count = 0;

    for (const muv__list_t *at = list->next; at != list; at = at->next) {
        count++;
    }
    return count;
}

rs_holdings_t rs_holdings(const rs_set_t *set, unsigned index)
{
    const rs_node_t *node = &set->nodes[index];
    rs_holdings_t holdings = {.connections = count_links(&node->conns),
                              .cursors = count_links(&node->cursors),
                              .waiting = count_links(&node->jobs),
                              .streams = count_links(&node->streams)};

    for (uint32_t i = 0; i < node->known_capacity; i++) {
        holdings.sessions += node->known_sessions[i];
    }
    return holdings;
}

/* --- history -----------------------------------------------------------------------------------*/

size_t rs_entry_count(const rs_set_t *set)
{
    return set->store.entry_count;
}

const rs_entry_t *rs_entry(const rs_set_t *set, size_t i)
{
    return set->store.entries[i];
}

/* The node whose log counts. */
static const rs_node_t *authority(const rs_set_t *set)
{
    int primary = rs_primary(set);
    const rs_node_t *best = &set->nodes[0];

    if (primary >= 0) {
        return &set->nodes[primary];
    }
    for (unsigned i = 1; i < set->count; i++) {
        const rs_node_t *node = &set->nodes[i];

        if (rs_last_term(node) > rs_last_term(best) ||
            (rs_last_term(node) == rs_last_term(best) && node->log_size > best->log_size)) {
            best = node;
        }
    }
    return best;
}

size_t rs_log_size(const rs_set_t *set)
{
    return authority(set)->log_size;
}

const rs_entry_t *rs_log(const rs_set_t *set, size_t i)
{
    return authority(set)->log[i];
}

bool rs_survived(const rs_set_t *set, const rs_entry_t *entry)
{
    const rs_node_t *node = authority(set);

    return entry->index < node->log_size && node->log[entry->index] == entry;
}

static const rs_version_t *document_by(const rs_set_t *set, const char *ns, const bson_value_t *id)
{
    /* Looking up numbers nothing new: the store does not change for an _id it knows. */
    rs_set_t *own = set->nodes[0].set;
    uint32_t number = rs_store_document(&own->store, ns, id, false);

    return number == RS_NONE ? NULL : rs_image_document(&authority(set)->image, number);
}

const rs_version_t *rs_document(const rs_set_t *set, const char *ns, int64_t id)
{
    bson_value_t value = {.value_type = BSON_TYPE_INT64};

    value.value.v_int64 = id;
    return document_by(set, ns, &value);
}

const rs_version_t *rs_document_named(const rs_set_t *set, const char *ns, const char *id)
{
    bson_value_t value = {.value_type = BSON_TYPE_UTF8};
    char text[200];

    (void)snprintf(text, sizeof text, "%s", id);
    value.value.v_utf8.str = text;
    value.value.v_utf8.len = (uint32_t)strlen(text);
    return document_by(set, ns, &value);
}

void rs_each_document(const rs_set_t *set, const char *ns,
                      void (*fn)(void *data, const rs_version_t *document), void *data)
{
    const rs_image_t *image = &authority(set)->image;
    uint32_t number = rs_map_find(&set->store.namespaces, ns, strlen(ns));
    const rs_collection_t *collection;

    if (number == RS_NONE) {
        return;
    }
    collection = &set->store.collections[number];
    for (uint32_t i = 0; i < collection->count; i++) {
        const rs_version_t *version = rs_image_document(image, collection->sorted[i]);

        if (version != NULL) {
            fn(data, version);
        }
    }
}

size_t rs_reign_count(const rs_set_t *set)
{
    return set->reign_count;
}

const rs_reign_t *rs_reign(const rs_set_t *set, size_t i)
{
    return &set->reigns[i];
}

const rs_counts_t *rs_counts(const rs_set_t *set)
{
    return &set->counts;
}
