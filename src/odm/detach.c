/* SPDX-License-Identifier: Apache-2.0 */
/* Copying one document out of its batch, unsaved changes included. */
#include "muv/odm/document.h"

#include "odm/kind.h"
#include "odm/projection.h"
#include "odm/state.h"

#include <string.h>

#define EXTRA_BYTES 512

typedef struct detacher {
    muv__arena_t *arena;
    const uint8_t *old_raw; /* The document's stored bytes, and their copy. */
    const uint8_t *new_raw;
    size_t raw_size;
} detacher_t;

static int copy_struct(detacher_t *d, const muv_schema_t *schema, void *base);

/* The copy of `size` bytes: within the copied raw bytes, or in the arena. NULL when memory ran out.
 */
static const uint8_t *copy_bytes(detacher_t *d, const void *bytes, size_t size)
{
    uintptr_t at = (uintptr_t)bytes;
    uintptr_t raw = (uintptr_t)d->old_raw;

    if (d->old_raw != NULL && at >= raw && at - raw <= d->raw_size &&
        size <= d->raw_size - (at - raw)) {
        return d->new_raw + (at - raw);
    }
    return (const uint8_t *)muv__arena_text(d->arena, bytes, size);
}

static int copy_str(detacher_t *d, muv_str_t *str)
{
    if (str->data == NULL) {
        return 0;
    }
    str->data = (const char *)copy_bytes(d, str->data, str->size);
    return str->data == NULL ? d->arena->error : 0;
}

static int copy_bin(detacher_t *d, muv_bin_t *bin)
{
    if (bin->data == NULL) {
        return 0;
    }
    bin->data = copy_bytes(d, bin->data, bin->size);
    return bin->data == NULL ? d->arena->error : 0;
}

/* The document behind a reference stays where it is; its key comes along. */
static int copy_ref(detacher_t *d, muv_ref_t *ref)
{
    muv_value_t key;
    int code = 0;

    if (muv__ref_key(ref, &key)) {
        ref->id = key.as;
        ref->kind = key.kind;
    }
    if (ref->kind == MUV_KIND_STRING) {
        code = copy_str(d, &ref->id.str);
    } else if (ref->kind == MUV_KIND_BINARY) {
        code = copy_bin(d, &ref->id.bin);
    }
    ref->doc = NULL;
    if (ref->state == MUV_REF_LOADED) {
        ref->state = MUV_REF_UNLOADED;
    }
    return code;
}

static int copy_value(detacher_t *d, const muv__field_t *field, unsigned kind, void *member)
{
    switch (kind) {
    case MUV_KIND_STRING: return copy_str(d, member);
    case MUV_KIND_BINARY: return copy_bin(d, member);
    case MUV_KIND_REFERENCE: return copy_ref(d, member);
    case MUV_KIND_EMBEDDED: return copy_struct(d, field->target, member);
    default: return 0;
    }
}

static int copy_list(detacher_t *d, const muv__field_t *field, void *member)
{
    muv__list_view_t list = muv__list_load(member);
    size_t size = (size_t)list.count * field->element_size;
    uint8_t *elements = muv__arena_alloc(d->arena, size);
    int code = 0;

    if (elements == NULL) {
        return d->arena->error;
    }
    if (size != 0) {
        memcpy(elements, list.data, size);
    }
    list.data = elements;
    list.capacity = list.count;
    muv__list_store(member, list);
    for (uint32_t i = 0; i < list.count && code == 0; i++) {
        code = copy_value(d, field, field->element, elements + (size_t)i * field->element_size);
    }
    return code;
}

/* What the struct began as holds scalars whose text may lie in the old arena. */
static int copy_initial(detacher_t *d, const muv_schema_t *schema, muv_embedded_t *header)
{
    uint8_t *initial = muv__arena_alloc(d->arena, schema->size);
    int code = 0;

    if (initial == NULL) {
        return d->arena->error;
    }
    memcpy(initial, header->initial, schema->size);
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        const muv__field_t *field = &schema->fields[i];

        if (field->kind != MUV_KIND_EMBEDDED) {
            code = copy_value(d, field, field->kind, initial + field->offset);
        }
    }
    header->initial = initial;
    return code;
}

static int copy_header(detacher_t *d, const muv_schema_t *schema, muv_embedded_t *header)
{
    header->pending = NULL;
    if (header->raw != NULL) {
        header->raw = copy_bytes(d, header->raw, header->raw_size);
        if (header->raw == NULL) {
            return d->arena->error;
        }
    }
    if (muv__is_ready(header) && schema->count > MUV__STATES_IN_PLACE) {
        size_t size = (schema->count + 31) / 32 * sizeof(uint64_t);
        uint64_t *words = muv__arena_alloc(d->arena, size);

        if (words == NULL) {
            return d->arena->error;
        }
        memcpy(words, header->states.words, size);
        header->states.words = words;
    }
    return header->initial == NULL ? 0 : copy_initial(d, schema, header);
}

/* `base` is a shallow copy; make it deep. */
static int copy_struct(detacher_t *d, const muv_schema_t *schema, void *base)
{
    int code = copy_header(d, schema, base);

    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        const muv__field_t *field = &schema->fields[i];
        void *member = muv__member(field, base);

        code = muv__field_is_list(field) ? copy_list(d, field, member)
                                         : copy_value(d, field, field->kind, member);
    }
    return code;
}

static int copy_document(const muv_doc_t *from, muv_batch_t *batch, muv_doc_t **ret)
{
    const muv_schema_t *schema = from->embedded.schema;
    detacher_t d = {&batch->arena, from->embedded.raw, batch->bytes.data, from->embedded.raw_size};
    muv_doc_t *copy = muv__arena_alloc(&batch->arena, schema->size);
    muv__projection_t *projection = NULL;
    int code;

    if (copy == NULL) {
        return batch->arena.error;
    }
    memcpy(copy, from, schema->size);
    copy->batch = batch;
    code = muv__projection_copy(from->projection, &batch->arena, &projection);
    copy->projection = projection;
    if (code == 0) {
        code = copy_struct(&d, schema, copy);
    }
    *ret = copy;
    return code;
}

void *muv_doc_detach(const void *document)
{
    const muv_doc_t *from = document;
    muv__source_t source;
    muv_batch_t *batch;
    muv_doc_t *copy = NULL;

    if (document == NULL || !muv__is_ready(document) || from->batch == NULL) {
        return NULL;
    }
    memset(&source, 0, sizeof(source));
    source.bytes = muv__span(from->embedded.raw, from->embedded.raw_size);
    if (muv__odm_batch_new(from->batch->registry, &source,
                           from->embedded.raw_size + from->embedded.schema->size + EXTRA_BYTES,
                           &batch) != 0) {
        return NULL;
    }
    if (copy_document(from, batch, &copy) != 0) {
        muv__odm_batch_release(batch);
        return NULL;
    }
    return copy;
}
