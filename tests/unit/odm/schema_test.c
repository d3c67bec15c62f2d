/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled models, and the errors of wrong ones. The rules themselves: check_test.c. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/schema.h"

static void fields_are_found_by_both_names(void **state)
{
    muv_registry_t *registry = odm_registry();
    const muv_schema_t *schema = muv_registry_find(registry, &post_model);

    (void)state;
    assert_int_equal(schema->count, post_field_count);
    for (uint32_t i = 0; i < schema->count; i++) {
        const muv__field_t *field = &schema->fields[i];

        assert_ptr_equal(muv__schema_find(schema, field->stored, field->stored_length), field);
        assert_ptr_equal(muv__schema_find_name(schema, field->row->name, strlen(field->row->name)),
                         field);
    }
    assert_null(muv__schema_find(schema, "nowhere", 7));
    assert_null(muv__schema_find(schema, "", 0));
    assert_int_equal(schema->primary_key, (int)post_field_id);
    assert_ptr_equal(muv__schema_key(schema), &schema->fields[post_field_id]);
    muv_registry_free(registry);
}

static void paths_lead_through_embedded_documents_and_lists(void **state)
{
    muv_registry_t *registry = odm_registry();
    const muv_schema_t *schema = muv_registry_find(registry, &post_model);

    (void)state;
    assert_string_equal(muv__schema_walk(schema, "home.city", 0)->stored, "c");
    assert_string_equal(muv__schema_walk(schema, "home__city", 0)->stored, "c");
    assert_string_equal(muv__schema_walk(schema, "comments.0.replies.12.text", 0)->stored, "t");
    assert_string_equal(muv__schema_walk(schema, "cm.r.t", 1)->row->name, "text");
    assert_string_equal(muv__schema_walk(schema, "pk", 0)->row->name, "id");
    assert_null(muv__schema_walk(schema, "home.nowhere", 0));
    assert_null(muv__schema_walk(schema, "home.city.deeper", 0));
    assert_null(muv__schema_walk(schema, "author.email", 0));
    assert_null(muv__schema_walk(schema, "home.0.city", 0));
    assert_null(muv__schema_walk(schema, "", 0));
    muv_registry_free(registry);
}

static void embedded_models_come_along_and_strangers_are_unknown(void **state)
{
    static const muv_model_t stranger = {.name = "Stranger"};
    muv_registry_t *registry = odm_registry();

    (void)state;
    assert_non_null(muv_registry_find(registry, &comment_model));
    assert_non_null(muv_registry_find(registry, &wide_model));
    assert_null(muv_registry_find(registry, &stranger));
    assert_null(muv_doc_new(registry, &stranger));
    assert_null(muv_doc_new(registry, &comment_model));
    muv_registry_free(registry);
}

static void a_reference_target_has_to_be_listed(void **state)
{
    const muv_model_t *models[] = {&post_model};
    muv_registry_t *registry = NULL;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv_models(models, 1, NULL, &error, &registry), MUV_EMODEL);
    assert_string_equal(error.message, "Post.author: the target User is not among the models");
    assert_null(registry);
}

static void a_model_may_be_listed_twice_but_a_name_only_once(void **state)
{
    muv_model_t twin = user_model;
    const muv_model_t *models[] = {&user_model, &user_model, &twin};
    muv_registry_t *registry = NULL;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv_models(models, 3, NULL, &error, &registry), MUV_EMODEL);
    assert_string_equal(error.message, "User: two models have this name");
    CHECK_CODE(muv_models(models, 2, NULL, &error, &registry), 0);
    muv_registry_free(registry);
}

static void two_models_may_describe_one_struct(void **state)
{
    static const muv_field_t rows[] = {
        MUV_FIELD(struct user, objectid, id, "_id"),
        MUV_FIELD(struct user, string, name, "n"),
    };
    static const muv_model_t light = {.name = "UserName",
                                      .collection = "user",
                                      .size = sizeof(struct user),
                                      .fields = rows,
                                      .field_count = 2};
    const muv_model_t *models[] = {&user_model, &light};
    muv_registry_t *registry = NULL;
    user_t *user;

    (void)state;
    CHECK_CODE(muv_models(models, 2, NULL, NULL, &registry), 0);
    user = odm_load(registry, &light,
                    "{'_id': {'$oid': '000000000000000000000001'}, 'n': 'Ann',"
                    " 'age': 3}");
    assert_string_equal(user->name.data, "Ann");
    assert_int_equal(user->age, 0);
    assert_ptr_equal(muv_doc_model(user), &light);
    muv_doc_release(user);
    muv_registry_free(registry);
}

static void wrong_arguments_are_refused(void **state)
{
    const muv_model_t *none[] = {NULL};
    muv_registry_t *registry = NULL;

    (void)state;
    CHECK_CODE(muv_models(NULL, 1, NULL, NULL, &registry), MUV_EINVAL);
    CHECK_CODE(muv_models(none, 0, NULL, NULL, &registry), MUV_EINVAL);
    CHECK_CODE(muv_models(none, 1, NULL, NULL, &registry), MUV_EINVAL);
    CHECK_CODE(muv_models(none, 1, NULL, NULL, NULL), MUV_EINVAL);
    muv_registry_free(NULL);
}

static void compile_all(void *data)
{
    const muv_model_t *models[] = {&post_model, &user_model, &box_model};
    muv_registry_t *registry = NULL;
    muv_error_t error;
    int code = muv_models(models, 3, NULL, &error, &registry);

    (void)data;
    CHECK_CODE(code, alloc_has_failed() ? MUV_ENOMEM : 0);
    muv_registry_free(registry);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(compile_all, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_both_names),
        cmocka_unit_test(paths_lead_through_embedded_documents_and_lists),
        cmocka_unit_test(embedded_models_come_along_and_strangers_are_unknown),
        cmocka_unit_test(a_reference_target_has_to_be_listed),
        cmocka_unit_test(a_model_may_be_listed_twice_but_a_name_only_once),
        cmocka_unit_test(two_models_may_describe_one_struct),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
