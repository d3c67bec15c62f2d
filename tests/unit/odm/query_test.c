/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a query: sticky errors, copies, options as data. */
#include "query_support.h"

static void the_first_error_sticks(void **state)
{
    muv_query_t *query = muv_query_limit(muv_query_filter(posts(), muv_where("x", 1)), -1);

    (void)state;
    muv_query_filter(query, muv_where("votes", "y"));
    CHECK_REFUSED(query, "Post: Cannot resolve field \"x\"");
}

static void an_unknown_model_is_an_error_of_the_query(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_new(query_registry(), NULL), "(none): no model with a collection");
    CHECK_REFUSED(muv_query_limit(muv_query_new(query_registry(), &address_model), 1),
                  "Address: no model with a collection");
    assert_null(muv_query_new(NULL, &post_model));
}

static void no_query_at_all_is_out_of_memory(void **state)
{
    const uint8_t *data = NULL;
    size_t size = 0;

    (void)state;
    assert_null(muv_query_limit(muv_query_filter(NULL, muv_where("votes", 1)), 1));
    CHECK_ERROR(muv_query_error(NULL), MUV_ENOMEM);
    assert_int_equal(muv_query_bson(NULL, &data, &size), MUV_ENOMEM);
    assert_null(muv_query_clone(NULL));
    muv_query_free(NULL);
}

static void negative_numbers_are_refused(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_limit(posts(), -1), "Post: limit is negative");
    CHECK_REFUSED(muv_query_skip(posts(), -1), "Post: skip is negative");
    CHECK_REFUSED(muv_query_slice(posts(), -1, 2), "Post: a slice has a negative end");
    CHECK_REFUSED(muv_query_batch_size(posts(), -1), "Post: the batch size is negative");
    CHECK_REFUSED(muv_query_max_time_ms(posts(), -1), "Post: max_time_ms is negative");
}

/* Scenario 31: limit 0 is all, an empty slice is none. */
static void slices_are_skip_and_limit(void **state)
{
    muv_query_t *empty = muv_query_slice(posts(), 5, 5);
    muv_query_t *none = muv_query_none(posts());

    (void)state;
    CHECK_COMMAND(muv_query_slice(posts(), 2, 5), render_ids,
                  "{'find':'post','filter':{},'sort':{'v':-1},'projection':{'_id':1},'skip':2,"
                  "'limit':3}");
    CHECK_COMMAND(muv_query_limit(muv_query_limit(posts(), 5), 0), render_all,
                  "{'find':'post','filter':{},'sort':{'v':-1}}");
    assert_true(empty->none);
    assert_true(none->none);
    muv_query_free(empty);
    muv_query_free(none);
}

/* D13: the order of calls does not matter; nothing is evaluated early. */
static void options_are_data_until_the_query_is_sent(void **state)
{
    const char *json = "{'find':'post','filter':{},'sort':{'v':-1},'projection':{'t':1},'limit':1,"
                       "'comment':'c'}";

    (void)state;
    CHECK_COMMAND(
        muv_query_only(
            muv_query_slice(muv_query_max_time_ms(muv_query_comment(posts(), "c"), 9), 0, 1),
            "title"),
        render_all, json);
    CHECK_COMMAND(
        muv_query_comment(
            muv_query_max_time_ms(muv_query_limit(muv_query_only(posts(), "title"), 1), 9), "c"),
        render_all, json);
}

static void a_clone_goes_its_own_way(void **state)
{
    muv_query_t *query = muv_query_filter(
        posts(), muv_or(muv_eq(post_fields.votes, 1), muv_eq(post_fields.title, "x")));
    muv_query_t *clone;

    (void)state;
    muv_query_exclude(muv_query_only(muv_query_order(query, "title"), "title votes"), "votes");
    muv_query_hint(muv_query_skip(query, 3), "i");
    clone = muv_query_clone(query);
    muv_query_filter(clone, muv_gt(post_fields.score, 1));
    muv_query_filter(query, muv_eq(post_fields.tags, "a"));
    CHECK_COMMAND(query, render_all,
                  "{'find':'post','filter':{'$or':[{'v':1},{'t':'x'}],'tg':'a'},'sort':{'t':1},"
                  "'projection':{'t':1},'hint':'i','skip':3}");
    CHECK_COMMAND(clone, render_all,
                  "{'find':'post','filter':{'$or':[{'v':1},{'t':'x'}],'s':{'$gt':1.0}},"
                  "'sort':{'t':1},'projection':{'t':1},'hint':'i','skip':3}");
}

static void a_clone_keeps_the_error(void **state)
{
    muv_query_t *query = muv_query_limit(posts(), -1);

    (void)state;
    CHECK_REFUSED(muv_query_clone(query), "Post: limit is negative");
    muv_query_free(query);
}

static void a_query_may_grow_after_it_was_sent(void **state)
{
    muv_query_t *query = muv_query_filter(posts(), muv_gt(post_fields.votes, 1));
    const uint8_t *data = NULL;
    size_t size = 0;

    (void)state;
    assert_int_equal(muv_query_bson(query, &data, &size), 0);
    muv_query_filter(query, muv_lt(post_fields.votes, 9));
    CHECK_FILTER(query, "{'v':{'$gt':1,'$lt':9}}");
}

static void hint_takes_a_name_or_keys(void **state)
{
    bson_t *keys = bson_from("{\"v\":-1}");
    muv_query_t *query = muv_query_hint_keys(muv_query_hint(posts(), "x"), keys);

    (void)state;
    bson_destroy(keys);
    CHECK_COMMAND(query, render_get,
                  "{'find':'post','filter':{},'hint':{'v':-1},'limit':2,'singleBatch':true}");
}

static void what_a_query_was_given_may_go_away(void **state)
{
    char text[] = "x";
    char name[] = "title";
    muv_query_t *query = muv_query_filter(posts(), muv_where(name, text));

    (void)state;
    memset(text, '?', sizeof(text) - 1);
    memset(name, '?', sizeof(name) - 1);
    CHECK_FILTER(query, "{'t':'x'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(an_unknown_model_is_an_error_of_the_query),
        cmocka_unit_test(no_query_at_all_is_out_of_memory),
        cmocka_unit_test(negative_numbers_are_refused),
        cmocka_unit_test(slices_are_skip_and_limit),
        cmocka_unit_test(options_are_data_until_the_query_is_sent),
        cmocka_unit_test(a_clone_goes_its_own_way),
        cmocka_unit_test(a_clone_keeps_the_error),
        cmocka_unit_test(a_query_may_grow_after_it_was_sent),
        cmocka_unit_test(hint_takes_a_name_or_keys),
        cmocka_unit_test(what_a_query_was_given_may_go_away),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
