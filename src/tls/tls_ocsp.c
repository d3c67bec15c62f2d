/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of RFC 6960, section 3.2, in an order in which nothing is believed before it is known
 * who says it. */
#include "tls/tls_ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

static muv__ocsp_verdict_t refuse(const char *why)
{
    return (muv__ocsp_verdict_t){.status = MUV__OCSP_UNUSABLE, .why = why};
}

X509 *muv__ocsp_issuer(STACK_OF(X509) * chain)
{
    return sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);
}

/* Does `id` name this certificate? The responder chooses the hash. */
static int names_certificate(const OCSP_CERTID *id, const X509 *certificate, const X509 *issuer)
{
    /* OpenSSL's getters of a constant id are not declared so. */
    union {
        const OCSP_CERTID *in;
        OCSP_CERTID *out;
    } named = {.in = id};
    ASN1_OBJECT *algorithm = NULL;
    const EVP_MD *hash;
    OCSP_CERTID *ours;
    int equal;

    (void)OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, named.out);
    hash = EVP_get_digestbyobj(algorithm);
    if (hash == NULL) {
        return 0;
    }
    ours = OCSP_cert_to_id(hash, certificate, issuer);
    equal = ours != NULL && OCSP_id_cmp(ours, id) == 0;
    OCSP_CERTID_free(ours);
    return equal;
}

/* 1 when `time` is at `wall_s` or before it, 0 when it is after it or cannot be read. */
static int is_not_after(const ASN1_GENERALIZEDTIME *time, int64_t wall_s)
{
    int order = ASN1_TIME_cmp_time_t(time, (time_t)wall_s);

    return order == 0 || order == -1;
}

static int is_not_before(const ASN1_GENERALIZEDTIME *time, int64_t wall_s)
{
    int order = ASN1_TIME_cmp_time_t(time, (time_t)wall_s);

    return order == 0 || order == 1;
}

static const char *judge_times(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until,
                               int64_t wall_s)
{
    if (!is_not_after(from, wall_s + MUV__OCSP_SKEW_S)) {
        return "the OCSP response is not yet valid";
    }
    /* (RFC 6960, 2.4: without nextUpdate there is always something newer. Without a limit of ours
     * an answer from before the revocation could be shown for ever.) */
    if (until == NULL ? !is_not_before(from, wall_s - MUV__OCSP_MAX_AGE_S)
                      : !is_not_before(until, wall_s - MUV__OCSP_SKEW_S)) {
        return "the OCSP response has expired";
    }
    return NULL;
}

/* In seconds since 1970. What cannot be told ends now. */
static int64_t end_of(const ASN1_GENERALIZEDTIME *until, int64_t wall_s)
{
    ASN1_TIME *now;
    int days = 0;
    int seconds = 0;

    if (until == NULL) {
        return wall_s + MUV__OCSP_KEEP_S;
    }
    now = ASN1_TIME_set(NULL, (time_t)wall_s);
    if (now == NULL || !ASN1_TIME_diff(&days, &seconds, now, until)) {
        days = 0;
        seconds = 0;
    }
    ASN1_TIME_free(now);
    return wall_s + (int64_t)days * 86400 + seconds;
}

static muv__ocsp_verdict_t judge_single(OCSP_SINGLERESP *single, int64_t wall_s)
{
    ASN1_GENERALIZEDTIME *from = NULL;
    ASN1_GENERALIZEDTIME *until = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
    const char *why = judge_times(from, until, wall_s);
    muv__ocsp_verdict_t verdict = {.status = MUV__OCSP_UNKNOWN};

    if (why != NULL) {
        return refuse(why);
    }
    if (status == V_OCSP_CERTSTATUS_GOOD) {
        verdict.status = MUV__OCSP_GOOD;
    } else if (status == V_OCSP_CERTSTATUS_REVOKED) {
        verdict.status = MUV__OCSP_REVOKED;
    }
    verdict.until_s = end_of(until, wall_s);
    return verdict;
}

/* A responder of the issuer's, with a certificate of its own, may be on the lists of revoked ones.
 * The issuer's own certificate was looked at with the chain. */
static int is_signer_listed(const muv__ocsp_subject_t *subject, OCSP_BASICRESP *basic,
                            int64_t wall_s)
{
    X509_STORE_CTX *context;
    X509 *signer = NULL;
    int good;

    if (!subject->has_lists || OCSP_resp_get0_signer(basic, &signer, subject->chain) != 1 ||
        X509_cmp(signer, muv__ocsp_issuer(subject->chain)) == 0) {
        return 0;
    }
    context = X509_STORE_CTX_new();
    good = context != NULL &&
           X509_STORE_CTX_init(context, subject->store, signer, subject->chain) == 1;
    if (good) {
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_CRL_CHECK);
        X509_STORE_CTX_set_time(context, 0, (time_t)wall_s);
        good = X509_verify_cert(context) == 1;
    }
    X509_STORE_CTX_free(context);
    return !good;
}

/* The responder's own certificate is verified for the same time as the server's. It is the
 * issuer's, or one that the issuer has made for this purpose. */
static int is_signed(const muv__ocsp_subject_t *subject, OCSP_BASICRESP *basic, int64_t wall_s)
{
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(subject->store);
    int verified;

    X509_VERIFY_PARAM_set_time(param, (time_t)wall_s);
    verified = OCSP_basic_verify(basic, subject->chain, subject->store, 0) > 0;
    /* The store is the context's: a time left in it would overrule that of the handshakes to come,
     * and certificates that have ended would be taken for good ones. */
    X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_USE_CHECK_TIME);
    return verified && !is_signer_listed(subject, basic, wall_s);
}

static muv__ocsp_verdict_t judge_basic(const muv__ocsp_subject_t *subject, OCSP_BASICRESP *basic,
                                       int64_t wall_s)
{
    X509 *certificate = sk_X509_value(subject->chain, 0);
    X509 *issuer = muv__ocsp_issuer(subject->chain);
    int count = OCSP_resp_count(basic);

    if (count > MUV__OCSP_MAX_SINGLES) {
        return refuse("the OCSP response is about too many certificates");
    }
    if (!is_signed(subject, basic, wall_s)) {
        return refuse("the OCSP response is not signed as it should be");
    }
    for (int i = 0; i < count; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

        if (names_certificate(OCSP_SINGLERESP_get0_id(single), certificate, issuer)) {
            return judge_single(single, wall_s);
        }
    }
    return refuse("the OCSP response is about another certificate");
}

static muv__ocsp_verdict_t judge_response(const muv__ocsp_subject_t *subject,
                                          OCSP_RESPONSE *response, int64_t wall_s)
{
    OCSP_BASICRESP *basic;
    muv__ocsp_verdict_t verdict;

    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return refuse("the OCSP response is an error");
    }
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL) {
        return refuse("the OCSP response is broken");
    }
    verdict = judge_basic(subject, basic, wall_s);
    OCSP_BASICRESP_free(basic);
    return verdict;
}

muv__ocsp_verdict_t muv__ocsp_judge(const muv__ocsp_subject_t *subject, muv__span_t response,
                                    int64_t wall_s)
{
    const unsigned char *at = response.data;
    OCSP_RESPONSE *parsed;
    muv__ocsp_verdict_t verdict;

    if (response.size > MUV__OCSP_MAX_BYTES) {
        return refuse("the OCSP response is too large");
    }
    if (sk_X509_num(subject->chain) < 1) {
        return refuse("the certificate has no verified chain");
    }
    ERR_clear_error();
    parsed = d2i_OCSP_RESPONSE(NULL, &at, (long)response.size);
    if (parsed == NULL || at != response.data + response.size) {
        verdict = refuse("the OCSP response is broken");
    } else {
        verdict = judge_response(subject, parsed, wall_s);
    }
    OCSP_RESPONSE_free(parsed);
    ERR_clear_error();
    return verdict;
}
