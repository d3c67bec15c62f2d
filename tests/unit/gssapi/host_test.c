/* SPDX-License-Identifier: Apache-2.0 */
/* Names of services. What name servers say is not tested here: only numbers, which need none, and
 * names that nobody can ask for. */
#include "gssapi/host.h"

#include <string.h>

#include "support/check.h"

static void values_have_their_meaning(void **state)
{
    (void)state;
    assert_int_equal(muv__gssapi_canonicalize_of(NULL), MUV__GSSAPI_AS_IS);
    assert_int_equal(muv__gssapi_canonicalize_of("none"), MUV__GSSAPI_AS_IS);
    assert_int_equal(muv__gssapi_canonicalize_of("false"), MUV__GSSAPI_AS_IS);
    assert_int_equal(muv__gssapi_canonicalize_of("forward"), MUV__GSSAPI_FORWARD);
    assert_int_equal(muv__gssapi_canonicalize_of("forwardAndReverse"),
                     MUV__GSSAPI_FORWARD_AND_REVERSE);
    assert_int_equal(muv__gssapi_canonicalize_of("true"), MUV__GSSAPI_FORWARD_AND_REVERSE);
}

static void check_host(const char *host, muv__gssapi_canonicalize_t canonicalize,
                       const char *expected)
{
    char name[MUV__HOST_NAME_MAX + 1];

    memset(name, 'x', sizeof name);
    muv__gssapi_canonical_host(host, canonicalize, name);
    assert_string_equal(name, expected);
}

static void a_name_stays_but_for_its_case(void **state)
{
    (void)state;
    check_host("DB.Example.TEST", MUV__GSSAPI_AS_IS, "db.example.test");
    check_host("127.0.0.1", MUV__GSSAPI_AS_IS, "127.0.0.1");
}

/* (Authentication, GSSAPI: the driver falls back to the provided host.) */
static void a_name_without_addresses_stays(void **state)
{
    (void)state;
    check_host("No..Such..Name", MUV__GSSAPI_FORWARD, "no..such..name");
    check_host("No..Such..Name", MUV__GSSAPI_FORWARD_AND_REVERSE, "no..such..name");
}

static void the_canonical_name_of_a_number_is_the_number(void **state)
{
    (void)state;
    check_host("127.0.0.1", MUV__GSSAPI_FORWARD, "127.0.0.1");
}

static void a_name_that_is_too_long_is_no_name(void **state)
{
    char host[MUV__HOST_NAME_MAX + 2];

    (void)state;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    check_host(host, MUV__GSSAPI_AS_IS, "");
    host[MUV__HOST_NAME_MAX] = '\0';
    check_host(host, MUV__GSSAPI_AS_IS, host);
}

static void check_principal(const char *service, const char *host, const char *realm,
                            const char *expected)
{
    char text[64];

    assert_int_equal(muv__gssapi_principal(service, host, realm, text, sizeof text),
                     strlen(expected));
    assert_string_equal(text, expected);
}

static void a_principal_has_three_parts(void **state)
{
    (void)state;
    check_principal("mongodb", "db.example.test", "EXAMPLE.TEST",
                    "mongodb/db.example.test@EXAMPLE.TEST");
    check_principal("mongodb", "db.example.test", "", "mongodb/db.example.test@");
}

static void what_would_be_a_separator_is_escaped(void **state)
{
    (void)state;
    check_principal("a/b", "c@d", "e\\f", "a\\/b/c\\@d@e\\\\f");
    check_principal("a\tb", "c\nd", "e\bf", "a\\tb/c\\nd@e\\bf");
}

static void a_principal_that_does_not_fit_is_none(void **state)
{
    static const char whole[] = "mongodb/h\\@st@R\\/";
    char text[sizeof whole];

    (void)state;
    for (size_t size = 0; size < sizeof whole; size++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(muv__gssapi_principal("mongodb", "h@st", "R/", text, size), 0);
        assert_int_equal(text[size], 'x');
    }
    assert_int_equal(muv__gssapi_principal("mongodb", "h@st", "R/", text, sizeof whole),
                     sizeof whole - 1);
    assert_string_equal(text, whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_their_meaning),
        cmocka_unit_test(a_name_stays_but_for_its_case),
        cmocka_unit_test(a_name_without_addresses_stays),
        cmocka_unit_test(the_canonical_name_of_a_number_is_the_number),
        cmocka_unit_test(a_name_that_is_too_long_is_no_name),
        cmocka_unit_test(a_principal_has_three_parts),
        cmocka_unit_test(what_would_be_a_separator_is_escaped),
        cmocka_unit_test(a_principal_that_does_not_fit_is_none),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
