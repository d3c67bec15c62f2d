/* SPDX-License-Identifier: Apache-2.0 */
/* The iteration of PBKDF2 over copies of two prepared hash states. OpenSSL wipes the states it
 * frees. */
#include "auth/pbkdf2.h"

#include "base/assert.h"

#include "muv/error.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

/* Begin a hash with the key's block xor `pad`. Returns 1 or 0. */
static int start_hash(EVP_MD_CTX *state, const EVP_MD *md, const uint8_t key[MUV__HASH_MAX_BLOCK],
                      uint8_t pad)
{
    uint8_t block[MUV__HASH_MAX_BLOCK];
    int ok;

    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = key[i] ^ pad;
    }
    ok = EVP_DigestInit_ex(state, md, NULL) == 1 &&
         EVP_DigestUpdate(state, block, sizeof(block)) == 1;
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

/* (RFC 2104) A key longer than the hash's block is replaced by its digest. Returns 1 or 0. */
static int start_states(muv__pbkdf2_t *pbkdf2, muv__hash_t hash, muv__span_t password)
{
    const EVP_MD *md = muv__hash_md(hash);
    uint8_t key[MUV__HASH_MAX_BLOCK] = {0};
    int ok = 1;

    if (password.size > sizeof(key)) {
        ok = muv__hash_digest(hash, password, key) == 0;
    } else if (password.size > 0) {
        memcpy(key, password.data, password.size);
    }
    ok = ok && start_hash(pbkdf2->inner, md, key, INNER_PAD) &&
         start_hash(pbkdf2->outer, md, key, OUTER_PAD);
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

/* last = HMAC(key, bytes | more). Returns 1 or 0. */
static int run_hmac(muv__pbkdf2_t *pbkdf2, muv__span_t bytes, muv__span_t more)
{
    EVP_MD_CTX *work = pbkdf2->work;

    return EVP_MD_CTX_copy_ex(work, pbkdf2->inner) == 1 &&
           EVP_DigestUpdate(work, bytes.data, bytes.size) == 1 &&
           EVP_DigestUpdate(work, more.data, more.size) == 1 &&
           EVP_DigestFinal_ex(work, pbkdf2->last, NULL) == 1 &&
           EVP_MD_CTX_copy_ex(work, pbkdf2->outer) == 1 &&
           EVP_DigestUpdate(work, pbkdf2->last, pbkdf2->size) == 1 &&
           EVP_DigestFinal_ex(work, pbkdf2->last, NULL) == 1;
}

static int refused(void)
{
    ERR_clear_error();
    return MUV_EAUTH;
}

int muv__pbkdf2_init(muv__pbkdf2_t *pbkdf2, muv__hash_t hash, muv__span_t password,
                     muv__span_t salt, uint32_t iterations)
{
    static const uint8_t first_block[4] = {0, 0, 0, 1};

    MUV__ASSERT(iterations > 0);
    *pbkdf2 = (muv__pbkdf2_t){.inner = EVP_MD_CTX_new(),
                              .outer = EVP_MD_CTX_new(),
                              .work = EVP_MD_CTX_new(),
                              .left = iterations - 1,
                              .size = (uint32_t)muv__hash_size(hash)};
    if (pbkdf2->inner == NULL || pbkdf2->outer == NULL || pbkdf2->work == NULL ||
        !start_states(pbkdf2, hash, password) ||
        !run_hmac(pbkdf2, salt, muv__span(first_block, sizeof(first_block)))) {
        return refused();
    }
    memcpy(pbkdf2->result, pbkdf2->last, pbkdf2->size);
    return 0;
}

int muv__pbkdf2_work(muv__pbkdf2_t *pbkdf2, uint32_t iterations)
{
    uint32_t count = iterations < pbkdf2->left ? iterations : pbkdf2->left;

    for (uint32_t i = 0; i < count; i++) {
        if (!run_hmac(pbkdf2, muv__span(pbkdf2->last, pbkdf2->size), muv__span(NULL, 0))) {
            return refused();
        }
        for (uint32_t j = 0; j < pbkdf2->size; j++) {
            pbkdf2->result[j] ^= pbkdf2->last[j];
        }
    }
    pbkdf2->left -= count;
    return pbkdf2->left == 0;
}

void muv__pbkdf2_done(muv__pbkdf2_t *pbkdf2)
{
    EVP_MD_CTX_free(pbkdf2->inner);
    EVP_MD_CTX_free(pbkdf2->outer);
    EVP_MD_CTX_free(pbkdf2->work);
    OPENSSL_cleanse(pbkdf2, sizeof(*pbkdf2));
}
