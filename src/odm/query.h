/* SPDX-License-Identifier: Apache-2.0 */
/* A query set from inside. The tree of conditions grows with each call; what is sent is made of it
 * once, by muv__query_prepare(), and kept until the query changes. */
#ifndef MUV__ODM_QUERY_H
#define MUV__ODM_QUERY_H

#include "muv/odm/query.h"

#include "odm/filter.h"
#include "odm/projection.h"

/* A key of the order. */
typedef struct muv__order_key {
    struct muv__order_key *next;
    const char *path;
    int32_t direction;
} muv__order_key_t;

/* A path of only() or exclude(). */
typedef struct muv__query_name {
    struct muv__query_name *next;
    const char *path;
    uint32_t length;
    uint8_t excluded;
} muv__query_name_t;

struct muv_query {
    muv__arena_t arena;
    const muv_registry_t *registry;
    const muv_schema_t *schema;
    muv__group_t filter;
    uint32_t terms;
    muv__order_key_t *order;
    muv__query_name_t *names;
    muv__query_name_t *last_name;

    int64_t limit;
    int64_t skip;
    int64_t max_time_ms;
    int32_t batch_size;
    uint8_t none;
    uint8_t order_given;
    uint8_t only_given;
    uint8_t id_excluded;
    uint8_t prepared; /* What follows is made. */

    const char *hint;
    muv__span_t hint_keys;
    muv__span_t collation;
    const char *comment;

    muv__buf_t bson;    /* The condition. */
    const char **paths; /* Of the projection, without those that others cover. */
    uint32_t path_count;

    muv_error_t error;
};

/* NULL, or `query` when it may be changed: no error yet. What was prepared is dropped. */
muv_query_t *muv__query_change(muv_query_t *query);

/* Record `code` (an error of the arena, when it is one of its) as the first error. */
void muv__query_fail(muv_query_t *query, int code);

/* Parse a list of names for order, only, exclude: order.c. */
int muv__query_parse_order(muv_query_t *query, const char *names);
int muv__query_parse_names(muv_query_t *query, const char *names, int excluded);

/* The default order of the model, if the query has none of its own: order.c. */
int muv__query_default_order(muv_query_t *query);

/* Fill `paths`: order.c. Returns 0 or the arena's error. */
int muv__query_finish_names(muv_query_t *query);

/* Make all that is sent. Returns 0, or the query's error, or MUV_ENOMEM; fills `reterr`. */
int muv__query_prepare(muv_query_t *query, muv_error_t *reterr);

/* What a decoder must know of only() and exclude(), in `arena`; NULL: all is loaded. The query is
 * prepared. Returns 0 or MUV_ENOMEM. */
int muv__query_projection(const muv_query_t *query, muv__arena_t *arena, muv__projection_t **ret);

#endif
