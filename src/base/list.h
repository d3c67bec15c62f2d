/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list. A list is a head node; an element embeds a node and is found with
 * MUV__CONTAINER_OF. Nothing allocates. An unlinked node points at itself. */
#ifndef MUV__LIST_H
#define MUV__LIST_H

#include "base/assert.h"

typedef struct muv__list {
    struct muv__list *next;
    struct muv__list *prev;
} muv__list_t;

static inline void muv__list_init(muv__list_t *node)
{
    node->next = node;
    node->prev = node;
}

static inline int muv__list_empty(const muv__list_t *head)
{
    return head->next == head;
}

static inline int muv__list_linked(const muv__list_t *node)
{
    return node->next != node;
}

static inline void muv__list_insert_before(muv__list_t *position, muv__list_t *node)
{
    MUV__DASSERT(!muv__list_linked(node));
    node->prev = position->prev;
    node->next = position;
    position->prev->next = node;
    position->prev = node;
}

static inline void muv__list_push_back(muv__list_t *head, muv__list_t *node)
{
    muv__list_insert_before(head, node);
}

static inline void muv__list_push_front(muv__list_t *head, muv__list_t *node)
{
    muv__list_insert_before(head->next, node);
}

/* Safe on a node that is in no list. */
static inline void muv__list_remove(muv__list_t *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    muv__list_init(node);
}

static inline muv__list_t *muv__list_first(const muv__list_t *head)
{
    return head->next == head ? NULL : head->next;
}

static inline muv__list_t *muv__list_last(const muv__list_t *head)
{
    return head->prev == head ? NULL : head->prev;
}

static inline muv__list_t *muv__list_pop_front(muv__list_t *head)
{
    muv__list_t *node = muv__list_first(head);

    if (node != NULL) {
        muv__list_remove(node);
    }
    return node;
}

/* Move all nodes of `from` behind those of `to`; `from` is empty afterwards. */
static inline void muv__list_splice_back(muv__list_t *to, muv__list_t *from)
{
    if (muv__list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    muv__list_init(from);
}

#endif
