/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of the commands, in the order in which the server's documentation lists them. */
#include "odm/query_render.h"

#include "base/bson_view.h"
#include "base/error.h"

static void put_text(muv_writer_t *writer, const char *key, const char *text)
{
    muv_writer_utf8(writer, key, text, strlen(text));
}

static void put_document(muv_writer_t *writer, const char *key, muv__span_t document)
{
    muv_writer_value(writer, key, MUV__BSON_DOCUMENT, document.data, document.size);
}

static void put_filter(const muv_query_t *query, const char *key, muv_writer_t *writer)
{
    put_document(writer, key, muv__span(query->bson.data, query->bson.size));
}

static void put_hint(const muv_query_t *query, muv_writer_t *writer)
{
    if (query->hint != NULL) {
        put_text(writer, "hint", query->hint);
    } else if (query->hint_keys.size != 0) {
        put_document(writer, "hint", query->hint_keys);
    }
}

static void put_collation(const muv_query_t *query, muv_writer_t *writer)
{
    if (query->collation.size != 0) {
        put_document(writer, "collation", query->collation);
    }
}

/* What every command takes, but for maxTimeMS, which is muv_command_t's. */
static void put_common(const muv_query_t *query, muv_writer_t *writer)
{
    if (query->comment != NULL) {
        put_text(writer, "comment", query->comment);
    }
}

static void put_name(const muv_query_t *query, const char *command, muv_writer_t *writer)
{
    put_text(writer, command, query->schema->model->collection);
}

/* -- find -- */

static void put_sort(const muv_query_t *query, muv_writer_t *writer)
{
    if (query->order == NULL) {
        return;
    }
    muv_writer_begin_document(writer, "sort");
    for (const muv__order_key_t *key = query->order; key != NULL; key = key->next) {
        muv_writer_int32(writer, key->path, key->direction);
    }
    muv_writer_end(writer);
}

static void put_projection(const muv_query_t *query, muv_writer_t *writer)
{
    if (query->path_count == 0 && !query->only_given && !query->id_excluded) {
        return;
    }
    muv_writer_begin_document(writer, "projection");
    for (uint32_t i = 0; i < query->path_count; i++) {
        muv_writer_int32(writer, query->paths[i], query->only_given);
    }
    /* A projection of nothing but the key has to say so, or it would be one of everything. */
    if (query->id_excluded && (query->path_count != 0 || !query->only_given)) {
        muv_writer_int32(writer, "_id", 0);
    } else if (query->path_count == 0) {
        muv_writer_int32(writer, "_id", 1);
    }
    muv_writer_end(writer);
}

static void put_only_key(muv_writer_t *writer)
{
    muv_writer_begin_document(writer, "projection");
    muv_writer_int32(writer, "_id", 1);
    muv_writer_end(writer);
}

/* Skip, limit, batch size by purpose. A limit of the query below that of the purpose cannot be: the
 * purposes ask for one or two, and a get() with limit 1 would hide a second match. */
static void put_bounds(const muv_query_t *query, int purpose, muv_writer_t *writer)
{
    int all = purpose == MUV__FIND_ALL || purpose == MUV__FIND_IDS;
    int64_t limit = purpose == MUV__FIND_GET ? 2 : 1;

    if (query->skip != 0) {
        muv_writer_int64(writer, "skip", query->skip);
    }
    if (!all) {
        muv_writer_int64(writer, "limit", limit);
        muv_writer_bool(writer, "singleBatch", 1);
        return;
    }
    if (query->limit != 0) {
        muv_writer_int64(writer, "limit", query->limit);
    }
    if (query->batch_size != 0) {
        muv_writer_int32(writer, "batchSize", query->batch_size);
    }
}

void muv__query_render_find(const muv_query_t *query, int purpose, muv_writer_t *writer)
{
    put_name(query, "find", writer);
    put_filter(query, "filter", writer);
    if (purpose != MUV__FIND_GET && purpose != MUV__FIND_EXISTS) {
        put_sort(query, writer);
    }
    if (purpose == MUV__FIND_EXISTS || purpose == MUV__FIND_IDS) {
        put_only_key(writer);
    } else {
        put_projection(query, writer);
    }
    put_hint(query, writer);
    put_bounds(query, purpose, writer);
    put_common(query, writer);
    put_collation(query, writer);
}

/* -- count, distinct -- */

static void put_number_stage(muv_writer_t *writer, uint32_t *index, const char *name, int64_t value)
{
    muv_writer_begin_document(writer, muv_writer_index(writer, (*index)++));
    muv_writer_int64(writer, name, value);
    muv_writer_end(writer);
}

static void put_group_stage(muv_writer_t *writer, uint32_t index)
{
    muv_writer_begin_document(writer, muv_writer_index(writer, index));
    muv_writer_begin_document(writer, "$group");
    muv_writer_int32(writer, "_id", 1);
    muv_writer_begin_document(writer, "n");
    muv_writer_int32(writer, "$sum", 1);
    muv_writer_end(writer);
    muv_writer_end(writer);
    muv_writer_end(writer);
}

void muv__query_render_count(const muv_query_t *query, muv_writer_t *writer)
{
    uint32_t index = 0;

    put_name(query, "aggregate", writer);
    muv_writer_begin_array(writer, "pipeline");
    muv_writer_begin_document(writer, muv_writer_index(writer, index++));
    put_filter(query, "$match", writer);
    muv_writer_end(writer);
    if (query->skip != 0) {
        put_number_stage(writer, &index, "$skip", query->skip);
    }
    if (query->limit != 0) {
        put_number_stage(writer, &index, "$limit", query->limit);
    }
    put_group_stage(writer, index);
    muv_writer_end(writer);
    muv_writer_begin_document(writer, "cursor");
    muv_writer_end(writer);
    put_common(query, writer);
    put_collation(query, writer);
    put_hint(query, writer);
}

void muv__query_render_distinct(const muv_query_t *query, const char *path, muv_writer_t *writer)
{
    put_name(query, "distinct", writer);
    put_text(writer, "key", path);
    put_filter(query, "query", writer);
    put_common(query, writer);
    put_collation(query, writer);
    put_hint(query, writer);
}

/* -- Writes -- */

void muv__query_render_delete(const muv_query_t *query, int one, muv_writer_t *writer)
{
    put_name(query, "delete", writer);
    muv_writer_begin_array(writer, "deletes");
    muv_writer_begin_document(writer, muv_writer_index(writer, 0));
    put_filter(query, "q", writer);
    muv_writer_int32(writer, "limit", one ? 1 : 0);
    put_collation(query, writer);
    put_hint(query, writer);
    muv_writer_end(writer);
    muv_writer_end(writer);
    put_common(query, writer);
}

void muv__query_render_update(const muv_query_t *query, const muv__update_render_t *update,
                              muv_writer_t *writer)
{
    put_name(query, "update", writer);
    muv_writer_begin_array(writer, "updates");
    muv_writer_begin_document(writer, muv_writer_index(writer, 0));
    put_filter(query, "q", writer);
    put_document(writer, "u", update->update);
    if (update->upsert) {
        muv_writer_bool(writer, "upsert", 1);
    }
    if (!update->one) {
        muv_writer_bool(writer, "multi", 1);
    }
    put_collation(query, writer);
    if (update->filter_count != 0) {
        muv_writer_begin_array(writer, "arrayFilters");
        for (size_t i = 0; i < update->filter_count; i++) {
            put_document(writer, muv_writer_index(writer, (uint32_t)i), update->filters[i]);
        }
        muv_writer_end(writer);
    }
    put_hint(query, writer);
    muv_writer_end(writer);
    muv_writer_end(writer);
    put_common(query, writer);
}

/* -- Checks -- */

int muv__query_check_whole(const muv_query_t *query, const char *what, muv_error_t *reterr)
{
    const char *option = NULL;

    if (query->limit != 0) {
        option = "limit";
    } else if (query->skip != 0) {
        option = "skip";
    } else if (query->order_given && query->order != NULL) {
        option = "order";
    } else if (query->names != NULL || query->only_given || query->id_excluded) {
        option = "only() or exclude()";
    }
    if (option == NULL) {
        return 0;
    }
    return muv__error_set(reterr, MUV_EINVAL, "%s: %s works on all matches and takes no %s",
                          query->schema->model->name, what, option);
}

int muv__query_stored_path(muv_query_t *query, const char *name, muv_error_t *reterr,
                           const char **ret)
{
    muv__query_path_t path;
    const char *copy;
    int code;

    if (name == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: a name is missing",
                              query->schema->model->name);
    }
    code = muv__path_of_name(&path, query->schema, name, strlen(name), MUV__PATH_POSITIONS, reterr);
    if (code != 0) {
        return code;
    }
    copy = muv__arena_text(&query->arena, path.text, path.length);
    if (copy == NULL) {
        return muv__error_code(reterr, query->arena.error);
    }
    *ret = copy;
    return 0;
}
