/* SPDX-License-Identifier: Apache-2.0 */
/* Search for the NUL that ends a key. Keys are short, and a call of memchr() costs more than
 * looking at one word: eight bytes are tested at a time where the machine is little-endian. */
#ifndef MUV__BYTES_H
#define MUV__BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

/* The first NUL in [at, end), or NULL. Reads nothing behind `end`. */
static inline const uint8_t *muv__find_nul(const uint8_t *at, const uint8_t *end)
{
#ifdef MUV__FIRST_BYTE_INDEX
    while (end - at >= 8) {
        uint64_t word;
        uint64_t zeros;

        memcpy(&word, at, sizeof(word));
        /* The lowest set bit is exact; higher ones may be false behind a borrow. */
        zeros = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
        if (zeros != 0) {
            return at + MUV__FIRST_BYTE_INDEX(zeros);
        }
        at += 8;
    }
#endif
    return memchr(at, 0, (size_t)(end - at));
}

#endif
