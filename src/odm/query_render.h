/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of query sets, written through the client's public door. The query is prepared
 * (muv__query_prepare()) and not none(); rendering cannot fail by itself: the writer keeps errors.
 * Not written: $db, session, concerns, preference, which belong to the start of the command. */
#ifndef MUV__ODM_QUERY_RENDER_H
#define MUV__ODM_QUERY_RENDER_H

#include "muv/command.h"

#include "odm/query.h"

/* What a find is for. */
enum {
    MUV__FIND_ALL = 0,
    MUV__FIND_FIRST,  /* limit 1, one batch. */
    MUV__FIND_GET,    /* limit 2, without order: more than one is an error. */
    MUV__FIND_EXISTS, /* limit 1, without order, only the key. */
    MUV__FIND_IDS     /* As ALL, but only the keys. */
};

/* {find: ..., filter, sort, projection, ...} */
void muv__query_render_find(const muv_query_t *query, int purpose, muv_writer_t *writer);

/* {aggregate: ..., pipeline: [$match, $skip, $limit, $group], ...}: the answer is one document with
 * `n`, or none for 0. Skip and limit count. */
void muv__query_render_count(const muv_query_t *query, muv_writer_t *writer);

/* {distinct: ..., key, query}; `path` is a stored path. */
void muv__query_render_distinct(const muv_query_t *query, const char *path, muv_writer_t *writer);

/* {delete: ..., deletes: [{q, limit}]}; `one` 1: at most one document. */
void muv__query_render_delete(const muv_query_t *query, int one, muv_writer_t *writer);

/* {update: ..., updates: [{q, u, ...}]}: the update's bytes come from muv_update_bson(), the
 * filters (whole documents, each `filter_count` of them) from its array filters. */
typedef struct muv__update_render {
    muv__span_t update;
    const muv__span_t *filters;
    size_t filter_count;
    int one;
    int upsert;
} muv__update_render_t;

void muv__query_render_update(const muv_query_t *query, const muv__update_render_t *update,
                              muv_writer_t *writer);

/* Refuse what the command cannot honour: a write of all matches takes no limit, skip or order and
 * nothing is loaded; a distinct none of these either. Returns 0 or MUV_EINVAL. `what` begins the
 * message: "update". */
int muv__query_check_whole(const muv_query_t *query, const char *what, muv_error_t *reterr);

/* The stored path of a name, for distinct; lives in the query. Returns 0, MUV_EINVAL or the
 * arena's error. */
int muv__query_stored_path(muv_query_t *query, const char *name, muv_error_t *reterr,
                           const char **ret);

#endif
