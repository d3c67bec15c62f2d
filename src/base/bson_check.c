/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over elements with an explicit stack of open documents. */
#include "base/bson_check.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bytes.h"
#include "base/compiler.h"

void muv__bson_check_init(muv__bson_check_t *check, uint32_t size)
{
    MUV__ASSERT(size >= MUV__BSON_EMPTY_SIZE);
    check->at = 4;
    check->need = 0;
    check->depth = 1;
    check->ends[0] = size - 1;
}

/* The element that starts at `check->at` is cut: judge it when twice as much of it has arrived, or
 * all of its document. Doubling keeps the sum of repeated scans linear. */
static int wait_for_more(muv__bson_check_t *check, uint32_t visible, uint32_t end)
{
    uint32_t seen = visible - check->at + 1;

    check->need = seen > end - visible ? end : visible + seen;
    return MUV__BSON_CHECK_MORE;
}

static int open_document(muv__bson_check_t *check, uint32_t start, uint32_t size)
{
    if (check->depth == MUV__BSON_MAX_DEPTH) {
        return MUV__BSON_CHECK_DEEP;
    }
    check->ends[check->depth++] = start + size - 1;
    check->at = start + 4;
    return MUV__BSON_CHECK_DONE;
}

/* A document or array at offset `value`: its length must fit its parent; its content comes next. */
static int enter_document(muv__bson_check_t *check, const uint8_t *document, uint32_t value,
                          uint32_t visible)
{
    uint32_t end = check->ends[check->depth - 1];
    int32_t size;

    if (visible - value < 4) {
        return visible == end ? MUV__BSON_CHECK_BAD : wait_for_more(check, visible, end);
    }
    size = muv__load_i32(document + value);
    if (size < MUV__BSON_EMPTY_SIZE || (uint32_t)size > end - value) {
        return MUV__BSON_CHECK_BAD;
    }
    return open_document(check, value, (uint32_t)size);
}

/* One element at `check->at`, of which the bytes up to `visible` are present. */
static int check_element(muv__bson_check_t *check, const uint8_t *document, uint32_t visible)
{
    uint32_t end = check->ends[check->depth - 1];
    uint8_t type = document[check->at];
    const uint8_t *key_end = muv__find_nul(document + check->at + 1, document + visible);
    uint32_t value;
    int64_t size;

    if (key_end == NULL) {
        return visible == end ? MUV__BSON_CHECK_BAD : wait_for_more(check, visible, end);
    }
    value = (uint32_t)(key_end + 1 - document);
    if (type == MUV__BSON_DOCUMENT || type == MUV__BSON_ARRAY) {
        return enter_document(check, document, value, visible);
    }
    size = muv__bson_value_size(type, document + value, visible - value);
    if (size < 0) {
        return visible == end ? MUV__BSON_CHECK_BAD : wait_for_more(check, visible, end);
    }
    if (type == MUV__BSON_CODEWSCOPE) {
        uint32_t scope = value + 8 + muv__load_u32(document + value + 4);

        return open_document(check, scope, value + (uint32_t)size - scope);
    }
    check->at = value + (uint32_t)size;
    return MUV__BSON_CHECK_DONE;
}

/* Sizes of the types whose values need no look; 255: all others. */
#define OTHER 255
static uint32_t plain_size(uint8_t type)
{
    static const uint8_t sizes[MUV__BSON_DECIMAL128 + 1] = {
        [0] = OTHER,
        [MUV__BSON_DOUBLE] = 8,
        [MUV__BSON_UTF8] = OTHER,
        [MUV__BSON_DOCUMENT] = OTHER,
        [MUV__BSON_ARRAY] = OTHER,
        [MUV__BSON_BINARY] = OTHER,
        [MUV__BSON_UNDEFINED] = 0,
        [MUV__BSON_OID] = 12,
        [MUV__BSON_BOOL] = OTHER,
        [MUV__BSON_DATETIME] = 8,
        [MUV__BSON_NULL] = 0,
        [MUV__BSON_REGEX] = OTHER,
        [MUV__BSON_DBPOINTER] = OTHER,
        [MUV__BSON_CODE] = OTHER,
        [MUV__BSON_SYMBOL] = OTHER,
        [MUV__BSON_CODEWSCOPE] = OTHER,
        [MUV__BSON_INT32] = 4,
        [MUV__BSON_TIMESTAMP] = 8,
        [MUV__BSON_INT64] = 8,
        [MUV__BSON_DECIMAL128] = 16,
    };

    return type < sizeof(sizes) ? sizes[type] : OTHER;
}

/* The state of the walk while it is in registers. */
struct walk {
    muv__bson_check_t *check;
    const uint8_t *document;
    const uint8_t *at;
    const uint8_t *end;   /* The NUL that ends the innermost open document. */
    const uint8_t *stop;  /* `end`, or the end of what has arrived. */
    const uint8_t *limit; /* Behind the last byte that has arrived. */
    uint32_t depth;
};

static inline void stand_in(struct walk *walk, const uint8_t *end)
{
    walk->end = end;
    walk->stop = end < walk->limit ? end : walk->limit;
}

/* Leave the innermost document. Returns 0 when its end is cut or wrong, or nothing is open. */
static inline int leave(struct walk *walk)
{
    if (walk->at != walk->end || walk->at == walk->limit || *walk->at != 0) {
        return 0;
    }
    walk->at++;
    if (--walk->depth == 0) {
        return 0;
    }
    stand_in(walk, walk->document + walk->check->ends[walk->depth - 1]);
    return 1;
}

/* Enter the document at `value`. Returns 0 when it is cut, too long or too deep. */
static inline int enter(struct walk *walk, const uint8_t *value)
{
    int32_t length = walk->stop - value < 4 ? 0 : muv__load_i32(value);

    if (length < MUV__BSON_EMPTY_SIZE || length > walk->end - value ||
        walk->depth == MUV__BSON_MAX_DEPTH) {
        return 0;
    }
    stand_in(walk, value + length - 1);
    walk->check->ends[walk->depth++] = (uint32_t)(walk->end - walk->document);
    walk->at = value + 4;
    return walk->at <= walk->stop;
}

/* Step over a value of `type`. Returns 0 when it is cut, wrong or needs a closer look. */
static inline int step_over(struct walk *walk, uint8_t type, const uint8_t *value)
{
    uint32_t size = plain_size(type);
    size_t room = (size_t)(walk->stop - value);
    int32_t length;

    if (size == OTHER) {
        if (type == MUV__BSON_DOCUMENT || type == MUV__BSON_ARRAY) {
            return enter(walk, value);
        }
        length = type != MUV__BSON_UTF8 || room < 5 ? 0 : muv__load_i32(value);
        if (length < 1 || (size_t)length > room - 4 || value[3 + length] != 0) {
            return 0;
        }
        size = 4 + (uint32_t)length;
    } else if (size > room) {
        return 0;
    }
    walk->at = value + size;
    return 1;
}

/* Go as far as everything is whole and plainly right, through documents and out of them again.
 * Nearly all of nearly all replies is passed here; what is left is judged by check_element(). */
static void skip_plain(muv__bson_check_t *check, const uint8_t *document, size_t avail)
{
    struct walk walk = {.check = check,
                        .document = document,
                        .at = document + check->at,
                        .limit = document + avail,
                        .depth = check->depth};
    int going = 1;

    stand_in(&walk, document + check->ends[check->depth - 1]);
    while (going) {
        const uint8_t *key_end;

        if (walk.at == walk.stop) {
            going = leave(&walk);
            continue;
        }
        key_end = muv__find_nul(walk.at + 1, walk.stop);
        going = key_end != NULL && step_over(&walk, *walk.at, key_end + 1);
    }
    check->depth = walk.depth;
    check->at = (uint32_t)(walk.at - document);
}

int muv__bson_check_step(muv__bson_check_t *check, const uint8_t *document, size_t avail)
{
    while (check->depth != 0) {
        uint32_t end;
        int result;

        if (avail <= check->at || avail < check->need) {
            return MUV__BSON_CHECK_MORE;
        }
        skip_plain(check, document, avail);
        if (check->depth == 0) {
            break;
        }
        if (avail <= check->at) {
            return MUV__BSON_CHECK_MORE;
        }
        end = check->ends[check->depth - 1];
        if (check->at == end) {
            return MUV__BSON_CHECK_BAD; /* What should end the document is no NUL. */
        }
        result = check_element(check, document, avail < end ? (uint32_t)avail : end);
        if (result != MUV__BSON_CHECK_DONE) {
            return result;
        }
    }
    return MUV__BSON_CHECK_DONE;
}
