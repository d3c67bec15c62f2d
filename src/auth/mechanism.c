/* SPDX-License-Identifier: Apache-2.0 */
/* Names of mechanisms, and reading of saslSupportedMechs. */
#include "auth/mechanism.h"

#include "base/bson_view.h"

const char *muv__mechanism_name(muv__mechanism_t mechanism)
{
    switch (mechanism) {
    case MUV__MECHANISM_SCRAM_SHA_1: return "SCRAM-SHA-1";
    case MUV__MECHANISM_SCRAM_SHA_256: return "SCRAM-SHA-256";
    case MUV__MECHANISM_X509: return "MONGODB-X509";
    case MUV__MECHANISM_PLAIN: return "PLAIN";
    case MUV__MECHANISM_AWS: return "MONGODB-AWS";
    case MUV__MECHANISM_OIDC: return "MONGODB-OIDC";
    case MUV__MECHANISM_GSSAPI: return "GSSAPI";
    case MUV__MECHANISM_DEFAULT:
    default: return "SCRAM";
    }
}

muv__mechanism_t muv__mechanism_negotiate(muv__span_t hello_reply)
{
    static const char sha_256[] = "SCRAM-SHA-256";
    muv__bson_iter_t iter;
    muv__bson_iter_t names;

    if (!muv__bson_find(hello_reply.data, hello_reply.size, "saslSupportedMechs", &iter) ||
        iter.type != MUV__BSON_ARRAY || !muv__bson_iter_child(&iter, &names)) {
        return MUV__MECHANISM_SCRAM_SHA_1;
    }
    while (muv__bson_iter_next(&names)) {
        if (names.type == MUV__BSON_UTF8 &&
            muv__bson_iter_text_is(&names, sha_256, sizeof(sha_256) - 1)) {
            return MUV__MECHANISM_SCRAM_SHA_256;
        }
    }
    return MUV__MECHANISM_SCRAM_SHA_1;
}
