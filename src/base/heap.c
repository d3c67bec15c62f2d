/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing heap (Fredman et al. 1986), two-pass merge. */
#include "base/heap.h"

#include "base/assert.h"

static muv__heap_node_t *meld(muv__heap_node_t *a, muv__heap_node_t *b)
{
    if (a == NULL) {
        return b;
    }
    if (b == NULL) {
        return a;
    }
    if (b->due_us < a->due_us) {
        muv__heap_node_t *swap = a;

        a = b;
        b = swap;
    }
    b->next = a->child;
    if (a->child != NULL) {
        a->child->prev = b;
    }
    b->prev = a;
    a->child = b;
    return a;
}

/* Merge a list of siblings: pairs from left to right, then the pairs from right to left. A loop,
 * not a recursion: the list may be as long as the heap. */
static muv__heap_node_t *merge_siblings(muv__heap_node_t *first)
{
    muv__heap_node_t *pairs = NULL;
    muv__heap_node_t *root = NULL;

    while (first != NULL) {
        muv__heap_node_t *a = first;
        muv__heap_node_t *b = a->next;
        muv__heap_node_t *pair;

        first = b == NULL ? NULL : b->next;
        a->next = a->prev = NULL;
        if (b != NULL) {
            b->next = b->prev = NULL;
        }
        pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        muv__heap_node_t *pair = pairs;

        pairs = pair->next;
        pair->next = NULL;
        root = meld(root, pair);
    }
    return root;
}

void muv__heap_insert(muv__heap_t *heap, muv__heap_node_t *node, int64_t due_us)
{
    MUV__ASSERT(!node->linked);
    node->child = node->next = node->prev = NULL;
    node->due_us = due_us;
    node->linked = 1;
    heap->root = meld(heap->root, node);
}

static void cut(muv__heap_node_t *node)
{
    if (node->prev->child == node) {
        node->prev->child = node->next;
    } else {
        node->prev->next = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    }
}

void muv__heap_remove(muv__heap_t *heap, muv__heap_node_t *node)
{
    muv__heap_node_t *children;

    if (!node->linked) {
        return;
    }
    children = merge_siblings(node->child);
    if (node == heap->root) {
        heap->root = children;
    } else {
        cut(node);
        heap->root = meld(heap->root, children);
    }
    node->child = node->next = node->prev = NULL;
    node->linked = 0;
}
