/* SPDX-License-Identifier: Apache-2.0 */
/* Faults by chance: each begins somewhere and ends after a while, and all end at one time. */
#include "node.h"

#include <string.h>

static const unsigned usual_weights[RS_FAULTS] = {
    [RS_FAULT_PARTITION] = 10,   [RS_FAULT_CUT] = 6,          [RS_FAULT_CUT_CLIENT] = 12,
    [RS_FAULT_CRASH] = 10,       [RS_FAULT_SHUT_DOWN] = 5,    [RS_FAULT_STEP_DOWN] = 10,
    [RS_FAULT_CLIENT_LINK] = 14, [RS_FAULT_NODE_LINK] = 8,    [RS_FAULT_REFUSE] = 5,
    [RS_FAULT_OVERLOAD] = 6,     [RS_FAULT_SLOW] = 5,         [RS_FAULT_FREEZE] = 5,
    [RS_FAULT_RESET] = 6,        [RS_FAULT_KILL_CURSORS] = 2, [RS_FAULT_FAIL] = 8,
    [RS_FAULT_HIDE] = 4};

/* How a fault ends. */
typedef struct ending {
    rs_set_t *set;
    uint64_t epoch;
    rs_fault_t fault;
    unsigned node;
    unsigned other; /* Or the mask of a partition. */
} ending_t;

typedef struct next {
    rs_set_t *set;
    uint64_t epoch;
    int64_t heal_at_us;
} next_t;

static void on_ending(void *data)
{
    const ending_t *ending = data;
    rs_set_t *set = ending->set;

    if (ending->epoch != set->fault_epoch) {
        return;
    }
    switch (ending->fault) {
    case RS_FAULT_PARTITION: rs_unpartition(set, ending->other); break;
    case RS_FAULT_CUT: rs_cut(set, ending->node, ending->other, false); break;
    case RS_FAULT_CUT_CLIENT: rs_cut_client(set, ending->node, RS_WAY_OPEN); break;
    case RS_FAULT_CRASH:
    case RS_FAULT_SHUT_DOWN: rs_restart(set, ending->node); break;
    case RS_FAULT_CLIENT_LINK: rs_client_link(set, ending->node, NULL); break;
    case RS_FAULT_NODE_LINK: rs_node_link(set, ending->node, ending->other, NULL); break;
    case RS_FAULT_REFUSE: rs_refuse(set, ending->node, false); break;
    case RS_FAULT_OVERLOAD: rs_overload(set, ending->node, 0); break;
    case RS_FAULT_SLOW: rs_slow(set, ending->node, 0); break;
    case RS_FAULT_FREEZE: rs_freeze(set, ending->node, false); break;
    case RS_FAULT_HIDE: rs_hide(set, ending->node, false); break;
    case RS_FAULT_STEP_DOWN:
    case RS_FAULT_RESET:
    case RS_FAULT_KILL_CURSORS:
    case RS_FAULT_FAIL:
    case RS_FAULTS: break;
    }
}

/* Mostly short, now and then long. */
static int64_t some_duration(rs_set_t *set)
{
    int64_t longest_us = set->chaos.max_duration_us;

    switch (rs_random(set, 4)) {
    case 0: return rs_between(set, 10 * SIM_MS, longest_us / 40);
    case 1: return rs_between(set, longest_us / 40, longest_us / 8);
    case 2: return rs_between(set, longest_us / 8, longest_us / 3);
    default: return rs_between(set, longest_us / 4, longest_us);
    }
}

static rs_quality_t some_quality(rs_set_t *set, bool lossy)
{
    static const int64_t latencies_us[] = {1000, 5000, 20000, 80000, 400000};
    rs_quality_t quality = {0, 0, 0};

    quality.latency_us = latencies_us[rs_random(set, MUV__COUNT_OF(latencies_us))];
    quality.jitter_us = rs_chance(set, 50) ? rs_between(set, 0, quality.latency_us * 3) : 0;
    if (lossy || rs_chance(set, 40)) {
        quality.loss_permille = 1 + (unsigned)rs_random(set, rs_chance(set, 20) ? 500 : 60);
    }
    return quality;
}

static void fail_something(rs_set_t *set, unsigned node)
{
    /* Who has applied a write says something else only when it changes its state. */
    static const int32_t codes[] = {91, 189, 11600, 11602, 10107, 262, 8000};
    rs_when_t when = (rs_when_t)rs_random(set, RS_MIDWAY + 1);
    size_t count = when == RS_AFTER || when == RS_MIDWAY ? 4 : MUV__COUNT_OF(codes);
    rs_failure_t failure = {.when = when,
                            .code = codes[rs_random(set, count)],
                            .times = 1 + (unsigned)rs_random(set, 3)};

    rs_fail(set, node, &failure);
}

static rs_fault_t some_fault(rs_set_t *set)
{
    unsigned total = 0;
    uint64_t at;
    int fault = 0;

    for (int i = 0; i < RS_FAULTS; i++) {
        total += set->chaos.weights[i];
    }
    at = rs_random(set, total);
    while (at >= set->chaos.weights[fault]) {
        at -= set->chaos.weights[fault++];
    }
    return (rs_fault_t)fault;
}

/* Often the primary: there it hurts. */
static unsigned some_node(rs_set_t *set)
{
    int primary = rs_primary(set);

    return primary >= 0 && rs_chance(set, 40) ? (unsigned)primary
                                              : (unsigned)rs_random(set, set->count);
}

static void begin_fault(rs_set_t *set, ending_t *ending)
{
    rs_quality_t quality = some_quality(set, ending->fault == RS_FAULT_CLIENT_LINK);
    unsigned node = ending->node;

    switch (ending->fault) {
    case RS_FAULT_PARTITION: rs_partition(set, ending->other); break;
    case RS_FAULT_CUT: rs_cut(set, node, ending->other, true); break;
    case RS_FAULT_CUT_CLIENT:
        rs_cut_client(set, node, (rs_way_t)rs_between(set, RS_WAY_CUT, RS_WAY_TO_CLIENT_CUT));
        break;
    case RS_FAULT_CRASH: rs_crash(set, node, rs_chance(set, 30)); break;
    case RS_FAULT_SHUT_DOWN: rs_shut_down(set, node); break;
    case RS_FAULT_STEP_DOWN:
        if (rs_primary(set) >= 0) {
            rs_step_down(set, (unsigned)rs_primary(set),
                         rs_between(set, SIM_SECOND, 10 * SIM_SECOND));
        }
        break;
    case RS_FAULT_CLIENT_LINK: rs_client_link(set, node, &quality); break;
    case RS_FAULT_NODE_LINK: rs_node_link(set, node, ending->other, &quality); break;
    case RS_FAULT_REFUSE: rs_refuse(set, node, true); break;
    case RS_FAULT_OVERLOAD: rs_overload(set, node, 50 + (unsigned)rs_random(set, 900)); break;
    case RS_FAULT_SLOW: rs_slow(set, node, rs_between(set, 5 * SIM_MS, 2 * SIM_SECOND)); break;
    case RS_FAULT_FREEZE: rs_freeze(set, node, true); break;
    case RS_FAULT_RESET: rs_reset_connections(set, node); break;
    case RS_FAULT_KILL_CURSORS: rs_kill_cursors(set, node); break;
    case RS_FAULT_FAIL: fail_something(set, node); break;
    case RS_FAULT_HIDE:
        if (set->hidden[set->config] == 0) { /* One at a time, so that others can lead. */
            rs_hide(set, node, true);
        }
        break;
    case RS_FAULTS: break;
    }
}

static void on_next(void *data);

static void schedule(rs_set_t *set, int64_t heal_at_us)
{
    next_t *next = sim_alloc(sizeof *next);
    int64_t due_us = rs_now_us(set) + rs_between(set, 0, 2 * set->chaos.mean_gap_us);

    next->set = set;
    next->epoch = set->fault_epoch;
    next->heal_at_us = heal_at_us;
    rs_at(set, due_us < heal_at_us ? due_us : heal_at_us, on_next, next);
}

static void on_next(void *data)
{
    const next_t *next = data;
    rs_set_t *set = next->set;
    ending_t *ending;

    if (next->epoch != set->fault_epoch) {
        return;
    }
    if (rs_now_us(set) >= next->heal_at_us) {
        rs_heal(set);
        return;
    }
    ending = sim_alloc(sizeof *ending);
    ending->set = set;
    ending->epoch = set->fault_epoch;
    ending->fault = some_fault(set);
    ending->node = some_node(set);
    ending->other = (ending->node + 1 + (unsigned)rs_random(set, set->count - 1)) % set->count;
    if (ending->fault == RS_FAULT_PARTITION) {
        ending->other = 1 + (unsigned)rs_random(set, (1u << set->count) - 2);
    }
    begin_fault(set, ending);
    rs_at(set, rs_now_us(set) + some_duration(set), on_ending, ending);
    schedule(set, next->heal_at_us);
}

void rs_chaos(rs_set_t *set, const rs_chaos_t *chaos, int64_t heal_at_us)
{
    unsigned total = 0;

    memset(&set->chaos, 0, sizeof set->chaos);
    if (chaos != NULL) {
        set->chaos = *chaos;
    }
    if (set->chaos.mean_gap_us == 0) {
        set->chaos.mean_gap_us = 4 * SIM_SECOND;
    }
    if (set->chaos.max_duration_us == 0) {
        set->chaos.max_duration_us = 20 * SIM_SECOND;
    }
    for (int i = 0; i < RS_FAULTS; i++) {
        total += set->chaos.weights[i];
    }
    if (total == 0) {
        memcpy(set->chaos.weights, usual_weights, sizeof usual_weights);
    }
    schedule(set, heal_at_us);
}
