/* SPDX-License-Identifier: Apache-2.0 */
/* POST /posts, POST /posts/:id/vote, DELETE /posts/:id */
#include "router.h"

#include "models.h"

/* --- create: look whether the author exists, then save -----------------------------------------*/

static void on_saved(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;

    if (call_child_done(call, op, error)) {
        post_json(&call->out, NULL, document);
    }
}

static void answer_created(call_t *call)
{
    const post_t *post = call->document;
    char location[40] = "/posts/";

    muv_oid_to_text(&post->id, location + 7);
    call_answer(call, 201, location);
}

static void on_author(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    call_t *call = data;
    muv_save_opts_t opts = {.parent = call->op};

    if (!call_child_done(call, op, error)) {
        return;
    }
    if (count == 0) {
        json_string(&call->fields, "author", "There is no such user");
        call_give_up(call, 400, "validation", "The request does not fit");
        return;
    }
    if (call_started(call,
                     muv_save(call->board->mapper, call->document, &opts, on_saved, call, NULL))) {
        call_wait(call);
    }
}

static int add_tag(muv_str_t text, void *data)
{
    post_t *post = data;
    muv_str_t tag = {NULL, 0, 0};
    int code = muv_put_sized(post, &tag, text.data, text.size);

    return code != 0 ? code : muv_list_push(post, &post->tags, tag);
}

/* Fill the document from the body. Returns 0 or a MUV_E* code. */
static int read_post(call_t *call, muv_oid_t *ret_author)
{
    static const char *const known[] = {"author", "title", "body", "tags", NULL};
    post_t *post = call->document;
    body_t *body = &call->body;
    int code = post == NULL ? MUV_ENOMEM : 0;

    body_allow(body, known);
    if (code == 0) {
        code = call_put(call, &post->title, body_text(body, "title"));
    }
    if (code == 0) {
        code = call_put(call, &post->body, body_text(body, "body"));
    }
    if (code == 0) {
        code = body_texts(body, "tags", add_tag, post);
    }
    if (code == 0 && body_oid(body, "author", ret_author)) {
        muv_ref_to_oid(&post->author, *ret_author);
    }
    return code;
}

void route_create_post(call_t *call)
{
    muv_load_opts_t opts = {0};
    muv_query_t *query;
    muv_oid_t author;

    call->document = muv_doc_new(call->board->registry, &post_model);
    if (!call_read_body(call)) {
        return;
    }
    if (read_post(call, &author) != 0) {
        call_problem(call, 503, "busy", "Out of memory");
        return;
    }
    if (call_refuse_fields(call) || !call_begin(call, answer_created)) {
        return;
    }
    opts.parent = call->op;
    query = muv_query_new(call->board->registry, &user_model);
    query = muv_query_filter(query, muv_eq(user_fields.id, author));
    (void)call_started(call,
                       muv_query_exists(call->board->mapper, query, &opts, on_author, call, NULL));
    muv_query_free(query);
}

/* --- vote: change the number on the server, then read it ---------------------------------------*/

static void on_votes(muv_op_t *op, const muv_error_t *error, void *document, void *data)
{
    call_t *call = data;
    const post_t *post = document;

    if (call_child_done(call, op, error)) {
        json_open(&call->out, NULL, '{');
        json_oid(&call->out, "id", &post->id);
        json_int(&call->out, "votes", post->votes);
        json_close(&call->out, '}');
    }
}

static void on_voted(muv_op_t *op, const muv_error_t *error, const muv_update_result_t *result,
                     void *data)
{
    call_t *call = data;
    muv_load_opts_t opts = {.parent = call->op};
    muv_query_t *query;

    if (!call_child_done(call, op, error)) {
        return;
    }
    if (result->matched == 0) {
        call_give_up(call, 404, "not_found", "There is no such post");
        return;
    }
    query = muv_query_new(call->board->registry, &post_model);
    query = muv_query_filter(query, muv_eq(post_fields.id, call->id[0]));
    query = muv_query_only(query, "votes");
    if (call_started(call,
                     muv_query_get(call->board->mapper, query, &opts, on_votes, call, NULL))) {
        call_wait(call);
    }
    muv_query_free(query);
}

static void answer(call_t *call)
{
    call_answer(call, 200, NULL);
}

void route_vote(call_t *call)
{
    static const char *const known[] = {"by", NULL};
    muv_store_opts_t opts = {0};
    muv_query_t *query;
    muv_update_t *update;
    int64_t by = 1;

    if (call->req->entity.len > 0) {
        if (!call_read_body(call)) {
            return;
        }
        body_allow(&call->body, known);
        by = body_int(&call->body, "by", 1);
        if (by != 1 && by != -1) {
            json_string(&call->fields, "by", "Must be 1 or -1");
        }
    }
    if (call_refuse_fields(call) || !call_begin(call, answer)) {
        return;
    }
    opts.parent = call->op;
    query = muv_query_new(call->board->registry, &post_model);
    query = muv_query_filter(query, muv_eq(post_fields.id, call->id[0]));
    update = muv_update_new(call->board->registry, &post_model);
    update = muv_update_inc(update, post_fields.votes, by);
    (void)call_started(
        call, muv_query_update(call->board->mapper, query, update, &opts, on_voted, call, NULL));
    muv_update_free(update);
    muv_query_free(query);
}

/* --- delete: the post first, so that nobody sees it without its comments -----------------------*/

static void on_comments_deleted(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    delete_call_t *call = data;

    if (call_child_done(&call->call, op, error)) {
        call->comments = count;
    }
}

static void answer_deleted(call_t *call)
{
    json_open(&call->out, NULL, '{');
    json_oid(&call->out, "deleted", &call->id[0]);
    json_int(&call->out, "comments", ((delete_call_t *)call)->comments);
    json_close(&call->out, '}');
    call_answer(call, 200, NULL);
}

static void on_deleted(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    call_t *call = data;
    muv_store_opts_t opts = {.parent = call->op};
    muv_query_t *query;

    if (!call_child_done(call, op, error)) {
        return;
    }
    if (count == 0) {
        call_give_up(call, 404, "not_found", "There is no such post");
        return;
    }
    query = muv_query_new(call->board->registry, &comment_model);
    query = muv_query_filter(query, muv_eq(comment_fields.post, call->id[0]));
    if (call_started(call, muv_query_delete(call->board->mapper, query, &opts, on_comments_deleted,
                                            call, NULL))) {
        call_wait(call);
    }
    muv_query_free(query);
}

void route_delete_post(call_t *call)
{
    muv_store_opts_t opts = {0};
    muv_query_t *query;

    if (!call_begin(call, answer_deleted)) {
        return;
    }
    opts.parent = call->op;
    query = muv_query_new(call->board->registry, &post_model);
    query = muv_query_filter(query, muv_eq(post_fields.id, call->id[0]));
    (void)call_started(call,
                       muv_query_delete(call->board->mapper, query, &opts, on_deleted, call, NULL));
    muv_query_free(query);
}
