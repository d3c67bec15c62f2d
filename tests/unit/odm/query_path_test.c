/* SPDX-License-Identifier: Apache-2.0 */
/* Names into stored paths: cutting, limits, what is allowed where. */
#include "odm/query_path.h"

#include "query_support.h"

#include <stdio.h>

static int walk(const char *name, unsigned allowed, muv__query_path_t *path, muv_error_t *error)
{
    const muv_schema_t *schema = muv_registry_find(query_registry(), &post_model);

    return muv__path_of_name(path, schema, name, strlen(name), allowed, error);
}

static void names_are_cut_at_two_underscores_and_at_dots(void **state)
{
    muv__segment_t segments[MUV__QUERY_SEGMENTS];
    int count = muv__name_split("a_b__c.d____e___f__", 19, segments);

    (void)state;
    assert_int_equal(count, 7);
    assert_true(muv__segment_is(&segments[0], "a_b"));
    assert_true(muv__segment_is(&segments[1], "c"));
    assert_true(muv__segment_is(&segments[2], "d"));
    assert_true(muv__segment_is(&segments[3], ""));
    assert_true(muv__segment_is(&segments[4], "e"));
    assert_true(muv__segment_is(&segments[5], "_f"));
    assert_true(muv__segment_is(&segments[6], ""));
}

static void a_walk_knows_field_and_element(void **state)
{
    muv__query_path_t path;
    muv_error_t error;

    (void)state;
    assert_int_equal(walk("comments__3__text", MUV__PATH_POSITIONS, &path, &error), 0);
    assert_string_equal(path.text, "cm.3.t");
    assert_string_equal(path.label, "comments.3.text");
    assert_int_equal(muv__path_kind(&path), MUV_KIND_STRING);
    assert_int_equal(walk("tags", 0, &path, &error), 0);
    assert_true(muv__path_is_list(&path));
    assert_int_equal(walk("tags.0", MUV__PATH_POSITIONS, &path, &error), 0);
    assert_false(muv__path_is_list(&path));
}

static void positions_are_only_where_they_are_allowed(void **state)
{
    muv__query_path_t path;
    muv_error_t error;
    unsigned all = MUV__PATH_POSITIONS | MUV__PATH_MATCHED;

    (void)state;
    assert_int_equal(walk("tags__0", 0, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__$", MUV__PATH_POSITIONS, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__$", all, &path, &error), 0);
    assert_int_equal(walk("tags__$[a1]", all, &path, &error), 0);
    assert_string_equal(path.text, "tg.$[a1]");
    assert_int_equal(walk("tags__$[A]", all, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__$[a.b]", all, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__0__1", all, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__01", all, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("tags__1234567890", all, &path, &error), MUV_EINVAL);
    assert_int_equal(walk("title__S", all, &path, &error), MUV_EINVAL);
}

static void paths_have_a_longest_length(void **state)
{
    char name[4096] = "comments";
    muv__query_path_t path;
    muv_error_t error;

    (void)state;
    for (int i = 0; i < 62; i++) {
        (void)snprintf(name + strlen(name), sizeof(name) - strlen(name), "__replies");
    }
    assert_int_equal(walk(name, 0, &path, &error), 0);
    (void)snprintf(name + strlen(name), sizeof(name) - strlen(name), "__replies__text");
    assert_int_equal(walk(name, 0, &path, &error), MUV_EINVAL);
    assert_string_equal(error.message, "Post: a name has more than 64 parts");
}

static void a_message_holds_what_fits(void **state)
{
    char name[3000];
    muv__query_path_t path;
    muv_error_t error;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(walk(name, 0, &path, &error), MUV_EINVAL);
    CHECK_CONTAINS(error.message, "Post: Cannot resolve field \"xxxx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cut_at_two_underscores_and_at_dots),
        cmocka_unit_test(a_walk_knows_field_and_element),
        cmocka_unit_test(positions_are_only_where_they_are_allowed),
        cmocka_unit_test(paths_have_a_longest_length),
        cmocka_unit_test(a_message_holds_what_fits),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
