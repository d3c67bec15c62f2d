/* SPDX-License-Identifier: Apache-2.0 */
/* One client on the simulated replica set, one fault at a time: what must work, and how soon. */
#include "rs/model.h"

#include "muv.h"

#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

typedef struct scene {
    sim_world_t *world;
    rs_set_t *set;
    muv_client_t *client;
    muv_collection_t *things;
    unsigned ended;
    unsigned closed;
    int code;       /* Of the last operation. */
    int64_t number; /* The field n of the last document; -1: none. */
    alloc_mark_t mark;
} scene_t;

static void open_scene(scene_t *scene, uint64_t seed, const rs_opts_t *opts, const char *options)
{
    muv_error_t error;

    memset(scene, 0, sizeof *scene);
    alloc_install();
    scene->mark = alloc_mark();
    scene->world = sim_new(seed);
    scene->set = rs_new(scene->world, seed, opts);
    if (muv_client_new(sim_loop(scene->world), text_of("%s%s", rs_uri(scene->set), options), NULL,
                       &error, &scene->client) != 0) {
        fail_msg("%s", error.message);
    }
    CHECK_CODE(muv_collection_new(scene->client, "t", "things", NULL, &scene->things), 0);
}

static void on_closed(void *data)
{
    ((scene_t *)data)->closed++;
}

static void close_scene(scene_t *scene)
{
    muv_collection_free(scene->things);
    CHECK_CODE(muv_client_close(scene->client, MUV_CLOSE_DRAIN, on_closed, scene), 0);
    sim_run_until(scene->world, &scene->closed, 1, 10 * SIM_SECOND);
    if (rs_violation(scene->set) != NULL) {
        fail_msg("%s", rs_violation(scene->set));
    }
    rs_free(scene->set);
    sim_free(scene->world);
    CHECK_NO_LEAK(scene->mark);
}

static void on_written(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                       void *data)
{
    scene_t *scene = data;

    (void)op;
    (void)result;
    scene->code = error != NULL ? error->code : 0;
    scene->ended++;
}

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    scene_t *scene = data;
    bson_iter_t iter;

    (void)op;
    scene->code = error != NULL ? error->code : 0;
    scene->number = document != NULL && bson_iter_init_find(&iter, document, "n")
                        ? bson_iter_as_int64(&iter)
                        : -1;
    scene->ended++;
}

static void start_insert(scene_t *scene, int id, int number, muv_session_t *session)
{
    muv_insert_one_opts_t opts = {.session = session};
    bson_t *document = BCON_NEW("_id", BCON_INT32(id), "n", BCON_INT32(number));

    CHECK_CODE(muv_collection_insert_one(scene->things, document, &opts, on_written, scene, NULL),
               0);
    bson_destroy(document);
}

/* Run until the one operation has ended; fails the test after `limit_us`. */
static void await_end(scene_t *scene, int64_t limit_us)
{
    sim_run_until(scene->world, &scene->ended, 1, limit_us);
    scene->ended = 0;
}

static void insert(scene_t *scene, int id, muv_session_t *session)
{
    start_insert(scene, id, id, session);
    await_end(scene, 30 * SIM_SECOND);
    CHECK_CODE(scene->code, 0);
}

static int64_t read_number(scene_t *scene, int id, muv_session_t *session, int mode)
{
    muv_read_preference_t preference = {.mode = (int8_t)mode};
    muv_find_one_opts_t opts = {.session = session, .read_preference = &preference};
    bson_t *filter = BCON_NEW("_id", BCON_INT32(id));

    CHECK_CODE(muv_collection_find_one(scene->things, filter, &opts, on_document, scene, NULL), 0);
    bson_destroy(filter);
    await_end(scene, 30 * SIM_SECOND);
    CHECK_CODE(scene->code, 0);
    return scene->number;
}

/* --- cases -------------------------------------------------------------------------------------*/

static void what_is_inserted_can_be_read(void **state)
{
    scene_t scene;

    (void)state;
    open_scene(&scene, 1, NULL, "");
    insert(&scene, 5, NULL);
    assert_int_equal(read_number(&scene, 5, NULL, MUV_READ_PRIMARY), 5);
    assert_int_equal(rs_entry(scene.set, rs_entry_count(scene.set) - 1)->txn_number, 1);
    close_scene(&scene);
}

static void a_write_started_at_a_step_down_succeeds_on_the_next_primary(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        scene_t scene;

        open_scene(&scene, seed, NULL, "");
        insert(&scene, 1, NULL);
        start_insert(&scene, 2, 2, NULL);
        rs_step_down(scene.set, 0, 0);
        await_end(&scene, 10 * SIM_SECOND);
        CHECK_CODE(scene.code, 0);
        rs_settle(scene.set, 10 * SIM_SECOND);
        assert_non_null(rs_document(scene.set, "t.things", 2));
        close_scene(&scene);
    }
}

static void a_new_primary_is_used_at_once(void **state)
{
    scene_t scene;
    int64_t elected_us;

    (void)state;
    open_scene(&scene, 3, NULL, "&heartbeatFrequencyMS=60000");
    insert(&scene, 1, NULL);
    sim_run_for(scene.world, SIM_SECOND); /* The streams of all monitors are there. */
    rs_step_down(scene.set, 0, 0);
    start_insert(&scene, 2, 2, NULL);
    (void)rs_await_primary(scene.set, 10 * SIM_SECOND);
    elected_us = sim_now_us(scene.world);
    await_end(&scene, SIM_SECOND);
    CHECK_CODE(scene.code, 0);
    assert_true(sim_now_us(scene.world) - elected_us < 100 * SIM_MS);
    close_scene(&scene);
}

static void a_retried_write_whose_reply_was_lost_is_applied_once(void **state)
{
    scene_t scene;

    (void)state;
    open_scene(&scene, 4, NULL, "");
    insert(&scene, 1, NULL);
    rs_fail(scene.set, 0, &(rs_failure_t){.when = RS_CLOSE_AFTER, .name = "insert"});
    insert(&scene, 2, NULL);
    assert_int_equal(rs_counts(scene.set)->repeated, 1);
    assert_int_equal(rs_counts(scene.set)->writes, 2);
    close_scene(&scene);
}

static void a_causal_session_sees_its_write_on_a_late_secondary(void **state)
{
    rs_opts_t opts = {.node_latency_us = 300 * SIM_MS};
    muv_session_t *session;
    scene_t scene;

    (void)state;
    open_scene(&scene, 5, &opts, "&w=1");
    CHECK_CODE(muv_session_start(scene.client, NULL, &session), 0);
    insert(&scene, 7, session);
    assert_int_equal(read_number(&scene, 7, NULL, MUV_READ_SECONDARY), -1);
    assert_int_equal(read_number(&scene, 7, session, MUV_READ_SECONDARY), 7);
    assert_int_equal(rs_counts(scene.set)->causal_waits, 1);
    muv_session_end(session);
    close_scene(&scene);
}

static void sessions_are_ended_when_the_client_closes(void **state)
{
    scene_t scene;

    (void)state;
    open_scene(&scene, 6, NULL, "");
    insert(&scene, 1, NULL);
    assert_int_equal(rs_holdings(scene.set, 0).sessions, 1);
    muv_collection_free(scene.things);
    scene.things = NULL;
    CHECK_CODE(muv_client_close(scene.client, MUV_CLOSE_DRAIN, on_closed, &scene), 0);
    sim_run_until(scene.world, &scene.closed, 1, 10 * SIM_SECOND);
    for (unsigned i = 0; i < rs_node_count(scene.set); i++) {
        assert_int_equal(rs_holdings(scene.set, i).sessions, 0);
    }
    assert_int_equal(rs_counts(scene.set)->ended_sessions, 1);
    rs_free(scene.set);
    sim_free(scene.world);
    CHECK_NO_LEAK(scene.mark);
}

static void an_overloaded_primary_is_asked_again(void **state)
{
    scene_t scene;

    (void)state;
    open_scene(&scene, 7, NULL, "");
    insert(&scene, 1, NULL);
    rs_overload(scene.set, 0, 1000);
    start_insert(&scene, 2, 2, NULL);
    await_end(&scene, 5 * SIM_SECOND);
    assert_int_equal(scene.code, MUV_ESERVER);
    assert_int_equal(rs_counts(scene.set)->overloads, 3);
    rs_overload(scene.set, 0, 0);
    insert(&scene, 3, NULL);
    close_scene(&scene);
}

static void a_half_open_connection_does_not_stop_the_client(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        scene_t scene;

        open_scene(&scene, seed, NULL, "&heartbeatFrequencyMS=2000&connectTimeoutMS=2000");
        insert(&scene, 1, NULL);
        rs_crash(scene.set, 0, true);
        insert(&scene, 2, NULL);
        rs_restart(scene.set, 0);
        rs_settle(scene.set, 20 * SIM_SECOND);
        insert(&scene, 3, NULL);
        close_scene(&scene);
    }
}

static void a_hidden_node_is_no_longer_read_from(void **state)
{
    scene_t scene;

    (void)state;
    open_scene(&scene, 8, NULL, "");
    insert(&scene, 1, NULL);
    rs_hide(scene.set, 1, true);
    rs_hide(scene.set, 2, true);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    assert_int_equal(rs_holdings(scene.set, 1).connections, 0);
    assert_int_equal(read_number(&scene, 1, NULL, MUV_READ_SECONDARY_PREFERRED), 1);
    rs_heal(scene.set);
    sim_run_for(scene.world, 2 * SIM_SECOND);
    assert_int_equal(read_number(&scene, 1, NULL, MUV_READ_SECONDARY), 1);
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_inserted_can_be_read),
        cmocka_unit_test(a_write_started_at_a_step_down_succeeds_on_the_next_primary),
        cmocka_unit_test(a_new_primary_is_used_at_once),
        cmocka_unit_test(a_retried_write_whose_reply_was_lost_is_applied_once),
        cmocka_unit_test(a_causal_session_sees_its_write_on_a_late_secondary),
        cmocka_unit_test(sessions_are_ended_when_the_client_closes),
        cmocka_unit_test(an_overloaded_primary_is_asked_again),
        cmocka_unit_test(a_half_open_connection_does_not_stop_the_client),
        cmocka_unit_test(a_hidden_node_is_no_longer_read_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
