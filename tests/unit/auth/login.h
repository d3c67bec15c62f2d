/* SPDX-License-Identifier: Apache-2.0 */
/* A login against a server that is a list of replies, for tests. All random bytes are 0, so that
 * each message is known in advance: our nonce is 32 times 'A'. */
#ifndef MUV_TESTS_UNIT_AUTH_LOGIN_H
#define MUV_TESTS_UNIT_AUTH_LOGIN_H

#include <string.h>

#include "auth/auth.h"
#include "base/bson_writer.h"
#include "base/error.h"
#include "support/alloc.h"
#include "support/check.h"

/* n,,n=user,r=A..., base64 */
#define FIRST "biwsbj11c2VyLHI9QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
/* r=A...srv,s=c2FsdA==,i=4096 */
#define CHALLENGE "cj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQXNydixzPWMyRnNkQT09LGk9NDA5Ng=="
#define PROOF_256                                                                                  \
    "Yz1iaXdzLHI9QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFzcnYscD1CM3dvY09zNWVzYVNKbStEVllyNGI2" \
    "VGFNZldhc2hHdzdxWkM3T2QxeHRnPQ=="
#define VERIFIER_256 "dj1WSzZaU09Ld3dxTU1odFRzTGorQjJCSHUvKzFWZlp1YU9UQkJlMWpsOUpjPQ=="
#define PROOF_1                                                                                    \
    "Yz1iaXdzLHI9QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFzcnYscD1haGg5UTRkM0xqYTd6VWJyZi9PMWtF" \
    "aVFOSTA9"
#define VERIFIER_1 "dj1uV1h0VGRLaXlTVzBkaUJIeWtYaTZPTytsUm89"

#define BINARY(base64) "{\"$binary\": {\"base64\": \"" base64 "\", \"subType\": \"00\"}}"
#define SASL_REPLY(payload, done)                                                                  \
    "{\"ok\": 1, \"conversationId\": 7, \"done\": " done ", \"payload\": " BINARY(payload) "}"
#define SASL_START(mechanism, payload, more)                                                       \
    "{\"saslStart\": 1, \"mechanism\": \"" mechanism "\", \"payload\": " BINARY(payload) more "}"
#define SASL_CONTINUE(payload)                                                                     \
    "{\"saslContinue\": 1, \"conversationId\": 7, \"payload\": " BINARY(                           \
        payload) ", \"$db\": \"admin\"}"
#define SCRAM_OPTIONS ", \"options\": {\"skipEmptyExchange\": true}"

typedef struct login {
    muv__key_cache_t cache;
    muv__auth_t auth;
    muv__buf_t command; /* One document. */
    muv__bson_mark_t mark;
    muv_error_t error;
} login_t;

static inline void login_start(login_t *login, const muv__auth_credential_t *credential)
{
    static const uint8_t random[MUV__AUTH_RANDOM_SIZE];

    muv__key_cache_init(&login->cache);
    muv__auth_init(&login->auth, credential, &login->cache, random, 1440938160);
    muv__buf_init(&login->command, 100000);
    memset(&login->error, 0, sizeof(login->error));
}

static inline void login_end(login_t *login)
{
    muv__auth_done(&login->auth);
    muv__buf_done(&login->command);
    muv__key_cache_done(&login->cache);
}

static inline muv__buf_t *login_open(login_t *login)
{
    muv__buf_reset(&login->command, 100000);
    login->mark = muv__bson_begin(&login->command);
    return &login->command;
}

/* The document that was written, against what it should be. */
static inline void login_expect(login_t *login, const char *json)
{
    muv__bson_end(&login->command, login->mark);
    CHECK_BYTES_BSON_EQUAL(login->command.data, login->command.size, json);
}

static inline muv__auth_result_t login_begin(login_t *login)
{
    return muv__auth_begin(&login->auth, login->auth.mechanism, login_open(login), &login->error);
}

/* With keys or a token that were kept; `values` NULL: none. */
static inline void login_offer(login_t *login, const muv__credentials_t *values, int can_refresh)
{
    muv__credentials_t *credentials = NULL;

    if (values != NULL) {
        assert_int_equal(muv__credentials_new(values, &credentials), 0);
    }
    muv__auth_offer(&login->auth, credentials, can_refresh);
    muv__credentials_release(credentials);
}

/* They were asked for, and are there. */
static inline muv__auth_result_t login_fetched(login_t *login, const muv__credentials_t *values)
{
    muv__credentials_t *credentials;
    muv__auth_result_t result;

    assert_int_equal(muv__credentials_new(values, &credentials), 0);
    result = muv__auth_fetched(&login->auth, credentials, 0, login_open(login), &login->error);
    muv__credentials_release(credentials);
    return result;
}

/* They were asked for in vain. */
static inline muv__auth_result_t login_unfetched(login_t *login, const char *why)
{
    (void)muv__error_set(&login->error, MUV_EAUTH, "%s", why);
    return muv__auth_fetched(&login->auth, NULL, 0, login_open(login), &login->error);
}

typedef muv__auth_result_t (*login_take_t)(muv__auth_t *auth, muv__span_t reply,
                                           muv__buf_t *command, muv_error_t *error);

/* The reply is given in memory of exactly its size. */
static inline muv__auth_result_t login_give(login_t *login, login_take_t take, const char *json)
{
    bson_t *document = bson_from(json);
    size_t size = document->len;
    uint8_t *copy = malloc(size);
    muv__auth_result_t result;

    assert_non_null(copy);
    memcpy(copy, bson_get_data(document), size);
    bson_destroy(document);
    result = take(&login->auth, muv__span(copy, size), login_open(login), &login->error);
    free(copy);
    return result;
}

static inline muv__auth_result_t login_reply(login_t *login, const char *json)
{
    return login_give(login, muv__auth_step, json);
}

static inline muv__auth_result_t login_hello(login_t *login, const char *json)
{
    return login_give(login, muv__auth_on_hello, json);
}

/* Hash until the keys are there, and go on. */
static inline muv__auth_result_t login_work(login_t *login)
{
    while (muv__key_cache_work(&login->cache)) {
    }
    assert_ptr_equal(muv__auth_next_ready(&login->cache), &login->auth);
    return muv__auth_work(&login->auth, login_open(login), &login->error);
}

/* While memory fails: the login goes on, or has failed for that reason. */
static inline int login_goes_on(muv__auth_result_t result, const login_t *login)
{
    if (result == MUV__AUTH_FAILED) {
        CHECK_ERROR(&login->error, MUV_ENOMEM);
        assert_true(alloc_has_failed());
    }
    return result != MUV__AUTH_FAILED;
}

#endif
