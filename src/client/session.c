/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of operations and cursors: taking and giving back server sessions, what goes into
 * commands, what is learned from replies, endSessions. The public side is session_handle.c. */
#include "client/session.h"

#include <string.h>

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "client/client_inner.h"
#include "client/pin.h"

#define US_PER_MINUTE INT64_C(60000000)

/* (Driver Sessions: the servers' default, while the topology does not know better.) */
#define DEFAULT_TIMEOUT_MINUTES 30

/* MongoDB 5.0. */
#define WIRE_VERSION_SNAPSHOT 13

/* (Driver Sessions: endSessions.) */
#define ENDS_PER_COMMAND 10000
#define END_TIMEOUT_MS 1000

/* --- server sessions ---------------------------------------------------------------------------*/

static int64_t timeout_us(const muv_client_t *client)
{
    const muv__topology_snapshot_t *snapshot = client->topology.snapshot;

    if (snapshot->type == MUV__TOPOLOGY_LOAD_BALANCED) {
        return MUV__SESSION_NEVER_EXPIRES;
    }
    return (snapshot->session_timeout_minutes >= 0 ? snapshot->session_timeout_minutes
                                                   : DEFAULT_TIMEOUT_MINUTES) *
           US_PER_MINUTE;
}

/* Returns 0, or a code with `reterr` filled. */
static int take_server_session(muv_client_t *client, muv_error_t *reterr,
                               muv__server_session_t **ret)
{
    int64_t now_us = client->context.now_us;
    uint8_t random[MUV__SESSION_ID_SIZE];
    int status = 0;

    *ret = muv__session_pool_take(&client->session_pool, now_us, timeout_us(client));
    if (MUV__UNLIKELY(*ret == NULL)) {
        status = muv__net_random(client->net, random, sizeof(random));
        if (status == 0) {
            *ret = muv__server_session_new(random, now_us);
            status = *ret == NULL ? MUV_ENOMEM : 0;
        }
    }
    if (MUV__UNLIKELY(status != 0)) {
        (void)muv__error_code(reterr, status);
    }
    return status;
}

void muv__session_give(muv_client_t *client, muv__server_session_t *session)
{
    muv__session_pool_give(&client->session_pool, session, client->context.now_us,
                           timeout_us(client));
}

void muv__session_adopt(muv_session_t *session, muv__server_session_t *server_session)
{
    session->server_session = server_session;
    memcpy(session->id, server_session->id, sizeof(session->id));
    session->has_id = 1;
}

/* --- operations --------------------------------------------------------------------------------*/

int muv__session_check(muv_client_t *client, const muv_session_t *session)
{
    if (session == NULL) {
        return 0;
    }
    if (session->client != client) {
        return muv__client_refuse(client, MUV_EINVAL, "session: it belongs to another client");
    }
    if (session->handles == 0) {
        return muv__client_refuse(client, MUV_EINVAL, "session: it has ended");
    }
    return 0;
}

void muv__session_join(muv_op_t *op, muv_session_t *session)
{
    if (session == NULL && op->parent != NULL) {
        session = op->parent->session;
    }
    if (session == op->session) {
        return;
    }
    if (op->session != NULL) {
        muv__session_unref(op->session);
    }
    op->session = session == NULL ? NULL : muv__session_ref(session);
}

static int acquire_explicit(muv_op_t *op)
{
    muv_session_t *session = op->session;
    int status;

    if (op->unacknowledged) {
        return muv__error_set(&op->error, MUV_EINVAL,
                              "session: an unacknowledged write cannot be part of one");
    }
    if (!op->conn->conn.limits.has_sessions) {
        return muv__error_set(&op->error, MUV_ECOMPAT, "sessions are not supported by this server");
    }
    if (session->snapshot && op->session_concern != MUV__SESSION_CONCERN_NONE &&
        op->conn->conn.limits.max_wire_version < WIRE_VERSION_SNAPSHOT) {
        return muv__error_set(&op->error, MUV_ECOMPAT,
                              "Snapshot reads require MongoDB 5.0 or later");
    }
    if (session->server_session == NULL) {
        status = take_server_session(op->client, &op->error, &session->server_session);
        if (status != 0) {
            return status;
        }
        muv__session_adopt(session, session->server_session);
    }
    op->server_session = session->server_session;
    return 0;
}

int muv__session_acquire(muv_op_t *op)
{
    int status = 0;

    if (op->server_session == NULL) {
        if (MUV__UNLIKELY(op->session != NULL)) {
            status = acquire_explicit(op);
        } else if (op->unacknowledged || !op->conn->conn.limits.has_sessions ||
                   op->session_concern == MUV__SESSION_CONCERN_NO_SESSION) {
            return 0;
        } else {
            status = take_server_session(op->client, &op->error, &op->server_session);
        }
    }
    if (MUV__LIKELY(op->server_session != NULL)) {
        op->server_session->last_used_us = op->client->context.now_us;
    }
    return status;
}

static void fill_concern(const muv_op_t *op, muv__tail_t *tail)
{
    const muv_session_t *session = op->session;

    if (session->snapshot) {
        tail->snapshot = op->session_concern == MUV__SESSION_CONCERN_SNAPSHOT ||
                         op->session_concern == MUV__SESSION_CONCERN_ALL;
        tail->at_cluster_time = session->snapshot_time;
    } else if (session->causal && op->session_concern == MUV__SESSION_CONCERN_ALL) {
        /* 0 before the first operation, which needs not wait for anything. */
        tail->after_cluster_time = session->operation_time;
    }
}

void muv__session_fill_tail(const muv_op_t *op, muv__tail_t *tail)
{
    const muv_client_t *client = op->client;
    const muv_session_t *session = op->session;

    tail->cluster_time = muv__cluster_time_later(session == NULL ? NULL : &session->cluster_time,
                                                 &client->cluster_time);
    if (op->server_session != NULL) {
        tail->session_id = op->server_session->id;
        if (MUV__UNLIKELY(session != NULL)) {
            fill_concern(op, tail);
        }
    }
}

/* --- replies -----------------------------------------------------------------------------------*/

/* The first read of a snapshot session says which moment it saw: beside the documents of a cursor,
 * or at the top (distinct). */
static void learn_snapshot_time(muv_session_t *session, const muv_op_t *op,
                                const muv__reply_info_t *info)
{
    muv__span_t where = info->cursor.size != 0 ? info->cursor : op->reply.body;
    muv__bson_iter_t iter;

    if (session->snapshot_time == 0 && where.size != 0 &&
        muv__bson_find(where.data, where.size, "atClusterTime", &iter) &&
        iter.type == MUV__BSON_TIMESTAMP) {
        session->snapshot_time = muv__load_u64(iter.value);
    }
}

void muv__session_on_reply(muv_op_t *op, const muv__reply_info_t *info)
{
    muv_session_t *session = op->session;

    if (MUV__LIKELY(info->cluster_time.size != 0)) {
        (void)muv__cluster_time_advance(&op->client->cluster_time, info->cluster_time);
    }
    if (MUV__LIKELY(session == NULL)) {
        return;
    }
    if (info->cluster_time.size != 0) {
        (void)muv__cluster_time_advance(&session->cluster_time, info->cluster_time);
    }
    /* (Causal Consistency: of failed commands as well.) */
    muv_session_advance_operation_time(session, info->operation_time);
    if (session->snapshot && info->ok) {
        learn_snapshot_time(session, op, info);
    }
}

void muv__session_mark_dirty(muv_op_t *op)
{
    if (op->server_session != NULL) {
        op->server_session->dirty = 1;
    }
}

void muv__session_leave(muv_op_t *op)
{
    if (op->session == NULL && op->server_session != NULL && !muv__op_opens_cursor(op)) {
        muv__session_give(op->client, op->server_session);
        op->server_session = NULL;
    }
}

void muv__session_release(muv_op_t *op)
{
    if (MUV__UNLIKELY(op->session != NULL)) {
        muv__session_unref(op->session);
        op->session = NULL;
    } else if (op->server_session != NULL) {
        muv__session_give(op->client, op->server_session);
    }
    op->server_session = NULL;
}

/* --- cursors -----------------------------------------------------------------------------------*/

muv__session_hold_t muv__session_hand_over(muv_op_t *op)
{
    muv__session_hold_t hold = {NULL, NULL};

    if (op->session != NULL) {
        hold.session = muv__session_ref(op->session);
    } else if (op->server_session != NULL) {
        op->server_session->users++;
        hold.server_session = op->server_session;
    }
    return hold;
}

void muv__session_take_over(muv_op_t *op, const muv__session_hold_t *hold)
{
    MUV__ASSERT(op->server_session == NULL);
    if (hold->session != NULL) {
        muv__session_join(op, hold->session);
    } else if (hold->server_session != NULL) {
        hold->server_session->users++;
        op->server_session = hold->server_session;
    }
}

void muv__session_hold_end(muv_client_t *client, muv__session_hold_t *hold)
{
    if (hold->session != NULL) {
        muv__session_unref(hold->session);
    } else if (hold->server_session != NULL) {
        muv__session_give(client, hold->server_session);
    }
    hold->session = NULL;
    hold->server_session = NULL;
}

/* --- the client's end --------------------------------------------------------------------------*/

static void ignore_outcome(muv_op_t *op)
{
    (void)op; /* Sessions that cannot be ended expire by themselves. */
}

/* Is there anybody to be told? */
static int knows_a_server(const muv_client_t *client)
{
    const muv__topology_snapshot_t *snapshot = client->topology.snapshot;

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        if (muv__server_is_data_bearing(snapshot->servers[i].description)) {
            return 1;
        }
    }
    return 0;
}

/* (Driver Sessions: endSessions with read preference primaryPreferred.) Returns 0 or a code; the
 * sessions are gone in any case. */
static int end_some(muv_client_t *client)
{
    static const muv_read_preference_t preference = {.mode = MUV_READ_PRIMARY_PREFERRED};
    muv__bson_mark_t mark;
    muv_op_t *op;
    int status = muv__inner_command_new(client, MUV_COMMAND_OTHER, ignore_outcome, &op);

    if (status != 0) {
        return status;
    }
    op->concerns = muv__concerns_retain(client->concerns);
    op->tail = MUV__TAIL_READ_PREFERENCE;
    op->session_concern = MUV__SESSION_CONCERN_NO_SESSION;
    status = muv__command_override(op, NULL, NULL, &preference);
    if (status != 0) {
        return status;
    }
    mark = muv__bson_begin_array(muv__op_buf(op), MUV__KEY("endSessions"));
    (void)muv__session_pool_write_ends(&client->session_pool, ENDS_PER_COMMAND, muv__op_buf(op));
    muv__bson_end(muv__op_buf(op), mark);
    return muv__command_launch(op, MUV__KEY("admin"), END_TIMEOUT_MS, NULL);
}

/* Sessions that nobody has ended yet end here: nothing can be started in them any more. */
static void collect_unended(muv_client_t *client)
{
    muv__list_t *link;

    for (link = client->sessions.next; link != &client->sessions; link = link->next) {
        muv_session_t *session = MUV__CONTAINER_OF(link, muv_session_t, link);

        if (session->server_session != NULL) {
            muv__session_give(client, session->server_session);
            session->server_session = NULL;
        }
    }
}

void muv__sessions_end_all(muv_client_t *client)
{
    int status = 0;

    MUV__ASSERT(client->live_count == 0);
    if (client->state != MUV__CLIENT_DRAINING || !knows_a_server(client)) {
        return;
    }
    collect_unended(client);
    while (status == 0 && client->session_pool.count != 0) {
        status = end_some(client);
    }
    if (status != 0) {
        /* Out of memory: the servers will forget them in time, and the close goes on. */
        muv__session_pool_done(&client->session_pool);
    }
}
