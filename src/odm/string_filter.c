/* SPDX-License-Identifier: Apache-2.0 */
/* The string form: "author__name__not__icontains" into path, operator and negation. */
#include "odm/filter.h"

#include "base/compiler.h"
#include "base/error.h"

static const struct named_operator {
    const char *name;
    uint8_t op;
} named_operators[] = {
    {"ne", MUV_Q_NE},
    {"gt", MUV_Q_GT},
    {"gte", MUV_Q_GTE},
    {"lt", MUV_Q_LT},
    {"lte", MUV_Q_LTE},
    {"in", MUV_Q_IN},
    {"nin", MUV_Q_NIN},
    {"all", MUV_Q_ALL},
    {"exists", MUV_Q_EXISTS},
    {"size", MUV_Q_SIZE},
    {"mod", MUV_Q_MOD},
    {"match", MUV_Q_MATCH},
    {"elemMatch", MUV_Q_MATCH},
    {"exact", MUV_Q_EQ},
    {"iexact", MUV_Q_IEXACT},
    {"contains", MUV_Q_CONTAINS},
    {"icontains", MUV_Q_ICONTAINS},
    {"startswith", MUV_Q_STARTSWITH},
    {"istartswith", MUV_Q_ISTARTSWITH},
    {"endswith", MUV_Q_ENDSWITH},
    {"iendswith", MUV_Q_IENDSWITH},
    {"wholeword", MUV_Q_WHOLEWORD},
    {"iwholeword", MUV_Q_IWHOLEWORD},
    {"regex", MUV_Q_REGEX},
    {"iregex", MUV_Q_IREGEX},
};

static unsigned find_operator(const muv__segment_t *segment)
{
    for (size_t i = 0; i < MUV__COUNT_OF(named_operators); i++) {
        if (muv__segment_is(segment, named_operators[i].name)) {
            return named_operators[i].op;
        }
    }
    return 0;
}

/* What stands behind the path: taken off the end of the segments. `least` segments are a path in
 * any case. Returns the number of segments left. */
static int take_operator(const muv__segment_t *segments, int count, int least, unsigned *ret_op,
                         int *ret_negated)
{
    unsigned op = count > least ? find_operator(&segments[count - 1]) : 0;

    *ret_op = MUV_Q_EQ;
    *ret_negated = 0;
    if (op == 0 && count > 1 && segments[count - 1].length == 0) {
        return count - 1;
    }
    if (op != 0) {
        *ret_op = op;
        count--;
    }
    if (count > least && muv__segment_is(&segments[count - 1], "not")) {
        *ret_negated = 1;
        count--;
    }
    return count;
}

int muv__filter_add_named(muv__filter_t *filter, muv__group_t *group, const char *name,
                          const muv_operand_t *operand)
{
    muv__segment_t segments[MUV__QUERY_SEGMENTS];
    muv__query_path_t path;
    unsigned op;
    int negated;
    int count = name == NULL ? -1 : muv__name_split(name, strlen(name), segments);
    int code;

    if (count < 0) {
        return muv__error_set(filter->reterr, MUV_EINVAL, "%s: a condition has %s",
                              filter->schema->model->name,
                              name == NULL ? "no name" : "too many parts in its name");
    }
    count = take_operator(segments, count, filter->list == NULL ? 1 : 0, &op, &negated);
    if (filter->list != NULL) {
        muv__path_of_elements(&path, filter->schema, filter->list);
        if (count > 1 || (count == 1 && segments[0].length != 0)) {
            return muv__path_fail(&path, filter->reterr,
                                  "elements have no fields: \"%.64s\" must be an operator", name);
        }
    } else {
        code = muv__path_of_segments(&path, filter->schema, segments, count, MUV__PATH_POSITIONS,
                                     filter->reterr);
        if (code != 0) {
            return code;
        }
    }
    return muv__filter_add_field(filter, group, &path, op, negated, operand);
}
