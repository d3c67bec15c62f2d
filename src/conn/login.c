/* SPDX-License-Identifier: Apache-2.0 */
/* The login of a connection (src/auth) carried out: its part of hello, its commands, and the
 * hashing that all logins of a client share, one slice a turn. */
#include "conn/conn_inner.h"

#include <string.h>

#include "auth/auth.h"
#include "base/assert.h"
#include "base/mem.h"

#include <openssl/crypto.h>

struct muv__login {
    muv__auth_t auth;
    muv__conn_t *conn;
};

void muv__login_end(muv__conn_t *conn)
{
    if (conn->login != NULL) {
        muv__auth_done(&conn->login->auth);
        muv__mem_free(conn->login);
        conn->login = NULL;
    }
}

int muv__login_write_hello(muv__conn_t *conn, muv__outgoing_t *outgoing)
{
    muv__conn_context_t *context = conn->context;
    uint8_t random[MUV__AUTH_RANDOM_SIZE];
    int status = muv__net_random(context->net, random, sizeof(random));

    MUV__ASSERT(conn->login == NULL);
    if (status != 0) {
        return status;
    }
    conn->login = muv__mem_zalloc(sizeof(*conn->login));
    if (conn->login == NULL) {
        return MUV_ENOMEM;
    }
    conn->login->conn = conn;
    muv__auth_init(&conn->login->auth, context->credential, context->keys, random,
                   muv__net_wall_s(context->net));
    OPENSSL_cleanse(random, sizeof(random));
    outgoing->secret = 1;
    muv__auth_write_hello(&conn->login->auth, &outgoing->command.buf);
    return 0;
}

static int send_command(muv__conn_t *conn, muv__outgoing_t *outgoing)
{
    int32_t request_id = muv__conn_next_request_id(conn->context);
    muv__span_t server_api = conn->context->server_api;
    muv__message_t message;
    int status;

    muv__buf_append(&outgoing->command.buf, server_api.data, server_api.size);
    status = muv__command_seal(&outgoing->command);

    if (status == 0) {
        status = muv__command_finish(&outgoing->command, request_id, 0, NULL, &message);
    }
    if (status == 0) {
        status = muv__conn_send(conn, outgoing, &message, request_id, 0);
    }
    return status;
}

/* What a step of the machine wants. The command, if there is one, is in `outgoing`. */
static void carry_out(muv__conn_t *conn, muv__auth_result_t result, muv__outgoing_t *outgoing,
                      const muv_error_t *error)
{
    int status;

    switch (result) {
    case MUV__AUTH_SEND:
        status = send_command(conn, outgoing);
        if (status < 0) {
            muv__conn_fail_system(conn, status, "logging in to");
        }
        return;
    case MUV__AUTH_WORK: muv__net_post(conn->context->net); return;
    case MUV__AUTH_DONE: muv__conn_logged_in(conn); return;
    case MUV__AUTH_FAILED:
    default: muv__conn_fail(conn, error); return;
    }
}

/* A buffer for the next command; NULL: the connection has failed for want of memory. */
static muv__outgoing_t *take_outgoing(muv__conn_t *conn)
{
    muv__outgoing_t *outgoing = muv__outgoing_take(conn->context->outgoing);

    if (outgoing == NULL) {
        muv__conn_fail_system(conn, MUV_ENOMEM, "logging in to");
        return NULL;
    }
    outgoing->secret = 1;
    return outgoing;
}

void muv__login_on_hello(muv__conn_t *conn, muv__span_t hello)
{
    muv__outgoing_t *outgoing = take_outgoing(conn);
    muv__auth_result_t result;
    muv_error_t error;

    if (outgoing != NULL) {
        result = muv__auth_on_hello(&conn->login->auth, hello, &outgoing->command.buf, &error);
        carry_out(conn, result, outgoing, &error);
        muv__outgoing_release(outgoing);
    }
}

void muv__login_on_reply(muv__conn_t *conn, muv__span_t reply)
{
    muv__outgoing_t *outgoing;
    muv__auth_result_t result;
    muv_error_t error;

    if (conn->login->auth.state == MUV__AUTH_STATE_HASHING) {
        /* Nothing was asked since the last reply. */
        muv__conn_fail_wire(conn, MUV__WIRE_UNEXPECTED);
        return;
    }
    outgoing = take_outgoing(conn);
    if (outgoing != NULL) {
        result = muv__auth_step(&conn->login->auth, reply, &outgoing->command.buf, &error);
        carry_out(conn, result, outgoing, &error);
        muv__outgoing_release(outgoing);
    }
}

static void on_keys(muv__conn_t *conn)
{
    muv__outgoing_t *outgoing = take_outgoing(conn);
    muv__auth_result_t result;
    muv_error_t error;

    if (outgoing != NULL) {
        result = muv__auth_work(&conn->login->auth, &outgoing->command.buf, &error);
        carry_out(conn, result, outgoing, &error);
        muv__outgoing_release(outgoing);
    }
}

void muv__conns_hash(muv__conn_context_t *context)
{
    muv__auth_t *auth;
    int more;

    if (context->keys == NULL) {
        return;
    }
    more = muv__key_cache_work(context->keys);
    while ((auth = muv__auth_next_ready(context->keys)) != NULL) {
        on_keys(MUV__CONTAINER_OF(auth, struct muv__login, auth)->conn);
    }
    if (more) {
        muv__net_post(context->net);
    }
}
