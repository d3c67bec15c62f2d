/* SPDX-License-Identifier: Apache-2.0 */
/* New content for a struct that a program holds. */
#ifndef MUV__ODM_RELOAD_H
#define MUV__ODM_RELOAD_H

#include "muv/odm/types.h"

#include "base/span.h"
#include "muv/error.h"

/* Load a document of the database into the struct of `doc`, whole; unsaved changes are lost. The
 * bytes are copied. References lose the documents they were pointed at. Returns 0, or as
 * muv_doc_decode(); then the document is as it was. */
int muv__reload(muv_doc_t *doc, muv__span_t bson, muv_error_t *reterr);

#endif
