/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/client_fixture.h"

#include <stdlib.h>
#include <string.h>

/* --- life --------------------------------------------------------------------------------------*/

int open_fixture_without_mock(void **state)
{
    client_fixture_t *f = calloc(1, sizeof *f);

    if (f == NULL || uv_loop_init(&f->loop) != 0) {
        return -1;
    }
    *state = f;
    return 0;
}

int open_fixture(void **state)
{
    client_fixture_t *f;

    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    f->mock = mock_new(&f->loop);
    return 0;
}

int close_fixture(void **state)
{
    client_fixture_t *f = *state;

    if (f->client != NULL) {
        close_client(f, MUV_CLOSE_ABORT);
    }
    if (f->mock != NULL) {
        mock_close(f->mock);
    }
    close_loop(&f->loop);
    free(f);
    return 0;
}

void open_client_at(client_fixture_t *f, const char *uri, const muv_client_opts_t *opts)
{
    muv_error_t error = {0};

    f->closed = false;
    if (muv_client_new(&f->loop, uri, opts, &error, &f->client) != 0) {
        fail_msg("muv_client_new(%s): %s", uri, error.message);
    }
    CHECK_CODE(muv_collection_new(f->client, "d", "c", NULL, &f->collection), 0);
}

void open_client(client_fixture_t *f, const char *options, const muv_client_opts_t *opts)
{
    open_client_at(f, mock_uri(f->mock, options), opts);
}

const char *with_options(const char *uri, const char *options)
{
    const char *query = strchr(uri, '?');
    const char *path = strchr(uri + strlen("mongodb://"), '/');

    return text_of("%s%s%s", uri, query != NULL ? "&" : path != NULL ? "?" : "/?", options);
}

static void on_closed(void *data)
{
    client_fixture_t *f = data;

    assert_false(f->starting);
    assert_false(f->closed);
    f->closed = true;
}

void begin_close(client_fixture_t *f, int mode)
{
    f->starting = true;
    CHECK_CODE(muv_client_close(f->client, mode, on_closed, f), 0);
    f->starting = false;
    muv_collection_free(f->collection);
    f->collection = NULL;
    f->client = NULL;
}

void close_client(client_fixture_t *f, int mode)
{
    begin_close(f, mode);
    run_until(&f->loop, &f->closed, WAIT_MS);
}

/* --- callbacks ---------------------------------------------------------------------------------*/

static void keep_error(outcome_t *o, const muv_error_t *error)
{
    assert_int_not_equal(error->code, 0);
    assert_int_not_equal(error->domain, MUV_DOMAIN_NONE);
    assert_true(error->message[0] != '\0');
    o->error = *error;
    if (error->reply != NULL) {
        o->reply = bson_new_from_data(error->reply, error->reply_size);
        assert_non_null(o->reply);
        o->error.reply = bson_get_data(o->reply);
    }
}

static void record(outcome_t *o, const muv_error_t *error, const bson_t *document)
{
    client_fixture_t *f = o->f;

    assert_false(f->starting);
    assert_false(o->done);
    assert_false(error != NULL && document != NULL);
    if (error != NULL) {
        keep_error(o, error);
        f->failed++;
    }
    if (document != NULL) {
        o->text = bson_as_relaxed_extended_json(document, NULL);
    }
    o->done = true;
    o->order = ++f->ended;
    if (o->then != NULL) {
        o->then(o);
    }
    o->op = NULL;
}

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    (void)op;
    record(data, error, document);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    bson_t view;

    (void)op;
    if (reply != NULL) {
        muv_reply_bson(reply, &view);
    }
    record(data, error, reply != NULL ? &view : NULL);
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    (void)op;
    record(data, error, NULL);
}

void outcome_clear(outcome_t *o)
{
    bson_free(o->text);
    bson_destroy(o->reply);
    *o = (outcome_t){0};
}

/* --- starting ----------------------------------------------------------------------------------*/

static void begin(client_fixture_t *f, outcome_t *o)
{
    assert_false(o->done);
    o->f = f;
    f->starting = true;
}

void start_command(client_fixture_t *f, outcome_t *o, const char *json,
                   const muv_run_command_opts_t *opts)
{
    bson_t *command = bson_from(json);

    begin(f, o);
    CHECK_CODE(muv_run_command(f->client, "d", command, opts, on_reply, o, &o->op), 0);
    f->starting = false;
    bson_destroy(command);
}

void start_ping(client_fixture_t *f, outcome_t *o, int64_t timeout_ms)
{
    start_command(f, o, "{\"ping\": 1}", &(muv_run_command_opts_t){.timeout_ms = timeout_ms});
}

static int render_document(muv_writer_t *writer, void *data)
{
    bson_iter_t iter;

    assert_true(bson_iter_init(&iter, data));
    while (bson_iter_next(&iter)) {
        assert_true(BSON_ITER_HOLDS_UTF8(&iter));
        muv_writer_utf8(writer, bson_iter_key(&iter), bson_iter_utf8(&iter, NULL),
                        strlen(bson_iter_utf8(&iter, NULL)));
    }
    return 0;
}

void start_write(client_fixture_t *f, outcome_t *o, const char *json, int64_t timeout_ms)
{
    bson_t *command = bson_from(json);
    muv_command_t how = {.database = "d", .kind = MUV_COMMAND_WRITE, .timeout_ms = timeout_ms};

    begin(f, o);
    CHECK_CODE(muv_command_start(f->client, &how, render_document, command, on_reply, o, &o->op),
               0);
    f->starting = false;
    bson_destroy(command);
}

void start_find(client_fixture_t *f, outcome_t *o, int64_t id, const muv_find_one_opts_t *opts)
{
    bson_t *filter = BCON_NEW("_id", BCON_INT64(id));

    begin(f, o);
    CHECK_CODE(muv_collection_find_one(f->collection, filter, opts, on_document, o, &o->op), 0);
    f->starting = false;
    bson_destroy(filter);
}

void start_connect(client_fixture_t *f, outcome_t *o, int64_t timeout_ms)
{
    begin(f, o);
    CHECK_CODE(muv_client_connect(f->client, &(muv_connect_opts_t){.timeout_ms = timeout_ms},
                                  on_done, o, &o->op),
               0);
    f->starting = false;
}

void start_composite(client_fixture_t *f, outcome_t *o, const muv_op_opts_t *opts)
{
    begin(f, o);
    CHECK_CODE(muv_op_begin(f->client, opts, on_done, o, &o->op), 0);
    f->starting = false;
}

void cancel(outcome_t *o)
{
    bool starting = o->f->starting;

    o->f->starting = true;
    muv_op_cancel(o->op);
    o->f->starting = starting;
}

/* --- waiting -----------------------------------------------------------------------------------*/

void await(outcome_t *o)
{
    run_until(&o->f->loop, &o->done, WAIT_MS);
}

void await_error(outcome_t *o, int code)
{
    await(o);
    CHECK_ERROR(&o->error, code);
    assert_null(o->text);
}

void await_success(outcome_t *o)
{
    await(o);
    CHECK_NO_ERROR(o->error.code != 0 ? &o->error : NULL);
}

struct held {
    muv_mock_t *mock;
    unsigned count;
};

static bool holds(void *data)
{
    struct held *held = data;

    return mock_held(held->mock) >= held->count;
}

void await_held(client_fixture_t *f, unsigned count)
{
    struct held held = {f->mock, count};

    run_until_true(&f->loop, holds, &held, WAIT_MS);
}

void warm_up(client_fixture_t *f)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
}

#define RECOVERY_STEP_MS 20

void await_recovery(client_fixture_t *f)
{
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += RECOVERY_STEP_MS) {
        outcome_t o = {0};
        int code;

        start_ping(f, &o, 0);
        await(&o);
        code = o.error.code;
        outcome_clear(&o);
        if (code == 0) {
            return;
        }
        if (code != MUV_ENETWORK && code != MUV_EPOOLCLEARED && code != MUV_ESELECTION) {
            fail_msg("while recovering: %s", muv_error_name(code));
        }
        run_for(&f->loop, RECOVERY_STEP_MS);
    }
    fail_msg("no recovery");
}

muv_client_stats_t stats_of(client_fixture_t *f)
{
    muv_client_stats_t stats;

    muv_client_get_stats(f->client, &stats);
    return stats;
}

const bson_t *given(const mock_request_t *request)
{
    static bson_t kept = BSON_INITIALIZER;
    static const char *const added[] = {"lsid", "txnNumber", "$clusterTime"};
    bson_iter_t iter;

    bson_reinit(&kept);
    assert_true(bson_iter_init(&iter, request->body));
    while (bson_iter_next(&iter)) {
        bool is_added = false;

        for (size_t i = 0; i < MUV__COUNT_OF(added); i++) {
            is_added = is_added || strcmp(bson_iter_key(&iter), added[i]) == 0;
        }
        if (!is_added) {
            assert_true(bson_append_iter(&kept, NULL, 0, &iter));
        }
    }
    return &kept;
}

static void set_done(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    *(bool *)data = true;
}

void run_admin(client_fixture_t *f, muv_client_t *client, const char *json)
{
    bson_t *command = bson_from(json);
    bool done = false;

    CHECK_CODE(muv_run_command(client, "admin", command, NULL, set_done, &done, NULL), 0);
    bson_destroy(command);
    run_until(&f->loop, &done, WAIT_MS);
}

void log_search_cb(const muv_log_message_t *message, void *data)
{
    log_search_t *search = data;
    char *json = bson_as_relaxed_extended_json(message->data, NULL);

    assert_non_null(json);
    search->count++;
    search->found +=
        strstr(json, search->texts[0]) != NULL || strstr(json, search->texts[1]) != NULL;
    bson_free(json);
}
