/* SPDX-License-Identifier: Apache-2.0 */
/* GSSAPI in virtual time, with a Kerberos library of the test's own: what a client does while the
 * steps of its logins take their time on other threads. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "gssapi/kerberos.h"

#define URI                                                                                        \
    "mongodb://ann%40R:s3cret@10.0.0.1/?directConnection=true&authMechanism=GSSAPI"                \
    "&connectTimeoutMS=1000"

/* --- the library -------------------------------------------------------------------------------*/

static struct fake {
    int begin; /* What beginning gives. */
    char host[64];
    char service[64];
} fake;

int muv__krb5_available(void)
{
    return 1;
}

static int answer(muv__krb5_t *krb5, const char *output, size_t size)
{
    union {
        const char *text;
        void *value;
    } bytes = {.text = output};

    krb5->output = bytes.value;
    krb5->output_size = size;
    return 0;
}

int muv__krb5_begin(muv__krb5_t *krb5, const muv__krb5_names_t *names)
{
    (void)snprintf(fake.host, sizeof fake.host, "%s", names->service_host);
    (void)snprintf(fake.service, sizeof fake.service, "%s", names->service_name);
    (void)snprintf(krb5->why, sizeof krb5->why, "Cannot contact any KDC");
    return fake.begin;
}

int muv__krb5_establish(muv__krb5_t *krb5, muv__span_t token)
{
    (void)answer(krb5, "token", token.size == 0 ? 5 : 0);
    return token.size != 0;
}

int muv__krb5_unwrap(muv__krb5_t *krb5, muv__span_t message)
{
    (void)message;
    return answer(krb5, "\x01\x00\x00\x00", 4);
}

int muv__krb5_wrap(muv__krb5_t *krb5, muv__span_t message)
{
    (void)message;
    return answer(krb5, "wrapped", 7);
}

void muv__krb5_end(muv__krb5_t *krb5)
{
    (void)krb5;
}

/* --- the scene ---------------------------------------------------------------------------------*/

/* "challenge", "offer" */
static const char challenge[] = "{'ok': 1, 'conversationId': 1, 'done': false, "
                                "'payload': {'$binary': {'base64': 'Y2hhbGxlbmdl', "
                                "'subType': '00'}}}";
static const char offer[] = "{'ok': 1, 'conversationId': 1, 'done': false, "
                            "'payload': {'$binary': {'base64': 'b2ZmZXI=', 'subType': '00'}}}";
static const char logged_in[] = "{'ok': 1, 'conversationId': 1, 'done': true, "
                                "'payload': {'$binary': {'base64': '', 'subType': '00'}}}";

static void script_login(scene_t *scene)
{
    sim_on(scene->server, "saslStart", &(sim_step_t){.json = challenge, .times = 1});
    sim_on(scene->server, "saslContinue", &(sim_step_t){.json = offer, .times = 1});
    sim_on(scene->server, "saslContinue", &(sim_step_t){.json = logged_in, .times = 1});
}

static int try_scene(scene_t *scene, const char *uri)
{
    muv_error_t error;

    memset(&fake, 0, sizeof fake);
    memset(scene, 0, sizeof *scene);
    scene->mark = alloc_mark();
    scene->world = sim_new(1);
    scene->server = sim_server(scene->world, "10.0.0.1", 27017);
    script_login(scene);
    return muv_client_new(sim_loop(scene->world), uri, NULL, &error, &scene->client);
}

static void open_scene(scene_t *scene)
{
    CHECK_CODE(try_scene(scene, URI), 0);
}

/* --- logins ------------------------------------------------------------------------------------*/

static void a_login_is_three_steps_and_three_commands(void **state)
{
    call_t call = {0};
    scene_t scene;

    (void)state;
    open_scene(&scene);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    CHECK_ENDED(&call, 0);
    assert_int_equal(call.echo, 7);
    assert_string_equal(fake.service, "mongodb");
    assert_string_equal(fake.host, "10.0.0.1");
    scene_end(&scene);
}

static void the_times_of_steps_and_commands_add_up(void **state)
{
    call_t call = {0};
    scene_t scene;

    (void)state;
    open_scene(&scene);
    sim_work_takes(scene.world, 100 * SIM_MS);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    CHECK_LOG(scene.world, "[ 104.500] c1 > saslStart\n"
                           "[ 205.500] c1 > saslContinue\n"
                           "[ 306.500] c1 > saslContinue\n"
                           "[ 307.500] c1 > ping\n");
    scene_end(&scene);
}

static void what_the_library_says_reaches_the_operation(void **state)
{
    call_t call = {0};
    scene_t scene;

    (void)state;
    open_scene(&scene);
    fake.begin = -1;
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EAUTH);
    CHECK_CONTAINS(call.error.message,
                   "GSSAPI authentication on \"$external\": Cannot contact any KDC");
    scene_end(&scene);
}

static void a_login_is_repeated_when_the_server_wants_it(void **state)
{
    call_t calls[2] = {{0}, {0}};
    scene_t scene;

    (void)state;
    open_scene(&scene);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    sim_on(scene.server, "ping", &(sim_step_t){.json = "{'ok': 0, 'code': 391}", .times = 1});
    script_login(&scene);
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), 0);
    sim_run_until(scene.world, &scene.ended, 2, SIM_SECOND);
    CHECK_ENDED(&calls[1], 0);
    assert_int_equal(scene_stats(&scene).connections_created, 1);
    scene_end(&scene);
}

static void a_message_in_the_middle_of_a_step_breaks_the_connection(void **state)
{
    call_t call = {0};
    scene_t scene;

    (void)state;
    open_scene(&scene);
    sim_work_takes(scene.world, 100 * SIM_MS);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_for(scene.world, 150 * SIM_MS);
    sim_push(scene.server, "{'ok': 1}");
    sim_run_until(scene.world, &scene.ended, 1, SIM_SECOND);
    CHECK_ENDED(&call, MUV_EPROTOCOL);
    scene_end(&scene);
}

/* --- steps that take long ----------------------------------------------------------------------*/

static void a_step_that_takes_too_long_ends_the_login_and_closing_waits_for_it(void **state)
{
    call_t call = {0};
    scene_t scene;
    int64_t began_us;

    (void)state;
    open_scene(&scene);
    began_us = sim_now_us(scene.world);
    sim_work_takes(scene.world, 25 * SIM_SECOND);
    CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, 10 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ENETTIMEOUT);
    assert_true(call.ended_us - began_us < 1010 * SIM_MS);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run_until(scene.world, &scene.closed, 1, 60 * SIM_SECOND);
    assert_true(sim_now_us(scene.world) - began_us >= 25 * SIM_SECOND);
    assert_true(sim_now_us(scene.world) - began_us < 26 * SIM_SECOND);
    scene_end(&scene);
}

static void an_operation_may_give_up_before(void **state)
{
    call_t call = {0};
    scene_t scene;
    int64_t began_us;

    (void)state;
    open_scene(&scene);
    began_us = sim_now_us(scene.world);
    sim_work_takes(scene.world, 25 * SIM_SECOND);
    CHECK_CODE(call_start(&scene, &call, 7, 100), 0);
    sim_run_until(scene.world, &scene.ended, 1, 10 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_true(call.ended_us - began_us < 110 * SIM_MS);
    scene_end(&scene);
}

/* Whatever a thread, the server, or nobody is busy with. */
static void a_client_may_be_closed_at_any_time(void **state)
{
    (void)state;
    for (int64_t after_us = 0; after_us < 12 * SIM_MS; after_us += 250) {
        call_t call = {0};
        scene_t scene;

        open_scene(&scene);
        CHECK_CODE(call_start(&scene, &call, 7, 0), 0);
        sim_run_for(scene.world, after_us);
        CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
        sim_run_until(scene.world, &scene.closed, 1, SIM_SECOND);
        assert_int_equal(call.ended, 1);
        scene_end(&scene);
    }
}

/* --- running out of memory ---------------------------------------------------------------------*/

static void live_once(void *data)
{
    call_t call = {0};
    scene_t scene;

    (void)data;
    if (try_scene(&scene, URI) != 0) {
        assert_true(alloc_has_failed());
        sim_run(scene.world);
        sim_free(scene.world);
        return;
    }
    if (call_start(&scene, &call, 7, 5000) == 0) {
        sim_run_until(scene.world, &scene.ended, 1, 60 * SIM_SECOND);
        assert_true(call.code == 0 || alloc_has_failed());
    } else {
        assert_true(alloc_has_failed());
    }
    scene_end(&scene);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live_once, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_is_three_steps_and_three_commands),
        cmocka_unit_test(the_times_of_steps_and_commands_add_up),
        cmocka_unit_test(what_the_library_says_reaches_the_operation),
        cmocka_unit_test(a_login_is_repeated_when_the_server_wants_it),
        cmocka_unit_test(a_message_in_the_middle_of_a_step_breaks_the_connection),
        cmocka_unit_test(a_step_that_takes_too_long_ends_the_login_and_closing_waits_for_it),
        cmocka_unit_test(an_operation_may_give_up_before),
        cmocka_unit_test(a_client_may_be_closed_at_any_time),
        cmocka_unit_test_teardown(every_failing_allocation_is_survived, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
