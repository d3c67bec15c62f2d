/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of a topology against a new list of hosts from DNS. */
#include "topology/srv.h"
#include "topology/topology_draft.h"

static int is_listed(const muv__host_t *hosts, uint32_t count, const muv__host_t *host)
{
    for (uint32_t i = 0; i < count; i++) {
        if (muv__host_equal(&hosts[i], host)) {
            return 1;
        }
    }
    return 0;
}

static void remove_unlisted(muv__topology_draft_t *draft, const muv__host_t *hosts, uint32_t count)
{
    for (uint32_t i = 0; i < draft->count; i++) {
        muv__draft_entry_t *entry = &draft->entries[i];

        if (!is_listed(hosts, count, &entry->now.server->host)) {
            muv__draft_remove(draft, entry);
        }
    }
}

/* Bring those that are no servers yet to the front. Returns their number. */
static uint32_t gather_new(muv__topology_draft_t *draft, muv__host_t *hosts, uint32_t count)
{
    char address[MUV__HOST_TEXT_SIZE];
    uint32_t fresh = 0;

    for (uint32_t i = 0; i < count; i++) {
        muv__host_t host = hosts[i];

        (void)muv__host_format(&host, address);
        if (muv__draft_find(draft, address) == NULL) {
            hosts[i] = hosts[fresh];
            hosts[fresh++] = host;
        }
    }
    return fresh;
}

void muv__topology_srv_apply(muv__topology_draft_t *draft, muv__host_t *hosts, uint32_t count,
                             uint32_t max_count, muv__random_t *random)
{
    uint32_t fresh;

    if (draft->error != 0) {
        return;
    }
    remove_unlisted(draft, hosts, count);
    fresh = gather_new(draft, hosts, count);
    if (max_count != 0) {
        uint32_t room = max_count > draft->live_count ? max_count - draft->live_count : 0;

        fresh = room == 0 ? 0 : muv__srv_choose(hosts, fresh, room, random);
    }
    for (uint32_t i = 0; i < fresh; i++) {
        muv__draft_add(draft, &hosts[i]);
    }
}
