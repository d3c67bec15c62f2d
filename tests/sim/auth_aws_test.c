/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-AWS in virtual time: a metadata service of EC2 that does not answer. Nothing in the
 * environment names another source. */
#include <string.h>

#include "scene.h"

#define URI                                                                                        \
    "mongodb://10.0.0.1:27017/?directConnection=true&authMechanism=MONGODB-AWS"                    \
    "&connectTimeoutMS=1000"

/* Returns what muv_client_new() said. */
static int try_scene(scene_t *scene, sim_connect_t action)
{
    sim_server_t *metadata;
    muv_error_t error;

    sim_environment(NULL, NULL);
    memset(scene, 0, sizeof *scene);
    scene->mark = alloc_mark();
    scene->world = sim_new(1);
    scene->server = sim_server(scene->world, "10.0.0.1", 27017);
    metadata = sim_server(scene->world, "169.254.169.254", 80);
    sim_on_connect(metadata, action, 0);
    return muv_client_new(sim_loop(scene->world), URI, NULL, &error, &scene->client);
}

static void open_scene(scene_t *scene, sim_connect_t action)
{
    CHECK_CODE(try_scene(scene, action), 0);
}

static void check_failure(const call_t *call, const char *part)
{
    CHECK_ENDED(call, MUV_EAUTH);
    assert_int_equal(call->error.domain, MUV_DOMAIN_AUTH);
    CHECK_CONTAINS(call->error.message, "MONGODB-AWS");
    CHECK_CONTAINS(call->error.message, "session token from the EC2 endpoint: ");
    CHECK_CONTAINS(call->error.message, "169.254.169.254:80");
    CHECK_CONTAINS(call->error.message, part);
}

/* (Authentication: ECS endpoint. Ten seconds; connectTimeoutMS does not count them.) */
static void an_endpoint_that_never_answers_is_given_up_after_ten_seconds(void **state)
{
    call_t call = {0};
    scene_t scene;
    int64_t start_us;

    (void)state;
    open_scene(&scene, SIM_HANG);
    start_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, 60 * SIM_SECOND);
    check_failure(&call, "time");
    assert_true(call.ended_us - start_us >= 10 * SIM_SECOND);
    assert_true(call.ended_us - start_us < 11 * SIM_SECOND);
    scene_end(&scene);
}

static void an_operation_may_give_up_before(void **state)
{
    call_t call = {0};
    scene_t scene;
    int64_t start_us;

    (void)state;
    open_scene(&scene, SIM_HANG);
    start_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &call, 1, 500), 0);
    sim_run_until(scene.world, &scene.ended, 1, 60 * SIM_SECOND);
    CHECK_ENDED(&call, MUV_ETIMEOUT);
    assert_true(call.ended_us - start_us < SIM_SECOND);
    scene_end(&scene);
}

static void an_endpoint_that_is_not_there_is_told_at_once(void **state)
{
    call_t call = {0};
    scene_t scene;
    int64_t start_us;

    (void)state;
    open_scene(&scene, SIM_REFUSE);
    start_us = sim_now_us(scene.world);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_until(scene.world, &scene.ended, 1, 60 * SIM_SECOND);
    check_failure(&call, "");
    assert_true(call.ended_us - start_us < SIM_SECOND);
    scene_end(&scene);
}

static void closing_does_not_wait_for_an_endpoint(void **state)
{
    call_t call = {0};
    scene_t scene;

    (void)state;
    open_scene(&scene, SIM_HANG);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    CHECK_PENDING(&call);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    sim_run_until(scene.world, &scene.closed, 1, SIM_SECOND);
    CHECK_ENDED(&call, MUV_ECLOSED);
    scene_end(&scene);
}

/* --- running out of memory ---------------------------------------------------------------------*/

static void live_once(void *data)
{
    call_t call = {0};
    scene_t scene;

    (void)data;
    if (try_scene(&scene, SIM_REFUSE) != 0) {
        assert_true(alloc_has_failed());
        sim_run(scene.world);
        sim_free(scene.world);
        return;
    }
    if (call_start(&scene, &call, 1, 60000) == 0) {
        sim_run_until(scene.world, &scene.ended, 1, 120 * SIM_SECOND);
        assert_int_equal(call.ended, 1);
        assert_int_not_equal(call.code, 0);
        if (!alloc_has_failed()) {
            check_failure(&call, "");
        }
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
        cmocka_unit_test(an_endpoint_that_never_answers_is_given_up_after_ten_seconds),
        cmocka_unit_test(an_operation_may_give_up_before),
        cmocka_unit_test(an_endpoint_that_is_not_there_is_told_at_once),
        cmocka_unit_test(closing_does_not_wait_for_an_endpoint),
        cmocka_unit_test_teardown(every_failing_allocation_is_survived, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
