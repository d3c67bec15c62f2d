/* SPDX-License-Identifier: Apache-2.0 */
/* The working copy: nothing shows until it is a snapshot, and it cannot grow for ever. */
#include "support/check.h"

#include "topology/topology_draft.h"
#include "unit/topology/scene.h"

#include <string.h>

static void dropped_draft_changes_nothing(void **state)
{
    muv__topology_draft_t draft;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    muv__draft_init(&draft, s.topology.snapshot, 2, 0);
    muv__draft_add_address(&draft, "c:27017");
    muv__draft_add_address(&draft, "a:27017");
    muv__draft_remove(&draft, muv__draft_find(&draft, "b:27017"));
    muv__draft_set_unknown(&draft, muv__draft_find(&draft, "a:27017"), "why");
    assert_int_equal(draft.live_count, 2);
    assert_null(muv__draft_find(&draft, "b:27017"));
    assert_null(muv__draft_of(&draft, scene_server(&s, "b:27017")));
    muv__draft_done(&draft);
    assert_int_equal(s.topology.snapshot->server_count, 2);
    assert_null(scene_description(&s, "a:27017")->error_text);
    assert_int_equal(scene_server(&s, "b:27017")->references, 1);
    scene_end(&s);
}

static void removed_server_comes_back_as_a_new_one(void **state)
{
    muv__topology_draft_t draft;
    muv__topology_snapshot_t *snapshot;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", "rs", 0), 0);
    muv__draft_init(&draft, s.topology.snapshot, 1, 0);
    muv__draft_remove(&draft, muv__draft_find(&draft, "a:27017"));
    muv__draft_add_address(&draft, "a:27017");
    CHECK_CODE(muv__draft_snapshot(&draft, &snapshot), 0);
    assert_int_equal(snapshot->server_count, 1);
    assert_ptr_not_equal(snapshot->servers[0].server, scene_server(&s, "a:27017"));
    muv__draft_done(&draft);
    muv__topology_snapshot_release(snapshot);
    scene_end(&s);
}

static void only_an_unknown_server_takes_the_hint(void **state)
{
    muv__topology_draft_t draft;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a,b", "rs", 0), 0);
    CHECK_CODE(scene_reply(&s, "a:27017", SCENE_SECONDARY("[\"a\", \"b\"]"), 1), 0);
    muv__draft_init(&draft, s.topology.snapshot, 0, 0);
    muv__draft_hint_primary(&draft, "a:27017");
    muv__draft_hint_primary(&draft, "b:27017");
    muv__draft_hint_primary(&draft, "z:27017");
    muv__draft_hint_primary(&draft, NULL);
    assert_int_equal(muv__draft_find(&draft, "a:27017")->now.description->type,
                     MUV__SERVER_RS_SECONDARY);
    assert_int_equal(muv__draft_find(&draft, "b:27017")->now.description->type,
                     MUV__SERVER_POSSIBLE_PRIMARY);
    muv__draft_done(&draft);
    scene_end(&s);
}

static void servers_beyond_the_maximum_are_not_added(void **state)
{
    muv__topology_draft_t draft;
    scene_t s;

    (void)state;
    CHECK_CODE(scene_start(&s, "a", "rs", 0), 0);
    muv__draft_init(&draft, s.topology.snapshot, MUV__TOPOLOGY_MAX_SERVERS + 5, 0);
    for (int i = 0; i < MUV__TOPOLOGY_MAX_SERVERS + 5; i++) {
        muv__draft_add_address(&draft, text_of("h%d:1", i));
    }
    CHECK_CODE(draft.error, 0);
    assert_int_equal(draft.live_count, MUV__TOPOLOGY_MAX_SERVERS);
    muv__draft_done(&draft);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropped_draft_changes_nothing),
        cmocka_unit_test(removed_server_comes_back_as_a_new_one),
        cmocka_unit_test(only_an_unknown_server_takes_the_hint),
        cmocka_unit_test(servers_beyond_the_maximum_are_not_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
