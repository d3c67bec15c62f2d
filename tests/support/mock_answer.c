/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary replies: right in form, without any stored data. A find by an `_id` gets a document
 * with that `_id` back, so that a test can see whether each reply reached its caller. */
#include "support/check.h"
#include "support/mock_internal.h"

#include <string.h>

/* --- hello ------------------------------------------------------------------------------------ */

static bool has_set(mock_role_t role)
{
    return role == MOCK_PRIMARY || role == MOCK_SECONDARY || role == MOCK_ARBITER;
}

static void append_hosts(bson_t *reply, const muv_mock_t *mock, const char *key, bool arbiters)
{
    bson_t array;
    unsigned count = 0;

    bson_append_array_begin(reply, key, -1, &array);
    for (int i = 0; i < mock->member_count; i++) {
        if ((mock->members[i].role == MOCK_ARBITER) == arbiters) {
            BSON_APPEND_UTF8(&array, text_of("%u", count), mock->members[i].address);
            count++;
        }
    }
    bson_append_array_end(reply, &array);
}

static void append_set(bson_t *reply, const muv_mock_t *mock, const mock__member_t *member)
{
    BSON_APPEND_UTF8(reply, "setName", mock->set_name != NULL ? mock->set_name : "rs0");
    BSON_APPEND_INT32(reply, "setVersion", 1);
    append_hosts(reply, mock, "hosts", false);
    append_hosts(reply, mock, "arbiters", true);
    BSON_APPEND_UTF8(reply, "me", member->address);
    BSON_APPEND_BOOL(reply, "secondary", member->role == MOCK_SECONDARY);
    if (member->role == MOCK_ARBITER) {
        BSON_APPEND_BOOL(reply, "arbiterOnly", true);
    }
    for (int i = 0; i < mock->member_count; i++) {
        if (mock->members[i].role == MOCK_PRIMARY) {
            BSON_APPEND_UTF8(reply, "primary", mock->members[i].address);
        }
    }
}

static void append_limits(bson_t *reply, const mock_request_t *request)
{
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16777216);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_DATE_TIME(reply, "localTime", 1700000000000);
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "connectionId", (int32_t)request->connection);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 21);
    BSON_APPEND_BOOL(reply, "readOnly", false);
}

/* Fields of `overrides` take the place of those of the same name, and follow otherwise. */
static void merge(bson_t *reply, const bson_t *fields, const bson_t *overrides)
{
    bson_iter_t iter;
    bson_iter_t other;

    (void)bson_iter_init(&iter, fields);
    while (bson_iter_next(&iter)) {
        const char *key = bson_iter_key(&iter);
        bool replaced = overrides != NULL && bson_iter_init_find(&other, overrides, key);
        bson_append_iter(reply, key, -1, replaced ? &other : &iter);
    }
    if (overrides != NULL && bson_iter_init(&iter, overrides)) {
        while (bson_iter_next(&iter)) {
            if (!bson_has_field(fields, bson_iter_key(&iter))) {
                bson_append_iter(reply, bson_iter_key(&iter), -1, &iter);
            }
        }
    }
}

static void answer_hello(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    const mock__member_t *member = &mock->members[request->member];
    bool writable = member->role == MOCK_STANDALONE || member->role == MOCK_PRIMARY ||
                    member->role == MOCK_MONGOS;
    bson_t *fields = bson_new();

    BSON_APPEND_BOOL(fields, "helloOk", true);
    /* The old spelling of the command is answered with the old name of the field. */
    BSON_APPEND_BOOL(fields,
                     bson_has_field(request->body, "hello") ? "isWritablePrimary" : "ismaster",
                     writable);
    if (member->role == MOCK_MONGOS) {
        BSON_APPEND_UTF8(fields, "msg", "isdbgrid");
    } else if (member->role == MOCK_GHOST) {
        BSON_APPEND_BOOL(fields, "isreplicaset", true);
    } else if (has_set(member->role)) {
        append_set(fields, mock, member);
    }
    append_limits(fields, request);
    BSON_APPEND_INT32(fields, "ok", 1);
    merge(reply, fields, member->hello);
    bson_destroy(fields);
}

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

/* --- Table ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*answer)(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);
    const char *json; /* Instead of a function. */
} answers[] = {
    {"hello", answer_hello, NULL},
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
