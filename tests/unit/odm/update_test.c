/* SPDX-License-Identifier: Apache-2.0 */
/* Both spellings of every change against the BSON that is sent. */
#include "query_support.h"

#include "support/alloc.h"

static muv_update_t *by(const char *name, muv_operand_t operand)
{
    return muv_update_named(changes(), name, operand);
}

/* Both updates send the same bytes. */
static void both(muv_update_t *typed, muv_update_t *named, const char *json)
{
    CHECK_UPDATE(typed, json);
    CHECK_UPDATE(named, json);
}

static void values_are_set_and_unset(void **state)
{
    (void)state;
    both(muv_update_set(changes(), post_fields.title, "new"), by("set__title", muv_v("new")),
         "{'$set':{'t':'new'}}");
    CHECK_UPDATE(by("title", muv_v("new")), "{'$set':{'t':'new'}}");
    both(muv_update_set(changes(), post_fields.note, muv_null()), by("set__note", muv_null()),
         "{'$set':{'nt':null}}");
    both(muv_update_unset(changes(), post_fields.note), by("unset__note", muv_null()),
         "{'$unset':{'nt':1}}");
    both(muv_update_set_on_insert(changes(), post_fields.votes, 1),
         by("set_on_insert__votes", muv_v(1)), "{'$setOnInsert':{'v':1}}");
    both(muv_update_set(changes(), muv_inside(post_fields.home, address_fields.city), "x"),
         by("set__home__city", muv_v("x")), "{'$set':{'h.c':'x'}}");
}

static void numbers_are_changed(void **state)
{
    (void)state;
    both(muv_update_inc(changes(), post_fields.votes, 2), by("inc__votes", muv_v(2)),
         "{'$inc':{'v':2}}");
    both(muv_update_dec(changes(), post_fields.score, 0.5), by("dec__score", muv_v(0.5)),
         "{'$inc':{'s':-0.5}}");
    both(muv_update_mul(changes(), post_fields.votes, 3), by("mul__votes", muv_v(3)),
         "{'$mul':{'v':3}}");
    both(muv_update_min(changes(), post_fields.votes, 3), by("min__votes", muv_v(3)),
         "{'$min':{'v':3}}");
    both(muv_update_max(changes(), post_fields.score, 1), by("max__score", muv_v(1)),
         "{'$max':{'s':1.0}}");
}

static void one_operator_gathers_its_changes(void **state)
{
    muv_update_t *update = changes();

    (void)state;
    muv_update_set(update, post_fields.title, "new");
    muv_update_inc(update, post_fields.votes, 1);
    muv_update_set(update, post_fields.note, "n");
    muv_update_dec(update, post_fields.rank, 1);
    CHECK_UPDATE(update, "{'$set':{'t':'new','nt':'n'},'$inc':{'v':1,'rk':-1}}");
}

/* Scenario 24: test_queryset::update_push_with_position, add_to_set_each; D16. */
static void elements_are_added_to_lists(void **state)
{
    (void)state;
    both(muv_update_push(changes(), post_fields.tags, "a"), by("push__tags", muv_v("a")),
         "{'$push':{'tg':'a'}}");
    both(muv_update_push_all(changes(), post_fields.tags, MUV_TEXTS("a", "b")),
         muv_update_by_all(changes(), "push_all__tags", MUV_TEXTS("a", "b")),
         "{'$push':{'tg':{'$each':['a','b']}}}");
    both(muv_update_push_at(changes(), post_fields.tags, 0, "a"), by("push__tags__0", muv_v("a")),
         "{'$push':{'tg':{'$each':['a'],'$position':0}}}");
    CHECK_UPDATE(muv_update_by_all(changes(), "push_all__tags__1", MUV_TEXTS("a", "b")),
                 "{'$push':{'tg':{'$each':['a','b'],'$position':1}}}");
    both(muv_update_add_to_set(changes(), post_fields.tags, "a"),
         by("add_to_set__tags", muv_v("a")), "{'$addToSet':{'tg':'a'}}");
    both(muv_update_add_all_to_set(changes(), post_fields.tags, MUV_TEXTS("a", "b")),
         muv_update_by_all(changes(), "add_to_set__tags", MUV_TEXTS("a", "b")),
         "{'$addToSet':{'tg':{'$each':['a','b']}}}");
}

static void elements_are_taken_out_of_lists(void **state)
{
    (void)state;
    both(muv_update_pull(changes(), post_fields.tags, "a"), by("pull__tags", muv_v("a")),
         "{'$pull':{'tg':'a'}}");
    both(muv_update_pull_all(changes(), post_fields.marks, MUV_INTS(1, 2)),
         muv_update_by_all(changes(), "pull_all__marks", MUV_INTS(1, 2)),
         "{'$pullAll':{'mk':[1,2]}}");
    both(muv_update_pull_where(changes(), post_fields.marks, muv_where("gte", 3)),
         by("pull__marks__gte", muv_v(3)), "{'$pull':{'mk':{'$gte':3}}}");
    both(muv_update_pull_where(changes(), post_fields.comments, muv_eq(comment_fields.text, "x")),
         by("pull__comments__text", muv_v("x")), "{'$pull':{'cm':{'t':'x'}}}");
    CHECK_UPDATE(muv_update_by_all(changes(), "pull__marks__in", MUV_INTS(1, 2)),
                 "{'$pull':{'mk':{'$in':[1,2]}}}");
    both(muv_update_pop_first(changes(), post_fields.tags), by("pop__tags", muv_v(-1)),
         "{'$pop':{'tg':-1}}");
    CHECK_UPDATE(muv_update_pop_last(changes(), post_fields.tags), "{'$pop':{'tg':1}}");
}

/* Scenario 22: test_queryset::update_using_positional_operator. */
static void positions_are_part_of_paths(void **state)
{
    (void)state;
    both(muv_update_inc(
             changes(),
             muv_inside(muv_item(post_fields.comments, MUV_MATCHED), comment_fields.votes), 1),
         by("inc__comments__S__votes", muv_v(1)), "{'$inc':{'cm.$.v':1}}");
    both(muv_update_set(changes(), muv_item(post_fields.tags, 2), "c"),
         by("set__tags__2", muv_v("c")), "{'$set':{'tg.2':'c'}}");
    both(muv_update_inc(changes(),
                        muv_inside(muv_item(post_fields.comments, MUV_EVERY), comment_fields.votes),
                        1),
         by("inc__comments__$[]__votes", muv_v(1)), "{'$inc':{'cm.$[].v':1}}");
    CHECK_UPDATE(by("set__tags__$[element]", muv_v("x")), "{'$set':{'tg.$[element]':'x'}}");
}

static void embedded_documents_and_lists_are_set(void **state)
{
    comment_t comment;

    (void)state;
    memset(&comment, 0, sizeof(comment));
    comment.text = muv_str("hi");
    comment.votes = 2;
    both(muv_update_push(changes(), post_fields.comments, &comment.embedded),
         by("push__comments", muv_v(&comment.embedded)), "{'$push':{'cm':{'t':'hi','v':2}}}");
    CHECK_UPDATE(muv_update_by_all(changes(), "tags", MUV_TEXTS("a")), "{'$set':{'tg':['a']}}");
}

static void a_field_is_renamed_to_a_stored_name(void **state)
{
    (void)state;
    CHECK_UPDATE(by("rename__note", muv_v("home__city")), "{'$rename':{'nt':'h.c'}}");
    CHECK_UPDATE_REFUSED(by("rename__note", muv_v("x")), MUV_EINVAL,
                         "Post: Cannot resolve field \"x\"");
}

static void two_changes_of_one_field_are_refused(void **state)
{
    (void)state;
    CHECK_UPDATE_REFUSED(muv_update_by(by("inc__votes", muv_v(1)), "set__votes", 2), MUV_EINVAL,
                         "Post.votes: two changes of one field");
    CHECK_UPDATE_REFUSED(muv_update_by(by("unset__home", muv_null()), "set__home__city", "x"),
                         MUV_EINVAL, "Post.home.city: two changes of one field");
    CHECK_UPDATE_REFUSED(muv_update_by(by("rename__note", muv_v("home__city")), "home__city", "x"),
                         MUV_EINVAL, "Post.home.city: two changes of one field");
}

static void wrong_changes_are_named(void **state)
{
    (void)state;
    CHECK_UPDATE_REFUSED(by("inc__title", muv_v(1)), MUV_EINVAL,
                         "Post.title: inc, dec and mul want a number field");
    CHECK_UPDATE_REFUSED(by("inc__votes", muv_v("x")), MUV_EINVAL,
                         "Post.votes: inc, dec and mul want a number");
    CHECK_UPDATE_REFUSED(by("set__rank", muv_v(INT64_C(5000000000))), MUV_EINVAL,
                         "Post.rank: the number does not fit the int32 field");
    CHECK_UPDATE_REFUSED(by("push__votes", muv_v(1)), MUV_EINVAL,
                         "Post.votes: this operator wants a list field");
    CHECK_UPDATE_REFUSED(by("set__tags", muv_v("a")), MUV_EINVAL,
                         "Post.tags: a list is set to an array");
    CHECK_UPDATE_REFUSED(muv_update_by_all(changes(), "push__tags", MUV_TEXTS("a")), MUV_EINVAL,
                         "Post.tags: push takes one element, push_all an array");
    CHECK_UPDATE_REFUSED(by("pop__tags", muv_v(2)), MUV_EINVAL,
                         "Post.tags: pop wants 1 (the last) or -1 (the first)");
    CHECK_UPDATE_REFUSED(by("set__id", muv_v("0123456789abcdef01234567")), MUV_EINVAL,
                         "Post.id: the primary key cannot be changed");
    CHECK_UPDATE_REFUSED(by("dec__votes", muv_v(INT64_MIN)), MUV_EINVAL,
                         "Post.votes: the number is too small to be negated");
    CHECK_UPDATE_REFUSED(by("set__author__name", muv_v("x")), MUV_EINVAL,
                         "Post.author: Cannot perform join in mongoDB: author__name");
}

static void an_update_without_changes_is_refused(void **state)
{
    muv_update_t *update = changes();
    const uint8_t *data = NULL;
    size_t size = 0;

    (void)state;
    assert_null(muv_update_error(update));
    assert_int_equal(muv_update_bson(update, &data, &size), MUV_EINVAL);
    muv_update_free(update);
    CHECK_ERROR(muv_update_error(NULL), MUV_ENOMEM);
}

static void build_much(void *data)
{
    muv_update_t *update = changes();
    const uint8_t *bytes;
    size_t size;
    bson_t *filter = bson_from("{\"c.v\":1}");

    (void)data;
    muv_update_set(update, post_fields.title, "much too long a title");
    muv_update_push_all(update, post_fields.tags, MUV_TEXTS("a", "b"));
    muv_update_pull_where(update, post_fields.comments, muv_eq(comment_fields.text, "x"));
    muv_update_by(update, "set__status", "none of the choices");
    muv_update_array_filter(update, filter);
    bson_destroy(filter);
    if (muv_update_bson(update, &bytes, &size) != MUV_EVALIDATION) {
        assert_true(alloc_has_failed());
        CHECK_ERROR(muv_update_error(update), MUV_ENOMEM);
    }
    muv_update_free(update);
    update = muv_update_by(changes(), "title", "fits");
    if (muv_update_bson(update, &bytes, &size) != 0) {
        assert_true(alloc_has_failed());
    }
    muv_update_free(update);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(build_much, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_set_and_unset),
        cmocka_unit_test(numbers_are_changed),
        cmocka_unit_test(one_operator_gathers_its_changes),
        cmocka_unit_test(elements_are_added_to_lists),
        cmocka_unit_test(elements_are_taken_out_of_lists),
        cmocka_unit_test(positions_are_part_of_paths),
        cmocka_unit_test(embedded_documents_and_lists_are_set),
        cmocka_unit_test(a_field_is_renamed_to_a_stored_name),
        cmocka_unit_test(two_changes_of_one_field_are_refused),
        cmocka_unit_test(wrong_changes_are_named),
        cmocka_unit_test(an_update_without_changes_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
