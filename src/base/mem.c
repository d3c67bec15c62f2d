/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator table and the checked helpers on it. */
#include "base/mem.h"

#include "muv/allocator.h"
#include "muv/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *libc_malloc(size_t size, void *data)
{
    (void)data;
    return malloc(size);
}

static void *libc_calloc(size_t count, size_t size, void *data)
{
    (void)data;
    return calloc(count, size);
}

static void *libc_realloc(void *memory, size_t size, void *data)
{
    (void)data;
    return realloc(memory, size);
}

static void libc_free(void *memory, void *data)
{
    (void)data;
    free(memory);
}

static const muv_allocator_t libc_allocator = {
    .malloc_fn = libc_malloc,
    .calloc_fn = libc_calloc,
    .realloc_fn = libc_realloc,
    .free_fn = libc_free,
    .data = NULL,
};

static muv_allocator_t current = {
    .malloc_fn = libc_malloc,
    .calloc_fn = libc_calloc,
    .realloc_fn = libc_realloc,
    .free_fn = libc_free,
    .data = NULL,
};

int muv_set_allocator(const muv_allocator_t *allocator)
{
    if (allocator == NULL) {
        current = libc_allocator;
        return 0;
    }
    if (allocator->malloc_fn == NULL || allocator->calloc_fn == NULL ||
        allocator->realloc_fn == NULL || allocator->free_fn == NULL) {
        return MUV_EINVAL;
    }
    current = *allocator;
    return 0;
}

void *muv__mem_alloc(size_t size)
{
    return current.malloc_fn(size == 0 ? 1 : size, current.data);
}

void *muv__mem_zalloc(size_t size)
{
    return current.calloc_fn(1, size == 0 ? 1 : size, current.data);
}

static int product_overflows(size_t count, size_t size)
{
    return size != 0 && count > SIZE_MAX / size;
}

void *muv__mem_array(size_t count, size_t size)
{
    if (product_overflows(count, size)) {
        return NULL;
    }
    return muv__mem_zalloc(count * size);
}

void *muv__mem_realloc(void *memory, size_t size)
{
    return current.realloc_fn(memory, size == 0 ? 1 : size, current.data);
}

void *muv__mem_realloc_array(void *memory, size_t count, size_t size)
{
    if (product_overflows(count, size)) {
        return NULL;
    }
    return muv__mem_realloc(memory, count * size);
}

void muv__mem_free(void *memory)
{
    if (memory != NULL) {
        current.free_fn(memory, current.data);
    }
}

void *muv__mem_dup(const void *bytes, size_t size)
{
    void *copy = muv__mem_alloc(size);

    if (copy != NULL && size != 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

char *muv__mem_strdup(const char *text)
{
    return muv__mem_strndup(text, strlen(text));
}

char *muv__mem_strndup(const char *text, size_t length)
{
    char *copy = muv__mem_alloc(length + 1);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}
