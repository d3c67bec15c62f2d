/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation: the struct, and behind it the texts. */
#include "auth/credentials.h"

#include "base/assert.h"
#include "base/mem.h"

#include "muv/error.h"

#include <string.h>

#include <openssl/crypto.h>

static size_t text_size(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

static const char *copy_text(char **at, const char *text)
{
    char *start = *at;
    size_t size = text_size(text);

    if (text == NULL) {
        return NULL;
    }
    memcpy(start, text, size);
    *at += size;
    return start;
}

int muv__credentials_new(const muv__credentials_t *values, muv__credentials_t **ret)
{
    size_t size = text_size(values->aws.access_key_id) + text_size(values->aws.secret_access_key) +
                  text_size(values->aws.session_token) + text_size(values->oidc_token) +
                  text_size(values->refresh_token);
    muv__credentials_t *credentials = muv__mem_alloc(sizeof(*credentials) + size);
    char *at;

    if (credentials == NULL) {
        return MUV_ENOMEM;
    }
    at = (char *)(credentials + 1);
    *credentials = (muv__credentials_t){
        .refs = 1, .passing = values->passing, .expires_s = values->expires_s, .text_size = size};
    credentials->aws.access_key_id = copy_text(&at, values->aws.access_key_id);
    credentials->aws.secret_access_key = copy_text(&at, values->aws.secret_access_key);
    credentials->aws.session_token = copy_text(&at, values->aws.session_token);
    credentials->oidc_token = copy_text(&at, values->oidc_token);
    credentials->refresh_token = copy_text(&at, values->refresh_token);
    *ret = credentials;
    return 0;
}

muv__credentials_t *muv__credentials_retain(muv__credentials_t *credentials)
{
    credentials->refs++;
    return credentials;
}

void muv__credentials_release(muv__credentials_t *credentials)
{
    if (credentials == NULL) {
        return;
    }
    MUV__ASSERT(credentials->refs > 0);
    if (--credentials->refs == 0) {
        OPENSSL_cleanse(credentials, sizeof(*credentials) + credentials->text_size);
        muv__mem_free(credentials);
    }
}
