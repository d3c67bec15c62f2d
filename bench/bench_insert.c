/* SPDX-License-Identifier: Apache-2.0 */
/* The insert of the client program; see bench_insert.h. */
#include "bench_insert.h"

#include "bench_common.h"
#include "bench_doc.h"

static int next_doc(void *data, muv_writer_t *writer)
{
    bench_insert_t *insert = data;
    int64_t id = insert->id;

    if (insert->left == 0) {
        return 0;
    }
    insert->left--;
    insert->id++;
    muv_writer_int64(writer, "_id", id);
    muv_writer_utf8(writer, "name", "Ada Lovelace", 12);
    muv_writer_utf8(writer, "email", "ada@example.org", 15);
    muv_writer_int32(writer, "age", (int32_t)(id % 90));
    muv_writer_double(writer, "score", (double)id * 0.5);
    muv_writer_bool(writer, "active", id % 2 == 0);
    muv_writer_utf8(writer, "text", bench_doc_filler, BENCH_DOC_FILLER);
    return 1;
}

int bench_insert_start(bench_insert_t *insert, muv_collection_t *docs, int64_t first_id,
                       muv_write_cb cb, void *data)
{
    insert->id = first_id;
    insert->left = BENCH_INSERT_DOCS;
    return muv_collection_insert_many(
        docs, NULL, 0, &(muv_insert_many_opts_t){.next = next_doc, .next_data = insert}, cb, data,
        NULL);
}
