/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: what was sent, and its one end (Command Logging and Monitoring). The document of a
 * command is put together only here, only when somebody hears of it; a reply is not copied but its
 * chunk counted. */
#include "client/events.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/log.h"
#include "wire/msg.h"

/* Where the first element of a command's body begins with its type. */
#define FIRST_ELEMENT_AT (MUV__MSG_SECTIONS_AT + 1 + 4)

/* No value's text is shorter than a twenty-fourth of its BSON: of a bulk of which the log shows
 * this many bytes, so much is put together when nobody else is to see it. */
#define BSON_PER_TEXT 24

static const uint8_t empty_document[MUV__BSON_EMPTY_SIZE] = {5};
static const uint8_t ok_document[] = {
    17, 0, 0, 0, MUV__BSON_DOUBLE, 'o', 'k', 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0};

/* --- sensitive commands ------------------------------------------------------------------------*/

static int is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 ||
           strcmp(name, "ismaster") == 0;
}

/* (Command Logging and Monitoring: security.) */
static int is_sensitive(const char *name, muv__span_t body)
{
    static const char *const names[] = {"authenticate",   "saslStart",       "saslContinue",
                                        "getnonce",       "createUser",      "updateUser",
                                        "copydbgetnonce", "copydbsaslstart", "copydb"};
    muv__bson_iter_t iter;

    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return is_hello(name) && muv__bson_find(body.data, body.size, "speculativeAuthenticate", &iter);
}

/* --- the watch ---------------------------------------------------------------------------------*/

const char *muv__events_command_name(const muv_op_t *op)
{
    return (const char *)op->outgoing->command.buf.data + FIRST_ELEMENT_AT + 1;
}

uint64_t muv__events_operation_id(const muv_op_t *op)
{
    while (op->parent != NULL) {
        op = op->parent;
    }
    return op->id;
}

void muv__watch_release(muv__watch_t *watch)
{
    if (watch != NULL && --watch->references == 0) {
        muv__mem_free(watch);
    }
}

static muv__watch_t *new_watch(const muv_op_t *op, muv__span_t body)
{
    const muv__conn_limits_t *limits = &op->conn->conn.limits;
    const char *name = muv__events_command_name(op);
    size_t name_size = strlen(name) + 1;
    size_t database_length = 0;
    muv__bson_iter_t iter;
    muv__watch_t *watch;

    if (muv__bson_find(body.data, body.size, "$db", &iter) && iter.type == MUV__BSON_UTF8) {
        database_length = muv__bson_iter_text_length(&iter);
    }
    watch = muv__mem_zalloc(sizeof(*watch) + name_size + database_length + 1);
    if (watch == NULL) {
        return NULL;
    }
    memcpy(watch->name, name, name_size);
    watch->database = watch->name + name_size;
    if (database_length != 0) {
        memcpy(watch->name + name_size, muv__bson_iter_text(&iter), database_length);
    }
    watch->references = 1;
    watch->operation_id = muv__events_operation_id(op);
    watch->connection_id = op->conn->node.id;
    watch->server_connection_id = limits->server_connection_id;
    watch->began_us = op->client->context.now_us;
    watch->sensitive = (uint8_t)is_sensitive(name, body);
    watch->has_service_id = limits->has_service_id;
    memcpy(watch->service_id, limits->service_id, sizeof(watch->service_id));
    return watch;
}

/* A record of the watched command. The caller has made sure that it can be had. */
static muv__event_t *record(muv_op_t *op, int type)
{
    muv__event_t *event = muv__events_record(op->client, type, op->server->record);

    if (event != NULL) {
        event->with.outcome.watch = op->watch;
        op->watch->references++;
        event->duration_us = op->client->context.now_us - op->watch->began_us;
    }
    return event;
}

/* --- documents ---------------------------------------------------------------------------------*/

static void keep(muv__events_t *events, muv__event_t *event, const uint8_t *bytes, size_t size)
{
    event->with.outcome.document = bytes;
    event->document_size = (uint32_t)size;
    events->kept_bytes += size;
}

/* [own] `bytes`, or NULL. */
static void keep_own(muv__events_t *events, muv__event_t *event, uint8_t *bytes, size_t size)
{
    if (bytes != NULL) {
        event->with.outcome.copy = bytes;
        keep(events, event, bytes, size);
    }
}

static void keep_copy(muv__events_t *events, muv__event_t *event, const uint8_t *bytes, size_t size)
{
    if (muv__events_has_room(events, size)) {
        keep_own(events, event, muv__mem_dup(bytes, size), size);
    }
}

/* How many bytes of a bulk's documents are worth putting together. */
static size_t wanted_bytes(const muv__events_t *events)
{
    size_t shown = events->log == NULL ? SIZE_MAX : events->log->config.max_document_length;

    if ((events->audience[MUV_EVENT_COMMAND_STARTED] & MUV__EVENTS_LISTENER) != 0 ||
        shown > SIZE_MAX / BSON_PER_TEXT - 1) {
        return SIZE_MAX;
    }
    return (shown + 1) * BSON_PER_TEXT;
}

/* (Command Logging and Monitoring: document sequences are an array named by their identifier.) */
static void write_sequence(muv__buf_t *to, const muv__sequence_t *sequence, size_t wanted)
{
    muv__bson_mark_t array = muv__bson_begin_array(to, sequence->id, strlen(sequence->id));
    const uint8_t *at = sequence->documents.data;
    size_t left = sequence->documents.size;
    size_t written = 0;
    char key[11];

    for (uint32_t i = 0; left >= MUV__BSON_EMPTY_SIZE && written < wanted; i++) {
        size_t size = muv__load_u32(at);

        if (size < MUV__BSON_EMPTY_SIZE || size > left) {
            break;
        }
        muv__bson_document(to, key, muv__bson_index_key(key, i), muv__span(at, size));
        at += size;
        left -= size;
        written += size;
    }
    muv__bson_end(to, array);
}

static void keep_with_sequence(muv__events_t *events, muv__event_t *event, muv__span_t body,
                               const muv__sequence_t *sequence)
{
    size_t wanted = wanted_bytes(events);
    size_t size = sequence->documents.size < wanted ? sequence->documents.size : wanted;
    muv__bson_mark_t mark;
    muv__buf_t document;

    if (!muv__events_has_room(events, body.size + size)) {
        return;
    }
    muv__buf_init(&document, INT32_MAX);
    mark = muv__bson_begin(&document);
    muv__buf_append(&document, body.data + 4, body.size - MUV__BSON_EMPTY_SIZE);
    write_sequence(&document, sequence, wanted);
    muv__bson_end(&document, mark);
    if (document.error != 0) {
        muv__buf_done(&document);
        return;
    }
    keep_own(events, event, document.data, document.size);
}

static void keep_reply(muv_op_t *op, muv__event_t *event)
{
    muv__events_t *events = op->client->events;

    if (op->watch->sensitive) {
        keep_copy(events, event, empty_document, sizeof(empty_document));
    } else if (op->reply.body.size == 0) {
        keep_copy(events, event, ok_document, sizeof(ok_document));
    } else if (muv__events_has_room(events, op->reply.body.size)) {
        event->with.outcome.chunk = muv__chunk_retain(op->reply.chunk);
        keep(events, event, op->reply.body.data, op->reply.body.size);
    }
}

/* --- start and end -----------------------------------------------------------------------------*/

void muv__events_command_started(muv_op_t *op, int32_t request_id)
{
    muv_client_t *client = op->client;
    muv__span_t body = muv__command_body(&op->outgoing->command);
    muv__event_t *event;

    if (!muv__events_wanted(client->events, MUV_EVENT_COMMAND_STARTED)) {
        return;
    }
    op->watch = new_watch(op, body);
    if (op->watch == NULL) {
        /* Its end will not be told either. */
        muv__events_leave_out(client, MUV_EVENT_COMMAND_STARTED);
        return;
    }
    op->watch->request_id = request_id;
    event = record(op, MUV_EVENT_COMMAND_STARTED);
    if (event == NULL) {
        muv__watch_release(op->watch);
        op->watch = NULL;
    } else if (op->watch->sensitive) {
        keep_copy(client->events, event, empty_document, sizeof(empty_document));
    } else if (op->has_sequence) {
        keep_with_sequence(client->events, event, body, &op->sequence);
    } else {
        keep_copy(client->events, event, body.data, body.size);
    }
}

/* A server's own words about a command with credentials may repeat them. */
static void keep_failure(muv_op_t *op, muv__event_t *event)
{
    muv__events_t *events = op->client->events;
    muv_error_t error;

    if (!op->watch->sensitive || (op->error.code != MUV_ESERVER && op->error.reply == NULL)) {
        muv__events_keep_error(events, event, &op->error);
        return;
    }
    muv__error_assign(&error, &op->error);
    (void)memcpy(error.message, "redacted", sizeof("redacted"));
    muv__events_keep_error(events, event, &error);
}

void muv__events_command_ended(muv_op_t *op, muv__op_event_t event_type)
{
    int succeeded = event_type == MUV__OP_ON_SENT ||
                    (event_type == MUV__OP_ON_REPLY && (op->error.code == 0 || op->concern_failed));
    muv__event_t *event =
        record(op, succeeded ? MUV_EVENT_COMMAND_SUCCEEDED : MUV_EVENT_COMMAND_FAILED);

    if (event != NULL && succeeded) {
        keep_reply(op, event);
    } else if (event != NULL) {
        keep_failure(op, event);
    }
    muv__watch_release(op->watch);
    op->watch = NULL;
}
