/* SPDX-License-Identifier: Apache-2.0 */
/* Making and closing a client. Closing goes through stages, and each waits for the one before:
 * operations called back, connections closed, handles closed, memory freed, the caller told. */
#include "client/client_inner.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/cursor.h"
#include "client/session.h"
#include "client/settings.h"
#include "tls/tls_context.h"

/* --- making ------------------------------------------------------------------------------------*/

static void init_members(muv_client_t *client)
{
    muv__list_init(&client->live);
    muv__list_init(&client->completed);
    muv__list_init(&client->selecting);
    muv__list_init(&client->resuming);
    muv__list_init(&client->servers);
    muv__list_init(&client->cursors);
    muv__list_init(&client->ready_cursors);
    muv__list_init(&client->sessions);
    muv__list_init(&client->ended_sessions);
    muv__session_pool_init(&client->session_pool);
    muv__cluster_time_init(&client->cluster_time);
    muv__key_cache_init(&client->keys);
    client->turn_hooks_end = &client->turn_hooks;
    client->connects_left = MUV__CONNECTIONS_PER_TURN;
    client->fork_count = muv__net_fork_count();
    muv__error_clear(&client->refusal);
    muv__buf_init(&client->hello, 16 * 1024);
    muv__buf_init(&client->server_api, 128);
}

/* A stream or a look-up of a fetch has gone. */
static void on_fetch_gone(muv__fetch_context_t *fetches)
{
    muv__client_continue_close(MUV__CONTAINER_OF(fetches, muv_client_t, fetches));
}

static int init_context(muv_client_t *client)
{
    muv__conn_context_t *context = &client->context;

    context->chunks = muv__chunk_pool_new(client->settings.max_pending_bytes);
    if (context->chunks == NULL) {
        return MUV_ENOMEM;
    }
    muv__outgoing_pool_init(&client->outgoing, muv__chunk_pool_budget(context->chunks));
    context->outgoing = &client->outgoing;
    context->deadlines = &client->deadlines;
    client->fetches.deadlines = &client->deadlines;
    client->fetches.on_gone = on_fetch_gone;
    context->fetches = &client->fetches;
    context->hello = muv__span(client->hello.data, client->hello.size);
    context->connect_timeout_us = client->settings.connect_timeout_us;
    context->load_balanced = client->uri->options.load_balanced != 0;
    context->compressor_count = client->uri->options.compressor_count;
    memcpy(context->compressors, client->uri->options.compressors, sizeof(context->compressors));
    context->zlib_level = (int8_t)client->uri->options.zlib_compression_level;
    return 0;
}

/* Free what was made so far; the net is not among it. */
static void free_client(muv_client_t *client)
{
    muv__op_free_all(client);
    muv__sessions_done(client);
    muv__topology_done(&client->topology);
    if (client->context.chunks != NULL) {
        muv__outgoing_pool_done(&client->outgoing);
        muv__chunk_pool_close(client->context.chunks);
    }
    muv__secure_context_free(client->context.secure);
    muv__compressor_free(client->context.compressor);
    muv__inflater_free(client->context.inflater);
    muv__key_cache_done(&client->keys);
    muv__provider_free(client->provider);
    muv__tls_context_free(client->fetches.tls);
    muv__buf_done(&client->hello);
    muv__buf_done(&client->server_api);
    muv__mem_free(client->dns_servers);
    muv__events_free(client->events);
    muv__concerns_release(client->concerns);
    muv__uri_free(client->uri);
    muv__mem_free(client);
}

static void on_failed_new_closed(void *data)
{
    free_client(data);
}

static int init_client(muv_client_t *client, struct uv_loop_s *loop, const char *uri,
                       const muv_client_opts_t *opts, muv_error_t *reterr)
{
    int status = muv__settings_read(client, uri, opts, reterr);

    if (status != 0) {
        return status;
    }
    status = muv__events_open(client, opts, reterr);
    if (status != 0) {
        return status;
    }
    status = init_context(client);
    if (status == 0) {
        status = muv__net_new(loop, &muv__client_hooks, client, &client->net);
    }
    if (status == 0 && client->dns_servers != NULL) {
        muv__net_set_dns_servers(client->net, client->dns_servers);
    }
    return status == 0 ? 0 : muv__error_code(reterr, status);
}

int muv_client_new(struct uv_loop_s *loop, const char *uri, const muv_client_opts_t *opts,
                   muv_error_t *reterr, muv_client_t **ret)
{
    muv_client_t *client;
    int status;

    if (loop == NULL || uri == NULL || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "loop, uri and ret must not be NULL");
    }
    client = muv__mem_zalloc(sizeof(*client));
    if (client == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    init_members(client);
    status = init_client(client, loop, uri, opts, reterr);
    if (status != 0) {
        free_client(client);
        return status;
    }
    client->context.net = client->net;
    client->fetches.net = client->net;
    client->context.now_us = muv__net_now_us(client->net);
    status = muv__net_random(client->net, &client->random, sizeof(client->random));
    if (status == 0) {
        status = muv__deployment_init(client);
    }
    if (status != 0) {
        muv__net_close(client->net, on_failed_new_closed);
        return muv__error_code(reterr, status);
    }
    *ret = client;
    return 0;
}

const char *muv_client_warning(const muv_client_t *client, size_t index)
{
    return client != NULL && index < client->uri->warning_count ? client->uri->warnings[index]
                                                                : NULL;
}

const char *muv_client_default_database(const muv_client_t *client)
{
    return client == NULL ? NULL : client->uri->database;
}

/* --- closing -----------------------------------------------------------------------------------*/

static void on_net_closed(void *data)
{
    muv_client_t *client = data;
    muv_close_cb cb = client->close_cb;
    void *close_data = client->close_data;

    free_client(client);
    if (cb != NULL) {
        cb(close_data);
    }
}

/* Runs at the end of net events and when connections have closed; never inside a callback. */
void muv__client_continue_close(muv_client_t *client)
{
    if (MUV__LIKELY(client->state == MUV__CLIENT_OPEN) || client->live_count != 0 ||
        client->event_depth != 0 || client->turn_hooks != NULL) {
        return;
    }
    if (!muv__list_empty(&client->cursors)) {
        /* May start killCursors, which come back here when they have ended. */
        muv__cursors_end(client);
        if (client->live_count != 0) {
            return;
        }
    }
    if (client->state == MUV__CLIENT_DRAINING) {
        muv__sessions_end_all(client); /* Likewise. */
        if (client->live_count != 0) {
            return;
        }
    }
    if (client->state != MUV__CLIENT_CLOSING) {
        client->state = MUV__CLIENT_CLOSING;
        muv__deployment_close(client);
    }
    if (client->server_count == 0) {
        muv__provider_free(client->provider); /* Ends its fetch, which leads back here. */
        client->provider = NULL;
        client->context.provider = NULL;
    }
    /* Events that wait are delivered in a turn to come, which leads back here, too. */
    if (client->server_count == 0 && client->fetches.open_count == 0 &&
        !muv__events_waiting(client->events) && !client->net_closing) {
        client->net_closing = 1;
        muv__net_close(client->net, on_net_closed);
    }
}

static void abort_operations(muv_client_t *client)
{
    muv__list_t todo;
    muv__list_t *link;

    client->state = MUV__CLIENT_ABORTING;
    /* Stopping one operation may move others to the completion queue (a composite stops its
     * children), and composites stay live until their children have called back: so each is taken
     * from a list of its own and put back before it is stopped. */
    muv__list_init(&todo);
    muv__list_splice_back(&todo, &client->live);
    while ((link = muv__list_pop_front(&todo)) != NULL) {
        muv__list_push_back(&client->live, link);
        muv__op_stop(MUV__CONTAINER_OF(link, muv_op_t, link), MUV_ECLOSED);
    }
}

int muv_client_close(muv_client_t *client, int mode, muv_close_cb cb, void *data)
{
    int status;

    if (client == NULL) {
        return MUV_EINVAL;
    }
    if (mode != MUV_CLOSE_DRAIN && mode != MUV_CLOSE_ABORT) {
        return muv__client_refuse(client, MUV_EINVAL, "mode: neither MUV_CLOSE_DRAIN nor _ABORT");
    }
    status = muv__client_enter(client);
    if (status != 0) {
        return status;
    }
    if (client->state != MUV__CLIENT_OPEN &&
        (client->state != MUV__CLIENT_DRAINING || mode != MUV_CLOSE_ABORT || cb != NULL)) {
        return muv__client_refuse(client, MUV_ECLOSED, "%s", muv_error_text(MUV_ECLOSED));
    }
    if (client->state == MUV__CLIENT_OPEN) {
        client->close_cb = cb;
        client->close_data = data;
        client->state = MUV__CLIENT_DRAINING;
    }
    if (mode == MUV_CLOSE_ABORT) {
        abort_operations(client);
    }
    muv__client_update_alive(client);
    muv__net_post(client->net);
    return 0;
}

/* --- statistics --------------------------------------------------------------------------------*/

void muv_client_get_stats(const muv_client_t *client, muv_client_stats_t *ret)
{
    muv__list_t *link;

    if (client == NULL) {
        memset(ret, 0, sizeof(*ret));
        return;
    }
    *ret = client->stats;
    ret->operations_live = client->live_count;
    ret->waiting_for_server = client->selecting_count;
    ret->pending_bytes = muv__chunk_pool_budget(client->context.chunks)->used_bytes;
    for (link = client->servers.next; link != &client->servers; link = link->next) {
        const muv__server_t *server = MUV__CONTAINER_OF(link, muv__server_t, link);

        ret->servers++;
        ret->waiting_for_connection += server->pool.waiting;
        ret->connections += server->pool.total;
        ret->connections_idle += server->pool.idle;
        ret->connections_pending += server->pool.pending;
        ret->connections_draining += server->pool.draining;
    }
}
