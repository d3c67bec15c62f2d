/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a member: by offset within a struct, then through lists of embedded documents. */
#include "odm/place.h"

#include "odm/kind.h"
#include "odm/state.h"

/* Byte offset of `pointer` within `size` bytes at `base`, or -1. Pointers into different objects
 * are compared as numbers. */
static int64_t offset_in(const void *base, size_t size, const void *pointer)
{
    uintptr_t begin = (uintptr_t)base;
    uintptr_t at = (uintptr_t)pointer;

    return at < begin || at - begin >= size ? -1 : (int64_t)(at - begin);
}

static int find_in_struct(const muv_schema_t *schema, void *base, const void *member, int depth,
                          muv__place_t *ret);

static int find_in_list(const muv__field_t *field, void *base, const void *member, int depth,
                        muv__place_t *ret)
{
    muv__list_view_t list = muv__list_load(muv__member(field, base));
    uint8_t *elements = list.data;
    int64_t offset = offset_in(elements, (size_t)list.count * field->element_size, member);
    uint32_t first = 0;
    uint32_t end = list.count;

    if (list.count == 0) {
        return 0;
    }
    if (offset >= 0) {
        first = (uint32_t)((uint64_t)offset / field->element_size);
        end = first + 1;
    }
    for (uint32_t i = first; i < end; i++) {
        if (find_in_struct(field->target, elements + (size_t)i * field->element_size, member,
                           depth + 1, ret)) {
            return 1;
        }
    }
    return 0;
}

static int find_in_struct(const muv_schema_t *schema, void *base, const void *member, int depth,
                          muv__place_t *ret)
{
    int64_t offset = offset_in(base, schema->size, member);

    if (depth > MUV__MAX_DEPTH) {
        return 0;
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (offset == (int64_t)field->offset) {
            ret->schema = schema;
            ret->field = field;
            ret->base = base;
            return 1;
        }
        if (field->kind == MUV_KIND_EMBEDDED &&
            find_in_struct(field->target, muv__member(field, base), member, depth + 1, ret)) {
            return 1;
        }
        /* A member of this struct lies in none of its lists. */
        if (offset < 0 && field->element == MUV_KIND_EMBEDDED &&
            find_in_list(field, base, member, depth, ret)) {
            return 1;
        }
    }
    return 0;
}

int muv__place_find(void *document, const void *member, muv__place_t *ret)
{
    const muv_schema_t *schema = muv__header_of(document)->schema;

    return member != NULL && schema != NULL && find_in_struct(schema, document, member, 0, ret);
}
