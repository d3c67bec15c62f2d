/* SPDX-License-Identifier: Apache-2.0 */
/* Struct, rows and typed handles of a model from one list. The list is a macro of two parameters:
 *
 *     #define POST_FIELDS(F, M)                                                  \
 *         F(M, objectid, id, "_id")                                              \
 *         F(M, string, title, "t", .flags = MUV_REQUIRED, .max_length = 80)      \
 *         F(M, reference(user), author, "a", .on_delete = MUV_CASCADE)           \
 *         F(M, list(embedded(comment)), comments, "c")
 *
 *     MUV_DECLARE_DOCUMENT(post, POST_FIELDS);                         in a header
 *     MUV_DEFINE_DOCUMENT(post, POST_FIELDS, "Post", .collection = "post");   in one .c file
 *
 * An entry is kind, member, stored name, then any further members of muv_field_t. Kinds: string,
 * int32, int64, double, boolean, datetime, objectid, binary, reference(model), embedded(model) and
 * list(any of these). Behind MUV_DEFINE_... come class name and further members of muv_model_t.
 *
 * Declared are `struct post` (post_t), the handles `post_fields` (post_fields.title) and the model
 * `post_model`; for embedded models also the list type comment_list_t.
 *
 * A struct written by hand gets its rows with MUV_FIELD(), which checks the member's type against
 * the kind when it is compiled. Declaring works in C++ too; defining is C only. */
#ifndef MUV_ODM_DECLARE_H
#define MUV_ODM_DECLARE_H

#include "muv/odm/model.h"

#ifdef __cplusplus
#define MUV_DECLARE_EXTERN_ extern "C"
#else
#define MUV_DECLARE_EXTERN_ extern
#endif

/* The C type of each kind. Kinds are only ever pasted, so that a macro named like one does no harm.
 */
#define MUV_TYPE_string muv_str_t
#define MUV_TYPE_int32 int32_t
#define MUV_TYPE_int64 int64_t
#define MUV_TYPE_double double
#define MUV_TYPE_boolean bool
#define MUV_TYPE_datetime muv_datetime_t
#define MUV_TYPE_objectid muv_oid_t
#define MUV_TYPE_binary muv_bin_t
#define MUV_TYPE_reference(model) muv_ref_t
#define MUV_TYPE_embedded(model) struct model
#define MUV_TYPE_list(kind) MUV_LIST_OF_##kind
#define MUV_LIST_OF_string muv_str_list_t
#define MUV_LIST_OF_int32 muv_int32_list_t
#define MUV_LIST_OF_int64 muv_int64_list_t
#define MUV_LIST_OF_double muv_double_list_t
#define MUV_LIST_OF_boolean muv_bool_list_t
#define MUV_LIST_OF_datetime muv_datetime_list_t
#define MUV_LIST_OF_objectid muv_oid_list_t
#define MUV_LIST_OF_binary muv_bin_list_t
#define MUV_LIST_OF_reference(model) muv_ref_list_t
#define MUV_LIST_OF_embedded(model) struct model##_list

/* Its number, the number of its elements, its target. */
#define MUV_KIND_OF_string MUV_KIND_STRING
#define MUV_KIND_OF_int32 MUV_KIND_INT32
#define MUV_KIND_OF_int64 MUV_KIND_INT64
#define MUV_KIND_OF_double MUV_KIND_DOUBLE
#define MUV_KIND_OF_boolean MUV_KIND_BOOLEAN
#define MUV_KIND_OF_datetime MUV_KIND_DATETIME
#define MUV_KIND_OF_objectid MUV_KIND_OBJECTID
#define MUV_KIND_OF_binary MUV_KIND_BINARY
#define MUV_KIND_OF_reference(model) MUV_KIND_REFERENCE
#define MUV_KIND_OF_embedded(model) MUV_KIND_EMBEDDED
#define MUV_KIND_OF_list(kind) MUV_KIND_LIST
#define MUV_ELEMENT_OF_string MUV_KIND_NONE
#define MUV_ELEMENT_OF_int32 MUV_KIND_NONE
#define MUV_ELEMENT_OF_int64 MUV_KIND_NONE
#define MUV_ELEMENT_OF_double MUV_KIND_NONE
#define MUV_ELEMENT_OF_boolean MUV_KIND_NONE
#define MUV_ELEMENT_OF_datetime MUV_KIND_NONE
#define MUV_ELEMENT_OF_objectid MUV_KIND_NONE
#define MUV_ELEMENT_OF_binary MUV_KIND_NONE
#define MUV_ELEMENT_OF_reference(model) MUV_KIND_NONE
#define MUV_ELEMENT_OF_embedded(model) MUV_KIND_NONE
#define MUV_ELEMENT_OF_list(kind) MUV_KIND_OF_##kind
#define MUV_TARGET_OF_string NULL
#define MUV_TARGET_OF_int32 NULL
#define MUV_TARGET_OF_int64 NULL
#define MUV_TARGET_OF_double NULL
#define MUV_TARGET_OF_boolean NULL
#define MUV_TARGET_OF_datetime NULL
#define MUV_TARGET_OF_objectid NULL
#define MUV_TARGET_OF_binary NULL
#define MUV_TARGET_OF_reference(model) &model##_model
#define MUV_TARGET_OF_embedded(model) &model##_model
#define MUV_TARGET_OF_list(kind) MUV_TARGET_OF_##kind

/* The type of its handle. */
#define MUV_HANDLE_OF_string muv_string_field_t
#define MUV_HANDLE_OF_int32 muv_int32_field_t
#define MUV_HANDLE_OF_int64 muv_int64_field_t
#define MUV_HANDLE_OF_double muv_double_field_t
#define MUV_HANDLE_OF_boolean muv_boolean_field_t
#define MUV_HANDLE_OF_datetime muv_datetime_field_t
#define MUV_HANDLE_OF_objectid muv_objectid_field_t
#define MUV_HANDLE_OF_binary muv_binary_field_t
#define MUV_HANDLE_OF_reference(model) muv_reference_field_t
#define MUV_HANDLE_OF_embedded(model) muv_embedded_field_t
#define MUV_HANDLE_OF_list(kind) MUV_LIST_HANDLE_OF_##kind
#define MUV_LIST_HANDLE_OF_string muv_string_list_field_t
#define MUV_LIST_HANDLE_OF_int32 muv_int32_list_field_t
#define MUV_LIST_HANDLE_OF_int64 muv_int64_list_field_t
#define MUV_LIST_HANDLE_OF_double muv_double_list_field_t
#define MUV_LIST_HANDLE_OF_boolean muv_boolean_list_field_t
#define MUV_LIST_HANDLE_OF_datetime muv_datetime_list_field_t
#define MUV_LIST_HANDLE_OF_objectid muv_objectid_list_field_t
#define MUV_LIST_HANDLE_OF_binary muv_binary_list_field_t
#define MUV_LIST_HANDLE_OF_reference(model) muv_reference_list_field_t
#define MUV_LIST_HANDLE_OF_embedded(model) muv_embedded_list_field_t

/* What an entry of the list becomes. */
#define MUV_DECLARE_MEMBER_(M, kind, member, ...) MUV_TYPE_##kind member;
#define MUV_DECLARE_INDEX_(M, kind, member, ...) M##_field_##member,
#define MUV_DECLARE_HANDLE_(M, kind, member, ...) MUV_HANDLE_OF_##kind member;

#define MUV_DECLARE_REST_(M, LIST)                                                                 \
    enum { LIST(MUV_DECLARE_INDEX_, M) M##_field_count };                                          \
    typedef struct M##_fields {                                                                    \
        LIST(MUV_DECLARE_HANDLE_, M)                                                               \
    } M##_fields_t;                                                                                \
    MUV_DECLARE_EXTERN_ const M##_fields_t M##_fields;                                             \
    MUV_DECLARE_EXTERN_ const muv_model_t M##_model

/* Declare a document with a collection of its own. */
#define MUV_DECLARE_DOCUMENT(M, LIST)                                                              \
    typedef struct M {                                                                             \
        muv_doc_t doc;                                                                             \
        LIST(MUV_DECLARE_MEMBER_, M)                                                               \
    } M##_t;                                                                                       \
    MUV_DECLARE_REST_(M, LIST)

/* Declare a document that lives inside others. It may hold a list of itself. */
#define MUV_DECLARE_EMBEDDED(M, LIST)                                                              \
    typedef struct M##_list {                                                                      \
        struct M *data;                                                                            \
        uint32_t count;                                                                            \
        uint32_t capacity;                                                                         \
    } M##_list_t;                                                                                  \
    typedef struct M {                                                                             \
        muv_embedded_t embedded;                                                                   \
        LIST(MUV_DECLARE_MEMBER_, M)                                                               \
    } M##_t;                                                                                       \
    MUV_DECLARE_REST_(M, LIST)

#ifndef __cplusplus

/* sizeof(type.member); does not compile when the member is not of the kind's C type. */
#define MUV_CHECKED_SIZE_(type, member_, ctype)                                                    \
    (uint32_t)(sizeof(((type *)0)->member_) +                                                      \
               0 * sizeof(struct {                                                                 \
                   _Static_assert(_Generic(&((type *)0)->member_, ctype * : 1, default : 0),       \
                                  "the member's type does not fit the kind of its row");           \
                   char unused;                                                                    \
               }))

#define MUV_FIELD_(type, member, ctype, kind_, element_, target_, ...)                             \
    {                                                                                              \
        .name = #member, .offset = (uint32_t)offsetof(type, member),                               \
        .size = MUV_CHECKED_SIZE_(type, member, ctype), .kind = (kind_), .element = (element_),    \
        .target = target_, .stored = __VA_ARGS__                                                   \
    }

/* The row of one member, for structs written by hand:
 * MUV_FIELD(struct user, string, email, "e", .flags = MUV_REQUIRED). */
#define MUV_FIELD(type, kind, member, ...)                                                         \
    MUV_FIELD_(type, member, MUV_TYPE_##kind, MUV_KIND_OF_##kind, MUV_ELEMENT_OF_##kind,           \
               MUV_TARGET_OF_##kind, __VA_ARGS__)

/* `.items = MUV_ITEMS(string, .max_length = 30)`: what the elements of a list must keep to. */
#define MUV_ITEMS(kind_, ...) (&(const muv_field_t){.kind = MUV_KIND_OF_##kind_, __VA_ARGS__})

#define MUV_DEFINE_ROW_(M, kind, member, ...)                                                      \
    MUV_FIELD_(struct M, member, MUV_TYPE_##kind, MUV_KIND_OF_##kind, MUV_ELEMENT_OF_##kind,       \
               MUV_TARGET_OF_##kind, __VA_ARGS__),
#define MUV_DEFINE_HANDLE_(M, kind, member_, ...)                                                  \
    .member_ = {.path = {.model = &M##_model, .depth = 1, .index = {M##_field_##member_}}},

#define MUV_DEFINE_(M, LIST, role_, ...)                                                           \
    static const muv_field_t M##_rows[] = {LIST(MUV_DEFINE_ROW_, M)};                              \
    const M##_fields_t M##_fields = {LIST(MUV_DEFINE_HANDLE_, M)};                                 \
    const muv_model_t M##_model = {.role = (role_),                                                \
                                   .size = (uint32_t)sizeof(struct M),                             \
                                   .fields = M##_rows,                                             \
                                   .field_count = M##_field_count,                                 \
                                   .name = __VA_ARGS__}

/* Define what MUV_DECLARE_DOCUMENT or MUV_DECLARE_EMBEDDED declared, in one .c file. The third
 * argument is the class name. */
#define MUV_DEFINE_DOCUMENT(M, LIST, ...) MUV_DEFINE_(M, LIST, MUV_ROLE_DOCUMENT, __VA_ARGS__)
#define MUV_DEFINE_EMBEDDED(M, LIST, ...) MUV_DEFINE_(M, LIST, MUV_ROLE_EMBEDDED, __VA_ARGS__)

/* Members of muv_model_t: `MUV_INDEXES(post_indexes)` for a constant array of muv_index_t. */
#define MUV_INDEXES(array)                                                                         \
    .indexes = (array), .index_count = (uint32_t)(sizeof(array) / sizeof((array)[0]))

#endif

#endif
