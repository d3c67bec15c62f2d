/* SPDX-License-Identifier: Apache-2.0 */
/* The declared server API: encoded once, appended to every command (Stable API). */
#include "client/settings.h"

#include <string.h>

#include "base/bson_writer.h"
#include "base/error.h"
#include "client/client_inner.h"

static int check_flag(int8_t flag)
{
    return flag == MUV_UNSET || flag == MUV_YES || flag == MUV_NO;
}

int muv__server_api_read(muv_client_t *client, const muv_server_api_t *api, muv_error_t *reterr)
{
    muv__buf_t *buf = &client->server_api;

    if (api == NULL) {
        return 0;
    }
    if (api->version == NULL || strcmp(api->version, MUV_SERVER_API_1) != 0) {
        return muv__error_set(reterr, MUV_EINVAL, "server_api.version: only \"%s\" is known",
                              MUV_SERVER_API_1);
    }
    if (!check_flag(api->strict) || !check_flag(api->deprecation_errors)) {
        return muv__error_set(reterr, MUV_EINVAL, "server_api: %s is neither MUV_YES nor MUV_NO",
                              check_flag(api->strict) ? "deprecation_errors" : "strict");
    }
    muv__bson_utf8(buf, MUV__KEY("apiVersion"), api->version, strlen(api->version));
    if (api->strict != MUV_UNSET) {
        muv__bson_bool(buf, MUV__KEY("apiStrict"), api->strict == MUV_YES);
    }
    if (api->deprecation_errors != MUV_UNSET) {
        muv__bson_bool(buf, MUV__KEY("apiDeprecationErrors"), api->deprecation_errors == MUV_YES);
    }
    if (buf->error != 0) {
        return muv__error_code(reterr, buf->error);
    }
    client->context.server_api = muv__span(buf->data, buf->size);
    return 0;
}
