/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and walking of plans. */
#include "odm/related_plan.h"

#include "base/error.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

/* Of a path in an error, so that there is room for what is wrong with it. */
#define PATH_SHOWN ((size_t)120)

typedef struct planner {
    muv__arena_t *arena;
    muv__plan_t *plan;
    muv_error_t *reterr;
    const muv_schema_t *root;
    const char *path; /* The path being read. */
    size_t path_length;
} planner_t;

static int fail(const planner_t *p, const char *why)
{
    int shown = (int)(p->path_length < PATH_SHOWN ? p->path_length : PATH_SHOWN);

    return muv__error_set(p->reterr, MUV_EINVAL, "%s.%.*s: %s", p->root->model->name, shown,
                          p->path, why);
}

static int fail_memory(const planner_t *p)
{
    return muv__error_code(p->reterr, p->arena->error);
}

/* --- building ----------------------------------------------------------------------------------*/

static muv__plan_node_t *new_node(planner_t *p, const muv_schema_t *schema, uint32_t level)
{
    muv__plan_node_t *node = muv__arena_zalloc(p->arena, sizeof(*node));
    muv__plan_node_t **at = &p->plan->root;

    if (node == NULL) {
        return NULL;
    }
    while (*at != NULL && (*at)->level <= level) {
        at = &(*at)->next;
    }
    node->next = *at;
    *at = node;
    node->schema = schema;
    node->edges_end = &node->edges;
    node->level = level;
    node->number = ++p->plan->node_count;
    p->plan->level_count = level > p->plan->level_count ? level : p->plan->level_count;
    return node;
}

/* The edge of these steps, made when it is not there yet. NULL when memory ran out. */
static muv__plan_edge_t *take_edge(planner_t *p, muv__plan_node_t *node, const muv__field_t **steps,
                                   uint32_t count)
{
    size_t size = count * sizeof(const muv__field_t *);
    muv__plan_edge_t *edge = node->edges;

    while (edge != NULL && (edge->step_count != count || memcmp(edge->steps, steps, size) != 0)) {
        edge = edge->next;
    }
    if (edge != NULL) {
        return edge;
    }
    edge = muv__arena_zalloc(p->arena, sizeof(*edge));
    if (edge == NULL) {
        return NULL;
    }
    edge->steps = muv__arena_alloc(p->arena, size);
    edge->to = new_node(p, steps[count - 1]->target, node->level + 1);
    if (edge->steps == NULL || edge->to == NULL) {
        return NULL;
    }
    memcpy(edge->steps, steps, size);
    edge->step_count = count;
    *node->edges_end = edge;
    node->edges_end = &edge->next;
    return edge;
}

/* --- reading -----------------------------------------------------------------------------------*/

/* Length of the first segment of `size` bytes, and of what divides it from the next. */
static size_t cut(const char *text, size_t size, size_t *ret_divider)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.') {
            *ret_divider = 1;
            return i;
        }
        if (i != 0 && i + 1 < size && text[i] == '_' && text[i + 1] == '_') {
            *ret_divider = 2;
            return i;
        }
    }
    *ret_divider = 0;
    return size;
}

static unsigned kind_inside(const muv__field_t *field)
{
    return muv__field_is_list(field) ? field->element : field->kind;
}

/* One segment: into an embedded document, or over a reference to the next node. */
static int step(planner_t *p, const char *name, size_t length, muv__plan_node_t **node,
                const muv__field_t **steps, uint32_t *count)
{
    const muv_schema_t *schema = *count == 0 ? (*node)->schema : steps[*count - 1]->target;
    const muv__field_t *field = muv__schema_find_name(schema, name, length);
    muv__plan_edge_t *edge;

    if (field == NULL) {
        return fail(p, "there is no such field");
    }
    if (*count == MUV__RELATED_STEPS || (*node)->level == MUV__RELATED_LEVELS) {
        return fail(p, "the path is too long");
    }
    steps[(*count)++] = field;
    if (kind_inside(field) == MUV_KIND_EMBEDDED) {
        return 0;
    }
    if (kind_inside(field) != MUV_KIND_REFERENCE) {
        return fail(p, "not a reference");
    }
    edge = take_edge(p, *node, steps, *count);
    if (edge == NULL) {
        return fail_memory(p);
    }
    *node = edge->to;
    *count = 0;
    return 0;
}

static int read_path(planner_t *p)
{
    const muv__field_t *steps[MUV__RELATED_STEPS];
    muv__plan_node_t *node = p->plan->root;
    const char *at = p->path;
    size_t left = p->path_length;
    uint32_t count = 0;

    while (left != 0) {
        size_t divider;
        size_t length = cut(at, left, &divider);
        int code = step(p, at, length, &node, steps, &count);

        if (code != 0) {
            return code;
        }
        if (divider != 0 && length + divider == left) {
            return fail(p, "there is no such field");
        }
        at += length + divider;
        left -= length + divider;
    }
    return count == 0 ? 0 : fail(p, "not a reference");
}

int muv__plan_new(const muv_schema_t *schema, const char *paths, muv__arena_t *arena,
                  muv__plan_t *ret, muv_error_t *reterr)
{
    static const char dividers[] = " \t\n,";
    planner_t p = {arena, ret, reterr, schema, paths, 0};

    memset(ret, 0, sizeof(*ret));
    if (new_node(&p, schema, 0) == NULL) {
        return fail_memory(&p);
    }
    for (;;) {
        int code;

        p.path += strspn(p.path, dividers);
        p.path_length = strcspn(p.path, dividers);
        if (p.path_length == 0) {
            return 0;
        }
        code = read_path(&p);
        if (code != 0) {
            return code;
        }
        p.path += p.path_length;
    }
}

/* --- walking -----------------------------------------------------------------------------------*/

typedef struct walker {
    const muv__plan_edge_t *edge;
    muv__visit_ref_t visit;
    void *data;
} walker_t;

static int walk(const walker_t *w, uint32_t index, void *base);

static int walk_value(const walker_t *w, uint32_t index, void *value)
{
    return index + 1 == w->edge->step_count ? w->visit(value, w->data) : walk(w, index + 1, value);
}

/* Not deeper than MUV__RELATED_STEPS. */
static int walk(const walker_t *w, uint32_t index, void *base)
{
    const muv__field_t *field = w->edge->steps[index];
    void *member = muv__member(field, base);
    muv__list_view_t list;
    int code = 0;

    if (!muv__field_is_list(field)) {
        return walk_value(w, index, member);
    }
    list = muv__list_load(member);
    for (uint32_t i = 0; i < list.count && code == 0; i++) {
        code = walk_value(w, index, (uint8_t *)list.data + (size_t)i * field->element_size);
    }
    return code;
}

int muv__plan_visit(const muv__plan_edge_t *edge, void *document, muv__visit_ref_t visit,
                    void *data)
{
    walker_t w = {edge, visit, data};

    return walk(&w, 0, document);
}
