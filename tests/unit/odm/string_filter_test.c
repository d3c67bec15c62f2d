/* SPDX-License-Identifier: Apache-2.0 */
/* Both spellings of every operator against the BSON that is sent (scenario 17 of the reference). */
#include "query_support.h"

static muv_oid_t oid_of(const char *text)
{
    muv_oid_t oid;

    assert_int_equal(muv_oid_from_text(text, &oid), 0);
    return oid;
}

#define ID "0123456789abcdef01234567"

static void comparisons_become_operators(void **state)
{
    (void)state;
    CHECK_BOTH(muv_eq(post_fields.votes, 3), muv_where("votes", 3), "{'v':3}");
    CHECK_BOTH(muv_ne(post_fields.votes, 3), muv_where("votes__ne", 3), "{'v':{'$ne':3}}");
    CHECK_BOTH(muv_gt(post_fields.votes, 3), muv_where("votes__gt", 3), "{'v':{'$gt':3}}");
    CHECK_BOTH(muv_gte(post_fields.votes, 3), muv_where("votes__gte", 3), "{'v':{'$gte':3}}");
    CHECK_BOTH(muv_lt(post_fields.score, 1.5), muv_where("score__lt", 1.5), "{'s':{'$lt':1.5}}");
    CHECK_BOTH(muv_lte(post_fields.score, 1), muv_where("score__lte", 1),
               "{'s':{'$lte':{'$numberDouble':'1.0'}}}");
    CHECK_BOTH(muv_eq(post_fields.title, "x"), muv_where("title", "x"), "{'t':'x'}");
    CHECK_BOTH(muv_eq(post_fields.archived, true), muv_where("archived", true), "{'ar':true}");
    CHECK_BOTH(muv_gt(post_fields.created, ((muv_datetime_t){.ms = 5})),
               muv_where("created__gt", ((muv_datetime_t){.ms = 5})),
               "{'cr':{'$gt':{'$date':{'$numberLong':'5'}}}}");
    CHECK_BOTH(muv_eq(post_fields.note, muv_null()), muv_where("note", muv_null()), "{'nt':null}");
}

static void arrays_become_in_nin_and_all(void **state)
{
    const char *names[] = {"a", "b"};

    (void)state;
    CHECK_BOTH(muv_in(post_fields.votes, MUV_INTS(1, 2)), muv_where_in("votes__in", MUV_INTS(1, 2)),
               "{'v':{'$in':[1,2]}}");
    CHECK_BOTH(muv_nin(post_fields.status, MUV_TEXTS("a", "b")),
               muv_where_in("status__nin", names, 2), "{'st':{'$nin':['a','b']}}");
    CHECK_BOTH(muv_all(post_fields.tags, names, 2), muv_where_in("tags__all", MUV_TEXTS("a", "b")),
               "{'tg':{'$all':['a','b']}}");
}

static void exists_size_and_mod(void **state)
{
    int64_t numbers[] = {4, 1};

    (void)state;
    CHECK_BOTH(muv_exists(post_fields.title, true), muv_where("title__exists", true),
               "{'t':{'$exists':true}}");
    CHECK_BOTH(muv_size(post_fields.tags, 2), muv_where("tags__size", 2), "{'tg':{'$size':2}}");
    CHECK_BOTH(muv_mod(post_fields.votes, 4, 1), muv_where_in("votes__mod", numbers, 2),
               "{'v':{'$mod':[4,1]}}");
}

#define REGEX(pattern, options)                                                                    \
    "{'t':{'$regularExpression':{'pattern':'" pattern "','options':'" options "'}}}"

static void string_operators_become_regular_expressions(void **state)
{
    (void)state;
    CHECK_BOTH(muv_contains(post_fields.title, "a.b"), muv_where("title__contains", "a.b"),
               REGEX("a\\\\.b", ""));
    CHECK_BOTH(muv_icontains(post_fields.title, "a"), muv_where("title__icontains", "a"),
               REGEX("a", "i"));
    CHECK_BOTH(muv_startswith(post_fields.title, "a"), muv_where("title__startswith", "a"),
               REGEX("^a", ""));
    CHECK_BOTH(muv_istartswith(post_fields.title, "a"), muv_where("title__istartswith", "a"),
               REGEX("^a", "i"));
    CHECK_BOTH(muv_endswith(post_fields.title, "a"), muv_where("title__endswith", "a"),
               REGEX("a$", ""));
    CHECK_BOTH(muv_iendswith(post_fields.title, "a"), muv_where("title__iendswith", "a"),
               REGEX("a$", "i"));
    CHECK_BOTH(muv_iexact(post_fields.title, "a"), muv_where("title__iexact", "a"),
               REGEX("^a$", "i"));
    CHECK_BOTH(muv_wholeword(post_fields.title, "a"), muv_where("title__wholeword", "a"),
               REGEX("\\\\ba\\\\b", ""));
    CHECK_BOTH(muv_iregex(post_fields.title, "a.*"), muv_where("title__iregex", "a.*"),
               REGEX("a.*", "i"));
    CHECK_BOTH(muv_eq(post_fields.title, "a"), muv_where("title__exact", "a"), "{'t':'a'}");
}

static void not_negates_an_operator(void **state)
{
    (void)state;
    CHECK_BOTH(muv_not(muv_gt(post_fields.votes, 3)), muv_where("votes__not__gt", 3),
               "{'v':{'$not':{'$gt':3}}}");
    CHECK_BOTH(muv_not(muv_regex(post_fields.title, "a")), muv_where("title__not__regex", "a"),
               "{'t':{'$not':{'$regularExpression':{'pattern':'a','options':''}}}}");
    CHECK_BOTH(muv_not(muv_eq(post_fields.votes, 3)), muv_where("votes__not", 3),
               "{'v':{'$ne':3}}");
}

static void paths_are_translated_at_each_level(void **state)
{
    (void)state;
    CHECK_BOTH(muv_eq(muv_inside(post_fields.home, address_fields.city), "x"),
               muv_where("home__city", "x"), "{'h.c':'x'}");
    CHECK_BOTH(muv_gt(muv_inside(post_fields.comments, comment_fields.votes), 1),
               muv_where("comments__votes__gt", 1), "{'cm.v':{'$gt':1}}");
    CHECK_BOTH(muv_eq(post_fields.id, oid_of(ID)), muv_where("pk", ID),
               "{'_id':{'$oid':'" ID "'}}");
}

/* Scenario 21: test_queryset::find_array_position. */
static void numbers_are_positions_in_lists(void **state)
{
    (void)state;
    CHECK_BOTH(muv_eq(muv_item(post_fields.tags, 0), "x"), muv_where("tags__0", "x"),
               "{'tg.0':'x'}");
    CHECK_BOTH(muv_eq(muv_inside(muv_item(muv_inside(muv_item(post_fields.comments, 0),
                                                     comment_fields.replies),
                                          1),
                                 comment_fields.text),
                      "x"),
               muv_where("comments__0__replies__1__text", "x"), "{'cm.0.r.1.t':'x'}");
}

static void two_underscores_at_the_end_say_that_a_name_is_no_operator(void **state)
{
    (void)state;
    CHECK_FILTER(muv_query_filter(posts(), muv_where("home__city__", "x")), "{'h.c':'x'}");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("home__size__", 1)),
                  "Post.home: Cannot resolve field \"size\"");
}

static void lists_match_elements_or_whole(void **state)
{
    const char *two[] = {"a", "b"};
    muv_str_t strs[] = {muv_str("a"), muv_str("b")};
    muv_str_list_t list = {strs, 2, 0};

    (void)state;
    CHECK_BOTH(muv_eq(post_fields.tags, "a"), muv_where("tags", "a"), "{'tg':'a'}");
    CHECK_BOTH(muv_eq(post_fields.tags, list), muv_where_in("tags", two, 2), "{'tg':['a','b']}");
    CHECK_BOTH(muv_contains(post_fields.tags, "a"), muv_where("tags__contains", "a"),
               "{'tg':{'$regularExpression':{'pattern':'a','options':''}}}");
}

/* Scenario 21: test_queryset::elem_match. */
static void match_takes_a_condition_on_elements(void **state)
{
    muv_condition_t text = muv_and(muv_where("text", "x"), muv_where("votes__gt", 1));

    (void)state;
    CHECK_BOTH(muv_match(post_fields.comments, muv_and(muv_eq(comment_fields.text, "x"),
                                                       muv_gt(comment_fields.votes, 1))),
               muv_condition_named("comments__match", muv_operand_condition(&text)),
               "{'cm':{'$elemMatch':{'t':'x','v':{'$gt':1}}}}");
    CHECK_FILTER(
        muv_query_filter(posts(), muv_match(post_fields.marks,
                                            muv_and(muv_where("gte", 1), muv_where("lt", 5)))),
        "{'mk':{'$elemMatch':{'$gte':1,'$lt':5}}}");
}

/* Scenario 41: a document, a reference and an id give the same filter. */
static void references_are_asked_by_document_by_key_and_by_reference(void **state)
{
    user_t *user = odm_load(query_registry(), &user_model, "{'_id':{'$oid':'" ID "'},'e':'x'}");
    muv_ref_t ref = {.doc = user};
    const char *json = "{'a':{'$oid':'" ID "'}}";

    (void)state;
    CHECK_BOTH(muv_eq(post_fields.author, &user->doc), muv_where("author", &user->doc), json);
    CHECK_BOTH(muv_eq(post_fields.author, ref), muv_where("author", ref), json);
    CHECK_BOTH(muv_eq(post_fields.author, user->id), muv_where("author", ID), json);
    CHECK_BOTH(muv_in(post_fields.voters, &ref, 1), muv_where_in("voters__in", &ref, 1),
               "{'vo':{'$in':[{'$oid':'" ID "'}]}}");
    muv_doc_release(user);
}

static void embedded_documents_are_compared_as_a_whole(void **state)
{
    address_t home;

    (void)state;
    memset(&home, 0, sizeof(home));
    home.city = muv_str("x");
    CHECK_BOTH(muv_eq(post_fields.home, &home.embedded), muv_where("home", &home.embedded),
               "{'h':{'c':'x'}}");
}

static void reference_traversal_is_refused(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("author__name__icontains", "x")),
                  "Post.author: Cannot perform join in mongoDB: author__name");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("comments__author__name", "x")),
                  "Post.comments.author: Cannot perform join in mongoDB: comments.author__name");
}

static void wrong_names_and_values_are_named(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("nothing", 1)),
                  "Post: Cannot resolve field \"nothing\"");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("title__nothing", 1)),
                  "Post.title: Cannot resolve field \"nothing\": there is nothing inside");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("votes__gt", "x")),
                  "Post.votes: a string does not fit the int64 field");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("votes", 1.5)),
                  "Post.votes: a double does not fit the int64 field");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("id", "x")),
                  "Post.id: Invalid ObjectID: not 24 hexadecimal digits");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("votes__in", 1)),
                  "Post.votes: an array is wanted, not a int64");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("votes__contains", "x")),
                  "Post.votes: string operators want a string field, not a int64");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("title__0", "x")),
                  "Post.title.0: a position needs a list before it");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("", "x")), "Post: Cannot resolve field \"\"");
    CHECK_REFUSED(muv_query_filter(posts(), muv_where("votes", UINT64_MAX)),
                  "Post.votes: a missing operand, or number out of range, does not fit the int64 "
                  "field");
}

static void handles_of_other_models_are_refused(void **state)
{
    (void)state;
    CHECK_REFUSED(muv_query_filter(posts(), muv_eq(user_fields.name, "x")),
                  "Post: a handle belongs to the model User");
    CHECK_REFUSED(
        muv_query_filter(posts(), muv_eq(muv_inside(post_fields.home, comment_fields.text), "x")),
        "Post: a handle does not lead to a field");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_become_operators),
        cmocka_unit_test(arrays_become_in_nin_and_all),
        cmocka_unit_test(exists_size_and_mod),
        cmocka_unit_test(string_operators_become_regular_expressions),
        cmocka_unit_test(not_negates_an_operator),
        cmocka_unit_test(paths_are_translated_at_each_level),
        cmocka_unit_test(numbers_are_positions_in_lists),
        cmocka_unit_test(two_underscores_at_the_end_say_that_a_name_is_no_operator),
        cmocka_unit_test(lists_match_elements_or_whole),
        cmocka_unit_test(match_takes_a_condition_on_elements),
        cmocka_unit_test(references_are_asked_by_document_by_key_and_by_reference),
        cmocka_unit_test(embedded_documents_are_compared_as_a_whole),
        cmocka_unit_test(reference_traversal_is_refused),
        cmocka_unit_test(wrong_names_and_values_are_named),
        cmocka_unit_test(handles_of_other_models_are_refused),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
