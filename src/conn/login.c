/* SPDX-License-Identifier: Apache-2.0 */
/* The login of a connection (src/auth) carried out: its part of hello, its commands, credentials
 * from the provider, steps of GSSAPI on another thread, and the hashing that all logins of a client
 * share, one slice a turn. */
#include "conn/conn_inner.h"

#include <string.h>

#include "auth/auth.h"
#include "base/assert.h"
#include "base/mem.h"
#include "gssapi/conversation.h"
#include "provider/provider.h"

#include <openssl/crypto.h>

/* Logins that go on in one turn when the keys are there; each costs a write to a socket. */
#define PROOFS_PER_TURN 16

struct muv__login {
    muv__auth_t auth;
    muv__provider_waiter_t waiter;
    muv__gssapi_t *gssapi; /* [own] NULL: not begun, or ... */
    muv__work_t *work;     /* ... [own] not NULL: a thread has it, this owns both. */
    muv__conn_t *conn;
};

static void on_credentials(muv__provider_waiter_t *waiter, muv__credentials_t *credentials,
                           const muv_error_t *error);

/* What a thread still works on is freed when that has ended. */
static void end_gssapi(struct muv__login *login)
{
    if (login->work != NULL) {
        muv__work_cancel(login->work, muv__gssapi_free);
    } else {
        muv__gssapi_free(login->gssapi);
    }
}

void muv__login_end(muv__conn_t *conn)
{
    if (conn->login != NULL) {
        muv__provider_leave(&conn->login->waiter);
        end_gssapi(conn->login);
        muv__auth_done(&conn->login->auth);
        muv__mem_free(conn->login);
        conn->login = NULL;
    }
}

/* Make conn->login. Returns 0, MUV_ENOMEM or MUV_EINVAL. */
static int prepare(muv__conn_t *conn)
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
    conn->login->waiter.on_credentials = on_credentials;
    muv__auth_init(&conn->login->auth, context->credential, context->keys, random,
                   muv__net_wall_s(context->net));
    OPENSSL_cleanse(random, sizeof(random));
    if (context->provider != NULL) {
        muv__auth_offer(&conn->login->auth, muv__provider_cached(context->provider),
                        muv__provider_can_refresh(context->provider));
    }
    return 0;
}

int muv__login_is_allowed(const muv__conn_t *conn, muv_error_t *error)
{
    const muv__provider_t *provider = conn->context->provider;
    char host[MUV__HOST_TEXT_SIZE];

    if (provider == NULL || muv__provider_allows(provider, conn->host)) {
        return 1;
    }
    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(error, MUV_EAUTH,
                         "MONGODB-OIDC authentication: %s is not among the allowed_hosts", host);
    return 0;
}

int muv__login_write_hello(muv__conn_t *conn, muv__outgoing_t *outgoing)
{
    int status = prepare(conn);

    if (status == 0) {
        outgoing->secret = 1;
        muv__auth_write_hello(&conn->login->auth, &outgoing->command.buf);
    }
    return status;
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

static void on_login_due(muv__deadline_t *deadline, int64_t now_us)
{
    muv_error_t error;

    (void)now_us;
    (void)muv__error_set(&error, MUV_ENETTIMEOUT, "logging in again: connectTimeoutMS elapsed");
    muv__conn_fail(MUV__CONTAINER_OF(deadline, muv__conn_t, deadline), &error);
}

/* The time for the login's next step begins anew; or with `runs` 0 it stands still. A first login
 * is a stage of establishing. */
static void time_login(muv__conn_t *conn, int runs)
{
    int64_t timeout_us = conn->context->connect_timeout_us;

    if (conn->state == MUV__CONN_ESTABLISHING) {
        muv__conn_time_stage(conn, runs);
        return;
    }
    conn->deadline.on_due = on_login_due;
    muv__deadline_set(conn->context->deadlines, &conn->deadline,
                      !runs || timeout_us == INT64_MAX ? INT64_MAX
                                                       : conn->context->now_us + timeout_us);
}

/* Keys or a token are needed. The time of the login stands still meanwhile: the provider ends in
 * its own time, and a person has minutes. */
static void fetch(muv__conn_t *conn)
{
    muv__provider_t *provider = conn->context->provider;
    struct muv__login *login = conn->login;

    time_login(conn, 0);
    muv__provider_want(provider, &login->waiter,
                       login->auth.has_idp_info ? &login->auth.idp_info : NULL);
}

static int make_gssapi(const muv__conn_t *conn, muv__gssapi_t **ret)
{
    muv__krb5_names_t names = *conn->context->gssapi;

    if (names.service_host == NULL) {
        /* The other end of a Unix socket is here. */
        names.service_host = conn->host->kind == MUV__HOST_UNIX ? "localhost" : conn->host->name;
    }
    return muv__gssapi_new(&names, ret);
}

static void on_stepped(void *owner);

/* The time of the login goes on meanwhile: key servers that do not answer are no better than a
 * server that does not. */
static void step(muv__conn_t *conn)
{
    struct muv__login *login = conn->login;
    int status = login->gssapi == NULL ? make_gssapi(conn, &login->gssapi) : 0;

    if (status == 0) {
        status = muv__gssapi_put(login->gssapi, login->auth.challenge);
    }
    if (status == 0) {
        status = muv__net_work(conn->context->net, muv__gssapi_run, on_stepped, login->gssapi, conn,
                               &login->work);
    }
    if (status != 0) {
        muv__conn_fail_system(conn, status, "logging in to");
    }
}

/* (Authentication, MONGODB-AWS: whatever goes wrong, the cache is cleared.) */
static void fail(muv__conn_t *conn, const muv_error_t *error)
{
    if (conn->login->auth.mechanism == MUV__MECHANISM_AWS) {
        muv__provider_refused(conn->context->provider, conn->login->auth.credentials);
    }
    muv__conn_fail(conn, error);
}

/* The connection keeps what it logged in with (OIDC: Connection Cache). */
static void finish(muv__conn_t *conn)
{
    muv__auth_t *auth = &conn->login->auth;

    muv__credentials_release(conn->credentials);
    conn->credentials =
        auth->credentials == NULL ? NULL : muv__credentials_retain(auth->credentials);
    conn->mechanism = (uint8_t)auth->mechanism;
    muv__login_end(conn);
    muv__conn_logged_in(conn);
}

/* What a step of the machine wants. The command, if there is one, is in `outgoing`. */
static void carry_out(muv__conn_t *conn, muv__auth_result_t result, muv__outgoing_t *outgoing,
                      const muv_error_t *error)
{
    int status;

    if (conn->context->provider != NULL) {
        muv__provider_refused(conn->context->provider, conn->login->auth.refused);
    }
    switch (result) {
    case MUV__AUTH_SEND:
        status = send_command(conn, outgoing);
        if (status < 0) {
            muv__conn_fail_system(conn, status, "logging in to");
        }
        return;
    case MUV__AUTH_WORK: muv__net_post(conn->context->net); return;
    case MUV__AUTH_FETCH: fetch(conn); return;
    case MUV__AUTH_STEP: step(conn); return;
    case MUV__AUTH_DONE: finish(conn); return;
    case MUV__AUTH_FAILED:
    default: fail(conn, error); return;
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

    if (conn->login->auth.state == MUV__AUTH_STATE_HASHING ||
        conn->login->auth.state == MUV__AUTH_STATE_FETCHING ||
        conn->login->auth.state == MUV__AUTH_STATE_STEPPING) {
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

/* Returns 0 (it goes on, or the connection has failed), MUV_ENOMEM or MUV_EINVAL. */
static int begin_again(muv__conn_t *conn)
{
    muv__outgoing_t *outgoing;
    muv__auth_result_t result;
    muv_error_t error;
    int status;

    /* The token it came in with is no good any more, whoever else still has it. */
    if (conn->context->provider != NULL) {
        muv__provider_refused(conn->context->provider, conn->credentials);
    }
    status = prepare(conn);
    outgoing = status == 0 ? muv__outgoing_take(conn->context->outgoing) : NULL;
    if (outgoing == NULL) {
        return status == 0 ? MUV_ENOMEM : status;
    }
    outgoing->secret = 1;
    result = muv__auth_begin(&conn->login->auth, (muv__mechanism_t)conn->mechanism,
                             &outgoing->command.buf, &error);
    carry_out(conn, result, outgoing, &error);
    muv__outgoing_release(outgoing);
    return 0;
}

void muv__conn_log_in(muv__conn_t *conn)
{
    int status;

    MUV__ASSERT(conn->state == MUV__CONN_IDLE);
    conn->state = MUV__CONN_LOGGING_IN;
    time_login(conn, 1);
    status = begin_again(conn);
    if (status != 0) {
        muv__conn_fail_system(conn, status, "logging in again to");
    }
}

static void on_credentials(muv__provider_waiter_t *waiter, muv__credentials_t *credentials,
                           const muv_error_t *error)
{
    muv__conn_t *conn = MUV__CONTAINER_OF(waiter, struct muv__login, waiter)->conn;
    muv__outgoing_t *outgoing = take_outgoing(conn);
    muv__auth_result_t result;
    muv_error_t told;

    if (outgoing == NULL) {
        return;
    }
    muv__error_clear(&told);
    if (error != NULL) {
        told = *error;
    }
    time_login(conn, 1);
    result = muv__auth_fetched(&conn->login->auth, credentials, waiter->is_kept,
                               &outgoing->command.buf, &told);
    carry_out(conn, result, outgoing, &told);
    muv__outgoing_release(outgoing);
}

static void on_stepped(void *owner)
{
    muv__conn_t *conn = owner;
    muv__gssapi_result_t made = muv__gssapi_result(conn->login->gssapi);
    muv__auth_token_t token = {.why = made.why, .token = made.token, .last = made.last};
    muv__outgoing_t *outgoing;
    muv__auth_result_t result;
    muv_error_t error;

    conn->login->work = NULL;
    outgoing = take_outgoing(conn);
    if (outgoing != NULL) {
        result = muv__auth_stepped(&conn->login->auth, &token, &outgoing->command.buf, &error);
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
    for (unsigned i = 0; i < PROOFS_PER_TURN; i++) {
        auth = muv__auth_next_ready(context->keys);
        if (auth == NULL) {
            break;
        }
        on_keys(MUV__CONTAINER_OF(auth, struct muv__login, auth)->conn);
    }
    if (more || muv__auth_has_ready(context->keys)) {
        muv__net_post(context->net);
    }
}
