/* SPDX-License-Identifier: Apache-2.0 */
/* The log is text so that a failing test shows the whole story. */
#include "unit/topology/scene.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

static void put(scene_t *scene, const char *format, ...) MUV__PRINTF(2, 3);

static void put(scene_t *scene, const char *format, ...)
{
    size_t size = strlen(scene->log);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(scene->log + size, SCENE_LOG_SIZE - size, format, arguments);
    va_end(arguments);
}

static void record(const muv__topology_event_t *event, void *data)
{
    scene_t *scene = data;

    switch (event->type) {
    case MUV__TOPOLOGY_OPENING: put(scene, "opening\n"); break;
    case MUV__TOPOLOGY_CLOSED: put(scene, "closed\n"); break;
    case MUV__TOPOLOGY_CHANGED:
        put(scene, "%s -> %s\n",
            muv__topology_type_name((muv__topology_type_t)event->previous_snapshot->type),
            muv__topology_type_name((muv__topology_type_t)event->snapshot->type));
        break;
    case MUV__TOPOLOGY_SERVER_OPENING: put(scene, "%s opening\n", event->server->address); break;
    case MUV__TOPOLOGY_SERVER_CLOSED: put(scene, "%s closed\n", event->server->address); break;
    case MUV__TOPOLOGY_SERVER_CHANGED:
        put(scene, "%s %s -> %s\n", event->server->address,
            muv__server_type_name((muv__server_type_t)event->previous->type),
            muv__server_type_name((muv__server_type_t)event->description->type));
        break;
    }
}

static void drain(scene_t *scene, unsigned effects)
{
    static const char *const names[] = {"add",    "clear", "interrupt", "ready",
                                        "cancel", "check", "remove"};
    muv__topology_server_t *server;
    unsigned bits;

    if ((effects & MUV__TOPOLOGY_DO_SERVERS) == 0) {
        return;
    }
    while ((server = muv__topology_next_effect(&scene->topology, &bits)) != NULL) {
        put(scene, "%s:", server->address);
        for (unsigned i = 0; i < MUV__COUNT_OF(names); i++) {
            if ((bits >> i & 1U) != 0) {
                put(scene, " %s", names[i]);
            }
        }
        put(scene, "\n");
    }
}

static int start(scene_t *scene, muv__topology_config_t *config)
{
    unsigned effects = 0;
    int rc;

    memset(scene, 0, sizeof *scene);
    config->emit = record;
    config->emit_data = scene;
    rc = muv__topology_init(&scene->topology, config, 0);
    if (rc != 0) {
        return rc;
    }
    scene->ready = 1;
    rc = muv__topology_start(&scene->topology, 0, &effects);
    drain(scene, effects);
    return rc;
}

int scene_start(scene_t *scene, const char *hosts, const char *set_name, int direct)
{
    muv__host_t seeds[8];
    muv__topology_config_t config = {
        .seeds = seeds, .set_name = set_name, .direct = (uint8_t)direct};

    while (*hosts != '\0') {
        size_t length = strcspn(hosts, ",");

        assert_int_equal(muv__host_parse(hosts, length, &seeds[config.seed_count++]), 0);
        hosts += length + (hosts[length] == ',');
    }
    return start(scene, &config);
}

int scene_start_load_balanced(scene_t *scene, const char *host)
{
    muv__host_t seed;
    muv__topology_config_t config = {.seeds = &seed, .seed_count = 1, .load_balanced = 1};

    assert_int_equal(muv__host_parse(host, strlen(host), &seed), 0);
    return start(scene, &config);
}

void scene_end(scene_t *scene)
{
    if (scene->ready) {
        if (!scene->topology.closed) {
            drain(scene, muv__topology_close(&scene->topology));
        }
        muv__topology_done(&scene->topology);
        scene->ready = 0;
    }
}

void scene_clear_log(scene_t *scene)
{
    scene->log[0] = '\0';
}

muv__topology_server_t *scene_server(const scene_t *scene, const char *address)
{
    const muv__snapshot_entry_t *entry =
        muv__topology_snapshot_find(scene->topology.snapshot, address);

    return entry == NULL ? NULL : entry->server;
}

const muv__server_description_t *scene_description(const scene_t *scene, const char *address)
{
    const muv__snapshot_entry_t *entry =
        muv__topology_snapshot_find(scene->topology.snapshot, address);

    assert_non_null(entry);
    return entry->description;
}

static int apply(scene_t *scene, const char *address, muv__server_description_t *description,
                 int64_t rtt_us)
{
    unsigned effects = 0;
    int rc = muv__topology_on_check(&scene->topology, scene_server(scene, address), description,
                                    rtt_us, &effects);

    muv__server_description_release(description);
    drain(scene, effects);
    return rc;
}

int scene_reply(scene_t *scene, const char *address, const char *json, int64_t rtt_us)
{
    muv__server_description_t *description = NULL;
    bson_t *reply = bson_from(json);
    int rc;

    if (!bson_has_field(reply, "ok")) {
        BSON_APPEND_INT32(reply, "ok", 1);
    }
    if (!bson_has_field(reply, "maxWireVersion")) {
        BSON_APPEND_INT32(reply, "maxWireVersion", 21);
    }
    rc = muv__server_description_parse(bson_get_data(reply), reply->len, 1000, &description);
    bson_destroy(reply);
    return rc == 0 ? apply(scene, address, description, rtt_us) : rc;
}

int scene_check_failed(scene_t *scene, const char *address, int code)
{
    muv__server_description_t *description;
    int rc = muv__server_description_unknown(code, "check failed", NULL, 1000, &description);

    return rc == 0 ? apply(scene, address, description, -1) : rc;
}

int scene_operation_failed(scene_t *scene, const char *address, int code, const char *json)
{
    muv_error_t error = {.code = code, .message = "operation failed"};
    muv__topology_failure_t failure = {.error = &error, .handshaken = 1};
    bson_t *reply = json == NULL ? NULL : bson_from(json);
    unsigned effects = 0;
    int rc;

    if (reply != NULL) {
        error.reply = bson_get_data(reply);
        error.reply_size = reply->len;
    }
    rc = muv__topology_on_failure(&scene->topology, scene_server(scene, address), &failure, 2000,
                                  &effects);
    if (reply != NULL) {
        bson_destroy(reply);
    }
    if (effects == MUV__TOPOLOGY_DO_CLEAR_SERVICE) {
        put(scene, "%s: clear service\n", address);
    } else {
        drain(scene, effects);
    }
    return rc;
}

muv__server_description_t *scene_parse(const char *json, int64_t now_us)
{
    muv__server_description_t *description;
    bson_t *reply = bson_from(json);

    assert_int_equal(
        muv__server_description_parse(bson_get_data(reply), reply->len, now_us, &description), 0);
    bson_destroy(reply);
    return description;
}
