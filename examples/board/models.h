/* SPDX-License-Identifier: Apache-2.0 */
/* What the board stores: users, posts, and comments in a collection of their own. */
#ifndef BOARD_MODELS_H
#define BOARD_MODELS_H

#include "json_out.h"

#include <muv/odm.h>

#define USER_FIELDS(F, M)                                                                          \
    F(M, objectid, id, "_id")                                                                      \
    F(M, string, name, "name", .flags = MUV_REQUIRED | MUV_UNIQUE, .min_length = 2,                \
      .max_length = 40)                                                                            \
    F(M, datetime, created, "created", .default_fn = board_now)
MUV_DECLARE_DOCUMENT(user, USER_FIELDS);

#define POST_FIELDS(F, M)                                                                          \
    F(M, objectid, id, "_id")                                                                      \
    F(M, reference(user), author, "author", .flags = MUV_REQUIRED)                                 \
    F(M, string, title, "title", .flags = MUV_REQUIRED, .min_length = 1, .max_length = 120)        \
    F(M, string, body, "body", .flags = MUV_REQUIRED, .min_length = 1, .max_length = 10000)        \
    F(M, list(string), tags, "tags", .max_length = 8,                                              \
      .items = MUV_ITEMS(string, .min_length = 1, .max_length = 30))                               \
    F(M, int64, votes, "votes")                                                                    \
    F(M, datetime, created, "created", .default_fn = board_now)
MUV_DECLARE_DOCUMENT(post, POST_FIELDS);

#define COMMENT_FIELDS(F, M)                                                                       \
    F(M, objectid, id, "_id")                                                                      \
    F(M, reference(post), post, "post", .flags = MUV_REQUIRED)                                     \
    F(M, reference(user), author, "author", .flags = MUV_REQUIRED)                                 \
    F(M, string, text, "text", .flags = MUV_REQUIRED, .min_length = 1, .max_length = 2000)         \
    F(M, datetime, created, "created", .default_fn = board_now)
MUV_DECLARE_DOCUMENT(comment, COMMENT_FIELDS);

/* The default of dates: now. */
int board_now(const muv_field_t *field, void *data, muv_value_t *ret);

/* ret  [own] muv_registry_free(). Returns 0 or a MUV_E* code. */
int models_registry(muv_error_t *reterr, muv_registry_t **ret);

/* Documents as JSON. An author that was loaded comes with his name, one that is gone is null. */
void user_json(json_t *json, const char *key, const user_t *user);
void post_json(json_t *json, const char *key, const post_t *post);
void comment_json(json_t *json, const char *key, const comment_t *comment);

#endif
