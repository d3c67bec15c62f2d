/* SPDX-License-Identifier: Apache-2.0 */
/* A second opinion on the structure of a document, made of libbson's element iterator. Header only,
 * for unit tests and fuzz targets.
 *
 * bson_validate() is no such opinion: libbson 1.23 stops without an error at a text that is no
 * UTF-8 and behind a code with scope, and passes over inner documents whose frame is wrong. What we
 * accept it accepts too, but for keys that are no UTF-8; not the other way round. */
#ifndef MUV_TESTS_UNIT_BASE_STRICT_WALK_H
#define MUV_TESTS_UNIT_BASE_STRICT_WALK_H

#include <stdint.h>

#include <bson/bson.h>

enum { STRICT_BAD, STRICT_GOOD, STRICT_DEEP };

static inline int strict_walk(const uint8_t *bytes, size_t size, uint32_t depth,
                              uint32_t max_depth);

static inline int strict_walk_value(bson_iter_t *iter, uint32_t depth, uint32_t max_depth)
{
    const uint8_t *bytes = NULL;
    const char *text;
    uint32_t size = 0;
    uint32_t length = 0;

    switch ((int)bson_iter_type(iter)) {
    case BSON_TYPE_DOCUMENT:
        bson_iter_document(iter, &size, &bytes);
        return strict_walk(bytes, size, depth + 1, max_depth);
    case BSON_TYPE_ARRAY:
        bson_iter_array(iter, &size, &bytes);
        return strict_walk(bytes, size, depth + 1, max_depth);
    case BSON_TYPE_CODEWSCOPE:
        /* libbson gives a scope of no bytes when the three lengths disagree. */
        text = bson_iter_codewscope(iter, &length, &size, &bytes);
        if (text == NULL || bytes == NULL || text[length] != '\0' ||
            bytes != (const uint8_t *)text + length + 1) {
            return STRICT_BAD;
        }
        return strict_walk(bytes, size, depth + 1, max_depth);
    default: return STRICT_GOOD;
    }
}

static inline int strict_walk(const uint8_t *bytes, size_t size, uint32_t depth, uint32_t max_depth)
{
    bson_iter_t iter;
    bson_t view;
    int result;

    if (depth > max_depth) {
        return STRICT_DEEP;
    }
    if (bytes == NULL || !bson_init_static(&view, bytes, size) || !bson_iter_init(&iter, &view)) {
        return STRICT_BAD;
    }
    while (bson_iter_next(&iter)) {
        result = strict_walk_value(&iter, depth, max_depth);
        if (result != STRICT_GOOD) {
            return result;
        }
    }
    return iter.err_off == 0 ? STRICT_GOOD : STRICT_BAD;
}

#endif
