/* SPDX-License-Identifier: Apache-2.0 */
/* Appending and committing, after Raft. Messages between nodes are events; the path decides whether
 * and when they arrive. Terms and votes are in node_vote.c. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BATCH 500
#define NOOP_GAP_US (10 * SIM_SECOND)

static int64_t now_of(const rs_node_t *node)
{
    return rs_now_us(node->set);
}

/* --- appending ---------------------------------------------------------------------------------*/

typedef struct append {
    rs_set_t *set;
    unsigned from;
    unsigned to;
    uint64_t term;
    uint64_t size;          /* Entries in front of those here, ... */
    const rs_entry_t *last; /* ... and the last of them. */
    uint64_t committed;
    uint32_t config;
    int64_t sent_us;
    uint64_t count;
    rs_entry_t *entries[];
} append_t;

typedef enum answer { ANSWER_TAKEN, ANSWER_BEHIND, ANSWER_BUSY } answer_t;

typedef struct appended {
    rs_set_t *set;
    unsigned from;
    unsigned to;
    uint64_t term;
    answer_t answer;
    uint64_t size;
    uint64_t committed;
    int64_t sent_us;
} appended_t;

static void on_append(void *data);
static void on_appended(void *data);

static void send_append(rs_node_t *node, unsigned to)
{
    rs_set_t *set = node->set;
    uint64_t next = node->next[to];
    uint64_t count = node->log_size - next < MAX_BATCH ? node->log_size - next : MAX_BATCH;
    append_t *message;
    int64_t delay_us;

    node->sent_us[to] = now_of(node);
    if (!rs_node_path(set, node->index, to, &delay_us)) {
        return;
    }
    message = sim_alloc(sizeof *message + count * sizeof message->entries[0]);
    message->set = set;
    message->from = node->index;
    message->to = to;
    message->term = node->term;
    message->size = next;
    message->last = next == 0 ? NULL : node->log[next - 1];
    message->committed = node->committed;
    message->config = node->config;
    message->sent_us = now_of(node);
    message->count = count;
    memcpy(message->entries, node->log + next, count * sizeof message->entries[0]);
    rs_at(set, now_of(node) + delay_us, on_append, message);
}

static void answer_append(rs_node_t *node, const append_t *message, answer_t answer)
{
    appended_t *reply;
    int64_t delay_us;

    if (!rs_node_path(node->set, node->index, message->from, &delay_us)) {
        return;
    }
    reply = sim_alloc(sizeof *reply);
    *reply = (appended_t){.set = node->set,
                          .from = node->index,
                          .to = message->from,
                          .term = node->term,
                          .answer = answer,
                          .size = message->size + message->count,
                          .committed = node->committed,
                          .sent_us = message->sent_us};
    rs_at(node->set, now_of(node) + delay_us, on_appended, reply);
}

/* Take what is new. Returns false when the logs part: the node rolls back. */
static bool take_entries(rs_node_t *node, const append_t *message)
{
    for (uint64_t i = 0; i < message->count; i++) {
        uint64_t place = message->size + i;

        if (place < node->log_size && node->log[place] != message->entries[i]) {
            rs_roll_back(node, place);
            return false;
        }
        if (place == node->log_size) {
            rs_take(node, message->entries[i]);
        }
    }
    return true;
}

static void on_append(void *data)
{
    const append_t *message = data;
    rs_node_t *node = &message->set->nodes[message->to];
    uint64_t known = message->size + message->count;

    if (rs_is_deaf(node)) {
        return;
    }
    rs_adopt_term(node, message->term);
    if (message->term < node->term) {
        answer_append(node, message, ANSWER_BUSY);
        return;
    }
    node->heard_us = now_of(node);
    node->standing_term = 0;
    rs_postpone(node);
    rs_follow(node, (int)message->from);
    rs_take_config(node, message->config);
    if (node->state == RS_ROLLBACK) {
        answer_append(node, message, ANSWER_BUSY);
    } else if (message->size > node->log_size ||
               (message->size != 0 && node->log[message->size - 1] != message->last)) {
        answer_append(node, message, ANSWER_BEHIND);
    } else if (!take_entries(node, message)) {
        answer_append(node, message, ANSWER_BUSY);
    } else {
        node->journaled = node->log_size;
        rs_set_committed(node, message->committed < known ? message->committed : known);
        answer_append(node, message, ANSWER_TAKEN);
        rs_wake_jobs(node);
    }
}

uint64_t rs_replicated(const rs_node_t *node, int w)
{
    uint64_t sizes[RS_MAX_NODES];
    unsigned count = node->set->count;

    if (w == RS_MAJORITY) {
        return (node->set->lies & RS_LIE_EARLY_MAJORITY) != 0 ? node->log_size : node->committed;
    }
    if (w > (int)count) {
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t size = i == node->index ? node->log_size : node->match[i];
        unsigned at = i;

        for (; at > 0 && sizes[at - 1] < size; at--) {
            sizes[at] = sizes[at - 1];
        }
        sizes[at] = size;
    }
    return sizes[w <= 1 ? 0 : w - 1];
}

/* The model's own promise: at each place one entry is committed for ever. */
static void settle(rs_set_t *set, rs_entry_t *entry)
{
    if (entry->index < set->settled_count) {
        assert_true(set->settled[entry->index] == entry ||
                    (set->lies & RS_LIE_LOSE_COMMITTED) != 0);
        set->settled[entry->index] = entry;
        return;
    }
    assert_true(entry->index == set->settled_count || set->lies != 0);
    if (set->settled_count == set->settled_capacity) {
        set->settled_capacity = set->settled_capacity == 0 ? 1024 : set->settled_capacity * 2;
        set->settled = sim_resize(set->settled, set->settled_capacity * sizeof(rs_entry_t *));
    }
    set->settled[set->settled_count++] = entry;
}

static void mark_committed(rs_node_t *node, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        rs_entry_t *entry = node->log[i];

        if (entry->committed_us == 0) {
            entry->committed_us = now_of(node);
        }
        settle(node->set, entry);
    }
}

/* Only an entry of its own term lets a primary know that all before are safe. */
static bool advance_commit(rs_node_t *node)
{
    uint64_t size = rs_replicated(node, (int)rs_majority_of(node->set));

    node->journaled = node->log_size;
    if (size <= node->committed || node->log[size - 1]->term != node->term) {
        return false;
    }
    mark_committed(node, node->committed, size);
    rs_set_committed(node, size);
    return true;
}

static bool has_news(const rs_node_t *node, unsigned to)
{
    return node->next[to] < node->log_size || node->told_commit[to] < node->committed;
}

void rs_replicate(rs_node_t *node)
{
    if (node->set->count == 1 && advance_commit(node)) {
        rs_wake_jobs(node);
    }
    for (unsigned i = 0; i < node->set->count; i++) {
        if (i != node->index && node->sent_us[i] == 0 && has_news(node, i)) {
            send_append(node, i);
        }
    }
}

static void on_appended(void *data)
{
    const appended_t *reply = data;
    rs_node_t *node = &reply->set->nodes[reply->to];
    unsigned from = reply->from;

    if (rs_is_deaf(node)) {
        return;
    }
    rs_adopt_term(node, reply->term);
    if (node->state != RS_PRIMARY || reply->term != node->term) {
        return;
    }
    node->sent_us[from] = 0;
    if (reply->sent_us > node->acked_us[from]) {
        node->acked_us[from] = reply->sent_us;
    }
    if (reply->answer == ANSWER_BEHIND) {
        node->next[from] = rs_common_size(node, &reply->set->nodes[from]);
        send_append(node, from);
        return;
    }
    if (reply->answer == ANSWER_BUSY) {
        return;
    }
    node->match[from] = reply->size > node->match[from] ? reply->size : node->match[from];
    node->next[from] = node->match[from];
    node->told_commit[from] = reply->committed;
    (void)advance_commit(node);
    rs_wake_jobs(node);
    if (node->state == RS_PRIMARY) {
        rs_replicate(node);
    }
}

static void append_noop(rs_node_t *node)
{
    rs_append(node, rs_store_entry(&node->set->store));
    rs_replicate(node);
}

typedef struct wish {
    rs_set_t *set;
    unsigned to;
    uint64_t time;
} wish_t;

static void on_wish(void *data)
{
    const wish_t *wish = data;
    rs_node_t *node = &wish->set->nodes[wish->to];

    if (!rs_is_deaf(node) && node->state == RS_PRIMARY) {
        rs_want_time(node, wish->time);
    }
}

void rs_want_time(rs_node_t *node, uint64_t time)
{
    wish_t *wish;
    int64_t delay_us;

    if (node->state == RS_PRIMARY) {
        if (rs_last_time(node) < time) {
            rs_tick_clock(node, time);
            append_noop(node);
            rs_wake_jobs(node);
        }
        return;
    }
    if (node->leader >= 0 &&
        rs_node_path(node->set, node->index, (unsigned)node->leader, &delay_us)) {
        wish = sim_alloc(sizeof *wish);
        *wish = (wish_t){.set = node->set, .to = (unsigned)node->leader, .time = time};
        rs_at(node->set, now_of(node) + delay_us, on_wish, wish);
    }
}

/* --- a primary's life --------------------------------------------------------------------------*/

static unsigned count_reachable(const rs_node_t *node)
{
    int64_t since_us = now_of(node) - node->patience_us;
    unsigned count = 1;

    for (unsigned i = 0; i < node->set->count; i++) {
        count += i != node->index && node->acked_us[i] > since_us;
    }
    return count;
}

static void on_beat(void *data)
{
    rs_alarm_t *alarm = data;
    rs_node_t *node = alarm->node;

    if (alarm->boot != node->boot || alarm->term != node->term || node->state != RS_PRIMARY) {
        return;
    }
    if (!node->frozen) {
        if (count_reachable(node) < rs_majority_of(node->set)) {
            rs_resign(node, "cannot see a majority");
            return;
        }
        node->journaled = node->log_size;
        if (node->log[node->log_size - 1]->made_us <= now_of(node) - NOOP_GAP_US) {
            append_noop(node);
        }
        for (unsigned i = 0; i < node->set->count; i++) {
            int64_t sent_us = node->sent_us[i];

            if (i != node->index &&
                (sent_us == 0 || sent_us <= now_of(node) - node->set->opts.heartbeat_us)) {
                send_append(node, i);
            }
        }
    }
    rs_start_alarm(node, now_of(node) + node->set->opts.heartbeat_us, on_beat);
}

void rs_become_primary(rs_node_t *node)
{
    rs_set_t *set = node->set;
    int64_t timeout_us = set->opts.election_timeout_us;

    node->standing_term = 0;
    node->leader = (int)node->index;
    node->patience_us = rs_between(set, timeout_us * 4 / 5, timeout_us * 2);
    for (unsigned i = 0; i < set->count; i++) {
        node->next[i] = node->log_size;
        node->match[i] = 0;
        node->told_commit[i] = 0;
        node->acked_us[i] = now_of(node);
        node->sent_us[i] = 0;
    }
    set->counts.elections++;
    rs_take_config(node, set->config);
    rs_enter(node, RS_PRIMARY);
    append_noop(node);
    rs_start_alarm(node, now_of(node) + set->opts.heartbeat_us, on_beat);
    rs_wake_jobs(node);
}
