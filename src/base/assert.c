/* SPDX-License-Identifier: Apache-2.0 */
/* The replaceable end of a failed assertion. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static muv__assert_handler_t current_handler;

void muv__assert_set_handler(muv__assert_handler_t handler)
{
    current_handler = handler;
}

void muv__assert_failed(const char *expression, const char *file, int line)
{
    if (current_handler != NULL) {
        current_handler(expression, file, line);
    }
    (void)fprintf(stderr, "libmuv: assertion failed: %s (%s:%d)\n", expression, file, line);
    abort();
}
