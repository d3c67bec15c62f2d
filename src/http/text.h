/* SPDX-License-Identifier: Apache-2.0 */
/* The character classes of HTTP (RFC 9110, 5.6), without the locale. */
#ifndef MUV__HTTP_TEXT_H
#define MUV__HTTP_TEXT_H

#include <stddef.h>
#include <string.h>

#include "base/ascii.h"

static inline int muv__http_is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static inline int muv__http_is_alnum(unsigned char c)
{
    return muv__http_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of methods and header names. */
static inline int muv__http_is_token(unsigned char c)
{
    return muv__http_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Of targets. */
static inline int muv__http_is_visible(unsigned char c)
{
    return c > 0x20 && c < 0x7f;
}

/* Of header values and reasons; the tab only where bytes come from others. */
static inline int muv__http_is_text(unsigned char c)
{
    return c >= 0x20 && c != 0x7f;
}

/* 1 when `length` bytes are `word` (in lower case) in any case. */
static inline int muv__http_equal(const unsigned char *text, size_t length, const char *word)
{
    size_t i = 0;

    while (i < length && word[i] != '\0' && muv__ascii_lower((char)text[i]) == word[i]) {
        i++;
    }
    return i == length && word[i] == '\0';
}

#endif
