/* SPDX-License-Identifier: Apache-2.0 */
/* What programs see of sessions: starting, ending, looking, and keeping the one of an operation. */
#include "client/session.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_inner.h"

/* Ended sessions that a client keeps for reuse. */
#define ENDED_MAX 64

/* --- counting ----------------------------------------------------------------------------------*/

static void drop_views(muv_session_t *session)
{
    bson_destroy(session->id_view);
    bson_destroy(session->cluster_time_view);
    session->id_view = NULL;
    session->cluster_time_view = NULL;
}

static void free_session(muv_session_t *session)
{
    drop_views(session);
    muv__mem_free(session);
}

/* Returns a zeroed session without counts, or NULL. */
static muv_session_t *new_session(muv_client_t *client)
{
    muv__list_t *link = muv__list_pop_front(&client->ended_sessions);
    muv_session_t *session;

    if (link == NULL) {
        session = muv__mem_zalloc(sizeof(*session));
        if (session == NULL) {
            return NULL;
        }
    } else {
        session = MUV__CONTAINER_OF(link, muv_session_t, link);
        client->ended_session_count--;
        memset(session, 0, sizeof(*session));
    }
    session->client = client;
    muv__cluster_time_init(&session->cluster_time);
    muv__list_init(&session->link);
    muv__list_push_back(&client->sessions, &session->link);
    return session;
}

muv_session_t *muv__session_ref(muv_session_t *session)
{
    session->refs++;
    return session;
}

void muv__session_unref(muv_session_t *session)
{
    muv_client_t *client = session->client;

    MUV__ASSERT(session->refs != 0);
    if (--session->refs != 0) {
        return;
    }
    if (client == NULL) {
        free_session(session);
        return;
    }
    if (session->server_session != NULL) {
        muv__session_give(client, session->server_session);
        session->server_session = NULL;
    }
    muv__list_remove(&session->link);
    if (client->ended_session_count == ENDED_MAX) {
        free_session(session);
        return;
    }
    drop_views(session);
    muv__list_push_back(&client->ended_sessions, &session->link);
    client->ended_session_count++;
}

void muv__sessions_done(muv_client_t *client)
{
    muv__list_t *link;

    while ((link = muv__list_pop_front(&client->sessions)) != NULL) {
        muv_session_t *session = MUV__CONTAINER_OF(link, muv_session_t, link);

        muv__server_session_free(session->server_session);
        session->server_session = NULL;
        session->client = NULL;
    }
    while ((link = muv__list_pop_front(&client->ended_sessions)) != NULL) {
        free_session(MUV__CONTAINER_OF(link, muv_session_t, link));
    }
    muv__session_pool_done(&client->session_pool);
}

/* --- life --------------------------------------------------------------------------------------*/

static const char *check_options(const muv_session_opts_t *opts)
{
    if (opts->snapshot == MUV_YES && opts->causal_consistency == MUV_YES) {
        return "snapshot: not together with causal_consistency";
    }
    if (opts->snapshot != MUV_YES && opts->snapshot_time != 0) {
        return "snapshot_time: only with snapshot";
    }
    if (opts->default_timeout_ms < 0 && opts->default_timeout_ms != MUV_INFINITE) {
        return "default_timeout_ms: it is negative";
    }
    return NULL;
}

int muv_session_start(muv_client_t *client, const muv_session_opts_t *opts, muv_session_t **ret)
{
    static const muv_session_opts_t defaults = {0};
    const char *complaint;
    muv_session_t *session;
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    complaint = ret == NULL ? "ret: it must not be NULL" : check_options(opts);
    if (complaint != NULL) {
        return muv__client_refuse(client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__client_enter(client);
    if (status != 0) {
        return status;
    }
    if (client->state != MUV__CLIENT_OPEN) {
        return muv__client_refuse(client, MUV_ECLOSED, "%s", muv_error_text(MUV_ECLOSED));
    }
    session = new_session(client);
    if (session == NULL) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    session->refs = 1;
    session->handles = 1;
    session->snapshot = opts->snapshot == MUV_YES;
    session->causal = !session->snapshot && opts->causal_consistency != MUV_NO;
    session->snapshot_time = opts->snapshot_time;
    session->default_timeout_ms = opts->default_timeout_ms;
    *ret = session;
    return 0;
}

void muv_session_end(muv_session_t *session)
{
    if (session == NULL || session->handles == 0) {
        return;
    }
    if (session->client != NULL) {
        /* Reads the clock. In a child process it refuses, but only memory is touched here. */
        (void)muv__client_enter(session->client);
    }
    if (--session->handles == 0) {
        muv__session_unref(session);
    }
}

static int take_implicit(muv_op_t *op, muv_session_t **ret)
{
    muv_session_t *session = new_session(op->client);

    if (session == NULL) {
        return muv__client_refuse(op->client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    session->refs = 1;
    session->handles = 1;
    muv__session_adopt(session, op->server_session);
    op->server_session->users++;
    *ret = session;
    return 0;
}

int muv_op_take_session(muv_op_t *op, muv_session_t **ret)
{
    if (op == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    if (op->session == NULL && op->server_session != NULL) {
        return take_implicit(op, ret);
    }
    if (op->session != NULL && op->session->handles++ == 0) {
        (void)muv__session_ref(op->session);
    }
    *ret = op->session;
    return 0;
}

/* --- looking -----------------------------------------------------------------------------------*/

const bson_t *muv_session_id(muv_session_t *session)
{
    if (session == NULL || !session->has_id) {
        return NULL;
    }
    if (session->id_view == NULL) {
        session->id_view = bson_new();
        (void)BSON_APPEND_BINARY(session->id_view, "id", BSON_SUBTYPE_UUID, session->id,
                                 sizeof(session->id));
    }
    return session->id_view;
}

const bson_t *muv_session_cluster_time(muv_session_t *session)
{
    const muv__cluster_time_t *cluster_time;

    if (session == NULL || session->cluster_time.time == 0) {
        return NULL;
    }
    cluster_time = &session->cluster_time;
    if (session->view_time != cluster_time->time) {
        bson_destroy(session->cluster_time_view);
        session->cluster_time_view = bson_new_from_data(cluster_time->document, cluster_time->size);
        session->view_time = cluster_time->time;
    }
    return session->cluster_time_view;
}

int muv_session_advance_cluster_time(muv_session_t *session, const bson_t *cluster_time)
{
    muv__span_t document;

    if (session == NULL || cluster_time == NULL) {
        return MUV_EINVAL;
    }
    document = muv__bson_span(cluster_time);
    if (muv__cluster_time_of(document) == 0 || document.size > MUV__CLUSTER_TIME_MAX_BYTES) {
        return MUV_EINVAL;
    }
    (void)muv__cluster_time_advance(&session->cluster_time, document);
    return 0;
}

uint64_t muv_session_operation_time(const muv_session_t *session)
{
    return session == NULL ? 0 : session->operation_time;
}

void muv_session_advance_operation_time(muv_session_t *session, uint64_t operation_time)
{
    if (session != NULL && operation_time > session->operation_time) {
        session->operation_time = operation_time;
    }
}

int muv_session_snapshot_time(const muv_session_t *session, uint64_t *ret)
{
    if (session == NULL || ret == NULL || !session->snapshot) {
        return MUV_EINVAL;
    }
    *ret = session->snapshot_time;
    return 0;
}
