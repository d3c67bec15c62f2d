/* SPDX-License-Identifier: Apache-2.0 */
/* Orders and projections from lists of names. */
#include "query_support.h"

#define FIND "{'find':'post','filter':{}"

static muv_query_t *unordered(void)
{
    return muv_query_order(posts(), NULL);
}

static void only_and_exclude_add_up(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_only(muv_query_only(unordered(), "title"), "votes, home__city"),
                  render_all, FIND ",'projection':{'t':1,'v':1,'h.c':1}}");
    CHECK_COMMAND(muv_query_exclude(muv_query_exclude(unordered(), "title"), "votes"), render_all,
                  FIND ",'projection':{'t':0,'v':0}}");
}

static void what_both_name_is_left_out_in_any_order(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_exclude(muv_query_only(unordered(), "title votes"), "votes"),
                  render_all, FIND ",'projection':{'t':1}}");
    CHECK_COMMAND(muv_query_only(muv_query_exclude(unordered(), "home"), "title home__city"),
                  render_all, FIND ",'projection':{'t':1}}");
    CHECK_COMMAND(muv_query_exclude(muv_query_only(unordered(), "title"), "title"), render_all,
                  FIND ",'projection':{'_id':1}}");
}

static void the_key_is_loaded_unless_it_is_excluded(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_only(unordered(), "pk"), render_all, FIND ",'projection':{'_id':1}}");
    CHECK_COMMAND(muv_query_exclude(unordered(), "id"), render_all,
                  FIND ",'projection':{'_id':0}}");
    CHECK_COMMAND(muv_query_exclude(muv_query_only(unordered(), "title"), "id"), render_all,
                  FIND ",'projection':{'t':1,'_id':0}}");
}

/* The server refuses a path together with one inside it. */
static void a_path_inside_another_one_is_not_sent(void **state)
{
    (void)state;
    CHECK_COMMAND(muv_query_only(unordered(), "home__city home title title"), render_all,
                  FIND ",'projection':{'h':1,'t':1}}");
    CHECK_REFUSED(muv_query_exclude(muv_query_only(posts(), "home"), "home__city"),
                  "Post.home.city: a part is excluded of what only() wants as a whole");
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_order(posts(), "-x"), "Post: Cannot resolve field \"x\"");
    CHECK_REFUSED(muv_query_order(posts(), "votes -votes"),
                  "Post.votes: the order names this field twice");
    CHECK_REFUSED(muv_query_order(posts(), "-"), "Post: Cannot resolve field \"\"");
    CHECK_REFUSED(muv_query_only(posts(), ""), "Post: only() without names");
    CHECK_REFUSED(muv_query_exclude(posts(), "author__name"),
                  "Post.author: Cannot perform join in mongoDB: author__name");
}

static void check_loaded(muv_query_t *query, int title, int votes, int id)
{
    muv__projection_t *projection = NULL;
    muv__arena_t arena;

    muv__arena_init(&arena, 256, 1 << 20);
    assert_int_equal(muv__query_prepare(query, NULL), 0);
    assert_int_equal(muv__query_projection(query, &arena, &projection), 0);
    assert_non_null(projection);
    assert_int_equal(projection->loaded[post_field_title], title);
    assert_int_equal(projection->loaded[post_field_votes], votes);
    assert_int_equal(projection->loaded[post_field_id], id);
    muv__arena_done(&arena);
    muv_query_free(query);
}

static void the_decoder_learns_what_is_loaded(void **state)
{
    (void)state;
    check_loaded(muv_query_only(posts(), "title"), 1, 0, 1);
    check_loaded(muv_query_exclude(posts(), "title"), 0, 1, 1);
    check_loaded(muv_query_exclude(muv_query_only(posts(), "title"), "pk"), 1, 0, 0);
    check_loaded(muv_query_exclude(posts(), "pk"), 1, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_and_exclude_add_up),
        cmocka_unit_test(what_both_name_is_left_out_in_any_order),
        cmocka_unit_test(the_key_is_loaded_unless_it_is_excluded),
        cmocka_unit_test(a_path_inside_another_one_is_not_sent),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(the_decoder_learns_what_is_loaded),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
