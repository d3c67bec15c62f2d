/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, in two spellings that give the same query:
 *
 *     muv_query_filter(query, muv_gte(post_fields.votes, 10));             typed handles
 *     muv_query_filter(query, muv_where("votes__gte", 10));                the string form
 *
 * A condition is a small struct without memory of its own: what it points at (texts, arrays, parts
 * of muv_or()) is borrowed until muv_query_filter() has read it. Do not return the macros' results
 * from a function: the parts of muv_and(), muv_or() and muv_not() end with the block around them.
 *
 * Typed operands are checked when the program is compiled, everything else when the condition is
 * given to its query. The macros are C only; muv_condition() and muv_condition_named() are not. */
#ifndef MUV_ODM_CONDITION_H
#define MUV_ODM_CONDITION_H

#include "muv/odm/operand.h"

MUV_BEGIN_DECLS

/* MUV_Q_*: what a condition asks. Values are part of the ABI. */
enum {
    MUV_Q_END = 0, /* Ends the parts of a group. */
    MUV_Q_EQ = 1,
    MUV_Q_NE = 2,
    MUV_Q_GT = 3,
    MUV_Q_GTE = 4,
    MUV_Q_LT = 5,
    MUV_Q_LTE = 6,
    MUV_Q_IN = 7,
    MUV_Q_NIN = 8,
    MUV_Q_ALL = 9,
    MUV_Q_EXISTS = 10,
    MUV_Q_SIZE = 11,
    MUV_Q_MOD = 12,
    MUV_Q_MATCH = 13,
    MUV_Q_IEXACT = 20, /* From here: regular expressions made from text. */
    MUV_Q_CONTAINS = 21,
    MUV_Q_ICONTAINS = 22,
    MUV_Q_STARTSWITH = 23,
    MUV_Q_ISTARTSWITH = 24,
    MUV_Q_ENDSWITH = 25,
    MUV_Q_IENDSWITH = 26,
    MUV_Q_WHOLEWORD = 27,
    MUV_Q_IWHOLEWORD = 28,
    MUV_Q_REGEX = 29,
    MUV_Q_IREGEX = 30,
    MUV_Q_NAMED = 40, /* The string form. */
    MUV_Q_RAW = 41,
    MUV_Q_AND = 42,
    MUV_Q_OR = 43,
    MUV_Q_NOT = 44
};

/* One condition. Its members belong to the functions and macros below. */
typedef struct muv_condition muv_condition_t;
struct muv_condition {
    muv_path_t path;
    const char *name;
    muv_operand_t operand;
    const muv_condition_t *parts;
    size_t count; /* Of parts; SIZE_MAX: up to MUV_Q_END. */
    uint8_t op;
    uint8_t reserved[7];
};

/* `op` is one of MUV_Q_EQ to MUV_Q_IREGEX. */
static inline muv_condition_t muv_condition(uint8_t op, muv_path_t path, muv_operand_t operand)
{
    muv_condition_t condition;

    memset(&condition, 0, sizeof(condition));
    condition.op = op;
    condition.path = path;
    condition.operand = operand;
    return condition;
}

/* The string form, MongoEngine's: names of members joined by "__" (or "."), then an operator.
 *
 *   ne gt gte lt lte | in nin all | exists size mod match | exact iexact contains icontains
 *   startswith istartswith endswith iendswith wholeword iwholeword regex iregex
 *
 * "not__" before the operator negates; "pk" is the primary key; a number is a position in a list;
 * "__" at the end says that the last name is no operator ("loc__type__"). */
static inline muv_condition_t muv_condition_named(const char *name, muv_operand_t operand)
{
    muv_path_t none;
    muv_condition_t condition;

    memset(&none, 0, sizeof(none));
    condition = muv_condition(MUV_Q_NAMED, none, operand);
    condition.name = name;
    return condition;
}

/* MUV_Q_AND, MUV_Q_OR or MUV_Q_NOT (none of the parts) over `count` parts. */
static inline muv_condition_t muv_condition_group(uint8_t op, const muv_condition_t *parts,
                                                  size_t count)
{
    muv_condition_t condition = muv_condition_named(NULL, muv_null());

    condition.op = op;
    condition.parts = parts;
    condition.count = count;
    return condition;
}

/* A BSON document as the server takes it; its top level is merged with the other conditions. Stored
 * names, no translation. */
static inline muv_condition_t muv_raw(const bson_t *bson)
{
    muv_condition_t condition = muv_condition_named(NULL, muv_operand_bson(bson));

    condition.op = MUV_Q_RAW;
    return condition;
}

static inline muv_operand_t muv_operand_condition(const muv_condition_t *condition)
{
    return muv_operand_shape(MUV_OPERAND_CONDITION, MUV_KIND_NONE, condition, 0);
}

/* --- paths -------------------------------------------------------------------------------------*/

/* Positions for muv_item() in updates: the element that the query matched (`$`), and all (`$[]`).
 * Other elements are meant through array filters, with the string form: "comments__$[c]__votes". */
#define MUV_MATCHED 0x7fffu
#define MUV_EVERY 0x7ffeu

/* The path `inner` inside the embedded documents at `outer`; element `index` of a list. A wrong
 * path is an error of the query it is used in. */
MUV_API muv_path_t muv_path_join(muv_path_t outer, muv_path_t inner);
MUV_API muv_path_t muv_path_item(muv_path_t list, uint32_t index);

#ifndef __cplusplus

#define MUV_INSIDE_(kind)                                                                          \
    static inline muv_##kind##_field_t muv_inside_##kind##_(muv_path_t outer,                      \
                                                            muv_##kind##_field_t inner)            \
    {                                                                                              \
        inner.path = muv_path_join(outer, inner.path);                                             \
        return inner;                                                                              \
    }
#define MUV_ITEM_(kind)                                                                            \
    MUV_INSIDE_(kind)                                                                              \
    MUV_INSIDE_(kind##_list)                                                                       \
    static inline muv_##kind##_field_t muv_item_##kind##_(muv_##kind##_list_field_t list,          \
                                                          uint32_t index)                          \
    {                                                                                              \
        muv_##kind##_field_t item = {muv_path_item(list.path, index)};                             \
                                                                                                   \
        return item;                                                                               \
    }
MUV_ITEM_(string)
MUV_ITEM_(int32)
MUV_ITEM_(int64)
MUV_ITEM_(double)
MUV_ITEM_(boolean)
MUV_ITEM_(datetime)
MUV_ITEM_(objectid)
MUV_ITEM_(binary)
MUV_ITEM_(reference)
MUV_ITEM_(embedded)
#undef MUV_ITEM_
#undef MUV_INSIDE_

#define MUV_INSIDE_OF_(kind)                                                                       \
    muv_##kind##_field_t : muv_inside_##kind##_,                                                   \
                           muv_##kind##_list_field_t : muv_inside_##kind##_list_
#define MUV_ITEM_OF_(kind) muv_##kind##_list_field_t : muv_item_##kind##_
#define MUV_EMBEDDED_PATH_(field)                                                                  \
    (_Generic((field), muv_embedded_field_t : (field), muv_embedded_list_field_t : (field)).path)

/* The handle of a field inside an embedded document, or inside the elements of a list of such:
 * muv_inside(post_fields.home, address_fields.city). */
#define muv_inside(outer, inner)                                                                   \
    _Generic((inner), MUV_INSIDE_OF_(string), MUV_INSIDE_OF_(int32), MUV_INSIDE_OF_(int64),        \
             MUV_INSIDE_OF_(double), MUV_INSIDE_OF_(boolean), MUV_INSIDE_OF_(datetime),            \
             MUV_INSIDE_OF_(objectid), MUV_INSIDE_OF_(binary), MUV_INSIDE_OF_(reference),          \
             MUV_INSIDE_OF_(embedded))(MUV_EMBEDDED_PATH_(outer), (inner))

/* The handle of one element: muv_inside(muv_item(post_fields.comments, 0), comment_fields.text). */
#define muv_item(list, index)                                                                      \
    _Generic((list), MUV_ITEM_OF_(string), MUV_ITEM_OF_(int32), MUV_ITEM_OF_(int64),               \
             MUV_ITEM_OF_(double), MUV_ITEM_OF_(boolean), MUV_ITEM_OF_(datetime),                  \
             MUV_ITEM_OF_(objectid), MUV_ITEM_OF_(binary), MUV_ITEM_OF_(reference),                \
             MUV_ITEM_OF_(embedded))((list), (index))

/* --- the typed form ----------------------------------------------------------------------------*/

#define MUV_COMPARE_(op, field, value)                                                             \
    muv_condition((op), (field).path, MUV_OPERAND_OF_(field, value))
#define muv_eq(field, value) MUV_COMPARE_(MUV_Q_EQ, field, value)
#define muv_ne(field, value) MUV_COMPARE_(MUV_Q_NE, field, value)
#define muv_gt(field, value) MUV_COMPARE_(MUV_Q_GT, field, value)
#define muv_gte(field, value) MUV_COMPARE_(MUV_Q_GTE, field, value)
#define muv_lt(field, value) MUV_COMPARE_(MUV_Q_LT, field, value)
#define muv_lte(field, value) MUV_COMPARE_(MUV_Q_LTE, field, value)

/* One of, none of, a list that holds all of: array and count, or MUV_TEXTS(...), MUV_INTS(...). */
#define MUV_AMONG_(op, field, array, count)                                                        \
    muv_condition((op), (field).path, MUV_OPERANDS_OF_(field, array, count))
#define MUV_AMONG_WIDE_(...) MUV_AMONG_(__VA_ARGS__)
#define muv_in(...) MUV_AMONG_WIDE_(MUV_Q_IN, __VA_ARGS__)
#define muv_nin(...) MUV_AMONG_WIDE_(MUV_Q_NIN, __VA_ARGS__)
#define muv_all(...) MUV_AMONG_WIDE_(MUV_Q_ALL, __VA_ARGS__)

#define muv_exists(field, truth) muv_condition(MUV_Q_EXISTS, (field).path, muv_operand_bool(truth))

#define MUV_LIST_PATH_(field)                                                                      \
    (_Generic((field), muv_string_list_field_t                                                     \
              : (field), muv_int32_list_field_t                                                    \
              : (field), muv_int64_list_field_t                                                    \
              : (field), muv_double_list_field_t                                                   \
              : (field), muv_boolean_list_field_t                                                  \
              : (field), muv_datetime_list_field_t                                                 \
              : (field), muv_objectid_list_field_t                                                 \
              : (field), muv_binary_list_field_t                                                   \
              : (field), muv_reference_list_field_t                                                \
              : (field), muv_embedded_list_field_t                                                 \
              : (field))                                                                           \
         .path)

/* A list of exactly `length` elements. */
#define muv_size(field, length)                                                                    \
    muv_condition(MUV_Q_SIZE, MUV_LIST_PATH_(field), MUV_TAKE_INT_(length)(length))

#define MUV_NUMBER_PATH_(field)                                                                    \
    (_Generic((field), muv_int32_field_t                                                           \
              : (field), muv_int64_field_t                                                         \
              : (field), muv_double_field_t                                                        \
              : (field), muv_int32_list_field_t                                                    \
              : (field), muv_int64_list_field_t                                                    \
              : (field), muv_double_list_field_t                                                   \
              : (field))                                                                           \
         .path)
#define muv_mod(field, divisor, remainder)                                                         \
    muv_condition(MUV_Q_MOD, MUV_NUMBER_PATH_(field),                                              \
                  muv_operand_int64s(((const int64_t[]){(divisor), (remainder)}), 2))

/* Some element of the list meets the whole condition, which is one on the elements: typed with the
 * embedded model's handles; for a list of plain values in the string form with operators alone:
 * muv_match(post_fields.marks, muv_and(muv_where("gte", 1), muv_where("lt", 5))). */
#define muv_match(field, condition)                                                                \
    muv_condition(MUV_Q_MATCH, MUV_LIST_PATH_(field),                                              \
                  muv_operand_condition(((const muv_condition_t[]){(condition)})))

#define MUV_STRING_PATH_(field)                                                                    \
    (_Generic((field), muv_string_field_t : (field), muv_string_list_field_t : (field)).path)
#define MUV_TEXT_TEST_(op, field, text)                                                            \
    muv_condition((op), MUV_STRING_PATH_(field), MUV_TAKE_TEXT_(text)(text))
#define muv_iexact(field, text) MUV_TEXT_TEST_(MUV_Q_IEXACT, field, text)
#define muv_contains(field, text) MUV_TEXT_TEST_(MUV_Q_CONTAINS, field, text)
#define muv_icontains(field, text) MUV_TEXT_TEST_(MUV_Q_ICONTAINS, field, text)
#define muv_startswith(field, text) MUV_TEXT_TEST_(MUV_Q_STARTSWITH, field, text)
#define muv_istartswith(field, text) MUV_TEXT_TEST_(MUV_Q_ISTARTSWITH, field, text)
#define muv_endswith(field, text) MUV_TEXT_TEST_(MUV_Q_ENDSWITH, field, text)
#define muv_iendswith(field, text) MUV_TEXT_TEST_(MUV_Q_IENDSWITH, field, text)
#define muv_wholeword(field, text) MUV_TEXT_TEST_(MUV_Q_WHOLEWORD, field, text)
#define muv_iwholeword(field, text) MUV_TEXT_TEST_(MUV_Q_IWHOLEWORD, field, text)
#define muv_regex(field, pattern) MUV_TEXT_TEST_(MUV_Q_REGEX, field, pattern)
#define muv_iregex(field, pattern) MUV_TEXT_TEST_(MUV_Q_IREGEX, field, pattern)

/* --- the string form, groups -------------------------------------------------------------------*/

#define muv_where(name, value) muv_condition_named((name), muv_v(value))

/* An array in the string form: muv_where_in("status__in", MUV_TEXTS("draft", "public")). */
#define MUV_ARRAY_OF_(array, count)                                                                \
    _Generic((array), const char *const *                                                          \
             : muv_operand_texts, const char **                                                    \
             : muv_operand_texts, const muv_str_t *                                                \
             : muv_operand_strs, muv_str_t *                                                       \
             : muv_operand_strs, const int32_t *                                                   \
             : muv_operand_int32s, int32_t *                                                       \
             : muv_operand_int32s, const int64_t *                                                 \
             : muv_operand_int64s, int64_t *                                                       \
             : muv_operand_int64s, const double *                                                  \
             : muv_operand_doubles, double *                                                       \
             : muv_operand_doubles, const muv_datetime_t *                                         \
             : muv_operand_datetimes, muv_datetime_t *                                             \
             : muv_operand_datetimes, const muv_oid_t *                                            \
             : muv_operand_oids, muv_oid_t *                                                       \
             : muv_operand_oids, const muv_ref_t *                                                 \
             : muv_operand_refs, muv_ref_t *                                                       \
             : muv_operand_refs)(array, count)
#define MUV_WHERE_IN_(name, array, count) muv_condition_named((name), MUV_ARRAY_OF_(array, count))
#define muv_where_in(...) MUV_WHERE_IN_(__VA_ARGS__)

#define MUV_PARTS_(...) ((const muv_condition_t[]){__VA_ARGS__, {.op = MUV_Q_END}})
#define muv_and(...) muv_condition_group(MUV_Q_AND, MUV_PARTS_(__VA_ARGS__), SIZE_MAX)
#define muv_or(...) muv_condition_group(MUV_Q_OR, MUV_PARTS_(__VA_ARGS__), SIZE_MAX)
#define muv_not(condition) muv_condition_group(MUV_Q_NOT, MUV_PARTS_(condition), SIZE_MAX)

#endif

MUV_END_DECLS

#endif
