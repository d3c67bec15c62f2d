/* SPDX-License-Identifier: Apache-2.0 */
/* All memory of the library comes from here: replaceable (muv_set_allocator), sizes checked for
 * overflow. Every allocation may fail, and tests make each of them fail in turn. */
#ifndef MUV__MEM_H
#define MUV__MEM_H

#include <stddef.h>

void *muv__mem_alloc(size_t size);
void *muv__mem_zalloc(size_t size);

/* `count` zeroed elements of `size` bytes; NULL also when the product overflows. */
void *muv__mem_array(size_t count, size_t size);

/* Resize; on failure NULL, and `memory` stays as it was. */
void *muv__mem_realloc(void *memory, size_t size);
void *muv__mem_realloc_array(void *memory, size_t count, size_t size);

void muv__mem_free(void *memory);

/* A copy of `size` bytes; of a string; of `length` bytes with a NUL behind them. */
void *muv__mem_dup(const void *bytes, size_t size);
char *muv__mem_strdup(const char *text);
char *muv__mem_strndup(const char *text, size_t length);

#endif
