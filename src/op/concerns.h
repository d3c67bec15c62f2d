/* SPDX-License-Identifier: Apache-2.0 */
/* Read concern, write concern and read preference as one immutable, counted value: the client's,
 * inherited by databases and collections, overridden by handles and single operations. An operation
 * holds a count, so handles may be freed while it runs; inheriting costs no copy. */
#ifndef MUV__CONCERNS_H
#define MUV__CONCERNS_H

#include "muv/error.h"
#include "muv/types.h"

#include "uri/concern.h"
#include "uri/read_pref.h"

typedef struct muv__concerns {
    uint32_t refs;
    muv__read_concern_t read_concern;
    muv__write_concern_t write_concern;
    muv__read_pref_t read_pref;
} muv__concerns_t;

/* From the connection string's options. NULL when out of memory. */
muv__concerns_t *muv__concerns_new(const muv__read_concern_t *read_concern,
                                   const muv__write_concern_t *write_concern,
                                   const muv__read_pref_t *read_pref);

static inline muv__concerns_t *muv__concerns_retain(muv__concerns_t *concerns)
{
    concerns->refs++;
    return concerns;
}

/* NULL is allowed. */
void muv__concerns_release(muv__concerns_t *concerns);

/* `base` with what the three given values set; NULL and unset members are inherited. With nothing
 * set it is `base` itself with one more count. Returns 0, MUV_ENOMEM, or MUV_EINVAL with a message
 * that names the member. */
int muv__concerns_override(muv__concerns_t *base, const muv_read_concern_t *read_concern,
                           const muv_write_concern_t *write_concern,
                           const muv_read_preference_t *read_preference, muv_error_t *reterr,
                           muv__concerns_t **ret);

#endif
