/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation: the struct, the list of scopes, and the texts. */
#include "provider/provider_inner.h"

#include <string.h>

#include "base/mem.h"

static const char *copy_text(char **at, muv__span_t text)
{
    char *start = *at;

    memcpy(start, text.data, text.size);
    start[text.size] = '\0';
    *at += text.size + 1;
    return start;
}

muv_oidc_idp_info_t *muv__idp_info_copy(const muv__oidc_idp_info_t *info)
{
    size_t size = info->issuer.size + info->client_id.size + 2;
    muv_oidc_idp_info_t *copy;
    const char **scopes;
    char *at;

    for (size_t i = 0; i < info->scope_count; i++) {
        size += info->scopes[i].size + 1;
    }
    copy = muv__mem_alloc(sizeof(*copy) + info->scope_count * sizeof(*scopes) + size);
    if (copy == NULL) {
        return NULL;
    }
    scopes = (const char **)(copy + 1);
    at = (char *)(scopes + info->scope_count);
    copy->issuer = copy_text(&at, info->issuer);
    copy->client_id = info->client_id.size == 0 ? NULL : copy_text(&at, info->client_id);
    for (size_t i = 0; i < info->scope_count; i++) {
        scopes[i] = copy_text(&at, info->scopes[i]);
    }
    copy->request_scopes = scopes;
    copy->request_scope_count = info->scope_count;
    return copy;
}
