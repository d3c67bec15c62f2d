/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of records, and recording of what the machines emit. */
#include "client/events.h"

#include <string.h>

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/log.h"
#include "uri/read_pref.h"

#define FIRST_CAPACITY 64

/* An empty queue that had to grow beyond this gives its memory back. */
#define KEPT_CAPACITY 1024

/* --- who hears what ----------------------------------------------------------------------------*/

static void add_audience(muv__events_t *events, int first, int last, uint8_t who)
{
    for (int type = first; type <= last; type++) {
        events->audience[type] |= who;
    }
}

static void add_listener(muv__events_t *events, const muv_listener_t *listener)
{
    events->listener = *listener;
    if (listener->on_pool != NULL) {
        add_audience(events, MUV_EVENT_POOL_CREATED, MUV_EVENT_CHECKED_IN, MUV__EVENTS_LISTENER);
    }
    if (listener->on_topology != NULL) {
        add_audience(events, MUV_EVENT_TOPOLOGY_OPENING, MUV_EVENT_TOPOLOGY_CLOSED,
                     MUV__EVENTS_LISTENER);
    }
    if (listener->on_server != NULL) {
        add_audience(events, MUV_EVENT_SERVER_OPENING, MUV_EVENT_SERVER_CLOSED,
                     MUV__EVENTS_LISTENER);
    }
    if (listener->on_heartbeat != NULL) {
        add_audience(events, MUV_EVENT_HEARTBEAT_STARTED, MUV_EVENT_HEARTBEAT_FAILED,
                     MUV__EVENTS_LISTENER);
    }
    if (listener->on_command != NULL) {
        add_audience(events, MUV_EVENT_COMMAND_STARTED, MUV_EVENT_COMMAND_FAILED,
                     MUV__EVENTS_LISTENER);
    }
}

static void add_log(muv__events_t *events, muv__log_t *log)
{
    events->log = log;
    for (int type = MUV_EVENT_NONE + 1; type < MUV__EVENT_COUNT; type++) {
        if (muv__log_tells(log, type)) {
            events->audience[type] |= MUV__EVENTS_LOG;
        }
    }
}

static int is_wanted(const muv__events_t *events)
{
    for (int type = MUV_EVENT_NONE + 1; type < MUV__EVENT_COUNT; type++) {
        if (events->audience[type] != 0) {
            return 1;
        }
    }
    return 0;
}

int muv__events_new(const muv_listener_t *listener, muv__log_t *log, muv__events_t **ret)
{
    muv__events_t *events = muv__mem_zalloc(sizeof(*events));

    if (events == NULL) {
        muv__log_free(log);
        return MUV_ENOMEM;
    }
    if (listener != NULL) {
        add_listener(events, listener);
    }
    if (log != NULL) {
        add_log(events, log);
    }
    if (!is_wanted(events)) {
        muv__events_free(events);
        events = NULL;
    }
    *ret = events;
    return 0;
}

int muv__events_open(muv_client_t *client, const muv_client_opts_t *opts, muv_error_t *reterr)
{
    const muv_listener_t *listener = opts == NULL ? NULL : opts->listener;
    muv__log_t *log = NULL;
    int status = muv__log_new(opts == NULL ? NULL : opts->log, reterr, &log);

    if (status != 0 || (listener == NULL && log == NULL)) {
        return status;
    }
    status = muv__events_new(listener, log, &client->events);
    return status == 0 ? 0 : muv__error_code(reterr, status);
}

/* --- the queue ---------------------------------------------------------------------------------*/

static int is_between(int type, int first, int last)
{
    return type >= first && type <= last;
}

static void release_outcome(muv__events_t *events, muv__event_t *event)
{
    muv__watch_release(event->with.outcome.watch);
    muv_error_free(event->with.outcome.error);
    if (event->with.outcome.chunk != NULL) {
        muv__chunk_release(event->with.outcome.chunk);
    }
    muv__mem_free(event->with.outcome.copy);
    events->kept_bytes -= event->document_size;
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
    } else if (event->type >= MUV__EVENT_SELECTION_STARTED) {
        muv__topology_snapshot_release(event->with.selection->snapshot);
        muv__mem_free(event->with.selection);
    } else {
        release_outcome(events, event);
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
    muv__log_free(events->log);
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

/* The listener's numbers show what it did not hear. */
static void number_next(muv__events_t *events, int type)
{
    events->numbered += (events->audience[type] & MUV__EVENTS_LISTENER) != 0;
}

void muv__events_leave_out(muv_client_t *client, int type)
{
    number_next(client->events, type);
    client->stats.events_dropped++;
}

muv__event_t *muv__events_record(muv_client_t *client, int type, muv__topology_server_t *server)
{
    muv__events_t *events = client->events;
    muv__event_t *event;

    if (!muv__events_wanted(events, type)) {
        return NULL;
    }
    if (events->count == events->capacity && !grow(events)) {
        muv__events_leave_out(client, type);
        return NULL;
    }
    number_next(events, type);
    event = &events->ring[(events->first + events->count) & (events->capacity - 1)];
    events->count++;
    memset(event, 0, sizeof(*event));
    event->type = (uint8_t)type;
    event->audience = events->audience[type];
    event->number = events->numbered;
    event->at_us = client->context.now_us;
    event->server = server == NULL ? NULL : muv__topology_server_retain(server);
    /* Inside a net event the drain follows by itself. */
    if (client->event_depth == 0) {
        muv__net_post(client->net);
    }
    return event;
}

/* The record made last is taken back: it cannot be completed. */
static void leave_out_last(muv_client_t *client, muv__event_t *event)
{
    muv__topology_server_release(event->server);
    client->events->count--;
    client->stats.events_dropped++;
}

void muv__events_keep_error(muv__events_t *events, muv__event_t *event, const muv_error_t *error)
{
    muv_error_t bare;

    event->code = error->code;
    if (error->reply != NULL && !muv__events_has_room(events, error->reply_size)) {
        muv__error_assign(&bare, error);
        error = &bare;
    }
    if (muv_error_copy(error, &event->with.outcome.error) != 0) {
        event->with.outcome.error = NULL;
    } else if (error->reply != NULL) {
        event->document_size = error->reply_size;
        events->kept_bytes += error->reply_size;
    }
}

int muv__events_has_room(const muv__events_t *events, size_t bytes)
{
    return events->kept_bytes == 0 || (events->kept_bytes <= MUV__EVENTS_MAX_KEPT_BYTES &&
                                       bytes <= MUV__EVENTS_MAX_KEPT_BYTES - events->kept_bytes);
}

/* --- what the machines emit --------------------------------------------------------------------*/

static void on_pool_event(const muv__pool_event_t *from, void *data)
{
    muv__server_t *server = data;
    const muv_error_t *error = server->last_error;
    muv__event_t *event = muv__events_record(
        server->client, MUV_EVENT_POOL_CREATED + (int)from->type, server->record);

    if (event == NULL) {
        return;
    }
    event->connection_id = from->connection_id;
    event->duration_us = from->duration_us;
    event->reason = (uint8_t)from->reason;
    event->interrupt_in_use = (int8_t)from->interrupt_in_use;
    event->code = from->error;
    if (from->service_id != NULL) {
        event->has_service_id = 1;
        memcpy(event->service_id, from->service_id, sizeof(event->service_id));
    }
    if (from->error != 0 && error != NULL && error->code == from->error) {
        muv__events_keep_error(server->client->events, event, error);
    }
}

_Static_assert(MUV_EVENT_POOL_CREATED + MUV__POOL_CHECKED_IN == MUV_EVENT_CHECKED_IN,
               "pool events come in the same order inside and outside");

void muv__events_watch_pool(muv__server_t *server, muv__pool_config_t *config)
{
    if (muv__events_wanted(server->client->events, MUV_EVENT_POOL_CREATED)) {
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
    muv__event_t *event = muv__events_record(client, type, from->server);

    if (event != NULL) {
        event->with.description.previous = retain_description(from->previous);
        event->with.description.current = retain_description(from->description);
    }
}

static void on_whole_topology_event(muv_client_t *client, const muv__topology_event_t *from,
                                    int type)
{
    muv__event_t *event = muv__events_record(client, type, NULL);

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
    if (muv__events_wanted(client->events, MUV_EVENT_SERVER_CLOSED) ||
        muv__events_wanted(client->events, MUV_EVENT_TOPOLOGY_CLOSED)) {
        config->emit = on_topology_event;
        config->emit_data = client;
    }
}

/* --- heartbeats --------------------------------------------------------------------------------*/

static muv__event_t *record_heartbeat(muv__server_t *server, int type)
{
    const muv__monitor_t *monitor = &server->monitor;
    muv__event_t *event = muv__events_record(server->client, type, server->record);

    if (event == NULL) {
        return NULL;
    }
    event->connection_id = monitor->connection_id;
    event->awaited = monitor->awaited;
    if (type != MUV_EVENT_HEARTBEAT_STARTED) {
        event->duration_us = server->client->context.now_us - monitor->heartbeat.began_us;
    }
    if (monitor->conn != NULL) {
        event->server_connection_id = monitor->conn->conn.limits.server_connection_id;
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
    if (description->connection_id != 0) {
        event->server_connection_id = description->connection_id;
    }
    if (reply.size <= MUV__EVENTS_MAX_REPLY_BYTES && muv__events_has_room(events, reply.size)) {
        event->with.outcome.copy = muv__mem_dup(reply.data, reply.size);
        event->with.outcome.document = event->with.outcome.copy;
    }
    if (event->with.outcome.document != NULL) {
        event->document_size = (uint32_t)reply.size;
        events->kept_bytes += reply.size;
    }
}

void muv__events_heartbeat_failed(muv__server_t *server, const muv_error_t *error)
{
    muv__event_t *event = record_heartbeat(server, MUV_EVENT_HEARTBEAT_FAILED);

    if (event != NULL) {
        muv__events_keep_error(server->client->events, event, error);
    }
}

void muv__events_srv_failed(muv_client_t *client, const muv_error_t *error)
{
    muv__event_t *event = muv__events_record(client, MUV__EVENT_SRV_FAILED, NULL);

    if (event != NULL) {
        muv__events_keep_error(client->events, event, error);
    }
}

/* --- server selection --------------------------------------------------------------------------*/

/* The first key of the command, or what an operation without one is for. */
static const char *operation_name(const muv_op_t *op)
{
    return op->outgoing == NULL ? "connect" : muv__events_command_name(op);
}

static void write_selector(const muv_op_t *op, muv__buf_t *text)
{
    muv__buf_t document;
    muv__bson_mark_t mark;

    if (op->kind == MUV_COMMAND_WRITE && !op->output) {
        muv__buf_append(text, "writable", 8);
        return;
    }
    if (op->concerns == NULL || (op->tail & MUV__TAIL_READ_PREFERENCE) == 0) {
        muv__buf_append(text, "{\"mode\": \"primary\"}", 19);
        return;
    }
    muv__buf_init(&document, MUV__EVENTS_MAX_REPLY_BYTES);
    mark = muv__bson_begin(&document);
    muv__read_pref_write(&op->concerns->read_pref, &document);
    muv__bson_end(&document, mark);
    if (document.error == 0) {
        muv__json_append(text, muv__span(document.data, document.size),
                         MUV__EVENTS_MAX_REPLY_BYTES);
    }
    muv__buf_done(&document);
}

static int64_t remaining_us(const muv_op_t *op)
{
    const muv_client_t *client = op->client;
    int64_t limit_us = client->settings.selection_timeout_us;
    int64_t rest_us = op->due_us == INT64_MAX ? INT64_MAX : op->due_us - client->context.now_us;

    rest_us = rest_us < limit_us ? rest_us : limit_us;
    return rest_us == INT64_MAX ? -1 : rest_us < 0 ? 0 : rest_us;
}

/* NULL when out of memory. */
static muv__selection_note_t *new_selection_note(muv_op_t *op, const char *failure)
{
    const char *name = operation_name(op);
    size_t name_size = strlen(name) + 1;
    size_t failure_size = failure == NULL ? 0 : strlen(failure) + 1;
    muv__selection_note_t *note = NULL;
    muv__buf_t selector;

    muv__buf_init(&selector, 2 * MUV__EVENTS_MAX_REPLY_BYTES);
    write_selector(op, &selector);
    muv__buf_append(&selector, "", 1);
    if (selector.error == 0) {
        note = muv__mem_zalloc(sizeof(*note) + name_size + selector.size + failure_size);
    }
    if (note != NULL) {
        memcpy(note->operation, name, name_size);
        memcpy(note->operation + name_size, selector.data, selector.size);
        note->selector = note->operation + name_size;
        if (failure != NULL) {
            note->failure =
                memcpy(note->operation + name_size + selector.size, failure, failure_size);
        }
        note->operation_id = muv__events_operation_id(op);
        note->remaining_us = remaining_us(op);
        note->snapshot = muv__topology_snapshot_retain(op->client->topology.snapshot);
    }
    muv__buf_done(&selector);
    return note;
}

void muv__events_selection(muv_op_t *op, int type, const char *failure)
{
    muv_client_t *client = op->client;
    muv__topology_server_t *server = op->server == NULL ? NULL : op->server->record;
    muv__event_t *event;

    if (type == MUV__EVENT_SELECTION_WAITING && op->told_waiting) {
        return; /* (Server Selection: once for each operation.) */
    }
    op->told_waiting |= type == MUV__EVENT_SELECTION_WAITING;
    event = muv__events_record(client, type, server);
    if (event == NULL) {
        return;
    }
    event->with.selection = new_selection_note(op, failure);
    if (event->with.selection == NULL) {
        leave_out_last(client, event);
    }
}

/* --- delivery ----------------------------------------------------------------------------------*/

/* The record leaves the queue first: the listener may cause others, and then the queue may move. */
void muv__events_deliver_one(muv_client_t *client)
{
    muv__events_t *events = client->events;
    muv__event_t event;

    MUV__ASSERT(events->count != 0);
    event = take_first(events);
    if ((event.audience & MUV__EVENTS_LISTENER) != 0) {
        muv__events_tell(client, &event);
    }
    if ((event.audience & MUV__EVENTS_LOG) != 0) {
        muv__log_tell(client, &event);
    }
    release(events, &event);
    if (events->count == 0) {
        if (events->log != NULL) {
            muv__log_flush(events->log);
        }
        give_back_memory(events);
    }
}
