/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the top-level keys of a reply finds everything the machines need. */
#ifndef MUV__OP_REPLY_H
#define MUV__OP_REPLY_H

#include "base/error.h"
#include "base/span.h"

typedef struct muv__reply_info {
    int8_t ok;
    int8_t has_write_errors;
    int32_t code;
    uint32_t labels;                 /* MUV_LABEL_*. */
    muv__span_t code_name;           /* Text without NUL; empty when absent. */
    muv__span_t message;             /* errmsg. */
    muv__span_t cursor;              /* The cursor document. */
    muv__span_t write_concern_error; /* Document. */
    muv__span_t cluster_time;        /* $clusterTime, a document: gossiped by sessions. */
    muv__span_t topology_version;    /* Document. */
    uint64_t operation_time;         /* Timestamp, or 0. */
} muv__reply_info_t;

/* `reply` is a checked document. */
void muv__reply_read(muv__span_t reply, muv__reply_info_t *info);

/* Fill `error` from a reply with ok:0. The error keeps a view of the reply. */
void muv__reply_error(const muv__reply_info_t *info, muv__span_t reply, muv_error_t *error);

#endif
