/* SPDX-License-Identifier: Apache-2.0 */
/* One request being answered: h2o's request on one side, one composite operation of libmuv on the
 * other. Everything that a route asks of the database is a child of that operation, so there is one
 * deadline, one cancel and one end:
 *
 *     route ── call_begin() ── starts children ── call_wait() ── callbacks ── finish() ── answer
 *                                 │                                  │
 *              the client goes: all of it is cancelled      an error: answered by call.c
 *
 * Either side may end first. A call lives until both have. */
#ifndef BOARD_CALL_H
#define BOARD_CALL_H

#include "board.h"
#include "body.h"
#include "json_out.h"

#define CALL_MAX_PARAMS 2

typedef struct call call_t;
struct call {
    h2o_req_t *req; /* NULL: the client has gone. */
    board_t *board;
    http_connection_t *connection;
    watch_entry_t watched;
    muv_op_t *op; /* The composite, until it has ended. */
    void (*finish)(call_t *call);
    bool waiting;    /* No more children will be started. */
    bool answered;   /* The response was given to h2o. */
    bool searching;  /* A regular expression of the client's is part of the query. */
    bool in_doubt;   /* A write failed that may have been applied all the same. */
    json_t out;      /* For the answer. */
    json_t parts[2]; /* Pieces of it that come from the database in any order. */
    void *document;  /* [own] What is to be saved, or NULL. */
    json_t fields;   /* What is wrong with the input: members of a JSON object. */
    body_t body;
    muv_oid_t id[CALL_MAX_PARAMS]; /* The ids in the path. */
};

/* size  Of the route's own struct, which begins with a call_t and is zeroed.
 *
 * Returns NULL when memory ran out; the request was answered then. */
call_t *call_new(h2o_req_t *req, board_t *board, size_t size);

/* Read the body into call->body. Returns whether it is good; else the request was answered. */
bool call_read_body(call_t *call);

/* Copy a text of the body into call->document. Returns 0 or a MUV_E* code. */
int call_put(call_t *call, muv_str_t *member, muv_str_t text);

/* Were fields complained about? Then the request was answered. */
bool call_refuse_fields(call_t *call);

/* Begin the composite. `finish` is called when all children have ended well.
 *
 * Returns whether it has begun; else the request was answered. */
bool call_begin(call_t *call, void (*finish)(call_t *call));

/* Look at the code of a call that starts a child. Returns whether the child has started; else
 * nothing more is to be started. */
bool call_started(call_t *call, int code);

/* At the head of a child's callback. Returns whether the child ended well; else the first error
 * becomes the answer, and nothing more is to be started. */
bool call_child_done(call_t *call, muv_op_t *child, const muv_error_t *error);

/* All children have been started. */
void call_wait(call_t *call);

/* Give up: the composite ends, `problem` is answered. For what is no error of a child. */
void call_give_up(call_t *call, int status, const char *code, const char *message);

/* Answer with call->out as the body; `location` may be NULL. */
void call_answer(call_t *call, int status, const char *location);

/* Answer with an error: {"error": {"code", "message", "fields", "in_doubt"}}; fields that were
 * complained about come along, and whether a write may have been applied. */
void call_problem(call_t *call, int status, const char *code, const char *message);

#endif
