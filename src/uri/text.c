/* SPDX-License-Identifier: Apache-2.0 */
/* Text readers and the wiped string memory. */
#include "uri/text.h"

#include "base/ascii.h"
#include "base/mem.h"

#include "muv/error.h"

#include <openssl/crypto.h>

#include <string.h>

/* Most connection strings fit into one block. */
#define BLOCK_SIZE 1024

struct muv__strings_block {
    struct muv__strings_block *next;
    size_t capacity;
    size_t used;
    char bytes[];
};

char *muv__strings_reserve(muv__strings_t *strings, size_t size)
{
    struct muv__strings_block *block = strings->first;
    char *at;

    if (block == NULL || size > block->capacity - block->used) {
        size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;

        if (capacity > SIZE_MAX - sizeof(*block)) {
            return NULL;
        }
        block = muv__mem_alloc(sizeof(*block) + capacity);
        if (block == NULL) {
            return NULL;
        }
        block->next = strings->first;
        block->capacity = capacity;
        block->used = 0;
        strings->first = block;
    }
    at = block->bytes + block->used;
    block->used += size;
    return at;
}

char *muv__strings_keep(muv__strings_t *strings, const char *text, size_t length)
{
    char *copy = muv__strings_reserve(strings, length + 1);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

static void free_blocks_before(muv__strings_t *strings, const struct muv__strings_block *kept)
{
    while (strings->first != kept) {
        struct muv__strings_block *block = strings->first;

        strings->first = block->next;
        OPENSSL_cleanse(block->bytes, block->used);
        muv__mem_free(block);
    }
}

void muv__strings_done(muv__strings_t *strings)
{
    free_blocks_before(strings, NULL);
}

muv__strings_mark_t muv__strings_mark(const muv__strings_t *strings)
{
    muv__strings_mark_t mark = {.first = strings->first,
                                .used = strings->first == NULL ? 0 : strings->first->used};

    return mark;
}

void muv__strings_rewind(muv__strings_t *strings, muv__strings_mark_t mark)
{
    free_blocks_before(strings, mark.first);
    if (mark.first != NULL) {
        OPENSSL_cleanse(mark.first->bytes + mark.used, mark.first->used - mark.used);
        mark.first->used = mark.used;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int muv__text_decode(const char *text, size_t length, char *out, size_t *ret_length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        int high;
        int low;

        if (text[i] != '%') {
            out[used++] = text[i];
            continue;
        }
        if (length - i < 3) {
            return MUV_EINVAL;
        }
        high = hex_value(text[i + 1]);
        low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) {
            return MUV_EINVAL;
        }
        out[used++] = (char)(high * 16 + low);
        i += 2;
    }
    if (!muv__text_is_utf8(out, used)) {
        return MUV_EINVAL;
    }
    out[used] = '\0';
    *ret_length = used;
    return 0;
}

/* Length of the sequence that starts at `bytes`, or 0. RFC 3629, table 4: the second byte's range
 * depends on the first. */
static size_t utf8_sequence(const unsigned char *bytes, size_t avail)
{
    unsigned char lead = bytes[0];
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t size;

    if (lead < 0x80) {
        return lead == 0 ? 0 : 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (avail < size) {
        return 0;
    }
    if (lead == 0xe0) {
        low = 0xa0;
    } else if (lead == 0xed) {
        high = 0x9f;
    } else if (lead == 0xf0) {
        low = 0x90;
    } else if (lead == 0xf4) {
        high = 0x8f;
    }
    if (bytes[1] < low || bytes[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (bytes[i] < 0x80 || bytes[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

int muv__text_is_utf8(const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        size_t size = utf8_sequence((const unsigned char *)text + at, length - at);

        if (size == 0) {
            return 0;
        }
        at += size;
    }
    return 1;
}

int muv__text_parse_int(const char *text, size_t length, int64_t *ret)
{
    int negative = length > 0 && text[0] == '-';
    int64_t value = 0;

    if (length == (negative ? 1U : 0U)) {
        return MUV_EINVAL;
    }
    for (size_t i = negative ? 1 : 0; i < length; i++) {
        int digit = text[i] - '0';

        if (text[i] < '0' || text[i] > '9') {
            return MUV_EINVAL;
        }
        /* Counted downwards, because INT64_MIN has no positive counterpart. */
        value = value < (INT64_MIN + digit) / 10 ? INT64_MIN : value * 10 - digit;
    }
    if (!negative) {
        value = value == INT64_MIN ? INT64_MAX : -value;
    }
    *ret = value;
    return 0;
}

int muv__text_is(const char *text, size_t length, const char *other)
{
    return strlen(other) == length && memcmp(text, other, length) == 0;
}

int muv__text_is_nocase(const char *text, size_t length, const char *other)
{
    if (strlen(other) != length) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (muv__ascii_lower(text[i]) != muv__ascii_lower(other[i])) {
            return 0;
        }
    }
    return 1;
}
