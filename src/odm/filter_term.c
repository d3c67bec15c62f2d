/* SPDX-License-Identifier: Apache-2.0 */
/* One condition on one field: its operator, its converted value, its negation. */
#include "odm/filter.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "odm/kind.h"
#include "odm/regex.h"
#include "odm/value.h"

#include <string.h>

static const char *const operators[] = {
    [MUV_Q_EQ] = "$eq",           [MUV_Q_NE] = "$ne",   [MUV_Q_GT] = "$gt",
    [MUV_Q_GTE] = "$gte",         [MUV_Q_LT] = "$lt",   [MUV_Q_LTE] = "$lte",
    [MUV_Q_IN] = "$in",           [MUV_Q_NIN] = "$nin", [MUV_Q_ALL] = "$all",
    [MUV_Q_SIZE] = "$size",       [MUV_Q_MOD] = "$mod", [MUV_Q_EXISTS] = "$exists",
    [MUV_Q_MATCH] = "$elemMatch",
};

/* -- Operands with a meaning of their own -- */

static int write_exists(const muv__query_path_t *path, const muv_operand_t *operand,
                        muv__buf_t *buf, muv_error_t *reterr)
{
    int is_int = operand->kind == MUV_KIND_INT64;

    if (operand->shape != MUV_OPERAND_VALUE ||
        (operand->kind != MUV_KIND_BOOLEAN &&
         !(is_int && (operand->as.int64 == 0 || operand->as.int64 == 1)))) {
        return muv__path_fail(path, reterr, "exists wants true or false");
    }
    muv__bson_bool(buf, MUV__KEY("$exists"), is_int ? operand->as.int64 == 1 : operand->as.boolean);
    return 0;
}

static int write_size(const muv__query_path_t *path, const muv_operand_t *operand, muv__buf_t *buf,
                      muv_error_t *reterr)
{
    if (!muv__path_is_list(path)) {
        return muv__path_fail(path, reterr, "size wants a list field");
    }
    if (operand->shape != MUV_OPERAND_VALUE || operand->kind != MUV_KIND_INT64 ||
        operand->as.int64 < 0 || operand->as.int64 > INT32_MAX) {
        return muv__path_fail(path, reterr, "size wants a number of elements");
    }
    muv__bson_int32(buf, MUV__KEY("$size"), (int32_t)operand->as.int64);
    return 0;
}

static int write_mod(const muv__query_path_t *path, const muv_operand_t *operand, muv__buf_t *buf,
                     muv_error_t *reterr)
{
    muv__bson_mark_t mark;
    int64_t numbers[2] = {0, 0};

    if (!muv__kind_is_number(muv__path_kind(path))) {
        return muv__path_fail(path, reterr, "mod wants a number field");
    }
    if (operand->shape == MUV_OPERAND_ARRAY && operand->count == 2 && operand->data != NULL) {
        for (size_t i = 0; i < 2; i++) {
            muv_operand_t number = muv__operand_element(path, operand, i);

            if (number.kind != MUV_KIND_INT64) {
                return muv__path_fail(path, reterr, "mod wants divisor and remainder");
            }
            numbers[i] = number.as.int64;
        }
    }
    if (numbers[0] == 0) {
        return muv__path_fail(path, reterr, "mod wants a divisor other than 0, and a remainder");
    }
    mark = muv__bson_begin_array(buf, MUV__KEY("$mod"));
    muv__bson_int64(buf, MUV__KEY("0"), numbers[0]);
    muv__bson_int64(buf, MUV__KEY("1"), numbers[1]);
    muv__bson_end(buf, mark);
    return 0;
}

static int write_match(muv__filter_t *filter, const muv__query_path_t *path,
                       const muv_operand_t *operand, muv__buf_t *buf)
{
    muv__span_t bytes;
    int code;

    if (!muv__path_is_list(path)) {
        return muv__path_fail(path, filter->reterr, "match wants a list field");
    }
    if (operand->shape == MUV_OPERAND_CONDITION && operand->data != NULL) {
        return muv__filter_write_elements(filter, path, operand->data, "$elemMatch", buf);
    }
    code = muv__operand_bson(operand, path->label, &bytes, filter->reterr);
    if (code == 0) {
        muv__bson_document(buf, MUV__KEY("$elemMatch"), bytes);
    }
    return code;
}

static int write_text_test(const muv__query_path_t *path, unsigned op, const muv_operand_t *operand,
                           muv__buf_t *buf, muv_error_t *reterr)
{
    const char *key = path->foreign ? "$regex" : "";
    muv_str_t text;
    int code;

    if (muv__path_kind(path) != MUV_KIND_STRING) {
        return muv__path_fail(path, reterr, "string operators want a string field, not a %s",
                              muv__kind_name(muv__path_kind(path)));
    }
    code = muv__operand_text(path, operand, &text, reterr);
    if (code != 0) {
        return code;
    }
    if (op >= MUV_Q_REGEX && memchr(text.data, '\0', text.size) != NULL) {
        return muv__path_fail(path, reterr, "a regular expression must not contain NUL");
    }
    muv__bson_value(buf, key, strlen(key), MUV__BSON_REGEX, muv__span(NULL, 0));
    muv__regex_write(buf, op, text.data, text.size);
    return 0;
}

/* -- Terms -- */

int muv__is_operators(const uint8_t *document, size_t size)
{
    muv__bson_iter_t iter;

    return document != NULL && muv__bson_iter_init(&iter, document, size) &&
           muv__bson_iter_next(&iter) && iter.key[0] == '$' && !MUV__BSON_KEY_IS(&iter, "$ref") &&
           !MUV__BSON_KEY_IS(&iter, "$id") && !MUV__BSON_KEY_IS(&iter, "$db");
}

/* The key of an equality: "" for a plain value. */
static const char *equality_key(const muv__query_path_t *path, const muv_operand_t *operand)
{
    if (path->foreign ||
        (operand->shape == MUV_OPERAND_BSON && muv__is_operators(operand->data, operand->count))) {
        return "$eq";
    }
    return "";
}

/* One element: its key is the operator, or empty for a plain value. */
static int write_test(muv__filter_t *filter, const muv__query_path_t *path, unsigned op,
                      const muv_operand_t *operand, muv__buf_t *buf)
{
    switch (op) {
    case MUV_Q_EQ:
        return muv__value_write(path, operand, MUV__VALUE_COMPARE, equality_key(path, operand), buf,
                                filter->reterr);
    case MUV_Q_NE:
    case MUV_Q_GT:
    case MUV_Q_GTE:
    case MUV_Q_LT:
    case MUV_Q_LTE:
        return muv__value_write(path, operand, MUV__VALUE_COMPARE, operators[op], buf,
                                filter->reterr);
    case MUV_Q_IN:
    case MUV_Q_NIN:
    case MUV_Q_ALL:
        return muv__value_write_array(path, operand, MUV__VALUE_COMPARE, operators[op], buf,
                                      filter->reterr);
    case MUV_Q_EXISTS: return write_exists(path, operand, buf, filter->reterr);
    case MUV_Q_SIZE: return write_size(path, operand, buf, filter->reterr);
    case MUV_Q_MOD: return write_mod(path, operand, buf, filter->reterr);
    case MUV_Q_MATCH: return write_match(filter, path, operand, buf);
    default:
        if (op >= MUV_Q_IEXACT && op <= MUV_Q_IREGEX) {
            return write_text_test(path, op, operand, buf, filter->reterr);
        }
        return muv__path_fail(path, filter->reterr, "%u is no operator", op);
    }
}

/* Make `ret` a term of the one element in `buf`. */
static int make_term(muv__filter_t *filter, const char *path, size_t length, muv__buf_t *buf,
                     muv__term_t **ret)
{
    int plain = buf->error == 0 && buf->data[1] == '\0';
    muv__term_t *term =
        muv__term_new(filter, plain ? MUV__TERM_PLAIN : MUV__TERM_OPERATORS, path, length);
    muv__bson_mark_t mark;
    muv__buf_t document;
    int code;

    if (term == NULL) {
        MUV__ASSERT(filter->reterr->code != 0);
        return filter->reterr->code;
    }
    *ret = term;
    if (plain || buf->error != 0) {
        code = muv__value_keep(buf, filter->arena, &term->type, &term->value);
        return code == 0 ? 0 : muv__filter_fail(filter, code);
    }
    /* The empty key and its type are what muv__value_keep() takes away. */
    muv__buf_init(&document, MUV__QUERY_MAX_BYTES);
    muv__bson_value(&document, "", 0, MUV__BSON_DOCUMENT, muv__span(NULL, 0));
    mark = muv__bson_begin(&document);
    muv__buf_append(&document, buf->data, buf->size);
    muv__bson_end(&document, mark);
    code = muv__value_keep(&document, filter->arena, &term->type, &term->value);
    muv__buf_done(&document);
    return code == 0 ? 0 : muv__filter_fail(filter, code);
}

int muv__term_negate(muv__filter_t *filter, const muv__term_t *term, muv__term_t **ret)
{
    muv__bson_iter_t iter;
    const muv__term_t *entry = term;
    muv__bson_mark_t mark;
    muv__buf_t buf;
    int code;

    *ret = NULL;
    if (term->kind == MUV__TERM_ALTERNATIVES || term->path[0] == '$' || term->clash) {
        return 0;
    }
    /* $not does not take itself. */
    if (term->kind == MUV__TERM_OPERATORS &&
        muv__bson_find(term->value.data, term->value.size, "$not", &iter)) {
        return 0;
    }
    muv__buf_init(&buf, MUV__QUERY_MAX_BYTES);
    if (term->kind == MUV__TERM_PLAIN) {
        const char *key = term->type == MUV__BSON_REGEX ? "$not" : "$ne";

        muv__bson_value(&buf, key, strlen(key), term->type, term->value);
    } else {
        mark = muv__bson_begin_document(&buf, MUV__KEY("$not"));
        for (; term != NULL; term = term->more) {
            (void)muv__bson_iter_init(&iter, term->value.data, term->value.size);
            while (muv__bson_iter_next(&iter)) {
                muv__bson_value(&buf, iter.key, iter.key_length, iter.type,
                                muv__span(iter.value, iter.value_size));
            }
        }
        muv__bson_end(&buf, mark);
    }
    code = make_term(filter, entry->path, entry->path_length, &buf, ret);
    muv__buf_done(&buf);
    return code;
}

int muv__filter_add_field(muv__filter_t *filter, muv__group_t *group, const muv__query_path_t *path,
                          unsigned op, int negated, const muv_operand_t *operand)
{
    muv__term_t *term = NULL;
    muv__buf_t buf;
    int code;

    muv__buf_init(&buf, MUV__QUERY_MAX_BYTES);
    code = write_test(filter, path, op, operand, &buf);
    if (code == 0) {
        code = make_term(filter, path->text, path->length, &buf, &term);
    }
    muv__buf_done(&buf);
    if (code == 0 && negated) {
        code = muv__term_negate(filter, term, &term);
    }
    return code != 0 ? code : muv__group_add(filter, group, term);
}
