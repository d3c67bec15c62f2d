/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that want a connection to log in again (code 391, ReauthenticationRequired), with
 * MONGODB-OIDC, at a mock: prose tests 4, and by hand the cases of mongodb-oidc-no-retry.json. */
#include <string.h>

#include "integration/oidc_fixture.h"
#include "support/mock_set.h"

/* --- what is repeated (prose tests 4) ----------------------------------------------------------*/

static void a_server_that_wants_it_is_logged_in_to_again(void **state)
{
    oidc_fixture_t *t = *state;
    const mock_request_t *find;
    unsigned hellos;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_gives(t, TOKEN_2, NULL);
    mock_oidc_accept(t->oidc, TOKEN_2);
    oidc_open(t, "", "");
    oidc_find(t);
    hellos = mock_request_count(t->f->mock, "hello");
    t->commands[0] = '\0';
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_string_equal(t->commands, "find started\nfind failed 391\n"
                                     "find started\nfind succeeded\n");
    assert_int_equal(mock_request_count(t->f->mock, "hello"), hellos);
    assert_int_equal(t->oidc->starts, 2);
    assert_int_equal(t->oidc->speculations, 0);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
    find = mock_request_of(t->f->mock, "find", 1);
    assert_int_equal(t->oidc->last_connection, find->connection);
    assert_int_equal(mock_request_of(t->f->mock, "find", 2)->connection, find->connection);
    assert_true(mock_request_same(mock_request_of(t->f->mock, "find", 2), find, "lsid"));
}

static void a_connection_that_came_in_by_hello_logs_in_again_without(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->oidc->starts, 1);
    mock_oidc_demand(t->oidc, "find", 1);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_int_equal(t->oidc->speculations, 1);
    assert_int_equal(t->oidc->starts, 2);
}

static void a_write_is_repeated_like_a_read(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    t->commands[0] = '\0';
    mock_oidc_demand(t->oidc, "insert", 1);
    start_write(t->f, &o, "{\"insert\": \"c\"}", 0);
    await_success(&o);
    outcome_clear(&o);
    assert_string_equal(t->commands, "insert started\ninsert failed 391\n"
                                     "insert started\ninsert succeeded\n");
    assert_int_equal(t->calls, 2);
}

static void a_command_is_repeated_once(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 2);
    start_find(t->f, &o, 5, NULL);
    await_error(&o, MUV_ESERVER);
    assert_int_equal(o.error.server_code, 391);
    outcome_clear(&o);
    assert_int_equal(t->oidc->starts, 2);
    assert_int_equal(mock_request_count(t->f->mock, "find"), 3);
}

/* The connection is closed, and the pool cleared: the next command opens a new one. */
static void a_command_fails_when_its_connection_cannot_log_in_again(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_gives(t, BAD_TOKEN, NULL);
    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    oidc_find(t);
    t->commands[0] = '\0';
    mock_oidc_demand(t->oidc, "insert", 1);
    start_write(t->f, &o, "{\"insert\": \"c\"}", 0);
    await_error(&o, MUV_EAUTH);
    oidc_tell_error(t, &o.error);
    outcome_clear(&o);
    assert_string_equal(t->commands, "insert started\ninsert failed 391\n");
    assert_int_equal(t->calls, 2);
    oidc_find(t); /* BAD_TOKEN was kept, and is replaced. */
    assert_int_equal(t->calls, 3);
}

/* Two connections with one token, which ends: the first to hear of it has it replaced, and the
 * second one, later, takes the new one (Client Cache, Connection Cache). */
static void a_token_that_was_replaced_already_is_not_replaced_again(void **state)
{
    static const char again[] = "{\"ok\": 0, \"code\": 391, \"errmsg\": \"again\"}";
    oidc_fixture_t *t = *state;
    outcome_t first = {0};
    outcome_t second = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_gives(t, TOKEN_2, NULL);
    mock_oidc_accept(t->oidc, TOKEN_2);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_script(t->f->mock, "find", &(mock_step_t){.json = again, .hold = true});
    mock_script(t->f->mock, "find", &(mock_step_t){.json = again});
    start_find(t->f, &second, 5, NULL);
    await_held(t->f, 1);
    start_find(t->f, &first, 5, NULL);
    await_success(&first);
    assert_int_equal(t->calls, 2);
    assert_int_equal(mock_release(t->f->mock, 1), 1);
    await_success(&second);
    assert_int_equal(t->calls, 2);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
    outcome_clear(&first);
    outcome_clear(&second);
}

static void connections_whose_token_ends_share_the_new_one(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o[4] = {{0}};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_gives(t, TOKEN_2, NULL);
    mock_oidc_accept(t->oidc, TOKEN_2);
    oidc_open(t, "", "&minPoolSize=4&maxPoolSize=4");
    oidc_find(t);
    run_until_count(&t->f->loop, &t->oidc->logins, 4, WAIT_MS);
    mock_oidc_expire(t->oidc, TOKEN_1);
    for (size_t i = 0; i < 4; i++) {
        start_find(t->f, &o[i], 5, NULL);
    }
    for (size_t i = 0; i < 4; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(t->calls, 2);
    assert_int_equal(t->oidc->refusals, 0);
    assert_int_equal(t->oidc->unauthorized, 0);
}

static void getting_more_of_a_cursor_is_repeated(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    mock_oidc_demand(t->oidc, "getMore", 1);
    start_command(t->f, &o, "{\"getMore\": {\"$numberLong\": \"7\"}, \"collection\": \"c\"}", NULL);
    await_success(&o);
    outcome_clear(&o);
    assert_string_equal(t->commands, "getMore started\ngetMore failed 391\n"
                                     "getMore started\ngetMore succeeded\n");
}

/* The person of a session is the same one: its number goes with the repeated command, too. */
static void a_session_stays_the_same(void **state)
{
    oidc_fixture_t *t = *state;
    muv_session_t *session = NULL;
    const mock_request_t *first;
    const mock_request_t *second;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "");
    CHECK_CODE(muv_session_start(t->f->client, NULL, &session), 0);
    mock_oidc_demand(t->oidc, "find", 1);
    start_find(t->f, &o, 5, &(muv_find_one_opts_t){.session = session});
    await_success(&o);
    outcome_clear(&o);
    first = mock_request_of(t->f->mock, "find", 0);
    second = mock_request_of(t->f->mock, "find", 1);
    assert_true(mock_request_same(first, second, "lsid"));
    assert_int_equal(first->connection, second->connection);
    muv_session_end(session);
}

/* What runs out of time while its connection logs in again ends then, and leaves nothing behind. */
static void an_operation_may_end_in_the_middle(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_hesitates(t);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    start_find(t->f, &o, 5, NULL);
    oidc_await_calls(t, 2);
    cancel(&o);
    await_error(&o, MUV_ECANCELED);
    outcome_clear(&o);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
    oidc_find(t);
    assert_int_equal(t->calls, 2);
    assert_int_equal(t->oidc->unauthorized, 0);
}

static void check_broken_login(oidc_fixture_t *t, const mock_step_t *step, int code)
{
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", "&connectTimeoutMS=500");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    mock_script(t->f->mock, "saslStart", step);
    start_find(t->f, &o, 5, NULL);
    await_error(&o, code);
    oidc_tell_error(t, &o.error);
    outcome_clear(&o);
    oidc_find(t);
    assert_int_equal(t->oidc->unauthorized, 0);
}

static void a_server_that_hangs_up_in_the_middle_is_a_network_error(void **state)
{
    check_broken_login(*state, &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE},
                       MUV_ENETWORK);
}

static void a_server_that_is_silent_in_the_middle_is_given_up(void **state)
{
    check_broken_login(*state, &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_DEAF},
                       MUV_ENETTIMEOUT);
}

static void a_client_may_be_closed_in_the_middle(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    oidc_gives(t, TOKEN_1, NULL);
    oidc_hesitates(t);
    oidc_open(t, "", "");
    oidc_find(t);
    mock_oidc_demand(t->oidc, "find", 1);
    start_find(t->f, &o, 5, NULL);
    oidc_await_calls(t, 2);
    close_client(t->f, MUV_CLOSE_ABORT);
    assert_int_equal(o.error.code, MUV_ECLOSED);
    outcome_clear(&o);
    assert_int_equal(oidc_finish(t, TOKEN_1), 0);
}

/* --- mongodb-oidc-no-retry.json ----------------------------------------------------------------*/

#define NO_RETRY "&retryWrites=false"

static void insert(oidc_fixture_t *t, int code)
{
    outcome_t o = {0};

    start_write(t->f, &o, "{\"insert\": \"c\"}", 0);
    await(&o);
    CHECK_CODE(o.error.code, code);
    oidc_tell_error(t, code == 0 ? NULL : &o.error);
    outcome_clear(&o);
}

static void check_first_command(oidc_fixture_t *t, const char *name)
{
    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", NO_RETRY);
    mock_fail_point(t->f->mock, 0,
                    text_of("{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"%s\"],"
                            " \"errorCode\": 391}}",
                            name));
    if (strcmp(name, "find") == 0) {
        oidc_find(t);
    } else {
        insert(t, 0);
    }
    assert_string_equal(
        t->commands,
        text_of("%s started\n%s failed 391\n%s started\n%s succeeded\n", name, name, name, name));
}

static void reads_log_in_again_and_are_repeated(void **state)
{
    check_first_command(*state, "find");
}

static void writes_log_in_again_and_are_repeated(void **state)
{
    check_first_command(*state, "insert");
}

static void a_handshake_with_a_kept_token_needs_no_sasl_start(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", NO_RETRY);
    mock_fail_point(t->f->mock, 0,
                    "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"insert\"],"
                    " \"closeConnection\": true}}");
    insert(t, MUV_ENETWORK);
    mock_fail_point(t->f->mock, 0,
                    "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"saslStart\"],"
                    " \"errorCode\": 18}}");
    insert(t, 0);
    assert_string_equal(t->commands, "insert started\ninsert failed 0\n"
                                     "insert started\ninsert succeeded\n");
    assert_int_equal(t->oidc->speculations, 1);
}

static void a_handshake_without_one_does(void **state)
{
    oidc_fixture_t *t = *state;

    oidc_gives(t, TOKEN_1, NULL);
    oidc_open(t, "", NO_RETRY);
    mock_fail_point(t->f->mock, 0,
                    "{\"mode\": {\"times\": 1}, \"data\": {\"failCommands\": [\"saslStart\"],"
                    " \"errorCode\": 18}}");
    insert(t, MUV_EAUTH);
    assert_int_equal(t->oidc->speculations, 0);
    assert_string_equal(t->commands, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_oidc, close_oidc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_wants_it_is_logged_in_to_again),
        TEST(a_connection_that_came_in_by_hello_logs_in_again_without),
        TEST(a_write_is_repeated_like_a_read),
        TEST(a_command_is_repeated_once),
        TEST(a_command_fails_when_its_connection_cannot_log_in_again),
        TEST(a_token_that_was_replaced_already_is_not_replaced_again),
        TEST(connections_whose_token_ends_share_the_new_one),
        TEST(getting_more_of_a_cursor_is_repeated),
        TEST(a_session_stays_the_same),
        TEST(an_operation_may_end_in_the_middle),
        TEST(a_server_that_hangs_up_in_the_middle_is_a_network_error),
        TEST(a_server_that_is_silent_in_the_middle_is_given_up),
        TEST(a_client_may_be_closed_in_the_middle),
        TEST(reads_log_in_again_and_are_repeated),
        TEST(writes_log_in_again_and_are_repeated),
        TEST(a_handshake_with_a_kept_token_needs_no_sasl_start),
        TEST(a_handshake_without_one_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
