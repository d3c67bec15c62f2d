/* SPDX-License-Identifier: Apache-2.0 */
/* From stored bytes to structs. Text and bytes are borrowed from the stored bytes; lists lie in the
 * arena. */
#ifndef MUV__ODM_DECODE_H
#define MUV__ODM_DECODE_H

#include "muv/error.h"

#include "base/span.h"
#include "odm/batch.h"
#include "odm/projection.h"

/* Decode one document that lives as long as `batch` (in its bytes or its arena) into a new struct
 * of the batch. `projection` lives as long, or is NULL. Returns 0, MUV_EDECODE, MUV_EBSON,
 * MUV_ETOOLARGE, MUV_ENOMEM or what a default function returned. */
int muv__decode(muv_batch_t *batch, const muv_schema_t *schema, muv__span_t bson,
                const muv__projection_t *projection, muv_error_t *reterr, void **ret);

/* The same into memory of the schema's size. */
int muv__decode_into(muv_batch_t *batch, const muv_schema_t *schema, muv__span_t bson,
                     const muv__projection_t *projection, muv_error_t *reterr, void *base);

#endif
