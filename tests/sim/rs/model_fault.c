/* SPDX-License-Identifier: Apache-2.0 */
/* Faults by hand, and their end. */
#include "node.h"

#include <string.h>

const char *rs_fault_name(rs_fault_t fault)
{
    static const char *const names[] = {[RS_FAULT_PARTITION] = "partition",
                                        [RS_FAULT_CUT] = "cut",
                                        [RS_FAULT_CUT_CLIENT] = "cut client",
                                        [RS_FAULT_CRASH] = "crash",
                                        [RS_FAULT_SHUT_DOWN] = "shut down",
                                        [RS_FAULT_STEP_DOWN] = "step down",
                                        [RS_FAULT_CLIENT_LINK] = "client link",
                                        [RS_FAULT_NODE_LINK] = "node link",
                                        [RS_FAULT_REFUSE] = "refuse",
                                        [RS_FAULT_OVERLOAD] = "overload",
                                        [RS_FAULT_SLOW] = "slow",
                                        [RS_FAULT_FREEZE] = "freeze",
                                        [RS_FAULT_RESET] = "reset",
                                        [RS_FAULT_KILL_CURSORS] = "kill cursors",
                                        [RS_FAULT_FAIL] = "fail",
                                        [RS_FAULT_HIDE] = "hide"};

    return fault < RS_FAULTS ? names[fault] : "?";
}

void rs_count_fault(rs_set_t *set, rs_fault_t fault)
{
    set->counts.faults[fault]++;
    set->counts.all_faults++;
    set->last_fault_us = rs_now_us(set);
}

/* --- ways --------------------------------------------------------------------------------------*/

void rs_partition(rs_set_t *set, unsigned mask)
{
    rs_count_fault(set, RS_FAULT_PARTITION);
    rs_note(set, "partition %x", mask);
    for (unsigned i = 0; i < set->count; i++) {
        for (unsigned k = 0; k < set->count; k++) {
            if ((mask >> i & 1) != (mask >> k & 1)) {
                set->cut[i][k] = true;
            }
        }
    }
}

void rs_unpartition(rs_set_t *set, unsigned mask)
{
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "partition %x ends", mask);
    for (unsigned i = 0; i < set->count; i++) {
        for (unsigned k = 0; k < set->count; k++) {
            if ((mask >> i & 1) != (mask >> k & 1)) {
                set->cut[i][k] = false;
            }
        }
    }
}

void rs_cut(rs_set_t *set, unsigned from, unsigned to, bool cut)
{
    if (cut) {
        rs_count_fault(set, RS_FAULT_CUT);
    }
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "n%u to n%u is %s", from, to, cut ? "cut" : "open");
    set->cut[from][to] = cut;
}

void rs_cut_client(rs_set_t *set, unsigned index, rs_way_t way)
{
    static const char *const names[] = {"open", "cut", "cut to the node", "cut to the client"};
    rs_node_t *node = &set->nodes[index];

    if (way != RS_WAY_OPEN) {
        rs_count_fault(set, RS_FAULT_CUT_CLIENT);
    }
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "the way of the client to n%u is %s", index, names[way]);
    node->way = way;
    if (way == RS_WAY_OPEN) {
        rs_release_conns(node);
    }
}

void rs_client_link(rs_set_t *set, unsigned index, const rs_quality_t *quality)
{
    rs_node_t *node = &set->nodes[index];
    rs_quality_t good = {0, 0, 0};

    if (quality != NULL) {
        rs_count_fault(set, RS_FAULT_CLIENT_LINK);
    }
    set->last_fault_us = rs_now_us(set);
    node->quality = quality != NULL ? *quality : good;
    sim_latency(node->server, node->quality.latency_us != 0 ? node->quality.latency_us
                                                            : set->opts.client_latency_us);
    rs_note(set, "the client's link to n%u: %d us, jitter %d us, loss %u", index,
            (int)node->quality.latency_us, (int)node->quality.jitter_us,
            node->quality.loss_permille);
}

void rs_node_link(rs_set_t *set, unsigned a, unsigned b, const rs_quality_t *quality)
{
    rs_quality_t good = {0, 0, 0};

    if (quality != NULL) {
        rs_count_fault(set, RS_FAULT_NODE_LINK);
    }
    set->last_fault_us = rs_now_us(set);
    set->between[a][b] = set->between[b][a] = quality != NULL ? *quality : good;
    rs_note(set, "n%u and n%u: %d us, loss %u", a, b, (int)set->between[a][b].latency_us,
            set->between[a][b].loss_permille);
}

/* --- a node's temper ---------------------------------------------------------------------------*/

void rs_refuse(rs_set_t *set, unsigned node, bool refuse)
{
    if (refuse) {
        rs_count_fault(set, RS_FAULT_REFUSE);
    }
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "n%u %s connections", node, refuse ? "refuses" : "takes");
    set->nodes[node].refusing = refuse;
}

void rs_overload(rs_set_t *set, unsigned node, unsigned permille)
{
    if (permille != 0) {
        rs_count_fault(set, RS_FAULT_OVERLOAD);
    }
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "n%u is overloaded: %u", node, permille);
    set->nodes[node].overload_permille = permille;
}

void rs_slow(rs_set_t *set, unsigned node, int64_t work_us)
{
    if (work_us != 0) {
        rs_count_fault(set, RS_FAULT_SLOW);
    }
    set->last_fault_us = rs_now_us(set);
    rs_note(set, "n%u takes %d us", node, (int)work_us);
    set->nodes[node].work_us = work_us != 0 ? work_us : set->opts.work_us;
}

void rs_reset_connections(rs_set_t *set, unsigned node)
{
    rs_count_fault(set, RS_FAULT_RESET);
    rs_note(set, "n%u: all connections break", node);
    rs_break_conns(&set->nodes[node]);
}

void rs_kill_cursors(rs_set_t *set, unsigned node)
{
    rs_count_fault(set, RS_FAULT_KILL_CURSORS);
    rs_note(set, "n%u: all cursors are killed", node);
    rs_drop_cursors(&set->nodes[node]);
}

void rs_fail(rs_set_t *set, unsigned node, const rs_failure_t *failure)
{
    rs_count_fault(set, RS_FAULT_FAIL);
    rs_note(set, "n%u will fail: %d", node, (int)failure->code);
    set->nodes[node].failure = *failure;
    set->nodes[node].failure_left = failure->times != 0 ? failure->times : 1;
}

/* --- configuration -----------------------------------------------------------------------------*/

static void reconfigure(rs_set_t *set, uint8_t hidden)
{
    int primary = rs_primary(set);

    set->hidden = sim_resize(set->hidden, set->config + 2);
    set->hidden[++set->config] = hidden;
    rs_note(set, "configuration %u hides %x", set->config, hidden);
    set->last_fault_us = rs_now_us(set);
    if (primary >= 0) {
        rs_take_config(&set->nodes[primary], set->config);
    }
}

void rs_hide(rs_set_t *set, unsigned node, bool hidden)
{
    uint8_t before = set->hidden[set->config];
    uint8_t bit = (uint8_t)(1u << node);

    if (((before & bit) != 0) == hidden) {
        return;
    }
    if (hidden) {
        rs_count_fault(set, RS_FAULT_HIDE);
        if (set->nodes[node].state == RS_PRIMARY) {
            rs_step_down(set, node, 0);
        }
    }
    reconfigure(set, (uint8_t)(hidden ? before | bit : before & ~bit));
}

/* --- the end -----------------------------------------------------------------------------------*/

static void heal_node(rs_set_t *set, unsigned index)
{
    rs_node_t *node = &set->nodes[index];

    node->way = RS_WAY_OPEN;
    node->refusing = false;
    node->overload_permille = 0;
    node->failure_left = 0;
    node->quiet_until_us = 0;
    node->work_us = set->opts.work_us;
    memset(&node->quality, 0, sizeof node->quality);
    sim_latency(node->server, set->opts.client_latency_us);
    if (node->frozen) {
        rs_freeze(set, index, false);
    }
    rs_release_conns(node);
    rs_end_quiescing(node);
    rs_restart(set, index);
}

void rs_heal(rs_set_t *set)
{
    rs_note(set, "everything heals");
    set->fault_epoch++;
    memset(set->cut, 0, sizeof set->cut);
    memset(set->between, 0, sizeof set->between);
    if (set->hidden[set->config] != 0) {
        reconfigure(set, 0);
    }
    for (unsigned i = 0; i < set->count; i++) {
        heal_node(set, i);
    }
    set->last_fault_us = rs_now_us(set);
}

int64_t rs_last_fault_us(const rs_set_t *set)
{
    return set->last_fault_us;
}
