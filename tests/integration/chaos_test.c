/* SPDX-License-Identifier: Apache-2.0 */
/* Everything at once, by chance: a replica set whose members die, come back, change roles, drop and
 * split and delay, while operations of all kinds are started, cancelled and run out of time. Each
 * is called back once, no reply reaches the wrong caller, and the client recovers. The seed is
 * printed; MUV_CHAOS_SEED repeats a run (as far as the kernel's timing lets it). */
#include "integration/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define LANES 120
#define STEPS 900
#define MEMBERS 3

static uint64_t seed;
static outcome_t lanes[LANES];
static int64_t asked[LANES]; /* The _id that a find asked for; -1: something else. */
static unsigned right;

static unsigned chance(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static int open_set(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    f->mock = mock_new_replica_set(&f->loop, "rs", MEMBERS);
    return 0;
}

static void start_something(client_fixture_t *f, int lane)
{
    static const muv_read_preference_t nearest = {.mode = MUV_READ_NEAREST};
    outcome_t *o = &lanes[lane];
    int64_t timeout_ms = chance(3) == 0 ? 1 + chance(40) : 1500;

    outcome_clear(o);
    asked[lane] = -1;
    switch (chance(6)) {
    case 0: start_ping(f, o, timeout_ms); break;
    case 1: start_write(f, o, "{\"drop\": \"c\"}", timeout_ms); break;
    default:
        asked[lane] = chance(1000000);
        start_find(f, o, asked[lane],
                   &(muv_find_one_opts_t){.timeout_ms = timeout_ms,
                                          .read_preference = chance(2) == 0 ? &nearest : NULL});
        break;
    }
}

static void check_ended(int lane)
{
    const outcome_t *o = &lanes[lane];

    if (o->error.code == 0 && asked[lane] >= 0) {
        assert_string_equal(o->text, text_of("{ \"_id\" : %lld }", (long long)asked[lane]));
        right++;
    }
}

static void disturb_replies(client_fixture_t *f, int member)
{
    mock_step_t step = {.delay_ms = chance(20)};

    switch (chance(8)) {
    case 0: step.split_every_byte = true; break;
    case 1: step.split_at = 1 + chance(60); break;
    case 2: step.then = MOCK_RESET; break;
    case 3: step.then = MOCK_CLOSE; break;
    case 4:
        step.cut_at = 1 + chance(50);
        step.then = MOCK_CLOSE;
        break;
    case 5: step.response_to_offset = 1; break;
    case 6: step.send = MOCK_GARBAGE; break;
    default: step.json = "{\"ok\": 0, \"code\": 10107, \"errmsg\": \"not primary\"}"; break;
    }
    mock_script_member(f->mock, member, chance(10) == 0 ? "hello" : "*", &step);
}

static void disturb(client_fixture_t *f)
{
    int member = (int)chance(MEMBERS);

    switch (chance(16)) {
    case 0: mock_drop_connections(f->mock, member, chance(2) == 0 ? MOCK_RESET : MOCK_CLOSE); break;
    case 1: mock_member_down(f->mock, member); break;
    case 2:
        for (int i = 0; i < MEMBERS; i++) {
            mock_member_up(f->mock, i);
            mock_set_welcome(f->mock, i, MOCK_KEEP);
        }
        break;
    case 3:
        for (int i = 0; i < MEMBERS; i++) {
            mock_set_role(f->mock, i, i == member ? MOCK_PRIMARY : MOCK_SECONDARY);
        }
        break;
    case 4: mock_set_welcome(f->mock, member, chance(2) == 0 ? MOCK_KEEP : MOCK_RESET); break;
    default: disturb_replies(f, member); break;
    }
}

static void calm_down(client_fixture_t *f)
{
    mock_unscript(f->mock, "*");
    mock_unscript(f->mock, "hello");
    for (int i = 0; i < MEMBERS; i++) {
        mock_member_up(f->mock, i);
        mock_set_welcome(f->mock, i, MOCK_KEEP);
        mock_set_role(f->mock, i, i == 0 ? MOCK_PRIMARY : MOCK_SECONDARY);
    }
}

static void step(client_fixture_t *f)
{
    for (int i = 0; i < LANES; i++) {
        if (lanes[i].done) {
            check_ended(i);
        }
        if (lanes[i].f == NULL || lanes[i].done) {
            if (chance(4) == 0) {
                start_something(f, i);
            }
        } else if (chance(100) == 0) {
            cancel(&lanes[i]);
        }
    }
    if (chance(6) == 0) {
        disturb(f);
    }
    run_for(&f->loop, chance(6));
}

static void run_chaos(client_fixture_t *f, int mode)
{
    right = 0;
    open_client(f, "heartbeatFrequencyMS=500&maxPoolSize=8&minPoolSize=2&connectTimeoutMS=300",
                NULL);
    for (int i = 0; i < STEPS; i++) {
        step(f);
    }
    calm_down(f);
    if (mode == MUV_CLOSE_DRAIN) {
        await_recovery(f);
    }
    close_client(f, mode);
    for (int i = 0; i < LANES; i++) {
        assert_true(lanes[i].f == NULL || lanes[i].done);
        if (lanes[i].done) {
            check_ended(i);
        }
        outcome_clear(&lanes[i]);
    }
    print_message("%u finds answered rightly\n", right);
    assert_true(right > 100);
}

static void take_seed(void)
{
    const char *given = getenv("MUV_CHAOS_SEED");

    seed = given != NULL ? strtoull(given, NULL, 10) : uv_hrtime();
    seed |= 1;
    print_message("MUV_CHAOS_SEED=%llu\n", (unsigned long long)seed);
}

static void everything_by_chance_then_drained(void **state)
{
    take_seed();
    run_chaos(*state, MUV_CLOSE_DRAIN);
}

static void everything_by_chance_then_aborted(void **state)
{
    take_seed();
    run_chaos(*state, MUV_CLOSE_ABORT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_set, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_by_chance_then_drained),
        TEST(everything_by_chance_then_aborted),
    };

    return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
