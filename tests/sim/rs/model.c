/* SPDX-License-Identifier: Apache-2.0 */
/* A set's life, its agenda in virtual time, random numbers and the trace. */
#include "node.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_WIDTH 160
#define WORLD_BEGAN_S INT64_C(1735689600) /* As muv__net_wall_s() of the virtual network. */

/* --- the agenda --------------------------------------------------------------------------------*/

/* An entry in the world's agenda. It outlives the set, which then is NULL. */
struct rs_waker {
    rs_waker_t *next;
    rs_set_t *set;
    int64_t due_us;
};

static void arm(rs_set_t *set);

static void on_wake(void *data)
{
    rs_waker_t *waker = data;
    rs_set_t *set = waker->set;
    rs_waker_t **at;

    if (set == NULL) {
        free(waker);
        return;
    }
    for (at = &set->wakers; *at != waker; at = &(*at)->next) {
    }
    *at = waker->next;
    free(waker);
    while (sim_events_next_us(&set->agenda) <= rs_now_us(set)) {
        sim_event_t event = sim_events_pop(&set->agenda);

        event.fn(event.data);
        free(event.data);
    }
    arm(set);
}

/* There is a waker for the first event. */
static void arm(rs_set_t *set)
{
    int64_t due_us = sim_events_next_us(&set->agenda);
    rs_waker_t *waker;

    if (due_us == INT64_MAX || (set->wakers != NULL && set->wakers->due_us <= due_us)) {
        return;
    }
    waker = sim_alloc(sizeof *waker);
    waker->set = set;
    waker->due_us = due_us;
    waker->next = set->wakers; /* So the first in the list is the earliest. */
    set->wakers = waker;
    sim_happens(set->world, due_us, on_wake, waker);
}

void rs_at(rs_set_t *set, int64_t due_us, void (*fn)(void *data), void *data)
{
    sim_events_add(&set->agenda, due_us, fn, data);
    arm(set);
}

static void free_event(sim_event_t *event)
{
    free(event->data);
}

/* --- time and chance ---------------------------------------------------------------------------*/

int64_t rs_now_us(const rs_set_t *set)
{
    return sim_now_us(set->world);
}

int64_t rs_wall_ms(const rs_set_t *set)
{
    return WORLD_BEGAN_S * 1000 + rs_now_us(set) / SIM_MS;
}

/* splitmix64. */
uint64_t rs_random(rs_set_t *set, uint64_t bound)
{
    uint64_t z = set->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % bound;
}

bool rs_chance(rs_set_t *set, unsigned percent)
{
    return rs_random(set, 100) < percent;
}

int64_t rs_between(rs_set_t *set, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)rs_random(set, (uint64_t)(high - low) + 1);
}

/* --- the trace ---------------------------------------------------------------------------------*/

static char *trace_line(const rs_set_t *set, uint64_t number)
{
    return set->trace + (number % RS_TRACE_LINES) * TRACE_WIDTH;
}

void rs_note(rs_set_t *set, const char *format, ...)
{
    char *line = trace_line(set, set->trace_count++);
    int64_t now_us = rs_now_us(set);
    int length = snprintf(line, TRACE_WIDTH, "[%5" PRId64 ".%06" PRId64 "] ", now_us / SIM_SECOND,
                          now_us % SIM_SECOND);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line + length, TRACE_WIDTH - (size_t)length, format, arguments);
    va_end(arguments);
    set->digest = rs_hash(set->digest * 31, line, strlen(line));
    if (set->echo != NULL) {
        (void)fprintf(set->echo, "%s\n", line);
    }
}

void rs_echo(rs_set_t *set, FILE *file)
{
    set->echo = file;
}

void rs_violate(rs_set_t *set, const char *format, ...)
{
    char text[sizeof set->violation];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rs_note(set, "VIOLATION %s", text);
    if (set->violation[0] == '\0') {
        memcpy(set->violation, text, sizeof text);
    }
}

const char *rs_violation(const rs_set_t *set)
{
    return set->violation[0] == '\0' ? NULL : set->violation;
}

uint64_t rs_digest(const rs_set_t *set)
{
    return set->digest;
}

static void dump_node(const rs_node_t *node, FILE *file)
{
    (void)fprintf(
        file, "node %u: %s term %" PRIu64 " log %" PRIu64 " committed %" PRIu64 " leader %d%s%s\n",
        node->index, rs_state_name(node->state), node->term, node->log_size, node->committed,
        node->leader, node->frozen ? " frozen" : "",
        node->way != RS_WAY_OPEN ? " cut from the client" : "");
    for (unsigned to = 0; to < node->set->count; to++) {
        if (node->set->cut[node->index][to]) {
            (void)fprintf(file, "  cut to %u\n", to);
        }
    }
}

void rs_dump(const rs_set_t *set, FILE *file)
{
    uint64_t first = set->trace_count < RS_TRACE_LINES ? 0 : set->trace_count - RS_TRACE_LINES;

    for (uint64_t i = first; i < set->trace_count; i++) {
        (void)fprintf(file, "%s\n", trace_line(set, i));
    }
    for (unsigned i = 0; i < set->count; i++) {
        dump_node(&set->nodes[i], file);
    }
    if (rs_violation(set) != NULL) {
        (void)fprintf(file, "violation: %s\n", set->violation);
    }
}

/* --- life --------------------------------------------------------------------------------------*/

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value != 0 ? value : fallback;
}

static void take_opts(rs_set_t *set, const rs_opts_t *opts)
{
    rs_opts_t *own = &set->opts;

    if (opts != NULL) {
        *own = *opts;
    }
    set->count = own->nodes != 0 ? own->nodes : 3;
    assert_in_range(set->count, 1, RS_MAX_NODES);
    own->election_timeout_us = or_default(own->election_timeout_us, 3 * SIM_SECOND);
    own->heartbeat_us = or_default(own->heartbeat_us, 500 * SIM_MS);
    own->client_latency_us = or_default(own->client_latency_us, 500);
    own->node_latency_us = or_default(own->node_latency_us, 700);
    own->work_us = or_default(own->work_us, 400);
    own->link_timeout_us = or_default(own->link_timeout_us, 20 * SIM_SECOND);
    own->lose_tail_percent = own->lose_tail_percent == 0    ? 50
                             : own->lose_tail_percent > 100 ? 0
                                                            : own->lose_tail_percent;
}

static void write_uri(rs_set_t *set)
{
    int length = snprintf(set->uri, sizeof set->uri, "mongodb://");

    for (unsigned i = 0; i < set->count; i++) {
        length += snprintf(set->uri + length, sizeof set->uri - (size_t)length, "%s%s",
                           i == 0 ? "" : ",", set->nodes[i].host);
    }
    (void)snprintf(set->uri + length, sizeof set->uri - (size_t)length, "/?replicaSet=sim");
}

rs_set_t *rs_new(sim_world_t *world, uint64_t seed, const rs_opts_t *opts)
{
    rs_set_t *set = sim_alloc(sizeof *set);

    set->world = world;
    set->random = seed * 2 + 1;
    set->trace = sim_alloc((size_t)RS_TRACE_LINES * TRACE_WIDTH);
    take_opts(set, opts);
    set->config = 1;
    set->hidden = sim_alloc(2);
    for (unsigned i = 0; i < set->count; i++) {
        rs_node_init(set, i);
    }
    write_uri(set);
    for (unsigned i = 1; i < set->count; i++) {
        rs_begin_following(&set->nodes[i]);
    }
    for (unsigned i = 0; i < set->count; i++) {
        set->nodes[i].term = 1;
        set->nodes[i].voted_for = 0;
    }
    rs_become_primary(&set->nodes[0]);
    set->last_fault_us = rs_now_us(set);
    return set;
}

void rs_free(rs_set_t *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        rs_node_done(&set->nodes[i]);
    }
    for (rs_waker_t *waker = set->wakers; waker != NULL; waker = waker->next) {
        waker->set = NULL;
    }
    sim_events_clear(&set->agenda, free_event);
    rs_store_free(&set->store);
    free(set->claims);
    free(set->hidden);
    free(set->settled);
    free(set->reigns);
    free(set->trace);
    free(set);
}

const char *rs_uri(const rs_set_t *set)
{
    return set->uri;
}

unsigned rs_node_count(const rs_set_t *set)
{
    return set->count;
}

sim_world_t *rs_world(const rs_set_t *set)
{
    return set->world;
}

void rs_hook(rs_set_t *set, rs_request_hook_t on_request, rs_reply_hook_t on_reply, void *data)
{
    set->on_request = on_request;
    set->on_reply = on_reply;
    set->hook_data = data;
}

void rs_lie(rs_set_t *set, unsigned lies)
{
    set->lies = lies;
}
