/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest update that takes the stored document to what its struct holds. */
#ifndef MUV__ODM_DIFF_H
#define MUV__ODM_DIFF_H

#include "muv/error.h"

#include "base/buf.h"

/* Append the update of a loaded document to `buf`: {$set, $unset, $push}, or {} when nothing
 * changed. Returns 0, MUV_EVALIDATION, MUV_ETOOLARGE or MUV_ENOMEM. */
int muv__diff(const void *document, muv_error_t *reterr, muv__buf_t *buf);

#endif
