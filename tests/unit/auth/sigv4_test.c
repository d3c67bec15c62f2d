/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4: dates, regions, the published signing key, whole signatures (computed by a
 * program of its own). */
#include "auth/sigv4.h"

#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static void is_date(int64_t unix_s, const char *expected)
{
    char date[MUV__SIGV4_DATE_SIZE];

    muv__sigv4_date(unix_s, date);
    assert_string_equal(date, expected);
}

static void dates_are_those_of_the_calendar(void **state)
{
    (void)state;
    is_date(0, "19700101T000000Z");
    is_date(1440938160, "20150830T123600Z");
    is_date(951782399, "20000228T235959Z");
    is_date(951782400, "20000229T000000Z");
    is_date(951868800, "20000301T000000Z");
    is_date(4107542400, "21000301T000000Z");
    is_date(4107542399, "21000228T235959Z");
    is_date(1735689599, "20241231T235959Z");
    is_date(INT64_C(253402300799), "99991231T235959Z");
    is_date(INT64_MAX, "99991231T235959Z");
    is_date(-1, "19700101T000000Z");
}

static void is_region(const char *host, const char *expected)
{
    muv__span_t region = {NULL, 0};
    int valid = muv__sigv4_region(host, strlen(host), &region);

    assert_int_equal(valid, expected != NULL);
    if (expected != NULL) {
        assert_int_equal(region.size, strlen(expected));
        assert_memory_equal(region.data, expected, region.size);
    }
}

/* (Authentication, prose tests of MONGODB-AWS: regions) */
static void regions_follow_the_hosts_labels(void **state)
{
    char host[257];

    (void)state;
    is_region("sts.amazonaws.com", "us-east-1");
    is_region("sts.us-west-2.amazonaws.com", "us-west-2");
    is_region("sts.us-west-2.amazonaws.com.ch", "us-west-2");
    is_region("example.com", "com");
    is_region("localhost", "us-east-1");
    is_region("sts..com", NULL);
    is_region(".amazonaws.com", NULL);
    is_region("sts.amazonaws.", NULL);
    is_region("", NULL);
    is_region("a b.com", NULL);
    is_region("sts\n.amazonaws.com", NULL);
    memset(host, 'x', 256);
    host[256] = '\0';
    is_region(host, NULL);
    host[255] = '\0';
    is_region(host, "us-east-1");
}

/* (AWS documentation: the example of a signing key) */
static void the_published_signing_key_is_met(void **state)
{
    uint8_t key[MUV__HASH_MAX_SIZE];

    (void)state;
    CHECK_CODE(muv__sigv4_key(EXAMPLE_SECRET, "20150830", muv__span("us-east-1", 9), "iam", key),
               0);
    CHECK_BYTES_EQUAL(key, sizeof(key),
                      "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

static void expect_authorization(const char *token, const char *host, const char *region,
                                 const char *expected)
{
    muv__aws_credential_t credential = {"AKIDEXAMPLE", EXAMPLE_SECRET, token};
    uint8_t nonce[MUV__SIGV4_NONCE_SIZE];
    muv__sigv4_request_t request = {.credential = &credential,
                                    .host = muv__span(host, strlen(host)),
                                    .region = muv__span(region, strlen(region)),
                                    .nonce = muv__span(nonce, sizeof(nonce)),
                                    .date = "20150830T123600Z"};
    muv__buf_t buf;

    for (size_t i = 0; i < sizeof(nonce); i++) {
        nonce[i] = (uint8_t)i;
    }
    muv__buf_init(&buf, 4096);
    CHECK_CODE(muv__sigv4_authorization(&request, &buf), 0);
    assert_int_equal(buf.size, strlen(expected));
    assert_memory_equal(buf.data, expected, buf.size);
    muv__buf_done(&buf);
}

static void a_request_is_signed(void **state)
{
    (void)state;
    expect_authorization(
        NULL, "sts.us-west-2.amazonaws.com", "us-west-2",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/sts/aws4_request, "
        "SignedHeaders=content-length;content-type;host;x-amz-date;x-mongodb-gs2-cb-flag;"
        "x-mongodb-server-nonce, "
        "Signature=6b2dd66107834f58ce49c20553c706495c8317f2398ea58a75f02002bc373662");
}

static void a_session_token_is_signed_too(void **state)
{
    (void)state;
    expect_authorization(
        "TOKEN", "sts.amazonaws.com", "us-east-1",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, "
        "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;"
        "x-mongodb-gs2-cb-flag;x-mongodb-server-nonce, "
        "Signature=fb352272e012c0b65879498596a402a39126e44539c4363d8b8a8b4b0a627737");
}

static void sign_under_failing_memory(void *data)
{
    static const uint8_t nonce[MUV__SIGV4_NONCE_SIZE];
    muv__aws_credential_t credential = {"AKIDEXAMPLE", EXAMPLE_SECRET, "TOKEN"};
    muv__sigv4_request_t request = {.credential = &credential,
                                    .host = muv__span("localhost", 9),
                                    .region = muv__span("us-east-1", 9),
                                    .nonce = muv__span(nonce, sizeof(nonce)),
                                    .date = "20150830T123600Z"};
    muv__buf_t buf;
    int rc;

    (void)data;
    muv__buf_init(&buf, 4096);
    rc = muv__sigv4_authorization(&request, &buf);
    if (rc != 0) {
        CHECK_CODE(rc, MUV_ENOMEM);
        assert_true(alloc_has_failed());
    }
    muv__buf_done(&buf);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    assert_true(alloc_sweep(sign_under_failing_memory, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(regions_follow_the_hosts_labels),
        cmocka_unit_test(the_published_signing_key_is_met),
        cmocka_unit_test(a_request_is_signed),
        cmocka_unit_test(a_session_token_is_signed_too),
        cmocka_unit_test_teardown(without_memory_there_is_an_error_and_no_leak, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
