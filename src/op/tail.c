/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of the command's tail. */
#include "op/tail.h"

#include "base/bson_writer.h"
#include "session/server_session.h"

/* What the session asks for stands beside the user's level; a snapshot session's level is its own
 * (Causal Consistency, Snapshot Reads). */
static void write_read_concern(muv__buf_t *buf, const muv__tail_t *tail)
{
    int with_level = (tail->parts & MUV__TAIL_READ_CONCERN) != 0 &&
                     !muv__read_concern_is_default(&tail->concerns->read_concern);
    muv__bson_mark_t mark;

    if (!with_level && tail->after_cluster_time == 0 && !tail->snapshot) {
        return;
    }
    mark = muv__bson_begin_document(buf, MUV__KEY("readConcern"));
    if (tail->snapshot) {
        muv__bson_utf8(buf, MUV__KEY("level"), MUV__KEY("snapshot"));
        if (tail->at_cluster_time != 0) {
            muv__bson_timestamp(buf, MUV__KEY("atClusterTime"), tail->at_cluster_time);
        }
    } else if (with_level) {
        muv__read_concern_write(&tail->concerns->read_concern, buf);
    }
    if (tail->after_cluster_time != 0) {
        muv__bson_timestamp(buf, MUV__KEY("afterClusterTime"), tail->after_cluster_time);
    }
    muv__bson_end(buf, mark);
}

static void write_write_concern(muv__buf_t *buf, const muv__tail_t *tail)
{
    const muv__write_concern_t *concern = &tail->concerns->write_concern;
    muv__bson_mark_t mark;

    /* An empty one is not sent either (Write Concern: server default). */
    if (muv__write_concern_is_default(concern) ||
        (tail->without_wtimeout && concern->w_kind == MUV__W_UNSET && concern->journal == 0)) {
        return;
    }
    mark = muv__bson_begin_document(buf, MUV__KEY("writeConcern"));
    muv__write_concern_write(concern, !tail->without_wtimeout, buf);
    muv__bson_end(buf, mark);
}

static void write_read_preference(muv__buf_t *buf, const muv__read_pref_t *pref, uint8_t preference)
{
    static const muv__read_pref_t direct = {.mode = MUV__READ_PRIMARY_PREFERRED};
    muv__bson_mark_t mark;

    if (preference == MUV__TAIL_PREFERENCE_DIRECT && pref->mode == MUV__READ_PRIMARY) {
        pref = &direct;
    }
    if (preference != MUV__TAIL_PREFERENCE_NONE && pref->mode != MUV__READ_PRIMARY) {
        mark = muv__bson_begin_document(buf, MUV__KEY("$readPreference"));
        muv__read_pref_write(pref, buf);
        muv__bson_end(buf, mark);
    }
}

void muv__tail_write(muv__buf_t *buf, const muv__tail_t *tail)
{
    if (tail->parts != 0 || tail->after_cluster_time != 0 || tail->snapshot) {
        write_read_concern(buf, tail);
    }
    if ((tail->parts & MUV__TAIL_WRITE_CONCERN) != 0) {
        write_write_concern(buf, tail);
    }
    if ((tail->parts & MUV__TAIL_READ_PREFERENCE) != 0) {
        write_read_preference(buf, &tail->concerns->read_pref, tail->preference);
    }
    if (tail->session_id != NULL) {
        muv__session_write_lsid(buf, tail->session_id);
    }
    if (tail->txn_number != 0) {
        muv__bson_int64(buf, MUV__KEY("txnNumber"), tail->txn_number);
    }
    if (tail->cluster_time != NULL) {
        muv__cluster_time_write(buf, tail->cluster_time);
    }
    if (tail->max_time_ms != 0) {
        muv__bson_int64(buf, MUV__KEY("maxTimeMS"), tail->max_time_ms);
    }
    if (tail->server_api.size != 0) {
        muv__buf_append(buf, tail->server_api.data, tail->server_api.size);
    }
}
