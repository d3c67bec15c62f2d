/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks and the loop's turns: batches, chains, the held loop, hooks at the end of a turn, what
 * callbacks may do, and a forked child. */
#include "scene.h"

#include <stdlib.h>

enum { CHAIN = 100000 };

/* Each starts the next one in its callback. The stack could only grow by callbacks inside each
 * other. Addresses of locals would not tell: AddressSanitizer keeps those elsewhere. */
static void start_next(call_t *call)
{
    scene_t *scene = call->scene;
    int64_t number = call->number + 1;
    call_opts_t *opts = call->data;
    static unsigned depth;

    depth++;
    assert_int_equal(depth, 1);
    CHECK_CODE(call->code, 0);
    if (number <= CHAIN) {
        *call = (call_t){.then = start_next, .data = opts};
        CHECK_CODE(call_start_as(scene, call, number, opts), 0);
        assert_int_equal(call->ended, 0);
    }
    depth--;
}

static void a_chain_of_a_hundred_thousand_needs_no_stack(void **state)
{
    (void)state;
    for (int8_t unacknowledged = 0; unacknowledged <= 1; unacknowledged++) {
        scene_t scene;
        call_opts_t opts = {.unacknowledged = unacknowledged};
        call_t call = {.then = start_next, .data = &opts};

        scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
        scene_warm(&scene, 1);
        CHECK_CODE(call_start_as(&scene, &call, 1, &opts), 0);
        while (scene.ended < CHAIN) {
            sim_run_for(scene.world, SIM_SECOND);
            sim_log_clear(scene.world);
        }
        assert_int_equal(sim_counts(scene.server).users, 1);
        scene_end(&scene);
    }
}

/* --- batches -----------------------------------------------------------------------------------*/

static void note_idle(call_t *call)
{
    unsigned *first_with_reply = call->data;

    /* The reply was read when its connection is idle again. */
    if (*first_with_reply == 0 && scene_stats(call->scene).connections_idle == 1) {
        *first_with_reply = call->order;
    }
}

static void sockets_are_polled_after_256_callbacks(void **state)
{
    enum { COUNT = 1000 };
    scene_t scene;
    unsigned first_with_reply = 0;
    call_t *calls = calls_new(COUNT);
    call_t ping = {0};

    (void)state;
    scene_open(&scene, &(muv_client_opts_t){.max_pool_size = 1});
    scene_warm(&scene, 1);
    CHECK_CODE(call_start(&scene, &ping, 7, 0), 0);
    sim_stall(scene.world, 10 * SIM_MS); /* Its reply lies in the socket. */
    for (unsigned i = 0; i < COUNT; i++) {
        calls[i].then = note_idle;
        calls[i].data = &first_with_reply;
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
        call_cancel(&calls[i]);
    }
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, COUNT, MUV_ECANCELED);
    CHECK_ENDED(&ping, 0);
    assert_int_equal(first_with_reply, 257);
    scene_end(&scene);
    free(calls);
}

/* --- the held loop -----------------------------------------------------------------------------*/

static void hold_the_loop(void *data)
{
    scene_t *scene = data;

    sim_stall(scene->world, SIM_SECOND);
}

/* All replies have come while user code held the loop for a second: no deadline of 250 ms has
 * anything to say, whichever kind it is. */
static void a_held_loop_times_nothing_out(void **state)
{
    enum { COUNT = 50 };
    scene_t scene;
    call_t *calls = calls_new(COUNT);

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 250), 0);
    }
    sim_after(scene.world, 100, hold_the_loop, &scene);
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, COUNT, 0);
    scene_end(&scene);
    free(calls);
}

static void hold_in_callback(call_t *call)
{
    sim_stall(call->scene->world, SIM_SECOND);
}

static void a_callback_that_holds_the_loop_times_nothing_out(void **state)
{
    enum { COUNT = 50 };
    scene_t scene;
    call_t *calls = calls_new(COUNT);

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, COUNT);
    calls[0].then = hold_in_callback;
    for (unsigned i = 0; i < COUNT; i++) {
        /* The first reply comes alone, the others during the pause. */
        sim_on(scene.server, "ping", &(sim_step_t){.delay_us = i * 100, .times = 1});
        CHECK_CODE(call_start(&scene, &calls[i], i, 250), 0);
    }
    sim_run(scene.world);
    CHECK_ALL_ENDED(calls, COUNT, 0);
    scene_end(&scene);
    free(calls);
}

static void a_held_loop_does_not_hide_a_real_timeout(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 2);
    sim_on(scene.server, "silent", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(call_start(&scene, &calls[0], 1, 250), 0);
    CHECK_CODE(
        call_start_as(&scene, &calls[1], 2, &(call_opts_t){.name = "silent", .timeout_ms = 250}),
        0);
    sim_after(scene.world, 100, hold_the_loop, &scene);
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    CHECK_ENDED(&calls[1], MUV_ETIMEOUT);
    scene_end(&scene);
}

/* --- the end of a turn -------------------------------------------------------------------------*/

typedef struct hook {
    scene_t *scene;
    unsigned runs;
    unsigned ended_before; /* Callbacks made when it ran. */
    int again;
} hook_t;

static void on_turn_end(void *data)
{
    hook_t *hook = data;

    assert_int_equal(hook->scene->inside, 0);
    hook->runs++;
    hook->ended_before = hook->scene->ended;
    if (hook->again-- > 0) {
        INSIDE(hook->scene,
               CHECK_CODE(muv_client_at_turn_end(hook->scene->client, on_turn_end, hook), 0));
    }
}

static void hook_here(call_t *call)
{
    INSIDE(call->scene,
           CHECK_CODE(muv_client_at_turn_end(call->scene->client, on_turn_end, call->data), 0));
}

static void hooks_run_behind_the_callbacks_of_their_turn(void **state)
{
    scene_t scene;
    hook_t hook = {.scene = &scene};
    call_t calls[3] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    calls[0].then = hook_here;
    calls[0].data = &hook;
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(call_start(&scene, &calls[i], i, 0), 0);
        call_cancel(&calls[i]);
    }
    sim_run(scene.world);
    assert_int_equal(hook.runs, 1);
    assert_int_equal(hook.ended_before, 3);
    scene_end(&scene);
}

static uint64_t busy_turn;
static unsigned callbacks_in_turn;
static unsigned most_callbacks;

static void count_in_turn(muv_op_t *op, const muv_error_t *error, void *data)
{
    const scene_t *scene = data;

    (void)op;
    assert_null(error);
    if (sim_turns(scene->world) != busy_turn) {
        busy_turn = sim_turns(scene->world);
        callbacks_in_turn = 0;
    }
    callbacks_in_turn++;
    most_callbacks = callbacks_in_turn > most_callbacks ? callbacks_in_turn : most_callbacks;
}

static void do_nothing(void *data)
{
    (void)data;
}

/* The callbacks before and behind the hooks count together. */
static void hooks_allow_no_more_callbacks_in_a_turn(void **state)
{
    scene_t scene;

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    for (int i = 0; i < 1000; i++) {
        CHECK_CODE(muv_client_connect(scene.client, NULL, count_in_turn, &scene, NULL), 0);
    }
    CHECK_CODE(muv_client_at_turn_end(scene.client, do_nothing, NULL), 0);
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(scene_stats(&scene).operations_live, 0);
    assert_int_equal(most_callbacks, 256);
    scene_end(&scene);
}

static void a_hook_outside_a_turn_comes_soon_and_may_ask_again(void **state)
{
    scene_t scene;
    hook_t hook = {.scene = &scene, .again = 3};
    uint64_t turns;

    (void)state;
    scene_open(&scene, NULL);
    turns = sim_turns(scene.world);
    INSIDE(&scene, CHECK_CODE(muv_client_at_turn_end(scene.client, on_turn_end, &hook), 0));
    assert_int_equal(hook.runs, 0);
    sim_run(scene.world);
    assert_int_equal(hook.runs, 4);
    assert_true(sim_turns(scene.world) - turns >= 4);
    CHECK_CODE(muv_client_at_turn_end(scene.client, NULL, NULL), MUV_EINVAL);
    scene_end(&scene);
}

static void a_hook_is_run_before_the_client_is_closed(void **state)
{
    scene_t scene;
    hook_t hook = {.scene = &scene};

    (void)state;
    scene_open(&scene, NULL);
    INSIDE(&scene, CHECK_CODE(muv_client_at_turn_end(scene.client, on_turn_end, &hook), 0));
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    INSIDE(&scene,
           CHECK_CODE(muv_client_at_turn_end(scene.client, on_turn_end, &hook), MUV_ECLOSED));
    sim_run(scene.world);
    assert_int_equal(hook.runs, 1);
    scene_end(&scene);
}

/* --- the rest ----------------------------------------------------------------------------------*/

static void an_idle_client_does_not_keep_the_loop(void **state)
{
    scene_t scene;
    call_t call = {0};
    int64_t start_us;

    (void)state;
    scene_open(&scene, NULL);
    start_us = sim_now_us(scene.world);
    sim_run(scene.world);
    assert_int_equal(sim_now_us(scene.world), start_us);
    CHECK_CODE(call_start(&scene, &call, 1, 0), 0);
    sim_run(scene.world);
    CHECK_ENDED(&call, 0);
    assert_in_range(sim_now_us(scene.world) - start_us, 1, 20 * SIM_MS);
    scene_end(&scene);
}

static void a_child_process_is_told_that_the_client_is_not_its_own(void **state)
{
    scene_t scene;
    call_t calls[2] = {{0}};

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(call_start(&scene, &calls[0], 1, 0), 0);
    sim_fork();
    CHECK_CODE(call_start(&scene, &calls[1], 2, 0), MUV_EFORK);
    CHECK_CODE(tree_begin(&scene, &calls[1], NULL), MUV_EFORK);
    CHECK_CODE(muv_client_at_turn_end(scene.client, on_turn_end, NULL), MUV_EFORK);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), MUV_EFORK);
    assert_int_equal(muv_client_refusal(scene.client)->code, MUV_EFORK);
    call_cancel(&calls[0]);
    sim_unfork();
    sim_run(scene.world);
    CHECK_ENDED(&calls[0], 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_a_hundred_thousand_needs_no_stack),
        cmocka_unit_test(sockets_are_polled_after_256_callbacks),
        cmocka_unit_test(a_held_loop_times_nothing_out),
        cmocka_unit_test(a_callback_that_holds_the_loop_times_nothing_out),
        cmocka_unit_test(a_held_loop_does_not_hide_a_real_timeout),
        cmocka_unit_test(hooks_run_behind_the_callbacks_of_their_turn),
        cmocka_unit_test(hooks_allow_no_more_callbacks_in_a_turn),
        cmocka_unit_test(a_hook_outside_a_turn_comes_soon_and_may_ask_again),
        cmocka_unit_test(a_hook_is_run_before_the_client_is_closed),
        cmocka_unit_test(an_idle_client_does_not_keep_the_loop),
        cmocka_unit_test(a_child_process_is_told_that_the_client_is_not_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
