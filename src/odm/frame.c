/* SPDX-License-Identifier: Apache-2.0 */
/* Paths from frames. */
#include "odm/frame.h"

#include "base/bson_writer.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static const char *segment_of(const muv__frame_t *frame, int stored, char number[11])
{
    if (frame->field != NULL) {
        return stored ? frame->field->stored : frame->field->row->name;
    }
    (void)muv__bson_index_key(number, frame->index);
    return number;
}

/* As much as fits; returns the length of what was written. */
static size_t write_path(const muv__frame_t *frame, char *text, size_t size)
{
    size_t length = frame->up == NULL ? 0 : write_path(frame->up, text, size);
    char number[11];
    int added;

    if (length + 1 >= size) {
        return length;
    }
    added = snprintf(text + length, size - length, ".%s", segment_of(frame, 0, number));
    if (added < 0 || (size_t)added >= size - length) {
        return size - 1;
    }
    return length + (size_t)added;
}

int muv__frame_fail(muv_error_t *reterr, const muv_schema_t *root, const muv__frame_t *frame,
                    int code, const char *format, ...)
{
    char path[MUV_ERROR_MESSAGE_SIZE / 2] = "";
    char text[MUV_ERROR_MESSAGE_SIZE / 2];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (frame != NULL) {
        (void)write_path(frame, path, sizeof(path));
    }
    return muv__error_set(reterr, code, "%s%s: %s", root->model->name, path, text);
}

void muv__frame_path(const muv__frame_t *frame, int stored, muv__buf_t *buf)
{
    char number[11];
    const char *segment = segment_of(frame, stored, number);

    if (frame->up != NULL) {
        muv__frame_path(frame->up, stored, buf);
        muv__buf_append(buf, ".", 1);
    }
    muv__buf_append(buf, segment, strlen(segment));
}
