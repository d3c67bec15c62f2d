/* SPDX-License-Identifier: Apache-2.0 */
/* The hash functions of the mechanisms, on OpenSSL's. What OpenSSL refuses (memory, or a digest
 * that its configuration forbids) is MUV_EAUTH, and leaves nothing in its error queue: that one
 * belongs to TLS. */
#ifndef MUV__HASH_H
#define MUV__HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct evp_md_st;

typedef enum muv__hash { MUV__HASH_SHA_1, MUV__HASH_SHA_256 } muv__hash_t;

#define MUV__HASH_MAX_SIZE 32
#define MUV__HASH_MAX_BLOCK 64
#define MUV__MD5_HEX_SIZE 32

size_t muv__hash_size(muv__hash_t hash);
const struct evp_md_st *muv__hash_md(muv__hash_t hash);

/* Write muv__hash_size() bytes. Return 0 or MUV_EAUTH. */
int muv__hash_digest(muv__hash_t hash, muv__span_t bytes, uint8_t *ret);
int muv__hash_hmac(muv__hash_t hash, muv__span_t key, muv__span_t bytes, uint8_t *ret);

/* `size` bytes as lower case hexadecimal digits, no NUL. */
void muv__hash_hex(const uint8_t *bytes, size_t size, char *ret);

/* The MD5 digest in hexadecimal, no NUL. Returns 0 or MUV_EAUTH. */
int muv__hash_md5_hex(muv__span_t bytes, char ret[MUV__MD5_HEX_SIZE]);

#endif
