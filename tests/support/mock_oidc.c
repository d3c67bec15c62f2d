/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mock_oidc.h"

#include "support/check.h"
#include "support/mock_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TOKENS 16
#define MAX_CONNECTIONS 1024

#define UNAUTHORIZED 13
#define AUTHENTICATION_FAILED 18
#define REAUTHENTICATION_REQUIRED 391

/* How a connection stands. */
typedef enum standing { STRANGER, ASKED, KNOWN, EXPIRED } standing_t;

/* One connection. */
typedef struct member {
    standing_t standing;
    char token[MOCK_OIDC_NAME_SIZE];
} member_t;

struct mock_oidc_state {
    muv_mock_t *mock;
    unsigned token_count;
    char tokens[MAX_TOKENS][MOCK_OIDC_NAME_SIZE];
    bson_t *idp;
    member_t members[MAX_CONNECTIONS + 1];
};

static void copy_name(char to[MOCK_OIDC_NAME_SIZE], const char *name)
{
    assert_true(strlen(name) < MOCK_OIDC_NAME_SIZE);
    memcpy(to, name, strlen(name) + 1);
}

static member_t *member_of(mock_oidc_t *oidc, const mock_request_t *request)
{
    assert_true(request->connection <= MAX_CONNECTIONS);
    return &oidc->state->members[request->connection];
}

static void fault(const mock_oidc_t *oidc, const mock_request_t *request, const char *what)
{
    mock__fault(mock__conn_find(oidc->state->mock, request->connection), "MONGODB-OIDC, %s: %s",
                request->name, what);
}

static void append_error(bson_t *reply, int code, const char *name)
{
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_INT32(reply, "code", code);
    BSON_APPEND_UTF8(reply, "codeName", name);
    BSON_APPEND_UTF8(reply, "errmsg", "refused by the mock");
}

/* --- tokens ------------------------------------------------------------------------------------*/

static int find_token(const mock_oidc_t *oidc, const char *token)
{
    for (unsigned i = 0; i < oidc->state->token_count; i++) {
        if (strcmp(oidc->state->tokens[i], token) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void mock_oidc_accept(mock_oidc_t *oidc, const char *token)
{
    struct mock_oidc_state *state = oidc->state;

    if (find_token(oidc, token) < 0) {
        assert_true(state->token_count < MAX_TOKENS);
        copy_name(state->tokens[state->token_count++], token);
    }
}

void mock_oidc_revoke(mock_oidc_t *oidc, const char *token)
{
    struct mock_oidc_state *state = oidc->state;
    int at = find_token(oidc, token);

    assert_true(at >= 0);
    state->token_count--;
    memmove(state->tokens[at], state->tokens[state->token_count], MOCK_OIDC_NAME_SIZE);
}

void mock_oidc_expire(mock_oidc_t *oidc, const char *token)
{
    mock_oidc_revoke(oidc, token);
    for (unsigned i = 0; i <= MAX_CONNECTIONS; i++) {
        member_t *member = &oidc->state->members[i];

        if (member->standing == KNOWN && strcmp(member->token, token) == 0) {
            member->standing = EXPIRED;
        }
    }
}

/* A token has come. Returns whether it is taken. */
static bool take_token(mock_oidc_t *oidc, const mock_request_t *request, const char *token)
{
    member_t *member = member_of(oidc, request);

    copy_name(oidc->last_token, token);
    oidc->last_connection = request->connection;
    if (find_token(oidc, token) < 0) {
        member->standing = STRANGER;
        oidc->refusals++;
        return false;
    }
    member->standing = KNOWN;
    copy_name(member->token, token);
    oidc->logins++;
    return true;
}

/* --- payloads ----------------------------------------------------------------------------------*/

/* The document in the payload of a message. Returns false, having noted it, when there is none. */
static bool read_payload(const mock_oidc_t *oidc, const mock_request_t *request,
                         const bson_t *message, bson_t *ret)
{
    const uint8_t *bytes;
    uint32_t size;
    bson_iter_t iter;

    if (!bson_iter_init_find(&iter, message, "payload") || !BSON_ITER_HOLDS_BINARY(&iter)) {
        fault(oidc, request, "no payload");
        return false;
    }
    bson_iter_binary(&iter, NULL, &size, &bytes);
    if (!bson_init_static(ret, bytes, size) || !bson_validate(ret, BSON_VALIDATE_UTF8, NULL)) {
        fault(oidc, request, "the payload is no document");
        return false;
    }
    return true;
}

/* The only member of a payload, which has this name; NULL: it is not there. */
static const char *only_text(const bson_t *payload, const char *name)
{
    bson_iter_t iter;

    return bson_count_keys(payload) == 1 && bson_iter_init_find(&iter, payload, name) &&
                   BSON_ITER_HOLDS_UTF8(&iter)
               ? bson_iter_utf8(&iter, NULL)
               : NULL;
}

static const char *text_in(const bson_t *message, const char *name)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, message, name) && BSON_ITER_HOLDS_UTF8(&iter)
               ? bson_iter_utf8(&iter, NULL)
               : "";
}

static void append_step(bson_t *reply, bool done, const bson_t *payload)
{
    BSON_APPEND_INT32(reply, "conversationId", 1);
    BSON_APPEND_BOOL(reply, "done", done);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY,
                       payload == NULL ? (const uint8_t *)"" : bson_get_data(payload),
                       payload == NULL ? 0 : payload->len);
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void answer_token(mock_oidc_t *oidc, const mock_request_t *request, const char *token,
                         bson_t *reply)
{
    if (take_token(oidc, request, token)) {
        append_step(reply, true, NULL);
    } else {
        append_error(reply, AUTHENTICATION_FAILED, "AuthenticationFailed");
    }
}

/* --- commands ----------------------------------------------------------------------------------*/

static void on_hello(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_oidc_t *oidc = data;
    const uint8_t *bytes = NULL;
    uint32_t size = 0;
    const char *token;
    bson_iter_t iter;
    bson_t first;
    bson_t payload;
    bson_t answer;

    (void)step;
    mock__answer_hello(oidc->state->mock, request, reply);
    if (!bson_iter_init_find(&iter, request->body, "speculativeAuthenticate")) {
        return;
    }
    bson_iter_document(&iter, &size, &bytes);
    assert_true(bson_init_static(&first, bytes, size));
    oidc->speculations++;
    if (strcmp(text_in(&first, "mechanism"), "MONGODB-OIDC") != 0 ||
        strcmp(text_in(&first, "db"), "$external") != 0) {
        fault(oidc, request, "speculation with another mechanism or source");
    }
    if (!read_payload(oidc, request, &first, &payload)) {
        return;
    }
    token = only_text(&payload, "jwt");
    if (token == NULL) {
        fault(oidc, request, "speculation without a token");
    } else if (!oidc->ignores_hello && take_token(oidc, request, token)) {
        bson_append_document_begin(reply, "speculativeAuthenticate", -1, &answer);
        append_step(&answer, true, NULL);
        bson_append_document_end(reply, &answer);
    }
}

static void on_start(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_oidc_t *oidc = data;
    const char *token;
    bson_t payload;

    (void)step;
    oidc->starts++;
    if (strcmp(text_in(request->body, "mechanism"), "MONGODB-OIDC") != 0 ||
        strcmp(request->db, "$external") != 0) {
        fault(oidc, request, "another mechanism or source");
    }
    if (!read_payload(oidc, request, request->body, &payload)) {
        append_error(reply, AUTHENTICATION_FAILED, "AuthenticationFailed");
        return;
    }
    token = only_text(&payload, "jwt");
    if (token != NULL) {
        answer_token(oidc, request, token, reply);
        return;
    }
    if (!bson_empty(&payload) && only_text(&payload, "n") == NULL) {
        fault(oidc, request, "neither a token nor a principal");
    }
    copy_name(oidc->principal, bson_empty(&payload) ? "" : text_in(&payload, "n"));
    oidc->asked++;
    member_of(oidc, request)->standing = ASKED;
    append_step(reply, false, oidc->state->idp);
}

static void on_continue(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_oidc_t *oidc = data;
    const char *token = NULL;
    bson_t payload;

    (void)step;
    oidc->continues++;
    if (member_of(oidc, request)->standing != ASKED) {
        fault(oidc, request, "there is no conversation");
    } else if (mock_request_number(request, "conversationId") != 1) {
        fault(oidc, request, "of another conversation");
    }
    if (read_payload(oidc, request, request->body, &payload)) {
        token = only_text(&payload, "jwt");
    }
    if (token == NULL) {
        fault(oidc, request, "no token");
    }
    answer_token(oidc, request, token == NULL ? "" : token, reply);
}

static void on_command(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    mock_oidc_t *oidc = data;

    (void)step;
    switch (member_of(oidc, request)->standing) {
    case KNOWN: mock__answer(oidc->state->mock, request, reply); return;
    case EXPIRED:
        append_error(reply, REAUTHENTICATION_REQUIRED, "ReauthenticationRequired");
        return;
    case STRANGER:
    case ASKED:
    default: oidc->unauthorized++; append_error(reply, UNAUTHORIZED, "Unauthorized");
    }
}

/* --- life --------------------------------------------------------------------------------------*/

void mock_oidc_demand(mock_oidc_t *oidc, const char *command, int times)
{
    mock_script(oidc->state->mock, command,
                &(mock_step_t){.json = "{\"ok\": 0, \"code\": 391, \"codeName\":"
                                       " \"ReauthenticationRequired\", \"errmsg\": \"again\"}",
                               .times = times});
}

void mock_oidc_set_idp(mock_oidc_t *oidc, const char *json)
{
    bson_destroy(oidc->state->idp);
    oidc->state->idp = bson_from(json);
}

mock_oidc_t *mock_oidc_new(muv_mock_t *mock)
{
    mock_oidc_t *oidc = mock__alloc(sizeof *oidc);

    oidc->state = mock__alloc(sizeof *oidc->state);
    oidc->state->mock = mock;
    mock_oidc_set_idp(oidc, MOCK_OIDC_IDP);
    mock_on(mock, "hello", on_hello, oidc);
    mock_on(mock, "saslStart", on_start, oidc);
    mock_on(mock, "saslContinue", on_continue, oidc);
    mock_on(mock, "*", on_command, oidc);
    return oidc;
}

void mock_oidc_free(mock_oidc_t *oidc)
{
    bson_destroy(oidc->state->idp);
    free(oidc->state);
    free(oidc);
}
