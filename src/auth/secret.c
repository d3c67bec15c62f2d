/* SPDX-License-Identifier: Apache-2.0 */
/* Wiping that the compiler may not remove. */
#include "auth/secret.h"

#include "base/mem.h"

#include "muv/error.h"

#include <openssl/crypto.h>

int muv__secret_alloc(muv__secret_t *secret, size_t size)
{
    uint8_t *data = muv__mem_zalloc(size == 0 ? 1 : size);

    if (data == NULL) {
        return MUV_ENOMEM;
    }
    *secret = (muv__secret_t){.data = data, .size = size};
    return 0;
}

void muv__secret_done(muv__secret_t *secret)
{
    if (secret->data != NULL) {
        OPENSSL_cleanse(secret->data, secret->size);
        muv__mem_free(secret->data);
    }
    *secret = (muv__secret_t){.data = NULL};
}
