/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that names compiler extensions. */
#ifndef MUV__COMPILER_H
#define MUV__COMPILER_H

#include <stddef.h>

#if defined(__GNUC__) || defined(__clang__)
#define MUV__LIKELY(x) __builtin_expect(!!(x), 1)
#define MUV__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MUV__PRINTF(index, first) __attribute__((format(printf, index, first)))
#define MUV__COLD __attribute__((cold, noinline))
#define MUV__NORETURN __attribute__((noreturn))
#else
#define MUV__LIKELY(x) (x)
#define MUV__UNLIKELY(x) (x)
#define MUV__PRINTF(index, first)
#define MUV__COLD
#define MUV__NORETURN
#endif

/* Ask for a cache line that will be needed soon. Any address may be given. */
#if defined(__GNUC__) || defined(__clang__)
#define MUV__PREFETCH(address) __builtin_prefetch(address)
#else
#define MUV__PREFETCH(address) ((void)(address))
#endif

/* Index of the lowest byte that has its highest bit set; only where bytes are numbered from the
 * lowest one. Undefined elsewhere. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MUV__FIRST_BYTE_INDEX(word) ((unsigned)__builtin_ctzll(word) / 8)
#endif

/* For people: with what this was compiled. */
#if defined(__clang__)
#define MUV__COMPILER_NAME "clang"
#define MUV__COMPILER_MAJOR __clang_major__
#define MUV__COMPILER_MINOR __clang_minor__
#elif defined(__GNUC__)
#define MUV__COMPILER_NAME "gcc"
#define MUV__COMPILER_MAJOR __GNUC__
#define MUV__COMPILER_MINOR __GNUC_MINOR__
#else
#define MUV__COMPILER_NAME "cc"
#define MUV__COMPILER_MAJOR 0
#define MUV__COMPILER_MINOR 0
#endif

/* The struct that contains `member` at `pointer`. Goes through void * so that stricter alignment of
 * the outer struct, which is given by construction, raises no -Wcast-align. */
#define MUV__CONTAINER_OF(pointer, type, member)                                                   \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define MUV__COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MUV__ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(MUV__ASAN)
#define MUV__ASAN 1
#endif

/* Mark bytes of recycled memory as out of bounds for AddressSanitizer while nobody owns them. */
#if defined(MUV__ASAN)
#include <sanitizer/asan_interface.h>
#define MUV__POISON(memory, size) ASAN_POISON_MEMORY_REGION(memory, size)
#define MUV__UNPOISON(memory, size) ASAN_UNPOISON_MEMORY_REGION(memory, size)
#else
#define MUV__POISON(memory, size) ((void)(memory), (void)(size))
#define MUV__UNPOISON(memory, size) ((void)(memory), (void)(size))
#endif

#endif
