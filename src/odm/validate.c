/* SPDX-License-Identifier: Apache-2.0 */
/* The checks. As in MongoEngine, a value has at most one error of its own: choices, then the row's
 * check, then its limits. */
#include "muv/odm/validate.h"

#include "base/mem.h"
#include "odm/kind.h"
#include "odm/state.h"
#include "odm/utf8.h"
#include "odm/verrors.h"

#include <stdio.h>
#include <string.h>

typedef struct validator {
    muv_verrors_t *errors;
    const muv_registry_t *registry;
    int depth;
} validator_t;

static int validate_struct(validator_t *v, const muv_schema_t *schema, void *base,
                           const muv__frame_t *up);

static void report(validator_t *v, const muv__frame_t *frame, const muv_field_t *row, int code,
                   const char *message, const muv_value_t *limit)
{
    muv_verror_t error;

    memset(&error, 0, sizeof(error));
    error.message = message;
    error.field = row;
    error.code = code;
    if (limit != NULL) {
        error.limit = *limit;
    }
    muv__verrors_append(v->errors, frame, NULL, &error);
}

static void report_length(validator_t *v, const muv__frame_t *frame, const muv_field_t *row,
                          int code, const char *message, uint32_t limit)
{
    muv_value_t value = MUV_INT(limit);

    report(v, frame, row, code, message, &value);
}

/* -- Choices -- */

/* As Python prints it. */
static void print_value(const muv_value_t *value, muv__buf_t *buf)
{
    char text[48];

    switch (value->kind) {
    case MUV_KIND_STRING:
        muv__buf_append(buf, "'", 1);
        muv__buf_append(buf, value->as.str.data, value->as.str.size);
        muv__buf_append(buf, "'", 1);
        return;
    case MUV_KIND_INT64:
        (void)snprintf(text, sizeof(text), "%lld", (long long)value->as.int64);
        break;
    case MUV_KIND_DOUBLE: (void)snprintf(text, sizeof(text), "%g", value->as.float64); break;
    case MUV_KIND_BOOLEAN:
        (void)snprintf(text, sizeof(text), "%s", value->as.boolean ? "True" : "False");
        break;
    case MUV_KIND_DATETIME:
        (void)snprintf(text, sizeof(text), "%lld ms", (long long)value->as.datetime.ms);
        break;
    default: (void)snprintf(text, sizeof(text), "a %s", muv__kind_name(value->kind)); break;
    }
    muv__buf_append(buf, text, strlen(text));
}

/* "Value must be one of ['draft', 'public']" in the list's arena. */
static const char *choices_message(validator_t *v, const muv_value_t *choices)
{
    static const char head[] = "Value must be one of [";
    const char *message = NULL;
    muv__buf_t buf;

    muv__buf_init(&buf, SIZE_MAX / 2);
    muv__buf_append(&buf, head, sizeof(head) - 1);
    for (const muv_value_t *choice = choices; choice->kind != MUV_KIND_NONE; choice++) {
        if (choice != choices) {
            muv__buf_append(&buf, ", ", 2);
        }
        print_value(choice, &buf);
    }
    muv__buf_append(&buf, "]", 1);
    if (buf.error == 0) {
        message = muv__arena_text(&v->errors->arena, buf.data, buf.size);
    }
    muv__buf_done(&buf);
    if (message == NULL) {
        v->errors->error = MUV_ENOMEM;
    }
    return message;
}

static int is_choice(const muv_value_t *choices, unsigned kind, const void *member)
{
    for (const muv_value_t *choice = choices; choice->kind != MUV_KIND_NONE; choice++) {
        muv_scalar_t scalar;

        memset(&scalar, 0, sizeof(scalar));
        if (muv__value_to_member(choice, kind, &scalar) && muv__kind_equal(kind, member, &scalar)) {
            return 1;
        }
    }
    return 0;
}

/* -- Limits -- */

/* Below 0, 0 or above 0. Two integers are compared as such: a double would round them. */
static int compare_number(const muv_value_t *a, const muv_value_t *b)
{
    double left;
    double right;

    if (a->kind != MUV_KIND_DOUBLE && b->kind != MUV_KIND_DOUBLE) {
        int64_t x = a->kind == MUV_KIND_DATETIME ? a->as.datetime.ms : a->as.int64;
        int64_t y = b->kind == MUV_KIND_DATETIME ? b->as.datetime.ms : b->as.int64;

        return x < y ? -1 : x > y;
    }
    left = a->kind == MUV_KIND_DOUBLE ? a->as.float64 : (double)a->as.int64;
    right = b->kind == MUV_KIND_DOUBLE ? b->as.float64 : (double)b->as.int64;
    return left < right ? -1 : left > right;
}

static const char *range_message(unsigned kind, int too_small)
{
    switch (kind) {
    case MUV_KIND_DOUBLE:
        return too_small ? "Float value is too small" : "Float value is too large";
    case MUV_KIND_DATETIME: return too_small ? "Date value is too early" : "Date value is too late";
    default: return too_small ? "Integer value is too small" : "Integer value is too large";
    }
}

static void check_range(validator_t *v, const muv_field_t *row, unsigned kind, const void *member,
                        const muv__frame_t *frame)
{
    muv_value_t value;

    if (row->min.kind == MUV_KIND_NONE && row->max.kind == MUV_KIND_NONE) {
        return;
    }
    value = muv__value_of_member(kind, member);
    if (row->min.kind != MUV_KIND_NONE && compare_number(&value, &row->min) < 0) {
        report(v, frame, row, MUV_V_TOO_SMALL, range_message(kind, 1), &row->min);
    } else if (row->max.kind != MUV_KIND_NONE && compare_number(&value, &row->max) > 0) {
        report(v, frame, row, MUV_V_TOO_LARGE, range_message(kind, 0), &row->max);
    }
}

static void check_string(validator_t *v, const muv_field_t *row, const muv_str_t *str,
                         const muv__frame_t *frame)
{
    int64_t length = muv__utf8_count(str->data, str->size);

    if (length < 0) {
        report(v, frame, row, MUV_V_UTF8, "String value is not valid UTF-8", NULL);
    } else if (row->max_length != 0 && length > row->max_length) {
        report_length(v, frame, row, MUV_V_TOO_LONG, "String value is too long", row->max_length);
    } else if (length < row->min_length) {
        report_length(v, frame, row, MUV_V_TOO_SHORT, "String value is too short", row->min_length);
    }
}

static void check_reference(validator_t *v, const muv_field_t *row, const muv_schema_t *target,
                            const muv_ref_t *ref, const muv__frame_t *frame)
{
    const muv_schema_t *given = ref->doc == NULL ? target : muv__header_of(ref->doc)->schema;
    muv_value_t key;

    if (given == NULL || given->model != target->model) {
        report(v, frame, row, MUV_V_REFERENCE,
               "A ReferenceField only accepts DBRef, LazyReference, ObjectId or documents", NULL);
    } else if (!muv__ref_key(ref, &key)) {
        report(v, frame, row, MUV_V_REFERENCE,
               "You can only reference documents once they have been saved to the database", NULL);
    }
}

static void check_limits(validator_t *v, const muv_field_t *row, const muv__field_t *field,
                         unsigned kind, const void *member, const muv__frame_t *frame)
{
    const muv_bin_t *bin = member;

    switch (kind) {
    case MUV_KIND_STRING: check_string(v, row, member, frame); break;
    case MUV_KIND_BINARY:
        if (row->max_length != 0 && bin->size > row->max_length) {
            report_length(v, frame, row, MUV_V_TOO_LONG, "Binary value is too long",
                          row->max_length);
        }
        break;
    case MUV_KIND_REFERENCE: check_reference(v, row, field->target, member, frame); break;
    case MUV_KIND_INT32:
    case MUV_KIND_INT64:
    case MUV_KIND_DOUBLE:
    case MUV_KIND_DATETIME: check_range(v, row, kind, member, frame); break;
    default: break;
    }
}

/* -- Values -- */

/* A row's choices and check, which come before everything else. Returns 1 when an error was found.
 */
static int check_own(validator_t *v, const muv_field_t *row, unsigned kind, const void *member,
                     const muv__frame_t *frame)
{
    const char *message;

    if (row->choices != NULL && !is_choice(row->choices, kind, member)) {
        report(v, frame, row, MUV_V_CHOICE, choices_message(v, row->choices), NULL);
        return 1;
    }
    message = row->check == NULL ? NULL : row->check(row, member, v->registry->data);
    if (message == NULL) {
        return 0;
    }
    report(v, frame, row, MUV_V_CHECK, message, NULL);
    return 1;
}

/* An element of a list. `items` holds its limits and may be NULL. */
static int validate_element(validator_t *v, const muv__field_t *list, const muv_field_t *items,
                            void *element, const muv__frame_t *frame)
{
    static const muv_field_t no_limits;
    const muv_field_t *row = items == NULL ? &no_limits : items;

    if (muv__kind_is_void(list->element, element)) {
        return 0;
    }
    if (check_own(v, row, list->element, element, frame)) {
        return 0;
    }
    if (list->element == MUV_KIND_EMBEDDED) {
        return validate_struct(v, list->target, element, frame);
    }
    check_limits(v, row, list, list->element, element, frame);
    return 0;
}

static int validate_list(validator_t *v, const muv__field_t *field, void *member,
                         const muv__frame_t *frame)
{
    muv__list_view_t list = muv__list_load(member);
    muv__frame_t element = {frame, NULL, 0};
    uint8_t *at = list.data;
    int code = 0;

    if (field->row->max_length != 0 && list.count > field->row->max_length) {
        report_length(v, frame, field->row, MUV_V_TOO_LONG, "List is too long",
                      field->row->max_length);
        return 0;
    }
    for (; element.index < list.count && code == 0; element.index++) {
        code = validate_element(v, field, field->row->items, at, &element);
        at += field->element_size;
    }
    if (list.count == 0 && (field->flags & MUV_REQUIRED) != 0) {
        report(v, frame, field->row, MUV_V_REQUIRED, "Field is required and cannot be empty", NULL);
    }
    return code;
}

/* An ObjectId as primary key is made when the document is inserted. */
static int is_required(const muv_schema_t *schema, const muv__field_t *field)
{
    if (field->index == schema->primary_key) {
        return field->kind != MUV_KIND_OBJECTID;
    }
    return (field->flags & MUV_REQUIRED) != 0;
}

static int validate_field(validator_t *v, const muv_schema_t *schema, uint32_t index, void *base,
                          const muv__frame_t *up)
{
    const muv__field_t *field = &schema->fields[index];
    muv__frame_t frame = {up, field, 0};
    void *member = muv__member(field, base);
    unsigned state = muv__state_effective(schema, base, index);

    if (state == MUV_STATE_NOT_LOADED) {
        return 0;
    }
    if (state != MUV_STATE_SET) {
        if (is_required(schema, field)) {
            report(v, &frame, field->row, MUV_V_REQUIRED, "Field is required", NULL);
        }
        return 0;
    }
    if (check_own(v, field->row, field->kind, member, &frame)) {
        return 0;
    }
    if (muv__field_is_list(field)) {
        return validate_list(v, field, member, &frame);
    }
    if (field->kind == MUV_KIND_EMBEDDED) {
        return validate_struct(v, field->target, member, &frame);
    }
    check_limits(v, field->row, field, field->kind, member, &frame);
    return 0;
}

static int validate_struct(validator_t *v, const muv_schema_t *schema, void *base,
                           const muv__frame_t *up)
{
    int code = 0;

    if (v->depth >= MUV__MAX_DEPTH) {
        report(v, up, NULL, MUV_V_DEPTH, "Documents are nested too deeply", NULL);
        return 0;
    }
    v->depth++;
    if (schema->model->clean != NULL) {
        v->errors->frame = up;
        code = schema->model->clean(base, v->errors, v->registry->data);
    }
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        code = validate_field(v, schema, i, base, up);
    }
    v->depth--;
    return code;
}

int muv_validate(void *document, muv_verrors_t **ret)
{
    const muv_doc_t *doc = document;
    validator_t v = {NULL, NULL, 0};
    int code;

    if (document == NULL || ret == NULL || !muv__is_ready(document) || doc->batch == NULL) {
        return MUV_EINVAL;
    }
    *ret = NULL;
    v.registry = doc->batch->registry;
    v.errors = muv__verrors_new(document);
    if (v.errors == NULL) {
        return MUV_ENOMEM;
    }
    code = validate_struct(&v, doc->embedded.schema, document, NULL);
    code = code != 0 ? code : v.errors->error;
    if (code != 0 || v.errors->count == 0) {
        muv_verrors_free(v.errors);
        return code;
    }
    *ret = v.errors;
    return MUV_EVALIDATION;
}
