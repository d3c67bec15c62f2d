/* SPDX-License-Identifier: Apache-2.0 */
/* The three operations of the benchmarks as a synchronous program makes them with libmongoc: take a
 * client from the pool, use it, give it back. Shared by bench_mongoc and bench_bridge.
 */
#ifndef BENCH_MONGOC_OPS_H
#define BENCH_MONGOC_OPS_H

#include "bench_common.h"

#include <mongoc/mongoc.h>

/* Initialise libmongoc and make the pool; prints what is wrong and ends the process. */
mongoc_client_pool_t *bench_mongoc_pool_new(const bench_args_t *args);
void bench_mongoc_pool_free(mongoc_client_pool_t *pool);

/* Each returns how many documents it handled: 0 is an error. */
uint64_t bench_mongoc_find(mongoc_client_pool_t *pool, int64_t id);
uint64_t bench_mongoc_insert(mongoc_client_pool_t *pool, int64_t first_id);
uint64_t bench_mongoc_cursor(mongoc_client_pool_t *pool);
uint64_t bench_mongoc_op(mongoc_client_pool_t *pool, int mode, int64_t id);

#endif
