/* SPDX-License-Identifier: Apache-2.0 */
/* From connection string and options struct to the client's settings. */
#ifndef MUV__SETTINGS_H
#define MUV__SETTINGS_H

#include "muv/client.h"

/* Fill client->uri, client->settings and client->hello. Returns 0, MUV_EINVAL or MUV_ENOMEM with
 * `reterr` naming the option; what was made is freed with the client. */
int muv__settings_read(muv_client_t *client, const char *uri, const muv_client_opts_t *opts,
                       muv_error_t *reterr);

/* DNS has added to client->uri (mongodb+srv://): make anew what follows from its options. Nothing
 * has connected yet. Returns 0, MUV_EINVAL or MUV_ENOMEM; it may be called again. */
int muv__settings_resolved(muv_client_t *client, muv_error_t *reterr);

/* Encode what `api` declares (NULL: nothing) into client->context.server_api. Returns 0, MUV_EINVAL
 * or MUV_ENOMEM with `reterr` filled. */
int muv__server_api_read(muv_client_t *client, const muv_server_api_t *api, muv_error_t *reterr);

#endif
