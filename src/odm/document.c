/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls on documents: life, states, text, references, encoding. */
#include "muv/odm/document.h"

#include "base/error.h"
#include "base/mem.h"
#include "odm/decode.h"
#include "odm/diff.h"
#include "odm/encode.h"
#include "odm/kind.h"
#include "odm/place.h"
#include "odm/state.h"

#include <string.h>

/* What a new document's arena begins with, besides the struct: a few short texts. */
#define NEW_DOCUMENT_BYTES 512

static int is_document(const void *document)
{
    return document != NULL && muv__is_ready(document) &&
           ((const muv_doc_t *)document)->batch != NULL;
}

static muv__arena_t *arena_of(void *document)
{
    return &((muv_doc_t *)document)->batch->arena;
}

/* -- Life -- */

static const muv_schema_t *document_schema(const muv_registry_t *registry, const muv_model_t *model)
{
    const muv_schema_t *schema = model == NULL ? NULL : muv_registry_find(registry, model);

    return schema == NULL || model->role != MUV_ROLE_DOCUMENT ? NULL : schema;
}

void *muv_doc_new(const muv_registry_t *registry, const muv_model_t *model)
{
    const muv_schema_t *schema = document_schema(registry, model);
    muv_batch_t *batch;
    muv_doc_t *doc;

    if (schema == NULL ||
        muv__odm_batch_new(registry, NULL, schema->size + NEW_DOCUMENT_BYTES, &batch) != 0) {
        return NULL;
    }
    doc = muv__arena_alloc(&batch->arena, schema->size);
    if (doc == NULL || muv__struct_init(schema, doc, &batch->arena) != 0) {
        muv__odm_batch_release(batch);
        return NULL;
    }
    doc->batch = batch;
    return doc;
}

int muv_doc_decode(const muv_registry_t *registry, const muv_model_t *model, const void *bson,
                   size_t size, muv_error_t *reterr, muv_doc_t **ret)
{
    const muv_schema_t *schema = document_schema(registry, model);
    muv__source_t source;
    muv_batch_t *batch;
    void *doc;
    int code;

    if (schema == NULL || bson == NULL || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "the registry has no such document model");
    }
    memset(&source, 0, sizeof(source));
    source.bytes = muv__span(bson, size);
    code = muv__odm_batch_new(registry, &source, size + schema->size + NEW_DOCUMENT_BYTES, &batch);
    if (code != 0) {
        return muv__error_code(reterr, code);
    }
    code = muv__decode(batch, schema, batch->bytes, NULL, reterr, &doc);
    if (code != 0) {
        muv__odm_batch_release(batch);
        return code;
    }
    *ret = doc;
    return 0;
}

void *muv_doc_retain(void *document)
{
    if (is_document(document)) {
        muv__odm_batch_retain(((muv_doc_t *)document)->batch);
    }
    return document;
}

void muv_doc_release(void *document)
{
    if (is_document(document)) {
        muv__odm_batch_release(((muv_doc_t *)document)->batch);
    }
}

const muv_model_t *muv_doc_model(const void *document)
{
    return is_document(document) ? muv__header_of(document)->schema->model : NULL;
}

const uint8_t *muv_doc_raw(const void *document, size_t *ret_size)
{
    const muv_embedded_t *header = muv__header_of(document);

    *ret_size = header->raw_size;
    return header->raw;
}

/* -- States -- */

static int find_place(const void *document, const void *member, muv__place_t *ret)
{
    union {
        const void *borrowed;
        void *found;
    } pointer = {document};

    return is_document(document) && muv__place_find(pointer.found, member, ret);
}

int muv_state(const void *document, const void *member)
{
    muv__place_t place;

    if (!find_place(document, member, &place)) {
        return MUV_EINVAL;
    }
    return (int)muv__state_effective(place.schema, place.base, place.field->index);
}

/* An empty value that is a value. */
static int make_present(const muv__field_t *field, void *member, muv__arena_t *arena)
{
    switch (field->kind) {
    case MUV_KIND_EMBEDDED: return muv__struct_ready(field->target, member, arena);
    case MUV_KIND_STRING:
        if (((muv_str_t *)member)->data == NULL) {
            *(muv_str_t *)member = muv_str("");
        }
        return 0;
    case MUV_KIND_BINARY:
        if (((muv_bin_t *)member)->data == NULL) {
            ((muv_bin_t *)member)->data = (const uint8_t *)"";
        }
        return 0;
    case MUV_KIND_REFERENCE: return muv__kind_is_void(field->kind, member) ? MUV_EINVAL : 0;
    default: return 0;
    }
}

int muv_set_present(void *document, void *member)
{
    muv__place_t place;
    int code;

    if (!find_place(document, member, &place)) {
        return MUV_EINVAL;
    }
    code = muv__struct_ready(place.schema, place.base, arena_of(document));
    if (code == 0) {
        code = make_present(place.field, member, arena_of(document));
    }
    if (code == 0) {
        muv__state_set(place.schema, place.base, place.field->index, MUV_STATE_SET);
    }
    return code;
}

static int empty_to(void *document, void *member, unsigned state)
{
    muv__place_t place;
    int code;

    if (!find_place(document, member, &place)) {
        return MUV_EINVAL;
    }
    code = muv__struct_ready(place.schema, place.base, arena_of(document));
    if (code == 0) {
        muv__member_empty(place.field, place.schema, place.base);
        muv__state_set(place.schema, place.base, place.field->index, state);
    }
    return code;
}

int muv_set_null(void *document, void *member)
{
    return empty_to(document, member, MUV_STATE_NULL);
}

int muv_unset(void *document, void *member)
{
    return empty_to(document, member, MUV_STATE_ABSENT);
}

/* -- Text -- */

int muv_put_sized(void *document, muv_str_t *member, const char *text, size_t size)
{
    const char *copy = NULL;

    if (!is_document(document) || member == NULL || (text == NULL && size != 0)) {
        return MUV_EINVAL;
    }
    if (size > INT32_MAX - 1) {
        return MUV_ETOOLARGE;
    }
    if (text != NULL) {
        copy = muv__arena_text(arena_of(document), text, size);
        if (copy == NULL) {
            return arena_of(document)->error;
        }
    }
    member->data = copy;
    member->size = (uint32_t)size;
    member->reserved = 0;
    return 0;
}

int muv_put(void *document, muv_str_t *member, const char *text)
{
    return muv_put_sized(document, member, text, text == NULL ? 0 : strlen(text));
}

int muv_put_binary(void *document, muv_bin_t *member, const void *bytes, size_t size,
                   uint8_t subtype)
{
    muv_str_t copy = {NULL, 0, 0};
    int code;

    if (member == NULL) {
        return MUV_EINVAL;
    }
    code = muv_put_sized(document, &copy, bytes, size);
    if (code == 0) {
        memset(member, 0, sizeof(*member));
        member->data = (const uint8_t *)copy.data;
        member->size = copy.size;
        member->subtype = subtype;
    }
    return code;
}

void *muv_doc_alloc(void *document, size_t size_bytes)
{
    return is_document(document) ? muv__arena_zalloc(arena_of(document), size_bytes) : NULL;
}

/* -- References and keys -- */

int muv_ref_to(muv_ref_t *ref, void *target)
{
    muv_value_t key;

    if (ref == NULL || !is_document(target)) {
        return MUV_EINVAL;
    }
    memset(ref, 0, sizeof(*ref));
    ref->doc = target;
    ref->state = MUV_REF_LOADED;
    if (muv__doc_key(target, &key)) {
        ref->id = key.as;
        ref->kind = key.kind;
    }
    return 0;
}

static void point_at_key(muv_ref_t *ref, unsigned kind, muv_scalar_t id)
{
    memset(ref, 0, sizeof(*ref));
    ref->id = id;
    ref->kind = (uint8_t)kind;
}

void muv_ref_to_oid(muv_ref_t *ref, muv_oid_t id)
{
    muv_scalar_t scalar = {.oid = id};

    point_at_key(ref, MUV_KIND_OBJECTID, scalar);
}

void muv_ref_to_int64(muv_ref_t *ref, int64_t id)
{
    muv_scalar_t scalar = {.int64 = id};

    point_at_key(ref, MUV_KIND_INT64, scalar);
}

void muv_ref_to_str(muv_ref_t *ref, muv_str_t id)
{
    muv_scalar_t scalar = {.str = id};

    point_at_key(ref, id.data == NULL ? MUV_KIND_NONE : MUV_KIND_STRING, scalar);
}

int muv_doc_id(const void *document, muv_value_t *ret)
{
    return is_document(document) && ret != NULL && muv__doc_key(document, ret) ? 0 : MUV_EINVAL;
}

/* -- Encoding -- */

void muv_bytes_free(muv_bytes_t *bytes)
{
    muv__mem_free(bytes->data);
    bytes->data = NULL;
    bytes->size = 0;
}

static int give_bytes(int code, muv__buf_t *buf, muv_bytes_t *ret)
{
    if (code != 0) {
        muv__buf_done(buf);
        return code;
    }
    ret->data = buf->data;
    ret->size = buf->size;
    return 0;
}

int muv_doc_encode(const void *document, muv_error_t *reterr, muv_bytes_t *ret)
{
    muv__buf_t buf;

    if (!is_document(document) || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "this is no document");
    }
    muv__buf_init(&buf, MUV__MAX_DOCUMENT_BYTES);
    return give_bytes(muv__encode(document, reterr, &buf), &buf, ret);
}

int muv_changes(const void *document, muv_error_t *reterr, muv_bytes_t *ret)
{
    muv__buf_t buf;

    if (!is_document(document) || muv__header_of(document)->raw == NULL || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "only a stored document has changes");
    }
    muv__buf_init(&buf, MUV__MAX_DOCUMENT_BYTES);
    return give_bytes(muv__diff(document, reterr, &buf), &buf, ret);
}
