/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a test in virtual time, and its calls. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#define URI "mongodb://10.0.0.1:27017/?directConnection=true"

void scene_open_uri(scene_t *scene, const char *uri, const muv_client_opts_t *opts, uint64_t seed)
{
    muv_error_t error;

    alloc_install();
    memset(scene, 0, sizeof *scene);
    scene->mark = alloc_mark();
    scene->world = sim_new(seed);
    scene->server = sim_server(scene->world, "10.0.0.1", 27017);
    if (muv_client_new(sim_loop(scene->world), uri, opts, &error, &scene->client) != 0) {
        fail_msg("%s", error.message);
    }
}

void scene_open_seeded(scene_t *scene, const muv_client_opts_t *opts, uint64_t seed)
{
    scene_open_uri(scene, URI, opts, seed);
}

void scene_open(scene_t *scene, const muv_client_opts_t *opts)
{
    scene_open_seeded(scene, opts, 1);
}

static void on_warm(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    scene_t *scene = data;

    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    scene->ended++;
}

void scene_warm(scene_t *scene, unsigned count)
{
    /* Each holds its connection until all are established. */
    sim_step_t slow = {.delay_us = 10 * SIM_SECOND};
    bson_t *command = bson_from("{\"warm\": 1}");

    sim_on(scene->server, "warm", &slow);
    for (unsigned i = 0; i < count; i++) {
        CHECK_CODE(muv_run_command(scene->client, "sim", command, NULL, on_warm, scene, NULL), 0);
    }
    sim_run_until(scene->world, &scene->ended, count, 120 * SIM_SECOND);
    scene->ended = 0;
    sim_forget(scene->server, "warm");
    bson_destroy(command);
    assert_int_equal(scene_stats(scene).connections_idle, count);
    sim_log_clear(scene->world);
}

static void on_closed(void *data)
{
    scene_t *scene = data;

    assert_int_equal(scene->inside, 0);
    scene->closed++;
}

int scene_close(scene_t *scene, int mode)
{
    int status;

    INSIDE(scene, status = muv_client_close(scene->client, mode, on_closed, scene));
    return status;
}

void scene_end(scene_t *scene)
{
    if (scene->client != NULL && scene->closed == 0) {
        (void)scene_close(scene, MUV_CLOSE_ABORT);
    }
    sim_run(scene->world);
    assert_int_equal(scene->closed, 1);
    sim_free(scene->world);
    CHECK_NO_LEAK(scene->mark);
}

/* --- calls -------------------------------------------------------------------------------------*/

static void note_end(call_t *call, const muv_error_t *error)
{
    scene_t *scene = call->scene;

    assert_int_equal(scene->inside, 0);
    assert_int_equal(call->ended, 0);
    call->ended++;
    call->op = NULL;
    call->order = ++scene->ended;
    call->ended_us = sim_now_us(scene->world);
    if (error != NULL) {
        assert_true(error->code < 0);
        call->code = error->code;
        call->error = *error;
        call->error.reply = NULL;
    }
}

static int64_t read_echo(const muv_reply_t *reply)
{
    bson_iter_t iter;
    bson_t view;

    muv_reply_bson(reply, &view);
    return bson_iter_init_find(&iter, &view, "echo") ? bson_iter_as_int64(&iter) : -1;
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    call_t *call = data;

    assert_ptr_equal(muv_op_client(op), call->scene->client);
    note_end(call, error);
    if (reply != NULL) {
        assert_null(error);
        (void)muv_reply_data(reply, &call->reply_size);
        call->echo = read_echo(reply);
        if (call->see != NULL) {
            call->see(call, reply);
        }
    }
    if (call->then != NULL) {
        call->then(call);
    }
}

typedef struct rendering {
    const char *name;
    int64_t number;
    size_t padding_bytes;
} rendering_t;

static int render(muv_writer_t *writer, void *data)
{
    const rendering_t *rendering = data;

    muv_writer_int64(writer, rendering->name, rendering->number);
    if (rendering->padding_bytes != 0) {
        uint8_t *padding = calloc(1, rendering->padding_bytes);

        muv_writer_binary(writer, "padding", 0, padding, rendering->padding_bytes);
        free(padding);
    }
    return 0;
}

int call_start_as(scene_t *scene, call_t *call, int64_t number, const call_opts_t *opts)
{
    muv_command_t command = {
        .database = "sim",
        .kind = opts->kind,
        .unacknowledged = opts->unacknowledged,
        .retryable = opts->retryable,
        .timeout_ms = opts->timeout_ms,
        .parent = opts->parent,
        .sequence = {.id = opts->documents == NULL ? NULL : "documents",
                     .data = opts->documents,
                     .size = opts->documents_size,
                     .borrow_until_done = opts->copy ? MUV_NO : MUV_YES},
    };
    rendering_t rendering = {.name = opts->name == NULL ? "ping" : opts->name,
                             .number = number,
                             .padding_bytes = opts->padding_bytes};
    int status;

    call->scene = scene;
    call->number = number;
    INSIDE(scene, status = muv_command_start(scene->client, &command, render, &rendering, on_reply,
                                             call, &call->op));
    return status;
}

int call_start(scene_t *scene, call_t *call, int64_t number, int64_t timeout_ms)
{
    call_opts_t opts = {.timeout_ms = timeout_ms};

    return call_start_as(scene, call, number, &opts);
}

void call_cancel(call_t *call)
{
    INSIDE(call->scene, muv_op_cancel(call->op));
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    call_t *call = data;

    (void)op;
    note_end(call, error);
    if (call->then != NULL) {
        call->then(call);
    }
}

int tree_begin(scene_t *scene, call_t *tree, const muv_op_opts_t *opts)
{
    int status;

    tree->scene = scene;
    INSIDE(scene, status = muv_op_begin(scene->client, opts, on_done, tree, &tree->op));
    return status;
}

void tree_finish(call_t *tree, const muv_error_t *error)
{
    INSIDE(tree->scene, muv_op_finish(tree->op, error));
}

/* --- looking -----------------------------------------------------------------------------------*/

muv_client_stats_t scene_stats(const scene_t *scene)
{
    muv_client_stats_t stats;

    muv_client_get_stats(scene->client, &stats);
    return stats;
}

void scene_check_ended(const call_t *call, int expected, const char *file, int line)
{
    if (call->ended != 1) {
        print_error("%u callbacks instead of 1\n%s", call->ended, sim_log(call->scene->world));
        check_fail_at(file, line);
    }
    if (call->code != expected) {
        print_error("%s\n", call->code != 0 ? call->error.message : "success");
    }
    check_code(call->code, expected, file, line);
    if (expected == 0 && call->reply_size != 0 && call->echo != -1) {
        assert_int_equal(call->echo, call->number);
    }
}

void scene_check_all_ended(const call_t *calls, size_t count, int expected, const char *file,
                           int line)
{
    for (size_t i = 0; i < count; i++) {
        scene_check_ended(&calls[i], expected, file, line);
    }
}

call_t *calls_new(size_t count)
{
    call_t *calls = calloc(count, sizeof *calls);

    assert_non_null(calls);
    return calls;
}
