/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of models: what is wrong with a table is said at start-up, with model and field. */
#include "odm/schema.h"

#include "base/error.h"
#include "base/mem.h"
#include "odm/kind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 4096u
#define MAX_STRUCT_SIZE (1u << 20)
#define MAX_NAME 1000

#define FAIL(model, row, ...) fail_field(reterr, model, row, __VA_ARGS__)

/* "Model.field: ..."; without row, "Model: ...". */
MUV__PRINTF(4, 5)
static int fail_field(muv_error_t *reterr, const muv_model_t *model, const muv_field_t *row,
                      const char *format, ...)
{
    char text[MUV_ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return row == NULL
               ? muv__error_set(reterr, MUV_EMODEL, "%s: %s", model->name, text)
               : muv__error_set(reterr, MUV_EMODEL, "%s.%s: %s", model->name, row->name, text);
}

uint32_t muv__model_header_size(const muv_model_t *model)
{
    return (uint32_t)(model->role == MUV_ROLE_EMBEDDED ? sizeof(muv_embedded_t)
                                                       : sizeof(muv_doc_t));
}

/* -- One row -- */

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* String filters split names at "__", so no name may contain it. */
static int is_name(const char *name)
{
    if (!is_letter(name[0]) || strstr(name, "__") != NULL || strlen(name) > MAX_NAME) {
        return 0;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (!is_letter(*at) && !(*at >= '0' && *at <= '9')) {
            return 0;
        }
    }
    return 1;
}

static int check_names(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    if (row->name == NULL || !is_name(row->name)) {
        return fail_field(reterr, model, NULL, "row %zu: \"%s\" is no name for a field",
                          (size_t)(row - model->fields), row->name == NULL ? "" : row->name);
    }
    if (row->stored == NULL || row->stored[0] == '\0' || row->stored[0] == '$' ||
        strchr(row->stored, '.') != NULL || strlen(row->stored) > MAX_NAME) {
        return FAIL(model, row,
                    "a stored name must not be empty, begin with \"$\" or contain \".\"");
    }
    return 0;
}

static int holds_documents(const muv_field_t *row, unsigned kind)
{
    return row->kind == kind || row->element == kind;
}

static int check_kind(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    int needs_target =
        holds_documents(row, MUV_KIND_EMBEDDED) || holds_documents(row, MUV_KIND_REFERENCE);

    if (row->kind == MUV_KIND_NONE || row->kind > MUV_KIND_LIST) {
        return FAIL(model, row, "kind %u is not supported", row->kind);
    }
    if (row->kind == MUV_KIND_LIST ? row->element == MUV_KIND_NONE || row->element >= MUV_KIND_LIST
                                   : row->element != MUV_KIND_NONE) {
        return FAIL(model, row, "element kind %u is not supported here", row->element);
    }
    if (needs_target != (row->target != NULL)) {
        return FAIL(model, row, needs_target ? "a target is missing" : "this kind has no target");
    }
    if (row->targets != NULL || row->extra != NULL || row->regex != NULL ||
        (row->flags & ~(uint32_t)0x7f) != 0) {
        return FAIL(model, row, "an option is used that is not supported yet");
    }
    return 0;
}

static uint32_t size_of_row(const muv_field_t *row)
{
    if (row->kind == MUV_KIND_EMBEDDED) {
        return row->target->size;
    }
    return row->kind == MUV_KIND_LIST ? (uint32_t)sizeof(muv__list_view_t)
                                      : muv__kind_size(row->kind);
}

static int check_place(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    uint32_t size = size_of_row(row);

    if (row->size != size) {
        return FAIL(model, row, "the member has %u bytes, its kind (%s) has %u", row->size,
                    muv__kind_name(row->kind), size);
    }
    if (row->offset < muv__model_header_size(model) || row->offset > model->size ||
        row->size > model->size - row->offset) {
        return FAIL(model, row, "the member lies outside of the struct or in its header");
    }
    if (row->offset % muv__kind_alignment(row->kind) != 0) {
        return FAIL(model, row, "the member is not aligned");
    }
    return 0;
}

static int is_document_kind(unsigned kind)
{
    return kind == MUV_KIND_LIST || kind == MUV_KIND_EMBEDDED || kind == MUV_KIND_REFERENCE;
}

/* Would a constant of the row fit the member? */
static int value_fits(const muv_value_t *value, unsigned kind)
{
    muv_scalar_t scratch;

    if (is_document_kind(kind) || (value->kind == MUV_KIND_STRING && value->as.str.data == NULL) ||
        (value->kind == MUV_KIND_BINARY && value->as.bin.data == NULL)) {
        return 0;
    }
    return muv__value_to_member(value, kind, &scratch);
}

static int limit_fits(const muv_value_t *limit, unsigned kind)
{
    if (limit->kind == MUV_KIND_NONE) {
        return 1;
    }
    if (kind == MUV_KIND_DATETIME) {
        return limit->kind == MUV_KIND_DATETIME;
    }
    return muv__kind_is_number(kind) &&
           (limit->kind == MUV_KIND_INT64 || limit->kind == MUV_KIND_DOUBLE);
}

static int check_limits(const muv_model_t *model, const muv_field_t *row, unsigned kind,
                        muv_error_t *reterr)
{
    if (!limit_fits(&row->min, kind) || !limit_fits(&row->max, kind)) {
        return FAIL(model, row, "min or max does not fit a %s", muv__kind_name(kind));
    }
    if (row->min_length != 0 && kind != MUV_KIND_STRING) {
        return FAIL(model, row, "min_length is for strings");
    }
    if (row->max_length != 0 && kind != MUV_KIND_STRING && kind != MUV_KIND_BINARY &&
        kind != MUV_KIND_LIST) {
        return FAIL(model, row, "max_length is for strings, binaries and lists");
    }
    if (row->max_length != 0 && row->min_length > row->max_length) {
        return FAIL(model, row, "min_length is above max_length");
    }
    for (const muv_value_t *choice = row->choices; choice != NULL && choice->kind != MUV_KIND_NONE;
         choice++) {
        if (!value_fits(choice, kind)) {
            return FAIL(model, row, "a choice does not fit a %s", muv__kind_name(kind));
        }
    }
    return 0;
}

static int check_items(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    const muv_field_t *items = row->items;
    muv_field_t named;

    if (items == NULL) {
        return 0;
    }
    if (row->kind != MUV_KIND_LIST || items->kind != row->element) {
        return FAIL(model, row, "items do not fit the list's elements");
    }
    if (items->default_fn != NULL || items->default_value.kind != MUV_KIND_NONE ||
        items->items != NULL || items->flags != 0 || items->regex != NULL) {
        return FAIL(model, row, "items take limits, choices and a check only");
    }
    named = *items;
    named.name = row->name;
    return check_limits(model, &named, items->kind, reterr);
}

static int check_default(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    if (row->default_value.kind != MUV_KIND_NONE && row->default_fn != NULL) {
        return FAIL(model, row, "there are two defaults");
    }
    if (row->default_fn != NULL && is_document_kind(row->kind)) {
        return FAIL(model, row, "this kind takes no default");
    }
    if (row->default_value.kind != MUV_KIND_NONE && !value_fits(&row->default_value, row->kind)) {
        return FAIL(model, row, "the default does not fit a %s", muv__kind_name(row->kind));
    }
    return 0;
}

static int check_flags(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    int is_reference = holds_documents(row, MUV_KIND_REFERENCE);
    int is_key = strcmp(row->stored, "_id") == 0;

    if ((row->flags & MUV_PRIMARY_KEY) != 0 && (!is_key || model->role == MUV_ROLE_EMBEDDED)) {
        return FAIL(model, row, "a primary key is stored as \"_id\" of a document");
    }
    if (is_key && model->role == MUV_ROLE_DOCUMENT &&
        (is_document_kind(row->kind) || row->kind == MUV_KIND_BOOLEAN ||
         row->kind == MUV_KIND_DOUBLE)) {
        return FAIL(model, row, "a %s cannot be the primary key", muv__kind_name(row->kind));
    }
    if ((row->flags & MUV_DBREF) != 0 && !is_reference) {
        return FAIL(model, row, "MUV_DBREF is for references");
    }
    if ((row->flags & MUV_SPARSE) != 0 && (row->flags & MUV_UNIQUE) == 0) {
        return FAIL(model, row, "MUV_SPARSE needs MUV_UNIQUE");
    }
    if (row->unique_with != NULL && (row->flags & MUV_UNIQUE) == 0) {
        return FAIL(model, row, "unique_with needs MUV_UNIQUE");
    }
    if (row->on_delete > MUV_PULL || (row->on_delete != MUV_DO_NOTHING && !is_reference) ||
        (row->on_delete == MUV_PULL && row->kind != MUV_KIND_LIST)) {
        return FAIL(model, row, "the delete rule does not fit the kind");
    }
    if (row->on_delete != MUV_DO_NOTHING && model->role == MUV_ROLE_EMBEDDED) {
        return FAIL(model, row, "delete rules belong to documents, not to embedded ones");
    }
    return 0;
}

static int check_field(const muv_model_t *model, const muv_field_t *row, muv_error_t *reterr)
{
    int code = check_names(model, row, reterr);

    code = code != 0 ? code : check_kind(model, row, reterr);
    code = code != 0 ? code : check_place(model, row, reterr);
    code = code != 0 ? code : check_limits(model, row, row->kind, reterr);
    code = code != 0 ? code : check_items(model, row, reterr);
    code = code != 0 ? code : check_default(model, row, reterr);
    return code != 0 ? code : check_flags(model, row, reterr);
}

/* -- One model -- */

static int check_reserved(const muv_model_t *model, muv_error_t *reterr)
{
    if (model->parent != NULL || model->hooks != NULL || model->options != NULL ||
        model->database != NULL || model->shard_key != NULL ||
        (model->flags & ~(uint32_t)MUV_MODEL_STRICT) != 0) {
        return FAIL(model, NULL, "an option is used that is not supported yet");
    }
    return 0;
}

static int check_frame(const muv_model_t *model, muv_error_t *reterr)
{
    if (model->name == NULL || !is_name(model->name)) {
        return muv__error_set(reterr, MUV_EMODEL, "\"%s\" is no name for a model",
                              model->name == NULL ? "" : model->name);
    }
    if (model->role > MUV_ROLE_EMBEDDED) {
        return FAIL(model, NULL, "role %u is unknown", model->role);
    }
    if (model->role == MUV_ROLE_EMBEDDED
            ? model->collection != NULL
            : model->collection == NULL || model->collection[0] == '\0' ||
                  strchr(model->collection, '$') != NULL) {
        return FAIL(model, NULL, "documents, and only they, have a collection, without \"$\"");
    }
    if (model->fields == NULL || model->field_count == 0 || model->field_count > MAX_FIELDS) {
        return FAIL(model, NULL, "a model has 1 to %u fields", MAX_FIELDS);
    }
    if (model->size < muv__model_header_size(model) || model->size > MAX_STRUCT_SIZE) {
        return FAIL(model, NULL, "a struct of %u bytes is too small or too large", model->size);
    }
    if (model->indexes == NULL ? model->index_count != 0 : model->role == MUV_ROLE_EMBEDDED) {
        return FAIL(model, NULL, "the indexes are missing, or belong to the document outside");
    }
    return check_reserved(model, reterr);
}

/* No two members share a byte of the struct. */
static int check_overlap(const muv_model_t *model, muv_error_t *reterr)
{
    uint8_t *taken = muv__mem_zalloc(model->size);
    int code = 0;

    if (taken == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    for (uint32_t i = 0; i < model->field_count && code == 0; i++) {
        const muv_field_t *row = &model->fields[i];

        if (memchr(taken + row->offset, 1, row->size) != NULL) {
            code = FAIL(model, row, "the member overlaps another one");
        }
        memset(taken + row->offset, 1, row->size);
    }
    muv__mem_free(taken);
    return code;
}

int muv__model_check(const muv_model_t *model, muv_error_t *reterr)
{
    int code = check_frame(model, reterr);

    for (uint32_t i = 0; code == 0 && i < model->field_count; i++) {
        code = check_field(model, &model->fields[i], reterr);
    }
    return code != 0 ? code : check_overlap(model, reterr);
}

/* -- Between models -- */

static int check_target(const muv_schema_t *schema, const muv__field_t *field, muv_error_t *reterr)
{
    int embedded = holds_documents(field->row, MUV_KIND_EMBEDDED);

    if (field->target == NULL) {
        return 0;
    }
    if (embedded != (field->target->model->role == MUV_ROLE_EMBEDDED)) {
        return FAIL(schema->model, field->row,
                    embedded ? "the target %s is not embedded" : "the target %s has no collection",
                    field->target->model->name);
    }
    return 0;
}

static int check_paths(const muv_schema_t *schema, const char *const *paths, const char *what,
                       muv_error_t *reterr)
{
    if (paths == NULL || paths[0] == NULL) {
        return FAIL(schema->model, NULL, "%s has no fields", what);
    }
    for (; *paths != NULL; paths++) {
        const char *path = *paths + strspn(*paths, "+-$#(*");

        if (path - *paths > 1 || muv__schema_walk(schema, path, 0) == NULL) {
            return FAIL(schema->model, NULL, "%s: \"%s\" leads to no field", what, *paths);
        }
    }
    return 0;
}

int muv__schema_check(const muv_schema_t *schema, muv_error_t *reterr)
{
    const muv_model_t *model = schema->model;
    int code = 0;

    if (model->role == MUV_ROLE_DOCUMENT && schema->primary_key == MUV__NO_FIELD) {
        return FAIL(model, NULL, "no field is stored as \"_id\"");
    }
    for (uint32_t i = 0; i < schema->count && code == 0; i++) {
        const muv__field_t *field = &schema->fields[i];

        code = check_target(schema, field, reterr);
        if (code == 0 && field->row->unique_with != NULL) {
            code = check_paths(schema, field->row->unique_with, "unique_with", reterr);
        }
    }
    for (uint32_t i = 0; i < model->index_count && code == 0; i++) {
        code = check_paths(schema, model->indexes[i].fields, "index", reterr);
    }
    if (code == 0 && model->ordering != NULL) {
        code = check_paths(schema, model->ordering, "ordering", reterr);
    }
    return code;
}
