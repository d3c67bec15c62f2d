/* SPDX-License-Identifier: Apache-2.0 */
/* Text in a growing buffer; see json_out.h. */
#include "json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool reserve(json_t *json, size_t extra)
{
    size_t wanted = json->capacity == 0 ? 512 : json->capacity;
    char *data;

    if (json->failed || extra > JSON_MAX_BYTES - json->size) {
        json->failed = true;
        return false;
    }
    while (wanted - json->size < extra) {
        wanted *= 2;
    }
    if (wanted != json->capacity) {
        data = realloc(json->data, wanted);
        if (data == NULL) {
            json->failed = true;
            return false;
        }
        json->data = data;
        json->capacity = wanted;
    }
    return true;
}

static void append(json_t *json, const char *bytes, size_t size)
{
    if (size > 0 && reserve(json, size)) {
        memcpy(json->data + json->size, bytes, size);
        json->size += size;
    }
}

static void append_escape(json_t *json, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c == '\0' ? NULL : strchr(plain, c);
    char text[8];

    if (at != NULL) {
        (void)snprintf(text, sizeof(text), "\\%c", letters[at - plain]);
    } else {
        (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned)c);
    }
    append(json, text, strlen(text));
}

/* The browser is to see valid UTF-8 whatever another program has stored: when it is not, every
 * byte beyond ASCII becomes a replacement character. */
static void append_quoted(json_t *json, const char *text, size_t size)
{
    bool valid = bson_utf8_validate(text, size, true);
    size_t from = 0;

    append(json, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= ' ' && c != '"' && c != '\\' && (c < 0x80 || valid)) {
            continue;
        }
        append(json, text + from, i - from);
        from = i + 1;
        if (c >= 0x80) {
            append(json, "\xef\xbf\xbd", 3);
        } else {
            append_escape(json, c);
        }
    }
    append(json, text + from, size - from);
    append(json, "\"", 1);
}

static void begin_value(json_t *json, const char *key)
{
    if (json->comma) {
        append(json, ",", 1);
    }
    json->comma = true;
    if (key != NULL) {
        append_quoted(json, key, strlen(key));
        append(json, ":", 1);
    }
}

void json_done(json_t *json)
{
    free(json->data);
    memset(json, 0, sizeof(*json));
}

void json_open(json_t *json, const char *key, char bracket)
{
    begin_value(json, key);
    append(json, &bracket, 1);
    json->comma = false;
}

void json_close(json_t *json, char bracket)
{
    append(json, &bracket, 1);
    json->comma = true;
}

void json_string(json_t *json, const char *key, const char *text)
{
    begin_value(json, key);
    append_quoted(json, text, strlen(text));
}

void json_str(json_t *json, const char *key, muv_str_t text)
{
    if (text.data == NULL) {
        json_null(json, key);
        return;
    }
    begin_value(json, key);
    append_quoted(json, text.data, text.size);
}

void json_int(json_t *json, const char *key, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    json_raw(json, key, text, strlen(text));
}

void json_null(json_t *json, const char *key)
{
    json_raw(json, key, "null", 4);
}

void json_oid(json_t *json, const char *key, const muv_oid_t *oid)
{
    char text[25];

    muv_oid_to_text(oid, text);
    json_string(json, key, text);
}

void json_date(json_t *json, const char *key, muv_datetime_t date)
{
    int64_t seconds = date.ms / 1000 - (date.ms % 1000 < 0 ? 1 : 0);
    time_t when = (time_t)seconds;
    struct tm tm;
    char day[32];
    char text[48];

    if (gmtime_r(&when, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        json_null(json, key);
        return;
    }
    (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(date.ms - seconds * 1000));
    json_string(json, key, text);
}

void json_raw(json_t *json, const char *key, const char *text, size_t size)
{
    begin_value(json, key);
    append(json, text, size);
}
