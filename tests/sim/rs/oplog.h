/* SPDX-License-Identifier: Apache-2.0 */
/* What all nodes of a set share: documents and sessions by number, their states, and entries. A
 * node's data are arrays of pointers to states; applying an entry puts one pointer, undoing it puts
 * the one from before. States are never changed and live as long as the set. */
#ifndef MUV_TESTS_SIM_RS_OPLOG_H
#define MUV_TESTS_SIM_RS_OPLOG_H

#include "model.h"

#include "support/check.h"

/* --- memory that lives as long as the set ------------------------------------------------------*/

typedef struct rs_block rs_block_t;

/* All zero: empty. */
typedef struct rs_arena {
    rs_block_t *blocks;
    size_t used;
    size_t room;
} rs_arena_t;

void *rs_arena_alloc(rs_arena_t *arena, size_t size);
void rs_arena_free(rs_arena_t *arena);

/* --- bytes to numbers --------------------------------------------------------------------------*/

#define RS_NONE UINT32_MAX

/* Numbers the keys it gets 0, 1, 2, ...; all zero: empty. */
typedef struct rs_map {
    struct rs_key {
        const uint8_t *bytes;
        size_t size;
        uint64_t hash;
    } * keys;        /* By number. */
    uint32_t *slots; /* Open addressing; number + 1. */
    uint32_t count;
    uint32_t slot_count;
} rs_map_t;

uint32_t rs_map_find(const rs_map_t *map, const void *key, size_t size);
uint32_t rs_map_add(rs_map_t *map, rs_arena_t *arena, const void *key, size_t size);
void rs_map_free(rs_map_t *map);

uint64_t rs_hash(uint64_t seed, const void *bytes, size_t size);

/* --- documents ---------------------------------------------------------------------------------*/

typedef struct rs_collection {
    const char *ns;
    uint32_t *sorted; /* Documents that ever were, by _id. */
    uint32_t count;
    uint32_t capacity;
} rs_collection_t;

/* The result of one statement of a session, before it others of the same number. */
typedef struct rs_record {
    int64_t txn_number;
    const rs_entry_t *entry;
    const struct rs_record *previous; /* Of the same txn_number, or NULL. */
} rs_record_t;

typedef struct rs_store {
    rs_arena_t arena;
    rs_map_t namespaces;
    rs_collection_t *collections; /* By number of the namespace. */
    rs_map_t documents;           /* Namespace and _id. */
    const bson_value_t **ids;     /* By number of the document. */
    uint32_t id_capacity;
    rs_map_t sessions;
    rs_entry_t **entries;
    size_t entry_count;
    size_t entry_capacity;
} rs_store_t;

void rs_store_free(rs_store_t *store);

uint32_t rs_store_collection(rs_store_t *store, const char *ns);

/* The number of a document; with `add` it gets one, else RS_NONE. */
uint32_t rs_store_document(rs_store_t *store, const char *ns, const bson_value_t *id, bool add);

const rs_version_t *rs_store_version(rs_store_t *store, const bson_t *document);
rs_entry_t *rs_store_entry(rs_store_t *store);

/* The order of sorting by one field. Numbers of all kinds compare. */
int rs_compare_values(const bson_value_t *a, const bson_value_t *b);

/* --- what one node has applied -----------------------------------------------------------------*/

typedef struct rs_image {
    const rs_version_t **documents; /* By number; behind the capacity: NULL. */
    uint32_t document_capacity;
    const rs_record_t **sessions;
    uint32_t session_capacity;
} rs_image_t;

const rs_version_t *rs_image_document(const rs_image_t *image, uint32_t document);
const rs_record_t *rs_image_session(const rs_image_t *image, uint32_t session);
void rs_image_apply(rs_image_t *image, const rs_entry_t *entry);
void rs_image_undo(rs_image_t *image, const rs_entry_t *entry);
void rs_image_free(rs_image_t *image);

/* --- filters and updates -----------------------------------------------------------------------*/

/* Equality, $eq $ne $gt $gte $lt $lte $in $exists on top-level fields; equality with an array's
 * element. Fails the test on anything else. */
bool rs_matches(const bson_t *filter, const bson_t *document);

/* The _id that a filter asks for by equality. */
bool rs_filter_id(const bson_t *filter, bson_value_t *ret);

/* `update` applied to `document`: $set $inc $push $unset $setOnInsert on top-level fields, or a
 * replacement. Returns 0 and a new document, or a server's error code. */
int rs_update(const bson_t *document, const bson_t *update, bool inserting, bson_t *ret);

bson_t *rs_view(const rs_version_t *version, bson_t *storage);

#endif
