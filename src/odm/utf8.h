/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef MUV__ODM_UTF8_H
#define MUV__ODM_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Number of code points in `size` bytes, or -1 when they are not UTF-8. */
int64_t muv__utf8_count(const char *text, size_t size);

#endif
