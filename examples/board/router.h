/* SPDX-License-Identifier: Apache-2.0 */
/* Which function answers which request. */
#ifndef BOARD_ROUTER_H
#define BOARD_ROUTER_H

#include "call.h"

/* One route. */
typedef struct route {
    const char *method;
    const char *pattern; /* "/posts/:id/vote": `:id` stands for an ObjectId, call->id[]. */
    void (*start)(call_t *call);
    size_t size; /* Of the struct that `start` gets; see call_new(). */
} route_t;

/* http_request_cb: find the route and start it, or answer 404 or 405. */
void router_dispatch(h2o_req_t *req, void *board);

/* In routes_*.c and page.c. */
void route_page(call_t *call);
void route_stats(call_t *call);
void route_create_user(call_t *call);
void route_get_user(call_t *call);
void route_list_posts(call_t *call);
void route_create_post(call_t *call);
void route_get_post(call_t *call);
void route_vote(call_t *call);
void route_delete_post(call_t *call);
void route_create_comment(call_t *call);

/* What some of them keep between the steps. */
typedef struct list_call {
    call_t call;
    int64_t page;
    int64_t per_page;
    int64_t total;
} list_call_t;

typedef struct comment_call {
    call_t call;
    int checks; /* Post and author that were found. */
} comment_call_t;

typedef struct delete_call {
    call_t call;
    int64_t comments;
} delete_call_t;

#endif
