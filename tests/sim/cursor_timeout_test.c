/* SPDX-License-Identifier: Apache-2.0 */
/* When exactly the timeouts of cursors end them (CSOT: cursors; the folder
 * client-side-operations-timeout of the specifications). What is sent for them is
 * integration/csot_test.c. */
#include "scene.h"

#include <string.h>

/* A cursor on a collection of the scene's client, and what its consumers said. */
typedef struct reader {
    scene_t *scene;
    muv_collection_t *collection;
    muv_cursor_t *cursor;
    unsigned ended; /* Callbacks. */
    unsigned documents;
    int code;           /* Of the last callback. */
    int64_t started_us; /* The call before that. */
    int64_t ended_us;
    unsigned wanted; /* Further documents to ask for, each in the callback before. */
    const muv_cursor_next_opts_t *opts; /* Of the last of them. */
    int answer;                         /* What on_document says. */
} reader_t;

static void ask(reader_t *r);

/* Between two turns the virtual loop sleeps, so calls that follow each other are made in callbacks.
 */
static void note(reader_t *r, const muv_error_t *error)
{
    assert_int_equal(r->scene->inside, 0);
    r->ended++;
    r->code = error == NULL ? 0 : error->code;
    r->ended_us = sim_now_us(r->scene->world);
    if (r->code == 0 && r->wanted != 0) {
        ask(r);
    }
}

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    reader_t *r = data;

    (void)op;
    r->cursor = cursor;
    note(r, error);
}

static void on_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    reader_t *r = data;

    (void)op;
    r->documents += document != NULL;
    note(r, error);
}

static void ask(reader_t *r)
{
    r->wanted--;
    r->started_us = sim_now_us(r->scene->world);
    INSIDE(r->scene,
           CHECK_CODE(muv_cursor_next(r->cursor, r->wanted == 0 ? r->opts : NULL, on_next, r, NULL),
                      0));
}

static int on_document(muv_op_t *op, const bson_t *document, void *data)
{
    reader_t *r = data;

    (void)op;
    (void)document;
    r->documents++;
    return r->answer;
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    note(data, error);
}

/* A client, and `connections` that are established. */
static void open_reader_with(reader_t *r, scene_t *scene, const muv_client_opts_t *opts,
                             unsigned connections)
{
    memset(r, 0, sizeof *r);
    r->scene = scene;
    scene_open(scene, opts);
    scene_warm(scene, connections);
    CHECK_CODE(muv_collection_new(scene->client, "d", "c", NULL, &r->collection), 0);
}

static void open_reader(reader_t *r, scene_t *scene)
{
    open_reader_with(r, scene, NULL, 1);
}

static void close_reader(reader_t *r)
{
    if (r->cursor != NULL) {
        INSIDE(r->scene, muv_cursor_close(r->cursor));
    }
    muv_collection_free(r->collection);
    scene_end(r->scene);
}

#define FIRST "{'cursor': {'firstBatch': [{'_id': 1}], 'id': 7, 'ns': 'd.c'}, 'ok': 1}"
#define FIRST_OF_THREE                                                                             \
    "{'cursor': {'firstBatch': [{'_id': 1}, {'_id': 2}, {'_id': 3}], 'id': 7, 'ns': 'd.c'},"       \
    " 'ok': 1}"
#define MORE "{'cursor': {'nextBatch': [{'_id': 2}], 'id': 7, 'ns': 'd.c'}, 'ok': 1}"
#define NOTHING_MORE "{'cursor': {'nextBatch': [], 'id': 7, 'ns': 'd.c'}, 'ok': 1}"

static void answer(reader_t *r, const char *command, const char *json, int64_t delay_ms)
{
    sim_on(r->scene->server, command, &(sim_step_t){.json = json, .delay_us = delay_ms * SIM_MS});
}

static void begin_find(reader_t *r, const muv_find_opts_t *opts)
{
    INSIDE(r->scene,
           CHECK_CODE(muv_collection_find(r->collection, NULL, opts, on_cursor, r, NULL), 0));
}

/* A find, and then `wanted` documents; the last one ends with `code`. */
static void find(reader_t *r, const muv_find_opts_t *opts, unsigned wanted, int code)
{
    r->wanted = wanted;
    begin_find(r, opts);
    sim_run_until(r->scene->world, &r->ended, wanted + 1, 100 * SIM_SECOND);
    assert_int_equal(r->code, code);
    assert_non_null(r->cursor);
}

/* So many documents more, after some time. */
static void take(reader_t *r, unsigned wanted, int code)
{
    unsigned ended = r->ended;

    r->wanted = wanted;
    ask(r);
    sim_run_until(r->scene->world, &r->ended, ended + wanted, 100 * SIM_SECOND);
    assert_int_equal(r->code, code);
}

/* --- lifetime ----------------------------------------------------------------------------------*/

/* "Non-tailable cursor lifetime remaining timeoutMS applied to getMore if timeoutMode is unset"
 * (runCursorCommand.json, for find). */
static void one_lifetime_covers_the_find_and_all_get_mores(void **state)
{
    scene_t scene;
    reader_t r;
    int64_t start_us;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 79);
    answer(&r, "getMore", MORE, 79);
    start_us = sim_now_us(scene.world);
    find(&r, &(muv_find_opts_t){.timeout_ms = 200}, 3, MUV_ETIMEOUT);
    assert_int_equal(r.documents, 2);
    assert_int_equal(r.started_us - start_us, 160 * SIM_MS);
    assert_int_equal(r.ended_us - start_us, 200 * SIM_MS);
    take(&r, 1, MUV_ETIMEOUT);
    assert_int_equal(r.ended_us, r.started_us);
    close_reader(&r);
}

/* (CSOT, non-tailable cursors: what is here is given out, and only a getMore is a timeout.) */
static void documents_are_given_out_after_the_lifetime(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST_OF_THREE, 0);
    find(&r, &(muv_find_opts_t){.timeout_ms = 200}, 0, 0);
    sim_run_for(scene.world, 300 * SIM_MS);
    sim_log_clear(scene.world);
    take(&r, 4, MUV_ETIMEOUT);
    assert_int_equal(r.documents, 3);
    assert_int_equal(r.ended_us, r.started_us);
    CHECK_LOG(scene.world, "");
    assert_int_equal(muv_cursor_id(r.cursor), 7);
    close_reader(&r);
}

/* The same pushed: the lifetime ends while the user pauses. */
static void each_ends_behind_the_last_document_that_is_here(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST_OF_THREE, 0);
    sim_on(scene.server, "getMore", &(sim_step_t){.act = SIM_SILENCE});
    find(&r, &(muv_find_opts_t){.timeout_ms = 200}, 0, 0);
    r.answer = MUV_PAUSE;
    INSIDE(&scene, CHECK_CODE(muv_cursor_each(
                                  r.cursor, &(muv_cursor_each_opts_t){.low_water_bytes = MUV_ZERO},
                                  on_document, on_end, &r, NULL),
                              0));
    sim_run_for(scene.world, 300 * SIM_MS);
    assert_int_equal(r.documents, 1);
    assert_int_equal(r.ended, 1);
    r.answer = MUV_CONTINUE;
    INSIDE(&scene, muv_cursor_resume(r.cursor));
    sim_run_until(scene.world, &r.ended, 2, SIM_SECOND);
    assert_int_equal(r.documents, 3);
    assert_int_equal(r.code, MUV_ETIMEOUT);
    assert_int_equal(muv_cursor_id(r.cursor), 7); /* No getMore was sent. */
    close_reader(&r);
}

static void a_consumers_own_timeout_counts_besides(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    sim_on(scene.server, "getMore", &(sim_step_t){.act = SIM_SILENCE});
    r.opts = &(muv_cursor_next_opts_t){.timeout_ms = 50};
    find(&r, &(muv_find_opts_t){.timeout_ms = 900}, 2, MUV_ETIMEOUT);
    assert_int_equal(r.ended_us - r.started_us, 50 * SIM_MS);
    close_reader(&r);
}

/* override-collection-timeoutMS.json, override-database-timeoutMS.json, global-timeoutMS.json. */
static void the_timeout_comes_from_the_nearest_that_has_one(void **state)
{
    static const int64_t of_database[] = {0, 300, 300, MUV_INFINITE, 300};
    static const int64_t of_collection[] = {0, 0, 200, 0, MUV_INFINITE};
    static const int64_t expected_ms[] = {400, 300, 200, 0, 0};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(expected_ms); i++) {
        muv_database_t *database;
        muv_collection_t *collection;
        scene_t scene;
        reader_t r;
        int64_t start_us;

        open_reader_with(&r, &scene, &(muv_client_opts_t){.timeout_ms = 400}, 0);
        sim_on(scene.server, "find", &(sim_step_t){.act = SIM_SILENCE});
        CHECK_CODE(muv_database_new(scene.client, "d",
                                    &(muv_database_opts_t){.timeout_ms = of_database[i]},
                                    &database),
                   0);
        CHECK_CODE(muv_database_collection(database, "c",
                                           &(muv_collection_opts_t){.timeout_ms = of_collection[i]},
                                           &collection),
                   0);
        muv_database_free(database);
        muv_collection_free(r.collection);
        r.collection = collection;
        start_us = sim_now_us(scene.world);
        begin_find(&r, NULL);
        sim_run_for(scene.world, SIM_SECOND);
        assert_int_equal(r.ended, expected_ms[i] != 0);
        if (expected_ms[i] != 0) {
            assert_int_equal(r.ended_us - start_us, expected_ms[i] * SIM_MS);
        }
        close_reader(&r);
    }
}

/* "timeoutMS is refreshed for close" (close-cursors.json). */
static void killing_a_cursor_has_its_timeout_anew(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    sim_on(scene.server, "killCursors", &(sim_step_t){.act = SIM_SILENCE});
    find(&r, &(muv_find_opts_t){.timeout_ms = 200}, 0, 0);
    sim_run_for(scene.world, 300 * SIM_MS);
    INSIDE(&scene, muv_cursor_close(r.cursor));
    r.cursor = NULL;
    sim_run_for(scene.world, 199 * SIM_MS);
    assert_int_equal(scene_stats(&scene).operations_live, 1);
    sim_run_for(scene.world, 2 * SIM_MS);
    assert_int_equal(scene_stats(&scene).operations_live, 0);
    close_reader(&r);
}

/* "timeoutMS can be overridden for close" (close-cursors.json). */
static void killing_a_cursor_may_have_a_timeout_of_its_own(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    sim_on(scene.server, "killCursors", &(sim_step_t){.act = SIM_SILENCE});
    find(&r, &(muv_find_opts_t){.timeout_ms = 200}, 0, 0);
    INSIDE(&scene, muv_cursor_close_within(r.cursor, 400));
    r.cursor = NULL;
    sim_run_for(scene.world, 399 * SIM_MS);
    assert_int_equal(scene_stats(&scene).operations_live, 1);
    sim_run_for(scene.world, 2 * SIM_MS);
    assert_int_equal(scene_stats(&scene).operations_live, 0);
    close_reader(&r);
}

/* --- iteration ---------------------------------------------------------------------------------*/

/* "timeoutMS is refreshed for getMore if timeoutMode is iteration" (runCursorCommand.json). */
static void in_iteration_mode_each_wait_has_the_timeout(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 79);
    sim_on(scene.server, "getMore",
           &(sim_step_t){.json = MORE, .delay_us = 79 * SIM_MS, .times = 3});
    sim_on(scene.server, "getMore", &(sim_step_t){.act = SIM_SILENCE});
    find(&r, &(muv_find_opts_t){.timeout_ms = 100, .timeout_mode = MUV_TIMEOUT_ITERATION}, 3, 0);
    sim_run_for(scene.world, SIM_SECOND); /* Between two calls no time passes for it. */
    take(&r, 2, MUV_ETIMEOUT);
    assert_int_equal(r.documents, 4);
    assert_int_equal(r.ended_us - r.started_us, 100 * SIM_MS);
    close_reader(&r);
}

/* (CSOT, cursors: the totality of all getMores of one call; tailable-awaitData.json.) */
static void all_get_mores_of_one_wait_share_it(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    answer(&r, "getMore", NOTHING_MORE, 39);
    find(&r, &(muv_find_opts_t){.timeout_ms = 100, .tailable = MUV_YES, .await_data = MUV_YES}, 2,
         MUV_ETIMEOUT);
    assert_int_equal(r.ended_us - r.started_us, 100 * SIM_MS);
    CHECK_LOG(scene.world, "[   0.500] c1 > find\n"
                           "[   1.500] c1 > getMore\n"
                           "[  41.500] c1 > getMore\n"
                           "[  81.500] c1 > getMore\n");
    close_reader(&r);
}

static void pauses_are_no_waits(void **state)
{
    scene_t scene;
    reader_t r;
    int64_t start_us;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST_OF_THREE, 0);
    sim_on(scene.server, "getMore", &(sim_step_t){.act = SIM_SILENCE});
    find(&r, &(muv_find_opts_t){.timeout_ms = 100, .timeout_mode = MUV_TIMEOUT_ITERATION}, 0, 0);
    r.answer = MUV_PAUSE;
    INSIDE(&scene, CHECK_CODE(muv_cursor_each(r.cursor, NULL, on_document, on_end, &r, NULL), 0));
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(r.documents, 1);
    assert_int_equal(r.ended, 1);
    r.answer = MUV_CONTINUE;
    start_us = sim_now_us(scene.world);
    INSIDE(&scene, muv_cursor_resume(r.cursor));
    sim_run_until(scene.world, &r.ended, 2, SIM_SECOND);
    assert_int_equal(r.documents, 3);
    assert_int_equal(r.code, MUV_ETIMEOUT);
    assert_int_equal(r.ended_us - start_us, 100 * SIM_MS);
    close_reader(&r);
}

static void a_consumers_own_timeout_replaces_that_of_its_waits(void **state)
{
    scene_t scene;
    reader_t r;

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    sim_on(scene.server, "getMore", &(sim_step_t){.act = SIM_SILENCE});
    r.opts = &(muv_cursor_next_opts_t){.timeout_ms = 250};
    find(&r, &(muv_find_opts_t){.timeout_ms = 100, .timeout_mode = MUV_TIMEOUT_ITERATION}, 2,
         MUV_ETIMEOUT);
    assert_int_equal(r.ended_us - r.started_us, 250 * SIM_MS);
    close_reader(&r);
}

/* A parent's deadline is in force whatever the cursor says. */
static void a_parents_deadline_ends_its_consumers(void **state)
{
    scene_t scene;
    reader_t r;
    call_t tree = {0};

    (void)state;
    open_reader(&r, &scene);
    answer(&r, "find", FIRST, 0);
    answer(&r, "getMore", NOTHING_MORE, 39);
    find(&r, &(muv_find_opts_t){.tailable = MUV_YES, .await_data = MUV_YES}, 1, 0);
    CHECK_CODE(tree_begin(&scene, &tree,
                          &(muv_op_opts_t){.timeout_ms = 70, .finish_when_stopped = MUV_YES}),
               0);
    r.opts = &(muv_cursor_next_opts_t){.parent = tree.op};
    take(&r, 1, MUV_ETIMEOUT);
    assert_int_equal(r.ended_us - r.started_us, 70 * SIM_MS);
    sim_run_for(scene.world, SIM_MS);
    CHECK_ENDED(&tree, MUV_ETIMEOUT);
    close_reader(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lifetime_covers_the_find_and_all_get_mores),
        cmocka_unit_test(documents_are_given_out_after_the_lifetime),
        cmocka_unit_test(each_ends_behind_the_last_document_that_is_here),
        cmocka_unit_test(a_consumers_own_timeout_counts_besides),
        cmocka_unit_test(the_timeout_comes_from_the_nearest_that_has_one),
        cmocka_unit_test(killing_a_cursor_has_its_timeout_anew),
        cmocka_unit_test(killing_a_cursor_may_have_a_timeout_of_its_own),
        cmocka_unit_test(in_iteration_mode_each_wait_has_the_timeout),
        cmocka_unit_test(all_get_mores_of_one_wait_share_it),
        cmocka_unit_test(pauses_are_no_waits),
        cmocka_unit_test(a_consumers_own_timeout_replaces_that_of_its_waits),
        cmocka_unit_test(a_parents_deadline_ends_its_consumers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
