/* SPDX-License-Identifier: Apache-2.0 */
/* Projections as a tree beside the schemas. */
#include "odm/projection.h"

#include "muv/error.h"

#include <string.h>

static muv__projection_t *new_node(const muv_schema_t *schema, int loaded, muv__arena_t *arena)
{
    muv__projection_t *node = muv__arena_zalloc(arena, sizeof(*node));

    if (node == NULL) {
        return NULL;
    }
    node->schema = schema;
    node->loaded = muv__arena_alloc(arena, schema->count);
    node->inside = muv__arena_zalloc(arena, schema->count * sizeof(muv__projection_t *));
    if (node->loaded == NULL || node->inside == NULL) {
        return NULL;
    }
    memset(node->loaded, loaded, schema->count);
    return node;
}

static int is_document(const muv__field_t *field)
{
    return field->kind == MUV_KIND_EMBEDDED || field->element == MUV_KIND_EMBEDDED;
}

/* Step into the part of an embedded field; made when it is not there yet. */
static int enter(muv__projection_t **node, const muv__field_t *field, int exclude,
                 muv__arena_t *arena)
{
    muv__projection_t **inside = &(*node)->inside[field->index];

    if (*inside == NULL) {
        *inside = new_node(field->target, exclude, arena);
        if (*inside == NULL) {
            return arena->error;
        }
    }
    (*node)->loaded[field->index] = 1;
    *node = *inside;
    return 0;
}

static int add_path(muv__projection_t *node, const char *path, int exclude, muv__arena_t *arena)
{
    for (;;) {
        size_t length = strcspn(path, ".");
        const muv__field_t *field = muv__schema_find(node->schema, path, length);
        int code;

        if (field == NULL) {
            return MUV_EINVAL;
        }
        /* Already wholly in (or out): a part of it adds nothing. */
        if (node->loaded[field->index] != exclude && node->inside[field->index] == NULL) {
            return 0;
        }
        path += length;
        if (*path == '\0' || !is_document(field)) {
            node->loaded[field->index] = (uint8_t)!exclude;
            node->inside[field->index] = NULL;
            return 0;
        }
        code = enter(&node, field, exclude, arena);
        if (code != 0) {
            return code;
        }
        path++;
    }
}

int muv__projection_new(const muv_schema_t *schema, const char *const *paths, size_t count,
                        int exclude, muv__arena_t *arena, muv__projection_t **ret)
{
    muv__projection_t *root = new_node(schema, exclude, arena);
    int code = 0;

    if (root == NULL) {
        return arena->error;
    }
    if (!exclude && schema->primary_key != MUV__NO_FIELD) {
        root->loaded[schema->primary_key] = 1;
    }
    for (size_t i = 0; i < count && code == 0; i++) {
        code = add_path(root, paths[i], exclude, arena);
    }
    if (code == 0) {
        *ret = root;
    }
    return code;
}

int muv__projection_copy(const muv__projection_t *projection, muv__arena_t *arena,
                         muv__projection_t **ret)
{
    muv__projection_t *copy;

    if (projection == NULL) {
        *ret = NULL;
        return 0;
    }
    copy = new_node(projection->schema, 0, arena);
    if (copy == NULL) {
        return arena->error;
    }
    memcpy(copy->loaded, projection->loaded, projection->schema->count);
    for (uint32_t i = 0; i < projection->schema->count; i++) {
        int code = muv__projection_copy(projection->inside[i], arena, &copy->inside[i]);

        if (code != 0) {
            return code;
        }
    }
    *ret = copy;
    return 0;
}
