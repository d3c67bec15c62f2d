/* SPDX-License-Identifier: Apache-2.0 */
/* The indexes that a model declares, as createIndexes takes them: {key, name, unique, ...}. Pure.
 */
#ifndef MUV__ODM_INDEX_PLAN_H
#define MUV__ODM_INDEX_PLAN_H

#include "muv/error.h"

#include "base/buf.h"
#include "odm/schema.h"

/* Append the specification of each index to `buf`, whole documents one behind the other: of unique
 * fields, also inside embedded documents, then those that the model lists. One that is in `buf`
 * already, from this model or another one of the collection, is not repeated. Names are those that
 * MongoDB's tools and MongoEngine give: "v_-1_t_1".
 *
 * Returns 0, MUV_ENOMEM, MUV_ETOOLARGE or MUV_EINVAL (a path or a name is too long). */
int muv__index_specs(const muv_schema_t *schema, muv__buf_t *buf, muv_error_t *reterr);

#endif
