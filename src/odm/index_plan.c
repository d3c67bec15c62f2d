/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to specifications of indexes. */
#include "odm/index_plan.h"

#include "muv/types.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/endian.h"
#include "base/error.h"
#include "odm/query_path.h"

#include <stdio.h>

#define MAX_NAME_BYTES 1024
#define MAX_EMBEDDED 16

typedef struct planner {
    const muv_schema_t *root;
    muv__buf_t *buf;
    muv_error_t *reterr;
    size_t begin; /* Of the specification being written. */
    muv__bson_mark_t spec;
    muv__bson_mark_t key;
    char name[MAX_NAME_BYTES];
    size_t name_length;
    char prefix[MUV__QUERY_PATH_SIZE]; /* Of the embedded document: "h.c.", or "". */
    const muv_schema_t *inside[MAX_EMBEDDED];
    uint32_t depth;
} planner_t;

static int fail(const planner_t *p, const char *why)
{
    return muv__error_set(p->reterr, MUV_EINVAL, "%s: an index: %s", p->root->model->name, why);
}

/* --- one specification -------------------------------------------------------------------------*/

static void begin_spec(planner_t *p)
{
    p->begin = p->buf->size;
    p->spec = muv__bson_begin(p->buf);
    p->key = muv__bson_begin_document(p->buf, MUV__KEY("key"));
    p->name_length = 0;
    p->name[0] = '\0';
}

/* How MongoEngine marks kinds of keys in front of a name. NULL: an order, 1 or -1. */
static const char *kind_of(char mark)
{
    switch (mark) {
    case '$': return "text";
    case '#': return "hashed";
    case '(': return "2dsphere";
    case '*': return "2d";
    default: return NULL;
    }
}

static int add_name(planner_t *p, const char *path, const char *kind)
{
    int added = snprintf(p->name + p->name_length, sizeof(p->name) - p->name_length, "%s%s_%s",
                         p->name_length == 0 ? "" : "_", path, kind);

    if (added < 0 || (size_t)added >= sizeof(p->name) - p->name_length) {
        return fail(p, "its name is too long");
    }
    p->name_length += (size_t)added;
    return 0;
}

/* `name` in members of `schema`; `prefix` in stored names. */
static int add_key(planner_t *p, const muv_schema_t *schema, const char *prefix, const char *name)
{
    size_t marks = strspn(name, "+-$#(*");
    const char *kind = kind_of(name[0]);
    int32_t order = name[0] == '-' ? -1 : 1;
    char stored[MUV__QUERY_PATH_SIZE];
    muv__query_path_t path;
    int length;
    int code;

    name += marks;
    code = muv__path_of_name(&path, schema, name, strlen(name), MUV__PATH_POSITIONS, p->reterr);
    if (code != 0) {
        return code;
    }
    length = snprintf(stored, sizeof(stored), "%s%s", prefix, path.text);
    if (length < 0 || (size_t)length >= sizeof(stored)) {
        return fail(p, "a path is too long");
    }
    if (kind != NULL) {
        muv__bson_utf8(p->buf, stored, (size_t)length, kind, strlen(kind));
    } else {
        muv__bson_int32(p->buf, stored, (size_t)length, order);
        kind = order == 1 ? "1" : "-1";
    }
    return add_name(p, stored, kind);
}

static void begin_options(planner_t *p, const char *name)
{
    muv__bson_end(p->buf, p->key);
    if (name == NULL) {
        muv__bson_utf8(p->buf, MUV__KEY("name"), p->name, p->name_length);
    } else {
        muv__bson_utf8(p->buf, MUV__KEY("name"), name, strlen(name));
    }
}

static void add_flag(planner_t *p, const char *key, int set)
{
    if (set) {
        muv__bson_bool(p->buf, key, strlen(key), 1);
    }
}

static int is_there(const planner_t *p)
{
    size_t size = p->buf->size - p->begin;
    const uint8_t *data = p->buf->data;

    for (size_t at = 0; at < p->begin; at += muv__load_u32(data + at)) {
        if (muv__load_u32(data + at) == size && memcmp(data + at, data + p->begin, size) == 0) {
            return 1;
        }
    }
    return 0;
}

static int end_spec(planner_t *p)
{
    muv__bson_end(p->buf, p->spec);
    if (p->buf->error != 0) {
        return muv__error_code(p->reterr, p->buf->error);
    }
    if (is_there(p)) {
        p->buf->size = p->begin;
    }
    return 0;
}

/* --- unique fields -----------------------------------------------------------------------------*/

static int add_unique(planner_t *p, const muv_schema_t *schema, const muv__field_t *field)
{
    const char *const *with = field->row->unique_with;
    int code;

    begin_spec(p);
    code = add_key(p, schema, p->prefix, field->row->name);
    for (; code == 0 && with != NULL && *with != NULL; with++) {
        code = add_key(p, schema, p->prefix, *with);
    }
    if (code != 0) {
        return code;
    }
    begin_options(p, NULL);
    add_flag(p, "unique", 1);
    add_flag(p, "sparse", (field->flags & MUV_SPARSE) != 0);
    return end_spec(p);
}

static int is_inside(const planner_t *p, const muv_schema_t *schema)
{
    for (uint32_t i = 0; i < p->depth; i++) {
        if (p->inside[i] == schema) {
            return 1;
        }
    }
    return 0;
}

static int add_unique_fields(planner_t *p, const muv_schema_t *schema);

/* Documents that hold themselves are entered once. */
static int enter(planner_t *p, const muv__field_t *field)
{
    size_t length = strlen(p->prefix);
    int added;
    int code;

    if (p->depth == MAX_EMBEDDED || is_inside(p, field->target)) {
        return 0;
    }
    added = snprintf(p->prefix + length, sizeof(p->prefix) - length, "%s.", field->stored);
    if (added < 0 || (size_t)added >= sizeof(p->prefix) - length) {
        return fail(p, "a path is too long");
    }
    p->inside[p->depth++] = field->target;
    code = add_unique_fields(p, field->target);
    p->depth--;
    p->prefix[length] = '\0';
    return code;
}

/* Not deeper than MAX_EMBEDDED. */
static int add_unique_fields(planner_t *p, const muv_schema_t *schema)
{
    int code = 0;

    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        const muv__field_t *field = &schema->fields[i];

        /* `_id` has its index by itself. */
        if ((field->flags & MUV_UNIQUE) != 0 && i != schema->primary_key) {
            code = add_unique(p, schema, field);
        }
        if (code == 0 &&
            (field->kind == MUV_KIND_EMBEDDED || field->element == MUV_KIND_EMBEDDED)) {
            code = enter(p, field);
        }
    }
    return code;
}

/* --- listed indexes ----------------------------------------------------------------------------*/

static void add_document(planner_t *p, const char *key, const uint8_t *document)
{
    if (document != NULL) {
        muv__bson_document(p->buf, key, strlen(key), muv__span(document, muv__load_u32(document)));
    }
}

/* The elements of a document, without its frame. */
static void add_elements(planner_t *p, const uint8_t *document)
{
    if (document != NULL) {
        muv__buf_append(p->buf, document + sizeof(int32_t),
                        muv__load_u32(document) - MUV__BSON_EMPTY_SIZE);
    }
}

static int add_listed(planner_t *p, const muv_index_t *index)
{
    begin_spec(p);
    for (const char *const *name = index->fields; *name != NULL; name++) {
        int code = add_key(p, p->root, "", *name);

        if (code != 0) {
            return code;
        }
    }
    begin_options(p, index->name);
    add_flag(p, "unique", index->unique == MUV_YES);
    add_flag(p, "sparse", index->sparse == MUV_YES);
    add_flag(p, "hidden", index->hidden == MUV_YES);
    if (index->expire_after_s != 0) {
        muv__bson_int32(p->buf, MUV__KEY("expireAfterSeconds"), index->expire_after_s);
    }
    add_document(p, "partialFilterExpression", index->partial_filter);
    add_document(p, "collation", index->collation);
    add_elements(p, index->options);
    return end_spec(p);
}

int muv__index_specs(const muv_schema_t *schema, muv__buf_t *buf, muv_error_t *reterr)
{
    planner_t p = {.root = schema, .buf = buf, .reterr = reterr, .inside = {schema}, .depth = 1};
    int code = add_unique_fields(&p, schema);

    for (uint32_t i = 0; i < schema->model->index_count && code == 0; i++) {
        code = add_listed(&p, &schema->model->indexes[i]);
    }
    return code;
}
