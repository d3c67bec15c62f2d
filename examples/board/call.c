/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a request; see call.h. */
#include "call.h"

#include "errors.h"

#include <stdio.h>
#include <stdlib.h>

static void free_if_over(call_t *call)
{
    if (call->req != NULL || call->op != NULL) {
        return;
    }
    body_done(&call->body);
    json_done(&call->out);
    json_done(&call->fields);
    json_done(&call->parts[0]);
    json_done(&call->parts[1]);
    muv_doc_release(call->document);
    free(call);
}

static void on_gone(watch_entry_t *entry)
{
    call_t *call = (call_t *)(void *)((char *)entry - offsetof(call_t, watched));

    call->board->cancelled++;
    if (call->op != NULL) {
        muv_op_cancel(call->op);
    }
}

/* h2o has ended the request: it was answered, or its connection is gone. The hook is a piece of
 * memory of the request's pool that h2o disposes of together with the request. */
static void on_request_end(void *hook)
{
    call_t *call = *(call_t **)hook;

    watch_remove(&call->board->watch, &call->watched);
    http_request_end(call->connection);
    call->req = NULL;
    if (call->op != NULL) {
        if (!call->answered) {
            call->board->cancelled++;
        }
        muv_op_cancel(call->op);
    }
    free_if_over(call);
}

call_t *call_new(h2o_req_t *req, board_t *board, size_t size)
{
    call_t *call = calloc(1, size);
    call_t **hook;

    if (call == NULL) {
        h2o_send_error_503(req, "Service Unavailable", "out of memory", 0);
        return NULL;
    }
    hook = h2o_mem_alloc_shared(&req->pool, sizeof(call_t *), on_request_end);
    *hook = call;
    call->req = req;
    call->board = board;
    call->connection = http_request_begin(req);
    board->requests++;
    return call;
}

/* --- input -------------------------------------------------------------------------------------*/

bool call_read_body(call_t *call)
{
    bson_error_t reason;

    if (body_parse(&call->body, call->req->entity, &call->fields, &reason)) {
        return true;
    }
    call_problem(call, 400, "bad_json", reason.message);
    return false;
}

int call_put(call_t *call, muv_str_t *member, muv_str_t text)
{
    return muv_put_sized(call->document, member, text.data, text.size);
}

bool call_refuse_fields(call_t *call)
{
    if (call->fields.size == 0 && !call->fields.failed) {
        return false;
    }
    call_problem(call, 400, "validation", "The request does not fit");
    return true;
}

/* --- the composite -----------------------------------------------------------------------------*/

static void answer_error(call_t *call, const muv_error_t *error)
{
    const problem_t *problem = errors_find(error, call->searching);

    if (problem->status == 500) {
        (void)fprintf(stderr, "board: %s: %s\n", muv_error_name(error->code), error->message);
    }
    call_problem(call, problem->status, problem->code,
                 problem->message != NULL ? problem->message : error->message);
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    call_t *call = data;

    (void)op;
    call->op = NULL;
    if (call->req == NULL) {
        free_if_over(call);
    } else if (!call->answered) {
        if (error != NULL) {
            answer_error(call, error);
        } else {
            call->finish(call);
        }
    }
}

bool call_begin(call_t *call, void (*finish)(call_t *call))
{
    muv_op_opts_t opts = {.timeout_ms = call->board->timeout_ms};

    call->finish = finish;
    if (muv_op_begin(call->board->client, &opts, on_end, call, &call->op) != 0) {
        answer_error(call, muv_client_refusal(call->board->client));
        return false;
    }
    if (!call->connection->http2) {
        watch_add(&call->board->watch, &call->watched, h2o_socket_get_fd(call->connection->socket),
                  on_gone);
    }
    return true;
}

static void end_composite(call_t *call, const muv_error_t *error)
{
    if (!call->waiting) {
        call->waiting = true;
        muv_op_finish(call->op, error);
    }
}

void call_wait(call_t *call)
{
    end_composite(call, NULL);
}

bool call_started(call_t *call, int code)
{
    if (code != 0) {
        end_composite(call, muv_client_refusal(call->board->client));
    }
    return code == 0;
}

bool call_child_done(call_t *call, muv_op_t *child, const muv_error_t *error)
{
    if (error == NULL && muv_op_error(call->op) == NULL) {
        return true;
    }
    if (error != NULL && error->code == MUV_EVALIDATION && call->fields.size == 0) {
        errors_fields(&call->fields, muv_op_validation(child));
    }
    if (error != NULL && error->in_doubt) {
        call->in_doubt = true;
    }
    end_composite(call, NULL);
    return false;
}

void call_give_up(call_t *call, int status, const char *code, const char *message)
{
    if (call->req != NULL && !call->answered) {
        call_problem(call, status, code, message);
    }
    end_composite(call, NULL);
}

/* --- answers -----------------------------------------------------------------------------------*/

static const char *reason_of(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Request Entity Too Large";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
    }
}

void call_answer(call_t *call, int status, const char *location)
{
    static const char too_large[] =
        "{\"error\":{\"code\":\"internal\",\"message\":\"The answer does not fit\"}}";
    h2o_req_t *req = call->req;
    h2o_iovec_t text = h2o_iovec_init(call->out.data, call->out.size);

    if (call->out.failed) {
        status = 500;
        location = NULL;
        text = h2o_iovec_init(H2O_STRLIT(too_large));
    }
    call->answered = true;
    watch_remove(&call->board->watch, &call->watched);
    if (call->board->http.stopping) {
        req->http1_is_persistent = 0;
    }
    req->res.status = status;
    req->res.reason = reason_of(status);
    req->res.content_length = text.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json; charset=utf-8"));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL,
                   H2O_STRLIT("no-store"));
    if (status == 503) {
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("retry-after"), 0, NULL,
                              H2O_STRLIT("1"));
    }
    if (location != NULL) {
        h2o_iovec_t copy = h2o_strdup(&req->pool, location, SIZE_MAX);

        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_LOCATION, NULL, copy.base,
                       copy.len);
    }
    /* Copies the body. */
    h2o_send_inline(req, text.base, text.len);
}

void call_problem(call_t *call, int status, const char *code, const char *message)
{
    json_t *out = &call->out;

    json_done(out);
    json_open(out, NULL, '{');
    json_open(out, "error", '{');
    json_string(out, "code", code);
    json_string(out, "message", message);
    if (call->fields.size > 0) {
        json_open(out, "fields", '{');
        json_raw(out, NULL, call->fields.data, call->fields.size);
        json_close(out, '}');
    }
    if (call->in_doubt) {
        json_raw(out, "in_doubt", "true", 4);
    }
    json_close(out, '}');
    json_close(out, '}');
    call_answer(call, status, NULL);
}
