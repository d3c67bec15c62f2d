/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a mock.
 *
 * In:  bytes -> messages -> log -> mock__script_serve(), which pushes jobs.
 * Out: jobs in order; each waits while it is held, then for its delay, then goes out in one write
 * or in pieces. Two pieces are always separated by a poll of the loop, so that a client on the same
 * loop reads them separately: the write callback arms idle and check, and the check callback, which
 * runs right behind the poll, sends the next piece. */
#include "support/mock_internal.h"

#include <stdlib.h>
#include <string.h>

#define READ_SIZE 65536u

/* --- End -------------------------------------------------------------------------------------- */

static void free_job(mock__job_t *job)
{
    free(job->bytes);
    free(job);
}

static void drop_jobs(mock__conn_t *conn)
{
    while (conn->first_job != NULL) {
        mock__job_t *next = conn->first_job->next;
        free_job(conn->first_job);
        conn->first_job = next;
    }
    conn->last_job = NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
    mock__conn_t *conn = handle->data;
    muv_mock_t *mock = conn->mock;
    mock__conn_t **link = &mock->conns;

    if (--conn->open_handles > 0) {
        return;
    }
    while (*link != conn) {
        link = &(*link)->next;
    }
    *link = conn->next;
    drop_jobs(conn);
    mock__stream_end(conn);
    free(conn->in);
    free(conn);
    mock__handle_closed(mock);
}

static void close_handles(mock__conn_t *conn, bool reset)
{
    muv_mock_t *mock = conn->mock;

    conn->closing = true;
    mock->open--;
    mock->unanswered -= conn->unanswered;
    conn->unanswered = 0;
    /* libuv refuses a reset while a shutdown is under way. */
    if (!reset || !conn->is_tcp || uv_tcp_close_reset(&conn->socket.tcp, on_handle_closed) != 0) {
        uv_close((uv_handle_t *)&conn->socket.stream, on_handle_closed);
    }
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
    uv_close((uv_handle_t *)&conn->await_timer, on_handle_closed);
    uv_close((uv_handle_t *)&conn->idle, on_handle_closed);
    uv_close((uv_handle_t *)&conn->check, on_handle_closed);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)request;
    (void)status;
}

void mock__conn_end(mock__conn_t *conn, mock_then_t then)
{
    if (conn->closing) {
        return;
    }
    switch (then) {
    case MOCK_KEEP: break;
    case MOCK_CLOSE:
    case MOCK_RESET: close_handles(conn, then == MOCK_RESET); break;
    case MOCK_HALF_CLOSE:
        conn->shut = conn->shut || uv_shutdown(&conn->shutdown, &conn->socket.stream, on_shut) == 0;
        break;
    case MOCK_DEAF:
        conn->deaf = true;
        (void)uv_read_stop(&conn->socket.stream);
        break;
    }
}

/* --- Out -------------------------------------------------------------------------------------- */

/* Each message answers the one before, as in every exhaust stream. */
static void repeat_job(muv_mock_t *mock, mock__job_t *job)
{
    mock__message_renumber(job->bytes, job->size, mock->next_message_id++,
                           mock__load_i32(job->bytes + 4));
    job->sent = 0;
    job->delay_ms = job->more_delay_ms;
}

static void finish_job(mock__conn_t *conn)
{
    mock__job_t *job = conn->first_job;
    mock_then_t then = job->then;

    if (job->endless && !conn->shut) {
        repeat_job(conn->mock, job);
        return;
    }
    conn->first_job = job->next;
    if (job->next == NULL) {
        conn->last_job = NULL;
    }
    free_job(job);
    mock__conn_end(conn, then);
}

static void on_turn(uv_check_t *check)
{
    mock__conn_t *conn = check->data;

    if (!conn->polling) {
        return;
    }
    (void)uv_idle_stop(&conn->idle);
    (void)uv_check_stop(&conn->check);
    conn->busy = false;
    mock__conn_pump(conn);
}

static void on_idle(uv_idle_t *idle)
{
    mock__conn_t *conn = idle->data;

    conn->polling = true;
}

static void wait_a_turn(mock__conn_t *conn)
{
    conn->polling = false;
    (void)uv_idle_start(&conn->idle, on_idle);
    (void)uv_check_start(&conn->check, on_turn);
}

static void on_written(uv_write_t *request, int status)
{
    mock__conn_t *conn = request->data;

    free(request);
    if (conn->closing) {
        return;
    }
    if (status < 0) {
        conn->mock->closed_by_client++;
        mock__conn_end(conn, MOCK_CLOSE);
    } else if (conn->first_job->sent < conn->first_job->size ||
               conn->first_job->then == MOCK_RESET) {
        /* libuv reports a reset that it finds together with data as an end of the stream. */
        wait_a_turn(conn);
    } else {
        conn->busy = false;
        finish_job(conn);
        mock__conn_pump(conn);
    }
}

static void write_piece(mock__conn_t *conn, mock__job_t *job)
{
    size_t left = job->size - job->sent;
    size_t piece = job->every_byte ? 1 : job->piece;
    size_t size = piece != 0 && piece < left ? piece : left;
    uv_write_t *request = mock__alloc(sizeof *request);
    uv_buf_t buffer = uv_buf_init((char *)job->bytes + job->sent, (unsigned)size);

    job->sent += size;
    job->piece = 0;
    conn->busy = true;
    request->data = conn;
    /* Before the write: the client may send its next request as soon as it has the last byte. */
    if (job->sent == job->size && job->ends_request && conn->unanswered > 0) {
        conn->unanswered--;
        conn->mock->unanswered--;
    }
    if (uv_write(request, &conn->socket.stream, &buffer, 1, on_written) != 0) {
        free(request);
        mock__conn_end(conn, MOCK_CLOSE);
    }
}

static void on_delay(uv_timer_t *timer)
{
    mock__conn_t *conn = timer->data;

    conn->busy = false;
    mock__conn_pump(conn);
}

void mock__conn_pump(mock__conn_t *conn)
{
    while (!conn->busy && !conn->closing && !conn->deaf && conn->first_job != NULL) {
        mock__job_t *job = conn->first_job;
        if (job->held) {
            return;
        }
        if (job->delay_ms > 0) {
            conn->busy = true;
            uv_update_time(conn->mock->loop);
            (void)uv_timer_start(&conn->timer, on_delay, job->delay_ms, 0);
            job->delay_ms = 0;
        } else if (job->sent < job->size && !conn->shut) {
            write_piece(conn, job);
        } else {
            finish_job(conn);
        }
    }
}

void mock__conn_push(mock__conn_t *conn, mock__job_t *job)
{
    job->sequence = conn->mock->next_sequence++;
    if (conn->last_job != NULL) {
        conn->last_job->next = job;
    } else {
        conn->first_job = job;
    }
    conn->last_job = job;
}

/* --- In --------------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    mock__conn_t *conn = handle->data;

    (void)suggested;
    if (conn->in_capacity - conn->in_size < READ_SIZE) {
        size_t capacity = conn->in_capacity * 2 + READ_SIZE;
        uint8_t *in = realloc(conn->in, capacity);
        if (in == NULL) {
            abort();
        }
        conn->in = in;
        conn->in_capacity = capacity;
    }
    *ret_buffer = uv_buf_init((char *)conn->in + conn->in_size,
                              (unsigned)(conn->in_capacity - conn->in_size));
}

/* Serve the message at `offset`. Returns its size, or 0 when it is not complete or the connection
 * has ended. */
static size_t serve_message(mock__conn_t *conn, size_t offset)
{
    const uint8_t *bytes = conn->in + offset;
    size_t left = conn->in_size - offset;

    if (left < MOCK__HEADER_SIZE) {
        return 0;
    }
    int32_t length = mock__load_i32(bytes);
    if (length < MOCK__HEADER_SIZE || length > MOCK__MAX_MESSAGE_SIZE) {
        mock__fault(conn, "message length %d", length);
        mock__conn_end(conn, MOCK_CLOSE);
        return 0;
    }
    if ((size_t)length > left) {
        return 0;
    }
    mock__record_t *record = mock__message_read(conn, bytes, (size_t)length);
    if (record == NULL) {
        mock__conn_end(conn, MOCK_CLOSE);
        return 0;
    }
    mock__log_add(conn->mock, record);
    mock__script_serve(conn, &record->request);
    return (size_t)length;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    mock__conn_t *conn = stream->data;
    size_t offset = 0;

    (void)buffer;
    if (size < 0) {
        conn->mock->closed_by_client++;
        mock__conn_end(conn, MOCK_CLOSE);
        return;
    }
    conn->in_size += (size_t)size;
    while (!conn->closing && !conn->deaf) {
        size_t served = serve_message(conn, offset);
        if (served == 0) {
            break;
        }
        offset += served;
    }
    conn->in_size -= offset;
    if (conn->in_size > 0 && offset > 0) {
        memmove(conn->in, conn->in + offset, conn->in_size);
    }
}

/* --- Start ------------------------------------------------------------------------------------ */

static void init_handles(mock__conn_t *conn)
{
    uv_loop_t *loop = conn->mock->loop;
    uv_handle_t *handles[] = {(uv_handle_t *)&conn->socket.stream, (uv_handle_t *)&conn->timer,
                              (uv_handle_t *)&conn->idle, (uv_handle_t *)&conn->check,
                              (uv_handle_t *)&conn->await_timer};
    int code = conn->is_tcp ? uv_tcp_init(loop, &conn->socket.tcp)
                            : uv_pipe_init(loop, &conn->socket.pipe, 0);

    if (code != 0 || uv_timer_init(loop, &conn->timer) != 0 ||
        uv_timer_init(loop, &conn->await_timer) != 0 || uv_idle_init(loop, &conn->idle) != 0 ||
        uv_check_init(loop, &conn->check) != 0) {
        abort();
    }
    for (size_t i = 0; i < MUV__COUNT_OF(handles); i++) {
        handles[i]->data = conn;
        uv_unref(handles[i]);
    }
    conn->open_handles = MUV__COUNT_OF(handles);
}

void mock__conn_accept(mock__listener_t *listener)
{
    muv_mock_t *mock = listener->mock;
    mock__conn_t *conn = mock__alloc(sizeof *conn);
    mock_then_t welcome = mock->members[listener->member].welcome;

    conn->mock = mock;
    conn->member = listener->member;
    conn->is_tcp = listener->is_tcp;
    conn->service = mock->set.services > 0 ? (int)mock->accepted % mock->set.services + 1 : 0;
    init_handles(conn);
    conn->next = mock->conns;
    mock->conns = conn;
    mock->open_handles++;
    conn->number = ++mock->accepted;
    mock->open++;
    if (uv_accept(&listener->socket.stream, &conn->socket.stream) != 0) {
        mock__conn_end(conn, MOCK_CLOSE);
        return;
    }
    if (mock->open > mock->open_peak) {
        mock->open_peak = mock->open;
    }
    if (conn->is_tcp) {
        (void)uv_tcp_nodelay(&conn->socket.tcp, 1);
    }
    (void)uv_read_start(&conn->socket.stream, on_alloc, on_read);
    mock__conn_end(conn, welcome);
}

mock__conn_t *mock__conn_find(muv_mock_t *mock, unsigned number)
{
    mock__conn_t *conn = mock->conns;

    while (conn != NULL && (conn->number != number || conn->closing)) {
        conn = conn->next;
    }
    return conn;
}
