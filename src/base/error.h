/* SPDX-License-Identifier: Apache-2.0 */
/* Filling of muv_error_t. */
#ifndef MUV__ERROR_H
#define MUV__ERROR_H

#include "muv/error.h"

#include "base/compiler.h"

/* Start an error: everything zero but domain (from the code's row), code and message. A NULL
 * `reterr` is allowed: callers that do not care pass it down. Returns `code`, so that a failing
 * function can end with `return muv__error_set(...)`. */
MUV__PRINTF(3, 4) int muv__error_set(muv_error_t *reterr, int code, const char *format, ...);

/* The same with the code's own text as message. */
int muv__error_code(muv_error_t *reterr, int code);

/* No error: code 0 and empty texts. Touches only what readers look at. */
void muv__error_clear(muv_error_t *error);

/* Copy the fixed part; the reply view is not taken along. */
void muv__error_assign(muv_error_t *to, const muv_error_t *from);

/* MUV_LABEL_* bit of a label's name of `length` bytes, or 0 when there is none. */
uint32_t muv__error_label_bit(const char *name, size_t length);

/* MUV_DOMAIN_* of a code. */
int muv__error_domain(int code);

#endif
