/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the name server: one for UDP, one listener for TCP, and the replies under way. */
#include "support/dns_stub.h"

#include "support/check.h"
#include "support/dns_stub_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIND_ATTEMPTS 20

/* A TCP connection, which takes one question. */
typedef struct dns_conn {
    uv_tcp_t tcp;
    struct dns_conn *next;
    dns_stub_t *stub;
    uint8_t in[DNS__UDP_SIZE + 2];
    size_t in_size;
    bool answered; /* From now on the reply decides when it is closed. */
} dns_conn_t;

/* A reply on its way. It keeps its connection open until it is sent. */
typedef struct dns_job {
    uv_timer_t timer;
    struct dns_job *next;
    dns_stub_t *stub;
    struct sockaddr_in peer;
    dns_conn_t *conn; /* NULL: UDP. */
    union {
        uv_udp_send_t udp;
        uv_write_t tcp;
    } send;
    uint8_t prefix[2];
    dns__reply_t reply;
} dns_job_t;

struct dns_stub {
    dns__table_t table;
    uv_loop_t *loop;
    uv_udp_t udp;
    uv_tcp_t tcp;
    unsigned open_handles;
    bool closing;
    unsigned tcp_questions;
    int port;
    char address[32];
    dns_conn_t *conns;
    dns_job_t *jobs; /* Those that wait for their timer. */
    uint8_t in[4096];
};

dns__table_t *dns__table_of(dns_stub_t *stub)
{
    return &stub->table;
}

/* --- End -------------------------------------------------------------------------------------- */

static void handle_closed(dns_stub_t *stub)
{
    if (--stub->open_handles == 0 && stub->closing) {
        dns__table_done(&stub->table);
        free(stub);
    }
}

static void on_socket_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_conn_closed(uv_handle_t *handle)
{
    dns_conn_t *conn = handle->data;
    dns_stub_t *stub = conn->stub;
    dns_conn_t **link = &stub->conns;

    while (*link != conn) {
        link = &(*link)->next;
    }
    *link = conn->next;
    free(conn);
    handle_closed(stub);
}

static void close_conn(dns_conn_t *conn)
{
    if (!uv_is_closing((uv_handle_t *)&conn->tcp)) {
        uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
    }
}

static void on_job_closed(uv_handle_t *handle)
{
    dns_job_t *job = handle->data;
    dns_stub_t *stub = job->stub;

    if (job->conn != NULL) {
        close_conn(job->conn);
    }
    free(job);
    handle_closed(stub);
}

/* --- Replies ---------------------------------------------------------------------------------- */

static void on_udp_sent(uv_udp_send_t *request, int status)
{
    dns_job_t *job = request->data;

    (void)status;
    uv_close((uv_handle_t *)&job->timer, on_job_closed);
}

static void on_tcp_sent(uv_write_t *request, int status)
{
    dns_job_t *job = request->data;

    (void)status;
    uv_close((uv_handle_t *)&job->timer, on_job_closed);
}

static void unlink_job(dns_job_t *job)
{
    dns_job_t **link = &job->stub->jobs;

    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
}

static void on_delay(uv_timer_t *timer)
{
    dns_job_t *job = timer->data;
    uv_buf_t buffers[2] = {
        uv_buf_init((char *)job->prefix, 2),
        uv_buf_init((char *)job->reply.bytes, (unsigned)job->reply.size),
    };
    int code;

    unlink_job(job);
    if (job->conn == NULL) {
        job->send.udp.data = job;
        code = uv_udp_send(&job->send.udp, &job->stub->udp, &buffers[1], 1,
                           (const struct sockaddr *)&job->peer, on_udp_sent);
    } else {
        job->send.tcp.data = job;
        code = uv_write(&job->send.tcp, (uv_stream_t *)&job->conn->tcp, buffers, 2, on_tcp_sent);
    }
    if (code != 0) {
        uv_close((uv_handle_t *)&job->timer, on_job_closed);
    }
}

/* Answer one message. Returns false when nothing will be sent. */
static bool answer(dns_stub_t *stub, const uint8_t *query, size_t size, dns_conn_t *conn,
                   const struct sockaddr *peer)
{
    dns_job_t *job = calloc(1, sizeof *job);

    if (job == NULL) {
        abort();
    }
    dns__table_answer(&stub->table, query, size, conn != NULL, &job->reply);
    if (job->reply.size == 0) {
        free(job);
        return false;
    }
    job->stub = stub;
    job->conn = conn;
    job->prefix[0] = (uint8_t)(job->reply.size >> 8);
    job->prefix[1] = (uint8_t)(job->reply.size & 0xff);
    if (peer != NULL) {
        memcpy(&job->peer, peer, sizeof job->peer);
    }
    job->next = stub->jobs;
    stub->jobs = job;
    stub->open_handles++;
    uv_update_time(stub->loop);
    if (uv_timer_init(stub->loop, &job->timer) != 0 ||
        uv_timer_start(&job->timer, on_delay, job->reply.delay_ms, 0) != 0) {
        abort();
    }
    job->timer.data = job;
    uv_unref((uv_handle_t *)&job->timer);
    return true;
}

/* --- Questions -------------------------------------------------------------------------------- */

static void on_udp_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    dns_stub_t *stub = handle->data;

    (void)suggested;
    *ret_buffer = uv_buf_init((char *)stub->in, sizeof stub->in);
}

static void on_udp(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer, const struct sockaddr *peer,
                   unsigned flags)
{
    dns_stub_t *stub = udp->data;

    (void)buffer;
    (void)flags;
    if (size > 0 && peer != NULL) {
        (void)answer(stub, stub->in, (size_t)size, NULL, peer);
    }
}

static void on_tcp_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    dns_conn_t *conn = handle->data;

    (void)suggested;
    *ret_buffer =
        uv_buf_init((char *)conn->in + conn->in_size, (unsigned)(sizeof conn->in - conn->in_size));
}

static void on_tcp_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    dns_conn_t *conn = stream->data;

    (void)buffer;
    if (size < 0) {
        /* A reply under way closes it later. */
        (void)uv_read_stop(stream);
        if (!conn->answered) {
            close_conn(conn);
        }
        return;
    }
    conn->in_size += (size_t)size;
    size_t wanted = conn->in_size >= 2 ? 2 + ((size_t)conn->in[0] << 8 | conn->in[1]) : SIZE_MAX;
    if (conn->in_size >= wanted && !conn->answered) {
        conn->stub->tcp_questions++;
        conn->answered = answer(conn->stub, conn->in + 2, wanted - 2, conn, NULL);
        (void)uv_read_stop(stream);
        if (!conn->answered) {
            close_conn(conn);
        }
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    dns_stub_t *stub = listener->data;
    dns_conn_t *conn = calloc(1, sizeof *conn);

    if (conn == NULL || uv_tcp_init(stub->loop, &conn->tcp) != 0) {
        abort();
    }
    conn->stub = stub;
    conn->tcp.data = conn;
    conn->next = stub->conns;
    stub->conns = conn;
    stub->open_handles++;
    uv_unref((uv_handle_t *)&conn->tcp);
    if (status != 0 || uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&conn->tcp, on_tcp_alloc, on_tcp_read) != 0) {
        close_conn(conn);
    }
}

/* --- Life ------------------------------------------------------------------------------------- */

static void close_sockets(dns_stub_t *stub)
{
    uv_close((uv_handle_t *)&stub->udp, on_socket_closed);
    uv_close((uv_handle_t *)&stub->tcp, on_socket_closed);
}

/* Both sockets on one free port. The port that TCP got may be taken for UDP. */
static bool bind_sockets(dns_stub_t *stub)
{
    struct sockaddr_in address;
    int size = sizeof address;

    assert_int_equal(uv_tcp_init(stub->loop, &stub->tcp), 0);
    assert_int_equal(uv_udp_init(stub->loop, &stub->udp), 0);
    stub->tcp.data = stub;
    stub->udp.data = stub;
    stub->open_handles = 2;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_bind(&stub->tcp, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&stub->tcp, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&stub->tcp, (struct sockaddr *)&address, &size), 0);
    stub->port = ntohs(address.sin_port);
    return uv_udp_bind(&stub->udp, (const struct sockaddr *)&address, 0) == 0;
}

dns_stub_t *dns_new(uv_loop_t *loop)
{
    for (int attempt = 0; attempt < BIND_ATTEMPTS; attempt++) {
        dns_stub_t *stub = calloc(1, sizeof *stub);
        if (stub == NULL) {
            abort();
        }
        stub->loop = loop;
        stub->table.ttl_s = 60;
        if (bind_sockets(stub)) {
            assert_int_equal(uv_udp_recv_start(&stub->udp, on_udp_alloc, on_udp), 0);
            uv_unref((uv_handle_t *)&stub->udp);
            uv_unref((uv_handle_t *)&stub->tcp);
            (void)snprintf(stub->address, sizeof stub->address, "127.0.0.1:%d", stub->port);
            return stub;
        }
        stub->closing = true;
        close_sockets(stub);
    }
    fail_msg("no port is free for UDP and TCP in %d attempts", BIND_ATTEMPTS);
    return NULL;
}

void dns_close(dns_stub_t *stub)
{
    stub->closing = true;
    close_sockets(stub);
    while (stub->jobs != NULL) {
        dns_job_t *job = stub->jobs;
        stub->jobs = job->next;
        uv_close((uv_handle_t *)&job->timer, on_job_closed);
    }
    for (dns_conn_t *conn = stub->conns; conn != NULL; conn = conn->next) {
        if (!conn->answered) {
            close_conn(conn);
        }
    }
}

int dns_port(const dns_stub_t *stub)
{
    return stub->port;
}

const char *dns_address(const dns_stub_t *stub)
{
    return stub->address;
}

unsigned dns_tcp_question_count(const dns_stub_t *stub)
{
    return stub->tcp_questions;
}
