/* SPDX-License-Identifier: Apache-2.0 */
/* The first hello of a connection, and what its reply says of the connection. */
#include "conn/conn_inner.h"

#include <string.h>

#include "topology/server_description.h"
#include "topology/snapshot.h"

int muv__conn_send_hello(muv__conn_t *conn)
{
    muv__outgoing_t *outgoing = muv__outgoing_take(conn->context->outgoing);
    int32_t request_id = muv__conn_next_request_id(conn->context);
    muv__span_t hello = conn->context->hello;
    muv__message_t message;
    int status;

    if (outgoing == NULL) {
        return MUV_ENOMEM;
    }
    muv__buf_append(&outgoing->command.buf, hello.data, hello.size);
    status = conn->establish.log_in ? muv__login_write_hello(conn, outgoing) : 0;
    if (status == 0) {
        status = muv__command_seal(&outgoing->command);
    }
    if (status == 0) {
        status = muv__command_finish(&outgoing->command, request_id, 0, NULL, &message);
    }
    if (status == 0) {
        status = muv__conn_send(conn, outgoing, &message, request_id, 0);
    }
    muv__outgoing_release(outgoing);
    return status;
}

static int refuse(muv__conn_t *conn, int code, const char *why, muv_error_t *error)
{
    char host[MUV__HOST_TEXT_SIZE];

    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(error, code, "handshake with %s: %s", host, why);
    return 0;
}

/* Is this a server to work with? Returns 1, or 0 with `error`. */
static int judge(muv__conn_t *conn, const muv__server_description_t *description,
                 muv_error_t *error)
{
    if (!conn->ops->any_wire_version && (description->max_wire_version < MUV__MIN_WIRE_VERSION ||
                                         description->min_wire_version > MUV__MAX_WIRE_VERSION)) {
        return refuse(conn, MUV_ECOMPAT, muv_error_text(MUV_ECOMPAT), error);
    }
    if (conn->context->load_balanced && !description->has_service_id) {
        /* (Load balancers: the text is prescribed.) */
        (void)muv__error_set(error, MUV_ECOMPAT,
                             "Driver attempted to initialize in load balancing mode, but the "
                             "server does not support this mode.");
        return 0;
    }
    return 1;
}

/* (Compression: the first of ours that the server lists, too. It may answer with any of ours.) */
static void agree_on_compressor(muv__conn_t *conn, uint8_t server_compressors)
{
    muv__conn_context_t *context = conn->context;
    uint8_t offered = 0;

    for (uint8_t i = context->compressor_count; i-- > 0;) {
        uint8_t id = context->compressors[i];

        offered |= (uint8_t)(1u << id);
        if ((server_compressors >> (id - 1) & 1) != 0) {
            conn->limits.compressor = id;
        }
    }
    if (conn->limits.compressor != 0) {
        muv__reader_take_compressed(&conn->reader, offered, &context->inflater);
    }
}

static void take_limits(muv__conn_t *conn, const muv__server_description_t *description)
{
    muv__conn_limits_t *limits = &conn->limits;

    limits->max_bson_size = description->max_bson_size_bytes;
    limits->max_message_size = description->max_message_size_bytes;
    limits->max_write_batch_size = description->max_write_batch_count;
    if (limits->max_message_size < conn->reader.max_message_size) {
        conn->reader.max_message_size = limits->max_message_size;
    }
    limits->max_wire_version = description->max_wire_version;
    limits->server_connection_id = description->connection_id;
    if (!conn->ops->any_wire_version) { /* A monitor says nothing but hello. */
        agree_on_compressor(conn, description->compressors);
    }
    limits->hello_ok = (int8_t)description->hello_ok;
    limits->has_sessions =
        description->session_timeout_minutes >= 0 || conn->context->load_balanced;
    limits->retryable_writes = limits->has_sessions && description->type != MUV__SERVER_STANDALONE;
    limits->has_service_id = description->has_service_id;
    memcpy(limits->service_id, description->service_id, sizeof(limits->service_id));
}

int muv__conn_read_hello(muv__conn_t *conn, muv__span_t reply, muv_error_t *error)
{
    muv__server_description_t *description;
    int accepted;

    if (muv__server_description_parse(reply.data, reply.size, conn->context->now_us,
                                      &description) != 0) {
        return refuse(conn, MUV_ENOMEM, muv_error_text(MUV_ENOMEM), error);
    }
    if (description->failed) {
        (void)refuse(conn, MUV_ESERVER, description->error_text, error);
        error->server_code = description->error_code;
        muv__server_description_release(description);
        return 0;
    }
    accepted = judge(conn, description, error);
    if (accepted) {
        take_limits(conn, description);
    }
    muv__server_description_release(description);
    return accepted;
}
