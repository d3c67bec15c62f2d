/* SPDX-License-Identifier: Apache-2.0 */
/* Paths put together from typed handles. Rows are enough for that: no registry is needed. */
#include "muv/odm/condition.h"

/* No handle has this depth, so every use of the path is an error. */
#define BROKEN_DEPTH UINT16_MAX

static muv_path_t broken(muv_path_t path)
{
    path.depth = BROKEN_DEPTH;
    return path;
}

/* The row that a path leads to; NULL when it leads nowhere. Sets *ret_element behind a position. */
static const muv_field_t *row_of(const muv_path_t *path, int *ret_element)
{
    const muv_model_t *model = path->model;
    const muv_field_t *row = NULL;

    *ret_element = 0;
    if (path->depth == 0 || path->depth > MUV_PATH_DEPTH) {
        return NULL;
    }
    for (unsigned i = 0; i < path->depth; i++) {
        if (path->index[i] >= MUV_PATH_POSITION) {
            *ret_element = 1;
            continue;
        }
        if (model == NULL || path->index[i] >= model->field_count) {
            return NULL;
        }
        row = &model->fields[path->index[i]];
        model = row->target;
        *ret_element = 0;
    }
    return row;
}

muv_path_t muv_path_join(muv_path_t outer, muv_path_t inner)
{
    int element;
    const muv_field_t *row = row_of(&outer, &element);

    if (row == NULL || row->target == NULL || row->target != inner.model ||
        (row->kind != MUV_KIND_EMBEDDED && row->element != MUV_KIND_EMBEDDED) ||
        inner.depth > MUV_PATH_DEPTH || outer.depth + inner.depth > MUV_PATH_DEPTH) {
        return broken(outer);
    }
    for (unsigned i = 0; i < inner.depth; i++) {
        outer.index[outer.depth++] = inner.index[i];
    }
    return outer;
}

muv_path_t muv_path_item(muv_path_t list, uint32_t index)
{
    int element;
    const muv_field_t *row = row_of(&list, &element);

    if (row == NULL || row->kind != MUV_KIND_LIST || element || index > MUV_MATCHED ||
        list.depth >= MUV_PATH_DEPTH) {
        return broken(list);
    }
    list.index[list.depth++] = (uint16_t)(MUV_PATH_POSITION + index);
    return list;
}
