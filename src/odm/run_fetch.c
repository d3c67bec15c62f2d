/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of a cursor. getMore and killCursors go to the server that answered the find, in the
 * find's session, behind a load balancer over the find's connection. */
#include "odm/run_fetch.h"

#include <string.h>

#include "muv/session.h"

static void let_go(muv__run_fetch_t *fetch)
{
    muv_session_end(fetch->session);
    fetch->session = NULL;
    muv_pin_release(fetch->pin);
    fetch->pin = NULL;
}

/* Session and connection, while the cursor is open. Returns 0 or MUV_ENOMEM. */
static int keep(muv__run_fetch_t *fetch, muv_op_t *op)
{
    if (fetch->cursor_id == 0) {
        let_go(fetch);
        return 0;
    }
    if (fetch->pin == NULL) {
        fetch->pin = muv_op_take_pin(op);
    }
    return fetch->session == NULL ? muv_op_take_session(op, &fetch->session) : 0;
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    muv__run_fetch_t *fetch = data;
    muv__page_head_t head;
    muv_error_t failure;

    fetch->op = NULL;
    if (fetch->closed) {
        muv_op_absorb_error(op);
        return;
    }
    if (error != NULL) {
        if (error->code == MUV_ESERVER || error->code == MUV_ENETWORK) {
            /* The server has no such cursor any more, or cannot be told. */
            fetch->cursor_id = 0;
        }
        muv__job_abort(fetch->job, error);
        return;
    }
    if (muv__page_head_read(reply, &head, &failure) != 0) {
        fetch->cursor_id = 0;
        muv__job_abort(fetch->job, &failure);
        return;
    }
    fetch->cursor_id = head.cursor_id;
    fetch->server_id = muv_op_server_id(op);
    if (keep(fetch, op) != 0) {
        muv__job_fail(fetch->job, MUV_ENOMEM);
        return;
    }
    if (muv__job_is_over(fetch->job)) {
        muv__job_finish(fetch->job, NULL);
        return;
    }
    fetch->on_page(fetch, reply, &head);
}

static int render_first(muv_writer_t *writer, void *data)
{
    muv__run_fetch_t *fetch = data;

    return fetch->render(writer, fetch);
}

int muv__preference_copy(const muv_read_preference_t *from, muv__arena_t *arena,
                         muv__preference_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (from == NULL) {
        return 0;
    }
    ret->mode = from->mode;
    ret->max_staleness_seconds = from->max_staleness_seconds;
    if (from->tag_sets != NULL) {
        size_t size = from->tag_sets->len;

        ret->tag_sets =
            muv__span(muv__arena_text(arena, bson_get_data(from->tag_sets), size), size);
        return ret->tag_sets.data == NULL ? MUV_ENOMEM : 0;
    }
    return 0;
}

int muv__run_fetch_start(muv__run_fetch_t *fetch)
{
    const muv__preference_t *preference = fetch->preference;
    muv_command_t command = {
        .kind = MUV_COMMAND_READ, .with_concern = MUV_YES, .max_time_ms = fetch->max_time_ms};
    muv_read_preference_t read_preference = {0};
    bson_t tag_sets;

    if (preference != NULL && (preference->mode != 0 || preference->max_staleness_seconds != 0 ||
                               preference->tag_sets.size != 0)) {
        read_preference.mode = preference->mode;
        read_preference.max_staleness_seconds = preference->max_staleness_seconds;
        if (preference->tag_sets.size != 0 &&
            bson_init_static(&tag_sets, preference->tag_sets.data, preference->tag_sets.size)) {
            read_preference.tag_sets = &tag_sets;
        }
        command.read_preference = &read_preference;
    }
    return muv__job_command(fetch->job, &command, render_first, on_reply, fetch, &fetch->op);
}

static int render_more(muv_writer_t *writer, void *data)
{
    const muv__run_fetch_t *fetch = data;

    muv_writer_int64(writer, "getMore", fetch->cursor_id);
    muv_writer_utf8(writer, "collection", fetch->collection, strlen(fetch->collection));
    if (fetch->batch_size > 0) {
        muv_writer_int32(writer, "batchSize", fetch->batch_size);
    }
    return 0;
}

void muv__run_fetch_more(muv__run_fetch_t *fetch)
{
    muv_command_t command = {.kind = MUV_COMMAND_READ,
                             .retryable = MUV_NO, /* The cursor may have moved on. */
                             .max_time_ms = MUV_ZERO,
                             .session = fetch->session,
                             .server_id = fetch->server_id,
                             .pin = fetch->pin};

    (void)muv__job_go_on(fetch->job, &command, render_more, on_reply, fetch, &fetch->op);
}

static int render_kill(muv_writer_t *writer, void *data)
{
    const muv__run_fetch_t *fetch = data;

    muv_writer_utf8(writer, "killCursors", fetch->collection, strlen(fetch->collection));
    muv_writer_begin_array(writer, "cursors");
    muv_writer_int64(writer, "0", fetch->cursor_id);
    muv_writer_end(writer);
    return 0;
}

void muv__run_fetch_close(muv__run_fetch_t *fetch)
{
    const muv_mapper_t *mapper = fetch->job->mapper;
    muv_command_t command = {.database = mapper->database,
                             .session = fetch->session,
                             .server_id = fetch->server_id,
                             .pin = fetch->pin,
                             .detached = MUV_YES};
    int64_t cursor_id = fetch->cursor_id;

    if (fetch->closed) {
        return;
    }
    fetch->closed = 1;
    if (fetch->op != NULL) {
        muv_op_cancel(fetch->op);
    }
    if (cursor_id != 0) {
        /* Nobody waits for the answer. Should it not even be sent, the server ends the cursor by
         * itself when it was idle for some minutes. */
        int code =
            muv_command_start(mapper->client, &command, render_kill, fetch, NULL, NULL, NULL);

        (void)code;
    }
    fetch->cursor_id = 0;
    let_go(fetch);
}
