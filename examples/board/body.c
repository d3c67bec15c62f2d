/* SPDX-License-Identifier: Apache-2.0 */
/* Input of requests; see body.h. The body is read by libbson's JSON reader: its size is bounded by
 * http.c before it gets here, and it bounds the nesting itself. */
#include "body.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The first printable byte, or NUL. */
static char first_byte(h2o_iovec_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.base[i]) == NULL || text.base[i] == '\0') {
            return text.base[i];
        }
    }
    return '\0';
}

bool body_parse(body_t *body, h2o_iovec_t text, json_t *fields, bson_error_t *reason)
{
    memset(body, 0, sizeof(*body));
    body->fields = fields;
    if (first_byte(text) != '{') {
        bson_set_error(reason, 0, 0, "The body must be a JSON object");
        return false;
    }
    if (!bson_utf8_validate(text.base, text.len, false)) {
        bson_set_error(reason, 0, 0, "The body is not UTF-8");
        return false;
    }
    body->bson = bson_new_from_json((const uint8_t *)text.base, (ssize_t)text.len, reason);
    return body->bson != NULL;
}

void body_done(body_t *body)
{
    bson_destroy(body->bson);
    body->bson = NULL;
}

void body_allow(body_t *body, const char *const *names)
{
    bson_iter_t iter;

    if (!bson_iter_init(&iter, body->bson)) {
        return;
    }
    while (bson_iter_next(&iter)) {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, bson_iter_key(&iter)) != 0) {
            name++;
        }
        if (*name == NULL) {
            json_string(body->fields, bson_iter_key(&iter), "Unknown field");
        }
    }
}

/* Find a field that has a value. */
static bool find(body_t *body, const char *name, bson_iter_t *ret)
{
    return body->bson != NULL && bson_iter_init_find(ret, body->bson, name) &&
           !BSON_ITER_HOLDS_NULL(ret);
}

static muv_str_t text_at(const bson_iter_t *iter)
{
    uint32_t size = 0;
    const char *data = bson_iter_utf8(iter, &size);
    muv_str_t text = {data, size, 0};

    return text;
}

muv_str_t body_text(body_t *body, const char *name)
{
    muv_str_t none = {NULL, 0, 0};
    bson_iter_t iter;

    if (!find(body, name, &iter)) {
        return none;
    }
    if (!BSON_ITER_HOLDS_UTF8(&iter)) {
        json_string(body->fields, name, "Must be a string");
        return none;
    }
    return text_at(&iter);
}

int64_t body_int(body_t *body, const char *name, int64_t otherwise)
{
    bson_iter_t iter;

    if (!find(body, name, &iter)) {
        return otherwise;
    }
    if (!BSON_ITER_HOLDS_INT(&iter)) {
        json_string(body->fields, name, "Must be an integer");
        return otherwise;
    }
    return bson_iter_as_int64(&iter);
}

bool body_oid(body_t *body, const char *name, muv_oid_t *ret)
{
    bson_iter_t iter;
    muv_str_t text;

    if (!find(body, name, &iter)) {
        json_string(body->fields, name, "Field is required");
        return false;
    }
    text = body_text(body, name);
    if (text.data == NULL) {
        return false;
    }
    /* A NUL inside the text makes it too short for an ObjectId. */
    if (muv_oid_from_text(text.data, ret) != 0) {
        json_string(body->fields, name, "Must be an id");
        return false;
    }
    return true;
}

int body_texts(body_t *body, const char *name, int (*each)(muv_str_t text, void *data), void *data)
{
    bson_iter_t iter;
    bson_iter_t item;

    if (!find(body, name, &iter)) {
        return 0;
    }
    if (!BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &item)) {
        json_string(body->fields, name, "Must be a list of strings");
        return 0;
    }
    while (bson_iter_next(&item)) {
        int code;

        if (!BSON_ITER_HOLDS_UTF8(&item)) {
            json_string(body->fields, name, "Must be a list of strings");
            return 0;
        }
        code = each(text_at(&item), data);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

/* --- the query string --------------------------------------------------------------------------*/

/* The raw value of a parameter. */
static bool find_parameter(const h2o_req_t *req, const char *name, h2o_iovec_t *ret)
{
    const char *at;
    const char *end;

    if (req->query_at == SIZE_MAX) {
        return false;
    }
    at = req->path.base + req->query_at + 1;
    end = req->path.base + req->path.len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        const char *equals;

        stop = stop == NULL ? end : stop;
        equals = memchr(at, '=', (size_t)(stop - at));
        if (equals != NULL && h2o_memis(at, (size_t)(equals - at), name, strlen(name))) {
            *ret = h2o_iovec_init(equals + 1, (size_t)(stop - equals - 1));
            return true;
        }
        at = stop + 1;
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode `raw` into `ret`, which has room for it. Returns the size, or SIZE_MAX. */
static size_t percent_decode(h2o_iovec_t raw, char *ret)
{
    size_t size = 0;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.base[i] == '+' ? ' ' : raw.base[i];

        if (c == '%') {
            int high = raw.len - i > 2 ? hex_digit(raw.base[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(raw.base[i + 2]);

            if (low < 0) {
                return SIZE_MAX;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        ret[size++] = c;
    }
    return size;
}

bool parameter_text(h2o_req_t *req, const char *name, json_t *fields, muv_str_t *ret)
{
    h2o_iovec_t raw;
    char *text;
    size_t size;

    if (!find_parameter(req, name, &raw)) {
        return false;
    }
    text = h2o_mem_alloc_pool(&req->pool, raw.len + 1);
    size = percent_decode(raw, text);
    if (size == SIZE_MAX || !bson_utf8_validate(text, size, false)) {
        json_string(fields, name, "Must be UTF-8 in URL encoding");
        return false;
    }
    text[size] = '\0';
    ret->data = text;
    ret->size = (uint32_t)size;
    ret->reserved = 0;
    return true;
}

int64_t parameter_int(h2o_req_t *req, const char *name, json_t *fields, const int64_t range[2],
                      int64_t otherwise)
{
    muv_str_t text;
    char *end;
    long long number;

    if (!parameter_text(req, name, fields, &text)) {
        return otherwise;
    }
    number = strtoll(text.data, &end, 10);
    if (end == text.data || *end != '\0' || number < range[0] || number > range[1]) {
        json_string(fields, name, "Must be a number within the limits");
        return otherwise;
    }
    return number;
}
