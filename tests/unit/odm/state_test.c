/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of plain stores, on structs that the mapper made and on such that a program zeroed. */
#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/state.h"

static muv_registry_t *registry;
static const muv_schema_t *schema;
static muv__arena_t arena;

static int begin(void **state)
{
    (void)state;
    registry = odm_registry();
    schema = muv_registry_find(registry, &wide_model);
    muv__arena_init(&arena, 256, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    muv__arena_done(&arena);
    muv_registry_free(registry);
    return 0;
}

static void each_of_many_fields_has_its_own_state(void **state)
{
    wide_t wide;

    (void)state;
    assert_int_equal(muv__struct_init(schema, &wide, &arena), 0);
    for (uint32_t i = 0; i < schema->count; i++) {
        muv__state_set(schema, &wide, i, i % 4);
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        assert_int_equal(muv__state_get(schema, &wide, i), i % 4);
    }
}

static void a_zeroed_struct_has_the_states_of_a_new_one(void **state)
{
    wide_t wide = {.a0 = 0};

    (void)state;
    assert_int_equal(muv__state_get(schema, &wide, wide_field_a8), MUV_STATE_ABSENT);
    assert_int_equal(muv__state_get(schema, &wide, wide_field_d8), MUV_STATE_SET);
    assert_int_equal(muv__state_effective(schema, &wide, wide_field_d8), MUV_STATE_ABSENT);
    wide.a8 = 1;
    assert_int_equal(muv__state_effective(schema, &wide, wide_field_a8), MUV_STATE_SET);
}

static void a_zeroed_struct_can_be_made_ready_without_losing_members(void **state)
{
    wide_t wide = {.a8 = 5};

    (void)state;
    assert_int_equal(muv__struct_ready(schema, &wide, &arena), 0);
    assert_int_equal(wide.a8, 5);
    assert_true(muv__is_ready(&wide));
    muv__state_set(schema, &wide, wide_field_b8, MUV_STATE_NULL);
    assert_int_equal(muv__struct_ready(schema, &wide, &arena), 0);
    assert_int_equal(muv__state_get(schema, &wide, wide_field_b8), MUV_STATE_NULL);
}

static void an_emptied_embedded_document_is_as_new(void **state)
{
    box_t *box = muv_doc_new(registry, &box_model);
    const muv_schema_t *outer = box->doc.embedded.schema;
    const muv__field_t *field = &outer->fields[box_field_wide];

    (void)state;
    box->wide.a8 = 1;
    box->wide.d3 = muv_str("other");
    muv__state_set(schema, &box->wide, wide_field_b1, MUV_STATE_NULL);
    assert_false(muv__member_is_initial(field, outer, box));
    muv__member_empty(field, outer, box);
    assert_true(muv__member_is_initial(field, outer, box));
    assert_string_equal(box->wide.d3.data, "d");
    assert_int_equal(box->wide.a8, 0);
    muv_doc_release(box);
}

static void a_state_inside_makes_the_document_around_it_present(void **state)
{
    box_t *box = muv_doc_new(registry, &box_model);

    (void)state;
    assert_int_equal(muv_state(box, &box->wide), MUV_STATE_ABSENT);
    assert_int_equal(muv_set_null(box, &box->wide.b8), 0);
    assert_int_equal(muv_state(box, &box->wide), MUV_STATE_SET);
    muv_doc_release(box);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_of_many_fields_has_its_own_state),
        TEST(a_zeroed_struct_has_the_states_of_a_new_one),
        TEST(a_zeroed_struct_can_be_made_ready_without_losing_members),
        TEST(an_emptied_embedded_document_is_as_new),
        TEST(a_state_inside_makes_the_document_around_it_present),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
