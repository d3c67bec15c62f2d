/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what queries and updates send. JSON is written with ' for quotes, as odm_json() takes
 * it. Every check frees what it was given. */
#ifndef MUV_TESTS_UNIT_ODM_QUERY_SUPPORT_H
#define MUV_TESTS_UNIT_ODM_QUERY_SUPPORT_H

#include "support/check.h"
#include "support/odm_models.h"

#include "odm/query_render.h"
#include "odm/update.h"

/* One registry for a whole test program. */
int query_setup(void **state);
int query_teardown(void **state);
muv_registry_t *query_registry(void);

/* A new query or update of post_model. */
muv_query_t *posts(void);
muv_update_t *changes(void);

/* The condition that is sent. */
#define CHECK_FILTER(query, json) check_filter(query, json, __FILE__, __LINE__)
void check_filter(muv_query_t *query, const char *json, const char *file, int line);

/* Both conditions give the same bytes, which are those of `json`. */
#define CHECK_BOTH(typed, named, json) check_both(typed, named, json, __FILE__, __LINE__)
void check_both(muv_condition_t typed, muv_condition_t named, const char *json, const char *file,
                int line);

/* The first error: its code is MUV_EINVAL and its message is `text`. */
#define CHECK_REFUSED(query, text) check_refused(query, text, __FILE__, __LINE__)
void check_refused(muv_query_t *query, const char *text, const char *file, int line);

#define CHECK_UPDATE(update, json) check_update(update, json, __FILE__, __LINE__)
void check_update(muv_update_t *update, const char *json, const char *file, int line);
#define CHECK_UPDATE_REFUSED(update, code, text)                                                   \
    check_update_refused(update, code, text, __FILE__, __LINE__)
void check_update_refused(muv_update_t *update, int code, const char *text, const char *file,
                          int line);

/* A whole command, as `render` writes it. */
typedef void (*query_render_t)(const muv_query_t *query, muv_writer_t *writer);
#define CHECK_COMMAND(query, render, json) check_command(query, render, json, __FILE__, __LINE__)
void check_command(muv_query_t *query, query_render_t render, const char *json, const char *file,
                   int line);

void render_all(const muv_query_t *query, muv_writer_t *writer);
void render_first(const muv_query_t *query, muv_writer_t *writer);
void render_get(const muv_query_t *query, muv_writer_t *writer);
void render_exists(const muv_query_t *query, muv_writer_t *writer);
void render_ids(const muv_query_t *query, muv_writer_t *writer);
void render_delete_many(const muv_query_t *query, muv_writer_t *writer);
void render_delete_one(const muv_query_t *query, muv_writer_t *writer);

#endif
