/* SPDX-License-Identifier: Apache-2.0 */
/* The string form of changes: "push__tags__0", "pull__comments__votes__gte". */
#include "odm/update.h"

#include "base/compiler.h"
#include "base/error.h"

#include <string.h>

#define ALLOWED (MUV__PATH_POSITIONS | MUV__PATH_MATCHED)

static const struct named_operator {
    const char *name;
    uint8_t op;
} named_operators[] = {
    {"set", MUV_U_SET},
    {"unset", MUV_U_UNSET},
    {"inc", MUV_U_INC},
    {"dec", MUV_U_DEC},
    {"mul", MUV_U_MUL},
    {"min", MUV_U_MIN},
    {"max", MUV_U_MAX},
    {"push", MUV_U_PUSH},
    {"push_all", MUV_U_PUSH_ALL},
    {"add_to_set", MUV_U_ADD_TO_SET},
    {"add_all_to_set", MUV_U_ADD_ALL_TO_SET},
    {"pull", MUV_U_PULL},
    {"pull_all", MUV_U_PULL_ALL},
    {"pop", MUV_U_POP},
    {"set_on_insert", MUV_U_SET_ON_INSERT},
    {"rename", MUV_U_RENAME},
};

static uint8_t find_operator(const muv__segment_t *segment)
{
    for (size_t i = 0; i < MUV__COUNT_OF(named_operators); i++) {
        if (muv__segment_is(segment, named_operators[i].name)) {
            return named_operators[i].op;
        }
    }
    return 0;
}

static int take_position(const muv__segment_t *segment, int32_t *ret)
{
    int32_t number = 0;

    if (segment->length == 0 || segment->length > 9) {
        return 0;
    }
    for (size_t i = 0; i < segment->length; i++) {
        if (segment->at[i] < '0' || segment->at[i] > '9') {
            return 0;
        }
        number = number * 10 + (segment->at[i] - '0');
    }
    *ret = number;
    return 1;
}

/* How many segments lead to the last list on the way: 0 when there is none. What stands behind them
 * is a condition on its elements. */
static int length_of_list(const muv_schema_t *schema, const muv__segment_t *segments, int count)
{
    muv__query_path_t path;
    int length = count;

    while (length > 0) {
        if (muv__path_of_segments(&path, schema, segments, length, ALLOWED, NULL) == 0 &&
            muv__path_is_list(&path)) {
            break;
        }
        length--;
    }
    return length;
}

static int add_pull(muv_update_t *update, const muv__segment_t *segments, int count,
                    const muv__change_in_t *in)
{
    int length = length_of_list(update->schema, segments, count);
    muv__query_path_t path;
    muv__change_in_t pull = *in;
    muv_condition_t condition;
    muv_operand_t operand;
    int code = muv__path_of_segments(&path, update->schema, segments, length == 0 ? count : length,
                                     ALLOWED, &update->error);

    if (code != 0) {
        return code;
    }
    if (length != 0 && length < count) {
        /* Segments lie in one string that ends in NUL. */
        condition = muv_condition_named(segments[length].at, *in->operand);
        operand = muv_operand_condition(&condition);
        pull.operand = &operand;
    }
    return muv__update_add(update, &path, &pull);
}

static int add_named(muv_update_t *update, const char *name, const muv_operand_t *operand)
{
    muv__segment_t segments[MUV__QUERY_SEGMENTS];
    muv__change_in_t in = {.op = MUV_U_SET, .operand = operand};
    muv__query_path_t path;
    int count = name == NULL ? -1 : muv__name_split(name, strlen(name), segments);
    int first = 0;
    int code;

    if (count < 0) {
        return muv__error_set(&update->error, MUV_EINVAL, "%s: a change has %s",
                              update->schema->model->name,
                              name == NULL ? "no name" : "too many parts in its name");
    }
    if (count > 1 && find_operator(&segments[0]) != 0) {
        in.op = find_operator(&segments[0]);
        first = 1;
    }
    if (in.op == MUV_U_PULL) {
        return add_pull(update, segments + first, count - first, &in);
    }
    if (count - first > 1 && segments[count - 1].length == 0) {
        count--;
    }
    if ((in.op == MUV_U_PUSH || in.op == MUV_U_PUSH_ALL) && count - first > 1 &&
        take_position(&segments[count - 1], &in.position)) {
        in.has_position = 1;
        count--;
    }
    code = muv__path_of_segments(&path, update->schema, segments + first, count - first, ALLOWED,
                                 &update->error);
    return code != 0 ? code : muv__update_add(update, &path, &in);
}

muv_update_t *muv_update_named(muv_update_t *update, const char *name, muv_operand_t operand)
{
    muv_update_t *u = muv__update_open(update);

    if (u != NULL) {
        muv__update_fail(u, add_named(u, name, &operand));
    }
    return update;
}
