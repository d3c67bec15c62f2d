/* SPDX-License-Identifier: Apache-2.0 */
/* New structs and the rule of plain stores: a field that was absent or null stays so while its
 * member still equals what new or decode put there. */
#include "odm/state.h"

#include "muv/error.h"

#include "odm/kind.h"

#include <string.h>

static int alloc_words(const muv_schema_t *schema, muv_embedded_t *header, muv__arena_t *arena)
{
    size_t words = (schema->count + 31) / 32;

    header->states.words = muv__arena_zalloc(arena, words * sizeof(uint64_t));
    return header->states.words == NULL ? arena->error : 0;
}

static void reset_states(const muv_schema_t *schema, void *base)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        muv__state_set(schema, base, i, schema->fields[i].initial_state);
    }
}

/* Call a default function and store its value. */
static int compute_default(const muv_schema_t *schema, const muv__field_t *field, void *base,
                           muv__arena_t *arena)
{
    muv_value_t value;
    int code;

    memset(&value, 0, sizeof(value));
    code = field->row->default_fn(field->row, schema->registry->data, &value);
    if (code != 0) {
        return code;
    }
    if (value.kind == MUV_KIND_STRING && value.as.str.data != NULL) {
        value.as.str.data = muv__arena_text(arena, value.as.str.data, value.as.str.size);
        if (value.as.str.data == NULL) {
            return arena->error;
        }
    }
    if (value.kind == MUV_KIND_BINARY && value.as.bin.data != NULL) {
        value.as.bin.data =
            (const uint8_t *)muv__arena_text(arena, value.as.bin.data, value.as.bin.size);
        if (value.as.bin.data == NULL) {
            return arena->error;
        }
    }
    return muv__value_to_member(&value, field->kind, muv__member(field, base)) ? 0 : MUV_EMODEL;
}

/* Computed defaults cannot be computed again to see whether a member was changed: the struct keeps
 * a copy of itself as it began. */
static int keep_initial(const muv_schema_t *schema, void *base, muv__arena_t *arena)
{
    void *copy = muv__arena_alloc(arena, schema->size);

    if (copy == NULL) {
        return arena->error;
    }
    memcpy(copy, base, schema->size);
    muv__header(base)->initial = copy;
    return 0;
}

static int init_computed(const muv_schema_t *schema, void *base, muv__arena_t *arena)
{
    int code = 0;

    if (schema->count > MUV__STATES_IN_PLACE) {
        code = alloc_words(schema, base, arena);
        if (code != 0) {
            return code;
        }
        reset_states(schema, base);
    }
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (field->kind == MUV_KIND_EMBEDDED && field->target->needs_init) {
            code = init_computed(field->target, muv__member(field, base), arena);
        } else if (field->row->default_fn != NULL) {
            code = compute_default(schema, field, base, arena);
        }
    }
    if (code == 0 && schema->default_fns) {
        code = keep_initial(schema, base, arena);
    }
    return code;
}

int muv__struct_init(const muv_schema_t *schema, void *base, muv__arena_t *arena)
{
    memcpy(base, schema->image, schema->size);
    return schema->needs_init ? init_computed(schema, base, arena) : 0;
}

int muv__struct_ready(const muv_schema_t *schema, void *base, muv__arena_t *arena)
{
    muv_embedded_t *header = base;

    if (header->flags & MUV__READY) {
        return 0;
    }
    if (schema->count > MUV__STATES_IN_PLACE) {
        int code = alloc_words(schema, header, arena);

        if (code != 0) {
            return code;
        }
    }
    header->schema = schema;
    header->flags |= MUV__READY;
    header->initial = NULL;
    reset_states(schema, base);
    return 0;
}

/* Where the struct's beginning is kept. NULL: it began as zeros. A struct that a program zeroed and
 * the mapper made ready later has no defaults either, but may get the image: storing what is the
 * default anyway is no loss. */
static const uint8_t *initial_of(const muv_schema_t *schema, const void *base)
{
    const muv_embedded_t *header = muv__header_of(base);

    if ((header->flags & MUV__READY) == 0) {
        return NULL;
    }
    return header->initial != NULL ? header->initial : schema->image;
}

static void empty_embedded(const muv_schema_t *schema, void *base)
{
    muv_embedded_t *header = base;

    if (!muv__is_ready(base)) {
        memset(base, 0, schema->size);
        return;
    }
    header->raw = NULL;
    header->pending = NULL;
    header->raw_size = 0;
    header->flags = MUV__READY;
    reset_states(schema, base);
    for (uint32_t i = 0; i < schema->count; i++) {
        muv__member_empty(&schema->fields[i], schema, base);
    }
}

void muv__member_empty(const muv__field_t *field, const muv_schema_t *schema, void *base)
{
    const uint8_t *initial = initial_of(schema, base);

    if (field->kind == MUV_KIND_EMBEDDED) {
        empty_embedded(field->target, muv__member(field, base));
        return;
    }
    if (initial == NULL) {
        memset(muv__member(field, base), 0, field->size);
    } else {
        memcpy(muv__member(field, base), initial + field->offset, field->size);
    }
}

/* No member was stored into, and no call said anything about one. */
static int embedded_is_initial(const muv_schema_t *schema, const void *base)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (muv__state_get(schema, base, i) != field->initial_state ||
            !muv__member_is_initial(field, schema, base)) {
            return 0;
        }
    }
    return 1;
}

int muv__member_is_initial(const muv__field_t *field, const muv_schema_t *schema, const void *base)
{
    const void *member = muv__member_of(field, base);
    const uint8_t *initial;

    if (field->kind == MUV_KIND_EMBEDDED) {
        return embedded_is_initial(field->target, member);
    }
    initial = initial_of(schema, base);
    if (initial == NULL || muv__field_is_list(field)) {
        return muv__member_is_zero(field, member);
    }
    return muv__kind_equal(field->kind, member, initial + field->offset);
}

static int embedded_is_zero(const muv_schema_t *schema, const void *base)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (!muv__member_is_zero(field, muv__member_of(field, base))) {
            return 0;
        }
    }
    return 1;
}

int muv__member_is_zero(const muv__field_t *field, const void *member)
{
    static const union {
        muv_ref_t ref;
        muv_scalar_t scalar;
    } zero;

    if (field->kind == MUV_KIND_EMBEDDED) {
        return embedded_is_zero(field->target, member);
    }
    if (muv__field_is_list(field)) {
        return muv__list_load(member).count == 0;
    }
    return muv__kind_equal(field->kind, member, &zero);
}

/* Set, but emptied by a store: a NULL string, a reference without key, an embedded document that
 * was overwritten with zeros. */
static int is_emptied(const muv__field_t *field, const void *member)
{
    if (field->kind == MUV_KIND_EMBEDDED) {
        return !muv__is_ready(member) && embedded_is_zero(field->target, member);
    }
    return muv__kind_is_void(field->kind, member);
}

unsigned muv__state_effective(const muv_schema_t *schema, const void *base, uint32_t index)
{
    const muv__field_t *field = &schema->fields[index];
    unsigned stored = muv__state_get(schema, base, index);
    unsigned state = stored;

    if (state == MUV_STATE_NOT_LOADED) {
        return state;
    }
    if (state != MUV_STATE_SET && !muv__member_is_initial(field, schema, base)) {
        state = MUV_STATE_SET;
    }
    if (state == MUV_STATE_SET && is_emptied(field, muv__member_of(field, base))) {
        state = MUV_STATE_ABSENT;
    }
    /* A field that the stored document lacks is left alone; one that was emptied is not. */
    if (state == MUV_STATE_ABSENT && (field->flags & MUV_NULL) != 0 &&
        (muv__header_of(base)->raw == NULL || stored == MUV_STATE_SET)) {
        state = MUV_STATE_NULL;
    }
    return state;
}

int muv__doc_key(const void *document, muv_value_t *ret)
{
    const muv_schema_t *schema = muv__header_of(document)->schema;
    const muv__field_t *key = schema == NULL ? NULL : muv__schema_key(schema);
    unsigned state;

    if (key == NULL) {
        return 0;
    }
    state = muv__state_effective(schema, document, key->index);
    if (state != MUV_STATE_SET) {
        return 0;
    }
    *ret = muv__value_of_member(key->kind, muv__member_of(key, document));
    return 1;
}
