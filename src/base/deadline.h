/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that waits for a time puts one of these into the client's single heap. */
#ifndef MUV__DEADLINE_H
#define MUV__DEADLINE_H

#include "base/compiler.h"
#include "base/heap.h"

typedef struct muv__deadline {
    muv__heap_node_t node;
    void (*on_due)(struct muv__deadline *deadline, int64_t now_us);
} muv__deadline_t;

static inline void muv__deadline_cancel(muv__heap_t *heap, muv__deadline_t *deadline)
{
    muv__heap_remove(heap, &deadline->node);
}

/* (Re)start. INT64_MAX: never. */
static inline void muv__deadline_set(muv__heap_t *heap, muv__deadline_t *deadline, int64_t due_us)
{
    muv__heap_remove(heap, &deadline->node);
    if (due_us != INT64_MAX) {
        muv__heap_insert(heap, &deadline->node, due_us);
    }
}

/* Take out and run what is due, at most `limit`. What is started meanwhile for a time that is due
 * already runs in the same pass: work in pieces that wants to yield asks for a later time. */
static inline void muv__deadlines_run(muv__heap_t *heap, int64_t now_us, uint32_t limit)
{
    muv__heap_node_t *first;

    while (limit-- != 0 && (first = muv__heap_first(heap)) != NULL && first->due_us <= now_us) {
        muv__deadline_t *deadline = MUV__CONTAINER_OF(first, muv__deadline_t, node);

        muv__heap_remove(heap, first);
        deadline->on_due(deadline, now_us);
    }
}

static inline int64_t muv__deadlines_next_us(const muv__heap_t *heap)
{
    const muv__heap_node_t *first = muv__heap_first(heap);

    return first == NULL ? INT64_MAX : first->due_us;
}

#endif
