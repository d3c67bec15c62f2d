/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level door: how long what it is given must live, what it refuses, and what user code may
 * do inside render. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

typedef struct trial {
    scene_t scene;
    call_t tree;
    int render_code; /* What render returns. */
    unsigned ended;
    int code;
} trial_t;

static void on_end(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    trial_t *trial = data;

    (void)op;
    (void)reply;
    trial->ended++;
    trial->code = error == NULL ? 0 : error->code;
}

static int render_insert(muv_writer_t *writer, void *data)
{
    trial_t *trial = data;

    muv_writer_utf8(writer, "insert", "things", 6);
    return trial->render_code;
}

static int start(trial_t *trial, const muv_command_t *command, muv_render_cb render)
{
    return muv_command_start(trial->scene.client, command, render, trial, on_end, trial, NULL);
}

static void run(trial_t *trial, int expected)
{
    sim_run_for(trial->scene.world, SIM_SECOND);
    assert_int_equal(trial->ended, 1);
    CHECK_CODE(trial->code, expected);
}

/* --- document sequences ------------------------------------------------------------------------*/

static void a_copied_sequence_may_be_freed_after_the_call(void **state)
{
    trial_t trial = {.ended = 0};
    char *id = strdup("documents");
    uint8_t *document = calloc(1, 5);

    (void)state;
    document[0] = 5;
    scene_open(&trial.scene, NULL);
    CHECK_CODE(start(&trial,
                     &(muv_command_t){.database = "db",
                                      .kind = MUV_COMMAND_WRITE,
                                      .sequence = {.id = id, .data = document, .size = 5}},
                     render_insert),
               0);
    memset(id, 'x', strlen(id));
    free(id);
    free(document);
    run(&trial, 0);
    scene_end(&trial.scene);
}

static void a_sequence_without_data_is_refused(void **state)
{
    trial_t trial = {.ended = 0};

    (void)state;
    scene_open(&trial.scene, NULL);
    CHECK_CODE(start(&trial,
                     &(muv_command_t){.database = "db", .sequence = {.id = "documents", .size = 5}},
                     render_insert),
               MUV_EINVAL);
    sim_run_for(trial.scene.world, SIM_SECOND);
    assert_int_equal(trial.ended, 0);
    scene_end(&trial.scene);
}

/* The server would close the connection on it, and all who wait would suffer. */
static void a_message_beyond_the_servers_limit_is_not_sent(void **state)
{
    enum { SIZE = 100000 };
    static uint8_t documents[SIZE];
    trial_t trial = {.ended = 0};

    (void)state;
    for (size_t i = 0; i < SIZE; i += 5) {
        documents[i] = 5;
    }
    scene_open(&trial.scene, NULL);
    sim_on(trial.scene.server, "hello",
           &(sim_step_t){.json = "{'ok': 1, 'isWritablePrimary': true, 'maxWireVersion': 21, "
                                 "'maxMessageSizeBytes': 50000}"});
    CHECK_CODE(start(&trial,
                     &(muv_command_t){.database = "db",
                                      .kind = MUV_COMMAND_WRITE,
                                      .sequence = {.id = "documents",
                                                   .data = documents,
                                                   .size = SIZE,
                                                   .borrow_until_done = MUV_YES}},
                     render_insert),
               0);
    run(&trial, MUV_ETOOLARGE);
    assert_int_equal(sim_counts(trial.scene.server).requests, 0);
    assert_int_equal(scene_stats(&trial.scene).connections_idle, 1);
    scene_end(&trial.scene);
}

/* --- staying with a server ---------------------------------------------------------------------*/

/* Whether it is still there is state, not misuse: it comes by callback. */
static void a_server_that_has_left_is_told_by_callback(void **state)
{
    trial_t trial = {.ended = 0};

    (void)state;
    scene_open(&trial.scene, NULL);
    CHECK_CODE(start(&trial, &(muv_command_t){.database = "db", .server_id = 12345}, render_insert),
               0);
    assert_int_equal(trial.ended, 0);
    run(&trial, MUV_ESELECTION);
    scene_end(&trial.scene);
}

/* --- user code inside render -------------------------------------------------------------------*/

static int render_and_abort(muv_writer_t *writer, void *data)
{
    trial_t *trial = data;

    CHECK_CODE(scene_close(&trial->scene, MUV_CLOSE_ABORT), 0);
    return render_insert(writer, data);
}

static void closing_inside_render_calls_back_once(void **state)
{
    (void)state;
    for (int failing = 0; failing <= 1; failing++) {
        trial_t trial = {.render_code = failing ? MUV_EINVAL : 0};

        scene_open(&trial.scene, NULL);
        CHECK_CODE(start(&trial, &(muv_command_t){.database = "db"}, render_and_abort), 0);
        assert_int_equal(trial.ended, 0);
        run(&trial, MUV_ECLOSED);
        assert_int_equal(trial.scene.closed, 1);
        scene_end(&trial.scene);
    }
}

static int render_and_cancel_parent(muv_writer_t *writer, void *data)
{
    trial_t *trial = data;

    muv_op_cancel(trial->tree.op);
    return render_insert(writer, data);
}

static void cancelling_the_parent_inside_render_calls_back_once(void **state)
{
    trial_t trial = {.ended = 0};

    (void)state;
    scene_open(&trial.scene, NULL);
    CHECK_CODE(tree_begin(&trial.scene, &trial.tree, NULL), 0);
    CHECK_CODE(start(&trial, &(muv_command_t){.database = "db", .parent = trial.tree.op},
                     render_and_cancel_parent),
               0);
    run(&trial, MUV_ECANCELED);
    tree_finish(&trial.tree, NULL);
    sim_run_for(trial.scene.world, SIM_SECOND);
    CHECK_ENDED(&trial.tree, MUV_ECANCELED);
    scene_end(&trial.scene);
}

static int render_and_finish_parent(muv_writer_t *writer, void *data)
{
    trial_t *trial = data;

    muv_op_finish(trial->tree.op, NULL);
    return render_insert(writer, data);
}

static void a_parent_finished_inside_a_failing_render_still_ends(void **state)
{
    trial_t trial = {.render_code = MUV_EINVAL};

    (void)state;
    scene_open(&trial.scene, NULL);
    CHECK_CODE(tree_begin(&trial.scene, &trial.tree, NULL), 0);
    CHECK_CODE(start(&trial, &(muv_command_t){.database = "db", .parent = trial.tree.op},
                     render_and_finish_parent),
               MUV_EINVAL);
    sim_run_for(trial.scene.world, SIM_SECOND);
    assert_int_equal(trial.ended, 0);
    CHECK_ENDED(&trial.tree, 0);
    scene_end(&trial.scene);
}

/* --- NULL --------------------------------------------------------------------------------------*/

static void a_missing_reply_reads_as_an_empty_document(void **state)
{
    bson_t view;
    size_t size = 1;

    (void)state;
    assert_null(muv_reply_data(NULL, &size));
    assert_int_equal(size, 0);
    muv_reply_bson(NULL, &view);
    assert_int_equal(view.len, 5);
    assert_int_equal(muv_reply_pinned_size(NULL), 0);
    assert_null(muv_reply_copy(NULL));
}

static void a_null_client_is_refused(void **state)
{
    muv_client_stats_t stats;

    (void)state;
    CHECK_CODE(muv_client_connect(NULL, NULL, NULL, NULL, NULL), MUV_EINVAL);
    CHECK_CODE(muv_client_refusal(NULL)->code, MUV_EINVAL);
    CHECK_CODE(muv_client_close(NULL, MUV_CLOSE_ABORT, NULL, NULL), MUV_EINVAL);
    memset(&stats, 1, sizeof stats);
    muv_client_get_stats(NULL, &stats);
    assert_int_equal(stats.operations_live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copied_sequence_may_be_freed_after_the_call),
        cmocka_unit_test(a_sequence_without_data_is_refused),
        cmocka_unit_test(a_message_beyond_the_servers_limit_is_not_sent),
        cmocka_unit_test(a_server_that_has_left_is_told_by_callback),
        cmocka_unit_test(closing_inside_render_calls_back_once),
        cmocka_unit_test(cancelling_the_parent_inside_render_calls_back_once),
        cmocka_unit_test(a_parent_finished_inside_a_failing_render_still_ends),
        cmocka_unit_test(a_missing_reply_reads_as_an_empty_document),
        cmocka_unit_test(a_null_client_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
