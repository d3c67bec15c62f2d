/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion and encoding of operands. */
#include "odm/value.h"

#include "base/assert.h"
#include "base/bson_check.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "odm/encode.h"
#include "odm/kind.h"
#include "odm/state.h"
#include "odm/utf8.h"

#include <string.h>

static const char *operand_name(const muv_operand_t *operand)
{
    switch (operand->shape) {
    case MUV_OPERAND_NULL: return "null";
    case MUV_OPERAND_VALUE: return muv__kind_name(operand->kind);
    case MUV_OPERAND_ARRAY:
    case MUV_OPERAND_TEXTS: return "array";
    case MUV_OPERAND_DOCUMENT: return "document";
    case MUV_OPERAND_EMBEDDED: return "embedded document";
    case MUV_OPERAND_BSON: return "BSON document";
    case MUV_OPERAND_CONDITION: return "condition";
    default: return "missing operand, or number out of range,";
    }
}

static int fail_kind(const muv__query_path_t *path, const muv_operand_t *operand,
                     muv_error_t *reterr)
{
    unsigned kind = muv__path_kind(path);

    if (kind == MUV_KIND_OBJECTID && operand->kind == MUV_KIND_STRING) {
        return muv__path_fail(path, reterr, "Invalid ObjectID: not 24 hexadecimal digits");
    }
    if (kind == MUV_KIND_STRING && operand->kind == MUV_KIND_STRING) {
        return muv__path_fail(path, reterr, "the string is not valid UTF-8");
    }
    return muv__path_fail(path, reterr, "a %s does not fit the %s field", operand_name(operand),
                          muv__kind_name(kind));
}

/* -- One value -- */

static int oid_of_text(const muv_str_t *text, muv_oid_t *ret)
{
    char digits[25];

    if (text->size != sizeof(digits) - 1) {
        return 0;
    }
    memcpy(digits, text->data, sizeof(digits) - 1);
    digits[sizeof(digits) - 1] = '\0';
    return muv_oid_from_text(digits, ret) == 0;
}

/* Integral doubles are integers. */
static int int_of_double(double number, int64_t *ret)
{
    if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0)) {
        return 0;
    }
    *ret = (int64_t)number;
    return !((double)*ret < number || (double)*ret > number);
}

/* The value as one of `kind`, with integers as int64. Returns 1 when it fits. */
static int convert(const muv_operand_t *operand, unsigned kind, muv_value_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->as = operand->as;
    ret->kind = operand->kind;
    switch (kind) {
    case MUV_KIND_INT32:
    case MUV_KIND_INT64:
        ret->kind = MUV_KIND_INT64;
        return operand->kind == MUV_KIND_INT64 ||
               (operand->kind == MUV_KIND_DOUBLE &&
                int_of_double(operand->as.float64, &ret->as.int64));
    case MUV_KIND_DOUBLE:
        return operand->kind == MUV_KIND_DOUBLE || operand->kind == MUV_KIND_INT64;
    case MUV_KIND_BOOLEAN:
        if (operand->kind == MUV_KIND_INT64 && (operand->as.int64 == 0 || operand->as.int64 == 1)) {
            ret->kind = MUV_KIND_BOOLEAN;
            ret->as.boolean = operand->as.int64 == 1;
            return 1;
        }
        return operand->kind == MUV_KIND_BOOLEAN;
    case MUV_KIND_OBJECTID:
        if (operand->kind == MUV_KIND_STRING) {
            ret->kind = MUV_KIND_OBJECTID;
            return oid_of_text(&operand->as.str, &ret->as.oid);
        }
        return operand->kind == MUV_KIND_OBJECTID;
    case MUV_KIND_STRING:
        return operand->kind == MUV_KIND_STRING &&
               muv__utf8_count(operand->as.str.data, operand->as.str.size) >= 0;
    default: return operand->kind == kind;
    }
}

static const void *reference_member(const muv__query_path_t *path, const muv_operand_t *operand,
                                    muv_ref_t *ref, muv_error_t *reterr)
{
    const muv_schema_t *target = path->field->target;
    const muv__field_t *key_field = target == NULL ? NULL : muv__schema_key(target);
    muv_value_t key;

    memset(ref, 0, sizeof(*ref));
    if (MUV__NEVER(key_field == NULL)) {
        (void)fail_kind(path, operand, reterr);
        return NULL;
    }
    if (operand->shape == MUV_OPERAND_DOCUMENT) {
        const muv_schema_t *given = muv__header_of(operand->data)->schema;

        /* Only looked at: a reference's `doc` is not const for those who load it. */
        memcpy(&ref->doc, &operand->data, sizeof(ref->doc));
        if (given == NULL || given->model != target->model) {
            (void)muv__path_fail(path, reterr, "a document of the model %s is wanted",
                                 target->model->name);
            return NULL;
        }
        return ref;
    }
    if (operand->shape != MUV_OPERAND_VALUE || !convert(operand, key_field->kind, &key)) {
        (void)muv__path_fail(path, reterr, "a %s does not fit the key (%s) of a %s",
                             operand_name(operand), muv__kind_name(key_field->kind),
                             target->model->name);
        return NULL;
    }
    ref->id = key.as;
    ref->kind = key.kind;
    return ref;
}

static const void *embedded_member(const muv__query_path_t *path, const muv_operand_t *operand,
                                   muv_error_t *reterr)
{
    const muv_schema_t *given;

    if (operand->shape != MUV_OPERAND_EMBEDDED) {
        (void)fail_kind(path, operand, reterr);
        return NULL;
    }
    given = muv__header_of(operand->data)->schema;
    if (given != NULL && given->model != path->field->target->model) {
        (void)muv__path_fail(path, reterr, "an embedded document of the model %s is wanted",
                             path->field->target->model->name);
        return NULL;
    }
    return operand->data;
}

const void *muv__value_member(const muv__query_path_t *path, const muv_operand_t *operand,
                              muv__slot_t *slot, muv_error_t *reterr)
{
    unsigned kind = muv__path_kind(path);
    muv_value_t value;

    if (kind == MUV_KIND_REFERENCE) {
        return reference_member(path, operand, &slot->ref, reterr);
    }
    if (kind == MUV_KIND_EMBEDDED) {
        return embedded_member(path, operand, reterr);
    }
    if (operand->shape != MUV_OPERAND_VALUE || !convert(operand, kind, &value)) {
        (void)fail_kind(path, operand, reterr);
        return NULL;
    }
    if (!muv__value_to_member(&value, kind, &slot->scalar)) {
        (void)muv__path_fail(path, reterr, "the number does not fit the %s field",
                             muv__kind_name(kind));
        return NULL;
    }
    return &slot->scalar;
}

/* -- Arrays -- */

muv_operand_t muv__operand_element(const muv__query_path_t *path, const muv_operand_t *operand,
                                   size_t index)
{
    const uint8_t *at = operand->data;

    if (operand->shape == MUV_OPERAND_TEXTS) {
        return muv_operand_text(((const char *const *)operand->data)[index]);
    }
    if (operand->kind == MUV_KIND_REFERENCE) {
        return muv_operand_ref(((const muv_ref_t *)operand->data)[index]);
    }
    if (operand->kind == MUV_KIND_EMBEDDED) {
        at = path->field->target == NULL ? NULL : at + index * path->field->target->size;
        return muv_operand_embedded((const void *)at);
    }
    at += index * muv__kind_size(operand->kind);
    if (muv__kind_is_void(operand->kind, at)) {
        return muv_null();
    }
    return muv_operand_value(muv__value_of_member(operand->kind, at));
}

/* -- Writing -- */

static int write_embedded(const muv__query_path_t *path, const void *member, const char *key,
                          muv__buf_t *buf, muv_error_t *reterr)
{
    muv__encoder_t e = {.root = path->schema, .reterr = reterr};
    muv__frame_t frame = {NULL, path->field, 0};

    muv__bson_value(buf, key, strlen(key), MUV__BSON_DOCUMENT, muv__span(NULL, 0));
    return muv__encode_struct(&e, path->field->target, member, &frame, buf);
}

static int write_bson(const muv__query_path_t *path, const muv_operand_t *operand, const char *key,
                      muv__buf_t *buf, muv_error_t *reterr)
{
    muv__span_t bytes = {NULL, 0};
    int code;

    if (muv__path_kind(path) != MUV_KIND_EMBEDDED && muv__path_kind(path) != MUV_KIND_REFERENCE) {
        return fail_kind(path, operand, reterr);
    }
    code = muv__operand_bson(operand, path->label, &bytes, reterr);
    if (code == 0) {
        muv__bson_document(buf, key, strlen(key), bytes);
    }
    return code;
}

int muv__value_write_one(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                         const char *key, muv__buf_t *buf, muv_error_t *reterr)
{
    unsigned kind = muv__path_kind(path);
    muv__slot_t slot;
    const void *member;

    if (operand->shape == MUV_OPERAND_NULL) {
        muv__bson_null(buf, key, strlen(key));
        return 0;
    }
    if (operand->shape == MUV_OPERAND_BSON) {
        return write_bson(path, operand, key, buf, reterr);
    }
    if (how == MUV__VALUE_COMPARE && kind == MUV_KIND_INT32 &&
        operand->shape == MUV_OPERAND_VALUE && operand->kind == MUV_KIND_INT64 &&
        (operand->as.int64 < INT32_MIN || operand->as.int64 > INT32_MAX)) {
        muv__bson_int64(buf, key, strlen(key), operand->as.int64);
        return 0;
    }
    member = muv__value_member(path, operand, &slot, reterr);
    if (member == NULL) {
        return MUV_EINVAL;
    }
    if (kind == MUV_KIND_EMBEDDED) {
        return write_embedded(path, member, key, buf, reterr);
    }
    if (muv__kind_write(kind, path->field, member, key, strlen(key), buf) != 0) {
        return muv__path_fail(path, reterr,
                              "You can only reference documents once they have been "
                              "saved to the database");
    }
    return 0;
}

int muv__value_write_array(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                           const char *key, muv__buf_t *buf, muv_error_t *reterr)
{
    muv__bson_mark_t mark;
    char index_key[11];
    int code = 0;

    if (!muv__operand_is_array(operand)) {
        return muv__path_fail(path, reterr, "an array is wanted, not a %s", operand_name(operand));
    }
    if (operand->count > UINT32_MAX || (operand->count != 0 && operand->data == NULL)) {
        return muv__path_fail(path, reterr, "the array is missing or too long");
    }
    mark = muv__bson_begin_array(buf, key, strlen(key));
    for (size_t i = 0; i < operand->count && code == 0 && buf->error == 0; i++) {
        muv_operand_t element = muv__operand_element(path, operand, i);

        (void)muv__bson_index_key(index_key, (uint32_t)i);
        code = muv__value_write_one(path, &element, how, index_key, buf, reterr);
    }
    if (code == 0) {
        muv__bson_end(buf, mark);
    }
    return code;
}

int muv__value_write(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                     const char *key, muv__buf_t *buf, muv_error_t *reterr)
{
    return muv__path_is_list(path) && muv__operand_is_array(operand)
               ? muv__value_write_array(path, operand, how, key, buf, reterr)
               : muv__value_write_one(path, operand, how, key, buf, reterr);
}

/* -- Others -- */

int muv__operand_text(const muv__query_path_t *path, const muv_operand_t *operand, muv_str_t *ret,
                      muv_error_t *reterr)
{
    if (operand->shape != MUV_OPERAND_VALUE || operand->kind != MUV_KIND_STRING) {
        return muv__path_fail(path, reterr, "a string is wanted, not a %s", operand_name(operand));
    }
    if (muv__utf8_count(operand->as.str.data, operand->as.str.size) < 0) {
        return muv__path_fail(path, reterr, "the string is not valid UTF-8");
    }
    *ret = operand->as.str;
    return 0;
}

/* Are all keys and strings UTF-8? The structure is checked already, and with it the depth. */
static int has_good_text(const uint8_t *document, size_t size)
{
    muv__bson_iter_t iter;

    if (!muv__bson_iter_init(&iter, document, size)) {
        return 0;
    }
    while (muv__bson_iter_next(&iter)) {
        int nested = iter.type == MUV__BSON_DOCUMENT || iter.type == MUV__BSON_ARRAY;
        int text = iter.type == MUV__BSON_UTF8 || iter.type == MUV__BSON_CODE ||
                   iter.type == MUV__BSON_SYMBOL;

        if (muv__utf8_count(iter.key, iter.key_length) < 0 ||
            (text &&
             muv__utf8_count(muv__bson_iter_text(&iter), muv__bson_iter_text_length(&iter)) < 0) ||
            (nested && !has_good_text(iter.value, iter.value_size))) {
            return 0;
        }
    }
    return !iter.bad;
}

int muv__operand_bson(const muv_operand_t *operand, const char *what, muv__span_t *ret,
                      muv_error_t *reterr)
{
    const uint8_t *data = operand->data;
    muv__bson_check_t check;

    if (operand->shape != MUV_OPERAND_BSON) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: a BSON document is wanted, not a %s", what,
                              operand_name(operand));
    }
    if (data == NULL || operand->count < MUV__BSON_EMPTY_SIZE ||
        operand->count > MUV__QUERY_MAX_BYTES || muv__load_u32(data) != operand->count) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: the BSON document has a wrong length", what);
    }
    muv__bson_check_init(&check, (uint32_t)operand->count);
    if (muv__bson_check_step(&check, data, operand->count) != MUV__BSON_CHECK_DONE) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: the BSON document is malformed", what);
    }
    if (!has_good_text(data, operand->count)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "%s: the BSON document has text that is not UTF-8", what);
    }
    *ret = muv__span(data, operand->count);
    return 0;
}

int muv__value_keep(const muv__buf_t *buf, muv__arena_t *arena, uint8_t *ret_type,
                    muv__span_t *ret_value)
{
    size_t size;
    uint8_t *copy;

    if (buf->error != 0) {
        return buf->error;
    }
    size = buf->size - 2;
    copy = muv__arena_bytes(arena, size);
    if (copy == NULL) {
        return arena->error;
    }
    if (size != 0) {
        memcpy(copy, buf->data + 2, size);
    }
    *ret_type = buf->data[0];
    *ret_value = muv__span(copy, size);
    return 0;
}
