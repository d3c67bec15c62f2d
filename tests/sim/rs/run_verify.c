/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in the end; the model's truth as the history that the checkers want. */
#include "run.h"

#include "sim/net_events.h"

#include <stdlib.h>
#include <string.h>

/* --- the history -------------------------------------------------------------------------------*/

/* An integer of a version of a document; `fallback` when there is none. */
static int64_t number_of(const rs_version_t *version, const char *name, int64_t fallback)
{
    bson_iter_t iter;
    bson_t document;

    if (version == NULL || !bson_init_static(&document, version->bytes, version->size) ||
        !bson_iter_init_find(&iter, &document, name) || !BSON_ITER_HOLDS_INT(&iter)) {
        return fallback;
    }
    return bson_iter_as_int64(&iter);
}

/* Returns whether the entry is one of the workloads'. */
static bool convert(const rs_entry_t *entry, bool rolled_back, check_entry_t *ret)
{
    const rs_version_t *version = entry->after != NULL ? entry->after : entry->before;

    if (entry->kind == RS_NOOP) {
        return false;
    }
    *ret = (check_entry_t){.tag = entry->tag,
                           .key = number_of(version, "_id", -1),
                           .before = number_of(entry->before, "v", 0),
                           .rolled_back = rolled_back};
    return ret->tag != 0 || ret->key != -1; /* Else it is a probe. */
}

static check_history_t make_history(const run_t *run, check_entry_t *entries)
{
    check_history_t history = {.entries = entries};

    for (size_t i = 0; i < rs_log_size(run->set); i++) {
        history.count += convert(rs_log(run->set, i), false, &entries[history.count]);
    }
    for (size_t i = 0; i < rs_entry_count(run->set); i++) {
        const rs_entry_t *entry = rs_entry(run->set, i);

        if (!rs_survived(run->set, entry)) {
            history.count += convert(entry, true, &entries[history.count]);
        }
    }
    return history;
}

void run_verify(run_t *run)
{
    check_entry_t *entries = sim_alloc((rs_entry_count(run->set) + 1) * sizeof *entries);
    check_history_t history = make_history(run, entries);
    const char *violation = rs_violation(run->set);

    check_all(&run->ledger, &history, &run->report);
    if (violation != NULL) {
        check_break(&run->report, CHECK_PROTOCOL, "%s", violation);
    }
    free(entries);
}

/* --- limits and leaks --------------------------------------------------------------------------*/

/* A member that has left the configuration and is back again has a new pool, while an operation may
 * still be on a connection of the old one. */
void run_check_limits(run_t *run)
{
    unsigned pools = rs_node_count(run->set);

    if (rs_counts(run->set)->faults[RS_FAULT_HIDE] != 0) {
        pools *= 2;
    }
    for (unsigned i = 0; i < run->client_count; i++) {
        const run_client_t *client = &run->clients[i];
        muv_client_stats_t stats;

        if (client->client == NULL) {
            continue;
        }
        muv_client_get_stats(client->client, &stats);
        if (client->max_pool_size != 0 && stats.connections > client->max_pool_size * pools) {
            check_break(&run->report, CHECK_LIMIT, "client %u: %u connections, maxPoolSize is %u",
                        i, stats.connections, client->max_pool_size);
        }
        if (stats.operations_started - stats.operations_ended != stats.operations_live) {
            check_break(&run->report, CHECK_LEAK, "client %u: %llu started, %llu ended, %u live", i,
                        (unsigned long long)stats.operations_started,
                        (unsigned long long)stats.operations_ended, stats.operations_live);
        }
    }
}

static void check_stats(run_t *run, const run_client_t *client)
{
    muv_client_stats_t stats;

    muv_client_get_stats(client->client, &stats);
    if (stats.operations_live != 0 || stats.waiting_for_server != 0 ||
        stats.waiting_for_connection != 0 || stats.pending_bytes != 0) {
        check_break(&run->report, CHECK_LEAK,
                    "client %u at rest: %u operations, %u select, %u wait, %llu bytes",
                    client->index, stats.operations_live, stats.waiting_for_server,
                    stats.waiting_for_connection, (unsigned long long)stats.pending_bytes);
    }
    if (stats.connections != stats.connections_idle + stats.connections_pending) {
        check_break(&run->report, CHECK_LEAK,
                    "client %u at rest: %u connections, %u idle, %u pending, %u draining",
                    client->index, stats.connections, stats.connections_idle,
                    stats.connections_pending, stats.connections_draining);
    }
}

static rs_holdings_t all_holdings(const run_t *run)
{
    rs_holdings_t sum = {0};

    for (unsigned i = 0; i < rs_node_count(run->set); i++) {
        rs_holdings_t holdings = rs_holdings(run->set, i);

        sum.cursors += holdings.cursors;
        sum.sessions += holdings.sessions;
    }
    return sum;
}

void run_note_holdings(run_t *run)
{
    rs_holdings_t holdings = all_holdings(run);

    run->calm_cursors = holdings.cursors;
    run->calm_sessions = holdings.sessions;
}

/* Cursors are closed at once. Sessions are used again: there are at most as many as operations at
 * the same time, here one an actor and its cursor, on each node. */
static void check_holdings(run_t *run)
{
    rs_holdings_t holdings = all_holdings(run);

    if (holdings.cursors > run->calm_cursors) {
        check_break(&run->report, CHECK_LEAK, "%u cursors are left of the calm",
                    holdings.cursors - run->calm_cursors);
    }
    if (holdings.sessions > run->calm_sessions + 2 * run->actor_count * rs_node_count(run->set)) {
        check_break(&run->report, CHECK_LEAK, "%u sessions before the calm, then %u",
                    run->calm_sessions, holdings.sessions);
    }
}

void run_check_leaks(run_t *run)
{
    uint64_t allowed = 0;

    check_holdings(run);

    for (unsigned i = 0; i < run->client_count; i++) {
        const run_client_t *client = &run->clients[i];

        if (client->client != NULL) {
            check_stats(run, client);
            /* Two more for the monitor. */
            allowed += client->max_pool_size + 2;
        }
    }
    for (unsigned i = 0; i < rs_node_count(run->set); i++) {
        rs_holdings_t holdings = rs_holdings(run->set, i);

        if (holdings.connections > allowed) {
            check_break(&run->report, CHECK_LIMIT, "node %u has %u connections, %llu are allowed",
                        i, holdings.connections, (unsigned long long)allowed);
        }
        if (holdings.waiting != 0) {
            check_break(&run->report, CHECK_LEAK, "node %u at rest: %u commands wait", i,
                        holdings.waiting);
        }
    }
}
