/* SPDX-License-Identifier: Apache-2.0 */
/* A whole client's life with a listener, or a log, while each allocation fails in turn: whatever is
 * left out is counted, the rest keeps its order, and nothing leaks. */
#include "scene.h"

#include "muv/log.h"

typedef struct life {
    uint64_t last_number;
    unsigned heard;
    unsigned ended;
    unsigned closed;
    uint64_t dropped;
    bool last_is_close;
} life_t;

static void hear(life_t *life, const muv_event_head_t *head)
{
    assert_int_equal(life->closed, 0);
    assert_true(head->number > life->last_number);
    life->last_number = head->number;
    life->heard++;
    life->last_is_close = head->type == MUV_EVENT_POOL_CLOSED;
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    hear(data, &event->head);
}

static void on_server(const muv_server_event_t *event, void *data)
{
    hear(data, &event->head);
}

static void on_topology(const muv_topology_event_t *event, void *data)
{
    muv_client_stats_t stats;
    life_t *life = data;

    hear(life, &event->head);
    muv_client_get_stats(event->head.client, &stats);
    life->dropped = stats.events_dropped;
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    hear(data, &event->head);
}

static void on_command(const muv_command_event_t *event, void *data)
{
    hear(data, &event->head);
    assert_true(event->head.type != MUV_EVENT_COMMAND_FAILED || alloc_has_failed());
}

static void on_message(const muv_log_message_t *message, void *data)
{
    life_t *life = data;

    assert_int_equal(life->closed, 0);
    assert_true(bson_validate(message->data, BSON_VALIDATE_UTF8, NULL));
    life->heard++;
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    assert_true(error == NULL || alloc_has_failed());
    ((life_t *)data)->ended++;
}

static void on_closed(void *data)
{
    ((life_t *)data)->closed++;
}

/* Two commands, then an orderly end. */
static void use_client(muv_client_t *client, sim_world_t *world, life_t *life)
{
    bson_t *ping = bson_from("{\"ping\": 1}");
    unsigned started = 0;

    for (unsigned i = 0; i < 2; i++) {
        int status = muv_run_command(client, "sim", ping, NULL, on_reply, life, NULL);

        assert_true(status == 0 || alloc_has_failed());
        started += status == 0;
    }
    sim_run(world);
    assert_int_equal(life->ended, started);
    bson_destroy(ping);
    assert_int_equal(muv_client_close(client, MUV_CLOSE_DRAIN, on_closed, life), 0);
    sim_run(world);
    assert_int_equal(life->closed, 1);
}

/* Returns 1 when there was memory for a client. */
static int live_with(const muv_client_opts_t *opts, life_t *life)
{
    sim_world_t *world = sim_new(1);
    muv_client_t *client;
    muv_error_t error;
    int made;

    (void)sim_server(world, "10.0.0.1", 27017);
    made = muv_client_new(sim_loop(world), "mongodb://10.0.0.1:27017/?directConnection=true", opts,
                          &error, &client) == 0;
    if (made) {
        use_client(client, world, life);
    } else {
        assert_true(alloc_has_failed());
        CHECK_ERROR(&error, MUV_ENOMEM);
        sim_run(world);
    }
    sim_free(world);
    return made;
}

static void live(void *data)
{
    life_t life = {0};
    muv_listener_t listener = {.on_pool = on_pool,
                               .on_server = on_server,
                               .on_topology = on_topology,
                               .on_heartbeat = on_heartbeat,
                               .on_command = on_command,
                               .data = &life};
    muv_client_opts_t opts = {.listener = &listener, .server_selection_timeout_ms = 3000};

    (void)data;
    if (live_with(&opts, &life)) {
        assert_true(life.heard + life.dropped <= life.last_number);
    }
    if (!alloc_has_failed()) {
        assert_int_equal(life.heard, life.last_number);
        assert_true(life.last_is_close);
    }
}

/* To the program's function, and as lines. */
static void log_all(void *data)
{
    const char *path = data;
    static char page[32768];
    life_t life = {0};
    muv_log_opts_t log = {
        .all = MUV_LOG_TRACE, .cb = path == NULL ? on_message : NULL, .data = &life, .path = path};
    muv_client_opts_t opts = {.log = &log, .server_selection_timeout_ms = 3000};

    sim_log_page(page, sizeof(page));
    (void)live_with(&opts, &life);
    if (!alloc_has_failed() && path == NULL) {
        assert_true(life.heard > 25);
    } else if (!alloc_has_failed()) {
        CHECK_CONTAINS(page, "Z debug connection {\"message\": \"Connection pool closed\"");
    }
    sim_log_page(NULL, 0);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 20);
}

static void any_allocation_may_fail_while_all_is_logged(void **state)
{
    static char path[] = "page";

    (void)state;
    assert_true(alloc_sweep(log_all, NULL) > 30);
    assert_true(alloc_sweep(log_all, path) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(any_allocation_may_fail, alloc_teardown),
        cmocka_unit_test_teardown(any_allocation_may_fail_while_all_is_logged, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
