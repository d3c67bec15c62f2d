/* SPDX-License-Identifier: Apache-2.0 */
/* Logins with tokens: kept ones, new ones, and those that a person is asked for. */
#include "auth/auth.h"

#include "support/alloc.h"
#include "unit/auth/login.h"

static const muv__auth_credential_t machine = {.mechanism = MUV__MECHANISM_OIDC,
                                               .source = "$external"};
static const muv__auth_credential_t person = {
    .mechanism = MUV__MECHANISM_OIDC, .source = "$external", .username = "myidp", .human = 1};
static const muv__auth_credential_t nobody = {
    .mechanism = MUV__MECHANISM_OIDC, .source = "$external", .human = 1};

static const muv__credentials_t old_token = {.oidc_token = "abc"};
static const muv__credentials_t new_token = {.oidc_token = "abcd1234"};

/* {jwt: "abc"}, {jwt: "abcd1234"} */
#define OLD_TOKEN "EgAAAAJqd3QABAAAAGFiYwAA"
#define NEW_TOKEN "FwAAAAJqd3QACQAAAGFiY2QxMjM0AAA="
/* {n: "myidp"}, {} */
#define PRINCIPAL "EgAAAAJuAAYAAABteWlkcAAA"
#define NO_PRINCIPAL "BQAAAAA="
/* {issuer: "https://issuer", clientId: "abcd", requestScopes: ["a", "b"]} */
#define IDP_INFO                                                                                   \
    "WQAAAAJpc3N1ZXIADwAAAGh0dHBzOi8vaXNzdWVyAAJjbGllbnRJZAAFAAAAYWJjZAAEcmVxdWVzdFNjb3BlcwAXAAAA" \
    "AjAAAgAAAGEAAjEAAgAAAGIAAAA="

#define START(payload) SASL_START("MONGODB-OIDC", payload, ", \"$db\": \"$external\"")
#define CONTINUE(payload)                                                                          \
    "{\"saslContinue\": 1, \"conversationId\": 7, \"payload\": " BINARY(                           \
        payload) ", \"$db\": \"$external\"}"
#define REFUSED "{\"ok\": 0, \"code\": 18, \"codeName\": \"AuthenticationFailed\"}"

/* --- machines ----------------------------------------------------------------------------------*/

static void a_kept_token_is_sent_in_one_step(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, &old_token, 0);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, START(OLD_TOKEN));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void without_a_token_one_is_asked_for(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, NULL, 0);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_FETCH);
    assert_null(login.auth.refused);
    assert_int_equal(login.auth.has_idp_info, 0);
    assert_int_equal(login_fetched(&login, &new_token), MUV__AUTH_SEND);
    login_expect(&login, START(NEW_TOKEN));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    assert_string_equal(login.auth.credentials->oidc_token, "abcd1234");
    login_end(&login);
}

static void a_kept_token_rides_on_hello(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, &old_token, 0);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{\"speculativeAuthenticate\": " SASL_START(
                             "MONGODB-OIDC", OLD_TOKEN, ", \"db\": \"$external\"") "}");
    assert_int_equal(
        login_hello(&login, "{\"ok\": 1, \"speculativeAuthenticate\": " SASL_REPLY("", "true") "}"),
        MUV__AUTH_DONE);
    login_end(&login);
}

/* (Authentication, OIDC: a speculation that fails says nothing against the token.) */
static void a_speculation_that_fails_is_followed_by_the_same_token(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, &old_token, 0);
    muv__auth_write_hello(&login.auth, login_open(&login));
    assert_int_equal(login_hello(&login, "{\"ok\": 1, \"speculativeAuthenticate\": " SASL_REPLY(
                                             "", "false") "}"),
                     MUV__AUTH_SEND);
    login_expect(&login, START(OLD_TOKEN));
    login_end(&login);
}

static void a_refused_kept_token_is_replaced_once(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, &old_token, 0);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_FETCH);
    assert_string_equal(login.auth.refused->oidc_token, "abc");
    assert_int_equal(login_fetched(&login, &new_token), MUV__AUTH_SEND);
    login_expect(&login, START(NEW_TOKEN));
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_FAILED);
    CHECK_ERROR(&login.error, MUV_EAUTH);
    assert_string_equal(login.error.message, "MONGODB-OIDC authentication on \"$external\": the "
                                             "server refused it (code 18)");
    login_end(&login);
}

/* (Prose test 3.3: other codes do not clear the cache.) */
static void another_error_is_the_end_and_leaves_the_token(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    login_offer(&login, &old_token, 0);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, "{\"ok\": 0, \"code\": 20}"), MUV__AUTH_FAILED);
    assert_null(login.auth.refused);
    assert_int_equal(login.error.server_code, 20);
    login_end(&login);
}

static void no_token_to_be_had_is_the_end(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &machine);
    assert_int_equal(login_begin(&login), MUV__AUTH_FETCH);
    assert_int_equal(login_unfetched(&login, "azure: status 400"), MUV__AUTH_FAILED);
    assert_string_equal(login.error.message,
                        "MONGODB-OIDC authentication on \"$external\": azure: status 400");
    login_end(&login);
}

/* --- persons -----------------------------------------------------------------------------------*/

static void a_person_is_told_the_issuer_first(void **state)
{
    const muv__oidc_idp_info_t *info;
    login_t login;

    (void)state;
    login_start(&login, &person);
    login_offer(&login, NULL, 0);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, START(PRINCIPAL));
    assert_int_equal(login_reply(&login, SASL_REPLY(IDP_INFO, "false")), MUV__AUTH_FETCH);
    info = &login.auth.idp_info;
    assert_int_equal(login.auth.has_idp_info, 1);
    assert_int_equal(info->issuer.size, 14);
    assert_int_equal(info->scope_count, 2);
    assert_int_equal(login_fetched(&login, &new_token), MUV__AUTH_SEND);
    login_expect(&login, CONTINUE(NEW_TOKEN));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void a_person_without_a_name_sends_none(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &nobody);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, START(NO_PRINCIPAL));
    login_end(&login);
}

static void a_refused_token_of_a_person_is_refreshed_then_begun_anew(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &person);
    login_offer(&login, &old_token, 1);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, START(OLD_TOKEN));
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_FETCH);
    assert_int_equal(login.auth.has_idp_info, 0);
    assert_int_equal(login_fetched(&login, &new_token), MUV__AUTH_SEND);
    login_expect(&login, START(NEW_TOKEN));
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_SEND);
    assert_string_equal(login.auth.refused->oidc_token, "abcd1234");
    login_expect(&login, START(PRINCIPAL));
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_FAILED);
    login_end(&login);
}

static void a_refresh_that_fails_is_followed_by_two_steps(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &person);
    login_offer(&login, NULL, 1);
    assert_int_equal(login_begin(&login), MUV__AUTH_FETCH);
    assert_int_equal(login_unfetched(&login, "the callback failed"), MUV__AUTH_SEND);
    login_expect(&login, START(PRINCIPAL));
    assert_int_equal(login_reply(&login, SASL_REPLY(IDP_INFO, "false")), MUV__AUTH_FETCH);
    assert_int_equal(login_unfetched(&login, "the callback failed"), MUV__AUTH_FAILED);
    login_end(&login);
}

static void a_server_that_does_not_name_an_issuer_is_refused(void **state)
{
    static const char *const replies[] = {
        SASL_REPLY(IDP_INFO, "true"),
        SASL_REPLY("", "false"),
        SASL_REPLY(NO_PRINCIPAL, "false"),
    };
    login_t login;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(replies); i++) {
        login_start(&login, &person);
        assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
        assert_int_equal(login_reply(&login, replies[i]), MUV__AUTH_FAILED);
        CHECK_ERROR(&login.error, MUV_EAUTH);
        login_end(&login);
    }
}

/* A second token after the first was refused in the second of two steps would be the same one. */
static void a_new_token_of_a_person_is_not_replaced(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &person);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(IDP_INFO, "false")), MUV__AUTH_FETCH);
    assert_int_equal(login_fetched(&login, &new_token), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, REFUSED), MUV__AUTH_FAILED);
    login_end(&login);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void log_a_person_in_under_failing_memory(void *data)
{
    muv__credentials_t *credentials = data;
    login_t login;

    login_start(&login, &person);
    if (login_goes_on(login_begin(&login), &login) &&
        login_goes_on(login_reply(&login, SASL_REPLY(IDP_INFO, "false")), &login) &&
        login_goes_on(
            muv__auth_fetched(&login.auth, credentials, 0, login_open(&login), &login.error),
            &login) &&
        login_goes_on(login_reply(&login, SASL_REPLY("", "true")), &login)) {
        assert_int_equal(login.auth.state, MUV__AUTH_STATE_DONE);
    }
    login_end(&login);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    muv__credentials_t *credentials;

    (void)state;
    assert_int_equal(muv__credentials_new(&new_token, &credentials), 0);
    assert_true(alloc_sweep(log_a_person_in_under_failing_memory, credentials) > 3);
    assert_int_equal(credentials->refs, 1);
    muv__credentials_release(credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_token_is_sent_in_one_step),
        cmocka_unit_test(without_a_token_one_is_asked_for),
        cmocka_unit_test(a_kept_token_rides_on_hello),
        cmocka_unit_test(a_speculation_that_fails_is_followed_by_the_same_token),
        cmocka_unit_test(a_refused_kept_token_is_replaced_once),
        cmocka_unit_test(another_error_is_the_end_and_leaves_the_token),
        cmocka_unit_test(no_token_to_be_had_is_the_end),
        cmocka_unit_test(a_person_is_told_the_issuer_first),
        cmocka_unit_test(a_person_without_a_name_sends_none),
        cmocka_unit_test(a_refused_token_of_a_person_is_refreshed_then_begun_anew),
        cmocka_unit_test(a_refresh_that_fails_is_followed_by_two_steps),
        cmocka_unit_test(a_server_that_does_not_name_an_issuer_is_refused),
        cmocka_unit_test(a_new_token_of_a_person_is_not_replaced),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
