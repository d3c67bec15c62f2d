/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 for the one request that MONGODB-AWS is about: sts:GetCallerIdentity,
 * which the server sends to AWS in our name. Pure: time and nonce come in. */
#ifndef MUV__SIGV4_H
#define MUV__SIGV4_H

#include "auth/hash.h"
#include "base/buf.h"

/* Where keys come from is not this layer's business. Everything is borrowed. */
typedef struct muv__aws_credential {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none. */
} muv__aws_credential_t;

/* "20150830T123600Z" and a NUL. */
#define MUV__SIGV4_DATE_SIZE 17

/* The longest host of an STS endpoint (Authentication: MONGODB-AWS). */
#define MUV__SIGV4_HOST_MAX 255

/* The date of a time in seconds since 1970; times outside the years 1970 to 9999 are clamped. */
void muv__sigv4_date(int64_t unix_s, char ret[MUV__SIGV4_DATE_SIZE]);

/* Check a host and find its region: the second label, "us-east-1" for sts.amazonaws.com and for
 * hosts of one label. Returns 1, or 0 when the host is not valid. */
int muv__sigv4_region(const char *host, size_t length, muv__span_t *ret);

/* The key that signs on one day, in one region, for one service. Returns 0, MUV_ENOMEM or
 * MUV_EAUTH. */
int muv__sigv4_key(const char *secret_access_key, const char date[8], muv__span_t region,
                   const char *service, uint8_t ret[MUV__HASH_MAX_SIZE]);

typedef struct muv__sigv4_request {
    const muv__aws_credential_t *credential;
    muv__span_t host; /* A valid one. */
    muv__span_t region;
    muv__span_t nonce; /* The server's: 64 bytes. */
    char date[MUV__SIGV4_DATE_SIZE];
} muv__sigv4_request_t;

#define MUV__SIGV4_NONCE_SIZE 64

/* Write the value of the Authorization header. Returns 0, MUV_ENOMEM, MUV_ETOOLARGE or MUV_EAUTH.
 */
int muv__sigv4_authorization(const muv__sigv4_request_t *request, muv__buf_t *ret);

#endif
