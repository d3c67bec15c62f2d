/* SPDX-License-Identifier: Apache-2.0 */
/* One seed from the first server to the last byte: set up, work under faults, heal, recover, calm,
 * close. What is broken is collected in the report; what cannot go on ends the process, and the
 * batch prints the seed. */
#include "run.h"

#include "run_watch.h"
#include "schedule.h"
#include "sim/net_events.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After this everything that was under way must have ended: the longest option is 30 s to select a
 * server, and TCP gives a dead connection up after 20 s; a retry may meet both again. */
#define END_US (150 * SIM_SECOND)

/* Connections that a fault has left half open are found out by then: by TCP, or by a monitor after
 * connectTimeoutMS and heartbeatFrequencyMS, at most 20 s together. */
#define DEAD_LINK_US (RUN_LINK_TIMEOUT_US + 5 * SIM_SECOND)

/* A connection that waits for a late reply is given up after 3 s of silence. */
#define DRAIN_US (4 * SIM_SECOND)

/* Operations of a run, roughly. */
enum { SHORT_OPERATIONS = 2000, LONG_OPERATIONS = 25000 };

uint64_t run_draw(uint64_t *state, uint64_t bound)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % bound;
}

uint64_t run_random(run_t *run, uint64_t bound)
{
    return run_draw(&run->random, bound);
}

bool run_chance(run_t *run, unsigned permille)
{
    return run_random(run, 1000) < permille;
}

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *hash ^= *hash >> 29;
}

void run_trace(run_t *run, const char *what, int64_t a, int64_t b)
{
    int64_t now_us = sim_now_us(run->world);

    for (const char *at = what; *at != '\0'; at++) {
        mix(&run->trace, (uint64_t)(uint8_t)*at);
    }
    mix(&run->trace, (uint64_t)now_us);
    mix(&run->trace, (uint64_t)a);
    mix(&run->trace, (uint64_t)b);
    if (run->opts.verbose) {
        rs_note(run->set, "client: %s %lld %lld", what, (long long)a, (long long)b);
        (void)fprintf(stderr, "[%12.3f] %s %lld %lld\n",
                      (double)(now_us - 1000 * SIM_SECOND) / 1000, what, (long long)a,
                      (long long)b);
    }
}

/* --- phases ------------------------------------------------------------------------------------*/

static void open_set(run_t *run)
{
    rs_opts_t opts = {.nodes = 3 + (unsigned)run_random(run, 5),
                      .client_latency_us =
                          100 + (int64_t)run_random(run, run_chance(run, 300) ? 25000 : 5000),
                      .node_latency_us = 200 + (int64_t)run_random(run, 8000),
                      .work_us = 1 + (int64_t)run_random(run, 3000),
                      .lose_tail_percent = 1 + (unsigned)run_random(run, 101),
                      .election_timeout_us = SIM_SECOND + (int64_t)run_random(run, 4 * SIM_SECOND)};

    if (run_chance(run, 500)) {
        opts.nodes = 3;
    }
    run->set = rs_new(run->world, run->opts.seed, &opts);
    rs_lie(run->set, run->opts.lies);
    run->watch = run_watch_new(run->set, &run->ledger, &run->report);
}

static void open_run(run_t *run)
{
    int64_t operations =
        run->opts.duration_us > 300 * SIM_SECOND ? LONG_OPERATIONS : SHORT_OPERATIONS;

    run->mark = alloc_mark();
    run->live_blocks = alloc_live_blocks();
    run->world = sim_new(run->opts.seed);
    run->random = run->opts.seed * 3 + 1;
    run->weather = run->opts.seed * 5 + 2;
    if (run_chance(run, 700)) {
        sim_shuffle(run->world);
    }
    open_set(run);
    run->client_count = run_chance(run, 300) ? 2 : 1;
    run->actor_count = 2 + (unsigned)run_random(run, run_chance(run, 300) ? RUN_MAX_ACTORS - 1 : 6);
    run->pause_us = run->opts.duration_us * (int64_t)run->actor_count / operations;
    run->cancel_permille = run_chance(run, 700) ? (unsigned)run_random(run, 150) : 0;
    run->timeout_permille = run_chance(run, 700) ? (unsigned)run_random(run, 600) : 0;
    run->stall_permille = run_chance(run, 500) ? (unsigned)run_random(run, 12) : 0;
    run->group_count = (unsigned)(operations / 600 + 2);
    for (unsigned i = 0; i < run->client_count; i++) {
        run_client_init(&run->clients[i], run, i);
        run_client_open(&run->clients[i]);
    }
}

static void work(run_t *run)
{
    while (sim_now_us(run->world) < run->heal_at_us) {
        int64_t left_us = run->heal_at_us - sim_now_us(run->world);

        sim_run_for(run->world, left_us < 5 * SIM_SECOND ? left_us : 5 * SIM_SECOND);
        run_check_limits(run);
    }
}

static bool all_recovered(const run_t *run)
{
    for (unsigned i = 0; i < run->client_count; i++) {
        if (run->clients[i].sentinels == 0) {
            return false;
        }
    }
    return true;
}

/* A client that is being closed is waited for: its successor is as good as any. */
static void await_clients(run_t *run)
{
    for (unsigned i = 0; i < run->client_count; i++) {
        run_client_t *client = &run->clients[i];
        int64_t limit_us = sim_now_us(run->world) + END_US;

        while ((client->client == NULL || client->closing) && sim_now_us(run->world) < limit_us) {
            sim_run_for(run->world, 100 * SIM_MS);
        }
        if (client->client == NULL || client->closing) {
            check_break(&run->report, CHECK_BLOCKED, "a client is not closed after %lld s",
                        (long long)(END_US / SIM_SECOND));
        }
    }
}

/* The faults are over; the actors go on meanwhile. */
static void recover(run_t *run)
{
    int64_t healed_us;

    rs_heal(run->set);
    await_clients(run);
    if (run->report.broken[CHECK_BLOCKED] != 0) {
        return;
    }
    healed_us = sim_now_us(run->world);
    run_trace(run, "healed", 0, 0);
    for (unsigned i = 0; i < run->client_count; i++) {
        run_client_probe(&run->clients[i]);
    }
    while (!all_recovered(run) && sim_now_us(run->world) < healed_us + 2 * END_US) {
        sim_run_for(run->world, 100 * SIM_MS);
    }
    for (unsigned i = 0; i < run->client_count; i++) {
        run_client_t *client = &run->clients[i];
        int64_t took_us = client->recovered_us - healed_us;

        if (client->sentinels == 0 || took_us > run_client_bound_us(client)) {
            check_break(&run->report, CHECK_RECOVERY,
                        "client %u: usable after %lld ms, at most %lld are allowed", i,
                        client->sentinels == 0 ? -1LL : (long long)(took_us / SIM_MS),
                        (long long)(run_client_bound_us(client) / SIM_MS));
        } else if ((uint64_t)took_us > run->figures.recovery_us) {
            run->figures.recovery_us = (uint64_t)took_us;
        }
    }
}

static bool all_idle(const run_t *run)
{
    for (unsigned i = 0; i < run->actor_count; i++) {
        if (!run->actors[i].idle) {
            return false;
        }
    }
    return true;
}

/* Everything under way comes to its end. */
static bool stop(run_t *run)
{
    int64_t limit_us = sim_now_us(run->world) + END_US;

    run->stopping = true;
    while (!all_idle(run) && sim_now_us(run->world) < limit_us) {
        sim_run_for(run->world, 500 * SIM_MS);
    }
    for (unsigned i = 0; i < run->actor_count; i++) {
        const run_actor_t *actor = &run->actors[i];
        const check_op_t *op = check_ledger_find(&run->ledger, actor->tag);

        if (!actor->idle) {
            check_break(&run->report, CHECK_BLOCKED, "%s %lld has not ended after %lld s",
                        op != NULL ? check_kind_name(op->kind) : "actor", (long long)actor->tag,
                        (long long)(END_US / SIM_SECOND));
        }
    }
    return all_idle(run);
}

/* The set is whole and quiet: everything succeeds, and nothing is left of it. */
static void calm(run_t *run)
{
    sim_run_for(run->world, DEAD_LINK_US);
    run_note_holdings(run);
    run->faultless = true;
    run->stopping = false;
    run->cancel_permille = 0;
    run->timeout_permille = 0;
    run->stall_permille = 0;
    run->pause_us = 100 * SIM_MS * run->actor_count;
    workload_start(run);
    sim_run_for(run->world, 3 * SIM_SECOND);
    if (stop(run)) {
        rs_settle(run->set, 120 * SIM_SECOND);
        sim_run_for(run->world, DRAIN_US);
        run_check_leaks(run);
    }
}

static bool all_closed(const run_t *run)
{
    for (unsigned i = 0; i < run->client_count; i++) {
        if (run->clients[i].client != NULL) {
            return false;
        }
    }
    return true;
}

/* Returns false when a client does not end: then nothing can be freed. */
static bool close_run(run_t *run)
{
    int mode = run_chance(run, 500) ? MUV_CLOSE_DRAIN : MUV_CLOSE_ABORT;
    int64_t limit_us = sim_now_us(run->world) + END_US;

    for (unsigned i = 0; i < run->client_count; i++) {
        if (run->clients[i].client != NULL && !run->clients[i].closing) {
            run_client_close(&run->clients[i], mode, false);
        }
    }
    while (!all_closed(run) && sim_now_us(run->world) < limit_us) {
        sim_run_for(run->world, 100 * SIM_MS);
    }
    if (!all_closed(run)) {
        check_break(&run->report, CHECK_BLOCKED, "a client is not closed after %lld s",
                    (long long)(END_US / SIM_SECOND));
        return false;
    }
    sim_run_for(run->world, SIM_SECOND);
    for (unsigned i = 0; i < rs_node_count(run->set); i++) {
        rs_holdings_t holdings = rs_holdings(run->set, i);

        if (run->faultless && (holdings.connections != 0 || holdings.waiting != 0)) {
            check_break(&run->report, CHECK_LEAK,
                        "node %u after the close: %u connections, %u commands", i,
                        holdings.connections, holdings.waiting);
        }
    }
    return true;
}

/* --- the whole ---------------------------------------------------------------------------------*/

/* When the world is gone, so is every byte. */
static void free_run(run_t *run)
{
    rs_free(run->set);
    sim_free(run->world);
    if (alloc_live_blocks() != run->live_blocks) {
        check_break(&run->report, CHECK_LEAK, "%zu blocks of memory",
                    alloc_live_blocks() - run->live_blocks);
        if (run->opts.verbose) {
            CHECK_NO_LEAK(run->mark); /* Lists them, and ends the process. */
        }
    }
    run_watch_free(run->watch);
    check_ledger_done(&run->ledger);
    free(run->list_lengths);
    free(run->passing);
}

static void add_figures(run_t *run)
{
    const rs_counts_t *counts = rs_counts(run->set);
    run_figures_t *figures = &run->figures;

    figures->seeds = 1;
    figures->virtual_us = (uint64_t)(sim_now_us(run->world) - 1000 * SIM_SECOND);
    figures->entries = rs_entry_count(run->set);
    figures->rolled_back = counts->rolled_back;
    figures->repeated = counts->repeated;
    figures->elections = counts->elections;
    for (unsigned i = 0; i < RS_FAULTS; i++) {
        figures->faults[i] = counts->faults[i];
    }
}

static void print_broken(const run_t *run)
{
    (void)fprintf(stderr, "seed %llu: %u checks failed\n%s", (unsigned long long)run->opts.seed,
                  run->report.total, run->report.text);
    for (unsigned i = 0; i < run->client_count; i++) {
        (void)fprintf(stderr, "  client %u: %s\n", i, run->clients[i].uri);
    }
}

static void dump(void *data)
{
    rs_dump(((run_t *)data)->set, stderr);
}

/* MUV_SIM_DUMP_MS: the model's last 400 events and its state at that time. */
static void arrange_dump(run_t *run)
{
    const char *at_ms = getenv("MUV_SIM_DUMP_MS");

    if (run->opts.verbose && at_ms != NULL) {
        int64_t at_us = 1000 * SIM_SECOND + strtoll(at_ms, NULL, 10) * SIM_MS;

        sim_after(run->world, at_us - sim_now_us(run->world), dump, run);
    }
}

/* Returns whether the clients have ended. */
static bool run_phases(run_t *run)
{
    bool closed;

    workload_set_up(run);
    arrange_dump(run);
    workload_start(run);
    schedule_start(run, run->opts.duration_us);
    work(run);
    recover(run);
    if (stop(run)) {
        rs_settle(run->set, 120 * SIM_SECOND);
        calm(run);
    }
    closed = close_run(run);
    run_verify(run);
    return closed;
}

bool run_seed(const run_opts_t *opts, run_result_t *ret)
{
    static run_t run;
    bool closed;

    alloc_install();
    memset(&run, 0, sizeof run);
    run.opts = *opts;
    open_run(&run);
    closed = run_phases(&run);
    add_figures(&run);
    ret->digest = run.trace ^ rs_digest(run.set);
    if (run.report.total != 0 && opts->verbose) {
        rs_dump(run.set, stderr);
    }
    if (closed) {
        free_run(&run);
    }
    run.figures.failed = run.report.total != 0;
    if (run.report.total != 0 && !opts->quiet) {
        print_broken(&run);
    }
    ret->report = run.report;
    ret->figures = run.figures;
    ret->figures.digest = ret->digest;
    return run.report.total == 0;
}
