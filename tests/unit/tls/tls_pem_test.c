/* SPDX-License-Identifier: Apache-2.0 */
/* What may be in the files, and what is said when it is something else. */
#include <stdlib.h>
#include <string.h>

#include "unit/tls/pair.h"

#define SECRET "correct horse"

static muv__span_t span_of(const pem_t *pem)
{
    return muv__span(pem->text, pem->size);
}

static muv__span_t text_span(const char *text)
{
    return muv__span(text, strlen(text));
}

static void check_options(const muv__tls_options_t *options, const char *reason)
{
    muv__tls_context_t *context = NULL;
    muv_error_t error;
    int status = muv__tls_context_new(options, &error, &context);

    if (reason == NULL) {
        CHECK_CODE(status, 0);
    } else {
        CHECK_CODE(status, MUV_EINVAL);
        assert_null(context);
        CHECK_CONTAINS(error.message, reason);
        assert_null(strstr(error.message, SECRET));
    }
    muv__tls_context_free(context);
}

static void authorities_are_one_certificate_or_more(void **state)
{
    const char *broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    pem_t both = cert_pem(&certs.authority, &certs.stranger, NULL);
    muv__tls_options_t options = {.authorities = span_of(&both)};

    (void)state;
    check_options(&options, NULL);
    options.authorities = muv__span(both.text, both.size - 100);
    check_options(&options, "tlsCAFile: a certificate in the file is broken");
    options.authorities = text_span(broken);
    check_options(&options, "tlsCAFile: a certificate in the file is broken");
    options.authorities = text_span("nothing of the kind\n");
    check_options(&options, "tlsCAFile: the file holds no certificate");
    options.authorities = muv__span("", 0);
    check_options(&options, "tlsCAFile: the file holds no certificate");
    options.allow_invalid_certificates = 1;
    check_options(&options, NULL);
    free(both.text);
}

static void a_certificate_needs_its_own_key(void **state)
{
    pem_t keyless = cert_pem(&certs.client, NULL, NULL);
    cert_t mixed = {.certificate = certs.client.certificate, .key = certs.server.key};
    pem_t foreign = cert_pem(&mixed, NULL, "");
    muv__tls_options_t options = {.authorities = span_of(&certs.trust),
                                  .certificate_key = span_of(&certs.identity)};
    char *key_only = strstr(certs.identity.text, "-----BEGIN PRIVATE KEY");

    (void)state;
    check_options(&options, NULL);
    options.certificate_key = span_of(&keyless);
    check_options(&options, "tlsCertificateKeyFile: the file holds no private key");
    options.certificate_key = span_of(&foreign);
    check_options(&options, "the private key is not that of the certificate");
    options.certificate_key = text_span(key_only);
    check_options(&options, "tlsCertificateKeyFile: the file holds no certificate");
    options.certificate_key = text_span("x");
    check_options(&options, "tlsCertificateKeyFile: the file holds no certificate");
    free(keyless.text);
    free(foreign.text);
}

static void the_key_may_come_first(void **state)
{
    char *key = strstr(certs.identity.text, "-----BEGIN PRIVATE KEY");
    size_t certificate_size = (size_t)(key - certs.identity.text);
    char *turned = calloc(1, certs.identity.size + 1);
    muv__tls_options_t options = {.authorities = span_of(&certs.trust)};

    (void)state;
    memcpy(turned, key, certs.identity.size - certificate_size);
    memcpy(turned + certs.identity.size - certificate_size, certs.identity.text, certificate_size);
    options.certificate_key = text_span(turned);
    check_options(&options, NULL);
    free(turned);
}

static void an_encrypted_key_needs_its_password(void **state)
{
    pem_t encrypted = cert_pem(&certs.client, NULL, SECRET);
    char *long_password = calloc(1, 5000);
    muv__tls_options_t options = {.authorities = span_of(&certs.trust),
                                  .certificate_key = span_of(&encrypted),
                                  .password = SECRET};

    (void)state;
    check_options(&options, NULL);
    options.password = NULL;
    check_options(&options, "needs tlsCertificateKeyFilePassword");
    options.password = "";
    check_options(&options, "needs tlsCertificateKeyFilePassword");
    options.password = SECRET "x";
    check_options(&options, "tlsCertificateKeyFilePassword is wrong");
    memset(long_password, 'x', 4999);
    options.password = long_password;
    check_options(&options, "tlsCertificateKeyFilePassword is wrong");
    free(long_password);
    free(encrypted.text);
}

static int meet_with(const pem_t *revoked, int8_t no_check, muv_error_t *error)
{
    muv__tls_options_t options = {.revoked = span_of(revoked),
                                  .no_revocation_check = (uint8_t)no_check};
    pair_t pair;
    int status;

    pair_init(&pair, NULL, &options);
    status = pair_meet(&pair, "db.example.net:27017");
    *error = pair.error;
    pair_done(&pair);
    return status;
}

static void what_the_list_revokes_is_refused(void **state)
{
    pem_t revoked = cert_crl(&certs.authority, &certs.server, CERTS_NOW_S);
    pem_t other = cert_crl(&certs.authority, &certs.client, CERTS_NOW_S);
    pem_t foreign = cert_crl(&certs.stranger, NULL, CERTS_NOW_S);
    muv_error_t error;

    (void)state;
    CHECK_CODE(meet_with(&revoked, 0, &error), MUV_ETLS);
    CHECK_CONTAINS(error.message, "certificate revoked");
    CHECK_CODE(meet_with(&other, 0, &error), 1);
    CHECK_CODE(meet_with(&foreign, 0, &error), MUV_ETLS);
    CHECK_CONTAINS(error.message, "unable to get certificate CRL");
    CHECK_CODE(meet_with(&revoked, 1, &error), 1);
    free(revoked.text);
    free(other.text);
    free(foreign.text);
}

static void a_file_of_revoked_certificates_holds_a_list(void **state)
{
    const char *broken = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    muv__tls_options_t options = {.authorities = span_of(&certs.trust),
                                  .revoked = text_span(broken)};

    (void)state;
    check_options(&options, "revoked certificates: a list in it is broken");
    options.revoked = text_span("none");
    check_options(&options, "revoked certificates: there is no list in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities_are_one_certificate_or_more),
        cmocka_unit_test(a_certificate_needs_its_own_key),
        cmocka_unit_test(the_key_may_come_first),
        cmocka_unit_test(an_encrypted_key_needs_its_password),
        cmocka_unit_test(what_the_list_revokes_is_refused),
        cmocka_unit_test(a_file_of_revoked_certificates_holds_a_list),
    };

    return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
