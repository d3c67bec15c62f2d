/* SPDX-License-Identifier: Apache-2.0 */
/* Terms and votes, after Raft, with a dry run before an election as mongod has. */
#include "node.h"

#include <inttypes.h>

#define DEFAULT_QUIET_US (10 * SIM_SECOND)

unsigned rs_majority_of(const rs_set_t *set)
{
    return set->count / 2 + 1;
}

static unsigned count_bits(unsigned mask)
{
    unsigned count = 0;

    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

bool rs_is_deaf(const rs_node_t *node)
{
    return node->state == RS_DOWN || node->frozen;
}

static int64_t now_of(const rs_node_t *node)
{
    return rs_now_us(node->set);
}

/* --- terms -------------------------------------------------------------------------------------*/

static void on_stand(void *data);

void rs_start_alarm(rs_node_t *node, int64_t due_us, void (*fn)(void *data))
{
    rs_alarm_t *alarm = sim_alloc(sizeof *alarm);

    alarm->node = node;
    alarm->boot = node->boot;
    alarm->term = node->term;
    rs_at(node->set, due_us, fn, alarm);
}

/* One timer, which is moved on when it fires. */
void rs_postpone(rs_node_t *node)
{
    int64_t timeout_us = node->set->opts.election_timeout_us;

    node->stand_us = now_of(node) + timeout_us + rs_between(node->set, 0, timeout_us / 2);
    if (!node->stand_armed) {
        node->stand_armed = true;
        rs_start_alarm(node, node->stand_us, on_stand);
    }
}

void rs_begin_following(rs_node_t *node)
{
    node->standing_term = 0;
    rs_postpone(node);
}

void rs_resign(rs_node_t *node, const char *why)
{
    rs_note(node->set, "n%u resigns: %s", node->index, why);
    node->leader = -1;
    rs_enter(node, RS_SECONDARY);
    rs_interrupt_jobs(node, 11602);
    rs_begin_following(node);
    rs_wake_jobs(node);
}

void rs_adopt_term(rs_node_t *node, uint64_t term)
{
    if (term <= node->term) {
        return;
    }
    node->term = term;
    node->voted_for = -1;
    node->standing_term = 0;
    if (node->state == RS_PRIMARY) {
        rs_resign(node, "a higher term");
    }
}

/* By the latest configuration, known to the node or not: without a primary it would never learn of
 * one that lets it lead. */
static bool may_lead(const rs_node_t *node)
{
    return (node->set->hidden[node->set->config] >> node->index & 1) == 0;
}

/* --- elections ---------------------------------------------------------------------------------*/

typedef struct ballot {
    rs_set_t *set;
    unsigned from;
    unsigned to;
    bool dry;
    bool granted; /* Of an answer. */
    uint64_t term;
    uint64_t last_term;
    uint64_t size;
} ballot_t;

static void on_vote(void *data);

static void send_ballot(const ballot_t *ballot, void (*fn)(void *data))
{
    ballot_t *copy;
    int64_t delay_us;

    if (rs_node_path(ballot->set, ballot->from, ballot->to, &delay_us)) {
        copy = sim_alloc(sizeof *copy);
        *copy = *ballot;
        rs_at(ballot->set, rs_now_us(ballot->set) + delay_us, fn, copy);
    }
}

static bool is_up_to_date(const rs_node_t *node, const ballot_t *ballot)
{
    uint64_t last_term = rs_last_term(node);

    return (node->set->lies & RS_LIE_LOSE_COMMITTED) != 0 || ballot->last_term > last_term ||
           (ballot->last_term == last_term && ballot->size >= node->log_size);
}

/* A dry run changes nothing, and who hears of a primary wants no other. */
static bool grants(rs_node_t *node, const ballot_t *ballot)
{
    bool led =
        node->state == RS_PRIMARY ||
        (node->leader >= 0 && node->heard_us > now_of(node) - node->set->opts.election_timeout_us);

    if (ballot->dry) {
        return ballot->term > node->term && !led && is_up_to_date(node, ballot);
    }
    rs_adopt_term(node, ballot->term);
    if (ballot->term != node->term || node->state == RS_PRIMARY || !is_up_to_date(node, ballot) ||
        (node->voted_for >= 0 && node->voted_for != (int)ballot->from)) {
        return false;
    }
    node->voted_for = (int)ballot->from;
    rs_postpone(node);
    return true;
}

static void on_ballot(void *data)
{
    const ballot_t *ballot = data;
    rs_node_t *node = &ballot->set->nodes[ballot->to];
    ballot_t answer = *ballot;

    if (rs_is_deaf(node)) {
        return;
    }
    answer.granted = grants(node, ballot);
    answer.from = node->index;
    answer.to = ballot->from;
    answer.term = answer.granted ? ballot->term : node->term;
    send_ballot(&answer, on_vote);
}

static void ask_for_votes(rs_node_t *node, bool dry)
{
    rs_set_t *set = node->set;
    ballot_t ballot = {.set = set,
                       .from = node->index,
                       .dry = dry,
                       .last_term = rs_last_term(node),
                       .size = node->log_size};

    if (!dry) {
        node->term++;
        node->voted_for = (int)node->index;
    }
    ballot.term = dry ? node->term + 1 : node->term;
    node->dry = dry;
    node->standing_term = ballot.term;
    node->votes = 1u << node->index;
    rs_note(set, "n%u stands%s for term %" PRIu64, node->index, dry ? " dry" : "", ballot.term);
    for (unsigned i = 0; i < set->count; i++) {
        ballot.to = i;
        if (i != node->index) {
            send_ballot(&ballot, on_ballot);
        }
    }
    if (set->count == 1) {
        node->term = ballot.term;
        rs_become_primary(node);
    }
}

static void on_vote(void *data)
{
    const ballot_t *answer = data;
    rs_node_t *node = &answer->set->nodes[answer->to];

    if (rs_is_deaf(node)) {
        return;
    }
    if (!answer->granted) {
        rs_adopt_term(node, answer->term);
        return;
    }
    if (node->state != RS_SECONDARY || node->standing_term != answer->term ||
        node->dry != answer->dry) {
        return;
    }
    node->votes |= 1u << answer->from;
    if (count_bits(node->votes) < rs_majority_of(node->set)) {
        return;
    }
    if (node->dry) {
        ask_for_votes(node, false);
    } else {
        rs_become_primary(node);
    }
}

static void on_stand(void *data)
{
    rs_alarm_t *alarm = data;
    rs_node_t *node = alarm->node;
    rs_set_t *set = node->set;

    if (alarm->boot != node->boot) {
        return;
    }
    node->stand_armed = false;
    if (node->state == RS_PRIMARY) {
        return; /* The timer is started again when it resigns. */
    }
    if (rs_now_us(set) < node->stand_us) {
        node->stand_armed = true;
        rs_start_alarm(node, node->stand_us, on_stand);
        return;
    }
    rs_postpone(node);
    if (node->state == RS_SECONDARY && !node->frozen && !node->quiescing && may_lead(node) &&
        rs_now_us(set) >= node->quiet_until_us) {
        rs_follow(node, -1);
        ask_for_votes(node, true);
    }
}

/* --- stepping down -----------------------------------------------------------------------------*/

/* The most advanced node that can be reached stands at once, as mongod hands an election over. */
void rs_hand_over(rs_node_t *node)
{
    rs_set_t *set = node->set;
    rs_node_t *heir = NULL;

    for (unsigned i = 0; i < set->count; i++) {
        rs_node_t *other = &set->nodes[i];

        if (i != node->index && other->state == RS_SECONDARY && !other->frozen && may_lead(other) &&
            !set->cut[node->index][i] && other->log_size == rs_common_size(node, other) &&
            (heir == NULL || other->log_size > heir->log_size)) {
            heir = other;
        }
    }
    if (heir != NULL) {
        ask_for_votes(heir, false);
    }
}

void rs_step_down(rs_set_t *set, unsigned index, int64_t quiet_us)
{
    rs_node_t *node = &set->nodes[index];

    if (node->state != RS_PRIMARY || node->frozen) {
        return;
    }
    rs_count_fault(set, RS_FAULT_STEP_DOWN);
    node->quiet_until_us = rs_now_us(set) + (quiet_us != 0 ? quiet_us : DEFAULT_QUIET_US);
    rs_resign(node, "was told to");
    if (rs_chance(set, 50)) {
        rs_hand_over(node);
    }
}
