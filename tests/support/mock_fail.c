/* SPDX-License-Identifier: Apache-2.0 */
/* Fail points, configured with the same documents as mongod's failCommand, by a test or over the
 * wire. They decide what happens to a command; mock_script.c carries it out. */
#include "support/check.h"
#include "support/mock_internal.h"
#include "support/mock_set.h"

#include <stdlib.h>
#include <string.h>

struct mock__fail_point {
    struct mock__fail_point *next;
    int member;
    int64_t skip;
    int64_t left; /* Negative: always on. */
    bson_t *data;
};

/* --- Setting ---------------------------------------------------------------------------------- */

static void free_fail_point(mock__fail_point_t *point)
{
    bson_destroy(point->data);
    free(point);
}

static void remove_of(muv_mock_t *mock, int member)
{
    mock__fail_point_t **link = &mock->fail_points;

    while (*link != NULL) {
        mock__fail_point_t *point = *link;
        if (member == MOCK_ANY || point->member == member) {
            *link = point->next;
            free_fail_point(point);
        } else {
            link = &point->next;
        }
    }
}

void mock__fail_done(muv_mock_t *mock)
{
    remove_of(mock, MOCK_ANY);
}

static int64_t number_at(const bson_t *document, const char *path, int64_t missing)
{
    bson_iter_t iter;
    bson_iter_t field;

    return bson_iter_init(&iter, document) && bson_iter_find_descendant(&iter, path, &field) &&
                   (BSON_ITER_HOLDS_NUMBER(&field) || BSON_ITER_HOLDS_BOOL(&field))
               ? bson_iter_as_int64(&field)
               : missing;
}

/* Returns 1: on, 0: off, -1: neither. */
static int read_mode(const bson_t *command, mock__fail_point_t *point)
{
    bson_iter_t iter;

    if (!bson_iter_init_find(&iter, command, "mode")) {
        return -1;
    }
    point->left = -1;
    if (BSON_ITER_HOLDS_UTF8(&iter)) {
        const char *mode = bson_iter_utf8(&iter, NULL);
        return strcmp(mode, "off") == 0 ? 0 : strcmp(mode, "alwaysOn") == 0 ? 1 : -1;
    }
    point->left = number_at(command, "mode.times", -1);
    point->skip = number_at(command, "mode.skip", 0);
    return BSON_ITER_HOLDS_DOCUMENT(&iter) && (point->left >= 0 || point->skip > 0) ? 1 : -1;
}

bool mock__fail_configure(muv_mock_t *mock, int member, const bson_t *command, bool replace)
{
    mock__fail_point_t *point = mock__alloc(sizeof *point);
    int mode = read_mode(command, point);
    bson_iter_t iter;
    bson_t data;

    if (replace && mode >= 0) {
        remove_of(mock, member);
    }
    if (mode <= 0 || !bson_iter_init_find(&iter, command, "data") ||
        !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
        free_fail_point(point);
        return mode == 0;
    }
    const uint8_t *bytes;
    uint32_t size;
    bson_iter_document(&iter, &size, &bytes);
    (void)bson_init_static(&data, bytes, size);
    point->member = member;
    point->data = bson_copy(&data);
    mock__fail_point_t **last = &mock->fail_points;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = point;
    return true;
}

void mock_fail_point(muv_mock_t *mock, int member, const char *json)
{
    bson_t *command = bson_from(json);
    bool known = mock__fail_configure(mock, member, command, false);

    bson_destroy(command);
    if (!known) {
        fail_msg("not a fail point: %s", json);
    }
}

void mock_fail_points_off(muv_mock_t *mock)
{
    remove_of(mock, MOCK_ANY);
}

unsigned mock_fail_point_hits(const muv_mock_t *mock)
{
    return mock->fail_point_hits;
}

/* --- Acting ----------------------------------------------------------------------------------- */

static bool names_command(const bson_t *data, const char *command)
{
    bson_iter_t iter;
    bson_iter_t name;

    if (!bson_iter_init_find(&iter, data, "failCommands") || !bson_iter_recurse(&iter, &name)) {
        return false;
    }
    while (bson_iter_next(&name)) {
        if (BSON_ITER_HOLDS_UTF8(&name) &&
            strcmp(mock__canonical_name(bson_iter_utf8(&name, NULL)), command) == 0) {
            return true;
        }
    }
    return false;
}

static bool fits(const mock__fail_point_t *point, const mock__conn_t *conn, const char *command)
{
    bson_iter_t iter;

    if ((point->member != MOCK_ANY && point->member != conn->member) || point->left == 0 ||
        !names_command(point->data, command)) {
        return false;
    }
    return !bson_iter_init_find(&iter, point->data, "appName") || !BSON_ITER_HOLDS_UTF8(&iter) ||
           strcmp(bson_iter_utf8(&iter, NULL), conn->app_name) == 0;
}

static mock__fail_point_t *take_point(const mock__conn_t *conn, const char *command)
{
    for (mock__fail_point_t *point = conn->mock->fail_points; point != NULL; point = point->next) {
        if (!fits(point, conn, command)) {
            continue;
        }
        if (point->skip > 0) {
            point->skip--;
            continue;
        }
        point->left -= point->left > 0 ? 1 : 0;
        conn->mock->fail_point_hits++;
        return point;
    }
    return NULL;
}

static bson_t *copy_field(const bson_t *data, const char *key)
{
    bson_iter_t iter;
    bson_t *copy = NULL;

    if (bson_iter_init_find(&iter, data, key)) {
        copy = bson_new();
        bson_append_iter(copy, key, -1, &iter);
    }
    return copy;
}

/* What the test says, else what a server would. */
static bson_t *make_labels(const mock__conn_t *conn, const mock_request_t *request,
                           const bson_t *data, int code)
{
    bson_t *labels = copy_field(data, "errorLabels");
    const char *label = mock__label_of(conn->mock, request, code);
    bson_t array;

    if (labels == NULL && label != NULL) {
        labels = bson_new();
        bson_append_array_begin(labels, "errorLabels", -1, &array);
        BSON_APPEND_UTF8(&array, "0", label);
        bson_append_array_end(labels, &array);
    }
    return labels;
}

static void append_fields(bson_t *reply, const bson_t *data)
{
    bson_iter_t iter;
    bson_iter_t field;

    if (bson_iter_init_find(&iter, data, "reply") && bson_iter_recurse(&iter, &field)) {
        while (bson_iter_next(&field)) {
            bson_append_iter(reply, bson_iter_key(&field), -1, &field);
        }
    }
}

/* No topologyVersion: the same one as the client's would make the error a stale one. */
static void make_error(const bson_t *data, int code, bson_t *labels, bson_t *reply)
{
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_UTF8(reply, "errmsg", "Failing command via 'failCommand' failpoint");
    BSON_APPEND_INT32(reply, "code", code);
    BSON_APPEND_UTF8(reply, "codeName", mock__code_name(code));
    if (labels != NULL) {
        bson_concat(reply, labels);
    }
    append_fields(reply, data);
}

bool mock__fail(mock__conn_t *conn, const mock_request_t *request, bson_t *reply, mock_step_t *step,
                mock__failure_t *ret)
{
    const mock__fail_point_t *point = take_point(conn, request->name);

    if (point == NULL) {
        return false;
    }
    int code = (int)number_at(point->data, "errorCode", 0);
    if (number_at(point->data, "blockConnection", 0) != 0) {
        step->delay_ms += (uint32_t)number_at(point->data, "blockTimeMS", 0);
    }
    if (number_at(point->data, "closeConnection", 0) != 0) {
        step->send = MOCK_NOTHING;
        step->then = MOCK_CLOSE;
    }
    if (code != 0) {
        bson_t *labels = make_labels(conn, request, point->data, code);
        make_error(point->data, code, labels, reply);
        bson_destroy(labels);
        ret->replaced = true;
    } else {
        int concern_code = (int)number_at(point->data, "writeConcernError.code", 0);
        ret->write_concern_error = copy_field(point->data, "writeConcernError");
        ret->labels = make_labels(conn, request, point->data, concern_code);
    }
    return true;
}
