/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts on responses of every kind: what they say, when, of whom, and who signs. */
#include "tls/tls_ocsp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

#include "support/certs.h"
#include "support/check.h"

static struct {
    cert_t authority;
    cert_t issuer; /* Of `authority`; signs for the leaves. */
    cert_t leaf;
    cert_t other;     /* Another leaf of the issuer. */
    cert_t delegate;  /* The issuer lets it sign responses. */
    cert_t expired;   /* It did until a while ago. */
    cert_t plain;     /* A leaf of the issuer that may not sign responses. */
    cert_t foreigner; /* The authority lets it sign responses: for the issuer's own certificate. */
    cert_t stranger;
    STACK_OF(X509) * chain;
    X509_STORE *store;
} made;

static cert_t make(const char *name, const cert_t *issuer, const char *key_usage)
{
    return cert_make(&(cert_spec_t){.common_name = name, .issuer = issuer, .key_usage = key_usage});
}

static int setup(void **state)
{
    (void)state;
    made.authority = cert_make(&(cert_spec_t){.common_name = "authority", .is_authority = 1});
    made.stranger = cert_make(&(cert_spec_t){.common_name = "stranger", .is_authority = 1});
    made.issuer = cert_make(
        &(cert_spec_t){.common_name = "issuer", .issuer = &made.authority, .is_authority = 1});
    made.leaf = make("leaf", &made.issuer, NULL);
    made.other = make("other", &made.issuer, NULL);
    made.delegate = make("delegate", &made.issuer, "OCSPSigning");
    made.expired = cert_make(&(cert_spec_t){.common_name = "expired",
                                            .issuer = &made.issuer,
                                            .key_usage = "OCSPSigning",
                                            .until_s = CERTS_NOW_S - 1});
    made.plain = make("plain", &made.issuer, "serverAuth");
    made.foreigner = make("foreigner", &made.authority, "OCSPSigning");
    made.chain = sk_X509_new_null();
    assert_true(sk_X509_push(made.chain, made.leaf.certificate));
    assert_true(sk_X509_push(made.chain, made.issuer.certificate));
    assert_true(sk_X509_push(made.chain, made.authority.certificate));
    made.store = X509_STORE_new();
    assert_int_equal(X509_STORE_add_cert(made.store, made.authority.certificate), 1);
    return 0;
}

static int teardown(void **state)
{
    cert_t *const certs[] = {&made.authority, &made.issuer,    &made.leaf,
                             &made.other,     &made.delegate,  &made.expired,
                             &made.plain,     &made.foreigner, &made.stranger};

    (void)state;
    sk_X509_free(made.chain);
    X509_STORE_free(made.store);
    for (size_t i = 0; i < MUV__COUNT_OF(certs); i++) {
        cert_done(certs[i]);
    }
    return 0;
}

static muv__ocsp_verdict_t judge(const void *bytes, size_t size)
{
    const muv__ocsp_subject_t subject = {.chain = made.chain, .store = made.store};

    return muv__ocsp_judge(&subject, muv__span(bytes, size), CERTS_NOW_S);
}

/* The usual answer, with one thing changed. */
static answer_spec_t usual(int status)
{
    return (answer_spec_t){.cert = &made.leaf,
                           .issuer = &made.issuer,
                           .status = status,
                           .from_s = CERTS_NOW_S - 60,
                           .until_s = CERTS_NOW_S + 600};
}

static muv__ocsp_verdict_t verdict_on(const answer_spec_t *spec)
{
    staple_t answer = cert_answer(spec);
    muv__ocsp_verdict_t verdict = judge(answer.bytes, answer.size);

    free(answer.bytes);
    return verdict;
}

#define CHECK_VERDICT(verdict, status, why, until_s)                                               \
    check_verdict(verdict, status, why, until_s, __FILE__, __LINE__)

static void check_verdict(muv__ocsp_verdict_t verdict, muv__ocsp_status_t status, const char *why,
                          int64_t until_s, const char *file, int line)
{
    if (verdict.status != status || verdict.until_s != until_s ||
        (why == NULL) != (verdict.why == NULL) || (why != NULL && strcmp(verdict.why, why) != 0)) {
        print_error("status %d, until %+lld, %s\n", (int)verdict.status,
                    (long long)(verdict.until_s - CERTS_NOW_S),
                    verdict.why == NULL ? "(no reason)" : verdict.why);
        check_fail_at(file, line);
    }
}

#define CHECK_REFUSED(verdict, why) CHECK_VERDICT(verdict, MUV__OCSP_UNUSABLE, why, 0)

static const char not_signed[] = "the OCSP response is not signed as it should be";

/* --- what it says ------------------------------------------------------------------------------*/

static void the_issuer_says_good_revoked_or_unknown(void **state)
{
    answer_spec_t good = usual(V_OCSP_CERTSTATUS_GOOD);
    answer_spec_t revoked = usual(V_OCSP_CERTSTATUS_REVOKED);
    answer_spec_t unknown = usual(V_OCSP_CERTSTATUS_UNKNOWN);

    (void)state;
    CHECK_VERDICT(verdict_on(&good), MUV__OCSP_GOOD, NULL, CERTS_NOW_S + 600);
    CHECK_VERDICT(verdict_on(&revoked), MUV__OCSP_REVOKED, NULL, CERTS_NOW_S + 600);
    CHECK_VERDICT(verdict_on(&unknown), MUV__OCSP_UNKNOWN, NULL, CERTS_NOW_S + 600);
}

static void the_certificate_may_be_named_by_any_hash(void **state)
{
    const char *const hashes[] = {"SHA1", "SHA256", "SHA512"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(hashes); i++) {
        answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

        spec.hash = hashes[i];
        CHECK_VERDICT(verdict_on(&spec), MUV__OCSP_REVOKED, NULL, CERTS_NOW_S + 600);
    }
}

static void an_answer_about_another_certificate_says_nothing(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);

    (void)state;
    spec.cert = &made.other;
    CHECK_REFUSED(verdict_on(&spec), "the OCSP response is about another certificate");
}

static void of_several_answers_the_one_about_the_certificate_counts(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

    (void)state;
    spec.others = MUV__OCSP_MAX_SINGLES - 1;
    CHECK_VERDICT(verdict_on(&spec), MUV__OCSP_REVOKED, NULL, CERTS_NOW_S + 600);
    spec.others = MUV__OCSP_MAX_SINGLES;
    CHECK_REFUSED(verdict_on(&spec), "the OCSP response is about too many certificates");
}

/* --- when --------------------------------------------------------------------------------------*/

static void an_answer_is_of_this_time_give_or_take_five_minutes(void **state)
{
    const struct {
        int64_t from;
        int64_t until;
        const char *why;
    } rows[] = {
        {300, 600, NULL},
        {301, 600, "the OCSP response is not yet valid"},
        {-1000, -300, NULL},
        {-1000, -301, "the OCSP response has expired"},
        {-90 * 86400, 90 * 86400, NULL},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);

        spec.from_s = CERTS_NOW_S + rows[i].from;
        spec.until_s = CERTS_NOW_S + rows[i].until;
        if (rows[i].why != NULL) {
            CHECK_REFUSED(verdict_on(&spec), rows[i].why);
        } else {
            CHECK_VERDICT(verdict_on(&spec), MUV__OCSP_GOOD, NULL, spec.until_s);
        }
    }
}

static void an_answer_without_end_is_believed_for_an_hour_if_it_is_not_a_day_old(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);

    (void)state;
    spec.until_s = 0;
    spec.from_s = CERTS_NOW_S - 86400;
    CHECK_VERDICT(verdict_on(&spec), MUV__OCSP_GOOD, NULL, CERTS_NOW_S + 3600);
    spec.from_s = CERTS_NOW_S - 86401;
    CHECK_REFUSED(verdict_on(&spec), "the OCSP response has expired");
}

/* Revoked or not: it may have been taken back (certificateHold), and anybody can send it again. */
static void an_old_revocation_says_nothing(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

    (void)state;
    spec.from_s = CERTS_NOW_S - 1000;
    spec.until_s = CERTS_NOW_S - 400;
    CHECK_REFUSED(verdict_on(&spec), "the OCSP response has expired");
}

/* --- who signs ---------------------------------------------------------------------------------*/

static muv__ocsp_verdict_t signed_by(const cert_t *signer)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

    spec.signer = signer;
    return verdict_on(&spec);
}

static void the_issuer_may_let_somebody_sign(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

    (void)state;
    CHECK_VERDICT(signed_by(&made.delegate), MUV__OCSP_REVOKED, NULL, CERTS_NOW_S + 600);
    spec.signer = &made.delegate;
    spec.without_signer = 1;
    CHECK_REFUSED(verdict_on(&spec), not_signed);
}

static void the_issuers_own_certificate_need_not_come_along(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_REVOKED);

    (void)state;
    spec.without_signer = 1;
    CHECK_VERDICT(verdict_on(&spec), MUV__OCSP_REVOKED, NULL, CERTS_NOW_S + 600);
}

static void nobody_else_may_sign(void **state)
{
    (void)state;
    CHECK_REFUSED(signed_by(&made.plain), not_signed);
    CHECK_REFUSED(signed_by(&made.leaf), not_signed);
    CHECK_REFUSED(signed_by(&made.stranger), not_signed);
    CHECK_REFUSED(signed_by(&made.expired), not_signed);
    CHECK_REFUSED(signed_by(&made.foreigner), not_signed);
    CHECK_REFUSED(signed_by(&made.authority), not_signed);
}

/* The same serial number under another issuer is another certificate. */
static void the_issuer_is_part_of_the_name(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);

    (void)state;
    spec.signer = &made.authority;
    spec.with_wrong_issuer = 1;
    CHECK_REFUSED(verdict_on(&spec), "the OCSP response is about another certificate");
}

/* --- bytes -------------------------------------------------------------------------------------*/

static void what_is_no_response_is_refused(void **state)
{
    static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    static const uint8_t empty[] = {0x30, 0x03, 0x0a, 0x01, 0x00}; /* Successful, and no answer. */

    (void)state;
    CHECK_REFUSED(judge("", 0), "the OCSP response is broken");
    CHECK_REFUSED(judge("<html>", 6), "the OCSP response is broken");
    CHECK_REFUSED(judge(try_later, sizeof(try_later)), "the OCSP response is an error");
    CHECK_REFUSED(judge(empty, sizeof(empty)), "the OCSP response is broken");
}

static void a_response_that_is_too_large_is_not_looked_at(void **state)
{
    uint8_t *bytes = calloc(1, MUV__OCSP_MAX_BYTES + 1);

    (void)state;
    CHECK_REFUSED(judge(bytes, MUV__OCSP_MAX_BYTES), "the OCSP response is broken");
    CHECK_REFUSED(judge(bytes, MUV__OCSP_MAX_BYTES + 1), "the OCSP response is too large");
    free(bytes);
}

static void every_byte_counts(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);
    staple_t good = cert_answer(&spec);
    uint8_t *bytes = malloc(good.size + 1);
    unsigned believed = 0;

    (void)state;
    for (size_t size = 0; size < good.size; size++) {
        assert_int_equal(judge(good.bytes, size).status, MUV__OCSP_UNUSABLE);
    }
    memcpy(bytes, good.bytes, good.size);
    bytes[good.size] = 0;
    CHECK_REFUSED(judge(bytes, good.size + 1), "the OCSP response is broken");
    /* The certificate that comes along is not signed by the response: a change there may be
     * without effect, as the issuer's is known. It never makes another answer of it. */
    for (size_t i = 0; i < good.size; i++) {
        muv__ocsp_verdict_t verdict;

        bytes[i] ^= 1;
        verdict = judge(bytes, good.size);
        bytes[i] ^= 1;
        assert_true(verdict.status == MUV__OCSP_UNUSABLE || verdict.status == MUV__OCSP_GOOD);
        believed += verdict.status == MUV__OCSP_GOOD;
    }
    assert_in_range(believed, 0, 450);
    free(bytes);
    free(good.bytes);
}

static void without_a_chain_there_is_nothing_to_judge(void **state)
{
    answer_spec_t spec = usual(V_OCSP_CERTSTATUS_GOOD);
    const muv__ocsp_subject_t nobody = {.chain = NULL, .store = made.store};
    staple_t good = cert_answer(&spec);

    (void)state;
    CHECK_REFUSED(muv__ocsp_judge(&nobody, muv__span(good.bytes, good.size), CERTS_NOW_S),
                  "the certificate has no verified chain");
    free(good.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_issuer_says_good_revoked_or_unknown),
        cmocka_unit_test(the_certificate_may_be_named_by_any_hash),
        cmocka_unit_test(an_answer_about_another_certificate_says_nothing),
        cmocka_unit_test(of_several_answers_the_one_about_the_certificate_counts),
        cmocka_unit_test(an_answer_is_of_this_time_give_or_take_five_minutes),
        cmocka_unit_test(an_answer_without_end_is_believed_for_an_hour_if_it_is_not_a_day_old),
        cmocka_unit_test(an_old_revocation_says_nothing),
        cmocka_unit_test(the_issuer_may_let_somebody_sign),
        cmocka_unit_test(the_issuers_own_certificate_need_not_come_along),
        cmocka_unit_test(nobody_else_may_sign),
        cmocka_unit_test(the_issuer_is_part_of_the_name),
        cmocka_unit_test(what_is_no_response_is_refused),
        cmocka_unit_test(a_response_that_is_too_large_is_not_looked_at),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(without_a_chain_there_is_nothing_to_judge),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
