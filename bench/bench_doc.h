/* SPDX-License-Identifier: Apache-2.0 */
/* The document of the insert benchmarks: BENCH_DOC_BYTES when encoded, built from native values
 * with libbson, the same in every client program.
 */
#ifndef BENCH_DOC_H
#define BENCH_DOC_H

#include <bson/bson.h>

#include <stdint.h>

/* Its first BENCH_DOC_FILLER characters are the document's text. */
extern const char bench_doc_filler[];

/* Append the document's fields to an empty `doc`. */
void bench_doc_append(bson_t *doc, int64_t id);

#endif
