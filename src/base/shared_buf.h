/* SPDX-License-Identifier: Apache-2.0 */
/* A counted byte buffer: the documents of a message, held by the operation that sends them in
 * several commands and by connections that still write them. Its bytes are in the budget of its
 * client until the last holder lets go. */
#ifndef MUV__SHARED_BUF_H
#define MUV__SHARED_BUF_H

#include "base/budget.h"
#include "base/buf.h"

typedef struct muv__shared_buf {
    muv__buf_t buf;
    muv__budget_t *budget;
    size_t accounted_bytes;
    uint32_t refs;
} muv__shared_buf_t;

/* Empty, with one count. `max_size` is in bytes. NULL when out of memory. */
muv__shared_buf_t *muv__shared_buf_new(muv__budget_t *budget, size_t max_size);

static inline muv__shared_buf_t *muv__shared_buf_retain(muv__shared_buf_t *shared)
{
    shared->refs++;
    return shared;
}

/* NULL is allowed. */
void muv__shared_buf_release(muv__shared_buf_t *shared);

/* Account the bytes that were written so far; they stay accounted when the buffer is emptied for
 * reuse. Returns 1, or 0 when they do not fit the budget. */
int muv__shared_buf_account(muv__shared_buf_t *shared);

#endif
