/* SPDX-License-Identifier: Apache-2.0 */
/* One save of a document, without the sending: what to send, and what the document becomes when
 * that was stored.
 *
 *     muv__save_begin  ->  send insert or update  ->  muv__save_done
 *
 * A program may go on storing into the document while the save is on its way: begin takes a
 * snapshot, and done makes the snapshot what later changes are compared with. Without done (the
 * save failed) the document has the changes it had before.
 *
 * The snapshot lives in the document's batch: a document that is saved very often and kept for very
 * long is detached now and then. */
#ifndef MUV__ODM_SAVE_H
#define MUV__ODM_SAVE_H

#include "muv/odm/document.h"

#include "base/span.h"

typedef struct muv__save {
    muv_doc_t *doc;
    muv__span_t insert; /* The document to insert; empty when it is stored already. */
    muv__span_t update; /* The update to send; empty when it is new, or when nothing changed. */
    muv__span_t after;  /* What is stored then; empty when nothing is sent. */
} muv__save_t;

/* Decide what to send. No validation (muv_validate() comes before). From here on no member borrows
 * from the program any more: text, bytes and lists have moved into the document's memory.
 *
 * oid  [borrow] Becomes the primary key of a new document that has none and whose key is an
 *               ObjectId.
 *
 * Returns 0, MUV_EINVAL, MUV_EVALIDATION (no primary key; else as muv_changes()), MUV_ETOOLARGE or
 * MUV_ENOMEM. */
int muv__save_begin(void *document, const muv_oid_t *oid, muv__save_t *ret, muv_error_t *reterr);

/* It was stored. Cannot fail, and allocates nothing. The document must live. */
void muv__save_done(const muv__save_t *save);

#endif
