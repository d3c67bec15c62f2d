/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made while a test runs: any chain, name, time and fault, and no file that expires.
 * Failures end the test. */
#ifndef MUV_TESTS_SUPPORT_CERTS_H
#define MUV_TESTS_SUPPORT_CERTS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The time of tests that bring their own (2027-01-15), and how long certificates live around it. */
#define CERTS_NOW_S INT64_C(1800000000)
#define CERTS_HALF_LIFE_S (INT64_C(2) * 365 * 86400)

typedef struct cert {
    X509 *certificate;
    EVP_PKEY *key;
} cert_t;

typedef struct cert_spec {
    const char *common_name;
    const cert_t *issuer;  /* NULL: it signs itself. */
    const char *alt_names; /* "DNS:localhost,IP:127.0.0.1", or NULL. */
    const char *access;    /* "OCSP;URI:http://a/,OCSP;URI:http://b/", or NULL. */
    const char *key_usage; /* "OCSPSigning" (extended key usage), or NULL. */
    int64_t until_s;       /* 0: half a life from now. */
    int64_t from_s;        /* 0: half a life ago. */
    int8_t is_authority;
    int8_t must_staple;
} cert_spec_t;

/* [own] End it with cert_done(). */
cert_t cert_make(const cert_spec_t *spec);
void cert_done(cert_t *cert);

/* PEM with a NUL behind it; [own] free() it. */
typedef struct pem {
    char *text;
    size_t size;
} pem_t;

/* The certificate, then `chain` (NULL: none), then with a password (may be "") the key. */
pem_t cert_pem(const cert_t *cert, const cert_t *chain, const char *password);

/* A list, signed by the authority at `from_s`, that revokes `revoked` (NULL: nothing). */
pem_t cert_crl(const cert_t *authority, const cert_t *revoked, int64_t from_s);

/* An OCSP response. [own] free() the bytes. */
typedef struct staple {
    uint8_t *bytes;
    size_t size;
} staple_t;

/* What it says, and how it is signed. */
typedef struct answer_spec {
    const cert_t *cert;
    const cert_t *issuer;
    const cert_t *signer; /* NULL: the issuer. */
    int status;           /* V_OCSP_CERTSTATUS_*. */
    int64_t from_s;
    int64_t until_s;          /* 0: it does not say. */
    const char *hash;         /* Of the certificate's id; NULL: "SHA256". */
    unsigned others;          /* So many answers about other serial numbers come first. */
    int8_t without_signer;    /* The signer's certificate is not sent along. */
    int8_t with_wrong_issuer; /* The id names the signer as issuer. */
} answer_spec_t;
staple_t cert_answer(const answer_spec_t *spec);

/* The same in short: valid from `from_s` for an hour. */
staple_t cert_staple(const cert_t *cert, const cert_t *issuer, const cert_t *signer, int status,
                     int64_t from_s);

#endif
