/* SPDX-License-Identifier: Apache-2.0 */
/* The states of fields, stored and effective, and new structs. A stored state is two bits in the
 * struct's header; the effective one also sees what plain stores did to the member. */
#ifndef MUV__ODM_STATE_H
#define MUV__ODM_STATE_H

#include "muv/odm/types.h"

#include "odm/batch.h"
#include "odm/schema.h"

/* Headers: every struct begins with a muv_embedded_t, a document's within its muv_doc_t. */
static inline muv_embedded_t *muv__header(void *base)
{
    return base;
}

static inline const muv_embedded_t *muv__header_of(const void *base)
{
    return base;
}

static inline int muv__is_ready(const void *base)
{
    return (muv__header_of(base)->flags & MUV__READY) != 0;
}

static inline void *muv__member(const muv__field_t *field, void *base)
{
    return (uint8_t *)base + field->offset;
}

static inline const void *muv__member_of(const muv__field_t *field, const void *base)
{
    return (const uint8_t *)base + field->offset;
}

static inline unsigned muv__state_get(const muv_schema_t *schema, const void *base, uint32_t index)
{
    const muv_embedded_t *header = muv__header_of(base);
    uint64_t word;

    if (MUV__UNLIKELY((header->flags & MUV__READY) == 0)) {
        return schema->fields[index].initial_state;
    }
    word = schema->count <= MUV__STATES_IN_PLACE ? header->states.bits
                                                 : header->states.words[index / 32];
    return (unsigned)(word >> (index % 32 * 2)) & 3u;
}

/* The struct must be ready. */
static inline void muv__state_set(const muv_schema_t *schema, void *base, uint32_t index,
                                  unsigned state)
{
    muv_embedded_t *header = base;
    uint64_t *word = schema->count <= MUV__STATES_IN_PLACE ? &header->states.bits
                                                           : &header->states.words[index / 32];
    unsigned shift = index % 32 * 2;

    *word = (*word & ~((uint64_t)3 << shift)) | (uint64_t)state << shift;
}

/* Make `base` a new struct of `schema`, defaults applied. Everything in it is overwritten. Returns
 * 0, MUV_ENOMEM, MUV_ETOOLARGE or what a default function returned. */
int muv__struct_init(const muv_schema_t *schema, void *base, muv__arena_t *arena);

/* Fill the header of a struct that a program zeroed; its members stay. Returns 0 or MUV_ENOMEM. */
int muv__struct_ready(const muv_schema_t *schema, void *base, muv__arena_t *arena);

/* Put a member back to what new or decode put there. */
void muv__member_empty(const muv__field_t *field, const muv_schema_t *schema, void *base);

/* Does the member equal what new or decode put there? */
int muv__member_is_initial(const muv__field_t *field, const muv_schema_t *schema, const void *base);

/* Is every byte of the member zero that a program could have stored into? */
int muv__member_is_zero(const muv__field_t *field, const void *member);

/* MUV_STATE_* as a save sees it. */
unsigned muv__state_effective(const muv_schema_t *schema, const void *base, uint32_t index);

/* The primary key of a document. Returns 1, or 0 when it has none (yet). */
int muv__doc_key(const void *document, muv_value_t *ret);

#endif
