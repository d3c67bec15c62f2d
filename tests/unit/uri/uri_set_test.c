/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a struct: they win over the string, and a bad one is an error that names it. */
#include "uri/uri.h"

#include "support/check.h"

#include <string.h>

static muv__uri_t *uri;
static muv_error_t error;

static int set_up(void **state)
{
    static const char text[] = "mongodb://user:pw@h/?maxPoolSize=5&tls=true&"
                               "readPreference=nearest&readPreferenceTags=dc:ny&w=2";

    (void)state;
    return muv__uri_new(text, strlen(text), &error, &uri);
}

static int tear_down(void **state)
{
    (void)state;
    muv__uri_free(uri);
    return 0;
}

static void check_refused(int rc, const char *message)
{
    CHECK_CODE(rc, MUV_EINVAL);
    assert_string_equal(error.message, message);
}

static void typed_values_win_over_the_string(void **state)
{
    (void)state;
    CHECK_CODE(muv__uri_set_int(uri, "maxpoolsize", 7, &error), 0);
    assert_int_equal(uri->options.max_pool_size, 7);
    CHECK_CODE(muv__uri_set_bool(uri, "tls", 0, &error), 0);
    assert_false(uri->options.tls);
    CHECK_CODE(muv__uri_set_text(uri, "w", "majority", &error), 0);
    assert_string_equal(uri->options.write_concern.tag, "majority");
    CHECK_CODE(muv__uri_set_int(uri, "w", 3, &error), 0);
    assert_int_equal(uri->options.write_concern.w, 3);
    CHECK_CODE(muv__uri_set_int(uri, "wTimeoutMS", 10, &error), 0);
    CHECK_CODE(muv__uri_set_bool(uri, "journal", 1, &error), 0);
    CHECK_CODE(muv__uri_set_int(uri, "maxStalenessSeconds", 90, &error), 0);
    assert_int_equal(uri->options.read_pref.max_staleness_s, 90);
    CHECK_CODE(muv__uri_finish(uri, &error), 0);
    assert_int_equal(uri->warning_count, 0);
}

static void text_is_not_percent_decoded(void **state)
{
    char name[] = "50%25 a&b=c";

    (void)state;
    CHECK_CODE(muv__uri_set_text(uri, "appName", name, &error), 0);
    name[0] = 'x';
    assert_string_equal(uri->options.app_name, "50%25 a&b=c");
}

static void what_warns_in_a_string_is_an_error_here(void **state)
{
    (void)state;
    check_refused(muv__uri_set_int(uri, "heartbeatFrequencyMS", 499, &error),
                  "heartbeatFrequencyMS: the number is too small");
    check_refused(muv__uri_set_text(uri, "readPreference", "any", &error),
                  "readPreference: the value is unknown (names are case-sensitive)");
    check_refused(muv__uri_set_text(uri, "noSuch", "1", &error), "noSuch: unknown option");
    check_refused(muv__uri_set_int(uri, "noSuch", 1, &error), "noSuch: unknown option");
    check_refused(muv__uri_set_int(uri, "tls", 1, &error), "tls: the option is no number");
    check_refused(muv__uri_set_bool(uri, "maxPoolSize", 1, &error),
                  "maxPoolSize: the option is no boolean");
    check_refused(muv__uri_set_int(uri, "maxStalenessSeconds", 89, &error),
                  "maxStalenessSeconds: the number is too small");
    check_refused(muv__uri_set_text(uri, "replicaSet", NULL, &error), "replicaSet: NULL");
    check_refused(muv__uri_set_text(uri, NULL, "x", &error), "option: NULL");
    check_refused(muv__uri_set_text(uri, "replicaSet", "\xff", &error),
                  "replicaSet: too long or not UTF-8");
    assert_null(uri->options.replica_set);
    check_refused(muv__uri_set_text(uri, "compressors", "zstd,lz4", &error),
                  "compressors: one of the names is unknown (known: snappy, zlib, zstd)");
}

static void properties_may_contain_commas_and_are_replaced(void **state)
{
    (void)state;
    CHECK_CODE(muv__uri_set_property(uri, "TOKEN_RESOURCE", "a,b", &error), 0);
    CHECK_CODE(muv__uri_set_property(uri, "TOKEN_RESOURCE", "c,d", &error), 0);
    assert_int_equal(uri->options.property_count, 1);
    assert_string_equal(uri->options.properties[0].value, "c,d");
    check_refused(muv__uri_set_property(uri, "", "x", &error),
                  "authMechanismProperties: the name of a property is empty");
    check_refused(muv__uri_set_property(uri, "a", NULL, &error), "authMechanismProperties: NULL");
    check_refused(muv__uri_set_property(uri, NULL, "a", &error), "authMechanismProperties: NULL");
}

static void properties_are_limited(void **state)
{
    (void)state;
    for (int i = 0; i < MUV__PROPERTIES_MAX; i++) {
        CHECK_CODE(muv__uri_set_property(uri, text_of("key%d", i), "x", &error), 0);
    }
    check_refused(muv__uri_set_property(uri, "more", "x", &error),
                  "authMechanismProperties: too many properties");
    CHECK_CODE(muv__uri_set_property(uri, "key0", "y", &error), 0);
}

static void user_and_password_are_replaced_together(void **state)
{
    (void)state;
    CHECK_CODE(muv__uri_set_user(uri, "other", NULL, &error), 0);
    assert_string_equal(uri->username, "other");
    assert_null(uri->password);
    CHECK_CODE(muv__uri_set_user(uri, "other", "", &error), 0);
    assert_string_equal(uri->password, "");
    check_refused(muv__uri_set_user(uri, "", "pw", &error), "username: empty");
    check_refused(muv__uri_set_user(uri, NULL, "pw", &error), "username: NULL");
    check_refused(muv__uri_set_user(uri, "x", "\xc0", &error), "password: too long or not UTF-8");
    assert_string_equal(uri->username, "other");
}

static void a_read_preference_replaces_all_its_options(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_PRIMARY};

    (void)state;
    assert_int_equal(uri->options.read_pref.tag_count, 1);
    CHECK_CODE(muv__uri_set_read_pref(uri, &pref, &error), 0);
    assert_int_equal(uri->options.read_pref.tag_count, 0);
    assert_int_equal(uri->options.read_pref.mode, MUV__READ_PRIMARY);
    assert_true(muv__options_has(&uri->options, MUV__OPTION_READ_PREFERENCE));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(typed_values_win_over_the_string),
        CASE(text_is_not_percent_decoded),
        CASE(what_warns_in_a_string_is_an_error_here),
        CASE(properties_may_contain_commas_and_are_replaced),
        CASE(properties_are_limited),
        CASE(user_and_password_are_replaced_together),
        CASE(a_read_preference_replaces_all_its_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
