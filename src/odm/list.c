/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow in the document's own memory. What a list outgrows stays in the arena until the
 * batch ends: capacities double, so that is never more than what the list holds. */
#include "muv/odm/document.h"

#include "odm/kind.h"
#include "odm/place.h"
#include "odm/state.h"

#include <string.h>

#define SMALLEST_CAPACITY 4u

static uint32_t grown_capacity(uint32_t count, uint32_t needed)
{
    uint32_t capacity = count < SMALLEST_CAPACITY / 2 ? SMALLEST_CAPACITY
                        : count > UINT32_MAX / 2      ? UINT32_MAX
                                                      : count * 2;

    return capacity < needed ? needed : capacity;
}

int muv_list_reserve(void *document, void *list, size_t element_size, uint32_t extra)
{
    muv_doc_t *doc = document;
    muv__list_view_t view;
    uint32_t capacity;
    void *data;

    if (document == NULL || doc->batch == NULL || list == NULL || element_size == 0) {
        return MUV_EINVAL;
    }
    view = muv__list_load(list);
    if (extra > UINT32_MAX - view.count) {
        return MUV_ETOOLARGE;
    }
    if (view.capacity >= view.count && extra <= view.capacity - view.count) {
        return 0;
    }
    capacity = grown_capacity(view.count, view.count + extra);
    if (capacity > SIZE_MAX / element_size) {
        return MUV_ETOOLARGE;
    }
    data = muv__arena_alloc(&doc->batch->arena, capacity * element_size);
    if (data == NULL) {
        return doc->batch->arena.error;
    }
    if (view.count != 0) {
        memcpy(data, view.data, view.count * element_size);
    }
    view.data = data;
    view.capacity = capacity;
    muv__list_store(list, view);
    return 0;
}

static int find_list(void *document, const void *list, muv__place_t *ret)
{
    return document != NULL && muv__place_find(document, list, ret) &&
           muv__field_is_list(ret->field);
}

void *muv_list_add(void *document, void *list)
{
    muv_doc_t *doc = document;
    muv__place_t place;
    muv__list_view_t view;
    uint8_t *element;

    if (!find_list(document, list, &place) ||
        muv_list_reserve(document, list, place.field->element_size, 1) != 0) {
        return NULL;
    }
    view = muv__list_load(list);
    element = (uint8_t *)view.data + (size_t)view.count * place.field->element_size;
    memset(element, 0, place.field->element_size);
    if (place.field->element == MUV_KIND_EMBEDDED &&
        muv__struct_init(place.field->target, element, &doc->batch->arena) != 0) {
        return NULL;
    }
    view.count++;
    muv__list_store(list, view);
    return element;
}

int muv_list_remove(void *document, void *list, uint32_t index)
{
    muv__place_t place;
    muv__list_view_t view;
    uint8_t *element;

    if (!find_list(document, list, &place)) {
        return MUV_EINVAL;
    }
    view = muv__list_load(list);
    if (index >= view.count) {
        return MUV_EINVAL;
    }
    element = (uint8_t *)view.data + (size_t)index * place.field->element_size;
    memmove(element, element + place.field->element_size,
            (size_t)(view.count - 1 - index) * place.field->element_size);
    view.count--;
    muv__list_store(list, view);
    return 0;
}
