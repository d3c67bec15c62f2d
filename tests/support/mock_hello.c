/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary reply to hello, from the role of a member and the state of its set. */
#include "support/check.h"
#include "support/mock_internal.h"

#include <string.h>

#define LAST_WRITE_MS 1700000000000

static bool is_secondary(mock_role_t role)
{
    return role == MOCK_SECONDARY || role == MOCK_HIDDEN || role == MOCK_PASSIVE;
}

static bool has_set(mock_role_t role)
{
    return role == MOCK_PRIMARY || role == MOCK_ARBITER || role == MOCK_RECOVERING ||
           is_secondary(role);
}

typedef enum list { HOSTS, PASSIVES, ARBITERS } list_t;

/* Ghosts stay in the list of hosts: only mock_leave() takes a member out of the configuration. */
static bool is_listed(const mock__member_t *member, list_t list)
{
    if (member->left || member->role == MOCK_HIDDEN) {
        return false;
    }
    return list == (member->role == MOCK_ARBITER   ? ARBITERS
                    : member->role == MOCK_PASSIVE ? PASSIVES
                                                   : HOSTS);
}

static void append_list(bson_t *reply, const muv_mock_t *mock, const char *key, list_t list)
{
    bson_t array;
    uint32_t count = 0;

    bson_append_array_begin(reply, key, -1, &array);
    for (int i = 0; i < mock->member_count; i++) {
        if (is_listed(&mock->members[i], list)) {
            char text[16];
            const char *name;
            (void)bson_uint32_to_string(count++, &name, text, sizeof text);
            BSON_APPEND_UTF8(&array, name, mock->members[i].address);
        }
    }
    bson_append_array_end(reply, &array);
}

void mock__append_topology_version(bson_t *reply, const mock__member_t *member)
{
    bson_t version;

    if (member->mock->set.streams) {
        bson_append_document_begin(reply, "topologyVersion", -1, &version);
        BSON_APPEND_OID(&version, "processId", &member->process);
        BSON_APPEND_INT64(&version, "counter", member->counter);
        bson_append_document_end(reply, &version);
    }
}

static void append_last_write(bson_t *reply, const mock__member_t *member)
{
    const mock__set_t *set = &member->mock->set;
    bson_t last;
    bson_t time;

    bson_append_document_begin(reply, "lastWrite", -1, &last);
    bson_append_document_begin(&last, "opTime", -1, &time);
    BSON_APPEND_TIMESTAMP(&time, "ts", set->seconds, set->increment);
    BSON_APPEND_INT64(&time, "t", set->term);
    bson_append_document_end(&last, &time);
    BSON_APPEND_DATE_TIME(&last, "lastWriteDate", LAST_WRITE_MS - member->lag_ms);
    bson_append_document_end(reply, &last);
}

static void append_election(bson_t *reply, const mock__member_t *member)
{
    uint8_t bytes[12] = {0x7f, 0xff, 0xff, 0xff};
    bson_oid_t id;

    bytes[10] = (uint8_t)(member->elected_in >> 8);
    bytes[11] = (uint8_t)member->elected_in;
    bson_oid_init_from_data(&id, bytes);
    BSON_APPEND_OID(reply, "electionId", &id);
}

static void append_lively(bson_t *reply, const mock__member_t *member)
{
    if (member->role == MOCK_HIDDEN) {
        BSON_APPEND_BOOL(reply, "hidden", true);
    }
    if (member->role == MOCK_PASSIVE || member->role == MOCK_HIDDEN) {
        BSON_APPEND_BOOL(reply, "passive", true);
    }
    if (member->tags != NULL) {
        BSON_APPEND_DOCUMENT(reply, "tags", member->tags);
    }
    if (member->role == MOCK_PRIMARY) {
        append_election(reply, member);
    }
    append_last_write(reply, member);
}

static void append_set(bson_t *reply, const muv_mock_t *mock, const mock__member_t *member)
{
    BSON_APPEND_UTF8(reply, "setName", mock->set_name != NULL ? mock->set_name : "rs0");
    BSON_APPEND_INT32(reply, "setVersion", mock->set.lively ? mock->set.version : 1);
    append_list(reply, mock, "hosts", HOSTS);
    if (mock->set.lively) {
        append_list(reply, mock, "passives", PASSIVES);
    }
    append_list(reply, mock, "arbiters", ARBITERS);
    BSON_APPEND_UTF8(reply, "me", member->address);
    BSON_APPEND_BOOL(reply, "secondary", is_secondary(member->role));
    if (member->role == MOCK_ARBITER) {
        BSON_APPEND_BOOL(reply, "arbiterOnly", true);
    }
    for (int i = 0; i < mock->member_count; i++) {
        if (mock->members[i].role == MOCK_PRIMARY) {
            BSON_APPEND_UTF8(reply, "primary", mock->members[i].address);
            break;
        }
    }
    if (mock->set.lively) {
        append_lively(reply, member);
    }
}

static void append_limits(bson_t *reply, const muv_mock_t *mock, const mock_request_t *request)
{
    int32_t wire = mock->set.max_wire_version;

    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16777216);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_DATE_TIME(reply, "localTime", LAST_WRITE_MS);
    if (!mock->set.retires_sessions) {
        BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    }
    BSON_APPEND_INT32(reply, "connectionId", (int32_t)request->connection);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", wire != 0 ? wire : 21);
    BSON_APPEND_BOOL(reply, "readOnly", false);
}

static void append_service(bson_t *reply, const mock_request_t *request)
{
    uint8_t bytes[12] = {0x5e};
    bson_oid_t id;

    if (request->service != 0) {
        bytes[11] = (uint8_t)request->service;
        bson_oid_init_from_data(&id, bytes);
        BSON_APPEND_OID(reply, "serviceId", &id);
    }
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

void mock__answer_hello(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    const mock__member_t *member = &mock->members[request->member];
    bool writable = member->role == MOCK_STANDALONE || member->role == MOCK_PRIMARY ||
                    member->role == MOCK_MONGOS;
    bson_t *fields = bson_new();

    mock__append_topology_version(fields, member);
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
    append_limits(fields, mock, request);
    append_service(fields, request);
    BSON_APPEND_INT32(fields, "ok", 1);
    merge(reply, fields, member->hello);
    bson_destroy(fields);
}
