/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC with a source of the program's (Authentication: OIDC callback, machine flow), at a
 * mock: the specification's prose tests, and what a source may do wrong. */
#include <string.h>

#include "integration/oidc_fixture.h"

#define MANY 20

/* --- the source is asked (prose tests 1, 2) ----------------------------------------------------*/

static void the_source_is_told_who_asks_and_for_how_long(void **state)
{
    oidc_fixture_t *t = *state;
    const oidc_call_t *call = &t->call[0];

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "me%20too@", "&connectTimeoutMS=7000");
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(call->version, MUV_OIDC_CALLBACK_VERSION);
    assert_int_equal(call->timeout_ms, 7000);
    assert_string_equal(call->username, "me too");
    assert_string_equal(call->refresh_token, "");
    assert_string_equal(call->issuer, "");
    assert_int_equal(t->oidc->starts, 1);
    assert_int_equal(t->oidc->speculations, 0);
    assert_string_equal(t->oidc->last_token, TOKEN_1);
}

static void the_smaller_limit_is_the_source_s(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "&connectTimeoutMS=7000&timeoutMS=6000");
    oidc_find(t);
    assert_int_equal(t->call[0].timeout_ms, 6000);
}

static bool all_wait(void *data)
{
    oidc_fixture_t *t = data;

    return stats_of(t->f).connections_pending == MANY &&
           mock_request_count(t->f->mock, "hello") > MANY;
}

static void one_call_serves_all_connections_that_open(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o[MANY] = {{0}};

    oidc_hesitates(t);
    oidc_open(t, "", "&maxPoolSize=20&maxConnecting=20");
    for (size_t i = 0; i < MANY; i++) {
        start_find(t->f, &o[i], 5, NULL);
    }
    run_until_true(&t->f->loop, all_wait, t, WAIT_MS);
    oidc_await_calls(t, 1);
    assert_int_equal(t->oidc->starts, 0);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    for (size_t i = 0; i < MANY; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->logins, MANY);
    assert_int_equal(t->oidc->starts, MANY);
}

static void many_finds_later_the_source_was_called_once(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "&maxPoolSize=10&maxConnecting=10");
    for (unsigned round = 0; round < 10; round++) {
        outcome_t o[10] = {{0}};

        for (size_t i = 0; i < 10; i++) {
            start_find(t->f, &o[i], 5, NULL);
        }
        for (size_t i = 0; i < 10; i++) {
            await_success(&o[i]);
            outcome_clear(&o[i]);
        }
    }
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->unauthorized, 0);
}

static void check_bad_answer(oidc_fixture_t *t, const oidc_answer_t *answer, const char *message)
{
    oidc_answers(t, answer);
    oidc_open(t, "", "");
    oidc_find_fails(t, MUV_EAUTH, text_of(FAILED "%s", message));
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->starts, 0);
}

static void a_source_may_have_nothing_to_give(void **state)
{
    check_bad_answer(*state, &(oidc_answer_t){.with_null = true},
                     "the callback gave no credentials");
}

static void a_source_may_say_why(void **state)
{
    check_bad_answer(*state, &(oidc_answer_t){.with_null = true, .why = "the vault is closed"},
                     "the callback failed: the vault is closed");
}

static void an_answer_without_a_token_is_refused(void **state)
{
    check_bad_answer(*state, &(oidc_answer_t){.code = MUV_EINVAL},
                     "the callback gave no access_token");
}

static void an_answer_that_ended_before_it_began_is_refused(void **state)
{
    oidc_answer_t answer = {.token = {.access_token = TOKEN_1, .expires_in_ms = -1},
                            .code = MUV_EINVAL};

    check_bad_answer(*state, &answer, "the callback gave a negative expires_in_ms");
}

/* --- settings that contradict each other (prose tests 2.4, 2.5) --------------------------------*/

static void check_refused(oidc_fixture_t *t, const char *uri, const muv_oidc_opts_t *source,
                          const char *first, const char *second)
{
    muv_client_opts_t opts = {.oidc = source};
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(&t->f->loop, uri, &opts, &error, &client), MUV_EINVAL);
    CHECK_CONTAINS(error.message, first);
    CHECK_CONTAINS(error.message, second);
    assert_null(client);
}

static void what_contradicts_a_source_is_refused_by_name(void **state)
{
    static const char *const hosts[] = {"example.com"};
    oidc_fixture_t *t = *state;
    muv_oidc_opts_t with_hosts = t->source;
    muv_oidc_opts_t empty = {.human = MUV_YES};

    with_hosts.allowed_hosts = hosts;
    with_hosts.allowed_host_count = 1;
    check_refused(t, "mongodb://h/?" OIDC "&authMechanismProperties=ENVIRONMENT:test", &t->source,
                  "ENVIRONMENT", "callback");
    check_refused(t, "mongodb://h/?" OIDC, NULL, "ENVIRONMENT", "callback");
    check_refused(t, "mongodb://h/?" OIDC, &empty, "ENVIRONMENT", "callback");
    check_refused(t, "mongodb://h/?" OIDC, &with_hosts, "allowed_hosts", "human");
    check_refused(t, "mongodb://h/", &t->source, "oidc", "MONGODB-OIDC");
    check_refused(t, "mongodb://u:p@h/?" OIDC, &t->source, "MONGODB-OIDC", "password");
}

static void hosts_that_are_allowed_are_no_part_of_a_uri(void **state)
{
    oidc_fixture_t *t = *state;

    check_refused(t,
                  "mongodb://h/?" OIDC "&authMechanismProperties=ENVIRONMENT:azure,"
                  "TOKEN_RESOURCE:r,ALLOWED_HOSTS:example.com",
                  NULL, "authMechanismProperties: property 3", "MONGODB-OIDC");
}

/* --- tokens that are refused (prose tests 3) ---------------------------------------------------*/

static void a_kept_token_that_is_refused_is_replaced(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_gives(t, TOKEN_2, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_revoke(t->oidc, TOKEN_1);
    mock_oidc_accept(t->oidc, TOKEN_2);
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_int_equal(t->oidc->speculations, 1); /* With the first one, as saslStart after it. */
    assert_int_equal(t->oidc->refusals, 2);
    assert_int_equal(t->oidc->starts, 3);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
    assert_true(t->call[1].at_us - t->call[0].at_us >= 99999);
}

static void a_new_token_that_is_refused_is_an_error(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, BAD_TOKEN, NULL);
    oidc_open(t, "", "");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server refused it (code 18)");
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->starts, 1);
    assert_int_equal(t->oidc->refusals, 1);
}

static void another_error_than_a_refusal_leaves_the_token_where_it_is(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    mock_reply(t->f->mock, "saslStart", "{\"ok\": 0, \"code\": 20, \"errmsg\": \"" TOKEN_1 "\"}");
    oidc_open(t, "", "");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server refused it (code 20)");
    assert_int_equal(t->calls, 1);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->speculations, 1);
}

static void a_kept_token_is_not_replaced_for_another_error_either(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    t->oidc->ignores_hello = true;
    oidc_open(t, "", "");
    oidc_find(t);
    mock_reply(t->f->mock, "saslStart", "{\"ok\": 0, \"code\": 20, \"errmsg\": \"no\"}");
    oidc_drop_connections(t);
    oidc_find_fails(t, MUV_EAUTH, FAILED "the server refused it (code 20)");
    oidc_find(t);
    assert_int_equal(t->calls, 1);
}

/* --- hello (speculative authentication) --------------------------------------------------------*/

static void a_kept_token_goes_with_hello(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->speculations, 1);
    assert_int_equal(t->oidc->starts, 1);
    assert_int_equal(t->oidc->logins, 2);
}

static void a_server_that_ignores_it_is_told_once_more(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    t->oidc->ignores_hello = true;
    oidc_open(t, "", "");
    oidc_find(t);
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
    assert_int_equal(t->oidc->speculations, 1);
    assert_int_equal(t->oidc->starts, 2);
}

/* --- a source that takes its time --------------------------------------------------------------*/

static void a_source_that_never_answers_is_not_waited_for(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_hesitates(t);
    oidc_open(t, "", "&connectTimeoutMS=500");
    oidc_find_fails(t, MUV_EAUTH, FAILED "the callback did not answer in time");
    assert_int_equal(t->call[0].timeout_ms, 500);
    assert_int_equal(muv_credential_request_is_awaited(t->pending), 0);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    assert_int_equal(t->oidc->starts, 0);
}

static void the_answer_of_a_client_that_was_closed_is_dropped(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_hesitates(t);
    oidc_open(t, "", "");
    start_find(t->f, &o, 5, NULL);
    oidc_await_calls(t, 1);
    assert_int_equal(muv_credential_request_is_awaited(t->pending), 1);
    close_client(t->f, MUV_CLOSE_ABORT);
    assert_true(o.done);
    outcome_clear(&o);
    assert_int_equal(muv_credential_request_is_awaited(t->pending), 0);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
}

static void an_operation_that_ends_does_not_take_the_token_with_it(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_hesitates(t);
    oidc_open(t, "", "");
    start_find(t->f, &o, 5, NULL);
    oidc_await_calls(t, 1);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    outcome_clear(&o);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    oidc_find(t);
    assert_int_equal(t->calls, 1);
}

static void close_in_source(muv_credential_request_t *request, const muv_oidc_params_t *params,
                            void *data)
{
    oidc_fixture_t *t = data;

    (void)params;
    t->pending = request;
    begin_close(t->f, MUV_CLOSE_ABORT);
}

static void a_source_may_close_its_client(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    t->source.callback = close_in_source;
    oidc_open(t, "", "");
    start_find(t->f, &o, 5, NULL);
    await_error(&o, MUV_ECLOSED);
    outcome_clear(&o);
    run_until(&t->f->loop, &t->f->closed, WAIT_MS);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_oidc, close_oidc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_source_is_told_who_asks_and_for_how_long),
        TEST(the_smaller_limit_is_the_source_s),
        TEST(one_call_serves_all_connections_that_open),
        TEST(many_finds_later_the_source_was_called_once),
        TEST(a_source_may_have_nothing_to_give),
        TEST(a_source_may_say_why),
        TEST(an_answer_without_a_token_is_refused),
        TEST(an_answer_that_ended_before_it_began_is_refused),
        TEST(what_contradicts_a_source_is_refused_by_name),
        TEST(hosts_that_are_allowed_are_no_part_of_a_uri),
        TEST(a_kept_token_that_is_refused_is_replaced),
        TEST(a_new_token_that_is_refused_is_an_error),
        TEST(another_error_than_a_refusal_leaves_the_token_where_it_is),
        TEST(a_kept_token_is_not_replaced_for_another_error_either),
        TEST(a_kept_token_goes_with_hello),
        TEST(a_server_that_ignores_it_is_told_once_more),
        TEST(a_source_that_never_answers_is_not_waited_for),
        TEST(the_answer_of_a_client_that_was_closed_is_dropped),
        TEST(an_operation_that_ends_does_not_take_the_token_with_it),
        TEST(a_source_may_close_its_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
