/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in virtual time: how long identifiers are reused, how long a close waits for
 * endSessions, and that memory may run out anywhere. */
#include "scene.h"

#include <string.h>

#define MINUTE (60 * SIM_SECOND)
#define ID_SIZE 16

#define HELLO(minutes)                                                                             \
    "{'isWritablePrimary': true, 'maxWireVersion': 21, 'logicalSessionTimeoutMinutes': " #minutes  \
    ", 'ok': 1}"

typedef struct use {
    scene_t *scene;
    muv_session_t *session;
    muv_session_t *kept;
    muv_cursor_t *cursor;
    unsigned ended;
    int code;
} use_t;

/* A client of a server with sessions. */
static void open_scene(scene_t *scene, const muv_client_opts_t *opts)
{
    scene_open(scene, opts);
    sim_on(scene->server, "hello", &(sim_step_t){.json = HELLO(30)});
}

static void on_pong(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    use_t *use = data;

    (void)op;
    (void)reply;
    use->ended++;
    use->code = error == NULL ? 0 : error->code;
}

static int ping(use_t *use)
{
    bson_t *command = bson_from("{\"ping\": 1}");
    int code;

    INSIDE(use->scene, code = muv_run_command(use->scene->client, "sim", command,
                                              &(muv_run_command_opts_t){.session = use->session},
                                              on_pong, use, NULL));
    bson_destroy(command);
    return code;
}

/* The identifier of a session that was started, used and ended now. */
static void use_session(scene_t *scene, uint8_t id[ID_SIZE])
{
    use_t use = {.scene = scene};
    bson_iter_t iter;
    const uint8_t *bytes;
    uint32_t size;
    bson_subtype_t subtype;

    CHECK_CODE(muv_session_start(scene->client, NULL, &use.session), 0);
    CHECK_CODE(ping(&use), 0);
    sim_run_until(scene->world, &use.ended, 1, SIM_SECOND);
    assert_int_equal(use.code, 0);
    assert_true(bson_iter_init_find(&iter, muv_session_id(use.session), "id"));
    bson_iter_binary(&iter, &subtype, &size, &bytes);
    assert_int_equal(size, ID_SIZE);
    memcpy(id, bytes, ID_SIZE);
    muv_session_end(use.session);
}

/* (Driver Sessions: a session with less than a minute left is not reused.) */
static void identifiers_are_reused_for_twenty_nine_minutes(void **state)
{
    uint8_t first[ID_SIZE], second[ID_SIZE];
    scene_t scene;

    (void)state;
    open_scene(&scene, NULL);
    use_session(&scene, first);
    sim_run_for(scene.world, 29 * MINUTE - 20 * SIM_SECOND);
    use_session(&scene, second);
    assert_memory_equal(first, second, ID_SIZE);
    sim_run_for(scene.world, 29 * MINUTE + SIM_SECOND);
    use_session(&scene, second);
    assert_memory_not_equal(first, second, ID_SIZE);
    scene_end(&scene);
}

/* What a server says of sessions is heard while it runs. */
static void a_shorter_timeout_of_the_server_is_taken_over(void **state)
{
    uint8_t first[ID_SIZE], second[ID_SIZE];
    scene_t scene;

    (void)state;
    open_scene(&scene, NULL);
    use_session(&scene, first);
    sim_forget(scene.server, "hello");
    sim_on(scene.server, "hello", &(sim_step_t){.json = HELLO(3)});
    sim_run_for(scene.world, 2 * MINUTE + 30 * SIM_SECOND);
    use_session(&scene, second);
    assert_memory_not_equal(first, second, ID_SIZE);
    scene_end(&scene);
}

static void a_silent_server_holds_up_the_close_for_a_second(void **state)
{
    uint8_t id[ID_SIZE];
    scene_t scene;
    int64_t start_us;

    (void)state;
    open_scene(&scene, NULL);
    use_session(&scene, id);
    sim_on(scene.server, "endSessions", &(sim_step_t){.act = SIM_SILENCE});
    start_us = sim_now_us(scene.world);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    sim_run_until(scene.world, &scene.closed, 1, 10 * SIM_SECOND);
    assert_in_range(sim_now_us(scene.world) - start_us, SIM_SECOND, SIM_SECOND + 10 * SIM_MS);
    scene_end(&scene);
}

/* Nobody is there to be told. */
static void without_a_server_a_close_does_not_wait(void **state)
{
    uint8_t id[ID_SIZE];
    scene_t scene;
    int64_t start_us;

    (void)state;
    open_scene(&scene, &(muv_client_opts_t){.heartbeat_frequency_ms = 500});
    use_session(&scene, id);
    sim_on_connect(scene.server, SIM_REFUSE, 0);
    sim_reset_all(scene.server);
    sim_run_for(scene.world, 5 * SIM_SECOND);
    start_us = sim_now_us(scene.world);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    sim_run_until(scene.world, &scene.closed, 1, 10 * SIM_SECOND);
    assert_true(sim_now_us(scene.world) - start_us < 10 * SIM_MS);
    scene_end(&scene);
}

static void a_session_may_outlive_its_client(void **state)
{
    use_t use;
    scene_t scene;

    (void)state;
    open_scene(&scene, NULL);
    use = (use_t){.scene = &scene};
    CHECK_CODE(muv_session_start(scene.client, NULL, &use.session), 0);
    CHECK_CODE(ping(&use), 0);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    sim_run_until(scene.world, &scene.closed, 1, SIM_SECOND);
    assert_int_equal(use.ended, 1);
    assert_non_null(muv_session_id(use.session));
    muv_session_end(use.session);
    scene_end(&scene);
}

static void a_child_process_starts_no_session(void **state)
{
    muv_session_t *session;
    muv_session_t *other = NULL;
    scene_t scene;

    (void)state;
    open_scene(&scene, NULL);
    CHECK_CODE(muv_session_start(scene.client, NULL, &session), 0);
    sim_fork();
    CHECK_CODE(muv_session_start(scene.client, NULL, &other), MUV_EFORK);
    assert_null(other);
    muv_session_end(session); /* Touches nothing but memory. */
    sim_unfork();
    scene_end(&scene);
}

/* --- out of memory -----------------------------------------------------------------------------*/

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    use_t *use = data;

    use->ended++;
    use->code = error == NULL ? 0 : error->code;
    use->cursor = cursor;
    if (error == NULL && muv_op_take_session(op, &use->kept) != 0) {
        assert_true(alloc_has_failed());
    }
}

static void on_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    use_t *use = data;

    (void)op;
    (void)document;
    use->ended++;
    use->code = error == NULL ? 0 : error->code;
}

static void finish(use_t *use, int code)
{
    if (code != 0) {
        assert_true(alloc_has_failed());
        return;
    }
    sim_run_until(use->scene->world, &use->ended, use->ended + 1, 100 * SIM_SECOND);
    assert_true(use->code == 0 || alloc_has_failed());
}

/* Explicit when `use->session` is set, else implicit. */
static void read_some(use_t *use, muv_collection_t *collection)
{
    muv_find_opts_t opts = {.session = use->session, .timeout_ms = 3600000};
    int code;

    INSIDE(use->scene, code = muv_collection_find(collection, NULL, &opts, on_cursor, use, NULL));
    finish(use, code);
    for (int i = 0; use->cursor != NULL && i < 2; i++) {
        INSIDE(use->scene, code = muv_cursor_next(use->cursor, NULL, on_next, use, NULL));
        finish(use, code);
    }
    INSIDE(use->scene, muv_cursor_close(use->cursor));
    muv_session_end(use->kept);
    use->cursor = NULL;
    use->kept = NULL;
}

static void live_once(void *data)
{
    muv_collection_t *collection;
    use_t use = {.session = NULL};
    muv_error_t error;
    scene_t scene;

    (void)data;
    memset(&scene, 0, sizeof scene);
    scene.mark = alloc_mark();
    scene.world = sim_new(1);
    scene.server = sim_server(scene.world, "10.0.0.1", 27017);
    sim_on(scene.server, "hello", &(sim_step_t){.json = HELLO(30)});
    sim_on(
        scene.server, "find",
        &(sim_step_t){.json = "{'cursor': {'firstBatch': [{}], 'id': 7, 'ns': 'd.c'}, 'ok': 1}"});
    sim_on(scene.server, "getMore",
           &(sim_step_t){.json = "{'cursor': {'nextBatch': [{}], 'id': 7, 'ns': 'd.c'}, 'ok': 1}"});
    if (muv_client_new(sim_loop(scene.world), "mongodb://10.0.0.1/?directConnection=true", NULL,
                       &error, &scene.client) != 0) {
        sim_run(scene.world);
        sim_free(scene.world);
        return;
    }
    use.scene = &scene;
    if (muv_collection_new(scene.client, "d", "c", NULL, &collection) == 0) {
        read_some(&use, collection);
        if (muv_session_start(scene.client, NULL, &use.session) == 0) {
            read_some(&use, collection);
            muv_session_end(use.session);
        }
        muv_collection_free(collection);
    }
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    scene_end(&scene);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live_once, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_reused_for_twenty_nine_minutes),
        cmocka_unit_test(a_shorter_timeout_of_the_server_is_taken_over),
        cmocka_unit_test(a_silent_server_holds_up_the_close_for_a_second),
        cmocka_unit_test(without_a_server_a_close_does_not_wait),
        cmocka_unit_test(a_session_may_outlive_its_client),
        cmocka_unit_test(a_child_process_starts_no_session),
        cmocka_unit_test_teardown(memory_may_run_out_anywhere, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
