/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the listener sees them, and what it may ask of their views. */
#include "client/events.h"

#include <string.h>

#include "base/error.h"
#include "client/client_inner.h"

#define US_PER_MS 1000

struct muv_topology {
    const muv__topology_snapshot_t *snapshot;
};

/* --- delivery ----------------------------------------------------------------------------------*/

static muv_event_head_t head_of(muv_client_t *client, const muv__event_t *event)
{
    return (muv_event_head_t){.type = event->type,
                              .name = muv_event_name(event->type),
                              .number = event->number,
                              .at_us = event->at_us,
                              .client = client};
}

const muv_error_t *muv__events_error(const muv__event_t *event, muv_error_t *bare)
{
    size_t length;

    if (event->code == 0) {
        return NULL;
    }
    if (event->with.outcome.error != NULL) {
        return event->with.outcome.error;
    }
    (void)muv__error_code(bare, event->code);
    if (event->server == NULL) {
        return bare;
    }
    length = strnlen(event->server->address, sizeof(bare->host) - 1);
    memcpy(bare->host, event->server->address, length);
    bare->host[length] = '\0';
    return bare;
}

static void deliver_pool(muv_client_t *client, const muv__event_t *event)
{
    const muv__pool_config_t *config = &client->settings.pool;
    muv__pool_event_type_t type = (muv__pool_event_type_t)(event->type - MUV_EVENT_POOL_CREATED);
    muv__pool_reason_t reason = (muv__pool_reason_t)event->reason;
    muv_pool_settings_t settings = {.max_size = config->max_size,
                                    .min_size = config->min_size,
                                    .max_connecting = config->max_connecting,
                                    .max_waiting = config->max_waiting,
                                    .max_idle_ms = config->max_idle_us / US_PER_MS};
    muv_error_t bare;
    muv_pool_event_t out = {
        .head = head_of(client, event),
        .address = event->server->address,
        .connection_id = event->connection_id,
        .duration_us = event->duration_us,
        .reason = muv__pool_reason_text(type, reason),
        .reason_text = muv__pool_reason_message(type, reason),
        .error = muv__events_error(event, &bare),
        .interrupt_in_use = event->interrupt_in_use,
        .settings = type == MUV__POOL_CREATED ? &settings : NULL,
        .service_id = event->has_service_id ? event->service_id : NULL,
    };

    client->events->listener.on_pool(&out, client->events->listener.data);
}

static void fill_server_view(muv_server_view_t *view, const muv__topology_server_t *server,
                             const muv__server_description_t *description, int64_t rtt_us)
{
    *view = (muv_server_view_t){
        .address = server->address,
        .type = muv__server_type_name((muv__server_type_t)description->type),
        .set_name = description->set_name,
        .primary = description->primary,
        .me = description->me,
        .error = description->error_text,
        .min_wire_version = description->min_wire_version,
        .max_wire_version = description->max_wire_version,
        .round_trip_us = rtt_us,
        .host_count = (uint32_t)description->host_count + description->passive_count +
                      description->arbiter_count,
        .hosts = description->hosts,
    };
}

static void deliver_server(muv_client_t *client, const muv__event_t *event)
{
    muv_server_event_t out = {.head = head_of(client, event), .address = event->server->address};
    muv_server_view_t previous;
    muv_server_view_t current;

    if (event->with.description.current != NULL) {
        fill_server_view(&previous, event->server, event->with.description.previous, -1);
        fill_server_view(&current, event->server, event->with.description.current, -1);
        out.previous = &previous;
        out.current = &current;
    }
    client->events->listener.on_server(&out, client->events->listener.data);
}

static void deliver_topology(muv_client_t *client, const muv__event_t *event)
{
    muv_topology_event_t out = {.head = head_of(client, event)};
    muv_topology_t previous = {.snapshot = event->with.snapshot.previous};
    muv_topology_t current = {.snapshot = event->with.snapshot.current};

    if (current.snapshot != NULL) {
        out.previous = &previous;
        out.current = &current;
    }
    client->events->listener.on_topology(&out, client->events->listener.data);
}

static void deliver_heartbeat(muv_client_t *client, const muv__event_t *event)
{
    muv_error_t bare;
    muv_heartbeat_event_t out = {
        .head = head_of(client, event),
        .address = event->server->address,
        .connection_id = event->connection_id,
        .duration_us = event->duration_us,
        .server_connection_id = event->server_connection_id,
        .error = muv__events_error(event, &bare),
        .reply = event->with.outcome.document,
        .reply_size = event->with.outcome.document == NULL ? 0 : event->document_size,
        .awaited = event->awaited,
    };

    client->events->listener.on_heartbeat(&out, client->events->listener.data);
}

static void deliver_command(muv_client_t *client, const muv__event_t *event)
{
    const muv__watch_t *watch = event->with.outcome.watch;
    muv_error_t bare;
    muv_command_event_t out = {
        .head = head_of(client, event),
        .command_name = watch->name,
        .database = watch->database,
        .address = event->server->address,
        .request_id = watch->request_id,
        .operation_id = (int64_t)watch->operation_id,
        .connection_id = watch->connection_id,
        .server_connection_id = watch->server_connection_id,
        .service_id = watch->has_service_id ? watch->service_id : NULL,
        .duration_us = event->duration_us,
        .document = event->with.outcome.document,
        .document_size = event->with.outcome.document == NULL ? 0 : event->document_size,
        .error = muv__events_error(event, &bare),
    };

    client->events->listener.on_command(&out, client->events->listener.data);
}

void muv__events_tell(muv_client_t *client, const muv__event_t *event)
{
    if (event->type <= MUV_EVENT_CHECKED_IN) {
        deliver_pool(client, event);
    } else if (event->type <= MUV_EVENT_TOPOLOGY_CLOSED) {
        deliver_topology(client, event);
    } else if (event->type <= MUV_EVENT_SERVER_CLOSED) {
        deliver_server(client, event);
    } else if (event->type <= MUV_EVENT_HEARTBEAT_FAILED) {
        deliver_heartbeat(client, event);
    } else {
        deliver_command(client, event);
    }
}

/* --- what listeners ask ------------------------------------------------------------------------*/

const char *muv_event_name(int type)
{
    switch (type) {
#define EVENT_NAME(suffix, name)                                                                   \
    case MUV_EVENT_##suffix: return name;
        MUV_EVENT_MAP(EVENT_NAME)
#undef EVENT_NAME
    default: return "";
    }
}

const char *muv_topology_type(const muv_topology_t *topology)
{
    return muv__topology_type_name((muv__topology_type_t)topology->snapshot->type);
}

const char *muv_topology_set_name(const muv_topology_t *topology)
{
    return topology->snapshot->set_name;
}

size_t muv_topology_server_count(const muv_topology_t *topology)
{
    return topology->snapshot->server_count;
}

int muv_topology_server(const muv_topology_t *topology, size_t index, muv_server_view_t *ret)
{
    const muv__snapshot_entry_t *entry;

    if (topology == NULL || ret == NULL || index >= topology->snapshot->server_count) {
        return MUV_EINVAL;
    }
    entry = &topology->snapshot->servers[index];
    fill_server_view(ret, entry->server, entry->description, entry->rtt_us);
    return 0;
}
