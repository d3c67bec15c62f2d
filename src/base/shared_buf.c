/* SPDX-License-Identifier: Apache-2.0 */
/* Counted byte buffers. */
#include "base/shared_buf.h"

#include "base/assert.h"
#include "base/mem.h"

muv__shared_buf_t *muv__shared_buf_new(muv__budget_t *budget, size_t max_size)
{
    muv__shared_buf_t *shared = muv__mem_zalloc(sizeof(*shared));

    if (shared != NULL) {
        muv__buf_init(&shared->buf, max_size);
        shared->budget = budget;
        shared->refs = 1;
    }
    return shared;
}

void muv__shared_buf_release(muv__shared_buf_t *shared)
{
    if (shared == NULL) {
        return;
    }
    MUV__ASSERT(shared->refs > 0);
    if (--shared->refs == 0) {
        muv__budget_give(shared->budget, shared->accounted_bytes);
        muv__buf_done(&shared->buf);
        muv__mem_free(shared);
    }
}

int muv__shared_buf_account(muv__shared_buf_t *shared)
{
    size_t more;

    if (shared->buf.size <= shared->accounted_bytes) {
        return 1;
    }
    more = shared->buf.size - shared->accounted_bytes;
    if (!muv__budget_fits(shared->budget, more)) {
        return 0;
    }
    muv__budget_take(shared->budget, more);
    shared->accounted_bytes += more;
    return 1;
}
