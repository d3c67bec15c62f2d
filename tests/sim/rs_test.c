/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: clients on a simulated replica set under faults (tests/sim/rs). Without arguments
 * it is a test of a few seeds; scripts/sim and scripts/test run many:
 *
 *   sim_rs seeds COUNT [FIRST [DURATION_S [JOBS]]]
 *
 * A failing seed is printed with what to type. MUV_SIM_VERBOSE=1 prints what happens. */
#include "rs/run_batch.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 50, TWICE = 5, FIRST_TWICE = 1001, DURATION_S = 120 };

static const char *program;

static void every_promise_holds_under_faults(void **state)
{
    run_batch_t batch = {
        .count = SEEDS, .first = 1, .duration_us = DURATION_S * SIM_SECOND, .program = program};

    (void)state;
    assert_int_equal(run_batch(&batch), 0);
}

static void a_seed_runs_identically_again(void **state)
{
    (void)state;
    for (uint64_t seed = FIRST_TWICE; seed < FIRST_TWICE + TWICE; seed++) {
        run_opts_t opts = {.seed = seed, .duration_us = DURATION_S * SIM_SECOND};
        run_result_t first;
        run_result_t second;

        assert_true(run_seed(&opts, &first));
        assert_true(run_seed(&opts, &second));
        assert_int_equal(first.figures.operations, second.figures.operations);
        assert_int_equal(first.digest, second.digest);
    }
}

static void another_seed_is_another_story(void **state)
{
    run_opts_t opts = {.seed = FIRST_TWICE, .duration_us = DURATION_S * SIM_SECOND};
    run_result_t first;
    run_result_t second;

    (void)state;
    assert_true(run_seed(&opts, &first));
    opts.seed++;
    assert_true(run_seed(&opts, &second));
    assert_int_not_equal(first.digest, second.digest);
}

static uint64_t number(int argc, char **argv, int index, uint64_t fallback)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_promise_holds_under_faults),
        cmocka_unit_test(a_seed_runs_identically_again),
        cmocka_unit_test(another_seed_is_another_story),
    };

    program = argv[0];
    if (argc > 1 && strcmp(argv[1], "seeds") == 0) {
        run_batch_t batch = {.count = number(argc, argv, 2, 1),
                             .first = number(argc, argv, 3, 1),
                             .duration_us = (int64_t)number(argc, argv, 4, DURATION_S) * SIM_SECOND,
                             .jobs = (unsigned)number(argc, argv, 5, 0),
                             .program = program};

        return run_batch(&batch) == 0 ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
