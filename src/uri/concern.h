/* SPDX-License-Identifier: Apache-2.0 */
/* Read concern and write concern as values: no memory of their own, copied by assignment, and all
 * zero is "not set", which leaves the choice to the server (Read/Write Concern: server default).
 *
 * Whatever the user did set is sent, also {level: "local"} and {w: 1}. The fields are written into
 * a document that the caller has opened, because the command's tail puts afterClusterTime beside a
 * read concern's level. */
#ifndef MUV__URI_CONCERN_H
#define MUV__URI_CONCERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bytes of a level or a tag without its NUL; longer ones are refused. */
#define MUV__READ_CONCERN_LEVEL_MAX 63
#define MUV__WRITE_CONCERN_TAG_MAX 127

typedef struct muv__read_concern {
    char level[MUV__READ_CONCERN_LEVEL_MAX + 1]; /* "" when not set. */
} muv__read_concern_t;

enum { MUV__W_UNSET = 0, MUV__W_NUMBER, MUV__W_TAG };

typedef struct muv__write_concern {
    int8_t w_kind;  /* MUV__W_*. */
    int8_t journal; /* 0 not set, 1 true, -1 false. */
    int8_t has_wtimeout;
    int32_t w;                                /* When w_kind is MUV__W_NUMBER; not negative. */
    int64_t wtimeout_ms;                      /* When has_wtimeout; not negative. */
    char tag[MUV__WRITE_CONCERN_TAG_MAX + 1]; /* When w_kind is MUV__W_TAG; "majority" is one. */
} muv__write_concern_t;

/* Any level is taken, so that a newer server's level can be used. Returns 0, or MUV_EINVAL: empty
 * or too long. */
int muv__read_concern_set_level(muv__read_concern_t *concern, const char *level, size_t length);

int muv__read_concern_is_default(const muv__read_concern_t *concern);

/* Write the fields (level), or nothing. Failures stick in the buffer. */
void muv__read_concern_write(const muv__read_concern_t *concern, muv__buf_t *buf);

/* Each returns 0, or MUV_EINVAL and leaves the value as it was: negative number, negative time,
 * empty or too long tag. */
int muv__write_concern_set_w(muv__write_concern_t *concern, int64_t w);
int muv__write_concern_set_tag(muv__write_concern_t *concern, const char *tag, size_t length);
int muv__write_concern_set_wtimeout(muv__write_concern_t *concern, int64_t wtimeout_ms);
void muv__write_concern_set_journal(muv__write_concern_t *concern, int journal);

/* 0 for w:0 together with journal:true, which contradict each other and must be refused; else 1. */
int muv__write_concern_is_valid(const muv__write_concern_t *concern);

/* 0 when the server sends no reply to a write with it: w:0 without journal:true. */
int muv__write_concern_is_acknowledged(const muv__write_concern_t *concern);

int muv__write_concern_is_default(const muv__write_concern_t *concern);

/* Write the fields w, wtimeout, j as far as they are set. `with_wtimeout` 0 leaves wtimeout out
 * (CSOT: timeoutMS replaces it). Failures stick in the buffer. */
void muv__write_concern_write(const muv__write_concern_t *concern, int with_wtimeout,
                              muv__buf_t *buf);

#endif
