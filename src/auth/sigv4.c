/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical request, string to sign, signature. Header names are written in their sorted order. */
#include "auth/sigv4.h"

#include "auth/base64.h"
#include "auth/secret.h"
#include "base/assert.h"

#include <string.h>

#include <openssl/crypto.h>

#define SECONDS_PER_DAY 86400
/* 9999-12-31T23:59:59Z */
#define LAST_SECOND INT64_C(253402300799)

#define SERVICE "sts"
#define DEFAULT_REGION "us-east-1"
/* The SHA-256 digest of "Action=GetCallerIdentity&Version=2011-06-15", which has 43 bytes. */
#define BODY_DIGEST "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843"

/* Session tokens of AWS have a few hundred bytes; this leaves room for what may come. */
#define MAX_REQUEST_SIZE (64 * 1024)

/* --- the date ----------------------------------------------------------------------------------*/

/* Year, month and day of a day since 1970 (proleptic Gregorian; years begin in March here, so that
 * the leap day is the last one). */
static void civil_of(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t shifted = days + 719468; /* Since 0000-03-01. */
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* March is 0. */

    *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

/* `count` decimal digits of a number that has no more. */
static char *put_digits(char *at, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

void muv__sigv4_date(int64_t unix_s, char ret[MUV__SIGV4_DATE_SIZE])
{
    int64_t seconds = unix_s < 0 ? 0 : unix_s > LAST_SECOND ? LAST_SECOND : unix_s;
    int in_day = (int)(seconds % SECONDS_PER_DAY);
    char *at = ret;
    int year;
    int month;
    int day;

    civil_of(seconds / SECONDS_PER_DAY, &year, &month, &day);
    at = put_digits(at, year, 4);
    at = put_digits(at, month, 2);
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, in_day / 3600, 2);
    at = put_digits(at, in_day / 60 % 60, 2);
    at = put_digits(at, in_day % 60, 2);
    *at++ = 'Z';
    *at = '\0';
}

/* --- the region --------------------------------------------------------------------------------*/

/* No empty label, and nothing that could end the host's line in the canonical request. */
static int is_host(const char *host, size_t length)
{
    if (length == 0 || length > MUV__SIGV4_HOST_MAX || host[length - 1] == '.') {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (host[i] < 0x21 || host[i] > 0x7e) {
            return 0;
        }
        if (host[i] == '.' && (i == 0 || host[i - 1] == '.')) {
            return 0;
        }
    }
    return 1;
}

int muv__sigv4_region(const char *host, size_t length, muv__span_t *ret)
{
    static const char global_host[] = "sts.amazonaws.com";
    const char *end = host + length;
    const char *label;
    const char *label_end;

    if (!is_host(host, length)) {
        return 0;
    }
    label = memchr(host, '.', length);
    if (label == NULL ||
        (length == sizeof(global_host) - 1 && memcmp(host, global_host, length) == 0)) {
        *ret = muv__span(DEFAULT_REGION, sizeof(DEFAULT_REGION) - 1);
        return 1;
    }
    label++;
    label_end = memchr(label, '.', (size_t)(end - label));
    *ret = muv__span(label, (size_t)((label_end == NULL ? end : label_end) - label));
    return 1;
}

/* --- the signature -----------------------------------------------------------------------------*/

static muv__span_t text_span(const char *text)
{
    return muv__span(text, strlen(text));
}

static void append_text(muv__buf_t *buf, const char *text)
{
    muv__buf_append(buf, text, strlen(text));
}

static void append_span(muv__buf_t *buf, muv__span_t span)
{
    muv__buf_append(buf, span.data, span.size);
}

static int hmac_text(const uint8_t *key, muv__span_t text, uint8_t *ret)
{
    return muv__hash_hmac(MUV__HASH_SHA_256, muv__span(key, MUV__HASH_MAX_SIZE), text, ret);
}

int muv__sigv4_key(const char *secret_access_key, const char date[8], muv__span_t region,
                   const char *service, uint8_t ret[MUV__HASH_MAX_SIZE])
{
    size_t length = strlen(secret_access_key);
    uint8_t key[MUV__HASH_MAX_SIZE];
    muv__secret_t first;
    int status = muv__secret_alloc(&first, 4 + length);

    if (status != 0) {
        return status;
    }
    memcpy(first.data, "AWS4", 4);
    memcpy(first.data + 4, secret_access_key, length);
    status = muv__hash_hmac(MUV__HASH_SHA_256, muv__span(first.data, first.size),
                            muv__span(date, 8), ret);
    muv__secret_done(&first);
    status = status == 0 ? hmac_text(ret, region, key) : status;
    status = status == 0 ? hmac_text(key, text_span(service), ret) : status;
    status = status == 0 ? hmac_text(ret, text_span("aws4_request"), key) : status;
    if (status == 0) {
        memcpy(ret, key, sizeof(key));
    }
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

static void append_signed_headers(muv__buf_t *buf, int has_token)
{
    append_text(buf, "content-length;content-type;host;x-amz-date;");
    append_text(buf, has_token ? "x-amz-security-token;" : "");
    append_text(buf, "x-mongodb-gs2-cb-flag;x-mongodb-server-nonce");
}

static void write_canonical(const muv__sigv4_request_t *request, muv__buf_t *buf)
{
    const char *token = request->credential->session_token;
    char nonce[MUV__BASE64_SIZE(MUV__SIGV4_NONCE_SIZE)];

    MUV__ASSERT(request->nonce.size == MUV__SIGV4_NONCE_SIZE);
    muv__base64_encode(request->nonce, nonce);
    append_text(buf, "POST\n/\n\n"
                     "content-length:43\n"
                     "content-type:application/x-www-form-urlencoded\n"
                     "host:");
    append_span(buf, request->host);
    append_text(buf, "\nx-amz-date:");
    append_text(buf, request->date);
    if (token != NULL) {
        append_text(buf, "\nx-amz-security-token:");
        append_text(buf, token);
    }
    append_text(buf, "\nx-mongodb-gs2-cb-flag:n\nx-mongodb-server-nonce:");
    muv__buf_append(buf, nonce, sizeof(nonce));
    append_text(buf, "\n\n");
    append_signed_headers(buf, token != NULL);
    append_text(buf, "\n" BODY_DIGEST);
}

static void append_scope(const muv__sigv4_request_t *request, muv__buf_t *buf)
{
    muv__buf_append(buf, request->date, 8);
    append_text(buf, "/");
    append_span(buf, request->region);
    append_text(buf, "/" SERVICE "/aws4_request");
}

/* Replace the canonical request in `buf` by the string to sign. Returns 0 or a code. */
static int write_string_to_sign(const muv__sigv4_request_t *request, muv__buf_t *buf)
{
    uint8_t digest[MUV__HASH_MAX_SIZE];
    char hex[2 * MUV__HASH_MAX_SIZE];
    int status = buf->error;

    if (status == 0) {
        status = muv__hash_digest(MUV__HASH_SHA_256, muv__span(buf->data, buf->size), digest);
    }
    if (status != 0) {
        return status;
    }
    muv__hash_hex(digest, sizeof(digest), hex);
    OPENSSL_cleanse(buf->data, buf->size);
    buf->size = 0;
    append_text(buf, "AWS4-HMAC-SHA256\n");
    append_text(buf, request->date);
    append_text(buf, "\n");
    append_scope(request, buf);
    append_text(buf, "\n");
    muv__buf_append(buf, hex, sizeof(hex));
    return buf->error;
}

static int sign(const muv__sigv4_request_t *request, char ret_hex[2 * MUV__HASH_MAX_SIZE])
{
    uint8_t key[MUV__HASH_MAX_SIZE];
    uint8_t signature[MUV__HASH_MAX_SIZE];
    muv__buf_t text;
    int status;

    muv__buf_init(&text, MAX_REQUEST_SIZE);
    if (request->credential->session_token != NULL) {
        /* The buffer must not move while it holds the token: it is wiped where it lies. */
        (void)muv__buf_reserve(&text, 1024 + strlen(request->credential->session_token));
    }
    write_canonical(request, &text);
    status = write_string_to_sign(request, &text);
    if (status == 0) {
        status = muv__sigv4_key(request->credential->secret_access_key, request->date,
                                request->region, SERVICE, key);
    }
    if (status == 0) {
        status = hmac_text(key, muv__span(text.data, text.size), signature);
    }
    if (status == 0) {
        muv__hash_hex(signature, sizeof(signature), ret_hex);
    }
    OPENSSL_cleanse(key, sizeof(key));
    muv__buf_wipe(&text);
    return status;
}

int muv__sigv4_authorization(const muv__sigv4_request_t *request, muv__buf_t *ret)
{
    char signature[2 * MUV__HASH_MAX_SIZE];
    int status = sign(request, signature);

    if (status != 0) {
        return status;
    }
    append_text(ret, "AWS4-HMAC-SHA256 Credential=");
    append_text(ret, request->credential->access_key_id);
    append_text(ret, "/");
    append_scope(request, ret);
    append_text(ret, ", SignedHeaders=");
    append_signed_headers(ret, request->credential->session_token != NULL);
    append_text(ret, ", Signature=");
    muv__buf_append(ret, signature, sizeof(signature));
    return ret->error;
}
