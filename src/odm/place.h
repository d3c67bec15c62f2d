/* SPDX-License-Identifier: Apache-2.0 */
/* Which field a pointer into a document means. */
#ifndef MUV__ODM_PLACE_H
#define MUV__ODM_PLACE_H

#include "odm/schema.h"

/* A member: its field, and the struct it lies in. */
typedef struct muv__place {
    const muv_schema_t *schema;
    const muv__field_t *field;
    void *base;
} muv__place_t;

/* Find the field at `member`: in the document, in its embedded documents, in lists of such. Returns
 * 1, or 0 when the pointer means no field. */
int muv__place_find(void *document, const void *member, muv__place_t *ret);

#endif
