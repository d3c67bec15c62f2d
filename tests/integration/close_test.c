/* SPDX-License-Identifier: Apache-2.0 */
/* Closing a client in both modes, with whatever is in flight. The teardown of each test checks that
 * no handle is left and that uv_loop_close() gives 0. */
#include "integration/client_fixture.h"

/* What is in progress when the client is closed. */
struct scene {
    const char *name;
    const char *options;
    void (*prepare)(client_fixture_t *f);
    void (*release)(client_fixture_t *f); /* For draining: lets the server answer. */
    unsigned operations;
};

static outcome_t in_flight[4];

static void nothing(client_fixture_t *f)
{
    (void)f;
}

static void in_the_first_turn(client_fixture_t *f)
{
    start_ping(f, &in_flight[0], 0);
    start_find(f, &in_flight[1], 1, NULL);
}

static void during_selection(client_fixture_t *f)
{
    mock_script(f->mock, "hello", &(mock_step_t){.hold = true});
    start_ping(f, &in_flight[0], 0);
    start_connect(f, &in_flight[1], 0);
    await_held(f, 1);
}

static bool two_held(void *data)
{
    return mock_held(data) >= 2;
}

/* The monitor is done; the pool's connection waits for its hello. */
static void during_a_handshake(client_fixture_t *f)
{
    outcome_t connected = {0};

    start_connect(f, &connected, 0);
    await_success(&connected);
    outcome_clear(&connected);
    mock_script(f->mock, "hello", &(mock_step_t){.hold = true, .times = 2});
    start_ping(f, &in_flight[0], 0);
    start_ping(f, &in_flight[1], 0);
    run_until_true(&f->loop, two_held, f->mock, WAIT_MS);
}

static void while_the_server_works(client_fixture_t *f)
{
    warm_up(f);
    mock_script(f->mock, "*", &(mock_step_t){.hold = true, .times = 2});
    start_ping(f, &in_flight[0], 0);
    start_find(f, &in_flight[1], 1, NULL);
    await_held(f, 2);
}

static void in_the_queue(client_fixture_t *f)
{
    warm_up(f);
    mock_script(f->mock, "*", &(mock_step_t){.hold = true});
    start_ping(f, &in_flight[0], 0);
    start_find(f, &in_flight[1], 1, NULL);
    await_held(f, 1);
    assert_int_equal(stats_of(f).waiting_for_connection, 1);
}

static void while_draining(client_fixture_t *f)
{
    warm_up(f);
    mock_script(f->mock, "*", &(mock_step_t){.hold = true, .times = 2});
    start_ping(f, &in_flight[0], 0);
    start_find(f, &in_flight[1], 1, NULL);
    await_held(f, 2);
    cancel(&in_flight[0]);
    cancel(&in_flight[1]);
}

static void half_a_reply(client_fixture_t *f)
{
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.cut_at = 20});
    start_ping(f, &in_flight[0], 1000);
    run_for(&f->loop, 10);
}

static void with_an_empty_composite(client_fixture_t *f)
{
    start_composite(f, &in_flight[0], NULL);
    muv_op_finish(in_flight[0].op, NULL);
}

static void release_all(client_fixture_t *f)
{
    (void)mock_release(f->mock, 100);
}

static const struct scene scenes[] = {
    {"nothing", NULL, nothing, nothing, 0},
    {"in the first turn", NULL, in_the_first_turn, nothing, 2},
    {"during selection", NULL, during_selection, release_all, 2},
    {"during a handshake", NULL, during_a_handshake, release_all, 2},
    {"while the server works", NULL, while_the_server_works, release_all, 2},
    {"in the queue", "maxPoolSize=1", in_the_queue, release_all, 2},
    {"while draining", NULL, while_draining, nothing, 2},
    {"half a reply", NULL, half_a_reply, nothing, 1},
    {"empty composite", NULL, with_an_empty_composite, nothing, 1},
};

#define SCENE_COUNT (sizeof scenes / sizeof *scenes)

static void play(client_fixture_t *f, const struct scene *scene, int mode)
{
    bson_t *ping = bson_from("{\"ping\": 1}");
    muv_client_t *client;

    open_client(f, scene->options, NULL);
    scene->prepare(f);
    client = f->client;
    begin_close(f, mode);
    CHECK_CODE(muv_run_command(client, "d", ping, NULL, NULL, NULL, NULL), MUV_ECLOSED);
    CHECK_CODE(muv_client_close(client, MUV_CLOSE_DRAIN, NULL, NULL), MUV_ECLOSED);
    bson_destroy(ping);
    if (mode == MUV_CLOSE_DRAIN) {
        scene->release(f);
    }
    run_until(&f->loop, &f->closed, WAIT_MS);
    for (unsigned i = 0; i < scene->operations; i++) {
        if (!in_flight[i].done) {
            fail_msg("%s: operation %u was not called back", scene->name, i);
        }
    }
    (void)mock_release(f->mock, 100);
    mock_unscript(f->mock, "*");
    mock_unscript(f->mock, "hello");
    mock_unscript(f->mock, "ping");
}

static void aborting_ends_everything_at_once(void **state)
{
    client_fixture_t *f = *state;

    for (size_t s = 0; s < SCENE_COUNT; s++) {
        play(f, &scenes[s], MUV_CLOSE_ABORT);
        for (unsigned i = 0; i < scenes[s].operations; i++) {
            int code = in_flight[i].error.code;

            /* What had ended before keeps its outcome. */
            if (code != MUV_ECLOSED && code != MUV_ECANCELED &&
                scenes[s].prepare != with_an_empty_composite) {
                fail_msg("%s: %s", scenes[s].name, muv_error_name(code));
            }
            outcome_clear(&in_flight[i]);
        }
    }
}

static void draining_lets_everything_finish(void **state)
{
    client_fixture_t *f = *state;

    for (size_t s = 0; s < SCENE_COUNT; s++) {
        play(f, &scenes[s], MUV_CLOSE_DRAIN);
        for (unsigned i = 0; i < scenes[s].operations; i++) {
            int code = in_flight[i].error.code;

            if (code != 0 && code != MUV_ECANCELED && scenes[s].prepare != half_a_reply) {
                fail_msg("%s: %s", scenes[s].name, muv_error_name(code));
            }
            outcome_clear(&in_flight[i]);
        }
    }
}

static void draining_can_be_turned_into_aborting(void **state)
{
    client_fixture_t *f = *state;
    muv_client_t *client;

    open_client(f, NULL, NULL);
    while_the_server_works(f);
    client = f->client;
    begin_close(f, MUV_CLOSE_DRAIN);
    run_for(&f->loop, 20);
    assert_false(f->closed);
    CHECK_CODE(muv_client_close(client, MUV_CLOSE_ABORT, NULL, NULL), 0);
    run_until(&f->loop, &f->closed, WAIT_MS);
    CHECK_ERROR(&in_flight[0].error, MUV_ECLOSED);
    CHECK_ERROR(&in_flight[1].error, MUV_ECLOSED);
    outcome_clear(&in_flight[0]);
    outcome_clear(&in_flight[1]);
}

static void close_from_callback(outcome_t *o)
{
    assert_false(o->f->closed);
    begin_close(o->f, MUV_CLOSE_ABORT);
}

static void a_client_can_be_closed_in_a_callback(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    in_flight[0] = (outcome_t){.then = close_from_callback};
    start_ping(f, &in_flight[0], 0);
    start_find(f, &in_flight[1], 1, NULL);
    start_find(f, &in_flight[2], 2, NULL);
    run_until(&f->loop, &f->closed, WAIT_MS);
    for (int i = 0; i < 3; i++) {
        assert_true(in_flight[i].done);
        outcome_clear(&in_flight[i]);
    }
}

/* The callback of a close(ABORT) sees no new operation accepted, also not in a callback. */
static void start_in_callback(outcome_t *o)
{
    bson_t *ping = bson_from("{\"ping\": 1}");

    CHECK_CODE(muv_run_command(o->f->client, "d", ping, NULL, NULL, NULL, NULL), MUV_ECLOSED);
    bson_destroy(ping);
}

static void callbacks_of_a_closing_client_start_nothing(void **state)
{
    client_fixture_t *f = *state;
    muv_client_t *client;
    muv_collection_t *collection;

    open_client(f, NULL, NULL);
    client = f->client;
    collection = f->collection;
    in_flight[0] = (outcome_t){.then = start_in_callback};
    start_ping(f, &in_flight[0], 0);
    f->collection = NULL;
    begin_close(f, MUV_CLOSE_ABORT);
    f->client = client;
    run_until(&f->loop, &f->closed, WAIT_MS);
    f->client = NULL;
    muv_collection_free(collection);
    CHECK_ERROR(&in_flight[0].error, MUV_ECLOSED);
    outcome_clear(&in_flight[0]);
}

static void the_uri_may_name_nobody(void **state)
{
    client_fixture_t *f = *state;

    open_client_at(f, "mongodb://127.0.0.1:1,127.0.0.1:2,name.invalid:3/?replicaSet=r",
                   &(muv_client_opts_t){.dns_servers = "127.0.0.1:9"});
    start_ping(f, &in_flight[0], 0);
    run_for(&f->loop, 30);
    close_client(f, MUV_CLOSE_ABORT);
    CHECK_ERROR(&in_flight[0].error, MUV_ECLOSED);
    outcome_clear(&in_flight[0]);
}

static void a_bad_mode_is_refused(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, NULL);
    CHECK_CODE(muv_client_close(f->client, 7, NULL, NULL), MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, "mode");
    CHECK_CODE(muv_client_close(NULL, MUV_CLOSE_DRAIN, NULL, NULL), MUV_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(aborting_ends_everything_at_once),
        TEST(draining_lets_everything_finish),
        TEST(draining_can_be_turned_into_aborting),
        TEST(a_client_can_be_closed_in_a_callback),
        TEST(callbacks_of_a_closing_client_start_nothing),
        TEST(the_uri_may_name_nobody),
        TEST(a_bad_mode_is_refused),
    };

    return cmocka_run_group_tests_name("close", tests, NULL, NULL);
}
