/* SPDX-License-Identifier: Apache-2.0 */
/* Checking and counting in one pass. */
#include "odm/utf8.h"

/* Length of the sequence that `lead` begins, with the allowed range of its second byte; 0: none. */
static size_t sequence_of(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

int64_t muv__utf8_count(const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    int64_t count = 0;
    size_t at = 0;

    while (at < size) {
        uint8_t low;
        uint8_t high;
        size_t length = sequence_of(bytes[at], &low, &high);

        if (length == 0 || length > size - at) {
            return -1;
        }
        for (size_t i = 1; i < length; i++) {
            uint8_t byte = bytes[at + i];

            if (byte < (i == 1 ? low : 0x80) || byte > (i == 1 ? high : 0xbf)) {
                return -1;
            }
        }
        at += length;
        count++;
    }
    return count;
}
