/* SPDX-License-Identifier: Apache-2.0 */
/* GET /posts/:id
 *
 * One post with its author and its comments with theirs: four commands whatever the number of
 * comments. Post and comments are asked for at the same time, then the authors of each, without
 * duplicates, with one `$in`. */
#include "router.h"

#include "models.h"

/* More are not shown; they fit into one reply. */
#define MAX_COMMENTS 1000

static void on_post(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;

    if (call_child_done(call, op, error)) {
        post_json(&call->parts[0], NULL, document);
    }
}

static void on_comments(muv_op_t *op, const muv_error_t *error, void **documents, size_t count,
                        void *data)
{
    call_t *call = data;
    json_t *json = &call->parts[1];

    if (!call_child_done(call, op, error)) {
        return;
    }
    json_open(json, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        comment_json(json, NULL, documents[i]);
    }
    json_close(json, ']');
}

static void answer(call_t *call)
{
    json_t *out = &call->out;

    out->failed = call->parts[0].failed || call->parts[1].failed;
    json_open(out, NULL, '{');
    json_raw(out, "post", call->parts[0].data, call->parts[0].size);
    json_raw(out, "comments", call->parts[1].data, call->parts[1].size);
    json_close(out, '}');
    call_answer(call, 200, NULL);
}

void route_get_post(call_t *call)
{
    muv_load_opts_t opts = {.related = "author"};
    muv_query_t *post;
    muv_query_t *comments;

    if (!call_begin(call, answer)) {
        return;
    }
    opts.parent = call->op;
    post = muv_query_new(call->board->registry, &post_model);
    post = muv_query_filter(post, muv_eq(post_fields.id, call->id[0]));
    comments = muv_query_new(call->board->registry, &comment_model);
    comments = muv_query_filter(comments, muv_eq(comment_fields.post, call->id[0]));
    comments = muv_query_limit(muv_query_order(comments, "created, id"), MAX_COMMENTS);
    comments = muv_query_batch_size(comments, MAX_COMMENTS + 1);
    if (call_started(call, muv_query_get(call->board->mapper, post, &opts, on_post, call, NULL)) &&
        call_started(
            call, muv_query_all(call->board->mapper, comments, &opts, on_comments, call, NULL))) {
        call_wait(call);
    }
    muv_query_free(comments);
    muv_query_free(post);
}
