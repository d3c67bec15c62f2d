/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming: order, back-pressure, and how it ends. */
#include "integration/odm_fixture.h"

#define ID(byte) "{'$oid': '" byte byte byte byte byte byte byte byte byte byte byte byte "'}"
#define DOC(byte) "{'_id': " ID(byte) "}"

static muv_query_t *users(odm_fixture_t *o)
{
    return muv_query_new(o->registry, &user_model);
}

static bool killed(void *data)
{
    const odm_fixture_t *o = data;

    return mock_request_count(o->f->mock, "killCursors") != 0;
}

static void await_kill(odm_fixture_t *o)
{
    run_until_true(&o->f->loop, killed, o, WAIT_MS);
    CHECK_COMMAND(o, "killCursors", "{'killCursors': 'user', 'cursors': [9]}");
}

/* --- to the end --------------------------------------------------------------------------------*/

static void all_batches_are_given_out_in_order(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    odm_reply_more(o, 9, DOC("03"));
    odm_reply_more(o, 9, "");
    odm_reply_more(o, 0, DOC("04"));
    odm_each(o, &out, users(o), NULL);
    odm_await_success(&out);

    assert_int_equal(out.calls, 4);
    for (unsigned i = 0; i < 4; i++) {
        muv_oid_t id = odm_oid(i + 1);

        assert_int_equal(muv_oid_compare(&((user_t *)out.documents[i])->id, &id), 0);
    }
    assert_int_equal(odm_commands(o), 4);
    odm_clear(&out);
}

static void references_are_loaded_for_each_batch(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, "{'_id': " ID("01") ", 'a': " ID("0a") "}");
    odm_reply_more(o, 0, "{'_id': " ID("02") ", 'a': " ID("0b") "}, {'_id': " ID("03") "}");
    odm_reply_find(o, 0, "{'_id': " ID("0a") ", 'n': 'Ann'}");
    odm_reply_find(o, 0, "{'_id': " ID("0b") ", 'n': 'Bob'}");
    odm_each(o, &out, muv_query_new(o->registry, &post_model),
             &(muv_load_opts_t){.related = "author"});
    odm_await_success(&out);

    assert_int_equal(out.calls, 3);
    assert_true(
        muv_str_equal(((user_t *)((post_t *)out.documents[1])->author.doc)->name, muv_str("Bob")));
    assert_int_equal(odm_commands(o), 4);
    odm_clear(&out);
}

static void an_empty_result_ends_at_once(void **state)
{
    odm_fixture_t *o = *state;

    odm_reply_find(o, 0, "");
    ODM_OK(odm_each(o, &out_, users(o), NULL));
    odm_reply_find(o, 0, "");
    ODM_OK(odm_each(o, &out_, muv_query_new(o->registry, &post_model),
                    &(muv_load_opts_t){.related = "author"}));
}

/* --- back-pressure -----------------------------------------------------------------------------*/

static void the_next_batch_is_read_ahead_but_no_more(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_PAUSE, .verdict_at = 1};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    odm_reply_more(o, 9, DOC("03"));
    odm_reply_more(o, 0, DOC("04"));
    odm_each(o, &out, users(o), NULL);
    run_until_count(&o->f->loop, &out.calls, 1, WAIT_MS);
    run_for(&o->f->loop, 50);

    assert_int_equal(out.calls, 1);
    assert_int_equal(odm_commands(o), 2);
    for (unsigned i = 2; i <= 4; i++) {
        o->f->starting = true;
        muv_query_resume(out.op);
        o->f->starting = false;
        run_until_count(&o->f->loop, &out.calls, i, WAIT_MS);
    }
    muv_query_resume(out.op);
    odm_await_success(&out);
    assert_int_equal(odm_commands(o), 3);
    odm_clear(&out);
}

static int resume_and_pause(muv_op_t *op, void *document, void *data)
{
    odm_outcome_t *out = data;

    (void)document;
    out->calls++;
    muv_query_resume(op);
    return MUV_ITERATE_PAUSE;
}

static void on_end(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    CHECK_NO_ERROR(error);
    ((odm_outcome_t *)data)->done = true;
}

static void a_resume_inside_takes_the_pause_back(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.o = o};
    muv_query_t *query = users(o);

    odm_reply_find(o, 0, DOC("01") ", " DOC("02"));
    CHECK_CODE(muv_query_each(o->mapper, query, NULL, resume_and_pause, on_end, &out, &out.op), 0);
    odm_await(&out);

    assert_int_equal(out.calls, 2);
    muv_query_free(query);
}

static void many_documents_come_in_portions(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};
    static char text[60000];
    static char reply[65000];
    size_t length = 0;

    for (unsigned i = 0; i < 600; i++) {
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length,
                             "%s{'_id': {'$oid': '%024x'}, 'age': %u}", i == 0 ? "" : ",", i, i);
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    (void)snprintf(reply, sizeof(reply),
                   "{\"ok\": 1, \"cursor\": {\"id\": 0, \"ns\": \"d.user\", \"firstBatch\": [%s]}}",
                   text);
    mock_reply(o->f->mock, "find", reply);
    odm_each(o, &out, users(o), NULL);
    odm_await_success(&out);

    assert_int_equal(out.calls, 600);
    assert_int_equal(((user_t *)out.documents[599])->age, 599);
    odm_clear(&out);
}

static void answer_large(const mock_request_t *request, bson_t *reply, mock_step_t *step,
                         void *data)
{
    static char text[300 * 1024];
    bson_t cursor;
    bson_t batch;

    (void)request;
    (void)step;
    (void)data;
    memset(text, 'x', sizeof(text));
    bson_append_document_begin(reply, "cursor", -1, &cursor);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", "d.user");
    bson_append_array_begin(&cursor, "firstBatch", -1, &batch);
    for (int i = 0; i < 4; i++) {
        bson_t document;

        bson_append_document_begin(&batch, text_of("%d", i), -1, &document);
        BSON_APPEND_OID(&document, "_id", &(bson_oid_t){{0}});
        bson_append_utf8(&document, "n", -1, text, sizeof(text));
        bson_append_document_end(&batch, &document);
    }
    bson_append_array_end(&cursor, &batch);
    bson_append_document_end(reply, &cursor);
    BSON_APPEND_INT32(reply, "ok", 1);
}

static void large_documents_come_in_small_portions(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    mock_on(o->f->mock, "find", answer_large, NULL);
    odm_each(o, &out, users(o), NULL);
    /* The first one is a portion, and so is each of the others. */
    run_until_count(&o->f->loop, &out.calls, 1, WAIT_MS);
    assert_in_range(out.calls, 1, 2);
    odm_await_success(&out);

    assert_int_equal(out.calls, 4);
    assert_int_equal(((user_t *)out.documents[3])->name.size, 300 * 1024);
    odm_clear(&out);
}

/* --- what callbacks may do ---------------------------------------------------------------------*/

static int cancel_itself(muv_op_t *op, void *document, void *data)
{
    odm_outcome_t *out = data;

    (void)document;
    out->calls++;
    muv_op_cancel(op);
    return MUV_ITERATE_CONTINUE;
}

static void on_cancelled(muv_op_t *op, const muv_error_t *error, void *data)
{
    odm_outcome_t *out = data;

    (void)op;
    out->error = *error;
    out->done = true;
}

static void a_stream_may_be_cancelled_inside(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.o = o};
    muv_query_t *query = users(o);

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    CHECK_CODE(muv_query_each(o->mapper, query, NULL, cancel_itself, on_cancelled, &out, &out.op),
               0);
    odm_await_error(&out, MUV_ECANCELED);

    assert_int_equal(out.calls, 1);
    await_kill(o);
    muv_query_free(query);
}

static int close_all(muv_op_t *op, void *document, void *data)
{
    odm_outcome_t *out = data;

    (void)op;
    (void)document;
    out->calls++;
    begin_close(out->o->f, MUV_CLOSE_ABORT);
    muv_mapper_free(out->o->mapper);
    out->o->mapper = NULL;
    return MUV_ITERATE_CONTINUE;
}

static void client_and_mapper_may_be_closed_inside(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.o = o};
    muv_query_t *query = users(o);

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    CHECK_CODE(muv_query_each(o->mapper, query, NULL, close_all, on_cancelled, &out, &out.op), 0);
    muv_query_free(query);
    odm_await_error(&out, MUV_ECLOSED);
    run_until(&o->f->loop, &o->f->closed, WAIT_MS);

    assert_int_equal(out.calls, 1);
}

/* --- early ends --------------------------------------------------------------------------------*/

static void stop_ends_without_error_and_kills_the_cursor(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_STOP, .verdict_at = 2};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02") ", " DOC("03"));
    mock_script(o->f->mock, "getMore", &(mock_step_t){.hold = true});
    odm_each(o, &out, users(o), NULL);
    odm_await_success(&out);

    assert_int_equal(out.calls, 2);
    await_kill(o);
    mock_release(o->f->mock, 1);
    odm_clear(&out);
}

static void a_paused_stream_can_be_cancelled(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_PAUSE, .verdict_at = 1};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    odm_reply_more(o, 9, DOC("03"));
    odm_each(o, &out, users(o), NULL);
    run_until_count(&o->f->loop, &out.calls, 1, WAIT_MS);
    o->f->starting = true;
    muv_op_cancel(out.op);
    o->f->starting = false;
    odm_await_error(&out, MUV_ECANCELED);

    assert_int_equal(out.error.in_doubt, 0);
    await_kill(o);
    odm_clear(&out);
}

static void a_paused_stream_times_out(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_PAUSE, .verdict_at = 1};

    odm_reply_find(o, 9, DOC("01"));
    odm_reply_more(o, 9, DOC("02"));
    odm_each(o, &out, users(o), &(muv_load_opts_t){.timeout_ms = 100});
    odm_await_error(&out, MUV_ETIMEOUT);

    assert_int_equal(out.calls, 1);
    await_kill(o);
    odm_clear(&out);
}

static void closing_the_client_ends_a_paused_stream(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_PAUSE, .verdict_at = 1};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    mock_script(o->f->mock, "getMore", &(mock_step_t){.hold = true});
    odm_each(o, &out, users(o), NULL);
    run_until_count(&o->f->loop, &out.calls, 1, WAIT_MS);
    close_client(o->f, MUV_CLOSE_ABORT);

    assert_true(out.done);
    CHECK_ERROR(&out.error, MUV_ECLOSED);
    odm_clear(&out);
}

static void a_lost_cursor_is_an_error(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, DOC("01"));
    mock_reply(o->f->mock, "getMore", "{\"ok\": 0, \"code\": 43, \"errmsg\": \"gone\"}");
    odm_each(o, &out, users(o), NULL);
    odm_await_error(&out, MUV_ESERVER);
    run_for(&o->f->loop, 20);

    assert_int_equal(out.error.server_code, 43);
    assert_int_equal(mock_request_count(o->f->mock, "killCursors"), 0);
    odm_clear(&out);
}

static void a_wrong_document_ends_the_stream_behind_the_right_ones(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, DOC("01") ", {'_id': " ID("02") ", 'e': 5}, " DOC("03"));
    mock_script(o->f->mock, "getMore", &(mock_step_t){.hold = true});
    odm_each(o, &out, users(o), NULL);
    odm_await_error(&out, MUV_EDECODE);

    assert_int_equal(out.calls, 1);
    CHECK_CONTAINS(out.error.message, "User.email");
    await_kill(o);
    mock_release(o->f->mock, 1);
    odm_clear(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_batches_are_given_out_in_order),
        T(references_are_loaded_for_each_batch),
        T(an_empty_result_ends_at_once),
        T(the_next_batch_is_read_ahead_but_no_more),
        T(a_resume_inside_takes_the_pause_back),
        T(many_documents_come_in_portions),
        T(large_documents_come_in_small_portions),
        T(a_stream_may_be_cancelled_inside),
        T(client_and_mapper_may_be_closed_inside),
        T(stop_ends_without_error_and_kills_the_cursor),
        T(a_paused_stream_can_be_cancelled),
        T(a_paused_stream_times_out),
        T(closing_the_client_ends_a_paused_stream),
        T(a_lost_cursor_is_an_error),
        T(a_wrong_document_ends_the_stream_behind_the_right_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
