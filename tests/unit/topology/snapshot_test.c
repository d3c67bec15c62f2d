/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot knows of its servers together. */
#include "support/check.h"

#include "unit/topology/scene.h"

#include <string.h>

static void sessions_last_as_long_as_on_the_weakest_server(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b,c", "rs", 0), 0);
    assert_int_equal(s.topology.snapshot->session_timeout_minutes, -1);
    CHECK_CODE(scene_reply(&s, "a:27017",
                           "{\"isWritablePrimary\": true, \"setName\": \"rs\", \"hosts\": [\"a\", "
                           "\"b\", \"c\"], \"logicalSessionTimeoutMinutes\": 30}",
                           1),
               0);
    assert_int_equal(s.topology.snapshot->session_timeout_minutes, 30);
    CHECK_CODE(scene_reply(&s, "b:27017",
                           "{\"secondary\": true, \"setName\": \"rs\", "
                           "\"logicalSessionTimeoutMinutes\": 10}",
                           1),
               0);
    CHECK_CODE(scene_reply(&s, "c:27017", "{\"arbiterOnly\": true, \"setName\": \"rs\"}", 1), 0);
    assert_int_equal(s.topology.snapshot->session_timeout_minutes, 10);
    CHECK_CODE(scene_reply(&s, "b:27017", "{\"secondary\": true, \"setName\": \"rs\"}", 1), 0);
    assert_int_equal(s.topology.snapshot->session_timeout_minutes, -1);
    scene_end(&s);
}

static void text_tells_types_and_reasons(void **state)
{
    char text[128];
    char small[12];
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    CHECK_CODE(scene_check_failed(&s, "b:27017", MUV_ENETWORK), 0);
    muv__topology_snapshot_text(s.topology.snapshot, text, sizeof text);
    assert_string_equal(text,
                        "ReplicaSetNoPrimary: a:27017 Unknown, b:27017 Unknown (check failed)");
    muv__topology_snapshot_text(s.topology.snapshot, small, sizeof small);
    assert_string_equal(small, "ReplicaSetN");
    scene_end(&s);
}

static void servers_are_found_by_record_and_address(void **state)
{
    scene_t s;
    const muv__topology_snapshot_t *snapshot;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    snapshot = s.topology.snapshot;
    assert_ptr_equal(muv__topology_snapshot_find(snapshot, "b:27017"), &snapshot->servers[1]);
    assert_ptr_equal(muv__topology_snapshot_of(snapshot, snapshot->servers[1].server),
                     &snapshot->servers[1]);
    assert_null(muv__topology_snapshot_find(snapshot, "c:27017"));
    assert_null(muv__topology_snapshot_of(snapshot, NULL));
    scene_end(&s);
}

static void equality_is_that_of_type_name_and_servers(void **state)
{
    scene_t s;
    muv__topology_snapshot_t *before;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 0), 0);
    before = muv__topology_snapshot_retain(s.topology.snapshot);
    assert_true(muv__topology_snapshot_equal(before, s.topology.snapshot));
    CHECK_CODE(scene_reply(&s, "a:27017", "{\"isreplicaset\": true}", 1), 0);
    assert_false(muv__topology_snapshot_equal(before, s.topology.snapshot));
    assert_false(muv__topology_snapshot_equal(before, s.topology.empty));
    muv__topology_snapshot_release(before);
    muv__topology_snapshot_release(NULL);
    scene_end(&s);
}

static void one_mongos_takes_everything_two_do_not(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "b:27017", SCENE_MONGOS, 1), 0);
    assert_int_equal(s.topology.snapshot->fast_index, 1);
    assert_int_equal(s.topology.snapshot->sole, 1);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_MONGOS, 1), 0);
    assert_int_equal(s.topology.snapshot->fast_index, -1);
    assert_int_equal(s.topology.snapshot->sole, 0);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_last_as_long_as_on_the_weakest_server),
        cmocka_unit_test(text_tells_types_and_reasons),
        cmocka_unit_test(servers_are_found_by_record_and_address),
        cmocka_unit_test(equality_is_that_of_type_name_and_servers),
        cmocka_unit_test(one_mongos_takes_everything_two_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
