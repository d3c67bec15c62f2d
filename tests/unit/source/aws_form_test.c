/* SPDX-License-Identifier: Apache-2.0 */
/* The form of AssumeRoleWithWebIdentity, byte by byte. */
#include "source/aws_form.h"

#include "auth/secret.h"
#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

static void check_form(const muv__buf_t *form, const char *expected)
{
    CHECK_CODE(form->error, 0);
    assert_int_equal(form->size, strlen(expected));
    assert_memory_equal(form->data, expected, form->size);
}

static void plain_values_are_written_as_they_are(void **state)
{
    muv__buf_t form;

    (void)state;
    muv__buf_init(&form, 4096);
    muv__aws_form_begin("arn", "app-1._~", &form);
    muv__aws_form_token(muv__span("eyJ0.eyJ1.c2ln_-", 16), &form);
    check_form(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn"
                      "&RoleSessionName=app-1._~&WebIdentityToken=eyJ0.eyJ1.c2ln_-");
    muv__buf_wipe(&form);
}

static void everything_else_is_escaped(void **state)
{
    muv__buf_t form;

    (void)state;
    muv__buf_init(&form, 4096);
    muv__aws_form_begin("arn:aws:iam::1:role/r", "a b@c+d", &form);
    muv__aws_form_token(muv__span("&=%\xc3\xa4\0\n/", 8), &form);
    check_form(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                      "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=a%20b%40c%2Bd"
                      "&WebIdentityToken=%26%3D%25%C3%A4%00%0A%2F");
    muv__buf_wipe(&form);
}

/* A buffer that moved would leave a copy of the token behind. */
static void the_buffer_does_not_move_while_it_holds_the_token(void **state)
{
    static uint8_t token[40000];
    muv__buf_t form;
    unsigned allocations;

    (void)state;
    memset(token, '%', sizeof(token));
    muv__buf_init(&form, 200000);
    muv__aws_form_begin("arn", "app", &form);
    alloc_fail_at(0, false);
    muv__aws_form_token(muv__span(token, sizeof(token)), &form);
    allocations = alloc_count();
    assert_int_equal(allocations, 1);
    CHECK_CODE(form.error, 0);
    muv__buf_wipe(&form);
}

static void what_does_not_fit_is_not_begun(void **state)
{
    muv__buf_t form;
    size_t size;

    (void)state;
    muv__buf_init(&form, 300);
    muv__aws_form_begin("arn", "app", &form);
    size = form.size;
    muv__aws_form_token(muv__span("0123456789012345678901234567890123456789"
                                  "0123456789012345678901234567890123456789",
                                  80),
                        &form);
    CHECK_CODE(form.error, MUV_ETOOLARGE);
    assert_int_equal(form.size, size);
    muv__buf_wipe(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_are_written_as_they_are),
        cmocka_unit_test(everything_else_is_escaped),
        cmocka_unit_test_teardown(the_buffer_does_not_move_while_it_holds_the_token,
                                  alloc_teardown),
        cmocka_unit_test(what_does_not_fit_is_not_begun),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
