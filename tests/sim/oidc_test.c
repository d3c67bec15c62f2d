/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC of a whole client in virtual time: how long a source is waited for, when it is asked
 * again, and every allocation on the way failing. */
#include "scene.h"

#include "muv/auth.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define URI "mongodb://10.0.0.1/?directConnection=true&heartbeatFrequencyMS=3600000&" OIDC
#define OIDC "authMechanism=MONGODB-OIDC"

#define MINUTE (60 * SIM_SECOND)

static const char logged_in[] = "{'ok': 1, 'conversationId': 1, 'done': true, "
                                "'payload': {'$binary': {'base64': '', 'subType': '00'}}}";
static const char refused[] = "{'ok': 0, 'code': 18, 'errmsg': 'AuthenticationFailed'}";
static const char again[] = "{'ok': 0, 'code': 391, 'errmsg': 'ReauthenticationRequired'}";

/* {issuer: "https://issuer", clientId: "abcd", requestScopes: ["a", "b"]} */
static const char idp_info[] =
    "{'ok': 1, 'conversationId': 1, 'done': false, 'payload': {'$binary': {'base64': "
    "'WQAAAAJpc3N1ZXIADwAAAGh0dHBzOi8vaXNzdWVyAAJjbGllbnRJZAAFAAAAYWJjZAAEcmVxdWVzdFNjb3BlcwAXAAAA"
    "AjAAAgAAAGEAAjEAAgAAAGIAAAA=', 'subType': '00'}}}";

/* --- a source ----------------------------------------------------------------------------------*/

typedef struct source {
    scene_t *scene;
    int64_t delay_us; /* SIM_NEVER: no answer. */
    unsigned calls;
    int64_t called_us; /* The last call. */
    int64_t timeout_ms;
    muv_credential_request_t *request; /* Not answered. */
    unsigned awaited;                  /* Answers that somebody waited for. */
} source_t;

static void answer(void *data)
{
    source_t *source = data;
    muv_credential_request_t *request = source->request;
    int status;

    source->request = NULL;
    source->awaited += muv_credential_request_is_awaited(request) != 0;
    status = muv_oidc_finish(
        request, &(muv_oidc_token_t){.access_token = "token", .refresh_token = "refresh"}, NULL);
    assert_true(status == 0 || (status == MUV_ENOMEM && alloc_has_failed()));
}

static void on_call(muv_credential_request_t *request, const muv_oidc_params_t *params, void *data)
{
    source_t *source = data;

    assert_null(source->request);
    source->request = request;
    source->calls++;
    source->called_us = sim_now_us(source->scene->world);
    source->timeout_ms = params->timeout_ms;
    if (source->delay_us == 0) {
        answer(source);
    } else if (source->delay_us != SIM_NEVER) {
        sim_after(source->scene->world, source->delay_us, answer, source);
    }
}

static muv_client_opts_t with_source(source_t *source, muv_oidc_opts_t *oidc, int8_t human)
{
    static const char *const hosts[] = {"10.0.0.1"};

    *oidc = (muv_oidc_opts_t){.callback = on_call, .data = source, .human = human};
    if (human == MUV_YES) {
        oidc->allowed_hosts = hosts;
        oidc->allowed_host_count = 1;
    }
    return (muv_client_opts_t){.oidc = oidc};
}

static void open_scene(scene_t *scene, source_t *source, const char *uri, int8_t human)
{
    muv_oidc_opts_t oidc;
    muv_client_opts_t opts = with_source(source, &oidc, human);

    source->scene = scene;
    scene_open_uri(scene, uri, &opts, 1);
    sim_on(scene->server, "saslStart",
           &(sim_step_t){.json = human == MUV_YES ? idp_info : logged_in});
    sim_on(scene->server, "saslContinue", &(sim_step_t){.json = logged_in});
}

/* --- how long it is waited for -----------------------------------------------------------------*/

static void check_ends_after(const char *uri, int8_t human, int64_t expected_us)
{
    source_t source = {.delay_us = SIM_NEVER};
    scene_t scene;
    call_t call = {0};

    open_scene(&scene, &source, uri, human);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, expected_us + SIM_SECOND);
    CHECK_ENDED(&call, MUV_EAUTH);
    assert_string_equal(call.error.message, "MONGODB-OIDC authentication on \"$external\": the "
                                            "callback did not answer in time");
    assert_in_range(call.ended_us - source.called_us, expected_us, expected_us + SIM_MS);
    assert_int_equal(source.timeout_ms, expected_us / SIM_MS);
    assert_int_equal(source.calls, 1);
    answer(&source);
    assert_int_equal(source.awaited, 0);
    scene_end(&scene);
}

static void a_source_is_waited_for_as_long_as_the_specification_says(void **state)
{
    (void)state;
    check_ends_after(URI, MUV_NO, 10 * SIM_SECOND); /* The default of connectTimeoutMS. */
    check_ends_after(URI "&connectTimeoutMS=0", MUV_NO, MINUTE);
    check_ends_after(URI "&connectTimeoutMS=90000", MUV_NO, MINUTE);
    check_ends_after(URI "&connectTimeoutMS=3000", MUV_NO, 3 * SIM_SECOND);
    check_ends_after(URI "&connectTimeoutMS=3000&timeoutMS=2000000", MUV_NO, 3 * SIM_SECOND);
    check_ends_after(URI "&connectTimeoutMS=3000", MUV_YES, 5 * MINUTE);
}

static void a_person_may_take_minutes(void **state)
{
    source_t source = {.delay_us = 4 * MINUTE};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_scene(&scene, &source, URI "&connectTimeoutMS=3000", MUV_YES);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, 5 * MINUTE);
    CHECK_ENDED(&call, 0);
    assert_int_equal(source.awaited, 1);
    scene_end(&scene);
}

/* What comes behind the source has its own time. */
static void a_server_that_is_silent_behind_the_source_is_given_up(void **state)
{
    call_opts_t write_opts = {.kind = MUV_COMMAND_WRITE};
    source_t source = {.delay_us = 2 * MINUTE};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_scene(&scene, &source, URI "&connectTimeoutMS=3000", MUV_YES);
    sim_forget(scene.server, "saslContinue");
    sim_on(scene.server, "saslContinue", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, 2 * MINUTE + 10 * SIM_SECOND);
    assert_int_equal(call.ended, 1);
    assert_int_not_equal(call.code, 0);
    assert_in_range(call.ended_us - source.called_us, 2 * MINUTE + 3 * SIM_SECOND,
                    2 * MINUTE + 3 * SIM_SECOND + 100 * SIM_MS);
    scene_end(&scene);
}

/* --- when it is asked again --------------------------------------------------------------------*/

/* The first step of the new connection is with the token that was kept; a tenth of a second later
 * comes the one with the new token. (hello takes 1 ms, and so does connecting.) */
static void a_refused_token_is_replaced_a_tenth_of_a_second_later(void **state)
{
    source_t source = {.delay_us = 0};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_scene(&scene, &source, URI, MUV_NO);
    scene_warm(&scene, 1);
    sim_reset_all(scene.server);
    sim_run_for(scene.world, SIM_SECOND);
    sim_forget(scene.server, "saslStart");
    sim_on(scene.server, "saslStart", &(sim_step_t){.json = refused, .times = 1});
    sim_on(scene.server, "saslStart", &(sim_step_t){.json = logged_in});
    sim_log_clear(scene.world);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(source.calls, 2);
    CHECK_LOG(scene.world, "[   2.500] c2 > saslStart\n"
                           "[ 103.500] c2 > saslStart\n"
                           "[ 104.500] c2 > ping\n");
    scene_end(&scene);
}

static void a_new_token_is_used_at_once_when_the_last_call_is_long_ago(void **state)
{
    source_t source = {.delay_us = 0};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_scene(&scene, &source, URI, MUV_NO);
    scene_warm(&scene, 1);
    sim_run_for(scene.world, MINUTE);
    sim_on(scene.server, "ping", &(sim_step_t){.json = again, .times = 1});
    sim_log_clear(scene.world);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(source.calls, 2);
    assert_int_equal(sim_counts(scene.server).accepted, 2); /* The monitor's, too. */
    scene_end(&scene);
}

/* --- the end -----------------------------------------------------------------------------------*/

static void close_after(int64_t time_us, const char *uri, int8_t human)
{
    source_t source = {.delay_us = 3 * SIM_MS};
    scene_t scene;
    call_t call = {0};

    if (human == MUV_UNSET) {
        scene_open_uri(&scene, uri, NULL, 1);
    } else {
        open_scene(&scene, &source, uri, human);
    }
    sim_file(scene.world, "/token", "token\n", 3 * SIM_MS);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, time_us);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run(scene.world);
    assert_int_equal(call.ended, 1);
    assert_int_equal(scene.closed, 1);
    assert_null(source.request);
    scene_end(&scene);
}

static void a_client_may_be_closed_at_any_time(void **state)
{
    (void)state;
    sim_environment("OIDC_TOKEN_FILE", "/token");
    for (int64_t time_us = 0; time_us < 12 * SIM_MS; time_us += 250) {
        close_after(time_us, URI, MUV_NO);
        close_after(time_us, URI, MUV_YES);
        close_after(time_us, URI "&authMechanismProperties=ENVIRONMENT:test", MUV_UNSET);
    }
    sim_environment(NULL, NULL);
}

/* --- memory ------------------------------------------------------------------------------------*/

enum { CALLS = 6 };

typedef struct scenario {
    int8_t human;
    const char *options;
    bool has_source;
} scenario_t;

static void check_calls(const call_t *calls)
{
    for (unsigned i = 0; i < CALLS; i++) {
        assert_true(calls[i].scene == NULL || calls[i].ended == 1);
        assert_true(calls[i].scene == NULL || calls[i].code == 0 || alloc_has_failed());
    }
}

static void start_some(scene_t *scene, call_t *calls, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        int status = call_start(scene, &calls[i], i, 20000);

        if (status != 0) {
            assert_true(alloc_has_failed());
            CHECK_CODE(status, MUV_ENOMEM);
            calls[i].scene = NULL;
        }
    }
}

/* Log in, log in anew, and once more after all connections broke. */
static void run_scenario(scene_t *scene, call_t *calls)
{
    start_some(scene, calls, 0, 1);
    sim_run_for(scene->world, SIM_SECOND);
    start_some(scene, calls, 1, 2);
    sim_run_for(scene->world, SIM_SECOND);
    sim_on(scene->server, "ping", &(sim_step_t){.json = again, .times = 1});
    start_some(scene, calls, 3, 1);
    sim_run_for(scene->world, SIM_SECOND);
    sim_forget(scene->server, "ping");
    sim_reset_all(scene->server);
    sim_run_for(scene->world, SIM_SECOND);
    start_some(scene, calls, 4, 2);
    sim_run(scene->world);
}

/* With memory again the client works; the failure may have cost it its connections. (A person's
 * login would need a server that tells one step from two.) */
static void check_usable(scene_t *scene, const scenario_t *scenario)
{
    call_t call = {0};
    void *probe = muv__mem_alloc(1);

    muv__mem_free(probe);
    if (probe == NULL || scenario->human == MUV_YES) {
        return;
    }
    for (unsigned tries = 0; tries < 3; tries++) {
        memset(&call, 0, sizeof call);
        CHECK_CODE(call_start(scene, &call, 77, 0), 0);
        sim_run(scene->world);
        if (call.code == 0) {
            return;
        }
    }
    CHECK_ENDED(&call, 0);
}

static void live_once(void *data)
{
    const scenario_t *scenario = data;
    source_t source = {.delay_us = 50 * SIM_MS};
    muv_oidc_opts_t oidc;
    muv_client_opts_t opts = with_source(&source, &oidc, scenario->human);
    call_t *calls = calls_new(CALLS);
    scene_t scene;
    muv_error_t error;

    memset(&scene, 0, sizeof scene);
    source.scene = &scene;
    scene.mark = alloc_mark();
    scene.world = sim_new(1);
    scene.server = sim_server(scene.world, "10.0.0.1", 27017);
    sim_file(scene.world, "/token", "token\n", SIM_MS);
    sim_on(scene.server, "saslStart",
           &(sim_step_t){.json = scenario->human == MUV_YES ? idp_info : logged_in, .times = 1});
    sim_on(scene.server, "saslStart", &(sim_step_t){.json = logged_in});
    sim_on(scene.server, "saslContinue", &(sim_step_t){.json = logged_in});
    if (muv_client_new(sim_loop(scene.world), scenario->options,
                       scenario->has_source ? &opts : NULL, &error, &scene.client) == 0) {
        run_scenario(&scene, calls);
        check_calls(calls);
        check_usable(&scene, scenario);
        scene_end(&scene);
    } else {
        assert_true(alloc_has_failed());
        CHECK_ERROR(&error, MUV_ENOMEM);
        sim_run(scene.world);
        sim_free(scene.world);
    }
    assert_null(source.request);
    free(calls);
}

static void each_allocation_with_a_source_may_fail(void **state)
{
    scenario_t scenario = {.human = MUV_NO, .options = URI, .has_source = true};

    (void)state;
    assert_true(alloc_sweep(live_once, &scenario) > 50);
}

static void each_allocation_with_a_person_may_fail(void **state)
{
    scenario_t scenario = {.human = MUV_YES, .options = URI, .has_source = true};

    (void)state;
    assert_true(alloc_sweep(live_once, &scenario) > 50);
}

static void each_allocation_with_a_file_may_fail(void **state)
{
    scenario_t scenario = {.options = URI "&authMechanismProperties=ENVIRONMENT:test"};

    (void)state;
    sim_environment("OIDC_TOKEN_FILE", "/token");
    assert_true(alloc_sweep(live_once, &scenario) > 50);
    sim_environment(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_waited_for_as_long_as_the_specification_says),
        cmocka_unit_test(a_person_may_take_minutes),
        cmocka_unit_test(a_server_that_is_silent_behind_the_source_is_given_up),
        cmocka_unit_test(a_refused_token_is_replaced_a_tenth_of_a_second_later),
        cmocka_unit_test(a_new_token_is_used_at_once_when_the_last_call_is_long_ago),
        cmocka_unit_test(a_client_may_be_closed_at_any_time),
        cmocka_unit_test_teardown(each_allocation_with_a_source_may_fail, alloc_teardown),
        cmocka_unit_test_teardown(each_allocation_with_a_person_may_fail, alloc_teardown),
        cmocka_unit_test_teardown(each_allocation_with_a_file_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
