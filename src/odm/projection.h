/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields a query asked for. Decode marks the others as not loaded. */
#ifndef MUV__ODM_PROJECTION_H
#define MUV__ODM_PROJECTION_H

#include "odm/arena.h"
#include "odm/schema.h"

typedef struct muv__projection muv__projection_t;

struct muv__projection {
    const muv_schema_t *schema;
    uint8_t *loaded;            /* One for each field: 1 was asked for, as a whole or in part. */
    muv__projection_t **inside; /* One for each field: of an embedded one asked for in part. */
};

/* Compile stored paths ("home.c") of an only() (`exclude` 0) or exclude() (1). `_id` is loaded
 * unless it is excluded. A path behind a position or an operator of the server counts as its list.
 * Lives in `arena`. Returns 0, MUV_ENOMEM, or MUV_EINVAL for a path that leads nowhere. */
int muv__projection_new(const muv_schema_t *schema, const char *const *paths, size_t count,
                        int exclude, muv__arena_t *arena, muv__projection_t **ret);

/* A copy in another arena. `projection` NULL gives NULL. Returns 0 or MUV_ENOMEM. */
int muv__projection_copy(const muv__projection_t *projection, muv__arena_t *arena,
                         muv__projection_t **ret);

#endif
