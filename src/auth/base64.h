/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4). Decoding is strict: padding must be there and right, no other
 * character is skipped, unused bits are 0, so that every value has exactly one text. */
#ifndef MUV__BASE64_H
#define MUV__BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Characters that `size` bytes become, without a NUL. */
#define MUV__BASE64_SIZE(size) (((size) + 2) / 3 * 4)

/* Write MUV__BASE64_SIZE(bytes.size) characters, no NUL. */
void muv__base64_encode(muv__span_t bytes, char *ret);

/* Decode into `ret`, which has room for `capacity` bytes. Returns 1, or 0 when the text is not
 * strict base64 or holds more. */
int muv__base64_decode(const char *text, size_t length, uint8_t *ret, size_t capacity,
                       size_t *ret_size);

#endif
