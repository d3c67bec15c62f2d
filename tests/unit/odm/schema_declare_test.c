/* SPDX-License-Identifier: Apache-2.0 */
/* What the macros of declare.h make from one list. That no line of it warns, and that a member of
 * the wrong type does not compile, is seen by compiling this with the warnings of the library. */
#include "support/check.h"

#include "muv/odm.h"

/* Names that some header may define: kinds are only pasted. */
#define string no_such_type
#define list(x) no_such_type
#define boolean no_such_type

#define LEAF_FIELDS(F, M)                                                                          \
    F(M, string, text, "t", .flags = MUV_REQUIRED, .max_length = 7)                                \
    F(M, list(embedded(leaf)), leaves, "l")
MUV_DECLARE_EMBEDDED(leaf, LEAF_FIELDS);
MUV_DEFINE_EMBEDDED(leaf, LEAF_FIELDS, "Leaf");

#define TREE_FIELDS(F, M)                                                                          \
    F(M, int64, id, "_id")                                                                         \
    F(M, boolean, green, "g")                                                                      \
    F(M, embedded(leaf), first, "f")                                                               \
    F(M, list(boolean), bits, "b")                                                                 \
    F(M, list(reference(tree)), others, "o", .on_delete = MUV_PULL)
MUV_DECLARE_DOCUMENT(tree, TREE_FIELDS);
MUV_DEFINE_DOCUMENT(tree, TREE_FIELDS, "Tree", .collection = "trees", .ordering = MUV_NAMES("-id"));

static void rows_describe_the_members(void **state)
{
    const muv_field_t *rows = tree_model.fields;

    (void)state;
    assert_int_equal(tree_field_count, 5);
    assert_int_equal(tree_model.field_count, 5);
    assert_int_equal(tree_model.size, sizeof(tree_t));
    assert_string_equal(tree_model.name, "Tree");
    assert_string_equal(rows[tree_field_green].name, "green");
    assert_string_equal(rows[tree_field_green].stored, "g");
    assert_int_equal(rows[tree_field_green].kind, MUV_KIND_BOOLEAN);
    assert_int_equal(rows[tree_field_green].offset, offsetof(tree_t, green));
    assert_int_equal(rows[tree_field_green].size, sizeof(bool));
    assert_int_equal(rows[tree_field_first].kind, MUV_KIND_EMBEDDED);
    assert_ptr_equal(rows[tree_field_first].target, &leaf_model);
    assert_int_equal(rows[tree_field_others].kind, MUV_KIND_LIST);
    assert_int_equal(rows[tree_field_others].element, MUV_KIND_REFERENCE);
    assert_ptr_equal(rows[tree_field_others].target, &tree_model);
    assert_int_equal(rows[tree_field_others].on_delete, MUV_PULL);
    assert_int_equal(leaf_model.role, MUV_ROLE_EMBEDDED);
    assert_int_equal(leaf_model.fields[leaf_field_text].max_length, 7);
}

static void handles_lead_to_their_rows(void **state)
{
    (void)state;
    assert_ptr_equal(tree_fields.bits.path.model, &tree_model);
    assert_int_equal(tree_fields.bits.path.depth, 1);
    assert_int_equal(tree_fields.bits.path.index[0], tree_field_bits);
    assert_int_equal(_Generic(tree_fields.bits, muv_boolean_list_field_t : 1, default : 0), 1);
    assert_int_equal(_Generic(tree_fields.others, muv_reference_list_field_t : 1, default : 0), 1);
    assert_int_equal(_Generic(leaf_fields.text, muv_string_field_t : 1, default : 0), 1);
}

static void the_models_compile(void **state)
{
    const muv_model_t *models[] = {&tree_model};
    muv_registry_t *registry = NULL;

    (void)state;
    CHECK_CODE(muv_models(models, 1, NULL, NULL, &registry), 0);
    assert_non_null(muv_registry_find(registry, &leaf_model));
    muv_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_describe_the_members),
        cmocka_unit_test(handles_lead_to_their_rows),
        cmocka_unit_test(the_models_compile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
