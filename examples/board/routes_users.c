/* SPDX-License-Identifier: Apache-2.0 */
/* POST /users, GET /users/:id */
#include "router.h"

#include "models.h"

#include <stdio.h>

/* --- create ------------------------------------------------------------------------------------*/

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;

    if (call_child_done(call, op, error)) {
        user_json(&call->out, NULL, document);
    }
}

static void answer_created(call_t *call)
{
    const user_t *user = call->document;
    char location[40] = "/users/";

    muv_oid_to_text(&user->id, location + 7);
    call_answer(call, 201, location);
}

void route_create_user(call_t *call)
{
    static const char *const known[] = {"name", NULL};
    muv_save_opts_t opts = {0};
    user_t *user = muv_doc_new(call->board->registry, &user_model);

    call->document = user;
    if (!call_read_body(call)) {
        return;
    }
    body_allow(&call->body, known);
    if (user == NULL || call_put(call, &user->name, body_text(&call->body, "name")) != 0) {
        call_problem(call, 503, "busy", "Out of memory");
        return;
    }
    if (call_refuse_fields(call) || !call_begin(call, answer_created)) {
        return;
    }
    opts.parent = call->op;
    if (call_started(call, muv_save(call->board->mapper, user, &opts, on_saved, call, NULL))) {
        call_wait(call);
    }
}

/* --- get ---------------------------------------------------------------------------------------*/

static void on_user(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;

    if (call_child_done(call, op, error)) {
        user_json(&call->out, NULL, document);
    }
}

static void answer_user(call_t *call)
{
    call_answer(call, 200, NULL);
}

void route_get_user(call_t *call)
{
    muv_load_opts_t opts = {0};
    muv_query_t *query;

    if (!call_begin(call, answer_user)) {
        return;
    }
    opts.parent = call->op;
    query = muv_query_new(call->board->registry, &user_model);
    query = muv_query_filter(query, muv_eq(user_fields.id, call->id[0]));
    if (call_started(call, muv_query_get(call->board->mapper, query, &opts, on_user, call, NULL))) {
        call_wait(call);
    }
    muv_query_free(query);
}
