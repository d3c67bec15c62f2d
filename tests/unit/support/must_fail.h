/* SPDX-License-Identifier: Apache-2.0 */
/* Shows that a check can fail: runs it in a child process in which a failing test aborts. */
#ifndef MUV_TESTS_UNIT_SUPPORT_MUST_FAIL_H
#define MUV_TESTS_UNIT_SUPPORT_MUST_FAIL_H

#include <stdbool.h>

/* Does `body(data)` fail its test, printing `text` on the way? */
bool fails_with(void (*body)(void *data), void *data, const char *text);

#endif
