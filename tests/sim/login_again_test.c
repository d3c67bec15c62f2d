/* SPDX-License-Identifier: Apache-2.0 */
/* Re-authentication in virtual time (Authentication: ReauthenticationRequired, code 391): the
 * connection logs in anew without hello, and the command is repeated once, whatever it is. */
#include "scene.h"

#include <string.h>

#define URI "mongodb://user:secret@10.0.0.1/?directConnection=true&authMechanism=PLAIN"

static const char logged_in[] = "{'ok': 1, 'conversationId': 1, 'done': true, "
                                "'payload': {'$binary': {'base64': '', 'subType': '00'}}}";
static const char wants_login[] = "{'ok': 0, 'code': 391, 'codeName': 'ReauthenticationRequired', "
                                  "'errmsg': 'the session of the user has ended'}";
static const char refused[] = "{'ok': 0, 'code': 18, 'errmsg': 'AuthenticationFailed'}";

static void open_with(scene_t *scene, const muv_client_opts_t *opts)
{
    scene_open_uri(scene, URI, opts, 1);
    sim_on(scene->server, "saslStart", &(sim_step_t){.json = logged_in});
    scene_warm(scene, 1);
}

/* The next `times` pings are refused. */
static void end_session(scene_t *scene, unsigned times)
{
    sim_on(scene->server, "ping", &(sim_step_t){.json = wants_login, .times = times});
}

static void next_login(scene_t *scene, const sim_step_t *step)
{
    sim_forget(scene->server, "saslStart");
    sim_on(scene->server, "saslStart", step);
}

static void the_command_is_repeated_behind_a_new_login(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_with(&scene, NULL);
    end_session(&scene, 1);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(call.echo, 7);
    CHECK_LOG(scene.world, "[   0.500] c1 > ping\n"
                           "[   1.500] c1 > saslStart\n"
                           "[   2.500] c1 > ping\n");
    scene_end(&scene);
}

/* It was refused before it was begun. */
static void a_write_that_is_not_retryable_is_repeated_too(void **state)
{
    call_opts_t write_opts = {.name = "change_it", .kind = MUV_COMMAND_WRITE};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_with(&scene, &(muv_client_opts_t){.retry_writes = MUV_NO, .retry_reads = MUV_NO});
    sim_on(scene.server, "change_it", &(sim_step_t){.json = wants_login, .times = 1});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(call.echo, 7);
    scene_end(&scene);
}

static void each_command_is_repeated_once_only(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}, {0}};

    (void)state;
    open_with(&scene, NULL);
    end_session(&scene, 3);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&calls[0], MUV_ESERVER);
    assert_int_equal(calls[0].error.server_code, 391);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&calls[1], 0);
    assert_int_equal(scene_stats(&scene).connections_created, 1);
    scene_end(&scene);
}

static void a_login_that_is_refused_ends_command_and_connection(void **state)
{
    call_opts_t write_opts = {.kind = MUV_COMMAND_WRITE};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_with(&scene, NULL);
    end_session(&scene, 1);
    next_login(&scene, &(sim_step_t){.json = refused});
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EAUTH);
    assert_int_equal(call.error.server_code, 18);
    assert_false(call.error.in_doubt);
    assert_null(strstr(call.error.message, "secret"));
    assert_int_equal(scene_stats(&scene).connections, 0);
    scene_end(&scene);
}

static void a_login_without_answer_ends_with_its_time(void **state)
{
    call_opts_t write_opts = {.kind = MUV_COMMAND_WRITE};
    scene_t scene;
    call_t call = {0};
    int64_t began_us;

    (void)state;
    open_with(&scene, &(muv_client_opts_t){.connect_timeout_ms = 2000});
    end_session(&scene, 1);
    next_login(&scene, &(sim_step_t){.act = SIM_SILENCE, .times = 1});
    began_us = sim_now_us(scene.world);
    CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETTIMEOUT);
    assert_int_equal(call.ended_us - began_us, 2 * SIM_SECOND + SIM_MS);
    assert_false(call.error.in_doubt);
    scene_end(&scene);
}

/* (Authentication: as a login that fails at first: the pool is cleared.) */
static void a_login_that_fails_clears_the_pool(void **state)
{
    static const sim_step_t failures[] = {{.json = refused}, {.act = SIM_SILENCE, .times = 1}};
    static const int codes[] = {MUV_EAUTH, MUV_ENETTIMEOUT};
    call_opts_t write_opts = {.kind = MUV_COMMAND_WRITE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        scene_t scene;
        call_t call = {0};

        scene_open_uri(&scene, URI, &(muv_client_opts_t){.connect_timeout_ms = 2000}, 1);
        sim_on(scene.server, "saslStart", &(sim_step_t){.json = logged_in});
        scene_warm(&scene, 3);
        end_session(&scene, 1);
        next_login(&scene, &failures[i]);
        CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
        sim_run_for(scene.world, 2500 * SIM_MS);
        CHECK_ENDED(&call, codes[i]);
        assert_int_equal(scene_stats(&scene).connections, 0);
        scene_end(&scene);
    }
}

/* A read may be repeated on another connection when this one breaks. */
static void a_read_goes_on_elsewhere_when_the_login_breaks(void **state)
{
    call_opts_t read_opts = {.kind = MUV_COMMAND_READ};
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_with(&scene, NULL);
    end_session(&scene, 1);
    next_login(&scene, &(sim_step_t){.act = SIM_RESET, .times = 1});
    sim_on(scene.server, "saslStart", &(sim_step_t){.json = logged_in});
    CHECK_CODE(call_start_as(&scene, &call, 7, &read_opts), 0);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(scene_stats(&scene).connections_created, 2);
    scene_end(&scene);
}

static void end_in_the_middle(int64_t timeout_ms, int cancels, int expected)
{
    scene_t scene;
    call_t calls[2] = {{0}, {0}};

    open_with(&scene, NULL);
    end_session(&scene, 1);
    next_login(&scene, &(sim_step_t){.json = logged_in, .delay_us = SIM_SECOND, .times = 1});
    sim_on(scene.server, "saslStart", &(sim_step_t){.json = logged_in});
    CHECK_CODE(call_start(&scene, &calls[0], 1, timeout_ms), 0);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_PENDING(&calls[0]);
    if (cancels) {
        call_cancel(&calls[0]);
    }
    sim_run_for(scene.world, 200 * SIM_MS);
    CHECK_ENDED(&calls[0], expected);
    assert_int_equal(scene_stats(&scene).connections, 0);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&calls[1], 0);
    scene_end(&scene);
}

static void a_command_that_ends_meanwhile_takes_the_connection_along(void **state)
{
    (void)state;
    end_in_the_middle(0, 1, MUV_ECANCELED);
    end_in_the_middle(200, 0, MUV_ETIMEOUT);
}

static void a_client_that_is_closed_meanwhile_leaves_nothing(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    open_with(&scene, NULL);
    end_session(&scene, 1);
    next_login(&scene, &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 100 * SIM_MS);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ECLOSED);
    scene_end(&scene);
}

static void without_a_credential_the_error_is_told(void **state)
{
    scene_t scene;
    call_t call = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    end_session(&scene, 1);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ESERVER);
    assert_int_equal(call.error.server_code, 391);
    scene_end(&scene);
}

static void without_memory_the_command_ends_and_nothing_is_lost(void **state)
{
    unsigned failures = 0;

    (void)state;
    for (unsigned nth = 1; nth < 40; nth++) {
        call_opts_t write_opts = {.kind = MUV_COMMAND_WRITE};
        scene_t scene;
        call_t call = {0};

        open_with(&scene, NULL);
        end_session(&scene, 1);
        CHECK_CODE(call_start_as(&scene, &call, 7, &write_opts), 0);
        sim_run_for(scene.world, SIM_MS / 2);
        alloc_fail_at(nth, false);
        sim_run_for(scene.world, SIM_SECOND);
        failures += alloc_has_failed() && call.code != 0;
        alloc_fail_at(0, false);
        assert_int_equal(call.ended, 1);
        assert_true(call.code == 0 || call.code == MUV_ENOMEM);
        scene_end(&scene);
    }
    assert_true(failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_is_repeated_behind_a_new_login),
        cmocka_unit_test(a_write_that_is_not_retryable_is_repeated_too),
        cmocka_unit_test(each_command_is_repeated_once_only),
        cmocka_unit_test(a_login_that_is_refused_ends_command_and_connection),
        cmocka_unit_test(a_login_without_answer_ends_with_its_time),
        cmocka_unit_test(a_login_that_fails_clears_the_pool),
        cmocka_unit_test(a_read_goes_on_elsewhere_when_the_login_breaks),
        cmocka_unit_test(a_command_that_ends_meanwhile_takes_the_connection_along),
        cmocka_unit_test(a_client_that_is_closed_meanwhile_leaves_nothing),
        cmocka_unit_test(without_a_credential_the_error_is_told),
        cmocka_unit_test(without_memory_the_command_ends_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
