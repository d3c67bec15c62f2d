/* SPDX-License-Identifier: Apache-2.0 */
/* Names that several headers share. Every member of an options struct means "not set" when it is
 * all zero bits: the constants here say explicitly what zero cannot. */
#ifndef MUV_TYPES_H
#define MUV_TYPES_H

#include <bson/bson.h>
#include <stdint.h>

#include "muv/export.h"

MUV_BEGIN_DECLS

/* An explicit 0 in a number member of an options struct. */
#define MUV_ZERO INT32_MIN

/* No limit, in members that hold a timeout (`..._ms`: milliseconds). `timeout_ms` in the options of
 * an operation is its one deadline, from the call to the callback; 0: that of the database's or
 * collection's handle, else the client's; below a parent the parent's counts as well. */
#define MUV_INFINITE (-1)

/* What a timeout bounds of an operation that opens a cursor (timeoutMode): the cursor from the call
 * to its last document, killing it excepted; or each wait for documents by itself. */
enum { MUV_TIMEOUT_CURSOR_LIFETIME = 1, MUV_TIMEOUT_ITERATION };

/* Values of yes/no members (int8_t). */
enum { MUV_UNSET = 0, MUV_YES = 1, MUV_NO = -1 };

/* Read preference modes (Server Selection specification). 0 in an options struct: inherited. */
enum {
    MUV_READ_PRIMARY = 1,
    MUV_READ_PRIMARY_PREFERRED,
    MUV_READ_SECONDARY,
    MUV_READ_SECONDARY_PREFERRED,
    MUV_READ_NEAREST
};

/* Which servers may answer a read. */
typedef struct muv_read_preference {
    int8_t mode;                   /* MUV_READ_*; 0: inherited. */
    int32_t max_staleness_seconds; /* 0: not bounded; else at least 90. */
    const bson_t *tag_sets;        /* [borrow] An array of documents, tried in order, or NULL. */
} muv_read_preference_t;

/* How consistent reads are: "local", "majority", "linearizable", "available", "snapshot". */
typedef struct muv_read_concern {
    const char *level; /* [borrow] NULL: inherited. */
} muv_read_concern_t;

/* What a write waits for. A given one replaces the inherited one as a whole. */
typedef struct muv_write_concern {
    int32_t w;           /* Members; MUV_ZERO: unacknowledged. 0: the server's default. */
    const char *w_tag;   /* [borrow] "majority" or a tag instead of a number. */
    int8_t journal;      /* MUV_YES, MUV_NO. */
    int64_t wtimeout_ms; /* 0: none. */
} muv_write_concern_t;

typedef struct muv_client muv_client_t;
typedef struct muv_database muv_database_t;
typedef struct muv_collection muv_collection_t;
typedef struct muv_op muv_op_t;
typedef struct muv_session muv_session_t;
typedef struct muv_reply muv_reply_t;
typedef struct muv_writer muv_writer_t;

MUV_END_DECLS

#endif
