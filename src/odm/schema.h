/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled form of a model: fields with their hash of stored names, nested schemas, and the
 * image of a new struct. Immutable once muv_models() has returned. */
#ifndef MUV__ODM_SCHEMA_H
#define MUV__ODM_SCHEMA_H

#include "muv/odm/model.h"

#include "base/compiler.h"

#include <stdatomic.h>

/* muv_embedded_t.flags. */
enum {
    MUV__READY = 1 << 0,  /* The header is filled; a struct zeroed by a program is not ready. */
    MUV__PARTIAL = 1 << 1 /* Loaded through a projection: it cannot be written as a whole. */
};

/* Fields whose states fit into the struct. */
#define MUV__STATES_IN_PLACE 32u

/* MongoDB stores at most 100 levels (180 for its own commands). */
#define MUV__MAX_DEPTH 100

/* No field. */
#define MUV__NO_FIELD UINT16_MAX

typedef struct muv__field {
    const char *stored;
    const muv_schema_t *target;
    const muv_field_t *row;
    uint32_t stored_length;
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint32_t element_size; /* Of a list. */
    uint16_t index;
    uint8_t kind;
    uint8_t element;
    uint8_t initial_state; /* In a new struct. */
} muv__field_t;

struct muv_schema {
    const muv_model_t *model;
    const muv_registry_t *registry;
    muv__field_t *fields;
    uint16_t *stored_slots; /* Open addressing: indexes of fields, or MUV__NO_FIELD. */
    uint16_t *name_slots;
    uint8_t *image; /* A new struct with its constant defaults. */
    uint32_t slot_mask;
    uint32_t count;
    uint32_t size;
    uint32_t header_size; /* muv_doc_t or muv_embedded_t. */
    uint16_t primary_key; /* Index, or MUV__NO_FIELD. */
    uint8_t default_fns;  /* Some field has a default function. */
    uint8_t needs_init;   /* The image alone does not make a new struct: functions, wide states. */
};

/* Counted by its maker, by mappers and by batches; the count is atomic because threads share it. */
struct muv_registry {
    struct muv_registry *self; /* For those who hold it as constant, which is all but the count. */
    atomic_uint references;
    muv_schema_t **schemas;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* Open addressing by the address of the model: index + 1, or 0. */
    uint32_t slot_mask;
    void *data;
};

/* One more count, to be given up with muv_registry_free(). NULL is allowed. */
void muv__registry_retain(const muv_registry_t *registry);

/* Field by stored key or by member name; NULL when there is none. */
const muv__field_t *muv__schema_find(const muv_schema_t *schema, const char *stored, size_t length);
const muv__field_t *muv__schema_find_name(const muv_schema_t *schema, const char *name,
                                          size_t length);

/* The primary key's field, or NULL. */
static inline const muv__field_t *muv__schema_key(const muv_schema_t *schema)
{
    return schema->primary_key == MUV__NO_FIELD ? NULL : &schema->fields[schema->primary_key];
}

/* Follow a path of fields, names joined by "." or "__", numbers as positions in lists: the last
 * field. `stored` 1: segments are stored names. NULL when it leads nowhere. */
const muv__field_t *muv__schema_walk(const muv_schema_t *schema, const char *path, int stored);

/* Rules that need no other model: before anything is compiled (check.c). Return 0 or MUV_EMODEL
 * with an error that begins with model and field; or MUV_ENOMEM. */
int muv__model_check(const muv_model_t *model, muv_error_t *reterr);

/* Rules between models: with all targets linked. */
int muv__schema_check(const muv_schema_t *schema, muv_error_t *reterr);

/* Size of the header in a model's struct. */
uint32_t muv__model_header_size(const muv_model_t *model);

static inline int muv__field_is_list(const muv__field_t *field)
{
    return field->kind == MUV_KIND_LIST;
}

#endif
