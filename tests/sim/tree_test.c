/* SPDX-License-Identifier: Apache-2.0 */
/* Composites: of no and of three commands, under success, error, cancel, timeout and close. */
#include "scene.h"

#include <string.h>

typedef struct tree {
    call_t root;
    call_t children[3];
} tree_t;

/* A composite with three commands, not finished yet. */
static void begin_three(scene_t *scene, tree_t *tree, const muv_op_opts_t *opts)
{
    CHECK_CODE(tree_begin(scene, &tree->root, opts), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_CODE(
            call_start_as(scene, &tree->children[i], i, &(call_opts_t){.parent = tree->root.op}),
            0);
    }
}

static void one_of_nothing_completes_when_it_is_finished(void **state)
{
    scene_t scene;
    call_t root = {0};

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(tree_begin(&scene, &root, NULL), 0);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_PENDING(&root);
    tree_finish(&root, NULL);
    CHECK_PENDING(&root);
    tree_finish(&root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&root, 0);
    scene_end(&scene);
}

static void three_commands_come_before_their_parent(void **state)
{
    scene_t scene;
    tree_t tree = {0};

    (void)state;
    scene_open(&scene, NULL);
    begin_three(&scene, &tree, NULL);
    tree_finish(&tree.root, NULL);
    CHECK_PENDING(&tree.root);
    sim_run(scene.world);
    CHECK_ALL_ENDED(tree.children, 3, 0);
    CHECK_ENDED(&tree.root, 0);
    assert_int_equal(tree.root.order, 4);
    scene_end(&scene);
}

static void the_first_error_of_a_child_goes_up(void **state)
{
    scene_t scene;
    tree_t tree = {0};

    (void)state;
    scene_open(&scene, NULL);
    sim_on(scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'code': 26, 'errmsg': 'first'}",
                         .delay_us = 10 * SIM_MS,
                         .times = 1});
    sim_on(scene.server, "ping",
           &(sim_step_t){.json = "{'ok': 0, 'code': 27, 'errmsg': 'second'}",
                         .delay_us = 90 * SIM_MS,
                         .times = 1});
    begin_three(&scene, &tree, NULL);
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.children[2], 0);
    CHECK_ENDED(&tree.root, MUV_ESERVER);
    assert_int_equal(tree.root.error.server_code, 26);
    assert_string_equal(tree.root.error.message, "first");
    assert_null(tree.root.error.reply);
    scene_end(&scene);
}

static void absorb(call_t *call)
{
    assert_int_equal(call->code, MUV_ESERVER);
    INSIDE(call->scene, muv_op_absorb_error(call->data));
}

static void an_absorbed_error_stays_below(void **state)
{
    scene_t scene;
    call_t root = {0};
    call_t child = {.then = absorb};

    (void)state;
    scene_open(&scene, NULL);
    sim_on(scene.server, "ping", &(sim_step_t){.json = "{'ok': 0, 'code': 26}"});
    CHECK_CODE(tree_begin(&scene, &root, NULL), 0);
    CHECK_CODE(call_start_as(&scene, &child, 1, &(call_opts_t){.parent = root.op}), 0);
    child.data = child.op;
    tree_finish(&root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&child, MUV_ESERVER);
    CHECK_ENDED(&root, 0);
    scene_end(&scene);
}

static void the_error_given_to_finish_is_the_parents(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    muv_error_t error = {.code = MUV_EVALIDATION, .message = "wrong"};

    (void)state;
    scene_open(&scene, NULL);
    begin_three(&scene, &tree, NULL);
    tree_finish(&tree.root, &error);
    sim_run(scene.world);
    CHECK_ALL_ENDED(tree.children, 3, 0);
    CHECK_ENDED(&tree.root, MUV_EVALIDATION);
    scene_end(&scene);
}

static void cancel_goes_down_and_nothing_new_starts(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    call_t refused = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 2);
    begin_three(&scene, &tree, NULL);
    call_cancel(&tree.root);
    CHECK_PENDING(&tree.children[0]);
    CHECK_CODE(call_start_as(&scene, &refused, 9, &(call_opts_t){.parent = tree.root.op}),
               MUV_ECLOSED);
    CHECK_CODE(tree_begin(&scene, &refused, &(muv_op_opts_t){.parent = tree.root.op}), MUV_ECLOSED);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ALL_ENDED(tree.children, 3, MUV_ECANCELED);
    CHECK_PENDING(&tree.root);
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.root, MUV_ECANCELED);
    scene_end(&scene);
}

static void the_parents_deadline_ends_all(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    int64_t start_us;

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE, .times = 2});
    start_us = sim_now_us(scene.world);
    begin_three(&scene, &tree, &(muv_op_opts_t){.timeout_ms = 250});
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.root, MUV_ETIMEOUT);
    CHECK_ENDED(&tree.children[0], MUV_ETIMEOUT);
    CHECK_ENDED(&tree.children[1], MUV_ETIMEOUT);
    CHECK_ENDED(&tree.children[2], 0);
    assert_int_equal(tree.root.ended_us - start_us, 250 * SIM_MS);
    assert_int_equal(tree.root.order, 4);
    scene_end(&scene);
}

static void nested_ones_end_from_the_inside(void **state)
{
    scene_t scene;
    call_t outer = {0};
    call_t middle = {0};
    call_t leaf = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    sim_on(scene.server, "ping", &(sim_step_t){.act = SIM_SILENCE});
    CHECK_CODE(tree_begin(&scene, &outer, NULL), 0);
    CHECK_CODE(tree_begin(&scene, &middle, &(muv_op_opts_t){.parent = outer.op}), 0);
    CHECK_CODE(call_start_as(&scene, &leaf, 1, &(call_opts_t){.parent = middle.op}), 0);
    tree_finish(&outer, NULL);
    tree_finish(&middle, NULL);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_PENDING(&outer);
    call_cancel(&outer);
    CHECK_PENDING(&leaf);
    sim_run(scene.world);
    CHECK_ENDED(&leaf, MUV_ECANCELED);
    CHECK_ENDED(&middle, MUV_ECANCELED);
    CHECK_ENDED(&outer, MUV_ECANCELED);
    assert_int_equal(leaf.order, 1);
    assert_int_equal(outer.order, 3);
    scene_end(&scene);
}

static void finish_parent(call_t *call)
{
    tree_finish(call->data, NULL);
}

static void start_sibling(call_t *call)
{
    call_t *sibling = call->data;
    call_t *root = sibling->data;

    CHECK_CODE(call_start_as(call->scene, sibling, 2, &(call_opts_t){.parent = root->op}), 0);
    tree_finish(root, NULL);
}

static void children_may_finish_it_and_start_more(void **state)
{
    scene_t scene;
    call_t roots[2] = {{0}};
    call_t finisher = {.then = finish_parent, .data = &roots[0]};
    call_t sibling = {.data = &roots[1]};
    call_t starter = {.then = start_sibling, .data = &sibling};

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(tree_begin(&scene, &roots[0], NULL), 0);
    CHECK_CODE(tree_begin(&scene, &roots[1], NULL), 0);
    CHECK_CODE(call_start_as(&scene, &finisher, 1, &(call_opts_t){.parent = roots[0].op}), 0);
    CHECK_CODE(call_start_as(&scene, &starter, 1, &(call_opts_t){.parent = roots[1].op}), 0);
    sim_run(scene.world);
    CHECK_ALL_ENDED(roots, 2, 0);
    CHECK_ENDED(&sibling, 0);
    assert_true(roots[1].order > sibling.order);
    scene_end(&scene);
}

static void a_finished_or_foreign_parent_is_refused(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    call_t refused = {0};
    call_t command = {0};

    (void)state;
    scene_open(&scene, NULL);
    begin_three(&scene, &tree, NULL);
    tree_finish(&tree.root, NULL);
    CHECK_CODE(call_start_as(&scene, &refused, 9, &(call_opts_t){.parent = tree.root.op}),
               MUV_EINVAL);
    CHECK_CONTAINS(muv_client_refusal(scene.client)->message, "parent");
    CHECK_CODE(call_start(&scene, &command, 1, 0), 0);
    CHECK_CODE(tree_begin(&scene, &refused, &(muv_op_opts_t){.parent = command.op}), MUV_EINVAL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.root, 0);
    scene_end(&scene);
}

static void closing_by_drain_lets_the_tree_grow_to_its_end(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    call_t late = {0};
    call_t refused = {0};

    (void)state;
    scene_open(&scene, NULL);
    begin_three(&scene, &tree, NULL);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_DRAIN), 0);
    CHECK_CODE(call_start_as(&scene, &late, 9, &(call_opts_t){.parent = tree.root.op}), 0);
    CHECK_CODE(call_start(&scene, &refused, 9, 0), MUV_ECLOSED);
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(scene.closed, 0);
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ALL_ENDED(tree.children, 3, 0);
    CHECK_ENDED(&late, 0);
    CHECK_ENDED(&tree.root, 0);
    scene_end(&scene);
}

static void closing_by_abort_waits_for_finish(void **state)
{
    scene_t scene;
    tree_t tree = {0};
    call_t late = {0};

    (void)state;
    scene_open(&scene, NULL);
    scene_warm(&scene, 1);
    begin_three(&scene, &tree, NULL);
    CHECK_CODE(scene_close(&scene, MUV_CLOSE_ABORT), 0);
    CHECK_PENDING(&tree.children[0]);
    CHECK_CODE(call_start_as(&scene, &late, 9, &(call_opts_t){.parent = tree.root.op}),
               MUV_ECLOSED);
    sim_run_for(scene.world, SIM_SECOND);
    CHECK_ALL_ENDED(tree.children, 3, MUV_ECLOSED);
    assert_int_equal(scene.closed, 0);
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.root, MUV_ECLOSED);
    scene_end(&scene);
}

static void an_error_can_be_seen_before_the_end(void **state)
{
    scene_t scene;
    tree_t tree = {0};

    (void)state;
    scene_open(&scene, NULL);
    sim_on(scene.server, "ping", &(sim_step_t){.json = "{'ok': 0, 'code': 26}", .times = 1});
    begin_three(&scene, &tree, NULL);
    assert_null(muv_op_error(tree.root.op));
    sim_run_for(scene.world, SIM_SECOND);
    assert_int_equal(muv_op_error(tree.root.op)->server_code, 26);
    tree_finish(&tree.root, NULL);
    sim_run(scene.world);
    CHECK_ENDED(&tree.root, MUV_ESERVER);
    assert_null(muv_op_error(NULL));
    scene_end(&scene);
}

/* User code decides how deep it is: cancelling must not need stack for each level. */
static void a_tree_of_any_depth_is_cancelled(void **state)
{
    enum { DEPTH = 300000 };
    muv_op_opts_t opts = {.finish_when_stopped = MUV_YES};
    scene_t scene;
    call_t root = {0};
    muv_op_t *op;

    (void)state;
    scene_open(&scene, NULL);
    CHECK_CODE(tree_begin(&scene, &root, &opts), 0);
    op = root.op;
    for (int i = 0; i < DEPTH; i++) {
        opts.parent = op;
        assert_int_equal(muv_op_begin(scene.client, &opts, NULL, NULL, &op), 0);
    }
    call_cancel(&root);
    sim_run(scene.world);
    CHECK_ENDED(&root, MUV_ECANCELED);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_nothing_completes_when_it_is_finished),
        cmocka_unit_test(three_commands_come_before_their_parent),
        cmocka_unit_test(the_first_error_of_a_child_goes_up),
        cmocka_unit_test(an_absorbed_error_stays_below),
        cmocka_unit_test(the_error_given_to_finish_is_the_parents),
        cmocka_unit_test(cancel_goes_down_and_nothing_new_starts),
        cmocka_unit_test(the_parents_deadline_ends_all),
        cmocka_unit_test(nested_ones_end_from_the_inside),
        cmocka_unit_test(children_may_finish_it_and_start_more),
        cmocka_unit_test(a_finished_or_foreign_parent_is_refused),
        cmocka_unit_test(closing_by_drain_lets_the_tree_grow_to_its_end),
        cmocka_unit_test(closing_by_abort_waits_for_finish),
        cmocka_unit_test(an_error_can_be_seen_before_the_end),
        cmocka_unit_test(a_tree_of_any_depth_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
