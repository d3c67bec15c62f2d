/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of references: how paths become a tree, and what a walk finds. */
#include "odm/related_plan.h"

#include "support/check.h"
#include "support/odm_models.h"

typedef struct scene {
    muv_registry_t *registry;
    muv__arena_t arena;
    muv__plan_t plan;
    muv_error_t error;
} scene_t;

static int open_scene(void **state)
{
    static scene_t scene;

    memset(&scene, 0, sizeof(scene));
    scene.registry = odm_registry();
    muv__arena_init(&scene.arena, 256, 1 << 20);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    scene_t *s = *state;

    muv__arena_done(&s->arena);
    muv_registry_free(s->registry);
    return 0;
}

static int read_paths(scene_t *s, const char *paths)
{
    return muv__plan_new(muv_registry_find(s->registry, &post_model), paths, &s->arena, &s->plan,
                         &s->error);
}

static unsigned count_edges(const muv__plan_node_t *node)
{
    unsigned count = 0;

    for (const muv__plan_edge_t *edge = node->edges; edge != NULL; edge = edge->next) {
        count++;
    }
    return count;
}

static void paths_are_divided_by_commas_and_blanks(void **state)
{
    scene_t *s = *state;

    CHECK_CODE(read_paths(s, " author,comments.author  voters,\n"), 0);

    assert_int_equal(count_edges(s->plan.root), 3);
    assert_int_equal(s->plan.node_count, 4);
    assert_int_equal(s->plan.level_count, 1);
    assert_int_equal(s->plan.root->edges->next->step_count, 2);
    assert_string_equal(s->plan.root->edges->next->steps[1]->row->name, "author");
    assert_string_equal(s->plan.root->edges->to->schema->model->name, "User");
}

static void equal_paths_are_one_edge(void **state)
{
    scene_t *s = *state;

    CHECK_CODE(read_paths(s, "comments.author, comments__author, author, author"), 0);

    assert_int_equal(count_edges(s->plan.root), 2);
}

static void no_path_is_no_edge(void **state)
{
    scene_t *s = *state;

    CHECK_CODE(read_paths(s, " , "), 0);

    assert_int_equal(count_edges(s->plan.root), 0);
    assert_int_equal(s->plan.level_count, 0);
}

static void wrong_paths_are_errors(void **state)
{
    static const char *const wrong[][2] = {
        {"writer", "Post.writer: there is no such field"},
        {"author, title", "Post.title: not a reference"},
        {"home", "Post.home: not a reference"},
        {"home.city", "Post.home.city: not a reference"},
        {"author.", "Post.author.: there is no such field"},
        {"author.name", "Post.author.name: not a reference"},
        {"comments..author", "Post.comments..author: there is no such field"},
    };
    scene_t *s = *state;

    for (size_t i = 0; i < MUV__COUNT_OF(wrong); i++) {
        CHECK_CODE(read_paths(s, wrong[i][0]), MUV_EINVAL);
        assert_string_equal(s->error.message, wrong[i][1]);
    }
}

static void a_path_has_a_greatest_length(void **state)
{
    scene_t *s = *state;
    char path[8 * MUV__RELATED_STEPS + 32] = "comments";

    for (unsigned i = 1; i < MUV__RELATED_STEPS - 1; i++) {
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), ".replies");
    }
    (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), ".author");
    CHECK_CODE(read_paths(s, path), 0);
    (void)snprintf(path + strlen(path) - 7, 24, ".replies.author");
    CHECK_CODE(read_paths(s, path), MUV_EINVAL);
    CHECK_CONTAINS(s->error.message, "too long");
}

static int count_ref(muv_ref_t *ref, void *data)
{
    unsigned *counts = data;

    counts[0]++;
    counts[1] += ref->kind != MUV_KIND_NONE;
    return 0;
}

static void a_walk_goes_through_lists_and_embedded_documents(void **state)
{
    scene_t *s = *state;
    post_t *post =
        odm_load(s->registry, &post_model,
                 "{'_id': {'$oid': '010101010101010101010101'}, 'cm': ["
                 "{'t': 'a', 'a': {'$oid': '020202020202020202020202'}, 'r': [{'t': 'b', "
                 "'a': {'$oid': '030303030303030303030303'}}, {'t': 'c'}]}, {'t': 'd'}]}");
    unsigned direct[2] = {0};
    unsigned nested[2] = {0};

    CHECK_CODE(read_paths(s, "comments.author, comments.replies.author"), 0);
    assert_int_equal(muv__plan_visit(s->plan.root->edges, post, count_ref, direct), 0);
    assert_int_equal(muv__plan_visit(s->plan.root->edges->next, post, count_ref, nested), 0);

    assert_int_equal(direct[0], 2);
    assert_int_equal(direct[1], 1);
    assert_int_equal(nested[0], 2);
    assert_int_equal(nested[1], 1);
    muv_doc_release(post);
}

static int stop_walk(muv_ref_t *ref, void *data)
{
    (void)ref;
    (*(unsigned *)data)++;
    return 7;
}

static void a_visitor_can_stop_the_walk(void **state)
{
    scene_t *s = *state;
    post_t *post = odm_load(s->registry, &post_model,
                            "{'_id': {'$oid': '010101010101010101010101'}, 'vo': ["
                            "{'$oid': '020202020202020202020202'}, "
                            "{'$oid': '030303030303030303030303'}]}");
    unsigned calls = 0;

    CHECK_CODE(read_paths(s, "voters"), 0);
    assert_int_equal(muv__plan_visit(s->plan.root->edges, post, stop_walk, &calls), 7);

    assert_int_equal(calls, 1);
    muv_doc_release(post);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(paths_are_divided_by_commas_and_blanks),
        T(equal_paths_are_one_edge),
        T(no_path_is_no_edge),
        T(wrong_paths_are_errors),
        T(a_path_has_a_greatest_length),
        T(a_walk_goes_through_lists_and_embedded_documents),
        T(a_visitor_can_stop_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
