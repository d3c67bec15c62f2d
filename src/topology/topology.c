/* SPDX-License-Identifier: Apache-2.0 */
/* The machine around the rules: which replies and errors count, and how a finished draft becomes
 * snapshot, events and effects. */
#include "topology/topology.h"

#include "base/assert.h"
#include "topology/srv.h"
#include "topology/state_change.h"
#include "topology/topology_draft.h"

#include <string.h>

static void emit(muv__topology_t *topology, const muv__topology_event_t *event)
{
    if (topology->emit != NULL) {
        topology->emit(event, topology->emit_data);
    }
}

static void emit_server(muv__topology_t *topology, muv__topology_event_type_t type,
                        muv__topology_server_t *server)
{
    muv__topology_event_t event = {.type = type, .server = server};

    emit(topology, &event);
}

static void emit_changed(muv__topology_t *topology, muv__topology_snapshot_t *from,
                         muv__topology_snapshot_t *to)
{
    muv__topology_event_t event = {
        .type = MUV__TOPOLOGY_CHANGED, .previous_snapshot = from, .snapshot = to};

    emit(topology, &event);
}

static void emit_description(muv__topology_t *topology, const muv__draft_entry_t *entry)
{
    if (entry->removed || entry->previous == NULL ||
        muv__server_description_equal(entry->previous, entry->now.description)) {
        return;
    }
    emit(topology, &(muv__topology_event_t){.type = MUV__TOPOLOGY_SERVER_CHANGED,
                                            .server = entry->now.server,
                                            .previous = entry->previous,
                                            .description = entry->now.description});
}

/* The list of effects holds a count of its own: a removed server outlives its last snapshot until
 * the client has heard of the removal. */
static void queue_effects(muv__topology_t *topology, muv__topology_server_t *server,
                          uint32_t effects)
{
    if (effects == 0) {
        return;
    }
    server->effects |= effects;
    if (!muv__list_linked(&server->link)) {
        (void)muv__topology_server_retain(server);
        muv__list_push_back(&topology->effects, &server->link);
    }
}

muv__topology_server_t *muv__topology_next_effect(muv__topology_t *topology, unsigned *ret_effects)
{
    muv__list_t *node = muv__list_pop_front(&topology->effects);
    muv__topology_server_t *server;

    muv__topology_server_release(topology->fetched);
    topology->fetched = NULL;
    *ret_effects = 0;
    if (node == NULL) {
        return NULL;
    }
    server = MUV__CONTAINER_OF(node, muv__topology_server_t, link);
    *ret_effects = server->effects;
    server->effects = 0;
    topology->fetched = server;
    return server;
}

/* All other effects are moot, except for the ADD that the client has not seen yet: its pool is made
 * and closed. */
static void remove_server(muv__topology_t *topology, muv__topology_server_t *server)
{
    server->removed = 1;
    server->effects &= MUV__SERVER_DO_ADD;
    queue_effects(topology, server, MUV__SERVER_DO_REMOVE);
}

/* Queue what one entry asks for. */
static void settle_entry(muv__topology_t *topology, muv__draft_entry_t *entry)
{
    muv__topology_server_t *server = entry->now.server;

    if (entry->removed) {
        remove_server(topology, server);
        emit_server(topology, MUV__TOPOLOGY_SERVER_CLOSED, server);
        return;
    }
    if (entry->previous == NULL) {
        server->id = topology->next_id++;
        emit_server(topology, MUV__TOPOLOGY_SERVER_OPENING, server);
    }
    if (!muv__server_is_known(entry->now.description)) {
        muv__rtt_reset(&server->rtt);
    }
    queue_effects(topology, server, entry->effects);
}

/* Make the draft the present. On failure nothing has changed. */
static int commit(muv__topology_t *topology, muv__topology_draft_t *draft, unsigned *ret_effects)
{
    muv__topology_snapshot_t *previous = topology->snapshot;
    muv__topology_snapshot_t *next;

    for (uint32_t i = 0; i < draft->count; i++) {
        muv__draft_entry_t *entry = &draft->entries[i];

        if (!muv__server_is_known(entry->now.description)) {
            entry->now.rtt_us = -1;
            entry->now.min_rtt_us = 0;
        }
    }
    if (muv__draft_snapshot(draft, &next) != 0) {
        return MUV_ENOMEM;
    }
    topology->snapshot = next;
    for (uint32_t i = 0; i < draft->count; i++) {
        emit_description(topology, &draft->entries[i]);
    }
    for (uint32_t i = 0; i < draft->count; i++) {
        /* One that was added and dropped again in the same step was never seen by anybody. */
        if (!draft->entries[i].removed || draft->entries[i].previous != NULL) {
            settle_entry(topology, &draft->entries[i]);
        }
    }
    if (!muv__topology_snapshot_equal(previous, next)) {
        emit_changed(topology, previous, next);
    }
    muv__topology_snapshot_release(previous);
    *ret_effects = MUV__TOPOLOGY_DO_WAKE;
    if (!muv__list_empty(&topology->effects)) {
        *ret_effects |= MUV__TOPOLOGY_DO_SERVERS;
    }
    return 0;
}

static muv__topology_type_t first_type(const muv__topology_config_t *config)
{
    if (config->direct) {
        return MUV__TOPOLOGY_SINGLE;
    }
    if (config->load_balanced) {
        return MUV__TOPOLOGY_LOAD_BALANCED;
    }
    return config->set_name != NULL ? MUV__TOPOLOGY_RS_NO_PRIMARY : MUV__TOPOLOGY_UNKNOWN;
}

static int config_is_valid(const muv__topology_config_t *config)
{
    if (config->seed_count > MUV__TOPOLOGY_MAX_SERVERS) {
        return 0;
    }
    if (config->load_balanced && (config->direct || config->set_name != NULL)) {
        return 0;
    }
    return config->seed_count <= 1 || (!config->direct && !config->load_balanced);
}

static int plant_seeds(muv__topology_t *topology, const muv__topology_config_t *config,
                       int64_t now_us)
{
    muv__topology_snapshot_t *before = topology->snapshot;
    muv__topology_draft_t draft;
    int rc;

    muv__draft_init(&draft, topology->empty, config->seed_count, now_us);
    draft.next.type = first_type(config);
    draft.next.set_name = config->set_name;
    for (uint32_t i = 0; i < config->seed_count; i++) {
        muv__draft_add(&draft, &config->seeds[i]);
    }
    for (uint32_t i = 0; i < draft.count; i++) {
        draft.entries[i].now.server->id = topology->next_id++;
    }
    rc = muv__draft_snapshot(&draft, &topology->snapshot);
    if (rc == 0) {
        topology->seed_count = draft.count;
        muv__topology_snapshot_release(before);
    }
    muv__draft_done(&draft);
    return rc;
}

int muv__topology_init(muv__topology_t *topology, const muv__topology_config_t *config,
                       int64_t now_us)
{
    static const muv__snapshot_source_t nothing = {.type = MUV__TOPOLOGY_UNKNOWN};

    memset(topology, 0, sizeof(*topology));
    if (!config_is_valid(config)) {
        return MUV_EINVAL;
    }
    muv__list_init(&topology->effects);
    topology->emit = config->emit;
    topology->emit_data = config->emit_data;
    topology->next_id = 1;
    if (muv__topology_snapshot_new(&nothing, &topology->empty) != 0 ||
        plant_seeds(topology, config, now_us) != 0) {
        muv__topology_done(topology);
        return MUV_ENOMEM;
    }
    return 0;
}

int muv__topology_seed(muv__topology_t *topology, const muv__topology_config_t *config,
                       int64_t now_us)
{
    MUV__ASSERT(!topology->started && topology->snapshot->server_count == 0);
    if (config->seed_count == 0 || !config_is_valid(config)) {
        return MUV_EINVAL;
    }
    return plant_seeds(topology, config, now_us);
}

void muv__topology_done(muv__topology_t *topology)
{
    unsigned effects;

    /* A zeroed list is no list yet. */
    if (topology->effects.next != NULL) {
        while (muv__topology_next_effect(topology, &effects) != NULL) {
        }
    }
    muv__topology_snapshot_release(topology->snapshot);
    muv__topology_snapshot_release(topology->empty);
    memset(topology, 0, sizeof(*topology));
}

static void emit_opening(muv__topology_t *topology)
{
    muv__topology_event_t opening = {.type = MUV__TOPOLOGY_OPENING};

    emit(topology, &opening);
    emit_changed(topology, topology->empty, topology->snapshot);
    for (uint32_t i = 0; i < topology->snapshot->server_count; i++) {
        muv__topology_server_t *server = topology->snapshot->servers[i].server;

        emit_server(topology, MUV__TOPOLOGY_SERVER_OPENING, server);
        queue_effects(topology, server, MUV__SERVER_DO_ADD);
    }
}

/* (Load balancers: the only server is taken as it is, without a check.) */
static int start_load_balanced(muv__topology_t *topology, int64_t now_us, unsigned *ret_effects)
{
    muv__topology_draft_t draft;
    muv__server_description_t *description;
    int rc = muv__server_description_bare(MUV__SERVER_LOAD_BALANCER, now_us, &description);

    if (rc != 0) {
        return rc;
    }
    muv__draft_init(&draft, topology->snapshot, 0, now_us);
    if (draft.error == 0) {
        muv__draft_set(&draft.entries[0], description);
        draft.entries[0].effects = MUV__SERVER_DO_READY;
    }
    muv__server_description_release(description);
    rc = commit(topology, &draft, ret_effects);
    muv__draft_done(&draft);
    return rc;
}

int muv__topology_start(muv__topology_t *topology, int64_t now_us, unsigned *ret_effects)
{
    MUV__ASSERT(!topology->closed);
    MUV__ASSERT(topology->snapshot->server_count > 0);
    *ret_effects = 0;
    if (!topology->started) {
        topology->started = 1;
        emit_opening(topology);
    }
    *ret_effects = MUV__TOPOLOGY_DO_SERVERS;
    if (topology->snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED &&
        topology->snapshot->fast_index < 0) {
        return start_load_balanced(topology, now_us, ret_effects);
    }
    return 0;
}

/* What follows for the server itself when its new description has passed the rules. */
static uint32_t effects_of_check(const muv__topology_draft_t *draft,
                                 const muv__server_description_t *reported,
                                 const muv__draft_entry_t *entry)
{
    const muv__server_description_t *kept = entry->now.description;

    if (reported->failed) {
        return reported->error_code == MUV_ENETTIMEOUT
                   ? MUV__SERVER_DO_CLEAR | MUV__SERVER_DO_INTERRUPT
                   : MUV__SERVER_DO_CLEAR;
    }
    /* (CMAP: a pool becomes ready together with a successful check.) */
    if (muv__server_is_data_bearing(kept) ||
        (draft->next.type == MUV__TOPOLOGY_SINGLE && muv__server_is_known(kept))) {
        return MUV__SERVER_DO_READY;
    }
    return 0;
}

static int apply(muv__topology_t *topology, muv__topology_server_t *server,
                 muv__server_description_t *description, uint32_t effects, int64_t rtt_us,
                 unsigned *ret_effects)
{
    uint32_t extra =
        (uint32_t)description->host_count + description->passive_count + description->arbiter_count;
    muv__topology_draft_t draft;
    muv__rtt_t rtt = server->rtt;
    int rc;

    muv__draft_init(&draft, topology->snapshot, extra, description->last_update_us);
    draft.seed_count = topology->seed_count;
    if (draft.error == 0) {
        muv__draft_entry_t *entry = muv__draft_of(&draft, server);

        MUV__ASSERT(entry != NULL);
        muv__draft_set(entry, description);
        if (rtt_us >= 0) {
            muv__rtt_add(&rtt, rtt_us);
            entry->now.rtt_us = rtt.average_us;
            entry->now.min_rtt_us = muv__rtt_min_us(&rtt);
        }
        muv__topology_rules_apply(&draft, entry);
        entry->effects |= effects != 0 ? effects : effects_of_check(&draft, description, entry);
    }
    if (draft.error == 0) {
        muv__rtt_t before = server->rtt;

        server->rtt = rtt;
        rc = commit(topology, &draft, ret_effects);
        if (rc != 0) {
            server->rtt = before;
        }
    } else {
        rc = draft.error;
    }
    muv__draft_done(&draft);
    return rc;
}

int muv__topology_on_check(muv__topology_t *topology, muv__topology_server_t *server,
                           muv__server_description_t *description, int64_t rtt_us,
                           unsigned *ret_effects)
{
    const muv__snapshot_entry_t *entry;

    *ret_effects = 0;
    if (topology->closed || server->removed ||
        topology->snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED) {
        return 0;
    }
    entry = muv__topology_snapshot_of(topology->snapshot, server);
    MUV__ASSERT(entry != NULL);
    /* An answer that was overtaken by a newer one (SDAM: topologyVersion). */
    if (muv__topology_version_compare(&entry->description->topology_version,
                                      &description->topology_version) > 0) {
        return 0;
    }
    return apply(topology, server, description, 0, rtt_us, ret_effects);
}

/* Server effects that a failure has, or 0; and the topologyVersion it brings. */
static uint32_t effects_of_failure(const muv__topology_failure_t *failure,
                                   const muv__snapshot_entry_t *entry, muv__state_change_t *change)
{
    const muv_error_t *error = failure->error;

    memset(change, 0, sizeof(*change));
    if (error->reply != NULL) {
        muv__state_change_read(error->reply, error->reply_size, change);
    }
    if (change->is_state_change) {
        if (muv__topology_version_compare(&entry->description->topology_version,
                                          &change->topology_version) >= 0) {
            return 0;
        }
        return change->is_shutdown ? MUV__SERVER_DO_CLEAR | MUV__SERVER_DO_CHECK
                                   : MUV__SERVER_DO_CHECK;
    }
    memset(&change->topology_version, 0, sizeof(change->topology_version));
    if (failure->handshaken) {
        /* A slow reply says nothing about the server (SDAM: network timeouts are ignored). */
        return error->code == MUV_ENETWORK || error->code == MUV_ETLS
                   ? MUV__SERVER_DO_CLEAR | MUV__SERVER_DO_CANCEL
                   : 0;
    }
    /* A server that does not take connections may be overloaded: clearing would add to it. */
    if ((error->labels & MUV_LABEL_SYSTEM_OVERLOADED) != 0) {
        return 0;
    }
    switch (error->code) {
    case MUV_ENETWORK:
    case MUV_ENETTIMEOUT: return MUV__SERVER_DO_CLEAR | MUV__SERVER_DO_CANCEL;
    case MUV_EDNS:
    case MUV_ETLS:
    case MUV_EAUTH:
    case MUV_EPROTOCOL:
    case MUV_ESERVER: return MUV__SERVER_DO_CLEAR;
    default: return 0;
    }
}

int muv__topology_on_failure(muv__topology_t *topology, muv__topology_server_t *server,
                             const muv__topology_failure_t *failure, int64_t now_us,
                             unsigned *ret_effects)
{
    const muv__snapshot_entry_t *entry;
    muv__server_description_t *unknown;
    muv__state_change_t change;
    uint32_t effects;
    int rc;

    *ret_effects = 0;
    if (topology->closed || server->removed || failure->generation < failure->pool_generation) {
        return 0;
    }
    entry = muv__topology_snapshot_of(topology->snapshot, server);
    MUV__ASSERT(entry != NULL);
    effects = effects_of_failure(failure, entry, &change);
    if (effects == 0) {
        return 0;
    }
    /* (Load balancers: never marked Unknown, never checked, no other service's pool cleared.) */
    if (topology->snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED) {
        *ret_effects = (effects & MUV__SERVER_DO_CLEAR) != 0 ? MUV__TOPOLOGY_DO_CLEAR_SERVICE : 0;
        return 0;
    }
    rc = muv__server_description_unknown(
        failure->error->server_code != 0 ? failure->error->server_code : failure->error->code,
        failure->error->message, &change.topology_version, now_us, &unknown);
    if (rc != 0) {
        return rc;
    }
    rc = apply(topology, server, unknown, effects, -1, ret_effects);
    muv__server_description_release(unknown);
    return rc;
}

int muv__topology_on_hosts(muv__topology_t *topology, muv__host_t *hosts, uint32_t count,
                           uint32_t max_count, muv__random_t *random, int64_t now_us,
                           unsigned *ret_effects)
{
    muv__topology_draft_t draft;
    int rc;

    MUV__ASSERT(topology->started && count > 0);
    *ret_effects = 0;
    if (topology->closed || !muv__srv_is_polled((muv__topology_type_t)topology->snapshot->type)) {
        return 0;
    }
    muv__draft_init(&draft, topology->snapshot, count, now_us);
    muv__topology_srv_apply(&draft, hosts, count, max_count, random);
    rc = commit(topology, &draft, ret_effects);
    if (rc == 0) {
        topology->seed_count = draft.live_count;
    }
    muv__draft_done(&draft);
    return rc;
}

unsigned muv__topology_request_check(muv__topology_t *topology)
{
    const muv__topology_snapshot_t *snapshot = topology->snapshot;

    if (!topology->started || snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED) {
        return 0;
    }
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        queue_effects(topology, snapshot->servers[i].server, MUV__SERVER_DO_CHECK);
    }
    return snapshot->server_count == 0 ? 0U : (unsigned)MUV__TOPOLOGY_DO_SERVERS;
}

unsigned muv__topology_close(muv__topology_t *topology)
{
    muv__topology_event_t closed = {.type = MUV__TOPOLOGY_CLOSED};
    muv__topology_snapshot_t *last = topology->snapshot;

    MUV__ASSERT(!topology->closed);
    topology->closed = 1;
    topology->snapshot = muv__topology_snapshot_retain(topology->empty);
    for (uint32_t i = 0; i < last->server_count; i++) {
        muv__topology_server_t *server = last->servers[i].server;

        /* What was never started is not opened and not closed. */
        if (!topology->started) {
            server->removed = 1;
        } else {
            remove_server(topology, server);
            emit_server(topology, MUV__TOPOLOGY_SERVER_CLOSED, server);
        }
    }
    if (topology->started) {
        emit_changed(topology, last, topology->snapshot);
        emit(topology, &closed);
    }
    muv__topology_snapshot_release(last);
    return MUV__TOPOLOGY_DO_WAKE |
           (muv__list_empty(&topology->effects) ? 0U : (unsigned)MUV__TOPOLOGY_DO_SERVERS);
}
