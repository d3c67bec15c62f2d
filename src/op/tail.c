/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of the command's tail. */
#include "op/tail.h"

#include "base/bson_writer.h"

static void write_read_concern(muv__buf_t *buf, const muv__read_concern_t *concern)
{
    muv__bson_mark_t mark;

    if (!muv__read_concern_is_default(concern)) {
        mark = muv__bson_begin_document(buf, MUV__KEY("readConcern"));
        muv__read_concern_write(concern, buf);
        muv__bson_end(buf, mark);
    }
}

static void write_write_concern(muv__buf_t *buf, const muv__write_concern_t *concern)
{
    muv__bson_mark_t mark;

    if (!muv__write_concern_is_default(concern)) {
        mark = muv__bson_begin_document(buf, MUV__KEY("writeConcern"));
        muv__write_concern_write(concern, 1, buf);
        muv__bson_end(buf, mark);
    }
}

static void write_read_preference(muv__buf_t *buf, const muv__read_pref_t *pref,
                                  muv__tail_preference_t preference)
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

void muv__tail_write(muv__buf_t *buf, const muv__concerns_t *concerns, unsigned parts,
                     muv__tail_preference_t preference)
{
    if ((parts & MUV__TAIL_READ_CONCERN) != 0) {
        write_read_concern(buf, &concerns->read_concern);
    }
    if ((parts & MUV__TAIL_WRITE_CONCERN) != 0) {
        write_write_concern(buf, &concerns->write_concern);
    }
    if ((parts & MUV__TAIL_READ_PREFERENCE) != 0) {
        write_read_preference(buf, &concerns->read_pref, preference);
    }
}
