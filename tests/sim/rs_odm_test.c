/* SPDX-License-Identifier: Apache-2.0 */
/* The mapper on the simulated replica set, under faults: each actor keeps a diary, one document,
 * and adds steps to it by saving. A step that was saved is there once; one that failed is not; of
 * one in doubt either. */
#include "rs/model.h"

#include "muv.h"
#include "muv/odm.h"

#include "support/alloc.h"
#include "support/check.h"

#include <inttypes.h>
#include <string.h>

enum { ACTORS = 4, MAX_STEPS = 1500, SEEDS = 15 };

#define DIARY_FIELDS(F, M)                                                                         \
    F(M, int32, id, "_id")                                                                         \
    F(M, int64, last, "l")                                                                         \
    F(M, list(int32), steps, "s", .flags = MUV_OPTIONAL)
MUV_DECLARE_DOCUMENT(diary, DIARY_FIELDS);
MUV_DEFINE_DOCUMENT(diary, DIARY_FIELDS, "Diary", .collection = "diaries");

typedef enum outcome { NOT_TRIED, SAVED, FAILED, DOUBTFUL } outcome_t;

typedef struct world world_t;

typedef struct actor {
    world_t *world;
    diary_t *diary;
    bool stored;  /* It was inserted. */
    bool reload;  /* The last save failed: nobody knows what is stored. */
    bool waiting; /* For a callback. */
    int32_t step;
    uint8_t outcomes[MAX_STEPS];
} actor_t;

struct world {
    sim_world_t *net;
    rs_set_t *set;
    muv_client_t *client;
    muv_registry_t *registry;
    muv_mapper_t *mapper;
    bool ending;
    unsigned waiting;
    unsigned saved;
    unsigned closed;
    actor_t actors[ACTORS];
};

static world_t world;

static void act(void *data);

static void act_later(actor_t *actor)
{
    actor->waiting = false;
    actor->world->waiting--;
    if (!actor->world->ending) {
        sim_after(actor->world->net, (int64_t)rs_random(actor->world->set, 300) * SIM_MS, act,
                  actor);
    }
}

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    actor_t *actor = data;

    (void)op;
    assert_ptr_equal(document, actor->diary);
    if (error != NULL) {
        assert_int_not_equal(error->code, MUV_ESTALE);
        actor->outcomes[actor->step] = error->in_doubt ? DOUBTFUL : FAILED;
        actor->reload = true;
    } else {
        actor->outcomes[actor->step] = SAVED;
        actor->stored = true;
        actor->world->saved++;
    }
    act_later(actor);
}

static void on_reloaded(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    actor_t *actor = data;

    (void)op;
    (void)document;
    if (error == NULL) {
        actor->reload = false;
        actor->stored = true;
    } else if (error->code == MUV_ENOTFOUND && !actor->stored) {
        actor->reload = false; /* The insert was not applied. */
    }
    act_later(actor);
}

/* A new diary has no steps yet: which of several inserts in doubt was applied does not matter. */
static diary_t *new_diary(const actor_t *actor)
{
    diary_t *diary = muv_doc_new(actor->world->registry, &diary_model);

    assert_non_null(diary);
    diary->id = 1 + (int32_t)(actor - actor->world->actors);
    return diary;
}

static void save_step(actor_t *actor)
{
    muv_save_opts_t opts = {.timeout_ms = rs_random(actor->world->set, 3) == 0
                                              ? 1 + (int64_t)rs_random(actor->world->set, 3000)
                                              : 0};

    actor->step++;
    assert_true(actor->step < MAX_STEPS);
    if (actor->stored) {
        actor->diary->last = actor->step;
        CHECK_CODE(muv_list_push(actor->diary, &actor->diary->steps, actor->step), 0);
    }
    CHECK_CODE(muv_save(actor->world->mapper, actor->diary, &opts, on_saved, actor, NULL), 0);
}

static void act(void *data)
{
    actor_t *actor = data;

    if (actor->world->ending) {
        return;
    }
    actor->waiting = true;
    actor->world->waiting++;
    if (!actor->reload) {
        save_step(actor);
        return;
    }
    CHECK_CODE(muv_reload(actor->world->mapper, actor->diary, NULL, on_reloaded, actor, NULL), 0);
}

/* --- looking -----------------------------------------------------------------------------------*/

/* How often each step is in the diary. */
static void count_steps(const rs_version_t *version, unsigned counts[MAX_STEPS])
{
    bson_iter_t iter;
    bson_iter_t item;
    bson_t view;

    memset(counts, 0, MAX_STEPS * sizeof *counts);
    if (version == NULL) {
        return;
    }
    assert_true(bson_init_static(&view, version->bytes, version->size));
    if (bson_iter_init_find(&iter, &view, "s") && bson_iter_recurse(&iter, &item)) {
        while (bson_iter_next(&item)) {
            assert_in_range(bson_iter_as_int64(&item), 1, MAX_STEPS - 1);
            counts[bson_iter_as_int64(&item)]++;
        }
    }
}

/* The first steps of an actor inserted the diary, without writing anything into it. */
static void check_actor(const actor_t *actor, uint64_t seed)
{
    unsigned counts[MAX_STEPS];
    bool stored = false;

    count_steps(rs_document(world.set, "t.diaries", actor - world.actors + 1), counts);
    for (int32_t step = 1; step <= actor->step; step++) {
        outcome_t outcome = (outcome_t)actor->outcomes[step];

        if (counts[step] > 1 || (outcome == FAILED && counts[step] != 0) ||
            (outcome == SAVED && stored && counts[step] != 1)) {
            rs_dump(world.set, stderr);
            fail_msg("seed %" PRIu64 ": step %d of actor %d is there %u times, outcome %d", seed,
                     step, (int)(actor - world.actors), counts[step], (int)outcome);
        }
        stored = stored || counts[step] != 0 || outcome == SAVED;
    }
}

/* --- one seed ----------------------------------------------------------------------------------*/

static void on_closed(void *data)
{
    ((world_t *)data)->closed++;
}

static void open_world(uint64_t seed)
{
    static const muv_model_t *const models[] = {&diary_model};
    rs_opts_t opts = {.nodes = 3 + (unsigned)(seed % 3) * 2};
    muv_error_t error;

    memset(&world, 0, sizeof world);
    world.net = sim_new(seed);
    world.set = rs_new(world.net, seed, &opts);
    if (muv_models(models, 1, NULL, &error, &world.registry) != 0 ||
        muv_client_new(sim_loop(world.net),
                       text_of("%s&connectTimeoutMS=3000&heartbeatFrequencyMS=3000"
                               "&serverSelectionTimeoutMS=8000",
                               rs_uri(world.set)),
                       NULL, &error, &world.client) != 0 ||
        muv_mapper_new(world.client, world.registry, "t", &error, &world.mapper) != 0) {
        fail_msg("%s", error.message);
    }
    for (int i = 0; i < ACTORS; i++) {
        world.actors[i].world = &world;
        world.actors[i].diary = new_diary(&world.actors[i]);
        act(&world.actors[i]);
    }
}

static void close_world(void)
{
    for (int i = 0; i < ACTORS; i++) {
        muv_doc_release(world.actors[i].diary);
    }
    muv_mapper_free(world.mapper);
    CHECK_CODE(muv_client_close(world.client, MUV_CLOSE_ABORT, on_closed, &world), 0);
    sim_run_until(world.net, &world.closed, 1, 10 * SIM_SECOND);
    muv_registry_free(world.registry);
    if (rs_violation(world.set) != NULL) {
        fail_msg("%s", rs_violation(world.set));
    }
    rs_free(world.set);
    sim_free(world.net);
}

static void run_seed(uint64_t seed)
{
    alloc_mark_t mark = alloc_mark();
    int64_t heal_at_us;

    open_world(seed);
    heal_at_us = sim_now_us(world.net) + 90 * SIM_SECOND;
    rs_chaos(world.set, NULL, heal_at_us);
    sim_run_for(world.net, 100 * SIM_SECOND);
    world.ending = true;
    sim_run_for(world.net, 60 * SIM_SECOND);
    assert_int_equal(world.waiting, 0);
    rs_settle(world.set, 30 * SIM_SECOND);
    assert_true(world.saved > 20);
    for (int i = 0; i < ACTORS; i++) {
        check_actor(&world.actors[i], seed);
    }
    close_world();
    CHECK_NO_LEAK(mark);
}

static void saved_steps_are_there_once_whatever_happens(void **state)
{
    (void)state;
    alloc_install();
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_steps_are_there_once_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
