/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a client program, counts every call of the allocator of the C library between the
 * opening and the shutting of the measured window, and prints calls per operation on stderr:
 *
 *     LD_PRELOAD=./count_malloc.so bench_find 127.0.0.1 PORT 64 0 100
 *
 * With COUNT_MALLOC_TRACE=N the stacks of the first N allocating calls in the window are printed
 * too. Replaces the allocator's entry points, so it needs glibc (its __libc_* names).
 */
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { MALLOC, CALLOC, REALLOC, ALIGNED, FREE, KINDS, STACK_DEPTH = 24 };

/* glibc has no header for these. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

void bench_malloc_begin(uint64_t ops);
void bench_malloc_end(uint64_t ops);

static atomic_bool counting;
static atomic_llong counts[KINDS];
static atomic_llong traces_left;
static _Thread_local bool tracing;

static void note(int kind)
{
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) {
        return;
    }
    atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
    if (kind != FREE && !tracing && atomic_load(&traces_left) > 0 &&
        atomic_fetch_sub(&traces_left, 1) > 0) {
        void *stack[STACK_DEPTH];
        tracing = true;
        backtrace_symbols_fd(stack, backtrace(stack, STACK_DEPTH), STDERR_FILENO);
        (void)!write(STDERR_FILENO, "--\n", 3);
        tracing = false;
    }
}

EXPORT void *malloc(size_t size)
{
    note(MALLOC);
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    note(CALLOC);
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *p, size_t size)
{
    note(REALLOC);
    return __libc_realloc(p, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    note(ALIGNED);
    return __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t size)
{
    note(ALIGNED);
    void *p = __libc_memalign(alignment, size);
    if (p == NULL) {
        return ENOMEM;
    }
    *ret_p = p;
    return 0;
}

EXPORT void free(void *p)
{
    if (p != NULL) {
        note(FREE);
    }
    __libc_free(p);
}

EXPORT void bench_malloc_begin(uint64_t ops)
{
    void *stack[1];
    const char *traces = getenv("COUNT_MALLOC_TRACE");

    (void)ops;
    /* The first backtrace loads a library; it must not be counted. */
    (void)backtrace(stack, 1);
    atomic_store(&traces_left, traces != NULL ? strtoll(traces, NULL, 10) : 0);
    for (int i = 0; i < KINDS; i++) {
        atomic_store(&counts[i], 0);
    }
    atomic_store(&counting, true);
}

EXPORT void bench_malloc_end(uint64_t ops)
{
    static const char *const names[KINDS] = {"malloc", "calloc", "realloc", "aligned", "free"};

    atomic_store(&counting, false);
    fprintf(stderr, "{\"allocator_calls_in\": %llu", (unsigned long long)ops);
    for (int i = 0; i < KINDS; i++) {
        long long n = atomic_load(&counts[i]);
        fprintf(stderr, ", \"%s\": %lld, \"%s_per_op\": %.6f", names[i], n, names[i],
                ops > 0 ? (double)n / (double)ops : 0.0);
    }
    fprintf(stderr, "}\n");
}
