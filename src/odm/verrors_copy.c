/* SPDX-License-Identifier: Apache-2.0 */
/* A list of validation errors that outlives where it was found. */
#include "odm/verrors.h"

#include "base/mem.h"

#include <string.h>

static int copy_items(const muv_verrors_t *from, muv_verrors_t *copy)
{
    copy->items = muv__mem_array(from->count, sizeof(*copy->items));
    if (copy->items == NULL) {
        return MUV_ENOMEM;
    }
    copy->capacity = from->count;
    for (size_t i = 0; i < from->count; i++) {
        muv_verror_t *item = &copy->items[i];

        *item = from->items[i];
        item->path = muv__arena_text(&copy->arena, item->path, strlen(item->path));
        item->message = muv__arena_text(&copy->arena, item->message, strlen(item->message));
        if (item->path == NULL || item->message == NULL) {
            return MUV_ENOMEM;
        }
        copy->count++;
    }
    return 0;
}

muv_verrors_t *muv__verrors_copy(const muv_verrors_t *from)
{
    muv_verrors_t *copy = from == NULL ? NULL : muv__mem_zalloc(sizeof(*copy));

    if (copy == NULL) {
        return NULL;
    }
    muv__arena_init(&copy->arena, 1024, SIZE_MAX / 2);
    copy->name = from->name;
    memcpy(copy->key, from->key, sizeof(copy->key));
    copy->error = from->error;
    copy->added = from->added;
    if (copy_items(from, copy) != 0) {
        muv_verrors_free(copy);
        return NULL;
    }
    return copy;
}
