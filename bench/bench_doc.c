/* SPDX-License-Identifier: Apache-2.0 */
/* The document of the insert benchmarks; see bench_doc.h. */
#include "bench_doc.h"

#include "bench_common.h"

const char bench_doc_filler[] =
    "All lengths are counted before anything is written, so that the first byte of a document may "
    "be its length and the last one a zero; the rest is a matter of patience.";

void bench_doc_append(bson_t *doc, int64_t id)
{
    (void)bson_append_int64(doc, "_id", 3, id);
    (void)bson_append_utf8(doc, "name", 4, "Ada Lovelace", 12);
    (void)bson_append_utf8(doc, "email", 5, "ada@example.org", 15);
    (void)bson_append_int32(doc, "age", 3, (int32_t)(id % 90));
    (void)bson_append_double(doc, "score", 5, (double)id * 0.5);
    (void)bson_append_bool(doc, "active", 6, id % 2 == 0);
    (void)bson_append_utf8(doc, "text", 4, bench_doc_filler, BENCH_DOC_FILLER);
}
