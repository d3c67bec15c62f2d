/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for documents and sessions, memory for their states, and a node's image of them. */
#include "oplog.h"

#include "../net_events.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)128 * 1024)

/* --- memory ------------------------------------------------------------------------------------*/

struct rs_block {
    rs_block_t *next;
    max_align_t bytes[];
};

void *rs_arena_alloc(rs_arena_t *arena, size_t size)
{
    uint8_t *memory;

    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size > arena->room - arena->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        rs_block_t *block = sim_alloc(sizeof *block + room);

        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
        arena->room = room;
    }
    memory = (uint8_t *)arena->blocks->bytes + arena->used;
    arena->used += size;
    return memory;
}

void rs_arena_free(rs_arena_t *arena)
{
    while (arena->blocks != NULL) {
        rs_block_t *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    memset(arena, 0, sizeof *arena);
}

/* --- bytes to numbers --------------------------------------------------------------------------*/

/* FNV-1a, with a last mix: its low bits alone are poor. */
uint64_t rs_hash(uint64_t seed, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 29);
}

static uint32_t *find_slot(const rs_map_t *map, uint64_t hash, const void *key, size_t size)
{
    uint32_t at = (uint32_t)hash & (map->slot_count - 1);

    while (map->slots[at] != 0) {
        const struct rs_key *other = &map->keys[map->slots[at] - 1];

        if (other->hash == hash && other->size == size && memcmp(other->bytes, key, size) == 0) {
            break;
        }
        at = (at + 1) & (map->slot_count - 1);
    }
    return &map->slots[at];
}

uint32_t rs_map_find(const rs_map_t *map, const void *key, size_t size)
{
    if (map->slot_count == 0) {
        return RS_NONE;
    }
    return *find_slot(map, rs_hash(0, key, size), key, size) - 1; /* 0 - 1 is RS_NONE. */
}

static void grow_map(rs_map_t *map)
{
    map->slot_count = map->slot_count == 0 ? 64 : map->slot_count * 2;
    free(map->slots);
    map->slots = sim_alloc(map->slot_count * sizeof *map->slots);
    map->keys = sim_resize(map->keys, map->slot_count * sizeof *map->keys);
    for (uint32_t i = 0; i < map->count; i++) {
        *find_slot(map, map->keys[i].hash, map->keys[i].bytes, map->keys[i].size) = i + 1;
    }
}

uint32_t rs_map_add(rs_map_t *map, rs_arena_t *arena, const void *key, size_t size)
{
    uint64_t hash = rs_hash(0, key, size);
    uint32_t *slot;
    uint8_t *bytes;

    if (map->count * 2 >= map->slot_count) {
        grow_map(map);
    }
    slot = find_slot(map, hash, key, size);
    if (*slot == 0) {
        bytes = rs_arena_alloc(arena, size + 1);
        memcpy(bytes, key, size);
        bytes[size] = 0;
        map->keys[map->count] = (struct rs_key){.bytes = bytes, .size = size, .hash = hash};
        *slot = ++map->count;
    }
    return *slot - 1;
}

void rs_map_free(rs_map_t *map)
{
    free(map->keys);
    free(map->slots);
    memset(map, 0, sizeof *map);
}

/* --- values ------------------------------------------------------------------------------------*/

static bool is_number(const bson_value_t *value)
{
    return value->value_type == BSON_TYPE_INT32 || value->value_type == BSON_TYPE_INT64 ||
           value->value_type == BSON_TYPE_DOUBLE;
}

static int64_t as_int64(const bson_value_t *value)
{
    if (value->value_type == BSON_TYPE_INT32) {
        return value->value.v_int32;
    }
    return value->value_type == BSON_TYPE_INT64 ? value->value.v_int64
                                                : (int64_t)value->value.v_double;
}

static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* One value as the only element of a document: bytes for types that are merely compared. */
static void wrap(const bson_value_t *value, bson_t *ret)
{
    bson_init(ret);
    BSON_APPEND_VALUE(ret, "", value);
}

int rs_compare_values(const bson_value_t *a, const bson_value_t *b)
{
    bson_t left;
    bson_t right;
    int order;

    if (is_number(a) && is_number(b)) {
        return (as_int64(a) > as_int64(b)) - (as_int64(a) < as_int64(b));
    }
    if (a->value_type != b->value_type) {
        return is_number(a)   ? -1
               : is_number(b) ? 1
                              : (a->value_type > b->value_type) - (a->value_type < b->value_type);
    }
    if (a->value_type == BSON_TYPE_UTF8) {
        return compare_bytes(a->value.v_utf8.str, a->value.v_utf8.len, b->value.v_utf8.str,
                             b->value.v_utf8.len);
    }
    if (a->value_type == BSON_TYPE_OID) {
        return memcmp(a->value.v_oid.bytes, b->value.v_oid.bytes, 12);
    }
    wrap(a, &left);
    wrap(b, &right);
    order = compare_bytes(bson_get_data(&left), left.len, bson_get_data(&right), right.len);
    bson_destroy(&left);
    bson_destroy(&right);
    return order;
}

/* --- documents ---------------------------------------------------------------------------------*/

uint32_t rs_store_collection(rs_store_t *store, const char *ns)
{
    uint32_t before = store->namespaces.count;
    uint32_t number = rs_map_add(&store->namespaces, &store->arena, ns, strlen(ns));

    if (number == before) {
        store->collections =
            sim_resize(store->collections, (before + 1) * sizeof *store->collections);
        store->collections[number] =
            (rs_collection_t){.ns = (const char *)store->namespaces.keys[number].bytes};
    }
    return number;
}

static uint32_t place_of(const rs_store_t *store, const rs_collection_t *collection,
                         const bson_value_t *id)
{
    uint32_t low = 0;
    uint32_t high = collection->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (rs_compare_values(store->ids[collection->sorted[middle]], id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void add_document(rs_store_t *store, rs_collection_t *collection, uint32_t number,
                         const bson_value_t *id)
{
    bson_value_t *copy = rs_arena_alloc(&store->arena, sizeof *copy);
    uint32_t place = place_of(store, collection, id);

    bson_value_copy(id, copy);
    if (number >= store->id_capacity) {
        store->id_capacity = store->id_capacity == 0 ? 256 : store->id_capacity * 2;
        store->ids = sim_resize(store->ids, store->id_capacity * sizeof *store->ids);
    }
    store->ids[number] = copy;
    if (collection->count == collection->capacity) {
        collection->capacity = collection->capacity == 0 ? 64 : collection->capacity * 2;
        collection->sorted =
            sim_resize(collection->sorted, collection->capacity * sizeof *collection->sorted);
    }
    memmove(collection->sorted + place + 1, collection->sorted + place,
            (collection->count - place) * sizeof *collection->sorted);
    collection->sorted[place] = number;
    collection->count++;
}

uint32_t rs_store_document(rs_store_t *store, const char *ns, const bson_value_t *id, bool add)
{
    uint32_t collection = rs_store_collection(store, ns);
    int64_t integer = is_number(id) ? as_int64(id) : 0;
    uint32_t before = store->documents.count;
    uint32_t number;
    bson_t key;

    /* Equal numbers of different types are one _id. */
    bson_init(&key);
    BSON_APPEND_INT32(&key, "", (int32_t)collection);
    if (is_number(id)) {
        BSON_APPEND_INT64(&key, "", integer);
    } else {
        BSON_APPEND_VALUE(&key, "", id);
    }
    if (!add) {
        number = rs_map_find(&store->documents, bson_get_data(&key), key.len);
    } else {
        number = rs_map_add(&store->documents, &store->arena, bson_get_data(&key), key.len);
        if (number == before) {
            add_document(store, &store->collections[collection], number, id);
        }
    }
    bson_destroy(&key);
    return number;
}

const rs_version_t *rs_store_version(rs_store_t *store, const bson_t *document)
{
    rs_version_t *version = rs_arena_alloc(&store->arena, sizeof *version);
    uint8_t *bytes = rs_arena_alloc(&store->arena, document->len);

    memcpy(bytes, bson_get_data(document), document->len);
    version->bytes = bytes;
    version->size = document->len;
    return version;
}

rs_entry_t *rs_store_entry(rs_store_t *store)
{
    rs_entry_t *entry = rs_arena_alloc(&store->arena, sizeof *entry);

    if (store->entry_count == store->entry_capacity) {
        store->entry_capacity = store->entry_capacity == 0 ? 1024 : store->entry_capacity * 2;
        store->entries = sim_resize(store->entries, store->entry_capacity * sizeof(rs_entry_t *));
    }
    *entry = (rs_entry_t){.ns = "",
                          .txn_number = -1,
                          .document = RS_NONE,
                          .session = RS_NONE,
                          .number = store->entry_count + 1};
    store->entries[store->entry_count++] = entry;
    return entry;
}

void rs_store_free(rs_store_t *store)
{
    for (uint32_t i = 0; i < store->documents.count; i++) {
        bson_value_t copy = *store->ids[i];

        bson_value_destroy(&copy);
    }
    for (uint32_t i = 0; i < store->namespaces.count; i++) {
        free(store->collections[i].sorted);
    }
    free(store->collections);
    free(store->ids);
    free(store->entries);
    rs_map_free(&store->namespaces);
    rs_map_free(&store->documents);
    rs_map_free(&store->sessions);
    rs_arena_free(&store->arena);
}

bson_t *rs_view(const rs_version_t *version, bson_t *storage)
{
    assert_true(bson_init_static(storage, version->bytes, version->size));
    return storage;
}

/* --- a node's image ----------------------------------------------------------------------------*/

/* `count` pointers, NULL behind those there were. */
static void *grow_pointers(void *pointers, uint32_t *capacity, uint32_t needed)
{
    uint32_t before = *capacity;
    const void **grown;

    if (needed <= before) {
        return pointers;
    }
    *capacity = before == 0 ? 256 : before * 2;
    *capacity = *capacity < needed ? needed : *capacity;
    grown = sim_resize(pointers, *capacity * sizeof *grown);
    memset(grown + before, 0, (*capacity - before) * sizeof *grown);
    return grown;
}

const rs_version_t *rs_image_document(const rs_image_t *image, uint32_t document)
{
    return document < image->document_capacity ? image->documents[document] : NULL;
}

const rs_record_t *rs_image_session(const rs_image_t *image, uint32_t session)
{
    return session < image->session_capacity ? image->sessions[session] : NULL;
}

static void put(rs_image_t *image, const rs_entry_t *entry, const rs_version_t *version,
                const rs_record_t *record)
{
    if (entry->document != RS_NONE) {
        image->documents =
            grow_pointers(image->documents, &image->document_capacity, entry->document + 1);
        image->documents[entry->document] = version;
    }
    if (entry->session != RS_NONE) {
        image->sessions =
            grow_pointers(image->sessions, &image->session_capacity, entry->session + 1);
        image->sessions[entry->session] = record;
    }
}

void rs_image_apply(rs_image_t *image, const rs_entry_t *entry)
{
    put(image, entry, entry->after, entry->session_after);
}

void rs_image_undo(rs_image_t *image, const rs_entry_t *entry)
{
    put(image, entry, entry->before, entry->session_before);
}

void rs_image_free(rs_image_t *image)
{
    free(image->documents);
    free(image->sessions);
    memset(image, 0, sizeof *image);
}
