/* SPDX-License-Identifier: Apache-2.0 */
/* An agenda: what happens when. Events of the same time come in the order in which they were added.
 */
#ifndef MUV_TESTS_SIM_NET_EVENTS_H
#define MUV_TESTS_SIM_NET_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_event {
    int64_t due_us;
    uint64_t sequence;
    void (*fn)(void *data);
    void *data;
} sim_event_t;

/* All zero: empty. */
typedef struct sim_events {
    sim_event_t *items; /* A binary heap. */
    size_t count;
    size_t capacity;
    uint64_t next_sequence;
} sim_events_t;

void sim_events_add(sim_events_t *events, int64_t due_us, void (*fn)(void *data), void *data);

/* The time of the first one; INT64_MAX: none. */
int64_t sim_events_next_us(const sim_events_t *events);

/* Take out the first one. There must be one. */
sim_event_t sim_events_pop(sim_events_t *events);

/* Take out all, from the last added on, each given to `drop` (which frees its data). */
void sim_events_clear(sim_events_t *events, void (*drop)(sim_event_t *event));

/* Memory of the simulation itself: it is there, or the process ends. Zeroed. */
void *sim_alloc(size_t size);
void *sim_resize(void *memory, size_t size);
char *sim_strdup(const char *text);

#endif
