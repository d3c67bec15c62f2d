/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: comparing them and moving them between members and constants. What is read and
 * written: decode_test.c and encode_test.c. */
#include "support/check.h"
#include "support/odm_models.h"

#include "odm/kind.h"

#include <math.h>

static void doubles_are_compared_by_their_bits(void **state)
{
    double zero = 0.0;
    double minus_zero = -0.0;
    double nan = (double)NAN;

    (void)state;
    assert_false(muv__kind_equal(MUV_KIND_DOUBLE, &zero, &minus_zero));
    assert_true(muv__kind_equal(MUV_KIND_DOUBLE, &nan, &nan));
}

static void no_text_and_empty_text_differ(void **state)
{
    muv_str_t none = {.data = NULL};
    muv_str_t empty = muv_str("");

    (void)state;
    assert_false(muv__kind_equal(MUV_KIND_STRING, &none, &empty));
    assert_true(muv__kind_equal(MUV_KIND_STRING, &none, &none));
    assert_true(muv__kind_is_void(MUV_KIND_STRING, &none));
    assert_false(muv__kind_is_void(MUV_KIND_STRING, &empty));
    assert_false(muv_str_equal(none, empty));
    assert_true(muv_str_equal(empty, empty));
}

static void binaries_differ_by_subtype(void **state)
{
    muv_bin_t a = {.data = (const uint8_t *)"x", .size = 1};
    muv_bin_t b = a;

    (void)state;
    assert_true(muv__kind_equal(MUV_KIND_BINARY, &a, &b));
    b.subtype = 4;
    assert_false(muv__kind_equal(MUV_KIND_BINARY, &a, &b));
}

static void references_are_compared_by_key(void **state)
{
    muv_ref_t number = {.kind = MUV_KIND_NONE};
    muv_ref_t text = {.kind = MUV_KIND_NONE};
    muv_ref_t none = {.kind = MUV_KIND_NONE};

    (void)state;
    muv_ref_to_int64(&number, 5);
    muv_ref_to_str(&text, muv_str("5"));
    assert_false(muv__kind_equal(MUV_KIND_REFERENCE, &number, &text));
    assert_true(muv__kind_equal(MUV_KIND_REFERENCE, &text, &text));
    assert_false(muv__kind_equal(MUV_KIND_REFERENCE, &number, &none));
    assert_true(muv__kind_is_void(MUV_KIND_REFERENCE, &none));
    muv_ref_to_str(&text, (muv_str_t){.data = NULL});
    assert_true(muv__kind_is_void(MUV_KIND_REFERENCE, &text));
}

static void constants_go_into_members_when_they_fit(void **state)
{
    const muv_value_t big = MUV_INT(INT64_MAX);
    const muv_value_t small = MUV_INT(-7);
    const muv_value_t text = MUV_STRING("x");
    int32_t int32 = 0;
    int64_t int64 = 0;
    double real = 0;

    (void)state;
    assert_true(muv__value_to_member(&small, MUV_KIND_INT32, &int32));
    assert_int_equal(int32, -7);
    assert_false(muv__value_to_member(&big, MUV_KIND_INT32, &int32));
    assert_true(muv__value_to_member(&big, MUV_KIND_INT64, &int64));
    assert_true(int64 == INT64_MAX);
    assert_true(muv__value_to_member(&small, MUV_KIND_DOUBLE, &real));
    assert_false(muv__value_to_member(&big, MUV_KIND_DOUBLE, &real));
    assert_false(muv__value_to_member(&text, MUV_KIND_INT64, &int64));
    int32 = 9;
    assert_int_equal(muv__value_of_member(MUV_KIND_INT32, &int32).as.int64, 9);
}

static void unknown_kinds_have_a_name_and_no_size(void **state)
{
    (void)state;
    assert_string_equal(muv__kind_name(MUV_KIND_REFERENCE), "reference");
    assert_string_equal(muv__kind_name(0), "value");
    assert_string_equal(muv__kind_name(255), "value");
    assert_int_equal(muv__kind_size(MUV_KIND_LIST), 0);
    assert_int_equal(muv__kind_size(255), 0);
    assert_string_equal(muv__bson_type_name(MUV__BSON_OID), "objectid");
    assert_non_null(muv__bson_type_name(0x42));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_compared_by_their_bits),
        cmocka_unit_test(no_text_and_empty_text_differ),
        cmocka_unit_test(binaries_differ_by_subtype),
        cmocka_unit_test(references_are_compared_by_key),
        cmocka_unit_test(constants_go_into_members_when_they_fit),
        cmocka_unit_test(unknown_kinds_have_a_name_and_no_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
