/* SPDX-License-Identifier: Apache-2.0 */
/* What the official files do not reach: the fast way, errors, chances, old snapshots. */
#include "support/check.h"

#include "topology/selection.h"
#include "unit/topology/scene.h"

#include <string.h>

static const char *pick(const scene_t *s, muv__selection_criteria_t *criteria, uint64_t random)
{
    const muv__snapshot_entry_t *entry = NULL;

    criteria->local_threshold_us = MUV__DEFAULT_LOCAL_THRESHOLD_US;
    criteria->heartbeat_interval_us = 10000000;
    CHECK_CODE(muv__selection_pick(s->topology.snapshot, criteria, random, &entry, NULL), 0);
    return entry == NULL ? "nobody" : entry->server->address;
}

static void start_set(scene_t *s)
{
    CHECK_CODE(scene_start(s, "a,b,c", "rs", 0), 0);
    CHECK_CODE(scene_reply(s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\", \"c\"]"), 1000), 0);
    CHECK_CODE(scene_reply(s, "b:27017", SCENE_SECONDARY("[\"a\", \"b\", \"c\"]"), 1000), 0);
    CHECK_CODE(scene_reply(s, "c:27017", SCENE_SECONDARY("[\"a\", \"b\", \"c\"]"), 20000), 0);
}

static void nobody_is_picked_before_the_first_check(void **state)
{
    muv__selection_criteria_t criteria = {.write = 1};
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    assert_string_equal(pick(&s, &criteria, 0), "nobody");
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_STANDALONE, 1), 0);
    assert_string_equal(pick(&s, &criteria, 0), "a:27017");
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETWORK), 0);
    assert_string_equal(pick(&s, &criteria, 0), "nobody");
    scene_end(&s);
}

static void direct_connection_ignores_the_read_preference(void **state)
{
    muv__read_pref_t secondary = {.mode = MUV__READ_SECONDARY, .max_staleness_s = 1};
    muv__selection_criteria_t criteria = {.read_preference = &secondary};
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_PRIMARY("[\"a\", \"b\"]"), 1), 0);
    assert_int_equal(s.topology.snapshot->sole, 1);
    assert_string_equal(pick(&s, &criteria, 0), "a:27017");
    scene_end(&s);
}

static void writes_go_to_the_primary_by_the_fast_way(void **state)
{
    muv__selection_criteria_t write = {.write = 1};
    muv__selection_criteria_t read = {.read_preference = NULL};
    scene_t s;

    (void)state;
    start_set(&s);
    assert_int_equal(s.topology.snapshot->fast_index, 0);
    assert_int_equal(s.topology.snapshot->sole, 0);
    assert_string_equal(pick(&s, &write, 0), "a:27017");
    assert_string_equal(pick(&s, &read, 0), "a:27017");
    CHECK_CODE(scene_check_failed(&s, "a:27017", MUV_ENETWORK), 0);
    assert_string_equal(pick(&s, &write, 0), "nobody");
    scene_end(&s);
}

static void far_secondary_is_left_alone(void **state)
{
    muv__read_pref_t secondary = {.mode = MUV__READ_SECONDARY};
    muv__selection_criteria_t criteria = {.read_preference = &secondary};
    scene_t s;

    (void)state;
    start_set(&s);
    for (uint64_t i = 0; i < 32; i++) {
        assert_string_equal(pick(&s, &criteria, i * 0x9e3779b97f4a7c15U), "b:27017");
    }
    scene_end(&s);
}

static void deprioritized_primary_is_still_the_only_one_for_writes(void **state)
{
    muv__selection_criteria_t criteria = {.write = 1, .deprioritized_count = 1};
    muv__topology_server_t *list[1];
    scene_t s;

    (void)state;
    start_set(&s);
    list[0] = scene_server(&s, "a:27017");
    criteria.deprioritized = list;
    assert_string_equal(pick(&s, &criteria, 0), "a:27017");
    scene_end(&s);
}

static void incompatible_server_fails_at_once_with_the_fixed_text(void **state)
{
    muv__selection_criteria_t criteria = {.write = 1};
    const muv__snapshot_entry_t *entry;
    muv_error_t error;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", NULL, 1), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", "{\"maxWireVersion\": 6}", 1), 0);
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), MUV_ECOMPAT);
    assert_string_equal(error.message, "Server at a:27017 reports wire version 6, but this version "
                                       "of libmuv requires at least 8 (MongoDB 4.2).");
    CHECK_CODE(scene_reply(&s, "a:27017", "{\"minWireVersion\": 99, \"maxWireVersion\": 100}", 1),
               0);
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), MUV_ECOMPAT);
    assert_string_equal(error.message,
                        "Server at a:27017 requires wire version 99, but this version of libmuv "
                        "only supports up to 27.");
    scene_end(&s);
}

static void staleness_needs_a_sensible_bound(void **state)
{
    muv__read_pref_t preference = {.mode = MUV__READ_NEAREST, .max_staleness_s = 89};
    muv__selection_criteria_t criteria = {.read_preference = &preference,
                                          .heartbeat_interval_us = 10000000};
    const muv__snapshot_entry_t *entry;
    muv_error_t error;
    scene_t s;

    (void)state;
    start_set(&s);
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), MUV_EINVAL);
    CHECK_CONTAINS(error.message, "maxStalenessSeconds is 89");
    preference.max_staleness_s = 90;
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), 0);
    criteria.heartbeat_interval_us = 81000000;
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), MUV_EINVAL);
    preference.mode = MUV__READ_PRIMARY;
    CHECK_CODE(muv__selection_pick(s.topology.snapshot, &criteria, 0, &entry, &error), MUV_EINVAL);
    scene_end(&s);
}

static void extremes_of_random_numbers_stay_within_the_set(void **state)
{
    static const uint64_t numbers[] = {0, UINT32_MAX, (uint64_t)UINT32_MAX << 32, UINT64_MAX};
    muv__read_pref_t nearest = {.mode = MUV__READ_NEAREST};
    muv__selection_criteria_t criteria = {.read_preference = &nearest};
    scene_t s;

    (void)state;
    start_set(&s);
    scene_server(&s, "a:27017")->operation_count = 5;
    for (size_t i = 0; i < MUV__COUNT_OF(numbers); i++) {
        /* Both near ones are drawn, the one with fewer operations wins. */
        assert_string_equal(pick(&s, &criteria, numbers[i]), "b:27017");
    }
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_picked_before_the_first_check),
        cmocka_unit_test(direct_connection_ignores_the_read_preference),
        cmocka_unit_test(writes_go_to_the_primary_by_the_fast_way),
        cmocka_unit_test(far_secondary_is_left_alone),
        cmocka_unit_test(deprioritized_primary_is_still_the_only_one_for_writes),
        cmocka_unit_test(incompatible_server_fails_at_once_with_the_fixed_text),
        cmocka_unit_test(staleness_needs_a_sensible_bound),
        cmocka_unit_test(extremes_of_random_numbers_stay_within_the_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
