/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and URLs. */
#include "tls/tls_ocsp_query.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

/* Of the identifier: without its frame it is in the request. */
#define MAX_ID_BYTES MUV__OCSP_MAX_REQUEST_BYTES

static int digest_id(const OCSP_CERTID *id, uint8_t ret[MUV__OCSP_KEY_BYTES])
{
    unsigned char der[MAX_ID_BYTES];
    unsigned char *at = der;
    int size = i2d_OCSP_CERTID(id, NULL);

    if (size <= 0 || (size_t)size > sizeof(der)) {
        return 0;
    }
    size = i2d_OCSP_CERTID(id, &at);
    return size > 0 && EVP_Digest(der, (size_t)size, ret, NULL, EVP_sha256(), NULL);
}

int muv__ocsp_key(const X509 *certificate, const X509 *issuer, uint8_t ret[MUV__OCSP_KEY_BYTES])
{
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), certificate, issuer);
    int done = id != NULL && digest_id(id, ret);

    OCSP_CERTID_free(id);
    ERR_clear_error();
    return done;
}

/* --- the request -------------------------------------------------------------------------------*/

/* The request takes over `id`, also when this fails. */
static int write_request(OCSP_REQUEST *request, OCSP_CERTID *id, muv__ocsp_query_t *ret)
{
    unsigned char *at = ret->request;
    int size;

    if (request == NULL || OCSP_request_add0_id(request, id) == NULL) {
        OCSP_CERTID_free(id);
        return 0;
    }
    size = i2d_OCSP_REQUEST(request, NULL);
    if (size <= 0 || (size_t)size > sizeof(ret->request)) {
        return 0;
    }
    size = i2d_OCSP_REQUEST(request, &at);
    ret->request_size = size > 0 ? (size_t)size : 0;
    return ret->request_size != 0;
}

static int make_request(const X509 *certificate, const X509 *issuer, muv__ocsp_query_t *ret)
{
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), certificate, issuer);
    OCSP_REQUEST *request;
    int done;

    if (id == NULL) {
        return 0;
    }
    if (!digest_id(id, ret->key)) {
        OCSP_CERTID_free(id);
        return 0;
    }
    request = OCSP_REQUEST_new();
    done = write_request(request, id, ret);
    OCSP_REQUEST_free(request);
    return done;
}

/* --- responders --------------------------------------------------------------------------------*/

/* The scheme in any case; other schemes (https, ldap) are not used. */
static int is_usable(const char *url)
{
    static const char scheme[] = "http://";
    size_t length = strlen(url);

    if (length < sizeof(scheme) || length > MUV__OCSP_MAX_URL_BYTES) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(scheme) - 1; i++) {
        char c = url[i];

        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != scheme[i]) {
            return 0;
        }
    }
    return 1;
}

/* `ret` NULL: they are only counted. */
static uint32_t find_urls(X509 *certificate, char (*ret)[MUV__OCSP_MAX_URL_BYTES + 1])
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(certificate);
    uint32_t count = 0;

    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && count < MUV__OCSP_MAX_URLS; i++) {
        const char *url = sk_OPENSSL_STRING_value(urls, i);

        if (!is_usable(url)) {
            continue;
        }
        if (ret != NULL) {
            memcpy(ret[count], url, strlen(url) + 1);
        }
        count++;
    }
    X509_email_free(urls);
    ERR_clear_error();
    return count;
}

int muv__ocsp_has_responder(X509 *certificate)
{
    return find_urls(certificate, NULL) != 0;
}

int muv__ocsp_query(X509 *certificate, const X509 *issuer, muv__ocsp_query_t *ret)
{
    int done;

    ret->url_count = find_urls(certificate, ret->urls);
    if (ret->url_count == 0) {
        return 0;
    }
    done = make_request(certificate, issuer, ret);
    ERR_clear_error();
    return done;
}
