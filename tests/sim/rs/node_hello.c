/* SPDX-License-Identifier: Apache-2.0 */
/* Hello: what a node says of itself; at once, when something changes, or as a stream. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MORE_TO_COME 2u
#define EXHAUST_ALLOWED 0x10000u

/* --- fields ------------------------------------------------------------------------------------*/

static void process_id(const rs_node_t *node, bson_oid_t *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->bytes[0] = 0x66;
    ret->bytes[4] = (uint8_t)node->index;
    ret->bytes[10] = (uint8_t)(node->boot >> 8);
    ret->bytes[11] = (uint8_t)node->boot;
}

void rs_append_topology_version(const rs_node_t *node, bson_t *reply)
{
    bson_t version;
    bson_oid_t process;

    process_id(node, &process);
    BSON_APPEND_DOCUMENT_BEGIN(reply, "topologyVersion", &version);
    BSON_APPEND_OID(&version, "processId", &process);
    BSON_APPEND_INT64(&version, "counter", node->counter);
    bson_append_document_end(reply, &version);
}

static void append_time(bson_t *reply, const char *key, uint64_t time)
{
    BSON_APPEND_TIMESTAMP(reply, key, (uint32_t)(time >> 32), (uint32_t)time);
}

void rs_append_cluster_time(rs_node_t *node, bson_t *reply)
{
    static const uint8_t hash[20];
    bson_t time;
    bson_t signature;

    if (node->clock > node->set->highest_time) {
        node->set->highest_time = node->clock;
    }
    BSON_APPEND_DOCUMENT_BEGIN(reply, "$clusterTime", &time);
    append_time(&time, "clusterTime", node->clock);
    BSON_APPEND_DOCUMENT_BEGIN(&time, "signature", &signature);
    BSON_APPEND_BINARY(&signature, "hash", BSON_SUBTYPE_BINARY, hash, sizeof hash);
    BSON_APPEND_INT64(&signature, "keyId", 0);
    bson_append_document_end(&time, &signature);
    bson_append_document_end(reply, &time);
}

static void append_op_time(bson_t *parent, const char *key, const rs_node_t *node, uint64_t size)
{
    bson_t time;

    BSON_APPEND_DOCUMENT_BEGIN(parent, key, &time);
    append_time(&time, "ts", size == 0 ? 0 : node->log[size - 1]->timestamp);
    BSON_APPEND_INT64(&time, "t", size == 0 ? -1 : (int64_t)node->log[size - 1]->term);
    bson_append_document_end(parent, &time);
}

/* Milliseconds since 1970 of an entry, to the second as mongod has it. */
static int64_t date_of(const rs_node_t *node, uint64_t size)
{
    return size == 0 ? 0 : (int64_t)(node->log[size - 1]->timestamp >> 32) * 1000;
}

static void append_last_write(const rs_node_t *node, bson_t *reply)
{
    bson_t last;

    BSON_APPEND_DOCUMENT_BEGIN(reply, "lastWrite", &last);
    append_op_time(&last, "opTime", node, node->log_size);
    BSON_APPEND_DATE_TIME(&last, "lastWriteDate", date_of(node, node->log_size));
    append_op_time(&last, "majorityOpTime", node, node->committed);
    BSON_APPEND_DATE_TIME(&last, "majorityWriteDate", date_of(node, node->committed));
    bson_append_document_end(reply, &last);
}

static void append_hosts(const rs_node_t *node, bson_t *reply)
{
    const rs_set_t *set = node->set;
    uint32_t count = 0;
    bson_t hosts;

    BSON_APPEND_ARRAY_BEGIN(reply, "hosts", &hosts);
    for (unsigned i = 0; i < set->count; i++) {
        char text[16];
        const char *key;
        size_t length = bson_uint32_to_string(count, &key, text, sizeof text);

        if (!rs_is_hidden(node, i)) {
            (void)bson_append_utf8(&hosts, key, (int)length, set->nodes[i].host, -1);
            count++;
        }
    }
    bson_append_array_end(reply, &hosts);
}

static void append_election_id(const rs_node_t *node, bson_t *reply)
{
    bson_oid_t id;

    memset(&id, 0, sizeof id);
    memset(id.bytes, 0xff, 4);
    id.bytes[0] = 0x7f;
    for (int i = 0; i < 8; i++) {
        id.bytes[4 + i] = (uint8_t)(node->term >> (56 - 8 * i));
    }
    BSON_APPEND_OID(reply, "electionId", &id);
}

static void append_roles(const rs_node_t *node, bool legacy, bson_t *reply)
{
    bool primary = node->state == RS_PRIMARY;

    BSON_APPEND_BOOL(reply, legacy ? "ismaster" : "isWritablePrimary", primary);
    BSON_APPEND_BOOL(reply, "secondary", node->state == RS_SECONDARY);
    if (node->leader >= 0) {
        BSON_APPEND_UTF8(reply, "primary", node->set->nodes[node->leader].host);
    }
    BSON_APPEND_UTF8(reply, "me", node->host);
    if (rs_is_hidden(node, node->index)) {
        BSON_APPEND_BOOL(reply, "hidden", true);
        BSON_APPEND_BOOL(reply, "passive", true);
    }
    if (primary) {
        append_election_id(node, reply);
    }
}

static void append_limits(const rs_node_t *node, uint64_t connection, bson_t *reply)
{
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 * 1024 * 1024);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 1000);
    BSON_APPEND_DATE_TIME(reply, "localTime", rs_wall_ms(node->set));
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "connectionId", (int32_t)connection);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 25);
    BSON_APPEND_BOOL(reply, "readOnly", false);
}

static void write_hello(rs_node_t *node, const rs_conn_t *conn, bool legacy, bson_t *reply)
{
    bson_init(reply);
    if (node->quiescing) {
        rs_append_topology_version(node, reply);
        BSON_APPEND_DOUBLE(reply, "ok", 0);
        BSON_APPEND_UTF8(reply, "errmsg", "the server is in quiesce mode and will shut down");
        BSON_APPEND_INT32(reply, "code", 91);
        BSON_APPEND_UTF8(reply, "codeName", "ShutdownInProgress");
    } else {
        BSON_APPEND_BOOL(reply, "helloOk", true);
        rs_append_topology_version(node, reply);
        append_hosts(node, reply);
        BSON_APPEND_UTF8(reply, "setName", "sim");
        BSON_APPEND_INT32(reply, "setVersion", (int32_t)node->config);
        append_roles(node, legacy, reply);
        append_last_write(node, reply);
        append_limits(node, conn->number, reply);
        BSON_APPEND_DOUBLE(reply, "ok", 1);
    }
    rs_append_cluster_time(node, reply);
    append_time(reply, "operationTime", rs_last_time(node));
}

/* --- waiting -----------------------------------------------------------------------------------*/

typedef struct reminder {
    rs_node_t *node;
    uint64_t number;
} reminder_t;

static void on_awaited(void *data);

static void free_stream(rs_stream_t *stream)
{
    muv__list_remove(&stream->link);
    free(stream);
}

static void await(rs_stream_t *stream)
{
    rs_node_t *node = stream->conn->node;
    reminder_t *reminder = sim_alloc(sizeof *reminder);

    stream->number = ++node->set->numbers;
    reminder->node = node;
    reminder->number = stream->number;
    rs_at(node->set, rs_now_us(node->set) + stream->max_await_us, on_awaited, reminder);
}

/* Answer now. A stream goes on unless the connection broke or an error ends it. */
static void answer_stream(rs_stream_t *stream)
{
    static const rs_request_t nameless = {.name = "hello", .expects_reply = true};
    rs_conn_t *conn = stream->conn;
    rs_node_t *node = conn->node;
    rs_stream_t copy = *stream;
    bool more = stream->exhaust && !node->quiescing;
    rs_request_t request = nameless;
    int32_t id;
    bson_t reply;

    free_stream(stream);
    rs_note(node->set, "n%u tells c%" PRIu64 " %s, counter %" PRId64 "%s", node->index,
            conn->number, rs_state_name(node->state), node->counter, more ? ", more to come" : "");
    write_hello(node, conn, copy.legacy, &reply);
    request.node = node->index;
    request.connection = conn->number;
    id = rs_send(conn, &request, &reply, copy.response_to, more ? MORE_TO_COME : 0);
    bson_destroy(&reply);
    if (more && id != 0) {
        stream = sim_alloc(sizeof *stream);
        *stream = copy;
        stream->response_to = id;
        muv__list_init(&stream->link);
        muv__list_push_back(&node->streams, &stream->link);
        await(stream);
    }
}

static void on_awaited(void *data)
{
    const reminder_t *reminder = data;
    rs_node_t *node = reminder->node;

    for (muv__list_t *at = node->streams.next; at != &node->streams; at = at->next) {
        rs_stream_t *stream = MUV__CONTAINER_OF(at, rs_stream_t, link);

        if (stream->number == reminder->number) {
            answer_stream(stream);
            return;
        }
    }
}

void rs_tell_streams(rs_node_t *node)
{
    uint64_t newest = node->set->numbers;
    muv__list_t *at = node->streams.next;

    if (node->state == RS_DOWN) {
        return;
    }
    while (at != &node->streams) {
        rs_stream_t *stream = MUV__CONTAINER_OF(at, rs_stream_t, link);

        /* Those behind have been answered just now and wait again. */
        if (stream->number > newest) {
            return;
        }
        at = at->next;
        answer_stream(stream);
    }
}

void rs_drop_streams(rs_node_t *node, const rs_conn_t *conn)
{
    muv__list_t *at = node->streams.next;

    while (at != &node->streams) {
        rs_stream_t *stream = MUV__CONTAINER_OF(at, rs_stream_t, link);

        at = at->next;
        if (conn == NULL || stream->conn == conn) {
            free_stream(stream);
        }
    }
}

/* --- requests ----------------------------------------------------------------------------------*/

/* The counter that the client has seen of this process; -1: none. */
static int64_t seen_counter(const rs_node_t *node, const bson_t *body)
{
    bson_oid_t process;
    bson_iter_t iter;
    bson_iter_t id;
    bson_iter_t counter;

    process_id(node, &process);
    if (bson_iter_init(&iter, body) &&
        bson_iter_find_descendant(&iter, "topologyVersion.processId", &id) &&
        BSON_ITER_HOLDS_OID(&id) && bson_oid_equal(bson_iter_oid(&id), &process) &&
        bson_iter_init(&iter, body) &&
        bson_iter_find_descendant(&iter, "topologyVersion.counter", &counter)) {
        if (!BSON_ITER_HOLDS_INT64(&counter)) {
            rs_violate(node->set, "topologyVersion.counter is not an int64");
        }
        return bson_iter_as_int64(&counter);
    }
    return -1;
}

static void check_hello(rs_node_t *node, const bson_t *body)
{
    if (bson_has_field(body, "lsid") || bson_has_field(body, "$clusterTime") ||
        bson_has_field(body, "txnNumber")) {
        rs_violate(node->set, "a hello carries lsid, txnNumber or $clusterTime");
    }
}

/* How long the client is ready to wait; 0: not at all. */
static int64_t await_time_us(const rs_node_t *node, const bson_t *body)
{
    bson_iter_t iter;

    if (!bson_iter_init_find(&iter, body, "maxAwaitTimeMS")) {
        return 0;
    }
    if (!bson_has_field(body, "topologyVersion")) {
        rs_violate(node->set, "maxAwaitTimeMS without topologyVersion");
    }
    return bson_iter_as_int64(&iter) * SIM_MS;
}

void rs_hello(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
              const bson_t *body)
{
    rs_node_t *node = conn->node;
    int64_t seen = seen_counter(node, body);
    rs_stream_t *stream = sim_alloc(sizeof *stream);

    node->set->counts.hellos++;
    check_hello(node, body);
    if (seen > node->counter) {
        rs_violate(node->set, "topologyVersion.counter %" PRId64 " of n%u, which is at %" PRId64,
                   seen, node->index, node->counter);
    }
    stream->conn = conn;
    stream->response_to = message->id;
    stream->max_await_us = await_time_us(node, body);
    stream->exhaust = (message->flags & EXHAUST_ALLOWED) != 0 && stream->max_await_us != 0;
    stream->legacy = strcmp(request->name, "hello") != 0;
    muv__list_init(&stream->link);
    muv__list_push_back(&node->streams, &stream->link);
    if (stream->max_await_us != 0 && seen == node->counter && !node->quiescing) {
        await(stream);
    } else {
        answer_stream(stream);
    }
}
