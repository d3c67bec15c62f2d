/* SPDX-License-Identifier: Apache-2.0 */
/* Primary keys: ObjectIds, text, bytes, dates, and integers of any width as int64 (check.c,
 * kind.c).
 */
#ifndef MUV__ODM_KEY_H
#define MUV__ODM_KEY_H

#include "muv/command.h"
#include "muv/odm/types.h"

/* Append a key as the element `name`. */
void muv__key_write(muv_writer_t *writer, const char *name, const muv_value_t *key);

/* About how many bytes that takes. */
size_t muv__key_size(const muv_value_t *key);

/* Keys of one kind: are they the same, and where do they belong in a table? */
int muv__key_equal(const muv_value_t *a, const muv_value_t *b);
uint64_t muv__key_hash(const muv_value_t *key);

#endif
