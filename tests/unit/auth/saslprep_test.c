/* SPDX-License-Identifier: Apache-2.0 */
/* Preparation of passwords: the examples of RFC 4013 and of the Authentication specification. */
#include "auth/saslprep.h"

#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

static void becomes(const char *password, const char *expected)
{
    muv__secret_t secret;
    const char *why = NULL;

    CHECK_CODE(muv__saslprep(password, &secret, &why), 0);
    assert_int_equal(secret.size, strlen(expected));
    assert_memory_equal(secret.data, expected, secret.size);
    muv__secret_done(&secret);
    assert_null(secret.data);
}

static void is_refused(const char *password, const char *part)
{
    muv__secret_t secret;
    const char *why = NULL;

    CHECK_CODE(muv__saslprep(password, &secret, &why), MUV_EAUTH);
    CHECK_CONTAINS(why, part);
}

/* (RFC 4013, section 3) */
static void the_examples_of_the_rfc_are_met(void **state)
{
    (void)state;
    becomes("I\xc2\xadX", "IX");
    becomes("user", "user");
    becomes("USER", "USER");
    becomes("\xc2\xaa", "a");
    becomes("\xe2\x85\xa8", "IX");
    is_refused("\x07", "control character");
    is_refused("\xd8\xa7\x31", "directions");
}

static void roman_numbers_and_soft_hyphens_of_the_prose_tests(void **state)
{
    (void)state;
    becomes("IX", "IX");
    becomes("IV", "IV");
    becomes("I\xc2\xadV", "IV");
    becomes("\xe2\x85\xa3", "IV");
    becomes("p\xc3\xa4ss", "p\xc3\xa4ss");
    becomes("pa\xcc\x88ss", "p\xc3\xa4ss");
    becomes("a\xc2\xa0\x62", "a b");
}

static void ascii_stays_as_it_is(void **state)
{
    char text[96];
    size_t length = 0;

    (void)state;
    for (char c = 0x20; c < 0x7f; c++) {
        text[length++] = c;
    }
    text[length] = '\0';
    becomes(text, text);
    becomes("", "");
}

static void what_is_prohibited_is_refused(void **state)
{
    (void)state;
    is_refused("a\x1f", "control character");
    is_refused("\x7f", "control character");
    is_refused("\xc2\x80", "prohibited");      /* C.2.2 */
    is_refused("a\xee\x80\x80", "prohibited"); /* C.3, private use */
    is_refused("a\xef\xbf\xbd", "prohibited"); /* C.6 */
    is_refused("\xe2\x80\x8e"
               "a",
               "prohibited");                     /* C.8 */
    is_refused("a\xc8\xa1", "unassigned");        /* U+0221 */
    is_refused("\xf0\x9f\x94\x92", "unassigned"); /* U+1F512 */
    is_refused("\xd8\xa7"
               "a",
               "directions");
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    is_refused("\xff", "UTF-8");
    is_refused("a\xc3", "UTF-8");
    is_refused("\xed\xa0\x80", "UTF-8");
    is_refused("\xc0\x80", "UTF-8");
}

/* U+FDFA becomes eighteen characters. */
static void a_password_may_grow(void **state)
{
    char text[3 * 40 + 1] = "";
    muv__secret_t secret;
    const char *why = NULL;

    (void)state;
    for (int i = 0; i < 40; i++) {
        memcpy(text + (ptrdiff_t)3 * i, "\xef\xb7\xba", 3);
    }
    CHECK_CODE(muv__saslprep(text, &secret, &why), 0);
    assert_int_equal(secret.size, 40 * 33);
    muv__secret_done(&secret);
}

static void prepare_under_failing_memory(void *data)
{
    static const char *const passwords[] = {"IX", "\xe2\x85\xa8", "\xef\xb7\xba\xef\xb7\xba"};

    (void)data;
    for (size_t i = 0; i < MUV__COUNT_OF(passwords); i++) {
        muv__secret_t secret;
        const char *why = NULL;
        int rc = muv__saslprep(passwords[i], &secret, &why);

        if (rc == 0) {
            muv__secret_done(&secret);
        } else {
            CHECK_CODE(rc, MUV_ENOMEM);
            assert_true(alloc_has_failed());
        }
    }
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    assert_true(alloc_sweep(prepare_under_failing_memory, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_met),
        cmocka_unit_test(roman_numbers_and_soft_hyphens_of_the_prose_tests),
        cmocka_unit_test(ascii_stays_as_it_is),
        cmocka_unit_test(what_is_prohibited_is_refused),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(a_password_may_grow),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
