/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of libmuv as answers: which status, which code, and which fields are wrong. */
#ifndef BOARD_ERRORS_H
#define BOARD_ERRORS_H

#include "json_out.h"

#include <muv.h>

typedef struct problem {
    int status;
    const char *code;
    const char *message; /* NULL: the error's own. */
} problem_t;

/* searching  The client's own regular expression was part of the query: a value that the server
 *            does not like is his.
 *
 * Never NULL; static memory. */
const problem_t *errors_find(const muv_error_t *error, bool searching);

/* Members "path": "message" for the fields that did not pass validation. NULL is allowed. */
void errors_fields(json_t *fields, const muv_verrors_t *errors);

#endif
