/* SPDX-License-Identifier: Apache-2.0 */
/* The two payloads of MONGODB-AWS, which are BSON documents.
 *
 *   client                     server
 *   {r: nonce, p: 110}  ---->
 *                       <---- {s: both nonces, h: host of STS}
 *   {a: Authorization,
 *    d: date, t: token}  ---->
 *                       <---- (done) */
#ifndef MUV__AWS_H
#define MUV__AWS_H

#include "auth/sigv4.h"

#define MUV__AWS_NONCE_SIZE 32

/* Write the client's first payload. */
void muv__aws_first(const uint8_t nonce[MUV__AWS_NONCE_SIZE], muv__buf_t *ret);

/* Check the server's payload and write the answer.
 *
 * unix_s   The wall clock's time: AWS refuses a date that is far off.
 * ret_why  Static text that names what is wrong with the payload.
 *
 * Returns 0, MUV_ENOMEM, MUV_ETOOLARGE, or MUV_EAUTH with `ret_why`. */
int muv__aws_final(const muv__aws_credential_t *credential,
                   const uint8_t nonce[MUV__AWS_NONCE_SIZE], muv__span_t payload, int64_t unix_s,
                   muv__buf_t *ret, const char **ret_why);

#endif
