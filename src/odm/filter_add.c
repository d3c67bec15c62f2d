/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions into the tree: typed, named, raw, and groups of them. */
#include "odm/filter.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "odm/value.h"

#include <string.h>

static int fail(muv__filter_t *filter, const char *text)
{
    return muv__error_set(filter->reterr, MUV_EINVAL, "%s: %s", filter->schema->model->name, text);
}

static size_t count_of(const muv_condition_t *condition)
{
    size_t count = 0;

    if (condition->parts == NULL || condition->count != SIZE_MAX) {
        return condition->parts == NULL ? 0 : condition->count;
    }
    while (condition->parts[count].op != MUV_Q_END) {
        count++;
    }
    return count;
}

static muv__group_t *new_group(muv__filter_t *filter)
{
    muv__group_t *group = muv__arena_zalloc(filter->arena, sizeof(*group));

    if (group == NULL) {
        (void)muv__filter_fail(filter, filter->arena->error);
    }
    return group;
}

/* Add the entries of one group to another one, where they merge anew. */
static int move_entries(muv__filter_t *filter, muv__group_t *from, muv__group_t *to)
{
    muv__term_t *entry = from->first;
    int code = 0;

    while (entry != NULL && code == 0) {
        muv__term_t *next = entry->next;

        for (muv__term_t *term = entry; term != NULL && code == 0;) {
            muv__term_t *more = term->more;

            term->next = NULL;
            term->more = NULL;
            term->clash = 0;
            code = muv__group_add(filter, to, term);
            term = more;
        }
        entry = next;
    }
    return code;
}

/* -- Raw documents -- */

static int add_bytes(muv__filter_t *filter, muv__group_t *group, muv__span_t key, uint8_t type,
                     muv__span_t value)
{
    int operators = type == MUV__BSON_DOCUMENT && muv__is_operators(value.data, value.size);
    muv__term_t *term = muv__term_new(filter, operators ? MUV__TERM_OPERATORS : MUV__TERM_PLAIN,
                                      (const char *)key.data, key.size);
    uint8_t *copy = muv__arena_bytes(filter->arena, value.size);

    if (term == NULL || copy == NULL) {
        return filter->arena->error != 0 ? muv__filter_fail(filter, filter->arena->error)
                                         : MUV_EINVAL;
    }
    if (value.size != 0) {
        memcpy(copy, value.data, value.size);
    }
    term->type = type;
    term->value = muv__span(copy, value.size);
    return muv__group_add(filter, group, term);
}

static int add_raw(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    muv__bson_iter_t iter;
    muv__span_t bytes;
    int code = muv__operand_bson(&condition->operand, "a raw condition", &bytes, filter->reterr);

    if (code != 0) {
        return code;
    }
    if (filter->list != NULL) {
        return muv__is_operators(bytes.data, bytes.size)
                   ? add_bytes(filter, group, muv__span("", 0), MUV__BSON_DOCUMENT, bytes)
                   : fail(filter, "a raw condition on plain elements must have operators");
    }
    (void)muv__bson_iter_init(&iter, bytes.data, bytes.size);
    while (code == 0 && muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "$and") && iter.type != MUV__BSON_ARRAY) {
            return fail(filter, "a raw $and must be an array");
        }
        if (iter.key_length == 0) {
            return fail(filter, "a raw condition has an empty key");
        }
        code = add_bytes(filter, group, muv__span(iter.key, iter.key_length), iter.type,
                         muv__span(iter.value, iter.value_size));
    }
    return code;
}

/* -- Groups -- */

static int add_parts(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    size_t count = count_of(condition);
    int code = 0;

    for (size_t i = 0; i < count && code == 0; i++) {
        code = muv__filter_add(filter, group, &condition->parts[i]);
    }
    return code;
}

static int add_alternatives(muv__filter_t *filter, muv__group_t *group, const char *key,
                            muv__group_t *groups)
{
    muv__term_t *term;

    if (filter->list != NULL) {
        return fail(filter, "conditions on plain elements take no alternatives");
    }
    term = muv__term_new(filter, MUV__TERM_ALTERNATIVES, key, strlen(key));
    if (term == NULL) {
        return filter->reterr->code;
    }
    term->groups = groups;
    return muv__group_add(filter, group, term);
}

/* The groups of an inner $or, when it is all that `group` says. */
static muv__group_t *inner_alternatives(const muv__group_t *group)
{
    const muv__term_t *term = group->first;

    return group->count == 1 && term->kind == MUV__TERM_ALTERNATIVES &&
                   strcmp(term->path, "$or") == 0
               ? term->groups
               : NULL;
}

/* Compile each part into a group of its own. Parts that say nothing are left out; an inner $or
 * gives its groups. */
static int make_groups(muv__filter_t *filter, const muv_condition_t *condition, muv__group_t **ret,
                       uint32_t *ret_count)
{
    size_t count = count_of(condition);
    uint32_t made = 0;

    *ret = NULL;
    for (size_t i = 0; i < count; i++) {
        muv__group_t *group = new_group(filter);
        muv__group_t *inner;
        int code;

        if (group == NULL) {
            MUV__ASSERT(filter->reterr->code != 0);
            return filter->reterr->code;
        }
        code = muv__filter_add(filter, group, &condition->parts[i]);
        if (code != 0) {
            return code;
        }
        if (group->count == 0) {
            continue;
        }
        inner = inner_alternatives(group);
        *ret = inner == NULL ? group : inner;
        for (made++; (*ret)->next != NULL; ret = &(*ret)->next) {
            made++;
        }
        ret = &(*ret)->next;
    }
    *ret_count = made;
    return 0;
}

static int add_or(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    muv__group_t *groups;
    uint32_t count;
    int code = make_groups(filter, condition, &groups, &count);

    if (code != 0 || count == 0) {
        return code;
    }
    return count == 1 ? move_entries(filter, groups, group)
                      : add_alternatives(filter, group, "$or", groups);
}

/* None of the parts. A single condition on one field is negated in its place. */
static int add_not(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    muv__group_t *groups;
    muv__term_t *term = NULL;
    uint32_t count;
    int code = make_groups(filter, condition, &groups, &count);

    if (code != 0 || count == 0) {
        return code;
    }
    if (count == 1 && groups->count == 1) {
        code = muv__term_negate(filter, groups->first, &term);
        if (code != 0 || term != NULL) {
            return code != 0 ? code : muv__group_add(filter, group, term);
        }
    }
    return add_alternatives(filter, group, "$nor", groups);
}

/* -- All -- */

static int add_typed(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    muv__query_path_t path;
    int code;

    if (filter->list != NULL) {
        return fail(filter, "conditions on plain elements are written in the string form");
    }
    code = muv__path_of_handle(&path, filter->schema, &condition->path, MUV__PATH_POSITIONS,
                               filter->reterr);
    return code != 0
               ? code
               : muv__filter_add_field(filter, group, &path, condition->op, 0, &condition->operand);
}

static int add(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    switch (condition->op) {
    case MUV_Q_NAMED:
        return muv__filter_add_named(filter, group, condition->name, &condition->operand);
    case MUV_Q_RAW: return add_raw(filter, group, condition);
    case MUV_Q_AND: return add_parts(filter, group, condition);
    case MUV_Q_OR: return add_or(filter, group, condition);
    case MUV_Q_NOT: return add_not(filter, group, condition);
    default: return add_typed(filter, group, condition);
    }
}

int muv__filter_add(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition)
{
    int code;

    if (filter->depth >= MUV__FILTER_MAX_DEPTH) {
        return fail(filter, "conditions are nested too deeply");
    }
    filter->depth++;
    code = add(filter, group, condition);
    filter->depth--;
    return code;
}

int muv__filter_write_elements(muv__filter_t *filter, const muv__query_path_t *path,
                               const muv_condition_t *condition, const char *key, muv__buf_t *buf)
{
    int embedded = path->field->element == MUV_KIND_EMBEDDED;
    muv__filter_t inside = *filter;
    muv__group_t group = {NULL, NULL, NULL, 0};
    int code;

    inside.schema = embedded ? path->field->target : path->schema;
    inside.list = embedded ? NULL : path->field;
    code = muv__filter_add(&inside, &group, condition);
    filter->terms = inside.terms;
    if (code != 0) {
        return code;
    }
    if (group.count == 0) {
        return muv__path_fail(path, filter->reterr, "the condition on elements is empty");
    }
    muv__bson_value(buf, key, strlen(key), MUV__BSON_DOCUMENT, muv__span(NULL, 0));
    muv__group_write(&group, buf);
    return 0;
}
