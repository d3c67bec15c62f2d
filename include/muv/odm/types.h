/* SPDX-License-Identifier: Apache-2.0 */
/* The C types of document members. A member is a plain C object: read it, store into it. What a
 * plain store cannot say (absent, null, present although empty) has calls in document.h. Pointers
 * inside members are borrowed: from the stored bytes after a load, from the program after a store
 * (until the document is encoded), or from the document's own arena after muv_put(). */
#ifndef MUV_ODM_TYPES_H
#define MUV_ODM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "muv/export.h"

MUV_BEGIN_DECLS

typedef struct muv_model muv_model_t;
typedef struct muv_doc muv_doc_t;
typedef struct muv_batch muv_batch_t;

/* A compiled model; see muv_models(). */
typedef struct muv_schema muv_schema_t;

/* Text in UTF-8. `data` NULL: no value; "" is a value. Strings of loaded documents end in a NUL
 * behind their `size` bytes, strings that a program stores need not. */
typedef struct muv_str {
    const char *data;
    uint32_t size; /* Bytes, without the NUL. */
    uint32_t reserved;
} muv_str_t;

/* Bytes. `data` NULL: no value. */
typedef struct muv_bin {
    const uint8_t *data;
    uint32_t size;
    uint8_t subtype; /* BSON's: 0 generic, 4 UUID, ... */
    uint8_t reserved[3];
} muv_bin_t;

/* An ObjectId. All zero in a new document: no value. */
typedef struct muv_oid {
    uint8_t bytes[12];
} muv_oid_t;

/* Milliseconds since 1970-01-01T00:00:00Z. A struct, so that a date and a number are not mixed up
 * unnoticed. 0 in a new document: no value (muv_set_present() stores 1970). */
typedef struct muv_datetime {
    int64_t ms;
} muv_datetime_t;

/* What a field, a value, or an element of a list is. Values are part of the ABI and never reused.
 * Those from MUV_KIND_LATER on have their number, and no code yet: muv_models() refuses them. */
enum {
    MUV_KIND_NONE = 0,
    MUV_KIND_STRING = 1,
    MUV_KIND_INT32 = 2,
    MUV_KIND_INT64 = 3,
    MUV_KIND_DOUBLE = 4,
    MUV_KIND_BOOLEAN = 5,
    MUV_KIND_DATETIME = 6,
    MUV_KIND_OBJECTID = 7,
    MUV_KIND_BINARY = 8,
    MUV_KIND_EMBEDDED = 9,   /* A document inside the document. */
    MUV_KIND_REFERENCE = 10, /* The primary key of a document of another collection. */
    MUV_KIND_LIST = 11,      /* Of any kind above. */
    MUV_KIND_LATER = 32,
    MUV_KIND_DECIMAL = 32, /* MongoEngine's DecimalField: a double or a string. */
    MUV_KIND_DECIMAL128 = 33,
    MUV_KIND_DATE = 34,
    MUV_KIND_COMPLEX_DATETIME = 35, /* Sortable text with microseconds. */
    MUV_KIND_UUID = 36,
    MUV_KIND_MAP = 37,
    MUV_KIND_DYNAMIC = 38, /* Any BSON value. */
    MUV_KIND_SORTED_LIST = 39,
    MUV_KIND_GENERIC_EMBEDDED = 40,
    MUV_KIND_GENERIC_REFERENCE = 41,
    MUV_KIND_CACHED_REFERENCE = 42,
    MUV_KIND_FILE = 43,
    MUV_KIND_IMAGE = 44,
    MUV_KIND_SEQUENCE = 45,
    MUV_KIND_GEO_POINT = 46, /* The legacy pair [x, y]. */
    MUV_KIND_POINT = 47,
    MUV_KIND_LINE_STRING = 48,
    MUV_KIND_POLYGON = 49,
    MUV_KIND_MULTI_POINT = 50,
    MUV_KIND_MULTI_LINE_STRING = 51,
    MUV_KIND_MULTI_POLYGON = 52,
    MUV_KIND_TIMESTAMP = 53,
    MUV_KIND_REGEX = 54
};

/* One value of a scalar kind; which member holds is said beside it. */
typedef union muv_scalar {
    int64_t int64;
    int32_t int32;
    double float64;
    bool boolean;
    muv_datetime_t datetime;
    muv_oid_t oid;
    muv_str_t str;
    muv_bin_t bin;
} muv_scalar_t;

/* A value with its kind: defaults, limits, choices, operands of string filters. Kind 0: not set. */
typedef struct muv_value {
    muv_scalar_t as;
    uint8_t kind; /* MUV_KIND_* of a scalar kind. */
    uint8_t reserved[7];
} muv_value_t;

/* Initialisers of a muv_value_t, for rows: `.min = MUV_INT(0)`. */
#define MUV_INT(number)                                                                            \
    {                                                                                              \
        .as = {.int64 = (number)}, .kind = MUV_KIND_INT64                                          \
    }
#define MUV_DOUBLE(number)                                                                         \
    {                                                                                              \
        .as = {.float64 = (number)}, .kind = MUV_KIND_DOUBLE                                       \
    }
#define MUV_BOOLEAN(truth)                                                                         \
    {                                                                                              \
        .as = {.boolean = (truth)}, .kind = MUV_KIND_BOOLEAN                                       \
    }
#define MUV_DATETIME(milliseconds)                                                                 \
    {                                                                                              \
        .as = {.datetime = {.ms = (milliseconds)}}, .kind = MUV_KIND_DATETIME                      \
    }
#define MUV_STRING(literal)                                                                        \
    {                                                                                              \
        .as = {.str = {.data = (literal), .size = sizeof(literal) - 1}}, .kind = MUV_KIND_STRING   \
    }

/* MUV_REF_*: has the document behind a reference been looked for? */
enum {
    MUV_REF_UNLOADED = 0,
    MUV_REF_LOADED = 1, /* `doc` is the document. */
    MUV_REF_MISSING = 2 /* It was looked for, and there is none: a dangling reference. */
};

/* A reference to a document of another collection, by its primary key. Reading it never does I/O.
 * All zero: no value. */
typedef struct muv_ref {
    void *doc; /* [borrow] The document itself when it was loaded or given, else NULL. */
    const muv_model_t *model; /* Of a generic reference; NULL: the row's target. */
    muv_scalar_t id;
    uint8_t kind;  /* MUV_KIND_* of `id`; 0: no key (yet). */
    uint8_t state; /* MUV_REF_*. */
    uint8_t reserved[6];
} muv_ref_t;

/* Lists. `data` has `count` elements; `capacity` belongs to muv_list_push() and its like. A program
 * may point `data` at its own array and set `count` (capacity 0). Empty: count 0. */
#define MUV_LIST_TYPE(name, type)                                                                  \
    typedef struct name {                                                                          \
        type *data;                                                                                \
        uint32_t count;                                                                            \
        uint32_t capacity;                                                                         \
    } name##_t

MUV_LIST_TYPE(muv_str_list, muv_str_t);
MUV_LIST_TYPE(muv_int32_list, int32_t);
MUV_LIST_TYPE(muv_int64_list, int64_t);
MUV_LIST_TYPE(muv_double_list, double);
MUV_LIST_TYPE(muv_bool_list, bool);
MUV_LIST_TYPE(muv_datetime_list, muv_datetime_t);
MUV_LIST_TYPE(muv_oid_list, muv_oid_t);
MUV_LIST_TYPE(muv_bin_list, muv_bin_t);
MUV_LIST_TYPE(muv_ref_list, muv_ref_t);

/* MUV_STATE_*: two bits for each field. */
enum {
    MUV_STATE_ABSENT = 0,
    MUV_STATE_NULL = 1,
    MUV_STATE_SET = 2,
    MUV_STATE_NOT_LOADED = 3 /* Left out by a projection: unknown, and never written. */
};

/* State bits of up to 32 fields in place, of more in words of the arena. */
typedef union muv_states {
    uint64_t bits;
    uint64_t *words;
} muv_states_t;

/* First member of every embedded document. Its content belongs to the mapper; a program zeroes it,
 * or moves it along with its struct. A struct with more than 32 fields may be moved, but a copy of
 * it shares the state bits. */
typedef struct muv_embedded {
    const muv_schema_t *schema;
    const uint8_t *raw;     /* The stored document, or NULL: new. */
    const uint8_t *pending; /* What a save in progress sends. */
    const void *initial; /* What new or decode put into the struct, when defaults were computed. */
    muv_states_t states;
    uint32_t raw_size;
    uint32_t flags;
} muv_embedded_t;

/* First member of every document. Content belongs to the mapper. */
struct muv_doc {
    muv_embedded_t embedded;
    muv_batch_t *batch;
    const void *projection; /* What was loaded; NULL: everything. */
    void *reserved;
};

/* [borrow] A string member from a C string: `post->title = muv_str("Hello")`. NULL: no value. */
static inline muv_str_t muv_str(const char *text)
{
    muv_str_t str = {text, text == NULL ? 0 : (uint32_t)strlen(text), 0};

    return str;
}

/* Do two strings hold the same bytes? "" and no value are different. */
static inline bool muv_str_equal(muv_str_t a, muv_str_t b)
{
    if (a.data == NULL || b.data == NULL) {
        return a.data == b.data;
    }
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ObjectIds as 24 hexadecimal digits. `text` has 25 bytes. */
MUV_API void muv_oid_to_text(const muv_oid_t *oid, char text[25]);

/* Returns 0, or MUV_EINVAL when `text` is not exactly 24 hexadecimal digits. */
MUV_API MUV_CHECK int muv_oid_from_text(const char *text, muv_oid_t *ret);

/* Order of bytes: below, equal to or above 0. */
static inline int muv_oid_compare(const muv_oid_t *a, const muv_oid_t *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

MUV_END_DECLS

#endif
