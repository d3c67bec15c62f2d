/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of text: percent-decoding, numbers, comparison without case; and the memory in
 * which the strings of one connection string live. No knowledge of options or grammar. */
#ifndef MUV__URI_TEXT_H
#define MUV__URI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Strings that are freed, and wiped, together: passwords are among them. Zeroed is empty. */
typedef struct muv__strings {
    struct muv__strings_block *first;
} muv__strings_t;

/* Room for `size` bytes that stays where it is until muv__strings_done(). NULL: out of memory. */
char *muv__strings_reserve(muv__strings_t *strings, size_t size);

/* A copy of `length` bytes with a NUL behind them, or NULL. */
char *muv__strings_keep(muv__strings_t *strings, const char *text, size_t length);

void muv__strings_done(muv__strings_t *strings);

/* Everything that was reserved after a mark can be dropped, and wiped, at once. */
typedef struct muv__strings_mark {
    struct muv__strings_block *first;
    size_t used;
} muv__strings_mark_t;

muv__strings_mark_t muv__strings_mark(const muv__strings_t *strings);
void muv__strings_rewind(muv__strings_t *strings, muv__strings_mark_t mark);

/* Decode %XX. `out` has room for `length` + 1 bytes and gets a NUL; it may be equal to `text`.
 * Returns 0 with the decoded length, or MUV_EINVAL: '%' without two hex digits, a NUL, or a result
 * that is not UTF-8. */
int muv__text_decode(const char *text, size_t length, char *out, size_t *ret_length);

/* 1 when the bytes are UTF-8 without NUL (no overlong forms, no surrogates). */
int muv__text_is_utf8(const char *text, size_t length);

/* A decimal number with an optional '-'. Values beyond int64 become its limits, so that a range
 * check refuses them. Returns 0, or MUV_EINVAL when it is no number. */
int muv__text_parse_int(const char *text, size_t length, int64_t *ret);

/* Does `text` of `length` bytes equal the string `other`? The second ignores the case of ASCII. */
int muv__text_is(const char *text, size_t length, const char *other);
int muv__text_is_nocase(const char *text, size_t length, const char *other);

#endif
