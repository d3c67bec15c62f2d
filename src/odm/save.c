/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot of a save. Begin leads every struct of the document to its slice of the snapshot
 * (`pending`); done makes those slices the stored ones. An element that the program moves in
 * between takes its slice along, one that it replaces has none: so what is compared later is right
 * whatever happened meanwhile. */
#include "odm/save.h"

#include "base/bson_view.h"
#include "base/endian.h"
#include "base/error.h"
#include "odm/diff.h"
#include "odm/encode.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

/* -- Begin: adopting the snapshot -- */

static int adopt_struct(muv__arena_t *arena, const muv_schema_t *schema, void *base,
                        muv__span_t bson);

/* Text and bytes move into the snapshot; a reference also gets the key of its document. */
static void adopt_scalar(unsigned kind, const muv_schema_t *target, const muv__bson_iter_t *iter,
                         void *member)
{
    muv_ref_t stored;

    if (iter->type == MUV__BSON_NULL) {
        return;
    }
    if (kind == MUV_KIND_STRING || kind == MUV_KIND_BINARY) {
        (void)muv__kind_read(kind, target, iter, member);
    } else if (kind == MUV_KIND_REFERENCE && muv__kind_read(kind, target, iter, &stored)) {
        ((muv_ref_t *)member)->id = stored.id;
        ((muv_ref_t *)member)->kind = stored.kind;
    }
}

static int adopt_list(muv__arena_t *arena, const muv__field_t *field, const muv__bson_iter_t *iter,
                      void *member)
{
    muv__list_view_t list = muv__list_load(member);
    muv__bson_iter_t elements;
    uint8_t *at;
    int code = 0;

    /* The program's own array: from here on it is not borrowed any more. */
    if (list.capacity == 0 && list.count != 0) {
        size_t size = (size_t)list.count * field->element_size;
        void *copy = muv__arena_alloc(arena, size);

        if (copy == NULL) {
            return arena->error;
        }
        memcpy(copy, list.data, size);
        list.data = copy;
        list.capacity = list.count;
        muv__list_store(member, list);
    }
    at = list.data;
    (void)muv__bson_iter_child(iter, &elements);
    while (at != NULL && code == 0 && muv__bson_iter_next(&elements)) {
        if (field->element == MUV_KIND_EMBEDDED) {
            code = adopt_struct(arena, field->target, at,
                                muv__span(elements.value, elements.value_size));
        } else {
            adopt_scalar(field->element, field->target, &elements, at);
        }
        at += field->element_size;
    }
    return code;
}

static int adopt_member(muv__arena_t *arena, const muv__field_t *field,
                        const muv__bson_iter_t *iter, void *member)
{
    if (iter->type == MUV__BSON_NULL) {
        return 0;
    }
    if (muv__field_is_list(field)) {
        return adopt_list(arena, field, iter, member);
    }
    if (field->kind == MUV_KIND_EMBEDDED) {
        return adopt_struct(arena, field->target, member, muv__span(iter->value, iter->value_size));
    }
    adopt_scalar(field->kind, field->target, iter, member);
    return 0;
}

/* States become what is sent: a value that was stored into an absent field makes it set for good.
 */
static void settle_states(const muv_schema_t *schema, void *base)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        muv__state_set(schema, base, i, muv__state_effective(schema, base, i));
    }
}

/* `bson` was just encoded from `base`: same fields, same number of elements. */
static int adopt_struct(muv__arena_t *arena, const muv_schema_t *schema, void *base,
                        muv__span_t bson)
{
    muv__bson_iter_t iter;
    int code = muv__struct_ready(schema, base, arena);

    if (code != 0) {
        return code;
    }
    settle_states(schema, base);
    muv__header(base)->pending = bson.data;
    (void)muv__bson_iter_init(&iter, bson.data, bson.size);
    while (code == 0 && muv__bson_iter_next(&iter)) {
        const muv__field_t *field = muv__schema_find(schema, iter.key, iter.key_length);

        if (field != NULL) {
            code = adopt_member(arena, field, &iter, muv__member(field, base));
        }
    }
    return code;
}

/* -- Begin: what to send -- */

static int give_key(muv_doc_t *doc, const muv_oid_t *oid, muv_error_t *reterr)
{
    const muv_schema_t *schema = doc->embedded.schema;
    const muv__field_t *key = &schema->fields[schema->primary_key];
    muv__frame_t frame = {NULL, key, 0};
    muv_value_t value;

    if (muv__doc_key(doc, &value)) {
        return 0;
    }
    if (key->kind != MUV_KIND_OBJECTID || oid == NULL) {
        return muv__frame_fail(reterr, schema, &frame, MUV_EVALIDATION, "Field is required");
    }
    memcpy(muv__member(key, doc), oid, sizeof(*oid));
    muv__state_set(schema, doc, key->index, MUV_STATE_SET);
    return 0;
}

/* Move what was encoded into the batch. */
static int keep_bytes(muv_doc_t *doc, int code, muv__buf_t *buf, muv_error_t *reterr,
                      muv__span_t *ret)
{
    muv__arena_t *arena = &doc->batch->arena;

    if (code == 0) {
        *ret = muv__span(muv__arena_text(arena, buf->data, buf->size), buf->size);
        if (ret->data == NULL) {
            *ret = muv__span(NULL, 0);
            code = muv__error_code(reterr, arena->error);
        }
    }
    muv__buf_done(buf);
    return code;
}

static int take_update(muv_doc_t *doc, muv_error_t *reterr, muv__span_t *ret)
{
    muv__buf_t buf;
    int code;

    muv__buf_init(&buf, MUV__MAX_DOCUMENT_BYTES);
    code = muv__diff(doc, reterr, &buf);
    if (code == 0 && buf.size == MUV__BSON_EMPTY_SIZE) {
        muv__buf_done(&buf);
        return 0;
    }
    return keep_bytes(doc, code, &buf, reterr, ret);
}

/* The document as it will be stored, without the fields that were not loaded. */
static int take_snapshot(muv_doc_t *doc, muv_error_t *reterr, muv__span_t *ret)
{
    muv__encoder_t e = {doc->embedded.schema, reterr, 0, 1};
    muv__buf_t buf;
    int code;

    muv__buf_init(&buf, MUV__MAX_DOCUMENT_BYTES);
    code = muv__encode_struct(&e, e.root, doc, NULL, &buf);
    return keep_bytes(doc, muv__encode_end(&e, code, &buf), &buf, reterr, ret);
}

int muv__save_begin(void *document, const muv_oid_t *oid, muv__save_t *ret, muv_error_t *reterr)
{
    muv_doc_t *doc = document;
    muv__save_t save;
    int is_new;
    int code;

    if (document == NULL || !muv__is_ready(document) || doc->batch == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "this is no document");
    }
    memset(&save, 0, sizeof(save));
    save.doc = doc;
    is_new = doc->embedded.raw == NULL;
    code = is_new ? give_key(doc, oid, reterr) : take_update(doc, reterr, &save.update);
    if (code == 0 && (is_new || save.update.size != 0)) {
        code = take_snapshot(doc, reterr, &save.after);
        if (code == 0) {
            code = adopt_struct(&doc->batch->arena, doc->embedded.schema, doc, save.after);
            code = code == 0 ? 0 : muv__error_code(reterr, code);
        }
    }
    if (code != 0) {
        return code;
    }
    if (is_new) {
        save.insert = save.after;
    }
    *ret = save;
    return 0;
}

/* -- Done -- */

static void settle_struct(const muv_schema_t *schema, void *base, muv__span_t after);

static void settle_members(const muv_schema_t *schema, void *base, muv__span_t after)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];
        void *member = muv__member(field, base);

        if (field->kind == MUV_KIND_EMBEDDED) {
            settle_struct(field->target, member, after);
        } else if (field->element == MUV_KIND_EMBEDDED) {
            muv__list_view_t list = muv__list_load(member);

            for (uint32_t k = 0; k < list.count; k++) {
                settle_struct(field->target, (uint8_t *)list.data + k * (size_t)field->element_size,
                              after);
            }
        }
    }
}

static int is_within(const uint8_t *pointer, muv__span_t bytes)
{
    uintptr_t at = (uintptr_t)pointer;
    uintptr_t begin = (uintptr_t)bytes.data;

    return at >= begin && at - begin < bytes.size;
}

/* A struct whose slice is another save's, or none, was put there since: it stays as it is. */
static void settle_struct(const muv_schema_t *schema, void *base, muv__span_t after)
{
    muv_embedded_t *header = base;

    if (muv__is_ready(base) && is_within(header->pending, after)) {
        header->raw = header->pending;
        header->raw_size = muv__load_u32(header->raw);
        header->pending = NULL;
    }
    settle_members(schema, base, after);
}

void muv__save_done(const muv__save_t *save)
{
    if (save->after.size != 0) {
        settle_struct(save->doc->embedded.schema, save->doc, save->after);
    }
}
