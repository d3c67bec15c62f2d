/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping: what means something to PCRE outside of character classes. */
#include "odm/regex.h"

#include "muv/odm/condition.h"

#include "base/compiler.h"

/* Operators of this file are MUV_Q_IEXACT and those after it. */
enum { FIRST_OP = MUV_Q_IEXACT };

static const struct shape {
    const char *before;
    const char *after;
    const char *options;
    int as_it_is;
} shapes[] = {
    [MUV_Q_IEXACT - FIRST_OP] = {"^", "$", "i", 0},
    [MUV_Q_CONTAINS - FIRST_OP] = {"", "", "", 0},
    [MUV_Q_ICONTAINS - FIRST_OP] = {"", "", "i", 0},
    [MUV_Q_STARTSWITH - FIRST_OP] = {"^", "", "", 0},
    [MUV_Q_ISTARTSWITH - FIRST_OP] = {"^", "", "i", 0},
    [MUV_Q_ENDSWITH - FIRST_OP] = {"", "$", "", 0},
    [MUV_Q_IENDSWITH - FIRST_OP] = {"", "$", "i", 0},
    [MUV_Q_WHOLEWORD - FIRST_OP] = {"\\b", "\\b", "", 0},
    [MUV_Q_IWHOLEWORD - FIRST_OP] = {"\\b", "\\b", "i", 0},
    [MUV_Q_REGEX - FIRST_OP] = {"", "", "", 1},
    [MUV_Q_IREGEX - FIRST_OP] = {"", "", "i", 1},
};

static void put(muv__buf_t *buf, const char *text)
{
    muv__buf_append(buf, text, strlen(text));
}

/* Length of the run that needs no escape. */
static size_t plain_run(const char *text, size_t size)
{
    size_t length = 0;

    while (length < size && text[length] != '\0' &&
           strchr("\\^$.|?*+()[]{}", text[length]) == NULL) {
        length++;
    }
    return length;
}

static void put_escaped(muv__buf_t *buf, const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t run = plain_run(text + at, size - at);

        muv__buf_append(buf, text + at, run);
        at += run;
        if (at == size) {
            return;
        }
        /* A pattern is a C string on the wire. */
        if (text[at] == '\0') {
            put(buf, "\\x00");
        } else {
            muv__buf_append(buf, "\\", 1);
            muv__buf_append(buf, text + at, 1);
        }
        at++;
    }
}

void muv__regex_write(muv__buf_t *buf, unsigned op, const char *text, size_t size)
{
    const struct shape *shape = &shapes[op - FIRST_OP];

    put(buf, shape->before);
    if (shape->as_it_is) {
        muv__buf_append(buf, text, size);
    } else {
        put_escaped(buf, text, size);
    }
    put(buf, shape->after);
    muv__buf_append(buf, "", 1);
    muv__buf_append(buf, shape->options, strlen(shape->options) + 1);
}
