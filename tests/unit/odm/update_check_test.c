/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of updates against the rows (D9: MongoEngine does not check them; D10: not $inc). */
#include "query_support.h"

static void one_error(muv_update_t *update, int code, const char *path, const char *message)
{
    muv_verrors_t *errors = muv_update_verrors(update);
    const muv_verror_t *error = muv_verrors_get(errors, 0);

    assert_int_equal(muv_verrors_count(errors), 1);
    assert_string_equal(error->path, path);
    assert_string_equal(error->message, message);
    assert_int_equal(error->code, code);
    CHECK_ERROR(muv_update_error(update), MUV_EVALIDATION);
    muv_update_free(update);
}

static muv_update_t *set(const char *name, muv_operand_t operand)
{
    return muv_update_named(changes(), name, operand);
}

static void what_is_set_keeps_the_limits_of_its_row(void **state)
{
    (void)state;
    one_error(set("title", muv_v("much too long")), MUV_V_TOO_LONG, "title",
              "String value is too long");
    one_error(set("title", muv_v("x")), MUV_V_TOO_SHORT, "title", "String value is too short");
    one_error(set("votes", muv_v(-1)), MUV_V_TOO_SMALL, "votes", "Integer value is too small");
    one_error(set("max__score", muv_v(9.5)), MUV_V_TOO_LARGE, "score", "Float value is too large");
    one_error(set("status", muv_v("odd")), MUV_V_CHOICE, "status",
              "Value must be one of ['draft', 'public']");
    one_error(set("set_on_insert__votes", muv_v(-1)), MUV_V_TOO_SMALL, "votes",
              "Integer value is too small");
}

static void a_required_field_cannot_go_away(void **state)
{
    (void)state;
    one_error(set("unset__title", muv_null()), MUV_V_REQUIRED, "title", "Field is required");
    one_error(set("title", muv_null()), MUV_V_REQUIRED, "title", "Field is required");
    one_error(set("rename__title", muv_v("note")), MUV_V_REQUIRED, "title", "Field is required");
    one_error(set("unset__comments__0__text", muv_null()), MUV_V_REQUIRED, "comments.0.text",
              "Field is required");
}

static void paths_begin_at_the_document(void **state)
{
    (void)state;
    one_error(set("home__zip", muv_v("123456")), MUV_V_TOO_LONG, "home.zip",
              "String value is too long");
    one_error(set("tags__3", muv_v("much too long")), MUV_V_TOO_LONG, "tags.3",
              "String value is too long");
}

static void elements_keep_the_limits_of_items_and_of_their_model(void **state)
{
    comment_t comment;

    (void)state;
    memset(&comment, 0, sizeof(comment));
    one_error(set("push__comments", muv_v(&comment.embedded)), MUV_V_REQUIRED, "comments.0.text",
              "Field is required");
    one_error(muv_update_push_all(changes(), post_fields.tags, MUV_TEXTS("a", "much too long")),
              MUV_V_TOO_LONG, "tags.1", "String value is too long");
    comment.text = muv_str("much too long for a comment");
    one_error(set("comments__0", muv_v(&comment.embedded)), MUV_V_TOO_LONG, "comments.0.text",
              "String value is too long");
}

static void the_length_of_a_list_is_checked_when_it_is_set(void **state)
{
    const char *six[] = {"a", "b", "c", "d", "e", "f"};

    (void)state;
    one_error(muv_update_named(changes(), "tags", muv_operand_texts(six, 6)), MUV_V_TOO_LONG,
              "tags", "List is too long");
    CHECK_UPDATE(muv_update_push_all(changes(), post_fields.tags, six, 6),
                 "{'$push':{'tg':{'$each':['a','b','c','d','e','f']}}}");
}

static void what_inc_leads_to_is_not_known(void **state)
{
    (void)state;
    CHECK_UPDATE(muv_update_inc(changes(), post_fields.votes, -5), "{'$inc':{'v':-5}}");
    CHECK_UPDATE(muv_update_dec(changes(), post_fields.votes, 5), "{'$inc':{'v':-5}}");
}

static void all_errors_are_collected(void **state)
{
    muv_update_t *update = changes();

    (void)state;
    muv_update_set(update, post_fields.title, "x");
    muv_update_set(update, post_fields.votes, -1);
    muv_update_set(update, muv_inside(post_fields.home, address_fields.zip), "123456");
    assert_string_equal(muv_verrors_json(muv_update_verrors(update)),
                        "{\"title\": \"String value is too short\", "
                        "\"votes\": \"Integer value is too small\", "
                        "\"home\": {\"zip\": \"String value is too long\"}}");
    CHECK_UPDATE_REFUSED(update, MUV_EVALIDATION, "Post.title: String value is too short");
}

static void what_fits_is_no_error(void **state)
{
    muv_update_t *update = muv_update_set(changes(), post_fields.status, "public");

    (void)state;
    muv_update_set(update, post_fields.title, "fits");
    assert_null(muv_update_verrors(update));
    assert_null(muv_update_error(update));
    muv_update_free(update);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_keeps_the_limits_of_its_row),
        cmocka_unit_test(a_required_field_cannot_go_away),
        cmocka_unit_test(paths_begin_at_the_document),
        cmocka_unit_test(elements_keep_the_limits_of_items_and_of_their_model),
        cmocka_unit_test(the_length_of_a_list_is_checked_when_it_is_set),
        cmocka_unit_test(what_inc_leads_to_is_not_known),
        cmocka_unit_test(all_errors_are_collected),
        cmocka_unit_test(what_fits_is_no_error),
    };

    return cmocka_run_group_tests(tests, query_setup, query_teardown);
}
