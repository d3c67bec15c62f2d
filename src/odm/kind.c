/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, reading, writing and comparing of single values. */
#include "odm/kind.h"

#include "muv/error.h"

#include "odm/state.h"

#include <stdalign.h>

/* The old binary subtype repeats the length inside its bytes; members hold what lies behind it. */
#define OLD_BINARY 2
#define OLD_BINARY_EXTRA 4

static const struct kind_row {
    const char *name;
    uint8_t size;
    uint8_t alignment;
} kinds[] = {
    [MUV_KIND_STRING] = {"string", sizeof(muv_str_t), alignof(muv_str_t)},
    [MUV_KIND_INT32] = {"int32", sizeof(int32_t), alignof(int32_t)},
    [MUV_KIND_INT64] = {"int64", sizeof(int64_t), alignof(int64_t)},
    [MUV_KIND_DOUBLE] = {"double", sizeof(double), alignof(double)},
    [MUV_KIND_BOOLEAN] = {"boolean", sizeof(bool), alignof(bool)},
    [MUV_KIND_DATETIME] = {"datetime", sizeof(muv_datetime_t), alignof(muv_datetime_t)},
    [MUV_KIND_OBJECTID] = {"objectid", sizeof(muv_oid_t), alignof(muv_oid_t)},
    [MUV_KIND_BINARY] = {"binary", sizeof(muv_bin_t), alignof(muv_bin_t)},
    [MUV_KIND_EMBEDDED] = {"embedded document", 0, alignof(muv_embedded_t)},
    [MUV_KIND_REFERENCE] = {"reference", sizeof(muv_ref_t), alignof(muv_ref_t)},
    [MUV_KIND_LIST] = {"list", 0, alignof(muv__list_view_t)},
};

static const struct kind_row *row_of(unsigned kind)
{
    static const struct kind_row none = {"value", 0, 1};

    return kind == MUV_KIND_NONE || kind >= MUV__COUNT_OF(kinds) ? &none : &kinds[kind];
}

uint32_t muv__kind_size(unsigned kind)
{
    return row_of(kind)->size;
}

uint32_t muv__kind_alignment(unsigned kind)
{
    return row_of(kind)->alignment;
}

const char *muv__kind_name(unsigned kind)
{
    return row_of(kind)->name;
}

const char *muv__bson_type_name(unsigned type)
{
    switch (type) {
    case MUV__BSON_DOUBLE: return "double";
    case MUV__BSON_UTF8: return "string";
    case MUV__BSON_DOCUMENT: return "document";
    case MUV__BSON_ARRAY: return "array";
    case MUV__BSON_BINARY: return "binary";
    case MUV__BSON_OID: return "objectid";
    case MUV__BSON_BOOL: return "boolean";
    case MUV__BSON_DATETIME: return "datetime";
    case MUV__BSON_NULL: return "null";
    case MUV__BSON_REGEX: return "regular expression";
    case MUV__BSON_INT32: return "int32";
    case MUV__BSON_TIMESTAMP: return "timestamp";
    case MUV__BSON_INT64: return "int64";
    case MUV__BSON_DECIMAL128: return "decimal128";
    default: return "value of a type without use here";
    }
}

int muv__kind_is_number(unsigned kind)
{
    return kind == MUV_KIND_INT32 || kind == MUV_KIND_INT64 || kind == MUV_KIND_DOUBLE;
}

int muv__kind_is_void(unsigned kind, const void *member)
{
    muv_value_t key;

    switch (kind) {
    case MUV_KIND_STRING: return ((const muv_str_t *)member)->data == NULL;
    case MUV_KIND_BINARY: return ((const muv_bin_t *)member)->data == NULL;
    case MUV_KIND_REFERENCE:
        return ((const muv_ref_t *)member)->doc == NULL && !muv__ref_key(member, &key);
    default: return 0;
    }
}

/* -- Reading -- */

/* An integral double within int64 is exact; 2^63 itself is not inside. */
static int double_to_int64(double number, int64_t *ret)
{
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) {
        return 0;
    }
    *ret = (int64_t)number;
    return (double)*ret == number;
}

static int read_int64(const muv__bson_iter_t *iter, int64_t *ret)
{
    switch (iter->type) {
    case MUV__BSON_INT32: *ret = muv__load_i32(iter->value); return 1;
    case MUV__BSON_INT64: *ret = muv__load_i64(iter->value); return 1;
    case MUV__BSON_DOUBLE: return double_to_int64(muv__load_double(iter->value), ret);
    default: return 0;
    }
}

static int read_int32(const muv__bson_iter_t *iter, int32_t *ret)
{
    int64_t wide;

    if (!read_int64(iter, &wide) || wide < INT32_MIN || wide > INT32_MAX) {
        return 0;
    }
    *ret = (int32_t)wide;
    return 1;
}

static int int64_to_double(int64_t number, double *ret)
{
    int64_t back;

    *ret = (double)number;
    return double_to_int64(*ret, &back) && back == number;
}

static int read_double(const muv__bson_iter_t *iter, double *ret)
{
    switch (iter->type) {
    case MUV__BSON_DOUBLE: *ret = muv__load_double(iter->value); return 1;
    case MUV__BSON_INT32: *ret = muv__load_i32(iter->value); return 1;
    case MUV__BSON_INT64: return int64_to_double(muv__load_i64(iter->value), ret);
    default: return 0;
    }
}

static void read_string(const muv__bson_iter_t *iter, muv_str_t *ret)
{
    ret->data = muv__bson_iter_text(iter);
    ret->size = muv__bson_iter_text_length(iter);
    ret->reserved = 0;
}

static void read_binary(const muv__bson_iter_t *iter, muv_bin_t *ret)
{
    uint8_t subtype = iter->value[4];
    uint32_t extra = subtype == OLD_BINARY ? OLD_BINARY_EXTRA : 0;

    memset(ret, 0, sizeof(*ret));
    ret->data = iter->value + 5 + extra;
    ret->size = iter->value_size - 5 - extra;
    ret->subtype = subtype;
}

/* Any scalar as a value with its kind; integers become int64. */
static int read_key(const muv__bson_iter_t *iter, muv_value_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    switch (iter->type) {
    case MUV__BSON_OID:
        ret->kind = MUV_KIND_OBJECTID;
        memcpy(ret->as.oid.bytes, iter->value, sizeof(ret->as.oid.bytes));
        return 1;
    case MUV__BSON_UTF8:
        ret->kind = MUV_KIND_STRING;
        read_string(iter, &ret->as.str);
        return 1;
    case MUV__BSON_BINARY:
        ret->kind = MUV_KIND_BINARY;
        read_binary(iter, &ret->as.bin);
        return 1;
    case MUV__BSON_DATETIME:
        ret->kind = MUV_KIND_DATETIME;
        ret->as.datetime.ms = muv__load_i64(iter->value);
        return 1;
    default: ret->kind = MUV_KIND_INT64; return read_int64(iter, &ret->as.int64);
    }
}

/* A reference's target is a document, and those have a key (check.c). */
static unsigned key_kind_of(const muv_schema_t *target)
{
    return target->fields[target->primary_key].kind;
}

/* References of one target hold keys of one kind: integers of any width as int64. */
static int key_kind_fits(const muv_schema_t *target, unsigned kind)
{
    unsigned key_kind = key_kind_of(target);

    return kind == (key_kind == MUV_KIND_INT32 ? MUV_KIND_INT64 : key_kind);
}

/* A key, or MongoEngine's DBRef with `dbref=True`: {$ref: collection, $id: key}. */
static int read_reference(const muv_schema_t *target, const muv__bson_iter_t *iter, muv_ref_t *ret)
{
    muv__bson_iter_t inside;
    muv_value_t key;

    if (iter->type == MUV__BSON_DOCUMENT) {
        if (!muv__bson_find(iter->value, iter->value_size, "$id", &inside)) {
            return 0;
        }
        iter = &inside;
    }
    if (!read_key(iter, &key) || !key_kind_fits(target, key.kind)) {
        return 0;
    }
    memset(ret, 0, sizeof(*ret));
    ret->id = key.as;
    ret->kind = key.kind;
    return 1;
}

int muv__kind_read(unsigned kind, const muv_schema_t *target, const muv__bson_iter_t *iter,
                   void *member)
{
    switch (kind) {
    case MUV_KIND_STRING:
        if (iter->type != MUV__BSON_UTF8) {
            return 0;
        }
        read_string(iter, member);
        return 1;
    case MUV_KIND_INT32: return read_int32(iter, member);
    case MUV_KIND_INT64: return read_int64(iter, member);
    case MUV_KIND_DOUBLE: return read_double(iter, member);
    case MUV_KIND_BOOLEAN:
        if (iter->type != MUV__BSON_BOOL) {
            return 0;
        }
        *(bool *)member = iter->value[0] != 0;
        return 1;
    case MUV_KIND_DATETIME:
        if (iter->type != MUV__BSON_DATETIME) {
            return 0;
        }
        ((muv_datetime_t *)member)->ms = muv__load_i64(iter->value);
        return 1;
    case MUV_KIND_OBJECTID:
        if (iter->type != MUV__BSON_OID) {
            return 0;
        }
        memcpy(((muv_oid_t *)member)->bytes, iter->value, sizeof(muv_oid_t));
        return 1;
    case MUV_KIND_BINARY:
        if (iter->type != MUV__BSON_BINARY) {
            return 0;
        }
        read_binary(iter, member);
        return 1;
    case MUV_KIND_REFERENCE: return read_reference(target, iter, member);
    default: return 0;
    }
}

/* -- Writing -- */

static void write_binary(const muv_bin_t *bin, const char *key, size_t length, muv__buf_t *buf)
{
    muv__span_t bytes = muv__span(bin->data, bin->size);
    uint8_t *at;

    if (bin->subtype != OLD_BINARY) {
        muv__bson_binary(buf, key, length, bin->subtype, bytes);
        return;
    }
    if (bin->size > INT32_MAX - OLD_BINARY_EXTRA) {
        (void)muv__buf_reserve(buf, SIZE_MAX);
        return;
    }
    muv__bson_value(buf, key, length, MUV__BSON_BINARY, muv__span(NULL, 0));
    at = muv__buf_extend(buf, 5 + OLD_BINARY_EXTRA);
    if (at != NULL) {
        muv__store_u32(at, bin->size + OLD_BINARY_EXTRA);
        at[4] = OLD_BINARY;
        muv__store_u32(at + 5, bin->size);
        muv__buf_append(buf, bin->data, bin->size);
    }
}

static void write_scalar(unsigned kind, const void *member, const char *key, size_t length,
                         muv__buf_t *buf)
{
    const muv_str_t *str = member;

    switch (kind) {
    case MUV_KIND_STRING: muv__bson_utf8(buf, key, length, str->data, str->size); break;
    case MUV_KIND_INT32: muv__bson_int32(buf, key, length, *(const int32_t *)member); break;
    case MUV_KIND_INT64: muv__bson_int64(buf, key, length, *(const int64_t *)member); break;
    case MUV_KIND_DOUBLE: muv__bson_double(buf, key, length, *(const double *)member); break;
    case MUV_KIND_BOOLEAN: muv__bson_bool(buf, key, length, *(const bool *)member); break;
    case MUV_KIND_DATETIME:
        muv__bson_datetime(buf, key, length, ((const muv_datetime_t *)member)->ms);
        break;
    case MUV_KIND_OBJECTID:
        muv__bson_oid(buf, key, length, ((const muv_oid_t *)member)->bytes);
        break;
    default: write_binary(member, key, length, buf); break;
    }
}

static void write_key(const muv_schema_t *target, const muv_value_t *value, const char *key,
                      size_t length, muv__buf_t *buf)
{
    if (key_kind_of(target) == MUV_KIND_INT32 && value->kind == MUV_KIND_INT64 &&
        value->as.int64 >= INT32_MIN && value->as.int64 <= INT32_MAX) {
        muv__bson_int32(buf, key, length, (int32_t)value->as.int64);
        return;
    }
    write_scalar(value->kind, &value->as, key, length, buf);
}

static int write_reference(const muv__field_t *field, const muv_ref_t *ref, const char *key,
                           size_t length, muv__buf_t *buf)
{
    muv_value_t value;
    muv__bson_mark_t mark;

    if (!muv__ref_key(ref, &value) || !key_kind_fits(field->target, value.kind)) {
        return MUV_EVALIDATION;
    }
    if ((field->flags & MUV_DBREF) == 0) {
        write_key(field->target, &value, key, length, buf);
        return 0;
    }
    mark = muv__bson_begin_document(buf, key, length);
    muv__bson_utf8(buf, MUV__KEY("$ref"), field->target->model->collection,
                   strlen(field->target->model->collection));
    write_key(field->target, &value, MUV__KEY("$id"), buf);
    muv__bson_end(buf, mark);
    return 0;
}

int muv__kind_write(unsigned kind, const muv__field_t *field, const void *member, const char *key,
                    size_t length, muv__buf_t *buf)
{
    if (kind == MUV_KIND_REFERENCE) {
        return write_reference(field, member, key, length, buf);
    }
    write_scalar(kind, member, key, length, buf);
    return 0;
}

/* -- Values -- */

static int bytes_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static int binary_equal(const muv_bin_t *a, const muv_bin_t *b)
{
    return bytes_equal(a->data, a->size, b->data, b->size) &&
           (a->data == NULL || a->subtype == b->subtype);
}

static int ref_equal(const muv_ref_t *a, const muv_ref_t *b)
{
    muv_value_t key_a;
    muv_value_t key_b;
    int has_a = muv__ref_key(a, &key_a);
    int has_b = muv__ref_key(b, &key_b);

    if (!has_a || !has_b) {
        return has_a == has_b && a->doc == b->doc;
    }
    return key_a.kind == key_b.kind && muv__kind_equal(key_a.kind, &key_a.as, &key_b.as);
}

int muv__kind_equal(unsigned kind, const void *a, const void *b)
{
    const muv_str_t *str_a = a;
    const muv_str_t *str_b = b;

    switch (kind) {
    case MUV_KIND_STRING: return bytes_equal(str_a->data, str_a->size, str_b->data, str_b->size);
    case MUV_KIND_BINARY: return binary_equal(a, b);
    case MUV_KIND_REFERENCE: return ref_equal(a, b);
    case MUV_KIND_BOOLEAN: return *(const bool *)a == *(const bool *)b;
    default: return memcmp(a, b, muv__kind_size(kind)) == 0;
    }
}

int muv__ref_key(const muv_ref_t *ref, muv_value_t *ret)
{
    if (ref->kind != MUV_KIND_NONE) {
        memset(ret, 0, sizeof(*ret));
        ret->as = ref->id;
        ret->kind = ref->kind;
        return 1;
    }
    return ref->doc != NULL && muv__doc_key(ref->doc, ret);
}

int muv__value_to_member(const muv_value_t *value, unsigned kind, void *member)
{
    if (kind == MUV_KIND_INT32) {
        if (value->kind != MUV_KIND_INT64 || value->as.int64 < INT32_MIN ||
            value->as.int64 > INT32_MAX) {
            return 0;
        }
        *(int32_t *)member = (int32_t)value->as.int64;
        return 1;
    }
    if (kind == MUV_KIND_DOUBLE && value->kind == MUV_KIND_INT64) {
        return int64_to_double(value->as.int64, member);
    }
    if (value->kind != kind) {
        return 0;
    }
    memcpy(member, &value->as, muv__kind_size(kind));
    return 1;
}

muv_value_t muv__value_of_member(unsigned kind, const void *member)
{
    muv_value_t value;

    memset(&value, 0, sizeof(value));
    value.kind = (uint8_t)kind;
    if (kind == MUV_KIND_INT32) {
        value.kind = MUV_KIND_INT64;
        value.as.int64 = *(const int32_t *)member;
    } else {
        memcpy(&value.as, member, muv__kind_size(kind));
    }
    return value;
}
