/* SPDX-License-Identifier: Apache-2.0 */
/* A client's bytes in flight (`max_pending_bytes`): encoded commands that wait or are being written
 * and receive chunks larger than the standard one. Accounting only; who is refused is the owner's
 * decision. */
#ifndef MUV__BUDGET_H
#define MUV__BUDGET_H

#include <stddef.h>

#include "base/assert.h"

typedef struct muv__budget {
    size_t used_bytes;
    size_t max_bytes;
} muv__budget_t;

static inline void muv__budget_take(muv__budget_t *budget, size_t bytes)
{
    budget->used_bytes += bytes;
}

static inline void muv__budget_give(muv__budget_t *budget, size_t bytes)
{
    MUV__DASSERT(budget->used_bytes >= bytes);
    budget->used_bytes -= bytes;
}

static inline int muv__budget_fits(const muv__budget_t *budget, size_t bytes)
{
    return budget->used_bytes <= budget->max_bytes &&
           bytes <= budget->max_bytes - budget->used_bytes;
}

#endif
