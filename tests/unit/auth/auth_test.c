/* SPDX-License-Identifier: Apache-2.0 */
/* Whole logins of each mechanism, as commands and replies. */
#include "auth/auth.h"

#include "base/bson_view.h"
#include "support/alloc.h"
#include "unit/auth/login.h"

static const muv__auth_credential_t sha_256 = {.mechanism = MUV__MECHANISM_SCRAM_SHA_256,
                                               .username = "user",
                                               .password = "pencil",
                                               .source = "admin"};
static const muv__auth_credential_t sha_1 = {.mechanism = MUV__MECHANISM_SCRAM_SHA_1,
                                             .username = "user",
                                             .password = "pencil",
                                             .source = "admin"};
static const muv__auth_credential_t negotiated = {.mechanism = MUV__MECHANISM_DEFAULT,
                                                  .username = "user",
                                                  .password = "pencil",
                                                  .source = "admin"};
static const muv__auth_credential_t plain = {.mechanism = MUV__MECHANISM_PLAIN,
                                             .username = "user",
                                             .password = "pencil",
                                             .source = "$external"};
static const muv__auth_credential_t x509 = {
    .mechanism = MUV__MECHANISM_X509, .username = "CN=user", .source = "$external"};
static const muv__auth_credential_t aws = {.mechanism = MUV__MECHANISM_AWS, .source = "$external"};

/* --- SCRAM -------------------------------------------------------------------------------------*/

static void sha_256_logs_in_by_commands(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_START("SCRAM-SHA-256", FIRST, SCRAM_OPTIONS ", \"$db\": \"admin\""));
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(PROOF_256));
    assert_int_equal(login_reply(&login, SASL_REPLY(VERIFIER_256, "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void sha_1_logs_in_with_the_digest_of_the_password(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &sha_1);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_START("SCRAM-SHA-1", FIRST, SCRAM_OPTIONS ", \"$db\": \"admin\""));
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(PROOF_1));
    assert_int_equal(login_reply(&login, SASL_REPLY(VERIFIER_1, "true")), MUV__AUTH_DONE);
    login_end(&login);
}

/* (Authentication: skipEmptyExchange) Older servers want it all the same. */
static void an_empty_round_at_the_end_is_made(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(VERIFIER_256, "false")), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(""));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void known_keys_need_no_work(void **state)
{
    static const uint8_t random[MUV__AUTH_RANDOM_SIZE];
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    muv__auth_done(&login.auth);
    muv__auth_init(&login.auth, &sha_256, &login.cache, random, 0);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(PROOF_256));
    assert_int_equal(login.cache.computed_count, 1);
    login_end(&login);
}

static void a_login_that_is_not_ready_goes_on_waiting(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    assert_int_equal(login_begin(&login), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(muv__key_cache_work(&login.cache), 1);
    assert_null(muv__auth_next_ready(&login.cache));
    assert_int_equal(muv__auth_work(&login.auth, login_open(&login), &login.error), MUV__AUTH_WORK);
    login_end(&login);
}

/* --- hello -------------------------------------------------------------------------------------*/

static void hello_asks_and_speculates_when_no_mechanism_is_named(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &negotiated);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(
        &login, "{\"saslSupportedMechs\": \"admin.user\", \"speculativeAuthenticate\": " SASL_START(
                    "SCRAM-SHA-256", FIRST, SCRAM_OPTIONS ", \"db\": \"admin\"") "}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1, \"saslSupportedMechs\": [\"SCRAM-SHA-256\"],"
                                         " \"speculativeAuthenticate\": {\"conversationId\": 7,"
                                         " \"done\": false, \"payload\": " BINARY(CHALLENGE) "}}"),
                     MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(PROOF_256));
    assert_int_equal(login_reply(&login, SASL_REPLY(VERIFIER_256, "true")), MUV__AUTH_DONE);
    login_end(&login);
}

/* The real server answers a SHA-256 challenge even for a user that has SHA-1 only. */
static void a_speculation_with_the_wrong_mechanism_is_forgotten(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &negotiated);
    muv__auth_write_hello(&login.auth, login_open(&login));
    assert_int_equal(login_hello(&login, "{\"ok\": 1, \"saslSupportedMechs\": [\"SCRAM-SHA-1\"],"
                                         " \"speculativeAuthenticate\": {\"conversationId\": 7,"
                                         " \"done\": false, \"payload\": " BINARY(CHALLENGE) "}}"),
                     MUV__AUTH_SEND);
    login_expect(&login, SASL_START("SCRAM-SHA-1", FIRST, SCRAM_OPTIONS ", \"$db\": \"admin\""));
    assert_int_equal(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), MUV__AUTH_WORK);
    assert_int_equal(login_work(&login), MUV__AUTH_SEND);
    login_expect(&login, SASL_CONTINUE(PROOF_1));
    login_end(&login);
}

static void a_server_that_ignores_the_speculation_gets_the_commands(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{\"speculativeAuthenticate\": " SASL_START(
                             "SCRAM-SHA-256", FIRST, SCRAM_OPTIONS ", \"db\": \"admin\"") "}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    login_expect(&login, SASL_START("SCRAM-SHA-256", FIRST, SCRAM_OPTIONS ", \"$db\": \"admin\""));
    login_end(&login);
}

/* Each exchange has a nonce of its own. */
static void a_second_exchange_takes_other_random_bytes(void **state)
{
    uint8_t random[MUV__AUTH_RANDOM_SIZE] = {0};
    login_t login;

    (void)state;
    login_start(&login, &sha_256);
    muv__auth_done(&login.auth);
    memset(random + MUV__SCRAM_RANDOM_SIZE, 0xff, sizeof(random) - MUV__SCRAM_RANDOM_SIZE);
    muv__auth_init(&login.auth, &sha_256, &login.cache, random, 0);
    muv__auth_write_hello(&login.auth, login_open(&login));
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    assert_string_equal(login.auth.scram.nonce, "////////////////////////////////");
    login_end(&login);
}

static void plain_and_aws_do_not_speculate(void **state)
{
    muv__credentials_t keys = {.aws = {"AKID", "secret", NULL}};
    login_t login;

    (void)state;
    login_start(&login, &plain);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{}");
    login_end(&login);
    login_start(&login, &aws);
    login_offer(&login, &keys, 0);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{}");
    login_end(&login);
}

/* --- the others --------------------------------------------------------------------------------*/

static void plain_sends_the_password_once(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &plain);
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    login_expect(&login, SASL_START("PLAIN", "AHVzZXIAcGVuY2ls",
                                    ", \"autoAuthorize\": 1, \"$db\": \"$external\""));
    assert_int_equal(login_reply(&login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
    login_end(&login);
}

static void x509_names_the_user_and_is_done(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &x509);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{\"speculativeAuthenticate\": {\"authenticate\": 1, \"mechanism\": "
                         "\"MONGODB-X509\", \"user\": \"CN=user\", \"db\": \"$external\"}}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    login_expect(&login, "{\"authenticate\": 1, \"mechanism\": \"MONGODB-X509\","
                         " \"user\": \"CN=user\", \"$db\": \"$external\"}");
    assert_int_equal(login_reply(&login, "{\"ok\": 1}"), MUV__AUTH_DONE);
    login_end(&login);
}

static void x509_without_a_user_may_be_done_with_hello(void **state)
{
    muv__auth_credential_t nameless = {.mechanism = MUV__MECHANISM_X509, .source = "$external"};
    login_t login;

    (void)state;
    login_start(&login, &nameless);
    muv__auth_write_hello(&login.auth, login_open(&login));
    login_expect(&login, "{\"speculativeAuthenticate\": {\"authenticate\": 1, \"mechanism\": "
                         "\"MONGODB-X509\", \"db\": \"$external\"}}");
    assert_int_equal(login_hello(&login, "{\"ok\": 1, \"speculativeAuthenticate\":"
                                         " {\"dbname\": \"$external\", \"user\": \"CN=a\"}}"),
                     MUV__AUTH_DONE);
    login_end(&login);
}

/* {s: 32 zeros and 0 to 31, h: "sts.amazonaws.com"} */
#define AWS_CHALLENGE                                                                              \
    "ZgAAAAVzAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQIDBAUGBw"                       \
    "gJCgsMDQ4PEBESExQVFhcYGRobHB0eHwJoABIAAABzdHMuYW1hem9uYXdzLmNvbQAA"

static const muv__credentials_t aws_keys = {
    .aws = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "TOKEN"}};

static void expect_signature(login_t *login)
{
    muv__bson_iter_t iter;

    assert_int_equal(login_reply(login, SASL_REPLY(AWS_CHALLENGE, "false")), MUV__AUTH_SEND);
    muv__bson_end(&login->command, login->mark);
    assert_int_equal(muv__bson_find(login->command.data, login->command.size, "payload", &iter), 1);
    assert_int_equal(muv__bson_find(iter.value + 5, iter.value_size - 5, "t", &iter), 1);
    assert_int_equal(muv__bson_iter_text_is(&iter, "TOKEN", 5), 1);
    assert_int_equal(login_reply(login, SASL_REPLY("", "true")), MUV__AUTH_DONE);
}

static void aws_signs_with_keys_that_were_kept(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &aws);
    login_offer(&login, &aws_keys, 0);
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    expect_signature(&login);
    login_end(&login);
}

static void aws_without_keys_asks_for_them_and_signs(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &aws);
    login_offer(&login, NULL, 0);
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_FETCH);
    assert_int_equal(login_fetched(&login, &aws_keys), MUV__AUTH_SEND);
    expect_signature(&login);
    login_end(&login);
}

static void aws_without_keys_to_be_had_says_why(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &aws);
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_FETCH);
    assert_int_equal(login_unfetched(&login, "EC2: status 404"), MUV__AUTH_FAILED);
    CHECK_ERROR(&login.error, MUV_EAUTH);
    assert_string_equal(login.error.message,
                        "MONGODB-AWS authentication on \"$external\": EC2: status 404");
    login_end(&login);
}

/* A refused key is not asked for again in the same login: the next one finds the cache empty. */
static void aws_with_refused_keys_fails(void **state)
{
    login_t login;

    (void)state;
    login_start(&login, &aws);
    login_offer(&login, &aws_keys, 0);
    assert_int_equal(login_hello(&login, "{\"ok\": 1}"), MUV__AUTH_SEND);
    assert_int_equal(login_reply(&login, "{\"ok\": 0, \"code\": 18}"), MUV__AUTH_FAILED);
    CHECK_ERROR(&login.error, MUV_EAUTH);
    assert_int_equal(login.error.server_code, 18);
    assert_non_null(login.auth.credentials);
    login_end(&login);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void log_in_under_failing_memory(void *data)
{
    login_t login;

    login_start(&login, data);
    muv__auth_write_hello(&login.auth, login_open(&login));
    if (login.command.error != 0) {
        assert_true(alloc_has_failed());
    } else if (login_goes_on(login_hello(&login, "{\"ok\": 1}"), &login) &&
               login_goes_on(login_reply(&login, SASL_REPLY(CHALLENGE, "false")), &login) &&
               login_goes_on(login_work(&login), &login) &&
               login_goes_on(login_reply(&login, login.auth.mechanism == MUV__MECHANISM_SCRAM_SHA_1
                                                     ? SASL_REPLY(VERIFIER_1, "true")
                                                     : SASL_REPLY(VERIFIER_256, "true")),
                             &login)) {
        assert_int_equal(login.auth.state, MUV__AUTH_STATE_DONE);
    }
    login_end(&login);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    muv__auth_credential_t each[] = {sha_256, sha_1, negotiated};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(each); i++) {
        assert_true(alloc_sweep(log_in_under_failing_memory, &each[i]) > 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_logs_in_by_commands),
        cmocka_unit_test(sha_1_logs_in_with_the_digest_of_the_password),
        cmocka_unit_test(an_empty_round_at_the_end_is_made),
        cmocka_unit_test(known_keys_need_no_work),
        cmocka_unit_test(a_login_that_is_not_ready_goes_on_waiting),
        cmocka_unit_test(hello_asks_and_speculates_when_no_mechanism_is_named),
        cmocka_unit_test(a_speculation_with_the_wrong_mechanism_is_forgotten),
        cmocka_unit_test(a_server_that_ignores_the_speculation_gets_the_commands),
        cmocka_unit_test(a_second_exchange_takes_other_random_bytes),
        cmocka_unit_test(plain_and_aws_do_not_speculate),
        cmocka_unit_test(plain_sends_the_password_once),
        cmocka_unit_test(x509_names_the_user_and_is_done),
        cmocka_unit_test(x509_without_a_user_may_be_done_with_hello),
        cmocka_unit_test(aws_signs_with_keys_that_were_kept),
        cmocka_unit_test(aws_without_keys_asks_for_them_and_signs),
        cmocka_unit_test(aws_without_keys_to_be_had_says_why),
        cmocka_unit_test(aws_with_refused_keys_fails),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
