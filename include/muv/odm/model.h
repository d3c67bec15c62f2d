/* SPDX-License-Identifier: Apache-2.0 */
/* Models: constant tables that describe document structs. The tables are the interface (and the
 * ABI); declare.h writes struct, table and typed handles from one list. All zero in a row means
 * "not set", and rows are written with designated initialisers. Terms are MongoEngine's. */
#ifndef MUV_ODM_MODEL_H
#define MUV_ODM_MODEL_H

#include "muv/error.h"
#include "muv/odm/types.h"

MUV_BEGIN_DECLS

typedef struct muv_field muv_field_t;

/* Flags of a row. */
enum {
    MUV_REQUIRED = 1 << 0,    /* Must have a value; a list must have an element. */
    MUV_UNIQUE = 1 << 1,      /* A unique index on this field. */
    MUV_OPTIONAL = 1 << 2,    /* 0, false or an empty list is no value in a new document. */
    MUV_PRIMARY_KEY = 1 << 3, /* Implied by the stored name "_id". */
    MUV_NULL = 1 << 4,        /* No value is stored as null instead of being left out. */
    MUV_SPARSE = 1 << 5,      /* With MUV_UNIQUE: documents without the field do not collide. */
    MUV_DBREF = 1 << 6,       /* A reference is stored as {$ref, $id} instead of the bare key. */
    MUV_VERSION = 1 << 7,     /* Reserved: the counter of optimistic locking. */
    MUV_POINTER = 1 << 8      /* Reserved: the member points at its embedded document. */
};

/* What a deletion does to documents whose reference field points at the deleted one. */
enum { MUV_DO_NOTHING = 0, MUV_NULLIFY = 1, MUV_CASCADE = 2, MUV_DENY = 3, MUV_PULL = 4 };

/* Give the default of `field` at creation, and at load of a document that lacks the field.
 *
 * data  What muv_models_opts_t holds.
 * ret   Kind as the field's (integers: MUV_KIND_INT64). Text and bytes are copied.
 *
 * Returns 0, or a MUV_E* code that fails the creation or load. */
typedef int (*muv_default_cb)(const muv_field_t *field, void *data, muv_value_t *ret);

/* Check a member beyond what rows can say. Called only when the member has a value.
 *
 * member  [borrow] The member: a muv_str_t *, an int32_t *, ...
 *
 * Returns NULL, or the message of the error: static text. */
typedef const char *(*muv_check_cb)(const muv_field_t *field, const void *member, void *data);

/* Reserved for options that few kinds take (precision, separator, sequence name, bucket, ...). */
typedef struct muv_field_extra muv_field_extra_t;

/* One field of a document. */
struct muv_field {
    const char *name;   /* The member's name: in string filters and paths of errors. */
    const char *stored; /* The key in the database (MongoEngine: db_field). */
    uint32_t flags;     /* MUV_REQUIRED, ... */
    uint32_t offset;    /* offsetof(struct, member). */
    uint32_t size;      /* sizeof the member. */
    uint8_t kind;       /* MUV_KIND_*. */
    uint8_t element;    /* MUV_KIND_* of a list's elements. */
    uint8_t on_delete;  /* Of a reference: MUV_CASCADE, ... */
    uint8_t reserved_byte;
    const muv_model_t *target; /* Of embedded documents and references. */
    const muv_field_t *items;  /* Limits of a list's elements: a row without name; may be NULL. */

    muv_value_t min; /* Numbers and dates, inclusive. */
    muv_value_t max;
    uint32_t min_length; /* Strings: code points. 0: none. */
    uint32_t max_length; /* Strings: code points. Binaries: bytes. Lists: elements. 0: none. */
    const char *regex;   /* Reserved. */
    const muv_value_t *choices; /* Ended by a value of kind 0. */
    muv_check_cb check;

    muv_value_t default_value; /* At most one of the two. */
    muv_default_cb default_fn;

    const char *const *unique_with; /* Names of further fields of a unique index; ended by NULL. */
    const char *verbose_name;
    const muv_model_t *const *targets; /* Reserved: what a generic field may hold. */
    const muv_field_extra_t *extra;    /* Reserved. */
    const void *reserved[2];
};

/* `.choices = MUV_CHOICES(MUV_STRING("draft"), MUV_STRING("public"))`. C only. */
#define MUV_CHOICES(...) ((const muv_value_t[]){__VA_ARGS__, {.kind = MUV_KIND_NONE}})

/* `.ordering = MUV_NAMES("-votes", "title")`. C only. */
#define MUV_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* One index. Paths are names of fields joined by "." or "__", each with an optional prefix as in
 * MongoEngine: + ascending, - descending, $ text, # hashed, ( 2dsphere, * 2d. */
typedef struct muv_index {
    const char *const *fields; /* Ended by NULL. */
    const char *name;          /* NULL: made from the keys, as the server's own tools do. */
    int8_t unique;             /* MUV_YES like all int8_t here. */
    int8_t sparse;
    int8_t hidden;
    int8_t no_cls;          /* Reserved: leave out the `_cls` prefix of an inherited model. */
    int32_t expire_after_s; /* 0: none. */
    const uint8_t *partial_filter; /* A BSON document; NULL: none. */
    const uint8_t *collation;
    const uint8_t *options; /* A BSON document of further options, written as they are. */
    const void *reserved[2];
} muv_index_t;

/* What a model describes. */
enum {
    MUV_ROLE_DOCUMENT = 0, /* The struct begins with a muv_doc_t. */
    MUV_ROLE_EMBEDDED = 1  /* It begins with a muv_embedded_t, and there is no collection. */
};

/* Flags of a model. */
enum {
    MUV_MODEL_STRICT = 1 << 0,   /* An unknown stored key fails the load. */
    MUV_MODEL_ABSTRACT = 1 << 1, /* Reserved, like the next two. */
    MUV_MODEL_INHERITANCE = 1 << 2,
    MUV_MODEL_DYNAMIC = 1 << 3
};

/* Errors that a model's own check finds; see validate.h. */
typedef struct muv_verrors muv_verrors_t;

/* Called by muv_validate() before the fields are checked; may change the document.
 *
 * document  [borrow] The struct.
 * errors    [borrow] For muv_verrors_add().
 *
 * Returns 0, or a MUV_E* code that ends the validation. */
typedef int (*muv_clean_cb)(void *document, muv_verrors_t *errors, void *data);

typedef struct muv_hooks muv_hooks_t;                           /* Reserved. */
typedef struct muv_collection_options muv_collection_options_t; /* Reserved. */

/* A model. Constant; several models may describe one struct. */
struct muv_model {
    const char *name;       /* The class name: in errors and, with inheritance, in `_cls`. */
    const char *collection; /* NULL in an embedded model. */
    uint32_t role;          /* MUV_ROLE_*. */
    uint32_t flags;         /* MUV_MODEL_*. */
    uint32_t size;          /* sizeof the struct. */
    uint32_t reserved_number;
    const muv_field_t *fields;
    const muv_index_t *indexes;
    uint32_t field_count;
    uint32_t index_count;
    const char *const *ordering; /* Default order: "-votes"; ended by NULL. May be NULL. */
    muv_clean_cb clean;
    const char *database;                    /* Reserved: not the client's default. */
    const char *const *shard_key;            /* Reserved. */
    const muv_model_t *parent;               /* Reserved: inheritance. */
    const muv_hooks_t *hooks;                /* Reserved. */
    const muv_collection_options_t *options; /* Reserved: capped, time series. */
    const void *reserved[4];
};

/* All models of a program, checked and compiled. Immutable: threads may share it. */
typedef struct muv_registry muv_registry_t;

typedef struct muv_models_opts {
    void *data; /* Handed to default, check and clean functions. */
} muv_models_opts_t;

/* Check and compile models, once at start-up: everything that can be wrong with a model is an error
 * here and not in a query.
 *
 * models   [borrow] The tables must live as long as the registry. Embedded models that fields lead
 *          to come along; a reference's target must be listed.
 * options  [borrow] May be NULL.
 * reterr   May be NULL. Names model and field: "Post.author: ...".
 * ret      [own]    End it with muv_registry_free().
 *
 * Returns 0, MUV_EINVAL (no models), MUV_EMODEL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_models(const muv_model_t *const *models, size_t count,
                                 const muv_models_opts_t *options, muv_error_t *reterr,
                                 muv_registry_t **ret);

/* Give the registry up. Documents and mappers that use it keep it until they end. NULL is allowed.
 */
MUV_API void muv_registry_free(muv_registry_t *registry);

/* [borrow] The compiled form of `model`, or NULL when the registry does not know it. */
MUV_API const muv_schema_t *muv_registry_find(const muv_registry_t *registry,
                                              const muv_model_t *model);

/* Typed field handles: what the macros of query.h tell operand types apart by. A handle is a path:
 * fields from a model inwards, each by its row's index; an entry above MUV_PATH_POSITION is a
 * position in a list. */
#define MUV_PATH_DEPTH 7
#define MUV_PATH_POSITION 0x8000u

typedef struct muv_path {
    const muv_model_t *model;
    uint16_t depth;
    uint16_t index[MUV_PATH_DEPTH];
} muv_path_t;

#define MUV_HANDLE_TYPE(name)                                                                      \
    typedef struct name {                                                                          \
        muv_path_t path;                                                                           \
    } name##_t

MUV_HANDLE_TYPE(muv_string_field);
MUV_HANDLE_TYPE(muv_int32_field);
MUV_HANDLE_TYPE(muv_int64_field);
MUV_HANDLE_TYPE(muv_double_field);
MUV_HANDLE_TYPE(muv_boolean_field);
MUV_HANDLE_TYPE(muv_datetime_field);
MUV_HANDLE_TYPE(muv_objectid_field);
MUV_HANDLE_TYPE(muv_binary_field);
MUV_HANDLE_TYPE(muv_reference_field);
MUV_HANDLE_TYPE(muv_embedded_field);
MUV_HANDLE_TYPE(muv_string_list_field);
MUV_HANDLE_TYPE(muv_int32_list_field);
MUV_HANDLE_TYPE(muv_int64_list_field);
MUV_HANDLE_TYPE(muv_double_list_field);
MUV_HANDLE_TYPE(muv_boolean_list_field);
MUV_HANDLE_TYPE(muv_datetime_list_field);
MUV_HANDLE_TYPE(muv_objectid_list_field);
MUV_HANDLE_TYPE(muv_binary_list_field);
MUV_HANDLE_TYPE(muv_reference_list_field);
MUV_HANDLE_TYPE(muv_embedded_list_field);

MUV_END_DECLS

#endif
