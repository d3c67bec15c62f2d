/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches over sockets of this machine: the real net, and the HTTP server of other tests. What the
 * network may do to one is in tests/sim/fetch_test.c. */
#include "fetch/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/check.h"
#include "support/http_server.h"
#include "tls/tls_context.h"

#define WAIT_MS 20000

typedef struct world {
    uv_loop_t loop;
    muv__net_t *net;
    int64_t now_us;
    muv__heap_t deadlines;
    muv__fetch_context_t context;
    muv__fetch_t *fetch;
    http_server_t *server;
    unsigned ended;
    int status;
    char body[4096];
    size_t body_size;
    muv_error_t error;
    bool net_closed;
    cert_t authority;
    cert_t certificate;
} world_t;

static void on_begin(void *data, int64_t now_us)
{
    world_t *w = data;

    w->now_us = now_us;
}

static void on_end(void *data)
{
    world_t *w = data;

    muv__net_arm(w->net, muv__deadlines_next_us(&w->deadlines));
}

static void on_timer(void *data)
{
    world_t *w = data;

    muv__deadlines_run(&w->deadlines, w->now_us, 100);
}

static void on_turn(void *data)
{
    (void)data;
}

static int open_world(void **state)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};
    world_t *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(muv__net_new(&w->loop, &hooks, w, &w->net), 0);
    muv__net_keep_alive(w->net, 1);
    w->context = (muv__fetch_context_t){.net = w->net, .deadlines = &w->deadlines};
    *state = w;
    return 0;
}

static int open_plain(void **state)
{
    world_t *w;

    (void)open_world(state);
    w = *state;
    w->server = http_server_new(&w->loop, NULL);
    return 0;
}

static int open_secure(void **state)
{
    const int64_t now_s = time(NULL);
    muv__tls_options_t options;
    cert_spec_t spec = {.common_name = "authority",
                        .from_s = now_s - 3600,
                        .until_s = now_s + 3600,
                        .is_authority = 1};
    world_t *w;
    pem_t trust;

    (void)open_world(state);
    w = *state;
    w->authority = cert_make(&spec);
    spec = (cert_spec_t){.common_name = "server",
                         .issuer = &w->authority,
                         .alt_names = "IP:127.0.0.1",
                         .from_s = now_s - 3600,
                         .until_s = now_s + 3600};
    w->certificate = cert_make(&spec);
    trust = cert_pem(&w->authority, NULL, NULL);
    memset(&options, 0, sizeof options);
    options.authorities = muv__span(trust.text, trust.size);
    CHECK_CODE(muv__tls_context_new(&options, NULL, &w->context.tls), 0);
    free(trust.text);
    w->server = http_server_new(&w->loop, &(tls_server_opts_t){.cert = &w->certificate});
    return 0;
}

static void on_net_closed(void *data)
{
    world_t *w = data;

    w->net_closed = true;
}

static bool all_is_gone(void *data)
{
    const world_t *w = data;

    return w->context.open_count == 0;
}

static int close_world(void **state)
{
    world_t *w = *state;

    run_until_true(&w->loop, all_is_gone, w, WAIT_MS);
    http_server_close(w->server);
    muv__net_close(w->net, on_net_closed);
    run_until(&w->loop, &w->net_closed, WAIT_MS);
    close_loop(&w->loop);
    muv__tls_context_free(w->context.tls);
    if (w->certificate.certificate != NULL) {
        cert_done(&w->certificate);
        cert_done(&w->authority);
    }
    free(w);
    return 0;
}

static void on_fetched(void *owner, const muv__http_response_t *response, const muv_error_t *error)
{
    world_t *w = owner;

    w->ended++;
    w->status = 0;
    if (error != NULL) {
        w->error = *error;
        return;
    }
    w->status = response->status;
    w->body_size = response->body.size;
    assert_true(w->body_size < sizeof w->body);
    if (w->body_size != 0) {
        memcpy(w->body, response->body.data, w->body_size);
    }
    w->body[w->body_size] = '\0';
}

static void start(world_t *w, muv__http_request_t *request, const char *url, int64_t timeout_us)
{
    assert_int_equal(muv__url_parse(url, strlen(url), &request->url), 0);
    CHECK_CODE(muv__fetch_start(&w->context, request, muv__net_now_us(w->net) + timeout_us,
                                on_fetched, w, &w->fetch),
               0);
}

static void fetch(world_t *w, const char *method, const char *path)
{
    muv__http_request_t request = {.method = method};
    unsigned ended = w->ended;

    start(w, &request, http_server_url(w->server, path), 10000000);
    run_until_count(&w->loop, &w->ended, ended + 1, WAIT_MS);
}

/* --- cases -------------------------------------------------------------------------------------*/

static void a_rule_answers_and_the_request_is_kept(void **state)
{
    muv__http_request_t request = {.method = "PUT",
                                   .header_count = 1,
                                   .headers = {{"X-Token", "t 1"}},
                                   .body = muv__span("a\0b", 3)};
    world_t *w = *state;
    const http_server_request_t *kept;

    http_server_on(w->server, "PUT", "/latest/", &(http_server_reply_t){.body = "hello"});
    start(w, &request, http_server_url(w->server, "/latest/api?x=y"), 10000000);
    run_until_count(&w->loop, &w->ended, 1, WAIT_MS);
    assert_int_equal(w->status, 200);
    assert_string_equal(w->body, "hello");
    assert_int_equal(http_server_count(w->server), 1);
    kept = http_server_request(w->server, 0);
    assert_string_equal(kept->method, "PUT");
    assert_string_equal(kept->target, "/latest/api?x=y");
    assert_string_equal(http_server_header(kept, "x-token"), "t 1");
    assert_string_equal(http_server_header(kept, "Content-Length"), "3");
    assert_null(http_server_header(kept, "X-Tok"));
    CHECK_BYTES_EQUAL(kept->body, kept->body_size, "610062");
}

static void rules_fit_by_method_and_prefix_in_their_order(void **state)
{
    world_t *w = *state;

    http_server_on(w->server, "GET", "/a", &(http_server_reply_t){.status = 500, .times = 1});
    http_server_on(w->server, "GET", "/a", &(http_server_reply_t){.body = "second"});
    http_server_on(w->server, NULL, "/", &(http_server_reply_t){.status = 403});
    fetch(w, "GET", "/a/b");
    assert_int_equal(w->status, 500);
    fetch(w, "GET", "/a/b");
    assert_string_equal(w->body, "second");
    fetch(w, "POST", "/a/b");
    assert_int_equal(w->status, 403);
    http_server_clear(w->server);
    fetch(w, "GET", "/a");
    assert_int_equal(w->status, 404);
    http_server_forget(w->server);
    assert_int_equal(http_server_count(w->server), 0);
}

static void echo(void *data, const http_server_request_t *request, http_server_reply_t *reply)
{
    *(unsigned *)data += 1;
    reply->status = 201;
    reply->headers = "X-Y: z\r\n";
    reply->body = request->target;
}

static void an_answer_may_be_computed(void **state)
{
    world_t *w = *state;
    unsigned calls = 0;

    http_server_on_call(w->server, "GET", "/", echo, &calls);
    fetch(w, "GET", "/a?b");
    assert_int_equal(w->status, 201);
    assert_string_equal(w->body, "/a?b");
    assert_int_equal(calls, 1);
}

static void answers_come_in_any_shape(void **state)
{
    static const http_server_reply_t replies[] = {{.body = "hello", .chunked = true},
                                                  {.body = "hello", .until_close = true},
                                                  {.body = "hello", .piece_bytes = 1},
                                                  {.body = "hello", .delay_ms = 5},
                                                  {.body = "hello\0", .body_size = 5}};
    world_t *w = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(replies); i++) {
        http_server_clear(w->server);
        http_server_on(w->server, NULL, "/", &replies[i]);
        fetch(w, "GET", "/");
        assert_int_equal(w->status, 200);
        assert_string_equal(w->body, "hello");
    }
}

static void an_answer_that_is_cut_off_is_an_error(void **state)
{
    world_t *w = *state;

    http_server_on(w->server, NULL, "/cut", &(http_server_reply_t){.body = "hi", .cut_bytes = 30});
    http_server_on(w->server, NULL, "/close", &(http_server_reply_t){.act = HTTP_SERVER_CLOSE});
    fetch(w, "GET", "/cut");
    CHECK_ERROR(&w->error, MUV_ENETWORK);
    fetch(w, "GET", "/close");
    CHECK_ERROR(&w->error, MUV_ENETWORK);
    assert_int_equal(http_server_count(w->server), 2);
}

static void a_server_that_hangs_meets_the_deadline(void **state)
{
    muv__http_request_t request = {.method = "GET"};
    world_t *w = *state;

    http_server_on(w->server, NULL, "/", &(http_server_reply_t){.act = HTTP_SERVER_HANG});
    start(w, &request, http_server_url(w->server, "/"), 50000);
    run_until_count(&w->loop, http_server_counter(w->server), 1, WAIT_MS);
    assert_int_equal(http_server_open(w->server), 1);
    run_until_count(&w->loop, &w->ended, 1, WAIT_MS);
    CHECK_ERROR(&w->error, MUV_ENETTIMEOUT);
}

static void a_cancelled_fetch_says_nothing(void **state)
{
    muv__http_request_t request = {.method = "GET"};
    world_t *w = *state;

    http_server_on(w->server, NULL, "/", &(http_server_reply_t){.act = HTTP_SERVER_HANG});
    start(w, &request, http_server_url(w->server, "/"), 10000000);
    muv__fetch_cancel(w->fetch);
    start(w, &request, http_server_url(w->server, "/"), 10000000);
    run_until_count(&w->loop, http_server_counter(w->server), 1, WAIT_MS);
    muv__fetch_cancel(w->fetch);
    run_until_true(&w->loop, all_is_gone, w, WAIT_MS);
    assert_int_equal(w->ended, 0);
}

static void nobody_listens(void **state)
{
    muv__http_request_t request = {.method = "GET"};
    world_t *w = *state;
    http_server_t *closed = http_server_new(&w->loop, NULL);
    char url[100];

    (void)snprintf(url, sizeof url, "%s", http_server_url(closed, "/"));
    http_server_close(closed);
    start(w, &request, url, 10000000);
    run_until_count(&w->loop, &w->ended, 1, WAIT_MS);
    CHECK_ERROR(&w->error, MUV_ENETWORK);
    CHECK_CONTAINS(w->error.message, "connecting to 127.0.0.1:");
}

static void a_certificate_nobody_signed_is_refused(void **state)
{
    muv__http_request_t request = {.method = "GET"};
    world_t *w = *state;
    cert_t own = cert_make(&(cert_spec_t){.common_name = "x", .alt_names = "IP:127.0.0.1"});
    http_server_t *other = http_server_new(&w->loop, &(tls_server_opts_t){.cert = &own});

    start(w, &request, http_server_url(other, "/"), 10000000);
    run_until_count(&w->loop, &w->ended, 1, WAIT_MS);
    CHECK_ERROR(&w->error, MUV_ETLS);
    assert_int_equal(http_server_count(other), 0);
    http_server_close(other);
    cert_done(&own);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, open_plain, close_world)
#define SECURE(test)                                                                               \
    {                                                                                              \
#test " (https)", test, open_secure, close_world, NULL                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_rule_answers_and_the_request_is_kept),
        SECURE(a_rule_answers_and_the_request_is_kept),
        PLAIN(rules_fit_by_method_and_prefix_in_their_order),
        PLAIN(an_answer_may_be_computed),
        PLAIN(answers_come_in_any_shape),
        SECURE(answers_come_in_any_shape),
        PLAIN(an_answer_that_is_cut_off_is_an_error),
        SECURE(an_answer_that_is_cut_off_is_an_error),
        PLAIN(a_server_that_hangs_meets_the_deadline),
        SECURE(a_server_that_hangs_meets_the_deadline),
        PLAIN(a_cancelled_fetch_says_nothing),
        SECURE(a_cancelled_fetch_says_nothing),
        PLAIN(nobody_listens),
        SECURE(a_certificate_nobody_signed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
