/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the small JSON documents that metadata and token services answer with, found in the
 * text itself: nothing is built, so that no copy of a secret is left behind. Strict (RFC 8259): the
 * whole text is checked once, and what is read later is read from checked text.
 *
 *   muv__json_value_t root, value;
 *   muv__secret_t token = {.data = NULL};
 *
 *   if (muv__json_object(body, &root) && muv__json_member(&root, "access_token", &value) == 1) {
 *       rc = muv__json_text(&value, &token);
 *   } */
#ifndef MUV__JSON_FIELDS_H
#define MUV__JSON_FIELDS_H

#include <stdint.h>

#include "auth/secret.h"
#include "base/span.h"

/* Objects and arrays inside each other, the root included. */
#define MUV__JSON_MAX_DEPTH 32

typedef enum muv__json_kind {
    MUV__JSON_NULL,
    MUV__JSON_FALSE,
    MUV__JSON_TRUE,
    MUV__JSON_NUMBER,
    MUV__JSON_STRING,
    MUV__JSON_ARRAY,
    MUV__JSON_OBJECT
} muv__json_kind_t;

/* A value in a checked text. */
typedef struct muv__json_value {
    muv__json_kind_t kind;
    muv__span_t text; /* As it is written; of strings what is between the quotes. */
} muv__json_value_t;

/* Check a text that must be one object. Returns 1, or 0 when it is not, is malformed, is not UTF-8
 * or is nested too deep. */
int muv__json_object(muv__span_t text, muv__json_value_t *ret);

/* Find a member of an object by its (ASCII) name. Returns 1; 0 when there is none, or `object` is
 * no object; MUV_EINVAL when there are several, as nobody can say which of them is meant. `ret` may
 * be `object`. */
int muv__json_member(const muv__json_value_t *object, const char *name, muv__json_value_t *ret);

/* The text of a string with escapes undone and a NUL behind it, which `size` counts. Returns 0,
 * MUV_ENOMEM, or MUV_EINVAL for what is no string or has a NUL in it. */
int muv__json_text(const muv__json_value_t *value, muv__secret_t *ret);

/* 1 when it is a string of exactly this (ASCII) text. */
int muv__json_is(const muv__json_value_t *value, const char *text);

/* The whole part of a number that is not negative, in any notation (1.7E9), or of a string that is
 * such a number ("3599", Azure). Returns 0, or MUV_EINVAL for anything else and above 2^53. */
int muv__json_whole(const muv__json_value_t *value, int64_t *ret);

#endif
