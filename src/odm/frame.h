/* SPDX-License-Identifier: Apache-2.0 */
/* Where a walk over a document is. Each level leaves a frame on the stack, so that a path costs
 * nothing until somebody asks for it. */
#ifndef MUV__ODM_FRAME_H
#define MUV__ODM_FRAME_H

#include "muv/error.h"

#include "base/buf.h"
#include "odm/schema.h"

typedef struct muv__frame {
    const struct muv__frame *up;
    const muv__field_t *field; /* NULL: element `index` of the list above. */
    uint32_t index;
} muv__frame_t;

/* Fill `reterr` with "Model.comments.0.text: ...". `frame` NULL: the document itself. Returns
 * `code`. */
MUV__PRINTF(5, 6)
int muv__frame_fail(muv_error_t *reterr, const muv_schema_t *root, const muv__frame_t *frame,
                    int code, const char *format, ...);

/* Append the path to a buffer, names of members ("comments.0.text") or stored names ("c.0.t"). */
void muv__frame_path(const muv__frame_t *frame, int stored, muv__buf_t *buf);

#endif
