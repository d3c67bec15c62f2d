/* SPDX-License-Identifier: Apache-2.0 */
/* A real server that goes away under load: killed and started again, or stepped down. No callback
 * is lost, every error is clear, and the client that was there before goes on. */
#include "integration/client_fixture.h"

#include "support/process.h"

#define FINDS 200

static outcome_t finds[FINDS];

#define KILLS 2

struct load {
    client_fixture_t *f;
    unsigned running;
    unsigned succeeded;
    unsigned failed;
    unsigned wrong;
    bool stopping;
};

static struct load load;

static int is_clear(int code)
{
    return code == MUV_ENETWORK || code == MUV_EPOOLCLEARED || code == MUV_ESELECTION ||
           code == MUV_ETIMEOUT || code == MUV_ENETTIMEOUT || code == MUV_ESERVER;
}

static void on_load_ended(outcome_t *o)
{
    load.running--;
    load.succeeded += o->error.code == 0;
    load.failed += o->error.code != 0;
    if (o->error.code != 0 && !is_clear(o->error.code)) {
        fail_msg("under load: %s: %s", muv_error_name(o->error.code), o->error.message);
    }
}

static void start_one(struct load *l, outcome_t *o)
{
    *o = (outcome_t){.then = on_load_ended};
    l->running++;
    start_find(l->f, o, 1, &(muv_find_one_opts_t){.timeout_ms = 10000});
}

/* Keep FINDS finds in flight for a while. */
static void run_load(unsigned duration_ms)
{
    uint64_t end = uv_hrtime() + (uint64_t)duration_ms * 1000000;

    while (uv_hrtime() < end) {
        for (int i = 0; i < FINDS; i++) {
            if (finds[i].done) {
                outcome_clear(&finds[i]);
                start_one(&load, &finds[i]);
            }
        }
        run_for(&load.f->loop, 10);
    }
}

static bool none_running(void *data)
{
    return ((struct load *)data)->running == 0;
}

static void a_killed_server_comes_back_without_a_new_client(void **state)
{
    client_fixture_t *f = *state;
    server_process_t *server = server_start(NULL);
    unsigned before;

    load = (struct load){.f = f};
    open_client_at(f, with_options(server_uri(server), "heartbeatFrequencyMS=500"), NULL);
    warm_up(f);
    for (int i = 0; i < FINDS; i++) {
        start_one(&load, &finds[i]);
    }
    for (int kill = 0; kill < KILLS; kill++) {
        run_load(300);
        server_kill(server);
        run_load(300);
        server_restart_begin(server);
        while (!server_is_up(server)) {
            run_load(50);
        }
        run_load(700);
    }
    before = load.succeeded;
    run_load(300);
    assert_true(load.succeeded > before + FINDS / 2);
    assert_true(stats_of(f).connections_closed >= KILLS);
    run_until_true(&f->loop, none_running, &load, WAIT_MS);
    for (int i = 0; i < FINDS; i++) {
        assert_true(finds[i].done);
        outcome_clear(&finds[i]);
    }
    await_recovery(f);
    close_client(f, MUV_CLOSE_DRAIN);
    server_stop(server);
}

/* Nobody fails: what is started while the server is away waits until it is there again. */
static void operations_wait_for_a_server_that_comes_back(void **state)
{
    client_fixture_t *f = *state;
    server_process_t *server = server_start(NULL);

    open_client_at(f, with_options(server_uri(server), "heartbeatFrequencyMS=500"), NULL);
    warm_up(f);
    server_kill(server);
    run_for(&f->loop, 1200);
    f->ended = 0;
    f->failed = 0;
    for (int i = 0; i < 100; i++) {
        start_find(f, &finds[i], i, NULL);
    }
    assert_int_equal(stats_of(f).waiting_for_server, 100);
    server_restart_begin(server);
    run_until_true(&f->loop, server_is_up, server, WAIT_MS);
    run_until_count(&f->loop, &f->ended, 100, WAIT_MS);
    assert_int_equal(f->failed, 0);
    for (int i = 0; i < 100; i++) {
        outcome_clear(&finds[i]);
    }
    close_client(f, MUV_CLOSE_DRAIN);
    server_stop(server);
}

/* A write that is started meanwhile waits until there is a primary again. */
static void a_server_that_steps_down_is_waited_for(void **state)
{
    client_fixture_t *f = *state;
    server_process_t *server = server_start(NULL);
    outcome_t o = {0};
    bson_t *step_down = bson_from("{\"replSetStepDown\": 3, \"force\": true}");

    open_client_at(f, with_options(server_uri(server), "heartbeatFrequencyMS=500"), NULL);
    warm_up(f);
    CHECK_CODE(muv_run_command(f->client, "admin", step_down, NULL, NULL, NULL, NULL), 0);
    bson_destroy(step_down);
    run_for(&f->loop, 1100);
    start_write(f, &o, "{\"drop\": \"never\"}", 15000);
    assert_int_equal(stats_of(f).waiting_for_server, 1);
    await(&o);
    assert_true(o.error.code == 0 || o.error.server_code == 26);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
    server_stop(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_killed_server_comes_back_without_a_new_client),
        TEST(operations_wait_for_a_server_that_comes_back),
        TEST(a_server_that_steps_down_is_waited_for),
    };

    return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
