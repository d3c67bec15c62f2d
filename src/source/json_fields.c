/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner over JSON: each scan_x() stands before an x, goes behind it and returns 1, or returns 0
 * when there is none. Looking members up scans the checked text again. */
#include "source/json_fields.h"

#include "muv/error.h"

#include <string.h>

/* Numbers above are not exact in a double, which is what most writers of JSON have. */
#define MAX_WHOLE (INT64_C(1) << 53)
/* Larger than any text is long: whatever has it is 0 or too large. */
#define MAX_EXPONENT 100000000

typedef struct scan {
    const uint8_t *at;
    const uint8_t *end;
} scan_t;

static int is_next(const scan_t *s, uint8_t byte)
{
    return s->at < s->end && *s->at == byte;
}

static int scan_byte(scan_t *s, uint8_t byte)
{
    if (!is_next(s, byte)) {
        return 0;
    }
    s->at++;
    return 1;
}

static void skip_blanks(scan_t *s)
{
    while (is_next(s, ' ') || is_next(s, '\t') || is_next(s, '\n') || is_next(s, '\r')) {
        s->at++;
    }
}

/* --- strings -----------------------------------------------------------------------------------*/

/* The value of a hexadecimal digit, or -1. */
static int hex_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int scan_hex(scan_t *s, uint32_t *ret)
{
    uint32_t value = 0;

    if (s->end - s->at < 4) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_of(s->at[i]);

        if (digit < 0) {
            return 0;
        }
        value = value << 4 | (uint32_t)digit;
    }
    s->at += 4;
    *ret = value;
    return 1;
}

/* Behind "\u". Two escapes make one character above U+FFFF; half of such a pair is none. */
static int scan_unicode(scan_t *s, uint32_t *ret)
{
    uint32_t low;

    if (!scan_hex(s, ret)) {
        return 0;
    }
    if (*ret < 0xd800 || *ret > 0xdfff) {
        return 1;
    }
    if (*ret > 0xdbff || !scan_byte(s, '\\') || !scan_byte(s, 'u') || !scan_hex(s, &low) ||
        low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *ret = 0x10000 + ((*ret - 0xd800) << 10 | (low - 0xdc00));
    return 1;
}

/* Behind the backslash. */
static int scan_escape(scan_t *s, uint32_t *ret)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *name;

    if (scan_byte(s, 'u')) {
        return scan_unicode(s, ret);
    }
    if (s->at == s->end || *s->at == '\0' || (name = strchr(names, *s->at)) == NULL) {
        return 0;
    }
    s->at++;
    *ret = (uint32_t)values[name - names];
    return 1;
}

/* One character beyond ASCII: none longer than needed, no surrogate, none above U+10FFFF. */
static int scan_utf8(scan_t *s, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint8_t lead = *s->at++;
    int rest = lead >= 0xf8 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    uint32_t value = lead & (0x3fU >> rest);

    if (rest == 0 || s->end - s->at < rest) {
        return 0;
    }
    for (int i = 0; i < rest; i++) {
        if ((*s->at & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (*s->at++ & 0x3fU);
    }
    *ret = value;
    return value >= least[rest] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

/* One character of a string, as it is written or as an escape. */
static int scan_character(scan_t *s, uint32_t *ret)
{
    if (s->at == s->end || *s->at < 0x20) {
        return 0;
    }
    if (*s->at >= 0x80) {
        return scan_utf8(s, ret);
    }
    *ret = *s->at++;
    return *ret != '\\' || scan_escape(s, ret);
}

static int scan_string(scan_t *s, muv__span_t *ret)
{
    const uint8_t *start;
    uint32_t character;

    if (!scan_byte(s, '"')) {
        return 0;
    }
    start = s->at;
    while (!is_next(s, '"')) {
        if (!scan_character(s, &character)) {
            return 0;
        }
    }
    *ret = muv__span(start, (size_t)(s->at - start));
    s->at++;
    return 1;
}

/* --- the other values --------------------------------------------------------------------------*/

static int scan_digits(scan_t *s)
{
    const uint8_t *start = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        s->at++;
    }
    return s->at > start;
}

static int scan_number(scan_t *s)
{
    (void)scan_byte(s, '-');
    if (!scan_byte(s, '0') && !scan_digits(s)) {
        return 0;
    }
    if (scan_byte(s, '.') && !scan_digits(s)) {
        return 0;
    }
    if (scan_byte(s, 'e') || scan_byte(s, 'E')) {
        if (!scan_byte(s, '+')) {
            (void)scan_byte(s, '-');
        }
        return scan_digits(s);
    }
    return 1;
}

static int scan_word(scan_t *s, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) {
        return 0;
    }
    s->at += length;
    return 1;
}

static int scan_value(scan_t *s, int depth, muv__json_value_t *ret);

/* A name, its colon, and its value. */
static int scan_member(scan_t *s, int depth, muv__span_t *ret_name, muv__json_value_t *ret)
{
    skip_blanks(s);
    if (!scan_string(s, ret_name)) {
        return 0;
    }
    skip_blanks(s);
    return scan_byte(s, ':') && scan_value(s, depth, ret);
}

/* Behind the bracket that opens it. */
static int scan_container(scan_t *s, int depth, int is_object)
{
    uint8_t close = is_object ? '}' : ']';
    muv__json_value_t value;
    muv__span_t name;

    if (depth == MUV__JSON_MAX_DEPTH) {
        return 0;
    }
    skip_blanks(s);
    if (scan_byte(s, close)) {
        return 1;
    }
    do {
        if (is_object ? !scan_member(s, depth + 1, &name, &value)
                      : !scan_value(s, depth + 1, &value)) {
            return 0;
        }
        skip_blanks(s);
    } while (scan_byte(s, ','));
    return scan_byte(s, close);
}

static int scan_by_kind(scan_t *s, int depth, muv__json_kind_t *ret)
{
    switch (*s->at) {
    case '{':
    case '[':
        *ret = *s->at == '{' ? MUV__JSON_OBJECT : MUV__JSON_ARRAY;
        s->at++;
        return scan_container(s, depth, *ret == MUV__JSON_OBJECT);
    case 'n': *ret = MUV__JSON_NULL; return scan_word(s, "null");
    case 'f': *ret = MUV__JSON_FALSE; return scan_word(s, "false");
    case 't': *ret = MUV__JSON_TRUE; return scan_word(s, "true");
    default: *ret = MUV__JSON_NUMBER; return scan_number(s);
    }
}

static int scan_value(scan_t *s, int depth, muv__json_value_t *ret)
{
    const uint8_t *start;

    skip_blanks(s);
    start = s->at;
    if (start == s->end) {
        return 0;
    }
    if (*start == '"') {
        ret->kind = MUV__JSON_STRING;
        return scan_string(s, &ret->text);
    }
    if (!scan_by_kind(s, depth, &ret->kind)) {
        return 0;
    }
    ret->text = muv__span(start, (size_t)(s->at - start));
    return 1;
}

int muv__json_object(muv__span_t text, muv__json_value_t *ret)
{
    muv__json_value_t value;
    scan_t s;

    if (text.size == 0) {
        return 0;
    }
    s = (scan_t){text.data, text.data + text.size};
    if (!scan_value(&s, 0, &value) || value.kind != MUV__JSON_OBJECT) {
        return 0;
    }
    skip_blanks(&s);
    if (s.at != s.end) {
        return 0;
    }
    *ret = value;
    return 1;
}

/* --- checked text ------------------------------------------------------------------------------*/

static int is_text(muv__span_t span, const char *text)
{
    scan_t s = {span.data, span.data + span.size};
    uint32_t character;

    for (; s.at < s.end; text++) {
        if (*text == '\0' || !scan_character(&s, &character) || character != (uint8_t)*text) {
            return 0;
        }
    }
    return *text == '\0';
}

int muv__json_member(const muv__json_value_t *object, const char *name, muv__json_value_t *ret)
{
    scan_t s = {object->text.data, object->text.data + object->text.size};
    muv__json_value_t value;
    muv__json_value_t found;
    muv__span_t key;
    int count = 0;

    if (object->kind != MUV__JSON_OBJECT) {
        return 0;
    }
    s.at++;
    while (scan_member(&s, 1, &key, &value)) {
        if (is_text(key, name)) {
            found = value;
            count++;
        }
        skip_blanks(&s);
        if (!scan_byte(&s, ',')) {
            break;
        }
    }
    if (count == 1) {
        *ret = found;
    }
    return count > 1 ? MUV_EINVAL : count;
}

/* Returns how many bytes were written. */
static size_t write_utf8(uint32_t character, uint8_t *at)
{
    if (character < 0x80) {
        at[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        at[0] = (uint8_t)(0xc0 | character >> 6);
        at[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        at[0] = (uint8_t)(0xe0 | character >> 12);
        at[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        at[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    at[0] = (uint8_t)(0xf0 | character >> 18);
    at[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    at[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    at[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

int muv__json_text(const muv__json_value_t *value, muv__secret_t *ret)
{
    scan_t s = {value->text.data, value->text.data + value->text.size};
    muv__secret_t text;
    uint32_t character;
    size_t size = 0;

    if (value->kind != MUV__JSON_STRING) {
        return MUV_EINVAL;
    }
    /* No escape is shorter than what it stands for. */
    if (muv__secret_alloc(&text, value->text.size + 1) != 0) {
        return MUV_ENOMEM;
    }
    while (s.at < s.end) {
        if (!scan_character(&s, &character) || character == 0) {
            muv__secret_done(&text);
            return MUV_EINVAL;
        }
        size += write_utf8(character, text.data + size);
    }
    /* What is behind the NUL is zero already. */
    text.size = size + 1;
    *ret = text;
    return 0;
}

int muv__json_is(const muv__json_value_t *value, const char *text)
{
    return value->kind == MUV__JSON_STRING && is_text(value->text, text);
}

/* --- numbers -----------------------------------------------------------------------------------*/

/* The exponent of a number, clamped, from its 'e' on. */
static int exponent_of(const uint8_t *at, const uint8_t *end)
{
    int value = 0;
    int sign;

    if (at == end) {
        return 0;
    }
    at++;
    sign = *at == '-' ? -1 : 1;
    at += *at == '-' || *at == '+';
    for (; at < end && value < MAX_EXPONENT; at++) {
        value = value * 10 + (*at - '0');
    }
    return sign * value;
}

/* `whole` digits of [at, end), and zeros when there are not so many; a point is passed over. */
static int read_digits(const uint8_t *at, const uint8_t *end, int64_t whole, int64_t *ret)
{
    int64_t value = 0;

    for (; whole > 0 && (at < end || value > 0); whole--) {
        at += at < end && *at == '.';
        value = value * 10 + (at < end ? *at - '0' : 0);
        at += at < end;
        if (value > MAX_WHOLE) {
            return MUV_EINVAL;
        }
    }
    *ret = value;
    return 0;
}

int muv__json_whole(const muv__json_value_t *value, int64_t *ret)
{
    const uint8_t *start = value->text.data;
    scan_t s = {start, start + value->text.size};
    const uint8_t *mantissa_end = start;
    const uint8_t *point;

    if ((value->kind != MUV__JSON_NUMBER && value->kind != MUV__JSON_STRING) || is_next(&s, '-') ||
        !scan_number(&s) || s.at != s.end) {
        return MUV_EINVAL;
    }
    while (mantissa_end < s.end && *mantissa_end != 'e' && *mantissa_end != 'E') {
        mantissa_end++;
    }
    point = memchr(start, '.', (size_t)(mantissa_end - start));
    point = point == NULL ? mantissa_end : point;
    return read_digits(start, mantissa_end, (point - start) + exponent_of(mantissa_end, s.end),
                       ret);
}
