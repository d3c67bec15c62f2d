/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes as the answer of an OCSP responder. Input: a byte of options, then the response.
 *
 * Options, low two bits: 0: judged as it is. 1: judged after its content was signed by the issuer,
 * so that a search gets behind the signature (the key of this issuer is below). 2: the bytes are a
 * certificate that is to be asked about. Bit 2: the certificate's chain is the certificate alone.
 * The high four bits move the clock by hours.
 *
 * A verdict is one of four; it is the same when asked for again; what has a reason says nothing
 * else; and what was not signed by the issuer or somebody it lets sign says nothing. */
#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "tls/tls_ocsp.h"
#include "tls/tls_ocsp_query.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#define NOW_S INT64_C(1800000000)

enum { AS_IT_IS, SIGNED, CERTIFICATE, WHAT = 3, ALONE = 4 };

/* The certificate of nobody, its issuer, and the issuer's key: nothing else rests on it. */
static const char issuer_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBjDCCATOgAwIBAgIUSIjPnrEQUpAQaZpsv80vbTFp+ckwCgYIKoZIzj0EAwIw\n"
    "GzEZMBcGA1UEAwwQaXNzdWVyIG9mIG5vYm9keTAgFw0yNjExMjMxMDE3MjdaGA8y\n"
    "MTI2MTAzMDEwMTcyN1owGzEZMBcGA1UEAwwQaXNzdWVyIG9mIG5vYm9keTBZMBMG\n"
    "ByqGSM49AgEGCCqGSM49AwEHA0IABN3k9umXv/B1Drm19B5HVXkt2y5O92eKmZgu\n"
    "pNKwe6ZLVvRigWL8+gEy414ZKqUvw5YGGEmFsJySmrvRoxxVOkejUzBRMB0GA1Ud\n"
    "DgQWBBQ8ADNKmxeEPB0pKHcgwc6PuEhTljAfBgNVHSMEGDAWgBQ8ADNKmxeEPB0p\n"
    "KHcgwc6PuEhTljAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIFgc\n"
    "EOIVhHbqLwxDzhkC9lCIOOzKGilQtyJr3n0WqiogAiBHgSd9Kz7MeBgO6anAYCbZ\n"
    "voJzsn7PLzAhvpbD+8AjgA==\n"
    "-----END CERTIFICATE-----\n";

static const char leaf_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBpTCCAUygAwIBAgICEjQwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQaXNzdWVy\n"
                               "IG9mIG5vYm9keTAgFw0yNjExMjMxMDE3MjdaGA8yMTI2MTAzMDEwMTcyN1owETEP\n"
                               "MA0GA1UEAwwGbm9ib2R5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKV9W2fr/\n"
                               "SDYu2A/5x9nQBR8Z9NKnZaHtFjx7Ok7S3ifB+T4nOvnXHEeIqHzuFgXnkY+HCKUX\n"
                               "hwRTjDeSX/47vqOBhzCBhDAMBgNVHRMBAf8EAjAAMDQGCCsGAQUFBwEBBCgwJjAk\n"
                               "BggrBgEFBQcwAYYYaHR0cDovL29jc3AuZXhhbXBsZS5uZXQvMB0GA1UdDgQWBBTq\n"
                               "hKmzpbesBoQKGd7V2DtMnaDcDjAfBgNVHSMEGDAWgBQ8ADNKmxeEPB0pKHcgwc6P\n"
                               "uEhTljAKBggqhkjOPQQDAgNHADBEAiAq+5lFNe14+0p/k3bF6vZSDJ9PjF6A4056\n"
                               "vlfMjlDXZgIgYAmgC+nXdpVL/oRG41x7LRaOtEUM8EuwoiSYYveFrZ8=\n"
                               "-----END CERTIFICATE-----\n";

static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdShknMgTcC1ycGNl\n"
                              "l0jCBpgzipw0hZ64glBKD9kUEzuhRANCAATd5Pbpl7/wdQ65tfQeR1V5LdsuTvdn\n"
                              "ipmYLqTSsHumS1b0YoFi/PoBMuNeGSqlL8OWBhhJhbCckpq70aMcVTpH\n"
                              "-----END PRIVATE KEY-----\n";

static struct {
    X509 *issuer;
    X509 *leaf;
    EVP_PKEY *key;
    STACK_OF(X509) * chain;
    STACK_OF(X509) * alone;
    X509_STORE *store;
} made;

static X509 *read_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    MUV__ASSERT(certificate != NULL);
    BIO_free(bio);
    return certificate;
}

static void make(void)
{
    BIO *bio = BIO_new_mem_buf(key_pem, -1);

    made.issuer = read_certificate(issuer_pem);
    made.leaf = read_certificate(leaf_pem);
    made.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    made.chain = sk_X509_new_null();
    made.alone = sk_X509_new_null();
    made.store = X509_STORE_new();
    MUV__ASSERT(made.key != NULL && made.store != NULL);
    MUV__ASSERT(sk_X509_push(made.chain, made.leaf) && sk_X509_push(made.chain, made.issuer) &&
                sk_X509_push(made.alone, made.leaf));
    MUV__ASSERT(X509_STORE_add_cert(made.store, made.issuer));
}

/* --- responses ---------------------------------------------------------------------------------*/

static muv__ocsp_verdict_t judge(muv__span_t response, STACK_OF(X509) * chain, int64_t wall_s)
{
    const muv__ocsp_subject_t subject = {.chain = chain, .store = made.store};
    muv__ocsp_verdict_t verdict = muv__ocsp_judge(&subject, response, wall_s);
    muv__ocsp_verdict_t again = muv__ocsp_judge(&subject, response, wall_s);

    MUV__ASSERT(verdict.status <= MUV__OCSP_REVOKED);
    MUV__ASSERT((verdict.why != NULL) == (verdict.status == MUV__OCSP_UNUSABLE));
    MUV__ASSERT(verdict.why == NULL || verdict.until_s == 0);
    MUV__ASSERT(verdict.why != NULL || verdict.until_s >= wall_s - MUV__OCSP_SKEW_S);
    MUV__ASSERT(verdict.status == again.status && verdict.until_s == again.until_s);
    return verdict;
}

/* The same content with a signature of the issuer. Returns the size, 0: it is no response. */
static size_t sign(muv__span_t response, unsigned char **ret)
{
    const unsigned char *at = response.data;
    OCSP_RESPONSE *parsed = d2i_OCSP_RESPONSE(NULL, &at, (long)response.size);
    OCSP_BASICRESP *basic = parsed == NULL ? NULL : OCSP_response_get1_basic(parsed);
    OCSP_RESPONSE *made_anew = NULL;
    int size = 0;

    if (basic != NULL && OCSP_basic_sign(basic, made.issuer, made.key, EVP_sha256(), NULL,
                                         OCSP_NOCERTS | OCSP_NOTIME)) {
        made_anew = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    }
    if (made_anew != NULL) {
        size = i2d_OCSP_RESPONSE(made_anew, ret);
    }
    OCSP_RESPONSE_free(made_anew);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(parsed);
    return size > 0 ? (size_t)size : 0;
}

static void judge_signed(muv__span_t response, STACK_OF(X509) * chain, int64_t wall_s)
{
    unsigned char *bytes = NULL;
    size_t size = sign(response, &bytes);

    if (size != 0) {
        (void)judge(muv__span(bytes, size), chain, wall_s);
    }
    OPENSSL_free(bytes);
}

/* --- certificates ------------------------------------------------------------------------------*/

static void ask_about(muv__span_t bytes)
{
    const unsigned char *at = bytes.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)bytes.size);
    muv__ocsp_query_t query;
    uint8_t key[MUV__OCSP_KEY_BYTES];

    if (certificate == NULL) {
        return;
    }
    if (muv__ocsp_query(certificate, made.issuer, &query)) {
        MUV__ASSERT(muv__ocsp_has_responder(certificate));
        MUV__ASSERT(muv__ocsp_key(certificate, made.issuer, key));
        MUV__ASSERT(memcmp(key, query.key, sizeof(key)) == 0);
        MUV__ASSERT(query.url_count >= 1 && query.url_count <= MUV__OCSP_MAX_URLS);
        MUV__ASSERT(query.request_size >= 1 && query.request_size <= sizeof(query.request));
        for (uint32_t i = 0; i < query.url_count; i++) {
            MUV__ASSERT(memchr(query.urls[i], '\0', sizeof(query.urls[i])) != NULL);
        }
    }
    X509_free(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    muv__span_t bytes;
    STACK_OF(X509) * chain;
    int64_t wall_s;

    if (made.store == NULL) {
        make();
    }
    if (size == 0) {
        return 0;
    }
    bytes = muv__span(data + 1, size - 1);
    chain = (data[0] & ALONE) != 0 ? made.alone : made.chain;
    wall_s = NOW_S + ((int64_t)(data[0] >> 4) - 8) * 3600;
    switch (data[0] & WHAT) {
    case SIGNED: judge_signed(bytes, chain, wall_s); break;
    case CERTIFICATE: ask_about(bytes); break;
    case AS_IT_IS:
    default: (void)judge(bytes, chain, wall_s); break;
    }
    return 0;
}
