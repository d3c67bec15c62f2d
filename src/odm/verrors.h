/* SPDX-License-Identifier: Apache-2.0 */
/* The list of validation errors: filled by validate.c, printed by verrors.c. */
#ifndef MUV__ODM_VERRORS_H
#define MUV__ODM_VERRORS_H

#include "muv/odm/validate.h"

#include "base/buf.h"
#include "odm/arena.h"
#include "odm/frame.h"

struct muv_verrors {
    muv__arena_t arena;
    muv_verror_t *items;
    size_t count;
    size_t capacity;
    const muv__frame_t *frame; /* Where the walk is: the path that clean functions add below. */
    const char *name;          /* Of the document's model. */
    char key[40];              /* The document's primary key as text, cut; "None". */
    int error;                 /* MUV_ENOMEM: the list is not complete. */
    int added;                 /* A clean function added errors, in any order. */
};

muv_verrors_t *muv__verrors_new(const void *document);

/* A copy that lives on its own; NULL when `from` is, or when memory ran out. */
muv_verrors_t *muv__verrors_copy(const muv_verrors_t *from);

/* Add an error at `frame`, with `tail` behind the path when it is not NULL. `message` is static or
 * lives in the list's arena. */
void muv__verrors_append(muv_verrors_t *errors, const muv__frame_t *frame, const char *tail,
                         const muv_verror_t *error);

#endif
