/* SPDX-License-Identifier: Apache-2.0 */
/* Which faults a run meets: each seed has a weather of its own, from none at all over one kind to
 * everything at once. The model's own chaos does what lasts (partitions, crashes, bad links);
 * beside it, single commands are made to fail, nodes stand still, connections break, and clients
 * are closed and made anew. */
#include "schedule.h"

#include <string.h>

typedef enum weather {
    WEATHER_FAIR,      /* Nothing happens. */
    WEATHER_ELECTIONS, /* Step-downs, shut-downs and crashes. */
    WEATHER_LINKS,     /* Bad, cut and broken links. */
    WEATHER_PARTITIONS,
    WEATHER_COMMANDS, /* Single commands fail. */
    WEATHER_OVERLOAD,
    WEATHER_EVERYTHING
} weather_t;

static const uint8_t weathers[] = {
    WEATHER_FAIR,       WEATHER_ELECTIONS,  WEATHER_ELECTIONS,  WEATHER_LINKS,
    WEATHER_PARTITIONS, WEATHER_PARTITIONS, WEATHER_COMMANDS,   WEATHER_COMMANDS,
    WEATHER_OVERLOAD,   WEATHER_EVERYTHING, WEATHER_EVERYTHING, WEATHER_EVERYTHING,
    WEATHER_EVERYTHING,
};

static uint64_t weather_random(run_t *run, uint64_t bound)
{
    return run_draw(&run->weather, bound);
}

/* --- single commands ---------------------------------------------------------------------------*/

static const char *const commands[] = {"insert", "update",  "delete",      "findAndModify",
                                       "find",   "getMore", "killCursors", NULL};

/* Errors that a server in trouble gives. Each is retryable by its code or by its label. */
static const int32_t state_codes[] = {91, 189, 11600, 11602, 10107, 13435, 13436, 6, 7, 89, 9001};

/* What a server says beside its code of a command that it has not begun. */
static void label(run_t *run, rs_failure_t *failure)
{
    switch (weather_random(run, 5)) {
    case 0:
        failure->labels[0] = "NoWritesPerformed";
        failure->labels[1] = "RetryableWriteError";
        break;
    case 1:
        failure->code = 462;
        failure->labels[0] = "SystemOverloadedError";
        failure->labels[1] = "RetryableError";
        break;
    case 2: failure->code = 11601; break; /* Interrupted: not retryable. */
    default: break;
    }
}

static void fail_command(run_t *run)
{
    rs_failure_t failure = {.when = (rs_when_t)weather_random(run, 5),
                            .name = commands[weather_random(run, 8)],
                            .times = 1 + (unsigned)weather_random(run, 3)};
    int primary = rs_primary(run->set);
    unsigned node = (unsigned)weather_random(run, rs_node_count(run->set));

    if (primary >= 0 && weather_random(run, 3) != 0) {
        node = (unsigned)primary;
    }
    failure.code = state_codes[weather_random(run, sizeof state_codes / sizeof *state_codes)];
    if (failure.when == RS_WRITE_CONCERN && weather_random(run, 2) == 0) {
        failure.code = 64; /* WriteConcernTimeout. */
    }
    if (failure.when == RS_AFTER) {
        /* Only an error that says nothing of what was done may come after the command ran. */
        failure.code = weather_random(run, 2) == 0 ? 11602 : 91;
    }
    if (failure.when == RS_BEFORE) {
        label(run, &failure);
    }
    run->figures.failures += failure.times;
    run_trace(run, failure.name != NULL ? failure.name : "any", (int64_t)failure.when,
              failure.code);
    rs_fail(run->set, node, &failure);
}

/* --- what comes beside the model's own chaos ---------------------------------------------------*/

static void thaw(void *data)
{
    run_t *run = data;

    for (unsigned i = 0; i < rs_node_count(run->set); i++) {
        rs_freeze(run->set, i, false);
    }
}

static void freeze(run_t *run)
{
    unsigned node = (unsigned)weather_random(run, rs_node_count(run->set));
    int primary = rs_primary(run->set);

    if (primary >= 0 && weather_random(run, 2) == 0) {
        node = (unsigned)primary;
    }
    run->figures.freezes++;
    rs_freeze(run->set, node, true);
    sim_after(run->world, (int64_t)weather_random(run, (uint64_t)(12 * SIM_SECOND)), thaw, run);
}

static void replace_client(run_t *run)
{
    run_client_t *client = &run->clients[weather_random(run, run->client_count)];

    if (client->client != NULL && !client->closing) {
        run->figures.replaced++;
        run_client_close(client, weather_random(run, 2) == 0 ? MUV_CLOSE_ABORT : MUV_CLOSE_DRAIN,
                         true);
    }
}

static void strike(void *data)
{
    run_t *run = data;
    int64_t gap_us = (int64_t)weather_random(run, (uint64_t)(2 * run->strike_gap_us));

    if (sim_now_us(run->world) >= run->heal_at_us) {
        return;
    }
    switch (weather_random(run, 12)) {
    case 0: freeze(run); break;
    case 1:
        rs_reset_connections(run->set, (unsigned)weather_random(run, rs_node_count(run->set)));
        break;
    case 2: replace_client(run); break;
    default: fail_command(run); break;
    }
    sim_after(run->world, gap_us, strike, run);
}

/* --- the weather -------------------------------------------------------------------------------*/

static void weigh(unsigned *weights, weather_t weather)
{
    switch (weather) {
    case WEATHER_ELECTIONS:
        weights[RS_FAULT_STEP_DOWN] = 4;
        weights[RS_FAULT_SHUT_DOWN] = 2;
        weights[RS_FAULT_CRASH] = 4;
        break;
    case WEATHER_LINKS:
        weights[RS_FAULT_CLIENT_LINK] = 4;
        weights[RS_FAULT_NODE_LINK] = 2;
        weights[RS_FAULT_REFUSE] = 1;
        weights[RS_FAULT_RESET] = 2;
        weights[RS_FAULT_SLOW] = 2;
        weights[RS_FAULT_CUT_CLIENT] = 2;
        break;
    case WEATHER_PARTITIONS:
        weights[RS_FAULT_PARTITION] = 5;
        weights[RS_FAULT_CUT] = 2;
        weights[RS_FAULT_CUT_CLIENT] = 2;
        weights[RS_FAULT_NODE_LINK] = 1;
        break;
    case WEATHER_OVERLOAD:
        weights[RS_FAULT_OVERLOAD] = 5;
        weights[RS_FAULT_SLOW] = 2;
        weights[RS_FAULT_KILL_CURSORS] = 1;
        break;
    case WEATHER_FAIR:
    case WEATHER_COMMANDS:
    case WEATHER_EVERYTHING: break;
    }
}

/* In long runs faults are rarer, so that there is time in between for what needs it. */
static int64_t gap_us(run_t *run, int64_t least_us)
{
    int64_t gap = least_us + (int64_t)weather_random(run, (uint64_t)(4 * least_us));

    return run->opts.duration_us > 300 * SIM_SECOND ? 2 * gap : gap;
}

void schedule_start(run_t *run, int64_t duration_us)
{
    weather_t weather = (weather_t)weathers[weather_random(run, sizeof weathers)];
    rs_chaos_t chaos = {.mean_gap_us = gap_us(run, 3 * SIM_SECOND / 2),
                        .max_duration_us = gap_us(run, 5 * SIM_SECOND)};

    run->heal_at_us = sim_now_us(run->world) + duration_us;
    run->strike_gap_us = gap_us(run, SIM_SECOND / 2);
    run_trace(run, "weather", (int64_t)weather, chaos.mean_gap_us);
    weigh(chaos.weights, weather);
    if (weather != WEATHER_FAIR && weather != WEATHER_COMMANDS) {
        rs_chaos(run->set, &chaos, run->heal_at_us);
    }
    if (weather == WEATHER_COMMANDS || weather == WEATHER_EVERYTHING) {
        strike(run);
    }
}
