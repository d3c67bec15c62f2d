/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of hostile servers on their way into the log.
 *
 * The input is a limit (two bytes, low one first) and the bytes of a document. What is shown must
 * be UTF-8 of at most that many bytes and the dots, and the beginning of what is shown without
 * limit. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bson/bson.h>

#include "base/assert.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A control character is worth six bytes, a level of nesting at most sixteen. */
#define TEXT_PER_BYTE 64

static void check(const muv__buf_t *buf)
{
    MUV__ASSERT(buf->error == 0);
    MUV__ASSERT(buf->size != 0);
    MUV__ASSERT(bson_utf8_validate((const char *)buf->data, buf->size, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t limit;
    muv__buf_t whole;
    muv__buf_t cut;

    if (size < 2) {
        return 0;
    }
    limit = data[0] | (size_t)data[1] << 8;
    muv__buf_init(&whole, TEXT_PER_BYTE * size + TEXT_PER_BYTE);
    muv__buf_init(&cut, limit + 4096);
    muv__json_append(&whole, muv__span(data + 2, size - 2), SIZE_MAX);
    muv__json_append(&cut, muv__span(data + 2, size - 2), limit);
    check(&whole);
    check(&cut);
    MUV__ASSERT(cut.size <= limit + 3);
    if (cut.size >= 3 && whole.size >= cut.size) {
        MUV__ASSERT(memcmp(whole.data, cut.data, cut.size - 3) == 0);
    }
    muv__buf_done(&whole);
    muv__buf_done(&cut);
    return 0;
}
