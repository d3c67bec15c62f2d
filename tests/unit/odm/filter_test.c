/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: merging of conditions on one field, and/or/not, raw documents, limits. */
#include "query_support.h"

#include "odm/filter.h"
#include "support/alloc.h"

static muv_query_t *with_raw(muv_query_t *query, const char *json)
{
    bson_t *bson = bson_from(odm_json(json));

    muv_query_filter(query, muv_raw(bson));
    bson_destroy(bson);
    return query;
}

static void no_condition_is_an_empty_document(void **state)
{
    (void)state;
    CHECK_FILTER(posts(), "{}");
    CHECK_FILTER(muv_query_filter(posts(), muv_condition_group(MUV_Q_OR, NULL, 0)), "{}");
}

static void different_fields_stand_side_by_side(void **state)
{
    muv_query_t *query = posts();

    (void)state;
    muv_query_filter(query, muv_eq(post_fields.title, "x"));
    muv_query_filter(query, muv_gt(post_fields.votes, 1));
    CHECK_FILTER(query, "{'t':'x','v':{'$gt':1}}");
}

static void different_operators_on_one_field_are_merged(void **state)
{
    (void)state;
    CHECK_BOTH(muv_and(muv_gt(post_fields.votes, 1), muv_lt(post_fields.votes, 5)),
               muv_and(muv_where("votes__gt", 1), muv_where("votes__lt", 5)),
               "{'v':{'$gt':1,'$lt':5}}");
}

/* Scenario 20: test_visitor::multiple_occurence_in_field. */
static void the_same_operator_twice_becomes_and(void **state)
{
    (void)state;
    CHECK_BOTH(
        muv_and(muv_gt(post_fields.votes, 1), muv_gt(post_fields.votes, 5),
                muv_eq(post_fields.title, "x")),
        muv_and(muv_where("votes__gt", 1), muv_where("votes__gt", 5), muv_where("title", "x")),
        "{'t':'x','$and':[{'v':{'$gt':1}},{'v':{'$gt':5}}]}");
}

static void a_value_and_an_operator_on_one_field_become_and(void **state)
{
    (void)state;
    CHECK_BOTH(muv_and(muv_contains(post_fields.title, "a"), muv_ne(post_fields.title, "b"),
                       muv_gt(post_fields.title, "c")),
               muv_and(muv_where("title__contains", "a"), muv_where("title__ne", "b"),
                       muv_where("title__gt", "c")),
               "{'$and':[{'t':{'$regularExpression':{'pattern':'a','options':''}}},"
               "{'t':{'$ne':'b','$gt':'c'}}]}");
}

static void alternatives_become_or_and_nested_ones_are_flattened(void **state)
{
    (void)state;
    CHECK_BOTH(muv_or(muv_eq(post_fields.votes, 1),
                      muv_or(muv_eq(post_fields.votes, 2), muv_and(muv_eq(post_fields.title, "x"),
                                                                   muv_eq(post_fields.tags, "y")))),
               muv_or(muv_where("votes", 1), muv_where("votes", 2),
                      muv_and(muv_where("title", "x"), muv_where("tags", "y"))),
               "{'$or':[{'v':1},{'v':2},{'t':'x','tg':'y'}]}");
}

/* Scenario 20: test_visitor::chained_q_or_filtering. */
static void two_alternatives_become_and_of_or(void **state)
{
    muv_query_t *query = posts();

    (void)state;
    muv_query_filter(query, muv_or(muv_eq(post_fields.tags, "a"), muv_eq(post_fields.tags, "b")));
    muv_query_filter(query, muv_or(muv_eq(post_fields.tags, "c"), muv_eq(post_fields.tags, "d")));
    CHECK_FILTER(query,
                 "{'$and':[{'$or':[{'tg':'a'},{'tg':'b'}]},{'$or':[{'tg':'c'},{'tg':'d'}]}]}");
}

static void empty_parts_are_neutral_and_single_ones_stand_alone(void **state)
{
    muv_condition_t nothing = muv_condition_group(MUV_Q_AND, NULL, 0);
    muv_query_t *query = muv_query_filter(posts(), muv_gt(post_fields.votes, 1));

    (void)state;
    muv_query_filter(query, muv_or(nothing, muv_lt(post_fields.votes, 5)));
    muv_query_filter(query, muv_not(nothing));
    CHECK_FILTER(query, "{'v':{'$gt':1,'$lt':5}}");
}

static void negated_groups_become_nor(void **state)
{
    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_not(muv_or(muv_eq(post_fields.votes, 1),
                                                          muv_eq(post_fields.title, "x")))),
                 "{'$nor':[{'v':1},{'t':'x'}]}");
    CHECK_FILTER(muv_query_filter(posts(), muv_not(muv_and(muv_eq(post_fields.votes, 1),
                                                           muv_eq(post_fields.title, "x")))),
                 "{'$nor':[{'v':1,'t':'x'}]}");
    CHECK_FILTER(muv_query_filter(posts(), muv_not(muv_where("votes__not__gt", 1))),
                 "{'$nor':[{'v':{'$not':{'$gt':1}}}]}");
    CHECK_FILTER(muv_query_filter(posts(), muv_not(muv_and(muv_gt(post_fields.votes, 1),
                                                           muv_lt(post_fields.votes, 5)))),
                 "{'v':{'$not':{'$gt':1,'$lt':5}}}");
}

/* Scenario 18: test_transform::raw_and_merging. */
static void raw_documents_merge_into_the_operators_of_a_field(void **state)
{
    (void)state;
    CHECK_FILTER(with_raw(muv_query_filter(posts(), muv_gt(post_fields.votes, 1)),
                          "{'v':{'$lt':5},'x':{'y':1}}"),
                 "{'v':{'$gt':1,'$lt':5},'x':{'y':1}}");
    CHECK_FILTER(with_raw(muv_query_filter(posts(), muv_gt(post_fields.votes, 1)),
                          "{'v':{'$gt':5,'$lt':9}}"),
                 "{'$and':[{'v':{'$gt':1}},{'v':{'$gt':5,'$lt':9}}]}");
}

static void a_raw_and_takes_our_clashes_in(void **state)
{
    (void)state;
    CHECK_FILTER(with_raw(posts(), "{'$and':[{'a':1},{'b':2}]}"), "{'$and':[{'a':1},{'b':2}]}");
    CHECK_FILTER(with_raw(muv_query_filter(posts(), muv_and(muv_eq(post_fields.votes, 1),
                                                            muv_eq(post_fields.votes, 2))),
                          "{'$and':[{'a':1}]}"),
                 "{'$and':[{'v':1},{'v':2},{'a':1}]}");
    CHECK_REFUSED(with_raw(posts(), "{'$and':1}"), "Post: a raw $and must be an array");
}

/* D11: $where is part of the filter, so that no command widens it. */
static void raw_where_is_a_condition_like_any_other(void **state)
{
    (void)state;
    CHECK_COMMAND(
        with_raw(muv_query_filter(posts(), muv_eq(post_fields.votes, 1)), "{'$where':'this.a'}"),
        render_delete_many,
        "{'delete':'post','deletes':[{'q':{'v':1,'$where':'this.a'},'limit':0}]}");
}

/* A document of the program must not be read as operators. */
static void a_bson_value_with_operators_is_compared_and_not_obeyed(void **state)
{
    bson_t *bson = bson_from("{\"$gt\":\"\"}");

    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_where("home", bson)), "{'h':{'$eq':{'$gt':''}}}");
    bson_destroy(bson);
}

static void a_malformed_raw_document_is_refused(void **state)
{
    static const uint8_t bytes[] = {9, 0, 0, 0, 2, 'a', 0, 0, 0};
    muv_condition_t condition = muv_raw(NULL);

    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), condition),
                  "a raw condition: a BSON document is wanted, not a null");
    condition.operand = muv_operand_shape(MUV_OPERAND_BSON, MUV_KIND_NONE, bytes, sizeof(bytes));
    CHECK_REFUSED(muv_query_filter(posts(), condition),
                  "a raw condition: the BSON document is malformed");
    condition.operand.count = 4;
    CHECK_REFUSED(muv_query_filter(posts(), condition),
                  "a raw condition: the BSON document has a wrong length");
}

static void conditions_nest_to_a_limit(void **state)
{
    muv_condition_t levels[40];

    (void)state;
    levels[0] = muv_where("votes", 1);
    for (int i = 1; i < 40; i++) {
        levels[i] = muv_condition_group(MUV_Q_NOT, &levels[i - 1], 1);
    }
    CHECK_REFUSED(muv_query_filter(posts(), levels[39]), "Post: conditions are nested too deeply");
    muv_query_free(muv_query_filter(posts(), levels[MUV__FILTER_MAX_DEPTH - 1]));
}

static void conditions_on_plain_elements_have_their_limits(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_match(post_fields.marks, muv_where("x", 1))),
                  "Post.marks: elements have no fields: \"x\" must be an operator");
    CHECK_REFUSED(
        muv_query_filter(
            posts(), muv_match(post_fields.marks, muv_and(muv_where("gt", 1), muv_where("gt", 2)))),
        "Post.marks: one operator is asked twice of an element");
    CHECK_REFUSED(muv_query_filter(posts(), muv_match(post_fields.marks,
                                                      muv_condition_group(MUV_Q_AND, NULL, 0))),
                  "Post.marks: the condition on elements is empty");
}

static void build_much(void *data)
{
    muv_query_t *query = posts();
    muv_query_t *copy;
    const uint8_t *bytes;
    size_t size;

    (void)data;
    muv_query_filter(query, muv_or(muv_gt(post_fields.votes, 1), muv_eq(post_fields.title, "x"),
                                   muv_not(muv_in(post_fields.tags, MUV_TEXTS("a", "b")))));
    muv_query_filter(query, muv_and(muv_gt(post_fields.votes, 1), muv_lt(post_fields.votes, 9)));
    muv_query_filter(query, muv_match(post_fields.comments, muv_eq(comment_fields.text, "x")));
    muv_query_only(muv_query_order(query, "-votes title"), "title home__city");
    muv_query_comment(muv_query_hint(query, "h"), "c");
    copy = muv_query_clone(query);
    if (muv_query_bson(query, &bytes, &size) != 0 ||
        (copy != NULL && muv_query_bson(copy, &bytes, &size) != 0) || copy == NULL) {
        assert_true(alloc_has_failed());
        assert_true(query == NULL || muv_query_error(query) == NULL ||
                    muv_query_error(query)->code == MUV_ENOMEM);
    }
    muv_query_free(copy);
    muv_query_free(query);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(build_much, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_condition_is_an_empty_document),
        cmocka_unit_test(different_fields_stand_side_by_side),
        cmocka_unit_test(different_operators_on_one_field_are_merged),
        cmocka_unit_test(the_same_operator_twice_becomes_and),
        cmocka_unit_test(a_value_and_an_operator_on_one_field_become_and),
        cmocka_unit_test(alternatives_become_or_and_nested_ones_are_flattened),
        cmocka_unit_test(two_alternatives_become_and_of_or),
        cmocka_unit_test(empty_parts_are_neutral_and_single_ones_stand_alone),
        cmocka_unit_test(negated_groups_become_nor),
        cmocka_unit_test(raw_documents_merge_into_the_operators_of_a_field),
        cmocka_unit_test(a_raw_and_takes_our_clashes_in),
        cmocka_unit_test(raw_where_is_a_condition_like_any_other),
        cmocka_unit_test(a_bson_value_with_operators_is_compared_and_not_obeyed),
        cmocka_unit_test(a_malformed_raw_document_is_refused),
        cmocka_unit_test(conditions_nest_to_a_limit),
        cmocka_unit_test(conditions_on_plain_elements_have_their_limits),
        cmocka_unit_test(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
