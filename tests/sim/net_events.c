/* SPDX-License-Identifier: Apache-2.0 */
/* The agenda as a binary heap. */
#include "net_events.h"

#include <stdlib.h>
#include <string.h>

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *sim_resize(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

char *sim_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(sim_alloc(size), text, size);
}

static bool before(const sim_event_t *a, const sim_event_t *b)
{
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->sequence < b->sequence);
}

void sim_events_add(sim_events_t *events, int64_t due_us, void (*fn)(void *data), void *data)
{
    sim_event_t event = {
        .due_us = due_us, .sequence = events->next_sequence++, .fn = fn, .data = data};
    size_t at = events->count++;

    if (events->count > events->capacity) {
        events->capacity = events->capacity == 0 ? 256 : events->capacity * 2;
        events->items = sim_resize(events->items, events->capacity * sizeof *events->items);
    }
    while (at > 0 && before(&event, &events->items[(at - 1) / 2])) {
        events->items[at] = events->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    events->items[at] = event;
}

int64_t sim_events_next_us(const sim_events_t *events)
{
    return events->count == 0 ? INT64_MAX : events->items[0].due_us;
}

sim_event_t sim_events_pop(sim_events_t *events)
{
    sim_event_t first = events->items[0];
    sim_event_t last = events->items[--events->count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < events->count && before(&events->items[child + 1], &events->items[child])) {
            child++;
        }
        if (child >= events->count || !before(&events->items[child], &last)) {
            break;
        }
        events->items[at] = events->items[child];
        at = child;
    }
    if (events->count != 0) {
        events->items[at] = last;
    }
    return first;
}

void sim_events_clear(sim_events_t *events, void (*drop)(sim_event_t *event))
{
    while (events->count != 0) {
        sim_event_t event = sim_events_pop(events);

        if (drop != NULL) {
            drop(&event);
        }
    }
    free(events->items);
    memset(events, 0, sizeof *events);
}
