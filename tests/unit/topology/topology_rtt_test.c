/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips that come without a check: samples, who has none, memory. */
#include "support/alloc.h"
#include "support/check.h"

#include "unit/topology/scene.h"

static int measure(scene_t *s, const char *address, int64_t rtt_us)
{
    return muv__topology_on_rtt(&s->topology, scene_server(s, address), rtt_us, 0);
}

static void a_sample_makes_a_new_snapshot_and_nothing_else(void **state)
{
    muv__topology_snapshot_t *before;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a:27017\", \"b:27017\"]"), 1000), 0);
    before = muv__topology_snapshot_retain(s.topology.snapshot);
    scene_clear_log(&s);
    CHECK_CODE(measure(&s, "a:27017", 2000), 0);
    assert_string_equal(s.log, "");
    assert_int_equal(before->servers[0].rtt_us, 1000);
    assert_int_equal(before->servers[0].min_rtt_us, 0);
    assert_int_equal(s.topology.snapshot->servers[0].rtt_us, 1200);
    assert_int_equal(s.topology.snapshot->servers[0].min_rtt_us, 1000);
    assert_int_equal(s.topology.snapshot->type, MUV__TOPOLOGY_RS_WITH_PRIMARY);
    assert_int_equal(s.topology.snapshot->fast_index, before->fast_index);
    assert_string_equal(s.topology.snapshot->set_name, "rs");
    muv__topology_snapshot_release(before);
    scene_end(&s);
}

/* What was streamed brings no sample: those from beside stay. */
static void a_streamed_reply_keeps_what_was_measured(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000), 0);
    CHECK_CODE(measure(&s, "a:27017", 6000), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, -1), 0);
    assert_int_equal(s.topology.snapshot->servers[0].rtt_us, 2000);
    assert_int_equal(s.topology.snapshot->servers[0].min_rtt_us, 1000);
    scene_end(&s);
}

static void an_unknown_server_has_no_round_trips(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(measure(&s, "a:27017", 1000), 0);
    assert_int_equal(scene_server(&s, "a:27017")->rtt.count, 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000), 0);
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETWORK), 0);
    CHECK_CODE(measure(&s, "a:27017", 1000), 0);
    assert_int_equal(scene_server(&s, "a:27017")->rtt.count, 0);
    assert_int_equal(s.topology.snapshot->servers[0].rtt_us, -1);
    scene_end(&s);
}

static void a_closed_topology_takes_no_sample(void **state)
{
    muv__topology_server_t *server;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000), 0);
    server = muv__topology_server_retain(scene_server(&s, "a:27017"));
    (void)muv__topology_close(&s.topology);
    CHECK_CODE(muv__topology_on_rtt(&s.topology, server, 2000, 0), 0);
    assert_int_equal(server->rtt.count, 1);
    scene_end(&s);
    muv__topology_server_release(server);
}

static void live(void *data)
{
    scene_t s;

    (void)data;
    if (scene_start(&s, "a", NULL, 1) == 0 &&
        scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000) == 0) {
        muv__topology_snapshot_t *before = s.topology.snapshot;
        int rc = measure(&s, "a:27017", 3000);

        assert_int_equal(s.topology.snapshot != before, rc == 0);
        assert_int_equal(scene_server(&s, "a:27017")->rtt.count, rc == 0 ? 2 : 1);
        assert_int_equal(s.topology.snapshot->servers[0].rtt_us, rc == 0 ? 1400 : 1000);
    }
    scene_end(&s);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_makes_a_new_snapshot_and_nothing_else),
        cmocka_unit_test(a_streamed_reply_keeps_what_was_measured),
        cmocka_unit_test(an_unknown_server_has_no_round_trips),
        cmocka_unit_test(a_closed_topology_takes_no_sample),
        cmocka_unit_test_teardown(without_memory_nothing_changes, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
