/* SPDX-License-Identifier: Apache-2.0 */
/* The whole life of a client with its k-th allocation failing, for all k: creation, discovery, a
 * find, a composite, close. Each run ends, calls back exactly once, and leaves nothing behind. */
#include "integration/client_fixture.h"

#include <string.h>

#include "support/alloc.h"
#include "support/dns_stub.h"
#include "support/mock_compress.h"
#include "support/process.h"

struct run {
    uv_loop_t loop;
    muv_mock_t *mock;
    const char *uri;
    const char *dns_servers;
    bool ended;
    bool closed;
    bool empty; /* There is nothing to be found. */
    muv_error_t error;
};

static void on_closed(void *data)
{
    ((struct run *)data)->closed = true;
}

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    struct run *run = data;

    (void)op;
    assert_false(run->ended);
    run->ended = true;
    if (error != NULL) {
        run->error = *error;
    } else {
        assert_int_equal(document == NULL, run->empty);
    }
}

static void on_done(muv_op_t *op, const muv_error_t *error, void *data)
{
    struct run *run = data;

    (void)op;
    assert_false(run->ended);
    run->ended = true;
    if (error != NULL) {
        run->error = *error;
    }
}

/* An error must come from a failed allocation, and a success may come in spite of one. */
static void judge(struct run *run)
{
    run_until(&run->loop, &run->ended, WAIT_MS);
    run->ended = false;
    if (run->error.code == 0) {
        return;
    }
    assert_true(alloc_has_failed());
    assert_true(run->error.message[0] != '\0');
    run->error.code = 0;
}

static void find_one(struct run *run, muv_client_t *client)
{
    bson_t *filter = BCON_NEW("_id", BCON_INT32(7));
    muv_collection_t *collection = NULL;
    int status = muv_collection_new(client, "d", "c", NULL, &collection);

    if (status == 0) {
        status = muv_collection_find_one(
            collection, filter, &(muv_find_one_opts_t){.timeout_ms = 300}, on_document, run, NULL);
    }
    bson_destroy(filter);
    muv_collection_free(collection);
    if (status != 0) {
        CHECK_CODE(status, MUV_ENOMEM);
        run->ended = true;
    }
}

static void run_composite(struct run *run, muv_client_t *client)
{
    bson_t *ping = bson_from("{\"ping\": 1}");
    muv_op_t *composite = NULL;
    int status;

    status = muv_op_begin(client, &(muv_op_opts_t){.timeout_ms = 300}, on_done, run, &composite);
    if (status != 0) {
        CHECK_CODE(status, MUV_ENOMEM);
        bson_destroy(ping);
        return;
    }
    for (int i = 0; i < 3; i++) {
        status = muv_run_command(client, "d", ping, &(muv_run_command_opts_t){.parent = composite},
                                 NULL, NULL, NULL);
        assert_true(status == 0 || (status == MUV_ENOMEM && alloc_has_failed()));
    }
    muv_op_finish(composite, NULL);
    judge(run);
    bson_destroy(ping);
}

static void whole_life(void *data)
{
    struct run *run = data;
    muv_client_t *client = NULL;
    muv_error_t error = {0};
    int status;

    run->closed = false;
    run->ended = false;
    status = muv_client_new(&run->loop, run->uri,
                            &(muv_client_opts_t){.dns_servers = run->dns_servers}, &error, &client);
    if (status != 0) {
        CHECK_CODE(status, MUV_ENOMEM);
        assert_true(alloc_has_failed());
        CHECK_ERROR(&error, MUV_ENOMEM);
        run_for(&run->loop, 1);
        return;
    }
    find_one(run, client);
    judge(run);
    if (run->dns_servers == NULL) {
        run_composite(run, client);
    }
    CHECK_CODE(muv_client_close(client, MUV_CLOSE_DRAIN, on_closed, run), 0);
    run_until(&run->loop, &run->closed, WAIT_MS);
}

static void a_whole_life_survives_each_failing_allocation(void **state)
{
    struct run run = {.closed = false};

    (void)state;
    assert_int_equal(uv_loop_init(&run.loop), 0);
    run.mock = mock_new(&run.loop);
    run.uri = mock_uri(run.mock, "heartbeatFrequencyMS=500");
    assert_true(alloc_sweep(whole_life, &run) > 10);
    mock_close(run.mock);
    close_loop(&run.loop);
}

/* What cannot be compressed for want of memory leaves plain; replies must be opened. */
static void a_compressed_life_survives_each_failing_allocation(void **state)
{
    struct run run = {.closed = false};

    (void)state;
    assert_int_equal(uv_loop_init(&run.loop), 0);
    run.mock = mock_new(&run.loop);
    mock_set_hello(run.mock, 0, "{\"compression\": [\"zlib\"]}");
    mock_compress_replies(run.mock, MOCK_ZLIB);
    run.uri = mock_uri(run.mock, "heartbeatFrequencyMS=500&compressors=zlib");
    assert_true(alloc_sweep(whole_life, &run) > 10);
    assert_int_equal(mock_request_of(run.mock, "find", -1)->compressor, MOCK_ZLIB);
    mock_close(run.mock);
    close_loop(&run.loop);
}

/* The same by name. A failed allocation may leave a look-up without an answer: the short
 * connectTimeoutMS ends it. */
static void a_look_up_survives_each_failing_allocation(void **state)
{
    struct run run = {.closed = false};
    dns_stub_t *dns;
    char uri[160];

    (void)state;
    assert_int_equal(uv_loop_init(&run.loop), 0);
    run.mock = mock_new(&run.loop);
    dns = dns_new(&run.loop);
    dns_add_a(dns, "db.example.test", "127.0.0.1");
    (void)snprintf(uri, sizeof uri, "mongodb://db.example.test:%d/?connectTimeoutMS=100",
                   mock_port(run.mock, 0));
    run.uri = uri;
    run.dns_servers = dns_address(dns);
    assert_true(alloc_sweep(whole_life, &run) > 10);
    dns_close(dns);
    mock_close(run.mock);
    close_loop(&run.loop);
}

/* The same with a login, hashing included: at a real server, which the mock is none of. */
static void a_login_survives_each_failing_allocation(void **state)
{
    server_process_t *server = server_start(&(server_opts_t){.auth = true});
    struct run run = {.empty = true};
    char uri[300];

    (void)state;
    assert_int_equal(uv_loop_init(&run.loop), 0);
    (void)snprintf(uri, sizeof uri, "%s&heartbeatFrequencyMS=500", server_uri(server));
    run.uri = uri;
    assert_true(alloc_sweep(whole_life, &run) > 10);
    server_stop(server);
    close_loop(&run.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_whole_life_survives_each_failing_allocation, alloc_teardown),
        cmocka_unit_test_teardown(a_compressed_life_survives_each_failing_allocation,
                                  alloc_teardown),
        cmocka_unit_test_teardown(a_look_up_survives_each_failing_allocation, alloc_teardown),
        cmocka_unit_test_teardown(a_login_survives_each_failing_allocation, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
