/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors behind a load balancer whose services fail at random, in virtual time: every callback
 * comes once, no connection stays checked out when the cursors are closed, nothing leaks, and the
 * client works again. A failure prints its seed; MUV_TEST_SEED=N runs that one. */
#include "balancer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 6, STEPS = 120, SEEDS = 150 };

typedef enum activity { NOTHING, FINDING, IDLE, TAKING } activity_t;

typedef struct slot {
    muv_cursor_t *cursor;
    muv_op_t *op;
    activity_t activity;
} slot_t;

static balancer_t b;
static slot_t slots[SLOTS];
static bool calling; /* No callback may come inside a call. */

static uint64_t random_state;
static uint64_t running_seed; /* 0: none. */

static unsigned below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % bound);
}

static void end_of_op(slot_t *slot, activity_t expected)
{
    assert_false(calling);
    assert_int_equal(slot->activity, expected);
    slot->op = NULL;
    slot->activity = slot->cursor == NULL ? NOTHING : IDLE;
}

static void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    slot_t *slot = data;

    (void)op;
    assert_true((error == NULL) == (cursor != NULL));
    slot->cursor = cursor;
    end_of_op(slot, FINDING);
}

static void on_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    assert_true(error == NULL || document == NULL);
    end_of_op(data, TAKING);
}

static void move_on(slot_t *slot)
{
    calling = true;
    if (slot->activity == NOTHING) {
        slot->activity = FINDING;
        CHECK_CODE(muv_collection_find(b.docs, NULL,
                                       &(muv_find_opts_t){.timeout_ms = below(3) == 0 ? 100 : 0},
                                       on_cursor, slot, &slot->op),
                   0);
    } else if (slot->activity == IDLE) {
        slot->activity = TAKING;
        CHECK_CODE(muv_cursor_next(slot->cursor, NULL, on_next, slot, &slot->op), 0);
    } else if (below(3) == 0) {
        muv_op_cancel(slot->op);
    }
    calling = false;
}

/* A consumer in progress is called back in the next turn. */
static void close_slot(slot_t *slot)
{
    muv_cursor_t *cursor = slot->cursor;

    if (cursor != NULL) {
        slot->cursor = NULL;
        calling = true;
        muv_cursor_close(cursor);
        calling = false;
        if (slot->activity == IDLE) {
            slot->activity = NOTHING;
        }
    }
}

/* --- what servers do ---------------------------------------------------------------------------*/

static sim_step_t some_answer(const char *good)
{
    switch (below(8)) {
    case 0: return (sim_step_t){.act = SIM_RESET, .times = 1 + below(2)};
    case 1: return (sim_step_t){.act = SIM_SILENCE, .times = 1};
    case 2: return (sim_step_t){.json = "{'ok': 0, 'code': 7, 'errmsg': 'no'}", .times = 1};
    case 3: return (sim_step_t){.json = "{'ok': 0, 'code': 91, 'errmsg': 'bye'}", .times = 1};
    case 4: return (sim_step_t){.json = good, .delay_us = below(400) * SIM_MS};
    default: return (sim_step_t){.json = good};
    }
}

static void change_a_script(void)
{
    static const char *const names[] = {"find", "getMore", "killCursors"};
    static const char *const good[] = {BATCH("7", "firstBatch"), BATCH("7", "nextBatch"),
                                       "{'ok': 1}"};
    unsigned which = below(3);

    balancer_script_step(&b, names[which], some_answer(good[which]));
    sim_on(
        b.scene.server, names[which],
        &(sim_step_t){.json = which == 1 && below(2) == 0 ? BATCH("0", "nextBatch") : good[which]});
}

static void fail_a_handshake(void)
{
    sim_forget(b.scene.server, "hello");
    sim_on(b.scene.server, "hello",
           &(sim_step_t){.act = below(2) == 0 ? SIM_RESET : SIM_SILENCE, .times = 1});
    sim_on(b.scene.server, "hello", &(sim_step_t){.json = HELLO(SERVICE_A), .times = 2});
    sim_on(b.scene.server, "hello", &(sim_step_t){.json = HELLO(SERVICE_B)});
}

static void one_step(void)
{
    unsigned dice = below(100);

    if (dice < 60) {
        move_on(&slots[below(SLOTS)]);
    } else if (dice < 72) {
        close_slot(&slots[below(SLOTS)]);
    } else if (dice < 84) {
        change_a_script();
    } else if (dice < 87) {
        sim_reset_all(b.scene.server);
    } else if (dice < 89) {
        fail_a_handshake();
    } else {
        balancer_run(&b, below(4) == 0 ? below(2000) * SIM_MS : below(3000));
    }
}

/* --- a run -------------------------------------------------------------------------------------*/

static void check_it_works_again(void)
{
    call_t call = {0};

    sim_heal(b.scene.server);
    sim_on(b.scene.server, "hello", &(sim_step_t){.json = HELLO(SERVICE_A)});
    for (unsigned i = 0; i < SLOTS; i++) {
        close_slot(&slots[i]);
        if (slots[i].activity == FINDING) {
            calling = true;
            muv_op_cancel(slots[i].op);
            calling = false;
        }
    }
    balancer_run(&b, 60 * SIM_SECOND);
    for (unsigned i = 0; i < SLOTS; i++) {
        close_slot(&slots[i]); /* Those that were being opened. */
        assert_true(slots[i].activity == NOTHING);
    }
    balancer_run(&b, 20 * SIM_SECOND);
    assert_int_equal(balancer_checked_out(&b), 0);
    CHECK_CODE(call_start(&b.scene, &call, 1, 0), 0);
    balancer_run(&b, 20 * SIM_SECOND);
    CHECK_ENDED(&call, 0);
}

static void run_seed(uint64_t seed)
{
    running_seed = seed;
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    memset(slots, 0, sizeof slots);
    balancer_open(
        &b, &(muv_client_opts_t){.max_pool_size = 4, .min_pool_size = (int32_t)(seed % 3)}, "AB");
    balancer_script_cursor(&b);
    for (unsigned i = 0; i < STEPS; i++) {
        one_step();
    }
    if (seed % 2 == 0) {
        check_it_works_again();
    } else {
        CHECK_CODE(scene_close(&b.scene, seed % 4 == 1 ? MUV_CLOSE_DRAIN : MUV_CLOSE_ABORT), 0);
        balancer_run(&b, 60 * SIM_SECOND);
        if (b.scene.closed == 0) {
            /* A command without a deadline that nobody answers. */
            CHECK_CODE(muv_client_close(b.scene.client, MUV_CLOSE_ABORT, NULL, NULL), 0);
            balancer_run(&b, 20 * SIM_SECOND);
        }
        for (unsigned i = 0; i < SLOTS; i++) {
            close_slot(&slots[i]);
        }
        assert_int_equal(b.scene.closed, 1);
    }
    balancer_end(&b);
    running_seed = 0;
}

static int tell_seed(void **state)
{
    (void)state;
    if (running_seed != 0) {
        print_error("MUV_TEST_SEED=%" PRIu64 "\n", running_seed);
    }
    return 0;
}

static void cursors_survive_what_services_do(void **state)
{
    const char *wanted = getenv("MUV_TEST_SEED");
    uint64_t first = wanted != NULL ? strtoull(wanted, NULL, 10) : 1;
    uint64_t last = wanted != NULL ? first : SEEDS;

    (void)state;
    for (uint64_t seed = first; seed <= last; seed++) {
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(cursors_survive_what_services_do, tell_seed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
