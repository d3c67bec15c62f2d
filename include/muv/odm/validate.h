/* SPDX-License-Identifier: Apache-2.0 */
/* Validation: every error of a document at once, each with its path through embedded documents and
 * lists. Messages and their tree are MongoEngine's. */
#ifndef MUV_ODM_VALIDATE_H
#define MUV_ODM_VALIDATE_H

#include "muv/error.h"
#include "muv/odm/model.h"

MUV_BEGIN_DECLS

/* MUV_V_*: which rule was broken. Values are part of the ABI. */
enum {
    MUV_V_REQUIRED = 1,
    MUV_V_TOO_SMALL = 2,
    MUV_V_TOO_LARGE = 3,
    MUV_V_TOO_SHORT = 4,
    MUV_V_TOO_LONG = 5,
    MUV_V_CHOICE = 6,
    MUV_V_UTF8 = 7,      /* Text that is not UTF-8. */
    MUV_V_REFERENCE = 8, /* A document of another model, or one that has no key yet. */
    MUV_V_CHECK = 9,     /* The row's own check. */
    MUV_V_CLEAN = 10,    /* The model's own check. */
    MUV_V_DEPTH = 11     /* Embedded documents nested too deeply. */
};

/* One error. All pointers are borrowed from the list. */
typedef struct muv_verror {
    const char *path; /* Names of members and indexes: "comments.0.text"; "__all__". */
    const char *message;
    const muv_field_t *field; /* NULL in an error of the model's own check. */
    muv_value_t limit;        /* The limit that was passed; kind 0 when there is none. */
    int32_t code;             /* MUV_V_*. */
    int32_t reserved;
} muv_verror_t;

/* Check a document. Fields that were not loaded are not checked.
 *
 * document  [borrow] Changed only by the model's clean function.
 * ret       [own]    The errors when MUV_EVALIDATION is returned, else NULL; end them with
 *                    muv_verrors_free().
 *
 * Returns 0, MUV_EVALIDATION, MUV_EINVAL, MUV_ENOMEM or what the clean function returned. */
MUV_API MUV_CHECK int muv_validate(void *document, muv_verrors_t **ret);

/* Number of errors; of NULL: 0. */
MUV_API size_t muv_verrors_count(const muv_verrors_t *errors);

/* [borrow] Error `index` in the order of the rows, or NULL. */
MUV_API const muv_verror_t *muv_verrors_get(const muv_verrors_t *errors, size_t index);

/* Add an error from a clean function. `path` NULL: "__all__". Texts are copied.
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_verrors_add(muv_verrors_t *errors, const char *path, const char *message);

/* [borrow] The tree of messages as JSON, as MongoEngine's ValidationError.to_dict():
 * {"email": "Field is required", "comments": {"0": {"text": "..."}}}; or, as its str(), one line
 * that groups fields by message. NULL when memory ran out. */
MUV_API const char *muv_verrors_json(muv_verrors_t *errors);
MUV_API const char *muv_verrors_text(muv_verrors_t *errors);

/* Free the list. NULL is allowed. */
MUV_API void muv_verrors_free(muv_verrors_t *errors);

MUV_END_DECLS

#endif
