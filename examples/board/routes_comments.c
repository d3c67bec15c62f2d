/* SPDX-License-Identifier: Apache-2.0 */
/* POST /posts/:id/comments: look for post and author at the same time, then save. */
#include "router.h"

#include "models.h"

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;

    if (call_child_done(call, op, error)) {
        comment_json(&call->out, NULL, document);
    }
}

static void answer(call_t *call)
{
    call_answer(call, 201, NULL);
}

/* One of the two was found. */
static void count_check(comment_call_t *comment)
{
    call_t *call = &comment->call;
    muv_save_opts_t opts = {.parent = call->op};

    comment->checks++;
    if (comment->checks == 2 && call_started(call, muv_save(call->board->mapper, call->document,
                                                            &opts, on_saved, call, NULL))) {
        call_wait(call);
    }
}

static void on_post(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    call_t *call = data;

    if (!call_child_done(call, op, error)) {
        return;
    }
    if (count == 0) {
        call_give_up(call, 404, "not_found", "There is no such post");
        return;
    }
    count_check(data);
}

static void on_author(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    call_t *call = data;

    if (!call_child_done(call, op, error)) {
        return;
    }
    if (count == 0) {
        json_string(&call->fields, "author", "There is no such user");
        call_give_up(call, 400, "validation", "The request does not fit");
        return;
    }
    count_check(data);
}

/* Fill the document from the body. Returns 0 or a MUV_E* code. */
static int read_comment(call_t *call, muv_oid_t *ret_author)
{
    static const char *const known[] = {"author", "text", NULL};
    comment_t *comment = call->document;
    int code;

    if (comment == NULL) {
        return MUV_ENOMEM;
    }
    body_allow(&call->body, known);
    code = call_put(call, &comment->text, body_text(&call->body, "text"));
    muv_ref_to_oid(&comment->post, call->id[0]);
    if (body_oid(&call->body, "author", ret_author)) {
        muv_ref_to_oid(&comment->author, *ret_author);
    }
    return code;
}

void route_create_comment(call_t *call)
{
    muv_load_opts_t opts = {0};
    muv_mapper_t *mapper = call->board->mapper;
    muv_query_t *post;
    muv_query_t *user;
    muv_oid_t author;

    call->document = muv_doc_new(call->board->registry, &comment_model);
    if (!call_read_body(call)) {
        return;
    }
    if (read_comment(call, &author) != 0) {
        call_problem(call, 503, "busy", "Out of memory");
        return;
    }
    if (call_refuse_fields(call) || !call_begin(call, answer)) {
        return;
    }
    opts.parent = call->op;
    post = muv_query_new(call->board->registry, &post_model);
    post = muv_query_filter(post, muv_eq(post_fields.id, call->id[0]));
    user = muv_query_new(call->board->registry, &user_model);
    user = muv_query_filter(user, muv_eq(user_fields.id, author));
    if (call_started(call, muv_query_exists(mapper, post, &opts, on_post, call, NULL))) {
        (void)call_started(call, muv_query_exists(mapper, user, &opts, on_author, call, NULL));
    }
    muv_query_free(user);
    muv_query_free(post);
}
