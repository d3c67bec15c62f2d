/* SPDX-License-Identifier: Apache-2.0 */
/* Operands: the values that conditions and updates are given. An operand is a small struct; what it
 * points at is borrowed, and read when the condition or change is given to its query or update.
 *
 * In C, muv_v() makes one from any supported type, and MUV_OPERAND_OF_() one that must fit a typed
 * field handle; the constructors below it work everywhere. */
#ifndef MUV_ODM_OPERAND_H
#define MUV_ODM_OPERAND_H

#include "muv/odm/model.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* MUV_OPERAND_*: what an operand holds. Values are part of the ABI. */
enum {
    MUV_OPERAND_NONE = 0, /* Nothing, or a number above INT64_MAX: an error where it is used. */
    MUV_OPERAND_NULL = 1,
    MUV_OPERAND_VALUE = 2,    /* `as` holds a value of `kind`. */
    MUV_OPERAND_ARRAY = 3,    /* `data` points at `count` members of `kind`. */
    MUV_OPERAND_TEXTS = 4,    /* `data` points at `count` C strings. */
    MUV_OPERAND_DOCUMENT = 5, /* `data` is a document, meant by its primary key. */
    MUV_OPERAND_EMBEDDED = 6, /* `data` is an embedded document. */
    MUV_OPERAND_BSON = 7,     /* `data` is a BSON document of `count` bytes. */
    MUV_OPERAND_CONDITION = 8 /* `data` is a muv_condition_t, of "list__match". */
};

typedef struct muv_operand {
    muv_scalar_t as;
    const void *data; /* [borrow] */
    size_t count;
    uint8_t kind;  /* MUV_KIND_* */
    uint8_t shape; /* MUV_OPERAND_*. */
    uint8_t reserved[6];
} muv_operand_t;

static inline muv_operand_t muv_operand_shape(uint8_t shape, uint8_t kind, const void *data,
                                              size_t count)
{
    muv_operand_t operand;

    memset(&operand, 0, sizeof(operand));
    operand.shape = shape;
    operand.kind = kind;
    operand.data = data;
    operand.count = count;
    return operand;
}

/* The stored value null. */
static inline muv_operand_t muv_null(void)
{
    return muv_operand_shape(MUV_OPERAND_NULL, MUV_KIND_NONE, NULL, 0);
}

static inline muv_operand_t muv_operand_int(int64_t number)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_INT64, NULL, 0);

    operand.as.int64 = number;
    return operand;
}

static inline muv_operand_t muv_operand_uint(uint64_t number)
{
    return number > (uint64_t)INT64_MAX
               ? muv_operand_shape(MUV_OPERAND_NONE, MUV_KIND_NONE, NULL, 0)
               : muv_operand_int((int64_t)number);
}

static inline muv_operand_t muv_operand_double(double number)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_DOUBLE, NULL, 0);

    operand.as.float64 = number;
    return operand;
}

static inline muv_operand_t muv_operand_float(float number)
{
    return muv_operand_double((double)number);
}

static inline muv_operand_t muv_operand_bool(bool truth)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_BOOLEAN, NULL, 0);

    operand.as.boolean = truth;
    return operand;
}

static inline muv_operand_t muv_operand_datetime(muv_datetime_t datetime)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_DATETIME, NULL, 0);

    operand.as.datetime = datetime;
    return operand;
}

static inline muv_operand_t muv_operand_oid(muv_oid_t oid)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_OBJECTID, NULL, 0);

    operand.as.oid = oid;
    return operand;
}

/* A string without data is null, as everywhere. */
static inline muv_operand_t muv_operand_str(muv_str_t str)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_STRING, NULL, 0);

    operand.as.str = str;
    return str.data == NULL ? muv_null() : operand;
}

static inline muv_operand_t muv_operand_text(const char *text)
{
    return muv_operand_str(muv_str(text));
}

static inline muv_operand_t muv_operand_bin(muv_bin_t bin)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, MUV_KIND_BINARY, NULL, 0);

    operand.as.bin = bin;
    return bin.data == NULL ? muv_null() : operand;
}

static inline muv_operand_t muv_operand_value(muv_value_t value)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, value.kind, NULL, 0);

    operand.as = value.as;
    return operand;
}

/* A document stands for its primary key; an embedded one for itself. */
static inline muv_operand_t muv_operand_doc(const muv_doc_t *document)
{
    return document == NULL ? muv_null()
                            : muv_operand_shape(MUV_OPERAND_DOCUMENT, MUV_KIND_NONE, document, 0);
}

static inline muv_operand_t muv_operand_embedded(const muv_embedded_t *document)
{
    return document == NULL ? muv_null()
                            : muv_operand_shape(MUV_OPERAND_EMBEDDED, MUV_KIND_NONE, document, 0);
}

static inline muv_operand_t muv_operand_ref(muv_ref_t ref)
{
    muv_operand_t operand = muv_operand_shape(MUV_OPERAND_VALUE, ref.kind, NULL, 0);

    operand.as = ref.id;
    return ref.kind == MUV_KIND_NONE ? muv_operand_doc((const muv_doc_t *)ref.doc) : operand;
}

/* A BSON document, as it is. */
static inline muv_operand_t muv_operand_bson(const bson_t *bson)
{
    return bson == NULL
               ? muv_null()
               : muv_operand_shape(MUV_OPERAND_BSON, MUV_KIND_NONE, bson_get_data(bson), bson->len);
}

static inline muv_operand_t muv_operand_same(muv_operand_t operand)
{
    return operand;
}

/* Arrays of `count` values, and the lists of documents. */
#define MUV_OPERAND_ARRAY_(name, type, kind)                                                       \
    static inline muv_operand_t muv_operand_##name##s(const type *array, size_t count)             \
    {                                                                                              \
        return muv_operand_shape(MUV_OPERAND_ARRAY, kind, array, count);                           \
    }                                                                                              \
    static inline muv_operand_t muv_operand_##name##_list(muv_##name##_list_t list)                \
    {                                                                                              \
        return muv_operand_##name##s(list.data, list.data == NULL ? 0 : list.count);               \
    }
MUV_OPERAND_ARRAY_(str, muv_str_t, MUV_KIND_STRING)
MUV_OPERAND_ARRAY_(int32, int32_t, MUV_KIND_INT32)
MUV_OPERAND_ARRAY_(int64, int64_t, MUV_KIND_INT64)
MUV_OPERAND_ARRAY_(double, double, MUV_KIND_DOUBLE)
MUV_OPERAND_ARRAY_(bool, bool, MUV_KIND_BOOLEAN)
MUV_OPERAND_ARRAY_(datetime, muv_datetime_t, MUV_KIND_DATETIME)
MUV_OPERAND_ARRAY_(oid, muv_oid_t, MUV_KIND_OBJECTID)
MUV_OPERAND_ARRAY_(bin, muv_bin_t, MUV_KIND_BINARY)
MUV_OPERAND_ARRAY_(ref, muv_ref_t, MUV_KIND_REFERENCE)
#undef MUV_OPERAND_ARRAY_

static inline muv_operand_t muv_operand_texts(const char *const *texts, size_t count)
{
    return muv_operand_shape(MUV_OPERAND_TEXTS, MUV_KIND_STRING, texts, count);
}

#ifndef __cplusplus

/* Two arguments, array and count, of calls that take an array: muv_in(f, MUV_TEXTS("a", "b")). */
#define MUV_TEXTS(...)                                                                             \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define MUV_INTS(...)                                                                              \
    ((const int64_t[]){__VA_ARGS__}), (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define MUV_DOUBLES(...)                                                                           \
    ((const double[]){__VA_ARGS__}), (sizeof((const double[]){__VA_ARGS__}) / sizeof(double))
#define MUV_OIDS(...)                                                                              \
    ((const muv_oid_t[]){__VA_ARGS__}),                                                            \
        (sizeof((const muv_oid_t[]){__VA_ARGS__}) / sizeof(muv_oid_t))

/* What a call with the wrong type of operand tries to call: a compile error that says why. */
#define MUV_WRONG_OPERAND_ ((struct muv_this_operand_does_not_fit_the_field *)0)
struct muv_this_operand_does_not_fit_the_field;

/* Every integer type but char and bool. */
#define MUV_FROM_INTEGERS_                                                                         \
    signed char : muv_operand_int,                                                                 \
                  unsigned char : muv_operand_int,                                                 \
                                  short : muv_operand_int,                                         \
                                          unsigned short : muv_operand_int,                        \
                                                           int : muv_operand_int,                  \
                                                                 unsigned : muv_operand_int,       \
                                                                            long                   \
        : muv_operand_int,                                                                         \
          long long : muv_operand_int,                                                             \
                      unsigned long : muv_operand_uint,                                            \
                                      unsigned long long : muv_operand_uint
#define MUV_FROM_TEXT_                                                                             \
    char * : muv_operand_text, const char * : muv_operand_text, muv_str_t : muv_operand_str
#define MUV_FROM_BSON_ bson_t * : muv_operand_bson, const bson_t * : muv_operand_bson
#define MUV_FROM_DOC_ muv_doc_t * : muv_operand_doc, const muv_doc_t * : muv_operand_doc
#define MUV_FROM_EMBEDDED_                                                                         \
    muv_embedded_t * : muv_operand_embedded, const muv_embedded_t * : muv_operand_embedded
#define MUV_ELSE_                                                                                  \
    muv_operand_t:                                                                                 \
    muv_operand_same, default : MUV_WRONG_OPERAND_

/* An operand of any supported type. */
#define muv_v(value)                                                                               \
    _Generic((value), MUV_FROM_INTEGERS_, MUV_FROM_TEXT_, MUV_FROM_BSON_, MUV_FROM_DOC_,           \
             MUV_FROM_EMBEDDED_, bool                                                              \
             : muv_operand_bool, double                                                            \
             : muv_operand_double, float                                                           \
             : muv_operand_float, muv_datetime_t                                                   \
             : muv_operand_datetime, muv_oid_t                                                     \
             : muv_operand_oid, muv_bin_t                                                          \
             : muv_operand_bin, muv_ref_t                                                          \
             : muv_operand_ref, muv_value_t                                                        \
             : muv_operand_value, muv_str_list_t                                                   \
             : muv_operand_str_list, muv_int32_list_t                                              \
             : muv_operand_int32_list, muv_int64_list_t                                            \
             : muv_operand_int64_list, muv_double_list_t                                           \
             : muv_operand_double_list, muv_bool_list_t                                            \
             : muv_operand_bool_list, muv_datetime_list_t                                          \
             : muv_operand_datetime_list, muv_oid_list_t                                           \
             : muv_operand_oid_list, muv_bin_list_t                                                \
             : muv_operand_bin_list, muv_ref_list_t                                                \
             : muv_operand_ref_list, MUV_ELSE_)(value)

/* Constructors for a value and for an array, chosen by the types of field and value. */
#define MUV_TAKE_TEXT_(v) _Generic((v), MUV_FROM_TEXT_, MUV_ELSE_)
#define MUV_TAKE_INT_(v) _Generic((v), MUV_FROM_INTEGERS_, MUV_ELSE_)
#define MUV_TAKE_DOUBLE_(v)                                                                        \
    _Generic((v), MUV_FROM_INTEGERS_, double                                                       \
             : muv_operand_double, float                                                           \
             : muv_operand_float, MUV_ELSE_)
/* `true` is an int in C11. */
#define MUV_TAKE_BOOLEAN_(v)                                                                       \
    _Generic((v), bool : muv_operand_bool, int : muv_operand_int, MUV_ELSE_)
#define MUV_TAKE_DATETIME_(v) _Generic((v), muv_datetime_t : muv_operand_datetime, MUV_ELSE_)
#define MUV_TAKE_OID_(v) _Generic((v), muv_oid_t : muv_operand_oid, MUV_ELSE_)
#define MUV_TAKE_BIN_(v) _Generic((v), muv_bin_t : muv_operand_bin, MUV_ELSE_)
#define MUV_TAKE_REF_(v)                                                                           \
    _Generic((v), MUV_FROM_DOC_, MUV_FROM_TEXT_, MUV_FROM_INTEGERS_, muv_oid_t                     \
             : muv_operand_oid, muv_ref_t                                                          \
             : muv_operand_ref, MUV_ELSE_)
#define MUV_TAKE_EMBEDDED_(v) _Generic((v), MUV_FROM_EMBEDDED_, MUV_FROM_BSON_, MUV_ELSE_)
#define MUV_TAKE_TEXT_LIST_(v)                                                                     \
    _Generic((v), MUV_FROM_TEXT_, muv_str_list_t : muv_operand_str_list, MUV_ELSE_)
#define MUV_TAKE_INT_LIST_(v)                                                                      \
    _Generic((v), MUV_FROM_INTEGERS_, muv_int32_list_t                                             \
             : muv_operand_int32_list, muv_int64_list_t                                            \
             : muv_operand_int64_list, MUV_ELSE_)
#define MUV_TAKE_DOUBLE_LIST_(v)                                                                   \
    _Generic((v), MUV_FROM_INTEGERS_, double                                                       \
             : muv_operand_double, float                                                           \
             : muv_operand_float, muv_double_list_t                                                \
             : muv_operand_double_list, MUV_ELSE_)
#define MUV_TAKE_BOOLEAN_LIST_(v)                                                                  \
    _Generic((v), bool                                                                             \
             : muv_operand_bool, int                                                               \
             : muv_operand_int, muv_bool_list_t                                                    \
             : muv_operand_bool_list, MUV_ELSE_)
#define MUV_TAKE_DATETIME_LIST_(v)                                                                 \
    _Generic((v), muv_datetime_t                                                                   \
             : muv_operand_datetime, muv_datetime_list_t                                           \
             : muv_operand_datetime_list, MUV_ELSE_)
#define MUV_TAKE_OID_LIST_(v)                                                                      \
    _Generic((v), muv_oid_t : muv_operand_oid, muv_oid_list_t : muv_operand_oid_list, MUV_ELSE_)
#define MUV_TAKE_BIN_LIST_(v)                                                                      \
    _Generic((v), muv_bin_t : muv_operand_bin, muv_bin_list_t : muv_operand_bin_list, MUV_ELSE_)
#define MUV_TAKE_REF_LIST_(v)                                                                      \
    _Generic((v), MUV_FROM_DOC_, MUV_FROM_TEXT_, MUV_FROM_INTEGERS_, muv_oid_t                     \
             : muv_operand_oid, muv_ref_t                                                          \
             : muv_operand_ref, muv_ref_list_t                                                     \
             : muv_operand_ref_list, MUV_ELSE_)

#define MUV_TAKE_TEXTS_(a)                                                                         \
    _Generic((a), const char *const * : muv_operand_texts, const char ** : muv_operand_texts,      \
             const muv_str_t * : muv_operand_strs, muv_str_t * : muv_operand_strs,                 \
             default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_INTS_(a)                                                                          \
    _Generic((a), const int32_t * : muv_operand_int32s, int32_t * : muv_operand_int32s,            \
             const int64_t * : muv_operand_int64s, int64_t * : muv_operand_int64s,                 \
             default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_DOUBLES_(a)                                                                       \
    _Generic((a), const double * : muv_operand_doubles, double * : muv_operand_doubles,            \
             const int64_t * : muv_operand_int64s, default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_BOOLEANS_(a)                                                                      \
    _Generic((a), const bool * : muv_operand_bools, bool * : muv_operand_bools,                    \
             default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_DATETIMES_(a)                                                                     \
    _Generic((a), const muv_datetime_t * : muv_operand_datetimes,                                  \
             muv_datetime_t * : muv_operand_datetimes, default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_OIDS_(a)                                                                          \
    _Generic((a), const muv_oid_t * : muv_operand_oids, muv_oid_t * : muv_operand_oids,            \
             default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_BINS_(a)                                                                          \
    _Generic((a), const muv_bin_t * : muv_operand_bins, muv_bin_t * : muv_operand_bins,            \
             default : MUV_WRONG_OPERAND_)
#define MUV_TAKE_REFS_(a)                                                                          \
    _Generic((a), const muv_ref_t * : muv_operand_refs, muv_ref_t * : muv_operand_refs,            \
             const muv_oid_t * : muv_operand_oids, muv_oid_t * : muv_operand_oids,                 \
             const int64_t * : muv_operand_int64s, const char *const * : muv_operand_texts,        \
             default : MUV_WRONG_OPERAND_)

/* An operand that fits the handle `field`: one value, or for a list an element or a whole list. */
#define MUV_OPERAND_OF_(field, value)                                                              \
    _Generic((field), muv_string_field_t                                                           \
             : MUV_TAKE_TEXT_(value), muv_int32_field_t                                            \
             : MUV_TAKE_INT_(value), muv_int64_field_t                                             \
             : MUV_TAKE_INT_(value), muv_double_field_t                                            \
             : MUV_TAKE_DOUBLE_(value), muv_boolean_field_t                                        \
             : MUV_TAKE_BOOLEAN_(value), muv_datetime_field_t                                      \
             : MUV_TAKE_DATETIME_(value), muv_objectid_field_t                                     \
             : MUV_TAKE_OID_(value), muv_binary_field_t                                            \
             : MUV_TAKE_BIN_(value), muv_reference_field_t                                         \
             : MUV_TAKE_REF_(value), muv_embedded_field_t                                          \
             : MUV_TAKE_EMBEDDED_(value), muv_string_list_field_t                                  \
             : MUV_TAKE_TEXT_LIST_(value), muv_int32_list_field_t                                  \
             : MUV_TAKE_INT_LIST_(value), muv_int64_list_field_t                                   \
             : MUV_TAKE_INT_LIST_(value), muv_double_list_field_t                                  \
             : MUV_TAKE_DOUBLE_LIST_(value), muv_boolean_list_field_t                              \
             : MUV_TAKE_BOOLEAN_LIST_(value), muv_datetime_list_field_t                            \
             : MUV_TAKE_DATETIME_LIST_(value), muv_objectid_list_field_t                           \
             : MUV_TAKE_OID_LIST_(value), muv_binary_list_field_t                                  \
             : MUV_TAKE_BIN_LIST_(value), muv_reference_list_field_t                               \
             : MUV_TAKE_REF_LIST_(value), muv_embedded_list_field_t                                \
             : MUV_TAKE_EMBEDDED_(value))(value)

/* The same for an array of values of the field, or of a list's elements. */
#define MUV_OPERANDS_OF_(field, array, count)                                                      \
    _Generic((field), muv_string_field_t                                                           \
             : MUV_TAKE_TEXTS_(array), muv_int32_field_t                                           \
             : MUV_TAKE_INTS_(array), muv_int64_field_t                                            \
             : MUV_TAKE_INTS_(array), muv_double_field_t                                           \
             : MUV_TAKE_DOUBLES_(array), muv_boolean_field_t                                       \
             : MUV_TAKE_BOOLEANS_(array), muv_datetime_field_t                                     \
             : MUV_TAKE_DATETIMES_(array), muv_objectid_field_t                                    \
             : MUV_TAKE_OIDS_(array), muv_binary_field_t                                           \
             : MUV_TAKE_BINS_(array), muv_reference_field_t                                        \
             : MUV_TAKE_REFS_(array), muv_string_list_field_t                                      \
             : MUV_TAKE_TEXTS_(array), muv_int32_list_field_t                                      \
             : MUV_TAKE_INTS_(array), muv_int64_list_field_t                                       \
             : MUV_TAKE_INTS_(array), muv_double_list_field_t                                      \
             : MUV_TAKE_DOUBLES_(array), muv_boolean_list_field_t                                  \
             : MUV_TAKE_BOOLEANS_(array), muv_datetime_list_field_t                                \
             : MUV_TAKE_DATETIMES_(array), muv_objectid_list_field_t                               \
             : MUV_TAKE_OIDS_(array), muv_binary_list_field_t                                      \
             : MUV_TAKE_BINS_(array), muv_reference_list_field_t                                   \
             : MUV_TAKE_REFS_(array))(array, count)

#endif

MUV_END_DECLS

#endif
