/* SPDX-License-Identifier: Apache-2.0 */
/* A whole client's life with a listener while each allocation fails in turn: whatever is left out
 * is counted, the rest keeps its order, and nothing leaks. */
#include "scene.h"

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

static void live(void *data)
{
    life_t life = {0};
    muv_listener_t listener = {.on_pool = on_pool,
                               .on_server = on_server,
                               .on_topology = on_topology,
                               .on_heartbeat = on_heartbeat,
                               .data = &life};
    muv_client_opts_t opts = {.listener = &listener, .server_selection_timeout_ms = 3000};
    sim_world_t *world = sim_new(1);
    muv_client_t *client;
    muv_error_t error;

    (void)data;
    (void)sim_server(world, "10.0.0.1", 27017);
    if (muv_client_new(sim_loop(world), "mongodb://10.0.0.1:27017/?directConnection=true", &opts,
                       &error, &client) == 0) {
        use_client(client, world, &life);
        assert_true(life.heard + life.dropped <= life.last_number);
    } else {
        assert_true(alloc_has_failed());
        CHECK_ERROR(&error, MUV_ENOMEM);
        sim_run(world);
    }
    if (!alloc_has_failed()) {
        assert_int_equal(life.heard, life.last_number);
        assert_true(life.last_is_close);
    }
    sim_free(world);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(any_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
