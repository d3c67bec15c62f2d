/* SPDX-License-Identifier: Apache-2.0 */
/* Update operators on top-level fields. */
#include "oplog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAD_VALUE = 2, TYPE_MISMATCH = 14 };

typedef enum operation { OP_NONE, OP_SET, OP_INC, OP_PUSH, OP_UNSET } operation_t;

static operation_t operation_of(const char *name, bool inserting)
{
    if (strcmp(name, "$set") == 0) {
        return OP_SET;
    }
    if (strcmp(name, "$setOnInsert") == 0) {
        return inserting ? OP_SET : OP_NONE;
    }
    if (strcmp(name, "$inc") == 0) {
        return OP_INC;
    }
    if (strcmp(name, "$push") == 0) {
        return OP_PUSH;
    }
    if (strcmp(name, "$unset") == 0) {
        return OP_UNSET;
    }
    fail_msg("the model has no update operator %s", name);
    return OP_NONE;
}

/* What `update` does with a field. */
static operation_t find_operation(const bson_t *update, bool inserting, const char *key,
                                  bson_iter_t *ret)
{
    bson_iter_t iter;

    assert_true(bson_iter_init(&iter, update));
    while (bson_iter_next(&iter)) {
        operation_t operation = operation_of(bson_iter_key(&iter), inserting);

        if (operation != OP_NONE && bson_iter_recurse(&iter, ret) && bson_iter_find(ret, key)) {
            return operation;
        }
    }
    return OP_NONE;
}

static int increment(bson_t *ret, const char *key, bson_iter_t *old, bson_iter_t *by)
{
    bson_type_t old_type = old != NULL ? bson_iter_type(old) : BSON_TYPE_INT32;
    bson_type_t by_type = bson_iter_type(by);

    if (!BSON_ITER_HOLDS_NUMBER(by) || (old != NULL && !BSON_ITER_HOLDS_NUMBER(old))) {
        return TYPE_MISMATCH;
    }
    if (old_type == BSON_TYPE_DOUBLE || by_type == BSON_TYPE_DOUBLE) {
        BSON_APPEND_DOUBLE(ret, key,
                           (old != NULL ? bson_iter_as_double(old) : 0) + bson_iter_as_double(by));
    } else {
        int64_t sum = (old != NULL ? bson_iter_as_int64(old) : 0) + bson_iter_as_int64(by);

        if (old_type == BSON_TYPE_INT64 || by_type == BSON_TYPE_INT64 || sum != (int32_t)sum) {
            BSON_APPEND_INT64(ret, key, sum);
        } else {
            BSON_APPEND_INT32(ret, key, (int32_t)sum);
        }
    }
    return 0;
}

static void append_element(bson_t *array, uint32_t *index, const bson_value_t *value)
{
    char text[16];
    const char *key;
    size_t length = bson_uint32_to_string((*index)++, &key, text, sizeof text);

    (void)bson_append_value(array, key, (int)length, value);
}

static int push(bson_t *ret, const char *key, bson_iter_t *old, bson_iter_t *what)
{
    bson_iter_t item;
    bson_t array;
    uint32_t index = 0;

    if (old != NULL && !BSON_ITER_HOLDS_ARRAY(old)) {
        return BAD_VALUE;
    }
    BSON_APPEND_ARRAY_BEGIN(ret, key, &array);
    if (old != NULL && bson_iter_recurse(old, &item)) {
        while (bson_iter_next(&item)) {
            append_element(&array, &index, bson_iter_value(&item));
        }
    }
    if (BSON_ITER_HOLDS_DOCUMENT(what) && bson_iter_recurse(what, &item) &&
        bson_iter_find(&item, "$each")) {
        bson_iter_t each;

        assert_true(bson_iter_recurse(&item, &each));
        while (bson_iter_next(&each)) {
            append_element(&array, &index, bson_iter_value(&each));
        }
    } else {
        append_element(&array, &index, bson_iter_value(what));
    }
    bson_append_array_end(ret, &array);
    return 0;
}

/* The field's new value. `old` NULL: it is not there yet. */
static int apply(operation_t operation, bson_t *ret, const char *key, bson_iter_t *old,
                 bson_iter_t *what)
{
    switch (operation) {
    case OP_NONE:
        if (old != NULL) {
            BSON_APPEND_VALUE(ret, key, bson_iter_value(old));
        }
        return 0;
    case OP_SET: BSON_APPEND_VALUE(ret, key, bson_iter_value(what)); return 0;
    case OP_INC: return increment(ret, key, old, what);
    case OP_PUSH: return push(ret, key, old, what);
    case OP_UNSET: return 0;
    }
    return BAD_VALUE;
}

/* The fields that the document has. */
static int change_fields(const bson_t *document, const bson_t *update, bool inserting, bson_t *ret)
{
    bson_iter_t old;
    int code = 0;

    assert_true(bson_iter_init(&old, document));
    while (code == 0 && bson_iter_next(&old)) {
        bson_iter_t what;
        operation_t operation = find_operation(update, inserting, bson_iter_key(&old), &what);

        code = apply(operation, ret, bson_iter_key(&old), &old, &what);
    }
    return code;
}

/* The fields that it does not have yet, in the order of the update. */
static int add_fields(const bson_t *document, const bson_t *update, bool inserting, bson_t *ret)
{
    bson_iter_t iter;
    int code = 0;

    assert_true(bson_iter_init(&iter, update));
    while (code == 0 && bson_iter_next(&iter)) {
        operation_t operation = operation_of(bson_iter_key(&iter), inserting);
        bson_iter_t what;

        if (operation == OP_NONE || !bson_iter_recurse(&iter, &what)) {
            continue;
        }
        while (code == 0 && bson_iter_next(&what)) {
            assert_null(strchr(bson_iter_key(&what), '.'));
            if (!bson_has_field(document, bson_iter_key(&what))) {
                code = apply(operation, ret, bson_iter_key(&what), NULL, &what);
            }
        }
    }
    return code;
}

static void replace(const bson_t *document, const bson_t *update, bson_t *ret)
{
    bson_iter_t iter;

    if (bson_iter_init_find(&iter, document, "_id")) {
        BSON_APPEND_VALUE(ret, "_id", bson_iter_value(&iter));
        bson_copy_to_excluding_noinit(update, ret, "_id", NULL);
    } else {
        bson_concat(ret, update);
    }
}

int rs_update(const bson_t *document, const bson_t *update, bool inserting, bson_t *ret)
{
    bson_iter_t iter;
    int code;

    bson_init(ret);
    if (!bson_iter_init(&iter, update) || !bson_iter_next(&iter) ||
        bson_iter_key(&iter)[0] != '$') {
        replace(document, update, ret);
        return 0;
    }
    code = change_fields(document, update, inserting, ret);
    return code != 0 ? code : add_fields(document, update, inserting, ret);
}
