/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of MONGODB-OIDC share: a mock that takes certain tokens, a source of tokens that keeps
 * what it was asked with, and ears for everything that the client tells. All tokens of the tests
 * have SECRET in them, and the teardown fails when listener, log or an error was told that. */
#ifndef MUV_TESTS_INTEGRATION_OIDC_FIXTURE_H
#define MUV_TESTS_INTEGRATION_OIDC_FIXTURE_H

#include "integration/client_fixture.h"
#include "muv/auth.h"
#include "muv/events.h"
#include "muv/log.h"
#include "support/mock_oidc.h"

#define SECRET "s3cret"
#define TOKEN_1 "eyJ." SECRET ".1"
#define TOKEN_2 "eyJ." SECRET ".2"
#define TOKEN_3 "eyJ." SECRET ".3"
#define BAD_TOKEN "eyJ." SECRET ".bad"
#define REFRESH_1 "refresh-" SECRET "-1"
#define REFRESH_2 "refresh-" SECRET "-2"

#define OIDC "authMechanism=MONGODB-OIDC"

/* How errors of a login begin. */
#define FAILED "MONGODB-OIDC authentication on \"$external\": "

/* The spacing of calls makes tests wait; nothing of the monitors is needed. */
#define QUIET "&heartbeatFrequencyMS=60000"

#define MAX_ANSWERS 8

/* What one call is answered with. All zero: not yet, oidc_answer() does it. */
typedef struct oidc_answer {
    muv_oidc_token_t token;
    const char *why; /* With no token: there is none. */
    int code;        /* What muv_oidc_finish() must return. */
    bool with_null;  /* NULL in the place of a token. */
} oidc_answer_t;

/* What one call came with. */
typedef struct oidc_call {
    int32_t version;
    int64_t timeout_ms;
    uint64_t at_us; /* uv_hrtime() */
    char username[64];
    char refresh_token[64];
    char issuer[64]; /* "": there was no idp_info. */
    char client_id[64];
    char scopes[64]; /* "one two" */
} oidc_call_t;

typedef struct oidc_fixture {
    client_fixture_t *f;
    mock_oidc_t *oidc;
    muv_oidc_opts_t source;
    muv_client_opts_t opts;
    muv_listener_t listener;
    muv_log_opts_t log;
    /* The source. */
    oidc_answer_t answers[MAX_ANSWERS]; /* The last one that is set serves for ever. */
    unsigned answer_count;
    unsigned calls;
    oidc_call_t call[MAX_ANSWERS];
    muv_credential_request_t *pending; /* A call without an answer. */
    unsigned overlapping;              /* Calls that came while there was one. */
    /* What was told. */
    char *told;
    size_t told_size;
    char last_message[256]; /* Of the last error of a find. */
    char commands[1024];    /* "find started\n", "find failed 391\n" */
} oidc_fixture_t;

/* setup and teardown of cmocka. */
int open_oidc(void **state);
int close_oidc(void **state);

/* The next call is answered with this token, at once. */
void oidc_gives(oidc_fixture_t *t, const char *token, const char *refresh_token);
void oidc_answers(oidc_fixture_t *t, const oidc_answer_t *answer);

/* The next call is not answered, until now. */
void oidc_hesitates(oidc_fixture_t *t);
int oidc_finish(oidc_fixture_t *t, const char *token);

/* A client of the mock with the source. `user` is "name@" or "", `options` begins with '&' or is
 * "". */
void oidc_open(oidc_fixture_t *t, const char *user, const char *options);

/* The same without the source: `options` names an ENVIRONMENT. */
void oidc_open_without_source(oidc_fixture_t *t, const char *user, const char *options);

/* Run a find. The error's texts are noted as told. */
void oidc_find(oidc_fixture_t *t);
void oidc_find_fails(oidc_fixture_t *t, int code, const char *part_of_message);

/* Note it. */
void oidc_tell(oidc_fixture_t *t, const char *text);
void oidc_tell_error(oidc_fixture_t *t, const muv_error_t *error);

/* Wait until the source is asked for the `count`th time. */
void oidc_await_calls(oidc_fixture_t *t, unsigned count);

/* Drop the connections that are idle, so that the next command opens one. */
void oidc_drop_connections(oidc_fixture_t *t);

#endif
