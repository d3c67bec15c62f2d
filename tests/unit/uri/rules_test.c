/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between options: each refusal names the option, and the neighbouring case is allowed. */
#include "uri/uri.h"

#include "support/check.h"

#include <string.h>

/* 0, or the code of muv__uri_finish(); the strings themselves must be valid. */
static int finish(const char *text, muv_error_t *error, muv__uri_t **ret)
{
    CHECK_CODE(muv__uri_new(text, strlen(text), error, ret), 0);
    return muv__uri_finish(*ret, error);
}

static void check_allowed(const char *text)
{
    muv_error_t error = {.message = ""};
    muv__uri_t *uri = NULL;
    int rc = finish(text, &error, &uri);

    muv__uri_free(uri);
    assert_string_equal(error.message, "");
    CHECK_CODE(rc, 0);
}

static void check_refused(const char *text, const char *message)
{
    muv_error_t error = {.message = ""};
    muv__uri_t *uri = NULL;
    int rc = finish(text, &error, &uri);

    muv__uri_free(uri);
    CHECK_CODE(rc, MUV_EINVAL);
    assert_string_equal(error.message, message);
}

static void check_tls(const char *text, int tls)
{
    muv_error_t error = {.message = ""};
    muv__uri_t *uri = NULL;

    CHECK_CODE(finish(text, &error, &uri), 0);
    assert_int_equal(uri->options.tls, tls);
    CHECK_CODE(muv__uri_finish(uri, &error), 0);
    assert_int_equal(uri->options.tls, tls);
    muv__uri_free(uri);
}

static void conflicting_tls_options_name_both(void **state)
{
    (void)state;
    check_refused("mongodb://h/?tlsInsecure=true&tlsAllowInvalidHostnames=false",
                  "tlsInsecure: cannot be given together with tlsAllowInvalidHostnames");
    check_allowed("mongodb://h/?tlsAllowInvalidCertificates=true&tlsAllowInvalidHostnames=true");
    check_allowed("mongodb://h/?tlsAllowInvalidHostnames=true&tlsDisableOCSPEndpointCheck=true");
}

static void proxy_options_need_each_other(void **state)
{
    (void)state;
    check_refused("mongodb://h/?proxyPort=1080", "proxyPort: needs proxyHost");
    check_refused("mongodb://h/?proxyHost=p&proxyUsername=u", "proxyUsername: needs proxyPassword");
    check_refused("mongodb://h/?proxyHost=p&proxyUsername=&proxyPassword=x",
                  "proxyPassword: needs proxyUsername");
    check_allowed("mongodb://h/?proxyHost=p&proxyUsername=&proxyPassword=");
    check_allowed("mongodb://h/?proxyHost=p&proxyUsername=u&proxyPassword=x&proxyPort=1");
}

static void a_direct_connection_has_one_seed(void **state)
{
    (void)state;
    check_refused("mongodb://a,b/?directConnection=true",
                  "directConnection: not with several hosts");
    check_refused("mongodb+srv://a.b.c/?directConnection=true",
                  "directConnection: not with mongodb+srv://");
    check_allowed("mongodb+srv://a.b.c/?directConnection=false");
    check_allowed("mongodb://a/?directConnection=true&replicaSet=rs");
}

static void a_load_balancer_stands_alone(void **state)
{
    (void)state;
    check_refused("mongodb://a,b/?loadBalanced=true", "loadBalanced: not with several hosts");
    check_refused("mongodb://a/?loadBalanced=true&replicaSet=rs",
                  "loadBalanced: not with replicaSet");
    check_refused("mongodb://a/?loadBalanced=true&directConnection=true",
                  "loadBalanced: not with directConnection=true");
    check_refused("mongodb+srv://a.b.c/?loadBalanced=true&srvMaxHosts=1",
                  "loadBalanced: not with srvMaxHosts");
    check_allowed("mongodb+srv://a.b.c/?loadBalanced=true&srvMaxHosts=0");
}

static void lookup_options_need_the_lookup_scheme(void **state)
{
    (void)state;
    check_refused("mongodb://a/?srvMaxHosts=0", "srvMaxHosts: only with mongodb+srv://");
    check_refused("mongodb://a/?srvServiceName=x", "srvServiceName: only with mongodb+srv://");
    check_refused("mongodb+srv://a.b.c/?srvMaxHosts=1&replicaSet=rs",
                  "srvMaxHosts: cannot be given together with replicaSet");
    check_allowed("mongodb+srv://a.b.c/?srvMaxHosts=0&replicaSet=rs");
}

static void journal_contradicts_w0(void **state)
{
    (void)state;
    check_refused("mongodb://a/?w=0&journal=true", "journal: true contradicts w=0");
    check_allowed("mongodb://a/?w=0&journal=false");
    check_allowed("mongodb://a/?w=1&journal=true");
}

static void primary_takes_neither_tags_nor_staleness(void **state)
{
    (void)state;
    check_refused("mongodb://a/?readPreferenceTags=dc:ny",
                  "readPreferenceTags: not with readPreference primary, which is the default");
    check_refused("mongodb://a/?readPreference=primary&maxStalenessSeconds=90",
                  "maxStalenessSeconds: not with readPreference primary, which is the default");
    check_allowed("mongodb://a/?readPreference=primary&maxStalenessSeconds=-1");
    check_allowed("mongodb://a/?readPreferenceTags=dc:ny&readPreference=secondary");
}

static void the_smallest_pool_fits_into_the_largest(void **state)
{
    (void)state;
    check_refused("mongodb://a/?minPoolSize=101", "minPoolSize: larger than maxPoolSize");
    check_allowed("mongodb://a/?minPoolSize=100");
    check_allowed("mongodb://a/?minPoolSize=101&maxPoolSize=0");
}

static void tls_follows_from_scheme_and_other_options(void **state)
{
    (void)state;
    check_tls("mongodb://a/", 0);
    check_tls("mongodb://a/?tlsCAFile=ca.pem", 1);
    check_tls("mongodb://a/?tlsCAFile=ca.pem&tls=false", 0);
    check_tls("mongodb+srv://a.b.c/", 1);
    check_tls("mongodb+srv://a.b.c/?ssl=false", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conflicting_tls_options_name_both),
        cmocka_unit_test(proxy_options_need_each_other),
        cmocka_unit_test(a_direct_connection_has_one_seed),
        cmocka_unit_test(a_load_balancer_stands_alone),
        cmocka_unit_test(lookup_options_need_the_lookup_scheme),
        cmocka_unit_test(journal_contradicts_w0),
        cmocka_unit_test(primary_takes_neither_tags_nor_staleness),
        cmocka_unit_test(the_smallest_pool_fits_into_the_largest),
        cmocka_unit_test(tls_follows_from_scheme_and_other_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
