/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: as much of the query language as the workloads use. */
#include "oplog.h"

#include <string.h>

static bool in_array(const bson_iter_t *array, const bson_value_t *value)
{
    bson_iter_t element;

    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &element)) {
        return false;
    }
    while (bson_iter_next(&element)) {
        if (rs_compare_values(bson_iter_value(&element), value) == 0) {
            return true;
        }
    }
    return false;
}

/* `field` NULL: the document does not have it. */
static bool equals(bson_iter_t *field, const bson_value_t *wanted)
{
    if (field == NULL) {
        return wanted->value_type == BSON_TYPE_NULL;
    }
    return rs_compare_values(bson_iter_value(field), wanted) == 0 || in_array(field, wanted);
}

static bool compares(bson_iter_t *field, const char *operation, const bson_value_t *wanted)
{
    int order;

    if (field == NULL) {
        return false;
    }
    order = rs_compare_values(bson_iter_value(field), wanted);
    if (strcmp(operation, "$gt") == 0) {
        return order > 0;
    }
    if (strcmp(operation, "$gte") == 0) {
        return order >= 0;
    }
    if (strcmp(operation, "$lt") == 0) {
        return order < 0;
    }
    assert_string_equal(operation, "$lte");
    return order <= 0;
}

static bool is_one_of(bson_iter_t *field, const bson_iter_t *list)
{
    bson_iter_t wanted;

    assert_true(BSON_ITER_HOLDS_ARRAY(list) && bson_iter_recurse(list, &wanted));
    while (bson_iter_next(&wanted)) {
        if (equals(field, bson_iter_value(&wanted))) {
            return true;
        }
    }
    return false;
}

static bool holds(bson_iter_t *field, bson_iter_t *condition)
{
    const char *operation = bson_iter_key(condition);

    if (strcmp(operation, "$eq") == 0) {
        return equals(field, bson_iter_value(condition));
    }
    if (strcmp(operation, "$ne") == 0) {
        return !equals(field, bson_iter_value(condition));
    }
    if (strcmp(operation, "$in") == 0) {
        return is_one_of(field, condition);
    }
    if (strcmp(operation, "$exists") == 0) {
        return (field != NULL) == bson_iter_as_bool(condition);
    }
    return compares(field, operation, bson_iter_value(condition));
}

/* The conditions of {field: {$op: ...}}; false: it is a plain value. */
static bool has_conditions(const bson_iter_t *wanted, bson_iter_t *ret)
{
    return BSON_ITER_HOLDS_DOCUMENT(wanted) && bson_iter_recurse(wanted, ret) &&
           bson_iter_next(ret) && bson_iter_key(ret)[0] == '$';
}

static bool matches_field(const bson_iter_t *wanted, bson_iter_t *field)
{
    bson_iter_t plain = *wanted;
    bson_iter_t condition;

    if (!has_conditions(wanted, &condition)) {
        return equals(field, bson_iter_value(&plain));
    }
    do {
        if (!holds(field, &condition)) {
            return false;
        }
    } while (bson_iter_next(&condition));
    return true;
}

static bool matches_all(const bson_iter_t *list, const bson_t *document)
{
    bson_iter_t item;
    bson_t filter;
    const uint8_t *bytes;
    uint32_t size;

    assert_true(BSON_ITER_HOLDS_ARRAY(list) && bson_iter_recurse(list, &item));
    while (bson_iter_next(&item)) {
        bson_iter_document(&item, &size, &bytes);
        assert_true(bson_init_static(&filter, bytes, size));
        if (!rs_matches(&filter, document)) {
            return false;
        }
    }
    return true;
}

bool rs_matches(const bson_t *filter, const bson_t *document)
{
    bson_iter_t wanted;
    bson_iter_t field;

    assert_true(bson_iter_init(&wanted, filter));
    while (bson_iter_next(&wanted)) {
        const char *key = bson_iter_key(&wanted);
        bool found;

        if (strcmp(key, "$and") == 0) {
            if (!matches_all(&wanted, document)) {
                return false;
            }
            continue;
        }
        assert_null(strchr(key, '$'));
        assert_null(strchr(key, '.'));
        found = bson_iter_init_find(&field, document, key);
        if (!matches_field(&wanted, found ? &field : NULL)) {
            return false;
        }
    }
    return true;
}

bool rs_filter_id(const bson_t *filter, bson_value_t *ret)
{
    bson_iter_t iter;
    bson_iter_t condition;

    if (!bson_iter_init_find(&iter, filter, "_id")) {
        return false;
    }
    if (has_conditions(&iter, &condition)) {
        if (strcmp(bson_iter_key(&condition), "$eq") != 0) {
            return false;
        }
        iter = condition;
    }
    bson_value_copy(bson_iter_value(&iter), ret);
    return true;
}
