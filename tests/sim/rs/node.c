/* SPDX-License-Identifier: Apache-2.0 */
/* One node: its state, its log and what it has applied, crash and restart. Who leads and what is
 * committed is decided in node_raft.c. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- making and ending -------------------------------------------------------------------------*/

void rs_node_init(rs_set_t *set, unsigned index)
{
    rs_node_t *node = &set->nodes[index];
    char address[16];

    node->set = set;
    node->index = index;
    (void)snprintf(address, sizeof address, "10.0.0.%u", index + 1);
    (void)snprintf(node->host, sizeof node->host, "%s:27017", address);
    node->server = sim_server(set->world, address, 27017);
    sim_latency(node->server, set->opts.client_latency_us);
    node->work_us = set->opts.work_us;
    node->state = RS_SECONDARY;
    node->voted_for = -1;
    node->leader = -1;
    node->boot = 1;
    node->config = 1;
    muv__list_init(&node->conns);
    muv__list_init(&node->jobs);
    muv__list_init(&node->streams);
    muv__list_init(&node->cursors);
    rs_listen(node);
}

static void forget_memory(rs_node_t *node)
{
    rs_drop_jobs(node);
    rs_drop_streams(node, NULL);
    rs_drop_cursors(node);
    bson_destroy(node->last_find);
    node->last_find = NULL;
    free(node->active_txn);
    node->active_txn = NULL;
    node->active_capacity = 0;
    free(node->known_sessions);
    node->known_sessions = NULL;
    node->known_capacity = 0;
}

void rs_node_done(rs_node_t *node)
{
    forget_memory(node);
    rs_break_conns(node);
    sim_handle(node->server, NULL, NULL);
    sim_on_connect(node->server, SIM_REFUSE, 0);
    rs_image_free(&node->image);
    rs_image_free(&node->stable);
    free(node->log);
}

/* --- state -------------------------------------------------------------------------------------*/

const char *rs_state_name(rs_state_t state)
{
    switch (state) {
    case RS_PRIMARY: return "PRIMARY";
    case RS_SECONDARY: return "SECONDARY";
    case RS_ROLLBACK: return "ROLLBACK";
    case RS_RECOVERING: return "RECOVERING";
    case RS_DOWN: return "DOWN";
    }
    return "?";
}

static void begin_reign(rs_node_t *node)
{
    rs_set_t *set = node->set;

    if (set->reign_count == set->reign_capacity) {
        set->reign_capacity = set->reign_capacity == 0 ? 64 : set->reign_capacity * 2;
        set->reigns = sim_resize(set->reigns, set->reign_capacity * sizeof *set->reigns);
    }
    set->reigns[set->reign_count++] = (rs_reign_t){
        .node = node->index, .term = node->term, .from_us = rs_now_us(set), .until_us = INT64_MAX};
}

static void end_reign(rs_node_t *node)
{
    rs_set_t *set = node->set;

    for (size_t i = set->reign_count; i > 0; i--) {
        if (set->reigns[i - 1].node == node->index) {
            set->reigns[i - 1].until_us = rs_now_us(set);
            return;
        }
    }
}

void rs_enter(rs_node_t *node, rs_state_t state)
{
    if (node->state == RS_PRIMARY && state != RS_PRIMARY) {
        end_reign(node);
    }
    rs_note(node->set, "n%u %s -> %s term %" PRIu64 " log %" PRIu64 " committed %" PRIu64,
            node->index, rs_state_name(node->state), rs_state_name(state), node->term,
            node->log_size, node->committed);
    node->state = state;
    if (state == RS_PRIMARY) {
        begin_reign(node);
    }
    node->counter++;
    rs_tell_streams(node);
}

void rs_follow(rs_node_t *node, int leader)
{
    if (node->leader != leader) {
        node->leader = leader;
        node->counter++;
        rs_tell_streams(node);
    }
}

bool rs_is_hidden(const rs_node_t *node, unsigned index)
{
    return (node->set->hidden[node->config] >> index & 1) != 0;
}

void rs_take_config(rs_node_t *node, uint32_t version)
{
    if (version > node->config) {
        node->config = version;
        node->counter++;
        rs_tell_streams(node);
    }
}

/* --- log ---------------------------------------------------------------------------------------*/

uint64_t rs_last_time(const rs_node_t *node)
{
    return node->log_size == 0 ? 0 : node->log[node->log_size - 1]->timestamp;
}

uint64_t rs_committed_time(const rs_node_t *node)
{
    return node->committed == 0 ? 0 : node->log[node->committed - 1]->timestamp;
}

uint64_t rs_last_term(const rs_node_t *node)
{
    return node->log_size == 0 ? 0 : node->log[node->log_size - 1]->term;
}

void rs_tick_clock(rs_node_t *node, uint64_t seen)
{
    node->clock = seen > node->clock ? seen : node->clock;
}

static uint64_t next_time(rs_node_t *node)
{
    uint64_t wall = (uint64_t)(rs_wall_ms(node->set) / 1000) << 32;

    node->clock = node->clock >= wall ? node->clock + 1 : wall + 1;
    return node->clock;
}

void rs_take(rs_node_t *node, rs_entry_t *entry)
{
    if (node->log_size == node->log_capacity) {
        node->log_capacity = node->log_capacity == 0 ? 1024 : node->log_capacity * 2;
        node->log = sim_resize(node->log, node->log_capacity * sizeof(rs_entry_t *));
    }
    assert_true(entry->index == node->log_size);
    node->log[node->log_size++] = entry;
    entry->holders++;
    rs_image_apply(&node->image, entry);
    rs_tick_clock(node, entry->timestamp);
}

void rs_append(rs_node_t *node, rs_entry_t *entry)
{
    entry->term = node->term;
    entry->index = node->log_size;
    entry->timestamp = next_time(node);
    entry->node = node->index;
    entry->made_us = rs_now_us(node->set);
    rs_take(node, entry);
}

/* Logs with the same entry at a place are the same up to there. */
uint64_t rs_common_size(const rs_node_t *a, const rs_node_t *b)
{
    uint64_t low = 0;
    uint64_t high = a->log_size < b->log_size ? a->log_size : b->log_size;

    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;

        if (a->log[middle - 1] == b->log[middle - 1]) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

void rs_truncate(rs_node_t *node, uint64_t size)
{
    bool lying = (node->set->lies & RS_LIE_LOSE_COMMITTED) != 0;

    assert_true(lying || size >= node->committed);
    while (node->committed > size) {
        rs_image_undo(&node->stable, node->log[--node->committed]);
    }
    if (node->log_size > size) {
        rs_note(node->set, "n%u loses %" PRIu64 " entries from %" PRIu64, node->index,
                node->log_size - size, size);
    }
    while (node->log_size > size) {
        rs_entry_t *entry = node->log[--node->log_size];

        entry->holders--;
        node->set->counts.rolled_back++;
        rs_image_undo(&node->image, entry);
    }
    node->journaled = node->journaled < size ? node->journaled : size;
    /* What was begun in sessions is no longer known for sure. */
    free(node->active_txn);
    node->active_txn = NULL;
    node->active_capacity = 0;
}

void rs_set_committed(rs_node_t *node, uint64_t committed)
{
    while (node->committed < committed) {
        rs_image_apply(&node->stable, node->log[node->committed++]);
    }
}

/* --- crash and restart -------------------------------------------------------------------------*/

static void lose_tail(rs_node_t *node)
{
    rs_set_t *set = node->set;

    if (node->log_size > node->journaled && rs_chance(set, set->opts.lose_tail_percent)) {
        rs_truncate(node, node->journaled + rs_random(set, node->log_size - node->journaled));
    }
}

static void go_down(rs_node_t *node, bool silent)
{
    rs_set_t *set = node->set;

    node->silent = silent;
    node->frozen = false;
    node->quiescing = false;
    rs_enter(node, RS_DOWN);
    forget_memory(node);
    if (silent) {
        rs_orphan_conns(node);
    } else {
        rs_break_conns(node);
    }
    lose_tail(node);
    node->boot++;
    node->counter = 0;
    node->leader = -1;
    node->standing_term = 0;
    node->stand_armed = false;
    set->last_fault_us = rs_now_us(set);
}

void rs_crash(rs_set_t *set, unsigned node, bool silent)
{
    if (set->nodes[node].state != RS_DOWN) {
        rs_count_fault(set, RS_FAULT_CRASH);
        rs_note(set, "crash n%u%s", node, silent ? " silently" : "");
        go_down(&set->nodes[node], silent);
    }
}

static void on_recovered(void *data)
{
    rs_alarm_t *alarm = data;
    rs_node_t *node = alarm->node;

    if (alarm->boot == node->boot && node->state == RS_RECOVERING) {
        rs_enter(node, RS_SECONDARY);
        rs_wake_jobs(node);
    }
}

void rs_recover(rs_node_t *node, int64_t delay_us)
{
    rs_enter(node, RS_RECOVERING);
    rs_start_alarm(node, rs_now_us(node->set) + delay_us, on_recovered);
}

void rs_restart(rs_set_t *set, unsigned index)
{
    rs_node_t *node = &set->nodes[index];

    if (node->state != RS_DOWN) {
        return;
    }
    rs_note(set, "restart n%u", index);
    rs_break_conns(node); /* Those of a machine that went away silently. */
    node->silent = false;
    node->clock = rs_last_time(node);
    node->journaled = node->log_size;
    rs_recover(node, rs_between(set, 100 * SIM_MS, 1500 * SIM_MS));
    rs_begin_following(node);
    set->last_fault_us = rs_now_us(set);
}

void rs_end_quiescing(rs_node_t *node)
{
    if (node->quiescing) {
        go_down(node, false);
    }
}

static void on_quiesced(void *data)
{
    rs_alarm_t *alarm = data;

    if (alarm->boot == alarm->node->boot) {
        rs_end_quiescing(alarm->node);
    }
}

void rs_shut_down(rs_set_t *set, unsigned index)
{
    rs_node_t *node = &set->nodes[index];

    if (node->state == RS_DOWN || node->quiescing) {
        return;
    }
    rs_count_fault(set, RS_FAULT_SHUT_DOWN);
    rs_note(set, "shut down n%u", index);
    if (node->state == RS_PRIMARY) {
        rs_resign(node, "shuts down");
        rs_hand_over(node);
    }
    node->quiescing = true;
    node->counter++;
    rs_tell_streams(node);
    rs_interrupt_jobs(node, 11600);
    rs_start_alarm(node, rs_now_us(node->set) + rs_between(set, 50 * SIM_MS, 1000 * SIM_MS),
                   on_quiesced);
}

/* --- rollback ----------------------------------------------------------------------------------*/

static void on_rolled_back(void *data)
{
    rs_alarm_t *alarm = data;
    rs_node_t *node = alarm->node;

    if (alarm->boot != node->boot || node->state != RS_ROLLBACK) {
        return;
    }
    if (node->log_size > node->rollback_to) {
        rs_truncate(node, node->rollback_to);
    }
    rs_recover(node, rs_between(node->set, 20 * SIM_MS, 300 * SIM_MS));
}

void rs_roll_back(rs_node_t *node, uint64_t size)
{
    rs_set_t *set = node->set;

    node->rollback_to = size;
    rs_enter(node, RS_ROLLBACK);
    rs_interrupt_jobs(node, 11602);
    rs_drop_cursors(node);
    if (rs_chance(set, 70)) {
        rs_break_conns(node);
    }
    rs_start_alarm(node, rs_now_us(node->set) + rs_between(set, 50 * SIM_MS, 1500 * SIM_MS),
                   on_rolled_back);
}

/* --- standing still ----------------------------------------------------------------------------*/

void rs_freeze(rs_set_t *set, unsigned index, bool frozen)
{
    rs_node_t *node = &set->nodes[index];

    if (node->state == RS_DOWN || node->frozen == frozen) {
        return;
    }
    rs_note(set, "n%u %s", index, frozen ? "freezes" : "thaws");
    set->last_fault_us = rs_now_us(set);
    if (frozen) {
        rs_count_fault(set, RS_FAULT_FREEZE);
    }
    node->frozen = frozen;
    if (!frozen) {
        rs_release_conns(node);
        rs_tell_streams(node);
        rs_wake_jobs(node);
    }
}
