/* SPDX-License-Identifier: Apache-2.0 */
/* A client as a whole: creation, what keeps the loop alive, turns, several clients, fork. */
#include "integration/client_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- creation ----------------------------------------------------------------------------------*/

static void bad_arguments_are_refused_with_a_reason(void **state)
{
    client_fixture_t *f = *state;
    const struct {
        const char *uri;
        const char *part;
    } bad[] = {
        {"", "empty"},
        {"http://localhost/", ""},
        {"mongodb://", ""},
        {"mongodb://localhost:99999/", "port"},
        {"mongodb://a,b/?directConnection=true", "directConnection"},
        {"mongodb://u:secret@localhost:x/", "port"},
    };
    muv_error_t error;
    muv_client_t *client = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_CODE(muv_client_new(&f->loop, bad[i].uri, NULL, &error, &client), MUV_EINVAL);
        CHECK_CONTAINS(error.message, bad[i].part);
        assert_null(strstr(error.message, "secret"));
        assert_null(client);
    }
    CHECK_CODE(muv_client_new(NULL, "mongodb://h/", NULL, &error, &client), MUV_EINVAL);
    CHECK_CODE(muv_client_new(&f->loop, NULL, NULL, NULL, &client), MUV_EINVAL);
    CHECK_CODE(muv_client_new(&f->loop, "mongodb://h/", NULL, NULL, NULL), MUV_EINVAL);
}

static void doubtful_options_are_warnings(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "noSuchOption=1&heartbeatFrequencyMS=1", NULL);
    CHECK_CONTAINS(muv_client_warning(f->client, 0), "noSuchOption");
    CHECK_CONTAINS(muv_client_warning(f->client, 1), "heartbeatFrequencyMS");
    assert_null(muv_client_warning(f->client, 2));
}

static void options_of_the_struct_win(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[3] = {{0}};

    open_client(f, "maxPoolSize=50", &(muv_client_opts_t){.max_pool_size = 1});
    warm_up(f);
    mock_script(f->mock, "ping", &(mock_step_t){.delay_ms = 20});
    for (int i = 0; i < 3; i++) {
        start_ping(f, &o[i], 0);
    }
    assert_int_equal(stats_of(f).waiting_for_connection, 2);
    for (int i = 0; i < 3; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(stats_of(f).connections_created, 1);
}

static void creation_opens_no_connection(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "minPoolSize=5", NULL);
    run_for(&f->loop, 50);
    assert_int_equal(mock_accepted(f->mock), 0);
}

/* --- connect -----------------------------------------------------------------------------------*/

static void connect_ends_when_a_server_is_known(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client(f, NULL, NULL);
    start_connect(f, &o, 0);
    await_success(&o);
    assert_int_equal(mock_request_count(f->mock, NULL), mock_request_count(f->mock, "hello"));
    outcome_clear(&o);
}

static void connect_without_callback_starts_monitoring(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, "minPoolSize=3", NULL);
    CHECK_CODE(muv_client_connect(f->client, NULL, NULL, NULL, NULL), 0);
    run_for(&f->loop, 200);
    assert_int_equal(stats_of(f).connections_idle, 3);
}

static void connect_can_time_out_and_be_cancelled(void **state)
{
    client_fixture_t *f = *state;
    outcome_t late = {0};
    outcome_t cancelled = {0};

    mock_set_welcome(f->mock, 0, MOCK_DEAF);
    open_client(f, NULL, NULL);
    start_connect(f, &late, 30);
    start_connect(f, &cancelled, 0);
    cancel(&cancelled);
    await_error(&cancelled, MUV_ECANCELED);
    await_error(&late, MUV_ETIMEOUT);
    outcome_clear(&late);
    outcome_clear(&cancelled);
}

static void a_server_too_old_or_too_new_is_named(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_set_hello(f->mock, 0, "{\"minWireVersion\": 900, \"maxWireVersion\": 901}");
    open_client(f, NULL, NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ECOMPAT);
    CHECK_CONTAINS(o.error.message, "requires wire version 900");
    outcome_clear(&o);

    mock_set_hello(f->mock, 0, "{\"minWireVersion\": 0, \"maxWireVersion\": 6}");
    close_client(f, MUV_CLOSE_DRAIN);
    open_client(f, NULL, NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ECOMPAT);
    CHECK_CONTAINS(o.error.message, "reports wire version 6");
    outcome_clear(&o);
}

/* --- the loop ----------------------------------------------------------------------------------*/

/* uv_run() returns by itself, though a connection, a pool and a monitor are there. */
static void an_idle_client_does_not_keep_the_loop_alive(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    uint64_t before = uv_hrtime();

    open_client(f, NULL, NULL);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    start_ping(f, &o, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_true(o.done);
    assert_true(uv_hrtime() - before < 5000000000u);
    assert_in_range(stats_of(f).connections, 1, 2);
    outcome_clear(&o);
}

/* Many turns of the loop without work cost no processor time: no handle spins. */
static void an_idle_client_does_not_spin(void **state)
{
    client_fixture_t *f = *state;
    uv_rusage_t before;
    uv_rusage_t after;

    open_client(f, NULL, NULL);
    warm_up(f);
    assert_int_equal(uv_getrusage(&before), 0);
    run_for(&f->loop, 400);
    assert_int_equal(uv_getrusage(&after), 0);
    assert_in_range((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
                        after.ru_utime.tv_usec - before.ru_utime.tv_usec,
                    0, 150000);
}

static unsigned turns;

static void count_turn(void *data)
{
    assert_false(*(bool *)data);
    turns++;
}

static void turn_end_hooks_run_once_and_later(void **state)
{
    client_fixture_t *f = *state;
    bool inside = true;

    turns = 0;
    open_client(f, NULL, NULL);
    CHECK_CODE(muv_client_at_turn_end(f->client, count_turn, &inside), 0);
    CHECK_CODE(muv_client_at_turn_end(f->client, count_turn, &inside), 0);
    CHECK_CODE(muv_client_at_turn_end(f->client, NULL, NULL), MUV_EINVAL);
    inside = false;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(turns, 2);
}

static void two_clients_share_a_loop(void **state)
{
    client_fixture_t *f = *state;
    muv_client_t *first;
    muv_collection_t *collection;
    outcome_t o[2] = {{0}};

    open_client(f, NULL, NULL);
    start_find(f, &o[0], 1, NULL);
    first = f->client;
    collection = f->collection;
    open_client(f, NULL, NULL);
    start_find(f, &o[1], 2, NULL);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_string_equal(o[1].text, "{ \"_id\" : 2 }");
    f->client = first;
    f->collection = collection;
    f->closed = false;
    await_success(&o[0]);
    assert_string_equal(o[0].text, "{ \"_id\" : 1 }");
    outcome_clear(&o[0]);
    outcome_clear(&o[1]);
}

static void the_child_of_a_fork_may_not_use_it(void **state)
{
    client_fixture_t *f = *state;
    bson_t *ping = bson_from("{\"ping\": 1}");
    int status = 0;
    pid_t child;

    open_client(f, NULL, NULL);
    warm_up(f);
    child = fork();
    if (child == 0) {
        int code = muv_run_command(f->client, "d", ping, NULL, NULL, NULL, NULL);

        _exit(code == MUV_EFORK && muv_client_refusal(f->client)->code == MUV_EFORK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    warm_up(f);
    bson_destroy(ping);
}

static void statistics_add_up(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};
    muv_client_stats_t stats;

    open_client(f, NULL, NULL);
    warm_up(f);
    start_command(f, &o, "{\"frobnicate\": 1}", NULL);
    await_error(&o, MUV_ESERVER);
    stats = stats_of(f);
    assert_int_equal(stats.operations_started, 2);
    assert_int_equal(stats.operations_ended, 2);
    assert_int_equal(stats.operations_failed, 1);
    assert_int_equal(stats.operations_live, 0);
    assert_int_equal(stats.servers, 1);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.connections_idle, 1);
    assert_int_equal(stats.pending_bytes, 0);
    outcome_clear(&o);
}

/* --- other kinds of addresses ------------------------------------------------------------------*/

static void a_unix_socket_works_as_well(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, mock_unix_uri(f->mock, NULL), NULL);
    start_find(f, &o, 4, NULL);
    await_success(&o);
    assert_string_equal(o.text, "{ \"_id\" : 4 }");
    outcome_clear(&o);
    mock_script(f->mock, "ping", &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_CLOSE});
    start_ping(f, &o, 0);
    await_error(&o, MUV_ENETWORK);
    CHECK_CONTAINS(o.error.host, ".sock");
    outcome_clear(&o);
    warm_up(f);
}

static void a_missing_unix_socket_is_named(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_client_at(f, "mongodb://%2Ftmp%2Fmuv-no-such.sock/?serverSelectionTimeoutMS=100", NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, "/tmp/muv-no-such.sock");
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_arguments_are_refused_with_a_reason),
        TEST(doubtful_options_are_warnings),
        TEST(options_of_the_struct_win),
        TEST(creation_opens_no_connection),
        TEST(connect_ends_when_a_server_is_known),
        TEST(connect_without_callback_starts_monitoring),
        TEST(connect_can_time_out_and_be_cancelled),
        TEST(a_server_too_old_or_too_new_is_named),
        TEST(an_idle_client_does_not_keep_the_loop_alive),
        TEST(an_idle_client_does_not_spin),
        TEST(turn_end_hooks_run_once_and_later),
        TEST(two_clients_share_a_loop),
        TEST(the_child_of_a_fork_may_not_use_it),
        TEST(statistics_add_up),
        TEST(a_unix_socket_works_as_well),
        TEST(a_missing_unix_socket_is_named),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
