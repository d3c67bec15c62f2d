/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the transition table, each by what is left afterwards. The official files cover the
 * table far more widely (tests/spec/sdam_test.c); these cases name its rows. */
#include "support/check.h"

#include "unit/topology/scene.h"

#include <string.h>

/* Type and servers, as one line. */
static const char *state_of(const scene_t *s)
{
    static char text[512];

    muv__topology_snapshot_text(s->topology.snapshot, text, sizeof text);
    return text;
}

static void standalone_alone_is_single(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    assert_string_equal(state_of(&s), "Single: a:27017 Standalone");
    scene_end(&s);
}

static void standalone_among_seeds_is_removed(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    assert_string_equal(state_of(&s), "Unknown: b:27017 Unknown");
    scene_end(&s);
}

static void mongos_makes_the_topology_sharded_for_good(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b,c", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_MONGOS, 1), 0);
    CHECK_CODE(scene_reply(&s, "b:27017", SCENE_PRIMARY("[\"b\"]"), 1), 0);
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETWORK), 0);
    assert_string_equal(state_of(&s), "Sharded: a:27017 Unknown (check failed), c:27017 Unknown");
    scene_end(&s);
}

static void primary_of_another_set_is_removed(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "other", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\"]"), 1), 0);
    assert_string_equal(state_of(&s), "ReplicaSetNoPrimary: b:27017 Unknown");
    scene_end(&s);
}

static void set_without_primary_keeps_what_it_knows(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 1), 0);
    CHECK_CODE(scene_reply(&s, "b:27017", SCENE_SECONDARY("[\"a\", \"b\", \"c\"]"), 1), 0);
    assert_string_equal(state_of(&s),
                        "ReplicaSetWithPrimary: a:27017 RSPrimary, b:27017 RSSecondary");
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_SECONDARY("[\"a\", \"b\"]"), 1), 0);
    assert_string_equal(state_of(&s),
                        "ReplicaSetNoPrimary: a:27017 RSSecondary, b:27017 RSSecondary");
    scene_end(&s);
}

static void misnamed_member_is_removed(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017",
                           "{\"secondary\": true, \"setName\": \"rs\", \"hosts\": [\"b\", \"c\"],"
                           " \"me\": \"c\", \"primary\": \"b\"}",
                           1),
               0);
    assert_string_equal(state_of(&s),
                        "ReplicaSetNoPrimary: b:27017 PossiblePrimary, c:27017 Unknown");
    scene_end(&s);
}

static void direct_connection_to_another_set_is_unknown(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", "other", 1), 0);
    scene_clear_log(&s);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 1), 0);
    assert_string_equal(state_of(&s),
                        "Single: a:27017 Unknown (the server is not a member of the replica set "
                        "that was asked for)");
    assert_null(strstr(s.log, "ready"));
    scene_end(&s);
}

static void ghost_changes_nothing(void **state)
{
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", NULL, 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", "{\"isreplicaset\": true}", 1), 0);
    assert_string_equal(state_of(&s), "Unknown: a:27017 RSGhost, b:27017 Unknown");
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standalone_alone_is_single),
        cmocka_unit_test(standalone_among_seeds_is_removed),
        cmocka_unit_test(mongos_makes_the_topology_sharded_for_good),
        cmocka_unit_test(primary_of_another_set_is_removed),
        cmocka_unit_test(set_without_primary_keeps_what_it_knows),
        cmocka_unit_test(misnamed_member_is_removed),
        cmocka_unit_test(direct_connection_to_another_set_is_unknown),
        cmocka_unit_test(ghost_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
