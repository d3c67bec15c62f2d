/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary replies: right in form, without any stored data. A find by an `_id` gets a document
 * with that `_id` back, so that a test can see whether each reply reached its caller. */
#include "support/check.h"
#include "support/mock_internal.h"

#include <string.h>

/* --- Reading and writing ---------------------------------------------------------------------- */

static const char *text_field(const bson_t *document, const char *key)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, document, key) && BSON_ITER_HOLDS_UTF8(&iter)
               ? bson_iter_utf8(&iter, NULL)
               : "$cmd";
}

static void append_cursor(bson_t *reply, const mock_request_t *request, const char *collection,
                          const char *batch, const bson_t *document)
{
    bson_t cursor;
    bson_t array;

    bson_append_document_begin(reply, "cursor", -1, &cursor);
    bson_append_array_begin(&cursor, batch, -1, &array);
    if (document != NULL) {
        bson_append_document(&array, "0", -1, document);
    }
    bson_append_array_end(&cursor, &array);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", text_of("%s.%s", request->db, collection));
    bson_append_document_end(reply, &cursor);
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void answer_find(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    const char *collection = text_field(request->body, "find");
    bson_iter_t iter;
    bson_iter_t id;

    (void)mock;
    if (bson_iter_init(&iter, request->body) &&
        bson_iter_find_descendant(&iter, "filter._id", &id) && !BSON_ITER_HOLDS_DOCUMENT(&id)) {
        bson_t *document = bson_new();
        bson_append_iter(document, "_id", -1, &id);
        append_cursor(reply, request, collection, "firstBatch", document);
        bson_destroy(document);
        return;
    }
    append_cursor(reply, request, collection, "firstBatch", NULL);
}

static void answer_cursor(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    bool next = strcmp(request->name, "getMore") == 0;
    const char *collection =
        next ? text_field(request->body, "collection") : text_field(request->body, request->name);

    (void)mock;
    append_cursor(reply, request, collection, next ? "nextBatch" : "firstBatch", NULL);
}

/* How many statements a write command carries, wherever it carries them. */
static int32_t count_statements(const mock_request_t *request, const char *name)
{
    bson_iter_t iter;
    bson_iter_t child;
    int32_t count = 0;

    for (size_t i = 0; i < request->sequence_count; i++) {
        if (strcmp(request->sequences[i].name, name) == 0) {
            return (int32_t)request->sequences[i].count;
        }
    }
    if (bson_iter_init_find(&iter, request->body, name) && bson_iter_recurse(&iter, &child)) {
        while (bson_iter_next(&child)) {
            count++;
        }
    }
    return count;
}

static void answer_write(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    bool update = strcmp(request->name, "update") == 0;
    const char *field = strcmp(request->name, "insert") == 0 ? "documents"
                        : update                             ? "updates"
                                                             : "deletes";
    int32_t count = count_statements(request, field);

    (void)mock;
    BSON_APPEND_INT32(reply, "n", count);
    if (update) {
        BSON_APPEND_INT32(reply, "nModified", count);
    }
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void answer_kill_cursors(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    bson_iter_t iter;
    bson_t empty;

    (void)mock;
    if (bson_iter_init_find(&iter, request->body, "cursors")) {
        bson_append_iter(reply, "cursorsKilled", -1, &iter);
    }
    bson_init(&empty);
    BSON_APPEND_ARRAY(reply, "cursorsNotFound", &empty);
    BSON_APPEND_ARRAY(reply, "cursorsAlive", &empty);
    BSON_APPEND_ARRAY(reply, "cursorsUnknown", &empty);
    bson_destroy(&empty);
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void answer_fail_point(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    if (mock__fail_configure(mock, request->member, request->body, true)) {
        BSON_APPEND_INT32(reply, "ok", 1);
    } else {
        mock__set_error(mock, request, 2, reply);
    }
}

/* --- Table ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*answer)(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);
    const char *json; /* Instead of a function. */
} answers[] = {
    {"hello", mock__answer_hello, NULL},
    {"find", answer_find, NULL},
    {"aggregate", answer_cursor, NULL},
    {"getMore", answer_cursor, NULL},
    {"listCollections", answer_cursor, NULL},
    {"listIndexes", answer_cursor, NULL},
    {"insert", answer_write, NULL},
    {"update", answer_write, NULL},
    {"delete", answer_write, NULL},
    {"killCursors", answer_kill_cursors, NULL},
    {"ping", NULL, MOCK_OK},
    {"endSessions", NULL, MOCK_OK},
    {"createIndexes", NULL, "{\"numIndexesBefore\": 1, \"numIndexesAfter\": 2, \"ok\": 1}"},
    {"create", NULL, MOCK_OK},
    {"drop", NULL, MOCK_OK},
    {"dropDatabase", NULL, MOCK_OK},
    {"dropIndexes", NULL, MOCK_OK},
    {"count", NULL, "{\"n\": 0, \"ok\": 1}"},
    {"distinct", NULL, "{\"values\": [], \"ok\": 1}"},
    {"findAndModify", NULL, "{\"lastErrorObject\": {\"n\": 0}, \"value\": null, \"ok\": 1}"},
    {"findandmodify", NULL, "{\"lastErrorObject\": {\"n\": 0}, \"value\": null, \"ok\": 1}"},
    {"commitTransaction", NULL, MOCK_OK},
    {"abortTransaction", NULL, MOCK_OK},
    {"listDatabases", NULL, "{\"databases\": [], \"totalSize\": 0, \"ok\": 1}"},
    {"configureFailPoint", answer_fail_point, NULL},
    {"buildInfo", NULL, "{\"version\": \"7.0.0\", \"versionArray\": [7, 0, 0, 0], \"ok\": 1}"},
};

void mock__answer(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    for (size_t i = 0; i < MUV__COUNT_OF(answers); i++) {
        if (strcmp(answers[i].name, request->name) != 0) {
            continue;
        }
        if (answers[i].answer != NULL) {
            answers[i].answer(mock, request, reply);
        } else {
            bson_t *body = bson_from(answers[i].json);
            bson_concat(reply, body);
            bson_destroy(body);
        }
        return;
    }
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_UTF8(reply, "errmsg", text_of("no such command: '%s'", request->name));
    BSON_APPEND_INT32(reply, "code", 59);
    BSON_APPEND_UTF8(reply, "codeName", "CommandNotFound");
}
