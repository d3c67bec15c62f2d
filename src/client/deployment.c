/* SPDX-License-Identifier: Apache-2.0 */
/* Effects of the topology machine on servers, monitors and pools. */
#include "client/deployment.h"

#include "base/assert.h"
#include "client/client_inner.h"
#include "client/srv.h"
#include "topology/topology.h"

static void add_server(muv_client_t *client, muv__topology_server_t *record)
{
    muv__server_t *server;

    /* Without memory the server stays unknown and unused until an operation that waits for one asks
     * for checks. */
    if (muv__server_new(client, record, &server) == 0) {
        muv__monitor_run(&server->monitor, MUV__HEARTBEAT_ON_START);
    }
}

static void carry_out_server(muv_client_t *client, muv__topology_server_t *record, unsigned effects)
{
    muv__server_t *server;

    if ((effects & MUV__SERVER_DO_ADD) != 0) {
        add_server(client, record);
    }
    server = record->owner;
    if (server == NULL) {
        return;
    }
    if ((effects & MUV__SERVER_DO_CLEAR) != 0) {
        muv__server_carry_out(server, muv__pool_clear(&server->pool,
                                                      (effects & MUV__SERVER_DO_INTERRUPT) != 0,
                                                      client->context.now_us));
    }
    if ((effects & MUV__SERVER_DO_READY) != 0) {
        muv__server_carry_out(server, muv__pool_ready(&server->pool, client->context.now_us));
    }
    if ((effects & MUV__SERVER_DO_CANCEL) != 0) {
        muv__monitor_run(&server->monitor, MUV__HEARTBEAT_ON_CANCEL);
    }
    if ((effects & MUV__SERVER_DO_CHECK) != 0) {
        muv__monitor_run(&server->monitor, MUV__HEARTBEAT_ON_CHECK_NOW);
    }
    if ((effects & MUV__SERVER_DO_REMOVE) != 0) {
        muv__server_close(server);
    }
}

/* What is carried out for one server (a pool cleared, its operations failing) can lead back here:
 * the outermost call goes on until nothing is left. */
static void carry_out(muv_client_t *client, unsigned effects)
{
    muv__topology_server_t *record;
    unsigned server_effects;

    client->topology_todo |= effects;
    if (client->topology_busy) {
        return;
    }
    client->topology_busy = 1;
    while (client->topology_todo != 0) {
        effects = client->topology_todo;
        client->topology_todo = 0;
        if ((effects & MUV__TOPOLOGY_DO_SERVERS) != 0) {
            while ((record = muv__topology_next_effect(&client->topology, &server_effects)) !=
                   NULL) {
                carry_out_server(client, record, server_effects);
            }
        }
        if ((effects & MUV__TOPOLOGY_DO_WAKE) != 0) {
            muv__select_again(client);
        }
    }
    client->topology_busy = 0;
    muv__client_wake(client);
}

static muv__topology_config_t topology_config(const muv_client_t *client)
{
    const muv__options_t *options = &client->uri->options;
    muv__topology_config_t config = {.seeds = client->uri->hosts,
                                     .seed_count = (uint32_t)client->uri->host_count,
                                     .set_name = options->replica_set,
                                     .direct = options->direct_connection != 0,
                                     .load_balanced = options->load_balanced != 0};

    return config;
}

int muv__deployment_init(muv_client_t *client)
{
    muv__topology_config_t config = topology_config(client);
    int status;

    muv__events_watch_topology(client, &config);
    if (!client->uri->srv) {
        return muv__topology_init(&client->topology, &config, client->context.now_us);
    }
    config.seed_count = 0;
    status = muv__srv_new(client);
    if (status == 0) {
        status = muv__topology_init(&client->topology, &config, client->context.now_us);
    }
    if (status != 0) {
        muv__srv_free(client);
    }
    return status;
}

static int begin(muv_client_t *client)
{
    unsigned effects = 0;
    int status = muv__topology_start(&client->topology, client->context.now_us, &effects);

    if (status == 0) {
        client->topology_started = 1;
        carry_out(client, effects);
    }
    return status;
}

int muv__deployment_start(muv_client_t *client)
{
    if (client->topology_started) {
        return 0;
    }
    return client->srv != NULL ? muv__srv_start(client) : begin(client);
}

int muv__deployment_seed(muv_client_t *client)
{
    muv__topology_config_t config = topology_config(client);
    int status = 0;

    /* After a start that failed for want of memory the seeds are there already. */
    if (client->topology.snapshot->server_count == 0) {
        status = muv__topology_seed(&client->topology, &config, client->context.now_us);
    }
    return status == 0 ? begin(client) : status;
}

int muv__deployment_on_hosts(muv_client_t *client, muv__host_t *hosts, uint32_t count)
{
    unsigned effects = 0;
    int status = muv__topology_on_hosts(&client->topology, hosts, count,
                                        (uint32_t)client->uri->options.srv_max_hosts,
                                        &client->random, client->context.now_us, &effects);

    if (status == 0) {
        carry_out(client, effects);
    }
    return status;
}

int muv__deployment_unresolved(const muv_client_t *client, muv_error_t *ret)
{
    if (client->srv == NULL || client->topology_started) {
        return 0;
    }
    muv__srv_explain(client, ret);
    return 1;
}

void muv__deployment_close(muv_client_t *client)
{
    muv__list_t *link;

    muv__srv_free(client);
    /* A check that is running ends first: the last event of all is that of the topology's end. */
    for (link = client->servers.next; link != &client->servers; link = link->next) {
        muv__monitor_run(&MUV__CONTAINER_OF(link, muv__server_t, link)->monitor,
                         MUV__HEARTBEAT_ON_STOP);
    }
    carry_out(client, muv__topology_close(&client->topology));
}

void muv__deployment_on_check(muv__server_t *server, muv__server_description_t *description,
                              int64_t rtt_us)
{
    muv_client_t *client = server->client;
    unsigned effects = 0;

    if (server->removed) {
        return;
    }
    /* Out of memory nothing changes: the next heartbeat brings the same news. */
    if (muv__topology_on_check(&client->topology, server->record, description, rtt_us, &effects) ==
        0) {
        muv__server_update_drain_grace(server);
        carry_out(client, effects);
    }
}

void muv__deployment_on_failure(muv__server_t *server, const muv__pool_conn_t *conn,
                                const muv_error_t *error, int handshaken)
{
    muv_client_t *client = server->client;
    muv__topology_failure_t failure = {.error = error,
                                       .generation = conn->generation,
                                       .pool_generation = server->pool.generation,
                                       .handshaken = handshaken != 0};
    unsigned effects = 0;

    if (server->removed) {
        return;
    }
    if (muv__topology_on_failure(&client->topology, server->record, &failure,
                                 client->context.now_us, &effects) != 0) {
        return;
    }
    if (MUV__UNLIKELY(effects == MUV__TOPOLOGY_DO_CLEAR_SERVICE)) {
        muv__server_carry_out(server,
                              muv__pool_clear_service(&server->pool, conn, client->context.now_us));
        return;
    }
    carry_out(client, effects);
}

/* A server that there was no memory for when it was announced, or NULL. */
static muv__topology_server_t *find_missing(const muv_client_t *client)
{
    const muv__topology_snapshot_t *snapshot = client->topology.snapshot;

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        muv__topology_server_t *record = snapshot->servers[i].server;

        if (record->owner == NULL && !record->removed &&
            (record->effects & MUV__SERVER_DO_ADD) == 0) {
            return record;
        }
    }
    return NULL;
}

void muv__deployment_request_check(muv_client_t *client)
{
    muv__topology_server_t *missing = find_missing(client);

    /* One at a time: adding a server can bring a new snapshot. */
    if (MUV__UNLIKELY(missing != NULL)) {
        add_server(client, missing);
    }
    carry_out(client, muv__topology_request_check(&client->topology));
}
