/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison of a struct with the bytes it was loaded from. Nothing is recorded while a program
 * stores into members: the bytes are still there, so one walk over both sees every change.
 *
 * An embedded document whose header still points at the bytes in this place is compared inside;
 * another one was put there by the program and is written as a whole. A path that is written as a
 * whole swallows what lies below it. */
#include "odm/diff.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "base/mem.h"
#include "odm/encode.h"
#include "odm/kind.h"
#include "odm/projection.h"
#include "odm/state.h"

#include <string.h>

/* A stored value; type 0: the document lacks the field. */
typedef struct old_value {
    const uint8_t *value;
    uint32_t size;
    uint8_t type;
} old_value_t;

typedef struct differ {
    muv__encoder_t e;
    muv__buf_t set; /* Elements of each operator's document, without its frame. */
    muv__buf_t unset;
    muv__buf_t push;
    muv__buf_t path;
} differ_t;

/* One struct beside its stored values. */
typedef struct level {
    const muv_schema_t *schema;
    const void *base;
    const old_value_t *values; /* One for each field. */
    const muv__projection_t *projection;
    const muv__frame_t *up;
} level_t;

typedef struct marks {
    size_t set;
    size_t unset;
    size_t push;
} marks_t;

static int diff_struct(differ_t *d, const muv_schema_t *schema, const void *base,
                       const old_value_t *old, const muv__projection_t *projection,
                       const muv__frame_t *up);

static marks_t mark(const differ_t *d)
{
    marks_t marks = {d->set.size, d->unset.size, d->push.size};

    return marks;
}

static void back_to(differ_t *d, marks_t marks)
{
    d->set.size = marks.set;
    d->unset.size = marks.unset;
    d->push.size = marks.push;
}

static int nothing_since(const differ_t *d, marks_t marks)
{
    return d->set.size == marks.set && d->unset.size == marks.unset && d->push.size == marks.push;
}

static int fail(const differ_t *d, const muv__frame_t *frame, const char *message)
{
    return muv__frame_fail(d->e.reterr, d->e.root, frame, MUV_EVALIDATION, "%s", message);
}

/* The dotted path of stored names, in the scratch buffer. Returns 0 or the buffer's error. */
static int make_path(differ_t *d, const muv__frame_t *frame)
{
    muv__buf_reset(&d->path, SIZE_MAX);
    muv__frame_path(frame, 1, &d->path);
    return d->path.error == 0 ? 0 : muv__error_code(d->e.reterr, d->path.error);
}

static const char *path_of(const differ_t *d)
{
    return (const char *)d->path.data;
}

/* -- Emitting -- */

static int emit_unset(differ_t *d, const muv__frame_t *frame)
{
    int code = make_path(d, frame);

    if (code == 0) {
        muv__bson_int32(&d->unset, path_of(d), d->path.size, 1);
    }
    return code;
}

static int emit_null(differ_t *d, const muv__frame_t *frame)
{
    int code = make_path(d, frame);

    if (code == 0) {
        muv__bson_null(&d->set, path_of(d), d->path.size);
    }
    return code;
}

/* Drop what was just written behind `start` when its value is byte for byte what is stored. */
static void drop_if_same(differ_t *d, size_t start, const old_value_t *old)
{
    size_t head = 1 + d->path.size + 1;

    if (d->set.error == 0 && old->type != 0 && d->set.size - start == head + old->size &&
        d->set.data[start] == old->type &&
        memcmp(d->set.data + start + head, old->value, old->size) == 0) {
        d->set.size = start;
    }
}

/* Write a member, or an element of a list, as a whole. */
static int emit_set(differ_t *d, const muv__frame_t *frame, const void *value,
                    const old_value_t *old)
{
    size_t start = d->set.size;
    int code = make_path(d, frame);

    if (code != 0) {
        return code;
    }
    if (frame->field == NULL) {
        code = muv__encode_element(&d->e, frame, value, path_of(d), d->path.size, &d->set);
    } else {
        code = muv__encode_member(&d->e, frame, value, path_of(d), d->path.size, &d->set);
    }
    if (code == 0) {
        drop_if_same(d, start, old);
    }
    return code;
}

/* -- Lists -- */

static uint32_t count_of(const old_value_t *array)
{
    muv__bson_iter_t iter;
    uint32_t count = 0;

    if (muv__bson_iter_init(&iter, array->value, array->size)) {
        while (muv__bson_iter_next(&iter)) {
            count++;
        }
    }
    return count;
}

static int same_scalar(unsigned kind, const muv_schema_t *target, const muv__bson_iter_t *iter,
                       const void *member)
{
    union {
        muv_ref_t ref;
        muv_scalar_t scalar;
    } stored;

    if (iter->type == MUV__BSON_NULL) {
        return muv__kind_is_void(kind, member);
    }
    memset(&stored, 0, sizeof(stored));
    return muv__kind_read(kind, target, iter, &stored) && muv__kind_equal(kind, member, &stored);
}

static int is_in_place(const void *embedded, const uint8_t *stored)
{
    return muv__header_of(embedded)->raw == stored;
}

/* Compare one element. `wholes` counts elements that are written as a whole. */
static int diff_element(differ_t *d, const muv__frame_t *frame, const void *element,
                        const muv__bson_iter_t *iter, const muv__projection_t *inside,
                        uint32_t *wholes)
{
    const muv__field_t *list = frame->up->field;
    old_value_t old = {iter->value, iter->value_size, iter->type};
    size_t before = d->set.size;
    int code;

    if (list->element == MUV_KIND_EMBEDDED && is_in_place(element, iter->value)) {
        return diff_struct(d, list->target, element, &old, inside, frame);
    }
    if (list->element != MUV_KIND_EMBEDDED &&
        same_scalar(list->element, list->target, iter, element)) {
        return 0;
    }
    if (inside != NULL) {
        return fail(d, frame, "loaded in part, so it cannot be written as a whole");
    }
    code = emit_set(d, frame, element, &old);
    *wholes += d->set.size != before;
    return code;
}

/* Compare the elements that both have. */
static int diff_elements(differ_t *d, const muv__frame_t *frame, const void *member,
                         const old_value_t *old, const muv__projection_t *inside, uint32_t *wholes)
{
    const muv__field_t *field = frame->field;
    muv__frame_t element = {frame, NULL, 0};
    const uint8_t *at = muv__list_load(member).data;
    muv__bson_iter_t iter;
    int code = 0;

    (void)muv__bson_iter_init(&iter, old->value, old->size);
    while (code == 0 && muv__bson_iter_next(&iter)) {
        code = diff_element(d, &element, at, &iter, inside, wholes);
        at += field->element_size;
        element.index++;
    }
    return code;
}

static int emit_push(differ_t *d, const muv__frame_t *frame, const void *member, uint32_t from)
{
    const muv__field_t *field = frame->field;
    muv__list_view_t list = muv__list_load(member);
    muv__frame_t element = {frame, NULL, from};
    const uint8_t *at = (const uint8_t *)list.data + (size_t)from * field->element_size;
    muv__bson_mark_t operators;
    muv__bson_mark_t each;
    int code = make_path(d, frame);

    if (code != 0) {
        return code;
    }
    operators = muv__bson_begin_document(&d->push, path_of(d), d->path.size);
    each = muv__bson_begin_array(&d->push, MUV__KEY("$each"));
    for (; element.index < list.count && code == 0; element.index++) {
        char key[11];
        size_t length = muv__bson_index_key(key, element.index - from);

        code = muv__encode_element(&d->e, &element, at, key, length, &d->push);
        at += field->element_size;
    }
    muv__bson_end(&d->push, each);
    muv__bson_end(&d->push, operators);
    return code;
}

static int set_list(differ_t *d, const muv__frame_t *frame, const void *member,
                    const old_value_t *old, const muv__projection_t *inside)
{
    if (inside != NULL) {
        return fail(d, frame, "loaded in part, so it cannot be written as a whole");
    }
    return emit_set(d, frame, member, old);
}

/* Same length: element by element, unless all of two or more changed. Only longer: $push. Both
 * would be a conflict for the server, so that and everything else writes the whole list. */
static int diff_list(differ_t *d, const muv__frame_t *frame, const void *member,
                     const old_value_t *old, const muv__projection_t *inside)
{
    uint32_t count = muv__list_load(member).count;
    uint32_t old_count = count_of(old);
    uint32_t wholes = 0;
    marks_t before = mark(d);
    int code;

    if (count < old_count) {
        return set_list(d, frame, member, old, inside);
    }
    code = diff_elements(d, frame, member, old, inside, &wholes);
    if (code != 0) {
        return code;
    }
    if (count == old_count) {
        if (wholes < 2 || wholes < count) {
            return 0;
        }
    } else if (nothing_since(d, before)) {
        return emit_push(d, frame, member, old_count);
    }
    back_to(d, before);
    return set_list(d, frame, member, old, inside);
}

/* -- Documents -- */

/* Both sides have a value. */
static int diff_value(differ_t *d, const muv__frame_t *frame, const void *member,
                      const old_value_t *old, const muv__projection_t *inside)
{
    const muv__field_t *field = frame->field;
    muv__bson_iter_t iter;

    if (muv__field_is_list(field)) {
        return diff_list(d, frame, member, old, inside);
    }
    if (field->kind == MUV_KIND_EMBEDDED) {
        if (is_in_place(member, old->value)) {
            return diff_struct(d, field->target, member, old, inside, frame);
        }
        if (inside != NULL) {
            return fail(d, frame, "loaded in part, so it cannot be written as a whole");
        }
        return emit_set(d, frame, member, old);
    }
    memset(&iter, 0, sizeof(iter));
    iter.type = old->type;
    iter.value = old->value;
    iter.value_size = old->size;
    if (same_scalar(field->kind, field->target, &iter, member)) {
        return 0;
    }
    return emit_set(d, frame, member, old);
}

static int diff_field(differ_t *d, const level_t *level, uint32_t index)
{
    static const old_value_t none = {NULL, 0, 0};
    const muv__field_t *field = &level->schema->fields[index];
    const void *member = muv__member_of(field, level->base);
    const old_value_t *old = &level->values[index];
    muv__frame_t frame = {level->up, field, 0};

    switch (muv__state_effective(level->schema, level->base, index)) {
    case MUV_STATE_NOT_LOADED:
        return muv__member_is_zero(field, member)
                   ? 0
                   : fail(d, &frame, "a value was stored into a field that was not loaded");
    case MUV_STATE_ABSENT: return old->type == 0 ? 0 : emit_unset(d, &frame);
    case MUV_STATE_NULL: return old->type == MUV__BSON_NULL ? 0 : emit_null(d, &frame);
    default:
        if (old->type == 0 || old->type == MUV__BSON_NULL) {
            return emit_set(d, &frame, member, &none);
        }
        return diff_value(d, &frame, member, old,
                          level->projection == NULL ? NULL : level->projection->inside[index]);
    }
}

/* The stored value of each field; of a key that is there twice the last one, as decode reads it. */
static void find_old_values(const muv_schema_t *schema, const old_value_t *document,
                            old_value_t *values)
{
    muv__bson_iter_t iter;
    uint32_t expected = 0;

    if (!muv__bson_iter_init(&iter, document->value, document->size)) {
        return;
    }
    while (muv__bson_iter_next(&iter)) {
        const muv__field_t *field;

        if (expected < schema->count &&
            muv__bson_iter_key_is(&iter, schema->fields[expected].stored,
                                  schema->fields[expected].stored_length)) {
            field = &schema->fields[expected];
        } else {
            field = muv__schema_find(schema, iter.key, iter.key_length);
        }
        if (field != NULL) {
            values[field->index].value = iter.value;
            values[field->index].size = iter.value_size;
            values[field->index].type = iter.type;
            expected = field->index + 1u;
        }
    }
}

static int diff_fields(differ_t *d, const level_t *level)
{
    const muv_schema_t *schema = level->schema;
    marks_t before = mark(d);
    int code = 0;

    /* The key goes first, so that whatever it writes is an error. */
    if (schema->primary_key != MUV__NO_FIELD) {
        muv__frame_t key = {level->up, &schema->fields[schema->primary_key], 0};

        code = diff_field(d, level, schema->primary_key);
        if (code == 0 && !nothing_since(d, before)) {
            code = fail(d, &key, "the primary key of a stored document cannot be changed");
        }
    }
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        if (i != schema->primary_key) {
            code = diff_field(d, level, i);
        }
    }
    return code;
}

static int diff_struct(differ_t *d, const muv_schema_t *schema, const void *base,
                       const old_value_t *old, const muv__projection_t *projection,
                       const muv__frame_t *up)
{
    old_value_t in_place[MUV__STATES_IN_PLACE];
    old_value_t *values = in_place;
    level_t level = {schema, base, NULL, projection, up};
    int code;

    if (schema->count > MUV__STATES_IN_PLACE) {
        values = muv__mem_array(schema->count, sizeof(old_value_t));
        if (values == NULL) {
            return muv__error_code(d->e.reterr, MUV_ENOMEM);
        }
    }
    memset(values, 0, schema->count * sizeof(old_value_t));
    find_old_values(schema, old, values);
    level.values = values;
    code = diff_fields(d, &level);
    if (values != in_place) {
        muv__mem_free(values);
    }
    return code;
}

/* -- The update -- */

static void write_operator(muv__buf_t *buf, const char *name, size_t length,
                           const muv__buf_t *elements)
{
    muv__bson_mark_t document;

    if (elements->size == 0) {
        return;
    }
    document = muv__bson_begin_document(buf, name, length);
    muv__buf_append(buf, elements->data, elements->size);
    muv__bson_end(buf, document);
}

static int finish(differ_t *d, int code, muv__buf_t *buf)
{
    muv__bson_mark_t update;

    code = muv__encode_end(&d->e, code, &d->set);
    code = muv__encode_end(&d->e, code, &d->unset);
    code = muv__encode_end(&d->e, code, &d->push);
    if (code != 0) {
        return code;
    }
    update = muv__bson_begin(buf);
    write_operator(buf, MUV__KEY("$set"), &d->set);
    write_operator(buf, MUV__KEY("$unset"), &d->unset);
    write_operator(buf, MUV__KEY("$push"), &d->push);
    muv__bson_end(buf, update);
    return muv__encode_end(&d->e, 0, buf);
}

int muv__diff(const void *document, muv_error_t *reterr, muv__buf_t *buf)
{
    const muv_embedded_t *header = muv__header_of(document);
    const muv_doc_t *doc = document;
    old_value_t old = {header->raw, header->raw_size, MUV__BSON_DOCUMENT};
    differ_t d;
    int code;

    memset(&d, 0, sizeof(d));
    d.e.root = header->schema;
    d.e.reterr = reterr;
    muv__buf_init(&d.set, MUV__MAX_DOCUMENT_BYTES);
    muv__buf_init(&d.unset, MUV__MAX_DOCUMENT_BYTES);
    muv__buf_init(&d.push, MUV__MAX_DOCUMENT_BYTES);
    muv__buf_init(&d.path, MUV__MAX_DOCUMENT_BYTES);
    code = diff_struct(&d, header->schema, document, &old, doc->projection, NULL);
    code = finish(&d, code, buf);
    muv__buf_done(&d.set);
    muv__buf_done(&d.unset);
    muv__buf_done(&d.push);
    muv__buf_done(&d.path);
    return code;
}
