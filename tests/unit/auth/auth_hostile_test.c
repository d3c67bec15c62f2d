/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that break a login: each way has its own words, and no words hold a secret. */
#include "auth/auth.h"

#include "unit/auth/login.h"

#define PASSWORD "p3ncil-s3cret"

static const muv__auth_credential_t credential = {.mechanism = MUV__MECHANISM_SCRAM_SHA_256,
                                                  .username = "user",
                                                  .password = "pencil",
                                                  .source = "admin"};

static void expect_failure(login_t *login, muv__auth_result_t result, const char *part)
{
    assert_int_equal(result, MUV__AUTH_FAILED);
    CHECK_ERROR(&login->error, MUV_EAUTH);
    assert_int_equal(login->error.domain, MUV_DOMAIN_AUTH);
    CHECK_CONTAINS(login->error.message, part);
    CHECK_CONTAINS(login->error.message, "authentication on \"admin\": ");
    assert_null(strstr(login->error.message, "pencil"));
}

/* A reply to saslStart. */
static void challenge_fails(const char *reply, const char *part)
{
    login_t login;

    login_start(&login, &credential);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    expect_failure(&login, login_reply(&login, reply), part);
    login_end(&login);
}

/* A reply to saslContinue. */
static void proof_fails(const char *reply, const char *part)
{
    login_t login;

    login_start(&login, &credential);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    expect_failure(&login, login_reply(&login, reply), part);
    login_end(&login);
}

static void a_refusal_keeps_code_and_name_but_not_the_servers_words(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &credential);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    expect_failure(&login,
                   login_reply(&login, "{\"ok\": 0, \"code\": 18, \"codeName\":"
                                       " \"AuthenticationFailed\", \"errmsg\": \"pencil\","
                                       " \"errorLabels\": [\"RetryableWriteError\", 1, \"x\"]}"),
                   "SCRAM-SHA-256 authentication on \"admin\": the server refused it (code 18)");
    assert_int_equal(login.error.server_code, 18);
    assert_string_equal(login.error.code_name, "AuthenticationFailed");
    assert_int_equal(login.error.labels, MUV_LABEL_RETRYABLE_WRITE);
    login_end(&login);
}

static void odd_refusals_are_refusals(void **state)
{
    (void)state;
    challenge_fails("{}", "the server refused it");
    challenge_fails("{\"ok\": \"1\"}", "the server refused it");
    challenge_fails("{\"ok\": 0, \"code\": 1e300}", "the server refused it");
    challenge_fails("{\"ok\": 0, \"code\": \"18\", \"codeName\": 5, \"errorLabels\": 5}",
                    "the server refused it");
    challenge_fails("{\"ok\": 0, \"code\": 1, \"codeName\":"
                    " \"a name that is longer than any code name should ever have been\"}",
                    "the server refused it (code 1)");
}

static void replies_that_are_not_complete_are_refused(void **state)
{
    (void)state;
    challenge_fails("{\"ok\": 1}", "not complete");
    challenge_fails("{\"ok\": 1, \"done\": false, \"payload\": " BINARY(CHALLENGE) "}",
                    "not complete");
    challenge_fails("{\"ok\": 1, \"conversationId\": 1, \"payload\": " BINARY(CHALLENGE) "}",
                    "not complete");
    challenge_fails("{\"ok\": 1, \"conversationId\": 1, \"done\": false}", "not complete");
    challenge_fails("{\"ok\": 1, \"conversationId\": 1, \"done\": false, \"payload\": 1}",
                    "not complete");
    challenge_fails(
        "{\"ok\": 1, \"conversationId\": 1, \"done\": 0, \"payload\": " BINARY(CHALLENGE) "}",
        "not complete");
    challenge_fails("{\"ok\": 1, \"conversationId\": 1e18, \"done\": false, \"payload\": " BINARY(
                        CHALLENGE) "}",
                    "not complete");
    challenge_fails("{\"ok\": 1, \"conversationId\": \"1\", \"done\": false, \"payload\": " BINARY(
                        CHALLENGE) "}",
                    "not complete");
}

static void an_end_that_comes_too_early_is_refused(void **state)
{
    (void)state;
    challenge_fails(SASL_REPLY(CHALLENGE, "true"), "ended the exchange too early");
    challenge_fails(SASL_REPLY(VERIFIER_256, "true"), "ended the exchange too early");
}

static void bad_challenges_are_refused_with_their_reason(void **state)
{
    (void)state;
    challenge_fails(SASL_REPLY("", "false"), "empty or too long");
    /* r=B... */
    challenge_fails(SASL_REPLY("cj1CQkJCLHM9YzJGc2RBPT0saT00MDk2", "false"),
                    "does not begin with ours");
    /* i=4095 */
    challenge_fails(
        SASL_REPLY("cj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQXNydixzPWMyRnNkQT09LGk9"
                   "NDA5NQ==",
                   "false"),
        "below 4096");
}

static void a_server_that_does_not_know_the_password_is_refused(void **state)
{
    (void)state;
    proof_fails(
        SASL_REPLY("dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBPQ==", "true"),
        "does not know the password");
    proof_fails(SASL_REPLY(VERIFIER_1, "true"), "not valid base64 of a digest");
    proof_fails(SASL_REPLY("", "true"), "empty");
}

static void another_conversation_is_refused(void **state)
{
    (void)state;
    proof_fails(
        "{\"ok\": 1, \"conversationId\": 8, \"done\": true, \"payload\": " BINARY(VERIFIER_256) "}",
        "another conversation");
}

static void an_exchange_does_not_go_on_for_ever(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &credential);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(VERIFIER_256, "false")), MUV__AUTH_SEND);
    expect_failure(&login, login_reply(&login, SASL_REPLY("", "false")),
                   "does not end the exchange");
    login_end(&login);
}

static void a_bad_answer_inside_hello_is_refused(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &credential);
    muv__auth_write_hello(&login.auth, login_open(&login));
    expect_failure(&login, login_hello(&login, "{\"ok\": 1, \"speculativeAuthenticate\": {}}"),
                   "inside hello is not complete");
    login_end(&login);
    login_start(&login, &credential);
    muv__auth_write_hello(&login.auth, login_open(&login));
    expect_failure(&login,
                   login_hello(&login,
                               "{\"ok\": 1, \"speculativeAuthenticate\":"
                               " {\"conversationId\": 1, \"done\": true, \"payload\": " BINARY(
                                   CHALLENGE) "}}"),
                   "too early");
    login_end(&login);
}

static void what_is_missing_in_the_credential_is_said(void **state)
{
    static const struct {
        muv__auth_credential_t credential;
        const char *message;
    } cases[] = {
        {{.mechanism = MUV__MECHANISM_DEFAULT, .username = "u", .source = "admin"},
         "SCRAM-SHA-1 authentication on \"admin\": user name and password are needed"},
        {{.mechanism = MUV__MECHANISM_PLAIN, .password = PASSWORD, .source = "admin"},
         "PLAIN authentication on \"admin\": user name and password are needed"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(cases); i++) {
        login_t login;

        login_start(&login, &cases[i].credential);
        muv__auth_write_hello(&login.auth, login_open(&login));
        assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_FAILED);
        CHECK_ERROR(&login.error, MUV_EAUTH);
        assert_string_equal(login.error.message, cases[i].message);
        login_end(&login);
    }
}

static void a_password_that_cannot_be_prepared_is_not_shown(void **state)
{
    muv__auth_credential_t bad = credential;
    login_t login;

    (void)state;
    bad.password = PASSWORD "\x07";
    login_start(&login, &bad);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    expect_failure(&login, login_reply(&login, SASL_REPLY(CHALLENGE, "false")),
                   "contains a control character");
    assert_null(strstr(login.error.message, PASSWORD));
    login_end(&login);
}

/* Whatever the end, and wherever it comes, the struct holds nothing of the password then. */
static void an_ended_login_holds_nothing(void **state)
{
    static const muv__auth_t zero;
    login_t login;

    (void)state;
    login_start(&login, &credential);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    muv__auth_done(&login.auth);
    assert_memory_equal(&login.auth, &zero, sizeof(zero));
    assert_int_equal(muv__key_cache_work(&login.cache), 0);
    login_end(&login);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_keeps_code_and_name_but_not_the_servers_words),
        cmocka_unit_test(odd_refusals_are_refusals),
        cmocka_unit_test(replies_that_are_not_complete_are_refused),
        cmocka_unit_test(an_end_that_comes_too_early_is_refused),
        cmocka_unit_test(bad_challenges_are_refused_with_their_reason),
        cmocka_unit_test(a_server_that_does_not_know_the_password_is_refused),
        cmocka_unit_test(another_conversation_is_refused),
        cmocka_unit_test(an_exchange_does_not_go_on_for_ever),
        cmocka_unit_test(a_bad_answer_inside_hello_is_refused),
        cmocka_unit_test(what_is_missing_in_the_credential_is_said),
        cmocka_unit_test(a_password_that_cannot_be_prepared_is_not_shown),
        cmocka_unit_test(an_ended_login_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
