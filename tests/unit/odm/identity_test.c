/* SPDX-License-Identifier: Apache-2.0 */
/* The identity map: one entry for each schema and key, however many there are. */
#include "odm/identity.h"

#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

static muv_value_t number(int64_t value)
{
    muv_value_t key = {.as = {.int64 = value}, .kind = MUV_KIND_INT64};

    return key;
}

static muv_value_t text(const char *value)
{
    muv_value_t key = {.as = {.str = muv_str(value)}, .kind = MUV_KIND_STRING};

    return key;
}

/* The map only compares schemas: any address will do. */
static const muv_schema_t *schema_at(const char *address)
{
    return (const muv_schema_t *)(const void *)address;
}

static void a_key_is_added_once(void **state)
{
    muv__identity_t map = {0};
    muv_value_t key = number(7);
    int is_new;

    (void)state;
    assert_int_equal(muv__identity_find(&map, NULL, &key), -1);
    assert_int_equal(muv__identity_add(&map, NULL, &key, &is_new), 0);
    assert_int_equal(is_new, 1);
    assert_int_equal(muv__identity_add(&map, NULL, &key, &is_new), 0);
    assert_int_equal(is_new, 0);
    assert_int_equal(muv__identity_find(&map, NULL, &key), 0);
    assert_int_equal(map.count, 1);
    assert_null(map.entries[0].doc);
    muv__identity_done(&map);
}

static void schemas_and_kinds_keep_keys_apart(void **state)
{
    static _Alignas(16) const char schemas[64];
    muv__identity_t map = {0};
    muv_value_t seven = number(7);
    muv_value_t word = text("7");
    int is_new;

    (void)state;
    assert_int_equal(muv__identity_add(&map, schema_at(schemas), &seven, &is_new), 0);
    assert_int_equal(muv__identity_add(&map, schema_at(schemas + 16), &seven, &is_new), 1);
    assert_int_equal(muv__identity_add(&map, schema_at(schemas), &word, &is_new), 2);
    assert_int_equal(muv__identity_find(&map, schema_at(schemas + 16), &word), -1);
    muv__identity_done(&map);
}

static void thousands_of_keys_are_found_again(void **state)
{
    muv__identity_t map = {0};
    int is_new;

    (void)state;
    for (int64_t i = 0; i < 20000; i++) {
        muv_value_t key = number(i * 4096);

        assert_int_equal(muv__identity_add(&map, NULL, &key, &is_new), i);
        assert_int_equal(is_new, 1);
    }
    for (int64_t i = 0; i < 20000; i++) {
        muv_value_t key = number(i * 4096);
        muv_value_t other = number(i * 4096 + 1);

        assert_int_equal(muv__identity_find(&map, NULL, &key), i);
        assert_int_equal(muv__identity_find(&map, NULL, &other), -1);
    }
    muv__identity_done(&map);
}

static void fill(void *data)
{
    muv__identity_t map = {0};
    int is_new;

    (void)data;
    for (int64_t i = 0; i < 100; i++) {
        muv_value_t key = number(i);
        int64_t entry = muv__identity_add(&map, NULL, &key, &is_new);

        if (entry < 0) {
            assert_int_equal(entry, MUV_ENOMEM);
            assert_true(alloc_has_failed());
            break;
        }
        assert_int_equal(muv__identity_find(&map, NULL, &key), i);
    }
    muv__identity_done(&map);
}

static void a_map_that_cannot_grow_keeps_what_it_has(void **state)
{
    (void)state;
    assert_int_not_equal(alloc_sweep(fill, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_added_once),
        cmocka_unit_test(schemas_and_kinds_keep_keys_apart),
        cmocka_unit_test(thousands_of_keys_are_found_again),
        cmocka_unit_test_teardown(a_map_that_cannot_grow_keeps_what_it_has, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
