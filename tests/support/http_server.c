/* SPDX-License-Identifier: Apache-2.0 */
/* Connections gather a request, are given an answer by the rules, and send it piece by piece. */
#include "support/http_server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/check.h"

#define CHUNK_BYTES (64 * 1024)
#define MAX_REQUEST_BYTES (1024 * 1024)

typedef struct rule {
    struct rule *next;
    char *method; /* NULL: any. */
    char *prefix;
    http_server_reply_t reply; /* Its texts are the following two. */
    char *headers;
    char *body;
    unsigned used;
    http_server_fn fn; /* Or the reply. */
    void *data;
} rule_t;

/* All texts of a request lie in one block. */
typedef struct kept {
    struct kept *next;
    http_server_request_t request;
    char *text;
} kept_t;

/* All the bytes of an answer. */
typedef struct answer {
    char *bytes;
    size_t size;
    size_t sent;
    size_t piece_bytes;
    bool cut; /* It ends without a goodbye. */
} answer_t;

typedef struct visit {
    struct visit *next;
    http_server_t *server;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    tls_peer_t peer; /* ssl NULL: plain. */
    bool shaken;
    bool answered;
    bool closing;
    unsigned handles;
    char *in;
    size_t in_size;
    answer_t answer;
    char *flying;
    char space[CHUNK_BYTES];
} visit_t;

struct http_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    bool secure;
    tls_server_t tls;
    rule_t *rules;
    visit_t *visits;
    kept_t *kept;
    unsigned count;
    unsigned held; /* Handles that hold the server. */
};

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static char *copy_of(const char *text, size_t size)
{
    char *copy = must(malloc(size + 1));

    if (size != 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    return copy;
}

/* --- the end -----------------------------------------------------------------------------------*/

static void free_rule(rule_t *rule)
{
    free(rule->method);
    free(rule->prefix);
    free(rule->headers);
    free(rule->body);
    free(rule);
}

void http_server_clear(http_server_t *server)
{
    while (server->rules != NULL) {
        rule_t *rule = server->rules;

        server->rules = rule->next;
        free_rule(rule);
    }
}

void http_server_forget(http_server_t *server)
{
    while (server->kept != NULL) {
        kept_t *kept = server->kept;

        server->kept = kept->next;
        free(kept->text);
        free(kept);
    }
    server->count = 0;
}

static void release(http_server_t *server)
{
    if (--server->held == 0) {
        http_server_clear(server);
        http_server_forget(server);
        if (server->secure) {
            tls_server_done(&server->tls);
        }
        free(server);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void on_visit_handle_closed(uv_handle_t *handle)
{
    visit_t *visit = handle->data;

    if (--visit->handles != 0) {
        return;
    }
    if (visit->peer.ssl != NULL) {
        tls_peer_done(&visit->peer);
    }
    release(visit->server);
    free(visit->in);
    free(visit->answer.bytes);
    free(visit->flying);
    free(visit);
}

static void end_visit(visit_t *visit)
{
    visit_t **at = &visit->server->visits;

    if (visit->closing) {
        return;
    }
    visit->closing = true;
    while (*at != visit) {
        at = &(*at)->next;
    }
    *at = visit->next;
    uv_close((uv_handle_t *)&visit->tcp, on_visit_handle_closed);
    uv_close((uv_handle_t *)&visit->timer, on_visit_handle_closed);
}

void http_server_close(http_server_t *server)
{
    while (server->visits != NULL) {
        end_visit(server->visits);
    }
    uv_close((uv_handle_t *)&server->listener, on_listener_closed);
}

/* --- rules -------------------------------------------------------------------------------------*/

static size_t body_size_of(const http_server_reply_t *reply)
{
    if (reply->body == NULL || reply->body_size != 0) {
        return reply->body_size;
    }
    return strlen(reply->body);
}

static rule_t *add_rule(http_server_t *server, const char *method, const char *prefix)
{
    rule_t *rule = must(calloc(1, sizeof *rule));
    rule_t **end = &server->rules;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = rule;
    rule->method = method == NULL ? NULL : copy_of(method, strlen(method));
    rule->prefix = copy_of(prefix, strlen(prefix));
    return rule;
}

void http_server_on(http_server_t *server, const char *method, const char *prefix,
                    const http_server_reply_t *reply)
{
    rule_t *rule = add_rule(server, method, prefix);

    rule->reply = *reply;
    rule->reply.body_size = body_size_of(reply);
    if (reply->body != NULL) {
        rule->body = copy_of(reply->body, rule->reply.body_size);
    }
    if (reply->headers != NULL) {
        rule->headers = copy_of(reply->headers, strlen(reply->headers));
    }
    rule->reply.body = rule->body;
    rule->reply.headers = rule->headers;
}

void http_server_on_call(http_server_t *server, const char *method, const char *prefix,
                         http_server_fn fn, void *data)
{
    rule_t *rule = add_rule(server, method, prefix);

    rule->fn = fn;
    rule->data = data;
}

static rule_t *find_rule(http_server_t *server, const http_server_request_t *request)
{
    for (rule_t *rule = server->rules; rule != NULL; rule = rule->next) {
        bool left = rule->reply.times == 0 || rule->used < rule->reply.times;

        if (left && (rule->method == NULL || strcmp(rule->method, request->method) == 0) &&
            strncmp(rule->prefix, request->target, strlen(rule->prefix)) == 0) {
            rule->used++;
            return rule;
        }
    }
    return NULL;
}

/* --- answers -----------------------------------------------------------------------------------*/

static void add(answer_t *answer, const char *bytes, size_t size)
{
    answer->bytes = must(realloc(answer->bytes, answer->size + size + 1));
    if (size != 0) {
        memcpy(answer->bytes + answer->size, bytes, size);
    }
    answer->size += size;
}

static void add_text(answer_t *answer, const char *text)
{
    add(answer, text, strlen(text));
}

static void add_body(answer_t *answer, const http_server_reply_t *reply)
{
    size_t size = body_size_of(reply);

    if (!reply->chunked) {
        add(answer, reply->body, size);
        return;
    }
    for (size_t at = 0; at < size;) {
        size_t count = size - at < 1000 ? size - at : 1000;

        add_text(answer, text_of("%zx\r\n", count));
        add(answer, reply->body + at, count);
        add_text(answer, "\r\n");
        at += count;
    }
    add_text(answer, "0\r\n\r\n");
}

static void make_answer(answer_t *answer, const http_server_reply_t *reply)
{
    add_text(answer, text_of("HTTP/1.1 %d Answer\r\n", reply->status == 0 ? 200 : reply->status));
    if (reply->headers != NULL) {
        add_text(answer, reply->headers);
    }
    if (reply->chunked) {
        add_text(answer, "Transfer-Encoding: chunked\r\n");
    } else if (!reply->until_close) {
        add_text(answer, text_of("Content-Length: %zu\r\n", body_size_of(reply)));
    }
    add_text(answer, "Connection: close\r\n\r\n");
    add_body(answer, reply);
    answer->piece_bytes = reply->piece_bytes;
    if (reply->cut_bytes != 0 && reply->cut_bytes < answer->size) {
        answer->size = reply->cut_bytes;
        answer->cut = true;
    }
}

/* --- out ---------------------------------------------------------------------------------------*/

static void send_on(visit_t *visit);

static void on_written(uv_write_t *request, int status)
{
    visit_t *visit = request->data;

    free(visit->flying);
    visit->flying = NULL;
    if (status == 0 && !visit->closing) {
        send_on(visit);
    }
}

/* Takes `bytes` over. */
static void write_out(visit_t *visit, char *bytes, size_t size)
{
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)size);

    visit->flying = bytes;
    visit->write.data = visit;
    if (uv_write(&visit->write, (uv_stream_t *)&visit->tcp, &buf, 1, on_written) != 0) {
        end_visit(visit);
    }
}

/* What the engine has made goes first. Returns whether there was something. */
static bool flush_peer(visit_t *visit)
{
    char bytes[CHUNK_BYTES];
    size_t size = visit->peer.ssl == NULL ? 0 : tls_peer_take(&visit->peer, bytes, sizeof bytes);

    if (size != 0) {
        write_out(visit, copy_of(bytes, size), size);
    }
    return size != 0;
}

static void send_piece(visit_t *visit)
{
    answer_t *answer = &visit->answer;
    size_t left = answer->size - answer->sent;
    size_t size =
        answer->piece_bytes != 0 && answer->piece_bytes < left ? answer->piece_bytes : left;
    const char *bytes = answer->bytes + answer->sent;

    answer->sent += size;
    if (visit->peer.ssl == NULL) {
        write_out(visit, copy_of(bytes, size), size);
        return;
    }
    tls_peer_write(&visit->peer, bytes, size);
    if (answer->sent == answer->size && !answer->cut) {
        (void)SSL_shutdown(visit->peer.ssl); /* The client's own is not waited for. */
    }
    (void)flush_peer(visit);
}

/* One write at a time; the next one follows when it has left. */
static void send_on(visit_t *visit)
{
    if (visit->flying != NULL || flush_peer(visit) || visit->answer.bytes == NULL) {
        return;
    }
    if (visit->answer.sent < visit->answer.size) {
        send_piece(visit);
    } else {
        end_visit(visit);
    }
}

static void on_delay(uv_timer_t *timer)
{
    send_on(timer->data);
}

static void answer(visit_t *visit, const http_server_reply_t *reply)
{
    if (reply->act == HTTP_SERVER_HANG) {
        return;
    }
    if (reply->act == HTTP_SERVER_CLOSE) {
        end_visit(visit);
        return;
    }
    make_answer(&visit->answer, reply);
    if (reply->delay_ms != 0) {
        assert_int_equal(uv_timer_start(&visit->timer, on_delay, reply->delay_ms, 0), 0);
    } else {
        send_on(visit);
    }
}

/* --- in ----------------------------------------------------------------------------------------*/

/* A line's end is overwritten with a NUL. Returns what is behind it. */
static char *cut_at(char *text, const char *end)
{
    char *at = strstr(text, end);

    assert_non_null(at);
    *at = '\0';
    return at + strlen(end);
}

/* The value in the line that begins with `name` and ':', or NULL; ends with its line. */
static const char *find_header(const char *headers, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = headers; *line != '\0'; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            return line + strspn(line, " \t");
        }
    }
    return NULL;
}

static const http_server_request_t *keep(http_server_t *server, const char *bytes, size_t head_size,
                                         size_t body_size)
{
    kept_t *kept = must(calloc(1, sizeof *kept));
    kept_t **end = &server->kept;
    char *text = copy_of(bytes, head_size + body_size);
    char *target;
    char *version;

    text[head_size - 2] = '\0'; /* Without the blank line. */
    target = cut_at(text, " ");
    version = cut_at(target, " ");
    kept->text = text;
    kept->request.method = text;
    kept->request.target = target;
    kept->request.headers = cut_at(version, "\r\n");
    kept->request.body = text + head_size;
    kept->request.body_size = body_size;
    assert_string_equal(version, "HTTP/1.1");
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = kept;
    server->count++;
    return &kept->request;
}

/* Returns the size of the head with its blank line, or 0: not there yet. */
static size_t head_size_of(const visit_t *visit)
{
    const char *end = strstr(visit->in, "\r\n\r\n");

    return end == NULL ? 0 : (size_t)(end - visit->in) + 4;
}

static size_t announced(const visit_t *visit, size_t head_size)
{
    char *head = copy_of(visit->in, head_size - 2);
    const char *value = find_header(strstr(head, "\r\n") + 2, "Content-Length");
    size_t size = value == NULL ? 0 : strtoul(value, NULL, 10);

    free(head);
    return size;
}

static void take_request(visit_t *visit)
{
    size_t head_size = head_size_of(visit);
    size_t body_size = head_size == 0 ? 0 : announced(visit, head_size);
    http_server_reply_t reply = {.status = 404};
    const http_server_request_t *request;
    rule_t *rule;

    if (visit->answered || head_size == 0 || visit->in_size < head_size + body_size) {
        return;
    }
    visit->answered = true;
    request = keep(visit->server, visit->in, head_size, body_size);
    rule = find_rule(visit->server, request);
    if (rule != NULL && rule->fn != NULL) {
        reply.status = 0;
        rule->fn(rule->data, request, &reply);
    } else if (rule != NULL) {
        reply = rule->reply;
    }
    answer(visit, &reply);
}

static void take_plain(visit_t *visit, const char *bytes, size_t size)
{
    assert_true(visit->in_size + size < MAX_REQUEST_BYTES);
    visit->in = must(realloc(visit->in, visit->in_size + size + 1));
    memcpy(visit->in + visit->in_size, bytes, size);
    visit->in_size += size;
    visit->in[visit->in_size] = '\0';
    take_request(visit);
}

static void take_cipher(visit_t *visit, size_t size)
{
    char plain[CHUNK_BYTES];
    int status = 1;

    tls_peer_put(&visit->peer, visit->space, size);
    if (!visit->shaken) {
        status = tls_peer_handshake(&visit->peer);
        visit->shaken = status == 1;
    }
    send_on(visit);
    while (visit->shaken && !visit->closing &&
           (size = tls_peer_read(&visit->peer, plain, sizeof plain)) != 0) {
        take_plain(visit, plain, size);
    }
    if (status < 0 && visit->flying == NULL) {
        end_visit(visit);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    visit_t *visit = handle->data;

    (void)suggested;
    *buf = uv_buf_init(visit->space, sizeof visit->space);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    visit_t *visit = stream->data;

    (void)buf;
    if (size < 0) {
        end_visit(visit);
    } else if (visit->peer.ssl != NULL) {
        take_cipher(visit, (size_t)size);
    } else {
        take_plain(visit, visit->space, (size_t)size);
    }
}

/* --- the beginning -----------------------------------------------------------------------------*/

static void on_connection(uv_stream_t *listener, int status)
{
    http_server_t *server = listener->data;
    visit_t *visit = must(calloc(1, sizeof *visit));

    assert_int_equal(status, 0);
    visit->server = server;
    visit->next = server->visits;
    server->visits = visit;
    server->held++;
    visit->handles = 2;
    visit->tcp.data = visit;
    visit->timer.data = visit;
    assert_int_equal(uv_tcp_init(server->loop, &visit->tcp), 0);
    assert_int_equal(uv_timer_init(server->loop, &visit->timer), 0);
    if (server->secure) {
        tls_peer_init(&visit->peer, &server->tls);
    }
    if (uv_accept(listener, (uv_stream_t *)&visit->tcp) != 0 ||
        uv_tcp_nodelay(&visit->tcp, 1) != 0 ||
        uv_read_start((uv_stream_t *)&visit->tcp, on_alloc, on_read) != 0) {
        end_visit(visit);
    }
}

http_server_t *http_server_new(uv_loop_t *loop, const tls_server_opts_t *tls)
{
    http_server_t *server = must(calloc(1, sizeof *server));
    struct sockaddr_in address;

    server->loop = loop;
    server->held = 1;
    server->secure = tls != NULL;
    if (server->secure) {
        tls_server_init(&server->tls, tls);
    }
    server->listener.data = server;
    assert_int_equal(uv_tcp_init(loop, &server->listener), 0);
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 128, on_connection), 0);
    return server;
}

/* --- looking -----------------------------------------------------------------------------------*/

int http_server_port(const http_server_t *server)
{
    struct sockaddr_in address;
    int size = sizeof address;

    assert_int_equal(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

const char *http_server_url(const http_server_t *server, const char *path)
{
    return text_of("%s://127.0.0.1:%d%s", server->secure ? "https" : "http",
                   http_server_port(server), path);
}

unsigned http_server_count(const http_server_t *server)
{
    return server->count;
}

const unsigned *http_server_counter(const http_server_t *server)
{
    return &server->count;
}

const http_server_request_t *http_server_request(const http_server_t *server, unsigned index)
{
    const kept_t *kept = server->kept;

    assert_true(index < server->count);
    while (index-- != 0) {
        kept = kept->next;
    }
    return &kept->request;
}

const char *http_server_header(const http_server_request_t *request, const char *name)
{
    const char *value = find_header(request->headers, name);

    return value == NULL ? NULL : text_of("%.*s", (int)strcspn(value, "\r"), value);
}

unsigned http_server_open(const http_server_t *server)
{
    unsigned count = 0;

    for (const visit_t *visit = server->visits; visit != NULL; visit = visit->next) {
        count++;
    }
    return count;
}
