/* SPDX-License-Identifier: Apache-2.0 */
/* Validation errors as a tree in JSON and as one line, both as MongoEngine prints them. */
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/verrors.h"

static muv_registry_t *registry;
static user_t *user;
static muv_verrors_t *errors;

static int make_errors(void **state)
{
    (void)state;
    registry = odm_registry();
    user = muv_doc_new(registry, &user_model);
    errors = muv__verrors_new(user);
    return 0;
}

static int free_errors(void **state)
{
    (void)state;
    muv_verrors_free(errors);
    muv_doc_release(user);
    muv_registry_free(registry);
    return 0;
}

static void add(const char *path, const char *message)
{
    assert_int_equal(muv_verrors_add(errors, path, message), 0);
}

static void the_tree_follows_the_paths(void **state)
{
    (void)state;
    add("email", "Field is required");
    add("vl.1.s", "Field is required");
    add("vl.3.s", "String value is too long");
    add(NULL, "said \"no\"\n");
    assert_string_equal(muv_verrors_json(errors),
                        "{\"email\": \"Field is required\", \"vl\": {\"1\": {\"s\": \"Field is "
                        "required\"}, \"3\": {\"s\": \"String value is too long\"}}, "
                        "\"__all__\": \"said \\\"no\\\"\\u000a\"}");
}

static void the_line_groups_fields_by_their_text(void **state)
{
    (void)state;
    add("email", "Field is required");
    add("vl.1.s", "Field is required");
    add("name", "Field is required");
    assert_string_equal(muv_verrors_text(errors),
                        "ValidationError (User:None) (Field is required: ['email', 'name'] "
                        "1.s.Field is required: ['vl'])");
}

static void the_line_names_the_primary_key(void **state)
{
    (void)state;
    muv_verrors_free(errors);
    user->id.bytes[11] = 1;
    errors = muv__verrors_new(user);
    add("email", "no");
    assert_string_equal(muv_verrors_text(errors),
                        "ValidationError (User:000000000000000000000001) (no: ['email'])");
}

static void errors_of_one_path_are_one_key(void **state)
{
    (void)state;
    add("email", "first");
    add("vl.0", "a");
    add("email", "second");
    add("vl.1", "b");
    assert_string_equal(muv_verrors_json(errors),
                        "{\"email\": \"second\", \"vl\": {\"0\": \"a\", \"1\": \"b\"}}");
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(muv_verrors_add(NULL, "a", "b"), MUV_EINVAL);
    assert_int_equal(muv_verrors_add(errors, "", "b"), MUV_EINVAL);
    assert_int_equal(muv_verrors_add(errors, "a", NULL), MUV_EINVAL);
    assert_int_equal(muv_verrors_count(NULL), 0);
    assert_string_equal(muv_verrors_json(NULL), "{}");
    assert_string_equal(muv_verrors_text(NULL), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_errors, free_errors)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tree_follows_the_paths),     TEST(the_line_groups_fields_by_their_text),
        TEST(the_line_names_the_primary_key), TEST(errors_of_one_path_are_one_key),
        TEST(wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
