/* SPDX-License-Identifier: Apache-2.0 */
/* Reload and rollback: decoded beside the struct first, so that a failure changes nothing. */
#include "odm/reload.h"

#include "muv/odm/document.h"

#include "base/error.h"
#include "odm/decode.h"
#include "odm/state.h"

#include <string.h>

/* Header and rows only: what else a program keeps in its struct is left alone. */
static void take_over(muv_doc_t *doc, const muv_doc_t *fresh)
{
    const muv_schema_t *schema = doc->embedded.schema;

    doc->embedded = fresh->embedded;
    doc->projection = fresh->projection;
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        memcpy(muv__member(field, doc), muv__member_of(field, fresh), field->size);
    }
}

/* `bson` without data: a new document. It lives as long as the batch. */
static int load(muv_doc_t *doc, muv__span_t bson, const void *projection, muv_error_t *reterr)
{
    const muv_schema_t *schema = doc->embedded.schema;
    muv__arena_t *arena = &doc->batch->arena;
    void *fresh = muv__arena_alloc(arena, schema->size);
    int code;

    if (fresh == NULL) {
        return muv__error_code(reterr, arena->error);
    }
    if (bson.data == NULL) {
        code = muv__struct_init(schema, fresh, arena);
        code = code == 0 ? 0 : muv__error_code(reterr, code);
    } else {
        code = muv__decode_into(doc->batch, schema, bson, projection, reterr, fresh);
    }
    if (code == 0) {
        take_over(doc, fresh);
    }
    return code;
}

int muv__reload(muv_doc_t *doc, muv__span_t bson, muv_error_t *reterr)
{
    muv__arena_t *arena = &doc->batch->arena;
    const void *copy = muv__arena_text(arena, bson.data, bson.size);

    if (copy == NULL) {
        return muv__error_code(reterr, arena->error);
    }
    return load(doc, muv__span(copy, bson.size), NULL, reterr);
}

int muv_rollback(void *document)
{
    muv_doc_t *doc = document;

    if (document == NULL || !muv__is_ready(document) || doc->batch == NULL) {
        return MUV_EINVAL;
    }
    return load(doc, muv__span(doc->embedded.raw, doc->embedded.raw_size), doc->projection, NULL);
}
