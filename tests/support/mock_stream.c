/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos that carry the topologyVersion which their client knows: they are answered when it is
 * another one, or when maxAwaitTimeMS have passed; with exhaustAllowed again and again, each answer
 * but an error saying moreToCome. */
#include "support/check.h"
#include "support/mock_internal.h"
#include "support/mock_set.h"

#include <stdlib.h>

/* --- One answer ------------------------------------------------------------------------------- */

static void send_answer(mock__conn_t *conn, const bson_t *body, bool goes_on,
                        const mock_step_t *step)
{
    muv_mock_t *mock = conn->mock;
    mock__await_t *await = &conn->await;
    mock__job_t *job = mock__alloc(sizeof *job);
    mock__frame_t frame = {.body = body,
                           .message_id = mock->next_message_id++,
                           .response_to = await->response_to,
                           .flags = goes_on ? MOCK_FLAG_MORE_TO_COME : 0};

    job->bytes = mock__message_write(&frame, &job->size);
    job->ends_request = !goes_on;
    job->delay_ms = step->delay_ms;
    job->then = step->then;
    if (step->send == MOCK_NOTHING) {
        job->size = 0;
    }
    await->response_to = frame.message_id;
    mock__conn_push(conn, job);
}

static void on_await_timer(uv_timer_t *timer);

static void wait_on(mock__conn_t *conn)
{
    uv_update_time(conn->mock->loop);
    (void)uv_timer_start(&conn->await_timer, on_await_timer, conn->await.every_ms, 0);
}

/* Each answer of a stream counts as a run of the command, so fail points act on it. */
static void answer(mock__conn_t *conn)
{
    muv_mock_t *mock = conn->mock;
    mock__await_t *await = &conn->await;
    mock_request_t request = {.connection = conn->number,
                              .member = conn->member,
                              .service = conn->service,
                              .name = "hello",
                              .body = await->body};
    bson_t *body = bson_new();
    mock_step_t step = {.delay_ms = mock->members[conn->member].delay_ms};
    mock__failure_t failure = {0};

    (void)mock__fail(conn, &request, body, &step, &failure);
    if (!failure.replaced) {
        mock__answer_hello(mock, &request, body);
        mock__set_append_time(mock, body);
    }
    bson_destroy(failure.write_concern_error);
    bson_destroy(failure.labels);
    bool goes_on = await->exhaust && !failure.replaced && step.then == MOCK_KEEP;
    send_answer(conn, body, goes_on, &step);
    bson_destroy(body);
    if (goes_on) {
        wait_on(conn);
    } else {
        mock__stream_end(conn);
    }
    /* Last: it may close the connection. */
    mock__conn_pump(conn);
}

static void on_await_timer(uv_timer_t *timer)
{
    answer(timer->data);
}

/* --- Begin and end ---------------------------------------------------------------------------- */

static bool is_current(const mock__member_t *member, const bson_t *body)
{
    bson_iter_t iter;
    bson_iter_t field;

    if (!bson_iter_init(&iter, body) ||
        !bson_iter_find_descendant(&iter, "topologyVersion.processId", &field) ||
        !BSON_ITER_HOLDS_OID(&field) || !bson_oid_equal(bson_iter_oid(&field), &member->process)) {
        return false;
    }
    return bson_iter_init(&iter, body) &&
           bson_iter_find_descendant(&iter, "topologyVersion.counter", &field) &&
           bson_iter_as_int64(&field) == member->counter;
}

bool mock__stream_begin(mock__conn_t *conn, const mock_request_t *request)
{
    const mock__member_t *member = &conn->mock->members[conn->member];
    bson_iter_t iter;

    if (!conn->mock->set.streams || !bson_has_field(request->body, "topologyVersion") ||
        !bson_iter_init_find(&iter, request->body, "maxAwaitTimeMS")) {
        return false;
    }
    mock__stream_end(conn);
    conn->await = (mock__await_t){.body = bson_copy(request->body),
                                  .exhaust = (request->flags & MOCK_FLAG_EXHAUST_ALLOWED) != 0,
                                  .response_to = request->request_id,
                                  .every_ms = (uint32_t)bson_iter_as_int64(&iter)};
    if (is_current(member, request->body)) {
        wait_on(conn);
    } else {
        answer(conn);
    }
    return true;
}

void mock__stream_end(mock__conn_t *conn)
{
    if (conn->await.body != NULL) {
        bson_destroy(conn->await.body);
        conn->await.body = NULL;
        if (!conn->closing) {
            (void)uv_timer_stop(&conn->await_timer);
        }
    }
}

void mock__stream_wake(muv_mock_t *mock, int member)
{
    for (mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        if (conn->await.body != NULL && !conn->closing && !conn->deaf &&
            (member == MOCK_ANY || conn->member == member)) {
            answer(conn);
        }
    }
}

unsigned mock_waiting_hellos(const muv_mock_t *mock, int member)
{
    unsigned count = 0;

    for (const mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        count += conn->await.body != NULL && !conn->closing &&
                 (member == MOCK_ANY || conn->member == member);
    }
    return count;
}

void mock_push_hello(muv_mock_t *mock, int member)
{
    mock__stream_wake(mock, member);
}
