/* SPDX-License-Identifier: Apache-2.0 */
/* Query sets: conditions, order, limits and projection of what is to be found, counted, updated or
 * deleted. Building does no I/O and sends nothing: a query is data until one of the calls of
 * mapper.h sends it, and may be sent as often as wanted.
 *
 * Every building call returns its query. The first error sticks, later calls do nothing, and the
 * call that would send the query refuses it: nothing needs to be checked in between. A NULL query
 * stands for one that memory ran out for. A query belongs to one thread. */
#ifndef MUV_ODM_QUERY_H
#define MUV_ODM_QUERY_H

#include "muv/error.h"
#include "muv/odm/condition.h"

MUV_BEGIN_DECLS

/* A query set. It copies what it is given. */
typedef struct muv_query muv_query_t;

/* All documents of a model.
 *
 * registry  [borrow] Must outlive the query.
 *
 * Returns [own] a query, to be ended with muv_query_free(); NULL when memory ran out, or when
 * `registry` is NULL. A model that the registry does not know is a sticky error. */
MUV_API muv_query_t *muv_query_new(const muv_registry_t *registry, const muv_model_t *model);

/* NULL is allowed. */
MUV_API void muv_query_free(muv_query_t *query);

/* [own] A query that begins as a copy, error included, and goes its own way from here; NULL when
 * memory ran out. */
MUV_API MUV_CHECK muv_query_t *muv_query_clone(const muv_query_t *query);

/* [borrow] The first error, which names model and field, or NULL. Valid as long as the query. */
MUV_API const muv_error_t *muv_query_error(const muv_query_t *query);

/* Keep only what meets `condition` as well. */
MUV_API muv_query_t *muv_query_filter(muv_query_t *query, muv_condition_t condition);

/* Names divided by blanks or commas, each with an optional + or -: "-votes, author__name". Replaces
 * the order set before, and the model's own. "" or NULL: no order. */
MUV_API muv_query_t *muv_query_order(muv_query_t *query, const char *names);

/* At most `limit` documents; 0: all. Negative numbers are errors. */
MUV_API muv_query_t *muv_query_limit(muv_query_t *query, int64_t limit);
MUV_API muv_query_t *muv_query_skip(muv_query_t *query, int64_t skip);

/* Documents [from, to) in their order, as skip and limit: nothing, without asking the server, when
 * `to` is not above `from`. */
MUV_API muv_query_t *muv_query_slice(muv_query_t *query, int64_t from, int64_t to);

/* Nothing at all: the query is answered without asking the server. */
MUV_API muv_query_t *muv_query_none(muv_query_t *query);

/* Load only, or all but, these fields: names divided by blanks or commas. More calls add up; names
 * given to both are left out. The primary key is loaded unless it is excluded by its name. NULL or
 * "" is an error. */
MUV_API muv_query_t *muv_query_only(muv_query_t *query, const char *names);
MUV_API muv_query_t *muv_query_exclude(muv_query_t *query, const char *names);

/* Documents in each reply; 0: the server decides. */
MUV_API muv_query_t *muv_query_batch_size(muv_query_t *query, int32_t size);

/* The index to use, by its name or by its keys (a BSON document); the last one counts. */
MUV_API muv_query_t *muv_query_hint(muv_query_t *query, const char *name);
MUV_API muv_query_t *muv_query_hint_keys(muv_query_t *query, const bson_t *keys);

/* The rules that compare strings, as the server's collation document.
 *
 * collation  [borrow] Copied. */
MUV_API muv_query_t *muv_query_collation(muv_query_t *query, const bson_t *collation);

/* Shown in the server's logs and profile. */
MUV_API muv_query_t *muv_query_comment(muv_query_t *query, const char *comment);

/* The server's own limit for the work of one command; 0: none. */
MUV_API muv_query_t *muv_query_max_time_ms(muv_query_t *query, int64_t max_time_ms);

/* [borrow] The condition as the BSON document that is sent: for logs, tests, other commands. Valid
 * until the query is changed or freed.
 *
 * Returns 0, or the query's error. */
MUV_API MUV_CHECK int muv_query_bson(muv_query_t *query, const uint8_t **ret_data,
                                     size_t *ret_size);

MUV_END_DECLS

#endif
