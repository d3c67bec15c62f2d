/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions on OpenSSL's one-shot interface. */
#include "auth/hash.h"

#include "base/assert.h"

#include "muv/error.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define MD5_SIZE 16

size_t muv__hash_size(muv__hash_t hash)
{
    return hash == MUV__HASH_SHA_1 ? 20 : 32;
}

const EVP_MD *muv__hash_md(muv__hash_t hash)
{
    return hash == MUV__HASH_SHA_1 ? EVP_sha1() : EVP_sha256();
}

static int refused(void)
{
    ERR_clear_error();
    return MUV_EAUTH;
}

int muv__hash_digest(muv__hash_t hash, muv__span_t bytes, uint8_t *ret)
{
    unsigned size = 0;

    if (EVP_Digest(bytes.data, bytes.size, ret, &size, muv__hash_md(hash), NULL) != 1) {
        return refused();
    }
    MUV__ASSERT(size == muv__hash_size(hash));
    return 0;
}

int muv__hash_hmac(muv__hash_t hash, muv__span_t key, muv__span_t bytes, uint8_t *ret)
{
    unsigned size = 0;

    MUV__ASSERT(key.size <= INT_MAX);
    if (HMAC(muv__hash_md(hash), key.data, (int)key.size, bytes.data, bytes.size, ret, &size) ==
        NULL) {
        return refused();
    }
    MUV__ASSERT(size == muv__hash_size(hash));
    return 0;
}

void muv__hash_hex(const uint8_t *bytes, size_t size, char *ret)
{
    for (size_t i = 0; i < size; i++) {
        unsigned high = bytes[i] >> 4;
        unsigned low = bytes[i] & 15;

        ret[2 * i] = (char)(high < 10 ? '0' + high : 'a' + high - 10);
        ret[2 * i + 1] = (char)(low < 10 ? '0' + low : 'a' + low - 10);
    }
}

int muv__hash_md5_hex(muv__span_t bytes, char ret[MUV__MD5_HEX_SIZE])
{
    uint8_t digest[MD5_SIZE];
    unsigned size = 0;

    if (EVP_Digest(bytes.data, bytes.size, digest, &size, EVP_md5(), NULL) != 1) {
        return refused();
    }
    MUV__ASSERT(size == MD5_SIZE);
    muv__hash_hex(digest, sizeof(digest), ret);
    OPENSSL_cleanse(digest, sizeof(digest));
    return 0;
}
