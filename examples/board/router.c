/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes; see router.h. */
#include "router.h"

#include <string.h>

static const route_t routes[] = {
    {"GET", "/", route_page, sizeof(call_t)},
    {"GET", "/stats", route_stats, sizeof(call_t)},
    {"POST", "/users", route_create_user, sizeof(call_t)},
    {"GET", "/users/:id", route_get_user, sizeof(call_t)},
    {"GET", "/posts", route_list_posts, sizeof(list_call_t)},
    {"POST", "/posts", route_create_post, sizeof(call_t)},
    {"GET", "/posts/:id", route_get_post, sizeof(call_t)},
    {"DELETE", "/posts/:id", route_delete_post, sizeof(delete_call_t)},
    {"POST", "/posts/:id/vote", route_vote, sizeof(call_t)},
    {"POST", "/posts/:id/comments", route_create_comment, sizeof(comment_call_t)},
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* One segment of a path, from behind its slash to the next one or the end. */
static h2o_iovec_t take_segment(const char **at, const char *end)
{
    const char *from = *at < end ? *at + 1 : end;
    const char *to = from < end ? memchr(from, '/', (size_t)(end - from)) : NULL;

    *at = to == NULL ? end : to;
    return h2o_iovec_init(from, (size_t)(*at - from));
}

static bool read_id(h2o_iovec_t segment, muv_oid_t *ret)
{
    char text[25];

    if (segment.len != sizeof(text) - 1) {
        return false;
    }
    memcpy(text, segment.base, segment.len);
    text[segment.len] = '\0';
    return muv_oid_from_text(text, ret) == 0;
}

/* Does the path have the route's form? An id that is none fits no route: there is no such thing. */
static bool match(const route_t *route, h2o_iovec_t path, muv_oid_t ids[CALL_MAX_PARAMS])
{
    const char *want = route->pattern;
    const char *want_end = want + strlen(want);
    const char *have = path.base;
    const char *have_end = have + path.len;
    size_t count = 0;

    while (want < want_end && have < have_end) {
        h2o_iovec_t wanted = take_segment(&want, want_end);
        h2o_iovec_t given = take_segment(&have, have_end);

        if (wanted.len > 0 && wanted.base[0] == ':') {
            if (count == CALL_MAX_PARAMS || !read_id(given, &ids[count++])) {
                return false;
            }
        } else if (!h2o_memis(wanted.base, wanted.len, given.base, given.len)) {
            return false;
        }
    }
    return want == want_end && have == have_end;
}

/* HEAD is a GET whose body h2o leaves out. */
static bool method_fits(const route_t *route, h2o_iovec_t method)
{
    return h2o_memis(method.base, method.len, route->method, strlen(route->method)) ||
           (h2o_memis(method.base, method.len, H2O_STRLIT("HEAD")) &&
            strcmp(route->method, "GET") == 0);
}

/* Answer what fits no route: 405 with `Allow` when only the method is wrong. */
static void refuse(call_t *call)
{
    h2o_req_t *req = call->req;
    muv_oid_t ids[CALL_MAX_PARAMS];
    char allow[64] = "";
    size_t size = 0;

    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (match(&routes[i], req->path_normalized, ids)) {
            int added = snprintf(allow + size, sizeof(allow) - size, "%s%s", size > 0 ? ", " : "",
                                 routes[i].method);

            size += added > 0 ? (size_t)added : 0;
        }
    }
    if (size == 0) {
        call_problem(call, 404, "not_found", "There is nothing at this address");
        return;
    }
    h2o_iovec_t copy = h2o_strdup(&req->pool, allow, size);

    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("allow"), 0, NULL, copy.base,
                          copy.len);
    call_problem(call, 405, "method_not_allowed", "The address does not know this method");
}

void router_dispatch(h2o_req_t *req, void *board)
{
    muv_oid_t ids[CALL_MAX_PARAMS];
    const route_t *route = NULL;
    call_t *call;

    for (size_t i = 0; i < ROUTE_COUNT && route == NULL; i++) {
        if (method_fits(&routes[i], req->method) && match(&routes[i], req->path_normalized, ids)) {
            route = &routes[i];
        }
    }
    call = call_new(req, board, route == NULL ? sizeof(call_t) : route->size);
    if (call == NULL) {
        return;
    }
    if (route == NULL) {
        refuse(call);
        return;
    }
    memcpy(call->id, ids, sizeof(ids));
    route->start(call);
}
