/* SPDX-License-Identifier: Apache-2.0 */
/* Query sets: life, building calls, errors. */
#include "odm/query.h"

#include "base/bson_writer.h"
#include "base/error.h"
#include "base/mem.h"
#include "odm/value.h"

#include <string.h>

#define FIRST_BLOCK_BYTES 512

/* -- Life -- */

static muv_query_t *new_query(const muv_registry_t *registry)
{
    muv_query_t *query = muv__mem_zalloc(sizeof(*query));

    if (query != NULL) {
        query->registry = registry;
        muv__arena_init(&query->arena, FIRST_BLOCK_BYTES, MUV__QUERY_MAX_BYTES);
        muv__buf_init(&query->bson, MUV__QUERY_MAX_BYTES);
    }
    return query;
}

muv_query_t *muv_query_new(const muv_registry_t *registry, const muv_model_t *model)
{
    muv_query_t *query = registry == NULL ? NULL : new_query(registry);

    if (query == NULL) {
        return NULL;
    }
    query->schema = muv_registry_find(registry, model);
    if (query->schema == NULL || model->role != MUV_ROLE_DOCUMENT) {
        (void)muv__error_set(&query->error, MUV_EINVAL, "%s: no model with a collection",
                             model == NULL ? "(none)" : model->name);
    }
    return query;
}

void muv_query_free(muv_query_t *query)
{
    if (query != NULL) {
        muv__buf_done(&query->bson);
        muv__arena_done(&query->arena);
        muv__mem_free(query);
    }
}

const muv_error_t *muv_query_error(const muv_query_t *query)
{
    static const muv_error_t no_memory = {
        .domain = MUV_DOMAIN_CLIENT, .code = MUV_ENOMEM, .message = "out of memory"};

    if (query == NULL) {
        return &no_memory;
    }
    return query->error.code == 0 ? NULL : &query->error;
}

muv_query_t *muv__query_change(muv_query_t *query)
{
    if (query == NULL || query->error.code != 0) {
        return NULL;
    }
    query->prepared = 0;
    return query;
}

void muv__query_fail(muv_query_t *query, int code)
{
    if (code != 0 && query->error.code == 0) {
        (void)muv__error_set(&query->error, code, "%s: %s", query->schema->model->name,
                             code == MUV_ETOOLARGE ? "the query is too large"
                                                   : muv_error_text(code));
    }
}

static void fail(muv_query_t *query, const char *text)
{
    (void)muv__error_set(&query->error, MUV_EINVAL, "%s: %s", query->schema->model->name, text);
}

/* -- Copies -- */

static const char *copy_text(const char *text, muv__arena_t *arena)
{
    return text == NULL ? NULL : muv__arena_text(arena, text, strlen(text));
}

static int copy_bytes(muv__span_t bytes, muv__arena_t *arena, muv__span_t *ret)
{
    char *copy = bytes.size == 0 ? NULL : muv__arena_text(arena, bytes.data, bytes.size);

    if (bytes.size != 0 && copy == NULL) {
        return arena->error;
    }
    *ret = muv__span(copy, bytes.size);
    return 0;
}

static int copy_order(const muv_query_t *query, muv_query_t *copy)
{
    muv__order_key_t **tail = &copy->order;

    for (const muv__order_key_t *key = query->order; key != NULL; key = key->next) {
        muv__order_key_t *made = muv__arena_zalloc(&copy->arena, sizeof(*made));
        const char *path = copy_text(key->path, &copy->arena);

        if (made == NULL || path == NULL) {
            return copy->arena.error;
        }
        made->path = path;
        made->direction = key->direction;
        *tail = made;
        tail = &made->next;
    }
    return 0;
}

static int copy_names(const muv_query_t *query, muv_query_t *copy)
{
    muv__query_name_t **tail = &copy->names;

    for (const muv__query_name_t *name = query->names; name != NULL; name = name->next) {
        muv__query_name_t *made = muv__arena_alloc(&copy->arena, sizeof(*made));
        const char *path = copy_text(name->path, &copy->arena);

        if (made == NULL || path == NULL) {
            return copy->arena.error;
        }
        *made = *name;
        made->path = path;
        made->next = NULL;
        *tail = made;
        tail = &made->next;
        copy->last_name = made;
    }
    return 0;
}

static int copy_options(const muv_query_t *query, muv_query_t *copy)
{
    int code = copy_bytes(query->hint_keys, &copy->arena, &copy->hint_keys);

    code = code != 0 ? code : copy_bytes(query->collation, &copy->arena, &copy->collation);
    copy->hint = copy_text(query->hint, &copy->arena);
    copy->comment = copy_text(query->comment, &copy->arena);
    if ((query->hint != NULL && copy->hint == NULL) ||
        (query->comment != NULL && copy->comment == NULL)) {
        return copy->arena.error;
    }
    copy->limit = query->limit;
    copy->skip = query->skip;
    copy->max_time_ms = query->max_time_ms;
    copy->batch_size = query->batch_size;
    copy->none = query->none;
    copy->order_given = query->order_given;
    copy->only_given = query->only_given;
    copy->id_excluded = query->id_excluded;
    return code;
}

muv_query_t *muv_query_clone(const muv_query_t *query)
{
    muv_query_t *copy = query == NULL ? NULL : new_query(query->registry);
    int code;

    if (copy == NULL) {
        return NULL;
    }
    copy->schema = query->schema;
    copy->terms = query->terms;
    copy->error = query->error;
    code = muv__group_copy(&query->filter, &copy->arena, &copy->filter);
    code = code != 0 ? code : copy_order(query, copy);
    code = code != 0 ? code : copy_names(query, copy);
    code = code != 0 ? code : copy_options(query, copy);
    if (code != 0) {
        muv_query_free(copy);
        return NULL;
    }
    return copy;
}

/* -- Building -- */

muv_query_t *muv_query_filter(muv_query_t *query, muv_condition_t condition)
{
    muv_query_t *q = muv__query_change(query);
    muv__filter_t filter;

    if (q == NULL) {
        return query;
    }
    memset(&filter, 0, sizeof(filter));
    filter.arena = &q->arena;
    filter.reterr = &q->error;
    filter.schema = q->schema;
    filter.terms = q->terms;
    muv__query_fail(q, muv__filter_add(&filter, &q->filter, &condition));
    q->terms = filter.terms;
    return q;
}

muv_query_t *muv_query_order(muv_query_t *query, const char *names)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        q->order = NULL;
        q->order_given = 1;
        muv__query_fail(q, names == NULL ? 0 : muv__query_parse_order(q, names));
    }
    return query;
}

muv_query_t *muv_query_limit(muv_query_t *query, int64_t limit)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL && limit < 0) {
        fail(q, "limit is negative");
    } else if (q != NULL) {
        q->limit = limit;
    }
    return query;
}

muv_query_t *muv_query_skip(muv_query_t *query, int64_t skip)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL && skip < 0) {
        fail(q, "skip is negative");
    } else if (q != NULL) {
        q->skip = skip;
    }
    return query;
}

muv_query_t *muv_query_slice(muv_query_t *query, int64_t from, int64_t to)
{
    muv_query_t *q = muv__query_change(query);

    if (q == NULL) {
        return query;
    }
    if (from < 0 || to < 0) {
        fail(q, "a slice has a negative end");
        return query;
    }
    if (to <= from) {
        q->none = 1;
        return query;
    }
    q->skip = from;
    q->limit = to - from;
    return query;
}

muv_query_t *muv_query_none(muv_query_t *query)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        q->none = 1;
    }
    return query;
}

muv_query_t *muv_query_only(muv_query_t *query, const char *names)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        muv__query_fail(q, muv__query_parse_names(q, names, 0));
    }
    return query;
}

muv_query_t *muv_query_exclude(muv_query_t *query, const char *names)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        muv__query_fail(q, muv__query_parse_names(q, names, 1));
    }
    return query;
}

muv_query_t *muv_query_batch_size(muv_query_t *query, int32_t size)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL && size < 0) {
        fail(q, "the batch size is negative");
    } else if (q != NULL) {
        q->batch_size = size;
    }
    return query;
}

muv_query_t *muv_query_max_time_ms(muv_query_t *query, int64_t max_time_ms)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL && max_time_ms < 0) {
        fail(q, "max_time_ms is negative");
    } else if (q != NULL) {
        q->max_time_ms = max_time_ms;
    }
    return query;
}

/* Copy an option's text; NULL takes it away. */
static void set_text(muv_query_t *query, const char *text, const char **ret)
{
    *ret = copy_text(text, &query->arena);
    if (text != NULL && *ret == NULL) {
        muv__query_fail(query, query->arena.error);
    }
}

static void set_document(muv_query_t *query, const bson_t *bson, const char *what, muv__span_t *ret)
{
    muv_operand_t operand = muv_operand_bson(bson);
    muv__span_t bytes = {NULL, 0};
    int code = 0;

    if (bson != NULL) {
        code = muv__operand_bson(&operand, what, &bytes, &query->error);
    }
    if (code == 0) {
        muv__query_fail(query, copy_bytes(bytes, &query->arena, ret));
    }
}

muv_query_t *muv_query_hint(muv_query_t *query, const char *name)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        q->hint_keys = muv__span(NULL, 0);
        set_text(q, name, &q->hint);
    }
    return query;
}

muv_query_t *muv_query_hint_keys(muv_query_t *query, const bson_t *keys)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        q->hint = NULL;
        set_document(q, keys, "hint", &q->hint_keys);
    }
    return query;
}

muv_query_t *muv_query_collation(muv_query_t *query, const bson_t *collation)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        set_document(q, collation, "collation", &q->collation);
    }
    return query;
}

muv_query_t *muv_query_comment(muv_query_t *query, const char *comment)
{
    muv_query_t *q = muv__query_change(query);

    if (q != NULL) {
        set_text(q, comment, &q->comment);
    }
    return query;
}

/* -- Preparing -- */

/* Running out of memory here does not spoil the query: it can be tried again. */
static int prepare(muv_query_t *query)
{
    int code = muv__query_default_order(query);

    code = code != 0 ? code : muv__query_finish_names(query);
    if (code != 0) {
        return code;
    }
    muv__buf_reset(&query->bson, MUV__QUERY_MAX_BYTES);
    muv__group_write(&query->filter, &query->bson);
    return query->bson.error;
}

int muv__query_prepare(muv_query_t *query, muv_error_t *reterr)
{
    const muv_error_t *error = muv_query_error(query);
    int code;

    if (error == NULL && !query->prepared) {
        code = prepare(query);
        error = muv_query_error(query);
        if (error == NULL && code != 0) {
            return muv__error_set(reterr, code, "%s: %s", query->schema->model->name,
                                  muv_error_text(code));
        }
        query->prepared = error == NULL;
    }
    if (error == NULL) {
        return 0;
    }
    if (reterr != NULL) {
        *reterr = *error;
    }
    return error->code;
}

int muv_query_bson(muv_query_t *query, const uint8_t **ret_data, size_t *ret_size)
{
    int code = muv__query_prepare(query, NULL);

    if (code == 0 && (ret_data == NULL || ret_size == NULL)) {
        return MUV_EINVAL;
    }
    if (code == 0) {
        *ret_data = query->bson.data;
        *ret_size = query->bson.size;
    }
    return code;
}

int muv__query_projection(const muv_query_t *query, muv__arena_t *arena, muv__projection_t **ret)
{
    int code;

    *ret = NULL;
    if (query->path_count == 0 && !query->only_given && !query->id_excluded) {
        return 0;
    }
    code = muv__projection_new(query->schema, query->paths, query->path_count, !query->only_given,
                               arena, ret);
    if (code == 0 && query->id_excluded && query->schema->primary_key != MUV__NO_FIELD) {
        (*ret)->loaded[query->schema->primary_key] = 0;
    }
    return code;
}
