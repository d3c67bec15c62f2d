/* SPDX-License-Identifier: Apache-2.0 */
/* The callback contract for every function that starts something: 0 gives exactly one callback,
 * later and never inside a call; a negative code gives none. */
#include "starters.h"

#include <string.h>

typedef struct trial {
    scene_t scene;
    targets_t targets;
    outcome_t outcome;
    const char *name;
} trial_t;

static trial_t trial;

/* Run `body` for each of them in a world of its own. */
static void try_all(const muv_client_opts_t *opts, void (*body)(const starter_t *starter))
{
    for (size_t i = 0; i < starter_count; i++) {
        memset(&trial, 0, sizeof trial);
        trial.name = starters[i].name;
        scene_open(&trial.scene, opts);
        starters_teach(trial.scene.server);
        targets_open(&trial.targets, &trial.scene);
        body(&starters[i]);
        if (trial.outcome.ended > 1) {
            fail_msg("%u callbacks", trial.outcome.ended);
        }
        targets_close(&trial.targets);
        scene_end(&trial.scene);
    }
}

static int say_which(void **state)
{
    (void)state;
    print_message("the last one was %s\n", trial.name);
    return 0;
}

static void start(const starter_t *starter)
{
    CHECK_CODE(starter->start(&trial.targets, &trial.outcome), 0);
    assert_int_equal(trial.outcome.ended, 0);
}

static void check_ended(int code)
{
    assert_int_equal(trial.outcome.ended, 1);
    CHECK_CODE(trial.outcome.code, code);
    assert_true(code == 0 || !trial.outcome.had_result);
}

/* Does it wait for a reply of the server? */
static bool waits(const starter_t *starter)
{
    return strcmp(starter->name, "start_unacknowledged") != 0 &&
           strcmp(starter->name, "connect_client") != 0;
}

static void succeed(const starter_t *starter)
{
    start(starter);
    sim_run_until(trial.scene.world, &trial.scene.ended, 1, SIM_SECOND);
    sim_run_for(trial.scene.world, SIM_SECOND);
    check_ended(0);
}

static void success_calls_back_once(void **state)
{
    (void)state;
    try_all(NULL, succeed);
}

static void cancel(const starter_t *starter)
{
    start(starter);
    INSIDE(&trial.scene, muv_op_cancel(trial.outcome.op));
    INSIDE(&trial.scene, muv_op_cancel(trial.outcome.op));
    assert_int_equal(trial.outcome.ended, 0);
    sim_run_for(trial.scene.world, SIM_SECOND);
    check_ended(waits(starter) ? MUV_ECANCELED : 0);
}

static void cancel_never_calls_back_inside(void **state)
{
    (void)state;
    try_all(NULL, cancel);
}

static void time_out(const starter_t *starter)
{
    if (!waits(starter)) {
        return;
    }
    sim_heal(trial.scene.server);
    sim_on(trial.scene.server, "*", &(sim_step_t){.act = SIM_SILENCE});
    start(starter);
    sim_run_for(trial.scene.world, 101 * SIM_MS);
    check_ended(MUV_ETIMEOUT);
}

static void the_deadline_calls_back_once(void **state)
{
    (void)state;
    try_all(&(muv_client_opts_t){.timeout_ms = 100}, time_out);
}

static void lose_connection(const starter_t *starter)
{
    if (!waits(starter)) {
        return;
    }
    sim_heal(trial.scene.server);
    sim_on(trial.scene.server, "*", &(sim_step_t){.act = SIM_RESET});
    start(starter);
    sim_run_for(trial.scene.world, 40 * SIM_SECOND);
    check_ended(MUV_ENETWORK);
}

static void a_lost_connection_calls_back_once(void **state)
{
    (void)state;
    try_all(NULL, lose_connection);
}

static void be_refused(const starter_t *starter)
{
    if (!waits(starter)) {
        return;
    }
    sim_heal(trial.scene.server);
    sim_on(trial.scene.server, "*",
           &(sim_step_t){.json = "{'ok': 0, 'code': 13, 'errmsg': 'not authorized'}"});
    start(starter);
    sim_run_for(trial.scene.world, SIM_SECOND);
    check_ended(MUV_ESERVER);
}

static void the_servers_error_calls_back_once(void **state)
{
    (void)state;
    try_all(NULL, be_refused);
}

static void answer_nonsense(const starter_t *starter)
{
    if (!waits(starter)) {
        return;
    }
    sim_heal(trial.scene.server);
    sim_on(trial.scene.server, "*",
           &(sim_step_t){.json = "{'ok': 1, 'cursor': 5, 'value': 'x', 'values': 3, 'n': 'x', "
                                 "'writeErrors': [7], 'writeConcernError': {}}"});
    start(starter);
    sim_run_for(trial.scene.world, SIM_SECOND);
    assert_int_equal(trial.outcome.ended, 1);
}

static void a_reply_of_wrong_types_calls_back_once(void **state)
{
    (void)state;
    try_all(NULL, answer_nonsense);
}

static void abort_client(const starter_t *starter)
{
    start(starter);
    CHECK_CODE(scene_close(&trial.scene, MUV_CLOSE_ABORT), 0);
    assert_int_equal(trial.outcome.ended, 0);
    sim_run_for(trial.scene.world, SIM_SECOND);
    check_ended(waits(starter) ? MUV_ECLOSED : 0);
    assert_int_equal(trial.scene.closed, 1);
}

static void closing_by_abort_calls_back_once(void **state)
{
    (void)state;
    try_all(NULL, abort_client);
}

static void drain_client(const starter_t *starter)
{
    start(starter);
    CHECK_CODE(scene_close(&trial.scene, MUV_CLOSE_DRAIN), 0);
    sim_run_for(trial.scene.world, SIM_SECOND);
    check_ended(0);
    assert_int_equal(trial.scene.closed, 1);
}

static void closing_by_drain_lets_it_finish(void **state)
{
    (void)state;
    try_all(NULL, drain_client);
}

static void start_on_closing(const starter_t *starter)
{
    CHECK_CODE(scene_close(&trial.scene, MUV_CLOSE_DRAIN), 0);
    CHECK_CODE(starter->start(&trial.targets, &trial.outcome), MUV_ECLOSED);
    CHECK_CODE(muv_client_refusal(trial.scene.client)->code, MUV_ECLOSED);
    sim_run_for(trial.scene.world, SIM_SECOND);
    assert_int_equal(trial.outcome.ended, 0);
}

static void a_closing_client_refuses(void **state)
{
    (void)state;
    try_all(NULL, start_on_closing);
}

static void start_in_child(const starter_t *starter)
{
    int status;

    sim_fork();
    status = starter->start(&trial.targets, &trial.outcome);
    sim_unfork();
    CHECK_CODE(status, MUV_EFORK);
    sim_run_for(trial.scene.world, SIM_SECOND);
    assert_int_equal(trial.outcome.ended, 0);
}

static void a_forked_child_is_refused(void **state)
{
    (void)state;
    try_all(NULL, start_in_child);
}

/* --- without memory ----------------------------------------------------------------------------*/

static const starter_t *swept;

/* The whole set-up may fail, too. Returns whether it stands. */
static bool open_without_memory(void)
{
    muv_error_t error;
    scene_t *scene = &trial.scene;

    scene->mark = alloc_mark();
    scene->world = sim_new(1);
    scene->server = sim_server(scene->world, "10.0.0.1", 27017);
    starters_teach(scene->server);
    if (muv_client_new(sim_loop(scene->world), "mongodb://10.0.0.1/?directConnection=true", NULL,
                       &error, &scene->client) != 0) {
        sim_run(scene->world);
        sim_free(scene->world);
        return false;
    }
    if (!targets_try_open(&trial.targets, scene)) {
        targets_close(&trial.targets);
        scene_end(scene);
        return false;
    }
    return true;
}

static void live_once(void *data)
{
    int status;

    (void)data;
    memset(&trial, 0, sizeof trial);
    trial.name = swept->name;
    if (!open_without_memory()) {
        return;
    }
    status = swept->start(&trial.targets, &trial.outcome);
    sim_run_for(trial.scene.world, 60 * SIM_SECOND);
    assert_true(status == 0 || (alloc_has_failed() && status == MUV_ENOMEM));
    assert_int_equal(trial.outcome.ended, status == 0);
    assert_true(trial.outcome.code == 0 || alloc_has_failed());
    targets_close(&trial.targets);
    scene_end(&trial.scene);
}

static void without_memory_it_is_refused_or_called_back_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < starter_count; i++) {
        swept = &starters[i];
        (void)alloc_sweep(live_once, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(success_calls_back_once, say_which),
        cmocka_unit_test_teardown(cancel_never_calls_back_inside, say_which),
        cmocka_unit_test_teardown(the_deadline_calls_back_once, say_which),
        cmocka_unit_test_teardown(a_lost_connection_calls_back_once, say_which),
        cmocka_unit_test_teardown(the_servers_error_calls_back_once, say_which),
        cmocka_unit_test_teardown(a_reply_of_wrong_types_calls_back_once, say_which),
        cmocka_unit_test_teardown(closing_by_abort_calls_back_once, say_which),
        cmocka_unit_test_teardown(closing_by_drain_lets_it_finish, say_which),
        cmocka_unit_test_teardown(a_closing_client_refuses, say_which),
        cmocka_unit_test_teardown(a_forked_child_is_refused, say_which),
        cmocka_unit_test_teardown(without_memory_it_is_refused_or_called_back_once, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
