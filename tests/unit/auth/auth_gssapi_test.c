/* SPDX-License-Identifier: Apache-2.0 */
/* Logins whose tokens somebody else makes: which command carries which, and what ends them. */
#include "auth/auth.h"

#include "unit/auth/login.h"

static const muv__auth_credential_t ann = {
    .mechanism = MUV__MECHANISM_GSSAPI, .source = "$external", .username = "ann@R"};

/* "one", "two", "three" */
#define ONE "b25l"
#define TWO "dHdv"
#define THREE "dGhyZWU="

#define START(payload)                                                                             \
    SASL_START("GSSAPI", payload, ", \"autoAuthorize\": 1, \"$db\": \"$external\"")
#define CONTINUE(payload)                                                                          \
    "{\"saslContinue\": 1, \"conversationId\": 7, \"payload\": " BINARY(                           \
        payload) ", \"$db\": \"$external\"}"

static muv__auth_result_t give(login_t *login, const char *text, int last)
{
    muv__auth_token_t token = {.token = muv__span(text, strlen(text)), .last = (int8_t)last};

    return muv__auth_stepped(&login->auth, &token, login_open(login), &login->error);
}

static void check_challenge(const login_t *login, const char *text)
{
    assert_int_equal(login->auth.challenge.size, strlen(text));
    assert_true(strlen(text) == 0 || memcmp(login->auth.challenge.data, text, strlen(text)) == 0);
}

/* Up to the second token, which waits for its reply. */
static void begin(login_t *login)
{
    login_start(login, &ann);
    assert_int_equal(login_begin(login), MUV__AUTH_STEP);
    check_challenge(login, "");
    assert_int_equal(give(login, "one", 0), MUV__AUTH_SEND);
    login_expect(login, START(ONE));
    assert_int_equal(login_reply(login, SASL_REPLY(TWO, "false")), MUV__AUTH_STEP);
    assert_int_equal(give(login, "", 0), MUV__AUTH_SEND);
    login_expect(login, CONTINUE(""));
}

static void check_failure(const login_t *login, const char *message)
{
    assert_int_equal(login->auth.state, MUV__AUTH_STATE_FAILED);
    CHECK_ERROR(&login->error, MUV_EAUTH);
    assert_string_equal(login->error.message, message);
}

static void tokens_go_to_and_fro_until_the_last_one_is_good(void **state)
{
    login_t login;

    (void)state;
    begin(&login);
    assert_int_equal(login_reply(&login, SASL_REPLY(THREE, "false")), MUV__AUTH_STEP);
    assert_int_equal(give(&login, "three", 1), MUV__AUTH_SEND);
    login_expect(&login, CONTINUE(THREE));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void hello_carries_nothing_of_it(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &ann);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_STEP);
    assert_int_equal(give(&login, "one", 0), MUV__AUTH_SEND);
    login_expect(&login, START(ONE));
    login_end(&login);
}

static void a_token_that_cannot_be_made_is_told_with_its_reason(void **state)
{
    static const muv__auth_token_t none = {.why = "Cannot contact any KDC"};
    login_t login;

    (void)state;
    login_start(&login, &ann);
    assert_int_equal(login_begin(&login), MUV__AUTH_STEP);
    assert_int_equal(muv__auth_stepped(&login.auth, &none, login_open(&login), &login.error),
                     MUV__AUTH_FAILED);
    check_failure(&login, "GSSAPI authentication on \"$external\": Cannot contact any KDC");
    login_end(&login);
}

static void a_server_that_is_satisfied_too_early_is_refused(void **state)
{
    login_t login;

    (void)state;
    begin(&login);
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_FAILED);
    check_failure(&login, "GSSAPI authentication on \"$external\": the server ended the exchange"
                          " too early");
    login_end(&login);
}

static void a_server_that_takes_the_first_token_for_all_is_refused(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &ann);
    assert_int_equal(login_begin(&login), MUV__AUTH_STEP);
    assert_int_equal(give(&login, "one", 0), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_FAILED);
    check_failure(&login, "GSSAPI authentication on \"$external\": the server ended the exchange"
                          " too early");
    login_end(&login);
}

static void a_server_that_is_not_satisfied_by_the_last_token_is_refused(void **state)
{
    login_t login;

    (void)state;
    begin(&login);
    assert_int_equal(login_reply(&login, SASL_REPLY(THREE, "false")), MUV__AUTH_STEP);
    assert_int_equal(give(&login, "three", 1), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY("", "false")), MUV__AUTH_FAILED);
    check_failure(&login, "GSSAPI authentication on \"$external\": the server does not end the"
                          " exchange");
    login_end(&login);
}

static void another_conversation_is_refused(void **state)
{
    login_t login;

    (void)state;
    begin(&login);
    assert_int_equal(login_reply(&login, "{\"ok\": 1, \"conversationId\": 8, \"done\": false,"
                                         " \"payload\": " BINARY(TWO) "}"),
                     MUV__AUTH_FAILED);
    check_failure(&login, "GSSAPI authentication on \"$external\": the server answers another"
                          " conversation");
    login_end(&login);
}

static void a_refusal_is_told_with_its_code_and_without_its_text(void **state)
{
    login_t login;

    (void)state;
    begin(&login);
    assert_int_equal(login_reply(&login, "{\"ok\": 0, \"code\": 18, \"errmsg\": \"secrets\"}"),
                     MUV__AUTH_FAILED);
    check_failure(&login,
                  "GSSAPI authentication on \"$external\": the server refused it (code 18)");
    assert_int_equal(login.error.server_code, 18);
    login_end(&login);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_go_to_and_fro_until_the_last_one_is_good),
        cmocka_unit_test(hello_carries_nothing_of_it),
        cmocka_unit_test(a_token_that_cannot_be_made_is_told_with_its_reason),
        cmocka_unit_test(a_server_that_is_satisfied_too_early_is_refused),
        cmocka_unit_test(a_server_that_takes_the_first_token_for_all_is_refused),
        cmocka_unit_test(a_server_that_is_not_satisfied_by_the_last_token_is_refused),
        cmocka_unit_test(another_conversation_is_refused),
        cmocka_unit_test(a_refusal_is_told_with_its_code_and_without_its_text),
    };

    return cmocka_run_group_tests_name("auth_gssapi", tests, NULL, NULL);
}
