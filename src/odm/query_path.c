/* SPDX-License-Identifier: Apache-2.0 */
/* Walking along a path, one segment at a time. */
#include "odm/query_path.h"

#include "muv/odm/condition.h"

#include "base/bson_writer.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#define MATCHED_TOKEN "$"
#define EVERY_TOKEN "$[]"
#define MAX_DIGITS 9

int muv__path_fail(const muv__query_path_t *path, muv_error_t *reterr, const char *format, ...)
{
    char text[MUV_ERROR_MESSAGE_SIZE / 2];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return muv__error_set(reterr, MUV_EINVAL, "%s%s%s: %s", path->schema->model->name,
                          path->label[0] == '\0' ? "" : ".", path->label, text);
}

static void begin(muv__query_path_t *path, const muv_schema_t *schema)
{
    path->schema = schema;
    path->field = NULL;
    path->element = 0;
    path->foreign = 0;
    path->length = 0;
    path->text[0] = '\0';
    path->label[0] = '\0';
}

void muv__path_of_elements(muv__query_path_t *path, const muv_schema_t *schema,
                           const muv__field_t *list)
{
    begin(path, schema);
    path->field = list;
    path->element = 1;
    path->foreign = 1;
    (void)snprintf(path->label, sizeof(path->label), "%s", list->row->name);
}

static void add_label(muv__query_path_t *path, const char *at, size_t length)
{
    size_t used = strlen(path->label);

    (void)snprintf(path->label + used, sizeof(path->label) - used, "%s%.*s", used == 0 ? "" : ".",
                   (int)(length > sizeof(path->label) ? sizeof(path->label) : length), at);
}

static int add_text(muv__query_path_t *path, const char *at, size_t length, muv_error_t *reterr)
{
    size_t dot = path->length == 0 ? 0 : 1;

    if (length + dot >= sizeof(path->text) - path->length) {
        return muv__path_fail(path, reterr, "the path is too long");
    }
    if (dot != 0) {
        path->text[path->length++] = '.';
    }
    memcpy(path->text + path->length, at, length);
    path->length += length;
    path->text[path->length] = '\0';
    return 0;
}

/* -- Positions -- */

static int add_position(muv__query_path_t *path, const char *at, size_t length, muv_error_t *reterr)
{
    add_label(path, at, length);
    if (path->field == NULL || !muv__path_is_list(path)) {
        return muv__path_fail(path, reterr, "a position needs a list before it");
    }
    path->element = 1;
    return add_text(path, at, length, reterr);
}

static int is_number(const muv__segment_t *segment)
{
    for (size_t i = 0; i < segment->length; i++) {
        if (segment->at[i] < '0' || segment->at[i] > '9') {
            return 0;
        }
    }
    return segment->length != 0 && segment->length <= MAX_DIGITS &&
           (segment->at[0] != '0' || segment->length == 1);
}

/* "$[name]": begins with a lower-case letter, as the server wants it. */
static int is_filtered(const muv__segment_t *segment)
{
    if (segment->length < 4 || memcmp(segment->at, "$[", 2) != 0 ||
        segment->at[segment->length - 1] != ']' || segment->at[2] < 'a' || segment->at[2] > 'z') {
        return 0;
    }
    for (size_t i = 2; i + 1 < segment->length; i++) {
        char c = segment->at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return 0;
        }
    }
    return 1;
}

/* -- Names -- */

/* The struct that the next name belongs to, or NULL with an error. */
static const muv_schema_t *inside_of(const muv__query_path_t *path, const muv__segment_t *segment,
                                     muv_error_t *reterr)
{
    if (path->field == NULL) {
        return path->schema;
    }
    if (muv__path_kind(path) == MUV_KIND_EMBEDDED) {
        return path->field->target;
    }
    if (muv__path_kind(path) == MUV_KIND_REFERENCE) {
        (void)muv__path_fail(path, reterr, "Cannot perform join in mongoDB: %s__%.*s", path->label,
                             (int)(segment->length > 64 ? 64 : segment->length), segment->at);
    } else {
        (void)muv__path_fail(path, reterr, "Cannot resolve field \"%.*s\": there is nothing inside",
                             (int)(segment->length > 64 ? 64 : segment->length), segment->at);
    }
    return NULL;
}

static int enter_field(muv__query_path_t *path, const muv__field_t *field, muv_error_t *reterr)
{
    add_label(path, field->row->name, strlen(field->row->name));
    path->field = field;
    path->element = 0;
    return add_text(path, field->stored, field->stored_length, reterr);
}

static int add_name(muv__query_path_t *path, const muv__segment_t *segment, muv_error_t *reterr)
{
    const muv_schema_t *schema = inside_of(path, segment, reterr);
    const muv__field_t *field = NULL;

    if (schema == NULL) {
        return MUV_EINVAL;
    }
    if (path->field == NULL && muv__segment_is(segment, "pk")) {
        field = muv__schema_key(schema);
    }
    if (field == NULL) {
        field = muv__schema_find_name(schema, segment->at, segment->length);
    }
    if (field == NULL) {
        return muv__path_fail(path, reterr, "Cannot resolve field \"%.*s\"",
                              (int)(segment->length > 64 ? 64 : segment->length), segment->at);
    }
    return enter_field(path, field, reterr);
}

static int add_segment(muv__query_path_t *path, const muv__segment_t *segment, unsigned allowed,
                       muv_error_t *reterr)
{
    if ((allowed & MUV__PATH_POSITIONS) != 0 && is_number(segment)) {
        return add_position(path, segment->at, segment->length, reterr);
    }
    if ((allowed & MUV__PATH_MATCHED) != 0) {
        int in_list = path->field != NULL && muv__path_is_list(path);

        if (muv__segment_is(segment, MATCHED_TOKEN) || (in_list && muv__segment_is(segment, "S"))) {
            return add_position(path, MATCHED_TOKEN, sizeof(MATCHED_TOKEN) - 1, reterr);
        }
        if (muv__segment_is(segment, EVERY_TOKEN) || is_filtered(segment)) {
            return add_position(path, segment->at, segment->length, reterr);
        }
    }
    return add_name(path, segment, reterr);
}

int muv__name_split(const char *name, size_t length, muv__segment_t *segments)
{
    const char *at = name;
    size_t start = 0;
    int count = 0;

    for (size_t i = 0; i <= length; i++) {
        int dot = i < length && at[i] == '.';
        int cut = i + 1 < length && at[i] == '_' && at[i + 1] == '_';

        if (i < length && !dot && !cut) {
            continue;
        }
        if (count == MUV__QUERY_SEGMENTS) {
            return -1;
        }
        segments[count].at = name + start;
        segments[count++].length = i - start;
        i += (size_t)cut;
        start = i + 1;
    }
    return count;
}

int muv__path_of_segments(muv__query_path_t *path, const muv_schema_t *schema,
                          const muv__segment_t *segments, int count, unsigned allowed,
                          muv_error_t *reterr)
{
    int code = 0;

    begin(path, schema);
    for (int i = 0; i < count && code == 0; i++) {
        code = add_segment(path, &segments[i], allowed, reterr);
    }
    if (code == 0 && path->field == NULL) {
        code = muv__path_fail(path, reterr, "a name is missing");
    }
    return code;
}

int muv__path_of_name(muv__query_path_t *path, const muv_schema_t *schema, const char *name,
                      size_t length, unsigned allowed, muv_error_t *reterr)
{
    muv__segment_t segments[MUV__QUERY_SEGMENTS];
    int count = muv__name_split(name, length, segments);

    if (count < 0) {
        begin(path, schema);
        return muv__path_fail(path, reterr, "a name has more than %d parts", MUV__QUERY_SEGMENTS);
    }
    return muv__path_of_segments(path, schema, segments, count, allowed, reterr);
}

/* -- Handles -- */

static int add_handle_position(muv__query_path_t *path, unsigned position, unsigned allowed,
                               muv_error_t *reterr)
{
    char number[11];

    if (position == MUV_MATCHED || position == MUV_EVERY) {
        const char *token = position == MUV_MATCHED ? MATCHED_TOKEN : EVERY_TOKEN;

        if ((allowed & MUV__PATH_MATCHED) == 0) {
            return muv__path_fail(path, reterr, "\"%s\" is for updates", token);
        }
        return add_position(path, token, strlen(token), reterr);
    }
    return add_position(path, number, muv__bson_index_key(number, position), reterr);
}

int muv__path_of_handle(muv__query_path_t *path, const muv_schema_t *schema,
                        const muv_path_t *handle, unsigned allowed, muv_error_t *reterr)
{
    int code = 0;

    begin(path, schema);
    if (handle->model != schema->model) {
        return muv__path_fail(path, reterr, "a handle belongs to the model %s",
                              handle->model == NULL ? "(none)" : handle->model->name);
    }
    if (handle->depth == 0 || handle->depth > MUV_PATH_DEPTH) {
        return muv__path_fail(path, reterr, "a handle does not lead to a field");
    }
    for (unsigned i = 0; i < handle->depth && code == 0; i++) {
        unsigned index = handle->index[i];
        const muv_schema_t *inside = schema;
        static const muv__segment_t unknown = {"?", 1};

        if (index >= MUV_PATH_POSITION) {
            code = add_handle_position(path, index - MUV_PATH_POSITION, allowed, reterr);
            continue;
        }
        inside = inside_of(path, &unknown, reterr);
        if (inside == NULL || index >= inside->count) {
            return inside == NULL ? MUV_EINVAL
                                  : muv__path_fail(path, reterr, "a handle leads to no field");
        }
        code = enter_field(path, &inside->fields[index], reterr);
    }
    return code;
}
