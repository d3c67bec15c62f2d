/* SPDX-License-Identifier: Apache-2.0 */
/* Making, comparing and describing snapshots; life of server records. */
#include "topology/snapshot.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

int muv__topology_server_new(const muv__host_t *host, muv__topology_server_t **ret)
{
    muv__topology_server_t *server = muv__mem_zalloc(sizeof(*server));

    if (server == NULL) {
        return MUV_ENOMEM;
    }
    server->references = 1;
    server->host = *host;
    muv__list_init(&server->link);
    (void)muv__host_format(host, server->address);
    *ret = server;
    return 0;
}

muv__topology_server_t *muv__topology_server_retain(muv__topology_server_t *server)
{
    MUV__ASSERT(server->references > 0);
    server->references++;
    return server;
}

void muv__topology_server_release(muv__topology_server_t *server)
{
    if (server == NULL) {
        return;
    }
    MUV__ASSERT(server->references > 0);
    server->references--;
    if (server->references == 0) {
        MUV__ASSERT(!muv__list_linked(&server->link));
        muv__mem_free(server);
    }
}

/* (SDAM: "Checking wire protocol compatibility"; unknown servers and load balancers say nothing.)
 */
static int is_incompatible(const muv__server_description_t *description)
{
    return muv__server_is_known(description) && description->type != MUV__SERVER_LOAD_BALANCER &&
           (description->min_wire_version > MUV__MAX_WIRE_VERSION ||
            description->max_wire_version < MUV__MIN_WIRE_VERSION);
}

static int takes_writes(muv__topology_type_t topology, const muv__server_description_t *description)
{
    switch (topology) {
    case MUV__TOPOLOGY_SINGLE:
    case MUV__TOPOLOGY_LOAD_BALANCED: return muv__server_is_known(description);
    case MUV__TOPOLOGY_SHARDED: return description->type == MUV__SERVER_MONGOS;
    case MUV__TOPOLOGY_RS_WITH_PRIMARY: return description->type == MUV__SERVER_RS_PRIMARY;
    case MUV__TOPOLOGY_UNKNOWN:
    case MUV__TOPOLOGY_RS_NO_PRIMARY: break;
    }
    return 0;
}

/* What operations ask for again and again is answered once per snapshot. */
static void find_shortcuts(muv__topology_snapshot_t *snapshot)
{
    uint32_t writable = 0;

    snapshot->fast_index = -1;
    snapshot->incompatible_index = -1;
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        const muv__server_description_t *description = snapshot->servers[i].description;

        if (is_incompatible(description) && snapshot->incompatible_index < 0) {
            snapshot->incompatible_index = (int16_t)i;
        }
        if (takes_writes((muv__topology_type_t)snapshot->type, description)) {
            snapshot->fast_index = (int16_t)i;
            writable++;
        }
    }
    if (writable != 1 || snapshot->incompatible_index >= 0) {
        snapshot->fast_index = -1;
    }
    snapshot->sole = snapshot->fast_index >= 0 && snapshot->type != MUV__TOPOLOGY_RS_WITH_PRIMARY;
}

/* (SDAM: logicalSessionTimeoutMinutes: the smallest of all servers that bear data; one without
 * sessions, or none that bears data, means no sessions.) */
static int32_t session_timeout(const muv__topology_snapshot_t *snapshot)
{
    int32_t least = -1;

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        const muv__server_description_t *description = snapshot->servers[i].description;

        if (!muv__server_is_data_bearing(description)) {
            continue;
        }
        if (description->session_timeout_minutes < 0) {
            return -1;
        }
        if (least < 0 || description->session_timeout_minutes < least) {
            least = description->session_timeout_minutes;
        }
    }
    return least;
}

int muv__topology_snapshot_new(const muv__snapshot_source_t *source, muv__topology_snapshot_t **ret)
{
    size_t name_size = source->set_name == NULL ? 0 : strlen(source->set_name) + 1;
    size_t servers_size = source->server_count * sizeof(source->servers[0]);
    muv__topology_snapshot_t *snapshot;

    MUV__ASSERT(source->server_count <= MUV__TOPOLOGY_MAX_SERVERS);
    snapshot = muv__mem_zalloc(sizeof(*snapshot) + servers_size + name_size);
    if (snapshot == NULL) {
        return MUV_ENOMEM;
    }
    snapshot->references = 1;
    snapshot->type = (uint8_t)source->type;
    snapshot->has_max_set_version = source->has_max_set_version;
    snapshot->has_max_election_id = source->has_max_election_id;
    snapshot->max_set_version = source->max_set_version;
    memcpy(snapshot->max_election_id, source->max_election_id, sizeof(source->max_election_id));
    snapshot->server_count = source->server_count;
    for (uint32_t i = 0; i < source->server_count; i++) {
        snapshot->servers[i] = source->servers[i];
        (void)muv__topology_server_retain(source->servers[i].server);
        (void)muv__server_description_retain(source->servers[i].description);
    }
    if (source->set_name != NULL) {
        char *name = (char *)&snapshot->servers[source->server_count];

        memcpy(name, source->set_name, name_size);
        snapshot->set_name = name;
    }
    snapshot->session_timeout_minutes = session_timeout(snapshot);
    find_shortcuts(snapshot);
    *ret = snapshot;
    return 0;
}

muv__topology_snapshot_t *muv__topology_snapshot_retain(muv__topology_snapshot_t *snapshot)
{
    MUV__ASSERT(snapshot->references > 0);
    snapshot->references++;
    return snapshot;
}

void muv__topology_snapshot_release(muv__topology_snapshot_t *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    MUV__ASSERT(snapshot->references > 0);
    snapshot->references--;
    if (snapshot->references > 0) {
        return;
    }
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        muv__topology_server_release(snapshot->servers[i].server);
        muv__server_description_release(snapshot->servers[i].description);
    }
    muv__mem_free(snapshot);
}

const muv__snapshot_entry_t *muv__topology_snapshot_of(const muv__topology_snapshot_t *snapshot,
                                                       const muv__topology_server_t *server)
{
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        if (snapshot->servers[i].server == server) {
            return &snapshot->servers[i];
        }
    }
    return NULL;
}

const muv__snapshot_entry_t *muv__topology_snapshot_find(const muv__topology_snapshot_t *snapshot,
                                                         const char *address)
{
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        if (strcmp(snapshot->servers[i].server->address, address) == 0) {
            return &snapshot->servers[i];
        }
    }
    return NULL;
}

static int names_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

/* Servers keep their order from one snapshot to the next. */
int muv__topology_snapshot_equal(const muv__topology_snapshot_t *a,
                                 const muv__topology_snapshot_t *b)
{
    if (a->type != b->type || a->server_count != b->server_count ||
        !names_equal(a->set_name, b->set_name)) {
        return 0;
    }
    for (uint32_t i = 0; i < a->server_count; i++) {
        if (a->servers[i].server != b->servers[i].server ||
            !muv__server_description_equal(a->servers[i].description, b->servers[i].description)) {
            return 0;
        }
    }
    return 1;
}

void muv__topology_snapshot_text(const muv__topology_snapshot_t *snapshot, char *text, size_t size)
{
    int length =
        snprintf(text, size, "%s:", muv__topology_type_name((muv__topology_type_t)snapshot->type));
    size_t at = (size_t)length;

    MUV__ASSERT(length > 0);
    for (uint32_t i = 0; i < snapshot->server_count && at < size; i++) {
        const muv__snapshot_entry_t *entry = &snapshot->servers[i];
        const char *why = entry->description->error_text;

        length = snprintf(text + at, size - at, "%s %s %s%s%s%s", i == 0 ? "" : ",",
                          entry->server->address,
                          muv__server_type_name((muv__server_type_t)entry->description->type),
                          why == NULL ? "" : " (", why == NULL ? "" : why, why == NULL ? "" : ")");
        at += length > 0 ? (size_t)length : 0;
    }
}

int muv__topology_snapshot_incompatible(const muv__topology_snapshot_t *snapshot,
                                        muv_error_t *reterr)
{
    const muv__snapshot_entry_t *entry;

    MUV__ASSERT(snapshot->incompatible_index >= 0);
    entry = &snapshot->servers[snapshot->incompatible_index];
    if (entry->description->min_wire_version > MUV__MAX_WIRE_VERSION) {
        return muv__error_set(reterr, MUV_ECOMPAT,
                              "Server at %s requires wire version %d, but this version of libmuv "
                              "only supports up to %d.",
                              entry->server->address, (int)entry->description->min_wire_version,
                              MUV__MAX_WIRE_VERSION);
    }
    return muv__error_set(reterr, MUV_ECOMPAT,
                          "Server at %s reports wire version %d, but this version of libmuv "
                          "requires at least %d (MongoDB 4.2).",
                          entry->server->address, (int)entry->description->max_wire_version,
                          MUV__MIN_WIRE_VERSION);
}

const char *muv__topology_type_name(muv__topology_type_t type)
{
    static const char *const names[] = {
        "Unknown",     "Single", "Sharded", "ReplicaSetNoPrimary", "ReplicaSetWithPrimary",
        "LoadBalanced"};

    MUV__ASSERT((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}
