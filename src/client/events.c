/* SPDX-License-Identifier: Apache-2.0 */
/* Recording of events, and their delivery to the listener. */
#include "client/events.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"

#define FIRST_CAPACITY 64

/* An empty queue that had to grow beyond this gives its memory back. */
#define KEPT_CAPACITY 1024

#define US_PER_MS 1000

struct muv_topology {
    const muv__topology_snapshot_t *snapshot;
};

/* --- the queue ---------------------------------------------------------------------------------*/

int muv__events_new(const muv_listener_t *listener, muv__events_t **ret)
{
    muv__events_t *events = NULL;

    if (listener->on_pool != NULL || listener->on_server != NULL || listener->on_topology != NULL ||
        listener->on_heartbeat != NULL) {
        events = muv__mem_zalloc(sizeof(*events));
        if (events == NULL) {
            return MUV_ENOMEM;
        }
        events->listener = *listener;
    }
    *ret = events;
    return 0;
}

static int is_between(int type, int first, int last)
{
    return type >= first && type <= last;
}

static void release(muv__events_t *events, muv__event_t *event)
{
    muv__topology_server_release(event->server);
    if (is_between(event->type, MUV_EVENT_SERVER_OPENING, MUV_EVENT_SERVER_CLOSED)) {
        muv__server_description_release(event->with.description.previous);
        muv__server_description_release(event->with.description.current);
    } else if (is_between(event->type, MUV_EVENT_TOPOLOGY_OPENING, MUV_EVENT_TOPOLOGY_CLOSED)) {
        muv__topology_snapshot_release(event->with.snapshot.previous);
        muv__topology_snapshot_release(event->with.snapshot.current);
    } else {
        muv_error_free(event->with.outcome.error);
        muv__mem_free(event->with.outcome.reply);
        events->kept_bytes -= event->reply_size;
    }
}

static muv__event_t take_first(muv__events_t *events)
{
    muv__event_t event = events->ring[events->first];

    events->first = (events->first + 1) & (events->capacity - 1);
    events->count--;
    return event;
}

void muv__events_free(muv__events_t *events)
{
    if (events == NULL) {
        return;
    }
    while (events->count != 0) {
        muv__event_t event = take_first(events);

        release(events, &event);
    }
    muv__mem_free(events->ring);
    muv__mem_free(events);
}

/* Returns 1, or 0 when the limit is reached or memory is short. */
static int grow(muv__events_t *events)
{
    uint32_t capacity = events->capacity == 0 ? FIRST_CAPACITY : events->capacity * 2;
    uint32_t head = events->capacity - events->first;
    muv__event_t *ring;

    if (capacity > MUV__EVENTS_MAX) {
        return 0;
    }
    ring = muv__mem_array(capacity, sizeof(*ring));
    if (ring == NULL) {
        return 0;
    }
    if (events->count != 0) {
        memcpy(ring, events->ring + events->first, head * sizeof(*ring));
        memcpy(ring + head, events->ring, events->first * sizeof(*ring));
    }
    muv__mem_free(events->ring);
    events->ring = ring;
    events->capacity = capacity;
    events->first = 0;
    return 1;
}

static void give_back_memory(muv__events_t *events)
{
    if (events->count == 0 && events->capacity > KEPT_CAPACITY) {
        muv__mem_free(events->ring);
        events->ring = NULL;
        events->capacity = 0;
        events->first = 0;
    }
}

/* A place in the queue, zeroed but for type, number and time; NULL: the event is left out. */
static muv__event_t *record(muv_client_t *client, int type, muv__topology_server_t *server)
{
    muv__events_t *events = client->events;
    muv__event_t *event;

    events->numbered++;
    if (events->count == events->capacity && !grow(events)) {
        client->stats.events_dropped++;
        return NULL;
    }
    event = &events->ring[(events->first + events->count) & (events->capacity - 1)];
    events->count++;
    memset(event, 0, sizeof(*event));
    event->type = (uint8_t)type;
    event->number = events->numbered;
    event->at_us = client->context.now_us;
    event->server = server == NULL ? NULL : muv__topology_server_retain(server);
    /* Inside a net event the drain follows by itself. */
    if (client->event_depth == 0) {
        muv__net_post(client->net);
    }
    return event;
}

/* Without memory for a copy the event says the code alone. */
static void keep_error(muv__event_t *event, const muv_error_t *error)
{
    event->code = error->code;
    if (muv_error_copy(error, &event->with.outcome.error) != 0) {
        event->with.outcome.error = NULL;
    }
}

/* --- what the machines emit --------------------------------------------------------------------*/

static void on_pool_event(const muv__pool_event_t *from, void *data)
{
    muv__server_t *server = data;
    const muv_error_t *error = server->last_error;
    muv__event_t *event =
        record(server->client, MUV_EVENT_POOL_CREATED + (int)from->type, server->record);

    if (event == NULL) {
        return;
    }
    event->connection_id = from->connection_id;
    event->duration_us = from->duration_us;
    event->reason = (uint8_t)from->reason;
    event->interrupt_in_use = (int8_t)from->interrupt_in_use;
    event->code = from->error;
    if (from->error != 0 && error != NULL && error->code == from->error) {
        keep_error(event, error);
    }
}

_Static_assert(MUV_EVENT_POOL_CREATED + MUV__POOL_CHECKED_IN == MUV_EVENT_CHECKED_IN,
               "pool events come in the same order inside and outside");

void muv__events_watch_pool(muv__server_t *server, muv__pool_config_t *config)
{
    const muv__events_t *events = server->client->events;

    if (events != NULL && events->listener.on_pool != NULL) {
        config->emit = on_pool_event;
        config->emit_data = server;
    }
}

static muv__server_description_t *retain_description(muv__server_description_t *description)
{
    return description == NULL ? NULL : muv__server_description_retain(description);
}

static void on_server_event(muv_client_t *client, const muv__topology_event_t *from, int type)
{
    muv__event_t *event;

    if (client->events->listener.on_server == NULL) {
        return;
    }
    event = record(client, type, from->server);
    if (event != NULL) {
        event->with.description.previous = retain_description(from->previous);
        event->with.description.current = retain_description(from->description);
    }
}

static void on_whole_topology_event(muv_client_t *client, const muv__topology_event_t *from,
                                    int type)
{
    muv__event_t *event;

    if (client->events->listener.on_topology == NULL) {
        return;
    }
    event = record(client, type, NULL);
    if (event != NULL && from->snapshot != NULL) {
        event->with.snapshot.previous = muv__topology_snapshot_retain(from->previous_snapshot);
        event->with.snapshot.current = muv__topology_snapshot_retain(from->snapshot);
    }
}

static void on_topology_event(const muv__topology_event_t *from, void *data)
{
    switch (from->type) {
    case MUV__TOPOLOGY_OPENING:
        on_whole_topology_event(data, from, MUV_EVENT_TOPOLOGY_OPENING);
        break;
    case MUV__TOPOLOGY_CHANGED:
        on_whole_topology_event(data, from, MUV_EVENT_TOPOLOGY_CHANGED);
        break;
    case MUV__TOPOLOGY_CLOSED:
        on_whole_topology_event(data, from, MUV_EVENT_TOPOLOGY_CLOSED);
        break;
    case MUV__TOPOLOGY_SERVER_OPENING: on_server_event(data, from, MUV_EVENT_SERVER_OPENING); break;
    case MUV__TOPOLOGY_SERVER_CHANGED: on_server_event(data, from, MUV_EVENT_SERVER_CHANGED); break;
    case MUV__TOPOLOGY_SERVER_CLOSED: on_server_event(data, from, MUV_EVENT_SERVER_CLOSED); break;
    }
}

void muv__events_watch_topology(muv_client_t *client, muv__topology_config_t *config)
{
    const muv__events_t *events = client->events;

    if (events != NULL &&
        (events->listener.on_server != NULL || events->listener.on_topology != NULL)) {
        config->emit = on_topology_event;
        config->emit_data = client;
    }
}

/* NULL: nobody listens, or the event is left out. */
static muv__event_t *record_heartbeat(muv__server_t *server, int type)
{
    muv_client_t *client = server->client;
    muv__event_t *event;

    if (client->events == NULL || client->events->listener.on_heartbeat == NULL) {
        return NULL;
    }
    event = record(client, type, server->record);
    if (event != NULL && type != MUV_EVENT_HEARTBEAT_STARTED) {
        event->duration_us = client->context.now_us - server->monitor.heartbeat.began_us;
    }
    return event;
}

void muv__events_heartbeat_started(muv__server_t *server)
{
    (void)record_heartbeat(server, MUV_EVENT_HEARTBEAT_STARTED);
}

void muv__events_heartbeat_succeeded(muv__server_t *server, muv__span_t reply,
                                     const muv__server_description_t *description)
{
    muv__events_t *events = server->client->events;
    muv__event_t *event = record_heartbeat(server, MUV_EVENT_HEARTBEAT_SUCCEEDED);

    if (event == NULL) {
        return;
    }
    event->connection_id = (uint64_t)description->connection_id;
    if (reply.size <= MUV__EVENTS_MAX_REPLY_BYTES &&
        events->kept_bytes + reply.size <= MUV__EVENTS_MAX_KEPT_BYTES) {
        event->with.outcome.reply = muv__mem_dup(reply.data, reply.size);
    }
    if (event->with.outcome.reply != NULL) {
        event->reply_size = (uint32_t)reply.size;
        events->kept_bytes += reply.size;
    }
}

void muv__events_heartbeat_failed(muv__server_t *server, const muv_error_t *error)
{
    muv__event_t *event = record_heartbeat(server, MUV_EVENT_HEARTBEAT_FAILED);

    if (event != NULL) {
        keep_error(event, error);
    }
}

/* --- delivery ----------------------------------------------------------------------------------*/

static muv_event_head_t head_of(muv_client_t *client, const muv__event_t *event)
{
    return (muv_event_head_t){.type = event->type,
                              .name = muv_event_name(event->type),
                              .number = event->number,
                              .at_us = event->at_us,
                              .client = client};
}

/* The error to show: the kept one, or one made in `bare` from the code. */
static const muv_error_t *error_of(const muv__event_t *event, muv_error_t *bare)
{
    size_t length;

    if (event->code == 0) {
        return NULL;
    }
    if (event->with.outcome.error != NULL) {
        return event->with.outcome.error;
    }
    (void)muv__error_code(bare, event->code);
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
        .error = error_of(event, &bare),
        .interrupt_in_use = event->interrupt_in_use,
        .settings = type == MUV__POOL_CREATED ? &settings : NULL,
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
        .duration_us = event->duration_us,
        .server_connection_id = (int64_t)event->connection_id,
        .error = error_of(event, &bare),
        .reply = event->with.outcome.reply,
        .reply_size = event->reply_size,
    };

    client->events->listener.on_heartbeat(&out, client->events->listener.data);
}

/* The event leaves the queue first: the listener may cause others, and then the queue may move. */
void muv__events_deliver_one(muv_client_t *client)
{
    muv__events_t *events = client->events;
    muv__event_t event;

    MUV__ASSERT(events->count != 0);
    event = take_first(events);
    if (event.type <= MUV_EVENT_CHECKED_IN) {
        deliver_pool(client, &event);
    } else if (event.type <= MUV_EVENT_TOPOLOGY_CLOSED) {
        deliver_topology(client, &event);
    } else if (event.type <= MUV_EVENT_SERVER_CLOSED) {
        deliver_server(client, &event);
    } else {
        deliver_heartbeat(client, &event);
    }
    release(events, &event);
    give_back_memory(events);
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
