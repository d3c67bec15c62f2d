/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. */
#ifndef MUV__SPAN_H
#define MUV__SPAN_H

#include <stddef.h>
#include <stdint.h>

typedef struct muv__span {
    const uint8_t *data;
    size_t size;
} muv__span_t;

static inline muv__span_t muv__span(const void *data, size_t size)
{
    muv__span_t span = {(const uint8_t *)data, size};

    return span;
}

#endif
