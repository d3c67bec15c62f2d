/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder. Stored documents keep the order in which fields were written, mostly the order of
 * the rows: the field behind the last one is tried before the hash is asked. Errors carry the path,
 * see frame.h. */
#include "odm/decode.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "odm/frame.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

typedef struct decoder {
    muv_batch_t *batch;
    const muv_schema_t *root;
    muv_error_t *reterr;
    int depth;
} decoder_t;

static int decode_struct(decoder_t *d, const muv_schema_t *schema, muv__span_t bson,
                         const muv__projection_t *projection, const muv__frame_t *up, void *base);

/* -- Errors -- */

static int fail_type(const decoder_t *d, const muv__frame_t *frame, unsigned kind,
                     const muv__bson_iter_t *iter)
{
    return muv__frame_fail(d->reterr, d->root, frame, MUV_EDECODE, "a stored %s does not fit a %s",
                           muv__bson_type_name(iter->type), muv__kind_name(kind));
}

static int fail_bson(const decoder_t *d, const muv__frame_t *frame)
{
    return muv__frame_fail(d->reterr, d->root, frame, MUV_EBSON, "malformed BSON");
}

static int fail_memory(const decoder_t *d)
{
    return muv__error_code(d->reterr, d->batch->arena.error);
}

/* -- Lists -- */

static int count_elements(muv__bson_iter_t iter, uint32_t *ret)
{
    uint32_t count = 0;

    while (muv__bson_iter_next(&iter)) {
        count++;
    }
    *ret = count;
    return !iter.bad;
}

/* A null among strings, binaries or references is an element without value. */
static int read_element(decoder_t *d, const muv__field_t *field, const muv__bson_iter_t *iter,
                        const muv__frame_t *frame, void *element)
{
    if (iter->type == MUV__BSON_NULL &&
        (field->element == MUV_KIND_STRING || field->element == MUV_KIND_BINARY ||
         field->element == MUV_KIND_REFERENCE)) {
        memset(element, 0, field->element_size);
        return 0;
    }
    return muv__kind_read(field->element, field->target, iter, element)
               ? 0
               : fail_type(d, frame, field->element, iter);
}

static int decode_elements(decoder_t *d, const muv__field_t *field, muv__bson_iter_t *iter,
                           const muv__projection_t *inside, const muv__frame_t *list, uint8_t *at)
{
    muv__frame_t frame = {list, NULL, 0};
    int code = 0;

    while (code == 0 && muv__bson_iter_next(iter)) {
        if (field->element != MUV_KIND_EMBEDDED) {
            code = read_element(d, field, iter, &frame, at);
        } else if (iter->type != MUV__BSON_DOCUMENT) {
            code = fail_type(d, &frame, MUV_KIND_EMBEDDED, iter);
        } else {
            code = muv__struct_init(field->target, at, &d->batch->arena);
            code = code != 0
                       ? muv__error_code(d->reterr, code)
                       : decode_struct(d, field->target, muv__span(iter->value, iter->value_size),
                                       inside, &frame, at);
        }
        at += field->element_size;
        frame.index++;
    }
    return code;
}

static int decode_list(decoder_t *d, const muv__field_t *field, const muv__bson_iter_t *iter,
                       const muv__projection_t *inside, const muv__frame_t *frame, void *member)
{
    muv__list_view_t view = {NULL, 0, 0};
    muv__bson_iter_t elements;
    uint32_t count;

    if (iter->type != MUV__BSON_ARRAY) {
        return fail_type(d, frame, MUV_KIND_LIST, iter);
    }
    if (!muv__bson_iter_child(iter, &elements) || !count_elements(elements, &count)) {
        return fail_bson(d, frame);
    }
    /* Each element takes at least three stored bytes, and the arena has a maximum: `count` cannot
     * ask for more than that. */
    view.data = muv__arena_alloc(&d->batch->arena, (size_t)count * field->element_size);
    if (view.data == NULL) {
        return fail_memory(d);
    }
    view.count = count;
    view.capacity = count;
    muv__list_store(member, view);
    return decode_elements(d, field, &elements, inside, frame, view.data);
}

/* -- Documents -- */

static int decode_value(decoder_t *d, const muv__field_t *field, const muv__bson_iter_t *iter,
                        const muv__projection_t *projection, const muv__frame_t *up, void *base)
{
    muv__frame_t frame = {up, field, 0};
    const muv__projection_t *inside = projection == NULL ? NULL : projection->inside[field->index];
    void *member = muv__member(field, base);

    if (muv__field_is_list(field)) {
        return decode_list(d, field, iter, inside, &frame, member);
    }
    if (field->kind == MUV_KIND_EMBEDDED) {
        return iter->type != MUV__BSON_DOCUMENT
                   ? fail_type(d, &frame, MUV_KIND_EMBEDDED, iter)
                   : decode_struct(d, field->target, muv__span(iter->value, iter->value_size),
                                   inside, &frame, member);
    }
    return muv__kind_read(field->kind, field->target, iter, member)
               ? 0
               : fail_type(d, &frame, field->kind, iter);
}

/* States before the first field is seen: absent, or not asked for. */
static void clear_states(const muv_schema_t *schema, const muv__projection_t *projection,
                         void *base)
{
    muv_embedded_t *header = base;

    if (schema->count <= MUV__STATES_IN_PLACE) {
        header->states.bits = 0;
    } else {
        memset(header->states.words, 0, (schema->count + 31) / 32 * sizeof(uint64_t));
    }
    if (projection == NULL) {
        return;
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        if (!projection->loaded[i]) {
            /* Zero and not the default: a default would look like what is stored. */
            muv__state_set(schema, base, i, MUV_STATE_NOT_LOADED);
            memset(muv__member(&schema->fields[i], base), 0, schema->fields[i].size);
            header->flags |= MUV__PARTIAL;
        } else if (projection->inside[i] != NULL) {
            header->flags |= MUV__PARTIAL;
        }
    }
}

static const muv__field_t *find_field(const muv_schema_t *schema, uint32_t expected,
                                      const muv__bson_iter_t *iter)
{
    if (MUV__LIKELY(expected < schema->count)) {
        const muv__field_t *field = &schema->fields[expected];

        if (MUV__LIKELY(muv__bson_iter_key_is(iter, field->stored, field->stored_length))) {
            return field;
        }
    }
    return muv__schema_find(schema, iter->key, iter->key_length);
}

/* Make a member new that was read before or zeroed by a projection. */
static int start_again(decoder_t *d, const muv_schema_t *schema, const muv__field_t *field,
                       void *base)
{
    int code = 0;

    if (field->kind == MUV_KIND_EMBEDDED) {
        code = muv__struct_init(field->target, muv__member(field, base), &d->batch->arena);
    } else {
        muv__member_empty(field, schema, base);
    }
    return code == 0 ? 0 : muv__error_code(d->reterr, code);
}

static int decode_fields(decoder_t *d, const muv_schema_t *schema, muv__bson_iter_t *iter,
                         const muv__projection_t *projection, const muv__frame_t *up, void *base)
{
    uint32_t expected = 0;
    int code;

    while (muv__bson_iter_next(iter)) {
        const muv__field_t *field = find_field(schema, expected, iter);

        if (field == NULL) {
            /* Unknown keys stay in the raw bytes, from where a replace writes them back. */
            if (schema->model->flags & MUV_MODEL_STRICT) {
                return muv__frame_fail(d->reterr, d->root, up, MUV_EDECODE,
                                       "the stored field \"%s\" is unknown", iter->key);
            }
            continue;
        }
        expected = field->index + 1u;
        if (MUV__UNLIKELY(muv__state_get(schema, base, field->index) != MUV_STATE_ABSENT)) {
            /* Stored twice, or although it was not asked for: the last one counts. */
            code = start_again(d, schema, field, base);
            if (code != 0) {
                return code;
            }
        }
        if (iter->type == MUV__BSON_NULL) {
            muv__state_set(schema, base, field->index, MUV_STATE_NULL);
            continue;
        }
        code = decode_value(d, field, iter, projection, up, base);
        if (code != 0) {
            return code;
        }
        muv__state_set(schema, base, field->index, MUV_STATE_SET);
    }
    return iter->bad ? fail_bson(d, up) : 0;
}

/* `base` is a new struct. */
static int decode_struct(decoder_t *d, const muv_schema_t *schema, muv__span_t bson,
                         const muv__projection_t *projection, const muv__frame_t *up, void *base)
{
    muv_embedded_t *header = base;
    muv__bson_iter_t iter;
    int code;

    if (d->depth >= MUV__MAX_DEPTH) {
        return muv__frame_fail(d->reterr, d->root, NULL, MUV_EDECODE,
                               "documents are nested too deeply");
    }
    if (!muv__bson_iter_init(&iter, bson.data, bson.size)) {
        return fail_bson(d, up);
    }
    header->raw = bson.data;
    header->raw_size = (uint32_t)bson.size;
    clear_states(schema, projection, base);
    d->depth++;
    code = decode_fields(d, schema, &iter, projection, up, base);
    d->depth--;
    return code;
}

int muv__decode_into(muv_batch_t *batch, const muv_schema_t *schema, muv__span_t bson,
                     const muv__projection_t *projection, muv_error_t *reterr, void *base)
{
    decoder_t d = {batch, schema, reterr, 0};
    muv_doc_t *doc = base;
    int code = muv__struct_init(schema, base, &batch->arena);

    if (code != 0) {
        return muv__error_code(reterr, code);
    }
    doc->batch = batch;
    doc->projection = projection;
    return decode_struct(&d, schema, bson, projection, NULL, base);
}

int muv__decode(muv_batch_t *batch, const muv_schema_t *schema, muv__span_t bson,
                const muv__projection_t *projection, muv_error_t *reterr, void **ret)
{
    void *base = muv__arena_alloc(&batch->arena, schema->size);
    int code;

    if (base == NULL) {
        return muv__error_code(reterr, batch->arena.error);
    }
    code = muv__decode_into(batch, schema, bson, projection, reterr, base);
    if (code == 0) {
        *ret = base;
    }
    return code;
}
