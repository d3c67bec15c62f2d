/* SPDX-License-Identifier: Apache-2.0 */
/* A writer of JSON text: commas and escapes are its work, brackets the caller's. The first failure
 * (no memory, or larger than JSON_MAX_BYTES) sticks: only the end has to be checked. */
#ifndef BOARD_JSON_OUT_H
#define BOARD_JSON_OUT_H

#include <muv/odm.h>

#define JSON_MAX_BYTES ((size_t)32 * 1024 * 1024)

/* All zero: an empty text. */
typedef struct json {
    char *data; /* [own] json_done(). */
    size_t size;
    size_t capacity;
    bool comma; /* The next value needs one in front. */
    bool failed;
} json_t;

void json_done(json_t *json);

/* `key` is NULL inside arrays and at the top. `bracket` is one of { [ and } ]. */
void json_open(json_t *json, const char *key, char bracket);
void json_close(json_t *json, char bracket);

void json_string(json_t *json, const char *key, const char *text);
void json_str(json_t *json, const char *key, muv_str_t text); /* No value: null. */
void json_int(json_t *json, const char *key, int64_t number);
void json_null(json_t *json, const char *key);
void json_oid(json_t *json, const char *key, const muv_oid_t *oid);

/* ISO 8601 in UTC with milliseconds; null when the year has not four digits. */
void json_date(json_t *json, const char *key, muv_datetime_t date);

/* A value that is JSON already. */
void json_raw(json_t *json, const char *key, const char *text, size_t size);

#endif
