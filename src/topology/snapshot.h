/* SPDX-License-Identifier: Apache-2.0 */
/* All server descriptions at one moment, immutable and counted (SDAM: TopologyDescription). Every
 * accepted change makes a new snapshot; who holds an old one keeps a consistent picture.
 *
 * A server has a record of its own that stays the same through all snapshots: its address, its
 * round trip times and the client's pointer. Snapshots count their servers, so an old snapshot may
 * name a server that is no longer there (`removed`). */
#ifndef MUV__SNAPSHOT_H
#define MUV__SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/host.h"
#include "base/list.h"
#include "topology/rtt.h"
#include "topology/server_description.h"

/* More are never monitored: seeds beyond are refused, hosts that servers name beyond are ignored.
 */
#define MUV__TOPOLOGY_MAX_SERVERS 1024

/* Wire versions of the servers this version works with: MongoDB 4.2 to 8.2. */
#define MUV__MIN_WIRE_VERSION 8
#define MUV__MAX_WIRE_VERSION 27

typedef enum muv__topology_type {
    MUV__TOPOLOGY_UNKNOWN,
    MUV__TOPOLOGY_SINGLE,
    MUV__TOPOLOGY_SHARDED,
    MUV__TOPOLOGY_RS_NO_PRIMARY,
    MUV__TOPOLOGY_RS_WITH_PRIMARY,
    MUV__TOPOLOGY_LOAD_BALANCED
} muv__topology_type_t;

typedef struct muv__topology_server {
    uint32_t references;
    uint32_t id;              /* From 1, in order of appearance, never reused in one topology. */
    uint32_t operation_count; /* The client's: +1 at selection, -1 when the operation ends. */
    uint32_t effects;         /* MUV__SERVER_DO_* not yet fetched. */
    uint8_t removed;
    void *owner;      /* The client's own data about this server; never touched here. */
    muv__list_t link; /* Among those with effects. */
    muv__rtt_t rtt;
    muv__host_t host;
    char address[MUV__HOST_TEXT_SIZE]; /* muv__host_format(host). */
} muv__topology_server_t;

typedef struct muv__snapshot_entry {
    muv__topology_server_t *server;
    muv__server_description_t *description;
    int64_t rtt_us;     /* Average; -1: none yet. */
    int64_t min_rtt_us; /* 0: not known. */
} muv__snapshot_entry_t;

typedef struct muv__topology_snapshot {
    uint32_t references;
    uint8_t type; /* muv__topology_type_t. */
    uint8_t has_max_set_version;
    uint8_t has_max_election_id;
    uint8_t max_election_id[12];
    uint8_t sole;       /* `fast_index` suits every operation, whatever its read preference. */
    int16_t fast_index; /* The only server for writes and primary reads, or -1. */
    int16_t incompatible_index;      /* A server whose wire versions do not fit ours, or -1. */
    int32_t session_timeout_minutes; /* -1: sessions are not supported. */
    int64_t max_set_version;
    const char *set_name; /* NULL: none is known. */
    uint32_t server_count;
    muv__snapshot_entry_t servers[];
} muv__topology_snapshot_t;

/* What a snapshot is made from. */
typedef struct muv__snapshot_source {
    muv__topology_type_t type;
    uint8_t has_max_set_version;
    uint8_t has_max_election_id;
    uint8_t max_election_id[12];
    int64_t max_set_version;
    const char *set_name;                 /* [borrow] Copied. */
    const muv__snapshot_entry_t *servers; /* [borrow] Servers and descriptions are retained. */
    uint32_t server_count;
} muv__snapshot_source_t;

/* Returns 0 or MUV_ENOMEM. */
int muv__topology_snapshot_new(const muv__snapshot_source_t *source,
                               muv__topology_snapshot_t **ret);

/* Not for concurrent use. Retain gives its argument back; release takes NULL. */
muv__topology_snapshot_t *muv__topology_snapshot_retain(muv__topology_snapshot_t *snapshot);
void muv__topology_snapshot_release(muv__topology_snapshot_t *snapshot);

/* The entry of a server by its record or address, or NULL. */
const muv__snapshot_entry_t *muv__topology_snapshot_of(const muv__topology_snapshot_t *snapshot,
                                                       const muv__topology_server_t *server);
const muv__snapshot_entry_t *muv__topology_snapshot_find(const muv__topology_snapshot_t *snapshot,
                                                         const char *address);

/* Equal for events: type, set name, and the same servers with equal descriptions. */
int muv__topology_snapshot_equal(const muv__topology_snapshot_t *a,
                                 const muv__topology_snapshot_t *b);

/* One line for error messages ("ReplicaSetNoPrimary: a:27017 Unknown (why), ..."), cut to `size`
 * bytes with its NUL. */
void muv__topology_snapshot_text(const muv__topology_snapshot_t *snapshot, char *text, size_t size);

/* Fill the error of an incompatible server with the text the specification fixes. */
int muv__topology_snapshot_incompatible(const muv__topology_snapshot_t *snapshot,
                                        muv_error_t *reterr);

/* A new record with one reference. Returns 0 or MUV_ENOMEM. */
int muv__topology_server_new(const muv__host_t *host, muv__topology_server_t **ret);
muv__topology_server_t *muv__topology_server_retain(muv__topology_server_t *server);
void muv__topology_server_release(muv__topology_server_t *server);

/* The name the specifications give ("ReplicaSetWithPrimary"). */
const char *muv__topology_type_name(muv__topology_type_t type);

#endif
