/* SPDX-License-Identifier: Apache-2.0 */
/* A copied list says the same and lives on its own. */
#include "odm/verrors.h"

#include "support/alloc.h"
#include "support/check.h"
#include "support/odm_models.h"

static muv_verrors_t *find_errors(const muv_registry_t *registry)
{
    user_t *user = muv_doc_new(registry, &user_model);
    muv_verrors_t *errors = NULL;

    user->age = 500;
    CHECK_CODE(muv_validate(user, &errors), MUV_EVALIDATION);
    muv_doc_release(user);
    return errors;
}

static void a_copy_says_the_same(void **state)
{
    muv_registry_t *registry = odm_registry();
    muv_verrors_t *errors = find_errors(registry);
    muv_verrors_t *copy = muv__verrors_copy(errors);
    char json[256];

    (void)state;
    (void)snprintf(json, sizeof(json), "%s", muv_verrors_json(errors));
    muv_verrors_free(errors);

    assert_int_equal(muv_verrors_count(copy), 2);
    assert_string_equal(muv_verrors_json(copy), json);
    assert_int_equal(muv_verrors_get(copy, 1)->code, MUV_V_TOO_LARGE);
    assert_int_equal(muv_verrors_get(copy, 1)->limit.as.int64, 150);
    CHECK_CODE(muv_verrors_add(copy, NULL, "one more"), 0);
    assert_int_equal(muv_verrors_count(copy), 3);
    muv_verrors_free(copy);
    muv_registry_free(registry);
}

static void no_list_has_no_copy(void **state)
{
    (void)state;
    assert_null(muv__verrors_copy(NULL));
}

static void a_copy_survives_every_failed_allocation(void **state)
{
    muv_registry_t *registry = odm_registry();
    muv_verrors_t *errors = find_errors(registry);
    bool failed = true;

    (void)state;
    for (unsigned k = 1; failed; k++) {
        muv_verrors_t *copy;

        alloc_fail_at(k, false);
        copy = muv__verrors_copy(errors);
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        assert_true((copy == NULL) == failed);
        muv_verrors_free(copy);
    }
    muv_verrors_free(errors);
    muv_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_says_the_same),
        cmocka_unit_test(no_list_has_no_copy),
        cmocka_unit_test_teardown(a_copy_survives_every_failed_allocation, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
