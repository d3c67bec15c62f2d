/* SPDX-License-Identifier: Apache-2.0 */
/* Is the server's certificate revoked? In the order of the OCSP Support specification: what is
 * remembered as revoked and a staple (RFC 6066) are judged in the handshake, so that an alert tells
 * the server; what is stapled must be right. Without a staple, or when the responder does not know,
 * the certificate is taken, unless it demands a staple itself ("must staple", RFC 7633) or the
 * responders it names say that it is revoked: those are asked by the owner of the connection, who
 * has the network. No answer of theirs replaces a staple that is demanded. */
#include "tls/tls_inner.h"

#include "base/assert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* The extension's number in the handshake, as RFC 7633 lists it in the certificate. */
#define STATUS_REQUEST 5

static muv__ocsp_subject_t subject_of(SSL *ssl)
{
    return (muv__ocsp_subject_t){
        .chain = SSL_get0_verified_chain(ssl),
        .store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)),
        .has_lists = (X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(SSL_get_SSL_CTX(ssl))) &
                      X509_V_FLAG_CRL_CHECK) != 0,
    };
}

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

/* --- what is remembered ------------------------------------------------------------------------*/

static muv__ocsp_status_t recall(const muv__tls_t *tls)
{
    return tls->has_key ? muv__ocsp_cache_find(&tls->context->verdicts, tls->key, tls->wall_s)
                        : MUV__OCSP_UNUSABLE;
}

/* Conclusive answers only (OCSP Support: caching). */
static void remember(muv__tls_t *tls, const muv__ocsp_verdict_t *verdict, int64_t wall_s)
{
    if (tls->has_key &&
        (verdict->status == MUV__OCSP_GOOD || verdict->status == MUV__OCSP_REVOKED)) {
        muv__ocsp_cache_store(&tls->context->verdicts, tls->key, verdict->status, verdict->until_s,
                              wall_s);
    }
}

int muv__tls_session_is_revoked(muv__tls_context_t *context, const muv__tls_session_t *session,
                                int64_t wall_s)
{
    return session->has_key &&
           muv__ocsp_cache_find(&context->verdicts, session->key, wall_s) == MUV__OCSP_REVOKED;
}

void muv__tls_offer_session(muv__tls_t *tls, SSL_SESSION *session)
{
    if (tls->open || tls->unvouched) {
        SSL_SESSION_free(tls->held);
        tls->held = session;
        return;
    }
    /* A server that does not resume makes a new session with a new verification. */
    muv__tls_sessions_store(&tls->context->sessions, &tls->host, session,
                            SSL_session_reused(tls->ssl) ? tls->verified_s : tls->wall_s,
                            tls->has_key ? tls->key : NULL);
}

/* --- the handshake -----------------------------------------------------------------------------*/

/* No staple is UNKNOWN. */
static muv__ocsp_verdict_t judge_staple(muv__tls_t *tls, const muv__ocsp_subject_t *subject)
{
    const unsigned char *bytes = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(tls->ssl, &bytes);

    if (bytes == NULL || size <= 0) {
        return (muv__ocsp_verdict_t){.status = MUV__OCSP_UNKNOWN};
    }
    return muv__ocsp_judge(subject, muv__span(bytes, (size_t)size), tls->wall_s);
}

/* Returns NULL, or why the handshake is refused (static memory). */
static const char *check(muv__tls_t *tls, const muv__ocsp_subject_t *subject)
{
    X509 *certificate = sk_X509_value(subject->chain, 0);
    muv__ocsp_verdict_t verdict = judge_staple(tls, subject);
    muv__ocsp_status_t recalled;

    tls->has_key = (uint8_t)muv__ocsp_key(certificate, muv__ocsp_issuer(subject->chain), tls->key);
    recalled = recall(tls);
    if (verdict.why != NULL) {
        return verdict.why;
    }
    remember(tls, &verdict, tls->wall_s);
    if (verdict.status == MUV__OCSP_REVOKED) {
        return "the certificate is revoked, says its stapled OCSP response";
    }
    if (recalled == MUV__OCSP_REVOKED) {
        return "the certificate is revoked, said an earlier OCSP response";
    }
    if (verdict.status != MUV__OCSP_GOOD && must_staple(certificate)) {
        return "the certificate demands a stapled OCSP response, and none vouches for it";
    }
    tls->unvouched = verdict.status != MUV__OCSP_GOOD && recalled == MUV__OCSP_UNKNOWN;
    tls->open = verdict.status != MUV__OCSP_GOOD && recalled == MUV__OCSP_UNUSABLE &&
                tls->has_key && tls->context->ask_responder && muv__ocsp_has_responder(certificate);
    return NULL;
}

int muv__tls_on_status(SSL *ssl, void *data)
{
    muv__tls_t *tls = SSL_get_app_data(ssl);
    muv__ocsp_subject_t subject = subject_of(ssl);

    (void)data;
    if (SSL_session_reused(ssl)) {
        return 1;
    }
    tls->revocation_text = sk_X509_num(subject.chain) > 0 ? check(tls, &subject)
                                                          : "the certificate has no verified chain";
    ERR_clear_error();
    return tls->revocation_text == NULL;
}

/* --- the question ------------------------------------------------------------------------------*/

int muv__tls_finish_revocation(muv__tls_t *tls, muv_error_t *reterr)
{
    muv__ocsp_status_t recalled = recall(tls);

    /* Another connection may have heard it while this one resumed a session from before. */
    if (recalled != MUV__OCSP_REVOKED && (!tls->open || recalled == MUV__OCSP_UNUSABLE)) {
        return 0;
    }
    return muv__tls_settle(tls, recalled, reterr);
}

int muv__tls_question(muv__tls_t *tls, muv__ocsp_query_t *ret)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(tls->ssl);

    MUV__ASSERT(tls->ready);
    if (!tls->open) {
        return 0;
    }
    if (!muv__ocsp_query(sk_X509_value(chain, 0), muv__ocsp_issuer(chain), ret)) {
        (void)muv__tls_settle(tls, MUV__OCSP_UNUSABLE, NULL);
        return 0;
    }
    return 1;
}

muv__ocsp_verdict_t muv__tls_judge(muv__tls_t *tls, muv__span_t response, int64_t wall_s)
{
    muv__ocsp_subject_t subject = subject_of(tls->ssl);
    muv__ocsp_verdict_t verdict = muv__ocsp_judge(&subject, response, wall_s);

    remember(tls, &verdict, wall_s);
    return verdict;
}

void muv__tls_unanswered(muv__tls_t *tls, int64_t wall_s)
{
    if (tls->has_key) {
        muv__ocsp_cache_store(&tls->context->verdicts, tls->key, MUV__OCSP_UNKNOWN,
                              wall_s + MUV__OCSP_SILENCE_S, wall_s);
    }
}

int muv__tls_settle(muv__tls_t *tls, muv__ocsp_status_t status, muv_error_t *reterr)
{
    SSL_SESSION *held = tls->held;

    tls->open = 0;
    tls->held = NULL;
    if (status == MUV__OCSP_REVOKED) {
        SSL_SESSION_free(held);
        return muv__tls_refuse(tls, "the certificate is revoked, says its OCSP responder", reterr);
    }
    /* Who resumes is not asked about again: a certificate that nobody has vouched for is to be
     * looked at with each connection. */
    tls->unvouched = status == MUV__OCSP_UNKNOWN;
    if (held != NULL) {
        muv__tls_offer_session(tls, held); /* Which holds it again, and for good, if unvouched. */
    }
    return 0;
}
