/* SPDX-License-Identifier: Apache-2.0 */
/* The identity map: entries in the order in which they came, and a table of their numbers. */
#include "odm/identity.h"

#include "muv/error.h"

#include "base/mem.h"
#include "odm/key.h"

#include <string.h>

#define FIRST_CAPACITY 32u
#define MAX_ENTRIES (UINT32_C(1) << 29)

void muv__identity_done(muv__identity_t *map)
{
    muv__mem_free(map->entries);
    muv__mem_free(map->slots);
    memset(map, 0, sizeof(*map));
}

static uint32_t first_slot(const muv__identity_t *map, const muv_schema_t *schema,
                           const muv_value_t *key)
{
    uint64_t hash = muv__key_hash(key) ^ (uint64_t)(uintptr_t)schema;

    /* The high bits of a product depend on all bits of its factors. */
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32) & map->slot_mask;
}

/* The slot of an entry, or the empty one where it belongs. */
static uint32_t find_slot(const muv__identity_t *map, const muv_schema_t *schema,
                          const muv_value_t *key)
{
    uint32_t slot = first_slot(map, schema, key);

    while (map->slots[slot] != 0) {
        const muv__identity_entry_t *entry = &map->entries[map->slots[slot] - 1];

        if (entry->schema == schema && muv__key_equal(&entry->key, key)) {
            break;
        }
        slot = (slot + 1) & map->slot_mask;
    }
    return slot;
}

int64_t muv__identity_find(const muv__identity_t *map, const muv_schema_t *schema,
                           const muv_value_t *key)
{
    return map->count == 0 ? -1 : (int64_t)map->slots[find_slot(map, schema, key)] - 1;
}

/* Twice as many entries, and always twice as many slots as entries. */
static int grow(muv__identity_t *map)
{
    uint32_t capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2;
    muv__identity_entry_t *entries;
    uint32_t *slots;

    if (capacity > MAX_ENTRIES) {
        return MUV_ENOMEM;
    }
    entries = muv__mem_realloc_array(map->entries, capacity, sizeof(*entries));
    if (entries == NULL) {
        return MUV_ENOMEM;
    }
    map->entries = entries;
    slots = muv__mem_array((size_t)capacity * 2, sizeof(*slots));
    if (slots == NULL) {
        return MUV_ENOMEM;
    }
    muv__mem_free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    map->slot_mask = capacity * 2 - 1;
    for (uint32_t i = 0; i < map->count; i++) {
        map->slots[find_slot(map, entries[i].schema, &entries[i].key)] = i + 1;
    }
    return 0;
}

int64_t muv__identity_add(muv__identity_t *map, const muv_schema_t *schema, const muv_value_t *key,
                          int *ret_new)
{
    muv__identity_entry_t *entry;
    uint32_t slot;

    *ret_new = 0;
    if (map->count == map->capacity && grow(map) != 0) {
        return MUV_ENOMEM;
    }
    slot = find_slot(map, schema, key);
    if (map->slots[slot] != 0) {
        return (int64_t)map->slots[slot] - 1;
    }
    entry = &map->entries[map->count];
    memset(entry, 0, sizeof(*entry));
    entry->schema = schema;
    entry->key = *key;
    map->slots[slot] = ++map->count;
    *ret_new = 1;
    return (int64_t)map->count - 1;
}
