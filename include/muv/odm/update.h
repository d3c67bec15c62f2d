/* SPDX-License-Identifier: Apache-2.0 */
/* Updates: what is to be changed in documents on the server. Like queries, in two spellings, built
 * without I/O, with a sticky first error:
 *
 *     muv_update_inc(update, post_fields.votes, 1);            typed
 *     muv_update_by(update, "inc__votes", 1);                  the string form
 *
 * Operands are also checked against the rows of the model (required, choices, limits, checks); all
 * that is wrong is collected in muv_update_verrors(), and the call that would send the update ends
 * with MUV_EVALIDATION. What $inc and $mul would lead to is not known here, so it is not checked.
 *
 * Paths may hold a position: muv_item(list, 0), MUV_MATCHED, MUV_EVERY; in the string form "0", "S"
 * or "$", "$[]", and "$[name]" with muv_update_array_filter(). */
#ifndef MUV_ODM_UPDATE_H
#define MUV_ODM_UPDATE_H

#include "muv/odm/condition.h"
#include "muv/odm/query.h"
#include "muv/odm/validate.h"

MUV_BEGIN_DECLS

/* The operators of one update, in the order in which they were added. It copies what it is given.
 */
typedef struct muv_update muv_update_t;

/* MUV_U_*: what a change does. Values are part of the ABI. */
enum {
    MUV_U_SET = 1,
    MUV_U_UNSET = 2,
    MUV_U_INC = 3,
    MUV_U_DEC = 4,
    MUV_U_MUL = 5,
    MUV_U_MIN = 6,
    MUV_U_MAX = 7,
    MUV_U_PUSH = 8,     /* One element. */
    MUV_U_PUSH_ALL = 9, /* All elements of an array. */
    MUV_U_ADD_TO_SET = 10,
    MUV_U_ADD_ALL_TO_SET = 11,
    MUV_U_PULL = 12,
    MUV_U_PULL_ALL = 13,
    MUV_U_POP = 14, /* 1: the last element, -1: the first. */
    MUV_U_SET_ON_INSERT = 15,
    MUV_U_RENAME = 16 /* To a name of the model. */
};

/* registry  [borrow] Must outlive the update.
 *
 * Returns [own] an empty update, to be ended with muv_update_free(); NULL when memory ran out or
 * `registry` is NULL. */
MUV_API muv_update_t *muv_update_new(const muv_registry_t *registry, const muv_model_t *model);

/* NULL is allowed. */
MUV_API void muv_update_free(muv_update_t *update);

/* [borrow] The first error, or NULL; broken rules of the model come after all others. */
MUV_API const muv_error_t *muv_update_error(const muv_update_t *update);

/* [borrow] All broken rules, or NULL when there is none. Valid as long as the update. */
MUV_API muv_verrors_t *muv_update_verrors(const muv_update_t *update);

/* Add a change by its path, by its name. They return `update`.
 *
 * The string form is an operator, "__", and a path: set unset inc dec mul min max push push_all
 * pull pull_all pop add_to_set add_all_to_set set_on_insert rename. Without operator it is set. A
 * pull may end with an operator of conditions: "pull__votes__gte", "pull__comments__text". */
MUV_API muv_update_t *muv_update_change(muv_update_t *update, uint8_t op, muv_path_t path,
                                        muv_operand_t operand);
MUV_API muv_update_t *muv_update_named(muv_update_t *update, const char *name,
                                       muv_operand_t operand);

/* Put elements in at `position`; negative ones count from the end. As a string: "push__tags__0". */
MUV_API muv_update_t *muv_update_push_position(muv_update_t *update, muv_path_t list,
                                               int32_t position, muv_operand_t operand);

/* Take the elements that meet a condition out of a list; see muv_match(). */
MUV_API muv_update_t *muv_update_pull_condition(muv_update_t *update, muv_path_t list,
                                                const muv_condition_t *condition);

/* What "$[name]" means: a BSON document such as {"name.v": {$gte: 5}}, in stored names. */
MUV_API muv_update_t *muv_update_array_filter(muv_update_t *update, const bson_t *filter);

/* [borrow] The update as the BSON document that is sent. Valid until the update is changed or
 * freed.
 *
 * Returns 0, MUV_EVALIDATION, or the update's error; an empty update is MUV_EINVAL. */
MUV_API MUV_CHECK int muv_update_bson(muv_update_t *update, const uint8_t **ret_data,
                                      size_t *ret_size);

#ifndef __cplusplus

#define MUV_CHANGE_(update, op, field, value)                                                      \
    muv_update_change((update), (op), (field).path, MUV_OPERAND_OF_(field, value))
#define muv_update_set(update, field, value) MUV_CHANGE_(update, MUV_U_SET, field, value)
#define muv_update_set_on_insert(update, field, value)                                             \
    MUV_CHANGE_(update, MUV_U_SET_ON_INSERT, field, value)
#define muv_update_min(update, field, value) MUV_CHANGE_(update, MUV_U_MIN, field, value)
#define muv_update_max(update, field, value) MUV_CHANGE_(update, MUV_U_MAX, field, value)
#define muv_update_unset(update, field)                                                            \
    muv_update_change((update), MUV_U_UNSET, (field).path, muv_null())

#define MUV_CHANGE_NUMBER_(update, op, field, number)                                              \
    muv_update_change((update), (op), MUV_NUMBER_PATH_(field), MUV_OPERAND_OF_(field, number))
#define muv_update_inc(update, field, number) MUV_CHANGE_NUMBER_(update, MUV_U_INC, field, number)
#define muv_update_dec(update, field, number) MUV_CHANGE_NUMBER_(update, MUV_U_DEC, field, number)
#define muv_update_mul(update, field, number) MUV_CHANGE_NUMBER_(update, MUV_U_MUL, field, number)

#define MUV_CHANGE_LIST_(update, op, field, value)                                                 \
    muv_update_change((update), (op), MUV_LIST_PATH_(field), MUV_OPERAND_OF_(field, value))
#define muv_update_push(update, field, value) MUV_CHANGE_LIST_(update, MUV_U_PUSH, field, value)
#define muv_update_add_to_set(update, field, value)                                                \
    MUV_CHANGE_LIST_(update, MUV_U_ADD_TO_SET, field, value)
#define muv_update_pull(update, field, value) MUV_CHANGE_LIST_(update, MUV_U_PULL, field, value)
#define muv_update_push_at(update, field, position, value)                                         \
    muv_update_push_position((update), MUV_LIST_PATH_(field), (position),                          \
                             MUV_OPERAND_OF_(field, value))

/* With array and count, or MUV_TEXTS(...), MUV_INTS(...). */
#define MUV_CHANGE_ALL_(update, op, field, array, count)                                           \
    muv_update_change((update), (op), MUV_LIST_PATH_(field), MUV_OPERANDS_OF_(field, array, count))
#define MUV_CHANGE_ALL_WIDE_(...) MUV_CHANGE_ALL_(__VA_ARGS__)
#define muv_update_push_all(update, ...) MUV_CHANGE_ALL_WIDE_(update, MUV_U_PUSH_ALL, __VA_ARGS__)
#define muv_update_add_all_to_set(update, ...)                                                     \
    MUV_CHANGE_ALL_WIDE_(update, MUV_U_ADD_ALL_TO_SET, __VA_ARGS__)
#define muv_update_pull_all(update, ...) MUV_CHANGE_ALL_WIDE_(update, MUV_U_PULL_ALL, __VA_ARGS__)

#define muv_update_pull_where(update, field, condition)                                            \
    muv_update_pull_condition((update), MUV_LIST_PATH_(field),                                     \
                              ((const muv_condition_t[]){(condition)}))
#define muv_update_pop_first(update, field)                                                        \
    muv_update_change((update), MUV_U_POP, MUV_LIST_PATH_(field), muv_operand_int(-1))
#define muv_update_pop_last(update, field)                                                         \
    muv_update_change((update), MUV_U_POP, MUV_LIST_PATH_(field), muv_operand_int(1))

#define muv_update_by(update, name, value) muv_update_named((update), (name), muv_v(value))

/* muv_update_by_all(update, "push_all__tags", MUV_TEXTS("a", "b")). */
#define MUV_BY_ALL_(update, name, array, count)                                                    \
    muv_update_named((update), (name), MUV_ARRAY_OF_(array, count))
#define muv_update_by_all(...) MUV_BY_ALL_(__VA_ARGS__)

#endif

MUV_END_DECLS

#endif
