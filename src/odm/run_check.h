/* SPDX-License-Identifier: Apache-2.0 */
/* What save and insert have in common before anything is sent. */
#ifndef MUV__ODM_RUN_CHECK_H
#define MUV__ODM_RUN_CHECK_H

#include "muv/client.h"
#include "muv/odm/validate.h"

#include "odm/save.h"

/* The largest document that a server stores. */
#define MUV__MAX_STORED_BYTES ((size_t)16 * 1024 * 1024)

/* Validate. Returns 0, MUV_EVALIDATION with the list in `*ret`, MUV_ENOMEM or what the model's
 * clean function returned; `reterr` is filled then. */
int muv__save_check(muv_doc_t *doc, muv_verrors_t **ret, muv_error_t *reterr);

/* Begin the save (save.h) with a new ObjectId where one is needed.
 *
 * force_insert  1: insert a stored document again.
 * verrors       Gets a list with one entry when the code is MUV_EVALIDATION.
 *
 * Returns 0, MUV_EVALIDATION, MUV_ETOOLARGE, MUV_ENOMEM, MUV_EINVAL or MUV_EFORK. */
int muv__save_encode(muv_client_t *client, muv_doc_t *doc, int force_insert, muv__save_t *ret,
                     muv_verrors_t **verrors, muv_error_t *reterr);

#endif
