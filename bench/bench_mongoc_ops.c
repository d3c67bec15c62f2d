/* SPDX-License-Identifier: Apache-2.0 */
/* Find, insert and cursor with libmongoc; see bench_mongoc_ops.h. */
#include "bench_mongoc_ops.h"

#include "bench_doc.h"

#include <stdio.h>
#include <stdlib.h>

mongoc_client_pool_t *bench_mongoc_pool_new(const bench_args_t *args)
{
    char text[512];
    bson_error_t error;

    mongoc_init();
    (void)snprintf(text, sizeof text, "mongodb://%s:%u/?maxPoolSize=%zu", args->host,
                   (unsigned)args->port, args->pool);
    mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
    mongoc_client_pool_t *pool = uri != NULL ? mongoc_client_pool_new(uri) : NULL;
    if (pool == NULL) {
        fprintf(stderr, "libmongoc: no pool for %s\n", text);
        exit(1);
    }
    mongoc_uri_destroy(uri);
    return pool;
}

void bench_mongoc_pool_free(mongoc_client_pool_t *pool)
{
    mongoc_client_pool_destroy(pool);
    mongoc_cleanup();
}

uint64_t bench_mongoc_find(mongoc_client_pool_t *pool, int64_t id)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t opts = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    bson_iter_t it;

    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *coll = mongoc_client_get_collection(client, "perf", "docs");
    (void)bson_append_int64(&filter, "_id", 3, id);
    (void)bson_append_int64(&opts, "limit", 5, 1);
    (void)bson_append_bool(&opts, "singleBatch", 11, true);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(coll, &filter, &opts, NULL);
    bool found = mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "_id") &&
                 bson_iter_as_int64(&it) == id;
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(coll);
    mongoc_client_pool_push(pool, client);
    bson_destroy(&filter);
    bson_destroy(&opts);
    return found ? 1 : 0;
}

uint64_t bench_mongoc_insert(mongoc_client_pool_t *pool, int64_t first_id)
{
    bson_error_t error;
    bson_t *docs = aligned_alloc(_Alignof(bson_t), (size_t)BENCH_INSERT_DOCS * sizeof *docs);
    const bson_t **list = calloc(BENCH_INSERT_DOCS, sizeof *list);

    if (docs == NULL || list == NULL) {
        free(list);
        free(docs);
        return 0;
    }
    for (int i = 0; i < BENCH_INSERT_DOCS; i++) {
        bson_init(&docs[i]);
        bench_doc_append(&docs[i], first_id + i);
        list[i] = &docs[i];
    }
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *coll = mongoc_client_get_collection(client, "perf", "docs");
    bool done = mongoc_collection_insert_many(coll, list, BENCH_INSERT_DOCS, NULL, NULL, &error);
    mongoc_collection_destroy(coll);
    mongoc_client_pool_push(pool, client);
    for (int i = 0; i < BENCH_INSERT_DOCS; i++) {
        bson_destroy(&docs[i]);
    }
    free(list);
    free(docs);
    return done ? BENCH_INSERT_DOCS : 0;
}

uint64_t bench_mongoc_cursor(mongoc_client_pool_t *pool)
{
    bson_t filter = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    uint64_t count = 0;
    bson_iter_t it;

    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *coll = mongoc_client_get_collection(client, "perf", "docs");
    (void)bson_append_int32(&filter, "many", 4, BENCH_CURSOR_DOCS);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(coll, &filter, NULL, NULL);
    while (mongoc_cursor_next(cursor, &doc) && bson_iter_init_find(&it, doc, "_id")) {
        count += bson_iter_as_int64(&it) >= 0 ? 1 : 0;
    }
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(coll);
    mongoc_client_pool_push(pool, client);
    bson_destroy(&filter);
    return count == BENCH_CURSOR_DOCS ? count : 0;
}

uint64_t bench_mongoc_op(mongoc_client_pool_t *pool, int mode, int64_t id)
{
    switch (mode) {
    case BENCH_INSERT: return bench_mongoc_insert(pool, id * BENCH_INSERT_DOCS);
    case BENCH_CURSOR: return bench_mongoc_cursor(pool);
    default: return bench_mongoc_find(pool, id);
    }
}
