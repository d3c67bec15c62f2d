/* SPDX-License-Identifier: Apache-2.0 */
/* The insert of the client program: BENCH_INSERT_DOCS documents a call, written from native values
 * straight into libmuv's send buffer.
 */
#ifndef BENCH_INSERT_H
#define BENCH_INSERT_H

#include <muv.h>

#include <stdint.h>

typedef struct {
    int64_t id;
    int32_t left;
} bench_insert_t;

/* Start one call with ids from `first_id` on; `insert` lives until `cb`. Returns libmuv's code. */
int bench_insert_start(bench_insert_t *insert, muv_collection_t *docs, int64_t first_id,
                       muv_write_cb cb, void *data);

#endif
