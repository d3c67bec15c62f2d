/* SPDX-License-Identifier: Apache-2.0 */
/* Names, texts and filling of errors; the public helpers on muv_error_t. */
#include "base/error.h"

#include "base/bson_view.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_row {
    int code;
    int domain;
    const char *name;
    const char *text;
};

#define CODE_ROW(suffix, value, domain_, text_)                                                    \
    {value, MUV_DOMAIN_##domain_, "MUV_" #suffix, text_},
static const struct code_row code_rows[] = {MUV_ERROR_MAP(CODE_ROW)};
#undef CODE_ROW

static const struct code_row *find_row(int code)
{
    for (size_t i = 0; i < MUV__COUNT_OF(code_rows); i++) {
        if (code_rows[i].code == code) {
            return &code_rows[i];
        }
    }
    return NULL;
}

const char *muv_error_name(int code)
{
    const struct code_row *row = find_row(code);

    if (code == 0) {
        return "MUV_OK";
    }
    return row == NULL ? "unknown" : row->name;
}

const char *muv_error_text(int code)
{
    const struct code_row *row = find_row(code);

    if (code == 0) {
        return "success";
    }
    return row == NULL ? "unknown error" : row->text;
}

int muv__error_domain(int code)
{
    const struct code_row *row = find_row(code);

    return row == NULL ? MUV_DOMAIN_NONE : row->domain;
}

void muv__error_clear(muv_error_t *error)
{
    error->domain = MUV_DOMAIN_NONE;
    error->code = 0;
    error->server_code = 0;
    error->system_code = 0;
    error->labels = 0;
    error->in_doubt = 0;
    error->reply_size = 0;
    error->reply = NULL;
    error->code_name[0] = '\0';
    error->host[0] = '\0';
    error->message[0] = '\0';
}

int muv__error_set(muv_error_t *reterr, int code, const char *format, ...)
{
    va_list arguments;

    if (reterr == NULL) {
        return code;
    }
    muv__error_clear(reterr);
    reterr->code = code;
    reterr->domain = muv__error_domain(code);
    va_start(arguments, format);
    (void)vsnprintf(reterr->message, sizeof(reterr->message), format, arguments);
    va_end(arguments);
    return code;
}

int muv__error_code(muv_error_t *reterr, int code)
{
    return muv__error_set(reterr, code, "%s", muv_error_text(code));
}

void muv__error_assign(muv_error_t *to, const muv_error_t *from)
{
    *to = *from;
    to->reply = NULL;
    to->reply_size = 0;
}

uint32_t muv__error_label_bit(const char *name, size_t length)
{
#define LABEL_TEST(suffix, bit, text)                                                              \
    if (length == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0) {                 \
        return UINT32_C(1) << (bit);                                                               \
    }
    MUV_LABEL_MAP(LABEL_TEST)
#undef LABEL_TEST
    return 0;
}

static int reply_has_label(const muv_error_t *error, const char *label, size_t length)
{
    muv__bson_iter_t top;
    muv__bson_iter_t item;

    if (error->reply == NULL ||
        !muv__bson_find(error->reply, error->reply_size, "errorLabels", &top) ||
        !muv__bson_iter_child(&top, &item)) {
        return 0;
    }
    while (muv__bson_iter_next(&item)) {
        if (item.type == MUV__BSON_UTF8 && muv__bson_iter_text_is(&item, label, length)) {
            return 1;
        }
    }
    return 0;
}

int muv_error_has_label(const muv_error_t *error, const char *label)
{
    size_t length;
    uint32_t bit;

    if (error == NULL || label == NULL) {
        return 0;
    }
    length = strlen(label);
    bit = muv__error_label_bit(label, length);
    if (bit != 0) {
        return (error->labels & bit) != 0;
    }
    return reply_has_label(error, label, length);
}

int muv_error_copy(const muv_error_t *error, muv_error_t **ret)
{
    muv_error_t *copy;

    if (error == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    copy = muv__mem_alloc(sizeof(*copy) + error->reply_size);
    if (copy == NULL) {
        return MUV_ENOMEM;
    }
    *copy = *error;
    if (error->reply != NULL) {
        memcpy(copy + 1, error->reply, error->reply_size);
        copy->reply = (const uint8_t *)(copy + 1);
    }
    *ret = copy;
    return 0;
}

void muv_error_free(muv_error_t *error)
{
    muv__mem_free(error);
}
