/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions (PCRE) from plain text. */
#ifndef MUV__ODM_REGEX_H
#define MUV__ODM_REGEX_H

#include "base/buf.h"

/* Append the bytes of a BSON regular expression (pattern, NUL, options, NUL) for one of the
 * operators MUV_Q_IEXACT to MUV_Q_IREGEX. The text is escaped, but for MUV_Q_REGEX and
 * MUV_Q_IREGEX, where it must not contain NUL. */
void muv__regex_write(muv__buf_t *buf, unsigned op, const char *text, size_t size);

#endif
