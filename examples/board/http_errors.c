/* SPDX-License-Identifier: Apache-2.0 */
/* A filter of h2o that puts a JSON body in the place of a plain text one; see http_errors.h. */
#include "http_errors.h"

typedef struct json_error {
    int status;
    const char *body;
} json_error_t;

static const json_error_t json_errors[] = {
    {400, "{\"error\":{\"code\":\"bad_request\",\"message\":\"The request is malformed\"}}"},
    {413, "{\"error\":{\"code\":\"too_large\",\"message\":\"The body is larger than 64 KiB\"}}"},
    {417, "{\"error\":{\"code\":\"expectation_failed\",\"message\":\"Unknown expectation\"}}"},
};

static const char *find_body(int status)
{
    for (size_t i = 0; i < sizeof(json_errors) / sizeof(json_errors[0]); i++) {
        if (json_errors[i].status == status) {
            return json_errors[i].body;
        }
    }
    return NULL;
}

static void send_json(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                      h2o_send_state_t state)
{
    const char *body = find_body(req->res.status);
    h2o_iovec_t text = h2o_iovec_init(body, body == NULL ? 0 : strlen(body));

    (void)bufs;
    (void)count;
    h2o_ostream_send_next(self, req, &text, state == H2O_SEND_STATE_FINAL ? 1 : 0, state);
}

static int is_plain(const h2o_req_t *req)
{
    ssize_t at = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);

    return at >= 0 && h2o_memis(req->res.headers.entries[at].value.base,
                                req->res.headers.entries[at].value.len,
                                H2O_STRLIT("text/plain; charset=utf-8"));
}

static void on_setup(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    const char *body = find_body(req->res.status);

    (void)self;
    if (body != NULL && is_plain(req)) {
        h2o_ostream_t *stream = h2o_add_ostream(req, sizeof(*stream), slot);

        stream->do_send = send_json;
        slot = &stream->next;
        req->res.content_length = strlen(body);
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
                       H2O_STRLIT("application/json; charset=utf-8"), 1);
    }
    h2o_setup_next_ostream(req, slot);
}

void http_errors_register(h2o_pathconf_t *path)
{
    h2o_filter_t *filter = h2o_create_filter(path, sizeof(*filter));

    filter->on_setup_ostream = on_setup;
}
