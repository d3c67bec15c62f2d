/* SPDX-License-Identifier: Apache-2.0 */
/* Servers, records and the client of tests of mongodb+srv://. */
#include "srv_scene.h"

#include "client/client_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_COUNT 4

void srv_world(scene_t *scene)
{
    alloc_install();
    memset(scene, 0, sizeof *scene);
    scene->mark = alloc_mark();
    scene->world = sim_new(1);
    for (int i = PORT_COUNT - 1; i >= 0; i--) {
        scene->server = sim_server(scene->world, "10.0.0.1", (uint16_t)(27017 + i));
        sim_on(scene->server, "hello",
               &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', "
                                     "'minWireVersion': 0, 'maxWireVersion': 21}"});
    }
    sim_name(scene->world, SRV_TARGET, "10.0.0.1", SIM_MS);
}

void srv_open_at(scene_t *scene, const char *name, const char *options,
                 const muv_client_opts_t *opts)
{
    char uri[300];
    muv_error_t error;

    (void)snprintf(uri, sizeof uri, "mongodb+srv://%s/?tls=false%s", name, options);
    if (muv_client_new(sim_loop(scene->world), uri, opts, &error, &scene->client) != 0) {
        fail_msg("%s", error.message);
    }
}

void srv_open(scene_t *scene, const char *options, const muv_client_opts_t *opts)
{
    srv_open_at(scene, "test1." SRV_DOMAIN, options, opts);
}

void srv_ports(scene_t *scene, const char *name, const char *ports, uint32_t ttl_s)
{
    char targets[512] = "";
    size_t size = 0;

    for (const char *at = ports; *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        size += (size_t)snprintf(targets + size, sizeof targets - size, "%s" SRV_TARGET ".:%.*s",
                                 size == 0 ? "" : " ", (int)length, at);
        at += length;
    }
    sim_srv(scene->world, name, targets, ttl_s, SRV_DELAY);
}

void srv_ping(scene_t *scene)
{
    call_t call = {0};

    CHECK_CODE(call_start(scene, &call, 1, 0), 0);
    sim_run_until(scene->world, &call.ended, 1, 60 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
}

static int compare_ports(const void *a, const void *b)
{
    const uint16_t *left = a;
    const uint16_t *right = b;

    return *left - *right;
}

const char *srv_servers(const scene_t *scene)
{
    static char text[256];
    const muv__topology_snapshot_t *snapshot = scene->client->topology.snapshot;
    uint16_t ports[16] = {0};
    size_t size = 0;

    assert_in_range(snapshot->server_count, 0, 16);
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        ports[i] = snapshot->servers[i].server->host.port;
    }
    qsort(ports, snapshot->server_count, sizeof *ports, compare_ports);
    text[0] = '\0';
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "%s%u", i == 0 ? "" : " ", ports[i]);
    }
    return text;
}
