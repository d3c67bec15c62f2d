/* SPDX-License-Identifier: Apache-2.0 */
/* The server's staple: an answer of its authority's responder that it sends along with its
 * certificate (RFC 6066, 6960). What is stapled must be right. Without a staple, or when the
 * responder does not know, the certificate is taken, unless it demands a staple itself ("must
 * staple", RFC 7633). No responder is asked. */
#include "tls/tls_inner.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

/* Clocks of client and responder may differ so much. */
#define CLOCK_SKEW_S 300

/* The extension's number in the handshake, as RFC 7633 lists it in the certificate. */
#define STATUS_REQUEST 5

static int must_staple(const X509 *certificate)
{
    TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
    int found = 0;

    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
        found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    }
    TLS_FEATURE_free(features);
    return found;
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

static const char *judge_times(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until,
                               int64_t wall_s)
{
    int begun = ASN1_TIME_cmp_time_t(from, (time_t)(wall_s + CLOCK_SKEW_S));

    if (begun != 0 && begun != -1) {
        return "the stapled OCSP response is not yet valid";
    }
    if (until != NULL) {
        int ended = ASN1_TIME_cmp_time_t(until, (time_t)(wall_s - CLOCK_SKEW_S));

        if (ended != 0 && ended != 1) {
            return "the stapled OCSP response has expired";
        }
    }
    return NULL;
}

/* `ret_known` becomes 1 when the responder vouches for the certificate. */
static const char *judge_single(OCSP_SINGLERESP *single, int64_t wall_s, int *ret_known)
{
    ASN1_GENERALIZEDTIME *from = NULL;
    ASN1_GENERALIZEDTIME *until = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);

    if (status == V_OCSP_CERTSTATUS_REVOKED) {
        return "the certificate is revoked, says its stapled OCSP response";
    }
    *ret_known = status == V_OCSP_CERTSTATUS_GOOD;
    return judge_times(from, until, wall_s);
}

static const char *judge_basic(OCSP_BASICRESP *basic, SSL *ssl, int64_t wall_s, int *ret_known)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    int length = sk_X509_num(chain);

    if (length < 1) {
        return "the certificate has no verified chain";
    }
    /* The responder's own certificate is verified for the same time as the server's. */
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)wall_s);
    if (OCSP_basic_verify(basic, chain, store, 0) <= 0) {
        return "the stapled OCSP response is not signed as it should be";
    }
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

        if (names_certificate(OCSP_SINGLERESP_get0_id(single), sk_X509_value(chain, 0),
                              sk_X509_value(chain, length > 1 ? 1 : 0))) {
            return judge_single(single, wall_s, ret_known);
        }
    }
    return "the stapled OCSP response is about another certificate";
}

static const char *judge(OCSP_RESPONSE *response, SSL *ssl, int64_t wall_s, int *ret_known)
{
    OCSP_BASICRESP *basic;
    const char *reason;

    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return "the stapled OCSP response is an error";
    }
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL) {
        return "the stapled OCSP response is broken";
    }
    reason = judge_basic(basic, ssl, wall_s, ret_known);
    OCSP_BASICRESP_free(basic);
    return reason;
}

const char *muv__tls_check_staple(SSL *ssl, int64_t wall_s)
{
    const unsigned char *bytes = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    int known = 0;

    if (SSL_session_reused(ssl) || certificate == NULL) {
        return NULL;
    }
    if (bytes != NULL && size > 0) {
        OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &bytes, size);
        const char *reason = response == NULL ? "the stapled OCSP response is broken"
                                              : judge(response, ssl, wall_s, &known);

        OCSP_RESPONSE_free(response);
        ERR_clear_error();
        if (reason != NULL) {
            return reason;
        }
    }
    return known || !must_staple(certificate)
               ? NULL
               : "the certificate demands a stapled OCSP response, and none vouches for it";
}
