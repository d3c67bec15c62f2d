/* SPDX-License-Identifier: Apache-2.0 */
/* The rig: the part of a client that a connection needs. */
#include "conn_rig.h"

#include <stdio.h>
#include <string.h>

static rig_t *rig_of(muv__conn_t *conn)
{
    return MUV__CONTAINER_OF(conn, rig_t, conn);
}

static void note(rig_t *rig, const char *what)
{
    size_t length = strlen(rig->events);

    (void)snprintf(rig->events + length, sizeof rig->events - length, "[%.3f] %s\n",
                   (double)(sim_now_us(rig->world) - rig->since_us) / 1000, what);
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    assert_true(hello.size > 5);
    note(rig_of(conn), "ready");
}

static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    assert_non_null(chunk);
    assert_true(msg->body.size > 5);
    assert_int_equal(conn->state, MUV__CONN_IDLE);
    note(rig_of(conn), "reply");
}

static void on_idle(muv__conn_t *conn)
{
    assert_int_equal(conn->state, MUV__CONN_IDLE);
    note(rig_of(conn), "idle");
}

static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    rig_t *rig = rig_of(conn);

    assert_int_equal(conn->state, MUV__CONN_CLOSED);
    rig->error = *error;
    note(rig, error->message);
}

static void on_closed(muv__conn_t *conn)
{
    rig_t *rig = rig_of(conn);

    assert_false(rig->closed);
    rig->closed = true;
    note(rig, "closed");
}

static const muv__conn_ops_t ops = {.on_ready = on_ready,
                                    .on_reply = on_reply,
                                    .on_idle = on_idle,
                                    .on_failed = on_failed,
                                    .on_closed = on_closed};

static void on_begin(void *data, int64_t now_us)
{
    rig_t *rig = data;

    rig->context.now_us = now_us;
}

void rig_arm(rig_t *rig)
{
    muv__net_arm(rig->net, muv__deadlines_next_us(&rig->deadlines));
}

static void on_end(void *data)
{
    rig_arm(data);
}

static void on_timer(void *data)
{
    rig_t *rig = data;

    muv__deadlines_run(&rig->deadlines, rig->context.now_us, 100);
}

static void on_turn(void *data)
{
    rig_t *rig = data;

    muv__conns_work(&rig->context);
}

void rig_open(rig_t *rig, const char *host)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};

    alloc_install();
    memset(rig, 0, sizeof *rig);
    rig->mark = alloc_mark();
    rig->world = sim_new(1);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
    muv__net_keep_alive(rig->net, 1);
    rig->context.net = rig->net;
    rig->context.chunks = muv__chunk_pool_new(1024 * 1024);
    rig->context.outgoing = &rig->outgoing;
    rig->context.deadlines = &rig->deadlines;
    rig->context.connect_timeout_us = 10 * SIM_SECOND;
    muv__outgoing_pool_init(&rig->outgoing, muv__chunk_pool_budget(rig->context.chunks));
    muv__buf_init(&rig->hello, 1024);
    muv__bson_int32(&rig->hello, MUV__KEY("hello"), 1);
    muv__bson_utf8(&rig->hello, MUV__KEY("$db"), MUV__KEY("admin"));
    rig->context.hello = muv__span(rig->hello.data, rig->hello.size);
    assert_int_equal(muv__host_parse(host, strlen(host), &rig->host), 0);
}

void rig_open_usual(rig_t *rig)
{
    rig_open(rig, "10.0.0.1:27017");
    rig->server = sim_server(rig->world, "10.0.0.1", 27017);
}

void rig_connect(rig_t *rig)
{
    rig->since_us = sim_now_us(rig->world);
    rig->context.now_us = rig->since_us;
    muv__conn_open(&rig->conn, &rig->context, &rig->host, &ops, rig);
    assert_string_equal(rig->events, "");
}

static void on_net_closed(void *data)
{
    rig_t *rig = data;

    rig->net_closed = true;
}

void rig_end(rig_t *rig)
{
    if (rig->conn.context != NULL) {
        muv__conn_close(&rig->conn);
        sim_run_for(rig->world, SIM_MS);
        assert_true(rig->closed);
    }
    muv__net_close(rig->net, on_net_closed);
    sim_run(rig->world);
    assert_true(rig->net_closed);
    muv__buf_done(&rig->hello);
    muv__outgoing_pool_done(&rig->outgoing);
    muv__chunk_pool_close(rig->context.chunks);
    sim_free(rig->world);
    CHECK_NO_LEAK(rig->mark);
}

void rig_check_events(const rig_t *rig, const char *expected, const char *file, int line)
{
    if (strcmp(rig->events, expected) != 0) {
        print_error("the events are\n%sinstead of\n%s", rig->events, expected);
        check_fail_at(file, line);
    }
}

int rig_send(rig_t *rig, size_t padding_bytes, uint32_t flags)
{
    static const uint8_t padding[20000];
    muv__outgoing_t *outgoing = muv__outgoing_take(&rig->outgoing);
    int32_t request_id = muv__conn_next_request_id(&rig->context);
    muv__message_t message;
    muv__buf_t *buf = &outgoing->command.buf;
    int status;

    rig->context.now_us = sim_now_us(rig->world);
    muv__bson_int32(buf, MUV__KEY("ping"), 1);
    muv__bson_binary(buf, MUV__KEY("padding"), 0, muv__span(padding, padding_bytes));
    muv__bson_utf8(buf, MUV__KEY("$db"), MUV__KEY("sim"));
    assert_int_equal(muv__command_seal(&outgoing->command), 0);
    assert_int_equal(muv__command_finish(&outgoing->command, request_id, flags, NULL, &message), 0);
    status = muv__conn_send(&rig->conn, outgoing, &message, request_id, flags);
    muv__outgoing_release(outgoing);
    return status;
}

void rig_ready(rig_t *rig)
{
    rig_connect(rig);
    sim_run_for(rig->world, 10 * SIM_MS);
    assert_int_equal(rig->conn.state, MUV__CONN_IDLE);
    rig->events[0] = '\0';
    rig->since_us = sim_now_us(rig->world);
}
