/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: equal ones have equal hashes. (How they are written is seen in tests/integration.) */
#include "odm/key.h"

#include "support/check.h"

#include <string.h>

static muv_value_t of_text(const char *text)
{
    muv_value_t key = {.as = {.str = muv_str(text)}, .kind = MUV_KIND_STRING};

    return key;
}

static muv_value_t of_bytes(const char *bytes, unsigned subtype)
{
    muv_value_t key = {.kind = MUV_KIND_BINARY};

    key.as.bin.data = (const uint8_t *)bytes;
    key.as.bin.size = (uint32_t)strlen(bytes);
    key.as.bin.subtype = (uint8_t)subtype;
    return key;
}

static void equal_text_at_other_places_is_equal(void **state)
{
    char copy[] = "ann";
    muv_value_t a = of_text("ann");
    muv_value_t b = of_text(copy);
    muv_value_t c = of_text("anna");

    (void)state;
    assert_true(muv__key_equal(&a, &b));
    assert_true(muv__key_hash(&a) == muv__key_hash(&b));
    assert_false(muv__key_equal(&a, &c));
}

static void bytes_differ_by_their_subtype(void **state)
{
    muv_value_t a = of_bytes("ann", 0);
    muv_value_t b = of_bytes("ann", 4);
    muv_value_t text = of_text("ann");

    (void)state;
    assert_false(muv__key_equal(&a, &b));
    assert_false(muv__key_equal(&a, &text));
    assert_true(muv__key_equal(&a, &a));
}

static void dates_and_numbers_are_different_keys(void **state)
{
    muv_value_t number = {.as = {.int64 = 5}, .kind = MUV_KIND_INT64};
    muv_value_t date = {.as = {.datetime = {.ms = 5}}, .kind = MUV_KIND_DATETIME};

    (void)state;
    assert_false(muv__key_equal(&number, &date));
    assert_true(muv__key_hash(&number) != muv__key_hash(&date));
}

static void long_text_has_a_large_size(void **state)
{
    static char text[100001];
    muv_value_t key;
    muv_value_t oid = {.kind = MUV_KIND_OBJECTID};

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    key = of_text(text);
    assert_true(muv__key_size(&key) >= 100000);
    assert_true(muv__key_size(&oid) >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_text_at_other_places_is_equal),
        cmocka_unit_test(bytes_differ_by_their_subtype),
        cmocka_unit_test(dates_and_numbers_are_different_keys),
        cmocka_unit_test(long_text_has_a_large_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
