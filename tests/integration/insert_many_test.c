/* SPDX-License-Identifier: Apache-2.0 */
/* insert_many: how documents are split into commands, and what becomes of failures in between. */
#include "integration/write_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "support/alloc.h"

#define LIMITS(documents, message, document)                                                       \
    "{\"maxWriteBatchSize\": " #documents ", \"maxMessageSizeBytes\": " #message                   \
    ", \"maxBsonObjectSize\": " #document "}"

static const muv_insert_many_opts_t unordered = {.ordered = MUV_NO};

/* Insert `count` numbered documents of `size` bytes. */
static void start_numbered(client_fixture_t *f, written_t *w, size_t count, size_t size,
                           const muv_insert_many_opts_t *opts)
{
    bson_t **documents = numbered_documents(count, size);

    begin_write(f, w);
    end_write(f, muv_collection_insert_many(f->collection, (const bson_t *const *)documents, count,
                                            opts, on_written, w, &w->op));
    free_documents(documents, count);
}

static void cancel_write(written_t *w)
{
    w->f->starting = true;
    muv_op_cancel(w->op);
    w->f->starting = false;
}

/* --- what is sent ------------------------------------------------------------------------------*/

static void documents_leave_as_a_sequence(void **state)
{
    client_fixture_t *f = *state;
    const mock_sequence_t *sent;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, "w=majority", NULL);
    insert_and_await(f, "[{\"_id\": 1, \"a\": 2}, {\"_id\": 2}]", NULL, "ok; inserted 2");
    CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "insert", 0)),
                         "{\"insert\": \"c\", \"ordered\": true, \"$db\": \"d\","
                         " \"writeConcern\": {\"w\": \"majority\"}}");
    sent = mock_request_sequence(mock_request_of(f->mock, "insert", 0), "documents");
    assert_int_equal(sent->count, 2);
    CHECK_BSON_IDENTICAL(sent->documents[0], "{\"_id\": 1, \"a\": 2}");
    CHECK_BSON_IDENTICAL(sent->documents[1], "{\"_id\": 2}");
    assert_int_equal(mock_request_of(f->mock, "insert", 0)->sequence_count, 1);
}

static void options_are_sent_with_every_command(void **state)
{
    client_fixture_t *f = *state;
    bson_t *comment = bson_from("{\"\": \"why\"}");
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1, 48000000, 16777216));
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 2, 0,
                   &(muv_insert_many_opts_t){
                       .ordered = MUV_NO,
                       .bypass_document_validation = MUV_NO,
                       .comment = comment,
                       .write_concern = &(muv_write_concern_t){.w = 2, .journal = MUV_YES},
                   });
    bson_destroy(comment);
    await_written(&w, "ok; inserted 2");
    for (int i = 0; i < 2; i++) {
        CHECK_BSON_IDENTICAL(given(mock_request_of(f->mock, "insert", i)),
                             "{\"insert\": \"c\", \"ordered\": false,"
                             " \"bypassDocumentValidation\": false, \"comment\": \"why\","
                             " \"$db\": \"d\", \"writeConcern\": {\"w\": 2, \"j\": true}}");
    }
}

static void missing_ids_are_made_and_told(void **state)
{
    client_fixture_t *f = *state;
    const mock_sequence_t *sent;
    bson_t *one = bson_from("{\"a\": 1}");
    bson_t *two = bson_from("{\"b\": 1, \"_id\": 7}");
    const bson_t *documents[] = {one, two};
    bson_iter_t iter;
    char hex[25];
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    for (int borrow = 0; borrow < 2; borrow++) {
        muv_insert_many_opts_t opts = {.borrow_until_done = borrow ? MUV_YES : MUV_UNSET};

        begin_write(f, &w);
        end_write(f, muv_collection_insert_many(f->collection, documents, 2, &opts, on_written, &w,
                                                NULL));
        await_written(&w, "ok; inserted 2");
        sent = mock_request_sequence(mock_request_of(f->mock, "insert", borrow), "documents");
        assert_true(bson_iter_init(&iter, sent->documents[0]) && bson_iter_next(&iter));
        assert_string_equal(bson_iter_key(&iter), "_id");
        bson_oid_to_string(bson_iter_oid(&iter), hex);
        assert_string_equal(w.ids,
                            text_of("{ \"v\" : { \"$oid\" : \"%s\" } } { \"v\" : 7 } ", hex));
        CHECK_BSON_IDENTICAL(sent->documents[1], "{\"b\": 1, \"_id\": 7}");
    }
    bson_destroy(one);
    bson_destroy(two);
}

/* --- splitting ---------------------------------------------------------------------------------*/

static void a_batch_has_at_most_so_many_documents(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(3, 48000000, 16777216));
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 7, 0, NULL);
    await_written(&w, "ok; inserted 7");
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_int_equal(sent_count(f, 0), 3);
    assert_int_equal(sent_count(f, 1), 3);
    assert_int_equal(sent_count(f, 2), 1);
    assert_int_equal(sent_first_id(f, 1), 3);
    assert_int_equal(sent_first_id(f, 2), 6);
}

/* Filled up to the last byte, and never above. */
static void a_message_has_at_most_so_many_bytes(void **state)
{
    client_fixture_t *f = *state;
    size_t head;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 1, 100, NULL);
    await_written(&w, "ok; inserted 1");
    head = mock_request_of(f->mock, "insert", 0)->size_bytes - 100;
    close_client(f, MUV_CLOSE_DRAIN);
    for (size_t spare = 0; spare < 2; spare++) {
        mock_set_hello(f->mock, 0, text_of("{\"maxMessageSizeBytes\": %zu}", head + 1000 - spare));
        open_client(f, NULL, NULL);
        start_numbered(f, &w, 10, 100, NULL);
        await_written(&w, "ok; inserted 10");
        assert_int_equal(mock_request_count(f->mock, "insert"), spare == 0 ? 2 : 4);
        assert_int_equal(sent_count(f, spare == 0 ? 1 : 2), 10 - spare);
        close_client(f, MUV_CLOSE_DRAIN);
    }
}

static void a_too_large_document_is_not_sent(void **state)
{
    static const char *const outcomes[] = {
        "ETOOLARGE; inserted 1; [1] 10334 the document is larger than the server accepts; it was "
        "not sent",
        "ETOOLARGE; inserted 2; [1] 10334 the document is larger than the server accepts; it was "
        "not sent",
    };
    client_fixture_t *f = *state;
    bson_t **small = numbered_documents(3, 1024);
    bson_t **large = numbered_documents(2, 1025);
    const bson_t *documents[] = {small[0], large[1], small[2]};
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1000, 48000000, 1024));
    open_client(f, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        begin_write(f, &w);
        end_write(f, muv_collection_insert_many(f->collection, documents, 3,
                                                i == 0 ? NULL : &unordered, on_written, &w, NULL));
        await_written(&w, outcomes[i]);
    }
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_int_equal(sent_first_id(f, 2), 2);
    free_documents(small, 3);
    free_documents(large, 2);
}

static void the_error_names_the_document_that_is_too_large(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1000, 48000000, 1024));
    open_client(f, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        start_numbered(f, &w, 2, 1025, i == 0 ? NULL : &unordered);
        run_until(&f->loop, &w.done, WAIT_MS);
        CHECK_ERROR(&w.error, MUV_ETOOLARGE);
        assert_string_equal(w.error.message, "documents[0]: 1025 bytes, the server accepts 1024");
        assert_int_equal(w.error.in_doubt, 0);
    }
    assert_int_equal(mock_request_count(f->mock, "insert"), 0);
}

/* --- failures ----------------------------------------------------------------------------------*/

#define DUP(index, text)                                                                           \
    "{\"index\": " #index ", \"code\": 11000, \"errmsg\": \"" text "\", \"errInfo\": {\"a\": 1}}"

static void an_ordered_insert_stops_at_the_first_error(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 2}");
    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 1, \"writeErrors\": [" DUP(1, "dup") "]}");
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 6, 0, NULL);
    await_written(&w, "EWRITE 11000; inserted 3; [3] 11000 dup");
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    assert_string_equal(w.error.message, "dup");
}

static void an_unordered_insert_goes_on_and_collects_errors(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    mock_reply(f->mock, "insert",
               "{\"ok\": 1, \"n\": 0, \"writeErrors\": [" DUP(0, "a") ", " DUP(1, "b") "]}");
    mock_reply(f->mock, "insert",
               "{\"ok\": 1, \"n\": 2, \"writeConcernError\": {\"code\": 64, \"errmsg\": \"w\"}}");
    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 1, \"writeErrors\": [" DUP(1, "c") "]}");
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 7, 0, &unordered);
    await_written(&w, "EWRITE 11000; inserted 4; [0] 11000 a; [1] 11000 b; [5] 11000 c;"
                      " concern 64 w");
    assert_int_equal(mock_request_count(f->mock, "insert"), 4);
    assert_int_equal(w.error.in_doubt, 0);
}

/* It was applied, so what follows is sent, ordered or not (CRUD: write concern errors). */
static void a_failed_write_concern_stops_nothing(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1, 48000000, 16777216));
    mock_reply(f->mock, "insert",
               "{\"ok\": 1, \"n\": 1, \"writeConcernError\": {\"code\": 64, \"errmsg\": \"w\"}}");
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 2, 0, NULL);
    await_written(&w, "EWRITE 64 in doubt; inserted 2; concern 64 w");
}

static void a_failed_command_ends_both_kinds(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    open_client(f, "retryWrites=false", NULL);
    for (int i = 0; i < 2; i++) {
        mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 2}");
        mock_reply(f->mock, "insert", "{\"ok\": 0, \"code\": 13, \"errmsg\": \"no\"}");
        start_numbered(f, &w, 6, 0, i == 0 ? NULL : &unordered);
        await_written(&w, "ESERVER 13; inserted 2");
    }
    assert_int_equal(mock_request_count(f->mock, "insert"), 4);
}

static void a_connection_lost_in_between_leaves_its_batch_in_doubt(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 2}");
    mock_script(f->mock, "insert", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_RESET});
    open_client(f, "retryWrites=false", NULL);
    start_numbered(f, &w, 6, 0, NULL);
    await_written(&w, "ENETWORK in doubt; inserted 2");
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    assert_string_equal(w.ids, "{ \"v\" : 0 } { \"v\" : 1 } { \"v\" : 2 } { \"v\" : 3 } "
                               "{ \"v\" : 4 } { \"v\" : 5 } ");
}

static void a_timeout_counts_for_all_commands_together(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_set_hello(f->mock, 0, LIMITS(1, 48000000, 16777216));
    mock_reply(f->mock, "insert", "{\"ok\": 1, \"n\": 1}");
    mock_script(f->mock, "insert", &(mock_step_t){.hold = true, .json = "{\"ok\": 1, \"n\": 1}"});
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 3, 0, &(muv_insert_many_opts_t){.timeout_ms = 300});
    await_written(&w, "ETIMEOUT in doubt; inserted 1");
    assert_int_equal(mock_request_count(f->mock, "insert"), 2);
    (void)mock_release(f->mock, 1);
}

static void an_insert_that_was_never_sent_has_no_result(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    open_client(f, NULL, NULL);
    start_numbered(f, &w, 3, 0, NULL);
    cancel_write(&w);
    await_written(&w, "ECANCELED; no result");
    assert_int_equal(mock_request_count(f->mock, "insert"), 0);
}

static void nonsense_in_a_reply_ends_the_insert_in_doubt(void **state)
{
    static const char *const replies[] = {
        "{\"ok\": 1, \"n\": 3}",
        "{\"ok\": 1, \"n\": -1, \"writeErrors\": []}",
        "{\"ok\": 1, \"n\": 1, \"writeErrors\": [{\"index\": 2, \"code\": 1}]}",
        "{\"ok\": 1, \"n\": 1, \"writeErrors\": [{\"index\": 0}, {\"index\": 0}, {\"index\": 1}]}",
        "{\"ok\": 1, \"n\": 1, \"writeErrors\": [\"x\"]}",
    };
    client_fixture_t *f = *state;
    written_t w;

    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    open_client(f, NULL, NULL);
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        mock_reply(f->mock, "insert", replies[i]);
        start_numbered(f, &w, 4, 0, &unordered);
        run_until(&f->loop, &w.done, WAIT_MS);
        CHECK_ERROR(&w.error, MUV_EPROTOCOL);
        assert_int_equal(w.error.in_doubt, 1);
    }
    assert_int_equal(mock_request_count(f->mock, "insert"), 5);
}

static void unacknowledged_batches_follow_one_another(void **state)
{
    client_fixture_t *f = *state;
    written_t w;
    written_t last;

    mock_set_hello(f->mock, 0, LIMITS(2, 48000000, 16777216));
    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, "maxPoolSize=1", NULL);
    start_numbered(
        f, &w, 3, 0,
        &(muv_insert_many_opts_t){.write_concern = &(muv_write_concern_t){.w = MUV_ZERO}});
    await_written(&w, "ok; unacknowledged");
    start_numbered(f, &last, 1, 0, NULL);
    await_written(&last, "ok; inserted 1");
    assert_int_equal(mock_request_count(f->mock, "insert"), 3);
    assert_int_equal(mock_request_of(f->mock, "insert", 1)->flags, MOCK_FLAG_MORE_TO_COME);
    assert_int_equal(sent_first_id(f, 1), 2);
}

/* --- life --------------------------------------------------------------------------------------*/

static void the_handle_may_be_freed_meanwhile(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1, 48000000, 16777216));
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 3, 0, NULL);
    muv_collection_free(f->collection);
    f->collection = NULL;
    await_written(&w, "ok; inserted 3");
}

static void draining_the_client_lets_an_insert_finish(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    mock_on(f->mock, "insert", answer_insert, NULL);
    mock_set_hello(f->mock, 0, LIMITS(1, 48000000, 16777216));
    open_client(f, NULL, NULL);
    start_numbered(f, &w, 3, 0, NULL);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(w.done);
    assert_string_equal(w.text, "ok; inserted 3");
}

static void on_composite(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    *(muv_error_t *)data = *error;
}

/* The composite ends first, and for the same reason; that does not make its child's write any less
 * doubtful. */
static void a_composite_takes_the_doubt_of_its_children(void **state)
{
    client_fixture_t *f = *state;
    muv_error_t error = {0};
    muv_op_t *parent;
    written_t w;

    mock_script(f->mock, "insert", &(mock_step_t){.hold = true, .json = "{\"ok\": 1, \"n\": 1}"});
    open_client(f, NULL, NULL);
    CHECK_CODE(muv_op_begin(f->client, NULL, on_composite, &error, &parent), 0);
    start_numbered(f, &w, 1, 0, &(muv_insert_many_opts_t){.parent = parent});
    muv_op_finish(parent, NULL);
    await_held(f, 1);
    muv_op_cancel(parent);
    await_written(&w, "ECANCELED in doubt");
    run_for(&f->loop, 1);
    CHECK_ERROR(&error, MUV_ECANCELED);
    assert_int_equal(error.in_doubt, 1);
    (void)mock_release(f->mock, 1);
}

/* --- limits of the caller ----------------------------------------------------------------------*/

static void refused(client_fixture_t *f, const bson_t *const *documents, size_t count,
                    const muv_insert_many_opts_t *opts, const char *why)
{
    CHECK_CODE(
        muv_collection_insert_many(f->collection, documents, count, opts, on_written, NULL, NULL),
        MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(f->client)->message, why);
}

static int no_document(void *data, muv_writer_t *writer)
{
    (void)data;
    (void)writer;
    return 0;
}

static void wrong_arguments_are_refused(void **state)
{
    client_fixture_t *f = *state;
    bson_t *document = bson_from("{\"_id\": 1}");
    const bson_t *documents[] = {document, NULL};

    open_client(f, NULL, NULL);
    refused(f, NULL, 0, NULL, "documents");
    refused(f, documents, 0, NULL, "documents");
    refused(f, documents, 2, NULL, "documents[1]");
    refused(f, documents, 1, &(muv_insert_many_opts_t){.next = no_document}, "documents");
    refused(f, documents, 1, &(muv_insert_many_opts_t){.batch_bytes = -1}, "batch_bytes");
    assert_int_equal(stats_of(f).operations_live, 0);
    bson_destroy(document);
}

/* 65 documents of 1 MiB: refused, unless they are borrowed. */
static void more_than_max_send_bytes_is_refused_unless_borrowed(void **state)
{
    client_fixture_t *f = *state;
    bson_t **one = numbered_documents(1, 1024 * 1024);
    const bson_t *documents[65];
    written_t w;

    for (size_t i = 0; i < 65; i++) {
        documents[i] = one[0];
    }
    mock_on(f->mock, "insert", answer_insert, NULL);
    open_client(f, NULL, NULL);
    refused(f, documents, 65, NULL, "documents[63]: the call passes max_send_bytes");
    begin_write(f, &w);
    end_write(f,
              muv_collection_insert_many(f->collection, documents, 65,
                                         &(muv_insert_many_opts_t){.borrow_until_done = MUV_YES,
                                                                   .batch_bytes = 8 * 1024 * 1024},
                                         on_written, &w, NULL));
    await_written(&w, "ok; inserted 65");
    assert_int_equal(mock_request_count(f->mock, "insert"), 9);
    free_documents(one, 1);
}

static void pending_bytes_have_a_limit(void **state)
{
    client_fixture_t *f = *state;
    written_t w;

    open_client(f, NULL, &(muv_client_opts_t){.max_pending_bytes = 5000});
    start_numbered(f, &w, 60, 100, NULL);
    await_written(&w, "EQUEUEFULL; no result");
    assert_int_equal(stats_of(f).pending_bytes, 0);
}

/* --- memory ------------------------------------------------------------------------------------*/

typedef struct sweep {
    const char *reply; /* To the first command. */
    const char *documents;
    muv_insert_many_opts_t opts;
} sweep_t;

static void insert_with_failures(void *data)
{
    const sweep_t *sweep = data;
    client_fixture_t f = {0};
    muv_error_t error;
    written_t w;
    size_t count;
    bson_t **documents = documents_from(sweep->documents, &count);
    int status;

    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.mock = mock_new(&f.loop);
    mock_set_hello(f.mock, 0, LIMITS(2, 48000000, 16777216));
    mock_reply(f.mock, "insert", sweep->reply);
    mock_on(f.mock, "insert", answer_insert, NULL);
    status =
        muv_client_new(&f.loop, mock_uri(f.mock, "retryWrites=false&serverSelectionTimeoutMS=200"),
                       NULL, &error, &f.client);
    if (status == 0) {
        status = muv_collection_new(f.client, "d", "c", NULL, &f.collection);
    }
    begin_write(&f, &w);
    if (status == 0) {
        status = muv_collection_insert_many(f.collection, (const bson_t *const *)documents, count,
                                            &sweep->opts, on_written, &w, NULL);
    }
    f.starting = false;
    if (status == 0) {
        run_until(&f.loop, &w.done, WAIT_MS);
        assert_int_not_equal(w.error.code, 0);
    }
    assert_true(alloc_has_failed() ||
                strcmp(w.text, "EWRITE 11000; inserted 4; [0] 11000 a; concern 64 w") == 0);
    if (f.client != NULL) {
        close_client(&f, MUV_CLOSE_ABORT);
    }
    mock_close(f.mock);
    close_loop(&f.loop);
    free_documents(documents, count);
}

static void each_allocation_may_fail(void **state)
{
    sweep_t sweep = {
        .reply = "{\"ok\": 1, \"n\": 1, \"writeErrors\": [" DUP(
            0, "a") "], \"writeConcernError\": {\"code\": 64, \"errmsg\": \"w\"}}",
        .documents = "[{\"_id\": 1}, {\"a\": 2}, {\"a\": 3}, {\"a\": 4}, {\"_id\": 5}]",
        .opts = {.ordered = MUV_NO},
    };

    (void)state;
    assert_true(alloc_sweep(insert_with_failures, &sweep) > 0);
    sweep.opts.borrow_until_done = MUV_YES;
    assert_true(alloc_sweep(insert_with_failures, &sweep) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(documents_leave_as_a_sequence),
        CASE(options_are_sent_with_every_command),
        CASE(missing_ids_are_made_and_told),
        CASE(a_batch_has_at_most_so_many_documents),
        CASE(a_message_has_at_most_so_many_bytes),
        CASE(a_too_large_document_is_not_sent),
        CASE(the_error_names_the_document_that_is_too_large),
        CASE(an_ordered_insert_stops_at_the_first_error),
        CASE(an_unordered_insert_goes_on_and_collects_errors),
        CASE(a_failed_write_concern_stops_nothing),
        CASE(a_failed_command_ends_both_kinds),
        CASE(a_connection_lost_in_between_leaves_its_batch_in_doubt),
        CASE(a_timeout_counts_for_all_commands_together),
        CASE(an_insert_that_was_never_sent_has_no_result),
        CASE(nonsense_in_a_reply_ends_the_insert_in_doubt),
        CASE(unacknowledged_batches_follow_one_another),
        CASE(the_handle_may_be_freed_meanwhile),
        CASE(draining_the_client_lets_an_insert_finish),
        CASE(a_composite_takes_the_doubt_of_its_children),
        CASE(wrong_arguments_are_refused),
        CASE(more_than_max_send_bytes_is_refused_unless_borrowed),
        CASE(pending_bytes_have_a_limit),
        cmocka_unit_test_teardown(each_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
