/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder. */
#include "odm/encode.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

static int fail_reference(const muv__encoder_t *e, const muv__frame_t *frame)
{
    return muv__frame_fail(e->reterr, e->root, frame, MUV_EVALIDATION,
                           "You can only reference documents once they have been saved to the "
                           "database");
}

/* -- Lists -- */

int muv__encode_element(muv__encoder_t *e, const muv__frame_t *frame, const void *element,
                        const char *key, size_t length, muv__buf_t *buf)
{
    const muv__field_t *list = frame->up->field;
    muv__bson_mark_t mark;
    int code;

    if (list->element == MUV_KIND_EMBEDDED) {
        /* A document as an element: its bytes behind type and key. */
        muv__bson_value(buf, key, length, MUV__BSON_DOCUMENT, muv__span(NULL, 0));
        return muv__encode_struct(e, list->target, element, frame, buf);
    }
    if (muv__kind_is_void(list->element, element)) {
        muv__bson_null(buf, key, length);
        return 0;
    }
    mark.start = buf->size;
    code = muv__kind_write(list->element, list, element, key, length, buf);
    if (code != 0) {
        buf->size = mark.start;
        return fail_reference(e, frame);
    }
    return 0;
}

static int encode_list(muv__encoder_t *e, const muv__frame_t *frame, const void *member,
                       const char *key, size_t length, muv__buf_t *buf)
{
    const muv__field_t *field = frame->field;
    muv__list_view_t list = muv__list_load(member);
    muv__bson_mark_t mark = muv__bson_begin_array(buf, key, length);
    muv__frame_t element = {frame, NULL, 0};
    const uint8_t *at = list.data;
    char index_key[11];
    int code = 0;

    for (; element.index < list.count && code == 0 && buf->error == 0; element.index++) {
        size_t index_length = muv__bson_index_key(index_key, element.index);

        code = muv__encode_element(e, &element, at, index_key, index_length, buf);
        at += field->element_size;
    }
    muv__bson_end(buf, mark);
    return code;
}

/* -- Members -- */

int muv__encode_member(muv__encoder_t *e, const muv__frame_t *frame, const void *member,
                       const char *key, size_t length, muv__buf_t *buf)
{
    const muv__field_t *field = frame->field;

    if (muv__field_is_list(field)) {
        return encode_list(e, frame, member, key, length, buf);
    }
    if (field->kind == MUV_KIND_EMBEDDED) {
        muv__bson_value(buf, key, length, MUV__BSON_DOCUMENT, muv__span(NULL, 0));
        return muv__encode_struct(e, field->target, member, frame, buf);
    }
    return muv__kind_write(field->kind, field, member, key, length, buf) == 0
               ? 0
               : fail_reference(e, frame);
}

static int encode_field(muv__encoder_t *e, const muv_schema_t *schema, uint32_t index,
                        const void *base, const muv__frame_t *up, muv__buf_t *buf)
{
    const muv__field_t *field = &schema->fields[index];
    muv__frame_t frame = {up, field, 0};
    unsigned state = muv__state_effective(schema, base, index);

    if (state == MUV_STATE_NULL) {
        muv__bson_null(buf, field->stored, field->stored_length);
    }
    if (state != MUV_STATE_SET) {
        return 0;
    }
    return muv__encode_member(e, &frame, muv__member_of(field, base), field->stored,
                              field->stored_length, buf);
}

/* Stored keys that the model does not know, in their order. */
static void encode_unknown(const muv_schema_t *schema, const muv_embedded_t *header,
                           muv__buf_t *buf)
{
    muv__bson_iter_t iter;

    if (header->raw == NULL || !muv__bson_iter_init(&iter, header->raw, header->raw_size)) {
        return;
    }
    while (muv__bson_iter_next(&iter)) {
        if (muv__schema_find(schema, iter.key, iter.key_length) == NULL) {
            muv__bson_value(buf, iter.key, iter.key_length, iter.type,
                            muv__span(iter.value, iter.value_size));
        }
    }
}

int muv__encode_struct(muv__encoder_t *e, const muv_schema_t *schema, const void *base,
                       const muv__frame_t *up, muv__buf_t *buf)
{
    muv__bson_mark_t mark;
    int code = 0;

    if ((muv__header_of(base)->flags & MUV__PARTIAL) != 0 && !e->allow_partial) {
        return muv__frame_fail(e->reterr, e->root, up, MUV_EVALIDATION,
                               "loaded in part, so it cannot be written as a whole");
    }
    if (e->depth >= MUV__MAX_DEPTH) {
        return muv__frame_fail(e->reterr, e->root, NULL, MUV_EVALIDATION,
                               "documents are nested too deeply");
    }
    e->depth++;
    mark = muv__bson_begin(buf);
    if (schema->primary_key != MUV__NO_FIELD) {
        code = encode_field(e, schema, schema->primary_key, base, up, buf);
    }
    for (uint32_t i = 0; i < schema->count && code == 0 && buf->error == 0; i++) {
        if (i != schema->primary_key) {
            code = encode_field(e, schema, i, base, up, buf);
        }
    }
    encode_unknown(schema, muv__header_of(base), buf);
    muv__bson_end(buf, mark);
    e->depth--;
    return code;
}

int muv__encode_end(muv__encoder_t *e, int code, const muv__buf_t *buf)
{
    if (code == 0 && buf->error != 0) {
        code = muv__error_code(e->reterr, buf->error);
    }
    return code;
}

int muv__encode(const void *document, muv_error_t *reterr, muv__buf_t *buf)
{
    const muv_schema_t *schema = muv__header_of(document)->schema;
    muv__encoder_t e = {schema, reterr, 0, 0};

    return muv__encode_end(&e, muv__encode_struct(&e, schema, document, NULL, buf), buf);
}
