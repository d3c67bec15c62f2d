/* SPDX-License-Identifier: Apache-2.0 */
/* Judging, cutting and escaping of short texts. */
#include "source/text.h"

int muv__source_is_token(muv__span_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) {
            return 0;
        }
    }
    return text.size > 0;
}

muv__span_t muv__source_trim(muv__span_t text)
{
    while (text.size > 0 &&
           (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r')) {
        text.size--;
    }
    return text;
}

static int is_unreserved(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void muv__source_encode(muv__buf_t *buf, muv__span_t text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};

        if (is_unreserved(byte)) {
            muv__buf_append(buf, &byte, 1);
        } else {
            muv__buf_append(buf, escape, sizeof(escape));
        }
    }
}
