/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-AWS of a whole client: how long keys are kept, and sources of the program's own. */
#include <string.h>
#include <time.h>

#include "integration/auth_aws_fixture.h"

#define MANY 20

/* --- the cache ---------------------------------------------------------------------------------*/

static void keys_are_kept_for_later_connections(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[3] = {{0}};

    use_container(a, 400);
    open_client(a->f, OPTIONS, NULL);
    for (size_t i = 0; i < 3; i++) {
        hold_one(a, &o[i]);
    }
    assert_int_equal(a->server.accepted, 3);
    assert_int_equal(http_server_count(a->endpoint), 1);
    release_all(a, o, 3);
}

/* (Authentication: "valid if they are more than five minutes away from expiring") */
static void keys_that_end_within_five_minutes_are_not_kept(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[3] = {{0}};

    use_container(a, 200);
    open_client(a->f, OPTIONS, NULL);
    for (size_t i = 0; i < 3; i++) {
        hold_one(a, &o[i]);
    }
    assert_int_equal(a->server.accepted, 3);
    assert_int_equal(http_server_count(a->endpoint), 3);
    release_all(a, o, 3);
}

static void keys_without_an_end_are_not_kept(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[2] = {{0}};

    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", http_server_url(a->endpoint, "/keys"));
    endpoint_answers(a, "GET", "/keys",
                     "{\"AccessKeyId\": \"" ID "\", \"SecretAccessKey\": \"" SECRET
                     "\", \"Token\": \"" TOKEN "\"}");
    open_client(a->f, OPTIONS, NULL);
    hold_one(a, &o[0]);
    hold_one(a, &o[1]);
    assert_int_equal(http_server_count(a->endpoint), 2);
    release_all(a, o, 2);
}

/* (Authentication: kept keys go before variables that are set later.) */
static void kept_keys_go_before_a_changed_environment(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[2] = {{0}};

    use_container(a, HOUR_S);
    open_client(a->f, OPTIONS, NULL);
    hold_one(a, &o[0]);
    set_variable("AWS_ACCESS_KEY_ID", "NEW");
    set_variable("AWS_SECRET_ACCESS_KEY", "new");
    hold_one(a, &o[1]);
    assert_int_equal(a->server.refused, 0);
    release_all(a, o, 2);
}

/* (Authentication: "If AWS authentication fails for any reason, the cache MUST be cleared.") */
static void keys_that_the_server_refuses_are_forgotten(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o = {0};

    use_container(a, HOUR_S);
    open_client(a->f, OPTIONS, NULL);
    hold_one(a, &o);
    assert_int_equal(http_server_count(a->endpoint), 1);
    a->server.secret_access_key = "rotated";
    http_server_clear(a->endpoint);
    endpoint_answers(a, "GET", "/keys", keys_text("rotated", "Token", HOUR_S));
    fail_once(a, "MONGODB-AWS");
    assert_int_equal(http_server_count(a->endpoint), 1);
    assert_int_equal(mock_release(a->f->mock, 1), 1);
    await(&o); /* Its connection may have been closed with the pool. */
    outcome_clear(&o);
    find_once(a);
    assert_int_equal(http_server_count(a->endpoint), 2);
    assert_int_equal(a->server.refused, 1);
}

static void connections_that_log_in_at_once_ask_once(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[MANY] = {{0}};

    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", http_server_url(a->endpoint, "/keys"));
    http_server_on(
        a->endpoint, "GET", "/keys",
        &(http_server_reply_t){.body = keys_text(SECRET, "Token", HOUR_S), .delay_ms = 50});
    open_client(a->f, OPTIONS "&maxConnecting=20&maxPoolSize=20", NULL);
    mock_script(a->f->mock, "find", &(mock_step_t){.hold = true, .times = MANY});
    for (size_t i = 0; i < MANY; i++) {
        start_command(a->f, &o[i], "{\"find\": \"c\"}", NULL);
    }
    await_held(a->f, MANY);
    assert_int_equal(a->server.accepted, MANY);
    assert_int_equal(http_server_count(a->endpoint), 1);
    release_all(a, o, MANY);
}

/* A server may ask for a new login at any command (391). */
static void a_new_login_that_the_server_demands_uses_new_keys(void **state)
{
    aws_fixture_t *a = *state;

    use_container(a, HOUR_S);
    open_client(a->f, OPTIONS, NULL);
    find_once(a);
    mock_reply(a->f->mock, "find",
               "{\"ok\": 0, \"code\": 391, \"codeName\": \"ReauthenticationRequired\","
               " \"errmsg\": \"again\"}");
    find_once(a);
    assert_int_equal(a->server.accepted, 2);
    assert_int_equal(http_server_count(a->endpoint), 2);
    assert_int_equal(mock_request_count(a->f->mock, "find"), 3);
}

/* --- a source of the program's own -------------------------------------------------------------*/

typedef struct own_source {
    unsigned calls;
    bool at_once;                      /* Answer inside the call. */
    const char *why;                   /* Not NULL: there are no keys. */
    int64_t expires_at_ms;             /* Of the keys. */
    muv_credential_request_t *request; /* The last one that was not answered at once. */
} own_source_t;

static void finish(own_source_t *own, muv_credential_request_t *request)
{
    muv_aws_keys_t keys = {ID, SECRET, TOKEN, own->expires_at_ms};

    CHECK_CODE(muv_aws_finish(request, own->why == NULL ? &keys : NULL, own->why), 0);
}

static void on_keys_wanted(muv_credential_request_t *request, void *data)
{
    own_source_t *own = data;

    own->calls++;
    assert_int_equal(muv_credential_request_is_awaited(request), 1);
    if (own->at_once) {
        finish(own, request);
    } else {
        own->request = request;
    }
}

static void open_with(aws_fixture_t *a, own_source_t *own)
{
    muv_aws_opts_t source = {.callback = on_keys_wanted, .data = own};

    set_variable("AWS_ACCESS_KEY_ID", "ignored");
    open_client(a->f, OPTIONS, &(muv_client_opts_t){.aws = &source});
}

static void a_program_may_bring_a_source_of_its_own(void **state)
{
    aws_fixture_t *a = *state;
    own_source_t own = {.at_once = true};
    outcome_t o[2] = {{0}};

    open_with(a, &own);
    hold_one(a, &o[0]);
    hold_one(a, &o[1]);
    assert_int_equal(a->server.accepted, 2);
    assert_int_equal(own.calls, 1);
    release_all(a, o, 2);
}

static void a_source_may_answer_later(void **state)
{
    aws_fixture_t *a = *state;
    own_source_t own = {.expires_at_ms = (time(NULL) + 200) * INT64_C(1000)};
    outcome_t o = {0};

    open_with(a, &own);
    start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
    run_until_count(&a->f->loop, &own.calls, 1, WAIT_MS);
    run_for(&a->f->loop, 20);
    assert_false(o.done);
    finish(&own, own.request);
    await_success(&o);
    outcome_clear(&o);
    assert_int_equal(a->server.accepted, 1);
}

/* As those of an endpoint: keys that end within five minutes are asked for again. */
static void keys_of_a_source_are_renewed_before_they_end(void **state)
{
    aws_fixture_t *a = *state;
    own_source_t own = {.at_once = true, .expires_at_ms = (time(NULL) + 200) * INT64_C(1000)};
    outcome_t o[3] = {{0}};

    open_with(a, &own);
    hold_one(a, &o[0]);
    own.expires_at_ms += HOUR_S * INT64_C(1000);
    hold_one(a, &o[1]);
    hold_one(a, &o[2]);
    assert_int_equal(own.calls, 2);
    release_all(a, o, 3);
}

static void the_reason_of_a_source_is_told(void **state)
{
    aws_fixture_t *a = *state;
    own_source_t own = {.at_once = true, .why = "the vault is sealed"};

    open_with(a, &own);
    fail_once(a, "the vault is sealed");
}

static void an_answer_that_nobody_awaits_is_dropped(void **state)
{
    aws_fixture_t *a = *state;
    own_source_t own = {0};
    outcome_t o = {0};

    open_with(a, &own);
    start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
    run_until_count(&a->f->loop, &own.calls, 1, WAIT_MS);
    close_client(a->f, MUV_CLOSE_ABORT);
    assert_true(o.done);
    outcome_clear(&o);
    assert_int_equal(muv_credential_request_is_awaited(own.request), 0);
    finish(&own, own.request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_kept_for_later_connections, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(keys_that_end_within_five_minutes_are_not_kept, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(keys_without_an_end_are_not_kept, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(kept_keys_go_before_a_changed_environment, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(keys_that_the_server_refuses_are_forgotten, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(connections_that_log_in_at_once_ask_once, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(a_new_login_that_the_server_demands_uses_new_keys, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(a_program_may_bring_a_source_of_its_own, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(a_source_may_answer_later, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(keys_of_a_source_are_renewed_before_they_end, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(the_reason_of_a_source_is_told, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(an_answer_that_nobody_awaits_is_dropped, aws_open,
                                        aws_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
