/* SPDX-License-Identifier: Apache-2.0 */
/* What a scripted server says of itself, and hellos that wait until that changes (SDAM: streaming
 * protocol; OP_MSG: exhaustAllowed, moreToCome). */
#include "net_inner.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define MORE_TO_COME 2u
#define EXHAUST_ALLOWED (1u << 16)

/* --- its text ----------------------------------------------------------------------------------*/

static void append_default(bson_t *reply)
{
    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_BOOL(reply, "ismaster", true);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", true);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16 * 1024 * 1024);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 21);
}

static bson_oid_t process_id(const sim_server_t *server)
{
    bson_oid_t oid;

    memset(&oid, 0x50 + server->process, sizeof oid);
    return oid;
}

void sim_hello_append(const sim_server_t *server, bson_t *reply)
{
    bson_oid_t oid = process_id(server);
    bson_t version;

    if (server->hello != NULL) {
        bson_t *body = sim_parse(server->hello);

        bson_concat(reply, body);
        bson_destroy(body);
    } else {
        append_default(reply);
    }
    if (server->streams) {
        BSON_APPEND_DOCUMENT_BEGIN(reply, "topologyVersion", &version);
        BSON_APPEND_OID(&version, "processId", &oid);
        BSON_APPEND_INT64(&version, "counter", server->counter);
        bson_append_document_end(reply, &version);
    }
}

/* --- waiting -----------------------------------------------------------------------------------*/

bool sim_is_awaitable(const sim_server_t *server, const bson_t *hello)
{
    return server->streams && bson_has_field(hello, "maxAwaitTimeMS");
}

static void arm(sim_link_t *link);

/* The reply to the hello that waits. With exhaust the next wait begins at once. */
static void tell(sim_link_t *link)
{
    sim_server_t *server = link->server;
    bson_t *reply = bson_new();
    uint8_t *bytes;
    size_t size;

    sim_hello_append(server, reply);
    BSON_APPEND_DOUBLE(reply, "ok", 1.0);
    bytes = sim_message(server->world, reply, link->await.response_to,
                        link->await.exhaust ? MORE_TO_COME : 0, &size);
    sim_link_answer(link, bytes, size, server->world->now_us);
    link->await.waiting = link->await.exhaust;
    link->await.generation++;
    if (link->await.exhaust) {
        memcpy(&link->await.response_to, bytes + 4, sizeof link->await.response_to);
        server->counts.pushed++;
        arm(link);
    }
    free(bytes);
    bson_destroy(reply);
}

typedef struct await_timer {
    sim_link_t *link;
    unsigned generation;
} await_timer_t;

static void on_time_over(void *data)
{
    await_timer_t *timer = data;
    sim_link_t *link = timer->link;

    if (link->await.waiting && link->await.generation == timer->generation &&
        link->stream != NULL && !link->server_gone) {
        tell(link);
    }
    free(timer);
}

static void arm(sim_link_t *link)
{
    sim_world_t *world = link->server->world;
    await_timer_t *timer = sim_alloc(sizeof *timer);

    timer->link = link;
    timer->generation = link->await.generation;
    sim_happens(world, world->now_us + link->await.period_us, on_time_over, timer);
}

static bool is_current(const sim_server_t *server, const bson_t *hello)
{
    bson_oid_t oid = process_id(server);
    bson_iter_t iter;
    bson_iter_t member;

    assert_true(bson_iter_init(&iter, hello) &&
                bson_iter_find_descendant(&iter, "topologyVersion.processId", &member));
    if (bson_oid_compare(bson_iter_oid(&member), &oid) != 0) {
        return false;
    }
    assert_true(bson_iter_init(&iter, hello) &&
                bson_iter_find_descendant(&iter, "topologyVersion.counter", &member));
    assert_true(BSON_ITER_HOLDS_INT64(&member));
    return bson_iter_int64(&member) == server->counter;
}

void sim_await(sim_link_t *link, const bson_t *hello, int32_t request_id, uint32_t flags)
{
    bson_iter_t iter;

    assert_false(link->await.waiting);
    assert_true(bson_iter_init_find(&iter, hello, "maxAwaitTimeMS"));
    link->await.waiting = true;
    link->await.exhaust = (flags & EXHAUST_ALLOWED) != 0;
    link->await.response_to = request_id;
    link->await.period_us = bson_iter_as_int64(&iter) * SIM_MS;
    link->await.generation++;
    if (is_current(link->server, hello)) {
        arm(link);
    } else {
        tell(link);
    }
}

/* --- changing ----------------------------------------------------------------------------------*/

void sim_stream_hello(sim_server_t *server)
{
    server->streams = true;
}

void sim_hello_change(sim_server_t *server, const char *json)
{
    free(server->hello);
    server->hello = json == NULL ? NULL : sim_strdup(json);
    server->counter++;
    for (sim_link_t *link = server->links; link != NULL; link = link->next) {
        if (link->await.waiting && link->stream != NULL && !link->server_gone) {
            tell(link);
        }
    }
}

void sim_hello_restart(sim_server_t *server)
{
    server->process++;
    server->counter = 0;
}
