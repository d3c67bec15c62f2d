/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask, what the question is, and by what a certificate is found again. */
#include "tls/tls_ocsp_query.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "support/certs.h"
#include "support/check.h"

static cert_t issuer;

static int setup(void **state)
{
    (void)state;
    issuer = cert_make(&(cert_spec_t){.common_name = "issuer", .is_authority = 1});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cert_done(&issuer);
    return 0;
}

static cert_t cert_with(const char *access)
{
    return cert_make(&(cert_spec_t){.common_name = "leaf", .issuer = &issuer, .access = access});
}

static void check_urls(const char *access, const char *first, const char *second)
{
    cert_t cert = cert_with(access);
    muv__ocsp_query_t query;
    uint32_t count = (first != NULL) + (uint32_t)(second != NULL);

    assert_int_equal(muv__ocsp_has_responder(cert.certificate), count != 0);
    assert_int_equal(muv__ocsp_query(cert.certificate, issuer.certificate, &query), count != 0);
    assert_int_equal(query.url_count, count);
    if (first != NULL) {
        assert_string_equal(query.urls[0], first);
    }
    if (second != NULL) {
        assert_string_equal(query.urls[1], second);
    }
    cert_done(&cert);
}

static void the_first_two_http_responders_are_asked(void **state)
{
    (void)state;
    check_urls(NULL, NULL, NULL);
    check_urls("OCSP;URI:http://a.test/", "http://a.test/", NULL);
    check_urls("OCSP;URI:HTTP://a.test", "HTTP://a.test", NULL);
    check_urls("OCSP;URI:http://a.test/,OCSP;URI:http://b.test:8080/x?y,OCSP;URI:http://c.test/",
               "http://a.test/", "http://b.test:8080/x?y");
}

static void other_schemes_and_purposes_are_passed_over(void **state)
{
    (void)state;
    check_urls("OCSP;URI:https://a.test/", NULL, NULL);
    check_urls("OCSP;URI:ldap://a.test/,OCSP;URI:file:///etc/passwd", NULL, NULL);
    check_urls("caIssuers;URI:http://a.test/ca.crt", NULL, NULL);
    check_urls("OCSP;email:a@b.test", NULL, NULL);
    check_urls("OCSP;URI:http://", NULL, NULL);
    check_urls(
        "OCSP;URI:https://a.test/,caIssuers;URI:http://a.test/ca.crt,OCSP;URI:http://b.test/",
        "http://b.test/", NULL);
}

static void a_url_that_is_too_long_is_passed_over(void **state)
{
    char access[MUV__OCSP_MAX_URL_BYTES + 64];
    const char *url = access + strlen("OCSP;URI:");
    int length = snprintf(access, sizeof(access), "OCSP;URI:http://a.test/");
    size_t fits = (size_t)(url - access) + MUV__OCSP_MAX_URL_BYTES;

    (void)state;
    memset(access + length, 'x', sizeof(access) - (size_t)length);
    access[fits] = '\0';
    check_urls(access, url, NULL);
    access[fits] = 'x';
    access[fits + 1] = '\0';
    check_urls(access, NULL, NULL);
}

/* SHA-1 in the id, no nonce, no signature: what every responder understands. */
static void the_question_is_about_one_certificate_and_has_no_nonce(void **state)
{
    cert_t cert = cert_with("OCSP;URI:http://a.test/");
    muv__ocsp_query_t query;
    const unsigned char *at = query.request;
    OCSP_REQUEST *request;
    OCSP_CERTID *id;

    (void)state;
    assert_int_equal(muv__ocsp_query(cert.certificate, issuer.certificate, &query), 1);
    request = d2i_OCSP_REQUEST(NULL, &at, (long)query.request_size);
    assert_non_null(request);
    assert_ptr_equal(at, query.request + query.request_size);
    assert_int_equal(OCSP_request_onereq_count(request), 1);
    id = OCSP_cert_to_id(EVP_sha1(), cert.certificate, issuer.certificate);
    assert_int_equal(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id), 0);
    assert_int_equal(OCSP_REQUEST_get_ext_count(request), 0);
    assert_int_equal(OCSP_request_is_signed(request), 0);
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    cert_done(&cert);
}

static void the_bytes_of_a_question_are_these(void **state)
{
    cert_t cert = cert_with("OCSP;URI:http://a.test/");
    muv__ocsp_query_t query;

    (void)state;
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert.certificate), 0x1234), 1);
    assert_int_equal(muv__ocsp_query(cert.certificate, issuer.certificate, &query), 1);
    /* Request, its content, list, entry, id, SHA-1, name's hash (of CN=issuer). */
    CHECK_BYTES_EQUAL(query.request, 43,
                      "30 43 30 41 30 3f 30 3d 30 3b 30 09 06 05 2b 0e 03 02 1a 05 00 04 14"
                      "6e09b43be90d6c3967c8db1656d260ec12e93123");
    /* The key's hash, then the serial number. */
    CHECK_BYTES_EQUAL(query.request + query.request_size - 4, 4, "02 02 12 34");
    cert_done(&cert);
}

static void the_key_is_that_of_one_certificate_of_one_issuer(void **state)
{
    cert_t cert = cert_with("OCSP;URI:http://a.test/");
    cert_t other = cert_with("OCSP;URI:http://a.test/");
    muv__ocsp_query_t query;
    uint8_t key[MUV__OCSP_KEY_BYTES];

    (void)state;
    assert_int_equal(muv__ocsp_query(cert.certificate, issuer.certificate, &query), 1);
    assert_int_equal(muv__ocsp_key(cert.certificate, issuer.certificate, key), 1);
    assert_memory_equal(key, query.key, sizeof(key));
    assert_int_equal(muv__ocsp_key(other.certificate, issuer.certificate, key), 1);
    assert_memory_not_equal(key, query.key, sizeof(key));
    assert_int_equal(muv__ocsp_key(cert.certificate, other.certificate, key), 1);
    assert_memory_not_equal(key, query.key, sizeof(key));
    cert_done(&cert);
    cert_done(&other);
}

static void an_absurd_serial_number_is_not_asked_about(void **state)
{
    cert_t cert = cert_with("OCSP;URI:http://a.test/");
    unsigned char serial[300];
    muv__ocsp_query_t query;
    uint8_t key[MUV__OCSP_KEY_BYTES];

    (void)state;
    memset(serial, 0x55, sizeof(serial));
    for (size_t size = 20; size <= sizeof(serial); size += 280) {
        int expected = size == 20;

        assert_int_equal(
            ASN1_STRING_set(X509_get_serialNumber(cert.certificate), serial, (int)size), 1);
        assert_int_equal(muv__ocsp_query(cert.certificate, issuer.certificate, &query), expected);
        assert_int_equal(muv__ocsp_key(cert.certificate, issuer.certificate, key), expected);
    }
    cert_done(&cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_two_http_responders_are_asked),
        cmocka_unit_test(other_schemes_and_purposes_are_passed_over),
        cmocka_unit_test(a_url_that_is_too_long_is_passed_over),
        cmocka_unit_test(the_question_is_about_one_certificate_and_has_no_nonce),
        cmocka_unit_test(the_bytes_of_a_question_are_these),
        cmocka_unit_test(the_key_is_that_of_one_certificate_of_one_issuer),
        cmocka_unit_test(an_absurd_serial_number_is_not_asked_about),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
