/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/credentials.h"

#include "support/alloc.h"
#include "support/check.h"

static void texts_are_copied(void **state)
{
    char token[] = "abc";
    muv__credentials_t values = {.passing = 1, .expires_s = 7, .oidc_token = token};
    muv__credentials_t *credentials;

    (void)state;
    assert_int_equal(muv__credentials_new(&values, &credentials), 0);
    token[0] = 'x';
    assert_string_equal(credentials->oidc_token, "abc");
    assert_null(credentials->refresh_token);
    assert_null(credentials->aws.access_key_id);
    assert_int_equal(credentials->passing, 1);
    assert_int_equal(credentials->expires_s, 7);
    muv__credentials_release(credentials);
}

static void each_text_is_in_its_place(void **state)
{
    muv__credentials_t values = {
        .aws = {"id", "secret", "session"}, .oidc_token = "token", .refresh_token = "refresh"};
    muv__credentials_t *credentials;

    (void)state;
    assert_int_equal(muv__credentials_new(&values, &credentials), 0);
    assert_string_equal(credentials->aws.access_key_id, "id");
    assert_string_equal(credentials->aws.secret_access_key, "secret");
    assert_string_equal(credentials->aws.session_token, "session");
    assert_string_equal(credentials->oidc_token, "token");
    assert_string_equal(credentials->refresh_token, "refresh");
    muv__credentials_release(credentials);
}

static void the_last_holder_frees_them(void **state)
{
    muv__credentials_t values = {.oidc_token = "token"};
    muv__credentials_t *credentials;

    (void)state;
    assert_int_equal(muv__credentials_new(&values, &credentials), 0);
    assert_ptr_equal(muv__credentials_retain(credentials), credentials);
    muv__credentials_release(credentials);
    assert_string_equal(credentials->oidc_token, "token");
    muv__credentials_release(credentials);
    muv__credentials_release(NULL);
}

static void without_memory_there_is_an_error(void **state)
{
    muv__credentials_t values = {.oidc_token = "token"};
    muv__credentials_t *credentials = NULL;

    (void)state;
    alloc_fail_at(1, false);
    assert_int_equal(muv__credentials_new(&values, &credentials), MUV_ENOMEM);
    assert_null(credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(each_text_is_in_its_place),
        cmocka_unit_test(the_last_holder_frees_them),
        cmocka_unit_test_teardown(without_memory_there_is_an_error, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
