/* SPDX-License-Identifier: Apache-2.0 */
/* Operands into what a field stores: by the field's kind, where nothing is lost. */
#ifndef MUV__ODM_VALUE_H
#define MUV__ODM_VALUE_H

#include "muv/error.h"
#include "muv/odm/operand.h"

#include "base/buf.h"
#include "base/span.h"
#include "odm/arena.h"
#include "odm/query_path.h"

/* A query or update and its condition together stay below what one command may have. */
#define MUV__QUERY_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* Room for one member of any kind but embedded ones and lists. */
typedef union muv__slot {
    muv_scalar_t scalar;
    muv_ref_t ref;
} muv__slot_t;

/* How strictly integers are taken: a condition may compare an int32 with a larger number, but an
 * update must not store one. */
enum { MUV__VALUE_COMPARE = 0, MUV__VALUE_STORE = 1 };

/* One value as a member of the kind muv__path_kind(): in `slot`, or the embedded document itself.
 * Returns NULL with an error when it does not fit; null and BSON do not have one. */
const void *muv__value_member(const muv__query_path_t *path, const muv_operand_t *operand,
                              muv__slot_t *slot, muv_error_t *reterr);

/* Element `index` of an array. */
muv_operand_t muv__operand_element(const muv__query_path_t *path, const muv_operand_t *operand,
                                   size_t index);

static inline int muv__operand_is_array(const muv_operand_t *operand)
{
    return operand->shape == MUV_OPERAND_ARRAY || operand->shape == MUV_OPERAND_TEXTS;
}

/* Append one value; an array of values; either, as the path and the operand say. Return 0,
 * MUV_EINVAL or MUV_EVALIDATION with an error; `buf` keeps its own errors. */
int muv__value_write_one(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                         const char *key, muv__buf_t *buf, muv_error_t *reterr);
int muv__value_write_array(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                           const char *key, muv__buf_t *buf, muv_error_t *reterr);
int muv__value_write(const muv__query_path_t *path, const muv_operand_t *operand, int how,
                     const char *key, muv__buf_t *buf, muv_error_t *reterr);

/* The text of a string operand, or an error: no string, not UTF-8. */
int muv__operand_text(const muv__query_path_t *path, const muv_operand_t *operand, muv_str_t *ret,
                      muv_error_t *reterr);

/* The bytes of a BSON document from the caller: whole, valid in structure, within the maximum and
 * not nested too deeply. `what` begins the message. */
int muv__operand_bson(const muv_operand_t *operand, const char *what, muv__span_t *ret,
                      muv_error_t *reterr);

/* Move the one element in `buf` (with an empty key) into the arena: its type and its value. Returns
 * 0, MUV_ENOMEM or MUV_ETOOLARGE. */
int muv__value_keep(const muv__buf_t *buf, muv__arena_t *arena, uint8_t *ret_type,
                    muv__span_t *ret_value);

#endif
