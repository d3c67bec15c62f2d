/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading of OIDC's payloads. */
#include "auth/oidc.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"

#include <string.h>

void muv__oidc_principal(const char *principal_name, muv__buf_t *ret)
{
    muv__bson_mark_t mark = muv__bson_begin(ret);

    if (principal_name != NULL) {
        muv__bson_utf8(ret, MUV__KEY("n"), principal_name, strlen(principal_name));
    }
    muv__bson_end(ret, mark);
}

void muv__oidc_token(const char *token, muv__buf_t *ret)
{
    muv__bson_mark_t mark = muv__bson_begin(ret);

    muv__bson_utf8(ret, MUV__KEY("jwt"), token, strlen(token));
    muv__bson_end(ret, mark);
}

static muv__span_t text_of(const muv__bson_iter_t *iter)
{
    return muv__span(muv__bson_iter_text(iter), muv__bson_iter_text_length(iter));
}

static int read_scopes(const muv__bson_iter_t *iter, muv__oidc_idp_info_t *info)
{
    muv__bson_iter_t scopes;

    if (!muv__bson_iter_child(iter, &scopes)) {
        return 0;
    }
    while (muv__bson_iter_next(&scopes) && info->scope_count < MUV__OIDC_SCOPES_MAX) {
        if (scopes.type != MUV__BSON_UTF8) {
            return 0;
        }
        info->scopes[info->scope_count++] = text_of(&scopes);
    }
    return !scopes.bad;
}

int muv__oidc_read_idp_info(muv__span_t payload, muv__oidc_idp_info_t *ret)
{
    muv__oidc_idp_info_t info;
    muv__bson_iter_t iter;

    memset(&info, 0, sizeof(info));
    if (!muv__bson_iter_init(&iter, payload.data, payload.size)) {
        return 0;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "issuer") && iter.type == MUV__BSON_UTF8) {
            info.issuer = text_of(&iter);
        } else if (MUV__BSON_KEY_IS(&iter, "clientId") && iter.type == MUV__BSON_UTF8) {
            info.client_id = text_of(&iter);
        } else if (MUV__BSON_KEY_IS(&iter, "requestScopes") && !read_scopes(&iter, &info)) {
            return 0;
        }
    }
    if (iter.bad || info.issuer.size == 0) {
        return 0;
    }
    *ret = info;
    return 1;
}
