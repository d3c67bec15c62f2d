/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC for people (Authentication: OIDC human callback, two-step conversation), at a mock:
 * the specification's prose tests, and hosts that are not allowed. */
#include <string.h>

#include "integration/oidc_fixture.h"

static int open_human(void **state)
{
    oidc_fixture_t *t;

    if (open_oidc(state) != 0) {
        return -1;
    }
    t = *state;
    t->source.human = MUV_YES;
    mock_oidc_accept(t->oidc, TOKEN_2);
    return 0;
}

/* --- two steps (prose tests 1, 2) --------------------------------------------------------------*/

static void a_person_is_told_what_the_server_says_of_the_issuer(void **state)
{
    oidc_fixture_t *t = *state;
    const oidc_call_t *call = &t->call[0];

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "me@", "&connectTimeoutMS=7000&timeoutMS=6000");
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(call->version, MUV_OIDC_CALLBACK_VERSION);
    assert_int_equal(call->timeout_ms, 5 * 60 * 1000);
    assert_string_equal(call->username, "me");
    assert_string_equal(call->issuer, "https://issuer.test");
    assert_string_equal(call->client_id, "client");
    assert_string_equal(call->scopes, "one two");
    assert_string_equal(call->refresh_token, "");
    assert_string_equal(t->oidc->principal, "me");
    assert_int_equal(t->oidc->starts, 1);
    assert_int_equal(t->oidc->continues, 1);
    assert_int_equal(t->oidc->speculations, 0);
}

static void a_person_needs_no_name(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    assert_int_equal(t->oidc->asked, 1);
    assert_string_equal(t->oidc->principal, "");
    assert_string_equal(t->call[0].username, "");
}

static void an_issuer_of_machines_has_no_client_id(void **state)
{
    oidc_fixture_t *t = *state;

    mock_oidc_set_idp(t->oidc, "{\"issuer\": \"https://machines.test\"}");
    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    assert_string_equal(t->call[0].issuer, "https://machines.test");
    assert_string_equal(t->call[0].client_id, "");
    assert_string_equal(t->call[0].scopes, "");
}

static void a_server_that_names_no_issuer_is_refused(void **state)
{
    oidc_fixture_t *t = *state;

    mock_oidc_set_idp(t->oidc, "{\"clientId\": \"client\"}");
    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server does not say who issues tokens");
    assert_int_equal(t->calls, 0);
}

static void a_server_that_knows_no_such_person_is_believed(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    mock_reply(t->f->mock, "saslStart", "{\"ok\": 0, \"code\": 18, \"errmsg\": \"who?\"}");
    oidc_open(t, "nobody@", "");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server refused it (code 18)");
    assert_int_equal(t->calls, 0);
    assert_int_equal(t->oidc->speculations, 0);
}

static void an_answer_without_a_token_is_refused(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_answers(t, &(oidc_answer_t){.token = {.refresh_token = REFRESH_1}, .code = MUV_EINVAL});
    oidc_open(t, "", "");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the callback gave no access_token");
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->continues, 0);
}

static bool all_have_asked(void *data)
{
    oidc_fixture_t *t = data;

    return t->oidc->asked == 5;
}

static void a_person_is_asked_once_for_all_connections(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o[5] = {{0}};

    oidc_hesitates(t);
    oidc_open(t, "", "&maxConnecting=5");
    for (size_t i = 0; i < 5; i++) {
        start_find(t->f, &o[i], 5, NULL);
    }
    run_until_true(&t->f->loop, all_have_asked, t, WAIT_MS);
    oidc_await_calls(t, 1);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    for (size_t i = 0; i < 5; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->logins, 5);
}

/* An operation that ends after that long, and the person is still awaited. */
static void a_person_has_longer_than_a_connection(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_hesitates(t);
    oidc_open(t, "", "&connectTimeoutMS=400");
    start_find(t->f, &o, 5, &(muv_find_one_opts_t){.timeout_ms = 1000});
    await_error(&o, MUV_ETIMEOUT);
    outcome_clear(&o);
    assert_int_equal(muv_credential_request_is_awaited(t->pending), 1);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
}

/* --- hosts that are allowed (prose test 1.6) ---------------------------------------------------*/

static void open_with_hosts(oidc_fixture_t *t, const char *const *hosts, size_t count)
{
    oidc_gives(t, TOKEN_1, NULL);
    t->source.allowed_hosts = hosts;
    t->source.allowed_host_count = count;
    oidc_open(t, "", "&ignored=127.0.0.1");
}

static void check_not_allowed(oidc_fixture_t *t)
{
    oidc_find_fails(t, MUV_EAUTH, "MONGODB-OIDC authentication");
    CHECK_CONTAINS(t->last_message, mock_address(t->f->mock, 0));
    CHECK_CONTAINS(t->last_message, "allowed_hosts");
    assert_int_equal(t->calls, 0);
    assert_int_equal(mock_request_count(t->f->mock, "saslStart"), 0);
    assert_int_equal(t->oidc->speculations, 0);
}

static void a_host_that_is_not_allowed_hears_nothing(void **state)
{
    static const char *const hosts[] = {"example.com", "*.0.0.1", "localhost"};

    open_with_hosts(*state, hosts, 3);
    check_not_allowed(*state);
}

static void no_host_is_allowed_by_an_empty_list(void **state)
{
    static const char *const hosts[] = {NULL};

    open_with_hosts(*state, hosts, 0);
    check_not_allowed(*state);
}

static void a_host_that_is_allowed_hears_all(void **state)
{
    static const char *const hosts[] = {"*.example.com", "127.0.0.1"};

    open_with_hosts(*state, hosts, 2);
    oidc_find(*state);
}

/* --- refreshing (prose tests 2.3, 4) -----------------------------------------------------------*/

static void a_refresh_token_goes_back_to_its_source(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_gives(t, TOKEN_2, REFRESH_2);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_string_equal(t->call[1].refresh_token, REFRESH_1);
    assert_string_equal(t->call[1].issuer, "https://issuer.test");
    assert_string_equal(t->call[1].scopes, "one two");
    assert_int_equal(t->call[1].timeout_ms, 5 * 60 * 1000);
    assert_int_equal(t->oidc->asked, 1);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_string_equal(t->call[2].refresh_token, REFRESH_2);
    assert_int_equal(t->oidc->asked, 1);
}

static void logging_in_again_is_heard_as_one_failed_command(void **state)
{
    oidc_fixture_t *t = *state;
    unsigned hellos;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_open(t, "", "");
    oidc_find(t);
    hellos = mock_request_count(t->f->mock, "hello");
    t->commands[0] = '\0';
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_string_equal(t->commands, "find started\nfind failed 391\n"
                                     "find started\nfind succeeded\n");
    assert_int_equal(mock_request_count(t->f->mock, "hello"), hellos);
}

static void without_a_refresh_token_the_person_starts_anew(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_string_equal(t->call[1].refresh_token, "");
    assert_int_equal(t->oidc->asked, 2);
}

/* Of three calls only the second one is given the refresh token. */
static void check_calls(const oidc_fixture_t *t)
{
    assert_int_equal(t->calls, 3);
    assert_string_equal(t->call[1].refresh_token, REFRESH_1);
    assert_string_equal(t->call[2].refresh_token, "");
    assert_string_equal(t->call[2].issuer, "https://issuer.test");
    assert_int_equal(t->oidc->asked, 2);
}

static void a_refreshed_token_that_is_refused_leads_to_two_steps(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_gives(t, BAD_TOKEN, REFRESH_2);
    oidc_gives(t, TOKEN_2, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    check_calls(t);
    assert_int_equal(t->oidc->refusals, 1);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
}

static void a_refresh_token_that_is_worth_nothing_leads_to_two_steps(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_answers(t, &(oidc_answer_t){.with_null = true, .why = "too old"});
    oidc_gives(t, TOKEN_2, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    check_calls(t);
    assert_int_equal(t->oidc->refusals, 0);
}

static void a_person_whose_tokens_are_refused_stays_outside(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_gives(t, BAD_TOKEN, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server refused it (code 18)");
    check_calls(t);
    assert_int_equal(t->oidc->refusals, 2);
}

/* --- kept tokens (prose test 3.1) --------------------------------------------------------------*/

static void a_kept_token_goes_with_hello(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_reply(t->f->mock, "saslStart", "{\"ok\": 0, \"code\": 18, \"errmsg\": \"no\"}");
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->speculations, 1);
    assert_int_equal(mock_request_count(t->f->mock, "saslStart"), 1);
}

static void a_kept_token_that_is_refused_is_refreshed(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, REFRESH_1);
    oidc_gives(t, TOKEN_2, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_revoke(t->oidc, TOKEN_1);
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_string_equal(t->call[1].refresh_token, REFRESH_1);
    assert_int_equal(t->oidc->asked, 1);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_human, close_oidc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_person_is_told_what_the_server_says_of_the_issuer),
        TEST(a_person_needs_no_name),
        TEST(an_issuer_of_machines_has_no_client_id),
        TEST(a_server_that_names_no_issuer_is_refused),
        TEST(a_server_that_knows_no_such_person_is_believed),
        TEST(an_answer_without_a_token_is_refused),
        TEST(a_person_is_asked_once_for_all_connections),
        TEST(a_person_has_longer_than_a_connection),
        TEST(a_host_that_is_not_allowed_hears_nothing),
        TEST(no_host_is_allowed_by_an_empty_list),
        TEST(a_host_that_is_allowed_hears_all),
        TEST(a_refresh_token_goes_back_to_its_source),
        TEST(logging_in_again_is_heard_as_one_failed_command),
        TEST(without_a_refresh_token_the_person_starts_anew),
        TEST(a_refreshed_token_that_is_refused_leads_to_two_steps),
        TEST(a_refresh_token_that_is_worth_nothing_leads_to_two_steps),
        TEST(a_person_whose_tokens_are_refused_stays_outside),
        TEST(a_kept_token_goes_with_hello),
        TEST(a_kept_token_that_is_refused_is_refreshed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
