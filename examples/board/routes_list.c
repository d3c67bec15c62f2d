/* SPDX-License-Identifier: Apache-2.0 */
/* GET /posts?page=&per_page=&order=&search=
 *
 * One page, with authors, and the number of all matches: three commands, the page and the count at
 * the same time. */
#include "router.h"

#include "models.h"

#include <string.h>

#define MAX_PAGE 100000
#define MAX_PER_PAGE 100
#define MAX_PATTERN_BYTES 200

static void on_posts(muv_op_t *op, const muv_error_t *error, void **documents, size_t count,
                     void *data)
{
    list_call_t *call = data;
    json_t *json = &call->call.parts[0];

    if (!call_child_done(&call->call, op, error)) {
        return;
    }
    json_open(json, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        post_json(json, NULL, documents[i]);
    }
    json_close(json, ']');
}

static void on_count(muv_op_t *op, const muv_error_t *error, int64_t count, void *data)
{
    list_call_t *call = data;

    if (call_child_done(&call->call, op, error)) {
        call->total = count;
    }
}

static void answer(call_t *base)
{
    list_call_t *call = (list_call_t *)base;
    json_t *out = &base->out;

    out->failed = base->parts[0].failed;
    json_open(out, NULL, '{');
    json_int(out, "page", call->page);
    json_int(out, "per_page", call->per_page);
    json_int(out, "total", call->total);
    json_raw(out, "posts", base->parts[0].data, base->parts[0].size);
    json_close(out, '}');
    call_answer(base, 200, NULL);
}

/* The order is chosen by name: a client does not get to sort by anything without an index. */
static const char *read_order(call_t *call)
{
    muv_str_t name = muv_str("new");

    if (parameter_text(call->req, "order", &call->fields, &name)) {
        if (muv_str_equal(name, muv_str("top"))) {
            return "-votes, -created";
        }
        if (muv_str_equal(name, muv_str("old"))) {
            return "created, id";
        }
        if (!muv_str_equal(name, muv_str("new"))) {
            json_string(&call->fields, "order", "Must be new, top or old");
        }
    }
    return "-created, -id";
}

/* The query without page and order, so that it can be counted. */
static muv_query_t *read_search(list_call_t *call)
{
    muv_query_t *query = muv_query_new(call->call.board->registry, &post_model);
    muv_str_t pattern = {NULL, 0, 0};

    if (!parameter_text(call->call.req, "search", &call->call.fields, &pattern) ||
        pattern.size == 0) {
        return query;
    }
    if (pattern.size > MAX_PATTERN_BYTES) {
        json_string(&call->call.fields, "search", "Must not be longer than 200 bytes");
    } else if (memchr(pattern.data, '\0', pattern.size) != NULL) {
        json_string(&call->call.fields, "search", "Must not contain NUL");
    }
    call->call.searching = true;
    return muv_query_filter(query, muv_or(muv_iregex(post_fields.title, pattern),
                                          muv_iregex(post_fields.body, pattern)));
}

void route_list_posts(call_t *base)
{
    static const int64_t page_range[2] = {1, MAX_PAGE};
    static const int64_t per_page_range[2] = {1, MAX_PER_PAGE};
    list_call_t *call = (list_call_t *)base;
    const char *order = read_order(base);
    muv_load_opts_t opts = {0};
    muv_query_t *matches;
    muv_query_t *page = NULL;

    call->page = parameter_int(base->req, "page", &base->fields, page_range, 1);
    call->per_page = parameter_int(base->req, "per_page", &base->fields, per_page_range, 20);
    matches = read_search(call);
    if (call_refuse_fields(base) || !call_begin(base, answer)) {
        muv_query_free(matches);
        return;
    }
    opts.parent = base->op;
    page = muv_query_order(muv_query_clone(matches), order);
    page = muv_query_skip(page, (call->page - 1) * call->per_page);
    page = muv_query_batch_size(muv_query_limit(page, call->per_page), MAX_PER_PAGE + 1);
    if (call_started(base,
                     muv_query_count(base->board->mapper, matches, &opts, on_count, call, NULL))) {
        opts.related = "author";
        if (call_started(base,
                         muv_query_all(base->board->mapper, page, &opts, on_posts, call, NULL))) {
            call_wait(base);
        }
    }
    muv_query_free(page);
    muv_query_free(matches);
}
