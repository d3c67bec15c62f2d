/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the document with a stack of its open levels; it ends when the limit is reached. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <bson/bson.h>

#include "base/bson_check.h"
#include "base/bson_view.h"

/* The last moment of the year 9999 (Extended JSON: $date). */
#define DATE_MAX_MS INT64_C(253402300799999)

#define MS_PER_DAY 86400000

/* A document or array that is open. */
typedef struct level {
    muv__bson_iter_t iter;
    const char *closing; /* "}", "]", or what else ends it. */
    uint8_t is_array;
    uint8_t begun; /* It has an element already. */
} level_t;

typedef struct json {
    muv__buf_t *buf;
    size_t start;
    size_t limit;
    uint32_t depth;
    int bad;
    level_t levels[MUV__BSON_MAX_DEPTH];
} json_t;

static int is_full(const json_t *json)
{
    return json->buf->error != 0 || json->buf->size - json->start > json->limit;
}

static void put(json_t *json, const char *text, size_t length)
{
    if (!is_full(json)) {
        muv__buf_append(json->buf, text, length);
    }
}

static void put_text(json_t *json, const char *text)
{
    put(json, text, strlen(text));
}

/* --- strings -----------------------------------------------------------------------------------*/

/* Length of the well-formed character at `at`, or 0. */
static size_t character_length(const uint8_t *at, size_t avail)
{
    uint8_t lead = at[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (lead > 0xf4 || length > avail) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ||
        (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f)) {
        return 0;
    }
    return length;
}

static void put_escaped(json_t *json, uint8_t byte)
{
    char text[8];

    switch (byte) {
    case '"': put_text(json, "\\\""); break;
    case '\\': put_text(json, "\\\\"); break;
    case '\n': put_text(json, "\\n"); break;
    case '\r': put_text(json, "\\r"); break;
    case '\t': put_text(json, "\\t"); break;
    default: (void)snprintf(text, sizeof(text), "\\u%04x", byte); put_text(json, text);
    }
}

static void put_string(json_t *json, const char *text, size_t size)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + size;

    put(json, "\"", 1);
    while (at < end && !is_full(json)) {
        size_t length = character_length(at, (size_t)(end - at));

        if (length == 0) {
            put_text(json, "\xef\xbf\xbd");
            at++;
            continue;
        }
        if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f) {
            put_escaped(json, *at);
        } else {
            put(json, (const char *)at, length);
        }
        at += length;
    }
    put(json, "\"", 1);
}

/* {"<key>": "<text>"} */
static void put_wrapped(json_t *json, const char *head, const char *text, size_t size)
{
    put_text(json, head);
    put_string(json, text, size);
    put(json, "}", 1);
}

/* --- values ------------------------------------------------------------------------------------*/

/* The decimal that reads back as the same number, of the fewest digits that do so from 15 on. */
static void put_double(json_t *json, double value)
{
    char text[40];
    char *comma;

    if (isnan(value) || isinf(value)) {
        put_text(json, isnan(value) ? "{\"$numberDouble\": \"NaN\"}"
                       : value > 0  ? "{\"$numberDouble\": \"Infinity\"}"
                                    : "{\"$numberDouble\": \"-Infinity\"}");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    comma = strchr(text, ','); /* The locale's. */
    if (comma != NULL) {
        *comma = '.';
    }
    put_text(json, text);
    if (strpbrk(text, ".e") == NULL) {
        put_text(json, ".0");
    }
}

static void put_base64(json_t *json, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t at = 0; at < size && !is_full(json); at += 3) {
        size_t left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                         (left > 2 ? bytes[at + 2] : 0);
        char text[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        left > 1 ? digits[group >> 6 & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};

        put(json, text, sizeof(text));
    }
}

static void put_binary(json_t *json, const muv__bson_iter_t *iter)
{
    const uint8_t *bytes = iter->value + 5;
    size_t size = iter->value_size - 5;
    uint8_t subtype = iter->value[4];
    char text[24];

    if (subtype == 2 && size >= 4) { /* Its inner length is not part of it. */
        bytes += 4;
        size -= 4;
    }
    put_text(json, "{\"$binary\": {\"base64\": \"");
    put_base64(json, bytes, size);
    (void)snprintf(text, sizeof(text), "\", \"subType\": \"%02x\"}}", subtype);
    put_text(json, text);
}

static void put_oid(json_t *json, const uint8_t *oid)
{
    char text[40];
    int length = snprintf(text, sizeof(text), "{\"$oid\": \"");

    for (int i = 0; i < 12; i++) {
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%02x", oid[i]);
    }
    put_text(json, text);
    put_text(json, "\"}");
}

/* Days since 1970 to a date of the Gregorian calendar. Years begin in March, so that the day that
 * some of them have more is the last one. */
void muv__json_date(char text[MUV__JSON_DATE_SIZE], int64_t value_ms)
{
    int64_t days = value_ms / MS_PER_DAY + 719468; /* Since 0000-03-01. */
    int64_t era = days / 146097;
    int64_t day_of_era = days % 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int64_t ms = value_ms % MS_PER_DAY;
    unsigned day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1) % 32;
    unsigned shown_month = (unsigned)(month < 10 ? month + 3 : month - 9) % 13;
    unsigned shown_year = (unsigned)(year + era * 400 + (shown_month <= 2)) % 10000;
    unsigned seconds = (unsigned)(ms / 1000);
    unsigned fraction = (unsigned)(ms % 1000) % 1000;
    int length = snprintf(text, MUV__JSON_DATE_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u", shown_year,
                          shown_month, day, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);

    if (fraction != 0) {
        (void)snprintf(text + length, MUV__JSON_DATE_SIZE - (size_t)length, ".%03uZ", fraction);
    } else {
        memcpy(text + length, "Z", 2);
    }
}

static void put_date(json_t *json, int64_t value_ms)
{
    char text[64];
    char date[MUV__JSON_DATE_SIZE];

    if (value_ms < 0 || value_ms > DATE_MAX_MS) {
        (void)snprintf(text, sizeof(text), "{\"$date\": {\"$numberLong\": \"%" PRId64 "\"}}",
                       value_ms);
    } else {
        muv__json_date(date, value_ms);
        (void)snprintf(text, sizeof(text), "{\"$date\": \"%s\"}", date);
    }
    put_text(json, text);
}

static void put_regex(json_t *json, const muv__bson_iter_t *iter)
{
    const char *pattern = (const char *)iter->value;
    size_t length = strlen(pattern);

    put_text(json, "{\"$regularExpression\": {\"pattern\": ");
    put_string(json, pattern, length);
    put_text(json, ", \"options\": ");
    put_string(json, pattern + length + 1, strlen(pattern + length + 1));
    put_text(json, "}}");
}

static void put_db_pointer(json_t *json, const muv__bson_iter_t *iter)
{
    put_text(json, "{\"$dbPointer\": {\"$ref\": ");
    put_string(json, (const char *)iter->value + 4, iter->value_size - 4 - 1 - 12);
    put_text(json, ", \"$id\": ");
    put_oid(json, iter->value + iter->value_size - 12);
    put_text(json, "}}");
}

static void put_decimal(json_t *json, const uint8_t *value)
{
    bson_decimal128_t decimal = {.low = muv__load_u64(value), .high = muv__load_u64(value + 8)};
    char text[BSON_DECIMAL128_STRING];

    bson_decimal128_to_string(&decimal, text);
    put_wrapped(json, "{\"$numberDecimal\": ", text, strlen(text));
}

static void put_integer(json_t *json, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    put_text(json, text);
}

static void put_timestamp(json_t *json, uint64_t value)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "{\"$timestamp\": {\"t\": %u, \"i\": %u}}",
                   (unsigned)(value >> 32), (unsigned)(value & UINT32_MAX));
    put_text(json, text);
}

/* --- documents ---------------------------------------------------------------------------------*/

static void open_level(json_t *json, const uint8_t *document, size_t size, const char *opening,
                       const char *closing)
{
    level_t *level;

    if (json->depth == MUV__BSON_MAX_DEPTH) {
        json->bad = 1;
        return;
    }
    level = &json->levels[json->depth];
    if (!muv__bson_iter_init(&level->iter, document, size)) {
        json->bad = 1;
        return;
    }
    level->closing = closing;
    level->is_array = closing[0] == ']';
    level->begun = 0;
    json->depth++;
    put_text(json, opening);
}

static void open_code(json_t *json, const muv__bson_iter_t *iter)
{
    size_t size = muv__load_u32(iter->value + 4); /* Of the code, its NUL included. */

    put_text(json, "{\"$code\": ");
    put_string(json, (const char *)iter->value + 8, size - 1);
    open_level(json, iter->value + 8 + size, iter->value_size - 8 - size, ", \"$scope\": {", "}}");
}

static void put_value(json_t *json, const muv__bson_iter_t *iter)
{
    const uint8_t *value = iter->value;
    const char *text = (const char *)value + 4;
    size_t text_size = iter->value_size - 5;

    switch (iter->type) {
    case MUV__BSON_DOUBLE: put_double(json, muv__load_double(value)); break;
    case MUV__BSON_UTF8: put_string(json, text, text_size); break;
    case MUV__BSON_DOCUMENT: open_level(json, value, iter->value_size, "{", "}"); break;
    case MUV__BSON_ARRAY: open_level(json, value, iter->value_size, "[", "]"); break;
    case MUV__BSON_BINARY: put_binary(json, iter); break;
    case MUV__BSON_UNDEFINED: put_text(json, "{\"$undefined\": true}"); break;
    case MUV__BSON_OID: put_oid(json, value); break;
    case MUV__BSON_BOOL: put_text(json, value[0] != 0 ? "true" : "false"); break;
    case MUV__BSON_DATETIME: put_date(json, (int64_t)muv__load_u64(value)); break;
    case MUV__BSON_NULL: put_text(json, "null"); break;
    case MUV__BSON_REGEX: put_regex(json, iter); break;
    case MUV__BSON_DBPOINTER: put_db_pointer(json, iter); break;
    case MUV__BSON_CODE: put_wrapped(json, "{\"$code\": ", text, text_size); break;
    case MUV__BSON_SYMBOL: put_wrapped(json, "{\"$symbol\": ", text, text_size); break;
    case MUV__BSON_CODEWSCOPE: open_code(json, iter); break;
    case MUV__BSON_INT32: put_integer(json, (int32_t)muv__load_u32(value)); break;
    case MUV__BSON_TIMESTAMP: put_timestamp(json, muv__load_u64(value)); break;
    case MUV__BSON_INT64: put_integer(json, (int64_t)muv__load_u64(value)); break;
    case MUV__BSON_DECIMAL128: put_decimal(json, value); break;
    case MUV__BSON_MAXKEY: put_text(json, "{\"$maxKey\": 1}"); break;
    case MUV__BSON_MINKEY: put_text(json, "{\"$minKey\": 1}"); break;
    default: json->bad = 1; break;
    }
}

/* The next element of the innermost open level, or its end. */
static void go_on(json_t *json)
{
    level_t *level = &json->levels[json->depth - 1];

    if (!muv__bson_iter_next(&level->iter)) {
        json->bad |= level->iter.bad;
        json->depth--;
        if (!json->bad) {
            put_text(json, level->closing);
        }
        return;
    }
    if (level->begun) {
        put(json, ", ", 2);
    }
    level->begun = 1;
    if (!level->is_array) {
        put_string(json, level->iter.key, level->iter.key_length);
        put(json, ": ", 2);
    }
    put_value(json, &level->iter);
}

/* Take back what exceeds the limit, and the character it would split. */
static void cut(json_t *json)
{
    size_t size = json->buf->size - json->start;

    if (json->buf->error != 0 || (size <= json->limit && !json->bad)) {
        return;
    }
    if (size > json->limit) {
        const uint8_t *text = json->buf->data + json->start;

        size = json->limit;
        while (size > 0 && (text[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    json->buf->size = json->start + size;
    muv__buf_append(json->buf, "...", 3);
}

void muv__json_append(muv__buf_t *buf, muv__span_t document, size_t limit)
{
    json_t json;

    json.buf = buf;
    json.start = buf->size;
    json.limit = limit;
    json.depth = 0;
    json.bad = 0;
    open_level(&json, document.data, document.size, "{", "}");
    while (json.depth != 0 && !json.bad && !is_full(&json)) {
        go_on(&json);
    }
    cut(&json);
}
