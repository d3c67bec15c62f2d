/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines in one intrusive pairing heap: insert and peek in constant time, removal of any element
 * in logarithmic amortized time, and no allocation, so that cancel and timeout cannot fail. */
#ifndef MUV__HEAP_H
#define MUV__HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct muv__heap_node {
    struct muv__heap_node *child; /* Leftmost child. */
    struct muv__heap_node *next;  /* Right sibling. */
    struct muv__heap_node *prev;  /* Left sibling, or the parent of a leftmost child. */
    int64_t due_us;
    int8_t linked;
} muv__heap_node_t;

typedef struct muv__heap {
    muv__heap_node_t *root;
} muv__heap_t;

static inline int muv__heap_linked(const muv__heap_node_t *node)
{
    return node->linked;
}

/* The earliest element, or NULL. */
static inline muv__heap_node_t *muv__heap_first(const muv__heap_t *heap)
{
    return heap->root;
}

/* A zeroed node may be inserted. Elements with equal `due_us` come in no promised order. */
void muv__heap_insert(muv__heap_t *heap, muv__heap_node_t *node, int64_t due_us);

/* Safe on a node that is in no heap. */
void muv__heap_remove(muv__heap_t *heap, muv__heap_node_t *node);

#endif
