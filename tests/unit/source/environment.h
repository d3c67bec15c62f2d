/* SPDX-License-Identifier: Apache-2.0 */
/* An environment for sources, which is a list. */
#ifndef MUV_TESTS_UNIT_SOURCE_ENVIRONMENT_H
#define MUV_TESTS_UNIT_SOURCE_ENVIRONMENT_H

#include <string.h>

#include "support/check.h"

#define ENVIRONMENT_MAX 16

typedef struct environment {
    size_t count;
    const char *names[ENVIRONMENT_MAX];
    const char *values[ENVIRONMENT_MAX];
} environment_t;

/* A muv__source_get_t. */
static inline const char *environment_get(const char *name, void *data)
{
    const environment_t *e = data;

    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(e->names[i], name) == 0) {
            return e->values[i];
        }
    }
    return NULL;
}

/* Both are borrowed; a value of NULL takes the variable away. */
static inline void environment_set(environment_t *e, const char *name, const char *value)
{
    size_t i = 0;

    while (i < e->count && strcmp(e->names[i], name) != 0) {
        i++;
    }
    assert_true(i < ENVIRONMENT_MAX);
    e->names[i] = name;
    e->values[i] = value;
    e->count += i == e->count;
}

#endif
