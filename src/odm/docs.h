/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of pointers to documents. The documents belong to their batch. */
#ifndef MUV__ODM_DOCS_H
#define MUV__ODM_DOCS_H

#include "muv/error.h"

#include "base/mem.h"

typedef struct muv__docs {
    void **items;
    size_t count;
    size_t capacity;
} muv__docs_t;

/* Returns 0 or MUV_ENOMEM. */
static inline int muv__docs_push(muv__docs_t *docs, void *doc)
{
    if (docs->count == docs->capacity) {
        size_t capacity = docs->capacity == 0 ? 16 : docs->capacity * 2;
        void **items = muv__mem_realloc_array(docs->items, capacity, sizeof(void *));

        if (items == NULL) {
            return MUV_ENOMEM;
        }
        docs->items = items;
        docs->capacity = capacity;
    }
    docs->items[docs->count++] = doc;
    return 0;
}

static inline void muv__docs_done(muv__docs_t *docs)
{
    muv__mem_free(docs->items);
    docs->items = NULL;
    docs->count = 0;
    docs->capacity = 0;
}

#endif
