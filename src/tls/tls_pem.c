/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of PEM files into an SSL_CTX. Errors name the option and what is wrong with the file,
 * never a part of it. */
#include "tls/tls_inner.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <limits.h>
#include <string.h>

#define AUTHORITIES "tlsCAFile"
#define IDENTITY "tlsCertificateKeyFile"
#define REVOKED "the file of revoked certificates"

static int refuse(muv_error_t *reterr, const char *option, const char *why)
{
    return muv__error_set(reterr, MUV_EINVAL, "%s: %s", option, why);
}

/* Reads the bytes where they are. */
static BIO *open_pem(muv__span_t pem)
{
    return pem.size > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size);
}

/* OpenSSL would ask at the terminal if it had no callback. `data`: the password or NULL. */
static int on_password(char *buf, int size, int writing, void *data)
{
    const char *password = data;
    size_t length = password == NULL ? 0 : strnlen(password, (size_t)size + 1);

    (void)writing;
    if (length == 0 || length > (size_t)size) {
        return -1;
    }
    memcpy(buf, password, length);
    return (int)length;
}

/* After a reader of PEM gave nothing: 1 when the file has simply ended. */
static int at_end_of_pem(void)
{
    unsigned long error = ERR_peek_last_error();
    int ended = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;

    ERR_clear_error();
    return ended;
}

/* --- whom to trust -----------------------------------------------------------------------------*/

int muv__tls_trust(SSL_CTX *ssl_context, muv__span_t pem, muv_error_t *reterr)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_context);
    BIO *bio = open_pem(pem);
    unsigned count = 0;
    int added = 1;
    X509 *certificate;

    if (bio == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    while (added && (certificate = PEM_read_bio_X509_AUX(bio, NULL, on_password, NULL)) != NULL) {
        added = X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
        count++;
    }
    BIO_free(bio);
    if (!added) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    if (!at_end_of_pem()) {
        return refuse(reterr, AUTHORITIES, "a certificate in the file is broken");
    }
    return count != 0 ? 0 : refuse(reterr, AUTHORITIES, "the file holds no certificate");
}

int muv__tls_revoke(SSL_CTX *ssl_context, muv__span_t pem, muv_error_t *reterr)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl_context);
    BIO *bio = open_pem(pem);
    unsigned count = 0;
    int added = 1;
    X509_CRL *list;

    if (bio == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    while (added && (list = PEM_read_bio_X509_CRL(bio, NULL, on_password, NULL)) != NULL) {
        added = X509_STORE_add_crl(store, list);
        X509_CRL_free(list);
        count++;
    }
    BIO_free(bio);
    if (!added) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    if (!at_end_of_pem()) {
        return refuse(reterr, REVOKED, "a list in it is broken");
    }
    if (count == 0) {
        return refuse(reterr, REVOKED, "there is no list in it");
    }
    return X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl_context), X509_V_FLAG_CRL_CHECK)
               ? 0
               : muv__error_code(reterr, MUV_ENOMEM);
}

/* --- who we are --------------------------------------------------------------------------------*/

/* The first certificate is ours, the others lead to its authority. */
static int use_certificates(SSL_CTX *ssl_context, BIO *bio, muv_error_t *reterr)
{
    unsigned count = 0;
    long used = 1;
    X509 *certificate;

    while (used && (certificate = PEM_read_bio_X509(bio, NULL, on_password, NULL)) != NULL) {
        used = count == 0 ? SSL_CTX_use_certificate(ssl_context, certificate)
                          : SSL_CTX_add1_chain_cert(ssl_context, certificate);
        X509_free(certificate);
        count++;
    }
    if (!used) {
        ERR_clear_error();
        return refuse(reterr, IDENTITY, "the certificate cannot be used");
    }
    if (!at_end_of_pem()) {
        return refuse(reterr, IDENTITY, "a certificate in the file is broken");
    }
    return count != 0 ? 0 : refuse(reterr, IDENTITY, "the file holds no certificate");
}

static int has_key(muv__span_t pem)
{
    static const char label[] = "PRIVATE KEY-----";
    size_t length = sizeof(label) - 1;

    for (size_t at = 0; at + length <= pem.size; at++) {
        if (memcmp(pem.data + at, label, length) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *why_no_key(muv__span_t pem, const char *password)
{
    if (!has_key(pem)) {
        return "the file holds no private key";
    }
    return password == NULL || password[0] == '\0'
               ? "the private key is broken, or needs tlsCertificateKeyFilePassword"
               : "the private key is broken, or tlsCertificateKeyFilePassword is wrong";
}

static int use_key(SSL_CTX *ssl_context, muv__span_t pem, const char *password, muv_error_t *reterr)
{
    BIO *bio = open_pem(pem);
    /* The callback does not write through it. */
    union {
        const char *in;
        void *out;
    } data = {.in = password};
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, on_password, data.out);
    int used;

    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL) {
        return refuse(reterr, IDENTITY, why_no_key(pem, password));
    }
    used = SSL_CTX_use_PrivateKey(ssl_context, key);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return used ? 0 : refuse(reterr, IDENTITY, "the private key is not that of the certificate");
}

int muv__tls_identify(SSL_CTX *ssl_context, muv__span_t pem, const char *password,
                      muv_error_t *reterr)
{
    BIO *bio = open_pem(pem);
    int status;

    if (bio == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    status = use_certificates(ssl_context, bio, reterr);
    BIO_free(bio);
    return status != 0 ? status : use_key(ssl_context, pem, password, reterr);
}
