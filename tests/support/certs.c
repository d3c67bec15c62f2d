/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certs.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support/check.h"

static long next_serial = 1000;

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_true(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static void set_times(X509 *certificate, const cert_spec_t *spec)
{
    int64_t from_s = spec->from_s != 0 ? spec->from_s : CERTS_NOW_S - CERTS_HALF_LIFE_S;
    int64_t until_s = spec->until_s != 0 ? spec->until_s : CERTS_NOW_S + CERTS_HALF_LIFE_S;

    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until_s));
}

cert_t cert_make(const cert_spec_t *spec)
{
    cert_t cert = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    const cert_t *issuer = spec->issuer != NULL ? spec->issuer : &cert;
    X509_NAME *name = X509_get_subject_name(cert.certificate);

    assert_non_null(cert.key);
    assert_true(X509_set_version(cert.certificate, X509_VERSION_3));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert.certificate), next_serial++));
    assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                           (const unsigned char *)spec->common_name, -1, -1, 0));
    assert_true(X509_set_issuer_name(cert.certificate, X509_get_subject_name(issuer->certificate)));
    set_times(cert.certificate, spec);
    assert_true(X509_set_pubkey(cert.certificate, cert.key));
    add_extension(cert.certificate, issuer->certificate, NID_basic_constraints,
                  spec->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (spec->alt_names != NULL) {
        add_extension(cert.certificate, issuer->certificate, NID_subject_alt_name, spec->alt_names);
    }
    if (spec->access != NULL) {
        add_extension(cert.certificate, issuer->certificate, NID_info_access, spec->access);
    }
    if (spec->key_usage != NULL) {
        add_extension(cert.certificate, issuer->certificate, NID_ext_key_usage, spec->key_usage);
    }
    if (spec->must_staple) {
        add_extension(cert.certificate, issuer->certificate, NID_tlsfeature, "status_request");
    }
    assert_true(X509_sign(cert.certificate, issuer->key, EVP_sha256()));
    return cert;
}

void cert_done(cert_t *cert)
{
    X509_free(cert->certificate);
    EVP_PKEY_free(cert->key);
    *cert = (cert_t){NULL, NULL};
}

static pem_t take_bio(BIO *bio)
{
    char *bytes = NULL;
    pem_t pem = {.size = (size_t)BIO_get_mem_data(bio, &bytes)};

    pem.text = malloc(pem.size + 1);
    assert_non_null(pem.text);
    memcpy(pem.text, bytes, pem.size);
    pem.text[pem.size] = '\0';
    BIO_free(bio);
    return pem;
}

pem_t cert_pem(const cert_t *cert, const cert_t *chain, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_true(PEM_write_bio_X509(bio, cert->certificate));
    if (chain != NULL) {
        assert_true(PEM_write_bio_X509(bio, chain->certificate));
    }
    if (password != NULL) {
        size_t length = strlen(password);

        assert_true(PEM_write_bio_PKCS8PrivateKey(bio, cert->key,
                                                  length != 0 ? EVP_aes_128_cbc() : NULL, password,
                                                  (int)length, NULL, NULL));
    }
    return take_bio(bio);
}

pem_t cert_crl(const cert_t *authority, const cert_t *revoked, int64_t from_s)
{
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)from_s);
    ASN1_TIME *later = ASN1_TIME_set(NULL, (time_t)(from_s + CERTS_HALF_LIFE_S));
    BIO *bio = BIO_new(BIO_s_mem());
    X509_CRL *crl = X509_CRL_new();

    assert_true(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
    assert_true(X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->certificate)));
    assert_true(X509_CRL_set1_lastUpdate(crl, now));
    assert_true(X509_CRL_set1_nextUpdate(crl, later));
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();

        assert_true(
            X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate)));
        assert_true(X509_REVOKED_set_revocationDate(entry, now));
        assert_true(X509_CRL_add0_revoked(crl, entry));
    }
    assert_true(X509_CRL_sign(crl, authority->key, EVP_sha256()));
    assert_true(PEM_write_bio_X509_CRL(bio, crl));
    X509_CRL_free(crl);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    return take_bio(bio);
}

/* One certificate's status into the answer. */
static void add_status(OCSP_BASICRESP *basic, OCSP_CERTID *id, const answer_spec_t *spec)
{
    ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, (time_t)spec->from_s);
    ASN1_TIME *until =
        spec->until_s != 0 ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)spec->until_s) : NULL;

    assert_non_null(OCSP_basic_add1_status(basic, id, spec->status,
                                           OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from, until));
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
}

static OCSP_CERTID *id_of(const cert_t *issuer, const ASN1_INTEGER *serial, const char *hash)
{
    return OCSP_cert_id_new(EVP_get_digestbyname(hash), X509_get_subject_name(issuer->certificate),
                            X509_get0_pubkey_bitstr(issuer->certificate), serial);
}

static void add_others(OCSP_BASICRESP *basic, const answer_spec_t *spec)
{
    for (unsigned i = 0; i < spec->others; i++) {
        ASN1_INTEGER *serial = ASN1_INTEGER_new();

        assert_true(ASN1_INTEGER_set(serial, (long)(500000 + i)));
        add_status(basic, id_of(spec->issuer, serial, "SHA256"), spec);
        ASN1_INTEGER_free(serial);
    }
}

static staple_t take_response(OCSP_RESPONSE *response)
{
    staple_t staple = {NULL, 0};
    unsigned char *bytes = NULL;

    assert_non_null(response);
    staple.size = (size_t)i2d_OCSP_RESPONSE(response, &bytes);
    staple.bytes = malloc(staple.size);
    assert_non_null(staple.bytes);
    memcpy(staple.bytes, bytes, staple.size);
    OPENSSL_free(bytes);
    OCSP_RESPONSE_free(response);
    return staple;
}

staple_t cert_answer(const answer_spec_t *spec)
{
    const cert_t *signer = spec->signer != NULL ? spec->signer : spec->issuer;
    const cert_t *issuer = spec->with_wrong_issuer ? signer : spec->issuer;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(spec->cert->certificate);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    staple_t staple;

    add_others(basic, spec);
    add_status(basic, id_of(issuer, serial, spec->hash != NULL ? spec->hash : "SHA256"), spec);
    assert_true(OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL,
                                spec->without_signer ? OCSP_NOCERTS : 0));
    staple = take_response(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
    OCSP_BASICRESP_free(basic);
    return staple;
}

staple_t cert_staple(const cert_t *cert, const cert_t *issuer, const cert_t *signer, int status,
                     int64_t from_s)
{
    return cert_answer(&(answer_spec_t){.cert = cert,
                                        .issuer = issuer,
                                        .signer = signer,
                                        .status = status,
                                        .from_s = from_s,
                                        .until_s = from_s + 3600});
}
