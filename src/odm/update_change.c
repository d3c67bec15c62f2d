/* SPDX-License-Identifier: Apache-2.0 */
/* One change: what its operator wants, its encoded value, and that no other one touches its path.
 */
#include "odm/update.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "odm/filter.h"
#include "odm/kind.h"
#include "odm/value.h"

#include <string.h>

/* -- Places -- */

/* The server takes no two changes of one path, nor of a path and one inside it. */
static int overlaps(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t shorter = a_length < b_length ? a_length : b_length;
    const char *longer = a_length < b_length ? b : a;

    return memcmp(a, b, shorter) == 0 && (a_length == b_length || longer[shorter] == '.');
}

static int conflicts(const muv_update_t *update, const char *path, size_t length)
{
    for (const muv__change_t *at = update->first; at != NULL; at = at->next) {
        if (overlaps(at->path, at->length, path, length)) {
            return 1;
        }
        if (at->op == MUV_U_RENAME &&
            overlaps((const char *)at->value.data + 4, at->value.size - 5, path, length)) {
            return 1;
        }
    }
    return 0;
}

/* -- Values by operator; each appends one element with an empty key -- */

static int write_number(muv_update_t *update, const muv__query_path_t *path,
                        const muv__change_in_t *in, muv__buf_t *buf)
{
    muv_operand_t operand = *in->operand;

    if (!muv__kind_is_number(muv__path_kind(path)) || muv__path_is_list(path)) {
        return muv__path_fail(path, &update->error, "inc, dec and mul want a number field");
    }
    if (operand.shape != MUV_OPERAND_VALUE || !muv__kind_is_number(operand.kind)) {
        return muv__path_fail(path, &update->error, "inc, dec and mul want a number");
    }
    if (in->op == MUV_U_DEC && operand.kind == MUV_KIND_DOUBLE) {
        operand.as.float64 = -operand.as.float64;
    } else if (in->op == MUV_U_DEC) {
        if (operand.as.int64 == INT64_MIN) {
            return muv__path_fail(path, &update->error, "the number is too small to be negated");
        }
        operand.as.int64 = -operand.as.int64;
    }
    return muv__value_write_one(path, &operand, MUV__VALUE_STORE, "", buf, &update->error);
}

/* What becomes the field. */
static int write_stored(muv_update_t *update, const muv__query_path_t *path,
                        const muv__change_in_t *in, muv__buf_t *buf)
{
    int code;

    if (muv__path_is_list(path) && !muv__operand_is_array(in->operand) &&
        in->operand->shape != MUV_OPERAND_NULL) {
        return muv__path_fail(path, &update->error, "a list is set to an array");
    }
    if (in->operand->shape == MUV_OPERAND_NULL && (in->op == MUV_U_MIN || in->op == MUV_U_MAX)) {
        return muv__path_fail(path, &update->error, "min and max want a value");
    }
    code = muv__value_write(path, in->operand, MUV__VALUE_STORE, "", buf, &update->error);
    return code != 0 ? code : muv__update_check(update, path, MUV__CHECK_FIELD, in->operand);
}

static int write_removal(muv_update_t *update, const muv__query_path_t *path, muv__buf_t *buf)
{
    muv__bson_int32(buf, "", 0, 1);
    return path->element ? 0 : muv__update_check(update, path, MUV__CHECK_REMOVAL, NULL);
}

static int want_list(muv_update_t *update, const muv__query_path_t *path)
{
    return muv__path_is_list(path)
               ? 0
               : muv__path_fail(path, &update->error, "this operator wants a list field");
}

/* {$each: [...], $position: n} */
static int write_each(muv_update_t *update, const muv__query_path_t *path,
                      const muv__change_in_t *in, muv__buf_t *buf)
{
    muv__bson_mark_t mark = muv__bson_begin_document(buf, "", 0);
    muv__bson_mark_t array;
    int code;

    if (muv__operand_is_array(in->operand)) {
        code = muv__value_write_array(path, in->operand, MUV__VALUE_STORE, "$each", buf,
                                      &update->error);
    } else {
        array = muv__bson_begin_array(buf, MUV__KEY("$each"));
        code = muv__value_write_one(path, in->operand, MUV__VALUE_STORE, "0", buf, &update->error);
        if (code == 0) {
            muv__bson_end(buf, array);
        }
    }
    if (code != 0) {
        return code;
    }
    if (in->has_position) {
        muv__bson_int32(buf, MUV__KEY("$position"), in->position);
    }
    muv__bson_end(buf, mark);
    return 0;
}

static int write_added(muv_update_t *update, const muv__query_path_t *path,
                       const muv__change_in_t *in, muv__buf_t *buf)
{
    int array = muv__operand_is_array(in->operand);
    int code = want_list(update, path);

    if (code != 0) {
        return code;
    }
    if (in->op == MUV_U_PUSH && array && !in->has_position) {
        return muv__path_fail(path, &update->error, "push takes one element, push_all an array");
    }
    if ((in->op == MUV_U_PUSH_ALL || in->op == MUV_U_ADD_ALL_TO_SET) && !array) {
        return muv__path_fail(path, &update->error, "push_all and add_all_to_set want an array");
    }
    code = array || in->has_position
               ? write_each(update, path, in, buf)
               : muv__value_write_one(path, in->operand, MUV__VALUE_STORE, "", buf, &update->error);
    return code != 0 ? code : muv__update_check(update, path, MUV__CHECK_ELEMENTS, in->operand);
}

static int write_pulled(muv_update_t *update, const muv__query_path_t *path,
                        const muv__change_in_t *in, muv__buf_t *buf)
{
    muv__filter_t filter;
    int code = want_list(update, path);

    if (code != 0) {
        return code;
    }
    if (in->op == MUV_U_PULL_ALL) {
        return muv__value_write_array(path, in->operand, MUV__VALUE_COMPARE, "", buf,
                                      &update->error);
    }
    if (in->operand->shape != MUV_OPERAND_CONDITION) {
        if (in->operand->shape == MUV_OPERAND_BSON) {
            muv__span_t bytes;

            code = muv__operand_bson(in->operand, path->label, &bytes, &update->error);
            muv__bson_document(buf, "", 0, code == 0 ? bytes : muv__span(NULL, 0));
            return code;
        }
        return muv__value_write_one(path, in->operand, MUV__VALUE_COMPARE, "", buf, &update->error);
    }
    if (in->operand->data == NULL) {
        return muv__path_fail(path, &update->error, "the condition is missing");
    }
    memset(&filter, 0, sizeof(filter));
    filter.arena = &update->arena;
    filter.reterr = &update->error;
    filter.schema = path->schema;
    return muv__filter_write_elements(&filter, path, in->operand->data, "", buf);
}

static int write_popped(muv_update_t *update, const muv__query_path_t *path,
                        const muv__change_in_t *in, muv__buf_t *buf)
{
    int code = want_list(update, path);

    if (code != 0) {
        return code;
    }
    if (in->operand->shape != MUV_OPERAND_VALUE || in->operand->kind != MUV_KIND_INT64 ||
        (in->operand->as.int64 != 1 && in->operand->as.int64 != -1)) {
        return muv__path_fail(path, &update->error, "pop wants 1 (the last) or -1 (the first)");
    }
    muv__bson_int32(buf, "", 0, (int32_t)in->operand->as.int64);
    return 0;
}

static int write_renamed(muv_update_t *update, const muv__query_path_t *path,
                         const muv__change_in_t *in, muv__buf_t *buf)
{
    muv__query_path_t target;
    muv_str_t name;
    int code = muv__operand_text(path, in->operand, &name, &update->error);

    if (code == 0) {
        code = muv__path_of_name(&target, update->schema, name.data, name.size, 0, &update->error);
    }
    if (code != 0) {
        return code;
    }
    if (target.field == muv__schema_key(update->schema)) {
        return muv__path_fail(&target, &update->error, "the primary key cannot be changed");
    }
    if (overlaps(target.text, target.length, path->text, path->length) ||
        conflicts(update, target.text, target.length)) {
        return muv__path_fail(&target, &update->error, "two changes of one field");
    }
    muv__bson_utf8(buf, "", 0, target.text, target.length);
    return muv__update_check(update, path, MUV__CHECK_REMOVAL, NULL);
}

static int write_value(muv_update_t *update, const muv__query_path_t *path,
                       const muv__change_in_t *in, muv__buf_t *buf)
{
    switch (in->op) {
    case MUV_U_SET:
    case MUV_U_SET_ON_INSERT:
    case MUV_U_MIN:
    case MUV_U_MAX: return write_stored(update, path, in, buf);
    case MUV_U_UNSET: return write_removal(update, path, buf);
    case MUV_U_INC:
    case MUV_U_DEC:
    case MUV_U_MUL: return write_number(update, path, in, buf);
    case MUV_U_PUSH:
    case MUV_U_PUSH_ALL:
    case MUV_U_ADD_TO_SET:
    case MUV_U_ADD_ALL_TO_SET: return write_added(update, path, in, buf);
    case MUV_U_PULL:
    case MUV_U_PULL_ALL: return write_pulled(update, path, in, buf);
    case MUV_U_POP: return write_popped(update, path, in, buf);
    case MUV_U_RENAME: return write_renamed(update, path, in, buf);
    default: return muv__path_fail(path, &update->error, "%u is no operator of updates", in->op);
    }
}

static int check_place(muv_update_t *update, const muv__query_path_t *path, unsigned op)
{
    if (path->field == muv__schema_key(update->schema) && op != MUV_U_SET_ON_INSERT) {
        return muv__path_fail(path, &update->error, "the primary key cannot be changed");
    }
    if (conflicts(update, path->text, path->length)) {
        return muv__path_fail(path, &update->error, "two changes of one field");
    }
    if (update->count >= MUV__UPDATE_MAX_CHANGES) {
        return muv__path_fail(path, &update->error, "more than %u changes",
                              MUV__UPDATE_MAX_CHANGES);
    }
    return 0;
}

static int append(muv_update_t *update, const muv__query_path_t *path, uint8_t op,
                  const muv__buf_t *buf)
{
    muv__change_t *change = muv__arena_zalloc(&update->arena, sizeof(*change));
    int code;

    if (change != NULL) {
        change->path = muv__arena_text(&update->arena, path->text, path->length);
    }
    if (change == NULL || change->path == NULL) {
        return update->arena.error;
    }
    code = muv__value_keep(buf, &update->arena, &change->type, &change->value);
    if (code != 0) {
        return code;
    }
    change->length = path->length;
    change->op = op;
    if (update->last == NULL) {
        update->first = change;
    } else {
        update->last->next = change;
    }
    update->last = change;
    update->count++;
    return 0;
}

int muv__update_add(muv_update_t *update, const muv__query_path_t *path, const muv__change_in_t *in)
{
    muv__buf_t buf;
    int code = check_place(update, path, in->op);

    if (code != 0) {
        return code;
    }
    muv__buf_init(&buf, MUV__QUERY_MAX_BYTES);
    code = write_value(update, path, in, &buf);
    if (code == 0) {
        code = append(update, path, in->op, &buf);
    }
    muv__buf_done(&buf);
    return code;
}
