/* SPDX-License-Identifier: Apache-2.0 */
/* The identity map of one result: at most one document for each collection and primary key, so that
 * references to the same document lead to the same struct, and circles end. */
#ifndef MUV__ODM_IDENTITY_H
#define MUV__ODM_IDENTITY_H

#include "muv/odm/types.h"

typedef struct muv__identity_entry {
    const muv_schema_t *schema;
    muv_value_t key; /* Text and bytes are borrowed from the result. */
    void *doc;       /* NULL: wanted, or missing. */
    uint32_t stamp;  /* The user's; 0 in a new entry. */
} muv__identity_entry_t;

typedef struct muv__identity {
    muv__identity_entry_t *entries;
    uint32_t *slots; /* Open addressing: number of an entry + 1, or 0. */
    uint32_t count;
    uint32_t capacity;
    uint32_t slot_mask;
} muv__identity_t;

/* All zero is an empty map. */
void muv__identity_done(muv__identity_t *map);

/* The number of an entry, or -1. */
int64_t muv__identity_find(const muv__identity_t *map, const muv_schema_t *schema,
                           const muv_value_t *key);

/* Find or add. `*ret_new` 1: it was added. Returns its number or MUV_ENOMEM. */
int64_t muv__identity_add(muv__identity_t *map, const muv_schema_t *schema, const muv_value_t *key,
                          int *ret_new);

#endif
