/* SPDX-License-Identifier: Apache-2.0 */
/* Staples: good, bad, old, foreign, missing, demanded. In both protocol versions. */
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

#include "unit/tls/pair.h"

static cert_t strict; /* It demands a staple. */
static staple_t good;

static int setup(void **state)
{
    (void)certs_setup(state);
    strict = cert_make(&(cert_spec_t){.common_name = "strict",
                                      .issuer = &certs.authority,
                                      .alt_names = "DNS:db.example.net",
                                      .must_staple = 1});
    good = cert_staple(&certs.server, &certs.authority, &certs.authority, V_OCSP_CERTSTATUS_GOOD,
                       CERTS_NOW_S - 60);
    return 0;
}

static int teardown(void **state)
{
    cert_done(&strict);
    free(good.bytes);
    return certs_teardown(state);
}

static void check_version(const cert_t *cert, const staple_t *staple, int version,
                          const muv__tls_options_t *options, const char *reason)
{
    tls_server_opts_t server = {.cert = cert, .staple = staple, .max_version = version};
    pair_t pair;
    int status;

    pair_init(&pair, &server, options);
    status = pair_meet(&pair, "db.example.net:27017");
    if (reason == NULL) {
        CHECK_CODE(status, 1);
    } else {
        CHECK_CODE(status, MUV_ETLS);
        CHECK_CONTAINS(pair.error.message, reason);
    }
    pair_done(&pair);
}

static void check_staple(const cert_t *cert, const staple_t *staple, const char *reason)
{
    check_version(cert, staple, 0, NULL, reason);
    check_version(cert, staple, TLS1_2_VERSION, NULL, reason);
}

static void check_status(const cert_t *cert, const cert_t *signer, int status, int64_t from_s,
                         const char *reason)
{
    staple_t staple = cert_staple(cert, &certs.authority, signer, status, from_s);

    check_staple(cert, &staple, reason);
    free(staple.bytes);
}

static void a_staple_is_welcome_but_not_needed(void **state)
{
    (void)state;
    check_staple(&certs.server, &good, NULL);
    check_staple(&certs.server, NULL, NULL);
    check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_UNKNOWN, CERTS_NOW_S, NULL);
}

static void a_revoked_certificate_is_refused(void **state)
{
    (void)state;
    check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_REVOKED, CERTS_NOW_S,
                 "the certificate is revoked");
}

static void a_staple_must_be_of_this_time_give_or_take_five_minutes(void **state)
{
    const struct {
        int64_t from_s;
        const char *reason;
    } rows[] = {
        {CERTS_NOW_S + 300, NULL},
        {CERTS_NOW_S + 301, "not yet valid"},
        {CERTS_NOW_S - 3600 - 300, NULL},
        {CERTS_NOW_S - 3600 - 301, "has expired"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        check_status(&certs.server, &certs.authority, V_OCSP_CERTSTATUS_GOOD, rows[i].from_s,
                     rows[i].reason);
    }
}

static void a_staple_must_be_signed_by_the_authority_and_be_about_the_certificate(void **state)
{
    staple_t other = cert_staple(&certs.client, &certs.authority, &certs.authority,
                                 V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S);

    (void)state;
    check_status(&certs.server, &certs.stranger, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S,
                 "not signed as it should be");
    check_status(&certs.server, &certs.server, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S,
                 "not signed as it should be");
    check_staple(&certs.server, &other, "about another certificate");
    free(other.bytes);
}

static void a_broken_staple_is_refused(void **state)
{
    static uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    const staple_t cut = {.bytes = good.bytes, .size = good.size - 1};
    const staple_t error = {.bytes = try_later, .size = sizeof(try_later)};

    (void)state;
    check_staple(&certs.server, &cut, "the stapled OCSP response is broken");
    check_staple(&certs.server, &error, "the stapled OCSP response is an error");
}

static void a_certificate_that_demands_a_staple_gets_a_good_one(void **state)
{
    (void)state;
    check_staple(&strict, NULL, "demands a stapled OCSP response");
    check_status(&strict, &certs.authority, V_OCSP_CERTSTATUS_GOOD, CERTS_NOW_S, NULL);
    check_status(&strict, &certs.authority, V_OCSP_CERTSTATUS_UNKNOWN, CERTS_NOW_S,
                 "demands a stapled OCSP response");
}

static void nothing_is_checked_when_revocation_or_certificates_are_not(void **state)
{
    const muv__tls_options_t rows[] = {{.no_revocation_check = 1},
                                       {.allow_invalid_certificates = 1}};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        check_version(&strict, NULL, 0, &rows[i], NULL);
        check_version(&strict, NULL, TLS1_2_VERSION, &rows[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_staple_is_welcome_but_not_needed),
        cmocka_unit_test(a_revoked_certificate_is_refused),
        cmocka_unit_test(a_staple_must_be_of_this_time_give_or_take_five_minutes),
        cmocka_unit_test(a_staple_must_be_signed_by_the_authority_and_be_about_the_certificate),
        cmocka_unit_test(a_broken_staple_is_refused),
        cmocka_unit_test(a_certificate_that_demands_a_staple_gets_a_good_one),
        cmocka_unit_test(nothing_is_checked_when_revocation_or_certificates_are_not),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
