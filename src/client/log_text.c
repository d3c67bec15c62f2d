/* SPDX-License-Identifier: Apache-2.0 */
/* The messages, as the specifications name them and their data: Command Logging and Monitoring,
 * Server Selection, Server Discovery and Monitoring, Connection Monitoring and Pooling. */
#include "client/log.h"

#include <stdio.h>
#include <string.h>

#include "base/bson_writer.h"
#include "base/error.h"
#include "base/json.h"
#include "client/client_inner.h"

#define US_PER_MS 1000

/* Of a topology's description; a replica set needs about a fifth. */
#define TOPOLOGY_TEXT_SIZE 4096

#define FAILURE_TEXT_SIZE (MUV_ERROR_MESSAGE_SIZE + 64)

#define ROW(level, component, text)                                                                \
    {                                                                                              \
        MUV_LOG_##level, MUV_LOG_##component, text                                                 \
    }

static const muv__log_row_t rows[MUV__EVENT_COUNT] = {
    [MUV_EVENT_POOL_CREATED] = ROW(DEBUG, CONNECTION, "Connection pool created"),
    [MUV_EVENT_POOL_READY] = ROW(DEBUG, CONNECTION, "Connection pool ready"),
    [MUV_EVENT_POOL_CLEARED] = ROW(DEBUG, CONNECTION, "Connection pool cleared"),
    [MUV_EVENT_POOL_CLOSED] = ROW(DEBUG, CONNECTION, "Connection pool closed"),
    [MUV_EVENT_CONNECTION_CREATED] = ROW(DEBUG, CONNECTION, "Connection created"),
    [MUV_EVENT_CONNECTION_READY] = ROW(DEBUG, CONNECTION, "Connection ready"),
    [MUV_EVENT_CONNECTION_CLOSED] = ROW(DEBUG, CONNECTION, "Connection closed"),
    [MUV_EVENT_CHECK_OUT_STARTED] = ROW(DEBUG, CONNECTION, "Connection checkout started"),
    [MUV_EVENT_CHECK_OUT_FAILED] = ROW(DEBUG, CONNECTION, "Connection checkout failed"),
    [MUV_EVENT_CHECKED_OUT] = ROW(DEBUG, CONNECTION, "Connection checked out"),
    [MUV_EVENT_CHECKED_IN] = ROW(DEBUG, CONNECTION, "Connection checked in"),
    [MUV_EVENT_TOPOLOGY_OPENING] = ROW(DEBUG, TOPOLOGY, "Starting topology monitoring"),
    [MUV_EVENT_TOPOLOGY_CHANGED] = ROW(DEBUG, TOPOLOGY, "Topology description changed"),
    [MUV_EVENT_TOPOLOGY_CLOSED] = ROW(DEBUG, TOPOLOGY, "Stopped topology monitoring"),
    [MUV_EVENT_SERVER_OPENING] = ROW(DEBUG, TOPOLOGY, "Starting server monitoring"),
    [MUV_EVENT_SERVER_CLOSED] = ROW(DEBUG, TOPOLOGY, "Stopped server monitoring"),
    [MUV_EVENT_HEARTBEAT_STARTED] = ROW(DEBUG, TOPOLOGY, "Server heartbeat started"),
    [MUV_EVENT_HEARTBEAT_SUCCEEDED] = ROW(DEBUG, TOPOLOGY, "Server heartbeat succeeded"),
    [MUV_EVENT_HEARTBEAT_FAILED] = ROW(DEBUG, TOPOLOGY, "Server heartbeat failed"),
    [MUV_EVENT_COMMAND_STARTED] = ROW(DEBUG, COMMAND, "Command started"),
    [MUV_EVENT_COMMAND_SUCCEEDED] = ROW(DEBUG, COMMAND, "Command succeeded"),
    [MUV_EVENT_COMMAND_FAILED] = ROW(DEBUG, COMMAND, "Command failed"),
    [MUV__EVENT_SRV_FAILED] = ROW(WARN, TOPOLOGY, "SRV records could not be used"),
    [MUV__EVENT_SELECTION_STARTED] = ROW(DEBUG, SERVER_SELECTION, "Server selection started"),
    [MUV__EVENT_SELECTION_SUCCEEDED] = ROW(DEBUG, SERVER_SELECTION, "Server selection succeeded"),
    [MUV__EVENT_SELECTION_FAILED] = ROW(DEBUG, SERVER_SELECTION, "Server selection failed"),
    [MUV__EVENT_SELECTION_WAITING] =
        ROW(INFO, SERVER_SELECTION, "Waiting for suitable server to become available"),
};

const muv__log_row_t *muv__log_row(int type)
{
    return &rows[type];
}

/* --- members that several messages have --------------------------------------------------------*/

static void add_text(muv__buf_t *to, const char *key, const char *text)
{
    muv__bson_utf8(to, key, strlen(key), text, strlen(text));
}

static void add_int64(muv__buf_t *to, const char *key, int64_t value)
{
    muv__bson_int64(to, key, strlen(key), value);
}

/* Not present rather than null (Logging: omitting null values). */
static void add_id(muv__buf_t *to, const char *key, int64_t id)
{
    if (id != 0) {
        add_int64(to, key, id);
    }
}

static void add_ms(muv__buf_t *to, const char *key, int64_t value_us)
{
    muv__bson_double(to, key, strlen(key), (double)value_us / US_PER_MS);
}

static void add_server(muv__buf_t *to, const muv__topology_server_t *server)
{
    if (server != NULL) {
        add_text(to, "serverHost", server->host.name);
        if (server->host.kind != MUV__HOST_UNIX) {
            muv__bson_int32(to, MUV__KEY("serverPort"), server->host.port);
        }
    }
}

static void add_service(muv__buf_t *to, const uint8_t id[12])
{
    char text[25];

    for (int i = 0; i < 12; i++) {
        (void)snprintf(text + (ptrdiff_t)2 * i, 3, "%02x", id[i]);
    }
    add_text(to, "serviceId", text);
}

static void add_document(muv__log_t *log, const char *key, muv__span_t document)
{
    muv__buf_reset(&log->text, log->text.capacity);
    muv__json_append(&log->text, document, log->config.max_document_length);
    if (log->text.error != 0) {
        log->message.error = log->text.error;
        return;
    }
    muv__bson_utf8(&log->message, key, strlen(key), (const char *)log->text.data, log->text.size);
}

/* What the server answered, or what befell us. */
static void add_failure(muv__log_t *log, const char *key, const muv_error_t *error)
{
    char text[FAILURE_TEXT_SIZE];

    if (error->reply != NULL) {
        add_document(log, key, muv__span(error->reply, error->reply_size));
        return;
    }
    (void)snprintf(text, sizeof(text), "%s: %s", muv_error_name(error->code), error->message);
    add_text(&log->message, key, text);
}

/* --- connections -------------------------------------------------------------------------------*/

/* Only what the user has set (CMAP: pool created message). */
static void add_pool_options(muv__buf_t *to, const muv_client_t *client)
{
    const muv__options_t *options = &client->uri->options;
    const struct {
        muv__option_t option;
        const char *key;
        int64_t value;
    } shown[] = {
        {MUV__OPTION_MAX_IDLE_TIME, "maxIdleTimeMS", options->max_idle_time_ms},
        {MUV__OPTION_MIN_POOL_SIZE, "minPoolSize", options->min_pool_size},
        {MUV__OPTION_MAX_POOL_SIZE, "maxPoolSize", options->max_pool_size},
        {MUV__OPTION_MAX_CONNECTING, "maxConnecting", options->max_connecting},
        {MUV__OPTION_WAIT_QUEUE_TIMEOUT, "waitQueueTimeoutMS", options->wait_queue_timeout_ms},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(shown); i++) {
        if (muv__options_has(options, shown[i].option)) {
            add_int64(to, shown[i].key, shown[i].value);
        }
    }
}

static void add_pool(muv_client_t *client, const muv__event_t *event)
{
    muv__log_t *log = client->events->log;
    muv__buf_t *to = &log->message;
    muv__pool_event_type_t type = (muv__pool_event_type_t)(event->type - MUV_EVENT_POOL_CREATED);
    muv__pool_reason_t reason = (muv__pool_reason_t)event->reason;
    muv_error_t bare;
    const muv_error_t *error = muv__events_error(event, &bare);

    add_server(to, event->server);
    add_id(to, "driverConnectionId", (int64_t)event->connection_id);
    if (type == MUV__POOL_CREATED) {
        add_pool_options(to, client);
    }
    if (event->has_service_id) {
        add_service(to, event->service_id);
    }
    if (reason != MUV__POOL_REASON_NONE) {
        add_text(to, "reason", muv__pool_reason_message(type, reason));
    }
    if (error != NULL &&
        (reason == MUV__POOL_REASON_ERROR || reason == MUV__POOL_REASON_CONNECTION_ERROR)) {
        add_failure(log, "error", error);
    }
    if (type == MUV__POOL_CONNECTION_READY || type == MUV__POOL_CHECK_OUT_FAILED ||
        type == MUV__POOL_CHECKED_OUT) {
        add_ms(to, "durationMS", event->duration_us);
    }
}

/* --- topology ----------------------------------------------------------------------------------*/

static void add_snapshot(muv__buf_t *to, const char *key, const muv__topology_snapshot_t *snapshot)
{
    char text[TOPOLOGY_TEXT_SIZE];

    muv__topology_snapshot_text(snapshot, text, sizeof(text));
    add_text(to, key, text);
}

static void add_topology(muv__log_t *log, const muv__event_t *event)
{
    add_text(&log->message, "topologyId", log->topology_id);
    if (event->type == MUV_EVENT_TOPOLOGY_CHANGED) {
        add_snapshot(&log->message, "previousDescription", event->with.snapshot.previous);
        add_snapshot(&log->message, "newDescription", event->with.snapshot.current);
    }
}

static void add_srv(muv__log_t *log, const muv__event_t *event)
{
    muv_error_t bare;
    const muv_error_t *error = muv__events_error(event, &bare);

    add_text(&log->message, "topologyId", log->topology_id);
    if (error != NULL) {
        add_failure(log, "failure", error);
    }
}

static void add_heartbeat(muv__log_t *log, const muv__event_t *event)
{
    muv__buf_t *to = &log->message;
    muv_error_t bare;
    const muv_error_t *error = muv__events_error(event, &bare);

    add_text(to, "topologyId", log->topology_id);
    add_server(to, event->server);
    add_int64(to, "driverConnectionId", (int64_t)event->connection_id);
    add_id(to, "serverConnectionId", event->server_connection_id);
    muv__bson_bool(to, MUV__KEY("awaited"), event->awaited);
    if (event->type != MUV_EVENT_HEARTBEAT_STARTED) {
        add_ms(to, "durationMS", event->duration_us);
    }
    if (event->with.outcome.document != NULL) {
        add_document(log, "reply", muv__span(event->with.outcome.document, event->document_size));
    }
    if (error != NULL) {
        add_failure(log, "failure", error);
    }
}

/* --- commands ----------------------------------------------------------------------------------*/

/* All that is left of what a server says to a command with credentials. */
static void add_redacted(muv__log_t *log, const muv_error_t *error)
{
    muv__buf_t document;
    muv__bson_mark_t mark;
    muv__bson_mark_t labels;
    char key[11];
    uint32_t count = 0;

    muv__buf_init(&document, MUV__LOG_MAX_MESSAGE_BYTES);
    mark = muv__bson_begin(&document);
    muv__bson_int32(&document, MUV__KEY("code"), error->server_code);
    add_text(&document, "codeName", error->code_name);
    labels = muv__bson_begin_array(&document, MUV__KEY("errorLabels"));
#define ADD_LABEL(suffix, bit, text)                                                               \
    if ((error->labels & MUV_LABEL_##suffix) != 0) {                                               \
        size_t length = muv__bson_index_key(key, count++);                                         \
                                                                                                   \
        muv__bson_utf8(&document, key, length, text, sizeof(text) - 1);                            \
    }
    MUV_LABEL_MAP(ADD_LABEL)
#undef ADD_LABEL
    muv__bson_end(&document, labels);
    muv__bson_end(&document, mark);
    if (document.error == 0) {
        add_document(log, "failure", muv__span(document.data, document.size));
    } else {
        log->message.error = document.error;
    }
    muv__buf_done(&document);
}

static void add_command(muv__log_t *log, const muv__event_t *event)
{
    const muv__watch_t *watch = event->with.outcome.watch;
    muv__buf_t *to = &log->message;
    muv_error_t bare;
    const muv_error_t *error = muv__events_error(event, &bare);

    add_text(to, "commandName", watch->name);
    add_text(to, "databaseName", watch->database);
    muv__bson_int32(to, MUV__KEY("requestId"), watch->request_id);
    add_int64(to, "operationId", (int64_t)watch->operation_id);
    add_int64(to, "driverConnectionId", (int64_t)watch->connection_id);
    add_server(to, event->server);
    add_id(to, "serverConnectionId", watch->server_connection_id);
    if (watch->has_service_id) {
        add_service(to, watch->service_id);
    }
    if (event->type != MUV_EVENT_COMMAND_STARTED) {
        add_ms(to, "durationMS", event->duration_us);
    }
    if (event->with.outcome.document != NULL) {
        add_document(log, event->type == MUV_EVENT_COMMAND_STARTED ? "command" : "reply",
                     muv__span(event->with.outcome.document, event->document_size));
    }
    if (error != NULL && watch->sensitive && error->code == MUV_ESERVER) {
        add_redacted(log, error);
    } else if (error != NULL) {
        add_failure(log, "failure", error);
    }
}

/* --- server selection --------------------------------------------------------------------------*/

static void add_selection(muv__buf_t *to, const muv__event_t *event)
{
    const muv__selection_note_t *note = event->with.selection;

    add_text(to, "selector", note->selector);
    add_int64(to, "operationId", (int64_t)note->operation_id);
    add_text(to, "operation", note->operation);
    add_snapshot(to, "topologyDescription", note->snapshot);
    if (event->type == MUV__EVENT_SELECTION_SUCCEEDED) {
        add_server(to, event->server);
    }
    if (event->type == MUV__EVENT_SELECTION_WAITING && note->remaining_us >= 0) {
        add_int64(to, "remainingTimeMS", note->remaining_us / US_PER_MS);
    }
    if (note->failure != NULL) {
        add_text(to, "failure", note->failure);
    }
}

void muv__log_write_data(muv_client_t *client, const muv__event_t *event)
{
    muv__log_t *log = client->events->log;
    muv__bson_mark_t mark = muv__bson_begin(&log->message);

    add_text(&log->message, "message", muv__log_row(event->type)->text);
    if (event->type <= MUV_EVENT_CHECKED_IN) {
        add_pool(client, event);
    } else if (event->type <= MUV_EVENT_TOPOLOGY_CLOSED) {
        add_topology(log, event);
    } else if (event->type <= MUV_EVENT_SERVER_CLOSED) {
        add_topology(log, event);
        add_server(&log->message, event->server);
    } else if (event->type <= MUV_EVENT_HEARTBEAT_FAILED) {
        add_heartbeat(log, event);
    } else if (event->type <= MUV_EVENT_COMMAND_FAILED) {
        add_command(log, event);
    } else if (event->type == MUV__EVENT_SRV_FAILED) {
        add_srv(log, event);
    } else {
        add_selection(&log->message, event);
    }
    muv__bson_end(&log->message, mark);
}
