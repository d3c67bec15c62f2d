/* SPDX-License-Identifier: Apache-2.0 */
/* A topology whose hosts come from DNS: without seeds at first, and with other hosts later. */
#include "support/alloc.h"
#include "support/check.h"

#include "unit/topology/scene.h"

#include <string.h>

#define COUNT_MAX 8

/* Hosts separated by commas. Returns their number. */
static uint32_t parse_hosts(const char *text, muv__host_t hosts[COUNT_MAX])
{
    uint32_t count = 0;

    while (*text != '\0') {
        size_t length = strcspn(text, ",");

        assert_int_equal(muv__host_parse(text, length, &hosts[count++]), 0);
        text += length + (text[length] == ',');
    }
    return count;
}

/* Feed a list; returns the topology's answer and leaves the effects fetched. */
static int feed(scene_t *s, const char *text, uint32_t max_count, uint64_t seed, unsigned *added)
{
    muv__host_t hosts[COUNT_MAX];
    uint32_t count = parse_hosts(text, hosts);
    muv__random_t random = {.state = seed};
    unsigned effects;
    unsigned bits;
    int rc = muv__topology_on_hosts(&s->topology, hosts, count, max_count, &random, 1, &effects);

    *added = 0;
    if (rc == 0 && (effects & MUV__TOPOLOGY_DO_SERVERS) != 0) {
        while (muv__topology_next_effect(&s->topology, &bits) != NULL) {
            *added += (bits & MUV__SERVER_DO_ADD) != 0;
        }
    }
    return rc;
}

static void start_sharded(scene_t *s, const char *hosts)
{
    CHECK_CODE(scene_start(s, hosts, NULL, 0), 0);
    CHECK_CODE(scene_reply(s, "a:27017", SCENE_MONGOS, 500), 0);
    assert_int_equal(s->topology.snapshot->type, MUV__TOPOLOGY_SHARDED);
    scene_clear_log(s);
}

static void new_hosts_come_and_missing_ones_go(void **state)
{
    scene_t s;
    muv__topology_server_t *kept;
    unsigned added;

    (void)state;
    start_sharded(&s, "a,b");
    kept = scene_server(&s, "a:27017");
    CHECK_CODE(feed(&s, "a,c,d", 0, 1, &added), 0);
    assert_string_equal(s.log, "b:27017 closed\nc:27017 opening\nd:27017 opening\n"
                               "Sharded -> Sharded\n");
    assert_int_equal(added, 2);
    assert_ptr_equal(scene_server(&s, "a:27017"), kept);
    assert_int_equal(scene_description(&s, "a:27017")->type, MUV__SERVER_MONGOS);
    assert_int_equal(scene_description(&s, "c:27017")->type, MUV__SERVER_UNKNOWN);
    scene_end(&s);
}

static void the_same_hosts_change_nothing(void **state)
{
    scene_t s;
    unsigned added;

    (void)state;
    start_sharded(&s, "a,b");
    CHECK_CODE(feed(&s, "b,a", 0, 1, &added), 0);
    assert_string_equal(s.log, "");
    assert_int_equal(added, 0);
    assert_int_equal(s.topology.snapshot->server_count, 2);
    scene_end(&s);
}

static void all_hosts_can_be_replaced(void **state)
{
    scene_t s;
    unsigned added;

    (void)state;
    start_sharded(&s, "a,b");
    CHECK_CODE(feed(&s, "c", 0, 1, &added), 0);
    assert_int_equal(s.topology.snapshot->server_count, 1);
    assert_non_null(scene_server(&s, "c:27017"));
    assert_int_equal(s.topology.snapshot->type, MUV__TOPOLOGY_SHARDED);
    scene_end(&s);
}

static void a_limit_keeps_what_is_there_and_draws_the_rest(void **state)
{
    unsigned c = 0;
    unsigned added;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        scene_t s;

        start_sharded(&s, "a,b");
        CHECK_CODE(feed(&s, "c,a,d", 2, seed, &added), 0);
        assert_int_equal(s.topology.snapshot->server_count, 2);
        assert_int_equal(added, 1);
        assert_non_null(scene_server(&s, "a:27017"));
        c += scene_server(&s, "c:27017") != NULL;
        scene_end(&s);
    }
    assert_in_range(c, 16, 48);
}

static void a_limit_that_is_reached_takes_nobody(void **state)
{
    scene_t s;
    unsigned added;

    (void)state;
    start_sharded(&s, "a,b");
    CHECK_CODE(feed(&s, "a,b,c,d", 2, 1, &added), 0);
    assert_int_equal(added, 0);
    assert_int_equal(s.topology.snapshot->server_count, 2);
    CHECK_CODE(feed(&s, "a,b,c,d", 1, 1, &added), 0);
    assert_int_equal(s.topology.snapshot->server_count, 2);
    scene_end(&s);
}

static void a_replica_set_ignores_the_list(void **state)
{
    scene_t s;
    unsigned added;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 500), 0);
    CHECK_CODE(feed(&s, "c", 0, 1, &added), 0);
    assert_non_null(scene_server(&s, "a:27017"));
    assert_null(scene_server(&s, "c:27017"));
    scene_end(&s);
}

/* (SDAM: a standalone among several seeds is removed.) */
static void the_number_of_seeds_is_that_of_the_last_list(void **state)
{
    scene_t s;
    unsigned added;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    CHECK_CODE(feed(&s, "a", 0, 1, &added), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 500), 0);
    assert_int_equal(s.topology.snapshot->type, MUV__TOPOLOGY_SINGLE);
    scene_end(&s);
}

/* --- without seeds -----------------------------------------------------------------------------*/

static void seeds_may_come_later(void **state)
{
    muv__topology_config_t config = {.set_name = "rs"};
    muv__topology_t topology;
    muv__host_t hosts[COUNT_MAX];
    unsigned effects;

    (void)state;
    CHECK_CODE(muv__topology_init(&topology, &config, 0), 0);
    assert_int_equal(topology.snapshot->server_count, 0);
    assert_int_equal(muv__topology_request_check(&topology), 0);
    config.seeds = hosts;
    config.seed_count = parse_hosts("a,b", hosts);
    CHECK_CODE(muv__topology_seed(&topology, &config, 5), 0);
    assert_int_equal(topology.snapshot->server_count, 2);
    assert_int_equal(topology.snapshot->type, MUV__TOPOLOGY_RS_NO_PRIMARY);
    CHECK_CODE(muv__topology_start(&topology, 5, &effects), 0);
    assert_int_equal(effects, MUV__TOPOLOGY_DO_SERVERS);
    muv__topology_done(&topology);
}

static void one_without_seeds_can_be_closed(void **state)
{
    muv__topology_config_t config = {.load_balanced = 1};
    muv__topology_t topology;

    (void)state;
    CHECK_CODE(muv__topology_init(&topology, &config, 0), 0);
    assert_int_equal(muv__topology_close(&topology), MUV__TOPOLOGY_DO_WAKE);
    muv__topology_done(&topology);
}

static void live(void *data)
{
    scene_t s;
    unsigned added;
    int rc = scene_start(&s, "a,b", NULL, 0);

    (void)data;
    if (rc == 0) {
        const muv__topology_snapshot_t *before = s.topology.snapshot;

        rc = feed(&s, "b,c,d", 2, 1, &added);
        if (rc != 0) {
            CHECK_CODE(rc, MUV_ENOMEM);
            assert_true(alloc_has_failed());
            assert_ptr_equal(s.topology.snapshot, before);
        }
    }
    scene_end(&s);
}

static void live_without_seeds(void *data)
{
    muv__topology_config_t config = {.set_name = NULL};
    muv__topology_t topology;
    muv__host_t hosts[COUNT_MAX];
    int rc = muv__topology_init(&topology, &config, 0);

    (void)data;
    if (rc == 0) {
        const muv__topology_snapshot_t *before = topology.snapshot;

        config.seeds = hosts;
        config.seed_count = parse_hosts("a,b", hosts);
        rc = muv__topology_seed(&topology, &config, 5);
        assert_true(rc == 0 || topology.snapshot == before);
    }
    assert_true(rc == 0 || (rc == MUV_ENOMEM && alloc_has_failed()));
    muv__topology_done(&topology);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 10);
    assert_true(alloc_sweep(live_without_seeds, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_hosts_come_and_missing_ones_go),
        cmocka_unit_test(the_same_hosts_change_nothing),
        cmocka_unit_test(all_hosts_can_be_replaced),
        cmocka_unit_test(a_limit_keeps_what_is_there_and_draws_the_rest),
        cmocka_unit_test(a_limit_that_is_reached_takes_nobody),
        cmocka_unit_test(a_replica_set_ignores_the_list),
        cmocka_unit_test(the_number_of_seeds_is_that_of_the_last_list),
        cmocka_unit_test(seeds_may_come_later),
        cmocka_unit_test(one_without_seeds_can_be_closed),
        cmocka_unit_test_teardown(every_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
