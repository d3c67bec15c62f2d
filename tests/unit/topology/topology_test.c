/* SPDX-License-Identifier: Apache-2.0 */
/* The topology machine: order of events and effects, staleness of errors, life and memory. */
#include "support/alloc.h"
#include "support/check.h"

#include "unit/topology/scene.h"

#include <string.h>

#define VERSION(n)                                                                                 \
    "\"topologyVersion\": {\"processId\": {\"$oid\": \"000000000000000000000001\"}, \"counter\": " \
    "{\"$numberLong\": \"" #n "\"}}"

static void start_opens_every_seed_once(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b:27018,A:27017", NULL, 0), 0);
    assert_string_equal(s.log, "opening\n"
                               "Unknown -> Unknown\n"
                               "a:27017 opening\n"
                               "b:27018 opening\n"
                               "a:27017: add\n"
                               "b:27018: add\n");
    assert_int_equal(s.topology.snapshot->servers[1].server->id, 2);
    scene_end(&s);
}

static void primary_brings_its_members_and_drops_the_others(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a:27017\", \"c:27017\"]"), 700), 0);
    assert_string_equal(s.log, "a:27017 Unknown -> RSPrimary\n"
                               "b:27017 closed\n"
                               "c:27017 opening\n"
                               "Unknown -> ReplicaSetWithPrimary\n"
                               "a:27017: ready\n"
                               "b:27017: remove\n"
                               "c:27017: add\n");
    scene_end(&s);
}

static void equal_reply_makes_no_event_but_a_new_snapshot(void **state)
{
    scene_t s;
    muv__topology_snapshot_t *before;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000), 0);
    before = muv__topology_snapshot_retain(s.topology.snapshot);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 2000), 0);
    assert_string_equal(s.log, "a:27017: ready\n");
    assert_int_equal(before->servers[0].rtt_us, 1000);
    assert_int_equal(s.topology.snapshot->servers[0].rtt_us, 1200);
    assert_int_equal(s.topology.snapshot->servers[0].min_rtt_us, 1000);
    muv__topology_snapshot_release(before);
    scene_end(&s);
}

static void sockets_of_this_machine_are_no_members(void **state)
{
    scene_t s;

    (void)state;
    assert_int_equal(scene_start(&s, "a", "rs", 0), 0);
    assert_int_equal(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a:27017\", \"/tmp/x.sock\"]"), 0),
                     0);
    assert_int_equal(s.topology.snapshot->server_count, 1);
    scene_end(&s);
}

static void failed_check_clears_and_forgets_round_trips(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1000), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETTIMEOUT), 0);
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETWORK), 0);
    assert_string_equal(s.log, "a:27017 Standalone -> Unknown\n"
                               "Single -> Single\n"
                               "a:27017: clear interrupt\n"
                               "a:27017: clear\n");
    assert_int_equal(s.topology.snapshot->servers[0].rtt_us, -1);
    assert_int_equal(scene_server(&s, "a:27017")->rtt.count, 0);
    scene_end(&s);
}

static void newer_primary_demotes_the_old_one_without_clearing(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "b:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 1), 0);
    assert_string_equal(s.log, "a:27017 RSPrimary -> Unknown\n"
                               "b:27017 Unknown -> RSPrimary\n"
                               "ReplicaSetWithPrimary -> ReplicaSetWithPrimary\n"
                               "a:27017: check\n"
                               "b:27017: ready\n");
    scene_end(&s);
}

static void broken_connection_marks_unknown_clears_and_cancels(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ENETTIMEOUT, NULL), 0);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ECANCELED, NULL), 0);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ESERVER, "{\"ok\": 0, \"code\": 1}"), 0);
    assert_string_equal(s.log, "");
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ENETWORK, NULL), 0);
    assert_string_equal(s.log, "a:27017 Standalone -> Unknown\n"
                               "Single -> Single\n"
                               "a:27017: clear cancel\n");
    assert_string_equal(scene_description(&s, "a:27017")->error_text, "operation failed");
    scene_end(&s);
}

static void stepdown_checks_and_shutdown_clears_too(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\"]"), 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ESERVER,
                                      "{\"ok\": 0, \"code\": 189, " VERSION(7) "}"),
               0);
    /* The same error once more, and one that is older: both are known already. */
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ESERVER,
                                      "{\"ok\": 0, \"code\": 189, " VERSION(7) "}"),
               0);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ESERVER,
                                      "{\"ok\": 0, \"code\": 91, " VERSION(6) "}"),
               0);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ESERVER,
                                      "{\"ok\": 0, \"code\": 91, " VERSION(8) "}"),
               0);
    assert_string_equal(s.log, "a:27017 RSPrimary -> Unknown\n"
                               "ReplicaSetWithPrimary -> ReplicaSetNoPrimary\n"
                               "a:27017: check\n"
                               "a:27017 Unknown -> Unknown\n"
                               "ReplicaSetNoPrimary -> ReplicaSetNoPrimary\n"
                               "a:27017: clear check\n");
    scene_end(&s);
}

static void overtaken_reply_is_ignored(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", "{" VERSION(5) "}", 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "a:27017", "{\"setName\": \"x\", " VERSION(4) "}", 1), 0);
    assert_string_equal(s.log, "");
    scene_end(&s);
}

static void reply_with_the_same_version_counts(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", "{" VERSION(5) "}", 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "a:27017", "{" VERSION(5) "}", 1), 0);
    assert_string_equal(s.log, "a:27017: ready\n");
    scene_end(&s);
}

static void waiting_operation_gets_every_server_checked(void **state)
{
    scene_t s;
    unsigned effects;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    assert_int_equal(muv__topology_request_check(&s.topology), MUV__TOPOLOGY_DO_SERVERS);
    assert_int_equal(muv__topology_request_check(&s.topology), MUV__TOPOLOGY_DO_SERVERS);
    assert_ptr_equal(muv__topology_next_effect(&s.topology, &effects), scene_server(&s, "a:27017"));
    assert_int_equal(effects, MUV__SERVER_DO_CHECK);
    assert_ptr_equal(muv__topology_next_effect(&s.topology, &effects), scene_server(&s, "b:27017"));
    assert_null(muv__topology_next_effect(&s.topology, &effects));
    scene_end(&s);
    CHECK_CODE(scene_start_load_balanced(&s, "a"), 0);
    assert_int_equal(muv__topology_request_check(&s.topology), 0);
    scene_end(&s);
}

/* The client has made nothing for the server yet; it gets to see both ends in one. */
static void server_removed_before_its_add_was_fetched_has_both_effects(void **state)
{
    muv__host_t seed;
    muv__topology_config_t config = {.seeds = &seed, .seed_count = 1};
    muv__topology_t topology;
    unsigned effects;

    (void)state;
    CHECK_CODE(muv__host_parse("a", 1, &seed), 0);
    CHECK_CODE(muv__topology_init(&topology, &config, 0), 0);
    CHECK_CODE(muv__topology_start(&topology, 0, &effects), 0);
    (void)muv__topology_close(&topology);
    assert_non_null(muv__topology_next_effect(&topology, &effects));
    assert_int_equal(effects, MUV__SERVER_DO_ADD | MUV__SERVER_DO_REMOVE);
    muv__topology_done(&topology);
}

static void close_before_start_says_nothing(void **state)
{
    muv__host_t seed;
    muv__topology_config_t config = {.seeds = &seed, .seed_count = 1};
    muv__topology_t topology;

    (void)state;
    CHECK_CODE(muv__host_parse("a", 1, &seed), 0);
    CHECK_CODE(muv__topology_init(&topology, &config, 0), 0);
    assert_int_equal(muv__topology_request_check(&topology), 0);
    assert_int_equal(muv__topology_close(&topology), MUV__TOPOLOGY_DO_WAKE);
    muv__topology_done(&topology);
    muv__topology_done(&topology);
}

static void fail_handshake(scene_t *s, int code, uint32_t labels, uint32_t generation)
{
    muv_error_t error = {.code = code, .labels = labels};
    muv__topology_failure_t failure = {
        .error = &error, .generation = generation, .pool_generation = 3};
    unsigned effects;

    CHECK_CODE(
        muv__topology_on_failure(&s->topology, scene_server(s, "a:27017"), &failure, 0, &effects),
        0);
}

static void handshake_failures_count_unless_overloaded_or_stale(void **state)
{
    scene_t s;
    unsigned effects;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    fail_handshake(&s, MUV_ENETWORK, MUV_LABEL_SYSTEM_OVERLOADED, 3);
    fail_handshake(&s, MUV_EAUTH, 0, 2);
    assert_int_equal(scene_description(&s, "a:27017")->type, MUV__SERVER_STANDALONE);
    fail_handshake(&s, MUV_EAUTH, 0, 3);
    assert_int_equal(scene_description(&s, "a:27017")->type, MUV__SERVER_UNKNOWN);
    assert_non_null(muv__topology_next_effect(&s.topology, &effects));
    assert_int_equal(effects, MUV__SERVER_DO_CLEAR);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    fail_handshake(&s, MUV_EINVAL, 0, 3);
    assert_int_equal(scene_description(&s, "a:27017")->type, MUV__SERVER_STANDALONE);
    fail_handshake(&s, MUV_ENETTIMEOUT, 0, 3);
    assert_non_null(muv__topology_next_effect(&s.topology, &effects));
    assert_int_equal(effects, MUV__SERVER_DO_CLEAR | MUV__SERVER_DO_CANCEL);
    scene_end(&s);
}

static void load_balancer_is_ready_at_once_and_never_unknown(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start_load_balanced(&s, "a"), 0);
    CHECK_CODE(scene_operation_failed(&s, "a:27017", MUV_ENETWORK, NULL), 0);
    assert_string_equal(s.log, "opening\n"
                               "Unknown -> LoadBalanced\n"
                               "a:27017 opening\n"
                               "a:27017 Unknown -> LoadBalancer\n"
                               "LoadBalanced -> LoadBalanced\n"
                               "a:27017: add ready\n"
                               "a:27017: clear service\n");
    scene_end(&s);
}

static void close_ends_every_server_and_late_news_are_ignored(void **state)
{
    scene_t s;
    muv__topology_server_t *server;
    muv__server_description_t *late = scene_parse("{\"ok\": 1}", 0);
    unsigned effects = 99;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    server = muv__topology_server_retain(scene_server(&s, "a:27017"));
    scene_clear_log(&s);
    assert_int_equal(muv__topology_close(&s.topology),
                     MUV__TOPOLOGY_DO_SERVERS | MUV__TOPOLOGY_DO_WAKE);
    assert_string_equal(s.log, "a:27017 closed\nSingle -> Unknown\nclosed\n");
    CHECK_CODE(muv__topology_on_check(&s.topology, server, late, 1, &effects), 0);
    assert_int_equal(effects, 0);
    assert_ptr_equal(muv__topology_next_effect(&s.topology, &effects), server);
    assert_int_equal(effects, MUV__SERVER_DO_REMOVE);
    muv__server_description_release(late);
    muv__topology_server_release(server);
    scene_end(&s);
}

static void removed_server_outlives_its_removal_for_who_holds_a_snapshot(void **state)
{
    scene_t s;
    muv__topology_snapshot_t *before;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    before = muv__topology_snapshot_retain(s.topology.snapshot);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\"]"), 1), 0);
    assert_int_equal(before->server_count, 2);
    assert_int_equal(before->servers[1].server->removed, 1);
    assert_string_equal(before->servers[1].server->address, "b:27017");
    muv__topology_snapshot_release(before);
    scene_end(&s);
}

static void wrong_configurations_are_refused(void **state)
{
    muv__host_t seeds[2];
    muv__topology_t topology;
    muv__topology_config_t none = {.seeds = seeds};
    muv__topology_config_t direct = {.seeds = seeds, .seed_count = 2, .direct = 1};
    muv__topology_config_t balanced = {
        .seeds = seeds, .seed_count = 1, .load_balanced = 1, .set_name = "rs"};
    muv__topology_config_t many = {.seeds = seeds, .seed_count = MUV__TOPOLOGY_MAX_SERVERS + 1};

    (void)state;
    CHECK_CODE(muv__topology_init(&topology, &none, 0), 0);
    CHECK_CODE(muv__topology_seed(&topology, &none, 0), MUV_EINVAL);
    muv__topology_done(&topology);
    CHECK_CODE(muv__topology_init(&topology, &direct, 0), MUV_EINVAL);
    CHECK_CODE(muv__topology_init(&topology, &balanced, 0), MUV_EINVAL);
    CHECK_CODE(muv__topology_init(&topology, &many, 0), MUV_EINVAL);
    muv__topology_done(&topology);
}

/* A failing step leaves the snapshot before it, and the same step then succeeds. */
static void retry_reply(scene_t *s, const char *address, const char *json)
{
    const muv__topology_snapshot_t *before = s->topology.snapshot;
    int rc = scene_reply(s, address, json, 5);

    if (rc == MUV_ENOMEM) {
        assert_ptr_equal(s->topology.snapshot, before);
        assert_true(alloc_has_failed());
        return;
    }
    CHECK_CODE(rc, 0);
}

static void live(void *data)
{
    scene_t s;
    int rc = scene_start(&s, "a,b,c", "rs", 0);

    (void)data;
    if (rc == 0) {
        retry_reply(&s, "a:27017", SCENE_SECONDARY("[\"a\", \"b\", \"c\", \"d\"]"));
        retry_reply(&s, "b:27017", SCENE_PRIMARY("[\"a\", \"b\", \"e\"]"));
        if (scene_server(&s, "a:27017") != NULL) {
            retry_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"));
        }
        if (scene_server(&s, "b:27017") != NULL) {
            rc = scene_operation_failed(&s, "b:27017", MUV_ENETWORK, NULL);
            assert_true(rc == 0 || (rc == MUV_ENOMEM && alloc_has_failed()));
        }
    } else {
        CHECK_CODE(rc, MUV_ENOMEM);
        assert_true(alloc_has_failed());
    }
    scene_end(&s);
}

static void live_behind_a_balancer(void *data)
{
    scene_t s;
    int rc = scene_start_load_balanced(&s, "a");

    (void)data;
    assert_true(rc == 0 || (rc == MUV_ENOMEM && alloc_has_failed()));
    scene_end(&s);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(alloc_sweep(live, NULL) > 20);
    assert_true(alloc_sweep(live_behind_a_balancer, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_opens_every_seed_once),
        cmocka_unit_test(primary_brings_its_members_and_drops_the_others),
        cmocka_unit_test(equal_reply_makes_no_event_but_a_new_snapshot),
        cmocka_unit_test(sockets_of_this_machine_are_no_members),
        cmocka_unit_test(failed_check_clears_and_forgets_round_trips),
        cmocka_unit_test(newer_primary_demotes_the_old_one_without_clearing),
        cmocka_unit_test(broken_connection_marks_unknown_clears_and_cancels),
        cmocka_unit_test(stepdown_checks_and_shutdown_clears_too),
        cmocka_unit_test(overtaken_reply_is_ignored),
        cmocka_unit_test(reply_with_the_same_version_counts),
        cmocka_unit_test(waiting_operation_gets_every_server_checked),
        cmocka_unit_test(server_removed_before_its_add_was_fetched_has_both_effects),
        cmocka_unit_test(close_before_start_says_nothing),
        cmocka_unit_test(handshake_failures_count_unless_overloaded_or_stale),
        cmocka_unit_test(load_balancer_is_ready_at_once_and_never_unknown),
        cmocka_unit_test(close_ends_every_server_and_late_news_are_ignored),
        cmocka_unit_test(removed_server_outlives_its_removal_for_who_holds_a_snapshot),
        cmocka_unit_test(wrong_configurations_are_refused),
        cmocka_unit_test_teardown(every_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
