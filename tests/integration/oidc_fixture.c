/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/oidc_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is told ------------------------------------------------------------------------------*/

static void tell_bytes(oidc_fixture_t *t, const void *bytes, size_t size)
{
    t->told = realloc(t->told, t->told_size + size + 1);
    assert_non_null(t->told);
    memcpy(t->told + t->told_size, bytes, size);
    t->told_size += size;
    t->told[t->told_size++] = '\n';
}

void oidc_tell(oidc_fixture_t *t, const char *text)
{
    tell_bytes(t, text, strlen(text));
}

void oidc_tell_error(oidc_fixture_t *t, const muv_error_t *error)
{
    if (error != NULL) {
        oidc_tell(t, error->message);
        oidc_tell(t, error->code_name);
        if (error->reply != NULL) {
            tell_bytes(t, error->reply, error->reply_size);
        }
    }
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    oidc_tell(data, event->reason_text);
    oidc_tell_error(data, event->error);
}

static void on_server(const muv_server_event_t *event, void *data)
{
    if (event->current != NULL && event->current->error != NULL) {
        oidc_tell(data, event->current->error);
    }
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    oidc_tell_error(data, event->error);
    if (event->reply != NULL) {
        tell_bytes(data, event->reply, event->reply_size);
    }
}

static void on_command(const muv_command_event_t *event, void *data)
{
    oidc_fixture_t *t = data;
    size_t length = strlen(t->commands);
    int type = event->head.type;

    oidc_tell(t, event->command_name);
    oidc_tell_error(t, event->error);
    if (event->document != NULL) {
        tell_bytes(t, event->document, event->document_size);
    }
    if (type == MUV_EVENT_COMMAND_FAILED) {
        (void)snprintf(t->commands + length, sizeof t->commands - length, "%s failed %d\n",
                       event->command_name, (int)event->error->server_code);
    } else {
        (void)snprintf(t->commands + length, sizeof t->commands - length, "%s %s\n",
                       event->command_name,
                       type == MUV_EVENT_COMMAND_STARTED ? "started" : "succeeded");
    }
}

static void on_log(const muv_log_message_t *message, void *data)
{
    tell_bytes(data, bson_get_data(message->data), message->data->len);
}

/* --- the source --------------------------------------------------------------------------------*/

static void copy(char to[64], const char *text)
{
    (void)snprintf(to, 64, "%s", text == NULL ? "" : text);
}

static void note_call(oidc_call_t *call, const muv_oidc_params_t *params)
{
    call->version = params->version;
    call->timeout_ms = params->timeout_ms;
    call->at_us = uv_hrtime() / 1000;
    copy(call->username, params->username);
    copy(call->refresh_token, params->refresh_token);
    if (params->idp_info == NULL) {
        return;
    }
    copy(call->issuer, params->idp_info->issuer);
    copy(call->client_id, params->idp_info->client_id);
    for (size_t i = 0; i < params->idp_info->request_scope_count; i++) {
        size_t length = strlen(call->scopes);

        (void)snprintf(call->scopes + length, sizeof call->scopes - length, "%s%s",
                       i == 0 ? "" : " ", params->idp_info->request_scopes[i]);
    }
}

static void answer(muv_credential_request_t *request, const oidc_answer_t *with)
{
    CHECK_CODE(muv_oidc_finish(request, with->with_null ? NULL : &with->token, with->why),
               with->code);
}

static void on_call(muv_credential_request_t *request, const muv_oidc_params_t *params, void *data)
{
    oidc_fixture_t *t = data;
    const oidc_answer_t *with;

    assert_false(t->f->starting);
    assert_int_equal(muv_credential_request_is_awaited(request), 1);
    assert_true(t->answer_count != 0);
    with = &t->answers[t->calls < t->answer_count ? t->calls : t->answer_count - 1];
    if (t->calls < MAX_ANSWERS) {
        note_call(&t->call[t->calls], params);
    }
    t->calls++;
    t->overlapping += t->pending != NULL && muv_credential_request_is_awaited(t->pending);
    if (with->token.access_token == NULL && with->code == 0 && !with->with_null) {
        assert_null(t->pending);
        t->pending = request;
    } else {
        answer(request, with);
    }
}

void oidc_answers(oidc_fixture_t *t, const oidc_answer_t *with)
{
    assert_true(t->answer_count < MAX_ANSWERS);
    t->answers[t->answer_count++] = *with;
}

void oidc_gives(oidc_fixture_t *t, const char *token, const char *refresh_token)
{
    oidc_answers(
        t, &(oidc_answer_t){.token = {.access_token = token, .refresh_token = refresh_token}});
}

void oidc_hesitates(oidc_fixture_t *t)
{
    oidc_answers(t, &(oidc_answer_t){.code = 0});
}

int oidc_finish(oidc_fixture_t *t, const char *token)
{
    muv_credential_request_t *request = t->pending;

    assert_non_null(request);
    t->pending = NULL;
    return muv_oidc_finish(request, &(muv_oidc_token_t){.access_token = token}, NULL);
}

static bool was_called(void *data)
{
    oidc_fixture_t *t = data;

    return t->pending != NULL;
}

void oidc_await_calls(oidc_fixture_t *t, unsigned count)
{
    if (t->answers[count - 1].token.access_token == NULL) {
        run_until_true(&t->f->loop, was_called, t, WAIT_MS);
    } else {
        run_until_count(&t->f->loop, &t->calls, count, WAIT_MS);
    }
}

/* --- the client --------------------------------------------------------------------------------*/

static void open_at(oidc_fixture_t *t, const char *user, const char *options)
{
    open_client_at(t->f,
                   text_of("mongodb://%s%s/?retryReads=false&" OIDC QUIET "%s", user,
                           mock_address(t->f->mock, 0), options),
                   &t->opts);
}

void oidc_open(oidc_fixture_t *t, const char *user, const char *options)
{
    t->opts.oidc = &t->source;
    open_at(t, user, options);
}

void oidc_open_without_source(oidc_fixture_t *t, const char *user, const char *options)
{
    t->opts.oidc = NULL;
    open_at(t, user, options);
}

void oidc_find(oidc_fixture_t *t)
{
    outcome_t o = {0};

    start_find(t->f, &o, 5, NULL);
    await(&o);
    if (o.error.code != 0) {
        oidc_tell_error(t, &o.error);
        fail_msg("find: %s", o.error.message);
    }
    outcome_clear(&o);
}

void oidc_find_fails(oidc_fixture_t *t, int code, const char *part_of_message)
{
    outcome_t o = {0};

    start_find(t->f, &o, 5, NULL);
    await_error(&o, code);
    CHECK_CONTAINS(o.error.message, part_of_message);
    (void)snprintf(t->last_message, sizeof t->last_message, "%s", o.error.message);
    oidc_tell_error(t, &o.error);
    outcome_clear(&o);
}

static bool has_no_connection(void *data)
{
    return stats_of(data).connections == 0;
}

void oidc_drop_connections(oidc_fixture_t *t)
{
    muv_mock_t *mock = t->f->mock;

    for (unsigned i = 0; i < mock_request_count(mock, "find"); i++) {
        mock_drop_connection(mock, mock_request_of(mock, "find", (int)i)->connection, MOCK_CLOSE);
    }
    run_until_true(&t->f->loop, has_no_connection, t->f, WAIT_MS);
}

/* --- life --------------------------------------------------------------------------------------*/

int open_oidc(void **state)
{
    oidc_fixture_t *t = calloc(1, sizeof *t);
    void *fixture;

    if (t == NULL) {
        return -1;
    }
    if (open_fixture(&fixture) != 0) {
        free(t);
        return -1;
    }
    t->f = fixture;
    t->oidc = mock_oidc_new(t->f->mock);
    mock_oidc_accept(t->oidc, TOKEN_1);
    t->source = (muv_oidc_opts_t){.callback = on_call, .data = t};
    t->listener = (muv_listener_t){.on_pool = on_pool,
                                   .on_server = on_server,
                                   .on_heartbeat = on_heartbeat,
                                   .on_command = on_command,
                                   .data = t};
    t->log = (muv_log_opts_t){
        .cb = on_log, .data = t, .all = MUV_LOG_TRACE, .max_document_length = MUV_INFINITE};
    t->opts = (muv_client_opts_t){.listener = &t->listener, .log = &t->log};
    *state = t;
    return 0;
}

int close_oidc(void **state)
{
    oidc_fixture_t *t = *state;
    void *fixture = t->f;
    bool leaked;

    if (t->f->client != NULL) {
        close_client(t->f, MUV_CLOSE_ABORT);
    }
    if (t->pending != NULL) {
        (void)oidc_finish(t, TOKEN_1); /* Late, and harmless. */
    }
    leaked = t->told != NULL && memmem(t->told, t->told_size, SECRET, strlen(SECRET)) != NULL;
    if (leaked || t->overlapping != 0) {
        print_error("a token was told, or calls overlapped\n");
        return -1;
    }
    if (close_fixture(&fixture) != 0) {
        return -1;
    }
    mock_oidc_free(t->oidc);
    free(t->told);
    free(t);
    return 0;
}
