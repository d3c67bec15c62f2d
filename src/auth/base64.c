/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64. Digits are computed and not looked up, so that memory accesses do not depend on
 * what may be a proof or a key. */
#include "auth/base64.h"

/* 1 when low <= c <= high, without a branch on c. */
static unsigned within(unsigned c, unsigned low, unsigned high)
{
    return ((low - 1 - c) & (c - high - 1)) >> 31;
}

static char digit_of(unsigned value)
{
    unsigned c = within(value, 0, 25) * (value + 'A') + within(value, 26, 51) * (value - 26 + 'a') +
                 within(value, 52, 61) * (value - 52 + '0') + within(value, 62, 62) * '+' +
                 within(value, 63, 63) * '/';

    return (char)c;
}

/* 0 to 63, or 64 for what is no digit. */
static unsigned value_of(char digit)
{
    unsigned c = (unsigned char)digit;
    unsigned upper = within(c, 'A', 'Z');
    unsigned lower = within(c, 'a', 'z');
    unsigned number = within(c, '0', '9');
    unsigned plus = within(c, '+', '+');
    unsigned slash = within(c, '/', '/');

    return upper * (c - 'A') + lower * (c - 'a' + 26) + number * (c - '0' + 52) + plus * 62 +
           slash * 63 + (1 - (upper | lower | number | plus | slash)) * 64;
}

void muv__base64_encode(muv__span_t bytes, char *ret)
{
    size_t at = 0;

    while (at < bytes.size) {
        size_t left = bytes.size - at;
        unsigned word = (unsigned)bytes.data[at] << 16;

        word |= left > 1 ? (unsigned)bytes.data[at + 1] << 8 : 0;
        word |= left > 2 ? (unsigned)bytes.data[at + 2] : 0;
        *ret++ = digit_of(word >> 18);
        *ret++ = digit_of(word >> 12 & 63);
        *ret++ = left > 1 ? digit_of(word >> 6 & 63) : '=';
        *ret++ = left > 2 ? digit_of(word & 63) : '=';
        at += 3;
    }
}

/* Four characters, of which the last `padding` are '='. Returns 1, or 0 when they are wrong. */
static int decode_group(const char *text, size_t padding, uint8_t ret[3])
{
    unsigned word = 0;
    unsigned bad = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < 4 - padding ? value_of(text[i]) : 0;

        bad |= value >> 6;
        word = word << 6 | (value & 63);
    }
    ret[0] = (uint8_t)(word >> 16);
    ret[1] = (uint8_t)(word >> 8);
    ret[2] = (uint8_t)word;
    /* What padding replaces must be 0: else several texts would mean the same. */
    bad |= padding >= 1 ? ret[2] : 0;
    bad |= padding == 2 ? ret[1] : 0;
    return bad == 0;
}

int muv__base64_decode(const char *text, size_t length, uint8_t *ret, size_t capacity,
                       size_t *ret_size)
{
    size_t padding = 0;
    size_t size = 0;

    if (length % 4 != 0) {
        return 0;
    }
    if (length > 0 && text[length - 1] == '=') {
        padding = text[length - 2] == '=' ? 2 : 1;
    }
    if (length / 4 * 3 - padding > capacity) {
        return 0;
    }
    for (size_t at = 0; at < length; at += 4) {
        size_t missing = at + 4 == length ? padding : 0;
        uint8_t group[3];

        if (!decode_group(text + at, missing, group)) {
            return 0;
        }
        for (size_t i = 0; i < 3 - missing; i++) {
            ret[size++] = group[i];
        }
    }
    *ret_size = size;
    return 1;
}
