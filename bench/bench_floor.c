/* SPDX-License-Identifier: Apache-2.0 */
/* The lower bound that bench_find is compared with: the least that a find over libuv and libbson
 * can cost. One encode with libbson, one uv_try_write, one read into a kept buffer; responseTo, ok
 * and the reply's _id are checked. No queue, no deadline, no allocation per find, one find in
 * flight per connection, min(CONCURRENCY, POOL) connections. Any failure ends the process.
 */
#include "bench_common.h"

#include <bson/bson.h>
#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_BYTES = 64 * 1024,
    PREFIX_BYTES = 16 + 4 + 1,
    REPLY_BYTES_MAX = 48000000,
    OP_MSG = 2013
};

typedef struct {
    uv_tcp_t tcp;
    uv_connect_t connect;
    int32_t request_id;
    bool greeted;
    int64_t id;
    int64_t start_ns;
    uint8_t *rest; /* Of a reply that was cut; NULL in the steady state. */
    size_t rest_len;
} conn_t;

static struct {
    uv_loop_t loop;
    bench_window_t window;
    bench_hist_t hist;
    conn_t *conns;
    size_t conn_count;
    size_t greeted_count;
    int64_t last_id;
    int32_t last_request_id;
    char kept[KEPT_BYTES];
} run;

static void fail(const char *what, int uv_code)
{
    fprintf(stderr, "bench_floor: %s%s%s\n", what, uv_code != 0 ? ": " : "",
            uv_code != 0 ? uv_strerror(uv_code) : "");
    exit(1);
}

static void check(int uv_code, const char *what)
{
    if (uv_code < 0) {
        fail(what, uv_code);
    }
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static void send_command(conn_t *c, const bson_t *command)
{
    uint8_t message[512];
    size_t size = PREFIX_BYTES + command->len;

    if (size > sizeof message) {
        fail("command too long", 0);
    }
    c->request_id = ++run.last_request_id;
    store32(message, (uint32_t)size);
    store32(message + 4, (uint32_t)c->request_id);
    store32(message + 8, 0);
    store32(message + 12, OP_MSG);
    store32(message + 16, 0);
    message[20] = 0;
    memcpy(message + PREFIX_BYTES, bson_get_data(command), command->len);

    uv_buf_t buf = uv_buf_init((char *)message, (unsigned)size);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    check(n, "write");
    if ((size_t)n != size) {
        fail("partial write", 0);
    }
}

static void send_hello(conn_t *c)
{
    bson_t command = BSON_INITIALIZER;

    (void)bson_append_int32(&command, "hello", 5, 1);
    (void)bson_append_bool(&command, "helloOk", 7, true);
    (void)bson_append_utf8(&command, "$db", 3, "admin", 5);
    send_command(c, &command);
}

static void send_find(conn_t *c, int64_t now_ns)
{
    /* Not bson_append_document_begin: it moves an inline document to the heap. */
    bson_t command = BSON_INITIALIZER;
    bson_t filter = BSON_INITIALIZER;

    c->id = ++run.last_id;
    c->start_ns = now_ns;
    (void)bson_append_int64(&filter, "_id", 3, c->id);
    (void)bson_append_utf8(&command, "find", 4, "docs", 4);
    (void)bson_append_document(&command, "filter", 6, &filter);
    (void)bson_append_int32(&command, "limit", 5, 1);
    (void)bson_append_bool(&command, "singleBatch", 11, true);
    (void)bson_append_utf8(&command, "$db", 3, "perf", 4);
    send_command(c, &command);
}

/* cursor.firstBatch[0]._id of a reply, or -1. */
static int64_t first_id(const bson_iter_t *cursor)
{
    bson_iter_t batch;
    bson_iter_t docs;
    bson_iter_t doc;

    if (bson_iter_recurse(cursor, &batch) && bson_iter_find(&batch, "firstBatch") &&
        bson_iter_recurse(&batch, &docs) && bson_iter_next(&docs) &&
        bson_iter_recurse(&docs, &doc) && bson_iter_find(&doc, "_id") &&
        BSON_ITER_HOLDS_INT64(&doc)) {
        return bson_iter_int64(&doc);
    }
    return -1;
}

static void read_reply(const uint8_t *message, size_t size, bool *ret_ok, int64_t *ret_id)
{
    bson_t reply;
    bson_iter_t it;

    if (size < PREFIX_BYTES + 5 || load32(message + 12) != OP_MSG || message[20] != 0 ||
        !bson_init_static(&reply, message + PREFIX_BYTES, size - PREFIX_BYTES) ||
        !bson_iter_init(&it, &reply)) {
        fail("broken reply", 0);
    }
    *ret_ok = false;
    *ret_id = -1;
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);
        if (strcmp(key, "ok") == 0) {
            *ret_ok = bson_iter_as_bool(&it);
        } else if (strcmp(key, "cursor") == 0) {
            *ret_id = first_id(&it);
        }
    }
}

static void on_greeted(conn_t *c)
{
    c->greeted = true;
    if (++run.greeted_count < run.conn_count) {
        return;
    }
    bench_window_init(&run.window, &run.window.args);
    for (size_t i = 0; i < run.conn_count; i++) {
        send_find(&run.conns[i], bench_now_ns());
    }
}

static void on_message(conn_t *c, const uint8_t *message, size_t size)
{
    bool ok = false;
    int64_t id = -1;

    if ((int32_t)load32(message + 8) != c->request_id) {
        fail("responseTo does not match", 0);
    }
    read_reply(message, size, &ok, &id);
    if (!ok) {
        fail("the server says no", 0);
    }
    if (!c->greeted) {
        on_greeted(c);
        return;
    }
    if (id != c->id) {
        fail("wrong _id in the reply", 0);
    }
    int64_t now_ns = bench_now_ns();
    if (bench_window_tick(&run.window, &run.hist, 1, c->start_ns, now_ns)) {
        send_find(c, now_ns);
    } else {
        uv_stop(&run.loop);
    }
}

/* One command is in flight, so a read holds one reply or a part of one. */
static bool is_whole(const uint8_t *data, size_t len)
{
    if (len < 4) {
        return false;
    }
    size_t size = load32(data);
    if (size < PREFIX_BYTES || size > REPLY_BYTES_MAX || size < len) {
        fail("bad message length", 0);
    }
    return size == len;
}

static void keep_rest(conn_t *c, const uint8_t *data, size_t len)
{
    uint8_t *rest = realloc(c->rest, c->rest_len + len);
    if (rest == NULL) {
        fail("out of memory", 0);
        return;
    }
    memcpy(rest + c->rest_len, data, len);
    c->rest = rest;
    c->rest_len += len;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    conn_t *c = stream->data;
    const uint8_t *data = (const uint8_t *)buf->base;

    check((int)n, "read");
    if (n == 0) {
        return;
    }
    if (c->rest == NULL && is_whole(data, (size_t)n)) {
        on_message(c, data, (size_t)n);
        return;
    }
    keep_rest(c, data, (size_t)n);
    if (is_whole(c->rest, c->rest_len)) {
        on_message(c, c->rest, c->rest_len);
        free(c->rest);
        c->rest = NULL;
        c->rest_len = 0;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(run.kept, sizeof run.kept);
}

static void on_connect(uv_connect_t *connect, int status)
{
    conn_t *c = connect->handle->data;

    check(status, "connect");
    check(uv_tcp_nodelay(&c->tcp, 1), "nodelay");
    check(uv_read_start(connect->handle, on_alloc, on_read), "read start");
    send_hello(c);
}

int main(int argc, char **argv)
{
    bench_args_t *args = &run.window.args;
    struct sockaddr_in addr;

    bench_args_read(args, argc, argv);
    if (args->mode != BENCH_FIND) {
        fail("only find has a lower bound", 0);
    }
    check(uv_loop_init(&run.loop), "loop");
    check(uv_ip4_addr(strcmp(args->host, "localhost") == 0 ? "127.0.0.1" : args->host, args->port,
                      &addr),
          "HOST must be an IPv4 address");
    run.conn_count = args->concurrency < args->pool ? args->concurrency : args->pool;
    run.conns = calloc(run.conn_count, sizeof *run.conns);
    if (run.conns == NULL) {
        fail("out of memory", 0);
        return 1;
    }
    for (size_t i = 0; i < run.conn_count; i++) {
        conn_t *c = &run.conns[i];
        check(uv_tcp_init(&run.loop, &c->tcp), "tcp");
        c->tcp.data = c;
        check(uv_tcp_connect(&c->connect, &c->tcp, (const struct sockaddr *)&addr, on_connect),
              "connect");
    }
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    return bench_window_report(&run.window, &run.hist);
}
