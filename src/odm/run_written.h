/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says about a write: counts, and errors that come with ok:1. */
#ifndef MUV__ODM_RUN_WRITTEN_H
#define MUV__ODM_RUN_WRITTEN_H

#include "muv/error.h"
#include "muv/reply.h"

typedef struct muv__written {
    int acknowledged;
    int64_t matched;  /* `n`. */
    int64_t modified; /* `nModified`. */
} muv__written_t;

/* Read the reply to insert, update or delete; NULL: an unacknowledged write, all counts are 0. The
 * first one looks at errors only, as any write's reply may hold them.
 *
 * Return 0, MUV_EWRITE (the first write error, or, in doubt, the write concern's; counts are filled
 * all the same) or MUV_EPROTOCOL. `reterr` is filled then; its reply is borrowed. */
int muv__written_errors(const muv_reply_t *reply, muv_error_t *reterr);
int muv__written_read(const muv_reply_t *reply, muv__written_t *ret, muv_error_t *reterr);

#endif
