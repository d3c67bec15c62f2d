/* SPDX-License-Identifier: Apache-2.0 */
/* An update from inside: changes with encoded values, in the order in which they were added. */
#ifndef MUV__ODM_UPDATE_H
#define MUV__ODM_UPDATE_H

#include "muv/odm/update.h"

#include "base/buf.h"
#include "base/span.h"
#include "odm/arena.h"
#include "odm/query_path.h"

#define MUV__UPDATE_MAX_CHANGES 1000u
#define MUV__UPDATE_MAX_FILTERS 100u

typedef struct muv__change {
    struct muv__change *next;
    const char *path;
    size_t length;
    muv__span_t value;
    uint8_t op; /* MUV_U_*. */
    uint8_t type;
} muv__change_t;

struct muv_update {
    muv__arena_t arena;
    const muv_registry_t *registry;
    const muv_schema_t *schema;
    muv__change_t *first;
    muv__change_t *last;
    uint32_t count;
    muv__span_t filters[MUV__UPDATE_MAX_FILTERS];
    uint32_t filter_count;
    muv_verrors_t *verrors;
    muv__buf_t bson;
    uint8_t prepared;
    muv_error_t error;
    muv_error_t invalid; /* The first broken rule. */
};

/* What a change is given besides its path. */
typedef struct muv__change_in {
    uint8_t op;
    uint8_t has_position; /* Of a push. */
    int32_t position;
    const muv_operand_t *operand;
    const muv_condition_t *condition; /* Of a pull. */
} muv__change_in_t;

/* NULL, or `update` when it may be changed. */
muv_update_t *muv__update_open(muv_update_t *update);

/* Keep the first error. */
void muv__update_fail(muv_update_t *update, int code);

/* Add one change: update_change.c. Returns 0 or a code, with update->error set unless it is the
 * arena's. */
int muv__update_add(muv_update_t *update, const muv__query_path_t *path,
                    const muv__change_in_t *in);

/* Check an operand against the row: update_check.c. Broken rules go into update->verrors. Returns
 * 0, or MUV_ENOMEM and the like. */
enum {
    MUV__CHECK_FIELD = 0, /* It becomes the field, or the element at the path. */
    MUV__CHECK_ELEMENTS,  /* It is, or its elements are, added to the list. */
    MUV__CHECK_REMOVAL    /* The field goes away. */
};
int muv__update_check(muv_update_t *update, const muv__query_path_t *path, int what,
                      const muv_operand_t *operand);

/* Make the document. Returns 0 or a code, and fills `reterr`. */
int muv__update_prepare(muv_update_t *update, muv_error_t *reterr);

#endif
