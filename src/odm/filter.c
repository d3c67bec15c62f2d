/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of entries: merging, rendering, copying. */
#include "odm/filter.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"

#include <string.h>

int muv__filter_fail(muv__filter_t *filter, int code)
{
    return muv__error_set(filter->reterr, code, "%s: %s", filter->schema->model->name,
                          code == MUV_ETOOLARGE ? "the query is too large" : muv_error_text(code));
}

/* FNV-1a. */
static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash;
}

muv__term_t *muv__term_new(muv__filter_t *filter, uint8_t kind, const char *path, size_t length)
{
    muv__term_t *term;

    if (++filter->terms > MUV__FILTER_MAX_TERMS) {
        (void)muv__error_set(filter->reterr, MUV_EINVAL, "%s: more than %u conditions",
                             filter->schema->model->name, MUV__FILTER_MAX_TERMS);
        return NULL;
    }
    term = muv__arena_zalloc(filter->arena, sizeof(*term));
    if (term != NULL) {
        term->path = muv__arena_text(filter->arena, path, length);
    }
    if (term == NULL || term->path == NULL) {
        (void)muv__filter_fail(filter, filter->arena->error);
        return NULL;
    }
    term->path_length = (uint32_t)length;
    term->hash = hash_of(path, length);
    term->kind = kind;
    return term;
}

/* -- Merging -- */

static int same_path(const muv__term_t *a, const muv__term_t *b)
{
    return a->hash == b->hash && a->path_length == b->path_length &&
           memcmp(a->path, b->path, a->path_length) == 0;
}

/* Does any document of the entry hold an operator of the term? */
static int shares_operator(const muv__term_t *entry, const muv__term_t *term)
{
    muv__bson_iter_t iter;
    muv__bson_iter_t found;

    (void)muv__bson_iter_init(&iter, term->value.data, term->value.size);
    while (muv__bson_iter_next(&iter)) {
        for (const muv__term_t *at = entry; at != NULL; at = at->more) {
            if (muv__bson_find(at->value.data, at->value.size, iter.key, &found)) {
                return 1;
            }
        }
    }
    return 0;
}

/* $regex with its $options, $near with its distances: what is written together means something
 * together, and another operator between does not change it. */
static int try_merge(muv__term_t *entry, muv__term_t *term)
{
    if (entry->kind != MUV__TERM_OPERATORS || term->kind != MUV__TERM_OPERATORS ||
        shares_operator(entry, term)) {
        return 0;
    }
    while (entry->more != NULL) {
        entry = entry->more;
    }
    entry->more = term;
    return 1;
}

int muv__group_add(muv__filter_t *filter, muv__group_t *group, muv__term_t *term)
{
    int clash = 0;

    for (muv__term_t *entry = group->first; entry != NULL; entry = entry->next) {
        if (same_path(entry, term)) {
            if (try_merge(entry, term)) {
                return 0;
            }
            clash = 1;
        }
    }
    if (clash && term->path_length == 0) {
        return muv__error_set(
            filter->reterr, MUV_EINVAL, "%s.%s: one operator is asked twice of an element",
            filter->schema->model->name, filter->list == NULL ? "" : filter->list->row->name);
    }
    for (muv__term_t *entry = group->first; clash && entry != NULL; entry = entry->next) {
        entry->clash |= (uint8_t)same_path(entry, term);
    }
    term->clash = (uint8_t)clash;
    if (group->last == NULL) {
        group->first = term;
    } else {
        group->last->next = term;
    }
    group->last = term;
    group->count++;
    return 0;
}

/* -- Rendering -- */

static void write_operators(const muv__term_t *term, muv__buf_t *buf)
{
    for (; term != NULL; term = term->more) {
        muv__bson_iter_t iter;

        (void)muv__bson_iter_init(&iter, term->value.data, term->value.size);
        while (muv__bson_iter_next(&iter)) {
            muv__bson_value(buf, iter.key, iter.key_length, iter.type,
                            muv__span(iter.value, iter.value_size));
        }
    }
}

static void write_groups(const muv__term_t *term, muv__buf_t *buf)
{
    muv__bson_mark_t mark = muv__bson_begin_array(buf, term->path, term->path_length);
    uint32_t index = 0;
    char key[11];

    for (const muv__group_t *group = term->groups; group != NULL; group = group->next) {
        size_t length = muv__bson_index_key(key, index++);

        muv__bson_value(buf, key, length, MUV__BSON_DOCUMENT, muv__span(NULL, 0));
        muv__group_write(group, buf);
    }
    muv__bson_end(buf, mark);
}

static void write_term(const muv__term_t *term, muv__buf_t *buf)
{
    muv__bson_mark_t mark;

    switch (term->kind) {
    case MUV__TERM_PLAIN:
        muv__bson_value(buf, term->path, term->path_length, term->type, term->value);
        break;
    case MUV__TERM_ALTERNATIVES: write_groups(term, buf); break;
    default:
        if (term->path_length == 0) {
            write_operators(term, buf);
            break;
        }
        mark = muv__bson_begin_document(buf, term->path, term->path_length);
        write_operators(term, buf);
        muv__bson_end(buf, mark);
        break;
    }
}

/* A raw $and: its documents go into ours. */
static int is_raw_and(const muv__term_t *term)
{
    return term->kind == MUV__TERM_PLAIN && term->type == MUV__BSON_ARRAY &&
           term->path_length == 4 && memcmp(term->path, "$and", 4) == 0;
}

static uint32_t splice_and(const muv__term_t *term, uint32_t index, muv__buf_t *buf)
{
    muv__bson_iter_t iter;
    char key[11];

    (void)muv__bson_iter_init(&iter, term->value.data, term->value.size);
    while (muv__bson_iter_next(&iter)) {
        size_t length = muv__bson_index_key(key, index++);

        muv__bson_value(buf, key, length, iter.type, muv__span(iter.value, iter.value_size));
    }
    return index;
}

static void write_clashes(const muv__group_t *group, muv__buf_t *buf)
{
    muv__bson_mark_t array = muv__bson_begin_array(buf, MUV__KEY("$and"));
    uint32_t index = 0;
    char key[11];

    for (const muv__term_t *term = group->first; term != NULL; term = term->next) {
        muv__bson_mark_t mark;
        size_t length;

        if (is_raw_and(term)) {
            index = splice_and(term, index, buf);
        } else if (term->clash) {
            length = muv__bson_index_key(key, index++);
            mark = muv__bson_begin_document(buf, key, length);
            write_term(term, buf);
            muv__bson_end(buf, mark);
        }
    }
    muv__bson_end(buf, array);
}

void muv__group_write(const muv__group_t *group, muv__buf_t *buf)
{
    muv__bson_mark_t mark = muv__bson_begin(buf);
    int clashes = 0;

    for (const muv__term_t *term = group->first; term != NULL; term = term->next) {
        if (term->clash || is_raw_and(term)) {
            clashes = 1;
        } else {
            write_term(term, buf);
        }
    }
    if (clashes) {
        write_clashes(group, buf);
    }
    muv__bson_end(buf, mark);
}

/* -- Copying: alternatives nest at most MUV__FILTER_MAX_DEPTH deep -- */

static int copy_groups(const muv__group_t *groups, muv__arena_t *arena, muv__group_t **ret)
{
    muv__group_t **tail = ret;

    for (; groups != NULL; groups = groups->next) {
        muv__group_t *copy = muv__arena_zalloc(arena, sizeof(*copy));
        int code;

        if (copy == NULL) {
            return arena->error;
        }
        code = muv__group_copy(groups, arena, copy);
        if (code != 0) {
            return code;
        }
        *tail = copy;
        tail = &copy->next;
    }
    return 0;
}

static int copy_term(const muv__term_t *term, muv__arena_t *arena, muv__term_t **ret)
{
    muv__term_t *copy = muv__arena_alloc(arena, sizeof(*copy));
    char *path = muv__arena_text(arena, term->path, term->path_length);
    uint8_t *value = muv__arena_bytes(arena, term->value.size);
    int code = 0;

    if (copy == NULL || path == NULL || value == NULL) {
        MUV__ASSERT(arena->error != 0);
        return arena->error;
    }
    *copy = *term;
    copy->next = NULL;
    copy->more = NULL;
    copy->groups = NULL;
    copy->path = path;
    if (term->value.size != 0) {
        memcpy(value, term->value.data, term->value.size);
    }
    copy->value.data = value;
    code = copy_groups(term->groups, arena, &copy->groups);
    *ret = copy;
    return code;
}

/* With all that was merged into it. */
static int copy_entry(const muv__term_t *term, muv__arena_t *arena, muv__term_t **ret)
{
    int code = 0;

    while (term != NULL && code == 0) {
        code = copy_term(term, arena, ret);
        if (code == 0) {
            ret = &(*ret)->more;
        }
        term = term->more;
    }
    return code;
}

int muv__group_copy(const muv__group_t *group, muv__arena_t *arena, muv__group_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (const muv__term_t *term = group->first; term != NULL; term = term->next) {
        muv__term_t *copy = NULL;
        int code = copy_entry(term, arena, &copy);

        if (code != 0) {
            return code;
        }
        if (ret->last == NULL) {
            ret->first = copy;
        } else {
            ret->last->next = copy;
        }
        ret->last = copy;
        ret->count++;
    }
    return 0;
}
