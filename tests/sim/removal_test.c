/* SPDX-License-Identifier: Apache-2.0 */
/* A member leaves its replica set and returns while operations wait for it, use it and are
 * cancelled: each is called back once, and nothing is left. */
#include "scene.h"

enum { ROUNDS = 12, STARTS = 10, SEEDS = 40 };

#define HELLO "{'ok': 1, 'setName': 'rs', 'maxWireVersion': 21, 'setVersion': 1, "
#define PRIMARY "'isWritablePrimary': true, "
#define BOTH "'hosts': ['10.0.0.1:27017', '10.0.0.2:27017']}"
#define ALONE "'hosts': ['10.0.0.1:27017']}"

typedef struct set {
    sim_world_t *world;
    sim_server_t *primary;
    sim_server_t *secondary;
    muv_client_t *client;
    unsigned started;
    unsigned ended;
} set_t;

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    set_t *set = data;

    (void)op;
    (void)error;
    (void)reply;
    set->ended++;
}

static int render_ping(muv_writer_t *writer, void *data)
{
    (void)data;
    muv_writer_int32(writer, "ping", 1);
    return 0;
}

static void open_set(set_t *set, uint64_t seed)
{
    muv_error_t error;

    *set = (set_t){.world = sim_new(seed)};
    set->primary = sim_server(set->world, "10.0.0.1", 27017);
    set->secondary = sim_server(set->world, "10.0.0.2", 27017);
    sim_on(set->primary, "hello", &(sim_step_t){.json = HELLO PRIMARY BOTH});
    sim_on(set->secondary, "hello", &(sim_step_t){.json = HELLO "'secondary': true, " BOTH});
    sim_on(set->secondary, "ping", &(sim_step_t){.delay_us = 300 * SIM_MS});
    CHECK_CODE(muv_client_new(sim_loop(set->world),
                              "mongodb://10.0.0.1,10.0.0.2/?replicaSet=rs&heartbeatFrequencyMS=500",
                              &(muv_client_opts_t){.max_pool_size = 2}, &error, &set->client),
               0);
}

/* One time in `n`. */
static bool perhaps(const set_t *set, uint64_t n)
{
    return sim_random(set->world, n) == 0;
}

static void start_some(set_t *set)
{
    for (int i = 0; i < STARTS; i++) {
        muv_read_preference_t preference = {.mode = MUV_READ_NEAREST};
        muv_command_t command = {
            .database = "db", .kind = MUV_COMMAND_READ, .read_preference = &preference};
        muv_op_t *op;

        preference.mode = i % 2 != 0 ? MUV_READ_SECONDARY_PREFERRED : MUV_READ_NEAREST;
        if (perhaps(set, 3)) {
            command.timeout_ms = 1 + (int64_t)sim_random(set->world, 400);
        }
        CHECK_CODE(muv_command_start(set->client, &command, render_ping, NULL, on_reply, set, &op),
                   0);
        set->started++;
        if (perhaps(set, 5)) {
            muv_op_cancel(op);
        }
    }
}

static void change(set_t *set)
{
    const char *hello = perhaps(set, 2) ? HELLO PRIMARY ALONE : HELLO PRIMARY BOTH;

    sim_forget(set->primary, "hello");
    sim_on(set->primary, "hello", &(sim_step_t){.json = hello});
    if (perhaps(set, 4)) {
        sim_reset_all(set->secondary);
    }
    if (perhaps(set, 4)) {
        sim_break_writes(set->primary, SIM_EPIPE);
    }
}

static void a_member_that_comes_and_goes_loses_no_callback(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        alloc_mark_t mark = alloc_mark();
        set_t set;

        open_set(&set, seed);
        for (int round = 0; round < ROUNDS; round++) {
            start_some(&set);
            sim_run_for(set.world, (int64_t)sim_random(set.world, 700) * SIM_MS);
            change(&set);
        }
        CHECK_CODE(muv_client_close(set.client,
                                    perhaps(&set, 2) ? MUV_CLOSE_ABORT : MUV_CLOSE_DRAIN, NULL,
                                    NULL),
                   0);
        sim_run(set.world);
        assert_int_equal(set.ended, set.started);
        sim_free(set.world);
        CHECK_NO_LEAK(mark);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_that_comes_and_goes_loses_no_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
