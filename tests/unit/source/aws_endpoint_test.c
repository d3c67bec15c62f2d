/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints an environment names, and which it may not name. */
#include "source/aws_endpoint.h"

#include <string.h>

#include "support/check.h"
#include "unit/source/environment.h"

typedef int (*url_fn)(const muv__aws_environment_t *, muv__url_t *, const char **);

/* "https name:port /target" */
static void check_url(environment_t *e, url_fn fn, int expected_rc, const char *expected)
{
    muv__aws_environment_t environment = {environment_get, e};
    muv__url_t url;
    const char *why = NULL;
    char host[MUV__HOST_TEXT_SIZE];

    CHECK_CODE(fn(&environment, &url, &why), expected_rc);
    muv__host_format(&url.host, host);
    assert_string_equal(text_of("%s %s %s", url.secure ? "https" : "http", host, url.target),
                        expected);
}

static void check_why(environment_t *e, url_fn fn, const char *part)
{
    muv__aws_environment_t environment = {environment_get, e};
    muv__url_t url;
    const char *why = NULL;

    CHECK_CODE(fn(&environment, &url, &why), MUV_EINVAL);
    CHECK_CONTAINS(why, part);
}

static void check_sts(const char *endpoint, const char *expected)
{
    environment_t e = {.count = 0};

    environment_set(&e, "AWS_ENDPOINT_URL_STS", endpoint);
    check_url(&e, muv__aws_sts_url, 0, expected);
}

static void check_full(const char *uri, const char *expected)
{
    environment_t e = {.count = 0};

    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
    check_url(&e, muv__aws_container_url, 1, expected);
}

static void refuse_full(const char *uri, const char *part)
{
    environment_t e = {.count = 0};

    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
    check_why(&e, muv__aws_container_url, part);
}

static void an_empty_variable_is_not_set(void **state)
{
    environment_t e = {.count = 0};
    muv__aws_environment_t environment = {environment_get, &e};

    (void)state;
    environment_set(&e, "A", "");
    environment_set(&e, "B", "b");
    assert_null(muv__aws_variable(&environment, "A"));
    assert_string_equal(muv__aws_variable(&environment, "B"), "b");
    assert_null(muv__aws_variable(&environment, "C"));
}

/* --- STS ---------------------------------------------------------------------------------------*/

static void sts_is_global_unless_told_otherwise(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    check_url(&e, muv__aws_sts_url, 0, "https sts.amazonaws.com:443 /");
    environment_set(&e, "AWS_REGION", "eu-central-1");
    check_url(&e, muv__aws_sts_url, 0, "https sts.amazonaws.com:443 /");
    environment_set(&e, "AWS_STS_REGIONAL_ENDPOINTS", "legacy");
    check_url(&e, muv__aws_sts_url, 0, "https sts.amazonaws.com:443 /");
}

static void sts_may_be_that_of_a_region(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_STS_REGIONAL_ENDPOINTS", "regional");
    environment_set(&e, "AWS_REGION", "eu-central-1");
    check_url(&e, muv__aws_sts_url, 0, "https sts.eu-central-1.amazonaws.com:443 /");
    environment_set(&e, "AWS_REGION", "cn-north-1");
    check_url(&e, muv__aws_sts_url, 0, "https sts.cn-north-1.amazonaws.com.cn:443 /");
    environment_set(&e, "AWS_STS_REGIONAL_ENDPOINTS", "Regional");
    check_url(&e, muv__aws_sts_url, 0, "https sts.cn-north-1.amazonaws.com.cn:443 /");
}

static void sts_of_far_partitions_has_to_be_named(void **state)
{
    static const char *const regions[] = {"us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1",
                                          "eusc-de-east-1"};
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_STS_REGIONAL_ENDPOINTS", "regional");
    for (size_t i = 0; i < MUV__COUNT_OF(regions); i++) {
        environment_set(&e, "AWS_REGION", regions[i]);
        check_why(&e, muv__aws_sts_url,
                  "AWS_REGION is in a partition whose endpoint AWS_ENDPOINT_URL_STS has to name");
    }
}

/* A region is part of a host name that gets the token. */
static void a_region_is_checked(void **state)
{
    static const char *const regions[] = {"evil.example.com/",
                                          "a.b",
                                          "a@b",
                                          "US-EAST-1",
                                          "-us",
                                          "us-",
                                          "us east",
                                          "\xc3\xa4",
                                          "us-east-1\n",
                                          "#",
                                          "012345678901234567890123456789012"};
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_STS_REGIONAL_ENDPOINTS", "regional");
    check_why(&e, muv__aws_sts_url, "AWS_REGION, which is not set");
    for (size_t i = 0; i < MUV__COUNT_OF(regions); i++) {
        environment_set(&e, "AWS_REGION", regions[i]);
        check_why(&e, muv__aws_sts_url, "AWS_REGION is not the name of a region");
    }
}

static void sts_may_have_an_endpoint_of_its_own(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    check_sts("https://vpce.example.com/sts", "https vpce.example.com:443 /sts");
    check_sts("http://127.0.0.1:4566", "http 127.0.0.1:4566 /");
    environment_set(&e, "AWS_ENDPOINT_URL_STS", "http://vpce.example.com/");
    check_why(&e, muv__aws_sts_url, "AWS_ENDPOINT_URL_STS must begin with https://");
    environment_set(&e, "AWS_ENDPOINT_URL_STS", "vpce.example.com");
    check_why(&e, muv__aws_sts_url, "AWS_ENDPOINT_URL_STS is not a valid URL");
}

/* --- containers --------------------------------------------------------------------------------*/

static void a_path_is_asked_for_at_the_agent(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://example.com/");
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1?a=b");
    check_url(&e, muv__aws_container_url, 1, "http 169.254.170.2:80 /v2/credentials/1?a=b");
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v2/credentials/1");
    check_url(&e, muv__aws_container_url, 1, "http 169.254.170.2:80 /v2/credentials/1");
}

static void a_path_cannot_name_another_host(void **state)
{
    static char longest[MUV__URL_TARGET_MAX + 2] = "/";
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example.com/");
    check_url(&e, muv__aws_container_url, 1, "http 169.254.170.2:80 /@evil.example.com/");
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.example.com/");
    check_url(&e, muv__aws_container_url, 1, "http 169.254.170.2:80 /.evil.example.com/");
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/a b");
    check_why(&e, muv__aws_container_url, "_RELATIVE_URI is not a valid path");
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/a\r\nX: y");
    check_why(&e, muv__aws_container_url, "_RELATIVE_URI is not a valid path");
    memset(longest + 1, 'a', MUV__URL_TARGET_MAX);
    environment_set(&e, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", longest);
    check_why(&e, muv__aws_container_url, "_RELATIVE_URI is not a valid path");
}

static void https_may_be_asked_anywhere(void **state)
{
    (void)state;
    check_full("https://example.com:8443/keys", "https example.com:8443 /keys");
    check_full("https://10.0.0.1/", "https 10.0.0.1:443 /");
}

static void http_is_for_this_machine_and_the_agents(void **state)
{
    (void)state;
    check_full("http://127.0.0.1:9000/k", "http 127.0.0.1:9000 /k");
    check_full("http://127.9.9.9/k", "http 127.9.9.9:80 /k");
    check_full("http://LOCALHOST/k", "http localhost:80 /k");
    check_full("http://[::1]:81/k", "http [::1]:81 /k");
    check_full("http://169.254.170.2/k", "http 169.254.170.2:80 /k");
    check_full("http://169.254.170.23/v1/credentials", "http 169.254.170.23:80 /v1/credentials");
    check_full("http://[FD00:EC2::23]/v1", "http [fd00:ec2::23]:80 /v1");
}

static void http_elsewhere_is_refused(void **state)
{
    static const char *const uris[] = {
        "http://example.com/",       "http://169.254.169.254/", "http://127.0.0.1.example.com/",
        "http://localhost.example/", "http://2130706433/",      "http://[fd00:ec2::24]/",
        "http://169.254.170.231/",   "http://0x7f.1/",          "http://169.254.170.2.example/"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(uris); i++) {
        refuse_full(uris[i], "_FULL_URI must begin with https://");
    }
    refuse_full("ftp://127.0.0.1/", "_FULL_URI is not a valid URL");
    refuse_full("http://127.0.0.1@example.com/", "_FULL_URI is not a valid URL");
    refuse_full("/v2/credentials", "_FULL_URI is not a valid URL");
}

static void without_both_there_is_no_container(void **state)
{
    environment_t e = {.count = 0};
    muv__aws_environment_t environment = {environment_get, &e};
    const char *why = NULL;
    muv__url_t url;

    (void)state;
    assert_int_equal(muv__aws_container_url(&environment, &url, &why), 0);
}

/* --- EC2 ---------------------------------------------------------------------------------------*/

static void the_metadata_service_has_a_fixed_address(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    check_url(&e, muv__aws_metadata_url, 0, "http 169.254.169.254:80 ");
    environment_set(&e, "AWS_EC2_METADATA_DISABLED", "false");
    check_url(&e, muv__aws_metadata_url, 0, "http 169.254.169.254:80 ");
}

static void the_metadata_service_may_be_elsewhere(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]");
    check_url(&e, muv__aws_metadata_url, 0, "http [fd00:ec2::254]:80 ");
    environment_set(&e, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:8000/a/b//");
    check_url(&e, muv__aws_metadata_url, 0, "http 127.0.0.1:8000 /a/b");
    environment_set(&e, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:8000/?a");
    check_why(&e, muv__aws_metadata_url, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a valid URL");
    environment_set(&e, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1:8000");
    check_why(&e, muv__aws_metadata_url, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a valid URL");
}

static void the_metadata_service_may_be_forbidden(void **state)
{
    environment_t e = {.count = 0};

    (void)state;
    environment_set(&e, "AWS_EC2_METADATA_DISABLED", "true");
    check_why(&e, muv__aws_metadata_url, "AWS_EC2_METADATA_DISABLED forbids");
    environment_set(&e, "AWS_EC2_METADATA_DISABLED", "True");
    check_why(&e, muv__aws_metadata_url, "AWS_EC2_METADATA_DISABLED forbids");
    environment_set(&e, "AWS_EC2_METADATA_DISABLED", "truely");
    check_url(&e, muv__aws_metadata_url, 0, "http 169.254.169.254:80 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_variable_is_not_set),
        cmocka_unit_test(sts_is_global_unless_told_otherwise),
        cmocka_unit_test(sts_may_be_that_of_a_region),
        cmocka_unit_test(sts_of_far_partitions_has_to_be_named),
        cmocka_unit_test(a_region_is_checked),
        cmocka_unit_test(sts_may_have_an_endpoint_of_its_own),
        cmocka_unit_test(a_path_is_asked_for_at_the_agent),
        cmocka_unit_test(a_path_cannot_name_another_host),
        cmocka_unit_test(https_may_be_asked_anywhere),
        cmocka_unit_test(http_is_for_this_machine_and_the_agents),
        cmocka_unit_test(http_elsewhere_is_refused),
        cmocka_unit_test(without_both_there_is_no_container),
        cmocka_unit_test(the_metadata_service_has_a_fixed_address),
        cmocka_unit_test(the_metadata_service_may_be_elsewhere),
        cmocka_unit_test(the_metadata_service_may_be_forbidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
