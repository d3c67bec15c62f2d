/* SPDX-License-Identifier: Apache-2.0 */
/* The clients of a run: options by chance, the collections, closing in the middle, and whether they
 * are usable again after the last fault. */
#include "run.h"

#include "run_watch.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

/* --- options -----------------------------------------------------------------------------------*/

static void add_option(run_client_t *client, const char *name, const char *value)
{
    size_t length = strlen(client->uri);

    (void)snprintf(client->uri + length, sizeof client->uri - length, "&%s=%s", name, value);
}

static void add_number(run_client_t *client, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    add_option(client, name, text);
}

/* Add a number in so many of 1000 cases; else it keeps its default. */
static int64_t maybe_number(run_client_t *client, unsigned permille, const char *name,
                            int64_t lowest, int64_t range, int64_t fallback)
{
    int64_t value = lowest + (int64_t)run_random(client->run, (uint64_t)range + 1);

    if (!run_chance(client->run, permille)) {
        return fallback;
    }
    add_number(client, name, value);
    return value;
}

static void choose_pool(run_client_t *client)
{
    client->max_pool_size = (uint32_t)maybe_number(client, 800, "maxPoolSize", 1, 12, 100);
    if (client->max_pool_size >= 3) {
        (void)maybe_number(client, 400, "minPoolSize", 1, 2, 0);
    }
    (void)maybe_number(client, 300, "maxConnecting", 1, 3, 2);
    (void)maybe_number(client, 200, "maxIdleTimeMS", 500, 20000, 0);
    (void)maybe_number(client, 150, "waitQueueTimeoutMS", 50, 3000, 0);
    (void)maybe_number(client, 200, "socketTimeoutMS", 500, 8000, 0);
}

static void choose_topology(run_client_t *client)
{
    static const char *const modes[] = {"auto", "poll", "stream"};
    run_t *run = client->run;

    /* Frequent checks only in short runs: they are most of what happens. */
    int64_t lowest_ms = run->opts.duration_us > 300 * SIM_SECOND ? 5000 : 500;

    client->heartbeat_us =
        SIM_MS * maybe_number(client, 600, "heartbeatFrequencyMS", lowest_ms, 9000, 10000);
    add_option(client, "serverMonitoringMode", modes[run_random(run, 3)]);
    client->connect_timeout_us =
        SIM_MS * maybe_number(client, 700, "connectTimeoutMS", 300, 7000, 10000);
    (void)maybe_number(client, 700, "serverSelectionTimeoutMS", 500, 15000, 30000);
    (void)maybe_number(client, 200, "localThresholdMS", 0, 40, 15);
    (void)maybe_number(client, 100, "timeoutMS", 500, 20000, 0);
}

static void choose_concerns(run_client_t *client)
{
    static const char *const preferences[] = {"primary", "primaryPreferred", "secondary",
                                              "secondaryPreferred", "nearest"};
    run_t *run = client->run;

    client->retry_writes = !run_chance(run, 120);
    if (run_chance(run, 120)) {
        add_option(client, "retryReads", "false");
    }
    if (!client->retry_writes) {
        add_option(client, "retryWrites", "false");
    }
    add_option(client, "readPreference", preferences[run_random(run, 5)]);
    client->majority_reads = run_chance(run, 300);
    if (client->majority_reads) {
        add_option(client, "readConcernLevel", "majority");
    }
    /* Servers wait for a majority when they are not told otherwise. */
    client->concern = run_chance(run, 300) ? CHECK_W1 : CHECK_MAJORITY;
    add_option(client, "w", client->concern == CHECK_W1 ? "1" : "majority");
    (void)maybe_number(client, 300, "maxAdaptiveRetries", 0, 4, 2);
    if (run_chance(run, 300)) {
        add_option(client, "enableOverloadRetargeting", "true");
    }
}

void run_client_init(run_client_t *client, run_t *run, unsigned index)
{
    *client = (run_client_t){.run = run, .index = index};
}

static void choose_options(run_client_t *client)
{
    char name[16];

    (void)snprintf(client->uri, sizeof client->uri, "%s", rs_uri(client->run->set));
    (void)snprintf(name, sizeof name, "sim%u", client->index);
    add_option(client, "appName", name);
    choose_pool(client);
    choose_topology(client);
    choose_concerns(client);
}

/* --- life --------------------------------------------------------------------------------------*/

static muv_collection_t *open_collection(run_client_t *client, const char *name)
{
    muv_collection_t *collection;

    CHECK_CODE(muv_collection_new(client->client, "sim", name, NULL, &collection), 0);
    return collection;
}

/* What the client knows of its servers, for who reads the trace. */
static void on_server(const muv_server_event_t *event, void *data)
{
    run_client_t *client = data;

    if (event->head.type == MUV_EVENT_SERVER_CHANGED) {
        char text[160];

        (void)snprintf(text, sizeof text, "%s is %s now: %.80s", event->address,
                       event->current->type,
                       event->current->error != NULL ? event->current->error : "");
        run_trace(client->run, text, client->index, 0);
    }
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    run_client_t *client = data;
    char text[240];

    (void)snprintf(text, sizeof text, "%s %s%s %.80s", event->head.name, event->address,
                   event->awaited ? " awaited" : "",
                   event->error != NULL ? event->error->message : "");
    run_trace(client->run, text, client->index, 0);
}

/* Addresses are 10.0.0.1 for node 0, and so on. */
static void on_pool(const muv_pool_event_t *event, void *data)
{
    run_client_t *client = data;

    if (event->head.type == MUV_EVENT_POOL_CLEARED) {
        run_trace(client->run, "cleared", client->index, event->address[7] - '1');
        run_watch_cleared(client->run->watch, client->index, (unsigned)(event->address[7] - '1'));
    }
}

void run_client_open(run_client_t *client)
{
    run_t *run = client->run;
    bool listens = run_chance(run, 300);
    muv_listener_t listener = {.on_pool = on_pool,
                               .on_server = listens ? on_server : NULL,
                               .on_heartbeat = listens ? on_heartbeat : NULL,
                               .data = client};
    muv_client_opts_t opts = {.listener = &listener};
    muv_error_t error;

    choose_options(client);
    run_trace(run, client->uri, client->index, 0);
    if (muv_client_new(sim_loop(run->world), client->uri, &opts, &error, &client->client) != 0) {
        fail_msg("%s: %s", client->uri, error.message);
    }
    if (muv_client_warning(client->client, 0) != NULL) {
        fail_msg("%s: %s", client->uri, muv_client_warning(client->client, 0));
    }
    client->closing = false;
    client->epoch++;
    client->loose = open_collection(client, "loose");
    client->counters = open_collection(client, "counters");
    client->registers = open_collection(client, "registers");
    client->lists = open_collection(client, "lists");
    client->walks = open_collection(client, "walks");
}

static void on_closed(void *data)
{
    run_client_t *client = data;
    run_t *run = client->run;

    run_trace(run, "closed", client->index, 0);
    client->client = NULL;
    if (client->again) {
        run_client_open(client);
    }
}

void run_client_close(run_client_t *client, int mode, bool again)
{
    client->closing = true;
    client->again = again;
    muv_collection_free(client->loose);
    muv_collection_free(client->counters);
    muv_collection_free(client->registers);
    muv_collection_free(client->lists);
    muv_collection_free(client->walks);
    run_trace(client->run, "close", client->index, mode);
    RUN_INSIDE(client->run,
               CHECK_CODE(muv_client_close(client->client, mode, on_closed, client), 0));
}

/* --- recovery ----------------------------------------------------------------------------------*/

static void probe_again(void *data)
{
    run_client_probe(data);
}

static void on_probed(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                      void *data)
{
    run_client_t *client = data;
    run_t *run = client->run;

    (void)op;
    (void)result;
    run_trace(run, "probed", client->index, error != NULL ? error->code : 0);
    if (error == NULL) {
        client->sentinels++;
        client->recovered_us = sim_now_us(run->world);
    } else {
        sim_after(run->world, 20 * SIM_MS, probe_again, client);
    }
}

void run_client_probe(run_client_t *client)
{
    static const muv_write_concern_t majority = {.w_tag = "majority"};
    muv_insert_one_opts_t opts = {.write_concern = &majority, .timeout_ms = 1000};
    bson_t document = BSON_INITIALIZER;
    int status;

    if (client->client == NULL || client->closing) {
        return;
    }
    BSON_APPEND_UTF8(&document, "by", "probe");
    RUN_INSIDE(client->run, status = muv_collection_insert_one(client->loose, &document, &opts,
                                                               on_probed, client, NULL));
    CHECK_CODE(status, 0);
    bson_destroy(&document);
}

/* What may take its time after the last fault, all side by side: the election; a check on a dead
 * connection (a streamed one ends after heartbeatFrequencyMS + connectTimeoutMS); connections in
 * the pool that are dead, until TCP says so. Then, because somebody waits for a server, a check
 * follows within half a second; the handshakes and the last try of the probe are the rest. */
int64_t run_client_bound_us(const run_client_t *client)
{
    int64_t bound_us = rs_election_bound_us(client->run->set);
    int64_t check_us = client->heartbeat_us + client->connect_timeout_us;

    bound_us = bound_us > check_us ? bound_us : check_us;
    bound_us = bound_us > RUN_LINK_TIMEOUT_US ? bound_us : RUN_LINK_TIMEOUT_US;
    return bound_us + 5 * SIM_SECOND;
}
