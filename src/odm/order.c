/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names: the order, and what a query loads. */
#include "odm/query.h"

#include "base/error.h"

#include <string.h>

#define SEPARATORS " ,\t\n"

/* The next name of a list; returns its length, 0 at the end. */
static size_t next_name(const char **at)
{
    *at += strspn(*at, SEPARATORS);
    return strcspn(*at, SEPARATORS);
}

/* -- Order -- */

static int has_key(const muv_query_t *query, const char *path)
{
    for (const muv__order_key_t *key = query->order; key != NULL; key = key->next) {
        if (strcmp(key->path, path) == 0) {
            return 1;
        }
    }
    return 0;
}

static int add_key(muv_query_t *query, const char *name, size_t length)
{
    int sign = name[0] == '-' || name[0] == '+';
    muv__order_key_t **tail = &query->order;
    muv__order_key_t *key;
    muv__query_path_t path;
    int code = muv__path_of_name(&path, query->schema, name + sign, length - (size_t)sign,
                                 MUV__PATH_POSITIONS, &query->error);

    if (code != 0) {
        return code;
    }
    if (has_key(query, path.text)) {
        return muv__path_fail(&path, &query->error, "the order names this field twice");
    }
    key = muv__arena_zalloc(&query->arena, sizeof(*key));
    if (key != NULL) {
        key->path = muv__arena_text(&query->arena, path.text, path.length);
    }
    if (key == NULL || key->path == NULL) {
        return query->arena.error;
    }
    key->direction = name[0] == '-' ? -1 : 1;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = key;
    return 0;
}

int muv__query_parse_order(muv_query_t *query, const char *names)
{
    size_t length = next_name(&names);
    int code = 0;

    while (length != 0 && code == 0) {
        code = add_key(query, names, length);
        names += length;
        length = next_name(&names);
    }
    return code;
}

int muv__query_default_order(muv_query_t *query)
{
    const char *const *names = query->schema->model->ordering;
    int code = 0;

    if (query->order_given || query->order != NULL || names == NULL) {
        return 0;
    }
    for (; *names != NULL && code == 0; names++) {
        code = add_key(query, *names, strlen(*names));
    }
    if (code != 0) {
        query->order = NULL;
    }
    return code;
}

/* -- Projection -- */

/* Does `outer` cover `inner`: the same path, or a struct around it? */
static int covers(const muv__query_name_t *outer, const muv__query_name_t *inner)
{
    return outer->length <= inner->length && memcmp(outer->path, inner->path, outer->length) == 0 &&
           (inner->path[outer->length] == '.' || outer->length == inner->length);
}

/* A part of what is wanted as a whole cannot be left out. */
static int contradicts(const muv_query_t *query, const muv__query_name_t *added)
{
    for (const muv__query_name_t *name = query->names; name != NULL; name = name->next) {
        const muv__query_name_t *only = added->excluded ? name : added;
        const muv__query_name_t *excluded = added->excluded ? added : name;

        if (name->excluded != added->excluded && only->length < excluded->length &&
            covers(only, excluded)) {
            return 1;
        }
    }
    return 0;
}

static int add_name(muv_query_t *query, const char *text, size_t length, int excluded)
{
    muv__query_path_t path;
    muv__query_name_t *name;
    int code = muv__path_of_name(&path, query->schema, text, length, 0, &query->error);

    if (code != 0) {
        return code;
    }
    if (path.field == muv__schema_key(query->schema)) {
        query->id_excluded |= (uint8_t)excluded;
        return 0;
    }
    name = muv__arena_zalloc(&query->arena, sizeof(*name));
    if (name != NULL) {
        name->path = muv__arena_text(&query->arena, path.text, path.length);
    }
    if (name == NULL || name->path == NULL) {
        return query->arena.error;
    }
    name->length = (uint32_t)path.length;
    name->excluded = (uint8_t)excluded;
    if (contradicts(query, name)) {
        return muv__path_fail(&path, &query->error,
                              "a part is excluded of what only() wants as a whole");
    }
    if (query->names == NULL) {
        query->names = name;
    } else {
        query->last_name->next = name;
    }
    query->last_name = name;
    return 0;
}

int muv__query_parse_names(muv_query_t *query, const char *names, int excluded)
{
    size_t length = names == NULL ? 0 : next_name(&names);
    int code = 0;

    if (length == 0) {
        return muv__error_set(&query->error, MUV_EINVAL, "%s: %s() without names",
                              query->schema->model->name, excluded ? "exclude" : "only");
    }
    query->only_given |= (uint8_t)!excluded;
    query->paths = NULL;
    while (length != 0 && code == 0) {
        code = add_name(query, names, length, excluded);
        names += length;
        length = next_name(&names);
    }
    return code;
}

/* Is the name part of the projection? What another one covers is not: the server takes no path
 * together with one inside it. */
static int counts(const muv_query_t *query, const muv__query_name_t *name)
{
    int before = 1;

    if (name->excluded != !query->only_given) {
        return 0;
    }
    for (const muv__query_name_t *other = query->names; other != NULL; other = other->next) {
        if (other == name) {
            before = 0;
        } else if (covers(other, name) &&
                   (other->excluded != name->excluded || other->length < name->length || before)) {
            /* Of two equal ones the first counts. */
            return 0;
        }
    }
    return 1;
}

int muv__query_finish_names(muv_query_t *query)
{
    uint32_t count = 0;

    if (query->paths != NULL) {
        return 0;
    }
    query->path_count = 0;
    for (const muv__query_name_t *name = query->names; name != NULL; name = name->next) {
        count++;
    }
    if (count == 0) {
        return 0;
    }
    query->paths = muv__arena_alloc(&query->arena, count * sizeof(*query->paths));
    if (query->paths == NULL) {
        return query->arena.error;
    }
    for (const muv__query_name_t *name = query->names; name != NULL; name = name->next) {
        if (counts(query, name)) {
            query->paths[query->path_count++] = name->path;
        }
    }
    return 0;
}
