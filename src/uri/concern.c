/* SPDX-License-Identifier: Apache-2.0 */
/* Setters, rules and fields of read and write concern. */
#include "uri/concern.h"

#include "base/bson_writer.h"

#include "muv/error.h"

#include <string.h>

int muv__read_concern_set_level(muv__read_concern_t *concern, const char *level, size_t length)
{
    if (length == 0 || length > MUV__READ_CONCERN_LEVEL_MAX) {
        return MUV_EINVAL;
    }
    memcpy(concern->level, level, length);
    concern->level[length] = '\0';
    return 0;
}

int muv__read_concern_is_default(const muv__read_concern_t *concern)
{
    return concern->level[0] == '\0';
}

void muv__read_concern_write(const muv__read_concern_t *concern, muv__buf_t *buf)
{
    if (concern->level[0] != '\0') {
        muv__bson_utf8(buf, MUV__KEY("level"), concern->level, strlen(concern->level));
    }
}

int muv__write_concern_set_w(muv__write_concern_t *concern, int64_t w)
{
    if (w < 0 || w > INT32_MAX) {
        return MUV_EINVAL;
    }
    concern->w_kind = MUV__W_NUMBER;
    concern->w = (int32_t)w;
    return 0;
}

int muv__write_concern_set_tag(muv__write_concern_t *concern, const char *tag, size_t length)
{
    if (length == 0 || length > MUV__WRITE_CONCERN_TAG_MAX) {
        return MUV_EINVAL;
    }
    concern->w_kind = MUV__W_TAG;
    memcpy(concern->tag, tag, length);
    concern->tag[length] = '\0';
    return 0;
}

int muv__write_concern_set_wtimeout(muv__write_concern_t *concern, int64_t wtimeout_ms)
{
    if (wtimeout_ms < 0) {
        return MUV_EINVAL;
    }
    concern->has_wtimeout = 1;
    concern->wtimeout_ms = wtimeout_ms;
    return 0;
}

void muv__write_concern_set_journal(muv__write_concern_t *concern, int journal)
{
    concern->journal = journal ? 1 : -1;
}

static int is_w0(const muv__write_concern_t *concern)
{
    return concern->w_kind == MUV__W_NUMBER && concern->w == 0;
}

int muv__write_concern_is_valid(const muv__write_concern_t *concern)
{
    return !is_w0(concern) || concern->journal != 1;
}

int muv__write_concern_is_acknowledged(const muv__write_concern_t *concern)
{
    return !is_w0(concern) || concern->journal == 1;
}

int muv__write_concern_is_default(const muv__write_concern_t *concern)
{
    return concern->w_kind == MUV__W_UNSET && concern->journal == 0 && !concern->has_wtimeout;
}

void muv__write_concern_write(const muv__write_concern_t *concern, int with_wtimeout,
                              muv__buf_t *buf)
{
    if (concern->w_kind == MUV__W_NUMBER) {
        muv__bson_int32(buf, MUV__KEY("w"), concern->w);
    } else if (concern->w_kind == MUV__W_TAG) {
        muv__bson_utf8(buf, MUV__KEY("w"), concern->tag, strlen(concern->tag));
    }
    if (with_wtimeout && concern->has_wtimeout) {
        if (concern->wtimeout_ms <= INT32_MAX) {
            muv__bson_int32(buf, MUV__KEY("wtimeout"), (int32_t)concern->wtimeout_ms);
        } else {
            muv__bson_int64(buf, MUV__KEY("wtimeout"), concern->wtimeout_ms);
        }
    }
    if (concern->journal != 0) {
        muv__bson_bool(buf, MUV__KEY("j"), concern->journal == 1);
    }
}
