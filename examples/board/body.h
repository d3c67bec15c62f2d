/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends: the JSON object of a request's body, and the parameters behind its `?`.
 * Everything that is wrong with a field is collected under the field's name, so that the answer
 * names all of it at once. */
#ifndef BOARD_BODY_H
#define BOARD_BODY_H

#include "json_out.h"

#include <h2o.h>

/* A parsed body. All zero: none. */
typedef struct body {
    bson_t *bson;   /* [own] body_done(). */
    json_t *fields; /* [borrow] Receives "field": "what is wrong". */
} body_t;

/* Parse. Texts taken from the body live until body_done().
 *
 * fields  [borrow] Where errors of fields go; must outlive the body.
 * reason  Says what is wrong when it is no JSON object.
 *
 * Returns whether it is a JSON object. */
bool body_parse(body_t *body, h2o_iovec_t text, json_t *fields, bson_error_t *reason);
void body_done(body_t *body);

/* Complain about fields that are none of `names`, which NULL ends. */
void body_allow(body_t *body, const char *const *names);

/* The value of a field; an absent or null one has no value (NULL, 0 elements, `otherwise`), one of
 * a wrong type is an error and has none either. */
muv_str_t body_text(body_t *body, const char *name);
int64_t body_int(body_t *body, const char *name, int64_t otherwise);

/* An ObjectId in hexadecimal digits. Returns whether there is a good one; absent is an error. */
bool body_oid(body_t *body, const char *name, muv_oid_t *ret);

/* A list of strings: call `each` with every one until it returns non-zero, which is returned. */
int body_texts(body_t *body, const char *name, int (*each)(muv_str_t text, void *data), void *data);

/* One parameter of the query string, decoded into the request's pool. Returns false when there is
 * none, or when it is malformed, which is an error in `fields`. */
bool parameter_text(h2o_req_t *req, const char *name, json_t *fields, muv_str_t *ret);

/* A number within [min, max], else an error in `fields`. Absent: `otherwise`. */
int64_t parameter_int(h2o_req_t *req, const char *name, json_t *fields, const int64_t range[2],
                      int64_t otherwise);

#endif
