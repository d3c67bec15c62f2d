/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server on the test's loop at 127.0.0.1: the mock of metadata services, token
 * services and OCSP responders. Rules say what a request is answered with; what came is kept for
 * looking at. One request per connection. Not for memory sweeps: it uses malloc() and aborts the
 * test when something of its own goes wrong. */
#ifndef MUV_TESTS_SUPPORT_HTTP_SERVER_H
#define MUV_TESTS_SUPPORT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "support/tls_server.h"

typedef struct http_server http_server_t;

typedef enum http_server_act {
    HTTP_SERVER_REPLY,
    HTTP_SERVER_HANG, /* The connection stays open and nothing comes. */
    HTTP_SERVER_CLOSE /* The connection ends without an answer. */
} http_server_act_t;

/* What is answered. All zero: 200 with an empty body. Everything is borrowed for the call that is
 * given it, and copied. */
typedef struct http_server_reply {
    http_server_act_t act;
    int status;          /* 0: 200. */
    const char *headers; /* Whole lines, "Content-Type: text/plain\r\n"; NULL: none. */
    const char *body;    /* NULL: empty. */
    size_t body_size;    /* 0: that of a text. */
    bool chunked;        /* Else with Content-Length. */
    bool until_close;    /* Else with Content-Length. */
    size_t piece_bytes;  /* Sent in pieces, each in a turn of its own; 0: whole. */
    size_t cut_bytes;    /* Only so many bytes of head and body leave, then the end; 0: all. */
    unsigned delay_ms;   /* Before the first byte. */
    unsigned times;      /* The rule is used up after so many requests; 0: never. */
} http_server_reply_t;

/* One that came. It lives as long as the server, or until http_server_forget(). */
typedef struct http_server_request {
    const char *method;
    const char *target;  /* With the query. */
    const char *headers; /* Whole lines, as they came. */
    const char *body;    /* With a NUL behind it. */
    size_t body_size;
} http_server_request_t;

/* A computed answer: fill `reply`, which is all zero; its texts are copied after the call. */
typedef void (*http_server_fn)(void *data, const http_server_request_t *request,
                               http_server_reply_t *reply);

/* On `loop`, at a port that the system chooses. `tls` NULL: plain; its certificate must be good for
 * 127.0.0.1. [own] End it with http_server_close(). */
http_server_t *http_server_new(uv_loop_t *loop, const tls_server_opts_t *tls);

/* Closes everything; the handles are gone after the loop has run on. */
void http_server_close(http_server_t *server);

int http_server_port(const http_server_t *server);

/* "http://127.0.0.1:PORT" and `path`, in static memory as text_of(). */
const char *http_server_url(const http_server_t *server, const char *path);

/* Answer requests of `method` (NULL: any) whose target begins with `prefix` so. Of several rules
 * that fit, the first one that is not used up counts. Without any: 404. */
void http_server_on(http_server_t *server, const char *method, const char *prefix,
                    const http_server_reply_t *reply);
void http_server_on_call(http_server_t *server, const char *method, const char *prefix,
                         http_server_fn fn, void *data);

/* Drop all rules; drop what is kept of requests. */
void http_server_clear(http_server_t *server);
void http_server_forget(http_server_t *server);

/* How many whole requests came; the one at `index`, which must be there. */
unsigned http_server_count(const http_server_t *server);
const http_server_request_t *http_server_request(const http_server_t *server, unsigned index);

/* The counter itself, for run_until_count(). */
const unsigned *http_server_counter(const http_server_t *server);

/* The value of a header (any case), in static memory as text_of(); NULL: it is not there. */
const char *http_server_header(const http_server_request_t *request, const char *name);

/* Connections that are open now. */
unsigned http_server_open(const http_server_t *server);

#endif
