/* SPDX-License-Identifier: Apache-2.0 */
/* The working copy of a topology: plain array operations, no rules. */
#include "topology/topology_draft.h"

#include "base/assert.h"
#include "base/mem.h"
#include "topology/topology.h"

#include <string.h>

void muv__draft_init(muv__topology_draft_t *draft, const muv__topology_snapshot_t *snapshot,
                     uint32_t extra_count, int64_t now_us)
{
    memset(draft, 0, sizeof(*draft));
    draft->now_us = now_us;
    draft->next.type = (muv__topology_type_t)snapshot->type;
    draft->next.has_max_set_version = snapshot->has_max_set_version;
    draft->next.has_max_election_id = snapshot->has_max_election_id;
    draft->next.max_set_version = snapshot->max_set_version;
    memcpy(draft->next.max_election_id, snapshot->max_election_id, 12);
    draft->next.set_name = snapshot->set_name;
    draft->capacity = snapshot->server_count + extra_count;
    draft->entries = muv__mem_array(draft->capacity + (size_t)1, sizeof(draft->entries[0]));
    if (draft->entries == NULL) {
        draft->error = MUV_ENOMEM;
        draft->capacity = 0;
        return;
    }
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        muv__draft_entry_t *entry = &draft->entries[i];

        entry->now = snapshot->servers[i];
        entry->previous = entry->now.description;
        (void)muv__topology_server_retain(entry->now.server);
        (void)muv__server_description_retain(entry->now.description);
    }
    draft->count = snapshot->server_count;
    draft->live_count = snapshot->server_count;
}

void muv__draft_done(muv__topology_draft_t *draft)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        muv__topology_server_release(draft->entries[i].now.server);
        muv__server_description_release(draft->entries[i].now.description);
    }
    muv__mem_free(draft->entries);
    memset(draft, 0, sizeof(*draft));
}

muv__draft_entry_t *muv__draft_find(muv__topology_draft_t *draft, const char *address)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        muv__draft_entry_t *entry = &draft->entries[i];

        if (!entry->removed && strcmp(entry->now.server->address, address) == 0) {
            return entry;
        }
    }
    return NULL;
}

muv__draft_entry_t *muv__draft_of(muv__topology_draft_t *draft,
                                  const muv__topology_server_t *server)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        if (draft->entries[i].now.server == server && !draft->entries[i].removed) {
            return &draft->entries[i];
        }
    }
    return NULL;
}

void muv__draft_add(muv__topology_draft_t *draft, const muv__host_t *host)
{
    char address[MUV__HOST_TEXT_SIZE];
    muv__draft_entry_t *entry;

    (void)muv__host_format(host, address);
    if (draft->error != 0 || draft->live_count == MUV__TOPOLOGY_MAX_SERVERS ||
        muv__draft_find(draft, address) != NULL) {
        return;
    }
    MUV__ASSERT(draft->count < draft->capacity);
    entry = &draft->entries[draft->count];
    draft->error = muv__topology_server_new(host, &entry->now.server);
    if (draft->error != 0) {
        return;
    }
    draft->error =
        muv__server_description_unknown(0, NULL, NULL, draft->now_us, &entry->now.description);
    if (draft->error != 0) {
        muv__topology_server_release(entry->now.server);
        return;
    }
    entry->now.rtt_us = -1;
    entry->effects = MUV__SERVER_DO_ADD;
    draft->count++;
    draft->live_count++;
}

/* Addresses in descriptions were parsed once and written in canonical form. */
void muv__draft_add_address(muv__topology_draft_t *draft, const char *address)
{
    muv__host_t host;
    int rc = muv__host_parse(address, strlen(address), &host);

    MUV__ASSERT(rc == 0);
    /* A server must not be able to point the client at a socket of the client's own machine. */
    if (host.kind != MUV__HOST_UNIX) {
        muv__draft_add(draft, &host);
    }
}

void muv__draft_remove(muv__topology_draft_t *draft, muv__draft_entry_t *entry)
{
    MUV__ASSERT(!entry->removed);
    entry->removed = 1;
    draft->live_count--;
}

void muv__draft_set(muv__draft_entry_t *entry, muv__server_description_t *description)
{
    (void)muv__server_description_retain(description);
    muv__server_description_release(entry->now.description);
    entry->now.description = description;
}

void muv__draft_set_unknown(muv__topology_draft_t *draft, muv__draft_entry_t *entry,
                            const char *error_text)
{
    muv__server_description_t *unknown;

    if (draft->error != 0) {
        return;
    }
    draft->error = muv__server_description_unknown(0, error_text, NULL, draft->now_us, &unknown);
    if (draft->error == 0) {
        muv__draft_set(entry, unknown);
        muv__server_description_release(unknown);
    }
}

void muv__draft_hint_primary(muv__topology_draft_t *draft, const char *address)
{
    muv__draft_entry_t *entry = address == NULL ? NULL : muv__draft_find(draft, address);
    muv__server_description_t *hint;

    if (draft->error != 0 || entry == NULL || entry->now.description->type != MUV__SERVER_UNKNOWN) {
        return;
    }
    draft->error = muv__server_description_bare(MUV__SERVER_POSSIBLE_PRIMARY, draft->now_us, &hint);
    if (draft->error == 0) {
        muv__draft_set(entry, hint);
        muv__server_description_release(hint);
    }
}

int muv__draft_snapshot(muv__topology_draft_t *draft, muv__topology_snapshot_t **ret)
{
    muv__snapshot_entry_t *servers;
    int rc;

    if (draft->error != 0) {
        return draft->error;
    }
    servers = muv__mem_array(draft->live_count + (size_t)1, sizeof(*servers));
    if (servers == NULL) {
        return MUV_ENOMEM;
    }
    draft->next.server_count = 0;
    for (uint32_t i = 0; i < draft->count; i++) {
        if (!draft->entries[i].removed) {
            servers[draft->next.server_count++] = draft->entries[i].now;
        }
    }
    draft->next.servers = servers;
    rc = muv__topology_snapshot_new(&draft->next, ret);
    draft->next.servers = NULL;
    muv__mem_free(servers);
    return rc;
}
