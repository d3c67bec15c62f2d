/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions about our own state. Nothing that comes from the network, the server or the caller is
 * ever asserted. MUV__ASSERT stays in release builds; MUV__DASSERT only in debug builds. */
#ifndef MUV__ASSERT_H
#define MUV__ASSERT_H

#include "base/compiler.h"

typedef void (*muv__assert_handler_t)(const char *expression, const char *file, int line);

/* Replace what happens on a failed assertion; NULL restores print-and-abort. If the handler
 * returns, the process aborts all the same. */
void muv__assert_set_handler(muv__assert_handler_t handler);

MUV__NORETURN MUV__COLD void muv__assert_failed(const char *expression, const char *file, int line);

#define MUV__ASSERT(x) (MUV__LIKELY(x) ? (void)0 : muv__assert_failed(#x, __FILE__, __LINE__))

#ifdef NDEBUG
#define MUV__DASSERT(x) ((void)sizeof(x))
#define MUV__NEVER(x) (x)
#else
#define MUV__DASSERT(x) MUV__ASSERT(x)
/* Believed to be false: handled in release builds, fatal in tests. */
#define MUV__NEVER(x) (MUV__UNLIKELY(x) ? (muv__assert_failed(#x, __FILE__, __LINE__), 1) : 0)
#endif

#endif
